"""The loop of a method whose learning rate is given, for a thread that has one problem to itself.

The results of the processor's loop, `_loops.given_rate`, with another layout: the table of rows has
the point, its gradient and the method's vectors, and a step overwrites them. So their places are
known when a kernel is compiled, and they stay in registers. The best point lies in global memory,
where it costs a store per variable when a new one is found; its gradient is evaluated again if it
is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._language.layout import (
    EVALUATED,
    NORM_1,
    NORM_2,
    NORM_INF,
    NORM_MIN,
    NORM_P,
    RUNNING,
    STATUS_CONVERGED,
    STATUS_MAXFEV,
    STATUS_NONFINITE,
    STATUS_PRECISION_LOSS,
    TO_EVALUATE,
)
from .._loops.outcome import write_numbers
from .._loops.stopping import ending_of
from .._loops.table import LOOPS
from .._methods import METHODS
from .._numba.calls import call_evaluate, call_norm
from .._numba.words import larger, larger_magnitude, no_magnitude, row, smaller
from .automatic import read_run, status_of
from .functions import bound
from .rules import (
    added_changes,
    carried_of,
    carry,
    clipped,
    constants_of,
    entries,
    rule,
    slots_from,
    store_carried,
    store_entries,
    words_of_rule,
)
from .views import OWN, TABLE
from .words import words_of

X, GRADIENT, SLOTS = range(3)  # rows; those of the slots are the last
# Where the point is that a run ends with.
THE_BEST, THE_LAST = range(2)


def make(
    name: str, real: Any, fixed: tuple[tuple[str, int], ...], evaluate: Callable
) -> tuple[Any, Any, Any]:
    """Functions of a device that begin a problem, advance it, and write down what was found.

    Arguments as those of the functions in `automatic`.
    """
    words = words_of(real, fixed, evaluate) | words_of_rule(METHODS[LOOPS[name].family])
    return bound((begin, advance, finish), real, words)


def begin(rows, ints, floats, problem, first):
    """Start a problem."""
    best, lower, upper = problem
    first_ints, first_floats, first_extra, _, _ = first
    table = rows[TABLE]
    read_run(rows, ints, floats, (first_ints, first_floats, first_extra))
    n = table.shape[1]
    ints.SIZE = n
    for i in range(n):
        x_i = best[i]
        if ints.BOUNDED != 0:
            x_i = lower[i] if x_i < lower[i] else x_i
            x_i = upper[i] if x_i > upper[i] else x_i
            best[i] = x_i
        table[X, i] = x_i
        store_entries(table, SLOTS, i, slots_from(x_i))


def drive(rows, ints, floats, problem, rates, context, last):
    """Go on until the run ends, or iteration `last`."""
    _, lower, upper = problem
    learning_rates, momenta = rates
    table, own = rows[TABLE], rows[OWN]
    n = table.shape[1]
    x = row(rows, X)
    g = row(rows, GRADIENT)
    zero, one = 0.0, 1.0
    constants = constants_of(own)
    carried = carried_of(own)
    constant = ints.RATE_STRIDE == 0 and ints.MOMENTUM_STRIDE == 0
    status = RUNNING
    while status == RUNNING:
        k = ints.ITERATION
        if ints.PENDING == TO_EVALUATE:
            status = evaluated_and_tested(rows, ints, floats, problem, context)
            if status != RUNNING:
                break
        if k >= last:
            break
        stride = ints.MOMENTUM_STRIDE
        learning_rate = learning_rates[k * ints.RATE_STRIDE]
        given = (learning_rate, momenta[k * stride], momenta[(k + 1) * stride])
        carried, settled = carry(constants, carried, zero, one)
        x_size = no_magnitude(x)
        step_size = no_magnitude(x)
        slot_bits = no_magnitude(x)
        for i in range(n):
            g_i = g[i]
            x_i = x[i]
            old = entries(table, SLOTS, i)
            x_new_i, new = rule(x_i, g_i, old, given, constants, carried, zero, one)
            slot_bits = added_changes(slot_bits, new, old)
            if ints.BOUNDED != 0:
                x_new_i, new = clipped(x_new_i, new, lower[i], upper[i], given[2])
            x[i] = x_new_i
            store_entries(table, SLOTS, i, new)
            x_size = larger_magnitude(x_size, x_i)
            step_size = larger_magnitude(step_size, x_new_i - x_i)
        floats.X_NORM = x_size
        floats.STEP_NORM = step_size
        floats.NEXT_RATE = learning_rate
        if constant and settled and step_size == 0.0 and slot_bits == 0.0:
            # A fixed point of the iteration in this arithmetic: nothing can change any more.
            status = STATUS_PRECISION_LOSS
            ints.RESULT = THE_BEST
        ints.ITERATION = k + 1
        ints.PENDING = TO_EVALUATE
    ints.STATUS = status
    store_carried(own, carried)


def evaluated_and_tested(rows, ints, floats, problem, context):
    """Evaluate the point; returns why the run ends there, or RUNNING."""
    best, lower, upper = problem
    if ints.NFEV + ints.COST_FUN > ints.MAXFEV:
        return STATUS_MAXFEV
    n = rows[TABLE].shape[1]
    x = row(rows, X)
    g = row(rows, GRADIENT)
    f = call_evaluate(0, x, g, n, context)
    ints.NFEV += ints.COST_FUN
    ints.NJEV += ints.COST_JAC
    ints.PENDING = EVALUATED
    floats.FUN_PREVIOUS = floats.FUN
    floats.FUN = f
    if not abs(f) < np.inf:
        return STATUS_NONFINITE
    ints.NIT = ints.ITERATION
    improves = ints.BEST < 0 or f < floats.FUN_BEST
    ending = ending_of(ints, floats, improves)
    grad_norm = test_norm(rows, ints, floats, lower, upper)
    floats.GRAD_NORM = grad_norm
    if not (all_finite(g, n) and grad_norm < np.inf):
        ints.NIT = larger(ints.ITERATION - 1, 0)
        return STATUS_NONFINITE
    # A point counts as the best only if its gradient, too, is finite.
    if improves:
        ints.BEST = 0
        floats.FUN_BEST = f
        for i in range(n):
            best[i] = x[i]
    floats.LEARNING_RATE = floats.NEXT_RATE
    ints.RESULT = THE_LAST
    if grad_norm <= floats.GTOL:
        return STATUS_CONVERGED
    if ending != RUNNING:
        ints.RESULT = THE_BEST
    return ending


def advance(rows, ints, floats, problem, rates, context, stretch, maxiter):
    """Some iterations; returns whether the run has ended."""
    last = smaller(ints.ITERATION + stretch, maxiter)
    drive(rows, ints, floats, problem, rates, context, last)
    return ints.STATUS != RUNNING or ints.ITERATION >= maxiter


def finish(rows, ints, floats, problem, found, context, ended):
    """Write down what was found."""
    x_out, lower, upper = problem
    g_out, numbers, counts = found
    n = rows[TABLE].shape[1]
    x = row(rows, X)
    g = row(rows, GRADIENT)
    status = status_of(ints, ended)
    value = floats.FUN
    if ints.BEST >= 0 and not (status == STATUS_CONVERGED and ints.RESULT == THE_LAST):
        value = floats.FUN_BEST
        for i in range(n):
            x[i] = x_out[i]
        # Not counted: the best point was evaluated before.
        call_evaluate(0, x, g, n, context)
    evaluated = ints.NFEV > 0
    for i in range(n):
        x_out[i] = x[i]
        g_out[i] = g[i] if evaluated else np.nan
    numbers[0] = value if evaluated else np.nan
    numbers[1] = test_norm(rows, ints, floats, lower, upper) if evaluated else np.nan
    write_numbers(numbers, counts, ints, floats, status)


def test_norm(rows, ints, floats, lower, upper):
    """Norm of the convergence test at the point."""
    n = rows[TABLE].shape[1]  # known to the compiler where the table is local
    x = row(rows, X)
    g = row(rows, GRADIENT)
    size = 0.0
    if ints.BOUNDED == 0:
        if ints.NORM != NORM_INF:
            return call_norm(0, rows, g, n, ints.NORM, floats.NORM_ORDER)
        for i in range(n):
            size = larger_magnitude(size, g[i])
        return size
    # Without an array for the residual, norms other than the largest are summed here.
    for i in range(n):
        r_i = bounded_residual(x[i], g[i], lower[i], upper[i])
        if ints.NORM == NORM_INF:
            size = larger_magnitude(size, r_i)
        elif ints.NORM == NORM_MIN:
            size = abs(r_i) if i == 0 or not abs(r_i) >= size else size
        else:
            size = norm_term(size, r_i, ints.NORM, floats.NORM_ORDER)
    return norm_of_sum(size, ints.NORM, floats.NORM_ORDER)


def bounded_residual(x, g, low, high):
    """x - clip(x - g) of one variable; where x is large, x - g would lose g to rounding."""
    r = x - high if g < x - high else g
    return x - low if r > x - low else r


def norm_term(total, r, norm, order):
    """A norm's sum with one variable's share added."""
    if norm == NORM_1:
        total += abs(r)
    elif norm == NORM_2:
        total += r * r
    elif norm == NORM_P:
        total += abs(r) ** order
    return total


def norm_of_sum(total, norm, order):
    """The norm from its sum, or from the size that it is."""
    if norm == NORM_2:
        return math.sqrt(total)
    if norm == NORM_P:
        return total ** (1.0 / order)
    return total


def all_finite(g, n):
    """Are all entries finite?"""
    size = 0.0
    for i in range(n):
        size = larger_magnitude(size, g[i])
    return size < np.inf
