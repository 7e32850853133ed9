"""Bounds: all ways to give them, nothing evaluated outside, and options."""

import math

import numpy as np
import objectives
import pytest
from bounded import (
    DTYPES,
    LOOPS,
    LOWER,
    QUADRATIC,
    QUADRATIC_MIN,
    RATES,
    ROSENBROCK_BOX,
    UPPER,
    Recorder,
    assert_optimal,
    backends,
    every_run,
    loops,
    options_for,
    quadratic,
    rosenbrock,
    same,
    solve_rosenbrock,
)
from cases import METHODS, SMALL_RATES
from numba import njit
from scipy.optimize import Bounds

from fastmomentum import Status, minimize

# -- how they are given ----------------------------------------------------------------------------

BOX = ([0.0, -1.0, -math.inf], [2.0, math.inf, 0.5])
FORMS = {
    "pairs": [(0.0, 2.0), (-1.0, None), (None, 0.5)],
    "lists": [[0, 2], [-1, math.inf], [-math.inf, 0.5]],
    "tuple": ((0.0, 2), (-1, None), (None, 0.5)),
    "mixed": [(np.float32(0.0), 2), [-1, None], np.array([-math.inf, 0.5])],
    "array": np.array(BOX).T,
    "Bounds": Bounds(*BOX),
    "iterator": zip(*BOX, strict=True),
}


def bowl(x):
    return float(((x - 3.0) ** 2).sum()), 2.0 * (x - 3.0)


@pytest.mark.parametrize("form", FORMS)
def test_forms(form):
    bounds = list(FORMS[form]) if form == "iterator" else FORMS[form]
    result = minimize(bowl, [1.0, 1.0, 0.0], jac=True, bounds=bounds)
    assert result.success
    np.testing.assert_allclose(result.x, [2.0, 3.0, 0.5], atol=1e-5)
    assert result.x[0] == 2.0 and result.x[2] == 0.5


@pytest.mark.parametrize("bounds", [Bounds(1.0, 2.0), Bounds([1.0], 2), Bounds(1, [2.0, 2.0])])
def test_scalars_of_bounds_are_for_all(bounds):
    assert np.array_equal(minimize(bowl, [0.0, 0.0], jac=True, bounds=bounds).x, [2.0, 2.0])


def test_the_users_bounds_are_not_changed():
    table = np.array(BOX).T
    kept = table.copy()
    minimize(bowl, [9.0, -9.0, 9.0], jac=True, bounds=table)
    assert np.array_equal(table, kept)


