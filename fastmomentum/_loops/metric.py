"""The diagonal metric of the momentum direction, which makes it indifferent to the sizes of the
variables, and in which the adaptive methods choose their rates.

A learned metric takes the curvature along the velocities apart by variables: the roots r of
sum s_i**2 / s.y over sum y_i**2 / s.y. Rescaled variables rescale it alike. But it differs from
one velocity to the next, and a metric that keeps changing spoils the conjugacy of the directions
(a quadratic in n variables takes more than n iterations): so r is a candidate, as is its root,
and the metric in use is kept unless one of them explains the velocities that come after it
better, by the sum of log (s.y)**2 / ((s.s / m) (y.m y)). For a diagonal quadratic and its
inverse diagonal that is zero, its largest value.
"""

import math

import numpy as np

from .._language.layout import (
    CANDIDATE_ROW,
    METRIC_LEARNED,
    METRIC_ROW,
    N_POINTS,
    PAIRS,
    START_ROW,
    SUM_ROW,
)
from .._numba.calls import call_metric
from .._numba.jit import ANY_ORDER, part
from .._numba.words import larger, largest, own_numbers, row, smaller, summed, variables
from .norms import largest_magnitude
from .slots import rows_from


@part
def make_room(ints, more):
    """For one pair more, or for one less; where their number is given that is for so many."""
    ints.ROOM = (
        smaller(ints.ROOM + 1, ints.MEMORY) if more else larger(ints.ROOM - 1, ints.LEAST_ROOM)
    )


@part(fastmath=ANY_ORDER)
def store_pair(rows, ints, floats, g, sy, yy, ss):
    """Keep the pair that was written last, if its curvature is positive beyond rounding.

    g is the gradient at its end.
    """
    if yy > 0.0 and sy > 4500.0 * floats.EPSILON * math.sqrt(yy * ss):
        floats.RATE = sy / yy
        update_metric(rows, ints, floats, g, sy, yy, ss)
        own_numbers(rows, floats)[ints.HEAD] = 1.0 / sy
        ints.HEAD = (ints.HEAD + 1) % ints.MEMORY
        ints.COUNT = smaller(ints.COUNT + 1, ints.ROOM)
    else:
        # Where all rows were in use, the oldest pair has been written over.
        ints.COUNT = smaller(ints.COUNT, ints.MEMORY - 1)


@part(fastmath=ANY_ORDER)
def update_metric(rows, ints, floats, g, sy, yy, ss):
    """Take in the new pair, and set the scale of the direction."""
    n = ints.SIZE
    first = PAIRS + 2 * ints.MEMORY
    s, y = rows_from(rows, PAIRS + 2 * ints.HEAD, 2)
    ints.PAIRS_SEEN += 1
    if ints.METRIC == METRIC_LEARNED:
        if n > 1:
            learn_metric(rows, ints, floats, s, y, sy, yy, ss)
    else:
        call_metric(ints.METRIC_ADDRESS, rows, ints, floats, g, s)
        ints.METRIC_IN_USE = first + METRIC_ROW
    floats.SCALE = sy / yy
    if ints.METRIC_IN_USE != 0:
        m = row(rows, ints.METRIC_IN_USE)
        total = 0.0
        for i in variables(n):
            total += np.float64(y[i]) * m[i] * y[i]
        total = summed(rows, total)
        if total > 0.0 and abs(total) < np.inf:
            floats.SCALE = sy / total
        else:
            ints.METRIC_IN_USE = 0


@part(fastmath=ANY_ORDER)
def learn_metric(rows, ints, floats, s, y, sy, yy, ss):
    """Judge the candidates by the new pair, and adopt one, or make new candidates."""
    n = ints.SIZE
    first = PAIRS + 2 * ints.MEMORY
    start = row(rows, first + START_ROW)
    steps = row(rows, first + SUM_ROW)
    changes = row(rows, first + SUM_ROW + 1)
    candidate = row(rows, first + CANDIDATE_ROW)
    scaled = ints.METRIC_START != 0
    if ints.JUDGED >= 0:
        judge_candidates(rows, ints, floats, s, y, sy, yy, ss)
    total_s = 0.0
    total_y = 0.0
    for i in variables(n):
        t = np.float64(start[i]) if scaled else 1.0
        steps_i = steps[i] + np.float64(s[i]) * (s[i] / sy)
        changes_i = changes[i] + np.float64(y[i]) * (y[i] / sy)
        steps[i] = steps_i
        changes[i] = changes_i
        total_s += steps_i / t
        total_y += changes_i * t
    total_s, total_y = summed(rows, (total_s, total_y))
    if ints.JUDGED < 0 and ints.PAIRS_SEEN >= ints.NEXT_CANDIDATE:
        mean = math.sqrt(total_s / total_y)
        for i in variables(n):
            # Relative to their mean, r does not depend on the unit of f.
            r = math.sqrt(np.float64(steps[i]) / changes[i]) / mean
            if not (r > 0.0 and abs(r) < np.inf):
                r = np.float64(start[i]) if scaled else 1.0  # a variable that has not moved
            candidate[i] = r
        ints.JUDGED = 0
        floats.SCORE_KEPT = 0.0
        floats.SCORE_FULL = 0.0
        floats.SCORE_ROOT = 0.0
        floats.SCORE_START = 0.0


