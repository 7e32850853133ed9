"""Bounds: all ways to give them, nothing evaluated outside, and the right points."""

import math

import cases
import numpy as np
import objectives
import pytest
import reference
import scipy.optimize
from cases import METHODS, PROBLEMS, SMALL_RATES, options_of
from endings import FUN_NAN, NO_FAULT, busy, faulty, interrupt_at, stop_at
from numba import njit
from processes import run_here, run_python
from scipy.optimize import Bounds

from fastmomentum import Status, minimize, problems

DTYPES = (np.float64, np.float32)
BACKENDS = ("numba", "python")
LOOPS = ("momentum", "nesterov", "gd")  # the automatic methods with a loop of their own
# Every method with its automatic rate, and with a given one.
RATES = ("auto", "given")
AUTOMATIC = [(method, "auto") for method in cases.AUTOMATIC]
GIVEN = [(method, "given") for method in METHODS]
RUNS = [*AUTOMATIC, *GIVEN]
every_run = pytest.mark.parametrize(("method", "rate"), RUNS)
loops = pytest.mark.parametrize("method", LOOPS)
backends = pytest.mark.parametrize("backend", BACKENDS)
BITS = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "grad_norm", "learning_rate")


def options_for(method, rate, **more):
    """Options of one of RUNS; the given rates suit the problem `quadratic`."""
    return more if rate == "auto" else options_of(method, **more)


def same(a, b, names=BITS):
    for name in names:
        assert np.array_equal(a[name], b[name], equal_nan=True), name


def residual(x, g, lower, upper):
    """The projected gradient, as in the textbooks."""
    x, g = x.astype(float), g.astype(float)
    return float(np.abs(x - np.clip(x - g, lower, upper)).max())


def assert_optimal(result, gradient, lower, upper, gtol=1e-5):
    """Karush, Kuhn and Tucker: within the bounds, and the gradient pushes against active ones."""
    x = result.x
    assert result.success, result.message
    assert ((lower <= x) & (x <= upper)).all()
    g = gradient(x)
    np.testing.assert_array_equal(result.jac, g)
    inside = (lower < x) & (x < upper)
    # A variable next to a bound may be pushed towards it by more than gtol.
    room = np.where(g > 0.0, x - lower, upper - x)
    assert (np.minimum(np.abs(g), room)[inside] <= gtol).all()
    only_lower, only_upper = (x == lower) & (x < upper), (x == upper) & (x > lower)
    assert (g[only_lower] >= -gtol).all()
    assert (g[only_upper] <= gtol).all()
    assert result.grad_norm == pytest.approx(residual(x, g, lower, upper), rel=1e-9, abs=1e-12)
    assert result.grad_norm <= gtol


# The minimizer of `quadratic` in a box is its minimizer without one, clipped.
QUADRATIC = PROBLEMS["quadratic"]
LOWER = np.array([-math.inf, 0.75, -1.0, -math.inf, 0.125])
UPPER = np.array([0.5, math.inf, 1.0, 0.25, math.inf])
QUADRATIC_MIN = np.clip(QUADRATIC.x_min, LOWER, UPPER)
QUADRATIC_ACTIVE = np.array([True, True, False, False, True])


def quadratic(method, rate, how="fused", dtype=np.float64, lower=LOWER, upper=UPPER, **more):
    x0, args = QUADRATIC.in_dtype(dtype)
    fun, jac = objectives.style("quadratic", how)
    options = options_for(method, rate, **more)
    bounds = Bounds(lower, upper)
    return minimize(fun, x0, args=args, jac=jac, method=method, bounds=bounds, options=options)


def rosenbrock(x):
    g = np.empty_like(x)
    return objectives.rosenbrock_fused(x, g), g


ROSENBROCK_BOX = (np.array([-1.5, -2.0, -0.5, 0.0]), np.array([0.8, 2.0, 0.3, 2.0]))


def solve_rosenbrock(method, rate="auto", callback=None, **options):
    """Two active bounds, two free variables."""
    if rate == "given":
        more = {"momentum": 0.8} if method in ("momentum", "nesterov") else {}
        scaled = 5e-4 if method in LOOPS else SMALL_RATES[method]
        options = {"learning_rate": scaled, **more, **options}
    return minimize(
        objectives.rosenbrock_fused, [0.5] * 4, jac=True, method=method, callback=callback,
        bounds=Bounds(*ROSENBROCK_BOX), options=options,
    )  # fmt: skip


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


