"""One large problem with an automatic rate: a kernel between two evaluations, by a whole grid.

The user's functions run between two launches: a launch takes in what they gave for the point that
was asked for, goes on, and writes down the next such point. The numbers of the run lie in global
memory between launches. Where the run has ended, later launches do nothing, so that the host may
run ahead. An objective that is given entry by entry is evaluated by all threads, too: a launch then
makes many evaluations. How the threads share the work: see sharing.py.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import cuda

from .._language import layout
from .._language.layout import (
    DELIVERED,
    EVALUATED,
    N_POINTS,
    NEEDS_EVALUATION,
    NORM_INF,
    TO_EVALUATE,
)
from .._loops.norms import largest_magnitude
from .._loops.outcome import row_to_return
from .._loops.terms import clip_to_bounds, penalty_at, proximal_residual
from .._numba.calls import call_norm
from .._numba.words import row, summed, variables
from .automatic import loop, loop_of, read_run
from .device import configured, kernel, simulated
from .entries import EntryFunctions, EntryObjective, add_rows, entry_share, words_of_shares
from .functions import bound
from .large import PER_THREAD, Work, most_blocks
from .numbers import Start, fixed_of, records, write
from .sharing import MOST_VALUES, TURNS, sharing_words
from .views import OWN, SHARED, TABLE
from .words import no_evaluation, words_of

THREADS = 256
SIMULATED_THREADS = 1
# With so many three blocks fit a multiprocessor. The numbers of a run do not fit in: they spill.
MOST_REGISTERS = 80
STATUS = layout.INT.STATUS


def make_team(
    loop_name: str,
    real: Any,
    threads: int,
    n_extra: int,
    fixed: tuple[tuple[str, int], ...],
    entries: EntryFunctions | None = None,
) -> tuple[Any, ...]:
    """The kernels' Python functions: to tell a value, to go on, and for what was found.

    To go on is for an objective by `entries`, the others are for the rest.
    """
    words = words_of(real, fixed, no_evaluation, sharing_words(real, threads))
    words |= {loop: loop_of(loop_name, real), **words_of_shares(entries, real)}
    parts = tell, go_on, found
    return tuple(
        _kernel(part.__name__, of_device, real, threads, n_extra)
        for part, of_device in zip(parts, bound(parts, real, words), strict=True)
    )


def _kernel(name: str, part: Any, real: Any, threads: int, n_extra: int) -> Any:
    """A kernel of this name, which does its part with the numbers of a run."""
    int_record, float_record = records(real)

    def run(table, numbers, given, mode, last):
        # table    INOUT  (rows, n): the workspace
        # numbers  INOUT  the run's: integers, floats, those without a name; for what is shared
        #                 (2, MOST_VALUES, blocks)
        # given    INOUT  what the part takes
        # mode     IN     is a point evaluated, or to be; does the run begin, or go on after a stop?
        # last     IN     stop before iteration `last`
        if mode == EVALUATED and numbers[0][STATUS] != NEEDS_EVALUATION:
            return
        ints = cuda.local.array(1, int_record)[0]
        floats = cuda.local.array(1, float_record)[0]
        extra = cuda.local.array(n_extra, real)
        shared = cuda.shared.array((MOST_VALUES, threads), real)
        values = cuda.local.array(MOST_VALUES, real)
        turns = cuda.local.array(1, np.int32)
        turns[0] = 0
        rows = (table, extra, (numbers[3], shared, values, turns))
        part(rows, ints, floats, numbers, given, mode, last)

    run.__name__ = name
    return run


def tell(rows, ints, floats, numbers, given, mode, last):
    """Take in the value at a point, and go on to the next one that is to be evaluated."""
    # given  OUT  (n,): that point; IN  (n,), (1,): gradient and value at the one before
    point, g, f = given
    open_run(rows, ints, floats, numbers, mode)
    if mode == EVALUATED:
        deliver(rows, ints, floats, g, np.float64(f[0]))
    loop(0, 0, rows, ints, floats, rows[OWN], rows[OWN], rows[TABLE], last)
    if ints.STATUS == NEEDS_EVALUATION:
        x = row(rows, ints.TRIAL)
        for i in variables(ints.SIZE):
            point[i] = x[i]
    close_run(rows, ints, floats, numbers)


def go_on(rows, ints, floats, numbers, given, mode, last):
    """Evaluate what is to be evaluated, so many times at most."""
    # given  OUT  (n_rows,): what the entries need of the rows; IN  the user's args; how many times
    w, args, most = given
    open_run(rows, ints, floats, numbers, mode)
    left = most
    asked = mode == EVALUATED
    while True:
        if asked:
            evaluate_point(rows, ints, floats, w, args)
            left -= 1
        loop(0, 0, rows, ints, floats, rows[OWN], rows[OWN], rows[TABLE], last)
        asked = ints.STATUS == NEEDS_EVALUATION
        if not asked or left <= 0:
            break
    close_run(rows, ints, floats, numbers)


def found(rows, ints, floats, numbers, given, mode, last):
    """Write down what was found."""
    # given  OUT  (n,), (n,): the point that the run ends with, and its gradient; (2,): value and
    #             norm of the test there; IN  row of the point, -1: the one that the run ends with
    x_out, g_out, results, point = given
    read_run(rows, ints, floats, numbers[:3])
    evaluated = ints.BEST >= 0 or ints.PENDING != TO_EVALUATE
    if point < 0:
        point = row_to_return(ints, ints.STATUS)
    norm = norm_at(rows, ints, floats, point) if evaluated else np.nan
    if cuda.grid(1) == 0:
        results[0] = floats.FUN_BEST if point == ints.BEST else floats.FUN
        results[1] = norm
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    for i in variables(ints.SIZE):
        x_out[i] = x[i]
        g_out[i] = g[i] if evaluated else np.nan


def open_run(rows, ints, floats, numbers, mode):
    """Read the numbers of a run; begin where bounds and penalty allow it."""
    read_run(rows, ints, floats, numbers[:3])
    if mode == TO_EVALUATE and ints.TERMS != 0:
        clip_to_bounds(rows, ints, 0)
        floats.PENALTY = penalty_at(rows, ints, 0)


def close_run(rows, ints, floats, numbers):
    """Write the numbers of a run back."""
    all_ints, all_floats, all_extra, _ = numbers
    if rows[SHARED][TURNS][0] == 0:
        # Nobody has been waited for since the numbers were read.
        cuda.cg.this_grid().sync()
    if cuda.grid(1) == 0:
        write(all_ints, ints)
        write(all_floats, floats)
        for j in range(rows[OWN].shape[0]):
            all_extra[j] = rows[OWN][j]


def evaluate_point(rows, ints, floats, w, args):
    """Evaluate the point that was asked for; its gradient is beside it."""
    x = row(rows, ints.TRIAL)
    g = row(rows, N_POINTS + ints.TRIAL)
    # The entries of x are those of other threads, too.
    cuda.cg.this_grid().sync()
    value = add_rows(x, w, args)
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        value = entry_share(value, i, x, w, g, args)
    count_evaluation(ints, floats, summed(rows, value))


def count_evaluation(ints, floats, f):
    """The value at the point that was asked for is known."""
    floats.FUN = f
    ints.NFEV += ints.COST_FUN
    ints.NJEV += ints.COST_JAC
    ints.PENDING = DELIVERED


def deliver(rows, ints, floats, g, f):
    """So is the gradient, which is somewhere else."""
    target = row(rows, N_POINTS + ints.TRIAL)
    for i in variables(ints.SIZE):
        target[i] = g[i]
    count_evaluation(ints, floats, f)


def norm_at(rows, ints, floats, point):
    """Norm of the convergence test at a point."""
    g = row(rows, N_POINTS + point)
    norm = largest_magnitude(rows, g, ints.SIZE)
    if ints.TERMS != 0 and norm < np.inf:
        return proximal_residual(rows, ints, floats, point)
    if ints.NORM != NORM_INF:
        return call_norm(0, rows, g, ints.SIZE, ints.NORM, floats.NORM_ORDER)
    return norm


@functools.lru_cache(maxsize=64)
def _compiled(*args: Any) -> tuple[Any, ...]:
    return tuple(kernel(made, max_registers=MOST_REGISTERS) for made in make_team(*args))


class Team(Work):
    """The workspace of a run on a device, and its numbers.

    Parameters
    ----------
    loop : str
        Name of the loop.
    real : dtype
    start : Start
    workspace : (int, dict of int to ndarray or None)
        How many rows it has, and what those start from that are read before they are written; None:
        zero.
    vectors : three device arrays
        Where the run starts; where the points stand that are to be evaluated; one like the
        gradients there.
    stream
        That of the user's functions.
    """

    def __init__(
        self,
        loop: str,
        real: Any,
        start: Start,
        workspace: tuple[int, dict[int, np.ndarray | None]],
        vectors: tuple[Any, Any, Any],
        stream: Any,
    ):
        x0, self.point, self.gradient = vectors
        n_rows, rows = workspace
        n = x0.shape[0]
        super().__init__(n, real, stream)
        extra = self._put_numbers(start, real)
        self.rows = cuda.device_array((n_rows, n), real, stream=stream)
        self.copy(self.rows[0], x0)
        for i, row_start in rows.items():
            if row_start is None:
                self.copy(self.rows[i], x0, zero=True)
            else:
                self.rows[i].copy_to_device(row_start.astype(real), stream=stream)
        threads = SIMULATED_THREADS if simulated() else THREADS
        key = loop, real, threads, extra.shape[0], fixed_of(start.numbers)
        advance, find = self._kernel(key), _compiled(*key)[2]
        self.numbers = self._put(np.zeros(2, real))
        self.state = (
            self.ints,
            self.floats,
            extra,
            cuda.device_array((1, 1, 1), real, stream=stream),
        )
        finds = self._found_in(self.point, self.gradient, 0)
        blocks = min(
            -(-self._shares() // threads),
            most_blocks(advance, threads, self._arguments(self.gradient, self.value, 0, 0)),
            most_blocks(find, threads, finds),
        )
        partials = cuda.device_array((2, MOST_VALUES, blocks), real, stream=stream)
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
        return self.rows, self.state, (self.point, g, f), mode, last

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

    def _found_in(self, x: Any, g: Any, row: int) -> tuple:
        """What the other kernel is launched with."""
        return self.rows, self.state, (x, g, self.numbers, row), layout.RUNNING, 0

    def found(self, x: Any, g: Any, row: int) -> tuple[float, float]:
        """Write the point in a row and its gradient; returns the run's fun and the norm there.

        Of the row -1 the point that the run ends with.
        """
        self._find(*self._found_in(x, g, row))
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
        return self.rows, self.state, (objective.w, objective.args, count), mode, last

    def evaluate(self, count: int, last: int) -> None:
        """Queue so many evaluations, and what follows from each."""
        self._advance(*self._arguments(None, None, layout.EVALUATED, last, count))
