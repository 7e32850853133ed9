"""Functions of two variables repeated over many, and chains."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled, tiled

__all__ = ["FAMILIES"]

ANDREI = "N. Andrei, Adv. Model. Optim. 10 (2008) 147-161"
CUTE = "I. Bongartz et al., ACM Trans. Math. Softw. 21 (1995) 123-160"
DENNIS_SCHNABEL = (
    "J. E. Dennis and R. B. Schnabel, Numerical Methods for Unconstrained Optimization and "
    "Nonlinear Equations (1983); extended in " + ANDREI
)


def extended_beale(x, out):
    """Beale's function of consecutive pairs of variables."""
    f = 0.0
    for i in range(0, x.size, 2):
        y = x[i + 1]
        r = 1.5 - x[i] * (1.0 - y)
        s = 2.25 - x[i] * (1.0 - y * y)
        t = 2.625 - x[i] * (1.0 - y * y * y)
        f += r * r + s * s + t * t
        out[i] = -2.0 * (r * (1.0 - y) + s * (1.0 - y * y) + t * (1.0 - y * y * y))
        out[i + 1] = 2.0 * x[i] * (r + 2.0 * s * y + 3.0 * t * y * y)
    return f


def extended_white_holst(x, out):
    """Extended White and Holst function."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
        out[i] = -600.0 * u * x[i] * x[i] - 2.0 * v
        out[i + 1] = 200.0 * u
    return f


def extended_psc1(x, out):
    """Extended PSC1."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i]
        v = x[i + 1]
        q = u * u + v * v + u * v
        s = math.sin(u)
        c = math.cos(v)
        f += q * q + s * s + c * c
        out[i] = 2.0 * q * (2.0 * u + v) + 2.0 * s * math.cos(u)
        out[i + 1] = 2.0 * q * (2.0 * v + u) - 2.0 * c * math.sin(v)
    return f


def extended_hiebert(x, out):
    """Extended Hiebert function."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] - 10.0
        b = x[i] * x[i + 1] - 50000.0
        f += a * a + b * b
        out[i] = 2.0 * a + 2.0 * b * x[i + 1]
        out[i + 1] = 2.0 * b * x[i]
    return f


def sinquad(x, out):
    """Function SINQUAD."""
    n = x.size
    d = x[0] - 1.0
    q = x[n - 1] * x[n - 1] - x[0] * x[0]
    f = d * d * d * d + q * q
    first = 4.0 * d * d * d - 4.0 * q * x[0]
    last = 4.0 * q * x[n - 1]
    for i in range(1, n - 1):
        a = x[i] - x[n - 1]
        c = math.cos(a)
        r = math.sin(a) - x[0] * x[0] + x[i] * x[i]
        f += r * r
        first -= 4.0 * r * x[0]
        last -= 2.0 * r * c
        out[i] = 2.0 * r * (c + 2.0 * x[i])
    out[0] = first
    out[n - 1] = last
    return f


def extended_denschna(x, out):
    """Extended function DENSCHNA."""
    f = 0.0
    for i in range(0, x.size, 2):
        q = x[i] * x[i]
        s = x[i] + x[i + 1]
        e = math.exp(x[i + 1])
        f += q * q + s * s + (e - 1.0) * (e - 1.0)
        out[i] = 4.0 * q * x[i] + 2.0 * s
        out[i + 1] = 2.0 * s + 2.0 * (e - 1.0) * e
    return f


def extended_denschnb(x, out):
    """Extended function DENSCHNB."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] - 2.0
        b = x[i + 1]
        c = b + 1.0
        f += a * a + a * a * b * b + c * c
        out[i] = 2.0 * a + 2.0 * a * b * b
        out[i + 1] = 2.0 * a * a * b + 2.0 * c
    return f


def extended_denschnf(x, out):
    """Extended function DENSCHNF."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i]
        v = x[i + 1]
        a = 2.0 * (u + v) * (u + v) + (u - v) * (u - v) - 8.0
        b = 5.0 * u * u + (v - 3.0) * (v - 3.0) - 9.0
        f += a * a + b * b
        out[i] = 2.0 * a * (4.0 * (u + v) + 2.0 * (u - v)) + 20.0 * b * u
        out[i + 1] = 2.0 * a * (4.0 * (u + v) - 2.0 * (u - v)) + 4.0 * b * (v - 3.0)
    return f


def quartc(x, out):
    """Quartic function QUARTC of the CUTE collection."""
    f = 0.0
    for i in range(x.size):
        d = x[i] - (i + 1)
        f += d * d * d * d
        out[i] = 4.0 * d * d * d
    return f


def dixon3dq(x, out):
    """Dixon's tridiagonal quadratic."""
    n = x.size
    a = x[0] - 1.0
    b = x[n - 1] - 1.0
    f = a * a + b * b
    for i in range(n):
        out[i] = 0.0
    out[0] = 2.0 * a
    out[n - 1] += 2.0 * b
    for i in range(1, n - 1):
        d = x[i] - x[i + 1]
        f += d * d
        out[i] += 2.0 * d
        out[i + 1] -= 2.0 * d
    return f


