"""Diagonal, tridiagonal and quadratic functions, and sums of exponentials."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled, tiled

__all__ = ["FAMILIES"]

ANDREI = "N. Andrei, Adv. Model. Optim. 10 (2008) 147-161"


def diagonal_1(x, out):
    """Diagonal 1."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - (i + 1) * x[i]
        out[i] = e - (i + 1)
    return f


def diagonal_2(x, out):
    """Diagonal 2."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - x[i] / (i + 1)
        out[i] = e - 1.0 / (i + 1)
    return f


def diagonal_4(x, out):
    """Diagonal 4."""
    f = 0.0
    for i in range(0, x.size, 2):
        f += 0.5 * x[i] * x[i] + 50.0 * x[i + 1] * x[i + 1]
        out[i] = x[i]
        out[i + 1] = 100.0 * x[i + 1]
    return f


def diagonal_5(x, out):
    """Diagonal 5, the sum of log(2 cosh x)."""
    f = 0.0
    for i in range(x.size):
        a = abs(x[i])
        f += a + math.log1p(math.exp(-2.0 * a))
        out[i] = math.tanh(x[i])
    return f


def diagonal_6(x, out):
    """Diagonal 6."""
    f = 0.0
    for i in range(x.size):
        e = math.expm1(x[i])
        f += e - x[i]
        out[i] = e
    return f


def diagonal_9(x, out):
    """Diagonal 9."""
    n = x.size
    f = 10000.0 * x[n - 1] * x[n - 1]
    out[n - 1] = 20000.0 * x[n - 1]
    for i in range(n - 1):
        e = math.exp(x[i])
        f += e - (i + 1) * x[i]
        out[i] = e - (i + 1)
    return f


def hager(x, out):
    """Hager's function."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        root = math.sqrt(i + 1.0)
        f += e - root * x[i]
        out[i] = e - root
    return f


def generalized_tridiagonal_1(x, out):
    """Generalized tridiagonal 1."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        f += a * a + b * b * b * b
        out[i] += 2.0 * a + 4.0 * b * b * b
        out[i + 1] = 2.0 * a - 4.0 * b * b * b
    return f


def extended_tridiagonal_1(x, out):
    """Extended tridiagonal 1."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        f += a * a + b * b * b * b
        out[i] = 2.0 * a + 4.0 * b * b * b
        out[i + 1] = 2.0 * a - 4.0 * b * b * b
    return f


def extended_tet(x, out):
    """Extended three exponential terms."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = math.exp(x[i] + 3.0 * x[i + 1] - 0.1)
        b = math.exp(x[i] - 3.0 * x[i + 1] - 0.1)
        c = math.exp(-x[i] - 0.1)
        f += a + b + c
        out[i] = a + b - c
        out[i + 1] = 3.0 * (a - b)
    return f


def extended_maratos(x, out):
    """Extended Maratos function."""
    f = 0.0
    for i in range(0, x.size, 2):
        r = x[i] * x[i] + x[i + 1] * x[i + 1] - 1.0
        f += x[i] + 100.0 * r * r
        out[i] = 1.0 + 400.0 * r * x[i]
        out[i + 1] = 400.0 * r * x[i + 1]
    return f


def extended_cliff(x, out):
    """Extended cliff."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = 0.01 * (x[i] - 3.0)
        d = x[i] - x[i + 1]
        e = math.exp(20.0 * d)
        f += a * a - d + e
        out[i] = 0.02 * a - 1.0 + 20.0 * e
        out[i + 1] = 1.0 - 20.0 * e
    return f


def quadratic_qf1(x, out):
    """Quadratic QF1."""
    n = x.size
    f = -x[n - 1]
    for i in range(n):
        f += 0.5 * (i + 1) * x[i] * x[i]
        out[i] = (i + 1) * x[i]
    out[n - 1] -= 1.0
    return f


def quadratic_qf2(x, out):
    """Quadratic QF2."""
    n = x.size
    f = -x[n - 1]
    for i in range(n):
        q = x[i] * x[i] - 1.0
        f += 0.5 * (i + 1) * q * q
        out[i] = 2.0 * (i + 1) * q * x[i]
    out[n - 1] -= 1.0
    return f


def extended_qp1(x, out):
    """Extended quadratic penalty QP1."""
    n = x.size
    f = 0.0
    s = -0.5
    for i in range(n):
        s += x[i] * x[i]
    for i in range(n):
        out[i] = 4.0 * s * x[i]
        if i < n - 1:
            q = x[i] * x[i] - 2.0
            f += q * q
            out[i] += 4.0 * q * x[i]
    f += s * s
    return f