class Recorder:
    """A quadratic that keeps all points at which it is evaluated."""

    def __init__(self):
        self.points = []

    def fun(self, x):
        self.points.append(np.real(x).copy())
        return (((x - 3.0) ** 2) * (1.0 + np.arange(x.size))).sum()

    def jac(self, x):
        self.points.append(x.copy())
        return 2.0 * (x - 3.0) * (1.0 + np.arange(x.size, dtype=x.dtype))

    def both(self, x):
        return float(self.fun(x)), self.jac(x)


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


# -- the same in every way to run ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", ["fused", "returning", "2-point", "3-point", "cs"])
@every_run
def test_compiled_is_python_bit_for_bit(method, rate, how, dtype):
    more = {"maxiter": 30, "history": True, "return_all": True}
    compiled = quadratic(method, rate, how, dtype, backend="numba", **more)
    python = quadratic(method, rate, how, dtype, backend="python", **more)
    assert (compiled.backend, python.backend) == BACKENDS
    same(compiled, python)
    assert np.array_equal(compiled.allvecs, python.allvecs)
    for key, values in compiled.history.items():
        assert np.array_equal(values, python.history[key], equal_nan=True), key


@every_run
def test_watching_changes_nothing(method, rate):
    plain = solve_rosenbrock(method, rate, maxiter=60)
    seen, results = [], []
    options = {"maxiter": 60}

    def watch(intermediate_result):
        results.append(intermediate_result)

    watched = [
        solve_rosenbrock(method, rate, history=True, **options),
        solve_rosenbrock(method, rate, return_all=True, **options),
        solve_rosenbrock(method, rate, maxtime=1e6, **options),
        solve_rosenbrock(method, rate, callback=seen.append, **options),
        solve_rosenbrock(method, rate, backend="python", **options),
    ]
    with_result = solve_rosenbrock(method, rate, callback=watch, **options)
    counts = ("nfev", "njev") if method == "nesterov" and rate == "given" else ()
    same(plain, with_result, [name for name in BITS if name not in counts])
    for other in watched:
        same(plain, other)
    assert len(seen) == len(results) == plain.nit
    lower, upper = ROSENBROCK_BOX
    for x, found in zip(seen, results, strict=True):
        assert np.array_equal(x, found.x)
        f, g = rosenbrock(x)
        assert found.fun == f and np.array_equal(found.jac, g)
        assert found.grad_norm == pytest.approx(residual(x, g, lower, upper), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("method", "rate"), [*GIVEN, ("momentum", "auto"), ("gd", "auto")])
def test_history_is_that_of_the_iterates(method, rate):
    result = solve_rosenbrock(method, rate, maxiter=70, history=True, return_all=True)
    lower, upper = ROSENBROCK_BOX
    history = result.history
    assert len(history["fun"]) == len(history["grad_norm"]) == result.nit + 1
    assert len(history["learning_rate"]) == result.nit
    assert (history["learning_rate"] > 0.0).all()
    if method == "nesterov":
        return  # the look-ahead points'
    for k, x in enumerate(result.allvecs[: result.nit + 1]):
        f, g = rosenbrock(x)
        assert history["fun"][k] == f
        assert history["grad_norm"][k] == pytest.approx(
            residual(x, g, lower, upper), rel=1e-9, abs=1e-12
        )


@every_run
def test_a_short_run_is_the_beginning_of_a_long_one(method, rate):
    long = solve_rosenbrock(method, rate, maxiter=40, return_all=True, gtol=0.0)
    for maxiter in (0, 1, 5, 20):
        short = solve_rosenbrock(method, rate, maxiter=maxiter, return_all=True, gtol=0.0)
        k = min(maxiter, long.nit)
        assert short.nit == k
        assert np.array_equal(short.allvecs, long.allvecs[: k + 1])


