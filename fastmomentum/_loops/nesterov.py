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

A state machine with one place that evaluates, like the automatic momentum. What follows an
evaluation is a function of this file, which returns what to do next.
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
    N_POINTS,
    NEW_DIRECTION,
    RESTART,
    SEARCH_FROM_AHEAD,
    SEARCHING,
    STOP,
    TO_EVALUATE,
    TO_PROX,
    TRY,
)
from .._numba.jit import ANY_ORDER, part
from .._numba.words import as_real, larger, row, smaller, summed, variables
from . import automatic
from .automatic import Parts
from .evaluation import free_row, judge_trial
from .line_search import first_decrease
from .norms import largest_magnitude, measure_step, product, square
from .phases import gradient_step, record_row, run_begins
from .stopping import accept_trial, base_from_real, converge_at_real, converge_at_trial, fail
from .terms import clip_to_bounds, gap_closed


@part(fastmath=ANY_ORDER)
def judge_point(rows, ints, floats):
    """`judge_trial` of f + h; at a look-ahead point of f alone."""
    floats.SMOOTH_TRIAL = floats.FUN_TRIAL
    if ints.PHASE == AHEAD_OF_BASE:
        # h is not known there, and may be infinite.
        size = largest_magnitude(rows, row(rows, N_POINTS + ints.TRIAL), ints.SIZE)
        return abs(floats.FUN_TRIAL) < np.inf and size < np.inf
    floats.FUN_TRIAL += floats.PENALTY
    return judge_trial(rows, ints, floats)


@part(fastmath=ANY_ORDER)
def at_start(rows, ints, floats, good, composite):
    """The first point of the run."""
    if not run_begins(rows, ints, floats, good):
        return STOP
    if composite:
        floats.SMOOTH_REAL = floats.SMOOTH_TRIAL
    ints.PREVIOUS = -1
    floats.SEQUENCE = 1.0
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def ahead_of_base(ints, floats, good, composite):
    """The look-ahead point, evaluated since extrapolation was not good enough."""
    ints.AHEAD = ints.TRIAL
    ints.VIRTUAL = 0
    floats.FUN_AHEAD = floats.SMOOTH_TRIAL if composite else floats.FUN_TRIAL
    floats.ERROR = 0.0
    if not composite:
        lower = floats.FUN_TRIAL <= floats.FUN_REAL
        if good and floats.NORM_TRIAL <= floats.GTOL and lower:
            return converge_at_trial(ints, floats)
    return SEARCH_FROM_AHEAD if good else RESTART


@part(fastmath=ANY_ORDER)
def curvature_met(rows, ints, floats):
    """The curvature of f along the step from the look-ahead point, in units of 1 / STEP."""
    g = row(rows, N_POINTS + ints.TRIAL)
    gy = row(rows, N_POINTS + ints.AHEAD)
    total = 0.0
    for i in variables(ints.SIZE):
        total += np.float64(g[i]) * gy[i]
    total = summed(rows, total)
    if floats.UNIT != 1.0:
        total = product(rows, g, gy, ints.SIZE, floats.UNIT)
    return (floats.SLOPE - total) / floats.SLOPE


@part(fastmath=ANY_ORDER)
def judge_step(ints, floats, good, met):
    """The step's end: sufficient descent, up to rounding and extrapolation?"""
    f = floats.FUN_TRIAL
    if good and floats.NORM_TRIAL <= floats.GTOL and f <= floats.FUN_REAL:
        return converge_at_trial(ints, floats)
    noise = 450.0 * floats.EPSILON
    rounding = noise * (abs(f) + abs(floats.FUN_AHEAD))
    gain = 0.5 * first_decrease(floats)
    # Where rounding hides the gain from the values, the gradients must show it: for a quadratic,
    # sufficient descent is a curvature of 1 / STEP at most.
    hidden = gain <= 0.25 * rounding
    descent = f <= floats.FUN_AHEAD - gain + floats.ERROR + rounding
    fits = good and descent and (met <= 1.0 or not hidden)
    action = end_step(ints, floats, fits, noise, False)
    if action == TRY:
        shown = 0.0
        if not hidden:
            shown = (f - floats.FUN_AHEAD + 2.0 * gain) / gain
        shorten_step(floats, good, met, shown)
    return action


