"""The automatic learning rates where fun is not finite, not bounded, or its gradient wrong."""

import math

import numpy as np
import pytest
from automatic import ADAPTIVE, every_method, run

from fastmomentum import Status

WEIGHTS = np.linspace(1.0, 5.0, 5)


def log_barrier(x):
    return float(WEIGHTS @ x - np.log(x).sum()), WEIGHTS - 1.0 / x


def box_barrier(x):
    return (
        float(WEIGHTS @ x - (np.log(x) + np.log(1.0 - x)).sum()),
        WEIGHTS - 1.0 / x + 1.0 / (1.0 - x),
    )


def square_root(x):
    return float((x - 2.0 * np.sqrt(x)).sum()), 1.0 - 1.0 / np.sqrt(x)


def exponential(x):
    return float((np.exp(3.0 * x) - np.exp(2.0 * x)).sum()), 3.0 * np.exp(3.0 * x) - 2.0 * np.exp(
        2.0 * x
    )


def overflowing(x):
    """inf, with a gradient of inf - inf, where x > 26.6."""
    e = np.exp(x * x)
    return float((e - x).sum()), 2.0 * x * e - 1.0


def minus_infinite(x):
    """-inf outside the unit cube: not a minimum but an error of the function."""
    if np.abs(x).max() > 1.0:
        return -math.inf, -np.ones_like(x)
    return float((x - 0.9) @ (x - 0.9)), 2.0 * (x - 0.9)


DOMAINS = {
    "log barrier": (log_barrier, np.full(5, 10.0), 1.0 / WEIGHTS),
    "log barrier, near the wall": (log_barrier, np.full(5, 1e-6), 1.0 / WEIGHTS),
    "two walls": (box_barrier, np.full(5, 1e-3), None),
    "square root": (square_root, np.full(4, 1e-4), np.ones(4)),
    "square root, from far": (square_root, np.full(4, 1e3), np.ones(4)),
    "exp": (exponential, np.array([5.0, 1.0, -0.2]), np.full(3, np.log(2.0 / 3.0))),
    "exp(x^2)": (overflowing, np.array([3.0, -3.0, 0.5]), None),
    "exp(x^2), |g|^2 overflows": (overflowing, np.full(3, 20.0), None),
    "-inf": (minus_infinite, np.zeros(3), np.full(3, 0.9)),
}


@every_method
@pytest.mark.parametrize("domain", DOMAINS)
def test_steps_out_of_the_domain_are_taken_back(domain, method):
    fun, x0, x_min = DOMAINS[domain]
    if domain == "exp" and method in ADAPTIVE:
        x_min = None  # flat towards -inf, and small gradients mean large steps
    result = run(fun, x0, method)
    assert result.success
    with np.errstate(all="ignore"):
        f, g = fun(result.x)
    assert math.isfinite(f)
    assert np.abs(g).max() <= 1e-5
    assert x_min is None or np.abs(result.x - x_min).max() <= 1e-4


NOT_FINITE = {
    "nan": (math.nan, math.nan),
    "gradient of nan": (0.5, math.nan),
    "gradient of inf": (0.5, math.inf),
    "inf": (math.inf, 1.0),
    "-inf": (-math.inf, 1.0),
}


@every_method
@pytest.mark.parametrize("kind", NOT_FINITE)
def test_nothing_finite_but_x0(kind, method):
    x0 = np.array([1.0, 2.0])
    value, slope = NOT_FINITE[kind]

    def fun(x):
        if np.array_equal(x, x0):
            return 1.0, np.ones(2)
        return value, np.full(2, slope)

    result = run(fun, x0, method)
    assert not result.success
    assert np.array_equal(result.x, x0)
    assert result.fun == 1.0
    assert result.nfev < 500
    assert result.status == Status.NONFINITE


@every_method
@pytest.mark.parametrize("kind", NOT_FINITE)
def test_not_finite_at_x0(kind, method):
    value, slope = NOT_FINITE[kind]
    result = run(lambda x: (value, np.full(2, slope)), np.ones(2), method)
    assert result.status == Status.NONFINITE
    assert (result.nit, result.nfev) == (0, 1)
    assert np.array_equal(result.x, np.ones(2))


UNBOUNDED = {
    "linear": (lambda x: (float(x.sum()), np.ones_like(x)), np.zeros(3)),
    "-x^2": (lambda x: (-float(x @ x), -2.0 * x), np.array([1.0, 0.5])),
    "-x^4": (lambda x: (-float((x**4).sum()), -4.0 * x**3), np.array([1.0, 0.5])),
    "-exp": (lambda x: (-float(np.exp(x).sum()), -np.exp(x)), np.array([1.0, 0.5])),
    "log|x|": (lambda x: (float(np.log(np.abs(x)).sum()), 1.0 / x), np.array([1.0, 0.5])),
}


@every_method
@pytest.mark.parametrize("kind", UNBOUNDED)
def test_unbounded_below_is_no_success(kind, method):
    """It ends at the largest numbers (2 or 3) or at maxiter (1): f is as low as it came."""
    fun, x0 = UNBOUNDED[kind]
    # 10,000 iterations are the default limit: two evaluations each are plenty.
    result = run(fun, x0, method, maxfev=20_000)
    assert result.status in (
        Status.MAXITER,
        Status.PRECISION_LOSS,
        Status.NONFINITE,
        Status.DIVERGED,
    )
    assert not result.success
    assert np.isfinite(result.x).all()
    assert math.isfinite(result.fun)
    assert result.fun < fun(x0)[0] - 90.0


@every_method
def test_wrong_gradients_are_no_success(method):
    for fun in (
        lambda x: (3.0, np.ones(3)),  # of a constant
        lambda x: (float(x @ x), -2.0 * x),  # of the wrong sign
    ):
        result = run(fun, np.ones(3), method, maxfev=5000)
        assert not result.success
        assert result.fun <= 3.0
