"""Classical unconstrained test functions.

Every function appears three times, as the value, the gradient and both at once, and each
one stands alone: Numba compiles it as it is, and it can be cached on disk by its name.
"""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled, tiled

__all__ = ["FAMILIES"]

MGH = "J. J. More, B. S. Garbow and K. E. Hillstrom, ACM Trans. Math. Softw. 7 (1981) 17-41"
ANDREI = "N. Andrei, Adv. Model. Optim. 10 (2008) 147-161"
JAMIL = "M. Jamil and X.-S. Yang, Int. J. Math. Model. Numer. Optim. 4 (2013) 150-194"


def rosenbrock(x):
    """Chained Rosenbrock function; Rosenbrock's own for two variables."""
    f = 0.0
    for i in range(x.size - 1):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
    return f


def rosenbrock_grad(x, out):
    """Write the gradient of `rosenbrock` to `out`."""
    for i in range(x.size):
        out[i] = 0.0
    for i in range(x.size - 1):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        out[i] -= 400.0 * u * x[i] + 2.0 * v
        out[i + 1] += 200.0 * u


def rosenbrock_fun_and_grad(x, out):
    """Return `rosenbrock` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        out[i] = 0.0
    for i in range(x.size - 1):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
        out[i] -= 400.0 * u * x[i] + 2.0 * v
        out[i + 1] += 200.0 * u
    return f


def extended_rosenbrock(x):
    """Independent Rosenbrock functions of consecutive pairs of variables."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
    return f


def extended_rosenbrock_grad(x, out):
    """Write the gradient of `extended_rosenbrock` to `out`."""
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        out[i] = -400.0 * u * x[i] - 2.0 * v
        out[i + 1] = 200.0 * u


def extended_rosenbrock_fun_and_grad(x, out):
    """Return `extended_rosenbrock` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
        out[i] = -400.0 * u * x[i] - 2.0 * v
        out[i + 1] = 200.0 * u
    return f


def freudenstein_roth(x):
    """Freudenstein and Roth function."""
    r = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    s = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    return r * r + s * s


def freudenstein_roth_grad(x, out):
    """Write the gradient of `freudenstein_roth` to `out`."""
    r = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    s = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    out[0] = 2.0 * (r + s)
    out[1] = 2.0 * r * ((10.0 - 3.0 * x[1]) * x[1] - 2.0)
    out[1] += 2.0 * s * ((3.0 * x[1] + 2.0) * x[1] - 14.0)


def freudenstein_roth_fun_and_grad(x, out):
    """Return `freudenstein_roth` and write its gradient to `out`."""
    r = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    s = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    out[0] = 2.0 * (r + s)
    out[1] = 2.0 * r * ((10.0 - 3.0 * x[1]) * x[1] - 2.0)
    out[1] += 2.0 * s * ((3.0 * x[1] + 2.0) * x[1] - 14.0)
    return r * r + s * s


def powell_badly_scaled(x):
    """Powell's badly scaled function."""
    a = math.exp(-x[0])
    b = math.exp(-x[1])
    r = 10000.0 * x[0] * x[1] - 1.0
    s = a + b - 1.0001
    return r * r + s * s


def powell_badly_scaled_grad(x, out):
    """Write the gradient of `powell_badly_scaled` to `out`."""
    a = math.exp(-x[0])
    b = math.exp(-x[1])
    r = 10000.0 * x[0] * x[1] - 1.0
    s = a + b - 1.0001
    out[0] = 20000.0 * r * x[1] - 2.0 * s * a
    out[1] = 20000.0 * r * x[0] - 2.0 * s * b


def powell_badly_scaled_fun_and_grad(x, out):
    """Return `powell_badly_scaled` and write its gradient to `out`."""
    a = math.exp(-x[0])
    b = math.exp(-x[1])
    r = 10000.0 * x[0] * x[1] - 1.0
    s = a + b - 1.0001
    out[0] = 20000.0 * r * x[1] - 2.0 * s * a
    out[1] = 20000.0 * r * x[0] - 2.0 * s * b
    return r * r + s * s


def brown_badly_scaled(x):
    """Brown's badly scaled function."""
    r = x[0] - 1000000.0
    s = x[1] - 2e-06
    t = x[0] * x[1] - 2.0
    return r * r + s * s + t * t


def brown_badly_scaled_grad(x, out):
    """Write the gradient of `brown_badly_scaled` to `out`."""
    r = x[0] - 1000000.0
    s = x[1] - 2e-06
    t = x[0] * x[1] - 2.0
    out[0] = 2.0 * r + 2.0 * t * x[1]
    out[1] = 2.0 * s + 2.0 * t * x[0]


def brown_badly_scaled_fun_and_grad(x, out):
    """Return `brown_badly_scaled` and write its gradient to `out`."""
    r = x[0] - 1000000.0
    s = x[1] - 2e-06
    t = x[0] * x[1] - 2.0
    out[0] = 2.0 * r + 2.0 * t * x[1]
    out[1] = 2.0 * s + 2.0 * t * x[0]
    return r * r + s * s + t * t


def beale(x):
    """Beale's function."""
    y = x[1]
    r = 1.5 - x[0] * (1.0 - y)
    s = 2.25 - x[0] * (1.0 - y * y)
    t = 2.625 - x[0] * (1.0 - y * y * y)
    return r * r + s * s + t * t


def beale_grad(x, out):
    """Write the gradient of `beale` to `out`."""
    y = x[1]
    r = 1.5 - x[0] * (1.0 - y)
    s = 2.25 - x[0] * (1.0 - y * y)
    t = 2.625 - x[0] * (1.0 - y * y * y)
    out[0] = -2.0 * (r * (1.0 - y) + s * (1.0 - y * y) + t * (1.0 - y * y * y))
    out[1] = 2.0 * x[0] * (r + 2.0 * s * y + 3.0 * t * y * y)


def beale_fun_and_grad(x, out):
    """Return `beale` and write its gradient to `out`."""
    y = x[1]
    r = 1.5 - x[0] * (1.0 - y)
    s = 2.25 - x[0] * (1.0 - y * y)
    t = 2.625 - x[0] * (1.0 - y * y * y)
    out[0] = -2.0 * (r * (1.0 - y) + s * (1.0 - y * y) + t * (1.0 - y * y * y))
    out[1] = 2.0 * x[0] * (r + 2.0 * s * y + 3.0 * t * y * y)
    return r * r + s * s + t * t


def jennrich_sampson(x):
    """Jennrich and Sampson function with ten residuals."""
    f = 0.0
    for i in range(1, 11):
        a = math.exp(i * x[0])
        b = math.exp(i * x[1])
        r = 2.0 + 2.0 * i - a - b
        f += r * r
    return f


def jennrich_sampson_grad(x, out):
    """Write the gradient of `jennrich_sampson` to `out`."""
    out[0] = 0.0
    out[1] = 0.0
    for i in range(1, 11):
        a = math.exp(i * x[0])
        b = math.exp(i * x[1])
        r = 2.0 + 2.0 * i - a - b
        out[0] -= 2.0 * r * i * a
        out[1] -= 2.0 * r * i * b


def jennrich_sampson_fun_and_grad(x, out):
    """Return `jennrich_sampson` and write its gradient to `out`."""
    f = 0.0
    out[0] = 0.0
    out[1] = 0.0
    for i in range(1, 11):
        a = math.exp(i * x[0])
        b = math.exp(i * x[1])
        r = 2.0 + 2.0 * i - a - b
        f += r * r
        out[0] -= 2.0 * r * i * a
        out[1] -= 2.0 * r * i * b
    return f


def helical_valley(x):
    """Helical valley of Fletcher and Powell."""
    if x[0] > 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi)
    elif x[0] < 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi) + 0.5
    else:
        theta = math.copysign(0.25, x[1])
    square = x[0] * x[0] + x[1] * x[1]
    radius = math.sqrt(square)
    r = 10.0 * (x[2] - 10.0 * theta)
    s = 10.0 * (radius - 1.0)
    return r * r + s * s + x[2] * x[2]


def helical_valley_grad(x, out):
    """Write the gradient of `helical_valley` to `out`."""
    if x[0] > 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi)
    elif x[0] < 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi) + 0.5
    else:
        theta = math.copysign(0.25, x[1])
    square = x[0] * x[0] + x[1] * x[1]
    radius = math.sqrt(square)
    r = 10.0 * (x[2] - 10.0 * theta)
    s = 10.0 * (radius - 1.0)
    turn = 100.0 / (2.0 * math.pi * square)
    out[0] = 2.0 * r * turn * x[1] + 20.0 * s * x[0] / radius
    out[1] = -2.0 * r * turn * x[0] + 20.0 * s * x[1] / radius
    out[2] = 20.0 * r + 2.0 * x[2]


def helical_valley_fun_and_grad(x, out):
    """Return `helical_valley` and write its gradient to `out`."""
    if x[0] > 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi)
    elif x[0] < 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi) + 0.5
    else:
        theta = math.copysign(0.25, x[1])
    square = x[0] * x[0] + x[1] * x[1]
    radius = math.sqrt(square)
    r = 10.0 * (x[2] - 10.0 * theta)
    s = 10.0 * (radius - 1.0)
    turn = 100.0 / (2.0 * math.pi * square)
    out[0] = 2.0 * r * turn * x[1] + 20.0 * s * x[0] / radius
    out[1] = -2.0 * r * turn * x[0] + 20.0 * s * x[1] / radius
    out[2] = 20.0 * r + 2.0 * x[2]
    return r * r + s * s + x[2] * x[2]


def bard(x, y):
    """Bard's function."""
    f = 0.0
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        den = v * x[1] + w * x[2]
        r = y[i] - x[0] - u / den
        f += r * r
    return f


def bard_grad(x, out, y):
    """Write the gradient of `bard` to `out`."""
    for j in range(3):
        out[j] = 0.0
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        den = v * x[1] + w * x[2]
        r = y[i] - x[0] - u / den
        c = 2.0 * r * u / (den * den)
        out[0] -= 2.0 * r
        out[1] += c * v
        out[2] += c * w


def bard_fun_and_grad(x, out, y):
    """Return `bard` and write its gradient to `out`."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        den = v * x[1] + w * x[2]
        r = y[i] - x[0] - u / den
        f += r * r
        c = 2.0 * r * u / (den * den)
        out[0] -= 2.0 * r
        out[1] += c * v
        out[2] += c * w
    return f


def gaussian(x, y):
    """Fit of a Gaussian density."""
    f = 0.0
    for i in range(15):
        d = (7.0 - i) / 2.0 - x[2]
        e = math.exp(-0.5 * x[1] * d * d)
        r = x[0] * e - y[i]
        f += r * r
    return f


def gaussian_grad(x, out, y):
    """Write the gradient of `gaussian` to `out`."""
    for j in range(3):
        out[j] = 0.0
    for i in range(15):
        d = (7.0 - i) / 2.0 - x[2]
        e = math.exp(-0.5 * x[1] * d * d)
        r = x[0] * e - y[i]
        out[0] += 2.0 * r * e
        out[1] -= r * x[0] * e * d * d
        out[2] += 2.0 * r * x[0] * e * x[1] * d


def gaussian_fun_and_grad(x, out, y):
    """Return `gaussian` and write its gradient to `out`."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(15):
        d = (7.0 - i) / 2.0 - x[2]
        e = math.exp(-0.5 * x[1] * d * d)
        r = x[0] * e - y[i]
        f += r * r
        out[0] += 2.0 * r * e
        out[1] -= r * x[0] * e * d * d
        out[2] += 2.0 * r * x[0] * e * x[1] * d
    return f


