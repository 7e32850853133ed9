"""Test functions kept apart from those on which solver constants are chosen."""

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


def diagonal_1(x):
    """Diagonal 1."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - (i + 1) * x[i]
    return f


def diagonal_1_grad(x, out):
    """Write the gradient of `diagonal_1` to `out`."""
    for i in range(x.size):
        e = math.exp(x[i])
        out[i] = e - (i + 1)


def diagonal_1_fun_and_grad(x, out):
    """Return `diagonal_1` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - (i + 1) * x[i]
        out[i] = e - (i + 1)
    return f


def diagonal_2(x):
    """Diagonal 2."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - x[i] / (i + 1)
    return f


def diagonal_2_grad(x, out):
    """Write the gradient of `diagonal_2` to `out`."""
    for i in range(x.size):
        e = math.exp(x[i])
        out[i] = e - 1.0 / (i + 1)


def diagonal_2_fun_and_grad(x, out):
    """Return `diagonal_2` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        f += e - x[i] / (i + 1)
        out[i] = e - 1.0 / (i + 1)
    return f


def diagonal_4(x):
    """Diagonal 4."""
    f = 0.0
    for i in range(0, x.size, 2):
        f += 0.5 * x[i] * x[i] + 50.0 * x[i + 1] * x[i + 1]
    return f


def diagonal_4_grad(x, out):
    """Write the gradient of `diagonal_4` to `out`."""
    for i in range(0, x.size, 2):
        out[i] = x[i]
        out[i + 1] = 100.0 * x[i + 1]


def diagonal_4_fun_and_grad(x, out):
    """Return `diagonal_4` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        f += 0.5 * x[i] * x[i] + 50.0 * x[i + 1] * x[i + 1]
        out[i] = x[i]
        out[i + 1] = 100.0 * x[i + 1]
    return f


def diagonal_5(x):
    """Diagonal 5, the sum of log(2 cosh x)."""
    f = 0.0
    for i in range(x.size):
        a = abs(x[i])
        f += a + math.log1p(math.exp(-2.0 * a))
    return f


def diagonal_5_grad(x, out):
    """Write the gradient of `diagonal_5` to `out`."""
    for i in range(x.size):
        out[i] = math.tanh(x[i])


def diagonal_5_fun_and_grad(x, out):
    """Return `diagonal_5` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        a = abs(x[i])
        f += a + math.log1p(math.exp(-2.0 * a))
        out[i] = math.tanh(x[i])
    return f


def diagonal_6(x):
    """Diagonal 6."""
    f = 0.0
    for i in range(x.size):
        e = math.expm1(x[i])
        f += e - x[i]
    return f


def diagonal_6_grad(x, out):
    """Write the gradient of `diagonal_6` to `out`."""
    for i in range(x.size):
        e = math.expm1(x[i])
        out[i] = e


def diagonal_6_fun_and_grad(x, out):
    """Return `diagonal_6` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        e = math.expm1(x[i])
        f += e - x[i]
        out[i] = e
    return f


def diagonal_9(x):
    """Diagonal 9."""
    n = x.size
    f = 10000.0 * x[n - 1] * x[n - 1]
    for i in range(n - 1):
        e = math.exp(x[i])
        f += e - (i + 1) * x[i]
    return f


def diagonal_9_grad(x, out):
    """Write the gradient of `diagonal_9` to `out`."""
    n = x.size
    out[n - 1] = 20000.0 * x[n - 1]
    for i in range(n - 1):
        e = math.exp(x[i])
        out[i] = e - (i + 1)


def diagonal_9_fun_and_grad(x, out):
    """Return `diagonal_9` and write its gradient to `out`."""
    n = x.size
    f = 10000.0 * x[n - 1] * x[n - 1]
    out[n - 1] = 20000.0 * x[n - 1]
    for i in range(n - 1):
        e = math.exp(x[i])
        f += e - (i + 1) * x[i]
        out[i] = e - (i + 1)
    return f


def hager(x):
    """Hager's function."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        root = math.sqrt(i + 1.0)
        f += e - root * x[i]
    return f


def hager_grad(x, out):
    """Write the gradient of `hager` to `out`."""
    for i in range(x.size):
        e = math.exp(x[i])
        root = math.sqrt(i + 1.0)
        out[i] = e - root


def hager_fun_and_grad(x, out):
    """Return `hager` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        e = math.exp(x[i])
        root = math.sqrt(i + 1.0)
        f += e - root * x[i]
        out[i] = e - root
    return f


def generalized_tridiagonal_1(x):
    """Generalized tridiagonal 1."""
    f = 0.0
    for i in range(x.size - 1):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        f += a * a + b * b * b * b
    return f


def generalized_tridiagonal_1_grad(x, out):
    """Write the gradient of `generalized_tridiagonal_1` to `out`."""
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        out[i] += 2.0 * a + 4.0 * b * b * b
        out[i + 1] = 2.0 * a - 4.0 * b * b * b


def generalized_tridiagonal_1_fun_and_grad(x, out):
    """Return `generalized_tridiagonal_1` and write its gradient to `out`."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        f += a * a + b * b * b * b
        out[i] += 2.0 * a + 4.0 * b * b * b
        out[i + 1] = 2.0 * a - 4.0 * b * b * b
    return f


