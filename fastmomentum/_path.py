"""`path`: one problem with many weights of its penalty, each solved from the solution before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._check.arguments import check_x0
from ._check.keywords import hints_at_options
from ._check.starts import check_path_options, check_path_weights
from ._check.values import check_takes, shown
from ._minimize.minimize import minimize
from ._report.result import OptimizeResult, make_result
from ._report.status import message_of_many, without_state
from ._report.warnings import each_once
from .penalties import Penalty


@hints_at_options
def path(
    fun: Any,
    x0: Any,
    penalty: Callable[[float], Penalty],
    weights: Any,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    bounds: Any = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
) -> OptimizeResult:
    r"""Minimize ``fun + penalty(weight)`` for each of many weights.

    Each problem is started from the solution of the one before (warm start), so that a path of
    falling weights takes a fraction of the evaluations of separate runs.

    Parameters
    ----------
    fun, x0
        As for `minimize`; x0 is where the first problem starts.
    penalty : callable
        ``penalty(weight) -> Penalty``: one of the classes of `fastmomentum.penalties`, such as
        ``L1``, or a function that makes one.
    weights : array_like, shape (m,)
        The weights, in the order in which they are used: falling ones, usually.
    args, method, jac, bounds, tol, options
        As for `minimize`; no `history` and `return_all` among the options.

    Returns
    -------
    OptimizeResult
        With arrays of one row per weight: weights, x of shape (m, n), fun (the penalty included),
        grad_norm, nit, nfev, njev, status, success and n_nonzero, all of shape (m,). n_nonzero
        counts the variables that are penalized by some of the weights, and so leaves out an
        intercept; all of them where none is. message says how many problems ended in which way, and
        what to try for those that failed; time is the total in seconds.

    Raises
    ------
    ValueError, TypeError
        As `minimize`; and if the weights are not a vector of finite numbers >= 0, or `penalty`
        does not return a `Penalty`.

    See Also
    --------
    minimize : one problem.

    References
    ----------
    J. Friedman, T. Hastie, R. Tibshirani, "Regularization paths for generalized linear models via
    coordinate descent", Journal of Statistical Software 33(1), 2010, section 2.5.

    Examples
    --------
    The lasso of two variables: the larger one enters first.

    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import path
    >>> from fastmomentum.penalties import L1
    >>> @njit
    ... def fun(x, out, a):
    ...     out[:] = x - a
    ...     return 0.5 * ((x - a) ** 2).sum()
    >>> a = np.array([3.0, -1.0])
    >>> res = path(fun, np.zeros(2), L1, [2.0, 0.5], args=(a,), jac=True)
    >>> res.x.round(3)
    array([[ 1. ,  0. ],
           [ 2.5, -0.5]])
    >>> res.n_nonzero.tolist()
    [1, 2]
    """
    x = check_x0(x0)
    values = check_path_weights(weights)
    if not callable(penalty):
        raise TypeError(
            f"penalty must be a callable that makes a Penalty of a weight, such as L1, got "
            f"{shown(penalty)}."
        )
    check_takes("penalty", penalty, "weight")
    given = check_path_options(options)
    points = np.empty((values.size, x.size), x.dtype)
    fields = ("fun", "grad_norm", "nit", "nfev", "njev", "status", "success", "time")
    found: dict[str, list] = {name: [] for name in fields}
    counted = np.zeros(x.size, bool)
    with each_once():
        for k, weight in enumerate(values):
            h = penalty(float(weight))
            if not isinstance(h, Penalty):
                raise TypeError(f"penalty({weight:g}) must return a Penalty, got {shown(h)}.")
            result = minimize(
                fun, x, args, method, jac, bounds=bounds, tol=tol, options=given, penalty=h
            )
            counted |= h.penalized(x.size)
            # Of a run that failed the best point is still the better start.
            x = points[k] = result.x
            given.pop("check_jac", None)  # the first problem tells
            for name in fields:
                found[name].append(result[name])
    arrays: dict[str, Any] = {name: np.array(values_) for name, values_ in found.items()}
    arrays["time"] = float(arrays["time"].sum())
    return make_result(
        message=without_state(
            message_of_many(arrays["status"], given.get("learning_rate", "auto") == "auto")
        ),
        weights=values,
        x=points,
        n_nonzero=np.count_nonzero(points[:, counted] if counted.any() else points, axis=1),
        **arrays,
    )
