"""Batches of arrays that lie on a device, in Numba's simulator, beside the processor.

Run by test_cuda.py like cuda_simulator.py.
"""

import time

import numpy as np
import pytest
import simulator  # noqa: F401 - mends it
from numba import cuda
from simulated import COLUMNS, STARTS, Frozen, Limits, as_host, decay, rosenbrock, stopping

from fastmomentum import Status, minimize_batch, penalties
from fastmomentum._batch import report as _batch_report
from fastmomentum._cuda import batch as kernels
from fastmomentum._cuda import launch
from fastmomentum._report.status import without_state

# A device is silent about inf - inf.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def assert_same_batch(kind, *args, on_device=(), **kwargs):
    """X0 and the batched args as arrays of the device; the result is that of the host's."""
    put = Frozen if kind is Frozen else cuda.to_device
    X0, others = args[1], args[2] if len(args) > 2 else ()
    given = tuple(put(a) if k in on_device else a for k, a in enumerate(others))
    device = minimize_batch(args[0], put(np.asarray(X0)), given, **kwargs)
    host = minimize_batch(*args, device="cpu", **kwargs)
    assert device.backend == "cuda" and "state" not in device
    for name in ("x", *COLUMNS, "n_restarts", "line_search_failures"):
        assert type(device[name]) is type(put(np.ones(1))), name
        np.testing.assert_array_equal(as_host(device[name]), host[name], err_msg=name)
        assert as_host(device[name]).dtype == host[name].dtype or name in COLUMNS
    assert device.message == without_state(host.message)
    return device


@pytest.fixture(params=["all at once", "some at a time"])
def memory(request, monkeypatch):
    """How much of the device's is free."""
    if request.param == "some at a time":
        monkeypatch.setattr(launch, "free_memory", lambda: 1200)
    return request.param


@pytest.mark.parametrize("kind", [None, Frozen])
@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_batch_on_the_device(kind, rate, memory):
    options = {"learning_rate": rate, "maxiter": 40}
    starts = STARTS.copy()
    starts[1, 2] = np.nan
    assert_same_batch(kind, rosenbrock, starts, jac=True, options=options)
    skip = np.array([True, False, False, True])
    assert_same_batch(kind, rosenbrock, STARTS, jac=True, skip=skip, options=options)
    there = cuda.to_device(skip)
    found = minimize_batch(
        rosenbrock, cuda.to_device(STARTS), jac=True, skip=there, options=options
    )
    np.testing.assert_array_equal(found.status.copy_to_host() == -1, skip)


@pytest.mark.parametrize("kind", [None, Frozen])
def test_batch_of_arguments_on_the_device(kind, memory):
    t = np.linspace(0.0, 2.0, 9)
    rates = np.array([0.5, 1.0, 1.5, 2.0])
    y = 3.0 * np.exp(-rates[:, None] * t)
    weights = np.array([1.0, 0.5, 2.0, 1.5])
    tables = np.zeros((4, 2, 2))
    tables[:, 0, 1] = [0.0, 0.1, 0.2, 0.3]
    kwargs = {"batched": (False, True, True, True), "jac": True, "options": {"maxiter": 60}}
    args = (decay, [1.0, 1.0], (t, y, weights, tables))
    assert_same_batch(kind, *args, on_device=(0, 1, 2, 3), **kwargs)
    assert_same_batch(kind, *args, on_device=(1, 3), **kwargs)
    # X0 of the host: so are the results.
    put = kind or cuda.to_device
    given = (t, put(y), weights, put(tables))
    found = minimize_batch(decay, [1.0, 1.0], given, **kwargs)
    host = minimize_batch(*args, **kwargs)
    assert found.backend == "cuda" and type(found.x) is np.ndarray
    np.testing.assert_array_equal(found.x, host.x)


class DeviceLimits:
    lb = cuda.to_device(Limits.lb)
    ub = cuda.to_device(Limits.ub)


class HalfDeviceLimits:
    lb = Limits.lb
    ub = cuda.to_device(Limits.ub)