def extended_tridiagonal_1(x):
    """Extended tridiagonal 1."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        f += a * a + b * b * b * b
    return f


def extended_tridiagonal_1_grad(x, out):
    """Write the gradient of `extended_tridiagonal_1` to `out`."""
    for i in range(0, x.size, 2):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        out[i] = 2.0 * a + 4.0 * b * b * b
        out[i + 1] = 2.0 * a - 4.0 * b * b * b


def extended_tridiagonal_1_fun_and_grad(x, out):
    """Return `extended_tridiagonal_1` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] + x[i + 1] - 3.0
        b = x[i] - x[i + 1] + 1.0
        f += a * a + b * b * b * b
        out[i] = 2.0 * a + 4.0 * b * b * b
        out[i + 1] = 2.0 * a - 4.0 * b * b * b
    return f


def extended_tet(x):
    """Extended three exponential terms."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = math.exp(x[i] + 3.0 * x[i + 1] - 0.1)
        b = math.exp(x[i] - 3.0 * x[i + 1] - 0.1)
        c = math.exp(-x[i] - 0.1)
        f += a + b + c
    return f


def extended_tet_grad(x, out):
    """Write the gradient of `extended_tet` to `out`."""
    for i in range(0, x.size, 2):
        a = math.exp(x[i] + 3.0 * x[i + 1] - 0.1)
        b = math.exp(x[i] - 3.0 * x[i + 1] - 0.1)
        c = math.exp(-x[i] - 0.1)
        out[i] = a + b - c
        out[i + 1] = 3.0 * (a - b)


def extended_tet_fun_and_grad(x, out):
    """Return `extended_tet` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = math.exp(x[i] + 3.0 * x[i + 1] - 0.1)
        b = math.exp(x[i] - 3.0 * x[i + 1] - 0.1)
        c = math.exp(-x[i] - 0.1)
        f += a + b + c
        out[i] = a + b - c
        out[i + 1] = 3.0 * (a - b)
    return f


def extended_maratos(x):
    """Extended Maratos function."""
    f = 0.0
    for i in range(0, x.size, 2):
        r = x[i] * x[i] + x[i + 1] * x[i + 1] - 1.0
        f += x[i] + 100.0 * r * r
    return f


def extended_maratos_grad(x, out):
    """Write the gradient of `extended_maratos` to `out`."""
    for i in range(0, x.size, 2):
        r = x[i] * x[i] + x[i + 1] * x[i + 1] - 1.0
        out[i] = 1.0 + 400.0 * r * x[i]
        out[i + 1] = 400.0 * r * x[i + 1]


def extended_maratos_fun_and_grad(x, out):
    """Return `extended_maratos` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        r = x[i] * x[i] + x[i + 1] * x[i + 1] - 1.0
        f += x[i] + 100.0 * r * r
        out[i] = 1.0 + 400.0 * r * x[i]
        out[i + 1] = 400.0 * r * x[i + 1]
    return f


def extended_cliff(x):
    """Extended cliff."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = 0.01 * (x[i] - 3.0)
        d = x[i] - x[i + 1]
        e = math.exp(20.0 * d)
        f += a * a - d + e
    return f


def extended_cliff_grad(x, out):
    """Write the gradient of `extended_cliff` to `out`."""
    for i in range(0, x.size, 2):
        a = 0.01 * (x[i] - 3.0)
        d = x[i] - x[i + 1]
        e = math.exp(20.0 * d)
        out[i] = 0.02 * a - 1.0 + 20.0 * e
        out[i + 1] = 1.0 - 20.0 * e