def meyer(x, y):
    """Meyer's thermistor function."""
    f = 0.0
    for i in range(16):
        d = 50.0 + 5.0 * i + x[2]
        e = math.exp(x[1] / d)
        r = x[0] * e - y[i]
        f += r * r
    return f


def meyer_grad(x, out, y):
    """Write the gradient of `meyer` to `out`."""
    for j in range(3):
        out[j] = 0.0
    for i in range(16):
        d = 50.0 + 5.0 * i + x[2]
        e = math.exp(x[1] / d)
        r = x[0] * e - y[i]
        c = 2.0 * r * x[0] * e / d
        out[0] += 2.0 * r * e
        out[1] += c
        out[2] -= c * x[1] / d


def meyer_fun_and_grad(x, out, y):
    """Return `meyer` and write its gradient to `out`."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(16):
        d = 50.0 + 5.0 * i + x[2]
        e = math.exp(x[1] / d)
        r = x[0] * e - y[i]
        f += r * r
        c = 2.0 * r * x[0] * e / d
        out[0] += 2.0 * r * e
        out[1] += c
        out[2] -= c * x[1] / d
    return f


def gulf(x):
    """Gulf research and development function with 99 residuals."""
    f = 0.0
    for i in range(1, 100):
        t = 0.01 * i
        d = 25.0 + (-50.0 * math.log(t)) ** (2.0 / 3.0) - x[1]
        a = abs(d)
        p = a ** x[2]
        e = math.exp(-p / x[0])
        r = e - t
        f += r * r
    return f


def gulf_grad(x, out):
    """Write the gradient of `gulf` to `out`."""
    for j in range(3):
        out[j] = 0.0
    for i in range(1, 100):
        t = 0.01 * i
        d = 25.0 + (-50.0 * math.log(t)) ** (2.0 / 3.0) - x[1]
        a = abs(d)
        p = a ** x[2]
        e = math.exp(-p / x[0])
        r = e - t
        c = 2.0 * r * e / x[0]
        out[0] += c * p / x[0]
        if a > 0.0:
            out[1] += c * x[2] * p / d
            out[2] -= c * p * math.log(a)


def gulf_fun_and_grad(x, out):
    """Return `gulf` and write its gradient to `out`."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(1, 100):
        t = 0.01 * i
        d = 25.0 + (-50.0 * math.log(t)) ** (2.0 / 3.0) - x[1]
        a = abs(d)
        p = a ** x[2]
        e = math.exp(-p / x[0])
        r = e - t
        f += r * r
        c = 2.0 * r * e / x[0]
        out[0] += c * p / x[0]
        if a > 0.0:
            out[1] += c * x[2] * p / d
            out[2] -= c * p * math.log(a)
    return f


def box_3d(x):
    """Box's three-dimensional function with ten residuals."""
    f = 0.0
    for i in range(1, 11):
        t = 0.1 * i
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t) - math.exp(-10.0 * t)
        r = a - b - x[2] * c
        f += r * r
    return f


def box_3d_grad(x, out):
    """Write the gradient of `box_3d` to `out`."""
    for j in range(3):
        out[j] = 0.0
    for i in range(1, 11):
        t = 0.1 * i
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t) - math.exp(-10.0 * t)
        r = a - b - x[2] * c
        out[0] -= 2.0 * r * t * a
        out[1] += 2.0 * r * t * b
        out[2] -= 2.0 * r * c


def box_3d_fun_and_grad(x, out):
    """Return `box_3d` and write its gradient to `out`."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(1, 11):
        t = 0.1 * i
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t) - math.exp(-10.0 * t)
        r = a - b - x[2] * c
        f += r * r
        out[0] -= 2.0 * r * t * a
        out[1] += 2.0 * r * t * b
        out[2] -= 2.0 * r * c
    return f


def powell_singular(x):
    """Powell's singular function of consecutive quadruples."""
    f = 0.0
    for i in range(0, x.size, 4):
        p = x[i] + 10.0 * x[i + 1]
        q = x[i + 2] - x[i + 3]
        r = x[i + 1] - 2.0 * x[i + 2]
        s = x[i] - x[i + 3]
        f += p * p + 5.0 * q * q + r * r * r * r + 10.0 * s * s * s * s
    return f


def powell_singular_grad(x, out):
    """Write the gradient of `powell_singular` to `out`."""
    for i in range(0, x.size, 4):
        p = x[i] + 10.0 * x[i + 1]
        q = x[i + 2] - x[i + 3]
        r = x[i + 1] - 2.0 * x[i + 2]
        s = x[i] - x[i + 3]
        out[i] = 2.0 * p + 40.0 * s * s * s
        out[i + 1] = 20.0 * p + 4.0 * r * r * r
        out[i + 2] = 10.0 * q - 8.0 * r * r * r
        out[i + 3] = -10.0 * q - 40.0 * s * s * s


def powell_singular_fun_and_grad(x, out):
    """Return `powell_singular` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 4):
        p = x[i] + 10.0 * x[i + 1]
        q = x[i + 2] - x[i + 3]
        r = x[i + 1] - 2.0 * x[i + 2]
        s = x[i] - x[i + 3]
        f += p * p + 5.0 * q * q + r * r * r * r + 10.0 * s * s * s * s
        out[i] = 2.0 * p + 40.0 * s * s * s
        out[i + 1] = 20.0 * p + 4.0 * r * r * r
        out[i + 2] = 10.0 * q - 8.0 * r * r * r
        out[i + 3] = -10.0 * q - 40.0 * s * s * s
    return f


def wood(x):
    """Wood's function."""
    p = x[1] - x[0] * x[0]
    q = 1.0 - x[0]
    r = x[3] - x[2] * x[2]
    s = 1.0 - x[2]
    t = x[1] + x[3] - 2.0
    u = x[1] - x[3]
    return 100.0 * p * p + q * q + 90.0 * r * r + s * s + 10.0 * t * t + 0.1 * u * u


def wood_grad(x, out):
    """Write the gradient of `wood` to `out`."""
    p = x[1] - x[0] * x[0]
    q = 1.0 - x[0]
    r = x[3] - x[2] * x[2]
    s = 1.0 - x[2]
    t = x[1] + x[3] - 2.0
    u = x[1] - x[3]
    out[0] = -400.0 * p * x[0] - 2.0 * q
    out[1] = 200.0 * p + 20.0 * t + 0.2 * u
    out[2] = -360.0 * r * x[2] - 2.0 * s
    out[3] = 180.0 * r + 20.0 * t - 0.2 * u


def wood_fun_and_grad(x, out):
    """Return `wood` and write its gradient to `out`."""
    p = x[1] - x[0] * x[0]
    q = 1.0 - x[0]
    r = x[3] - x[2] * x[2]
    s = 1.0 - x[2]
    t = x[1] + x[3] - 2.0
    u = x[1] - x[3]
    out[0] = -400.0 * p * x[0] - 2.0 * q
    out[1] = 200.0 * p + 20.0 * t + 0.2 * u
    out[2] = -360.0 * r * x[2] - 2.0 * s
    out[3] = 180.0 * r + 20.0 * t - 0.2 * u
    return 100.0 * p * p + q * q + 90.0 * r * r + s * s + 10.0 * t * t + 0.1 * u * u


def kowalik_osborne(x, y, u):
    """Kowalik and Osborne function."""
    f = 0.0
    for i in range(11):
        num = u[i] * u[i] + u[i] * x[1]
        den = u[i] * u[i] + u[i] * x[2] + x[3]
        r = y[i] - x[0] * num / den
        f += r * r
    return f


def kowalik_osborne_grad(x, out, y, u):
    """Write the gradient of `kowalik_osborne` to `out`."""
    for j in range(4):
        out[j] = 0.0
    for i in range(11):
        num = u[i] * u[i] + u[i] * x[1]
        den = u[i] * u[i] + u[i] * x[2] + x[3]
        r = y[i] - x[0] * num / den
        c = 2.0 * r / den
        out[0] -= c * num
        out[1] -= c * x[0] * u[i]
        out[2] += c * x[0] * num * u[i] / den
        out[3] += c * x[0] * num / den


def kowalik_osborne_fun_and_grad(x, out, y, u):
    """Return `kowalik_osborne` and write its gradient to `out`."""
    f = 0.0
    for j in range(4):
        out[j] = 0.0
    for i in range(11):
        num = u[i] * u[i] + u[i] * x[1]
        den = u[i] * u[i] + u[i] * x[2] + x[3]
        r = y[i] - x[0] * num / den
        f += r * r
        c = 2.0 * r / den
        out[0] -= c * num
        out[1] -= c * x[0] * u[i]
        out[2] += c * x[0] * num * u[i] / den
        out[3] += c * x[0] * num / den
    return f


def brown_dennis(x):
    """Brown and Dennis function with twenty terms."""
    f = 0.0
    for i in range(1, 21):
        t = i / 5.0
        a = x[0] + t * x[1] - math.exp(t)
        b = x[2] + x[3] * math.sin(t) - math.cos(t)
        r = a * a + b * b
        f += r * r
    return f


def brown_dennis_grad(x, out):
    """Write the gradient of `brown_dennis` to `out`."""
    for j in range(4):
        out[j] = 0.0
    for i in range(1, 21):
        t = i / 5.0
        a = x[0] + t * x[1] - math.exp(t)
        b = x[2] + x[3] * math.sin(t) - math.cos(t)
        r = a * a + b * b
        out[0] += 4.0 * r * a
        out[1] += 4.0 * r * a * t
        out[2] += 4.0 * r * b
        out[3] += 4.0 * r * b * math.sin(t)


def brown_dennis_fun_and_grad(x, out):
    """Return `brown_dennis` and write its gradient to `out`."""
    f = 0.0
    for j in range(4):
        out[j] = 0.0
    for i in range(1, 21):
        t = i / 5.0
        a = x[0] + t * x[1] - math.exp(t)
        b = x[2] + x[3] * math.sin(t) - math.cos(t)
        r = a * a + b * b
        f += r * r
        out[0] += 4.0 * r * a
        out[1] += 4.0 * r * a * t
        out[2] += 4.0 * r * b
        out[3] += 4.0 * r * b * math.sin(t)
    return f


def osborne_1(x, y):
    """Osborne's first function."""
    f = 0.0
    for i in range(33):
        t = 10.0 * i
        a = math.exp(-t * x[3])
        b = math.exp(-t * x[4])
        r = y[i] - x[0] - x[1] * a - x[2] * b
        f += r * r
    return f


def osborne_1_grad(x, out, y):
    """Write the gradient of `osborne_1` to `out`."""
    for j in range(5):
        out[j] = 0.0
    for i in range(33):
        t = 10.0 * i
        a = math.exp(-t * x[3])
        b = math.exp(-t * x[4])
        r = y[i] - x[0] - x[1] * a - x[2] * b
        out[0] -= 2.0 * r
        out[1] -= 2.0 * r * a
        out[2] -= 2.0 * r * b
        out[3] += 2.0 * r * x[1] * t * a
        out[4] += 2.0 * r * x[2] * t * b


