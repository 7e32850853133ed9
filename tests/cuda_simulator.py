"""Every CUDA kernel in Numba's simulator, beside the loops of the processor.

Run by test_cuda.py in a process of its own, with ``NUMBA_ENABLE_CUDASIM=1`` and
``NUMBA_DISABLE_JIT=1``: both sides are then plain Python, and in float64 must agree to the last
bit, since the kernels are made from the same rules and templates.
"""

import math
import time

import numpy as np
import plain
import pytest
import simulator  # noqa: F401 - mends it
from cases import AUTOMATIC, METHODS
from numba import cuda, njit

from fastmomentum import Status, minimize, minimize_batch, penalties, schedules
from fastmomentum._batch import report as _batch_report
from fastmomentum._cuda import batch as kernels
from fastmomentum._cuda import launch, team
from fastmomentum._cuda.functions import for_device
from fastmomentum._minimize.device import run as _minimize_cuda
from fastmomentum._report.status import without_state

# A device is silent about inf - inf.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
SAME = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "grad_norm", "learning_rate")
ALSO_SAME = ("n_restarts", "line_search_failures", "success")
STARTS = np.random.default_rng(7).normal(size=(4, 3))
rosenbrock, value = njit(plain.rosenbrock), njit(plain.value)


@njit
def gradient(x, out):
    rosenbrock(x, out)


@njit
def model(a, b, t):
    return a * math.exp(-b * t)


@njit
def decay(x, out, t, y, weight, table):
    """With arguments of all kinds: shared, per problem a row, a number and a matrix."""
    total = 0.0
    out[0] = 0.0
    out[1] = 0.0
    for k in range(t.size):
        e = model(1.0, x[1], t[k])
        r = weight * (x[0] * e - y[k] + table[0, 1])
        total += r * r
        out[0] += 2.0 * r * weight * e
        out[1] -= 2.0 * r * weight * x[0] * e * t[k]
    return total


@njit
def cliff(x, out):
    """Not finite beyond 1."""
    out[0] = -1.0 / (1.0 - x[0]) if x[0] < 1.0 else math.nan
    return math.log(1.0 - x[0]) if x[0] < 1.0 else math.nan


def both(*args, **kwargs):
    device = minimize_batch(*args, device="cuda", **kwargs)
    processor = minimize_batch(*args, device="cpu", **kwargs)
    assert device.backend == "cuda"
    return device, processor


def assert_same(*args, **kwargs):
    device, processor = both(*args, **kwargs)
    for name in (*SAME, *ALSO_SAME):
        np.testing.assert_array_equal(device[name], processor[name], err_msg=name)
    assert device.message == processor.message
    assert device.x.dtype == processor.x.dtype and device.jac.dtype == processor.jac.dtype
    return device


# -- every loop ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_given_rate(method, dtype):
    options = {"learning_rate": 1e-3, "maxiter": 70}
    starts = STARTS.astype(dtype)
    if dtype == np.float32:
        # Values are summed in float32 on the device; the points are the same.
        device, processor = both(rosenbrock, starts, method=method, jac=True, options=options)
        np.testing.assert_array_equal(device.x, processor.x)
        np.testing.assert_allclose(device.fun, processor.fun, rtol=1e-5)
    else:
        assert_same(rosenbrock, starts, method=method, jac=True, options=options)


@pytest.mark.parametrize("method", AUTOMATIC)
def test_automatic_rate(method):
    res = assert_same(rosenbrock, STARTS, method=method, jac=True, options={"maxiter": 60})
    assert res.nit.max() > 10


@pytest.mark.parametrize("method", AUTOMATIC)
def test_automatic_rate_in_single_precision(method):
    # All numbers are float32 on the device: the way differs, the minimum does not.
    starts = STARTS.astype(np.float32)
    options = {"maxiter": 3000, "gtol": 1e-2}
    device, _ = both(rosenbrock, starts, method=method, jac=True, options=options)
    assert device.success.all()
    assert np.abs(device.x - 1.0).max() < 0.05
    assert device.x.dtype == np.float32


def test_convergence_and_its_point():
    res = assert_same(rosenbrock, STARTS, method="momentum", jac=True)
    assert res.success.all() and (res.grad_norm <= 1e-5).all()
    options = {"learning_rate": 1e-3, "maxiter": 3000, "gtol": 1e-2}
    assert assert_same(rosenbrock, STARTS, jac=True, options=options).success.any()


