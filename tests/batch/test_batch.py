"""`minimize_batch`: every row is the single run, in threads, whatever stops them."""

import ctypes
import itertools
import math
import multiprocessing
import threading
import time

import numba
import numpy as np
import objectives
import pytest
from cases import METHODS, STYLES, options_of
from endings import raising
from numba import njit
from parameters import some
from processes import run_here, run_python
from scipy import LowLevelCallable
from scipy.optimize import Bounds, OptimizeWarning

from fastmomentum import CompilationWarning, minimize, minimize_batch, penalties, schedules

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


# -- arguments -------------------------------------------------------------------------------------


@njit
def at(x, out, a):
    out[0] = 2.0 * (x[0] - a)
    return (x[0] - a) ** 2


@njit
def at_two(x, out, a, b):
    out[0] = 2.0 * (x[0] - a) + 4.0 * (x[0] - b) ** 3
    return (x[0] - a) ** 2 + (x[0] - b) ** 4


@njit
def at_row(x, out, a):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - a[i])
        total += (x[i] - a[i]) ** 2
    return total


@njit
def at_matrix(x, out, a, scale):
    total = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(a.shape[0]):
        r = -1.0 * scale
        for j in range(a.shape[1]):
            r += a[i, j] * x[j]
        total += r * r
        for j in range(a.shape[1]):
            out[j] += 2.0 * r * a[i, j]
    return total


@njit
def with_tuple(x, out, pair, a, weights):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * weights[i] * (x[i] - a - pair[0][i]) * pair[1]
        total += weights[i] * (x[i] - a - pair[0][i]) ** 2 * pair[1]
    return total


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.int8, np.uint16])
def test_numbers(dtype):
    values = np.array([3, 1, 4, 1, 5], dtype)
    found = assert_rows(at, [0.5], (values,), True, jac=True)
    np.testing.assert_allclose(found.x[:, 0], values, atol=1e-5)
    # Of every second number, and backwards, too.
    assert_rows(at, [0.5], (np.repeat(values, 2)[::-2],), True, jac=True)
    assert_rows(at, np.ones((5, 1), np.float32), (values,), True, jac=True)


@pytest.mark.parametrize(
    ("a", "b", "batched"),
    [
        (np.arange(4.0), np.arange(4.0)[::-1], True),  # one type: an array in the context
        (np.arange(4.0), 2.0, (True, False)),
        (2.0, np.arange(4.0), (False, True)),
        (np.arange(4, dtype=np.int8), np.arange(4.0), True),  # a struct with padding
        (np.arange(4.0), np.arange(4, dtype=np.int32), True),
        (np.int8(2), np.arange(4, dtype=np.int16), (False, True)),
    ],
)
def test_two_numbers(a, b, batched):
    assert_rows(at_two, [0.5], (a, b), batched, jac=True)


def other_order(a):
    return a.astype(a.dtype.newbyteorder())


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        lambda a: a.astype(np.float32),
        lambda a: a.astype(np.uint8),
        lambda a: a > 1.0,
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: np.repeat(a, 3, axis=0)[::3],
        lambda a: a[::-1],
    ],
    ids=["plain", "float32", "uint8", "bool", "F", "strided", "rows apart", "reversed"],
)
def test_rows_of_arrays(make):
    rows = make(np.random.default_rng(4).uniform(0.0, 4.0, (5, 3)))
    found = minimize_batch(at_row, np.zeros(3), (rows,), True, jac=True)
    plain = np.ascontiguousarray(rows)
    assert_rows(at_row, np.zeros(3), (plain,), True, jac=True)
    np.testing.assert_allclose(found.x, rows, atol=1e-5)


def test_read_only_and_byte_swapped_and_unaligned_rows():
    rows = np.random.default_rng(4).standard_normal((5, 3))
    expected = minimize_batch(at_row, np.zeros(3), (rows,), True, jac=True)
    fixed = rows.copy()
    fixed.flags.writeable = False
    same(expected, assert_rows(at_row, np.zeros(3), (fixed,), True, jac=True))
    same(expected, minimize_batch(at_row, np.zeros(3), (other_order(rows),), True, jac=True))
    raw = np.zeros(rows.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float64).reshape(rows.shape)
    unaligned[:] = rows
    assert not unaligned.flags.aligned
    same(expected, minimize_batch(at_row, np.zeros(3), (unaligned,), True, jac=True))
    same(expected, minimize_batch(at_row, np.zeros(3), (rows.tolist(),), True, jac=True))


