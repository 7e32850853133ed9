"""The one table of how a run can end."""

from __future__ import annotations

import enum


class Status(enum.IntEnum):
    """Why a run ended: the value of ``result.status``.

    The codes 0, 1, 2, 3 and 99 mean what they mean for SciPy's BFGS and CG.
    """

    CONVERGED = 0
    MAXITER = 1
    PRECISION_LOSS = 2
    NONFINITE = 3
    MAXTIME = 4
    INTERRUPTED = 5
    STAGNATION = 6
    MAXFEV = 7
    DIVERGED = 8
    CALLBACK = 99


MESSAGES: dict[Status, str] = {
    Status.CONVERGED: "Optimization terminated successfully.",
    Status.MAXITER: (
        "Maximum number of iterations has been exceeded. Raise `maxiter`; a given "
        "`learning_rate` may not suit the problem."
    ),
    Status.PRECISION_LOSS: (
        "Desired error not necessarily achieved due to precision loss: no step lowers fun any "
        "more, by rounding, noise or a wrong gradient. Loosen `gtol`, rescale, or check `jac`."
    ),
    Status.NONFINITE: (
        "NaN or infinity was met in the function or its gradient. x is the best finite point; "
        "try another x0, a smaller `learning_rate`, or keep fun inside its domain."
    ),
    Status.MAXTIME: (
        "Time limit `maxtime` reached. x is the best point found; go on with `state`."
    ),
    Status.INTERRUPTED: ("Interrupted by the user. x is the best point found; go on with `state`."),
    Status.STAGNATION: (
        "No lower function value in the last `patience` iterations. x is the best point found; "
        "try a smaller `learning_rate`."
    ),
    Status.MAXFEV: (
        "Maximum number of function evaluations has been exceeded. x is the best point found; "
        "raise `maxfev`."
    ),
    Status.DIVERGED: (
        "The function value grew without bound, up or down. x is the best point found; use a "
        "smaller `learning_rate` or `momentum`, and check that fun is bounded below."
    ),
    Status.CALLBACK: "`callback` raised `StopIteration`.",
}