WITHOUT_NUMBA = """
import sys
import numpy as np, objectives
from cases import AUTOMATIC, METHODS, PROBLEMS, options_of
from fastmomentum import minimize
from scipy.optimize import Bounds
np.seterr(all="ignore")
problem = PROBLEMS["quadratic"]
bounds = Bounds([-np.inf, 0.75, -1.0, -np.inf, 0.125], [0.5, np.inf, 1.0, 0.25, np.inf])
for method in METHODS:
    for how in ("fused", "2-point", "3-point"):
        for options in (options_of(method, maxiter=12), {"maxiter": 8}):
            if method not in AUTOMATIC and len(options) == 1:
                continue
            fun, jac = objectives.style("quadratic", how)
            res = minimize(fun, problem.x0, args=problem.args, jac=jac, method=method,
                           bounds=bounds, options={"history": True, **options})
            numbers = (res.fun, res.grad_norm, *res.x.tolist(), *res.history["grad_norm"].tolist())
            sys.stdout.write(f"{method} {how} {len(options) > 1} "
                             f"{res.status} {res.nit} {res.nfev} {res.njev} "
                             f"{' '.join(v.hex() for v in numbers)}\\n")
"""


def test_without_numba_it_is_the_same():
    """``NUMBA_DISABLE_JIT=1``: to the bit with given rates, whose sums keep their order."""
    compiled = run_here(WITHOUT_NUMBA).splitlines()
    python = run_python(WITHOUT_NUMBA, env={"NUMBA_DISABLE_JIT": "1"}).stdout.splitlines()
    assert len(compiled) == len(python) == len(RUNS) * 3
    for ours, theirs in zip(compiled, python, strict=True):
        if " True " in ours:
            assert ours == theirs
            continue
        ours, theirs = ours.split(), theirs.split()
        assert ours[:7] == theirs[:7]
        a, b = ([float.fromhex(v) for v in line[7:]] for line in (ours, theirs))
        # Differences amplify the rounding.
        tolerance = 1e-9 if ours[1] == "fused" else 1e-5
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


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


# -- endings ---------------------------------------------------------------------------------------

# Options, the fault of `faulty`, callback, and the status; a bound is active at the solution.
ENDINGS = {
    "gtol": ({}, (NO_FAULT, 0, math.inf), None, Status.CONVERGED),
    "maxiter": ({"maxiter": 2, "gtol": 0.0}, (NO_FAULT, 0, math.inf), None, Status.MAXITER),
    "maxfev": ({"maxfev": 2, "gtol": 0.0}, (NO_FAULT, 0, math.inf), None, Status.MAXFEV),
    "nan at x0": ({}, (FUN_NAN, 0, -1.0), None, Status.NONFINITE),
    "callback": ({"gtol": 0.0}, (NO_FAULT, 0, math.inf), stop_at(2), Status.CALLBACK),
    "Ctrl-C": (
        {"on_interrupt": "return", "gtol": 0.0},
        (NO_FAULT, 0, math.inf), interrupt_at(2), Status.INTERRUPTED,
    ),
}  # fmt: skip


@backends
@pytest.mark.parametrize("name", ENDINGS)
@every_run
def test_every_ending(method, rate, name, backend):
    options, fault, callback, status = ENDINGS[name]
    given = {} if rate == "auto" else {"learning_rate": SMALL_RATES[method], "maxiter": 100_000}
    lower, upper = np.array([-1.0, -1.0, 1.5]), np.array([0.8, 2.0, 3.0])
    result = minimize(
        faulty, [0.0, 0.0, 2.0], args=fault, jac=True, method=method, callback=callback,
        bounds=Bounds(lower, upper), options={**given, **options, "backend": backend},
    )  # fmt: skip
    assert result.status == status
    assert result.success == (status == Status.CONVERGED)
    assert ((lower <= result.x) & (result.x <= upper)).all()
    f = faulty(result.x, np.empty(3), *fault)
    assert result.fun == f or (math.isnan(f) and math.isnan(result.fun))


@every_run
def test_patience(method, rate):
    """No new lowest value: at the floor of the arithmetic, or where the rate is too large."""
    options = {"patience": 3, "gtol": 0.0, "maxiter": 100_000}
    if rate == "given":
        options["learning_rate"] = 5.0 if method == "adadelta" else 0.9
    x_min = np.array([0.1, 0.7, 1.0 / 3.0])

    def fun(x):
        r = x - x_min
        return 1.0 + float(r @ r), 2.0 * r

    result = minimize(
        fun, [-2.0, 2.0, -1.0], jac=True, method=method, bounds=Bounds(-2.0, [2.0, 0.6, 2.0]),
        options=options,
    )  # fmt: skip
    # A run may find the exact minimum, or the floor, before its patience ends.
    assert result.status in (Status.STAGNATION, Status.CONVERGED, Status.PRECISION_LOSS)
    if rate == "auto":
        assert result.x[1] == 0.6
        np.testing.assert_allclose(result.x, [0.1, 0.6, 1.0 / 3.0], atol=0.02)


