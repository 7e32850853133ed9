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
    AT_START,
    EVALUATED,
    LOOK_BACK,
    N_POINTS,
    NEW_DIRECTION,
    RUNNING,
    SEARCHING,
    STATUS_CONVERGED,
    STOP,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .._numba.jit import ANY_ORDER, cached_loop
from .._numba.words import larger, named, own_numbers, row, rows_of, smaller, summed, variables
from .evaluation import judge_trial
from .line_search import first_decrease
from .norms import measure_step, square
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
        own = own_numbers(rows, floats)
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
                if composite:
                    floats.FUN_TRIAL += floats.PENALTY
                good = judge_trial(rows, g, ints, floats)
                f = floats.FUN_TRIAL
                if ints.PHASE == AT_START:
                    if not run_begins(rows, x, g, ints, floats, good):
                        break
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
                        floats.LEARNING_RATE = step
                        accept_trial(ints, floats)
                        base_from_real(ints, floats)
                        own[ints.HEAD] = f
                        ints.HEAD = (ints.HEAD + 1) % LOOK_BACK
                        if not composite:
                            square(rows, g, n, floats, total)
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
                if not composite:
                    if ints.ITERATION >= last:
                        break
                    record_row(ints, floats, history)
                floats.FUN_PREVIOUS = floats.FUN_REAL
                ints.AHEAD = ints.REAL
                ints.TRIALS = 0
                ints.PHASE = SEARCHING
                action = TRY
            if action == TRY:
                gradient_step(rows, ints, floats)
                ints.PENDING = TO_PROX if composite else TO_EVALUATE
        show_real_point(ints, floats, history)

    kind = "composite" if composite else "auto"
    drive.__name__ = drive.__qualname__ = f"drive_gd_{kind}_{real}"
    return cached_loop(drive, fastmath=ANY_ORDER)
