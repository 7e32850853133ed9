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
for an evaluation, and be picked up there. All its state is in the fields of `ints` and `floats`
(see layout.py): as local variables it would take Numba twice as long to compile. What is decided by
numbers alone is in line_search.py and stopping.py.

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
    EVALUATED,
    N_POINTS,
    NEW_DIRECTION,
    NORM_INF,
    PAIRS,
    RUNNING,
    SEARCH,
    SEARCH_FROM_AHEAD,
    STATUS_CONVERGED,
    STATUS_NONFINITE,
    STOP,
    TO_EVALUATE,
    TRY,
)
from .._numba.calls import call_norm
from .._numba.jit import ANY_ORDER, cached_loop
from .._numba.words import (
    as_real,
    from_magnitude_bits,
    larger,
    larger_magnitude,
    largest,
    named,
    no_magnitude,
    row,
    rows_of,
    smaller,
    summed,
    summed_and_largest,
    variables,
)
from .direction import downhill, momentum_direction
from .line_search import first_step, judge_look_ahead, mark_lowest, search_trial, start_search
from .metric import first_sizes, store_pair
from .phases import iteration_ends_run, record_row, show_real_point, trial_evaluated
from .stopping import accept_trial, base_from_real, converge_at_trial, failure


def make(real: str) -> Any:
    """The loop in the precision `real`."""

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
        n = ints.SIZE
        rows = rows_of(workspace, ints.STRIDE, n, rates)
        ints.STATUS = RUNNING
        action = NEW_DIRECTION
        memory = ints.MEMORY
        norm = ints.NORM
        d = row(rows, DIRECTION)

        while True:
            if ints.PENDING != EVALUATED:
                x = row(rows, ints.TRIAL)
                g = row(rows, N_POINTS + ints.TRIAL)
                if not trial_evaluated(evaluate, context, x, g, ints, floats):
                    break
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
                if norm != NORM_INF:
                    grad_norm = call_norm(ints.NORM_ADDRESS, rows, g, n, norm, floats.NORM_ORDER)
                    good = good and abs(grad_norm) < np.inf
                floats.NORM_TRIAL = grad_norm
                if good and (ints.BEST < 0 or f < floats.FUN_BEST):
                    ints.BEST = ints.TRIAL
                    floats.FUN_BEST = f
                    ints.IMPROVED = 1
                    ints.BAD_SEEN = 0
                if not good:
                    ints.BAD_SEEN += 1

                pair_end = 0
                sy = 0.0
                yy = 0.0
                ss = 0.0
                phase = ints.PHASE
                if phase == AT_START:
                    accept_trial(ints, floats)
                    floats.FUN_START = f
                    if not good:
                        ints.STATUS = STATUS_NONFINITE
                        break
                    floats.LAST_DECREASE = np.inf
                    base_from_real(ints, floats)
                    action = NEW_DIRECTION
                elif phase == AT_BASE_TO_CONFIRM:
                    if good and f <= floats.FUN_REAL + 1e-6 * abs(floats.FUN_REAL):
                        accept_trial(ints, floats)
                    base_from_real(ints, floats)
                    action = NEW_DIRECTION
                elif phase == AT_BASE:
                    action = NEW_DIRECTION
                    if good and f <= floats.FUN_REAL + floats.SLACK:
                        floats.LAST_DECREASE = abs(floats.FUN_REAL - f)
                        accept_trial(ints, floats)
                        base_from_real(ints, floats)
                        floats.SLOPE = total
                        size = 0.0
                        for i in variables(n):
                            size += abs(np.float64(g[i]) * d[i])
                        size = summed(rows, size)
                        if floats.NORM_BASE > floats.GTOL and total < -45.0 * floats.EPSILON * size:
                            action = SEARCH_FROM_AHEAD
                    else:
                        base_from_real(ints, floats)
                        if ints.COUNT > 0:
                            ints.COUNT -= 1
                            ints.HEAD = (ints.HEAD + memory - 1) % memory
                elif phase == AHEAD_OF_BASE:
                    floats.SLACK = 0.0
                    if good and floats.LAST_DECREASE <= 1e-3 * abs(floats.FUN_REAL):
                        # Rounding explains a rise of this size (Hager and Zhang's epsilon).
                        floats.SLACK = 1e-6 * abs(floats.FUN_REAL)
                    level = floats.FUN_REAL + floats.SLACK
                    if good and grad_norm <= floats.GTOL and f <= level:
                        converge_at_trial(ints, floats)
                        break
                    if good and judge_look_ahead(ints, floats):
                        # The virtual step: one pass over all vectors.
                        target = 0
                        while (
                            target == ints.BASE
                            or target == ints.REAL
                            or target == ints.BEST
                            or target == ints.TRIAL
                        ):
                            target += 1
                        xb = row(rows, ints.BASE)
                        gb = row(rows, N_POINTS + ints.BASE)
                        xt = row(rows, target)
                        gt = row(rows, N_POINTS + target)
                        s = row(rows, PAIRS + 2 * ints.HEAD)
                        y = row(rows, PAIRS + 2 * ints.HEAD + 1)
                        ratio = floats.RATIO
                        step = as_real(floats.STEP, rates)
                        part = as_real(ratio, rates)
                        move = as_real(ratio * floats.STEP, rates)
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
                            gt_i = gb[i] + part * y_i
                            gt[i] = gt_i
                            bits = larger_magnitude(bits, gt_i)
                        (yy, ss), bits = summed_and_largest(rows, (yy, ss), bits)
                        grad_norm = from_magnitude_bits(bits, g)
                        if norm != NORM_INF:
                            order = floats.NORM_ORDER
                            grad_norm = call_norm(ints.NORM_ADDRESS, rows, gt, n, norm, order)
                        floats.STEP_NORM = ratio * floats.STEP
                        floats.LEARNING_RATE = floats.STEP_NORM
                        if floats.RATE > 0.0:
                            floats.LEARNING_RATE *= floats.RATE
                        sy = floats.STEP * (floats.SLOPE_TRIAL - floats.SLOPE)
                        pair_end = N_POINTS + ints.TRIAL
                        if f <= level:
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
                        ints.FAILURES = 0
                        ints.COMPLETED = 1
                        action = NEW_DIRECTION
                    else:
                        ints.WAIT = larger(ints.WAIT - 1, 0)
                        ints.AHEAD = ints.TRIAL
                        ints.AHEAD_GOOD = 1 if good else 0
                        floats.FUN_AHEAD = f
                        floats.SLOPE_AHEAD = floats.SLOPE_TRIAL
                        floats.NORM_AHEAD = floats.NORM_TRIAL
                        action = SEARCH_FROM_AHEAD
                        if ints.VIRTUAL != 0:
                            ints.NEXT_WAIT = smaller(2 * ints.NEXT_WAIT + 1, 8)
                            ints.WAIT = ints.NEXT_WAIT
                            if good and f <= level and abs(total) <= -0.9 * floats.SLOPE:
                                mark_lowest(ints, floats)
                                # Where the slope fell, the pair from the last real point is used.
                                fell = total <= floats.SLOPE
                                action = ACCEPT_FROM_REAL if fell else ACCEPT_FROM_BASE
                            else:
                                # The virtual base was wrong: evaluate there.
                                ints.TRIAL = ints.BASE
                                ints.PHASE = AT_BASE
                                ints.PENDING = TO_EVALUATE
                                action = EVALUATE
                else:
                    action = SEARCH

                if action == SEARCH_FROM_AHEAD:
                    start_search(ints, floats)
                    if ints.AHEAD_GOOD != 0:
                        # The slope at the look-ahead point is along the same d, also where the base
                        # has been evaluated since.
                        ints.TRIAL = ints.AHEAD
                        floats.FUN_TRIAL = floats.FUN_AHEAD
                        floats.SLOPE_TRIAL = floats.SLOPE_AHEAD
                        floats.NORM_TRIAL = floats.NORM_AHEAD
                        good = True
                        action = SEARCH
                    else:
                        floats.STEP *= 0.1
                        action = TRY
                if action == SEARCH:
                    action = search_trial(ints, floats, good)
                    if action == STOP:
                        break
                if action == ACCEPT_FROM_BASE or action == ACCEPT_FROM_REAL:
                    origin = ints.BASE if action == ACCEPT_FROM_BASE else ints.REAL
                    xb = row(rows, origin)
                    gb = row(rows, N_POINTS + origin)
                    xt = row(rows, ints.LOWEST)
                    gt = row(rows, N_POINTS + ints.LOWEST)
                    s = row(rows, PAIRS + 2 * ints.HEAD)
                    y = row(rows, PAIRS + 2 * ints.HEAD + 1)
                    sy = 0.0
                    yy = 0.0
                    ss = 0.0
                    for i in variables(n):
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
                    if floats.RATE > 0.0:
                        floats.LEARNING_RATE *= floats.RATE
                    pair_end = N_POINTS + ints.LOWEST
                    before = floats.FUN_REAL if ints.VIRTUAL != 0 else floats.FUN_BASE
                    floats.LAST_DECREASE = abs(before - floats.FUN_LOWEST)
                    ints.REAL = ints.LOWEST
                    floats.FUN_REAL = floats.FUN_LOWEST
                    floats.NORM_REAL = floats.NORM_LOWEST
                    base_from_real(ints, floats)
                    ints.FAILURES = 0
                    ints.COMPLETED = 1
                    action = NEW_DIRECTION

                if pair_end != 0:
                    store_pair(rows, ints, floats, row(rows, pair_end), sy, yy, ss)

            if ints.COMPLETED != 0 and floats.XTOL > 0.0:
                xb = row(rows, ints.BASE)
                bits = no_magnitude(xb)
                d_bits = bits
                for i in variables(n):
                    bits = larger_magnitude(bits, xb[i])
                    d_bits = larger_magnitude(d_bits, d[i])
                bits, d_bits = largest(rows, (bits, d_bits))
                floats.X_NORM = from_magnitude_bits(bits, d)
                floats.STEP_NORM *= from_magnitude_bits(d_bits, d)
            if ints.COMPLETED != 0 and iteration_ends_run(ints, floats, history):
                break
            if action == NEW_DIRECTION:
                if floats.NORM_BASE <= floats.GTOL:
                    if ints.VIRTUAL == 0:
                        ints.RESULT = ints.BASE
                        ints.REAL = ints.BASE
                        floats.FUN_REAL = floats.FUN_BASE
                        floats.NORM_REAL = floats.NORM_BASE
                        ints.STATUS = STATUS_CONVERGED
                        break
                    ints.TRIAL = ints.BASE
                    ints.PHASE = AT_BASE_TO_CONFIRM
                    ints.PENDING = TO_EVALUATE
                    continue
                if ints.ITERATION >= last:
                    break
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
                        ints.STATUS = failure(ints)
                        break
                floats.SLOPE = total
                floats.STEP = 1.0
                if floats.SCALE == 0.0:
                    # No velocity yet, d = -g, or -g in units of its size.
                    x_norm, g_norm = first_sizes(rows, ints)
                    unit = floats.RATE if floats.RATE > 0.0 else 1.0
                    floats.STEP = first_step(x_norm, g_norm * unit, floats, -total, unit)
                ints.PHASE = AHEAD_OF_BASE
                ints.LOWEST = -1
                action = TRY
            if action == TRY:
                ints.TRIAL = 0
                while (
                    ints.TRIAL == ints.BASE
                    or ints.TRIAL == ints.REAL
                    or ints.TRIAL == ints.BEST
                    or ints.TRIAL == ints.LOWEST
                ):
                    ints.TRIAL += 1
                xb = row(rows, ints.BASE)
                x = row(rows, ints.TRIAL)
                step = as_real(floats.STEP, rates)
                for i in variables(n):
                    x[i] = xb[i] + step * d[i]
                ints.PENDING = TO_EVALUATE

        show_real_point(ints, floats, history)

    drive.__name__ = drive.__qualname__ = f"drive_momentum_auto_{real}"
    return cached_loop(drive, fastmath=ANY_ORDER)
