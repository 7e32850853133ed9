"""Nesterov's accelerated gradient with an automatic learning rate 1 / L and restarts.

y = x + beta (x - x_previous) is the look-ahead point, x <- y - grad(y) / L the step, with FISTA's
sequence of beta (Beck and Teboulle 2009). L is found by backtracking on the descent condition
f(x) <= f(y) - |grad(y)|^2 / (2 L), and lowered a little after each step that met it at once. The
momentum is dropped where it points uphill (O'Donoghue and Candes 2015), or where f would rise.

y lies on the line through x and x_previous, two points whose gradients are known. Where the
function is close to a quadratic along it, grad(y) and f(y) follow by extrapolation, and the
iteration takes one evaluation instead of two. x is always an evaluated point.

Near a minimum rounding hides descent from the values. There the gradients must show it, as in the
approximate Wolfe conditions (Hager and Zhang 2005).

Composite: the accelerated proximal gradient on f + h, x <- prox(y - grad(y) / L), with L from
f(x) <= f(y) + grad(y).(x - y) + |x - y|^2 L / 2. The momentum is dropped where
(y - x).(x - x_previous) > 0, where f + h would rise, and where the convergence test is near: that
is for an evaluated y.

A state machine with one place that evaluates, like the automatic momentum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._language.layout import (
    ACCEPT_FROM_BASE,
    AHEAD_OF_BASE,
    AT_START,
    EVALUATE,
    EVALUATED,
    N_POINTS,
    NEW_DIRECTION,
    RESTART,
    RUNNING,
    SEARCH_FROM_AHEAD,
    SEARCHING,
    STATUS_CONVERGED,
    STOP,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .._numba.jit import ANY_ORDER, cached_loop
from .._numba.words import as_real, larger, named, row, rows_of, smaller, summed, variables
from .evaluation import free_row, judge_trial
from .line_search import first_decrease
from .norms import largest_magnitude, measure_step, product, square
from .phases import (
    apply_operator,
    gradient_step,
    iteration_ends_run,
    record_row,
    run_begins,
    show_real_point,
    starts_from_known_point,
    test_before_evaluation,
    trial_evaluated,
)
from .stopping import accept_trial, base_from_real, converge_at_trial, failure
from .terms import clip_to_bounds, gap_closed, proximal_change


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
        n = ints.SIZE
        rows = rows_of(workspace, ints.STRIDE, n, rates)
        ints.STATUS = RUNNING
        action = NEW_DIRECTION
        while True:
            if composite:
                if ints.PENDING == TO_PROX:
                    apply_operator(rows, ints, floats)
                if ints.PENDING == TO_EVALUATE and starts_from_known_point(ints):
                    floats.SLOPE = proximal_change(rows, ints, floats)
                    action = test_before_evaluation(ints, floats, last, action)
                    if action == STOP:
                        break
                    if ints.PENDING == TO_EVALUATE:
                        record_row(ints, floats, history)
            if ints.PENDING != EVALUATED:
                x = row(rows, ints.TRIAL)
                g = row(rows, N_POINTS + ints.TRIAL)
                if not trial_evaluated(evaluate, context, x, g, ints, floats):
                    break
                phase = ints.PHASE
                if composite:
                    floats.SMOOTH_TRIAL = floats.FUN_TRIAL
                    if phase == AHEAD_OF_BASE:
                        # h is not known at the look-ahead point, and may be infinite there.
                        size = largest_magnitude(rows, g, n)
                        good = abs(floats.FUN_TRIAL) < np.inf and size < np.inf
                    else:
                        floats.FUN_TRIAL += floats.PENALTY
                        good = judge_trial(rows, g, ints, floats)
                else:
                    good = judge_trial(rows, g, ints, floats)
                smooth = floats.SMOOTH_TRIAL if composite else floats.FUN_TRIAL
                if phase == AT_START:
                    if not run_begins(rows, x, g, ints, floats, good):
                        break
                    action = NEW_DIRECTION
                    if composite:
                        floats.SMOOTH_REAL = floats.SMOOTH_TRIAL
                    ints.PREVIOUS = -1
                    floats.SEQUENCE = 1.0
                elif phase == AHEAD_OF_BASE:
                    # The look-ahead point, evaluated since extrapolation was not good enough.
                    ints.AHEAD = ints.TRIAL
                    ints.VIRTUAL = 0
                    floats.FUN_AHEAD = smooth
                    floats.ERROR = 0.0
                    if not composite:
                        lower = floats.FUN_TRIAL <= floats.FUN_REAL
                        if good and floats.NORM_TRIAL <= floats.GTOL and lower:
                            converge_at_trial(ints, floats)
                            break
                    action = SEARCH_FROM_AHEAD if good else RESTART
                else:
                    # The step's end. Sufficient descent, up to rounding and extrapolation?
                    f = smooth
                    y = row(rows, ints.AHEAD)
                    gy = row(rows, N_POINTS + ints.AHEAD)
                    step = floats.STEP
                    if composite:
                        distance = floats.SLOPE  # squared
                        along = 0.0
                        after = 0.0
                        for i in variables(n):
                            d_i = np.float64(x[i] - y[i])
                            along += d_i * gy[i]
                            after += d_i * g[i]
                        along, after = summed(rows, (along, after))
                        noise = 45.0 * floats.EPSILON
                        rounding = noise * (abs(f) + abs(floats.FUN_AHEAD))
                        allowed = floats.FUN_AHEAD + along + 0.5 * distance / step
                        met = step * (after - along) / distance if distance > 0.0 else 0.0
                        hidden = 0.5 * distance <= rounding * step
                        still = distance == 0.0  # by rounding
                    else:
                        noise = 450.0 * floats.EPSILON
                        rounding = noise * (abs(f) + abs(floats.FUN_AHEAD))
                        gain = 0.5 * first_decrease(floats)
                        allowed = floats.FUN_AHEAD - gain
                        # The curvature met along the step, in units of 1 / STEP.
                        total = 0.0
                        for i in variables(n):
                            total += np.float64(g[i]) * gy[i]
                        total = summed(rows, total)
                        if floats.UNIT != 1.0:
                            total = product(rows, g, gy, n, floats.UNIT)
                        met = (floats.SLOPE - total) / floats.SLOPE
                        # Where rounding hides the gain from the values, the gradients must show it:
                        # for a quadratic, sufficient descent is a curvature of 1 / STEP at most.
                        hidden = gain <= 0.25 * rounding
                        still = False
                        if good and floats.NORM_TRIAL <= floats.GTOL and f <= floats.FUN_REAL:
                            converge_at_trial(ints, floats)
                            break
                    ints.TRIALS += 1
                    risen = not floats.FUN_TRIAL <= floats.FUN_REAL + noise * abs(floats.FUN_REAL)
                    descent = f <= allowed + floats.ERROR + rounding
                    if good and descent and (met <= 1.0 or not hidden):
                        action = RESTART if risen else ACCEPT_FROM_BASE
                    elif ints.VIRTUAL != 0 and ints.TRIALS > 1:
                        # Not L alone: extrapolation may be to blame. Evaluate the look-ahead point.
                        ints.TRIAL = ints.AHEAD
                        ints.PHASE = AHEAD_OF_BASE
                        ints.PENDING = TO_EVALUATE
                        action = EVALUATE
                    elif ints.TRIALS > 60 or step < 1e-300 or still:
                        action = RESTART
                    elif good:
                        # The curvature that the gradients show, and the one that the values do.
                        if composite:
                            shown = 2.0 * step * (f - floats.FUN_AHEAD - along) / distance
                        else:
                            shown = 0.0
                            if not hidden:
                                shown = (f - floats.FUN_AHEAD + 2.0 * gain) / gain
                        most = larger(larger(2.0, 1.05 * met), 1.05 * shown)
                        floats.STEP /= smaller(most, 10.0)
                        action = TRY
                    else:
                        floats.STEP *= 0.1
                        action = TRY
                if action == ACCEPT_FROM_BASE:
                    # Momentum along the step taken: dropped where it points uphill.
                    xr = row(rows, ints.REAL)
                    uphill = 0.0
                    for i in variables(n):
                        if composite:
                            uphill += np.float64(y[i] - x[i]) * (x[i] - xr[i])
                        else:
                            uphill += gy[i] * (x[i] - xr[i])
                    uphill = summed(rows, uphill)
                    floats.LEARNING_RATE = step
                    if floats.XTOL > 0.0:
                        measure_step(rows, x, xr, n, floats)
                    # Steps that no longer lower f: rounding is all that is left after a while.
                    lowered = floats.FUN_TRIAL < floats.FUN_REAL
                    ints.FAILURES = 0 if lowered else ints.FAILURES + 1
                    if ints.FAILURES > 30:
                        ints.STATUS = failure(ints)
                        break
                    ints.PREVIOUS = ints.REAL
                    if composite:
                        floats.SMOOTH_LOW = floats.SMOOTH_REAL
                    else:
                        floats.FUN_LOW = floats.FUN_REAL
                    accept_trial(ints, floats)
                    base_from_real(ints, floats)
                    far = True
                    if composite:
                        floats.SMOOTH_REAL = f
                        floats.NORM_REAL = floats.PROX_NORM
                        far = floats.PROX_NORM > floats.GTOL
                    ints.COMPLETED = 1
                    floats.BETA = 0.0
                    if uphill > 0.0:
                        ints.N_RESTARTS += 1
                        floats.SEQUENCE = 1.0
                    elif far:
                        t = floats.SEQUENCE
                        floats.SEQUENCE = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))
                        floats.BETA = (t - 1.0) / floats.SEQUENCE
                    if ints.TRIALS > 1:
                        ints.WAIT = 1
                    grows = ints.TRIALS == 1
                    if composite:
                        grows = grows and not (hidden and met > 0.9)
                        jump = 1000.0
                        if still:
                            floats.BETA = 0.0
                    else:
                        still = not lowered
                        jump = 2.0
                    if still:
                        floats.STEP *= jump
                    elif ints.WAIT == 0:
                        # Until the first backtracking the rate is far too low: as the curvature.
                        grown = 10.0
                        if met > 0.05:
                            grown = larger(0.5 / met, 1.0 / 0.9)
                        floats.STEP *= grown
                    elif grows:
                        floats.STEP /= 0.9
                    floats.STEP = smaller(floats.STEP, 1e300)
                    action = NEW_DIRECTION
                if action == RESTART:
                    if floats.BETA == 0.0:
                        # A plain step finds no descent: rounding, or no finite value near.
                        ints.LINE_SEARCH_FAILURES += 1
                        ints.STATUS = failure(ints)
                        break
                    ints.N_RESTARTS += 1
                    floats.SEQUENCE = 1.0
                    floats.BETA = 0.0
                    action = NEW_DIRECTION

            if ints.COMPLETED != 0 and iteration_ends_run(ints, floats, history):
                break
            if action == NEW_DIRECTION:
                if composite:
                    done = floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats)
                else:
                    done = floats.NORM_REAL <= floats.GTOL
                if done:
                    ints.RESULT = ints.REAL
                    ints.STATUS = STATUS_CONVERGED
                    break
                if composite:
                    # Without momentum that is looked at with the proximal point, after its test.
                    if floats.BETA != 0.0 and ints.ITERATION >= last:
                        break
                else:
                    if ints.ITERATION >= last:
                        break
                    record_row(ints, floats, history)
                floats.FUN_PREVIOUS = floats.FUN_REAL
                action = SEARCH_FROM_AHEAD
                if floats.BETA == 0.0:
                    ints.AHEAD = ints.REAL
                    floats.FUN_AHEAD = floats.SMOOTH_REAL if composite else floats.FUN_REAL
                    floats.ERROR = 0.0
                    ints.VIRTUAL = 0
                else:
                    beta = floats.BETA
                    ahead = free_row(ints)
                    xr = row(rows, ints.REAL)
                    gr = row(rows, N_POINTS + ints.REAL)
                    xp = row(rows, ints.PREVIOUS)
                    gp = row(rows, N_POINTS + ints.PREVIOUS)
                    y = row(rows, ahead)
                    gy = row(rows, N_POINTS + ahead)
                    weight = as_real(beta, rates)
                    after = 0.0
                    before = 0.0
                    size = 0.0
                    for i in variables(n):
                        s_i = xr[i] - xp[i]
                        y[i] = xr[i] + weight * s_i
                        gy_i = gr[i] + weight * (gr[i] - gp[i])
                        gy[i] = gy_i
                        after += np.float64(s_i) * gr[i]
                        before += np.float64(s_i) * gp[i]
                        if composite:
                            size += np.float64(s_i) * s_i
                        else:
                            size += np.float64(gy_i) * gy_i
                    after, before, size = summed(rows, (after, before, size))
                    f = floats.SMOOTH_REAL if composite else floats.FUN_REAL
                    low = floats.SMOOTH_LOW if composite else floats.FUN_LOW
                    cubic = abs(f - low - 0.5 * (after + before))
                    cubic = larger(cubic - 450.0 * floats.EPSILON * (abs(f) + abs(low)), 0.0)
                    floats.ERROR = cubic * beta * (1.0 + beta) * (1.0 + 2.0 * beta)
                    floats.FUN_AHEAD = f + beta * after + 0.5 * beta * beta * (after - before)
                    ints.AHEAD = ahead
                    ints.VIRTUAL = 1
                    if composite:
                        clipped = ints.BOUNDED != 0 and clip_to_bounds(rows, ints, ahead)
                        # The last step's length stands for the next one's.
                        close = not clipped and floats.ERROR <= 0.05 * size / floats.STEP
                    else:
                        close = floats.ERROR <= 0.05 * floats.STEP * size and size < np.inf
                    if not close:
                        ints.TRIAL = ahead
                        ints.PHASE = AHEAD_OF_BASE
                        ints.PENDING = TO_EVALUATE
                        action = EVALUATE
            if action == SEARCH_FROM_AHEAD:
                if not composite:
                    gy = row(rows, N_POINTS + ints.AHEAD)
                    total = 0.0
                    for i in variables(n):
                        total += np.float64(gy[i]) * gy[i]
                    total = summed(rows, total)
                    square(rows, gy, n, floats, total)
                ints.TRIALS = 0
                ints.PHASE = SEARCHING
                action = TRY
            if action == TRY:
                gradient_step(rows, ints, floats)
                ints.PENDING = TO_PROX if composite else TO_EVALUATE
        show_real_point(ints, floats, history)

    kind = "composite" if composite else "auto"
    drive.__name__ = drive.__qualname__ = f"drive_nesterov_{kind}_{real}"
    return cached_loop(drive, fastmath=ANY_ORDER)