@pytest.mark.parametrize("bounds", [DeviceLimits, HalfDeviceLimits])
@pytest.mark.parametrize("penalty", [None, penalties.Box(-0.5, 1.5)])
def test_batch_with_bounds_on_the_device(bounds, penalty, memory):
    options = {"learning_rate": "auto", "maxiter": 30}
    kwargs = {"jac": True, "options": options, "penalty": penalty}
    found = minimize_batch(rosenbrock, cuda.to_device(STARTS), bounds=bounds, **kwargs)
    host = minimize_batch(rosenbrock, STARTS, bounds=Limits, **kwargs)
    for name in ("x", *COLUMNS):
        np.testing.assert_array_equal(as_host(found[name]), host[name], err_msg=name)
    # Bounds alone make it a batch of the device, too.
    again = minimize_batch(rosenbrock, STARTS, bounds=bounds, **kwargs)
    np.testing.assert_array_equal(again.x, host.x)


def test_batch_with_shared_bounds_on_the_device():
    class Box:
        lb, ub = cuda.to_device(np.full(3, -0.5)), 0.5

    options = {"maxiter": 30}
    found = minimize_batch(rosenbrock, STARTS, jac=True, bounds=Box, options=options)
    host = minimize_batch(rosenbrock, STARTS, jac=True, bounds=[(-0.5, 0.5)] * 3, options=options)
    assert found.backend == "cuda"
    np.testing.assert_array_equal(found.x, host.x)


def test_batch_in_single_precision_on_the_device():
    starts = STARTS.astype(np.float32)
    options = {"learning_rate": 1e-3, "maxiter": 30}
    found = minimize_batch(rosenbrock, cuda.to_device(starts), jac=True, options=options)
    host = minimize_batch(rosenbrock, starts, jac=True, options=options)
    assert all(found[name].dtype == np.float32 for name in ("x", "jac", "fun", "grad_norm"))
    assert found.nit.dtype == found.status.dtype == np.int64 and found.success.dtype == bool
    np.testing.assert_array_equal(found.x.copy_to_host(), host.x)


def test_starts_on_the_device_are_not_changed():
    starts = cuda.to_device(STARTS)
    minimize_batch(rosenbrock, starts, jac=True, options={"maxiter": 5})
    np.testing.assert_array_equal(starts.copy_to_host(), STARTS)
    strided = cuda.to_device(np.repeat(STARTS, 2, axis=1))[:, ::2]
    found = minimize_batch(rosenbrock, strided, jac=True, options={"maxiter": 5})
    host = minimize_batch(rosenbrock, STARTS, jac=True, options={"maxiter": 5})
    np.testing.assert_array_equal(found.x.copy_to_host(), host.x)


MANY = np.random.default_rng(11).normal(size=(23, 3))


@pytest.mark.parametrize("local", [32, 2])
def test_some_problems_at_a_time(monkeypatch, local):
    monkeypatch.setattr(kernels, "MOST_LOCAL", local)
    options = {"maxiter": 15}
    whole = minimize_batch(rosenbrock, MANY, jac=True, device="cuda", options=options)
    sizes = []
    make = launch.Launch

    def counted(job, lane, first, last, todo):
        sizes.append(last - first)
        return make(job, lane, first, last, todo)

    monkeypatch.setattr(launch, "Launch", counted)
    monkeypatch.setattr(launch, "free_memory", lambda: 2500)
    parts = minimize_batch(rosenbrock, MANY, jac=True, device="cuda", options=options)
    assert len(sizes) > 3 and sum(sizes) == 23 and max(sizes) - min(sizes) <= 2
    for name in ("x", *COLUMNS):
        np.testing.assert_array_equal(parts[name], whole[name], err_msg=name)


