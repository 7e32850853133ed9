"""How far a run has come, shown while it runs: tqdm's bar where that is installed, else a line."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

# Often enough to be followed, too rare to cost anything; runs that end sooner show nothing.
SECONDS = 0.5


class Progress:
    """One bar or line on stderr, shown from half a second on.

    Parameters
    ----------
    name : str
        What runs.
    begin : float
        When it began, by ``time.perf_counter``.
    total : float
        Units of work after which it ends at the latest.
    unit : str
        What they are.
    maxtime : float
        Seconds after which it ends at the latest: where they are given, the bar is of time.
    """

    def __init__(self, name: str, begin: float, total: float, unit: str, maxtime: float):
        self._begin = begin
        self._unit = unit
        self._timed = math.isfinite(maxtime)
        self._total = maxtime if self._timed else total
        self._bar: Any = _tqdm_bar(name, self._total, self._timed, unit) or _Line(name, unit)
        self._next = time.perf_counter() + SECONDS  # as the bar counts

    def show(self, done: int, **numbers: float) -> None:
        """Show that `done` units are done, and some numbers, if it is time."""
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + SECONDS
        shown = {name: f"{value:.6g}" for name, value in numbers.items() if not math.isnan(value)}
        elapsed = now - self._begin
        if isinstance(self._bar, _Line):
            self._bar.write(done, elapsed, shown)
            return
        if self._timed:
            shown = {self._unit + "s": f"{done:,}", **shown}
        self._bar.set_postfix(shown, refresh=False)
        reached = min(elapsed, self._total) if self._timed else done
        self._bar.update(reached - self._bar.n)

    def close(self) -> None:
        """Leave what was shown last."""
        self._bar.close()


def _tqdm_bar(name: str, total: float, timed: bool, unit: str) -> Any:
    try:
        import tqdm.auto  # the notebook's bar in notebooks
        from tqdm import TqdmWarning
    except ImportError:
        return None
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # a notebook without widgets
        how = {"desc": name, "total": total, "delay": SECONDS, "mininterval": 0.0, "miniters": 0}
        if timed:
            form = "{l_bar}{bar}| {n:.1f}/{total:.1f} s [{elapsed}<{remaining}{postfix}]"
            return tqdm.auto.tqdm(bar_format=form, **how)
        return tqdm.auto.tqdm(unit=f" {unit}s", unit_scale=True, **how)


class _Line:
    """A line that is written over."""

    def __init__(self, name: str, unit: str):
        self._name = name
        self._unit = unit
        self._width = 0

    def write(self, done: int, elapsed: float, numbers: dict[str, str]) -> None:
        parts = [f"{done:,} {self._unit}s", *(f"{name} {value}" for name, value in numbers.items())]
        text = f"{self._name}: {', '.join(parts)}, {elapsed:.1f} s"
        self._width = max(self._width, len(text))
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()

    def close(self) -> None:
        if self._width:
            sys.stderr.write("\n")