def test_the_lowest_point_wins():
    # Too long a rate: the last point is not the lowest, whose gradient is evaluated again.
    options = {"learning_rate": 3e-3, "momentum": 0.95, "maxiter": 37}
    res = assert_same(rosenbrock, STARTS, jac=True, options=options)
    out = np.empty(3)
    for row in np.flatnonzero(np.isfinite(res.fun)):
        assert rosenbrock(res.x[row], out) == res.fun[row]
        assert (out == res.jac[row]).all()


# -- how the function is given ---------------------------------------------------------------------


def test_gradient_of_its_own():
    assert_same(value, STARTS, jac=gradient, options={"maxiter": 30})


@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
@pytest.mark.parametrize("bounds", [None, [(None, 0.8), (-2.0, 0.7), (0.1, 0.1)]])
@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_differences(jac, bounds, rate):
    options = {"maxiter": 12, "learning_rate": rate}
    assert_same(value, STARTS, jac=jac, bounds=bounds, options=options)


@pytest.mark.parametrize("steps", [1e-2, [-1e-3, 1e-2, 0.0]])
def test_given_steps(steps):
    for jac, name in ((None, "eps"), ("3-point", "finite_diff_rel_step")):
        options = {"maxiter": 12, name: steps}
        found = assert_same(value, STARTS, jac=jac, options=options)
        assert not np.array_equal(
            found.x, minimize_batch(value, STARTS, jac=jac, options={"maxiter": 12}).x
        )


def test_arguments():
    t = np.linspace(0.0, 2.0, 9)
    rates = np.array([0.5, 1.0, 1.5, 2.0])
    y = 3.0 * np.exp(-rates[:, None] * t)
    weights = np.array([1.0, 0.5, 2.0, 1.5])
    tables = np.zeros((4, 2, 2))
    tables[:, 0, 1] = [0.0, 0.1, 0.2, 0.3]
    which = (False, True, True, True)
    res = assert_same(
        decay, [1.0, 1.0], (t, y, weights, tables), batched=which, jac=True, options={"maxiter": 99}
    )
    assert res.success.all()
    np.testing.assert_allclose(res.x[0], [3.0, 0.5], rtol=1e-4)


def test_shared_numbers_as_arguments():
    t = np.linspace(0.0, 2.0, 9)
    args = (t, 3.0 * np.exp(-t), 2, np.zeros((2, 2)))
    assert_same(decay, np.ones((2, 2)), args, jac=True)


# -- bounds and penalties --------------------------------------------------------------------------

BOUNDS = [(None, 0.8), (-2.0, 0.7), (0.1, 0.1)]


@pytest.mark.parametrize("method", METHODS)
def test_bounds_with_a_given_rate(method):
    options = {"learning_rate": 1e-3, "maxiter": 50}
    res = assert_same(rosenbrock, STARTS, method=method, jac=True, bounds=BOUNDS, options=options)
    assert (res.x[:, 0] <= 0.8).all() and (res.x[:, 2] == 0.1).all()


@pytest.mark.parametrize("method", AUTOMATIC)
def test_bounds_with_an_automatic_rate(method):
    assert_same(rosenbrock, STARTS, method=method, jac=True, bounds=BOUNDS, options={"maxiter": 40})


class Limits:
    lb = np.array([[-1.0, -1.0, -1.0], [-np.inf] * 3, [0.0, 0.0, 0.0], [-np.inf, 0.5, -np.inf]])
    ub = np.array([[0.5, 0.5, 0.5], [np.inf] * 3, [2.0, 2.0, 2.0], [np.inf, 0.5, np.inf]])


@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_bounds_of_each_problem(rate):
    options = {"learning_rate": rate, "maxiter": 40}
    assert_same(rosenbrock, STARTS, jac=True, bounds=Limits, options=options)


@pytest.mark.parametrize("method", ["momentum", "nesterov", "gd"])
@pytest.mark.parametrize(
    "penalty", [penalties.L1(0.3), penalties.ElasticNet(0.2, 0.5), penalties.NonNegative()]
)
def test_separable_penalties(method, penalty):
    assert_same(
        rosenbrock, STARTS, method=method, jac=True, penalty=penalty, options={"maxiter": 40}
    )


