"""Vectors that lie on a device, in Numba's simulator, beside the loops of the processor.

Run by test_cuda.py like cuda_simulator.py.
"""

import math

import numpy as np
import pytest
import simulator  # noqa: F401 - mends it
from cases import AUTOMATIC, METHODS
from numba import cuda
from simulated import LARGE, SAME, Frozen, cliff, on_host, rosenbrock

from fastmomentum import Status, minimize, penalties, schedules
from fastmomentum._cuda import team
from fastmomentum._minimize.device import run as _minimize_cuda
from fastmomentum._report.status import without_state

# A device is silent about inf - inf.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


# -- large vectors on the device -------------------------------------------------------------------


# The same function in the other styles.
def fused(x, out):
    g = np.empty(x.shape)
    value = rosenbrock(x.copy_to_host(), g)
    out.copy_to_device(g)
    return cuda.to_device(np.array(value))


def plain(x):
    return rosenbrock(x.copy_to_host(), np.empty(x.shape))


def fill(x, out):
    fused(x, out)


def give(x):
    return on_host(rosenbrock)(x)[1]


STYLES = (fused, True), (plain, fill), (plain, give)


def assert_same_run(x0, *, exact=True, fun=rosenbrock, **kwargs):
    with np.errstate(all="ignore"):
        device = minimize(on_host(fun), cuda.to_device(x0), jac=True, **kwargs)
    processor = minimize(fun, x0, jac=True, **kwargs)
    assert device.backend == "cuda" and type(device.x) is type(cuda.to_device(x0))
    found = {**device, "x": device.x.copy_to_host(), "jac": device.jac.copy_to_host()}
    counts = ("n_restarts", "line_search_failures")
    for name in (*SAME, *(() if "learning_rate" in kwargs["options"] else counts)):
        if exact and name not in ("grad_norm", "jac"):
            np.testing.assert_array_equal(found[name], processor[name], err_msg=name)
        else:
            np.testing.assert_allclose(found[name], processor[name], rtol=1e-6, err_msg=name)
    assert device.message == without_state(processor.message)
    return device


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_large(method, dtype):
    options = {"learning_rate": 1e-3, "maxiter": 25}
    assert_same_run(LARGE.astype(dtype), method=method, options=options, exact=dtype == np.float64)


@pytest.mark.parametrize(
    "option",
    [
        {"gtol": 3.0},
        {"ftol": 1e-2},
        {"xtol": 1e-2},
        {"maxfev": 5},
        {"maxiter": 0},
        {"patience": 1, "momentum": 0.99},
        {"learning_rate": 1.0},  # diverges
        {"learning_rate": schedules.Step(1e-3, 0.5, 10), "momentum": 0.5},
        {"norm": 2, "gtol": 3.0},
        {"norm": 1, "gtol": 3.0},
        {"norm": 3.5, "gtol": 3.0},
    ],
    ids=str,
)
def test_large_rules(option):
    assert_same_run(LARGE, options={"learning_rate": 1e-3, "maxiter": 60, **option})


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam"])
def test_large_with_bounds(method):
    bounds = [(None, 0.4), (-0.2, 0.2), (0.1, 0.1), *[(-1.0, 1.0)] * 8]
    options = {"learning_rate": 1e-3, "maxiter": 25}
    assert_same_run(LARGE, method=method, bounds=bounds, options=options)


def test_large_fixed_point():
    def bowl(x, out):
        out[:] = x
        return 0.5 * float(x @ x)

    options = {"learning_rate": 1.0, "momentum": 0.0, "gtol": -0.0, "maxiter": 50}
    assert_same_run(np.zeros(3) + 2.0, fun=bowl, options=options)


def test_the_end_does_not_depend_on_how_far_the_host_is_ahead(monkeypatch):
    found = []
    for ahead in (1, 7, 100):
        monkeypatch.setattr(_minimize_cuda.Evaluation, "most_ahead", ahead)
        monkeypatch.setattr(_minimize_cuda, "CHUNK_SECONDS", 1e9)
        found.append(assert_same_run(LARGE, options={"learning_rate": 1e-3, "gtol": 3.0}))
    assert len({res.nit for res in found}) == 1


def test_large_in_other_styles():
    options = {"learning_rate": 1e-3, "maxiter": 20}
    x0 = cuda.to_device(LARGE)
    expected = minimize(rosenbrock, LARGE, jac=True, options=options)
    for fun, jac in STYLES:
        res = minimize(fun, x0, jac=jac, options=options)
        np.testing.assert_array_equal(res.x.copy_to_host(), expected.x)
    np.testing.assert_array_equal(x0.copy_to_host(), LARGE)


