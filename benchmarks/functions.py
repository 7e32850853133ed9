"""Objectives in plain Python, to be compiled for the processor or for a device."""


def rosenbrock(x, out):
    """Chained Rosenbrock, without a product of an integer and a float."""
    for i in range(x.size):
        out[i] = 0.0
    total = 0.0
    for i in range(x.size - 1):
        bend = x[i + 1] - x[i] * x[i]
        gap = 1.0 - x[i]
        total += 100.0 * bend * bend + gap * gap
        out[i] -= 400.0 * x[i] * bend + 2.0 * gap
        out[i + 1] += 200.0 * bend
    return total


def chain_entry(i, x, out):
    """Its entry i, and what it adds to the value."""
    value = 0.0
    slope = 0.0
    if i > 0:
        slope += 200.0 * (x[i] - x[i - 1] * x[i - 1])
    if i < x.shape[0] - 1:
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        value = 100.0 * a * a + b * b
        slope += -400.0 * a * x[i] - 2.0 * b
    out[i] = slope
    return value
