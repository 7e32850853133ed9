"""`minimize` where x0 is on a CUDA device and fun an objective by entries.

The kernels evaluate it themselves: a launch makes many iterations, and no other code runs between.
"""

from __future__ import annotations

from typing import Any

from ..._callables import Entries

# One launch may make so many evaluations; how many it is to make, the host's clock decides.
MOST_IN_A_LAUNCH = 2**20


class EntryEvaluation:
    """An objective by entries, as `Evaluation`: the gradient alone, values are for the kernels."""

    most_ahead = MOST_IN_A_LAUNCH
    in_kernels = True

    def __init__(self, parts: Entries, args: tuple, library: Any, n: int, dtype: Any):
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

    def team(self, *arguments: Any) -> Any:
        """The team of threads of a run that chooses its learning rate."""
        from ..._cuda.team import OwnTeam

        return OwnTeam(self.objective, *arguments)

    def steps(self, gradient: Any, *arguments: Any) -> Any:
        """The steps of a run with a given learning rate, with room for a gradient."""
        from ..._cuda.large import OwnSteps

        return OwnSteps(self.objective, gradient, *arguments)

    def finish(self) -> None:
        """Wait: nobody else keeps the arrays in args, which are not of the library's stream."""
        self.library.stream.synchronize()
