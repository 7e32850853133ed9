"""How far a run has come, shown while it runs: tqdm's bar where that is installed, else a line."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from typing import Any

from .streams import say

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
        Seconds after which it ends at the latest. The bar is of time where, at the rate of the
        first half second, these are over before the units are.
    initial : int, default 0
        Units that an earlier run did.
    """

    def __init__(
        self, name: str, begin: float, total: float, unit: str, maxtime: float, initial: int = 0
    ):
        self._name = name
        self._begin = begin
        self._total = total
        self._unit = unit
        self._maxtime = maxtime
        self._initial = initial
        self._timed = False
        self._bar: Any = None
        self._next = time.perf_counter() + SECONDS

    def show(self, done: int, **numbers: float) -> None:
        """Show that `done` units are done, and some numbers, if it is time."""
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + SECONDS
        try:
            self._show(now, done, numbers)
        except Exception:  # of a stream, of tqdm, or of a notebook: the run goes on without
            self._give_up()

    def _show(self, now: float, done: int, numbers: dict[str, float]) -> None:
        shown = {name: f"{value:.6g}" for name, value in numbers.items() if not math.isnan(value)}
        elapsed = now - self._begin
        rate = (done - self._initial) / elapsed
        left = self._maxtime - elapsed
        if rate > 0.0:
            left = min(left, (self._total - done) / rate)
        if self._bar is None:
            self._timed = math.isfinite(self._maxtime) and left >= self._maxtime - elapsed
            if sys.stderr is None:  # pythonw.exe
                return self._give_up()
            self._bar = self._tqdm_bar(elapsed) or _Line(self._name, self._unit)
        if isinstance(self._bar, _Line):
            if not self._bar.write(done, rate, elapsed, left, shown):
                self._give_up()
            return
        if self._timed:
            unit = self._unit + "s"
            shown = {unit: f"{done:,}", **shown, f"{unit}/s": f"{rate:.3g}"}
        self._bar.set_postfix(shown, refresh=False)
        reached = min(elapsed, self._maxtime) if self._timed else done
        self._bar.update(reached - self._bar.n)

    def close(self) -> None:
        """Leave what was shown last."""
        bar = self._bar
        if bar is None:
            return
        try:
            if not isinstance(bar, _Line) and not hasattr(bar, "container") and not _is_tty(bar.fp):
                # tqdm shows a bar once more as it closes it: in a file that is a second line.
                bar.display = lambda *args, **more: None
            bar.close()
        except Exception:
            self._give_up()
        self._bar, self._next = None, math.inf

    def _give_up(self) -> None:
        """Show nothing any more."""
        with contextlib.suppress(Exception):
            self._bar.disable = True  # or tqdm closes it as it is collected
        self._bar, self._next = None, math.inf

    def _tqdm_bar(self, elapsed: float) -> Any:
        try:
            import tqdm.auto  # the notebook's bar in notebooks
            from tqdm import TqdmWarning
        except ImportError:
            return None
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmWarning)  # a notebook without widgets
            how = {"desc": self._name, "mininterval": 0.0, "miniters": 0}
            if self._timed:
                form = "{l_bar}{bar}| {n:.1f}/{total:.1f} s [{elapsed}<{remaining}{postfix}]"
                bar = tqdm.auto.tqdm(bar_format=form, total=self._maxtime, **how)
            else:
                how |= {"total": self._total, "initial": self._initial}
                bar = tqdm.auto.tqdm(unit=f" {self._unit}s", unit_scale=True, **how)
        # It began with the run, not with the bar.
        bar.start_t -= elapsed
        bar.last_print_t -= elapsed
        return bar


def _is_tty(stream: Any) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)())


class _Line:
    """A line that is written over."""

    def __init__(self, name: str, unit: str):
        self._name = name
        self._unit = unit
        self._width = 0

    def write(
        self, done: int, rate: float, elapsed: float, left: float, numbers: dict[str, str]
    ) -> bool:
        """Whether it could be written."""
        parts = [f"{done:,} {self._unit}s", *(f"{name} {value}" for name, value in numbers.items())]
        parts += [f"{rate:.3g} {self._unit}s/s", f"{elapsed:.1f} s"]
        if math.isfinite(left):
            parts.append(f"{max(left, 0.0):.1f} s left")
        text = f"{self._name}: {', '.join(parts)}"
        self._width = max(self._width, len(text))
        written = say(sys.stderr, "\r" + text.ljust(self._width))
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        return written

    def close(self) -> None:
        if self._width:
            say(sys.stderr, "\n")
