"""The direction of momentum with automatic coefficients."""

import numpy as np

from .._language.layout import DIRECTION, PAIRS
from .._numba.jit import ANY_ORDER, part
from .._numba.words import as_real, own_numbers, row, summed, variables
from .norms import largest_magnitude


@part(fastmath=ANY_ORDER)
def momentum_direction(rows, ints, floats, gradient_row):
    """d = -H g, from the newest velocity to the oldest, and back; returns g.d and its size.

    Each pass is d <- (d + a v) b, joined with the product w.d that the next one needs. In the
    middle stand the scale and the metric.
    """
    n = ints.SIZE
    memory = ints.MEMORY
    own = own_numbers(rows, floats)
    d = row(rows, DIRECTION)
    g = row(rows, gradient_row)
    count = ints.COUNT
    j = (ints.HEAD + memory - 1) % memory
    metric_row = ints.METRIC_IN_USE
    m = row(rows, metric_row)
    total = 0.0
    size = 0.0
    w = row(rows, PAIRS + 2 * j)
    for i in variables(n):
        total += np.float64(w[i]) * g[i]
        d[i] = g[i]
    total = summed(rows, total)
    for i_pass in range(2 * count):
        b = 1.0
        if i_pass < count:
            v_row = PAIRS + 2 * j + 1
            own[memory + j] = own[j] * total
            a = -own[memory + j]
            if i_pass < count - 1:
                j = (j + memory - 1) % memory
                w_row = PAIRS + 2 * j
            else:
                b = floats.SCALE
                w_row = v_row
        else:
            v_row = PAIRS + 2 * j
            a = own[memory + j] - own[j] * total
            if i_pass < 2 * count - 1:
                j = (j + 1) % memory
                w_row = PAIRS + 2 * j + 1
            else:
                b = -1.0
                w_row = gradient_row
        v = row(rows, v_row)
        w = row(rows, w_row)
        a_ = as_real(a, d)
        b_ = as_real(b, d)
        total = 0.0
        size = 0.0
        if i_pass == count - 1 and metric_row != 0:
            for i in variables(n):
                d_i = (d[i] + a_ * v[i]) * b_ * m[i]
                d[i] = d_i
                total += np.float64(w[i]) * d_i
            total = summed(rows, total)
            continue
        for i in variables(n):
            d_i = (d[i] + a_ * v[i]) * b_
            d[i] = d_i
            total += np.float64(w[i]) * d_i
            size += abs(np.float64(w[i]) * d_i)
        total, size = summed(rows, (total, size))
    return total, size


@part(fastmath=ANY_ORDER)
def downhill(rows, ints, floats, gradient_row):
    """d = -g by the scale and the metric, or by 1, or by the gradient's size; returns g.d.

    Without a scale, SCALE and RATE are 0, or RATE is 1 over the size.
    """
    n = ints.SIZE
    d = row(rows, DIRECTION)
    g = row(rows, gradient_row)
    metric_row = ints.METRIC_IN_USE
    m = row(rows, metric_row)
    whole = floats.SCALE
    if not whole > 0.0:
        whole = 1.0
        floats.RATE = 0.0
    total = 0.0
    for _ in range(2):
        scale = as_real(whole, d)
        total = 0.0
        for i in variables(n):
            d_i = -(scale * g[i])
            if metric_row != 0:
                d_i *= m[i]
            d[i] = d_i
            total += np.float64(g[i]) * d_i
        total = summed(rows, total)
        if total > -np.inf:
            break
        whole = 1.0 / largest_magnitude(rows, g, n)  # the square of the gradient overflows
        floats.SCALE = 0.0
        floats.RATE = whole
    return total
