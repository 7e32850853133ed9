"""Classical problems of any number of variables: More, Garbow and Hillstrom."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled
from fastmomentum.problems.classical.small import MGH

__all__ = ["FAMILIES"]


def watson(x, out):
    """Watson's function."""
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


def penalty_1(x, out):
    """Penalty function I."""
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


def penalty_2(x, out):
    """Penalty function II."""
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


def variably_dimensioned(x, out):
    """Variably dimensioned function."""
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


def trigonometric(x, out):
    """Spedicato's trigonometric function."""
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


def brown_almost_linear(x, out):
    """Brown's almost linear function."""
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


def discrete_boundary_value(x, out):
    """Discrete boundary value function."""
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


def discrete_integral(x, out):
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


def broyden_tridiagonal(x, out):
    """Broyden's tridiagonal function."""
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


def broyden_banded(x, out):
    """Broyden's banded function, five diagonals below and one above."""
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


def linear_full_rank(x, out):
    """Linear function of full rank with twice as many residuals as variables."""
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


def chebyquad(x, out):
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


FAMILIES = (
    Family(
        watson,
        sizes=(6, 9),
        start=filled(0.0),
        smallest=2,
        f_min={6: 0.002287670053552363, 9: 1.399760138092779e-06},
        reference=f"{MGH}, problem 20",
    ),
    Family(
        penalty_1,
        sizes=(4, 10),
        start=lambda n: np.arange(1.0, n + 1.0),
        f_min={4: 2.2499775008999372e-05, 10: 7.08765146709037e-05},
        reference=f"{MGH}, problem 23",
    ),
    Family(
        penalty_2,
        sizes=(4, 10),
        start=filled(0.5),
        f_min={4: 9.376293007355447e-06, 10: 0.000293660537456746},
        reference=f"{MGH}, problem 24",
    ),
    Family(
        variably_dimensioned,
        sizes=(10, 100),
        start=lambda n: 1.0 - np.arange(1.0, n + 1.0) / n,
        x_min=filled(1.0),
        reference=f"{MGH}, problem 25",
    ),
    Family(
        trigonometric,
        sizes=(10,),
        start=lambda n: np.full(n, 1.0 / n),
        x_min=filled(0.0),
        f_local={10: (2.7950561218779028e-05,)},
        reference=f"{MGH}, problem 26",
    ),
    Family(
        brown_almost_linear,
        sizes=(10,),
        start=filled(0.5),
        smallest=2,
        x_min=filled(1.0),
        f_local=(1.0,),
        reference=f"{MGH}, problem 27",
    ),
    Family(
        discrete_boundary_value,
        sizes=(10, 50),
        start=lambda n: (t := np.arange(1, n + 1) / (n + 1.0)) * (t - 1.0),
        reference=f"{MGH}, problem 28",
    ),
    Family(
        discrete_integral,
        sizes=(10, 100),
        start=lambda n: (t := np.arange(1, n + 1) / (n + 1.0)) * (t - 1.0),
        reference=f"{MGH}, problem 29",
    ),
    Family(
        broyden_tridiagonal,
        sizes=(10, 100),
        start=filled(-1.0),
        reference=f"{MGH}, problem 30",
    ),
    Family(
        broyden_banded,
        sizes=(10, 100),
        start=filled(-1.0),
        reference=f"{MGH}, problem 31",
    ),
    Family(
        linear_full_rank,
        sizes=(10,),
        start=filled(1.0),
        f_min=lambda n: n,
        x_min=filled(-1.0),
        reference=f"{MGH}, problem 32, m = 2 n",
    ),
    Family(
        chebyquad,
        sizes=(7, 8),
        start=lambda n: np.arange(1, n + 1) / (n + 1.0),
        f_min={7: 0.0, 8: 0.00351687372567793},
        reference=f"{MGH}, problem 35",
    ),
)
