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

from .abi import (
    as_real,
    call_evaluate,
    call_prox,
    larger,
    named,
    own_numbers,
    row,
    rows_of,
    smaller,
)
from .evaluation import free_row, judge_trial
from .jit import ANY_ORDER, cached_loop
from .layout import (
    AT_BASE_TO_CONFIRM,
    AT_START,
    EVALUATED,
    LOOK_BACK,
    N_POINTS,
    NEEDS_EVALUATION,
    NEW_DIRECTION,
    RUNNING,
    SEARCHING,
    STATUS_CONVERGED,
    STATUS_MAXFEV,
    STATUS_NONFINITE,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .line_search import first_decrease, start
from .norms import measure_step, square
from .stopping import accept_trial, base_from_real, converge_at_trial, end_iteration, failure
from .terms import gap_closed, proximal_change


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
        own = own_numbers(floats)
        while True:
            if composite:
                if ints.PENDING == TO_PROX:
                    # The trial holds the point whose proximal point it is to be.
                    z = row(rows, ints.TRIAL)
                    floats.PENALTY = call_prox(ints.PROX, z, n, floats.STEP, ints.PROX_DATA)
                    ints.PENDING = TO_EVALUATE
                # |y - prox(y - t grad(y))| / min(t, 1), y the point that the step starts from, is
                # known before its end is evaluated and, up to rounding and in the 2-norm, at least
                # the same with t = 1. Where it meets gtol, that is the convergence test.
                if ints.PENDING == TO_EVALUATE and (
                    ints.PHASE == SEARCHING or ints.PHASE == AT_BASE_TO_CONFIRM
                ):
                    floats.SLOPE = proximal_change(rows, ints, floats)
                    confirming = ints.PHASE == AT_BASE_TO_CONFIRM
                    unsure = ints.CONFIRMED <= ints.ITERATION
                    if confirming or (
                        unsure and (ints.TRIALS == 0 or floats.PROX_NORM < floats.NORM_REAL)
                    ):
                        floats.NORM_REAL = floats.PROX_NORM
                    met = floats.NORM_REAL <= floats.GTOL and ints.AHEAD == ints.REAL
                    if met and (confirming or ints.SEPARABLE != 0):
                        ints.RESULT = ints.REAL
                        ints.STATUS = STATUS_CONVERGED
                        break
                    if confirming or (met and unsure):
                        # The same point once more, with another t.
                        step = floats.STEP
                        floats.STEP = floats.PROX_STEP if confirming else 1.0
                        floats.PROX_STEP = step
                        ints.PHASE = SEARCHING if confirming else AT_BASE_TO_CONFIRM
                        ints.CONFIRMED = ints.ITERATION + 1
                        ints.PENDING = EVALUATED
                        action = TRY
                    elif ints.ITERATION >= last:
                        break
                    else:
                        if ints.HISTORY >= 0 and ints.RECORDED < ints.ITERATION:
                            history[ints.HISTORY, 0] = floats.FUN_REAL
                            history[ints.HISTORY, 1] = floats.NORM_REAL
                            history[ints.HISTORY, 2] = np.nan
                            ints.HISTORY += 1
                            ints.RECORDED = ints.ITERATION
            if ints.PENDING != EVALUATED:
                x = row(rows, ints.TRIAL)
                g = row(rows, N_POINTS + ints.TRIAL)
                if ints.PENDING == TO_EVALUATE:
                    if ints.NFEV + ints.COST_FUN + ints.RESERVE > ints.MAXFEV:
                        ints.STATUS = STATUS_MAXFEV
                        break
                    ints.NIT = ints.ITERATION
                    ints.CURRENT = ints.TRIAL
                    if evaluate == 0:
                        ints.STATUS = NEEDS_EVALUATION
                        break
                    floats.FUN_TRIAL = call_evaluate(evaluate, x, g, n, context)
                    ints.NFEV += ints.COST_FUN
                    ints.NJEV += ints.COST_JAC
                else:
                    floats.FUN_TRIAL = floats.FUN
                ints.PENDING = EVALUATED
                if composite:
                    floats.FUN_TRIAL += floats.PENALTY
                good = judge_trial(g, ints, floats)
                f = floats.FUN_TRIAL
                if ints.PHASE == AT_START:
                    accept_trial(ints, floats)
                    base_from_real(ints, floats)
                    floats.FUN_START = floats.FUN_TRIAL
                    if not good:
                        ints.STATUS = STATUS_NONFINITE
                        break
                    total = 0.0
                    for i in range(n):
                        total += np.float64(g[i]) * g[i]
                    start(x, g, n, floats, total)
                    action = NEW_DIRECTION
                    for j in range(LOOK_BACK):
                        own[j] = f
                    ints.PREVIOUS = -1
                else:
                    step = floats.STEP
                    if composite:
                        gain = floats.SLOPE / step
                        rounding = 45.0 * floats.EPSILON * abs(floats.FUN_REAL)
                        still = gain == 0.0  # by rounding
                        longest = 1e300
                    else:
                        gain = first_decrease(floats)
                        rounding = 450.0 * floats.EPSILON * abs(floats.FUN_REAL)
                        still = False
                        longest = 1e100
                        if good and floats.NORM_TRIAL <= floats.GTOL and f <= floats.FUN_REAL:
                            converge_at_trial(ints, floats)
                            break
                    level = own[0]
                    for j in range(LOOK_BACK):
                        level = larger(level, own[j])
                    ints.TRIALS += 1
                    if good and f <= level - 1e-4 * gain + rounding:
                        ints.FAILURES = 0 if f < level else ints.FAILURES + 1
                        if ints.FAILURES > 30:
                            # Rounding is all that is left.
                            ints.STATUS = failure(ints)
                            break
                        xr = row(rows, ints.REAL)
                        gr = row(rows, N_POINTS + ints.REAL)
                        sy = 0.0
                        ss = 0.0
                        yy = 0.0
                        total = 0.0
                        for i in range(n):
                            s_i = x[i] - xr[i]
                            y_i = g[i] - gr[i]
                            sy += np.float64(s_i) * y_i
                            ss += np.float64(s_i) * s_i
                            yy += np.float64(y_i) * y_i
                            if not composite:
                                total += np.float64(g[i]) * g[i]
                        if floats.XTOL > 0.0:
                            measure_step(x, xr, n, floats)
                        floats.LEARNING_RATE = step
                        accept_trial(ints, floats)
                        base_from_real(ints, floats)
                        own[ints.HEAD] = f
                        ints.HEAD = (ints.HEAD + 1) % LOOK_BACK
                        if not composite:
                            square(g, n, floats, total)
                        if sy > 0.0 and yy > 0.0:
                            long = ss / sy
                            short = sy / yy
                            floats.STEP = short if short < 0.5 * long and yy < np.inf else long
                        else:
                            # No curvature; or no change at all, by rounding.
                            grown = 10.0
                            if composite:
                                grown = 10.0 if ss > 0.0 else 1000.0
                            floats.STEP = grown * step
                        floats.STEP = smaller(larger(floats.STEP, 1e-300), longest)
                        ints.COMPLETED = 1
                        action = NEW_DIRECTION
                    elif ints.TRIALS > 60 or step < 1e-300 or still:
                        ints.LINE_SEARCH_FAILURES += 1
                        ints.STATUS = failure(ints)
                        break
                    else:
                        part = 0.1
                        if good:
                            # The minimum of the parabola through both values and the slope.
                            part = 0.5 * gain / (f - floats.FUN_REAL + gain)
                            part = smaller(larger(part, 0.1), 0.5)
                        floats.STEP *= part
                        action = TRY

            if ints.COMPLETED != 0:
                if ints.HISTORY > 0:
                    history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
                if end_iteration(ints, floats):
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
                if not composite:
                    if ints.ITERATION >= last:
                        break
                    if ints.HISTORY >= 0 and ints.RECORDED < ints.ITERATION:
                        history[ints.HISTORY, 0] = floats.FUN_REAL
                        history[ints.HISTORY, 1] = floats.NORM_REAL
                        history[ints.HISTORY, 2] = np.nan
                        ints.HISTORY += 1
                        ints.RECORDED = ints.ITERATION
                floats.FUN_PREVIOUS = floats.FUN_REAL
                ints.AHEAD = ints.REAL
                ints.TRIALS = 0
                ints.PHASE = SEARCHING
                action = TRY
            if action == TRY:
                ints.TRIAL = free_row(ints)
                y = row(rows, ints.AHEAD)
                gy = row(rows, N_POINTS + ints.AHEAD)
                x = row(rows, ints.TRIAL)
                step = as_real(floats.STEP, rates)
                for i in range(n):
                    x[i] = y[i] - step * gy[i]
                if composite:
                    ints.PENDING = TO_PROX
                else:
                    ints.PENDING = TO_EVALUATE
        # What the caller shows as the current point is the last real one.
        if ints.STATUS != NEEDS_EVALUATION:
            ints.CURRENT = ints.REAL
            floats.FUN = floats.FUN_REAL
            floats.GRAD_NORM = floats.NORM_REAL
            ints.NIT = ints.ITERATION
            if ints.HISTORY > 0 and ints.RECORDED < ints.ITERATION:
                history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE

    kind = "composite" if composite else "auto"
    drive.__name__ = drive.__qualname__ = f"drive_gd_{kind}_{real}"
    return cached_loop(drive, fastmath=ANY_ORDER)
