"""The line search of the automatic methods, which decides by numbers alone."""

import math

import numpy as np

from .._language.layout import ACCEPT_FROM_BASE, NEW_DIRECTION, SEARCHING, TRY
from .._numba.jit import ANY_ORDER, part
from .._numba.words import larger, smaller
from .norms import largest_magnitude, square
from .stopping import converge_at_trial, fail


@part
def cubic_minimum(a, f_a, slope_a, b, f_b, slope_b):
    """Minimiser of the cubic with these values and slopes at a < b; nan if it has none."""
    d1 = slope_a + slope_b - 3.0 * (f_b - f_a) / (b - a)
    square = d1 * d1 - slope_a * slope_b
    if not square >= 0.0:
        return np.nan
    root = math.sqrt(square)
    bottom = slope_b - slope_a + 2.0 * root
    if bottom == 0.0:
        return np.nan
    return b - (b - a) * (slope_b + root - d1) / bottom


@part
def start_search(ints, floats):
    """Begin a line search from the base along the direction."""
    ints.PHASE = SEARCHING
    ints.TRIALS = 0
    ints.BAD_TRIALS = 0
    ints.BRACKETED = 0
    ints.LOWEST = -1
    floats.LOW = 0.0
    floats.FUN_LOW = floats.FUN_BASE
    floats.SLOPE_LOW = floats.SLOPE
    floats.WIDTH = np.inf


@part
def search_trial(ints, floats, good):
    """Judge the line search's trial at STEP, and choose the next one; returns what to do.

    The approximate Wolfe conditions of Hager and Zhang (2005), with delta = 1e-3, sigma = 0.9;
    trials by the minimum of a cubic, else by the secant.
    """
    step = floats.STEP
    f = floats.FUN_TRIAL
    slope_trial = floats.SLOPE_TRIAL
    f_base = floats.FUN_BASE
    slope = floats.SLOPE
    low = floats.LOW
    f_low = floats.FUN_LOW
    slope_low = floats.SLOPE_LOW
    ints.TRIALS += 1
    if not good:
        # Outside the domain: back off, and never beyond it again.
        floats.HIGH = step
        floats.FUN_HIGH = np.nan
        ints.BRACKETED = 1
        floats.STEP = low + (step - low) * (0.1 if ints.BAD_TRIALS < 4 else 0.001)
        ints.BAD_TRIALS += 1
        return end_search(ints, floats) if floats.STEP <= 1e-300 else next_trial(ints, floats)

    slack = floats.SLACK
    if floats.NORM_TRIAL <= floats.GTOL and f <= floats.FUN_REAL + slack:
        return converge_at_trial(ints, floats)
    armijo = f <= f_base + 1e-3 * step * slope
    near = slack > 0.0 and f <= f_base + slack
    fits = slope_trial >= 0.9 * slope and (armijo or (near and slope_trial <= -0.8 * slope))
    if fits or (f < f_base and (ints.LOWEST < 0 or f < floats.FUN_LOWEST)):
        mark_lowest(ints, floats)
    if fits:
        return ACCEPT_FROM_BASE

    if slope_trial < 0.0 and (armijo or near):
        floats.LOW = step
        floats.FUN_LOW = f
        floats.SLOPE_LOW = slope_trial
        if ints.BRACKETED == 0:
            c = cubic_minimum(low, f_low, slope_low, step, f, slope_trial)
            if not (abs(c) < np.inf and c > step):
                c = np.inf
                if slope_trial > slope_low:
                    c = step - slope_trial * (step - low) / (slope_trial - slope_low)
            grown = step - low
            floats.STEP = step + 10.0 * grown
            if abs(c) < np.inf:
                floats.STEP = smaller(larger(c, step + 0.5 * grown), floats.STEP)
            return end_search(ints, floats) if floats.STEP > 1e100 else next_trial(ints, floats)
        low, f_low, slope_low = step, f, slope_trial
    else:
        floats.HIGH = step
        floats.FUN_HIGH = f
        floats.SLOPE_HIGH = slope_trial
        ints.BRACKETED = 1

    high = floats.HIGH
    f_high = floats.FUN_HIGH
    slope_high = floats.SLOPE_HIGH
    w = high - low
    if w <= 4.0 * floats.EPSILON * high:
        return end_search(ints, floats)
    if not abs(f_high) < np.inf:
        floats.STEP = low + 0.3 * w
        return next_trial(ints, floats)
    c = np.nan
    if abs(f_high - f_low) > 4500.0 * floats.EPSILON * larger(abs(f_low), abs(f_high)):
        c = cubic_minimum(low, f_low, slope_low, high, f_high, slope_high)
    if not (abs(c) < np.inf and low < c and c < high):
        c = low + 0.5 * w
        if slope_high > slope_low:
            c = low - slope_low * w / (slope_high - slope_low)
    if w > 0.66 * floats.WIDTH and ints.TRIALS > 5:
        c = low + 0.5 * w
    floats.WIDTH = w
    floats.STEP = smaller(larger(c, low + 0.02 * w), high - 0.02 * w)
    return next_trial(ints, floats)


