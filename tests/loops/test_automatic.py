"""The automatic learning rates, from outside: no step is looked at.

The adaptive methods run through the loop of momentum: what decides its steps is tested with that.

Objectives are those of `fastmomentum.problems` and `benchmarks.holdout`, compiled, or plain Python,
which runs through the same loops at no time to compile.
"""

import math

import numpy as np
import pytest
from automatic import BUDGET, METHODS, evaluate, every_method, load, methods, same, size, solve
from parameters import some

from benchmarks import holdout
from fastmomentum import Status, problems

NAMES = [name for name in holdout.ALL.names() if size(name) <= 200]
OFTEN = NAMES[::4]  # compiling each takes most of the time


# -- every problem: honest, and as many solved as before -------------------------------------------


@every_method
@pytest.mark.parametrize("name", some(NAMES, OFTEN.__contains__))
def test_no_false_success(name, method):
    problem = load(name)
    result = solve(name, method, maxfev=BUDGET, maxiter=BUDGET)
    f, g = evaluate(name, result.x)
    norm = float(np.abs(g).max())
    assert result.success == (result.status == Status.CONVERGED)
    # A success is one, and what meets gtol is a success.
    assert result.success == (norm <= 1e-5)
    assert result.fun == f
    assert np.array_equal(result.jac, g)
    assert result.grad_norm == norm
    assert f <= evaluate(name, problem.x0)[0]
    assert result.nfev == result.njev <= BUDGET
    assert result.nit < result.nfev
    assert result.status in (Status.CONVERGED, Status.MAXFEV, Status.PRECISION_LOSS)


@methods
@pytest.mark.parametrize(
    "name", some((n for n in NAMES if n in problems.names()), OFTEN.__contains__)
)
def test_minimum_is_a_known_one(name, method):
    """Where the gradient is tiny, the value is that of a minimum that the table lists, or lower."""
    problem = load(name)
    result = solve(name, method, maxfev=BUDGET, maxiter=BUDGET, gtol=1e-8)
    if not result.success or problem.f_min is None:
        return
    known = (problem.f_min, *problem.f_local)
    scale = max(1.0, *map(abs, known))
    nearest = min(abs(result.fun - f) for f in known)
    # Flat valleys: a gradient of 1e-8 leaves more in the value than rounding.
    assert result.fun >= problem.f_min - 1e-10 * scale
    assert nearest <= 1e-5 * scale


# -- the same bits on every way through the loop ---------------------------------------------------

SAMPLE = (
    "beale",
    "wood",
    "gulf",
    "meyer",
    "brown_badly_scaled",
    "brown_dennis",
    "rosenbrock-10",
    "quadratic_rotated_log_1e2-100",
    "tv_1d-200",
    "hager-100",
)
samples = pytest.mark.parametrize("name", SAMPLE)


@every_method
@samples
def test_compiled_is_python_bit_for_bit(name, method):
    options = {"maxiter": 300, "history": True, "return_all": True}
    compiled = solve(name, method, backend="numba", **options)
    python = solve(name, method, backend="python", **options)
    assert (compiled.backend, python.backend) == ("numba", "python")
    same(compiled, python)
    for key in compiled.history:
        assert np.array_equal(compiled.history[key], python.history[key], equal_nan=True)
    assert np.array_equal(compiled.allvecs, python.allvecs)
    assert compiled.n_restarts == python.n_restarts


@methods
@samples
def test_watching_changes_nothing(name, method):
    plain = solve(name, method, maxiter=400)
    seen = []
    for watched in (
        solve(name, method, maxiter=400, history=True),
        solve(name, method, maxiter=400, return_all=True),
        solve(name, method, maxiter=400, maxtime=1e6),
        solve(name, method, callback=lambda x: seen.append(x), maxiter=400),
        solve(name, method, callback=lambda intermediate_result: None, maxiter=400),
        solve(name, method, maxiter=400, backend="python"),
    ):
        same(plain, watched)
    assert len(seen) == plain.nit


@methods
@samples
def test_a_short_run_is_the_beginning_of_a_long_one(name, method):
    long = solve(name, method, maxiter=100, history=True, return_all=True)
    for maxiter in (0, 1, 2, 7, 50):
        short = solve(name, method, maxiter=maxiter, history=True, return_all=True)
        k = min(maxiter, long.nit)
        assert short.nit == k
        assert np.array_equal(short.allvecs, long.allvecs[: k + 1])
        for key in ("fun", "grad_norm"):
            assert np.array_equal(short.history[key], long.history[key][: k + 1])
        rates = long.history["learning_rate"][:k]
        assert np.array_equal(short.history["learning_rate"], rates, equal_nan=True)


