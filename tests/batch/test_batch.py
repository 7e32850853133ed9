"""`minimize_batch`: every row is the single run."""

import itertools

import numpy as np
import objectives
import pytest
from batches import AUTOMATIC, NUMBERS, assert_rows, at, bits, quadratics
from cases import METHODS, STYLES, options_of
from numba import njit
from parameters import some
from processes import run_here, run_python
from scipy.optimize import Bounds

from fastmomentum import minimize_batch, penalties, schedules

# -- every row is the single run -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "dtype"),
    some(
        itertools.product(STYLES, [np.float64, np.float32]),
        lambda how, dtype: dtype == np.float64 or how in ("fused", "3-point"),
    ),
)
def test_styles(how, dtype):
    X0, args = quadratics(dtype)
    fun, jac = objectives.style("quadratic", how)
    # The complex step is compared with differences once, in the first row here.
    except_ = ("nfev", "njev") if how == "cs" else ()
    assert_rows(fun, X0, args, True, jac=jac, except_=except_)
    options = {"learning_rate": 0.05, "maxiter": 60}
    assert_rows(fun, X0, args, True, jac=jac, options=options, except_=except_)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_methods(method, dtype):
    X0, args = quadratics(dtype)
    fun, jac = objectives.style("quadratic", "fused")
    options = options_of(method, maxiter=300)
    assert_rows(fun, X0, args, True, jac=jac, method=method, options=options)
    if method in AUTOMATIC:
        assert_rows(fun, X0, args, True, jac=jac, method=method, options={"ftol": 1e-9})
    options["learning_rate"] = schedules.Step(options["learning_rate"], 0.7, 20)
    assert_rows(fun, X0, args, True, jac=jac, method=method, options=options)


@pytest.mark.parametrize("method", AUTOMATIC)
def test_curved_functions(method):
    """Line searches, restarts, and a memory that must begin anew in each problem."""
    rng = np.random.default_rng(1)
    X0 = rng.uniform(-2.0, 2.0, (30, 2))
    found = assert_rows(objectives.rosenbrock_fused, X0, jac=True, method=method)
    assert found.success.sum() >= 28


def test_the_memory_of_a_problem_does_not_reach_the_next():
    """Alone, after others, and in any chunk."""
    X0 = np.random.default_rng(2).uniform(-2.0, 2.0, (40, 2))
    whole = minimize_batch(objectives.rosenbrock_fused, X0, jac=True, workers=1)
    for rows in ([39], [3, 17], list(range(39, -1, -1))):
        part = minimize_batch(objectives.rosenbrock_fused, X0[rows], jac=True, workers=1)
        for name in (*NUMBERS, "x", "jac"):
            assert bits(part[name]) == bits(whole[name][rows]), name


@pytest.mark.parametrize(
    "options",
    [
        {"maxiter": 0},
        {"maxiter": 3},
        {"maxfev": 1},
        {"maxfev": 7},
        {"gtol": 1e-10},
        {"ftol": 1e-4},
        {"xtol": 1e-4},
        {"patience": 1},
        {"memory": 2},
        {"x_scale": [1.0, 2.0, 0.5, 1.0, 3.0]},
        {"learning_rate": 0.05, "momentum": 0.5, "patience": 2},
        {"learning_rate": 0.05, "maxiter": 0},
        {"learning_rate": 10.0},  # diverges
        {"learning_rate": lambda k: 0.1 / (1 + k), "maxiter": 50},
        {"learning_rate": 0.05, "momentum": lambda k: 0.5 + 0.3 * (k % 2), "maxiter": 500},
    ],
    ids=lambda options: " ".join(options) + str(options.get("maxfev", "")),
)
def test_options(options):
    X0, args = quadratics()
    fun, jac = objectives.style("quadratic", "fused")
    for method in ("momentum", "nesterov"):
        if method == "nesterov" and ("memory" in options or "x_scale" in options):
            continue
        assert_rows(fun, X0, args, True, jac=jac, method=method, options=options)


@pytest.mark.parametrize("norm", [1, 2, 3, -np.inf])
def test_norms(norm):
    """The norm of the result differs in its last digits: NumPy adds in another order."""
    X0, args = quadratics()
    fun, jac = objectives.style("quadratic", "fused")
    found = assert_rows(
        fun, X0, args, True, jac=jac, options={"norm": norm}, except_=("grad_norm",)
    )
    expected = np.linalg.norm(found.jac, norm, axis=1)
    np.testing.assert_allclose(found.grad_norm, expected, rtol=1e-14)