def extended_cliff_fun_and_grad(x, out):
    """Return `extended_cliff` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = 0.01 * (x[i] - 3.0)
        d = x[i] - x[i + 1]
        e = math.exp(20.0 * d)
        f += a * a - d + e
        out[i] = 0.02 * a - 1.0 + 20.0 * e
        out[i + 1] = 1.0 - 20.0 * e
    return f


def quadratic_qf1(x):
    """Quadratic QF1."""
    n = x.size
    f = -x[n - 1]
    for i in range(n):
        f += 0.5 * (i + 1) * x[i] * x[i]
    return f


def quadratic_qf1_grad(x, out):
    """Write the gradient of `quadratic_qf1` to `out`."""
    n = x.size
    for i in range(n):
        out[i] = (i + 1) * x[i]
    out[n - 1] -= 1.0


def quadratic_qf1_fun_and_grad(x, out):
    """Return `quadratic_qf1` and write its gradient to `out`."""
    n = x.size
    f = -x[n - 1]
    for i in range(n):
        f += 0.5 * (i + 1) * x[i] * x[i]
        out[i] = (i + 1) * x[i]
    out[n - 1] -= 1.0
    return f


def quadratic_qf2(x):
    """Quadratic QF2."""
    n = x.size
    f = -x[n - 1]
    for i in range(n):
        q = x[i] * x[i] - 1.0
        f += 0.5 * (i + 1) * q * q
    return f


def quadratic_qf2_grad(x, out):
    """Write the gradient of `quadratic_qf2` to `out`."""
    n = x.size
    for i in range(n):
        q = x[i] * x[i] - 1.0
        out[i] = 2.0 * (i + 1) * q * x[i]
    out[n - 1] -= 1.0


def quadratic_qf2_fun_and_grad(x, out):
    """Return `quadratic_qf2` and write its gradient to `out`."""
    n = x.size
    f = -x[n - 1]
    for i in range(n):
        q = x[i] * x[i] - 1.0
        f += 0.5 * (i + 1) * q * q
        out[i] = 2.0 * (i + 1) * q * x[i]
    out[n - 1] -= 1.0
    return f


def extended_qp1(x):
    """Extended quadratic penalty QP1."""
    n = x.size
    f = 0.0
    s = -0.5
    for i in range(n):
        s += x[i] * x[i]
    for i in range(n):
        if i < n - 1:
            q = x[i] * x[i] - 2.0
            f += q * q
    f += s * s
    return f


def extended_qp1_grad(x, out):
    """Write the gradient of `extended_qp1` to `out`."""
    n = x.size
    s = -0.5
    for i in range(n):
        s += x[i] * x[i]
    for i in range(n):
        out[i] = 4.0 * s * x[i]
        if i < n - 1:
            q = x[i] * x[i] - 2.0
            out[i] += 4.0 * q * x[i]


def extended_qp1_fun_and_grad(x, out):
    """Return `extended_qp1` and write its gradient to `out`."""
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


def perturbed_quadratic(x):
    """Perturbed quadratic."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        f += (i + 1) * x[i] * x[i]
        s += x[i]
    f += 0.01 * s * s
    return f


def perturbed_quadratic_grad(x, out):
    """Write the gradient of `perturbed_quadratic` to `out`."""
    s = 0.0
    for i in range(x.size):
        s += x[i]
    for i in range(x.size):
        out[i] = 2.0 * (i + 1) * x[i] + 0.02 * s


def perturbed_quadratic_fun_and_grad(x, out):
    """Return `perturbed_quadratic` and write its gradient to `out`."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        f += (i + 1) * x[i] * x[i]
        s += x[i]
    f += 0.01 * s * s
    for i in range(x.size):
        out[i] = 2.0 * (i + 1) * x[i] + 0.02 * s
    return f


def almost_perturbed_quadratic(x):
    """Almost perturbed quadratic."""
    n = x.size
    s = x[0] + x[n - 1]
    f = 0.01 * s * s
    for i in range(n):
        f += (i + 1) * x[i] * x[i]
    return f


def almost_perturbed_quadratic_grad(x, out):
    """Write the gradient of `almost_perturbed_quadratic` to `out`."""
    n = x.size
    s = x[0] + x[n - 1]
    for i in range(n):
        out[i] = 2.0 * (i + 1) * x[i]
    out[0] += 0.02 * s
    out[n - 1] += 0.02 * s


def almost_perturbed_quadratic_fun_and_grad(x, out):
    """Return `almost_perturbed_quadratic` and write its gradient to `out`."""
    n = x.size
    s = x[0] + x[n - 1]
    f = 0.01 * s * s
    for i in range(n):
        f += (i + 1) * x[i] * x[i]
        out[i] = 2.0 * (i + 1) * x[i]
    out[0] += 0.02 * s
    out[n - 1] += 0.02 * s
    return f


def partial_perturbed_quadratic(x):
    """Partial perturbed quadratic."""
    n = x.size
    f = x[0] * x[0]
    s = 0.0
    for i in range(n):
        s += x[i]
        f += (i + 1) * x[i] * x[i] + 0.01 * s * s
    return f


def partial_perturbed_quadratic_grad(x, out):
    """Write the gradient of `partial_perturbed_quadratic` to `out`."""
    n = x.size
    s = 0.0
    total = 0.0
    for i in range(n):
        s += x[i]
        total += s
    before = 0.0
    for i in range(n):
        out[i] = 2.0 * (i + 1) * x[i] + 0.02 * total
        before += x[i]
        total -= before
    out[0] += 2.0 * x[0]


def partial_perturbed_quadratic_fun_and_grad(x, out):
    """Return `partial_perturbed_quadratic` and write its gradient to `out`."""
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


def tridiagonal_perturbed_quadratic(x):
    """Tridiagonal perturbed quadratic."""
    n = x.size
    f = x[0] * x[0]
    for i in range(1, n - 1):
        s = x[i - 1] + x[i] + x[i + 1]
        f += (i + 1) * x[i] * x[i] + s * s
    return f


def tridiagonal_perturbed_quadratic_grad(x, out):
    """Write the gradient of `tridiagonal_perturbed_quadratic` to `out`."""
    n = x.size
    for i in range(n):
        out[i] = 0.0
    out[0] = 2.0 * x[0]
    for i in range(1, n - 1):
        s = x[i - 1] + x[i] + x[i + 1]
        out[i - 1] += 2.0 * s
        out[i] += 2.0 * (i + 1) * x[i] + 2.0 * s
        out[i + 1] += 2.0 * s


def tridiagonal_perturbed_quadratic_fun_and_grad(x, out):
    """Return `tridiagonal_perturbed_quadratic` and write its gradient to `out`."""
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


def power(x):
    """Power function."""
    f = 0.0
    for i in range(x.size):
        k = (i + 1.0) * (i + 1.0)
        f += k * x[i] * x[i]
    return f


def power_grad(x, out):
    """Write the gradient of `power` to `out`."""
    for i in range(x.size):
        k = (i + 1.0) * (i + 1.0)
        out[i] = 2.0 * k * x[i]


def power_fun_and_grad(x, out):
    """Return `power` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        k = (i + 1.0) * (i + 1.0)
        f += k * x[i] * x[i]
        out[i] = 2.0 * k * x[i]
    return f


