"""Bounds: the right points, by every method, and the steps of a given rate."""

import math

import numpy as np
import objectives
import pytest
import reference
import scipy.optimize
from bounded import (
    AUTOMATIC,
    LOOPS,
    LOWER,
    QUADRATIC,
    QUADRATIC_ACTIVE,
    QUADRATIC_MIN,
    ROSENBROCK_BOX,
    RUNS,
    UPPER,
    assert_optimal,
    every_run,
    loops,
    options_for,
    quadratic,
    rosenbrock,
    solve_rosenbrock,
)
from cases import METHODS, PROBLEMS
from scipy.optimize import Bounds

from fastmomentum import Status, minimize, problems

# -- the points found ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["returning", "fused", "3-point"])
@every_run
def test_every_method_solves_a_bounded_quadratic(method, rate, how):
    result = quadratic(method, rate, how)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, QUADRATIC_MIN, atol=2e-5)
    # Active bounds are met to the bit; with a given rate a run may end just before them.
    if rate == "auto":
        active = QUADRATIC_ACTIVE
        assert np.array_equal(result.x[active], QUADRATIC_MIN[active])
    assert result.grad_norm <= 1e-5
    assert result.fun == objectives.quadratic_fun(result.x, *QUADRATIC.args)
    if how != "3-point":
        assert_optimal(result, lambda x: objectives.quadratic_jac(x, *QUADRATIC.args), LOWER, UPPER)


@every_run
def test_float32(method, rate):
    result = quadratic(method, rate, dtype=np.float32)
    assert result.success, result.message
    assert result.x.dtype == result.jac.dtype == np.float32
    np.testing.assert_allclose(result.x, QUADRATIC_MIN, atol=2e-3)
    assert np.array_equal(result.x[QUADRATIC_ACTIVE], QUADRATIC_MIN[QUADRATIC_ACTIVE])


@every_run
def test_fixed_variables(method, rate):
    lower, upper = LOWER.copy(), UPPER.copy()
    lower[2] = upper[2] = 0.3
    result = quadratic(method, rate, lower=lower, upper=upper)
    assert result.success
    assert result.x[2] == 0.3
    np.testing.assert_allclose(result.x, np.clip(QUADRATIC.x_min, lower, upper), atol=2e-5)


@every_run
def test_all_variables_fixed(method, rate):
    point = np.arange(5.0)
    result = quadratic(method, rate, lower=point, upper=point)
    assert result.success and result.nfev == 1 and result.nit == 0
    assert np.array_equal(result.x, point)
    assert result.grad_norm == 0.0


@every_run
def test_start_at_the_solution(method, rate):
    """All bounds active: one evaluation tells."""
    lower, upper = np.full(5, 4.0), np.full(5, 6.0)
    result = quadratic(method, rate, lower=lower, upper=upper)
    assert result.success
    assert np.array_equal(result.x, lower)
    again = minimize(
        objectives.quadratic_fused, result.x, args=QUADRATIC.args, jac=True, method=method,
        bounds=Bounds(lower, upper), options=options_for(method, rate, maxiter=0),
    )  # fmt: skip
    assert again.success and again.nfev == 1 and again.nit == 0


@pytest.mark.parametrize(("method", "rate"), AUTOMATIC)
def test_rosenbrock(method, rate):
    result = solve_rosenbrock(method)
    lower, upper = ROSENBROCK_BOX
    theirs = scipy.optimize.minimize(
        rosenbrock, [0.5] * 4, jac=True, method="L-BFGS-B", bounds=Bounds(lower, upper),
        options={"ftol": 1e-15, "gtol": 1e-9},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, theirs.x, atol=1e-5)
    assert result.fun == pytest.approx(theirs.fun, abs=1e-9)
    assert_optimal(result, lambda x: rosenbrock(x)[1], lower, upper)
    assert result.x[2] == upper[2]


@loops
@pytest.mark.parametrize("n", [1, 3, 40])
def test_nonnegative_least_squares(method, n, rng):
    a = rng.standard_normal((2 * n + 3, n))
    b = a @ np.maximum(rng.standard_normal(n), 0.0) + 0.3 * rng.standard_normal(2 * n + 3)
    exact, _ = scipy.optimize.nnls(a, b)

    def fun(x):
        r = a @ x - b
        return 0.5 * float(r @ r), a.T @ r

    result = minimize(
        fun, np.ones(n), jac=True, method=method, bounds=[(0, None)] * n, options={"gtol": 1e-8}
    )
    assert_optimal(result, lambda x: fun(x)[1], 0.0, math.inf, 1e-8)
    np.testing.assert_allclose(result.x, exact, atol=1e-6)
    assert np.array_equal(result.x == 0.0, exact == 0.0)


