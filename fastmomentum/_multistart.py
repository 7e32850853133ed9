"""`multistart`: the lowest of many local minima, from starts that fill a box."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ._batch.minimize_batch import minimize_batch
from ._check.arguments import check_seed
from ._check.bounds import check_box
from ._check.keywords import hints_at_options
from ._check.starts import SAMPLERS, check_distance, check_n_starts
from ._check.values import check_choice
from ._report.result import OptimizeResult, Status, make_result
from ._report.status import without_state


@hints_at_options
def multistart(
    fun: Any,
    bounds: Any,
    n_starts: int = 128,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    seed: Any = None,
    sampler: str = "sobol",
    tol: float | None = None,
    callback: Callable | None = None,
    options: dict[str, Any] | None = None,
    *,
    penalty: Any = None,
    distance: float = 1e-3,
    workers: int | None = None,
) -> OptimizeResult:
    r"""Minimize from many starting points in a box; return the lowest minimum, and all others.

    Parameters
    ----------
    fun : callable
        As for `minimize_batch`.
    bounds : sequence or `Bounds`
        The box, as for `minimize`: finite in every variable. The starts fill it, and the minima
        are searched within it.
    n_starts : int, default 128
        Number of starting points; powers of 2 suit 'sobol' best.
    args : tuple, optional
        Extra arguments of `fun` and `jac`, the same for all starts.
    method, jac : optional
        As for `minimize_batch`.
    seed : int or numpy.random.Generator, optional
        Of the starting points: the same seed gives the same result, whatever `workers`.
    sampler : {'sobol', 'halton', 'lhs', 'random'}, default 'sobol'
        How they fill the box: scrambled sequences of Sobol' or Halton, a Latin hypercube, or
        independent uniform numbers.
    tol, callback, options, penalty : optional
        As for `minimize_batch`.
    distance : float, default 1e-3
        Two minima are the same if no variable differs by more than this part of the box's width.
    workers : int, optional
        As for `minimize_batch`.

    Returns
    -------
    OptimizeResult
        That of the lowest point, as of `minimize`, and besides: minima, an `OptimizeResult` with
        the distinct minima that runs converged to, lowest first, x of shape (m, n), fun and count
        (how many starts led there) of shape (m,); starts, the `OptimizeResult` of
        `minimize_batch`; n_converged; and nit, nfev, njev of all runs together.

    Raises
    ------
    ValueError, TypeError
        As `minimize_batch`; and if the box is not finite, or an argument not as described.

    References
    ----------
    I. M. Sobol', "On the distribution of points in a cube and the approximate evaluation of
    integrals", USSR Computational Mathematics and Mathematical Physics 7(4), 1967. A. B. Owen,
    "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity 14(4), 1998.

    Examples
    --------
    >>> from numba import njit
    >>> from fastmomentum import multistart
    >>> @njit
    ... def fun(x, out):  # two minima, near -1 and 1
    ...     out[0] = 4.0 * x[0] * (x[0] ** 2 - 1.0) + 0.1
    ...     return (x[0] ** 2 - 1.0) ** 2 + 0.1 * x[0]
    >>> res = multistart(fun, [(-2.0, 2.0)], 16, jac=True, seed=0)
    >>> res.x.round(3), res.minima.x.round(3).tolist()
    (array([-1.012]), [[-1.012], [0.987]])
    """
    lower, upper = check_box(bounds)
    count = check_n_starts(n_starts)
    check_choice("sampler", sampler, SAMPLERS)
    distance = check_distance(distance)
    generator = check_seed(seed)
    starts = lower + (upper - lower) * _unit_points(sampler, lower.size, count, generator)
    box = list(zip(lower, upper, strict=True))
    found = minimize_batch(
        fun,
        np.clip(starts, lower, upper),
        args,
        False,
        method,
        jac,
        box,
        tol,
        callback,
        options,
        penalty=penalty,
        workers=workers,
    )
    return _best(found, upper - lower, distance)


def _unit_points(sampler: str, n: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Points in the unit cube, shape (count, n)."""
    if sampler == "random":
        return generator.random((count, n))
    from scipy.stats import qmc

    # Its name was `seed` before SciPy 1.15.
    name = "rng" if "rng" in inspect.signature(qmc.Sobol).parameters else "seed"
    given = {name: generator}
    if sampler == "lhs":
        return qmc.LatinHypercube(n, **given).random(count)
    if sampler == "halton":
        return qmc.Halton(n, **given).random(count)
    # Whole powers of 2 keep the sequence balanced; SciPy warns of other counts.
    points = qmc.Sobol(n, **given).random_base2(max(count - 1, 0).bit_length())
    return points[:count]


def _best(found: OptimizeResult, width: np.ndarray, distance: float) -> OptimizeResult:
    """The lowest point as a result of its own, and the distinct minima."""
    order = np.argsort(np.where(np.isfinite(found.fun), found.fun, np.inf), kind="stable")
    best = int(order[0])
    left = order[found.success[order]]
    rows, counts = [], []
    scale = np.where(width > 0.0, width, 1.0)
    while left.size:
        apart = (np.abs(found.x[left] - found.x[left[0]]) / scale > distance).any(axis=1)
        rows.append(left[0])
        counts.append(int(left.size - apart.sum()))
        left = left[apart]
    status = Status(int(found.status[best]))
    first, *advice = without_state(found.message).split("\n")
    lines = [f"{first} {len(rows)} distinct minima."]
    if status != Status.CONVERGED:
        lines.append(f"The run with the lowest point did not converge: {status.name.lower()}.")
    return make_result(
        message="\n".join([*lines, *advice]),
        success=bool(found.success[best]),
        status=int(status),
        fun=float(found.fun[best]),
        x=found.x[best].copy(),
        nit=int(found.nit.sum()),
        jac=found.jac[best].copy(),
        nfev=int(found.nfev.sum()),
        njev=int(found.njev.sum()),
        grad_norm=float(found.grad_norm[best]),
        learning_rate=float(found.learning_rate[best]),
        n_restarts=int(found.n_restarts[best]),
        line_search_failures=int(found.line_search_failures[best]),
        minima=make_result(
            x=found.x[rows] if rows else found.x[:0],
            fun=found.fun[rows] if rows else found.fun[:0],
            count=np.array(counts, np.int64),
        ),
        n_converged=int(found.success.sum()),
        starts=found,
        time=found.time,
        backend=found.backend,
    )