@part
def mark_lowest(ints, floats):
    """The trial is the lowest point of this search so far."""
    ints.LOWEST = ints.TRIAL
    floats.LOWEST_STEP = floats.STEP
    floats.FUN_LOWEST = floats.FUN_TRIAL
    floats.NORM_LOWEST = floats.NORM_TRIAL


@part
def next_trial(ints, floats):
    """Try again, unless the search has had its trials."""
    return TRY if ints.TRIALS < 30 else end_search(ints, floats)


@part
def end_search(ints, floats):
    """No trial met the conditions: take the lowest, or count a failure and start afresh."""
    if ints.LOWEST >= 0:
        return ACCEPT_FROM_BASE
    ints.FAILURES += 1
    ints.LINE_SEARCH_FAILURES += 1
    ints.N_RESTARTS += 1
    if ints.FAILURES > 2:
        return fail(ints)
    ints.COUNT = 0
    ints.HEAD = 0
    ints.METRIC_IN_USE = ints.METRIC_START
    floats.SCALE = 0.0
    floats.RATE = 0.0
    return NEW_DIRECTION


@part
def judge_look_ahead(ints, floats):
    """Is the function close enough to a quadratic along d for a virtual step?

    Fills RATIO (of the exact minimum's step to the trial's), DECREASE and ERROR_NEW.
    """
    slope = floats.SLOPE
    step = floats.STEP
    f = floats.FUN_TRIAL
    f_base = floats.FUN_BASE
    change = floats.SLOPE_TRIAL - slope
    if not (change > 0.0 and ints.WAIT == 0):
        return False
    ratio = -slope / change
    decrease = -0.5 * slope * ratio * step
    cubic = abs(f - f_base - 0.5 * step * (slope + floats.SLOPE_TRIAL))
    cubic = larger(cubic - 450.0 * floats.EPSILON * (abs(f_base) + abs(f)), 0.0)
    error = abs(1.0 - ratio) * floats.ERROR + abs(ratio * (1.0 - ratio)) * cubic
    floats.RATIO = ratio
    floats.DECREASE = decrease
    floats.ERROR_NEW = error
    return (
        ratio >= 0.02
        and ratio <= 20.0
        and cubic <= 0.3 * decrease
        and error <= 0.01 * decrease
        and (f <= floats.FUN_REAL + floats.SLACK or ratio < 1.0)
    )


@part
def first_decrease(floats):
    """Step times the square of the gradient: the decrease, were there no curvature."""
    return floats.STEP * floats.UNIT * (floats.SLOPE * floats.UNIT)


@part(fastmath=ANY_ORDER)
def highest(values, first, count):
    """The highest of so many numbers, from `first` on."""
    found = values[first]
    for j in range(count):
        found = larger(found, values[first + j])
    return found


@part(fastmath=ANY_ORDER)
def shorter(floats, good, gain):
    """The part of a step from the real point to try next; its slope foresaw `gain`.

    To the minimum of the parabola through both values and the slope.
    """
    if not good:
        return 0.1
    share = 0.5 * gain / (floats.FUN_TRIAL - floats.FUN_REAL + gain)
    return smaller(larger(share, 0.1), 0.5)


@part
def first_step(x_norm, d_norm, floats, slope, unit):
    """Step along d = -unit g that changes x, or else f, by 1 %; `slope` is -g.d.

    x and d by their largest magnitude.
    """
    step = 1.0 / math.sqrt(slope * unit)
    if x_norm > 0.0:
        step = 0.01 * (x_norm / d_norm)
    elif floats.FUN_BASE != 0.0:
        step = 0.01 * abs(floats.FUN_BASE) / slope
    # Where x is tiny, a step that f can notice.
    step = larger(step, 100.0 * floats.EPSILON * abs(floats.FUN_BASE) / slope)
    return step if step > 0.0 and abs(step) < np.inf else 1e-8


@part
def start(rows, x, g, n, floats, total):
    """The first step of a method whose direction is -g, from x; `total` is the square of g."""
    square(rows, g, n, floats, total)
    unit = floats.UNIT
    d_norm = largest_magnitude(rows, g, n) / unit
    slope = floats.SLOPE * unit
    x_norm = largest_magnitude(rows, x, n)
    floats.STEP = first_step(x_norm, d_norm, floats, slope, 1.0 / unit) / unit
