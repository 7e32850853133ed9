"""`minimize` where x0 is on a CUDA device and fun an objective by entries.

The kernels evaluate it themselves: a launch makes many iterations, and no other code runs between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._callables import Entries, parts_of
from ..._report.result import OptimizeResult, Status
from .automatic import AutomaticRate
from .given import GivenRate
from .run import DeviceRun

# One launch may make so many evaluations; how many it is to make, the host's clock decides.
MOST_IN_A_LAUNCH = 2**20


class Evaluation:
    """The gradient alone: values are for the kernels."""

    def __init__(self, parts: Entries, args: tuple, library: Any, dtype: Any):
        from ..._cuda.entries import EntryObjective

        x0 = library.view(library.array)
        self.library = library
        self.objective = EntryObjective(parts, args, x0, dtype.type, library.stream)

    def __call__(self, x: Any, out: Any) -> tuple[None, Any]:
        """Its value, None, and the gradient at x."""
        self.objective.gradient(self.library.view(x), self.library.view(out))
        return None, self.library.given(out)

    def gradient_view(self, gradient: Any) -> Any:
        """Numba's view of a gradient."""
        return self.library.view(gradient)


class OwnObjective(DeviceRun):
    """What runs with a given and with an automatic rate have in common."""

    most_ahead = MOST_IN_A_LAUNCH

    def _evaluation(self, fun: Callable, jac: Any, args: tuple) -> Evaluation:
        parts = parts_of(fun)
        assert isinstance(parts, Entries)
        return Evaluation(parts, args, self.library, self.dtype)

    def result(self, status: Status, begin: float, evaluated: bool = True) -> OptimizeResult:
        found = super().result(status, begin, evaluated)
        # Nobody else keeps the arrays in args, which are not of its stream.
        self.library.stream.synchronize()
        return found

    def _queue(self, count: int) -> None:
        """Queue so many evaluations, and what follows from each."""
        raise NotImplementedError

    def _advance(self, count: int) -> None:
        if count > 0:
            self._queue(count)
            self.k += count


class OwnAutomaticRate(OwnObjective, AutomaticRate):
    """A run whose method chooses its learning rate."""

    def _team(self, *arguments: Any) -> Any:
        from ..._cuda.team import OwnTeam

        return OwnTeam(self.evaluate.objective, *arguments)

    def _queue(self, count: int) -> None:
        self.team.evaluate(count, self.last)


class OwnGivenRate(OwnObjective, GivenRate):
    """A run with a given learning rate."""

    def _steps(self, *arguments: Any) -> Any:
        from ..._cuda.large import OwnSteps

        return OwnSteps(self.evaluate.objective, self.out_view, *arguments)

    def _queue(self, count: int) -> None:
        self.steps.iterate(self.last, count)