# -- stopping --------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [1, 2, 3.5, -math.inf])
@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_norms(norm, rate):
    assert_same(
        rosenbrock,
        STARTS,
        jac=True,
        options={"norm": norm, "learning_rate": rate, "maxiter": 40, "gtol": 0.3},
    )


@pytest.mark.parametrize("rate", ["auto", 1e-3])
@pytest.mark.parametrize(
    "option",
    [{"ftol": 1e-2}, {"xtol": 1e-2}, {"maxfev": 7}, {"maxfev": 1}, {"patience": 1}, {"maxiter": 1}],
    ids=str,
)
def test_rules(option, rate):
    options = {"learning_rate": rate, "maxiter": 60, "momentum": "auto", **option}
    assert_same(rosenbrock, STARTS, jac=True, options=options)


@pytest.mark.parametrize("rate", ["auto", 0.3])
def test_values_that_are_not_finite(rate):
    options = {"learning_rate": rate, "maxiter": 30}
    assert_same(cliff, [[0.0], [2.0], [0.9], [np.nan]], jac=True, options=options)


def test_schedules_and_options():
    options = {"learning_rate": schedules.Step(1e-3, 0.5, 10), "maxiter": 40}
    assert_same(rosenbrock, STARTS, method="nesterov", jac=True, options=options)
    options = {"memory": 3, "x_scale": [1.0, 0.1, 10.0], "maxiter": 40}
    assert_same(rosenbrock, STARTS, jac=True, options=options)


def test_a_schedule_that_ends():
    options = {"learning_rate": lambda k: 1e-3 if k < 20 else math.nan, "maxiter": 40}
    with pytest.raises(ValueError, match="learning_rate"):
        minimize_batch(rosenbrock, STARTS, jac=True, options=options, device="cuda")


def test_skipped_problems():
    skip = np.array([False, True, False, True])
    res = assert_same(rosenbrock, STARTS, jac=True, skip=skip, options={"maxiter": 20})
    assert (res.status[skip] == -1).all() and (res.x[skip] == STARTS[skip]).all()


def test_callback_sees_the_end():
    seen = []
    minimize_batch(rosenbrock, STARTS, jac=True, callback=seen.append, device="cuda")
    assert seen[-1].n_done == 4


def test_a_state_goes_on():
    first = minimize_batch(rosenbrock, STARTS, jac=True, device="cuda", options={"maxiter": 25})
    assert not first.success.all()
    again = minimize_batch(rosenbrock, STARTS, jac=True, device="cuda", state=first.state)
    whole = minimize_batch(rosenbrock, STARTS, jac=True, device="cuda")
    np.testing.assert_array_equal(again.x, whole.x)


# -- kernels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["momentum", "adam", "gd"])
@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_number_of_variables_at_run_time(method, rate, monkeypatch):
    monkeypatch.setattr(kernels, "MOST_LOCAL", 2)
    options = {"learning_rate": rate, "maxiter": 30}
    assert_same(rosenbrock, STARTS, method=method, jac=True, options=options)
    assert_same(rosenbrock, STARTS, method=method, jac=True, bounds=BOUNDS, options=options)


def test_kernels_are_kept(monkeypatch):
    monkeypatch.setattr(kernels, "_kernels", kernels.collections.OrderedDict())

    def solve(scale, n=2):
        def bowl(x, out):
            total = 0.0
            for i in range(x.size):
                total += scale * x[i] * x[i]
                out[i] = 2.0 * scale * x[i]
            return total

        return minimize_batch(bowl, np.ones((2, n)), jac=True, device="cuda").fun.max()

    assert solve(1.0) < 1e-8
    assert solve(1.0) < 1e-8 and len(kernels._kernels) == 1
    assert solve(2.0) < 1e-8 and len(kernels._kernels) == 2
    assert solve(1.0, 3) < 1e-8 and len(kernels._kernels) == 3
    monkeypatch.setattr(kernels, "MOST_KERNELS", 3)
    solve(3.0)
    solve(1.0, 3)
    assert len(kernels._kernels) == 3


WEIGHT = 2.5