@loops
def test_bounded_logistic_regression(method):
    problem = PROBLEMS["logistic"]
    fun, jac = objectives.style("logistic", "fused")
    x_min = problem.x_min
    lower = np.array([x_min[0] + 0.2, -math.inf, 0.0])
    upper = np.array([math.inf, x_min[1] - 0.1, x_min[2] + 5.0])
    result = minimize(
        fun, problem.x0, args=problem.args, jac=jac, method=method, bounds=Bounds(lower, upper)
    )
    assert_optimal(result, lambda x: objectives.logistic_jac(x, *problem.args), lower, upper)
    assert result.x[0] == lower[0] and result.x[1] == upper[1] and result.x[2] > 0.0
    theirs = scipy.optimize.minimize(
        lambda x: objectives.logistic_pair(x, *problem.args), problem.x0, jac=True,
        method="L-BFGS-B", bounds=Bounds(lower, upper), options={"ftol": 1e-15, "gtol": 1e-9},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, theirs.x, atol=1e-4)


# Problems whose bounds cut the minimizer off in one variable and keep another within reach, and
# those that each method does not solve: first-order methods without memory of curvature, on
# valleys whose curvatures differ by a million and more.
CLASSICAL = (
    "beale", "wood", "powell_singular-4", "booth", "matyas", "colville", "himmelblau", "trid-10",
    "rosenbrock-10", "zakharov-10", "quadratic_diagonal_log_1e2-10", "bard", "kowalik_osborne",
    "helical_valley", "three_hump_camel", "sphere-10", "dixon_price-10",
)  # fmt: skip


@loops
@pytest.mark.parametrize("name", [name for name in CLASSICAL if name in problems.names()])
def test_classical_problems(name, method):
    problem = problems.get(name)
    fused = problem.compiled("fused")

    def fun(x):
        g = np.empty_like(x)
        return fused(x, g, *problem.args), g

    free = minimize(fused, problem.x0, args=problem.args, jac=True)
    size = np.maximum(1.0, np.abs(free.x))
    first = np.arange(problem.n) % 2 == 0
    lower = np.where(first, free.x + 0.05 * size, -math.inf)
    upper = np.where(first, free.x + 2.0 * size, free.x + 3.0 * size)
    result = minimize(
        fused, problem.x0, args=problem.args, jac=True, method=method, bounds=Bounds(lower, upper),
        options={"maxiter": 50_000},
    )  # fmt: skip
    assert_optimal(result, lambda x: fun(x)[1], lower, upper)
    assert (result.x == lower).any()
    x0 = np.clip(problem.x0, lower, upper)
    theirs = [
        scipy.optimize.minimize(
            fun, start, jac=True, method="L-BFGS-B", bounds=Bounds(lower, upper),
            options={"ftol": 1e-15, "gtol": 1e-8, "maxfun": 10**5, "maxiter": 10**5},
        ).fun
        for start in (x0, result.x)
    ]  # fmt: skip
    # The same minimum as theirs, and one that they do not leave.
    scale = max(1.0, abs(result.fun))
    assert result.fun - theirs[1] <= 1e-6 * scale
    assert result.fun - theirs[0] <= 1e-5 * scale


@pytest.mark.parametrize(("method", "rate"), AUTOMATIC)
@pytest.mark.parametrize("size", [1e-12, 1e-3, 1e6, 1e12])
def test_linear_functions_reach_the_corner(method, rate, size):
    slope = np.array([1.0, -2.0, 3.0])
    result = minimize(
        lambda x: (float(slope @ x), slope.copy()), [0.0] * 3, jac=True, method=method,
        bounds=Bounds(-size, 2.0 * size), options={"gtol": 0.0},
    )  # fmt: skip
    assert result.success
    assert np.array_equal(result.x, size * np.array([-1.0, 2.0, -1.0]))
    assert result.nit < 60


@pytest.mark.parametrize(("method", "rate"), AUTOMATIC)
def test_unbounded_below_is_no_success(method, rate):
    slope = np.array([1.0, -2.0])
    result = minimize(
        lambda x: (float(slope @ x), slope.copy()), [0.5, 0.5], jac=True, method=method,
        bounds=[(None, 3.0), (0.0, 7.0)],
    )  # fmt: skip
    assert result.status == Status.DIVERGED
    assert result.x[1] == 7.0 and result.x[0] < -1e20