@methods
@samples
def test_stopping_in_a_callback_is_maxiter(name, method):
    def callback(intermediate_result):
        if intermediate_result.nit == 6:
            raise StopIteration

    limited = solve(name, method, maxiter=6)
    stopped = solve(name, method, callback=callback)
    if limited.status == Status.MAXITER:
        assert stopped.status == Status.CALLBACK
        same(limited, stopped, ("x", "fun", "jac", "nit", "nfev", "njev"))
    else:
        same(limited, stopped)


@every_method
@samples
def test_history_is_that_of_the_iterates(name, method):
    result = solve(name, method, maxiter=60, history=True, return_all=True)
    assert result.history["fun"].size == len(result.allvecs) == result.nit + 1
    for x, fun, norm in zip(
        result.allvecs, result.history["fun"], result.history["grad_norm"], strict=True
    ):
        f, g = evaluate(name, x)
        assert fun == f
        assert norm == np.abs(g).max()
    assert result.fun <= result.history["fun"].min() or result.success


@every_method
@samples
def test_every_iteration_has_a_learning_rate(name, method):
    result = solve(name, method, maxiter=60, history=True)
    assert (result.history["learning_rate"] > 0.0).all()
    assert result.learning_rate == result.history["learning_rate"][-1]


# -- memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", (1, 2, 3, 10, 50, 1000))
@pytest.mark.parametrize("name", ("rosenbrock-10", "beale", "tv_1d-200", "hager-100"))
def test_memory(name, memory):
    compiled = solve(name, "momentum", memory=memory)
    assert compiled.success
    assert np.abs(evaluate(name, compiled.x)[1]).max() <= 1e-5
    same(compiled, solve(name, "momentum", memory=memory, backend="python"))


def test_memory_of_ten_is_the_default():
    same(solve("wood", "momentum"), solve("wood", "momentum", memory=10))
    assert solve("wood", "momentum").nfev != solve("wood", "momentum", memory=2).nfev


@pytest.mark.parametrize(
    ("memory", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (1001, ValueError),
        (2.5, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("10", ValueError),
        (None, TypeError),
        (True, TypeError),
        ([3], TypeError),
    ],
)
def test_invalid_memory(memory, error):
    with pytest.raises(error, match=r"memory must be .*an integer in"):
        solve("beale", "momentum", memory=memory)


@pytest.mark.parametrize("method", ("momentum", "nesterov"))
@pytest.mark.parametrize("momentum", (0.0, 0.9, lambda k: 0.5))
@pytest.mark.parametrize("rate", ({}, {"learning_rate": "auto"}))
def test_momentum_needs_a_learning_rate(method, momentum, rate):
    with pytest.raises(ValueError, match="momentum is chosen in each iteration"):
        solve("beale", method, momentum=momentum, **rate)


@pytest.mark.parametrize("rate", (0.1, lambda k: 0.1))
def test_memory_needs_the_automatic_rate(rate):
    with pytest.raises(ValueError, match="memory is an option of learning_rate='auto' only"):
        solve("beale", "momentum", learning_rate=rate, memory=10)


@pytest.mark.parametrize("method", ("nesterov", "gd"))
def test_memory_is_of_momentum_only(method):
    with pytest.raises(ValueError, match="no option 'memory'"):
        solve("beale", method, memory=3)


@methods
@pytest.mark.parametrize("rate", ("Auto", "", "automatic"))
def test_the_word_is_auto(method, rate):
    with pytest.raises(ValueError, match="learning_rate must be 'auto'"):
        solve("beale", method, learning_rate=rate)


# -- theory ----------------------------------------------------------------------------------------


def test_nesterov_keeps_the_bounds_of_theory():
    from benchmarks import nesterov_bound

    for steps in (5, 50, 200):
        lower, upper = nesterov_bound.bound_ratios(steps)
        assert lower >= 1.0
        assert upper <= nesterov_bound.UPPER_LIMIT
    for method in ("momentum", "gd"):
        assert nesterov_bound.bound_ratios(50, method)[0] >= 1.0
    assert nesterov_bound.rate_factor(1e3)[1] <= nesterov_bound.RATE_LIMIT
    assert nesterov_bound.upper_ratio(1e3) <= nesterov_bound.UPPER_LIMIT


def test_this_file_is_about_the_automatic_rate():
    """Were the default another one, every test above would pass for the wrong reason."""
    for method in METHODS:
        rates = solve("wood", method, maxiter=50, history=True).history["learning_rate"]
        assert np.unique(rates).size > 10
