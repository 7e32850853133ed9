"""The methods as the papers write them, in plain NumPy; slow, and independent of the package.

Each function returns the iterates, x0 first. `rate` and `momentum` are a number or a sequence with
one entry per step (momenta: one more, for the look-ahead after the last step). Numbers are rounded
to the dtype of x0 once, as a float32 run must not compute in float64.
"""

import numpy as np


def _sequence(value, length, dtype):
    values = np.full(length, value) if np.ndim(value) == 0 else np.asarray(value)
    assert values.size >= length
    return values[:length].astype(dtype)


def gradient_descent(gradient, x0, rate, steps):
    """x <- x - eta grad(x)."""
    x = np.array(x0)
    rates = _sequence(rate, steps, x.dtype)
    points = [x]
    for eta in rates:
        x = x - eta * gradient(x)
        points.append(x)
    return points


def heavy_ball(gradient, x0, rate, momentum, steps):
    """v <- gamma v + eta grad(x); x <- x - v (Polyak 1964)."""
    x = np.array(x0)
    rates = _sequence(rate, steps, x.dtype)
    momenta = _sequence(momentum, steps, x.dtype)
    velocity = np.zeros_like(x)
    points = [x]
    for eta, gamma in zip(rates, momenta, strict=True):
        velocity = gamma * velocity + eta * gradient(x)
        x = x - velocity
        points.append(x)
    return points


def nesterov(gradient, x0, rate, momentum, steps):
    """v <- gamma v + eta grad(theta - gamma v); theta <- theta - v (Sutskever et al. 2013).

    Returns the iterates theta and the points at which gradients are taken.
    """
    theta = np.array(x0)
    rates = _sequence(rate, steps, theta.dtype)
    momenta = _sequence(momentum, steps + 1, theta.dtype)
    velocity = np.zeros_like(theta)
    points, ahead = [theta], []
    for eta, gamma in zip(rates, momenta[:-1], strict=True):
        y = theta - gamma * velocity
        ahead.append(y)
        velocity = gamma * velocity + eta * gradient(y)
        theta = theta - velocity
        points.append(theta)
    ahead.append(theta - momenta[steps] * velocity)
    return points, ahead


def iterates(method, gradient, x0, rate, momentum, steps):
    """What `allvecs` holds, and the points at which the gradient is taken."""
    if method == "gd":
        points = gradient_descent(gradient, x0, rate, steps)
        return points, points
    if method == "momentum":
        points = heavy_ball(gradient, x0, rate, momentum, steps)
        return points, points
    return nesterov(gradient, x0, rate, momentum, steps)