def osborne_1_fun_and_grad(x, out, y):
    """Return `osborne_1` and write its gradient to `out`."""
    f = 0.0
    for j in range(5):
        out[j] = 0.0
    for i in range(33):
        t = 10.0 * i
        a = math.exp(-t * x[3])
        b = math.exp(-t * x[4])
        r = y[i] - x[0] - x[1] * a - x[2] * b
        f += r * r
        out[0] -= 2.0 * r
        out[1] -= 2.0 * r * a
        out[2] -= 2.0 * r * b
        out[3] += 2.0 * r * x[1] * t * a
        out[4] += 2.0 * r * x[2] * t * b
    return f


def biggs_exp6(x):
    """Biggs' EXP6 function with thirteen residuals."""
    f = 0.0
    for i in range(1, 14):
        t = 0.1 * i
        y = math.exp(-t) - 5.0 * math.exp(-10.0 * t) + 3.0 * math.exp(-4.0 * t)
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t * x[4])
        r = x[2] * a - x[3] * b + x[5] * c - y
        f += r * r
    return f


def biggs_exp6_grad(x, out):
    """Write the gradient of `biggs_exp6` to `out`."""
    for j in range(6):
        out[j] = 0.0
    for i in range(1, 14):
        t = 0.1 * i
        y = math.exp(-t) - 5.0 * math.exp(-10.0 * t) + 3.0 * math.exp(-4.0 * t)
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t * x[4])
        r = x[2] * a - x[3] * b + x[5] * c - y
        out[0] -= 2.0 * r * t * x[2] * a
        out[1] += 2.0 * r * t * x[3] * b
        out[2] += 2.0 * r * a
        out[3] -= 2.0 * r * b
        out[4] -= 2.0 * r * t * x[5] * c
        out[5] += 2.0 * r * c


def biggs_exp6_fun_and_grad(x, out):
    """Return `biggs_exp6` and write its gradient to `out`."""
    f = 0.0
    for j in range(6):
        out[j] = 0.0
    for i in range(1, 14):
        t = 0.1 * i
        y = math.exp(-t) - 5.0 * math.exp(-10.0 * t) + 3.0 * math.exp(-4.0 * t)
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t * x[4])
        r = x[2] * a - x[3] * b + x[5] * c - y
        f += r * r
        out[0] -= 2.0 * r * t * x[2] * a
        out[1] += 2.0 * r * t * x[3] * b
        out[2] += 2.0 * r * a
        out[3] -= 2.0 * r * b
        out[4] -= 2.0 * r * t * x[5] * c
        out[5] += 2.0 * r * c
    return f


def osborne_2(x, y):
    """Osborne's second function."""
    f = 0.0
    for i in range(65):
        t = 0.1 * i
        e = math.exp(-t * x[4])
        r = y[i] - x[0] * e
        for k in range(3):
            d = t - x[8 + k]
            r -= x[1 + k] * math.exp(-d * d * x[5 + k])
        f += r * r
        for k in range(3):
            d = t - x[8 + k]
            e = math.exp(-d * d * x[5 + k])
    return f


def osborne_2_grad(x, out, y):
    """Write the gradient of `osborne_2` to `out`."""
    for j in range(11):
        out[j] = 0.0
    for i in range(65):
        t = 0.1 * i
        e = math.exp(-t * x[4])
        r = y[i] - x[0] * e
        for k in range(3):
            d = t - x[8 + k]
            r -= x[1 + k] * math.exp(-d * d * x[5 + k])
        out[0] -= 2.0 * r * e
        out[4] += 2.0 * r * x[0] * t * e
        for k in range(3):
            d = t - x[8 + k]
            e = math.exp(-d * d * x[5 + k])
            out[1 + k] -= 2.0 * r * e
            out[5 + k] += 2.0 * r * x[1 + k] * d * d * e
            out[8 + k] -= 4.0 * r * x[1 + k] * x[5 + k] * d * e


def osborne_2_fun_and_grad(x, out, y):
    """Return `osborne_2` and write its gradient to `out`."""
    f = 0.0
    for j in range(11):
        out[j] = 0.0
    for i in range(65):
        t = 0.1 * i
        e = math.exp(-t * x[4])
        r = y[i] - x[0] * e
        for k in range(3):
            d = t - x[8 + k]
            r -= x[1 + k] * math.exp(-d * d * x[5 + k])
        f += r * r
        out[0] -= 2.0 * r * e
        out[4] += 2.0 * r * x[0] * t * e
        for k in range(3):
            d = t - x[8 + k]
            e = math.exp(-d * d * x[5 + k])
            out[1 + k] -= 2.0 * r * e
            out[5 + k] += 2.0 * r * x[1 + k] * d * d * e
            out[8 + k] -= 4.0 * r * x[1 + k] * x[5 + k] * d * e
    return f


def watson(x):
    """Watson's function."""
    s = x[1] - x[0] * x[0] - 1.0
    f = x[0] * x[0] + s * s
    for i in range(1, 30):
        t = i / 29.0
        slope = 0.0
        value = 0.0
        power = 1.0
        for j in range(x.size):
            value += x[j] * power
            if j + 1 < x.size:
                slope += (j + 1.0) * x[j + 1] * power
            power *= t
        r = slope - value * value - 1.0
        f += r * r
        power = 1.0
        for _ in range(1, x.size):
            power *= t
    return f


def watson_grad(x, out):
    """Write the gradient of `watson` to `out`."""
    s = x[1] - x[0] * x[0] - 1.0
    for j in range(x.size):
        out[j] = 0.0
    out[0] = 2.0 * x[0] - 4.0 * s * x[0]
    out[1] = 2.0 * s
    for i in range(1, 30):
        t = i / 29.0
        slope = 0.0
        value = 0.0
        power = 1.0
        for j in range(x.size):
            value += x[j] * power
            if j + 1 < x.size:
                slope += (j + 1.0) * x[j + 1] * power
            power *= t
        r = slope - value * value - 1.0
        power = 1.0
        out[0] -= 4.0 * r * value
        for j in range(1, x.size):
            out[j] += 2.0 * r * (j * power - 2.0 * value * power * t)
            power *= t


def watson_fun_and_grad(x, out):
    """Return `watson` and write its gradient to `out`."""
    s = x[1] - x[0] * x[0] - 1.0
    f = x[0] * x[0] + s * s
    for j in range(x.size):
        out[j] = 0.0
    out[0] = 2.0 * x[0] - 4.0 * s * x[0]
    out[1] = 2.0 * s
    for i in range(1, 30):
        t = i / 29.0
        slope = 0.0
        value = 0.0
        power = 1.0
        for j in range(x.size):
            value += x[j] * power
            if j + 1 < x.size:
                slope += (j + 1.0) * x[j + 1] * power
            power *= t
        r = slope - value * value - 1.0
        f += r * r
        power = 1.0
        out[0] -= 4.0 * r * value
        for j in range(1, x.size):
            out[j] += 2.0 * r * (j * power - 2.0 * value * power * t)
            power *= t
    return f


def penalty_1(x):
    """Penalty function I."""
    f = 0.0
    s = -0.25
    for i in range(x.size):
        d = x[i] - 1.0
        f += 1e-05 * d * d
        s += x[i] * x[i]
    f += s * s
    return f


def penalty_1_grad(x, out):
    """Write the gradient of `penalty_1` to `out`."""
    s = -0.25
    for i in range(x.size):
        s += x[i] * x[i]
    for i in range(x.size):
        out[i] = 2e-05 * (x[i] - 1.0) + 4.0 * s * x[i]


def penalty_1_fun_and_grad(x, out):
    """Return `penalty_1` and write its gradient to `out`."""
    f = 0.0
    s = -0.25
    for i in range(x.size):
        d = x[i] - 1.0
        f += 1e-05 * d * d
        s += x[i] * x[i]
    for i in range(x.size):
        out[i] = 2e-05 * (x[i] - 1.0) + 4.0 * s * x[i]
    f += s * s
    return f


def penalty_2(x):
    """Penalty function II."""
    n = x.size
    s = -1.0
    for i in range(n):
        s += (n - i) * x[i] * x[i]
    d = x[0] - 0.2
    f = d * d + s * s
    for i in range(1, n):
        a = math.exp(0.1 * x[i])
        b = math.exp(0.1 * x[i - 1])
        r = a + b - math.exp(0.1 * (i + 1)) - math.exp(0.1 * i)
        q = a - math.exp(-0.1)
        f += 1e-05 * (r * r + q * q)
    return f


def penalty_2_grad(x, out):
    """Write the gradient of `penalty_2` to `out`."""
    n = x.size
    s = -1.0
    for i in range(n):
        s += (n - i) * x[i] * x[i]
    d = x[0] - 0.2
    for i in range(n):
        out[i] = 4.0 * s * (n - i) * x[i]
    out[0] += 2.0 * d
    for i in range(1, n):
        a = math.exp(0.1 * x[i])
        b = math.exp(0.1 * x[i - 1])
        r = a + b - math.exp(0.1 * (i + 1)) - math.exp(0.1 * i)
        q = a - math.exp(-0.1)
        out[i] += 2e-06 * (r + q) * a
        out[i - 1] += 2e-06 * r * b


def penalty_2_fun_and_grad(x, out):
    """Return `penalty_2` and write its gradient to `out`."""
    n = x.size
    s = -1.0
    for i in range(n):
        s += (n - i) * x[i] * x[i]
    d = x[0] - 0.2
    f = d * d + s * s
    for i in range(n):
        out[i] = 4.0 * s * (n - i) * x[i]
    out[0] += 2.0 * d
    for i in range(1, n):
        a = math.exp(0.1 * x[i])
        b = math.exp(0.1 * x[i - 1])
        r = a + b - math.exp(0.1 * (i + 1)) - math.exp(0.1 * i)
        q = a - math.exp(-0.1)
        f += 1e-05 * (r * r + q * q)
        out[i] += 2e-06 * (r + q) * a
        out[i - 1] += 2e-06 * r * b
    return f


def variably_dimensioned(x):
    """Variably dimensioned function."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        d = x[i] - 1.0
        f += d * d
        s += (i + 1) * d
    f += s * s + s * s * s * s
    return f


def variably_dimensioned_grad(x, out):
    """Write the gradient of `variably_dimensioned` to `out`."""
    s = 0.0
    for i in range(x.size):
        d = x[i] - 1.0
        s += (i + 1) * d
    c = 2.0 * s + 4.0 * s * s * s
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - 1.0) + c * (i + 1)


def variably_dimensioned_fun_and_grad(x, out):
    """Return `variably_dimensioned` and write its gradient to `out`."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        d = x[i] - 1.0
        f += d * d
        s += (i + 1) * d
    f += s * s + s * s * s * s
    c = 2.0 * s + 4.0 * s * s * s
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - 1.0) + c * (i + 1)
    return f


def trigonometric(x):
    """Spedicato's trigonometric function."""
    n = x.size
    f = 0.0
    s = 0.0
    for i in range(n):
        s += math.cos(x[i])
    for i in range(n):
        c = math.cos(x[i])
        e = math.sin(x[i])
        r = n - s + (i + 1) * (1.0 - c) - e
        f += r * r
    return f