def test_large_with_a_callback():
    points, results = [], []
    options = {"learning_rate": 1e-3, "maxiter": 5}
    fun = on_host(rosenbrock)
    minimize(fun, cuda.to_device(LARGE), jac=True, callback=points.append, options=options)
    expected = []
    minimize(rosenbrock, LARGE, jac=True, callback=expected.append, options=options)
    np.testing.assert_array_equal([p.copy_to_host() for p in points], expected)

    def stop(intermediate_result):
        results.append(intermediate_result)
        raise StopIteration

    res = minimize(fun, cuda.to_device(LARGE), jac=True, callback=stop, options=options)
    assert res.status == Status.CALLBACK and res.nit == 1 and results[0].nit == 1


def test_an_exception_carries_what_was_found():
    def fails(x):
        fails.count += 1
        if fails.count > 5:
            raise ZeroDivisionError("sixth")
        return on_host(rosenbrock)(x)

    fails.count = 0
    options = {"learning_rate": 1e-3}
    with pytest.raises(ZeroDivisionError, match="sixth") as caught:
        minimize(fails, cuda.to_device(LARGE), jac=True, options=options)
    assert caught.value.result.nfev > 0


# -- large vectors with an automatic rate ----------------------------------------------------------

LARGE_BOUNDS = [(None, 0.4), (-0.2, 0.2), (0.1, 0.1), *[(-1.0, 1.0)] * 8]


@pytest.mark.parametrize("method", AUTOMATIC)
def test_large_automatic(method):
    res = assert_same_run(LARGE, method=method, options={"maxiter": 20})
    assert res.nit == 20 and res.nfev > 20


@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
def test_large_automatic_in_single_precision(method):
    # All numbers are float32 on the device: the way differs, the minimum does not.
    def bowl(x, out):
        out[:] = CURVATURES * x
        return 0.5 * float(x @ out)

    x0 = np.ones(8, np.float32)
    options = {"gtol": 1e-3}
    res = minimize(on_host(bowl), cuda.to_device(x0), method=method, jac=True, options=options)
    assert res.success and res.x.dtype == res.jac.dtype == np.float32
    assert np.abs(CURVATURES * res.x.copy_to_host()).max() <= 1.01e-3


CURVATURES = np.linspace(1.0, 10.0, 8).astype(np.float32)


@pytest.mark.parametrize("threads", [2, 8])
@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum", "adam"])
def test_a_team_of_threads(method, threads, monkeypatch):
    # One thread decides for more or fewer variables than threads; sums have another order.
    monkeypatch.setattr(team, "SIMULATED_THREADS", threads)
    for x0 in (LARGE[:3], LARGE[:9]):
        res = assert_same_run(x0, exact=False, method=method, options={"maxiter": 3})
        assert res.nfev > 3


@pytest.mark.parametrize("penalty", [None, penalties.L1(0.3)])
def test_a_team_with_terms(penalty, monkeypatch):
    monkeypatch.setattr(team, "SIMULATED_THREADS", 4)
    bounds = LARGE_BOUNDS if penalty is None else None
    assert_same_run(LARGE, exact=False, bounds=bounds, penalty=penalty, options={"maxiter": 3})