@pytest.mark.parametrize("how", ["2-point", "3-point", "cs"])
@pytest.mark.parametrize("maxfev", [1, 4, 40])
def test_maxfev_of_differences(how, maxfev):
    X0, args = quadratics()
    fun, jac = objectives.style("quadratic", how)
    except_ = ("nfev", "njev", "status", "nit", "fun") if how == "cs" else ()
    if how == "cs" and maxfev == 40:  # the check of the complex step counts in a single run
        return
    assert_rows(fun, X0, args, True, jac=jac, options={"maxfev": maxfev}, except_=except_)


# -- bounds and penalties --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "dtype"),
    some(
        itertools.product([*AUTOMATIC, "adam"], [np.float64, np.float32]),
        lambda method, dtype: dtype == np.float64 or method == "momentum",
    ),
)
def test_bounds(method, dtype):
    X0, args = quadratics(dtype, 8)
    fun, jac = objectives.style("quadratic", "fused")
    options = options_of(method) if method == "adam" else {}
    kwargs = {"jac": jac, "method": method, "options": options}
    assert_rows(fun, X0, args, True, bounds=[(0.1, 0.3)] * 5, **kwargs)
    rng = np.random.default_rng(8)
    lower = rng.standard_normal((8, 5)) * 0.2
    lower[1] = -np.inf
    upper = lower + rng.uniform(0.0, 0.3, (8, 5))
    upper[1] = np.inf  # no bounds at all
    upper[2] = lower[2]  # all fixed
    upper[3, 1:] = np.inf
    upper[4] = 1e300
    found = assert_rows(fun, X0, args, True, bounds=Bounds(lower, upper), **kwargs)
    if method != "adam":
        assert ((lower <= found.x) & (found.x <= upper) | (dtype == np.float32)).all()
    upper[2] += 0.1
    for how in ("2-point", "3-point"):
        fun_, jac_ = objectives.style("quadratic", how)
        found = assert_rows(
            fun_, X0, args, True, bounds=Bounds(lower, upper), **{**kwargs, "jac": jac_}
        )


def test_bounds_where_the_first_rows_cannot_be_used():
    """The first row has other bounds than the first that is run, in which fun is checked."""
    lower = np.array([[-5.0, -5.0], [2.0, 2.0], [3.0, 3.0]])
    X0 = np.array([[np.nan, 0.0], [0.0, 0.0], [0.0, 0.0]])

    @njit
    def fun(x, out):
        if x[0] < 2.0:
            raise ValueError("outside")
        out[0] = 2.0 * x[0]
        out[1] = 2.0 * x[1]
        return x[0] * x[0] + x[1] * x[1]

    found = minimize_batch(fun, X0, jac=True, bounds=Bounds(lower, np.full((3, 2), np.inf)))
    assert found.status.tolist() == [3, 0, 0]
    np.testing.assert_array_equal(found.x[1:], lower[1:])


@pytest.mark.parametrize(
    ("method", "dtype"),
    some(
        itertools.product(AUTOMATIC, [np.float64, np.float32]),
        lambda method, dtype: dtype == np.float64 or method == "momentum",
    ),
)
def test_separable_penalties(method, dtype):
    X0, args = quadratics(dtype, 8)
    fun, jac = objectives.style("quadratic", "fused")
    for h in (
        penalties.L1(0.3),
        penalties.ElasticNet(np.arange(1.0, 6.0) / 10, 0.2) + penalties.NonNegative(),
    ):
        found = assert_rows(fun, X0, args, True, jac=jac, method=method, penalty=h)
        assert (found.x == 0.0).any()
        lower = np.tile(np.linspace(-0.5, 0.3, 8)[:, None], 5)
        upper = lower + 0.8
        lower[2], upper[2] = -np.inf, np.inf
        bounds = Bounds(lower, upper)
        assert_rows(fun, X0, args, True, jac=jac, method=method, penalty=h, bounds=bounds)


