"""One large problem with an automatic rate: a kernel between two evaluations, by a whole grid."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np
from numba import cuda

from .._language import layout
from .calls import stay_whole
from .device import WARP, configured, kernel, simulated
from .entries import EntryFunctions, EntryObjective, make_shares
from .functions import internal
from .large import PER_THREAD, Work, most_blocks

THREADS = 256
SIMULATED_THREADS = 1
# With so many three blocks fit a multiprocessor. The numbers of a run do not fit in: they spill, in
# the first warp of a block alone.
MOST_REGISTERS = 80


def team_module(loop: str) -> Any:
    """The generated file of a loop."""
    return importlib.import_module(f".team_{loop}", __package__)


def make_team(
    loop: str,
    real: Any,
    threads: int,
    n_extra: int,
    fixed: tuple[tuple[str, int], ...],
    entries: EntryFunctions | None = None,
) -> tuple[Any, Any, Any]:
    """The kernels' Python functions: to tell a value, to go on, and for what was found.

    To go on is for an objective by `entries`, the others are for the rest.
    """
    leaders = min(WARP, threads) if not simulated() else 1
    whole = internal(real, forceinline=False)
    team = threads, leaders, n_extra, whole, stay_whole
    make = team_module(loop).make
    return make(internal(real), real, *team, *make_shares(entries, real), **dict(fixed))


@functools.lru_cache(maxsize=64)
def _compiled(*args: Any) -> tuple[Any, ...]:
    return tuple(kernel(made, max_registers=MOST_REGISTERS) for made in make_team(*args))


class Team(Work):
    """The workspace of a run on a device, and its numbers.

    Parameters
    ----------
    loop : str
        Which of the ``team_*`` files.
    real : dtype
    ints, floats : ndarray
        What the run's numbers start from, and those without a name after them.
    n_rows : int
        Rows of the workspace.
    rows : dict of int to ndarray or None
        What those start from that are read before they are written; None: zero.
    x0 : device array
    point, gradient : device arrays
        Where the points stand that are to be evaluated, and one like the gradients there.
    stream
        That of the user's functions.
    """

    def __init__(
        self,
        loop: str,
        real: Any,
        ints: np.ndarray,
        floats: np.ndarray,
        n_rows: int,
        rows: dict[int, np.ndarray | None],
        x0: Any,
        point: Any,
        gradient: Any,
        stream: Any,
    ):
        n = x0.shape[0]
        super().__init__(n, real, stream)
        self.module = module = team_module(loop)
        self.point, self.gradient = point, gradient
        extra = self._put_numbers(ints, floats, real)
        self.rows = cuda.device_array((n_rows, n), real, stream=stream)
        self.copy(self.rows[0], x0)
        for i, row in rows.items():
            if row is None:
                self.copy(self.rows[i], x0, zero=True)
            else:
                self.rows[i].copy_to_device(row.astype(real), stream=stream)
        threads = SIMULATED_THREADS if simulated() else THREADS
        fixed = tuple((name, int(ints[getattr(layout.INT, name)])) for name in module.FIXED)
        key = loop, real, threads, extra.shape[0], fixed
        advance, find = self._kernel(key), _compiled(*key)[2]
        self.numbers = self._put(np.zeros(2, real))
        self.state = (
            self.ints,
            self.floats,
            extra,
            cuda.device_array((1, 1, 1), real, stream=stream),
        )
        finds = (self.rows, point, gradient, self.numbers, *self.state, 0)
        blocks = min(
            -(-self._shares() // threads),
            most_blocks(advance, threads, self._arguments(gradient, self.value, 0, 0)),
            most_blocks(find, threads, finds),
        )
        partials = cuda.device_array((2, module.MOST_VALUES, blocks), real, stream=stream)
        self.state = *self.state[:3], partials
        self._advance = configured(advance, blocks, threads, stream)
        self._find = configured(find, blocks, threads, stream)

    def _shares(self) -> int:
        """How many threads there is work for."""
        return -(-self.rows.shape[1] // PER_THREAD)

    def _kernel(self, key: tuple) -> Any:
        """The kernel that goes on."""
        return _compiled(*key)[0]

    def _arguments(self, g: Any, f: Any, mode: int, last: int) -> tuple:
        """What it is launched with."""
        return self.rows, self.point, g, f, *self.state, mode, last

    def _queue(self, g: Any, f: Any, mode: int, last: int) -> None:
        self._advance(*self._arguments(g, f, mode, last))

    def begin(self, last: int) -> None:
        """Queue the question for the first point."""
        self._queue(self.gradient, self.value, layout.TO_EVALUATE, last)

    def tell(self, g: Any, f: Any, last: int) -> None:
        """Queue what follows from gradient and value at the point, up to the next question."""
        self._queue(g, f, layout.EVALUATED, last)

    def resume(self, last: int) -> None:
        """Queue the same after the run has stopped at an iteration."""
        self._queue(self.gradient, self.value, layout.RUNNING, last)

    def found(self, x: Any, g: Any, row: int) -> tuple[float, float]:
        """Write the point in a row and its gradient; returns the run's fun and the norm there.

        Of the row -1 the point that the run ends with.
        """
        self._find(self.rows, x, g, self.numbers, *self.state, row)
        fun, norm = self.to_host(self.numbers).tolist()
        return fun, norm


class OwnTeam(Team):
    """The same for an objective by entries, which the team evaluates itself.

    Parameters
    ----------
    objective : EntryObjective
    more : tuple
        As for a team.
    """

    def __init__(self, objective: EntryObjective, *more: Any):
        self.objective = objective
        super().__init__(*more)

    def _shares(self) -> int:
        return max(self.rows.shape[1], self.objective.w.shape[0])

    def _kernel(self, key: tuple) -> Any:
        return _compiled(*key, self.objective.entries)[1]

    def _arguments(self, g: Any, f: Any, mode: int, last: int, count: int = 0) -> tuple:
        objective = self.objective
        return self.rows, objective.w, objective.args, *self.state, mode, last, count

    def evaluate(self, count: int, last: int) -> None:
        """Queue so many evaluations, and what follows from each."""
        self._advance(*self._arguments(None, None, layout.EVALUATED, last, count))