def trigonometric_grad(x, out):
    """Write the gradient of `trigonometric` to `out`."""
    n = x.size
    s = 0.0
    total = 0.0
    for i in range(n):
        s += math.cos(x[i])
    for i in range(n):
        c = math.cos(x[i])
        e = math.sin(x[i])
        r = n - s + (i + 1) * (1.0 - c) - e
        total += r
        out[i] = 2.0 * r * ((i + 1) * e - c)
    for i in range(n):
        out[i] += 2.0 * total * math.sin(x[i])


def trigonometric_fun_and_grad(x, out):
    """Return `trigonometric` and write its gradient to `out`."""
    n = x.size
    f = 0.0
    s = 0.0
    total = 0.0
    for i in range(n):
        s += math.cos(x[i])
    for i in range(n):
        c = math.cos(x[i])
        e = math.sin(x[i])
        r = n - s + (i + 1) * (1.0 - c) - e
        f += r * r
        total += r
        out[i] = 2.0 * r * ((i + 1) * e - c)
    for i in range(n):
        out[i] += 2.0 * total * math.sin(x[i])
    return f


def brown_almost_linear(x):
    """Brown's almost linear function."""
    n = x.size
    s = -(n + 1.0)
    p = 1.0
    for i in range(n):
        s += x[i]
        p *= x[i]
    f = (p - 1.0) * (p - 1.0)
    for i in range(n - 1):
        r = x[i] + s
        f += r * r
    return f


def brown_almost_linear_grad(x, out):
    """Write the gradient of `brown_almost_linear` to `out`."""
    n = x.size
    s = -(n + 1.0)
    p = 1.0
    for i in range(n):
        s += x[i]
        p *= x[i]
    total = 0.0
    for i in range(n - 1):
        r = x[i] + s
        total += r
    for i in range(n):
        others = 1.0
        for j in range(n):
            if j != i:
                others *= x[j]
        out[i] = 2.0 * total + 2.0 * (p - 1.0) * others
        if i < n - 1:
            out[i] += 2.0 * (x[i] + s)


def brown_almost_linear_fun_and_grad(x, out):
    """Return `brown_almost_linear` and write its gradient to `out`."""
    n = x.size
    s = -(n + 1.0)
    p = 1.0
    for i in range(n):
        s += x[i]
        p *= x[i]
    f = (p - 1.0) * (p - 1.0)
    total = 0.0
    for i in range(n - 1):
        r = x[i] + s
        f += r * r
        total += r
    for i in range(n):
        others = 1.0
        for j in range(n):
            if j != i:
                others *= x[j]
        out[i] = 2.0 * total + 2.0 * (p - 1.0) * others
        if i < n - 1:
            out[i] += 2.0 * (x[i] + s)
    return f


def discrete_boundary_value(x):
    """Discrete boundary value function."""
    n = x.size
    h = 1.0 / (n + 1.0)
    f = 0.0
    for i in range(n):
        c = x[i] + (i + 1) * h + 1.0
        r = 2.0 * x[i] + 0.5 * h * h * c * c * c
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= x[i + 1]
        f += r * r
    return f


def discrete_boundary_value_grad(x, out):
    """Write the gradient of `discrete_boundary_value` to `out`."""
    n = x.size
    h = 1.0 / (n + 1.0)
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        c = x[i] + (i + 1) * h + 1.0
        r = 2.0 * x[i] + 0.5 * h * h * c * c * c
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= x[i + 1]
        out[i] += 2.0 * r * (2.0 + 1.5 * h * h * c * c)
        if i > 0:
            out[i - 1] -= 2.0 * r
        if i < n - 1:
            out[i + 1] -= 2.0 * r


def discrete_boundary_value_fun_and_grad(x, out):
    """Return `discrete_boundary_value` and write its gradient to `out`."""
    n = x.size
    h = 1.0 / (n + 1.0)
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        c = x[i] + (i + 1) * h + 1.0
        r = 2.0 * x[i] + 0.5 * h * h * c * c * c
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= x[i + 1]
        f += r * r
        out[i] += 2.0 * r * (2.0 + 1.5 * h * h * c * c)
        if i > 0:
            out[i - 1] -= 2.0 * r
        if i < n - 1:
            out[i + 1] -= 2.0 * r
    return f


def discrete_integral(x):
    """Discrete integral equation function."""
    n = x.size
    h = 1.0 / (n + 1.0)
    f = 0.0
    above = 0.0
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        above += (1.0 - t) * c * c * c
    below = 0.0
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        below += t * c * c * c
        above -= (1.0 - t) * c * c * c
        r = x[i] + 0.5 * h * ((1.0 - t) * below + t * above)
        f += r * r
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
    return f


def discrete_integral_grad(x, out):
    """Write the gradient of `discrete_integral` to `out`."""
    n = x.size
    h = 1.0 / (n + 1.0)
    above = 0.0
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        above += (1.0 - t) * c * c * c
    below = 0.0
    left = 0.0
    right = 0.0
    residual = np.empty(n)
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        below += t * c * c * c
        above -= (1.0 - t) * c * c * c
        r = x[i] + 0.5 * h * ((1.0 - t) * below + t * above)
        residual[i] = r
        right += (1.0 - t) * r
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        out[i] = 2.0 * residual[i] + 3.0 * h * c * c * (t * right + (1.0 - t) * left)
        right -= (1.0 - t) * residual[i]
        left += t * residual[i]


def discrete_integral_fun_and_grad(x, out):
    """Return `discrete_integral` and write its gradient to `out`."""
    n = x.size
    h = 1.0 / (n + 1.0)
    f = 0.0
    above = 0.0
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        above += (1.0 - t) * c * c * c
    below = 0.0
    left = 0.0
    right = 0.0
    residual = np.empty(n)
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        below += t * c * c * c
        above -= (1.0 - t) * c * c * c
        r = x[i] + 0.5 * h * ((1.0 - t) * below + t * above)
        f += r * r
        residual[i] = r
        right += (1.0 - t) * r
    for i in range(n):
        t = (i + 1) * h
        c = x[i] + t + 1.0
        out[i] = 2.0 * residual[i] + 3.0 * h * c * c * (t * right + (1.0 - t) * left)
        right -= (1.0 - t) * residual[i]
        left += t * residual[i]
    return f


def broyden_tridiagonal(x):
    """Broyden's tridiagonal function."""
    n = x.size
    f = 0.0
    for i in range(n):
        r = (3.0 - 2.0 * x[i]) * x[i] + 1.0
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= 2.0 * x[i + 1]
        f += r * r
    return f


def broyden_tridiagonal_grad(x, out):
    """Write the gradient of `broyden_tridiagonal` to `out`."""
    n = x.size
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        r = (3.0 - 2.0 * x[i]) * x[i] + 1.0
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= 2.0 * x[i + 1]
        out[i] += 2.0 * r * (3.0 - 4.0 * x[i])
        if i > 0:
            out[i - 1] -= 2.0 * r
        if i < n - 1:
            out[i + 1] -= 4.0 * r


def broyden_tridiagonal_fun_and_grad(x, out):
    """Return `broyden_tridiagonal` and write its gradient to `out`."""
    n = x.size
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        r = (3.0 - 2.0 * x[i]) * x[i] + 1.0
        if i > 0:
            r -= x[i - 1]
        if i < n - 1:
            r -= 2.0 * x[i + 1]
        f += r * r
        out[i] += 2.0 * r * (3.0 - 4.0 * x[i])
        if i > 0:
            out[i - 1] -= 2.0 * r
        if i < n - 1:
            out[i + 1] -= 4.0 * r
    return f


def broyden_banded(x):
    """Broyden's banded function, five diagonals below and one above."""
    n = x.size
    f = 0.0
    for i in range(n):
        r = x[i] * (2.0 + 5.0 * x[i] * x[i]) + 1.0
        for j in range(max(0, i - 5), min(n, i + 2)):
            if j != i:
                r -= x[j] * (1.0 + x[j])
        f += r * r
    return f


def broyden_banded_grad(x, out):
    """Write the gradient of `broyden_banded` to `out`."""
    n = x.size
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        r = x[i] * (2.0 + 5.0 * x[i] * x[i]) + 1.0
        for j in range(max(0, i - 5), min(n, i + 2)):
            if j != i:
                r -= x[j] * (1.0 + x[j])
        out[i] += 2.0 * r * (2.0 + 15.0 * x[i] * x[i])
        for j in range(max(0, i - 5), min(n, i + 2)):
            if j != i:
                out[j] -= 2.0 * r * (1.0 + 2.0 * x[j])


def broyden_banded_fun_and_grad(x, out):
    """Return `broyden_banded` and write its gradient to `out`."""
    n = x.size
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        r = x[i] * (2.0 + 5.0 * x[i] * x[i]) + 1.0
        for j in range(max(0, i - 5), min(n, i + 2)):
            if j != i:
                r -= x[j] * (1.0 + x[j])
        f += r * r
        out[i] += 2.0 * r * (2.0 + 15.0 * x[i] * x[i])
        for j in range(max(0, i - 5), min(n, i + 2)):
            if j != i:
                out[j] -= 2.0 * r * (1.0 + 2.0 * x[j])
    return f


def linear_full_rank(x):
    """Linear function of full rank with twice as many residuals as variables."""
    n = x.size
    m = 2 * n
    s = 0.0
    for i in range(n):
        s += x[i]
    c = 2.0 * s / m + 1.0
    f = (m - n) * c * c
    for i in range(n):
        r = x[i] - c
        f += r * r
    return f


def linear_full_rank_grad(x, out):
    """Write the gradient of `linear_full_rank` to `out`."""
    n = x.size
    m = 2 * n
    s = 0.0
    for i in range(n):
        s += x[i]
    c = 2.0 * s / m + 1.0
    total = (m - n) * c
    for i in range(n):
        r = x[i] - c
        total -= r
        out[i] = 2.0 * r
    for i in range(n):
        out[i] += 4.0 * total / m


def linear_full_rank_fun_and_grad(x, out):
    """Return `linear_full_rank` and write its gradient to `out`."""
    n = x.size
    m = 2 * n
    s = 0.0
    for i in range(n):
        s += x[i]
    c = 2.0 * s / m + 1.0
    f = (m - n) * c * c
    total = (m - n) * c
    for i in range(n):
        r = x[i] - c
        f += r * r
        total -= r
        out[i] = 2.0 * r
    for i in range(n):
        out[i] += 4.0 * total / m
    return f


def chebyquad(x):
    """Fletcher's Chebyquad function."""
    n = x.size
    residual = np.zeros(n)
    for j in range(n):
        y = 2.0 * x[j] - 1.0
        before = 1.0
        now = y
        for i in range(n):
            residual[i] += now / n
            after = 2.0 * y * now - before
            before = now
            now = after
    f = 0.0
    for i in range(n):
        k = i + 1.0
        if i % 2 == 1:
            residual[i] += 1.0 / (k * k - 1.0)
        f += residual[i] * residual[i]
    for j in range(n):
        y = 2.0 * x[j] - 1.0
        before = 1.0
        now = y
        for _ in range(n):
            after = 2.0 * y * now - before
            before = now
            now = after
    return f


