"""Functions of many variables, each coupled to few others: Andrei."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled

__all__ = ["FAMILIES"]

ANDREI = "N. Andrei, Adv. Model. Optim. 10 (2008) 147-161"


def raydan_1(x, out):
    """Raydan's first function."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += 0.1 * (i + 1) * (e - x[i])
        out[i] = 0.1 * (i + 1) * (e - 1.0)
    return f


def raydan_2(x, out):
    """Raydan's second function."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - x[i]
        out[i] = e - 1.0
    return f


def nondia(x, out):
    """Shanno's nondiagonal function."""
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


def tridia(x, out):
    """Shanno's tridiagonal quadratic."""
    d = x[0] - 1.0
    f = d * d
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = 2.0 * x[i] - x[i - 1]
        f += (i + 1) * r * r
        out[i] = 4.0 * (i + 1) * r
        out[i - 1] -= 2.0 * (i + 1) * r
    return f


def arwhead(x, out):
    """Arrow-head function."""
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


def bdqrtic(x, out):
    """Banded quartic function with a bordered Hessian."""
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


def engval1(x, out):
    """Tridiagonal quartic ENGVAL1."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        q = x[i] * x[i] + x[i + 1] * x[i + 1]
        f += q * q - 4.0 * x[i] + 3.0
        out[i] += 4.0 * q * x[i] - 4.0
        out[i + 1] = 4.0 * q * x[i + 1]
    return f


def dqdrtic(x, out):
    """Diagonal quadratic DQDRTIC."""
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


def liarwhd(x, out):
    """Simplified NONDIA, with an arrow-head Hessian."""
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


def edensch(x, out):
    """Extended Dennis and Schnabel function."""
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


def cosine(x, out):
    """Cosine function of the CUTE collection."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] * x[i] - 0.5 * x[i + 1]
        f += math.cos(a)
        out[i] -= 2.0 * x[i] * math.sin(a)
        out[i + 1] = 0.5 * math.sin(a)
    return f


FAMILIES = (
    Family(
        raydan_1,
        start=filled(1.0),
        f_min=lambda n: n * (n + 1) / 20.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Raydan 1",
    ),
    Family(
        raydan_2,
        start=filled(1.0),
        f_min=lambda n: n,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Raydan 2",
    ),
    Family(
        nondia,
        start=filled(-1.0),
        smallest=2,
        x_min=filled(1.0),
        reference=f"{ANDREI}, NONDIA",
    ),
    Family(
        tridia,
        start=filled(1.0),
        x_min=lambda n: 0.5 ** np.arange(n),
        reference=f"{ANDREI}, TRIDIA",
    ),
    Family(
        arwhead,
        start=filled(1.0),
        smallest=2,
        x_min=lambda n: np.append(np.ones(n - 1), 0.0),
        reference=f"{ANDREI}, ARWHEAD",
    ),
    Family(
        bdqrtic,
        start=filled(1.0),
        smallest=5,
        f_min={100: 378.7691918086844},
        reference=f"{ANDREI}, BDQRTIC",
    ),
    Family(
        engval1,
        start=filled(2.0),
        smallest=2,
        f_min={100: 109.08813614309229},
        reference=f"{ANDREI}, ENGVAL1",
    ),
    Family(
        dqdrtic,
        start=filled(3.0),
        smallest=3,
        x_min=filled(0.0),
        reference=f"{ANDREI}, DQDRTIC",
    ),
    Family(
        liarwhd,
        start=filled(4.0),
        x_min=filled(1.0),
        reference=f"{ANDREI}, LIARWHD",
    ),
    Family(
        edensch,
        start=filled(0.0),
        smallest=2,
        f_min={100: 603.2845920207645},
        reference=f"{ANDREI}, EDENSCH",
    ),
    Family(
        cosine,
        start=filled(1.0),
        smallest=2,
        f_min=lambda n: 1.0 - n,
        reference=f"{ANDREI}, COSINE",
    ),
)
