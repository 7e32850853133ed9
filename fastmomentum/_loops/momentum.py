"""Momentum with automatic coefficients: look-ahead momentum ("LAM").

The last MEMORY velocities s and their changes of the gradient y give the coefficients of the
direction (two loops, as in L-BFGS: Nocedal 1980; one velocity is classical momentum with an
automatic learning rate and momentum). The function is evaluated once at the look-ahead point
x + t d. Where it behaves like a quadratic along d, the exact minimum along d follows without
another evaluation: the base point moves there and its gradient is interpolated, a virtual exact
line search. Otherwise: a line search with the approximate Wolfe conditions. A virtual point is
never returned, and convergence never declared there. In the middle of the two loops stands a
diagonal metric, see metric.py.

The points, which are rows:

real     the last accepted point that was evaluated; what a caller is shown
base     where steps start from: the real point or, if `ints.VIRTUAL`, one whose gradient and value
         were interpolated
trial    the point that is evaluated next, or was last
ahead    the last trial that was a look-ahead point, should the search need it again
lowest   the lowest trial of this line search
best     the lowest point of the run

The phases, `ints.PHASE`, say what an evaluation was for; arrows are what follows it:

    AT_START --> new direction
                      |
                      v            like a quadratic: virtual step, or the trial itself
    +---------- AHEAD_OF_BASE ----------------------------------------> new direction
    |                 |
    |                 | the base was virtual, and the trial is no good
    |                 v
    |              AT_BASE ---- not as low as it should be -----------> new direction
    |                 |
    |   not like it   | the search goes on from what is known ahead
    +-----------------+---> SEARCHING, again and again ---------------> new direction

    new direction, where the gradient test holds at a virtual base: AT_BASE_TO_CONFIRM, and again

The loop is a state machine with one place that evaluates, so that it can return to the caller
for an evaluation, and be picked up there. What follows an evaluation is a function of this file,
which returns what to do next. All state is in the fields of `ints` and `floats` (see layout.py): as
local variables it would take Numba twice as long to compile. What is decided by numbers alone is in
line_search.py and stopping.py.

What keeps compilation short: fields instead of indices, rows (pointers) instead of arrays,
`larger` and `smaller` for max and min, and few local variables that are assigned more than once.

Rows: points, gradients, d, and MEMORY pairs s, y. Own numbers: 1 / s.y of the pairs, a scratch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language.layout import (
    ACCEPT_FROM_BASE,
    ACCEPT_FROM_REAL,
    AHEAD_OF_BASE,
    AT_BASE,
    AT_BASE_TO_CONFIRM,
    AT_START,
    DIRECTION,
    EVALUATE,
    N_POINTS,
    NEW_DIRECTION,
    NORM_INF,
    PAIRS,
    SEARCH,
    SEARCH_FROM_AHEAD,
    STATUS_CONVERGED,
    STATUS_NONFINITE,
    STOP,
    TO_EVALUATE,
    TRY,
    VIRTUAL_STEP,
)
from .._numba.calls import call_norm
from .._numba.jit import ANY_ORDER, part
from .._numba.words import (
    as_real,
    from_magnitude_bits,
    larger,
    larger_magnitude,
    largest,
    no_magnitude,
    row,
    smaller,
    summed,
    summed_and_largest,
    variables,
)
from . import automatic
from .automatic import Parts
from .direction import downhill, momentum_direction
from .evaluation import keep_best
from .line_search import first_step, judge_look_ahead, mark_lowest, search_trial, start_search
from .metric import first_sizes, make_room, store_pair
from .phases import record_row
from .slots import rows_from
from .stopping import accept_trial, base_from_real, converge_at_trial, fail


@part(fastmath=ANY_ORDER)
def judge_along(rows, ints, floats):
    """Slope of the trial along d, norm of its gradient; is all of it finite? Keeps the best."""
    n = ints.SIZE
    d = row(rows, DIRECTION)
    g = row(rows, N_POINTS + ints.TRIAL)
    f = floats.FUN_TRIAL
    bits = no_magnitude(g)
    total = 0.0
    for i in variables(n):
        bits = larger_magnitude(bits, g[i])
        total += np.float64(g[i]) * d[i]
    total, bits = summed_and_largest(rows, total, bits)
    floats.SLOPE_TRIAL = total
    grad_norm = from_magnitude_bits(bits, g)
    good = abs(f) < np.inf and abs(grad_norm) < np.inf
    norm = ints.NORM
    if norm != NORM_INF:
        grad_norm = call_norm(ints.NORM_ADDRESS, rows, g, n, norm, floats.NORM_ORDER)
        good = good and abs(grad_norm) < np.inf
    floats.NORM_TRIAL = grad_norm
    keep_best(ints, floats, good)
    return good


@part(fastmath=ANY_ORDER)
def at_start(ints, floats, good):
    """The first point of the run."""
    accept_trial(ints, floats)
    floats.FUN_START = floats.FUN_TRIAL
    if not good:
        ints.STATUS = STATUS_NONFINITE
        return STOP
    floats.LAST_DECREASE = np.inf
    base_from_real(ints, floats)
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def at_base_to_confirm(ints, floats, good):
    """The virtual base where the gradient test held: evaluated, it is the real point."""
    if good and floats.FUN_TRIAL <= floats.FUN_REAL + 1e-6 * abs(floats.FUN_REAL):
        accept_trial(ints, floats)
    base_from_real(ints, floats)
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def at_base(rows, ints, floats, good):
    """The base that was virtual: is it as low as it should be, and d downhill there?"""
    f = floats.FUN_TRIAL
    if not (good and f <= floats.FUN_REAL + floats.SLACK):
        base_from_real(ints, floats)
        if ints.COUNT > 0:
            ints.COUNT -= 1
            ints.HEAD = (ints.HEAD + ints.MEMORY - 1) % ints.MEMORY
        return NEW_DIRECTION
    floats.LAST_DECREASE = abs(floats.FUN_REAL - f)
    accept_trial(ints, floats)
    base_from_real(ints, floats)
    total = floats.SLOPE_TRIAL
    floats.SLOPE = total
    d = row(rows, DIRECTION)
    g = row(rows, N_POINTS + ints.TRIAL)
    size = 0.0
    for i in variables(ints.SIZE):
        size += abs(np.float64(g[i]) * d[i])
    size = summed(rows, size)
    if floats.NORM_BASE > floats.GTOL and total < -45.0 * floats.EPSILON * size:
        return SEARCH_FROM_AHEAD
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def ahead_of_base(ints, floats, good):
    """The look-ahead point: is the function like a quadratic up to it?"""
    f = floats.FUN_TRIAL
    floats.SLACK = 0.0
    if good and floats.LAST_DECREASE <= 1e-3 * abs(floats.FUN_REAL):
        # Rounding explains a rise of this size (Hager and Zhang's epsilon).
        floats.SLACK = 1e-6 * abs(floats.FUN_REAL)
    level = floats.FUN_REAL + floats.SLACK
    if good and floats.NORM_TRIAL <= floats.GTOL and f <= level:
        return converge_at_trial(ints, floats)
    if good and judge_look_ahead(ints, floats):
        return VIRTUAL_STEP
    ints.WAIT = larger(ints.WAIT - 1, 0)
    ints.AHEAD = ints.TRIAL
    ints.AHEAD_GOOD = 1 if good else 0
    floats.FUN_AHEAD = f
    floats.SLOPE_AHEAD = floats.SLOPE_TRIAL
    floats.NORM_AHEAD = floats.NORM_TRIAL
    if ints.VIRTUAL == 0:
        return SEARCH_FROM_AHEAD
    ints.NEXT_WAIT = smaller(2 * ints.NEXT_WAIT + 1, 8)
    ints.WAIT = ints.NEXT_WAIT
    total = floats.SLOPE_TRIAL
    if good and f <= level and abs(total) <= -0.9 * floats.SLOPE:
        mark_lowest(ints, floats)
        # Where the slope fell, the pair from the last real point is used.
        return ACCEPT_FROM_REAL if total <= floats.SLOPE else ACCEPT_FROM_BASE
    # The virtual base was wrong: evaluate there.
    ints.TRIAL = ints.BASE
    ints.PHASE = AT_BASE
    ints.PENDING = TO_EVALUATE
    return EVALUATE


@part(fastmath=ANY_ORDER)
def search_from_ahead(ints, floats):
    """Begin a line search with the look-ahead point, if all is finite there."""
    start_search(ints, floats)
    if ints.AHEAD_GOOD == 0:
        floats.STEP *= 0.1
        return TRY
    # The slope there is along the same d, also where the base has been evaluated since.
    ints.TRIAL = ints.AHEAD
    floats.FUN_TRIAL = floats.FUN_AHEAD
    floats.SLOPE_TRIAL = floats.SLOPE_AHEAD
    floats.NORM_TRIAL = floats.NORM_AHEAD
    return SEARCH


@part(fastmath=ANY_ORDER)
def take_step(rows, ints, floats, action):
    """Take the step that was found, and keep its pair."""
    # Old velocities help where the function is like a quadratic, and are in the way elsewhere.
    make_room(ints, action == VIRTUAL_STEP)
    if action == VIRTUAL_STEP:
        end = ints.TRIAL
        sy, yy, ss = virtual_step(rows, ints, floats)
    else:
        end = ints.LOWEST
        origin = ints.BASE if action == ACCEPT_FROM_BASE else ints.REAL
        sy, yy, ss = step_to_lowest(rows, ints, floats, origin)
    if floats.RATE > 0.0:
        floats.LEARNING_RATE *= floats.RATE
    ints.FAILURES = 0
    ints.COMPLETED = 1
    store_pair(rows, ints, floats, row(rows, N_POINTS + end), sy, yy, ss)
    if floats.XTOL > 0.0:
        measure_last_step(rows, ints, floats)
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def virtual_step(rows, ints, floats):
    """Move the base to the exact minimum along d, in one pass over all vectors.

    Returns the products s.y, y.y and s.s of the pair, whose s leads to the trial.
    """
    n = ints.SIZE
    target = 0
    while target == ints.BASE or target == ints.REAL or target == ints.BEST or target == ints.TRIAL:
        target += 1
    d = row(rows, DIRECTION)
    g = row(rows, N_POINTS + ints.TRIAL)
    xb = row(rows, ints.BASE)
    gb = row(rows, N_POINTS + ints.BASE)
    xt = row(rows, target)
    gt = row(rows, N_POINTS + target)
    s, y = rows_from(rows, PAIRS + 2 * ints.HEAD, 2)
    ratio = floats.RATIO
    step = as_real(floats.STEP, d)
    share = as_real(ratio, d)
    move = as_real(ratio * floats.STEP, d)
    yy = 0.0
    ss = 0.0
    bits = no_magnitude(gb)
    for i in variables(n):
        y_i = g[i] - gb[i]
        s_i = step * d[i]
        s[i] = s_i
        y[i] = y_i
        yy += np.float64(y_i) * y_i
        ss += np.float64(s_i) * s_i
        xt[i] = xb[i] + move * d[i]
        gt_i = gb[i] + share * y_i
        gt[i] = gt_i
        bits = larger_magnitude(bits, gt_i)
    (yy, ss), bits = summed_and_largest(rows, (yy, ss), bits)
    grad_norm = from_magnitude_bits(bits, g)
    if ints.NORM != NORM_INF:
        grad_norm = call_norm(ints.NORM_ADDRESS, rows, gt, n, ints.NORM, floats.NORM_ORDER)
    floats.STEP_NORM = ratio * floats.STEP
    floats.LEARNING_RATE = floats.STEP_NORM
    sy = floats.STEP * (floats.SLOPE_TRIAL - floats.SLOPE)
    f = floats.FUN_TRIAL
    if f <= floats.FUN_REAL + floats.SLACK:
        floats.LAST_DECREASE = abs(floats.FUN_REAL - f)
        accept_trial(ints, floats)
    ints.BASE = target
    floats.FUN_BASE -= floats.DECREASE
    floats.NORM_BASE = grad_norm
    ints.VIRTUAL = 1
    floats.ERROR = floats.ERROR_NEW
    if abs(ratio - 1.0) <= 1e-3:
        ints.BASE = ints.TRIAL
        floats.FUN_BASE = f
        floats.NORM_BASE = floats.NORM_TRIAL
        ints.VIRTUAL = 0
        floats.ERROR = 0.0
    ints.NEXT_WAIT = 0
    return sy, yy, ss


@part(fastmath=ANY_ORDER)
def step_to_lowest(rows, ints, floats, origin):
    """Accept the lowest point of the search; returns the products of the pair from `origin`."""
    xb = row(rows, origin)
    gb = row(rows, N_POINTS + origin)
    xt = row(rows, ints.LOWEST)
    gt = row(rows, N_POINTS + ints.LOWEST)
    s, y = rows_from(rows, PAIRS + 2 * ints.HEAD, 2)
    sy = 0.0
    yy = 0.0
    ss = 0.0
    for i in variables(ints.SIZE):
        s_i = xt[i] - xb[i]
        y_i = gt[i] - gb[i]
        s[i] = s_i
        y[i] = y_i
        sy += np.float64(s_i) * y_i
        yy += np.float64(y_i) * y_i
        ss += np.float64(s_i) * s_i
    sy, yy, ss = summed(rows, (sy, yy, ss))
    floats.STEP_NORM = floats.LOWEST_STEP
    floats.LEARNING_RATE = floats.LOWEST_STEP
    before = floats.FUN_REAL if ints.VIRTUAL != 0 else floats.FUN_BASE
    floats.LAST_DECREASE = abs(before - floats.FUN_LOWEST)
    ints.REAL = ints.LOWEST
    floats.FUN_REAL = floats.FUN_LOWEST
    floats.NORM_REAL = floats.NORM_LOWEST
    base_from_real(ints, floats)
    return sy, yy, ss


@part(fastmath=ANY_ORDER)
def measure_last_step(rows, ints, floats):
    """STEP_NORM, in units of d so far, and X_NORM, for the test of xtol."""
    d = row(rows, DIRECTION)
    xb = row(rows, ints.BASE)
    bits = no_magnitude(xb)
    d_bits = bits
    for i in variables(ints.SIZE):
        bits = larger_magnitude(bits, xb[i])
        d_bits = larger_magnitude(d_bits, d[i])
    bits, d_bits = largest(rows, (bits, d_bits))
    floats.X_NORM = from_magnitude_bits(bits, d)
    floats.STEP_NORM *= from_magnitude_bits(d_bits, d)


def begin(rows, ints, floats, history, last):
    """The gradient test at the base; then d, and the first step along it."""
    if floats.NORM_BASE <= floats.GTOL:
        if ints.VIRTUAL == 0:
            ints.RESULT = ints.BASE
            ints.REAL = ints.BASE
            floats.FUN_REAL = floats.FUN_BASE
            floats.NORM_REAL = floats.NORM_BASE
            ints.STATUS = STATUS_CONVERGED
            return STOP
        ints.TRIAL = ints.BASE
        ints.PHASE = AT_BASE_TO_CONFIRM
        ints.PENDING = TO_EVALUATE
        return EVALUATE
    if ints.ITERATION >= last:
        return STOP
    record_row(ints, floats, history)
    floats.FUN_PREVIOUS = floats.FUN_BASE
    total = 0.0
    size = 0.0
    if ints.COUNT > 0:
        total, size = momentum_direction(rows, ints, floats, N_POINTS + ints.BASE)
    if not (total < -45.0 * floats.EPSILON * size and abs(total) < np.inf):
        if ints.COUNT > 0:
            ints.N_RESTARTS += 1
            ints.COUNT = 0
            ints.HEAD = 0
            if ints.VIRTUAL != 0:
                base_from_real(ints, floats)
        total = downhill(rows, ints, floats, N_POINTS + ints.BASE)
        if not (total < 0.0 and abs(total) < np.inf):
            return fail(ints)
    floats.SLOPE = total
    floats.STEP = 1.0
    if floats.SCALE == 0.0:
        # No velocity yet, d = -g, or -g in units of its size.
        x_norm, g_norm = first_sizes(rows, ints)
        unit = floats.RATE if floats.RATE > 0.0 else 1.0
        floats.STEP = first_step(x_norm, g_norm * unit, floats, -total, unit)
    ints.PHASE = AHEAD_OF_BASE
    ints.LOWEST = -1
    return TRY


def place(rows, ints, floats, action):
    """The trial is a step along d from the base."""
    if action != TRY:
        return
    target = 0
    while (
        target == ints.BASE or target == ints.REAL or target == ints.BEST or target == ints.LOWEST
    ):
        target += 1
    ints.TRIAL = target
    d = row(rows, DIRECTION)
    xb = row(rows, ints.BASE)
    x = row(rows, target)
    step = as_real(floats.STEP, d)
    for i in variables(ints.SIZE):
        x[i] = xb[i] + step * d[i]
    ints.PENDING = TO_EVALUATE


def judge(rows, ints, floats):
    """The trial is evaluated."""
    good = judge_along(rows, ints, floats)
    phase = ints.PHASE
    if phase == AT_START:
        action = at_start(ints, floats, good)
    elif phase == AT_BASE_TO_CONFIRM:
        action = at_base_to_confirm(ints, floats, good)
    elif phase == AT_BASE:
        action = at_base(rows, ints, floats, good)
    elif phase == AHEAD_OF_BASE:
        action = ahead_of_base(ints, floats, good)
    else:
        action = SEARCH
    if action == SEARCH_FROM_AHEAD:
        action = search_from_ahead(ints, floats)
    if action == SEARCH:
        action = search_trial(ints, floats, good)
    if action == VIRTUAL_STEP or action == ACCEPT_FROM_BASE or action == ACCEPT_FROM_REAL:
        action = take_step(rows, ints, floats, action)
    return action


def make(real: str) -> Any:
    """The loop in the precision `real`."""
    return automatic.make("momentum_auto", Parts(judge, begin, place), False, real)