def chebyquad_grad(x, out):
    """Write the gradient of `chebyquad` to `out`."""
    n = x.size
    residual = np.zeros(n)
    for j in range(n):
        y = 2.0 * x[j] - 1.0
        before = 1.0
        now = y
        for i in range(n):
            residual[i] += now / n
            after = 2.0 * y * now - before
            before = now
            now = after
    for i in range(n):
        k = i + 1.0
        if i % 2 == 1:
            residual[i] += 1.0 / (k * k - 1.0)
    for j in range(n):
        y = 2.0 * x[j] - 1.0
        before = 1.0
        now = y
        slope_before = 0.0
        slope = 2.0
        g = 0.0
        for i in range(n):
            g += residual[i] * slope
            after = 2.0 * y * now - before
            slope_after = 4.0 * now + 2.0 * y * slope - slope_before
            before = now
            now = after
            slope_before = slope
            slope = slope_after
        out[j] = 2.0 * g / n


def chebyquad_fun_and_grad(x, out):
    """Return `chebyquad` and write its gradient to `out`."""
    n = x.size
    residual = np.zeros(n)
    for j in range(n):
        y = 2.0 * x[j] - 1.0
        before = 1.0
        now = y
        for i in range(n):
            residual[i] += now / n
            after = 2.0 * y * now - before
            before = now
            now = after
    f = 0.0
    for i in range(n):
        k = i + 1.0
        if i % 2 == 1:
            residual[i] += 1.0 / (k * k - 1.0)
        f += residual[i] * residual[i]
    for j in range(n):
        y = 2.0 * x[j] - 1.0
        before = 1.0
        now = y
        slope_before = 0.0
        slope = 2.0
        g = 0.0
        for i in range(n):
            g += residual[i] * slope
            after = 2.0 * y * now - before
            slope_after = 4.0 * now + 2.0 * y * slope - slope_before
            before = now
            now = after
            slope_before = slope
            slope = slope_after
        out[j] = 2.0 * g / n
    return f


def dixon_price(x):
    """Dixon and Price function."""
    d = x[0] - 1.0
    f = d * d
    for i in range(1, x.size):
        r = 2.0 * x[i] * x[i] - x[i - 1]
        f += (i + 1) * r * r
    return f


def dixon_price_grad(x, out):
    """Write the gradient of `dixon_price` to `out`."""
    d = x[0] - 1.0
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = 2.0 * x[i] * x[i] - x[i - 1]
        out[i] = 8.0 * (i + 1) * r * x[i]
        out[i - 1] -= 2.0 * (i + 1) * r


def dixon_price_fun_and_grad(x, out):
    """Return `dixon_price` and write its gradient to `out`."""
    d = x[0] - 1.0
    f = d * d
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = 2.0 * x[i] * x[i] - x[i - 1]
        f += (i + 1) * r * r
        out[i] = 8.0 * (i + 1) * r * x[i]
        out[i - 1] -= 2.0 * (i + 1) * r
    return f


def zakharov(x):
    """Zakharov's function."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        f += x[i] * x[i]
        s += 0.5 * (i + 1) * x[i]
    f += s * s + s * s * s * s
    return f


def zakharov_grad(x, out):
    """Write the gradient of `zakharov` to `out`."""
    s = 0.0
    for i in range(x.size):
        s += 0.5 * (i + 1) * x[i]
    c = 2.0 * s + 4.0 * s * s * s
    for i in range(x.size):
        out[i] = 2.0 * x[i] + 0.5 * (i + 1) * c


def zakharov_fun_and_grad(x, out):
    """Return `zakharov` and write its gradient to `out`."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        f += x[i] * x[i]
        s += 0.5 * (i + 1) * x[i]
    f += s * s + s * s * s * s
    c = 2.0 * s + 4.0 * s * s * s
    for i in range(x.size):
        out[i] = 2.0 * x[i] + 0.5 * (i + 1) * c
    return f


def styblinski_tang(x):
    """Styblinski and Tang function."""
    f = 0.0
    for i in range(x.size):
        q = x[i] * x[i]
        f += 0.5 * (q * q - 16.0 * q + 5.0 * x[i])
    return f


def styblinski_tang_grad(x, out):
    """Write the gradient of `styblinski_tang` to `out`."""
    for i in range(x.size):
        q = x[i] * x[i]
        out[i] = 2.0 * q * x[i] - 16.0 * x[i] + 2.5


def styblinski_tang_fun_and_grad(x, out):
    """Return `styblinski_tang` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        q = x[i] * x[i]
        f += 0.5 * (q * q - 16.0 * q + 5.0 * x[i])
        out[i] = 2.0 * q * x[i] - 16.0 * x[i] + 2.5
    return f


def rastrigin(x):
    """Rastrigin's function, to be solved locally."""
    f = 0.0
    for i in range(x.size):
        a = 2.0 * math.pi * x[i]
        f += x[i] * x[i] + 10.0 - 10.0 * math.cos(a)
    return f


def rastrigin_grad(x, out):
    """Write the gradient of `rastrigin` to `out`."""
    for i in range(x.size):
        a = 2.0 * math.pi * x[i]
        out[i] = 2.0 * x[i] + 20.0 * math.pi * math.sin(a)


def rastrigin_fun_and_grad(x, out):
    """Return `rastrigin` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        a = 2.0 * math.pi * x[i]
        f += x[i] * x[i] + 10.0 - 10.0 * math.cos(a)
        out[i] = 2.0 * x[i] + 20.0 * math.pi * math.sin(a)
    return f


def griewank(x):
    """Griewank's function, to be solved locally."""
    n = x.size
    f = 1.0
    p = 1.0
    for i in range(n):
        f += x[i] * x[i] / 4000.0
        p *= math.cos(x[i] / math.sqrt(i + 1.0))
    f -= p
    return f


def griewank_grad(x, out):
    """Write the gradient of `griewank` to `out`."""
    n = x.size
    for i in range(n):
        root = math.sqrt(i + 1.0)
        others = math.sin(x[i] / root) / root
        for j in range(n):
            if j != i:
                others *= math.cos(x[j] / math.sqrt(j + 1.0))
        out[i] = x[i] / 2000.0 + others


def griewank_fun_and_grad(x, out):
    """Return `griewank` and write its gradient to `out`."""
    n = x.size
    f = 1.0
    p = 1.0
    for i in range(n):
        f += x[i] * x[i] / 4000.0
        p *= math.cos(x[i] / math.sqrt(i + 1.0))
    f -= p
    for i in range(n):
        root = math.sqrt(i + 1.0)
        others = math.sin(x[i] / root) / root
        for j in range(n):
            if j != i:
                others *= math.cos(x[j] / math.sqrt(j + 1.0))
        out[i] = x[i] / 2000.0 + others
    return f


def booth(x):
    """Booth's function."""
    a = x[0] + 2.0 * x[1] - 7.0
    b = 2.0 * x[0] + x[1] - 5.0
    return a * a + b * b


def booth_grad(x, out):
    """Write the gradient of `booth` to `out`."""
    a = x[0] + 2.0 * x[1] - 7.0
    b = 2.0 * x[0] + x[1] - 5.0
    out[0] = 2.0 * a + 4.0 * b
    out[1] = 4.0 * a + 2.0 * b


def booth_fun_and_grad(x, out):
    """Return `booth` and write its gradient to `out`."""
    a = x[0] + 2.0 * x[1] - 7.0
    b = 2.0 * x[0] + x[1] - 5.0
    out[0] = 2.0 * a + 4.0 * b
    out[1] = 4.0 * a + 2.0 * b
    return a * a + b * b


def matyas(x):
    """Matyas' function."""
    return 0.26 * (x[0] * x[0] + x[1] * x[1]) - 0.48 * x[0] * x[1]


def matyas_grad(x, out):
    """Write the gradient of `matyas` to `out`."""
    out[0] = 0.52 * x[0] - 0.48 * x[1]
    out[1] = 0.52 * x[1] - 0.48 * x[0]


def matyas_fun_and_grad(x, out):
    """Return `matyas` and write its gradient to `out`."""
    out[0] = 0.52 * x[0] - 0.48 * x[1]
    out[1] = 0.52 * x[1] - 0.48 * x[0]
    return 0.26 * (x[0] * x[0] + x[1] * x[1]) - 0.48 * x[0] * x[1]


def himmelblau(x):
    """Himmelblau's function of consecutive pairs of variables."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] - 11.0
        b = x[i] + x[i + 1] * x[i + 1] - 7.0
        f += a * a + b * b
    return f


def himmelblau_grad(x, out):
    """Write the gradient of `himmelblau` to `out`."""
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] - 11.0
        b = x[i] + x[i + 1] * x[i + 1] - 7.0
        out[i] = 4.0 * a * x[i] + 2.0 * b
        out[i + 1] = 2.0 * a + 4.0 * b * x[i + 1]


def himmelblau_fun_and_grad(x, out):
    """Return `himmelblau` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] - 11.0
        b = x[i] + x[i + 1] * x[i + 1] - 7.0
        f += a * a + b * b
        out[i] = 4.0 * a * x[i] + 2.0 * b
        out[i + 1] = 2.0 * a + 4.0 * b * x[i + 1]
    return f


def goldstein_price(x):
    """Goldstein and Price function."""
    u = x[0]
    v = x[1]
    s = u + v + 1.0
    t = 2.0 * u - 3.0 * v
    p = 19.0 - 14.0 * u + 3.0 * u * u - 14.0 * v + 6.0 * u * v + 3.0 * v * v
    q = 18.0 - 32.0 * u + 12.0 * u * u + 48.0 * v - 36.0 * u * v + 27.0 * v * v
    a = 1.0 + s * s * p
    b = 30.0 + t * t * q
    return a * b


def goldstein_price_grad(x, out):
    """Write the gradient of `goldstein_price` to `out`."""
    u = x[0]
    v = x[1]
    s = u + v + 1.0
    t = 2.0 * u - 3.0 * v
    p = 19.0 - 14.0 * u + 3.0 * u * u - 14.0 * v + 6.0 * u * v + 3.0 * v * v
    q = 18.0 - 32.0 * u + 12.0 * u * u + 48.0 * v - 36.0 * u * v + 27.0 * v * v
    a = 1.0 + s * s * p
    b = 30.0 + t * t * q
    both = 2.0 * s * p + s * s * (-14.0 + 6.0 * u + 6.0 * v)
    out[0] = both * b + a * (4.0 * t * q + t * t * (-32.0 + 24.0 * u - 36.0 * v))
    out[1] = both * b + a * (-6.0 * t * q + t * t * (48.0 - 36.0 * u + 54.0 * v))


def goldstein_price_fun_and_grad(x, out):
    """Return `goldstein_price` and write its gradient to `out`."""
    u = x[0]
    v = x[1]
    s = u + v + 1.0
    t = 2.0 * u - 3.0 * v
    p = 19.0 - 14.0 * u + 3.0 * u * u - 14.0 * v + 6.0 * u * v + 3.0 * v * v
    q = 18.0 - 32.0 * u + 12.0 * u * u + 48.0 * v - 36.0 * u * v + 27.0 * v * v
    a = 1.0 + s * s * p
    b = 30.0 + t * t * q
    both = 2.0 * s * p + s * s * (-14.0 + 6.0 * u + 6.0 * v)
    out[0] = both * b + a * (4.0 * t * q + t * t * (-32.0 + 24.0 * u - 36.0 * v))
    out[1] = both * b + a * (-6.0 * t * q + t * t * (48.0 - 36.0 * u + 54.0 * v))
    return a * b


def three_hump_camel(x):
    """Three-hump camel function."""
    q = x[0] * x[0]
    return 2.0 * q - 1.05 * q * q + q * q * q / 6.0 + x[0] * x[1] + x[1] * x[1]


