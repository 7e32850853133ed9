"""Norms of rows, and products that stay within the range of numbers."""

import math

import numpy as np

from .._language.layout import NORM_1, NORM_2, NORM_MIN
from .._numba.jit import cached_part, part
from .._numba.words import (
    from_magnitude_bits,
    larger_magnitude,
    largest,
    no_magnitude,
    summed,
    variables,
)


@part
def largest_magnitude(rows, v, n):
    """Largest magnitude in a row; nan if it holds one."""
    bits = no_magnitude(v)
    for i in variables(n):
        bits = larger_magnitude(bits, v[i])
    return from_magnitude_bits(largest(rows, bits), v)


@part
def measure_step(rows, x, before, n, floats):
    """STEP_NORM and X_NORM of the step from the row `before` to `x`, for the test of xtol."""
    bits = no_magnitude(x)
    for i in variables(n):
        bits = larger_magnitude(bits, x[i] - before[i])
    floats.STEP_NORM = from_magnitude_bits(largest(rows, bits), x)
    floats.X_NORM = largest_magnitude(rows, before, n)


@cached_part
def vector_norm(rows, v, n, norm, order):
    """Norm of a row other than the largest magnitude; nan if it holds one.

    Called by address, and compiled only for a run that asks for such a norm.
    """
    total = 0.0
    if norm == NORM_MIN:
        total = np.inf
        for j in variables(n):
            size = abs(np.float64(v[j]))
            if not size >= total:
                total = size
                if size != size:
                    break
        return -largest(rows, -total)
    if norm == NORM_1:
        for j in variables(n):
            total += abs(np.float64(v[j]))
        return summed(rows, total)
    if norm == NORM_2:
        for j in variables(n):
            total += np.float64(v[j]) * np.float64(v[j])
        return math.sqrt(summed(rows, total))
    for j in variables(n):
        total += abs(np.float64(v[j])) ** order
    total = summed(rows, total)
    if total != 0.0 and total != np.inf:
        return total ** (1.0 / order)
    # High powers of small numbers are zero, of large ones infinite: relative to the largest.
    most = largest_magnitude(rows, v, n)
    if most == 0.0 or not abs(most) < np.inf:
        return most
    total = 0.0
    for j in variables(n):
        total += (abs(np.float64(v[j])) / most) ** order
    return most * summed(rows, total) ** (1.0 / order)


@part
def product(rows, v, w, n, unit):
    """Product of two rows, each in this unit."""
    total = 0.0
    for i in variables(n):
        total += np.float64(v[i]) / unit * (np.float64(w[i]) / unit)
    return summed(rows, total)


@part
def square(rows, g, n, floats, total):
    """SLOPE, the square of the gradient: `total`; beyond the range of numbers, in UNITs."""
    floats.SLOPE = total
    floats.UNIT = 1.0
    if not (total > 1e-280 and total < np.inf):
        size = largest_magnitude(rows, g, n)
        if size > 0.0:
            floats.UNIT = size
            floats.SLOPE = product(rows, g, g, n, size)