def test_literals_in_single_precision():
    @njit
    def helper(x):
        return 0.5 * x

    def fun(x, shift=0.25):
        return helper(x) * WEIGHT + shift + 1e-300

    double, single = for_device(fun, np.float64), for_device(fun, np.float32)
    assert type(double(1.0)) is float
    assert type(single(np.float32(1.0))) is np.float32
    assert single(np.float32(1.0)) == np.float32(1.5)
    # Beyond the range of float32: small, and not zero.
    assert 0.0 < for_device(lambda: 1e-300, np.float32)() < 1e-30
    assert 1e30 < for_device(lambda: 1e300, np.float32)() < np.inf


# -- what is not possible --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "match", "change"),
    [
        (TypeError, "written in place", {"fun": lambda x: (x @ x, 2.0 * x)}),
        (TypeError, "written in place", {"fun": value, "jac": lambda x: x}),
        (ValueError, "jac='cs' is not possible", {"fun": value, "jac": "cs"}),
        (ValueError, "separable", {"penalty": penalties.TV1D(0.1)}),
        (
            ValueError,
            "bounds only",
            {"penalty": penalties.L1(0.1), "options": {"learning_rate": 0.1}},
        ),
        (ValueError, "workers is for device='cpu'", {"workers": 2}),
        (ValueError, "backend='python'", {"options": {"backend": "python"}}),
        (TypeError, "numbers and arrays in args, got a str", {"args": ("a",)}),
    ],
)
def test_what_is_not_possible(error, match, change):
    def fun(x, out, *args):
        return rosenbrock(x, out)

    kwargs = {"fun": fun, "jac": True, **change}
    with pytest.raises(error, match=match):
        minimize_batch(kwargs.pop("fun"), STARTS, device="cuda", **kwargs)


def test_a_wrong_gradient_is_found():
    def wrong(x, out):
        value = rosenbrock(x, out)
        out[1] += 1.0
        return value

    with pytest.raises(ValueError, match="component 1"):
        minimize_batch(wrong, STARTS, jac=True, device="cuda", options={"check_jac": True})


def test_the_first_call_is_checked():
    def forgets(x, out):
        return 1.0

    with pytest.raises(ValueError, match="must write the gradient"):
        minimize_batch(forgets, STARTS, jac=True, device="cuda")


def test_the_first_call_fails_for_want_of_batched():
    def distance(x, out, point):
        for i in range(x.size):
            out[i] = x[i] - point[i]
        return 0.5 * (out @ out)

    for points in (STARTS, cuda.to_device(STARTS)):
        with pytest.raises(ValueError) as caught:
            minimize_batch(distance, STARTS, (points,), jac=True, device="cuda")
        notes = caught.value.__notes__
        assert sum("pass batched=(True,) if each problem" in note for note in notes) == 1


def test_status_of_those_not_reached():
    options = {"maxtime": 1e-9}
    res = minimize_batch(rosenbrock, STARTS, jac=True, device="cuda", options=options)
    assert (res.status == Status.MAXTIME).all()


# -- large vectors on the device -------------------------------------------------------------------


def on_host(function):
    """A function of the device's arrays that computes on the host; its gradient goes back."""

    def fun(x, *args):
        out = np.empty(x.shape, x.dtype)
        value = function(x.copy_to_host(), out, *args)
        return value, cuda.to_device(out)

    return fun


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
LARGE = 0.3 * np.random.default_rng(3).normal(size=11)


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


class Frozen:
    """An array that cannot be written to and is known by DLPack alone, as JAX's are.

    It says that it is on a CUDA device; its memory is the host's, as all is in the simulator.
    """

    def __init__(self, values):
        self.values = np.array(values)
        self.values.flags.writeable = False

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **wishes):
        return self.values.copy().__dlpack__(**wishes)

    def __array_namespace__(self):
        return Frozen

    @staticmethod
    def from_dlpack(array):
        return np.from_dlpack(array)

    @staticmethod
    def asarray(array, copy):
        assert copy  # it must not change when the run goes on
        return Frozen(array)


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


# -- arrays on the device, and many problems -------------------------------------------------------

COLUMNS = ("fun", "jac", "nit", "nfev", "njev", "status", "success", "grad_norm", "learning_rate")


def as_host(array):
    return array.values if isinstance(array, Frozen) else array.copy_to_host()


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


def stopping(error, after):
    """A callback that raises when so many problems are done."""

    def callback(counts):
        if counts.n_done >= after:
            raise error

    return callback


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