def test_memory_mapped(tmp_path):
    X0, (d, b) = quadratics()
    expected = minimize_batch(objectives.quadratic_fused, X0, (d, b), True, jac=True)
    maps = []
    for name, array in (("x", X0), ("d", d), ("b", b)):
        np.save(tmp_path / f"{name}.npy", array)
        maps.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    same(expected, minimize_batch(objectives.quadratic_fused, maps[0], maps[1:2] and (
        maps[1], maps[2]), True, jac=True))  # fmt: skip


def test_arrays_of_more_dimensions():
    rng = np.random.default_rng(5)
    images = rng.integers(0, 255, (6, 4, 3)).astype(np.uint8)
    assert_rows(at_matrix, np.zeros(3), (images, 200.0), (True, False), jac=True)
    assert_rows(at_matrix, np.zeros(3), (rng.standard_normal((6, 4, 3)), rng.uniform(1, 2, 6)),
                True, jac=True)  # fmt: skip
    shared = rng.standard_normal((4, 3))
    assert_rows(at_matrix, np.zeros(3), (shared, rng.uniform(1, 2, 6)), (False, True), jac=True)


def test_shared_tuples_between_batched_numbers():
    rng = np.random.default_rng(6)
    args = ((rng.standard_normal(3), 2.0), rng.standard_normal(4), rng.uniform(1.0, 2.0, (4, 3)))
    found = assert_rows(with_tuple, np.zeros(3), args, (False, True, True), jac=True)
    np.testing.assert_allclose(found.x, args[0][0] + args[1][:, None], atol=1e-4)


@njit
def with_default(x, a, power=2.0):
    return abs(x[0] - a) ** power


@njit
def single_valued(x, out, a):
    out[0] = np.float32(2.0) * (x[0] - a)
    return np.float32((x[0] - a) ** 2)


@njit
def as_list(x, a):
    return [2.0 * (x[0] - a)]


def test_adapted_functions():
    """Defaults, float32 values, gradients that are lists."""
    values = np.arange(4.0)
    assert_rows(with_default, [0.3], (values,), True)
    assert_rows(with_default, [0.3], (values, np.full(4, 4.0)), True)
    assert_rows(with_default, [0.3], (values,), True, jac=as_list)
    single = values.astype(np.float32)
    assert_rows(single_valued, np.zeros(1, np.float32), (single,), True, jac=True)
    assert_rows(single_valued, np.zeros(1), (values,), True, jac=True)


@numba.cfunc("f8(intc, CPointer(f8), voidptr)")
def c_with_data(n, x, data):
    values = numba.carray(data, 2, np.float64)
    return (x[0] - values[0]) ** 2 + 3.0 * (x[1] - values[1]) ** 2


@numba.cfunc("f8(intc, CPointer(f8), CPointer(f8))")
def c_fused(n, x, g):
    g[0] = 2.0 * (x[0] - 1.0)
    g[1] = 6.0 * x[1]
    return (x[0] - 1.0) ** 2 + 3.0 * x[1] ** 2


def test_c_functions():
    X0 = np.random.default_rng(7).standard_normal((6, 2))
    assert_rows(c_fused, X0, jac=True)
    values = np.array([0.5, -3.0])
    data = LowLevelCallable(c_with_data.ctypes, values.ctypes.data_as(ctypes.c_void_p))
    found = assert_rows(data, X0)
    assert_rows(data, X0, jac="3-point", options={"learning_rate": 0.1})
    np.testing.assert_allclose(found.x, np.tile(values, (6, 1)), atol=1e-4)
    with pytest.raises(TypeError, match="user_data"):
        minimize_batch(c_fused, X0, (np.arange(6.0),), True, jac=True)


@pytest.mark.parametrize("how", ["fused", "returning", "3-point"])
def test_python_functions(how):
    X0, args = quadratics()
    fun, jac = (getattr(f, "py_func", f) for f in objectives.style("quadratic", how))
    found = assert_rows(fun, X0, args, True, jac=jac)
    assert (found.backend, found.workers) == ("python", 1)
    compiled = minimize_batch(
        *(objectives.style("quadratic", how)[0], X0, args, True),
        jac=objectives.style("quadratic", how)[1],
    )
    same(found, compiled)