def extended_beale(x):
    """Beale's function of consecutive pairs of variables."""
    f = 0.0
    for i in range(0, x.size, 2):
        y = x[i + 1]
        r = 1.5 - x[i] * (1.0 - y)
        s = 2.25 - x[i] * (1.0 - y * y)
        t = 2.625 - x[i] * (1.0 - y * y * y)
        f += r * r + s * s + t * t
    return f


def extended_beale_grad(x, out):
    """Write the gradient of `extended_beale` to `out`."""
    for i in range(0, x.size, 2):
        y = x[i + 1]
        r = 1.5 - x[i] * (1.0 - y)
        s = 2.25 - x[i] * (1.0 - y * y)
        t = 2.625 - x[i] * (1.0 - y * y * y)
        out[i] = -2.0 * (r * (1.0 - y) + s * (1.0 - y * y) + t * (1.0 - y * y * y))
        out[i + 1] = 2.0 * x[i] * (r + 2.0 * s * y + 3.0 * t * y * y)


def extended_beale_fun_and_grad(x, out):
    """Return `extended_beale` and write its gradient to `out`."""
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


def extended_white_holst(x):
    """Extended White and Holst function."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
    return f


def extended_white_holst_grad(x, out):
    """Write the gradient of `extended_white_holst` to `out`."""
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i] * x[i]
        v = 1.0 - x[i]
        out[i] = -600.0 * u * x[i] * x[i] - 2.0 * v
        out[i + 1] = 200.0 * u


def extended_white_holst_fun_and_grad(x, out):
    """Return `extended_white_holst` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
        out[i] = -600.0 * u * x[i] * x[i] - 2.0 * v
        out[i + 1] = 200.0 * u
    return f


def extended_psc1(x):
    """Extended PSC1."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i]
        v = x[i + 1]
        q = u * u + v * v + u * v
        s = math.sin(u)
        c = math.cos(v)
        f += q * q + s * s + c * c
    return f


def extended_psc1_grad(x, out):
    """Write the gradient of `extended_psc1` to `out`."""
    for i in range(0, x.size, 2):
        u = x[i]
        v = x[i + 1]
        q = u * u + v * v + u * v
        s = math.sin(u)
        c = math.cos(v)
        out[i] = 2.0 * q * (2.0 * u + v) + 2.0 * s * math.cos(u)
        out[i + 1] = 2.0 * q * (2.0 * v + u) - 2.0 * c * math.sin(v)


def extended_psc1_fun_and_grad(x, out):
    """Return `extended_psc1` and write its gradient to `out`."""
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


def extended_hiebert(x):
    """Extended Hiebert function."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] - 10.0
        b = x[i] * x[i + 1] - 50000.0
        f += a * a + b * b
    return f


def extended_hiebert_grad(x, out):
    """Write the gradient of `extended_hiebert` to `out`."""
    for i in range(0, x.size, 2):
        a = x[i] - 10.0
        b = x[i] * x[i + 1] - 50000.0
        out[i] = 2.0 * a + 2.0 * b * x[i + 1]
        out[i + 1] = 2.0 * b * x[i]


