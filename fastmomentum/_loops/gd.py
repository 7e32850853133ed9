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
    EVALUATED,
    LOOK_BACK,
    N_POINTS,
    NEW_DIRECTION,
    RUNNING,
    SEARCHING,
    STOP,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .._numba.jit import ANY_ORDER, cached_loop, part
from .._numba.words import larger, named, own_numbers, row, rows_of, smaller, summed, variables
from .evaluation import judge_trial
from .line_search import first_decrease
from .norms import measure_step, square
from .phases import (
    finish_proximal_step,
    gradient_step,
    iteration_ends_run,
    record_row,
    run_begins,
    show_real_point,
    trial_evaluated,
)
from .stopping import accept_trial, base_from_real, converge_at_real, converge_at_trial, failure
from .terms import gap_closed


@part(fastmath=ANY_ORDER)
def at_start(rows, ints, floats, good):
    """The first point of the run."""
    x = row(rows, ints.TRIAL)
    g = row(rows, N_POINTS + ints.TRIAL)
    if not run_begins(rows, x, g, ints, floats, good):
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
    level = own[0]
    for j in range(LOOK_BACK):
        level = larger(level, own[j])
    ints.TRIALS += 1
    if good and f <= level - 1e-4 * gain + rounding:
        ints.FAILURES = 0 if f < level else ints.FAILURES + 1
        if ints.FAILURES > 30:
            # Rounding is all that is left.
            ints.STATUS = failure(ints)
            return STOP
        return ACCEPT_FROM_REAL
    if ints.TRIALS > 60 or floats.STEP < 1e-300 or still:
        ints.LINE_SEARCH_FAILURES += 1
        ints.STATUS = failure(ints)
        return STOP
    share = 0.1
    if good:
        # The minimum of the parabola through both values and the slope.
        share = 0.5 * gain / (f - floats.FUN_REAL + gain)
        share = smaller(larger(share, 0.1), 0.5)
    floats.STEP *= share
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
def new_direction(ints, floats, history, last):
    """The gradient test at the real point; then a step from there."""
    if floats.NORM_REAL <= floats.GTOL:
        return converge_at_real(ints)
    if ints.ITERATION >= last:
        return STOP
    record_row(ints, floats, history)
    return step_from_real(ints, floats)


@part(fastmath=ANY_ORDER)
def step_from_real(ints, floats):
    """Begin a search from the real point."""
    floats.FUN_PREVIOUS = floats.FUN_REAL
    ints.AHEAD = ints.REAL
    ints.TRIALS = 0
    ints.PHASE = SEARCHING
    return TRY


def make(composite: bool, real: str) -> Any:
    """The loop, for f or for f + h, in the precision `real`."""

    def drive(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
        # evaluate   IN     address of the evaluation, 0: return to the caller for each evaluation
        # context    IN     address of its context
        # workspace  INOUT  address of the rows: points, their gradients, and the method's own
        # ints       INOUT  (len(INTS),)
        # floats     INOUT  the numbers of FLOATS, and the method's own
        # rates, momenta    not read, but for the dtype of the rows
        # history    OUT    (rows, 3): fun, gradient norm, learning rate
        # last       IN     return before iteration `last`
        ints = named(ints)
        floats = named(floats)
        rows = rows_of(workspace, ints.STRIDE, ints.SIZE, rates)
        ints.STATUS = RUNNING
        action = NEW_DIRECTION
        while True:
            if composite:
                action = finish_proximal_step(rows, ints, floats, history, last, action)
                if action == STOP:
                    break
            if ints.PENDING != EVALUATED:
                x = row(rows, ints.TRIAL)
                g = row(rows, N_POINTS + ints.TRIAL)
                if not trial_evaluated(evaluate, context, x, g, ints, floats):
                    break
                if composite:
                    floats.FUN_TRIAL += floats.PENALTY
                good = judge_trial(rows, g, ints, floats)
                if ints.PHASE == AT_START:
                    action = at_start(rows, ints, floats, good)
                elif composite:
                    action = judge_proximal_step(rows, ints, floats, good)
                else:
                    action = judge_step(rows, ints, floats, good)
                if action == ACCEPT_FROM_REAL:
                    action = take_step(rows, ints, floats, composite)
                if action == STOP:
                    break
            if ints.COMPLETED != 0 and iteration_ends_run(ints, floats, history):
                break
            if action == NEW_DIRECTION:
                if composite:
                    closed = floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats)
                    action = converge_at_real(ints) if closed else step_from_real(ints, floats)
                else:
                    action = new_direction(ints, floats, history, last)
                if action == STOP:
                    break
            if action == TRY:
                gradient_step(rows, ints, floats)
                ints.PENDING = TO_PROX if composite else TO_EVALUATE
        show_real_point(ints, floats, history)

    kind = "composite" if composite else "auto"
    drive.__name__ = drive.__qualname__ = f"drive_gd_{kind}_{real}"
    return cached_loop(drive, fastmath=ANY_ORDER)
