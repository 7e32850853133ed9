"""Many problems, and that each of them is the single run."""

import math

import numpy as np
from numba import njit
from scipy.optimize import Bounds

from fastmomentum import minimize, minimize_batch

NUMBERS = (
    "fun", "status", "nit", "nfev", "njev", "grad_norm", "learning_rate", "n_restarts",
    "line_search_failures",
)  # fmt: skip
COUNT = 5
AUTOMATIC = ("momentum", "nesterov", "gd")


def bits(value):
    return np.asarray(value).tobytes()


def same(a, b, names=(*NUMBERS, "x", "jac")):
    """Two batches are the same, bit for bit."""
    for name in names:
        assert a[name].dtype == b[name].dtype
        assert bits(a[name]) == bits(b[name]), name


def assert_rows(fun, X0, args=(), batched=False, *, rows=None, except_=(), **kwargs):
    """Each row of a batch is the single run; returns the batch."""
    which = (batched,) * len(args) if isinstance(batched, bool) else batched
    given = np.array(X0)
    found = minimize_batch(fun, X0, args, batched, **{"workers": 2, **kwargs})
    np.testing.assert_array_equal(X0, given, "X0 is not modified")
    kwargs.pop("workers", None)
    kwargs.pop("skip", None)
    bounds = kwargs.pop("bounds", None)
    for i in range(len(found.x)) if rows is None else rows:
        own = tuple(a[i] if b else a for a, b in zip(args, which, strict=True))
        limits = bounds
        if np.ndim(getattr(bounds, "lb", 0)) == 2:
            limits = Bounds(bounds.lb[i], bounds.ub[i])
        x0 = X0[i] if np.ndim(X0) == 2 else X0
        one = minimize(fun, x0, own, bounds=limits, **kwargs)
        assert found.backend == one.backend
        assert found.x.dtype == one.x.dtype
        assert bits(found.x[i]) == bits(one.x), f"x of {i}: {found.x[i]} {one.x}"
        assert bits(found.jac[i]) == bits(one.jac), f"jac of {i}"
        for name in NUMBERS:
            a, b = found[name][i], one[name]
            if name not in except_:
                assert a == b or (a != a and b != b), f"{name} of {i}: {a!r}, not {b!r}"
        assert bool(found.success[i]) is one.success
    return found


def quadratics(dtype=np.float64, count=COUNT, seed=3):
    """X0, (d, b), one row each per problem."""
    rng = np.random.default_rng(seed)
    d = rng.uniform(1.0, 10.0, (count, 5)).astype(dtype)
    b = rng.standard_normal((count, 5)).astype(dtype)
    return rng.standard_normal((count, 5)).astype(dtype), (d, b)


@njit(cache=True)
def decay(x, out, t, y):
    """Squares of the residuals of x[0] exp(-x[1] t)."""
    out[0] = 0.0
    out[1] = 0.0
    total = 0.0
    for k in range(t.size):
        e = math.exp(-x[1] * t[k])
        r = x[0] * e - y[k]
        total += r * r
        out[0] += 2.0 * r * e
        out[1] -= 2.0 * r * x[0] * e * t[k]
    return total


TIMES = np.linspace(0.0, 2.0, 20)


def decays(count, seed=0):
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.5, 3.0, count)
    return 3.0 * np.exp(-rates[:, None] * TIMES) + 0.01 * rng.standard_normal((count, 20))


@njit
def at(x, out, a):
    out[0] = 2.0 * (x[0] - a)
    return (x[0] - a) ** 2


@njit
def at_row(x, out, a):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - a[i])
        total += (x[i] - a[i]) ** 2
    return total


@njit(cache=True)
def slow(x, out, rounds):
    """A quartic that takes many iterations, each of `rounds` of arithmetic."""
    waste = 0.0
    for i in range(rounds):
        waste = math.sin(waste + x[0] + i)
    total = 1e-300 * waste
    for i in range(x.size):
        out[i] = x[i] ** 3
        total += 0.25 * x[i] ** 4
    return total


ENDLESS = {"gtol": 0.0, "learning_rate": 1e-6, "maxiter": 10**9}