def test_functions_that_do_not_compile():
    values = np.arange(4.0)

    @njit
    def fun(x, a):
        return (x[0] - a) ** 2 + len(open.__doc__) * 0.0

    with pytest.warns(CompilationWarning) as seen:
        found = minimize_batch(fun, [0.3], (values,), True)
    assert len(seen) == 1 and seen[0].filename == __file__
    assert found.backend == "python" and found.success.all()
    with pytest.raises(TypeError, match="fun"):
        minimize_batch(fun, [0.3], (values,), True, options={"backend": "numba"})


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


# -- threads ---------------------------------------------------------------------------------------


def test_any_number_of_threads():
    y = decays(400)
    runs = [
        minimize_batch(decay, [1.0, 1.0], (TIMES, y), (False, True), jac=True, workers=w)
        for w in (1, 2, 3, 8, None)
    ]
    assert runs[0].success.all()
    assert [run.workers for run in runs[:4]] == [1, 2, 3, 8]
    for run in runs[1:]:
        same(runs[0], run)


def test_more_threads_than_problems():
    found = minimize_batch(decay, [1.0, 1.0], (TIMES, decays(2)), (False, True), jac=True,
                           workers=50)  # fmt: skip
    assert found.workers == 2 and found.success.all()


def test_from_several_threads_at_once():
    y = decays(300)
    expected = minimize_batch(decay, [1.0, 1.0], (TIMES, y), (False, True), jac=True)
    found = [None] * 4

    def work(i):
        found[i] = minimize_batch(
            decay, [1.0, 1.0], (TIMES, y), (False, True), jac=True, workers=1 + i % 2
        )

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        same(expected, one)


def _solve_some(queue):
    found = minimize_batch(decay, [1.0, 1.0], (TIMES, decays(100)), (False, True), jac=True,
                           workers=2)  # fmt: skip
    queue.put(found.x)


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_in_other_processes(start):
    expected = minimize_batch(
        decay, [1.0, 1.0], (TIMES, decays(100)), (False, True), jac=True, workers=2
    )
    context = multiprocessing.get_context(start)
    queue = context.Queue()
    process = context.Process(target=_solve_some, args=(queue,))
    process.start()
    found = queue.get(timeout=600)
    process.join()
    np.testing.assert_array_equal(found, expected.x)


@njit(parallel=True)
def in_parallel(x, out, a):
    total = 0.0
    for i in numba.prange(x.size):
        out[i] = 2.0 * (x[i] - a)
        total += (x[i] - a) ** 2
    return total


def test_functions_with_threads_of_their_own():
    found = minimize_batch(in_parallel, np.zeros(4), (np.arange(20.0),), True, jac=True, workers=4)
    assert found.workers == 1 and found.success.all()


# -- what ends a problem, and what ends them all ---------------------------------------------------