@part(fastmath=ANY_ORDER)
def judge_candidates(rows, ints, floats, s, y, sy, yy, ss):
    """Add the new pair to the scores; adopt the best one after six, or where it is far ahead."""
    n = ints.SIZE
    first = PAIRS + 2 * ints.MEMORY
    m = row(rows, first + METRIC_ROW)
    start = row(rows, first + START_ROW)
    candidate = row(rows, first + CANDIDATE_ROW)
    scaled = ints.METRIC_START != 0
    full_s = 0.0
    full_y = 0.0
    root_s = 0.0
    root_y = 0.0
    for i in variables(n):
        s_i = np.float64(s[i]) * s[i]
        y_i = np.float64(y[i]) * y[i]
        r = np.float64(candidate[i])
        full_s += s_i / r
        full_y += y_i * r
        r = math.sqrt(r * start[i] if scaled else r)
        root_s += s_i / r
        root_y += y_i * r
    full_s, full_y, root_s, root_y = summed(rows, (full_s, full_y, root_s, root_y))
    kept = score(sy, ss, yy)
    if scaled:
        kept = score_in(rows, start, n, s, y, sy)
    floats.SCORE_START += kept
    if ints.METRIC_IN_USE != ints.METRIC_START:
        kept = score_in(rows, m, n, s, y, sy)
    floats.SCORE_KEPT += kept
    floats.SCORE_FULL += score(sy, full_s, full_y)
    floats.SCORE_ROOT += score(sy, root_s, root_y)
    ints.JUDGED += 1
    best = larger(larger(floats.SCORE_FULL, floats.SCORE_ROOT), floats.SCORE_START)
    if ints.JUDGED < 6 and not best > floats.SCORE_KEPT + 3.0:
        return
    # The smaller change first: each must be better than the one before by a margin.
    level = floats.SCORE_KEPT + 1.2
    use_root = floats.SCORE_ROOT > level
    if use_root:
        level = floats.SCORE_ROOT + 1.2
    use_full = floats.SCORE_FULL > level
    if use_full:
        level = floats.SCORE_FULL + 1.2
    if floats.SCORE_START > level:
        ints.METRIC_IN_USE = ints.METRIC_START
    elif use_full or use_root:
        ints.METRIC_IN_USE = first + METRIC_ROW
        for i in variables(n):
            r = np.float64(candidate[i])
            if not use_full:
                r = math.sqrt(r * start[i] if scaled else r)
            m[i] = r
    ints.JUDGED = -1
    ints.NEXT_CANDIDATE = ints.PAIRS_SEEN + 3 * ints.PAIRS_SEEN // 10


@part(fastmath=ANY_ORDER)
def score(sy, s_size, y_size):
    """How well a metric explains a pair, at most 0."""
    square = sy / s_size * (sy / y_size)
    return math.log(square) if square > 0.0 else -1e3


@part(fastmath=ANY_ORDER)
def score_in(rows, m, n, s, y, sy):
    """`score` of the metric m."""
    s_size = 0.0
    y_size = 0.0
    for i in variables(n):
        s_size += np.float64(s[i]) * s[i] / m[i]
        y_size += np.float64(y[i]) * m[i] * y[i]
    s_size, y_size = summed(rows, (s_size, y_size))
    return score(sy, s_size, y_size)


@part(fastmath=ANY_ORDER)
def first_sizes(rows, ints):
    """The largest magnitudes of x and of the gradient, in the metric that a run starts from."""
    n = ints.SIZE
    x = row(rows, ints.BASE)
    g = row(rows, N_POINTS + ints.BASE)
    x_norm = largest_magnitude(rows, x, n)
    g_norm = largest_magnitude(rows, g, n)
    if ints.METRIC_START != 0:
        start = row(rows, ints.METRIC_START)
        x_norm = 0.0
        g_norm = 0.0
        for i in variables(n):
            size = math.sqrt(np.float64(start[i]))
            x_norm = larger(x_norm, abs(x[i]) / size)
            g_norm = larger(g_norm, abs(g[i]) * size)
        x_norm, g_norm = largest(rows, (x_norm, g_norm))
    return x_norm, g_norm