def three_hump_camel_grad(x, out):
    """Write the gradient of `three_hump_camel` to `out`."""
    q = x[0] * x[0]
    out[0] = 4.0 * x[0] - 4.2 * q * x[0] + q * q * x[0] + x[1]
    out[1] = x[0] + 2.0 * x[1]


def three_hump_camel_fun_and_grad(x, out):
    """Return `three_hump_camel` and write its gradient to `out`."""
    q = x[0] * x[0]
    out[0] = 4.0 * x[0] - 4.2 * q * x[0] + q * q * x[0] + x[1]
    out[1] = x[0] + 2.0 * x[1]
    return 2.0 * q - 1.05 * q * q + q * q * q / 6.0 + x[0] * x[1] + x[1] * x[1]


def six_hump_camel(x):
    """Six-hump camel function."""
    p = x[0] * x[0]
    q = x[1] * x[1]
    return (4.0 - 2.1 * p + p * p / 3.0) * p + x[0] * x[1] + (4.0 * q - 4.0) * q


def six_hump_camel_grad(x, out):
    """Write the gradient of `six_hump_camel` to `out`."""
    p = x[0] * x[0]
    q = x[1] * x[1]
    out[0] = 8.0 * x[0] - 8.4 * p * x[0] + 2.0 * p * p * x[0] + x[1]
    out[1] = x[0] - 8.0 * x[1] + 16.0 * q * x[1]


def six_hump_camel_fun_and_grad(x, out):
    """Return `six_hump_camel` and write its gradient to `out`."""
    p = x[0] * x[0]
    q = x[1] * x[1]
    out[0] = 8.0 * x[0] - 8.4 * p * x[0] + 2.0 * p * p * x[0] + x[1]
    out[1] = x[0] - 8.0 * x[1] + 16.0 * q * x[1]
    return (4.0 - 2.1 * p + p * p / 3.0) * p + x[0] * x[1] + (4.0 * q - 4.0) * q


def levy(x):
    """Levy's function, to be solved locally."""
    n = x.size
    w = 1.0 + 0.25 * (x[0] - 1.0)
    s = math.sin(math.pi * w)
    f = s * s
    for i in range(n - 1):
        w = 1.0 + 0.25 * (x[i] - 1.0)
        d = w - 1.0
        s = math.sin(math.pi * w + 1.0)
        f += d * d * (1.0 + 10.0 * s * s)
    w = 1.0 + 0.25 * (x[n - 1] - 1.0)
    d = w - 1.0
    s = math.sin(2.0 * math.pi * w)
    f += d * d * (1.0 + s * s)
    return f


def levy_grad(x, out):
    """Write the gradient of `levy` to `out`."""
    n = x.size
    w = 1.0 + 0.25 * (x[0] - 1.0)
    s = math.sin(math.pi * w)
    out[0] = 0.5 * math.pi * s * math.cos(math.pi * w)
    for i in range(n - 1):
        w = 1.0 + 0.25 * (x[i] - 1.0)
        d = w - 1.0
        s = math.sin(math.pi * w + 1.0)
        c = math.cos(math.pi * w + 1.0)
        if i > 0:
            out[i] = 0.0
        out[i] += 0.5 * d * (1.0 + 10.0 * s * s) + 5.0 * math.pi * d * d * s * c
    w = 1.0 + 0.25 * (x[n - 1] - 1.0)
    d = w - 1.0
    s = math.sin(2.0 * math.pi * w)
    c = math.cos(2.0 * math.pi * w)
    if n > 1:
        out[n - 1] = 0.0
    out[n - 1] += 0.5 * d * (1.0 + s * s) + math.pi * d * d * s * c


def levy_fun_and_grad(x, out):
    """Return `levy` and write its gradient to `out`."""
    n = x.size
    w = 1.0 + 0.25 * (x[0] - 1.0)
    s = math.sin(math.pi * w)
    f = s * s
    out[0] = 0.5 * math.pi * s * math.cos(math.pi * w)
    for i in range(n - 1):
        w = 1.0 + 0.25 * (x[i] - 1.0)
        d = w - 1.0
        s = math.sin(math.pi * w + 1.0)
        c = math.cos(math.pi * w + 1.0)
        f += d * d * (1.0 + 10.0 * s * s)
        if i > 0:
            out[i] = 0.0
        out[i] += 0.5 * d * (1.0 + 10.0 * s * s) + 5.0 * math.pi * d * d * s * c
    w = 1.0 + 0.25 * (x[n - 1] - 1.0)
    d = w - 1.0
    s = math.sin(2.0 * math.pi * w)
    c = math.cos(2.0 * math.pi * w)
    f += d * d * (1.0 + s * s)
    if n > 1:
        out[n - 1] = 0.0
    out[n - 1] += 0.5 * d * (1.0 + s * s) + math.pi * d * d * s * c
    return f


def sphere(x):
    """Sum of squares."""
    f = 0.0
    for i in range(x.size):
        f += x[i] * x[i]
    return f


def sphere_grad(x, out):
    """Write the gradient of `sphere` to `out`."""
    for i in range(x.size):
        out[i] = 2.0 * x[i]


def sphere_fun_and_grad(x, out):
    """Return `sphere` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        f += x[i] * x[i]
        out[i] = 2.0 * x[i]
    return f


def raydan_1(x):
    """Raydan's first function."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += 0.1 * (i + 1) * (e - x[i])
    return f


def raydan_1_grad(x, out):
    """Write the gradient of `raydan_1` to `out`."""
    for i in range(x.size):
        e = math.exp(x[i])
        out[i] = 0.1 * (i + 1) * (e - 1.0)


def raydan_1_fun_and_grad(x, out):
    """Return `raydan_1` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += 0.1 * (i + 1) * (e - x[i])
        out[i] = 0.1 * (i + 1) * (e - 1.0)
    return f


def raydan_2(x):
    """Raydan's second function."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - x[i]
    return f


def raydan_2_grad(x, out):
    """Write the gradient of `raydan_2` to `out`."""
    for i in range(x.size):
        e = math.exp(x[i])
        out[i] = e - 1.0


def raydan_2_fun_and_grad(x, out):
    """Return `raydan_2` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - x[i]
        out[i] = e - 1.0
    return f


def nondia(x):
    """Shanno's nondiagonal function."""
    d = x[0] - 1.0
    f = d * d
    for i in range(1, x.size):
        r = x[0] - x[i - 1] * x[i - 1]
        f += 100.0 * r * r
    return f


def nondia_grad(x, out):
    """Write the gradient of `nondia` to `out`."""
    d = x[0] - 1.0
    for i in range(x.size):
        out[i] = 0.0
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = x[0] - x[i - 1] * x[i - 1]
        out[0] += 200.0 * r
        out[i - 1] -= 400.0 * r * x[i - 1]


def nondia_fun_and_grad(x, out):
    """Return `nondia` and write its gradient to `out`."""
    d = x[0] - 1.0
    f = d * d
    for i in range(x.size):
        out[i] = 0.0
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = x[0] - x[i - 1] * x[i - 1]
        f += 100.0 * r * r
        out[0] += 200.0 * r
        out[i - 1] -= 400.0 * r * x[i - 1]
    return f


def tridia(x):
    """Shanno's tridiagonal quadratic."""
    d = x[0] - 1.0
    f = d * d
    for i in range(1, x.size):
        r = 2.0 * x[i] - x[i - 1]
        f += (i + 1) * r * r
    return f


def tridia_grad(x, out):
    """Write the gradient of `tridia` to `out`."""
    d = x[0] - 1.0
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = 2.0 * x[i] - x[i - 1]
        out[i] = 4.0 * (i + 1) * r
        out[i - 1] -= 2.0 * (i + 1) * r


def tridia_fun_and_grad(x, out):
    """Return `tridia` and write its gradient to `out`."""
    d = x[0] - 1.0
    f = d * d
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = 2.0 * x[i] - x[i - 1]
        f += (i + 1) * r * r
        out[i] = 4.0 * (i + 1) * r
        out[i - 1] -= 2.0 * (i + 1) * r
    return f


def arwhead(x):
    """Arrow-head function."""
    n = x.size
    last = x[n - 1]
    f = 0.0
    for i in range(n - 1):
        q = x[i] * x[i] + last * last
        f += q * q - 4.0 * x[i] + 3.0
    return f


def arwhead_grad(x, out):
    """Write the gradient of `arwhead` to `out`."""
    n = x.size
    last = x[n - 1]
    g = 0.0
    for i in range(n - 1):
        q = x[i] * x[i] + last * last
        out[i] = 4.0 * q * x[i] - 4.0
        g += 4.0 * q * last
    out[n - 1] = g


def arwhead_fun_and_grad(x, out):
    """Return `arwhead` and write its gradient to `out`."""
    n = x.size
    last = x[n - 1]
    f = 0.0
    g = 0.0
    for i in range(n - 1):
        q = x[i] * x[i] + last * last
        f += q * q - 4.0 * x[i] + 3.0
        out[i] = 4.0 * q * x[i] - 4.0
        g += 4.0 * q * last
    out[n - 1] = g
    return f


def bdqrtic(x):
    """Banded quartic function with a bordered Hessian."""
    n = x.size
    last = x[n - 1]
    f = 0.0
    for i in range(n - 4):
        d = 3.0 - 4.0 * x[i]
        q = 5.0 * last * last
        for j in range(4):
            q += (j + 1) * x[i + j] * x[i + j]
        f += d * d + q * q
    return f


def bdqrtic_grad(x, out):
    """Write the gradient of `bdqrtic` to `out`."""
    n = x.size
    last = x[n - 1]
    for i in range(n):
        out[i] = 0.0
    for i in range(n - 4):
        d = 3.0 - 4.0 * x[i]
        q = 5.0 * last * last
        for j in range(4):
            q += (j + 1) * x[i + j] * x[i + j]
        out[i] -= 8.0 * d
        for j in range(4):
            out[i + j] += 4.0 * (j + 1) * q * x[i + j]
        out[n - 1] += 20.0 * q * last


def bdqrtic_fun_and_grad(x, out):
    """Return `bdqrtic` and write its gradient to `out`."""
    n = x.size
    last = x[n - 1]
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n - 4):
        d = 3.0 - 4.0 * x[i]
        q = 5.0 * last * last
        for j in range(4):
            q += (j + 1) * x[i + j] * x[i + j]
        f += d * d + q * q
        out[i] -= 8.0 * d
        for j in range(4):
            out[i + j] += 4.0 * (j + 1) * q * x[i + j]
        out[n - 1] += 20.0 * q * last
    return f


def engval1(x):
    """Tridiagonal quartic ENGVAL1."""
    f = 0.0
    for i in range(x.size - 1):
        q = x[i] * x[i] + x[i + 1] * x[i + 1]
        f += q * q - 4.0 * x[i] + 3.0
    return f


def engval1_grad(x, out):
    """Write the gradient of `engval1` to `out`."""
    out[0] = 0.0
    for i in range(x.size - 1):
        q = x[i] * x[i] + x[i + 1] * x[i + 1]
        out[i] += 4.0 * q * x[i] - 4.0
        out[i + 1] = 4.0 * q * x[i + 1]


