"""A line on stderr that says how far a run has come."""

from __future__ import annotations

import math
import sys
import time

# Often enough to be followed, too rare to cost anything.
SECONDS = 0.5


class Progress:
    """Rewrites one line, at most every half second; silent in runs that end sooner."""

    def __init__(self, name: str, begin: float):
        self._name = name
        self._begin = begin
        self._next = begin + SECONDS
        self._width = 0

    def show(self, nit: int, nfev: int, fun: float, grad_norm: float) -> None:
        """Write the line, if it is time."""
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + SECONDS
        norm = "" if math.isnan(grad_norm) else f", |grad| {grad_norm:.3e}"
        text = (
            f"{self._name}: {nit:,} iterations, {nfev:,} evaluations, fun {fun:.8g}{norm}, "
            f"{now - self._begin:.1f} s"
        )
        self._width = max(self._width, len(text))
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()

    def close(self) -> None:
        """End the line, if there is one."""
        if self._width:
            sys.stderr.write("\n")
