"""Every CUDA kernel in Numba's simulator, beside the loops of the processor.

Run by test_cuda.py in a process of its own, with ``NUMBA_ENABLE_CUDASIM=1`` and
``NUMBA_DISABLE_JIT=1``: both sides are then plain Python, and in float64 must agree to the last
bit, since the kernels are the same loops and rules, bound to words of a device.
"""

import math

import numpy as np
import pytest
import simulator  # noqa: F401 - mends it
from cases import AUTOMATIC, METHODS
from numba import cuda, njit
from simulated import (
    BOUNDS,
    STARTS,
    Limits,
    assert_same,
    both,
    cliff,
    decay,
    gradient,
    rosenbrock,
    value,
)

from fastmomentum import Status, minimize_batch, penalties, schedules
from fastmomentum._cuda import batch as kernels
from fastmomentum._cuda.functions import for_device

# A device is silent about inf - inf.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


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


@pytest.mark.parametrize("method", METHODS)
def test_bounds_with_a_given_rate(method):
    options = {"learning_rate": 1e-3, "maxiter": 50}
    res = assert_same(rosenbrock, STARTS, method=method, jac=True, bounds=BOUNDS, options=options)
    assert (res.x[:, 0] <= 0.8).all() and (res.x[:, 2] == 0.1).all()


@pytest.mark.parametrize("method", AUTOMATIC)
def test_bounds_with_an_automatic_rate(method):
    assert_same(rosenbrock, STARTS, method=method, jac=True, bounds=BOUNDS, options={"maxiter": 40})


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
DATA = (np.array([1.0, 4.0]), 2)


def weighted(x, out):
    """It refers to a tuple of arrays, which has no hash."""
    total = 0.0
    for i in range(DATA[1]):
        out[i] = DATA[0][i] * (x[i] - 1.0)
        total += 0.5 * out[i] * (x[i] - 1.0)
    return total


def test_data_of_a_module():
    found = minimize_batch(weighted, np.zeros((3, 2)), jac=True, device="cuda")
    assert found.success.all()
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-5)


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
