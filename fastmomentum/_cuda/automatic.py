"""The processor's automatic loops, bound for a thread that has one problem to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._language.layout import LOWER_ROW, NOT_RUN, RUNNING, STATUS_MAXITER, UPPER_ROW
from .._loops.drivers import driver
from .._loops.outcome import write_numbers, write_result
from .._loops.table import LOOPS
from .._loops.terms import clip_to_bounds, penalty_at, proximal_residual
from .._numba.words import row, smaller
from .functions import Word, bound, python_function
from .numbers import read_floats, read_ints
from .views import OWN, TABLE
from .words import words_of


def loop_of(name: str, real: Any) -> Any:
    """The loop of this name as a Python function."""
    return python_function(driver(LOOPS[name], np.dtype(real)))


loop = Word("the processor's loop that a kernel is for, see `_loops`")


def make(
    name: str, real: Any, fixed: tuple[tuple[str, int], ...], evaluate: Callable
) -> tuple[Any, Any, Any]:
    """Functions of a device that begin a problem, advance it, and write down what was found."""
    words = words_of(real, fixed, evaluate) | {loop: loop_of(name, real)}
    return bound((begin, advance, finish), real, words)


def begin(rows, ints, floats, problem, first):
    """Start a problem."""
    # rows     OUT    see words.py: those of one problem
    # ints     OUT    its numbers
    # floats   OUT
    # problem  INOUT  where it starts; its bounds, of length 0 where it has none of its own
    # first    IN     what numbers and rows start from, and which rows: those that are read before
    #                 they are written
    best, lower, upper = problem
    first_ints, first_floats, first_extra, first_rows, start_rows = first
    read_run(rows, ints, floats, (first_ints, first_floats, first_extra))
    start = row(rows, 0)
    n = start.shape[0]
    ints.SIZE = n
    for i in range(n):
        start[i] = best[i]
    for k in range(start_rows.shape[0]):
        j = start_rows[k]
        target = row(rows, j)
        for i in range(n):
            target[i] = first_rows[j, i]
    if ints.TERMS != 0:
        if lower.shape[0] > 0:
            low, high = row(rows, ints.TERMS + LOWER_ROW), row(rows, ints.TERMS + UPPER_ROW)
            for i in range(n):
                low[i] = lower[i]
                high[i] = upper[i]
        clip_to_bounds(rows, ints, 0)
        floats.PENALTY = penalty_at(rows, ints, 0)


def advance(rows, ints, floats, problem, rates, context, stretch, maxiter):
    """Some iterations; returns whether the run has ended."""
    last = smaller(ints.ITERATION + stretch, maxiter)
    loop(1, context, rows, ints, floats, rows[OWN], rows[OWN], rows[TABLE], last)
    return ints.STATUS != RUNNING or ints.ITERATION >= maxiter


def finish(rows, ints, floats, problem, found, context, ended):
    """Write down what was found."""
    # found  OUT  gradient, numbers and counts of the problem; its point is where it started
    x_out = problem[0]
    g_out, numbers, counts = found
    status = status_of(ints, ended)
    value, norm, point = write_result(rows, ints, floats, status, x_out, g_out)
    if ints.TERMS != 0 and point >= 0:
        norm = proximal_residual(rows, ints, floats, point)
    numbers[0] = value
    numbers[1] = norm
    write_numbers(numbers, counts, ints, floats, status)


def status_of(ints, ended):
    """How a run ends that may still be under way."""
    if ints.STATUS != RUNNING:
        return ints.STATUS
    return STATUS_MAXITER if ended else NOT_RUN


def read_run(rows, ints, floats, first):
    """Read the numbers that a run starts from, or goes on from."""
    first_ints, first_floats, first_extra = first
    read_ints(ints, first_ints)
    read_floats(floats, first_floats)
    for j in range(rows[OWN].shape[0]):
        rows[OWN][j] = first_extra[j]
