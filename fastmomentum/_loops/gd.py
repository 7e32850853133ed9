"""Gradient descent with an automatic learning rate.

The step lengths are those of Barzilai and Borwein (1988), long or short by turns as they differ
(Zhou, Gao and Dai 2006), made safe by the nonmonotone line search of Raydan (1997). x is always an
evaluated point.

Composite: the proximal gradient method on f + h, x <- prox(x - t grad(x)), with these lengths and
this search (SpaRSA: Wright, Nowak and Figueiredo 2009).

Of its own numbers it has the last LOOK_BACK values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language.layout import (
    ACCEPT_FROM_REAL,
    AT_START,
    LOOK_BACK,
    N_POINTS,
    NEW_DIRECTION,
    SEARCHING,
    STOP,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .._numba.jit import ANY_ORDER, part
from .._numba.words import larger, own_numbers, row, smaller, summed, variables
from . import automatic
from .automatic import Parts
from .evaluation import judge_trial
from .line_search import first_decrease, highest, shorter
from .norms import measure_step, square
from .phases import gradient_step, record_row, run_begins
from .stopping import accept_trial, base_from_real, converge_at_real, converge_at_trial, fail
from .terms import gap_closed


@part(fastmath=ANY_ORDER)
def at_start(rows, ints, floats, good):
    """The first point of the run."""
    if not run_begins(rows, ints, floats, good):
        return STOP
    own = own_numbers(rows, floats)
    for j in range(LOOK_BACK):
        own[j] = floats.FUN_TRIAL
    ints.PREVIOUS = -1
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def judge_step(rows, ints, floats, good):
    """Is the step's end low enough?"""
    lower = floats.FUN_TRIAL <= floats.FUN_REAL
    if good and floats.NORM_TRIAL <= floats.GTOL and lower:
        return converge_at_trial(ints, floats)
    rounding = 450.0 * floats.EPSILON * abs(floats.FUN_REAL)
    return search_trial(rows, ints, floats, good, first_decrease(floats), rounding, False)


@part(fastmath=ANY_ORDER)
def judge_proximal_step(rows, ints, floats, good):
    """Is the end of the proximal-gradient step low enough?"""
    gain = floats.SLOPE / floats.STEP
    rounding = 45.0 * floats.EPSILON * abs(floats.FUN_REAL)
    still = gain == 0.0  # by rounding
    return search_trial(rows, ints, floats, good, gain, rounding, still)


@part(fastmath=ANY_ORDER)
def search_trial(rows, ints, floats, good, gain, rounding, still):
    """Accept a value below the highest of the last ones, by a part of `gain`; else a shorter step.

    Without a step, `still`, the search has failed.
    """
    f = floats.FUN_TRIAL
    own = own_numbers(rows, floats)
    level = highest(own, 0, LOOK_BACK)
    ints.TRIALS += 1
    if good and f <= level - 1e-4 * gain + rounding:
        ints.FAILURES = 0 if f < level else ints.FAILURES + 1
        if ints.FAILURES > 30:
            # Rounding is all that is left.
            return fail(ints)
        return ACCEPT_FROM_REAL
    if ints.TRIALS > 60 or floats.STEP < 1e-300 or still:
        ints.LINE_SEARCH_FAILURES += 1
        return fail(ints)
    floats.STEP *= shorter(floats, good, gain)
    return TRY


@part(fastmath=ANY_ORDER)
def take_step(rows, ints, floats, composite):
    """The trial is the real point now; the length of the next step."""
    n = ints.SIZE
    x = row(rows, ints.TRIAL)
    g = row(rows, N_POINTS + ints.TRIAL)
    xr = row(rows, ints.REAL)
    gr = row(rows, N_POINTS + ints.REAL)
    sy = 0.0
    ss = 0.0
    yy = 0.0
    total = 0.0
    for i in variables(n):
        s_i = x[i] - xr[i]
        y_i = g[i] - gr[i]
        sy += np.float64(s_i) * y_i
        ss += np.float64(s_i) * s_i
        yy += np.float64(y_i) * y_i
        if not composite:
            total += np.float64(g[i]) * g[i]
    sy, ss, yy, total = summed(rows, (sy, ss, yy, total))
    if floats.XTOL > 0.0:
        measure_step(rows, x, xr, n, floats)
    step = floats.STEP
    floats.LEARNING_RATE = step
    accept_trial(ints, floats)
    base_from_real(ints, floats)
    own = own_numbers(rows, floats)
    own[ints.HEAD] = floats.FUN_REAL
    ints.HEAD = (ints.HEAD + 1) % LOOK_BACK
    if not composite:
        square(rows, g, n, floats, total)
    if sy > 0.0 and yy > 0.0:
        long = ss / sy
        short = sy / yy
        floats.STEP = short if short < 0.5 * long and yy < np.inf else long
    else:
        # No curvature; or no change at all, by rounding.
        floats.STEP = step * (1000.0 if composite and not ss > 0.0 else 10.0)
    floats.STEP = smaller(larger(floats.STEP, 1e-300), 1e300 if composite else 1e100)
    ints.COMPLETED = 1
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def step_from_real(ints, floats):
    """Begin a search from the real point."""
    floats.FUN_PREVIOUS = floats.FUN_REAL
    ints.AHEAD = ints.REAL
    ints.TRIALS = 0
    ints.PHASE = SEARCHING
    return TRY


def judge(rows, ints, floats):
    """The trial is evaluated."""
    good = judge_trial(rows, ints, floats)
    if ints.PHASE == AT_START:
        return at_start(rows, ints, floats, good)
    action = judge_step(rows, ints, floats, good)
    return take_step(rows, ints, floats, False) if action == ACCEPT_FROM_REAL else action


def judge_composite(rows, ints, floats):
    """The trial is evaluated, and h is known there."""
    floats.FUN_TRIAL += floats.PENALTY
    good = judge_trial(rows, ints, floats)
    if ints.PHASE == AT_START:
        return at_start(rows, ints, floats, good)
    action = judge_proximal_step(rows, ints, floats, good)
    return take_step(rows, ints, floats, True) if action == ACCEPT_FROM_REAL else action


def begin(rows, ints, floats, history, last):
    """The gradient test at the real point; then a step from there."""
    if floats.NORM_REAL <= floats.GTOL:
        return converge_at_real(ints)
    if ints.ITERATION >= last:
        return STOP
    record_row(ints, floats, history)
    return step_from_real(ints, floats)


def begin_composite(rows, ints, floats, history, last):
    """The test of the gap at the real point; then a step from there."""
    if floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats):
        return converge_at_real(ints)
    return step_from_real(ints, floats)


def place(rows, ints, floats, action):
    """The trial is a gradient step from the real point."""
    if action == TRY:
        gradient_step(rows, ints, floats, TO_EVALUATE)


def place_composite(rows, ints, floats, action):
    """The trial is to be the proximal point of that step."""
    if action == TRY:
        gradient_step(rows, ints, floats, TO_PROX)


def make(composite: bool, real: str) -> Any:
    """The loop, for f or for f + h, in the precision `real`."""
    if composite:
        parts = Parts(judge_composite, begin_composite, place_composite)
        return automatic.make("gd_composite", parts, True, real)
    return automatic.make("gd_auto", Parts(judge, begin, place), False, real)