@pytest.mark.parametrize("put", [np.asarray, cuda.to_device])
def test_what_is_done_is_kept(monkeypatch, put):
    monkeypatch.setattr(launch, "free_memory", lambda: 2500)
    monkeypatch.setattr(_batch_report, "POLL_SECONDS", 0.0)
    options = {"maxiter": 5}
    whole = minimize_batch(rosenbrock, MANY, jac=True, device="cuda", options=options)

    def check(found, reason):
        found = {name: found[name] for name in ("x", *COLUMNS)}
        if put is not np.asarray:
            found = {name: array.copy_to_host() for name, array in found.items()}
        done = found["nfev"] > 0
        assert 0 < done.sum() < 23
        assert (found["status"][~done] == reason).all() and (found["x"][~done] == MANY[~done]).all()
        assert np.isnan(found["fun"][~done]).all()
        for name in ("x", *COLUMNS):
            np.testing.assert_array_equal(found[name][done], whole[name][done])

    kwargs = {"jac": True, "device": "cuda", "options": options}
    found = minimize_batch(rosenbrock, put(MANY), callback=stopping(StopIteration, 4), **kwargs)
    check(found, Status.CALLBACK)
    with pytest.raises(KeyboardInterrupt) as caught:
        minimize_batch(rosenbrock, put(MANY), callback=stopping(KeyboardInterrupt, 4), **kwargs)
    check(caught.value.result, Status.INTERRUPTED)
    make = launch.Launch

    def slow(*args):
        time.sleep(0.1)
        return make(*args)

    monkeypatch.setattr(launch, "Launch", slow)
    kwargs["options"] = {**options, "maxtime": 0.15}
    check(minimize_batch(rosenbrock, put(MANY), **kwargs), Status.MAXTIME)


class WrongLimits:
    lb = cuda.to_device(np.array([[0.0] * 3, [0.0] * 3, [0.0, 2.0, 0.0], [0.0] * 3]))
    ub = cuda.to_device(np.ones((4, 3)))


class SingleLimits:
    lb = cuda.to_device(np.zeros((4, 3), np.float32))
    ub = cuda.to_device(np.ones((4, 3), np.float32))


class ShortLimits:
    lb = cuda.to_device(np.zeros((3, 3)))
    ub = 1.0


@pytest.mark.parametrize(
    ("error", "match", "change"),
    [
        (ValueError, "device='cpu' takes arrays of the host, and X0 is", {"device": "cpu"}),
        (
            ValueError,
            r"and args\[0\] is on a device",
            {"X0": STARTS, "args": (cuda.to_device(np.ones(3)),), "device": "cpu"},
        ),
        (TypeError, "X0 must be of float64 or", {"X0": cuda.to_device(np.ones((4, 3), np.int64))}),
        (ValueError, r"\(n_problems, n\)", {"X0": cuda.to_device(np.ones((4, 3, 2)))}),
        (ValueError, "where no args are batched", {"X0": cuda.to_device(np.ones(3))}),
        (
            ValueError,
            r"args\[0\] is batched .*, 4 in all, got 3",
            {"args": (cuda.to_device(np.ones(3)),), "batched": True},
        ),
        (ValueError, r"\(2.0, 1.0\) for x\[1\] of problem 2", {"bounds": WrongLimits}),
        (TypeError, "bounds.lb must be of X0's dtype, float64", {"bounds": SingleLimits}),
        (ValueError, r"shape \(3,\) or \(4, 3\): got shape \(3, 3\)", {"bounds": ShortLimits}),
        (
            ValueError,
            r"leave no value for x\[0\] of problem 2",
            {"bounds": DeviceLimits, "penalty": penalties.Box(-2.0, -0.5)},
        ),
        (ValueError, "workers is for device='cpu'", {"workers": 2}),
        (ValueError, "state is not possible", {"state": "file.npz"}),
        (ValueError, "checkpoint is not possible", {"checkpoint": "file.npz"}),
    ],
)
def test_what_a_batch_on_the_device_cannot_do(error, match, change):
    def fun(x, out, *args):
        return rosenbrock(x, out)

    kwargs = {"X0": cuda.to_device(STARTS), "jac": True, **change}
    with pytest.raises(error, match=match):
        minimize_batch(fun, **kwargs)