def extended_hiebert_fun_and_grad(x, out):
    """Return `extended_hiebert` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] - 10.0
        b = x[i] * x[i + 1] - 50000.0
        f += a * a + b * b
        out[i] = 2.0 * a + 2.0 * b * x[i + 1]
        out[i + 1] = 2.0 * b * x[i]
    return f


def sinquad(x):
    """Function SINQUAD."""
    n = x.size
    d = x[0] - 1.0
    q = x[n - 1] * x[n - 1] - x[0] * x[0]
    f = d * d * d * d + q * q
    for i in range(1, n - 1):
        a = x[i] - x[n - 1]
        r = math.sin(a) - x[0] * x[0] + x[i] * x[i]
        f += r * r
    return f


def sinquad_grad(x, out):
    """Write the gradient of `sinquad` to `out`."""
    n = x.size
    d = x[0] - 1.0
    q = x[n - 1] * x[n - 1] - x[0] * x[0]
    first = 4.0 * d * d * d - 4.0 * q * x[0]
    last = 4.0 * q * x[n - 1]
    for i in range(1, n - 1):
        a = x[i] - x[n - 1]
        c = math.cos(a)
        r = math.sin(a) - x[0] * x[0] + x[i] * x[i]
        first -= 4.0 * r * x[0]
        last -= 2.0 * r * c
        out[i] = 2.0 * r * (c + 2.0 * x[i])
    out[0] = first
    out[n - 1] = last


def sinquad_fun_and_grad(x, out):
    """Return `sinquad` and write its gradient to `out`."""
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


def extended_denschna(x):
    """Extended function DENSCHNA."""
    f = 0.0
    for i in range(0, x.size, 2):
        q = x[i] * x[i]
        s = x[i] + x[i + 1]
        e = math.exp(x[i + 1])
        f += q * q + s * s + (e - 1.0) * (e - 1.0)
    return f


def extended_denschna_grad(x, out):
    """Write the gradient of `extended_denschna` to `out`."""
    for i in range(0, x.size, 2):
        q = x[i] * x[i]
        s = x[i] + x[i + 1]
        e = math.exp(x[i + 1])
        out[i] = 4.0 * q * x[i] + 2.0 * s
        out[i + 1] = 2.0 * s + 2.0 * (e - 1.0) * e


def extended_denschna_fun_and_grad(x, out):
    """Return `extended_denschna` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        q = x[i] * x[i]
        s = x[i] + x[i + 1]
        e = math.exp(x[i + 1])
        f += q * q + s * s + (e - 1.0) * (e - 1.0)
        out[i] = 4.0 * q * x[i] + 2.0 * s
        out[i + 1] = 2.0 * s + 2.0 * (e - 1.0) * e
    return f


def extended_denschnb(x):
    """Extended function DENSCHNB."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] - 2.0
        b = x[i + 1]
        c = b + 1.0
        f += a * a + a * a * b * b + c * c
    return f


def extended_denschnb_grad(x, out):
    """Write the gradient of `extended_denschnb` to `out`."""
    for i in range(0, x.size, 2):
        a = x[i] - 2.0
        b = x[i + 1]
        c = b + 1.0
        out[i] = 2.0 * a + 2.0 * a * b * b
        out[i + 1] = 2.0 * a * a * b + 2.0 * c


def extended_denschnb_fun_and_grad(x, out):
    """Return `extended_denschnb` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] - 2.0
        b = x[i + 1]
        c = b + 1.0
        f += a * a + a * a * b * b + c * c
        out[i] = 2.0 * a + 2.0 * a * b * b
        out[i + 1] = 2.0 * a * a * b + 2.0 * c
    return f


def extended_denschnf(x):
    """Extended function DENSCHNF."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i]
        v = x[i + 1]
        a = 2.0 * (u + v) * (u + v) + (u - v) * (u - v) - 8.0
        b = 5.0 * u * u + (v - 3.0) * (v - 3.0) - 9.0
        f += a * a + b * b
    return f


def extended_denschnf_grad(x, out):
    """Write the gradient of `extended_denschnf` to `out`."""
    for i in range(0, x.size, 2):
        u = x[i]
        v = x[i + 1]
        a = 2.0 * (u + v) * (u + v) + (u - v) * (u - v) - 8.0
        b = 5.0 * u * u + (v - 3.0) * (v - 3.0) - 9.0
        out[i] = 2.0 * a * (4.0 * (u + v) + 2.0 * (u - v)) + 20.0 * b * u
        out[i + 1] = 2.0 * a * (4.0 * (u + v) - 2.0 * (u - v)) + 4.0 * b * (v - 3.0)


def extended_denschnf_fun_and_grad(x, out):
    """Return `extended_denschnf` and write its gradient to `out`."""
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


def quartc(x):
    """Quartic function QUARTC of the CUTE collection."""
    f = 0.0
    for i in range(x.size):
        d = x[i] - (i + 1)
        f += d * d * d * d
    return f


def quartc_grad(x, out):
    """Write the gradient of `quartc` to `out`."""
    for i in range(x.size):
        d = x[i] - (i + 1)
        out[i] = 4.0 * d * d * d


def quartc_fun_and_grad(x, out):
    """Return `quartc` and write its gradient to `out`."""
    f = 0.0
    for i in range(x.size):
        d = x[i] - (i + 1)
        f += d * d * d * d
        out[i] = 4.0 * d * d * d
    return f


def dixon3dq(x):
    """Dixon's tridiagonal quadratic."""
    n = x.size
    a = x[0] - 1.0
    b = x[n - 1] - 1.0
    f = a * a + b * b
    for i in range(1, n - 1):
        d = x[i] - x[i + 1]
        f += d * d
    return f


