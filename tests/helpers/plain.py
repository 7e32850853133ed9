"""Objectives in plain Python, to be compiled for the processor or for a device.

Without a product of an integer and a float, which would be one of float64.
"""

import math


def rosenbrock(x, out):
    """Of any number of variables; writes its gradient."""
    total = 0.0
    for i in range(out.shape[0]):
        out[i] = 0.0
    for i in range(x.shape[0] - 1):
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        total += 100.0 * a * a + b * b
        out[i] += -400.0 * a * x[i] - 2.0 * b
        out[i + 1] += 200.0 * a
    return total


def value(x):
    """Its value alone."""
    total = 0.0
    for i in range(x.shape[0] - 1):
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        total += 100.0 * a * a + b * b
    return total


def entry(i, x, out):
    """The same by entries: each needs its neighbours."""
    found = 0.0
    slope = 0.0
    if i > 0:
        slope += 200.0 * (x[i] - x[i - 1] * x[i - 1])
    if i < x.shape[0] - 1:
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        found = 100.0 * a * a + b * b
        slope += -400.0 * a * x[i] - 2.0 * b
    out[i] = slope
    return found


def misfit(k, x, out, t, y):
    """A term of the squares of a decay less the data; adds its gradient."""
    e = math.exp(-x[1] * t[k])
    r = x[0] * e - y[k]
    out[0] += 2.0 * r * e
    out[1] -= 2.0 * r * x[0] * e * t[k]
    return r * r


def n_samples(x, t, y):
    """How many terms there are."""
    return y.size


def residual(r, x, w, a, b):
    """Least squares: a row."""
    w[r] = -b[r]
    for j in range(x.shape[0]):
        w[r] += a[r, j] * x[j]
    return 0.5 * w[r] * w[r]


def slope(i, x, w, out, a, b):
    """Least squares: an entry."""
    out[i] = 0.0
    for r in range(w.shape[0]):
        out[i] += a[r, i] * w[r]
    return 0.0