@part(fastmath=ANY_ORDER)
def proximal_curvature(rows, ints, floats):
    """The change of f along the proximal step that the gradient at its start foresees.

    And the curvature along it, in units of 1 / STEP.
    """
    x = row(rows, ints.TRIAL)
    g = row(rows, N_POINTS + ints.TRIAL)
    y = row(rows, ints.AHEAD)
    gy = row(rows, N_POINTS + ints.AHEAD)
    along = 0.0
    after = 0.0
    for i in variables(ints.SIZE):
        d_i = np.float64(x[i] - y[i])
        along += d_i * gy[i]
        after += d_i * g[i]
    along, after = summed(rows, (along, after))
    distance = floats.SLOPE  # squared
    met = floats.STEP * (after - along) / distance if distance > 0.0 else 0.0
    return along, met


@part(fastmath=ANY_ORDER)
def judge_proximal_step(ints, floats, good, met, along):
    """The proximal step's end: sufficient descent, up to rounding and extrapolation?"""
    f = floats.SMOOTH_TRIAL
    step = floats.STEP
    distance = floats.SLOPE  # squared
    noise = 45.0 * floats.EPSILON
    rounding = noise * (abs(f) + abs(floats.FUN_AHEAD))
    allowed = floats.FUN_AHEAD + along + 0.5 * distance / step
    descent = f <= allowed + floats.ERROR + rounding
    fits = good and descent and (met <= 1.0 or not gain_hidden(floats))
    action = end_step(ints, floats, fits, noise, distance == 0.0)  # by rounding
    if action == TRY:
        shown = 2.0 * step * (f - floats.FUN_AHEAD - along) / distance
        shorten_step(floats, good, met, shown)
    return action


@part(fastmath=ANY_ORDER)
def gain_hidden(floats):
    """Does rounding hide from the values what a proximal step gains?"""
    rounding = 45.0 * floats.EPSILON * (abs(floats.SMOOTH_TRIAL) + abs(floats.FUN_AHEAD))
    return 0.5 * floats.SLOPE <= rounding * floats.STEP


@part(fastmath=ANY_ORDER)
def end_step(ints, floats, fits, noise, still):
    """Accept the step that fits, or try a shorter one; `still`, there is none."""
    ints.TRIALS += 1
    if fits:
        risen = not floats.FUN_TRIAL <= floats.FUN_REAL + noise * abs(floats.FUN_REAL)
        return RESTART if risen else ACCEPT_FROM_BASE
    if ints.VIRTUAL != 0 and ints.TRIALS > 1:
        # Not L alone: extrapolation may be to blame.
        return evaluate_ahead(ints)
    if ints.TRIALS > 60 or floats.STEP < 1e-300 or still:
        return RESTART
    return TRY


@part(fastmath=ANY_ORDER)
def shorten_step(floats, good, met, shown):
    """A shorter step, by the curvature that the gradients show, and the one that the values do."""
    if good:
        most = larger(larger(2.0, 1.05 * met), 1.05 * shown)
        floats.STEP /= smaller(most, 10.0)
    else:
        floats.STEP *= 0.1


@part(fastmath=ANY_ORDER)
def evaluate_ahead(ints):
    """Evaluate the look-ahead point."""
    ints.TRIAL = ints.AHEAD
    ints.PHASE = AHEAD_OF_BASE
    ints.PENDING = TO_EVALUATE
    return EVALUATE