def dixon3dq_grad(x, out):
    """Write the gradient of `dixon3dq` to `out`."""
    n = x.size
    a = x[0] - 1.0
    b = x[n - 1] - 1.0
    for i in range(n):
        out[i] = 0.0
    out[0] = 2.0 * a
    out[n - 1] += 2.0 * b
    for i in range(1, n - 1):
        d = x[i] - x[i + 1]
        out[i] += 2.0 * d
        out[i + 1] -= 2.0 * d


def dixon3dq_fun_and_grad(x, out):
    """Return `dixon3dq` and write its gradient to `out`."""
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


def extended_bd1(x):
    """Extended block diagonal BD1."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] * x[i + 1] - 2.0
        e = math.exp(x[i] - 1.0)
        b = e - x[i + 1]
        f += a * a + b * b
    return f


def extended_bd1_grad(x, out):
    """Write the gradient of `extended_bd1` to `out`."""
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] * x[i + 1] - 2.0
        e = math.exp(x[i] - 1.0)
        b = e - x[i + 1]
        out[i] = 4.0 * a * x[i] + 2.0 * b * e
        out[i + 1] = 4.0 * a * x[i + 1] - 2.0 * b


def extended_bd1_fun_and_grad(x, out):
    """Return `extended_bd1` and write its gradient to `out`."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] * x[i + 1] - 2.0
        e = math.exp(x[i] - 1.0)
        b = e - x[i + 1]
        f += a * a + b * b
        out[i] = 4.0 * a * x[i] + 2.0 * b * e
        out[i + 1] = 4.0 * a * x[i + 1] - 2.0 * b
    return f


def fletchcr(x):
    """Fletcher's chained function FLETCHCR."""
    f = 0.0
    for i in range(x.size - 1):
        r = x[i + 1] - x[i] + 1.0 - x[i] * x[i]
        f += 100.0 * r * r
    return f


def fletchcr_grad(x, out):
    """Write the gradient of `fletchcr` to `out`."""
    out[0] = 0.0
    for i in range(x.size - 1):
        r = x[i + 1] - x[i] + 1.0 - x[i] * x[i]
        out[i] -= 200.0 * r * (1.0 + 2.0 * x[i])
        out[i + 1] = 200.0 * r


def fletchcr_fun_and_grad(x, out):
    """Return `fletchcr` and write its gradient to `out`."""
    f = 0.0
    out[0] = 0.0
    for i in range(x.size - 1):
        r = x[i + 1] - x[i] + 1.0 - x[i] * x[i]
        f += 100.0 * r * r
        out[i] -= 200.0 * r * (1.0 + 2.0 * x[i])
        out[i + 1] = 200.0 * r
    return f


def nonscomp(x):
    """Function NONSCOMP of the CUTE collection, without bounds."""
    d = x[0] - 1.0
    f = d * d
    for i in range(1, x.size):
        r = x[i] - x[i - 1] * x[i - 1]
        f += 4.0 * r * r
    return f


def nonscomp_grad(x, out):
    """Write the gradient of `nonscomp` to `out`."""
    d = x[0] - 1.0
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = x[i] - x[i - 1] * x[i - 1]
        out[i] = 8.0 * r
        out[i - 1] -= 16.0 * r * x[i - 1]


def nonscomp_fun_and_grad(x, out):
    """Return `nonscomp` and write its gradient to `out`."""
    d = x[0] - 1.0
    f = d * d
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = x[i] - x[i - 1] * x[i - 1]
        f += 4.0 * r * r
        out[i] = 8.0 * r
        out[i - 1] -= 16.0 * r * x[i - 1]
    return f


def staircase_1(x):
    """Staircase 1, the sum of squared partial sums."""
    n = x.size
    f = 0.0
    s = 0.0
    for i in range(n):
        s += x[i]
        f += s * s
    return f


def staircase_1_grad(x, out):
    """Write the gradient of `staircase_1` to `out`."""
    n = x.size
    s = 0.0
    total = 0.0
    for i in range(n):
        s += x[i]
        total += s
    before = 0.0
    for i in range(n):
        out[i] = 2.0 * total
        before += x[i]
        total -= before


