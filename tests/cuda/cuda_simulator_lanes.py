"""Objectives in parts in batches on the device, in Numba's simulator, beside the processor.

Run by test_cuda.py like cuda_simulator.py. With one thread for each problem both sides must agree
to the last bit.
"""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from numba import cuda, njit
from parts import SUM, TIMES, in_lanes, misfit, n_samples
from simulated import COLUMNS, STARTS, assert_same, both, gradient, stopping

from fastmomentum import Status, minimize_batch, penalties
from fastmomentum._batch import report as _batch_report
from fastmomentum._cuda import batch as kernels
from fastmomentum._cuda import lanes, launch
from fastmomentum.objectives import entrywise, sum_of_terms

# A device is silent about inf - inf.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rate", ["auto", 1e-2])
def test_sum_of_terms(rate, dtype):
    options = {"learning_rate": rate, "maxiter": 60, "gtol": 1e-2 if dtype == np.float32 else 1e-5}
    kwargs = {**SUM, "X0": np.ones(2, dtype), "options": options}
    if dtype == np.float32:
        device, processor = both(in_lanes(1), **kwargs)
        assert device.x.dtype == np.float32
        np.testing.assert_allclose(device.x, processor.x, rtol=1e-2)
    else:
        # The order of the terms is the processor's.
        assert_same(in_lanes(1), **kwargs)
        assert_same(in_lanes(None), **kwargs)


@pytest.mark.parametrize("rate", ["auto", 1e-2])
def test_sum_of_terms_with_limits(rate):
    options = {"learning_rate": rate, "maxiter": 30}
    kwargs = {**SUM, "bounds": [(None, 2.0), (0.6, None)], "options": options}
    assert_same(in_lanes(1), **kwargs)
    if rate == "auto":
        assert_same(in_lanes(1), **{**kwargs, "penalty": penalties.L1(0.1)})


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e-2},
        {"learning_rate": 1e-2, "bounds": [(None, 2.0), (0.6, None)], "maxiter": 4},
        {"method": "gd", "maxiter": 5},
        {"maxiter": 5, "penalty": penalties.L1(0.1)},
    ],
    ids=["given", "bounds", "gd", "penalty"],
)
def test_lanes_that_share_a_problem(count, change):
    """More problems than groups of lanes, two of them equal, and seven terms."""
    change = dict(change)
    options = {k: change.pop(k) for k in ("learning_rate", "maxiter") if k in change}
    kwargs = {**SUM, **change, "options": {"maxiter": 6, **options}}
    device, processor = both(in_lanes(count), **kwargs)
    for name in ("nit", "nfev", "status", "n_restarts"):
        np.testing.assert_array_equal(device[name], processor[name], err_msg=name)
    for name in ("x", "fun", "jac", "grad_norm"):
        np.testing.assert_allclose(device[name], processor[name], rtol=1e-9, err_msg=name)
        np.testing.assert_array_equal(device[name][1], device[name][2], err_msg=name)
    again = minimize_batch(in_lanes(count), device="cuda", **kwargs)
    np.testing.assert_array_equal(again.x, device.x)


def test_the_order_of_a_sum_depends_on_the_lanes_alone():
    # Four lanes: the terms k, k + 4, ... of each, then those two apart, then neighbours.
    values = np.array([1.0, 1e16, 1.0, -1e16, 0.5, 3.0, 1.0])

    @njit
    def term(k, x, out, c):
        out[0] += c[k]
        return c[k]

    fun = sum_of_terms(term, values.size, threads=4)
    options = {"learning_rate": 1.0, "maxiter": 1, "maxfev": 1}
    found = minimize_batch(fun, [[0.0]], args=(values,), jac=True, device="cuda", options=options)
    own = [values[k] + (values[k + 4] if k < 3 else 0.0) for k in range(4)]
    expected = (own[0] + own[2]) + (own[1] + own[3])
    assert found.jac[0, 0] == found.fun[0] == expected == 7.5 != sum(values)


@pytest.mark.parametrize("n_terms", [1, 3])
def test_fewer_terms_than_lanes(n_terms):
    options = {"learning_rate": 1e-2, "maxiter": 5}
    device, processor = both(in_lanes(4, n_terms), **SUM, options=options)
    np.testing.assert_allclose(device.x, processor.x, rtol=1e-12)


