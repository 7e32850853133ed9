"""`minimize` where x0 is an array on a CUDA device: checks, and the kind of run."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._arrays import real_of
from ..._callables import Entries, parts_of
from ..._check.arguments import check_terms
from ..._check.bounds import check_bounds
from ..._check.options import check_options
from ..._methods import Method
from ..._problem.terms import check_penalty, make_terms
from ..._report.display import show_ending
from ..._report.result import OptimizeResult
from ..callback import check_callback
from .automatic import AutomaticRate
from .entries import EntryEvaluation
from .given import GivenRate
from .run import DeviceRun, Evaluation


def minimize_on_device(
    method: Method,
    evaluation: Callable[..., Any],
    x0: Any,
    bounds: Any,
    tol: float | None,
    callback: Callable | None,
    options: dict[str, Any] | None,
    penalty: Any,
) -> OptimizeResult:
    """Solve one problem whose vectors stay on the device; `evaluation` is of `evaluation_of`."""
    begin = time.perf_counter()
    from ..._cuda.device import check_device

    check_device()
    shape, dtype = tuple(x0.shape), real_of(x0)
    if len(shape) != 1 or shape[0] == 0 or dtype not in (np.float64, np.float32):
        raise ValueError(
            f"x0 on a device must be a vector of float64 or float32, got {dtype} of shape {shape}."
        )
    n = shape[0]
    # Only length and dtype of x0 count for the options.
    settings = check_options(method, tol, options, np.broadcast_to(np.zeros(1, dtype), shape))
    checked_callback = check_callback(callback)
    terms = make_terms(check_bounds(bounds, n), check_penalty(penalty), n, dtype)
    check_terms(method, settings, terms)
    kind: type[DeviceRun] = AutomaticRate if settings.learning_rate == "auto" else GivenRate
    result = kind(evaluation, x0, settings, terms).run(checked_callback, begin)
    if settings.disp:
        show_ending(result)
    return result


def evaluation_of(fun: Any, args: tuple, jac: Any) -> Callable[..., Any]:
    """What makes, of a library, n and a dtype, what evaluates fun and its gradient."""
    parts = parts_of(fun)
    if isinstance(parts, Entries):
        return functools.partial(EntryEvaluation, parts, args)
    if parts is not None:
        raise ValueError(
            "fun must not be a sum of terms where x0 is on a device: write it by entries "
            "(fastmomentum.objectives.entrywise), or as a function of arrays there."
        )
    return functools.partial(Evaluation, fun, jac, args)