@every_run
def test_infinite_bounds_are_none(method, rate):
    """The smooth loop, bit for bit."""
    plain = quadratic(method, rate, maxiter=50, lower=-math.inf, upper=math.inf)
    x0, args = QUADRATIC.in_dtype(np.float64)
    fun, jac = objectives.style("quadratic", "fused")
    options = options_for(method, rate, maxiter=50)
    for bounds in (None, [(None, None)] * 5, [(-math.inf, None)] * 5):
        other = minimize(fun, x0, args=args, jac=jac, method=method, bounds=bounds, options=options)
        same(plain, other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_bounds_that_are_not_met_change_nothing_for_given_rates(method, dtype):
    far = quadratic(method, "given", dtype=dtype, lower=-50.0, upper=60.0, return_all=True)
    none = quadratic(method, "given", dtype=dtype, lower=-math.inf, upper=math.inf, return_all=True)
    assert far.success
    same(far, none)
    assert np.array_equal(far.allvecs, none.allvecs)


@every_run
def test_x0_is_clipped(method, rate):
    seen = []

    def fun(x):
        seen.append(x.copy())
        return bowl(x)

    x0 = np.array([-7.0, 5.0, 0.25])
    options = {} if rate == "auto" else {"learning_rate": SMALL_RATES[method]}
    result = minimize(
        fun, x0, jac=True, method=method, bounds=Bounds(0.0, 1.0),
        options={**options, "maxiter": 3, "return_all": True},
    )  # fmt: skip
    assert np.array_equal(seen[0], [0.0, 1.0, 0.25])
    assert np.array_equal(result.allvecs[0], seen[0])
    assert np.array_equal(x0, [-7.0, 5.0, 0.25])


# -- nothing is evaluated outside ------------------------------------------------------------------

JACS = ("callable", "both", "2-point", "3-point", "cs")
# Active at one side, fixed, narrower than a difference's step, inactive, at the end of the numbers.
NARROW = (
    np.array([-1.0, 5.0, 0.5, 1.0, -math.inf, 4.0, 0.0]),
    np.array([1.0, math.inf, 0.5, 1.0 + 1e-7, math.inf, np.nextafter(4.0, 5.0), 2e-12]),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", JACS)
@every_run
def test_nothing_is_evaluated_outside(method, rate, how, dtype):
    recorder = Recorder()
    fun, jac = recorder.fun, {"callable": recorder.jac, "both": True}.get(how, how)
    if how == "both":
        fun = recorder.both
    lower, upper = NARROW if dtype == np.float64 else (NARROW[0][:4], NARROW[1][:4] + 0.1)
    x0 = np.full(lower.size, 0.25, dtype)
    result = minimize(
        fun, x0, jac=jac, method=method, bounds=Bounds(lower, upper),
        options=options_for(method, rate, maxiter=25),
    )  # fmt: skip
    points = np.array(recorder.points)
    assert points.dtype == dtype
    assert len(points) >= 5
    # In float64, so that a rounded bound does not count as met.
    assert (points.astype(np.float64) >= lower).all()
    assert (points.astype(np.float64) <= upper).all()
    assert rate == "given" or (result.x[0] > 0.9 and result.x[1] == lower[1])


@pytest.mark.parametrize("how", ["2-point", "3-point", "cs"])
@loops
def test_differences_within_bounds_find_the_minimum(method, how):
    recorder = Recorder()
    lower, upper = NARROW
    result = minimize(
        recorder.fun, np.full(7, 0.25), jac=how, method=method, bounds=Bounds(lower, upper)
    )
    assert result.success
    expected = np.clip(3.0, lower, upper)
    np.testing.assert_allclose(result.x, expected, atol=1e-6)
    active = (expected != 3.0) & (upper - lower > 1e-9)
    assert np.array_equal(result.x[active], expected[active])


@njit(cache=True)
def recording(x, out, seen):
    """The least and the largest value of each variable go into `seen`."""
    total = 0.0
    for i in range(x.size):
        seen[0, i] = min(seen[0, i], x[i])
        seen[1, i] = max(seen[1, i], x[i])
        out[i] = 2.0 * (1.0 + i) * (x[i] - 3.0)
        total += (1.0 + i) * (x[i] - 3.0) * (x[i] - 3.0)
    return total


@njit(cache=True)
def recording_fun(x, seen):
    return recording(x, np.empty_like(x), seen)


@pytest.mark.parametrize("how", [True, "2-point", "3-point"])
@every_run
def test_nothing_is_evaluated_outside_in_compiled_code(method, rate, how):
    lower, upper = NARROW
    seen = np.array([np.full(7, math.inf), np.full(7, -math.inf)])
    result = minimize(
        recording if how is True else recording_fun, np.full(7, 0.25), args=(seen,), jac=how,
        method=method, bounds=Bounds(lower, upper), options=options_for(method, rate, maxiter=60),
    )  # fmt: skip
    assert result.backend == "numba"
    assert (lower <= seen[0]).all() and (seen[1] <= upper).all()
    assert np.isfinite(seen).all()


def test_float32_bounds_are_rounded_inwards():
    """No float32 is 0.1 or 0.3: the nearest that are within."""
    low, high = np.float32(0.1), np.float32(0.3)
    assert float(low) > 0.1 and float(high) > 0.3
    for x0, target, expected in ((0.2, -1.0, low), (0.2, 1.0, np.nextafter(high, np.float32(0)))):
        result = minimize(
            lambda x, target=target: (float((x[0] - target) ** 2), 2.0 * (x - target)),
            np.array([x0], np.float32), jac=True, bounds=[(0.1, 0.3)],
        )  # fmt: skip
        assert result.x.dtype == np.float32 and result.x[0] == expected
        assert 0.1 <= float(result.x[0]) <= 0.3


def test_differences_of_a_variable_without_room():
    """A fixed variable, whose slope is not known, and one with a single other value."""

    def fun(x):
        return float((x[0] - 1.0) ** 2 + 5.0 * x[1] + 7.0 * x[2])

    for how in ("2-point", "3-point"):
        result = minimize(
            fun, [0.0, 2.0, 0.0], jac=how, bounds=[(-3, 3), (2, 2), (0.0, np.nextafter(0, 1))]
        )
        assert result.success
        assert np.array_equal(np.isnan(result.jac), [False, True, False])
        assert result.x[0] == pytest.approx(1.0, abs=1e-5)
        assert result.x[1] == 2.0


@pytest.mark.parametrize("how", ["2-point", "3-point"])
@pytest.mark.parametrize("place", ["lower", "upper", "near lower", "near upper", "between"])
def test_differences_next_to_bounds_are_as_accurate(how, place):
    """Of exp on an interval of 1e-7 and on one of 1: slopes to the accuracy of the scheme."""
    width = 1e-7 if place == "between" else 1.0
    x = {
        "lower": 0.0, "upper": width, "near lower": 1e-9, "near upper": width - 1e-9,
        "between": 0.3 * width,
    }[place]  # fmt: skip
    result = minimize(
        lambda z: math.exp(z[0]), [x], jac=how, bounds=[(0.0, width)], options={"maxiter": 0}
    )
    tolerance = 1e-7 if how == "2-point" else 1e-9
    if place == "between":  # rounding over the width
        tolerance = 1e-8
    assert result.jac[0] == pytest.approx(math.exp(x), rel=tolerance)


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3.5, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("method", "rate"), [(m, r) for m in LOOPS for r in RATES] + [("adam", "auto")]
)
def test_norms(method, rate, order):
    result = quadratic(method, rate, norm=order, gtol=1e-3)
    assert result.success
    x, g = result.x, result.jac
    expected = np.linalg.norm(x - np.clip(x - g, LOWER, UPPER), order)
    assert result.grad_norm == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert result.grad_norm <= 1e-3


@pytest.mark.parametrize(("option", "value"), [("ftol", 1e-9), ("xtol", 1e-7)])
@every_run
def test_other_tolerances(method, rate, option, value):
    result = quadratic(method, rate, gtol=0.0, **{option: value})
    assert result.success, result.message
    lowest = objectives.quadratic_fun(QUADRATIC_MIN, *QUADRATIC.args)
    assert result.fun == pytest.approx(lowest, abs=1e-3)


@pytest.mark.parametrize("memory", [1, 2, 5, 30, 1000])
@pytest.mark.parametrize("method", ["momentum", "adam"])
def test_memory(method, memory):
    result = solve_rosenbrock(method, memory=memory)
    assert_optimal(result, lambda x: rosenbrock(x)[1], *ROSENBROCK_BOX)


def test_x_scale():
    """Variables of very different size, told in advance or not."""
    sizes = np.array([1e-3, 1.0, 1e3, 10.0])
    lower, upper = ROSENBROCK_BOX

    def fun(x):
        f, g = rosenbrock(x / sizes)
        return f, g / sizes

    for x_scale in ("auto", sizes, 3.0):
        result = minimize(
            fun, 0.5 * sizes, jac=True, bounds=Bounds(lower * sizes, upper * sizes),
            options={"x_scale": x_scale, "gtol": 1e-7, "maxiter": 100_000},
        )  # fmt: skip
        assert result.success
        np.testing.assert_allclose(result.x / sizes, solve_rosenbrock("momentum").x, atol=1e-3)


@every_run
@backends
def test_maxfev_is_never_exceeded(method, rate, backend):
    for maxfev in (1, 2, 3, 7):
        result = solve_rosenbrock(method, rate, maxfev=maxfev, backend=backend, gtol=0.0)
        assert result.nfev <= maxfev
        assert result.status == Status.MAXFEV
        assert result.fun == rosenbrock(result.x)[0]