@loops
def test_stagnation_is_reached(method):
    """A wrong gradient: values soon fall no more."""
    result = minimize(
        lambda x: (abs(float(x[0] - 0.3)) + 1.0, np.array([math.sin(1e4 * x[0]) + 2.0])), [0.9],
        jac=True, method=method, bounds=[(-1.0, 1.0)], options={"patience": 1},
    )  # fmt: skip
    assert result.status in (Status.STAGNATION, Status.PRECISION_LOSS)
    assert not result.success


@loops
def test_rounding_ends_a_run_without_tolerance(method):
    result = solve_rosenbrock(method, gtol=0.0, maxiter=100_000)
    assert result.status in (Status.PRECISION_LOSS, Status.CONVERGED)
    assert result.grad_norm < 1e-6
    assert result.nfev < 3000


@every_run
def test_maxtime(method, rate):
    more = {} if rate == "auto" else {"learning_rate": 1e-9}
    result = minimize(
        busy, np.zeros(200), args=(500_000,), jac=True, method=method,
        bounds=Bounds(-1.0, np.linspace(0.5, 2.0, 200)),
        options={"maxtime": 0.01, "gtol": 0.0, "maxiter": 2**40, **more},
    )  # fmt: skip
    assert result.status == Status.MAXTIME
    assert result.nit < 100


def walled(x):
    """A bowl around 1 that is nan where x[0] > 0.6, within the box."""
    if x[0] > 0.6:
        return math.nan, np.full(x.size, math.nan)
    return float(((x - 1.0) ** 2).sum()), 2.0 * (x - 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("method", "rate"), RUNS)
def test_nan_inside_the_box(method, rate, bad):
    def fun(x):
        f, g = walled(x)
        return (f, g) if math.isfinite(f) else (bad, g)

    more = {} if rate == "auto" else {"learning_rate": SMALL_RATES[method], "maxiter": 20_000}
    result = minimize(
        fun, np.zeros(3), jac=True, method=method, bounds=Bounds(-1.0, [2.0, 0.5, 2.0]),
        options=more,
    )  # fmt: skip
    assert result.status in (Status.NONFINITE, Status.PRECISION_LOSS)
    assert np.isfinite(result.fun) and np.isfinite(result.jac).all()
    assert result.fun == walled(result.x)[0] < 3.0
    if rate == "auto":
        assert result.x[0] > 0.3


@pytest.mark.parametrize("at", [1, 2, 4, 9])
@every_run
def test_exceptions_carry_the_best_point(method, rate, at):
    values = []

    def fun(x):
        if len(values) == at:
            raise ArithmeticError("enough")
        f, g = rosenbrock(x)
        values.append((f, x.copy()))
        return f, g

    more = {} if rate == "auto" else {"learning_rate": 1e-4}
    with pytest.raises(ArithmeticError, match="enough") as caught:
        minimize(fun, [0.5] * 4, jac=True, method=method, bounds=Bounds(*ROSENBROCK_BOX),
                 options={"gtol": 0.0, **more})  # fmt: skip
    best = min(values, key=lambda entry: entry[0])
    result = caught.value.result
    assert result.fun == best[0]
    assert np.array_equal(result.x, best[1])
    assert not result.success


@every_run
def test_the_best_point_is_kept(method, rate):
    values = []

    def fun(x):
        f, g = rosenbrock(x)
        values.append(f)
        return f, g

    more = {} if rate == "auto" else {"learning_rate": 2e-3}
    for maxfev in (2, 5, 11):
        values.clear()
        result = minimize(fun, [0.5] * 4, jac=True, method=method, bounds=Bounds(*ROSENBROCK_BOX),
                          options={"gtol": 0.0, "maxfev": maxfev, **more})  # fmt: skip
        assert result.fun == min(values)


@every_run
def test_counts_are_calls(method, rate):
    recorder = Recorder()
    calls = []

    def fun(x):
        calls.append(x)
        return recorder.both(x)

    result = minimize(
        fun, np.zeros(4), jac=True, method=method, bounds=Bounds(-1.0, [1.0, 2.0, 4.0, 5.0]),
        options=options_for(method, rate, maxiter=50),
    )  # fmt: skip
    assert result.nfev == result.njev == len(calls)
    assert "support" not in result