def test_numbers_of_terms_that_differ():
    # The last argument says how many terms a problem has.
    @njit
    def term(k, x, out, t, counts):
        out[0] += 2.0 * (x[0] - t[k])
        return (x[0] - t[k]) ** 2

    @njit
    def n_terms(x, t, counts):
        return counts

    counts = np.array([1, 5, 0, 7])
    kwargs = {"args": (TIMES, counts), "batched": (False, True), "jac": True}
    options = {"learning_rate": 0.05, "momentum": 0.0, "maxiter": 6}
    found = minimize_batch(
        sum_of_terms(term, n_terms, threads=4), [1.0], device="cuda", options=options, **kwargs
    )
    exact = minimize_batch(sum_of_terms(term, n_terms), [1.0], options=options, **kwargs)
    np.testing.assert_allclose(found.x, exact.x, rtol=1e-12)
    np.testing.assert_array_equal(found.status, exact.status)


def test_lanes_where_nothing_is_said(monkeypatch):
    monkeypatch.setattr(lanes, "SIMULATED_LANES", 2)
    options = {"learning_rate": 1e-2, "maxiter": 5}
    kwargs = {**SUM, "device": "cuda", "options": options}
    chosen = minimize_batch(in_lanes(None), **kwargs)
    np.testing.assert_array_equal(chosen.x, minimize_batch(in_lanes(2), **kwargs).x)
    # Vectors in global memory belong to one thread each.
    monkeypatch.setattr(kernels, "MOST_LOCAL", 1)
    single = minimize_batch(in_lanes(4), **kwargs)
    np.testing.assert_array_equal(single.x, minimize_batch(in_lanes(4), **SUM, options=options).x)


@pytest.mark.parametrize(
    ("problems", "n_terms", "expected"),
    [(1, 1000, 32), (1, 5, 4), (1, 1, 1), (1, 0, 1), (4096, 99, 2), (4097, 99, 1), (10**6, 99, 1)],
)
def test_how_many_lanes(monkeypatch, problems, n_terms, expected):
    device = SimpleNamespace(MULTIPROCESSOR_COUNT=4, compute_capability=(7, 0))
    monkeypatch.setattr(lanes, "simulated", lambda: False)
    monkeypatch.setattr(lanes.cuda, "get_current_device", lambda: device)
    assert lanes.lanes_for(problems, n_terms) == expected
    assert lanes.lanes_for(problems, n_terms, 8) == 8
    device.compute_capability = (6, 1)
    assert lanes.lanes_for(problems, n_terms) == lanes.lanes_for(problems, n_terms, 8) == 1


@pytest.mark.parametrize("kind", ["host", "rows", "columns"])
@pytest.mark.parametrize("free", [None, 900])
def test_data_of_lanes(kind, free, monkeypatch):
    """Rows of the host and of the device, other layouts, and some problems at a time."""
    options = {"learning_rate": 1e-2, "maxiter": 4}
    t, y, weights = SUM["args"]
    kwargs = {**SUM, "device": "cuda", "options": options}
    expected = minimize_batch(in_lanes(2), **kwargs)
    sizes, make = [], launch.Launch

    def counted(job, lane, first, last, todo):
        sizes.append(last - first)
        return make(job, lane, first, last, todo)

    monkeypatch.setattr(launch, "Launch", counted)
    monkeypatch.setattr(launch, "free_memory", lambda: free)
    if kind == "rows":
        y, weights = cuda.to_device(y), cuda.to_device(np.repeat(weights, 2))[::2]
    if kind == "columns":
        y = cuda.to_device(np.asfortranarray(y))
        assert not y.is_c_contiguous()
    found = minimize_batch(in_lanes(2), **{**kwargs, "args": (t, y, weights)})
    for name in ("x", *COLUMNS):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert sum(sizes) == 5 and (len(sizes) > 1) == (free is not None)


def test_memory_of_data():
    """Turned data are staged; rows are not, and those of the device take nothing."""
    host, device = np.zeros((5, 100)), cuda.to_device(np.zeros((5, 100)))
    columns = cuda.to_device(np.zeros((100, 5))).T

    def each(array, place):
        spec = SimpleNamespace(real=np.float64, args=((2, place),))
        return launch.Problems(np.zeros((5, 2)), None, None, (array,), (True,)).bytes_each(2, spec)

    nothing = each(device, "first")
    assert each(device, "last") == nothing + 1600 - 16
    assert each(host, "last") == nothing + 1600 - 16
    assert each(host, "first") == each(columns, "first") == nothing + 800
    spec = SimpleNamespace(real=np.float64, args=((1, ""),))
    shared = launch.Problems(np.zeros((5, 2)), None, None, (host[0],), (False,))
    assert shared.bytes_each(2, spec) == nothing