def extended_bd1(x, out):
    """Extended block diagonal BD1."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] * x[i + 1] - 2.0
        e = math.exp(x[i] - 1.0)
        b = e - x[i + 1]
        f += a * a + b * b
        out[i] = 4.0 * a * x[i] + 2.0 * b * e
        out[i + 1] = 4.0 * a * x[i + 1] - 2.0 * b
    return f


def fletchcr(x, out):
    """Fletcher's chained function FLETCHCR."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        r = x[i + 1] - x[i] + 1.0 - x[i] * x[i]
        f += 100.0 * r * r
        out[i] -= 200.0 * r * (1.0 + 2.0 * x[i])
        out[i + 1] = 200.0 * r
    return f


def nonscomp(x, out):
    """Function NONSCOMP of the CUTE collection, without bounds."""
    d = x[0] - 1.0
    f = d * d
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = x[i] - x[i - 1] * x[i - 1]
        f += 4.0 * r * r
        out[i] = 8.0 * r
        out[i - 1] -= 16.0 * r * x[i - 1]
    return f


def staircase_1(x, out):
    """Staircase 1, the sum of squared partial sums."""
    n = x.size
    f = 0.0
    s = 0.0
    total = 0.0
    for i in range(n):
        s += x[i]
        f += s * s
        total += s
    before = 0.0
    for i in range(n):
        out[i] = 2.0 * total
        before += x[i]
        total -= before
    return f


FAMILIES = (
    Family(
        extended_beale,
        start=tiled(1.0, 0.8),
        multiple=2,
        x_min=tiled(3.0, 0.5),
        reference=f"{ANDREI}, Extended Beale",
    ),
    Family(
        extended_white_holst,
        start=tiled(-1.2, 1.0),
        multiple=2,
        x_min=filled(1.0),
        reference=f"{ANDREI}, Extended White and Holst",
    ),
    Family(
        extended_psc1,
        start=tiled(3.0, 0.1),
        multiple=2,
        f_min=lambda n: 0.7731990564929239 * (n // 2),
        reference=f"{ANDREI}, Extended PSC1",
    ),
    Family(
        extended_hiebert,
        start=filled(0.0),
        multiple=2,
        x_min=tiled(10.0, 5000.0),
        reference=f"{ANDREI}, Extended Hiebert",
    ),
    Family(
        sinquad,
        start=filled(0.1),
        smallest=3,
        x_min=filled(1.0),
        reference=f"{ANDREI}, SINQUAD",
    ),
    Family(
        extended_denschna,
        start=filled(8.0),
        multiple=2,
        x_min=filled(0.0),
        reference=f"{DENNIS_SCHNABEL}, DENSCHNA",
    ),
    Family(
        extended_denschnb,
        start=filled(1.0),
        multiple=2,
        x_min=tiled(2.0, -1.0),
        reference=f"{DENNIS_SCHNABEL}, DENSCHNB",
    ),
    Family(
        extended_denschnf,
        start=tiled(2.0, 0.0),
        multiple=2,
        x_min=filled(1.0),
        reference=f"{DENNIS_SCHNABEL}, DENSCHNF",
    ),
    Family(
        quartc,
        start=filled(2.0),
        x_min=lambda n: np.arange(1, n + 1),
        reference=f"{CUTE}, QUARTC",
    ),
    Family(
        dixon3dq,
        start=filled(-1.0),
        smallest=3,
        x_min=filled(1.0),
        reference=f"{CUTE}, DIXON3DQ",
    ),
    Family(
        extended_bd1,
        start=filled(0.1),
        multiple=2,
        x_min=filled(1.0),
        reference=f"{ANDREI}, Extended Block-Diagonal BD1",
    ),
    Family(
        fletchcr,
        start=filled(0.0),
        smallest=2,
        x_min=filled(1.0),
        reference=f"{ANDREI}, FLETCHCR",
    ),
    Family(
        nonscomp,
        start=filled(3.0),
        x_min=filled(1.0),
        reference=f"{ANDREI}, NONSCOMP",
    ),
    Family(
        staircase_1,
        start=filled(1.0),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Staircase 1",
    ),
)