def engval1_fun_and_grad(x, out):
    """Return `engval1` and write its gradient to `out`."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        q = x[i] * x[i] + x[i + 1] * x[i + 1]
        f += q * q - 4.0 * x[i] + 3.0
        out[i] += 4.0 * q * x[i] - 4.0
        out[i + 1] = 4.0 * q * x[i + 1]
    return f


def dqdrtic(x):
    """Diagonal quadratic DQDRTIC."""
    n = x.size
    f = 0.0
    for i in range(n - 2):
        f += x[i] * x[i] + 100.0 * (x[i + 1] * x[i + 1] + x[i + 2] * x[i + 2])
    return f


def dqdrtic_grad(x, out):
    """Write the gradient of `dqdrtic` to `out`."""
    n = x.size
    for i in range(n):
        out[i] = 0.0
    for i in range(n - 2):
        out[i] += 2.0 * x[i]
        out[i + 1] += 200.0 * x[i + 1]
        out[i + 2] += 200.0 * x[i + 2]


def dqdrtic_fun_and_grad(x, out):
    """Return `dqdrtic` and write its gradient to `out`."""
    n = x.size
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n - 2):
        f += x[i] * x[i] + 100.0 * (x[i + 1] * x[i + 1] + x[i + 2] * x[i + 2])
        out[i] += 2.0 * x[i]
        out[i + 1] += 200.0 * x[i + 1]
        out[i + 2] += 200.0 * x[i + 2]
    return f


def liarwhd(x):
    """Simplified NONDIA, with an arrow-head Hessian."""
    f = 0.0
    for i in range(x.size):
        r = x[i] * x[i] - x[0]
        d = x[i] - 1.0
        f += 4.0 * r * r + d * d
    return f


def liarwhd_grad(x, out):
    """Write the gradient of `liarwhd` to `out`."""
    first = 0.0
    for i in range(x.size):
        r = x[i] * x[i] - x[0]
        d = x[i] - 1.0
        out[i] = 16.0 * r * x[i] + 2.0 * d
        first += 8.0 * r
    out[0] -= first


def liarwhd_fun_and_grad(x, out):
    """Return `liarwhd` and write its gradient to `out`."""
    f = 0.0
    first = 0.0
    for i in range(x.size):
        r = x[i] * x[i] - x[0]
        d = x[i] - 1.0
        f += 4.0 * r * r + d * d
        out[i] = 16.0 * r * x[i] + 2.0 * d
        first += 8.0 * r
    out[0] -= first
    return f


def edensch(x):
    """Extended Dennis and Schnabel function."""
    f = 16.0
    for i in range(x.size - 1):
        a = x[i] - 2.0
        b = a * x[i + 1]
        c = x[i + 1] + 1.0
        f += a * a * a * a + b * b + c * c
    return f


def edensch_grad(x, out):
    """Write the gradient of `edensch` to `out`."""
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] - 2.0
        b = a * x[i + 1]
        c = x[i + 1] + 1.0
        out[i] += 4.0 * a * a * a + 2.0 * b * x[i + 1]
        out[i + 1] = 2.0 * b * a + 2.0 * c


def edensch_fun_and_grad(x, out):
    """Return `edensch` and write its gradient to `out`."""
    f = 16.0
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] - 2.0
        b = a * x[i + 1]
        c = x[i + 1] + 1.0
        f += a * a * a * a + b * b + c * c
        out[i] += 4.0 * a * a * a + 2.0 * b * x[i + 1]
        out[i + 1] = 2.0 * b * a + 2.0 * c
    return f


def cosine(x):
    """Cosine function of the CUTE collection."""
    f = 0.0
    for i in range(x.size - 1):
        a = x[i] * x[i] - 0.5 * x[i + 1]
        f += math.cos(a)
    return f


def cosine_grad(x, out):
    """Write the gradient of `cosine` to `out`."""
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] * x[i] - 0.5 * x[i + 1]
        out[i] -= 2.0 * x[i] * math.sin(a)
        out[i + 1] = 0.5 * math.sin(a)


def cosine_fun_and_grad(x, out):
    """Return `cosine` and write its gradient to `out`."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] * x[i] - 0.5 * x[i + 1]
        f += math.cos(a)
        out[i] -= 2.0 * x[i] * math.sin(a)
        out[i + 1] = 0.5 * math.sin(a)
    return f


BARD_Y = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)
GAUSSIAN_Y = (
    0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
    0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009,
)  # fmt: skip
MEYER_Y = (
    34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
    8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872,
)  # fmt: skip
KOWALIK_Y = (
    0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246,
)  # fmt: skip
KOWALIK_U = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
OSBORNE_1_Y = (
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
    0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
    0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
)  # fmt: skip
OSBORNE_2_Y = (
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
    0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
    0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
    0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
    0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054,
)  # fmt: skip


def _data(*columns):
    return lambda n: tuple(np.array(column, dtype=np.float64) for column in columns)


def _dixon_price_minimum(n):
    i = np.arange(1, n + 1)
    return 2.0 ** (2.0 ** (1.0 - i) - 1.0)


def _combinations(low, high):
    """Values of the sums of n terms, each `low` or `high`, but for the lowest."""
    return lambda n: tuple(low * (n - k) + high * k for k in range(1, n + 1))


