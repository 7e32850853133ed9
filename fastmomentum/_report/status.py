"""The one table of how a run can end."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np


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
    EPOCHS = 9
    CALLBACK = 99


class Words(NamedTuple):
    """Why a run ended and, if it failed, what to try."""

    why: str
    automatic: str = ""  # where the method chooses the learning rate
    given: str = ""  # where the user did


def _both(why: str, advice: str) -> Words:
    return Words(why, advice, advice)


MESSAGES: dict[Status, Words] = {
    Status.CONVERGED: Words("Optimization terminated successfully."),
    Status.MAXITER: Words(
        "Maximum number of iterations has been exceeded.",
        automatic="Raise `maxiter` and go on with `state`, or loosen `gtol`.",
        given="Raise `maxiter` and go on with `state`, or try another `learning_rate`.",
    ),
    Status.PRECISION_LOSS: Words(
        "Desired error not necessarily achieved due to precision loss:",
        automatic="no step lowers fun any more, by rounding, noise or a wrong gradient. Loosen "
        "`gtol` or rescale, give a `learning_rate` if fun is noisy, or test the gradient with "
        "`check_jac`.",
        given="the steps are too small to change x. Loosen `gtol`, or use a larger "
        "`learning_rate`.",
    ),
    Status.NONFINITE: Words(
        "NaN or infinity was met in the function or its gradient. x is the best finite point;",
        automatic="try another x0, or keep fun inside its domain, by `bounds` for instance.",
        given="try a smaller `learning_rate` or another x0, or keep fun inside its domain, by "
        "`bounds` for instance.",
    ),
    Status.MAXTIME: _both(
        "Time limit `maxtime` reached.", "x is the best point found; go on with `state`."
    ),
    Status.INTERRUPTED: _both(
        "Interrupted by the user.", "x is the best point found; go on with `state`."
    ),
    Status.STAGNATION: Words(
        "No lower function value in the last `patience` iterations. x is the best point found;",
        automatic="raise `patience`, or leave it out.",
        given="raise `patience`, or try a smaller `learning_rate`.",
    ),
    Status.MAXFEV: _both(
        "Maximum number of function evaluations has been exceeded.",
        "x is the best point found; raise `maxfev` and go on with `state`.",
    ),
    Status.DIVERGED: Words(
        "The function value",
        automatic="fell without bound. x is the lowest point found; check the sign of fun, or keep "
        "it bounded below, by `bounds` for instance.",
        given="grew without bound. x is the best point found; use a smaller `learning_rate`.",
    ),
    Status.EPOCHS: _both(  # of `minimize_sum`: that is what was asked for
        "All epochs were run.", "For more raise `epochs` and go on with `state`."
    ),
    Status.CALLBACK: Words("`callback` raised `StopIteration`."),  # SciPy's words; it was asked for
}
# CONVERGED where there is nothing to choose, in SciPy's words.
ALL_FIXED = "All independent variables were fixed by bounds."
# NONFINITE before there was a finite point.
NONFINITE_AT_X0 = (
    "NaN or infinity in the function or its gradient at x0, from where there is no step. Try "
    "another x0, and look at what fun and jac return there."
)


def message_of(status: Status, automatic: bool) -> str:
    """Why a run ended, and what to try."""
    words = MESSAGES[status]
    advice = words.automatic if automatic else words.given
    return f"{words.why} {advice}".rstrip()


def without_state(text: str) -> str:
    """`text` for those whose calls take no `state`."""
    return text.replace("; go on with `state`", "").replace(" and go on with `state`", "")


def message_of_error(error: BaseException) -> str:
    """The same of a run that an exception ended."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # the user's class may be wrong, too
        text = ""
    about = f": {text[:300].rstrip('.')}" if text else ""
    return (
        f"Stopped by {type(error).__name__}{about}. x is the best point found; go on with `state`."
    )


def message_of_many(statuses: np.ndarray, automatic: bool, interrupted: str = "") -> str:
    """How many runs ended in which way; a line for each kind of failure says what to try.

    What is no `Status` was skipped; `interrupted` is why, if it was not the user who did.
    """
    names = {int(status): status.name.lower() for status in Status}
    codes, counts = (part.tolist() for part in np.unique(statuses, return_counts=True))
    parts = (f"{n:,} {names.get(code, 'skipped')}" for code, n in zip(codes, counts, strict=True))
    lines = [f"{len(statuses):,} problems: {', '.join(parts)}."]
    for code in codes:
        if code in names and code != Status.CONVERGED:
            words = interrupted if code == Status.INTERRUPTED else ""
            lines.append(f"{names[code]}: {words or message_of(Status(code), automatic)}")
    return "\n".join(lines)