@every_run
@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [(-1.0, 1.0, 1.0), (5.0, 9.0, 5.0), (0.0, None, 3.0), (None, 2.5, 2.5), (3.0, 3.0, 3.0)],
)
def test_one_variable(method, rate, lower, upper, expected):
    options = options_for(method, rate, maxiter=100_000)
    result = minimize(
        lambda x: (float((x[0] - 3.0) ** 2), 2.0 * (x - 3.0)), 2.0, jac=True, method=method,
        bounds=[(lower, upper)], options=options,
    )  # fmt: skip
    assert result.success
    assert result.x == pytest.approx(expected, abs=1e-5)
    if expected != 3.0 and rate == "auto":  # some creep up to the bound
        assert result.x[0] == expected


@loops
@pytest.mark.parametrize("scale", [1e-140, 1e-30, 1e-8, 1e8, 1e30, 1e100])
def test_boxes_of_any_size(method, scale):
    """x of the size `scale`, f of the size 1."""
    target = np.array([2.0, 0.5, -3.0]) * scale

    def fun(x):
        r = (x - target) / scale
        return float(r @ r), 2.0 * r / scale

    result = minimize(
        fun, np.zeros(3), jac=True, method=method, bounds=Bounds(-scale, scale),
        options={"gtol": 1e-7 * min(scale, 1.0 / scale)},
    )  # fmt: skip
    assert result.status in (Status.CONVERGED, Status.PRECISION_LOSS)
    np.testing.assert_allclose(result.x / scale, [1.0, 0.5, -1.0], atol=1e-6)


def test_the_largest_and_smallest_numbers_as_bounds():
    big, tiny = np.finfo(float).max, np.nextafter(0.0, 1.0)
    for method, rate in RUNS:
        result = quadratic(method, rate, lower=np.full(5, -big), upper=np.full(5, big))
        np.testing.assert_allclose(result.x, QUADRATIC.x_min, atol=2e-5)
        result = quadratic(method, rate, lower=np.zeros(5), upper=np.full(5, tiny))
        assert result.success
        assert np.isin(result.x, [0.0, tiny]).all()


# -- the rules with a given rate -------------------------------------------------------------------


def projected(method, gradient, x0, rate, momentum, steps, lower, upper):
    """Momentum and Nesterov's method with projections; the velocity is the step taken."""
    x = np.clip(x0, lower, upper)
    ahead = x
    velocity = np.zeros_like(x)
    points, at = [x], []
    for _ in range(steps):
        at.append(ahead)
        g = gradient(ahead)
        new = np.clip(x - (momentum * velocity + rate * g), lower, upper)
        velocity = x - new
        x = new
        points.append(x)
        ahead = x
        if method == "nesterov":
            ahead = np.clip(x - momentum * velocity, lower, upper)
    return points, at


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov"])
def test_given_rates_are_projected_methods(method):
    at = []

    def fun(x):
        at.append(x.copy())
        return rosenbrock(x)

    momentum = 0.0 if method == "gd" else 0.9
    more = {} if method == "gd" else {"momentum": momentum}
    lower, upper = ROSENBROCK_BOX
    result = minimize(
        fun, [0.5] * 4, jac=True, method=method, bounds=Bounds(lower, upper),
        options={"learning_rate": 1e-3, "maxiter": 80, "gtol": 0.0, "return_all": True, **more},
    )  # fmt: skip
    points, expected = projected(
        method, lambda x: rosenbrock(x)[1], np.full(4, 0.5), 1e-3, momentum, 80, lower, upper
    )
    assert result.nit == 80
    np.testing.assert_allclose(result.allvecs, points, rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(at[:80], expected, rtol=0.0, atol=1e-12)
    at_bounds = (np.array(points) == lower) | (np.array(points) == upper)
    assert at_bounds.any()  # the projection was needed


@pytest.mark.parametrize("method", sorted(set(METHODS) - set(LOOPS)))
def test_given_rates_of_adaptive_methods_are_clipped_after_each_step(method):
    """One step of the published rule from the start, clipped."""
    x0 = np.array([0.5, -0.5, 0.25])

    def gradient(x):
        return 2.0 * (x - np.array([3.0, -4.0, 0.3]))

    result = minimize(
        lambda x: (float(((x - [3.0, -4.0, 0.3]) ** 2).sum()), gradient(x)), x0, jac=True,
        method=method, bounds=Bounds(-0.51, 0.51),
        options={"learning_rate": 0.2, "maxiter": 1, "return_all": True},
    )  # fmt: skip
    points, _ = reference.iterates(method, gradient, x0, 0.2, 0.0, 1)
    np.testing.assert_allclose(
        result.allvecs[1], np.clip(points[1], -0.51, 0.51), rtol=1e-12, atol=1e-15
    )
