"""Warnings that point at the user's code."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import warnings
from collections.abc import Iterator

# Nobody's own code: this package, and what calls it for the user.
HOSTS = ("fastmomentum", "numba", "scipy", "sklearn", "statsmodels", "lmfit", "contextlib")


# What was told to the call that is under way, where it consists of many.
_told: contextvars.ContextVar[set[str] | None] = contextvars.ContextVar("told", default=None)


@contextlib.contextmanager
def each_once() -> Iterator[None]:
    """No warning more than once, of calls that are made in turn within."""
    token = _told.set(set())
    try:
        yield
    finally:
        _told.reset(token)


def warn(message: str, category: type[Warning]) -> None:
    """Warn the nearest caller outside of this package and of its hosts."""
    told = _told.get()
    if told is not None:
        if message in told:
            return
        told.add(message)
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in HOSTS:
        frame, level = frame.f_back, level + 1
    try:
        warnings.warn(message, category, stacklevel=level)
    except Warning:  # where they are errors
        raise
    except Exception:  # of the stream that they are shown on
        pass