def test_lanes_stop(monkeypatch):
    monkeypatch.setattr(launch, "free_memory", lambda: 700)
    monkeypatch.setattr(_batch_report, "POLL_SECONDS", 0.0)
    options = {"learning_rate": 1e-2, "maxiter": 3}
    kwargs = {**SUM, "device": "cuda", "options": options}
    whole = minimize_batch(in_lanes(2), **kwargs)
    with pytest.raises(KeyboardInterrupt) as caught:
        minimize_batch(in_lanes(2), **kwargs, callback=stopping(KeyboardInterrupt, 1))
    found = caught.value.result
    done = found.nfev > 0
    assert 0 < done.sum() < 5 and (found.status[~done] == Status.INTERRUPTED).all()
    np.testing.assert_array_equal(found.x[done], whole.x[done])


def test_lanes_that_are_told_to_stop(monkeypatch):
    """Within a kernel: the first lane sees it, after its stretch, and no problem is begun then."""
    seen = []

    def peek(array, i):
        assert threading.current_thread().threadIdx.x == 0
        seen.append(len(seen))
        return int(len(seen) > 2)

    monkeypatch.setattr(kernels, "peek", peek)
    monkeypatch.setattr(kernels, "_kernels", type(kernels._kernels)())  # none made before
    monkeypatch.setattr(launch, "STRETCH", 2)
    options = {"learning_rate": 1e-2, "maxiter": 50, "gtol": 0.0}
    found = minimize_batch(in_lanes(4), **SUM, device="cuda", options=options)
    # Two stretches of the first problem, and a look before each other one.
    assert found.nfev.tolist() == [5, 0, 0, 0, 0] and len(seen) == 4


@njit
def chain(i, x, out):
    found = 0.0
    slope = 0.0
    if i > 0:
        slope += 200.0 * (x[i] - x[i - 1] * x[i - 1])
    if i < x.size - 1:
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        found = 100.0 * a * a + b * b
        slope += -400.0 * a * x[i] - 2.0 * b
    out[i] = slope
    return found


@pytest.mark.parametrize("local", [32, 2])
@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_entries(rate, local, monkeypatch):
    monkeypatch.setattr(kernels, "MOST_LOCAL", local)
    options = {"learning_rate": rate, "maxiter": 40}
    assert_same(entrywise(chain), STARTS, jac=True, options=options)


def test_kernels_of_parts_are_kept(monkeypatch):
    monkeypatch.setattr(kernels, "_kernels", kernels.collections.OrderedDict())
    for fun in (in_lanes(1), in_lanes(1), in_lanes(1, 7), in_lanes(1, 7), in_lanes(1, 5)):
        minimize_batch(fun, **SUM, device="cuda", options={"maxiter": 1})
    assert len(kernels._kernels) == 3


@pytest.mark.parametrize(
    ("fun", "change", "match"),
    [
        (in_lanes(4), {"jac": None}, "jac must be True .* got None or '2-point'"),
        (in_lanes(4), {"jac": "3-point"}, "jac must be True .* got '3-point'"),
        (in_lanes(4), {"jac": gradient}, "jac must be True .* got .*<function gradient"),
        (
            entrywise(lambda i, x, w, out: 0.0, row=lambda r, x, w: 0.0, n_rows=3),
            {"X0": STARTS, "args": (), "batched": False},
            r"takes entrywise\(entry\) without rows",
        ),
    ],
)
def test_parts_that_are_not_possible(fun, change, match, monkeypatch):
    monkeypatch.setattr(kernels, "compiled", None)
    with pytest.raises(ValueError, match=match):
        minimize_batch(fun, **{**SUM, **change}, device="cuda")


def test_terms_that_raise_have_a_thread_for_each_problem():
    def raising(k, x, out, t, y, weight):
        if t[k] < 0.0:
            raise ValueError("negative time")
        return misfit(k, x, out, t, y, weight)

    options = {"maxiter": 20}
    assert_same(sum_of_terms(njit(raising), n_samples, threads=1), **SUM, options=options)
    with pytest.raises(ValueError, match=r"term must not raise exceptions .* out of raising"):
        fun = sum_of_terms(njit(raising), n_samples, threads=4)
        minimize_batch(fun, device="cuda", **SUM, options=options)
