"""`minimize` where x0 is an array on a CUDA device: checks, and the kind of run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._arrays import real_of
from ..._callables import Entries, parts_of
from ..._check.arguments import check_args, check_jac, check_terms
from ..._check.bounds import check_bounds
from ..._check.options import check_options
from ..._methods import Method
from ..._problem.penalty import check_penalty
from ..._problem.terms import make_terms
from ..._report.display import show_ending
from ..._report.result import OptimizeResult
from ..callback import wrap_callback
from .given import GivenRate
from .run import DeviceRun


def minimize_on_device(
    fun: Callable,
    x0: Any,
    args: Any,
    method: Method,
    jac: Any,
    bounds: Any,
    tol: float | None,
    callback: Callable | None,
    options: dict[str, Any] | None,
    penalty: Any,
    refused: dict[str, Any],
) -> OptimizeResult:
    """Solve one problem whose vectors stay on the device."""
    begin = time.perf_counter()
    from ..._cuda.device import check_device

    check_device()
    for name, value in refused.items():
        if value is not None:
            raise ValueError(f"{name} is not possible where x0 is on a device: leave it out.")
    shape, dtype = tuple(x0.shape), real_of(x0)
    if len(shape) != 1 or shape[0] == 0 or dtype not in (np.float64, np.float32):
        raise ValueError(
            f"x0 on a device must be a vector of float64 or float32, got {dtype} of shape {shape}."
        )
    n = shape[0]
    # Only length and dtype of x0 count for the options.
    settings = check_options(method, tol, options, np.broadcast_to(np.zeros(1, dtype), shape))
    wrapped, takes_result = wrap_callback(callback)
    terms = make_terms(check_bounds(bounds, n), check_penalty(penalty), n, dtype)
    check_terms(method, settings, terms)
    kind = _kind_of_run(fun, settings.learning_rate == "auto")
    run = kind(fun, x0, check_args(args), check_jac(jac), settings, terms)
    result = run.run(wrapped, takes_result, begin)
    if settings.disp:
        show_ending(result)
    return result


def _kind_of_run(fun: Any, automatic: bool) -> type[DeviceRun]:
    parts = parts_of(fun)
    if isinstance(parts, Entries):
        from .entries import OwnAutomaticRate, OwnGivenRate

        return OwnAutomaticRate if automatic else OwnGivenRate
    if parts is not None:
        raise ValueError(
            "fun must not be a sum of terms where x0 is on a device: write it by entries "
            "(fastmomentum.objectives.entrywise), or as a function of arrays there."
        )
    if automatic:
        from .automatic import AutomaticRate

        return AutomaticRate
    return GivenRate
