"""A penalty of each kind, objectives for them, and what a result with a penalty claims."""

import math

import numpy as np
import pytest
from numba import njit

from fastmomentum.penalties import (
    L1,
    L2,
    TV1D,
    TV2D,
    Box,
    ElasticNet,
    GroupL2,
    L1Ball,
    L2Ball,
    NonNegative,
    NuclearNorm,
    Prox,
    Simplex,
)

ANY = ("gd", "nesterov")  # those that take penalties that are not separable, too
LOOPS = ("momentum", *ANY)
BITS = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "grad_norm", "support")

# One of each kind, for 12 variables.
N = 12
WEIGHTS = np.linspace(0.0, 1.5, N)
PENALTIES = {
    "l1": L1(0.7),
    "l1 array": L1(WEIGHTS),
    "l2": L2(0.7),
    "elastic": ElasticNet(WEIGHTS, 0.4),
    "box": Box(-0.5, 0.25),
    "nonnegative": NonNegative(),
    "sum": L1(0.3) + NonNegative() + L2(0.2) + Box(-1.0, 0.8),
    "group": GroupL2(0.9, 3),
    "group lists": GroupL2([0.5, 0.0, 1.0], [[11, 0, 5], [], [2, 3, 4, 10]]),
    "simplex": Simplex(),
    "l1 ball": L1Ball(2.0),
    "l2 ball": L2Ball(1.5),
    "l2 ball at c": L2Ball(1.5, WEIGHTS),
    "tv1d": TV1D(0.4),
    "tv2d": TV2D(0.4, (3, 4), tol=1e-12, max_inner=20_000),
    "nuclear": NuclearNorm(0.5, (3, 4)),
}
RUNS = [
    (name, method) for name, h in PENALTIES.items() for method in (LOOPS if h.separable else ANY)
]


def same(a, b, names=BITS):
    for name in names:
        assert np.array_equal(a[name], b[name], equal_nan=True), name


def distance(a):
    """|x - a|^2 / 2."""
    return lambda x: (0.5 * float((x - a) @ (x - a)), x - a)


def least_squares(a, b):
    def fun(x):
        r = a @ x - b
        return 0.5 * float(r @ r), a.T @ r

    return fun


def check(result, fun, h, gtol=1e-5):
    """All that a result claims, recomputed."""
    x = result.x
    f, g = fun(x)
    assert result.success, result.message
    assert result.fun == pytest.approx(f + h.value(x), rel=1e-12, abs=1e-12)
    assert math.isfinite(result.fun)
    np.testing.assert_array_equal(result.jac, g)
    norm = float(np.abs(x - h.prox(x - g, 1.0)).max())
    loose = 1e-7 if isinstance(h, TV2D) else 0.0
    assert norm <= gtol * (1.0 + 1e-6) + 1e-14 + loose
    assert result.grad_norm == pytest.approx(norm, rel=1e-6, abs=1e-13 + loose)
    assert np.array_equal(result.support, np.flatnonzero(x))


def coordinate_descent(a, b, l1, l2=0.0, sweeps=3000):
    """min |a x - b|^2 / 2 + l1 |x|_1 + l2 |x|^2 / 2, by exact minimization of one entry at a time.

    J. Friedman, T. Hastie and R. Tibshirani, J. Stat. Softw. 33(1), 2010.
    """
    x = np.zeros(a.shape[1])
    r = b.copy()
    squares = (a * a).sum(axis=0)
    for _ in range(sweeps):
        for j in range(x.size):
            rho = a[:, j] @ r + squares[j] * x[j]
            new = math.copysign(max(abs(rho) - l1, 0.0), rho) / (squares[j] + l2)
            r += a[:, j] * (x[j] - new)
            x[j] = new
    return x


def soft(v, step, weight):
    return np.sign(v) * np.maximum(np.abs(v) - step * weight, 0.0)


def soft_in_place(v, step, out, weight):
    out[:] = soft(v, step, weight)


def absolute(x, weight):
    return weight * np.abs(x).sum()


@njit(cache=True)
def soft_compiled(v, step, weight):
    out = np.empty_like(v)
    for i in range(v.size):
        size = max(abs(v[i]) - step * weight, 0.0)
        out[i] = size if v[i] > 0.0 else -size
    return out


@njit(cache=True)
def soft_compiled_in_place(v, step, out, weight):
    out[:] = soft_compiled(v, step, weight)


@njit(cache=True)
def absolute_compiled(x, weight):
    total = 0.0
    for i in range(x.size):
        total += weight * abs(x[i])
    return total


OWN = {
    "python": Prox(soft, absolute, (20.0,)),
    "python in place": Prox(soft_in_place, absolute, (20.0,)),
    "numba": Prox(soft_compiled, absolute_compiled, (20.0,)),
    "numba in place": Prox(soft_compiled_in_place, absolute_compiled, (20.0,)),
    "no args": Prox(lambda v, t: soft(v, t, 20.0), lambda x: absolute(x, 20.0)),
}
