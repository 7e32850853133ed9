"""Warnings that point at the user's code."""

from __future__ import annotations

import sys
import warnings

# Nobody's own code: this package, and what calls it for the user.
HOSTS = ("fastmomentum", "numba", "scipy", "sklearn", "statsmodels", "lmfit", "contextlib")


def warn(message: str, category: type[Warning]) -> None:
    """Warn the nearest caller outside of this package and of its hosts."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in HOSTS:
        frame, level = frame.f_back, level + 1
    try:
        warnings.warn(message, category, stacklevel=level)
    except Warning:  # where they are errors
        raise
    except Exception:  # of the stream that they are shown on
        pass