def staircase_1_fun_and_grad(x, out):
    """Return `staircase_1` and write its gradient to `out`."""
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
        "diagonal_1",
        diagonal_1,
        diagonal_1_grad,
        diagonal_1_fun_and_grad,
        sizes=(100,),
        start=lambda n: np.full(n, 1.0 / n),
        smallest=1,
        f_min=lambda n: sum(i - i * math.log(i) for i in range(1, n + 1)),
        x_min=lambda n: np.log(np.arange(1, n + 1)),
        reference=f"{ANDREI}, Diagonal 1",
    ),
    Family(
        "diagonal_2",
        diagonal_2,
        diagonal_2_grad,
        diagonal_2_fun_and_grad,
        sizes=(100,),
        start=lambda n: 1.0 / np.arange(1, n + 1),
        smallest=1,
        f_min=lambda n: sum((1.0 + math.log(i)) / i for i in range(1, n + 1)),
        x_min=lambda n: -np.log(np.arange(1, n + 1)),
        reference=f"{ANDREI}, Diagonal 2",
    ),
    Family(
        "diagonal_4",
        diagonal_4,
        diagonal_4_grad,
        diagonal_4_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Diagonal 4",
    ),
    Family(
        "diagonal_5",
        diagonal_5,
        diagonal_5_grad,
        diagonal_5_fun_and_grad,
        sizes=(100,),
        start=filled(1.1),
        smallest=1,
        f_min=lambda n: n * math.log(2.0),
        x_min=filled(0.0),
        reference=f"{ANDREI}, Diagonal 5",
    ),
    Family(
        "diagonal_6",
        diagonal_6,
        diagonal_6_grad,
        diagonal_6_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Diagonal 6",
    ),
    Family(
        "diagonal_9",
        diagonal_9,
        diagonal_9_grad,
        diagonal_9_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=lambda n: sum(i - i * math.log(i) for i in range(1, n)),
        x_min=lambda n: np.append(np.log(np.arange(1, n)), 0.0),
        reference=f"{ANDREI}, Diagonal 9",
    ),
    Family(
        "hager",
        hager,
        hager_grad,
        hager_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=lambda n: sum(math.sqrt(i) * (1.0 - 0.5 * math.log(i)) for i in range(1, n + 1)),
        x_min=lambda n: 0.5 * np.log(np.arange(1, n + 1)),
        reference=f"{ANDREI}, Hager",
    ),
    Family(
        "generalized_tridiagonal_1",
        generalized_tridiagonal_1,
        generalized_tridiagonal_1_grad,
        generalized_tridiagonal_1_fun_and_grad,
        sizes=(100,),
        start=filled(2.0),
        smallest=2,
        f_min={100: 97.21030748599094},
        reference=f"{ANDREI}, Generalized Tridiagonal 1",
    ),
    Family(
        "extended_tridiagonal_1",
        extended_tridiagonal_1,
        extended_tridiagonal_1_grad,
        extended_tridiagonal_1_fun_and_grad,
        sizes=(100,),
        start=filled(2.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=tiled(1.0, 2.0),
        reference=f"{ANDREI}, Extended Tridiagonal 1",
    ),
    Family(
        "extended_tet",
        extended_tet,
        extended_tet_grad,
        extended_tet_fun_and_grad,
        sizes=(100,),
        start=filled(0.1),
        smallest=2,
        multiple=2,
        f_min=lambda n: n * math.sqrt(2.0) * math.exp(-0.1),
        x_min=tiled(-0.5 * math.log(2.0), 0.0),
        reference=f"{ANDREI}, Extended Three Expo Terms",
    ),
    Family(
        "extended_maratos",
        extended_maratos,
        extended_maratos_grad,
        extended_maratos_fun_and_grad,
        sizes=(100,),
        start=tiled(1.1, 0.1),
        smallest=2,
        multiple=2,
        f_min=lambda n: -1.0006242206967406 * (n // 2),
        x_min=tiled(-1.0012476640306023, 0.0),
        reference=f"{ANDREI}, Extended Maratos",
    ),
    Family(
        "extended_cliff",
        extended_cliff,
        extended_cliff_grad,
        extended_cliff_fun_and_grad,
        sizes=(100,),
        start=tiled(0.0, -1.0),
        smallest=2,
        multiple=2,
        f_min=lambda n: 0.025 * n * (1.0 + math.log(20.0)),
        x_min=tiled(3.0, 3.0 + 0.05 * math.log(20.0)),
        reference=f"{ANDREI}, Extended Cliff",
    ),
    Family(
        "quadratic_qf1",
        quadratic_qf1,
        quadratic_qf1_grad,
        quadratic_qf1_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=lambda n: -0.5 / n,
        x_min=lambda n: np.append(np.zeros(n - 1), 1.0 / n),
        reference=f"{ANDREI}, Quadratic QF1",
    ),
    Family(
        "quadratic_qf2",
        quadratic_qf2,
        quadratic_qf2_grad,
        quadratic_qf2_fun_and_grad,
        sizes=(100,),
        start=filled(0.5),
        smallest=1,
        f_min={100: -1.0012468905232357},
        f_local={100: (0.9987468592716731,)},
        reference=f"{ANDREI}, Quadratic QF2",
    ),
    Family(
        "extended_qp1",
        extended_qp1,
        extended_qp1_grad,
        extended_qp1_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=2,
        f_min=lambda n: (n - 1) * (2.5 / n - 2.0) ** 2 + (2.0 - 2.5 / n) ** 2,
        x_min=lambda n: np.append(np.full(n - 1, math.sqrt(2.5 / n)), 0.0),
        reference=f"{ANDREI}, Extended Quadratic Penalty QP1",
    ),
    Family(
        "perturbed_quadratic",
        perturbed_quadratic,
        perturbed_quadratic_grad,
        perturbed_quadratic_fun_and_grad,
        sizes=(100,),
        start=filled(0.5),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Perturbed Quadratic",
    ),
    Family(
        "almost_perturbed_quadratic",
        almost_perturbed_quadratic,
        almost_perturbed_quadratic_grad,
        almost_perturbed_quadratic_fun_and_grad,
        sizes=(100,),
        start=filled(0.5),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Almost Perturbed Quadratic",
    ),
    Family(
        "partial_perturbed_quadratic",
        partial_perturbed_quadratic,
        partial_perturbed_quadratic_grad,
        partial_perturbed_quadratic_fun_and_grad,
        sizes=(100,),
        start=filled(0.5),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Partial Perturbed Quadratic",
    ),
    Family(
        "tridiagonal_perturbed_quadratic",
        tridiagonal_perturbed_quadratic,
        tridiagonal_perturbed_quadratic_grad,
        tridiagonal_perturbed_quadratic_fun_and_grad,
        sizes=(100,),
        start=filled(0.5),
        smallest=3,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Tridiagonal Perturbed Quadratic",
    ),
    Family(
        "power",
        power,
        power_grad,
        power_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, POWER",
    ),
    Family(
        "extended_beale",
        extended_beale,
        extended_beale_grad,
        extended_beale_fun_and_grad,
        sizes=(100,),
        start=tiled(1.0, 0.8),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=tiled(3.0, 0.5),
        reference=f"{ANDREI}, Extended Beale",
    ),
    Family(
        "extended_white_holst",
        extended_white_holst,
        extended_white_holst_grad,
        extended_white_holst_fun_and_grad,
        sizes=(100,),
        start=tiled(-1.2, 1.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, Extended White and Holst",
    ),
    Family(
        "extended_psc1",
        extended_psc1,
        extended_psc1_grad,
        extended_psc1_fun_and_grad,
        sizes=(100,),
        start=tiled(3.0, 0.1),
        smallest=2,
        multiple=2,
        f_min=lambda n: 0.7731990564929239 * (n // 2),
        reference=f"{ANDREI}, Extended PSC1",
    ),
    Family(
        "extended_hiebert",
        extended_hiebert,
        extended_hiebert_grad,
        extended_hiebert_fun_and_grad,
        sizes=(100,),
        start=filled(0.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=tiled(10.0, 5000.0),
        reference=f"{ANDREI}, Extended Hiebert",
    ),
    Family(
        "sinquad",
        sinquad,
        sinquad_grad,
        sinquad_fun_and_grad,
        sizes=(100,),
        start=filled(0.1),
        smallest=3,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, SINQUAD",
    ),
    Family(
        "extended_denschna",
        extended_denschna,
        extended_denschna_grad,
        extended_denschna_fun_and_grad,
        sizes=(100,),
        start=filled(8.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{DENNIS_SCHNABEL}, DENSCHNA",
    ),
    Family(
        "extended_denschnb",
        extended_denschnb,
        extended_denschnb_grad,
        extended_denschnb_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=tiled(2.0, -1.0),
        reference=f"{DENNIS_SCHNABEL}, DENSCHNB",
    ),
    Family(
        "extended_denschnf",
        extended_denschnf,
        extended_denschnf_grad,
        extended_denschnf_fun_and_grad,
        sizes=(100,),
        start=tiled(2.0, 0.0),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{DENNIS_SCHNABEL}, DENSCHNF",
    ),
    Family(
        "quartc",
        quartc,
        quartc_grad,
        quartc_fun_and_grad,
        sizes=(100,),
        start=filled(2.0),
        smallest=1,
        f_min=0.0,
        x_min=lambda n: np.arange(1, n + 1),
        reference=f"{CUTE}, QUARTC",
    ),
    Family(
        "dixon3dq",
        dixon3dq,
        dixon3dq_grad,
        dixon3dq_fun_and_grad,
        sizes=(100,),
        start=filled(-1.0),
        smallest=3,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{CUTE}, DIXON3DQ",
    ),
    Family(
        "extended_bd1",
        extended_bd1,
        extended_bd1_grad,
        extended_bd1_fun_and_grad,
        sizes=(100,),
        start=filled(0.1),
        smallest=2,
        multiple=2,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, Extended Block-Diagonal BD1",
    ),
    Family(
        "fletchcr",
        fletchcr,
        fletchcr_grad,
        fletchcr_fun_and_grad,
        sizes=(100,),
        start=filled(0.0),
        smallest=2,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, FLETCHCR",
    ),
    Family(
        "nonscomp",
        nonscomp,
        nonscomp_grad,
        nonscomp_fun_and_grad,
        sizes=(100,),
        start=filled(3.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(1.0),
        reference=f"{ANDREI}, NONSCOMP",
    ),
    Family(
        "staircase_1",
        staircase_1,
        staircase_1_grad,
        staircase_1_fun_and_grad,
        sizes=(100,),
        start=filled(1.0),
        smallest=1,
        f_min=0.0,
        x_min=filled(0.0),
        reference=f"{ANDREI}, Staircase 1",
    ),
)