def test_other_penalties():
    """Their problems are compiled runs one after the other."""
    X0, args = quadratics(np.float64, 4)
    fun, jac = objectives.style("quadratic", "fused")
    found = assert_rows(fun, X0, args, True, jac=jac, penalty=penalties.TV1D(0.1))
    assert found.backend == "numba"
    found = assert_rows(fun, X0, args, True, jac=jac, penalty=penalties.Simplex(), method="gd")
    np.testing.assert_allclose(found.x.sum(axis=1), 1.0)


# -- sizes -----------------------------------------------------------------------------------------


def test_one_problem_of_one_variable():
    found = assert_rows(at, np.array([[3.0]]), (np.array([1.0]),), True, jac=True)
    assert found.x.shape == found.jac.shape == (1, 1)


def test_many_small_problems():
    values = np.random.default_rng(0).standard_normal(100_000)
    found = minimize_batch(at, [0.0], (values,), True, jac=True)
    assert found.success.all()
    np.testing.assert_allclose(found.x[:, 0], values, atol=1e-5)


MEMORY = """
import resource, sys, tracemalloc
import numpy as np
import batches
from fastmomentum import minimize_batch
y = np.load("{folder}/y.npy", mmap_mode="r")
x = np.load("{folder}/x.npy", mmap_mode="r")
def solve(count, workers):
    return minimize_batch(batches.at_row, x[:count], (y[:count],), True, jac=True,
                          workers=workers)
solve(10, 2)
tracemalloc.start()
found = solve(len(x), 4)
peak = tracemalloc.get_traced_memory()[1]
sys.stdout.write(f"{{peak}} {{found.success.all()}}")
"""


def test_memory(tmp_path):
    """No copy of the data: only the results, and a workspace per thread."""
    rows, n = 40_000, 8
    rng = np.random.default_rng(0)
    np.save(tmp_path / "y.npy", rng.standard_normal((rows, n)))
    np.save(tmp_path / "x.npy", rng.standard_normal((rows, n)))
    peak, good = run_python(MEMORY.format(folder=tmp_path)).stdout.split()
    assert good == "True"
    # x, jac, the numbers and the counts twice (once as columns), and 1 MB.
    results = rows * 8 * (2 * n + 2 * (3 + 6) + 6)
    assert int(peak) < results + 1_000_000


def test_without_numba():
    code = """
    import sys, warnings
    import numpy as np, objectives
    warnings.simplefilter("ignore", RuntimeWarning)  # NumPy warns where compiled code does not
    from fastmomentum import minimize_batch
    rng = np.random.default_rng(3)
    X0, args = rng.standard_normal((5, 5)), (rng.uniform(1, 9, (5, 5)), rng.uniform(1, 2, (5, 5)))
    fun, jac = objectives.style("quadratic", "fused")
    for kwargs in ({}, {"bounds": [(0.0, 0.2)] * 5}, {"options": {"learning_rate": 0.05}}):
        found = minimize_batch(fun, X0, args, True, jac=jac, **kwargs)
        sys.stdout.write(" ".join(map(str, [*found.x.ravel(), *found.status, *found.nfev])) + " ")
    """
    with_numba = np.array(run_here(code).split(), float)
    assert with_numba.size == 3 * 35
    # The automatic methods may add in another order.
    without = np.array(run_python(code, env={"NUMBA_DISABLE_JIT": "1"}).stdout.split(), float)
    np.testing.assert_allclose(without, with_numba, rtol=1e-12, atol=1e-12)


# -- errors ----------------------------------------------------------------------------------------


def test_penalty_and_bounds_of_a_later_row_leave_nothing():
    lower = np.zeros((4, 2))
    lower[2, 1] = -3.0
    upper = lower + 1.0
    with pytest.raises(ValueError, match=r"no value for x\[1\] of problem 2: \(0.0, -2.0\)"):
        minimize_batch(objectives.sphere_fused, np.ones((4, 2)), jac=True,
                       bounds=Bounds(lower, upper), penalty=penalties.NonNegative())  # fmt: skip


def test_the_result():
    found = minimize_batch(objectives.sphere_fused, np.full((4, 2), 3.0), jac=True)
    assert set(found) == {
        *NUMBERS, "message", "success", "x", "jac", "time", "backend", "workers"
    }  # fmt: skip
    for name in NUMBERS:
        assert found[name].shape == (4,)
    assert found.time > 0.0 and "x:" in repr(found)