@pytest.mark.parametrize(
    "option",
    [
        {"gtol": 3.0},
        {"ftol": 1e-2},
        {"xtol": 1e-2},
        {"maxfev": 5},
        {"maxfev": 1},
        {"maxiter": 0},
        {"patience": 1},
        {"norm": 2, "gtol": 3.0},
        {"norm": 1, "gtol": 3.0},
        {"norm": 3.5, "gtol": 3.0},
        {"norm": -np.inf, "gtol": 1e-2},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
def test_large_automatic_rules(method, option):
    assert_same_run(LARGE, method=method, options={"maxiter": 30, **option})


@pytest.mark.parametrize("option", [{"memory": 1}, {"memory": 3, "x_scale": 0.5}], ids=str)
def test_large_automatic_memory(option):
    assert_same_run(LARGE, options={"maxiter": 15, **option})


def test_a_device_keeps_ten(memory_is_chosen):
    options = {"maxiter": 30, "gtol": 0.0}
    x0 = np.resize([-1.2, 1.0], 15)
    device, ten, processor = (
        minimize(fun, x, jac=True, options={**options, **memory}).fun
        for fun, x, memory in (
            (on_host(rosenbrock), cuda.to_device(x0), {}),
            (rosenbrock, x0, {"memory": 10}),
            (rosenbrock, x0, {}),
        )
    )
    assert device == ten != processor


@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum", "adagrad"])
def test_large_automatic_with_bounds(method):
    res = assert_same_run(LARGE, method=method, bounds=LARGE_BOUNDS, options={"maxiter": 15})
    assert res.x.copy_to_host()[2] == 0.1
    start = assert_same_run(LARGE, method=method, bounds=LARGE_BOUNDS, options={"maxiter": 0})
    np.testing.assert_array_equal(
        start.x.copy_to_host(), np.clip(LARGE, *zip(*[(-9, 0.4), *LARGE_BOUNDS[1:]], strict=True))
    )


@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
@pytest.mark.parametrize("penalty", [penalties.L1(0.3), penalties.ElasticNet(0.2, 0.5)])
def test_large_automatic_with_a_penalty(method, penalty):
    res = assert_same_run(LARGE, method=method, penalty=penalty, options={"maxiter": 10})
    np.testing.assert_array_equal(res.support, np.flatnonzero(res.x.copy_to_host()))


def test_large_automatic_gap():
    options = {"gap_tol": 1e-6, "gtol": 0.0}
    res = assert_same_run(LARGE, fun=bowl_beside_zero, penalty=penalties.L1(0.5), options=options)
    assert res.success and res.gap <= 1.01e-6 * res.fun


def bowl_beside_zero(x, out):
    total = 0.0
    for i in range(x.size):
        out[i] = (x[i] - 0.3 * i) * (1.0 + i)
        total += 0.5 * out[i] * (x[i] - 0.3 * i)
    return total


@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
@pytest.mark.parametrize("start", [2.0, 0.9])
def test_large_values_that_are_not_finite(method, start):
    x0 = np.array([start])
    res = assert_same_run(x0, fun=cliff, method=method, options={"maxiter": 20})
    assert (res.nfev == 1) == (start == 2.0)


def test_large_fun_that_turns_nan():
    class Turns:
        def __init__(self):
            self.count = 0

        def __call__(self, x, out):
            self.count += 1
            value = rosenbrock(x, out)
            return value if self.count <= 6 else np.nan

    device = minimize(on_host(Turns()), cuda.to_device(LARGE), jac=True)
    processor = minimize(Turns(), LARGE, jac=True)
    assert device.status == processor.status == Status.NONFINITE and not device.success
    np.testing.assert_array_equal(device.x.copy_to_host(), processor.x)
    assert device.fun == processor.fun


def test_large_automatic_time_limit():
    options = {"maxtime": 1e-9}
    res = minimize(on_host(rosenbrock), cuda.to_device(LARGE), jac=True, options=options)
    assert res.status == Status.MAXTIME and res.nfev == 1
    np.testing.assert_array_equal(res.x.copy_to_host(), LARGE)


@pytest.mark.parametrize("method", ["nesterov", "momentum"])
@pytest.mark.parametrize("bounds", [None, LARGE_BOUNDS])
def test_large_automatic_with_a_callback(method, bounds):
    seen, expected = [], []

    def keep(intermediate_result):
        seen.append(intermediate_result)

    def expect(intermediate_result):
        expected.append(intermediate_result)

    given = {"jac": True, "method": method, "bounds": bounds, "options": {"maxiter": 8}}
    minimize(on_host(rosenbrock), cuda.to_device(LARGE), callback=keep, **given)
    minimize(rosenbrock, LARGE, callback=expect, **given)
    assert len(seen) == len(expected) == 8
    for found, known in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(found.x.copy_to_host(), known.x)
        for name in ("fun", "nit", "nfev", "njev", "grad_norm", "learning_rate"):
            assert found[name] == known[name], name
        np.testing.assert_array_equal(found.jac.copy_to_host(), known.jac)

    def stop(x):
        raise StopIteration

    res = minimize(on_host(rosenbrock), cuda.to_device(LARGE), callback=stop, **given)
    assert (res.status, res.nit) == (Status.CALLBACK, 1)


def test_large_automatic_does_not_depend_on_how_far_the_host_is_ahead(monkeypatch):
    found = []
    for ahead in (1, 50):
        monkeypatch.setattr(_minimize_cuda.Evaluation, "most_ahead", ahead)
        monkeypatch.setattr(_minimize_cuda, "CHUNK_SECONDS", 1e9)
        found.append(assert_same_run(LARGE, options={"gtol": 3.0}))
    assert len({res.nit for res in found}) == 1 and found[0].success


def test_large_automatic_in_other_styles():
    x0 = cuda.to_device(LARGE)
    expected = minimize(rosenbrock, LARGE, jac=True, options={"maxiter": 10})
    for fun, jac in STYLES:
        res = minimize(fun, x0, jac=jac, options={"maxiter": 10})
        np.testing.assert_array_equal(res.x.copy_to_host(), expected.x)
        assert (res.nfev, res.njev) == (expected.nfev, expected.njev)
    np.testing.assert_array_equal(x0.copy_to_host(), LARGE)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_large_automatic_that_is_broken_off(error):
    def fails(x):
        fails.points.append(x.copy_to_host())
        if len(fails.points) > 5:
            raise error
        return on_host(rosenbrock)(x)

    fails.points = []
    with pytest.raises(error) as caught:
        minimize(fails, cuda.to_device(LARGE), jac=True)
    result, out = caught.value.result, np.empty(LARGE.size)
    values = [rosenbrock(x, out) for x in fails.points[:5]]
    assert result.nfev == 5 and result.fun == min(values)
    assert rosenbrock(result.x.copy_to_host(), out) == result.fun
    np.testing.assert_array_equal(result.jac.copy_to_host(), out)
    assert result.grad_norm == np.abs(out).max()
    fails.points = []
    if error is KeyboardInterrupt:
        options = {"on_interrupt": "return"}
        res = minimize(fails, cuda.to_device(LARGE), jac=True, options=options)
        assert res.status == Status.INTERRUPTED and res.fun == min(values)


def frozen(function):
    """A function of such arrays."""

    def fun(x):
        assert type(x) is Frozen
        out = np.empty(x.shape, x.dtype)
        value = function(x.values, out)
        return Frozen(np.array(value, x.dtype)), Frozen(out)

    return fun


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["momentum", "nesterov", "adam"])
def test_large_by_dlpack(method, dtype):
    options = {"learning_rate": 1e-3, "maxiter": 25}
    x0, points = LARGE.astype(dtype), []
    found = minimize(
        frozen(rosenbrock),
        Frozen(x0),
        method=method,
        jac=True,
        options=options,
        callback=points.append,
    )
    expected = minimize(rosenbrock, x0, method=method, jac=True, options=options)
    assert type(found.x) is type(found.jac) is Frozen and found.backend == "cuda"
    tolerance = 0.0 if dtype == np.float64 else 1e-6
    np.testing.assert_allclose(found.x.values, expected.x, rtol=tolerance)
    np.testing.assert_allclose(found.fun, expected.fun, rtol=tolerance)
    assert found.nit == expected.nit
    # Points that the callback keeps do not change any more.
    assert len({p.values.tobytes() for p in points}) == len(points) == 25


@pytest.mark.parametrize("method", ["momentum", "nesterov", "gd"])
def test_large_automatic_by_dlpack(method):
    points = []
    kwargs = {"method": method, "jac": True, "options": {"maxiter": 8}}
    found = minimize(frozen(rosenbrock), Frozen(LARGE), callback=points.append, **kwargs)
    expected = minimize(rosenbrock, LARGE, **kwargs)
    assert type(found.x) is type(found.jac) is Frozen
    np.testing.assert_array_equal(found.x.values, expected.x)
    np.testing.assert_array_equal(found.jac.values, expected.jac)
    assert (found.nit, found.nfev) == (expected.nit, expected.nfev)
    assert len({p.values.tobytes() for p in points}) == len(points) == 8


def test_large_by_dlpack_cannot_be_written_to():
    def fills(x, out):
        return 0.0

    options = {"learning_rate": 1e-3}
    with pytest.raises(TypeError, match="fun must return the gradient where x0 is a Frozen"):
        minimize(fills, Frozen(LARGE), jac=True, options=options)


def test_large_of_an_unknown_kind():
    class Bare:
        shape, dtype = (3,), np.dtype(float)

        def __dlpack_device__(self):
            return 2, 0

    with pytest.raises(TypeError, match=r"CuPy, PyTorch, Numba or JAX .* got .*Bare"):
        minimize(rosenbrock, Bare(), jac=True, options={"learning_rate": 1e-3})


@pytest.mark.parametrize(
    ("match", "change"),
    [
        ("history is not possible", {"options": {"learning_rate": 1e-3, "history": True}}),
        ("penalty is possible only with", {"penalty": penalties.L1(0.1)}),
        (
            "penalty must be separable",
            {"penalty": penalties.TV1D(0.1), "method": "gd", "options": {}},
        ),
        ("state is not possible", {"state": "file"}),
        ("norm=-inf is possible only", {"options": {"learning_rate": 1e-3, "norm": -math.inf}}),
        ("jac must be a function", {"jac": None}),
        ("gradient of shape", {"fun": lambda x: (0.0, cuda.to_device(np.zeros(2)))}),
        ("gradient of shape", {"fun": lambda x: (0.0, None)}),
        ("vector of float64 or float32", {"x0": cuda.to_device(np.zeros((2, 2)))}),
        ("vector of float64 or float32", {"x0": cuda.to_device(np.zeros(2, np.int64))}),
    ],
)
def test_what_is_not_possible_on_the_device(match, change):
    given = {
        "fun": on_host(rosenbrock),
        "x0": cuda.to_device(LARGE),
        "jac": True,
        "options": {"learning_rate": 1e-3},
        **change,
    }
    with pytest.raises(ValueError, match=match):
        minimize(given.pop("fun"), given.pop("x0"), **given)
