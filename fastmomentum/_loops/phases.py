"""What the automatic loops have in common, in the order in which they do it."""

import numpy as np

from .._language.layout import (
    AT_BASE_TO_CONFIRM,
    EVALUATED,
    N_POINTS,
    NEEDS_EVALUATION,
    SEARCHING,
    STATUS_CONVERGED,
    STATUS_MAXFEV,
    STATUS_NONFINITE,
    STOP,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .._numba.calls import call_evaluate
from .._numba.jit import ANY_ORDER, part
from .._numba.words import as_real, row, summed, variables
from .evaluation import free_row
from .line_search import start
from .stopping import accept_trial, base_from_real, end_iteration
from .terms import proximal_change, replace_by_prox


@part
def apply_operator(rows, ints, floats):
    """The trial holds the point whose proximal point it is to be."""
    z = row(rows, ints.TRIAL)
    floats.PENALTY = replace_by_prox(rows, ints, z, floats.STEP)
    ints.PENDING = TO_EVALUATE


@part
def starts_from_known_point(ints):
    """Does the proximal step that leads to the trial start from a point with a gradient?"""
    return ints.PHASE == SEARCHING or ints.PHASE == AT_BASE_TO_CONFIRM


@part
def test_before_evaluation(ints, floats, last, action):
    """The convergence test before the trial is evaluated; returns what to do.

    |y - prox(y - t grad(y))| / min(t, 1), y the point that the step starts from, is known then
    and, up to rounding and in the 2-norm, at least the same with t = 1. Where it meets gtol, that
    is the convergence test.
    """
    confirming = ints.PHASE == AT_BASE_TO_CONFIRM
    unsure = ints.CONFIRMED <= ints.ITERATION
    if confirming or (unsure and (ints.TRIALS == 0 or floats.PROX_NORM < floats.NORM_REAL)):
        floats.NORM_REAL = floats.PROX_NORM
    met = floats.NORM_REAL <= floats.GTOL and ints.AHEAD == ints.REAL
    if met and (confirming or ints.SEPARABLE != 0):
        ints.RESULT = ints.REAL
        ints.STATUS = STATUS_CONVERGED
        return STOP
    if confirming or (met and unsure):
        # The same point once more, with another t.
        step = floats.STEP
        floats.STEP = floats.PROX_STEP if confirming else 1.0
        floats.PROX_STEP = step
        ints.PHASE = SEARCHING if confirming else AT_BASE_TO_CONFIRM
        ints.CONFIRMED = ints.ITERATION + 1
        ints.PENDING = EVALUATED
        return TRY
    return STOP if ints.ITERATION >= last else action


@part(fastmath=ANY_ORDER)
def finish_proximal_step(rows, ints, floats, history, last, action):
    """Call the operator for the trial if that is due, and test; returns what to do.

    The evaluation may be due then, or the step is to be made with another t.
    """
    if ints.PENDING == TO_PROX:
        apply_operator(rows, ints, floats)
    if ints.PENDING == TO_EVALUATE and starts_from_known_point(ints):
        floats.SLOPE = proximal_change(rows, ints, floats)
        action = test_before_evaluation(ints, floats, last, action)
        if action != STOP and ints.PENDING == TO_EVALUATE:
            record_row(ints, floats, history)
    return action


@part
def trial_evaluated(evaluate, context, rows, ints, floats):
    """Evaluate the trial; False if the loop is to be left for that, or maxfev is reached."""
    if ints.PENDING == TO_EVALUATE:
        if ints.NFEV + ints.COST_FUN + ints.RESERVE > ints.MAXFEV:
            ints.STATUS = STATUS_MAXFEV
            return False
        ints.NIT = ints.ITERATION
        ints.CURRENT = ints.TRIAL
        if evaluate == 0:
            ints.STATUS = NEEDS_EVALUATION
            return False
        x, g = row(rows, ints.TRIAL), row(rows, N_POINTS + ints.TRIAL)
        floats.FUN_TRIAL = call_evaluate(evaluate, x, g, ints.SIZE, context)
        ints.NFEV += ints.COST_FUN
        ints.NJEV += ints.COST_JAC
    else:
        floats.FUN_TRIAL = floats.FUN
    ints.PENDING = EVALUATED
    return True


@part(fastmath=ANY_ORDER)
def run_begins(rows, ints, floats, good):
    """Start from the trial, the first point, with a step along -g; False if it is not finite."""
    accept_trial(ints, floats)
    base_from_real(ints, floats)
    floats.FUN_START = floats.FUN_TRIAL
    if not good:
        ints.STATUS = STATUS_NONFINITE
        return False
    n = ints.SIZE
    x, g = row(rows, ints.TRIAL), row(rows, N_POINTS + ints.TRIAL)
    total = 0.0
    for i in variables(n):
        total += np.float64(g[i]) * g[i]
    start(rows, x, g, n, floats, summed(rows, total))
    return True


@part
def iteration_ends_run(ints, floats, history):
    """Complete the row of the iteration, and tell whether the run ends with it."""
    if ints.HISTORY > 0:
        history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
    return end_iteration(ints, floats)


@part
def record_row(ints, floats, history):
    """Begin the row of the iteration, if it is not there and a history is kept."""
    if ints.HISTORY >= 0 and ints.RECORDED < ints.ITERATION:
        history[ints.HISTORY, 0] = floats.FUN_REAL
        history[ints.HISTORY, 1] = floats.NORM_REAL
        history[ints.HISTORY, 2] = np.nan
        ints.HISTORY += 1
        ints.RECORDED = ints.ITERATION


@part(fastmath=ANY_ORDER)
def gradient_step(rows, ints, floats, pending):
    """The trial is a gradient step from the point ahead; what is pending then?"""
    n = ints.SIZE
    ints.TRIAL = free_row(ints)
    y = row(rows, ints.AHEAD)
    gy = row(rows, N_POINTS + ints.AHEAD)
    x = row(rows, ints.TRIAL)
    step = as_real(floats.STEP, x)
    for i in variables(n):
        x[i] = y[i] - step * gy[i]
    ints.PENDING = pending


@part
def show_real_point(ints, floats, history):
    """What the caller shows as the current point is the last real one."""
    if ints.STATUS != NEEDS_EVALUATION:
        ints.CURRENT = ints.REAL
        floats.FUN = floats.FUN_REAL
        floats.GRAD_NORM = floats.NORM_REAL
        ints.NIT = ints.ITERATION
        if ints.HISTORY > 0 and ints.RECORDED < ints.ITERATION:
            history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