@part(fastmath=ANY_ORDER)
def take_step(rows, ints, floats, met, composite):
    """The trial is the real point now; the momentum and the length of the next step."""
    n = ints.SIZE
    x = row(rows, ints.TRIAL)
    xr = row(rows, ints.REAL)
    y = row(rows, ints.AHEAD)
    gy = row(rows, N_POINTS + ints.AHEAD)
    # Momentum along the step taken: dropped where it points uphill.
    uphill = 0.0
    for i in variables(n):
        if composite:
            uphill += np.float64(y[i] - x[i]) * (x[i] - xr[i])
        else:
            uphill += gy[i] * (x[i] - xr[i])
    uphill = summed(rows, uphill)
    floats.LEARNING_RATE = floats.STEP
    if floats.XTOL > 0.0:
        measure_step(rows, x, xr, n, floats)
    # Steps that no longer lower f: rounding is all that is left after a while.
    lowered = floats.FUN_TRIAL < floats.FUN_REAL
    ints.FAILURES = 0 if lowered else ints.FAILURES + 1
    if ints.FAILURES > 30:
        return fail(ints)
    ints.PREVIOUS = ints.REAL
    if composite:
        floats.SMOOTH_LOW = floats.SMOOTH_REAL
    else:
        floats.FUN_LOW = floats.FUN_REAL
    accept_trial(ints, floats)
    base_from_real(ints, floats)
    far = True
    still = not lowered
    grows = ints.TRIALS == 1
    if composite:
        floats.SMOOTH_REAL = floats.SMOOTH_TRIAL
        floats.NORM_REAL = floats.PROX_NORM
        far = floats.PROX_NORM > floats.GTOL
        still = floats.SLOPE == 0.0
        grows = grows and not (gain_hidden(floats) and met > 0.9)
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
    if composite and still:
        floats.BETA = 0.0
    if still:
        floats.STEP *= 1000.0 if composite else 2.0
    elif ints.WAIT == 0:
        # Until the first backtracking the rate is far too low: as the curvature.
        grown = 10.0
        if met > 0.05:
            grown = larger(0.5 / met, 1.0 / 0.9)
        floats.STEP *= grown
    elif grows:
        floats.STEP /= 0.9
    floats.STEP = smaller(floats.STEP, 1e300)
    return NEW_DIRECTION


@part(fastmath=ANY_ORDER)
def restart(ints, floats):
    """Drop the momentum."""
    if floats.BETA == 0.0:
        # A plain step finds no descent: rounding, or no finite value near.
        ints.LINE_SEARCH_FAILURES += 1
        return fail(ints)
    ints.N_RESTARTS += 1
    floats.SEQUENCE = 1.0
    floats.BETA = 0.0
    return NEW_DIRECTION


def begin(rows, ints, floats, history, last):
    """The gradient test at the real point; then the look-ahead point."""
    if floats.NORM_REAL <= floats.GTOL:
        return converge_at_real(ints)
    if ints.ITERATION >= last:
        return STOP
    record_row(ints, floats, history)
    floats.FUN_PREVIOUS = floats.FUN_REAL
    if floats.BETA == 0.0:
        return start_at_real(ints, floats, floats.FUN_REAL)
    size = extrapolate(rows, ints, floats, False)
    if floats.ERROR <= 0.05 * floats.STEP * size and size < np.inf:
        return SEARCH_FROM_AHEAD
    return evaluate_ahead(ints)


def begin_composite(rows, ints, floats, history, last):
    """The test of the gap at the real point; then the look-ahead point."""
    if floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats):
        return converge_at_real(ints)
    # Without momentum that is looked at with the proximal point, after its test.
    if floats.BETA != 0.0 and ints.ITERATION >= last:
        return STOP
    floats.FUN_PREVIOUS = floats.FUN_REAL
    if floats.BETA == 0.0:
        return start_at_real(ints, floats, floats.SMOOTH_REAL)
    size = extrapolate(rows, ints, floats, True)
    clipped = ints.BOUNDED != 0 and clip_to_bounds(rows, ints, ints.AHEAD)
    # The last step's length stands for the next one's.
    if not clipped and floats.ERROR <= 0.05 * size / floats.STEP:
        return SEARCH_FROM_AHEAD
    return evaluate_ahead(ints)


