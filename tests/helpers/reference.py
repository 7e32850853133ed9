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


def rmsprop(gradient, x0, rate, steps, rho=0.9, epsilon=1e-8):
    """Tieleman and Hinton 2012, epsilon outside the root."""
    x = np.array(x0)
    rho, epsilon, one = (x.dtype.type(value) for value in (rho, epsilon, 1))
    r = np.zeros_like(x)
    points = [x]
    for eta in _sequence(rate, steps, x.dtype):
        g = gradient(x)
        r = rho * r + (one - rho) * g**2
        x = x - eta * g / (np.sqrt(r) + epsilon)
        points.append(x)
    return points


def adagrad(gradient, x0, rate, steps, epsilon=1e-10):
    """Duchi et al. 2011, diagonal: H = delta I + diag(sum g**2)**(1/2)."""
    x = np.array(x0)
    epsilon = x.dtype.type(epsilon)
    s = np.zeros_like(x)
    points = [x]
    for eta in _sequence(rate, steps, x.dtype):
        g = gradient(x)
        s = s + g**2
        x = x - eta * g / (np.sqrt(s) + epsilon)
        points.append(x)
    return points


def adadelta(gradient, x0, rate, steps, rho=0.95, epsilon=1e-6):
    """Zeiler 2012, Algorithm 1; the step is multiplied by a rate (1 in the paper)."""
    x = np.array(x0)
    rho, epsilon, one = (x.dtype.type(value) for value in (rho, epsilon, 1))
    mean_g2, mean_dx2 = np.zeros_like(x), np.zeros_like(x)
    points = [x]
    for eta in _sequence(rate, steps, x.dtype):
        g = gradient(x)
        mean_g2 = rho * mean_g2 + (one - rho) * g**2
        dx = -(np.sqrt(mean_dx2 + epsilon) * g) / np.sqrt(mean_g2 + epsilon)
        mean_dx2 = rho * mean_dx2 + (one - rho) * dx**2
        x = x + eta * dx
        points.append(x)
    return points


def _moments(gradient, x0, rate, steps, beta1, beta2, step):
    """x <- x - step(eta, x, g, m, v, one - beta1**t, one - beta1**(t + 1), one - beta2**t).

    The powers are running products, in the dtype of x.
    """
    x = np.array(x0)
    beta1, beta2, one = (x.dtype.type(value) for value in (beta1, beta2, 1))
    m, v = np.zeros_like(x), np.zeros_like(x)
    power1 = power2 = one
    points = [x]
    for eta in _sequence(rate, steps, x.dtype):
        g = gradient(x)
        m = beta1 * m + (one - beta1) * g
        v = beta2 * v + (one - beta2) * g**2
        power1, power2 = power1 * beta1, power2 * beta2
        x = x - step(eta, x, g, m, v, one - power1, one - power1 * beta1, one - power2)
        points.append(x)
    return points


def adam(gradient, x0, rate, steps, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Kingma and Ba 2015, Algorithm 1."""
    epsilon = x0.dtype.type(epsilon)

    def step(eta, x, g, m, v, c1, c1_next, c2):
        return eta * (m / c1) / (np.sqrt(v / c2) + epsilon)

    return _moments(gradient, x0, rate, steps, beta1, beta2, step)


def adamw(gradient, x0, rate, steps, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01):
    """Loshchilov and Hutter 2019, Algorithm 2 with alpha = 1 and eta_t = rate."""
    epsilon, weight_decay = x0.dtype.type(epsilon), x0.dtype.type(weight_decay)

    def step(eta, x, g, m, v, c1, c1_next, c2):
        return eta * ((m / c1) / (np.sqrt(v / c2) + epsilon) + weight_decay * x)

    return _moments(gradient, x0, rate, steps, beta1, beta2, step)


def nadam(gradient, x0, rate, steps, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Dozat 2016, Algorithm 2 with constant mu and nu, without the factor nu of n."""
    beta, epsilon, one = x0.dtype.type(beta1), x0.dtype.type(epsilon), x0.dtype.type(1)

    def step(eta, x, g, m, v, c1, c1_next, c2):
        mean = beta * m / c1_next + (one - beta) * g / c1
        return eta * mean / (np.sqrt(v / c2) + epsilon)

    return _moments(gradient, x0, rate, steps, beta1, beta2, step)


def amsgrad(gradient, x0, rate, steps, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Reddi et al. 2018, Algorithm 2: no correction of the bias; epsilon outside the root."""
    epsilon = x0.dtype.type(epsilon)
    largest = np.zeros_like(x0)

    def step(eta, x, g, m, v, c1, c1_next, c2):
        np.maximum(largest, v, out=largest)
        return eta * m / (np.sqrt(largest) + epsilon)

    return _moments(gradient, x0, rate, steps, beta1, beta2, step)


def adamax(gradient, x0, rate, steps, beta1=0.9, beta2=0.999):
    """Kingma and Ba 2015, Algorithm 2; no step where u = 0."""
    beta = x0.dtype.type(beta2)
    u = np.zeros_like(x0)

    def step(eta, x, g, m, v, c1, c1_next, c2):
        np.maximum(beta * u, np.abs(g), out=u)
        return np.where(u > 0, eta / c1 * m / np.where(u > 0, u, 1), 0)

    return _moments(gradient, x0, rate, steps, beta1, beta2, step)


def iterates(method, gradient, x0, rate, momentum, steps, **more):
    """What `allvecs` holds, and the points at which the gradient is taken."""
    if method == "gd":
        points = gradient_descent(gradient, x0, rate, steps)
        return points, points
    if method == "momentum":
        points = heavy_ball(gradient, x0, rate, momentum, steps)
        return points, points
    if method == "nesterov":
        return nesterov(gradient, x0, rate, momentum, steps)
    points = globals()[method](gradient, x0, rate, steps, **more)  # the function of that name
    return points, points