def perturbed_quadratic(x, out):
    """Perturbed quadratic."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        f += (i + 1) * x[i] * x[i]
        s += x[i]
    f += 0.01 * s * s
    for i in range(x.size):
        out[i] = 2.0 * (i + 1) * x[i] + 0.02 * s
    return f


def almost_perturbed_quadratic(x, out):
    """Almost perturbed quadratic."""
    n = x.size
    s = x[0] + x[n - 1]
    f = 0.01 * s * s
    for i in range(n):
        f += (i + 1) * x[i] * x[i]
        out[i] = 2.0 * (i + 1) * x[i]
    out[0] += 0.02 * s
    out[n - 1] += 0.02 * s
    return f


def partial_perturbed_quadratic(x, out):
    """Partial perturbed quadratic."""
    n = x.size
    f = x[0] * x[0]
    s = 0.0
    total = 0.0
    for i in range(n):
        s += x[i]
        f += (i + 1) * x[i] * x[i] + 0.01 * s * s
        total += s
    before = 0.0
    for i in range(n):
        out[i] = 2.0 * (i + 1) * x[i] + 0.02 * total
        before += x[i]
        total -= before
    out[0] += 2.0 * x[0]
    return f


def tridiagonal_perturbed_quadratic(x, out):
    """Tridiagonal perturbed quadratic."""
    n = x.size
    f = x[0] * x[0]
    for i in range(n):
        out[i] = 0.0
    out[0] = 2.0 * x[0]
    for i in range(1, n - 1):
        s = x[i - 1] + x[i] + x[i + 1]
        f += (i + 1) * x[i] * x[i] + s * s
        out[i - 1] += 2.0 * s
        out[i] += 2.0 * (i + 1) * x[i] + 2.0 * s
        out[i + 1] += 2.0 * s
    return f


def power(x, out):
    """Power function."""
    f = 0.0
    for i in range(x.size):
        k = (i + 1.0) * (i + 1.0)
        f += k * x[i] * x[i]
        out[i] = 2.0 * k * x[i]
    return f


FAMILIES = (
    Family(
        diagonal_1,
        start=lambda n: np.full(n, 1.0 / n),
        f_min=lambda n: sum(i - i * math.log(i) for i in range(1, n + 1)),
        x_min=lambda n: np.log(np.arange(1, n + 1)),
        reference=f"{ANDREI}, Diagonal 1",
    ),
    Family(
        diagonal_2,
        start=lambda n: 1.0 / np.arange(1, n + 1),
        f_min=lambda n: sum((1.0 + math.log(i)) / i for i in range(1, n + 1)),
        x_min=lambda n: -np.log(np.arange(1, n + 1)),
        reference=f"{ANDREI}, Diagonal 2",
    ),
    Family(
        diagonal_4,
        start=filled(1.0),
        multiple=2,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Diagonal 4",
    ),
    Family(
        diagonal_5,
        start=filled(1.1),
        f_min=lambda n: n * math.log(2.0),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Diagonal 5",
    ),
    Family(
        diagonal_6,
        start=filled(1.0),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Diagonal 6",
    ),
    Family(
        diagonal_9,
        start=filled(1.0),
        f_min=lambda n: sum(i - i * math.log(i) for i in range(1, n)),
        x_min=lambda n: np.append(np.log(np.arange(1, n)), 0.0),
        reference=f"{ANDREI}, Diagonal 9",
    ),
    Family(
        hager,
        start=filled(1.0),
        f_min=lambda n: sum(math.sqrt(i) * (1.0 - 0.5 * math.log(i)) for i in range(1, n + 1)),
        x_min=lambda n: 0.5 * np.log(np.arange(1, n + 1)),
        reference=f"{ANDREI}, Hager",
    ),
    Family(
        generalized_tridiagonal_1,
        start=filled(2.0),
        smallest=2,
        f_min={100: 97.21030748599094},
        reference=f"{ANDREI}, Generalized Tridiagonal 1",
    ),
    Family(
        extended_tridiagonal_1,
        start=filled(2.0),
        multiple=2,
        x_min=tiled(1.0, 2.0),
        reference=f"{ANDREI}, Extended Tridiagonal 1",
    ),
    Family(
        extended_tet,
        start=filled(0.1),
        multiple=2,
        f_min=lambda n: n * math.sqrt(2.0) * math.exp(-0.1),
        x_min=tiled(-0.5 * math.log(2.0), 0.0),
        reference=f"{ANDREI}, Extended Three Expo Terms",
    ),
    Family(
        extended_maratos,
        start=tiled(1.1, 0.1),
        multiple=2,
        f_min=lambda n: -1.0006242206967406 * (n // 2),
        x_min=tiled(-1.0012476640306023, 0.0),
        reference=f"{ANDREI}, Extended Maratos",
    ),
    Family(
        extended_cliff,
        start=tiled(0.0, -1.0),
        multiple=2,
        f_min=lambda n: 0.025 * n * (1.0 + math.log(20.0)),
        x_min=tiled(3.0, 3.0 + 0.05 * math.log(20.0)),
        reference=f"{ANDREI}, Extended Cliff",
    ),
    Family(
        quadratic_qf1,
        start=filled(1.0),
        f_min=lambda n: -0.5 / n,
        x_min=lambda n: np.append(np.zeros(n - 1), 1.0 / n),
        reference=f"{ANDREI}, Quadratic QF1",
    ),
    Family(
        quadratic_qf2,
        start=filled(0.5),
        f_min={100: -1.0012468905232357},
        f_local={100: (0.9987468592716731,)},
        reference=f"{ANDREI}, Quadratic QF2",
    ),
    Family(
        extended_qp1,
        start=filled(1.0),
        smallest=2,
        f_min=lambda n: (n - 1) * (2.5 / n - 2.0) ** 2 + (2.0 - 2.5 / n) ** 2,
        x_min=lambda n: np.append(np.full(n - 1, math.sqrt(2.5 / n)), 0.0),
        reference=f"{ANDREI}, Extended Quadratic Penalty QP1",
    ),
    Family(
        perturbed_quadratic,
        start=filled(0.5),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Perturbed Quadratic",
    ),
    Family(
        almost_perturbed_quadratic,
        start=filled(0.5),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Almost Perturbed Quadratic",
    ),
    Family(
        partial_perturbed_quadratic,
        start=filled(0.5),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Partial Perturbed Quadratic",
    ),
    Family(
        tridiagonal_perturbed_quadratic,
        start=filled(0.5),
        smallest=3,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Tridiagonal Perturbed Quadratic",
    ),
    Family(
        power,
        start=filled(1.0),
        x_min=filled(0.0),
        reference=f"{ANDREI}, POWER",
    ),
)
