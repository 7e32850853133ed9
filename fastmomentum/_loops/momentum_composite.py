"""Momentum on f + h, h separable: bounds, absolute values, squares.

A proximal-gradient step finds the face of the solution: which variables are at a bound, at zero,
or free. On the face f + h is smooth, and momentum with automatic coefficients minimizes over the
free variables; its steps are cut to their cells, and a variable that reaches an edge is fixed.
When the fixed variables are further from optimal than the free ones, the next proximal-gradient
step chooses the face anew. Its length is that of Barzilai and Borwein, made safe by a nonmonotone
search (Wright, Nowak and Figueiredo 2009).

A state machine with one place that evaluates, like the automatic momentum. What follows an
evaluation is a function of this file, which returns what to do next. After its rows stand
those of bounds and penalty, after its own numbers N_LEVELS values of f + h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language.layout import (
    ACCEPT_FROM_REAL,
    AHEAD_OF_BASE,
    AT_START,
    FACE_GRADIENT_ROW,
    FIRST_LEVEL,
    N_LEVELS,
    N_POINTS,
    NEW_DIRECTION,
    SEARCHING,
    STOP,
    TO_EVALUATE,
    TRY,
)
from .._numba.jit import ANY_ORDER, part
from .._numba.words import larger, own_numbers, row, smaller, summed, variables
from . import automatic
from .automatic import Parts
from .direction import downhill, momentum_direction
from .evaluation import judge_trial
from .line_search import highest, shorter
from .metric import make_room
from .norms import largest_magnitude, measure_step
from .phases import record_row, run_begins
from .stopping import accept_trial, base_from_real, converge_at_real, fail
from .terms import (
    face_trial,
    find_face,
    gap_closed,
    proximal_residual,
    proximal_step,
    shrink_pairs,
    store_face_pair,
)


@part
def first_level(ints):
    """Where the last values of f + h begin among its own numbers, behind those of the pairs."""
    return 2 * ints.MEMORY + FIRST_LEVEL


@part(fastmath=ANY_ORDER)
def at_start(rows, ints, floats, good):
    """The first point of the run."""
    if not run_begins(rows, ints, floats, good):
        return STOP
    own = own_numbers(rows, floats)
    for j in range(N_LEVELS):
        own[first_level(ints) + j] = floats.FUN_TRIAL
    floats.PROX_STEP = floats.STEP
    floats.NORM_REAL = proximal_residual(rows, ints, floats, ints.REAL)
    ints.FREE = -1
    floats.REACH = 1.0
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def judge_proximal_step(rows, ints, floats, good):
    """Is the end of the proximal-gradient step low enough, beside the values before?"""
    f = floats.FUN_TRIAL
    own = own_numbers(rows, floats)
    level = highest(own, first_level(ints), N_LEVELS)
    gain = floats.SLOPE / floats.PROX_STEP
    rounding = 45.0 * floats.EPSILON * abs(floats.FUN_REAL)
    ints.TRIALS += 1
    if good and f <= level - 1e-4 * gain + rounding:
        floats.LEARNING_RATE = floats.PROX_STEP
        return ACCEPT_FROM_REAL
    if ints.TRIALS > 60 or floats.PROX_STEP < 1e-300 or gain == 0.0:
        ints.LINE_SEARCH_FAILURES += 1
        return fail(ints)
    floats.PROX_STEP *= shorter(floats, good, gain)
    return TRY


@part(fastmath=ANY_ORDER)
def judge_face_step(ints, floats, good):
    """Is the end of the step on the face low enough?"""
    f = floats.FUN_TRIAL
    step = floats.STEP
    gain = -1e-4 * step * floats.SLOPE
    if ints.VIRTUAL != 0:
        gain *= 0.5
    rounding = 4.5 * floats.EPSILON * abs(floats.FUN_REAL)
    ints.TRIALS += 1
    if good and f <= floats.FUN_REAL - gain + rounding:
        floats.LEARNING_RATE = step * floats.RATE
        return ACCEPT_FROM_REAL
    if ints.TRIALS > 15:
        ints.LINE_SEARCH_FAILURES += 1
        ints.FACE_STEPS = 1000
        return NEW_DIRECTION
    cut = good and ints.VIRTUAL != 0
    floats.STEP *= 0.3 if cut else shorter(floats, good, -step * floats.SLOPE)
    return TRY


@part(fastmath=ANY_ORDER)
def take_step(rows, ints, floats):
    """The trial is the real point now: its face, its pair, the next proximal-gradient step."""
    phase = ints.PHASE
    origin = ints.REAL
    measure_curvature(rows, ints, floats)
    f = floats.FUN_TRIAL
    lowered = f < floats.FUN_REAL
    gain = f - floats.FUN_REAL
    accept_trial(ints, floats)
    base_from_real(ints, floats)
    floats.NORM_REAL = proximal_residual(rows, ints, floats, ints.REAL)
    own = own_numbers(rows, floats)
    own[first_level(ints) + ints.ITERATION % N_LEVELS] = f
    lowered = lowered or floats.NORM_REAL < 0.9 * floats.STALL_NORM
    ints.FAILURES = 0 if lowered else ints.FAILURES + 1
    if ints.FAILURES > 30 and floats.NORM_REAL > floats.GTOL:
        return fail(ints)
    before = ints.FREE
    changed = find_face(rows, ints, floats, ints.REAL)
    if phase == SEARCHING:
        settled = before >= 0 and changed <= larger(2, ints.FREE // 10)
        if changed > 0:
            ints.COUNT = 0
            ints.HEAD = 0
        ints.FACE_STEPS = 0 if settled else 1000
    else:
        ints.FACE_STEPS += 1
        if changed > 0:
            shrink_pairs(rows, ints, floats)
    pairs = ints.PAIRS_SEEN
    sy = store_face_pair(rows, ints, floats, origin)
    if phase != SEARCHING:
        # Of a quadratic, the values and the slopes tell the same.
        along = floats.STEP * floats.SLOPE
        cubic = abs(gain - along - 0.5 * sy) - 450.0 * floats.EPSILON * abs(f)
        whole = ints.TRIALS == 1 and ints.VIRTUAL == 0 and changed == 0
        make_room(ints, whole and cubic <= -0.01 * along)
    # Without curvature along the direction nothing tells how long the step must be.
    straight = phase != SEARCHING and ints.PAIRS_SEEN == pairs and ints.TRIALS == 1
    floats.REACH = smaller(10.0 * floats.REACH, 1e10) if straight else 1.0
    ints.COMPLETED = 1
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def measure_curvature(rows, ints, floats):
    """The length of the next proximal-gradient step, from the step to the trial."""
    n = ints.SIZE
    x = row(rows, ints.TRIAL)
    g = row(rows, N_POINTS + ints.TRIAL)
    xr = row(rows, ints.REAL)
    gr = row(rows, N_POINTS + ints.REAL)
    sy = 0.0
    ss = 0.0
    for i in variables(n):
        s_i = x[i] - xr[i]
        sy += np.float64(s_i) * (g[i] - gr[i])
        ss += np.float64(s_i) * s_i
    sy, ss = summed(rows, (sy, ss))
    if floats.XTOL > 0.0:
        measure_step(rows, x, xr, n, floats)
    if sy > 0.0:
        found = smaller(ss / sy, 1e3 * floats.PROX_STEP)
        floats.PROX_STEP = larger(found, 1e-3 * floats.PROX_STEP)
    elif ints.PHASE == SEARCHING:
        # No curvature; or no change at all, by rounding.
        floats.PROX_STEP *= 10.0 if ss > 0.0 else 1000.0
        floats.PROX_STEP = smaller(floats.PROX_STEP, 1e300)


def begin(rows, ints, floats, history, last):
    """The tests at the real point; then a direction on its face, or a proximal-gradient step."""
    closed = floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats)
    if closed or floats.NORM_REAL <= floats.GTOL:
        return converge_at_real(ints)
    if ints.ITERATION >= last:
        return STOP
    record_row(ints, floats, history)
    floats.FUN_PREVIOUS = floats.FUN_REAL
    ints.TRIALS = 0
    ints.PHASE = SEARCHING
    gradient_row = ints.TERMS + FACE_GRADIENT_ROW
    inside = 0.0
    if ints.FREE > 0:
        inside = largest_magnitude(rows, row(rows, gradient_row), ints.SIZE)
    if inside > 0.3 * floats.VIOLATION and ints.FACE_STEPS < 200:
        total = 0.0
        size = 0.0
        if ints.COUNT > 0:
            total, size = momentum_direction(rows, ints, floats, gradient_row)
        if not (total < -45.0 * floats.EPSILON * size and abs(total) < np.inf):
            if ints.COUNT > 0:
                ints.N_RESTARTS += 1
                ints.COUNT = 0
                ints.HEAD = 0
            total = downhill(rows, ints, floats, gradient_row)
        if total < 0.0 and abs(total) < np.inf and floats.SCALE > 0.0:
            floats.SLOPE = total
            floats.STEP = floats.REACH
            ints.PHASE = AHEAD_OF_BASE
    return TRY


def place(rows, ints, floats, action):
    """The trial is a proximal-gradient step from the real point, or a step on its face."""
    if action != TRY:
        return
    ints.TRIAL = 0
    while ints.TRIAL == ints.REAL or ints.TRIAL == ints.BEST:
        ints.TRIAL += 1
    if ints.PHASE == SEARCHING:
        floats.SLOPE = proximal_step(rows, ints, floats)
    else:
        ints.VIRTUAL = face_trial(rows, ints, floats)
    ints.PENDING = TO_EVALUATE


def judge(rows, ints, floats):
    """The trial is evaluated, and h is known there."""
    floats.FUN_TRIAL += floats.PENALTY
    good = judge_trial(rows, ints, floats)
    phase = ints.PHASE
    if phase == AT_START:
        action = at_start(rows, ints, floats, good)
    elif phase == SEARCHING:
        action = judge_proximal_step(rows, ints, floats, good)
    else:
        action = judge_face_step(ints, floats, good)
    return take_step(rows, ints, floats) if action == ACCEPT_FROM_REAL else action


def make(real: str) -> Any:
    """The loop in the precision `real`."""
    return automatic.make("momentum_composite", Parts(judge, begin, place), False, real)
