"""`minimize_batch` of a dask array: results that are made when they are asked for."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .._check.arguments import check_jac, check_terms, default_method
from .._check.batches import check_batch_options
from .._check.bounds import check_bounds
from .._check.options import check_options, difference_settings
from .._check.values import refuse
from .._language import layout
from .._methods import Method
from .._problem.terms import check_penalty, make_terms
from .._report.result import OptimizeResult, make_result
from ..distributed.parcels import pack, unpack
from .cluster import Common
from .problems import Family

FIELDS = ("x", "jac", "success", *layout.NUMBERS, *layout.COUNTS)


def solve_block(parcel: bytes, starts: Any, rows: tuple, bounds: Any) -> OptimizeResult:
    """One block of a dask array."""
    common: Common = unpack(parcel)
    batch = common.batch(np.asarray(starts), rows, bounds, common.settings.maxtime)
    return batch.run()


def solve_lazily(
    client: Any,
    family: Family,
    X0: Any,
    method: Method | None,
    bounds: Any,
    tol: float | None,
    options: dict[str, Any] | None,
    penalty: Any,
) -> OptimizeResult:
    """A batch whose X0 is a dask array: a block of problems per task, dask arrays in the result."""
    import dask
    import dask.array as da

    fun, jac, args, which = family
    if X0.ndim != 2 or any(map(math.isnan, X0.shape)) or 0 in X0.shape:
        raise ValueError(
            f"X0 as a dask array must have a known shape (n_problems, n), got {X0.shape}."
        )
    X0 = X0.rechunk({1: -1})
    count, n = X0.shape
    penalty = check_penalty(penalty)
    chosen = method or default_method(penalty is None or penalty.separable)
    single = X0.dtype == np.float32
    x0 = np.zeros(n, np.float32 if single else np.float64)
    settings = difference_settings(check_options(chosen, tol, options, x0), jac)
    check_batch_options(settings)
    refuse(
        {"disp": settings.disp, "progress": settings.progress},
        "is not an option where X0 is a dask array, whose problems are solved after this call",
    )
    edges = np.concatenate([[0], np.cumsum(X0.chunks[0])])
    columns = [
        _blocks(f"args[{i}]", a, X0.chunks[0], edges)
        for i, (a, batched) in enumerate(zip(args, which, strict=True))
        if batched
    ]
    kept = tuple(None if batched else a for a, batched in zip(args, which, strict=True))
    limits = check_bounds(bounds, n)
    check_terms(chosen, settings, make_terms(limits, penalty, n, x0.dtype))
    common = Common(fun, check_jac(jac, settings.check_jac), kept, which, settings, limits, penalty)
    parcel = dask.delayed(pack(common), pure=False)
    blocks = [
        dask.delayed(solve_block, pure=False)(parcel, starts, list(rows), None)
        for starts, *rows in zip(X0.to_delayed().ravel(), *columns, strict=True)
    ]
    # Kept on the workers: x and fun are not solved for twice.
    solved = client.persist(blocks)
    take = dask.delayed(dict.__getitem__)
    found: dict[str, Any] = {}
    for name in FIELDS:
        shape = (n,) if name in ("x", "jac") else ()
        kind: Any = np.int64 if name in layout.COUNTS else bool if name == "success" else np.float64
        dtype = x0.dtype if name in ("x", "jac") else kind
        parts = [
            da.from_delayed(take(block, name), (size, *shape), dtype)
            for block, size in zip(solved, X0.chunks[0], strict=True)
        ]
        found[name] = da.concatenate(parts)
    message = f"{count:,} problems in {len(blocks)} blocks, under way on the workers."
    return make_result(message=message, **found)


def _blocks(name: str, value: Any, sizes: tuple, edges: np.ndarray) -> list:
    """A batched argument, block by block as X0."""
    if len(value) != edges[-1]:
        raise ValueError(
            f"{name} is batched and must have one row per problem, {edges[-1]} in all, got "
            f"{len(value)}."
        )
    if not hasattr(value, "to_delayed"):
        rows = np.asarray(value)
        return [rows[a:b] for a, b in itertools.pairwise(edges)]
    value = value.rechunk({0: sizes, **dict.fromkeys(range(1, value.ndim), -1)})
    return list(value.to_delayed().ravel())
