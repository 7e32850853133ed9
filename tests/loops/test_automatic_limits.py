"""The automatic learning rates: limits, counts, exceptions, edges."""

import math
import time

import numpy as np
import pytest
from automatic import backends, evaluate, every_method, load, methods, run, solve

from fastmomentum import Status, minimize


class Counted:
    """Rosenbrock's function, which counts its calls and may raise."""

    def __init__(self, fail_at=None):
        self.calls = 0
        self.fail_at = fail_at
        self.lowest = math.inf

    def __call__(self, x):
        self.calls += 1
        if self.calls == self.fail_at:
            raise ArithmeticError("no value here")
        inner = x[1] - x[0] ** 2
        value = 100.0 * inner**2 + (1.0 - x[0]) ** 2
        self.lowest = min(self.lowest, value)
        return value, np.array(
            [-400.0 * inner * x[0] - 2.0 * (1.0 - x[0]), 200.0 * inner], dtype=x.dtype
        )


START = np.array([-1.2, 1.0])


@every_method
def test_counts_are_calls(method):
    for options in ({}, {"maxiter": 17}, {"history": True}, {"gtol": 0.5}):
        fun = Counted()
        result = run(fun, START, method, **options)
        assert result.nfev == result.njev == fun.calls
    fun = Counted()
    result = minimize(fun, START, jac=True, method=method, callback=lambda intermediate_result: 0)
    assert result.nfev == fun.calls


@every_method
@backends
def test_maxfev_is_never_exceeded(method, backend):
    full = solve("rosenbrock-2", method).nfev
    for maxfev in (1, 2, 3, 4, 5, 7, 11, 16, 25, 48, full - 1):
        result = solve("rosenbrock-2", method, maxfev=maxfev, backend=backend)
        assert result.status == Status.MAXFEV
        assert result.nfev == maxfev
        fun = Counted()
        result = run(fun, START, method, maxfev=maxfev)
        assert fun.calls == result.nfev == maxfev
        assert result.fun == fun.lowest
    result = solve("rosenbrock-2", method, maxfev=full, backend=backend)
    assert result.success
    assert result.nfev == full


@methods
def test_maxtime(method, clock):
    def slow(x):
        clock.sleep(0.01)
        return Counted()(x)

    result = run(slow, START, method, maxtime=0.1)
    assert result.status == Status.MAXTIME
    assert result.nfev in (10, 11)


@methods
def test_maxtime_of_a_compiled_run(method):
    """No end in sight: the value falls, and the gradient with it, for ever."""
    name = "extended_hiebert-100" if method != "momentum" else "quadratic_rotated_log_1e6-100"
    options = {"gtol": 0.0, "maxiter": 2**40, "maxtime": 0.05}
    solve(name, method, maxiter=1)
    start = time.thread_time()
    result = solve(name, method, **options)
    assert time.thread_time() - start < 1.0
    assert result.status in (Status.MAXTIME, Status.PRECISION_LOSS)


@methods
@backends
def test_callback_after_every_iteration(method, backend):
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)

    result = solve("wood", method, callback=callback, backend=backend)
    assert [r.nit for r in seen] == list(range(1, result.nit + 1))
    assert np.all(np.diff([r.nfev for r in seen]) >= 1)
    assert seen[-1].nfev == result.nfev
    assert np.array_equal(seen[-1].x, result.x)
    for r in seen:
        f, g = evaluate("wood", r.x)
        assert r.fun == f
        assert np.array_equal(r.jac, g)
        assert r.learning_rate > 0.0


@methods
@backends
def test_stop_iteration(method, backend):
    def callback(x):
        raise StopIteration

    result = solve("wood", method, callback=callback, backend=backend)
    assert result.status == Status.CALLBACK
    assert result.nit == 1
    assert result.fun <= evaluate("wood", load("wood").x0)[0]


@every_method
@pytest.mark.parametrize("at", (1, 2, 3, 10, 40))
def test_exceptions_carry_the_best_point(method, at):
    fun = Counted(fail_at=at)
    with pytest.raises(ArithmeticError, match="no value here") as raised:
        run(fun, START, method, history=True)
    result = raised.value.result
    assert not result.success
    assert result.nfev == fun.calls == at
    if at > 1:
        assert result.fun == fun.lowest == Counted()(result.x)[0]


def bowl(x):
    return float((x - 1.0) @ (x - 1.0)), 2.0 * (x - 1.0)


@every_method
@pytest.mark.parametrize("n", (1, 2, 1000))
@pytest.mark.parametrize("start", (0.0, -3.0, 1e6))
def test_sizes(method, n, start):
    result = run(bowl, np.full(n, start), method)
    assert result.success
    assert np.abs(result.x - 1.0).max() <= 1e-5


@every_method
def test_one_variable_without_curvature(method):
    """(x - 3)^4 in one variable."""
    result = run(
        lambda x: (float((x[0] - 3.0) ** 4), 4.0 * (x - 3.0) ** 3), np.zeros(1), method, gtol=1e-9
    )
    assert result.success
    assert abs(result.x[0] - 3.0) <= 1e-3


@every_method
def test_start_at_the_minimum(method):
    result = run(bowl, np.ones(3), method, history=True)
    assert result.success
    assert (result.nit, result.nfev, result.fun) == (0, 1, 0.0)
    assert result.history["fun"].tolist() == [0.0]
    seen = []
    minimize(bowl, np.ones(3), jac=True, method=method, callback=lambda x: seen.append(x))
    assert not seen


@every_method
def test_constant_function(method):
    result = run(lambda x: (3.0, np.zeros(2)), np.ones(2), method, gtol=0.0)
    assert result.success
    assert (result.nit, result.nfev, result.fun) == (0, 1, 3.0)


@every_method
def test_zero_value_at_the_start(method):
    """f(x0) = 0 and x0 = 0 leave no length to take the first step from."""
    result = run(lambda x: (float(x @ x - 2.0 * x.sum()), 2.0 * x - 2.0), np.zeros(3), method)
    assert result.success
    assert np.abs(result.x - 1.0).max() <= 1e-5


@every_method
def test_saddle_at_the_start_of_one_variable(method):
    """The slope is 0 along x[1] for ever: a stationary point, not a minimum, as for SciPy."""

    def fun(x):
        return x[0] ** 2 - x[1] ** 2 + x[1] ** 4, np.array(
            [2.0 * x[0], -2.0 * x[1] + 4.0 * x[1] ** 3]
        )

    result = run(fun, np.array([1.0, 0.0]), method)
    assert result.success
    assert abs(result.fun) <= 1e-9
    result = run(fun, np.array([1.0, 1e-3]), method)
    assert result.success
    assert result.fun == pytest.approx(-0.25, abs=1e-9)


@methods
@pytest.mark.parametrize("norm", (1, 2, 3.5, np.inf))
def test_norms(method, norm):
    result = solve("wood", method, norm=norm, gtol=1e-4)
    gradient = evaluate("wood", result.x)[1]
    assert result.success
    assert np.linalg.norm(gradient, norm) <= 1e-4
    assert result.grad_norm == pytest.approx(np.linalg.norm(gradient, norm), rel=1e-12)


@methods
@pytest.mark.parametrize(("option", "value"), [("ftol", 1e-9), ("xtol", 1e-7)])
def test_other_tolerances(method, option, value):
    result = solve("wood", method, gtol=0.0, **{option: value})
    assert result.success
    assert result.grad_norm <= 1.0
    assert result.nfev < solve("wood", method, gtol=1e-13, maxfev=20_000).nfev