def test_rows_that_are_not_finite_fail_alone():
    y = decays(9)
    X0 = np.ones((9, 2))
    good = minimize_batch(decay, X0, (TIMES, y), (False, True), jac=True)
    y = y.copy()
    y[0, 3], y[5, 0] = np.nan, np.inf
    X0[2, 0], X0[8, 1] = np.nan, -np.inf
    for workers in (1, 2):
        found = minimize_batch(decay, X0, (TIMES, y), (False, True), jac=True, workers=workers)
        bad = [0, 2, 5, 8]
        assert found.status[bad].tolist() == [3, 3, 3, 3]
        assert np.isnan(found.fun[[0, 2, 8]]).all()
        rest = [i for i in range(9) if i not in bad]
        assert bits(found.x[rest]) == bits(good.x[rest])
        assert found.success[rest].all()
        assert found.nfev[[2, 8]].tolist() == [0, 0]
        assert np.isnan(found.jac[[2, 8]]).all()
        np.testing.assert_array_equal(found.x[bad], X0[bad])
    assert "5 converged" in found.message and "4 nonfinite" in found.message


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_nothing_can_be_started(backend):
    found = minimize_batch(
        objectives.sphere_fused, np.full((3, 2), np.nan), jac=True, options={"backend": backend}
    )
    assert found.status.tolist() == [3, 3, 3]
    found = minimize_batch(
        objectives.sphere_fused, np.ones((3, 2)), jac=True, skip=[True] * 3,
        options={"backend": backend},
    )  # fmt: skip
    assert found.status.tolist() == [-1, -1, -1] and found.nfev.sum() == 0


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_skip(backend):
    X0, args = quadratics(count=6)
    fun, jac = objectives.style("quadratic", "fused")
    skip = np.array([True, False, False, True, False, True])
    seen = []
    options = {"backend": backend}
    found = minimize_batch(fun, X0, args, True, jac=jac, skip=skip, options=options,
                           callback=lambda r: seen.append((r.n_done, r.n_converged)))  # fmt: skip
    assert found.status[skip].tolist() == [-1] * 3 and not found.success[skip].any()
    np.testing.assert_array_equal(found.x[skip], X0[skip])
    assert np.isnan(found.fun[skip]).all() and not found.nfev[skip].any()
    assert_rows(fun, X0, args, True, jac=jac, skip=skip, rows=np.flatnonzero(~skip))
    assert "3 skipped" in found.message
    assert seen[-1] == (6, 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_exceptions(workers):
    X0 = np.full((50, 3), 2.0)
    bounds = np.full(50, 10.0)
    bounds[20] = 1.0
    with pytest.raises(ArithmeticError, match="too far") as error:
        minimize_batch(raising, X0, (bounds,), True, jac=True, workers=workers)
    assert error.value.row == 20
    result = error.value.result
    assert result.status[20] == 5 and result.nfev[20] == 0
    assert result.success[:15].all()
    assert "result" in error.value.__notes__[0]
    bounds[0] = 1.0
    with pytest.raises(ArithmeticError) as error:  # where fun is checked
        minimize_batch(raising, X0, (bounds,), True, jac=True, workers=workers)
    assert error.value.row == 0 and error.value.result.nfev.sum() == 0
    with pytest.raises(ArithmeticError) as error:
        minimize_batch(raising.py_func, X0[:30], (bounds[10:40],), True, jac=True, workers=workers)
    assert error.value.row == 10
    assert error.value.result.success[:10].all() and not error.value.result.success[10:].any()


def test_exceptions_in_threads_leak_nothing():
    X0, bounds = np.full((8, 3), 2.0), np.full(8, 10.0)
    bounds[5] = 1.0
    before = threading.active_count()
    for _ in range(20):
        with pytest.raises(ArithmeticError):
            minimize_batch(raising, X0, (bounds,), True, jac=True, workers=2)
    assert threading.active_count() == before
    assert minimize_batch(raising, X0[:5], (bounds[:5],), True, jac=True).success.all()


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


@pytest.mark.parametrize("workers", [1, 2])
def test_maxtime(workers):
    """Long problems are stopped in their midst, those not reached are told apart."""
    minimize_batch(slow, np.ones((2, 2)), (10,), jac=True, options={**ENDLESS, "maxiter": 2})
    for maxtime in (0.3, 3.0, 30.0):  # until each thread had a turn
        begin, computed = time.perf_counter(), time.process_time()
        found = minimize_batch(slow, np.ones((9, 2)), (1000,), jac=True, workers=workers,
                               options={**ENDLESS, "maxtime": maxtime})  # fmt: skip
        assert time.perf_counter() - begin >= maxtime
        assert time.process_time() - computed < (maxtime + 2.0) * workers
        if (found.nfev > 0).sum() == workers:
            break
    assert (found.status == 4).all()
    assert (found.nfev > 0).sum() == workers
    assert (found.x[found.nfev > 0] < 1.0).all() and (found.x[found.nfev == 0] == 1.0).all()
    found = minimize_batch(slow, np.ones((9, 2)), (1,), jac=True, options={"maxtime": 1e-9})
    assert (found.status == 4).all() and found.nfev.sum() == 0


def test_maxtime_in_python(clock):
    def fun(x):
        clock.sleep(0.01)
        return x @ x

    found = minimize_batch(fun, np.ones((50, 2)), options={"maxtime": 0.2})
    assert found.success[0] and found.status[-1] == 4
    assert found.nfev[-1] == 0


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_callback(backend):
    counts = []

    def callback(intermediate_result):
        r = intermediate_result
        counts.append((r.n_done, r.n_problems, r.n_converged, r.time))

    found = minimize_batch(decay, [1.0, 1.0], (TIMES, decays(100)), (False, True), jac=True,
                           callback=callback, options={"backend": backend})  # fmt: skip
    assert counts[-1][:3] == (100, 100, found.success.sum())
    assert counts == sorted(counts)
    assert sum(c[0] == 100 for c in counts) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_callbacks_that_stop(workers):
    def stop(r):
        raise StopIteration

    kwargs = {"jac": True, "workers": workers, "options": ENDLESS}
    found = minimize_batch(slow, np.ones((9, 2)), (1000,), callback=stop, **kwargs)
    assert (found.status == 99).all()
    assert (found.nfev > 0).sum() == workers

    def fail(r):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as error:
        minimize_batch(slow, np.ones((9, 2)), (1000,), callback=fail, **kwargs)
    assert (error.value.result.status == 5).all()
    found = minimize_batch(lambda x: x @ x, np.ones((9, 2)), callback=stop)
    assert found.status.tolist() == [0] + [99] * 8


CTRL_C = """
import sys, time
import numpy as np
import test_batch
from clocks import ctrl_c_after
from fastmomentum import minimize_batch
kwargs = dict(args=(100,), jac=True, workers={workers})
options = {{**test_batch.ENDLESS, "on_interrupt": "{mode}"}}
# The same loop, so that nothing is left to compile when the key is pressed.
minimize_batch(test_batch.slow, np.ones((2, 2)), **kwargs, options={{**options, "maxiter": 1}})
try:
    with ctrl_c_after(0.2) as pressed:
        found = minimize_batch(test_batch.slow, np.ones((5, 2)), **kwargs, options=options)
    how = "return"
except KeyboardInterrupt as error:
    found, how = error.result, "raise"
seconds = time.process_time() - pressed[0]
sys.stdout.write(f"{{how}} {{set(found.status.tolist())}} {{(found.nfev > 0).sum()}} {{seconds}}")
"""


@pytest.mark.parametrize(
    ("mode", "workers"),
    some([("raise", 1), ("raise", 2), ("return", 2)], (("raise", 1), ("return", 2))),
)
def test_interrupt(mode, workers):
    out = run_python(CTRL_C.format(mode=mode, workers=workers)).stdout
    how, statuses, some, seconds = out.split()
    assert (how, statuses, int(some)) == (mode, "{5}", workers)
    assert float(seconds) < 2.0


def test_disp(capsys):
    minimize_batch(decay, [1.0, 1.0], (TIMES, decays(30)), (False, True), jac=True,
                   options={"disp": True})  # fmt: skip
    captured = capsys.readouterr()
    assert "30 problems: 30 converged." in captured.out
    assert "Function evaluations" in captured.out
    assert captured.err == ""
    with pytest.warns(OptimizeWarning, match="30 problems: 30 maxiter") as found:
        minimize_batch(decay, [1.0, 1.0], (TIMES, decays(30)), (False, True), jac=True,
                       options={"disp": True, "maxiter": 1})  # fmt: skip
    assert found[0].filename == __file__
    assert capsys.readouterr().out.startswith("         Function evaluations: ")
    minimize_batch(decay, [1.0, 1.0], (TIMES, decays(3)), (False, True), jac=True,
                   skip=np.array([True, False, False]), options={"disp": True})  # fmt: skip
    assert "2 converged" in capsys.readouterr().out


def test_schedules_with_bad_values():
    """An error where the value is needed, and in the problem that needs it."""

    def rate(k):
        return 0.05 if k < 10 else -1.0

    X0, args = quadratics()
    X0[:3] = args[1][:3] / args[0][:3]  # there already
    fun, jac = objectives.style("quadratic", "fused")
    found = minimize_batch(fun, X0[:3], tuple(a[:3] for a in args), True, jac=jac,
                           options={"learning_rate": rate})  # fmt: skip
    assert found.success.all()
    for method in ("gd", "nesterov"):
        for name in ("learning_rate", "momentum")[: 1 + (method == "nesterov")]:
            options = {"learning_rate": 0.05, name: rate}
            with pytest.raises(ValueError, match=rf"{name}\(10\) must be") as error:
                minimize_batch(fun, X0, args, True, jac=jac, method=method, options=options)
            assert error.value.row in (3, 4)


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
import test_batch
from fastmomentum import minimize_batch
y = np.load("{folder}/y.npy", mmap_mode="r")
x = np.load("{folder}/x.npy", mmap_mode="r")
def solve(count, workers):
    return minimize_batch(test_batch.at_row, x[:count], (y[:count],), True, jac=True,
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