FAMILIES = (
    Family(
        "rosenbrock",
        rosenbrock,
        rosenbrock_grad,
        rosenbrock_fun_and_grad,
        sizes=(2, 10, 100),
        start=tiled(-1.2, 1.0),
        smallest=2,
        f_min=0.0,
        x_min=filled(1.0),
        f_local={10: (3.9865791123471386,), 100: (3.9866238543009334,)},
        reference="H. H. Rosenbrock, Comput. J. 3 (1960) 175-184; chained as in SciPy's rosen",
    ),
    Family(
        "extended_rosenbrock",
        extended_rosenbrock,
        extended_rosenbrock_grad,
        extended_rosenbrock_fun_and_grad,
        sizes=(100, 1000),
        start=tiled(-1.2, 1.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{MGH}, problem 21",
    ),
    Family(
        "freudenstein_roth",
        freudenstein_roth,
        freudenstein_roth_grad,
        freudenstein_roth_fun_and_grad,
        sizes=(2,),
        start=lambda n: (0.5, -2.0),
        f_min=0.0,
        x_min=lambda n: (5.0, 4.0),
        f_local=(48.98425367924001,),
        reference=f"{MGH}, problem 2",
    ),
    Family(
        "powell_badly_scaled",
        powell_badly_scaled,
        powell_badly_scaled_grad,
        powell_badly_scaled_fun_and_grad,
        sizes=(2,),
        start=lambda n: (0.0, 1.0),
        f_min=0.0,
        reference=f"{MGH}, problem 3",
    ),
    Family(
        "brown_badly_scaled",
        brown_badly_scaled,
        brown_badly_scaled_grad,
        brown_badly_scaled_fun_and_grad,
        sizes=(2,),
        start=lambda n: (1.0, 1.0),
        f_min=0.0,
        x_min=lambda n: (1e6, 2e-6),
        reference=f"{MGH}, problem 4",
    ),
    Family(
        "beale",
        beale,
        beale_grad,
        beale_fun_and_grad,
        sizes=(2,),
        start=lambda n: (1.0, 1.0),
        f_min=0.0,
        x_min=lambda n: (3.0, 0.5),
        reference=f"{MGH}, problem 5",
    ),
    Family(
        "jennrich_sampson",
        jennrich_sampson,
        jennrich_sampson_grad,
        jennrich_sampson_fun_and_grad,
        sizes=(2,),
        start=lambda n: (0.3, 0.4),
        f_min=124.36218235561483,
        reference=f"{MGH}, problem 6",
    ),
    Family(
        "helical_valley",
        helical_valley,
        helical_valley_grad,
        helical_valley_fun_and_grad,
        sizes=(3,),
        start=lambda n: (-1.0, 0.0, 0.0),
        f_min=0.0,
        x_min=lambda n: (1.0, 0.0, 0.0),
        reference=f"{MGH}, problem 7",
    ),
    Family(
        "bard",
        bard,
        bard_grad,
        bard_fun_and_grad,
        sizes=(3,),
        start=lambda n: (1.0, 1.0, 1.0),
        args=_data(BARD_Y),
        f_min=0.008214877306578976,
        reference=f"{MGH}, problem 8",
    ),
    Family(
        "gaussian",
        gaussian,
        gaussian_grad,
        gaussian_fun_and_grad,
        sizes=(3,),
        start=lambda n: (0.4, 1.0, 0.0),
        args=_data(GAUSSIAN_Y),
        f_min=1.127932769618685e-08,
        reference=f"{MGH}, problem 9",
    ),
    Family(
        "meyer",
        meyer,
        meyer_grad,
        meyer_fun_and_grad,
        sizes=(3,),
        start=lambda n: (0.02, 4000.0, 250.0),
        args=_data(MEYER_Y),
        f_min=87.9458551705385,
        reference=f"{MGH}, problem 10",
    ),
    Family(
        "gulf",
        gulf,
        gulf_grad,
        gulf_fun_and_grad,
        sizes=(3,),
        start=lambda n: (5.0, 2.5, 0.15),
        f_min=0.0,
        x_min=lambda n: (50.0, 25.0, 1.5),
        reference=f"{MGH}, problem 11",
    ),
    Family(
        "box_3d",
        box_3d,
        box_3d_grad,
        box_3d_fun_and_grad,
        sizes=(3,),
        start=lambda n: (0.0, 10.0, 20.0),
        f_min=0.0,
        x_min=lambda n: (1.0, 10.0, 1.0),
        reference=f"{MGH}, problem 12",
    ),
    Family(
        "powell_singular",
        powell_singular,
        powell_singular_grad,
        powell_singular_fun_and_grad,
        sizes=(4, 100),
        start=tiled(3.0, -1.0, 0.0, 1.0),
        smallest=4,
        multiple=4,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{MGH}, problems 13 and 22",
    ),
    Family(
        "wood",
        wood,
        wood_grad,
        wood_fun_and_grad,
        sizes=(4,),
        start=lambda n: (-3.0, -1.0, -3.0, -1.0),
        f_min=0.0,
        x_min=lambda n: (1.0, 1.0, 1.0, 1.0),
        reference=f"{MGH}, problem 14",
    ),
    Family(
        "kowalik_osborne",
        kowalik_osborne,
        kowalik_osborne_grad,
        kowalik_osborne_fun_and_grad,
        sizes=(4,),
        start=lambda n: (0.25, 0.39, 0.415, 0.39),
        args=_data(KOWALIK_Y, KOWALIK_U),
        f_min=0.00030750560384923767,
        reference=f"{MGH}, problem 15",
    ),
    Family(
        "brown_dennis",
        brown_dennis,
        brown_dennis_grad,
        brown_dennis_fun_and_grad,
        sizes=(4,),
        start=lambda n: (25.0, 5.0, -5.0, -1.0),
        f_min=85822.20162635634,
        reference=f"{MGH}, problem 16",
    ),
    Family(
        "osborne_1",
        osborne_1,
        osborne_1_grad,
        osborne_1_fun_and_grad,
        sizes=(5,),
        start=lambda n: (0.5, 1.5, -1.0, 0.01, 0.02),
        args=_data(OSBORNE_1_Y),
        f_min=5.46489469748265e-05,
        reference=f"{MGH}, problem 17",
    ),
    Family(
        "biggs_exp6",
        biggs_exp6,
        biggs_exp6_grad,
        biggs_exp6_fun_and_grad,
        sizes=(6,),
        start=lambda n: (1.0, 2.0, 1.0, 1.0, 1.0, 1.0),
        f_min=0.0,
        x_min=lambda n: (1.0, 10.0, 1.0, 5.0, 4.0, 3.0),
        f_local=(0.00565564992549994,),
        reference=f"{MGH}, problem 18",
    ),
    Family(
        "osborne_2",
        osborne_2,
        osborne_2_grad,
        osborne_2_fun_and_grad,
        sizes=(11,),
        start=lambda n: (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5),
        args=_data(OSBORNE_2_Y),
        f_min=0.04013773629354772,
        reference=f"{MGH}, problem 19",
    ),
    Family(
        "watson",
        watson,
        watson_grad,
        watson_fun_and_grad,
        sizes=(6, 9),
        start=filled(0.0),
        smallest=2,
        f_min={6: 0.002287670053552363, 9: 1.399760138092779e-06},
        reference=f"{MGH}, problem 20",
    ),
    Family(
        "penalty_1",
        penalty_1,
        penalty_1_grad,
        penalty_1_fun_and_grad,
        sizes=(4, 10),
        start=lambda n: np.arange(1.0, n + 1.0),
        smallest=1,
        f_min={4: 2.2499775008999372e-05, 10: 7.08765146709037e-05},
        reference=f"{MGH}, problem 23",
    ),
    Family(
        "penalty_2",
        penalty_2,
        penalty_2_grad,
        penalty_2_fun_and_grad,
        sizes=(4, 10),
        start=filled(0.5),
        smallest=1,
        f_min={4: 9.376293007355447e-06, 10: 0.000293660537456746},
        reference=f"{MGH}, problem 24",
    ),
    Family(
        "variably_dimensioned",
        variably_dimensioned,
        variably_dimensioned_grad,
        variably_dimensioned_fun_and_grad,
        sizes=(10, 100),
        start=lambda n: 1.0 - np.arange(1.0, n + 1.0) / n,
        smallest=1,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{MGH}, problem 25",
    ),
    Family(
        "trigonometric",
        trigonometric,
        trigonometric_grad,
        trigonometric_fun_and_grad,
        sizes=(10,),
        start=lambda n: np.full(n, 1.0 / n),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        f_local={10: (2.7950561218779028e-05,)},
        reference=f"{MGH}, problem 26",
    ),
    Family(
        "brown_almost_linear",
        brown_almost_linear,
        brown_almost_linear_grad,
        brown_almost_linear_fun_and_grad,
        sizes=(10,),
        start=filled(0.5),
        smallest=2,
        f_min=0.0,
        x_min=filled(1.0),
        f_local=(1.0,),
        reference=f"{MGH}, problem 27",
    ),
    Family(
        "discrete_boundary_value",
        discrete_boundary_value,
        discrete_boundary_value_grad,
        discrete_boundary_value_fun_and_grad,
        sizes=(10, 50),
        start=lambda n: (t := np.arange(1, n + 1) / (n + 1.0)) * (t - 1.0),
        smallest=1,
        f_min=0.0,
        reference=f"{MGH}, problem 28",
    ),
    Family(
        "discrete_integral",
        discrete_integral,
        discrete_integral_grad,
        discrete_integral_fun_and_grad,
        sizes=(10, 100),
        start=lambda n: (t := np.arange(1, n + 1) / (n + 1.0)) * (t - 1.0),
        smallest=1,
        f_min=0.0,
        reference=f"{MGH}, problem 29",
    ),
    Family(
        "broyden_tridiagonal",
        broyden_tridiagonal,
        broyden_tridiagonal_grad,
        broyden_tridiagonal_fun_and_grad,
        sizes=(10, 100),
        start=filled(-1.0),
        smallest=1,
        f_min=0.0,
        reference=f"{MGH}, problem 30",
    ),
    Family(
        "broyden_banded",
        broyden_banded,
        broyden_banded_grad,
        broyden_banded_fun_and_grad,
        sizes=(10, 100),
        start=filled(-1.0),
        smallest=1,
        f_min=0.0,
        reference=f"{MGH}, problem 31",
    ),
    Family(
        "linear_full_rank",
        linear_full_rank,
        linear_full_rank_grad,
        linear_full_rank_fun_and_grad,
        sizes=(10,),
        start=filled(1.0),
        smallest=1,
        f_min=lambda n: n,
        x_min=filled(-1.0),
        reference=f"{MGH}, problem 32, m = 2 n",
    ),
    Family(
        "chebyquad",
        chebyquad,
        chebyquad_grad,
        chebyquad_fun_and_grad,
        sizes=(7, 8),
        start=lambda n: np.arange(1, n + 1) / (n + 1.0),
        smallest=1,
        f_min={7: 0.0, 8: 0.00351687372567793},
        reference=f"{MGH}, problem 35",
    ),
    Family(
        "dixon_price",
        dixon_price,
        dixon_price_grad,
        dixon_price_fun_and_grad,
        sizes=(10, 50),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=_dixon_price_minimum,
        f_local=(2.0 / 3.0,),
        reference=f"{JAMIL}, Dixon and Price",
    ),
    Family(
        "zakharov",
        zakharov,
        zakharov_grad,
        zakharov_fun_and_grad,
        sizes=(10,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{JAMIL}, Zakharov",
    ),
    Family(
        "styblinski_tang",
        styblinski_tang,
        styblinski_tang_grad,
        styblinski_tang_fun_and_grad,
        sizes=(2, 10),
        start=filled(0.0),
        smallest=1,
        f_min=lambda n: -39.16616570377141 * n,
        x_min=filled(-2.903534027771177),
        f_local=_combinations(-39.16616570377141, -25.02944665528394),
        reference=f"{JAMIL}, Styblinski-Tang",
    ),
    Family(
        "rastrigin",
        rastrigin,
        rastrigin_grad,
        rastrigin_fun_and_grad,
        sizes=(2, 10),
        start=filled(0.3),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        f_local=_combinations(0.0, 0.9949590570932916),
        reference="H. Muhlenbein et al., Parallel Comput. 17 (1991) 619-632, after Rastrigin",
    ),
    Family(
        "griewank",
        griewank,
        griewank_grad,
        griewank_fun_and_grad,
        sizes=(10,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{JAMIL}, Griewank",
    ),
    Family(
        "booth",
        booth,
        booth_grad,
        booth_fun_and_grad,
        sizes=(2,),
        start=lambda n: (0.0, 0.0),
        f_min=0.0,
        x_min=lambda n: (1.0, 3.0),
        reference=f"{JAMIL}, Booth",
    ),
    Family(
        "matyas",
        matyas,
        matyas_grad,
        matyas_fun_and_grad,
        sizes=(2,),
        start=lambda n: (5.0, -3.0),
        f_min=0.0,
        x_min=lambda n: (0.0, 0.0),
        reference=f"{JAMIL}, Matyas",
    ),
    Family(
        "himmelblau",
        himmelblau,
        himmelblau_grad,
        himmelblau_fun_and_grad,
        sizes=(2, 100),
        start=filled(1.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=tiled(3.0, 2.0),
        reference=f"D. M. Himmelblau, Applied Nonlinear Programming (1972); extended in {ANDREI}",
    ),
    Family(
        "goldstein_price",
        goldstein_price,
        goldstein_price_grad,
        goldstein_price_fun_and_grad,
        sizes=(2,),
        start=lambda n: (-0.5, 0.5),
        f_min=3.0,
        x_min=lambda n: (0.0, -1.0),
        f_local=(30.0, 84.0, 840.0),
        reference=f"{JAMIL}, Goldstein-Price",
    ),
    Family(
        "three_hump_camel",
        three_hump_camel,
        three_hump_camel_grad,
        three_hump_camel_fun_and_grad,
        sizes=(2,),
        start=lambda n: (1.0, 1.0),
        f_min=0.0,
        x_min=lambda n: (0.0, 0.0),
        f_local=(0.298638442236859,),
        reference=f"{JAMIL}, Three-Hump Camel",
    ),
    Family(
        "six_hump_camel",
        six_hump_camel,
        six_hump_camel_grad,
        six_hump_camel_fun_and_grad,
        sizes=(2,),
        start=lambda n: (0.5, 0.5),
        f_min=-1.0316284534898774,
        f_local=(-0.21546382438371703, 2.104250310311258),
        reference=f"{JAMIL}, Six-Hump Camel",
    ),
    Family(
        "levy",
        levy,
        levy_grad,
        levy_fun_and_grad,
        sizes=(4,),
        start=filled(0.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(1.0),
        f_local={4: (0.17905650083288197,)},
        reference="A. V. Levy and A. Montalvo, SIAM J. Sci. Stat. Comput. 6 (1985) 15-29",
    ),
    Family(
        "sphere",
        sphere,
        sphere_grad,
        sphere_fun_and_grad,
        sizes=(10,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{JAMIL}, Sphere",
    ),
    Family(
        "raydan_1",
        raydan_1,
        raydan_1_grad,
        raydan_1_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=lambda n: n * (n + 1) / 20.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Raydan 1",
    ),
    Family(
        "raydan_2",
        raydan_2,
        raydan_2_grad,
        raydan_2_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=lambda n: n,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Raydan 2",
    ),
    Family(
        "nondia",
        nondia,
        nondia_grad,
        nondia_fun_and_grad,
        sizes=(100,),
        start=filled(-1.0),
        smallest=2,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, NONDIA",
    ),
    Family(
        "tridia",
        tridia,
        tridia_grad,
        tridia_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=lambda n: 0.5 ** np.arange(n),
        reference=f"{ANDREI}, TRIDIA",
    ),
    Family(
        "arwhead",
        arwhead,
        arwhead_grad,
        arwhead_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=2,
        f_min=0.0,
        x_min=lambda n: np.append(np.ones(n - 1), 0.0),
        reference=f"{ANDREI}, ARWHEAD",
    ),
    Family(
        "bdqrtic",
        bdqrtic,
        bdqrtic_grad,
        bdqrtic_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=5,
        f_min={100: 378.7691918086844},
        reference=f"{ANDREI}, BDQRTIC",
    ),
    Family(
        "engval1",
        engval1,
        engval1_grad,
        engval1_fun_and_grad,
        sizes=(100,),
        start=filled(2.0),
        smallest=2,
        f_min={100: 109.08813614309229},
        reference=f"{ANDREI}, ENGVAL1",
    ),
    Family(
        "dqdrtic",
        dqdrtic,
        dqdrtic_grad,
        dqdrtic_fun_and_grad,
        sizes=(100,),
        start=filled(3.0),
        smallest=3,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, DQDRTIC",
    ),
    Family(
        "liarwhd",
        liarwhd,
        liarwhd_grad,
        liarwhd_fun_and_grad,
        sizes=(100,),
        start=filled(4.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, LIARWHD",
    ),
    Family(
        "edensch",
        edensch,
        edensch_grad,
        edensch_fun_and_grad,
        sizes=(100,),
        start=filled(0.0),
        smallest=2,
        f_min={100: 603.2845920207645},
        reference=f"{ANDREI}, EDENSCH",
    ),
    Family(
        "cosine",
        cosine,
        cosine_grad,
        cosine_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=2,
        f_min=lambda n: 1.0 - n,
        reference=f"{ANDREI}, COSINE",
    ),
)