@part(fastmath=ANY_ORDER)
def start_at_real(ints, floats, value):
    """Without momentum the look-ahead point is the real one, with this value of f."""
    ints.AHEAD = ints.REAL
    floats.FUN_AHEAD = value
    floats.ERROR = 0.0
    ints.VIRTUAL = 0
    return SEARCH_FROM_AHEAD


@part(fastmath=ANY_ORDER)
def extrapolate(rows, ints, floats, composite):
    """The look-ahead point with its gradient, f and ERROR as if f were a quadratic.

    Returns the square of the gradient there; for f + h of the last step.
    """
    beta = floats.BETA
    ahead = free_row(ints)
    xr = row(rows, ints.REAL)
    gr = row(rows, N_POINTS + ints.REAL)
    xp = row(rows, ints.PREVIOUS)
    gp = row(rows, N_POINTS + ints.PREVIOUS)
    y = row(rows, ahead)
    gy = row(rows, N_POINTS + ahead)
    weight = as_real(beta, y)
    after = 0.0
    before = 0.0
    size = 0.0
    for i in variables(ints.SIZE):
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
    return size


@part(fastmath=ANY_ORDER)
def square_ahead(rows, ints, floats):
    """SLOPE, the square of the gradient at the look-ahead point."""
    gy = row(rows, N_POINTS + ints.AHEAD)
    total = 0.0
    for i in variables(ints.SIZE):
        total += np.float64(gy[i]) * gy[i]
    square(rows, gy, ints.SIZE, floats, summed(rows, total))


def judge(rows, ints, floats):
    """The trial is evaluated."""
    good = judge_trial(rows, ints, floats)
    if ints.PHASE == AT_START:
        action = at_start(rows, ints, floats, good, False)
    elif ints.PHASE == AHEAD_OF_BASE:
        action = ahead_of_base(ints, floats, good, False)
    else:
        met = curvature_met(rows, ints, floats)
        action = judge_step(ints, floats, good, met)
        if action == ACCEPT_FROM_BASE:
            action = take_step(rows, ints, floats, met, False)
    return restart(ints, floats) if action == RESTART else action


def judge_composite(rows, ints, floats):
    """The trial is evaluated, and h is known there, but at a look-ahead point."""
    good = judge_point(rows, ints, floats)
    if ints.PHASE == AT_START:
        action = at_start(rows, ints, floats, good, True)
    elif ints.PHASE == AHEAD_OF_BASE:
        action = ahead_of_base(ints, floats, good, True)
    else:
        along, met = proximal_curvature(rows, ints, floats)
        action = judge_proximal_step(ints, floats, good, met, along)
        if action == ACCEPT_FROM_BASE:
            action = take_step(rows, ints, floats, met, True)
    return restart(ints, floats) if action == RESTART else action


def place(rows, ints, floats, action):
    """The trial is a gradient step from the look-ahead point."""
    if action == SEARCH_FROM_AHEAD:
        square_ahead(rows, ints, floats)
    search(rows, ints, floats, action, TO_EVALUATE)


def place_composite(rows, ints, floats, action):
    """The trial is to be the proximal point of that step."""
    search(rows, ints, floats, action, TO_PROX)


@part(fastmath=ANY_ORDER)
def search(rows, ints, floats, action, pending):
    """Begin a search from the look-ahead point, or go on with it."""
    if action == SEARCH_FROM_AHEAD:
        ints.TRIALS = 0
        ints.PHASE = SEARCHING
    if action != EVALUATE:
        gradient_step(rows, ints, floats, pending)


def make(composite: bool, real: str) -> Any:
    """The loop, for f or for f + h, in the precision `real`."""
    if composite:
        parts = Parts(judge_composite, begin_composite, place_composite)
        return automatic.make("nesterov_composite", parts, True, real)
    return automatic.make("nesterov_auto", Parts(judge, begin, place), False, real)
