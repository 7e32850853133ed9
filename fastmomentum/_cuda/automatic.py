"""The processor's automatic loops, bound for a thread that has one problem to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._language.layout import (
    LOWER_ROW,
    N_POINTS,
    NORM_INF,
    NOT_RUN,
    RUNNING,
    STATUS_CONVERGED,
    STATUS_MAXITER,
    TO_EVALUATE,
    UPPER_ROW,
)
from .._loops.drivers import driver
from .._loops.table import LOOPS
from .._loops.terms import clip_to_bounds, penalty_at, proximal_residual
from .._numba.calls import call_norm
from .._numba.words import larger_magnitude, row, smaller
from .functions import bound, python_function
from .numbers import read_floats, read_ints
from .views import OWN, TABLE
from .words import words_of


def loop_of(name: str, real: Any) -> Any:
    """The loop of this name as a Python function."""
    return python_function(driver(LOOPS[name], np.dtype(real)))


def loop(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
    """The processor's loop that a kernel is for, see `_loops`."""
    raise NotImplementedError


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
    read_ints(ints, first_ints)
    read_floats(floats, first_floats)
    for j in range(rows[OWN].shape[0]):
        rows[OWN][j] = first_extra[j]
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
    n = ints.SIZE
    status = ints.STATUS
    if status == RUNNING:
        status = STATUS_MAXITER if ended else NOT_RUN
    point = ints.CURRENT
    if ints.BEST >= 0:
        point = ints.BEST
    if status == STATUS_CONVERGED:
        point = ints.RESULT
    evaluated = ints.BEST >= 0 or ints.PENDING != TO_EVALUATE
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    norm = 0.0
    for i in range(n):
        x_out[i] = x[i]
        g_i = g[i] if evaluated else np.nan
        g_out[i] = g_i
        norm = larger_magnitude(norm, g_i)
    if evaluated:
        if ints.TERMS != 0 and norm < np.inf:
            norm = proximal_residual(rows, ints, floats, point)
        elif ints.NORM != NORM_INF:
            norm = call_norm(0, rows, g, n, ints.NORM, floats.NORM_ORDER)
    numbers[0] = floats.FUN_BEST if point == ints.BEST else floats.FUN
    numbers[1] = norm
    write_counts(counts, status, ints, floats, numbers)


def write_counts(counts, status, ints, floats, numbers):
    """What of the result is numbers of the run."""
    numbers[2] = floats.LEARNING_RATE
    counts[0] = status
    counts[1] = ints.NIT
    counts[2] = ints.NFEV
    counts[3] = ints.NJEV
    counts[4] = ints.N_RESTARTS
    counts[5] = ints.LINE_SEARCH_FAILURES
