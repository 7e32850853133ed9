"""Problems with bounds, and what holds at their solutions."""

import math

import cases
import numpy as np
import objectives
import pytest
from cases import METHODS, PROBLEMS, SMALL_RATES, options_of
from scipy.optimize import Bounds

from fastmomentum import minimize

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
