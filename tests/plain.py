"""Objectives in plain Python, to be compiled for the processor or for a device.

Without a product of an integer and a float, which would be one of float64.
"""


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
