"""Bounds: the same in every way to run, and every ending."""

import math

import numpy as np
import pytest
from bounded import (
    BACKENDS,
    BITS,
    DTYPES,
    GIVEN,
    ROSENBROCK_BOX,
    RUNS,
    Recorder,
    backends,
    every_run,
    loops,
    options_for,
    quadratic,
    residual,
    rosenbrock,
    same,
    solve_rosenbrock,
)
from cases import SMALL_RATES
from endings import FUN_NAN, NO_FAULT, busy, faulty, interrupt_at, stop_at
from processes import run_here, run_python
from scipy.optimize import Bounds

from fastmomentum import Status, minimize

# -- the same in every way to run ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", ["fused", "returning", "2-point", "3-point", "cs"])
@every_run
def test_compiled_is_python_bit_for_bit(method, rate, how, dtype):
    more = {"maxiter": 30, "history": True, "return_all": True}
    compiled = quadratic(method, rate, how, dtype, backend="numba", **more)
    python = quadratic(method, rate, how, dtype, backend="python", **more)
    assert (compiled.backend, python.backend) == BACKENDS
    same(compiled, python)
    assert np.array_equal(compiled.allvecs, python.allvecs)
    for key, values in compiled.history.items():
        assert np.array_equal(values, python.history[key], equal_nan=True), key


@every_run
def test_watching_changes_nothing(method, rate):
    plain = solve_rosenbrock(method, rate, maxiter=60)
    seen, results = [], []
    options = {"maxiter": 60}

    def watch(intermediate_result):
        results.append(intermediate_result)

    watched = [
        solve_rosenbrock(method, rate, history=True, **options),
        solve_rosenbrock(method, rate, return_all=True, **options),
        solve_rosenbrock(method, rate, maxtime=1e6, **options),
        solve_rosenbrock(method, rate, callback=seen.append, **options),
        solve_rosenbrock(method, rate, backend="python", **options),
    ]
    with_result = solve_rosenbrock(method, rate, callback=watch, **options)
    counts = ("nfev", "njev") if method == "nesterov" and rate == "given" else ()
    same(plain, with_result, [name for name in BITS if name not in counts])
    for other in watched:
        same(plain, other)
    assert len(seen) == len(results) == plain.nit
    lower, upper = ROSENBROCK_BOX
    for x, found in zip(seen, results, strict=True):
        assert np.array_equal(x, found.x)
        f, g = rosenbrock(x)
        assert found.fun == f and np.array_equal(found.jac, g)
        assert found.grad_norm == pytest.approx(residual(x, g, lower, upper), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("method", "rate"), [*GIVEN, ("momentum", "auto"), ("gd", "auto")])
def test_history_is_that_of_the_iterates(method, rate):
    result = solve_rosenbrock(method, rate, maxiter=70, history=True, return_all=True)
    lower, upper = ROSENBROCK_BOX
    history = result.history
    assert len(history["fun"]) == len(history["grad_norm"]) == result.nit + 1
    assert len(history["learning_rate"]) == result.nit
    assert (history["learning_rate"] > 0.0).all()
    if method == "nesterov":
        return  # the look-ahead points'
    for k, x in enumerate(result.allvecs[: result.nit + 1]):
        f, g = rosenbrock(x)
        assert history["fun"][k] == f
        assert history["grad_norm"][k] == pytest.approx(
            residual(x, g, lower, upper), rel=1e-9, abs=1e-12
        )


@every_run
def test_a_short_run_is_the_beginning_of_a_long_one(method, rate):
    long = solve_rosenbrock(method, rate, maxiter=40, return_all=True, gtol=0.0)
    for maxiter in (0, 1, 5, 20):
        short = solve_rosenbrock(method, rate, maxiter=maxiter, return_all=True, gtol=0.0)
        k = min(maxiter, long.nit)
        assert short.nit == k
        assert np.array_equal(short.allvecs, long.allvecs[: k + 1])


WITHOUT_NUMBA = """
import sys
import numpy as np, objectives
from cases import AUTOMATIC, METHODS, PROBLEMS, options_of
from fastmomentum import minimize
from scipy.optimize import Bounds
np.seterr(all="ignore")
problem = PROBLEMS["quadratic"]
bounds = Bounds([-np.inf, 0.75, -1.0, -np.inf, 0.125], [0.5, np.inf, 1.0, 0.25, np.inf])
for method in METHODS:
    for how in ("fused", "2-point", "3-point"):
        for options in (options_of(method, maxiter=12), {"maxiter": 8}):
            if method not in AUTOMATIC and len(options) == 1:
                continue
            fun, jac = objectives.style("quadratic", how)
            res = minimize(fun, problem.x0, args=problem.args, jac=jac, method=method,
                           bounds=bounds, options={"history": True, **options})
            numbers = (res.fun, res.grad_norm, *res.x.tolist(), *res.history["grad_norm"].tolist())
            sys.stdout.write(f"{method} {how} {len(options) > 1} "
                             f"{res.status} {res.nit} {res.nfev} {res.njev} "
                             f"{' '.join(v.hex() for v in numbers)}\\n")
"""


def test_without_numba_it_is_the_same():
    """``NUMBA_DISABLE_JIT=1``: to the bit with given rates, whose sums keep their order."""
    compiled = run_here(WITHOUT_NUMBA).splitlines()
    python = run_python(WITHOUT_NUMBA, env={"NUMBA_DISABLE_JIT": "1"}).stdout.splitlines()
    assert len(compiled) == len(python) == len(RUNS) * 3
    for ours, theirs in zip(compiled, python, strict=True):
        if " True " in ours:
            assert ours == theirs
            continue
        ours, theirs = ours.split(), theirs.split()
        assert ours[:7] == theirs[:7]
        a, b = ([float.fromhex(v) for v in line[7:]] for line in (ours, theirs))
        # Differences amplify the rounding.
        tolerance = 1e-9 if ours[1] == "fused" else 1e-5
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# -- endings ---------------------------------------------------------------------------------------

# Options, the fault of `faulty`, callback, and the status; a bound is active at the solution.
ENDINGS = {
    "gtol": ({}, (NO_FAULT, 0, math.inf), None, Status.CONVERGED),
    "maxiter": ({"maxiter": 2, "gtol": 0.0}, (NO_FAULT, 0, math.inf), None, Status.MAXITER),
    "maxfev": ({"maxfev": 2, "gtol": 0.0}, (NO_FAULT, 0, math.inf), None, Status.MAXFEV),
    "nan at x0": ({}, (FUN_NAN, 0, -1.0), None, Status.NONFINITE),
    "callback": ({"gtol": 0.0}, (NO_FAULT, 0, math.inf), stop_at(2), Status.CALLBACK),
    "Ctrl-C": (
        {"on_interrupt": "return", "gtol": 0.0},
        (NO_FAULT, 0, math.inf), interrupt_at(2), Status.INTERRUPTED,
    ),
}  # fmt: skip


@backends
@pytest.mark.parametrize("name", ENDINGS)
@every_run
def test_every_ending(method, rate, name, backend):
    options, fault, callback, status = ENDINGS[name]
    given = {} if rate == "auto" else {"learning_rate": SMALL_RATES[method], "maxiter": 100_000}
    lower, upper = np.array([-1.0, -1.0, 1.5]), np.array([0.8, 2.0, 3.0])
    result = minimize(
        faulty, [0.0, 0.0, 2.0], args=fault, jac=True, method=method, callback=callback,
        bounds=Bounds(lower, upper), options={**given, **options, "backend": backend},
    )  # fmt: skip
    assert result.status == status, "is the rate in SMALL_RATES of cases.py small?"
    assert result.success == (status == Status.CONVERGED)
    assert ((lower <= result.x) & (result.x <= upper)).all()
    f = faulty(result.x, np.empty(3), *fault)
    assert result.fun == f or (math.isnan(f) and math.isnan(result.fun))


@every_run
def test_patience(method, rate):
    """No new lowest value: at the floor of the arithmetic, or where the rate is too large."""
    options = {"patience": 3, "gtol": 0.0, "maxiter": 100_000}
    if rate == "given":
        options["learning_rate"] = 5.0 if method == "adadelta" else 0.9
    x_min = np.array([0.1, 0.7, 1.0 / 3.0])

    def fun(x):
        r = x - x_min
        return 1.0 + float(r @ r), 2.0 * r

    result = minimize(
        fun, [-2.0, 2.0, -1.0], jac=True, method=method, bounds=Bounds(-2.0, [2.0, 0.6, 2.0]),
        options=options,
    )  # fmt: skip
    # A run may find the exact minimum, or the floor, before its patience ends.
    assert result.status in (Status.STAGNATION, Status.CONVERGED, Status.PRECISION_LOSS)
    if rate == "auto":
        assert result.x[1] == 0.6
        np.testing.assert_allclose(result.x, [0.1, 0.6, 1.0 / 3.0], atol=0.02)


@loops
def test_stagnation_is_reached(method):
    """A wrong gradient: values soon fall no more."""
    result = minimize(
        lambda x: (abs(float(x[0] - 0.3)) + 1.0, np.array([math.sin(1e4 * x[0]) + 2.0])), [0.9],
        jac=True, method=method, bounds=[(-1.0, 1.0)], options={"patience": 1},
    )  # fmt: skip
    assert result.status in (Status.STAGNATION, Status.PRECISION_LOSS)
    assert not result.success


@loops
def test_rounding_ends_a_run_without_tolerance(method):
    result = solve_rosenbrock(method, gtol=0.0, maxiter=100_000)
    assert result.status in (Status.PRECISION_LOSS, Status.CONVERGED)
    assert result.grad_norm < 1e-6
    assert result.nfev < 3000


@every_run
def test_maxtime(method, rate):
    more = {} if rate == "auto" else {"learning_rate": 1e-9}
    result = minimize(
        busy, np.zeros(200), args=(500_000,), jac=True, method=method,
        bounds=Bounds(-1.0, np.linspace(0.5, 2.0, 200)),
        options={"maxtime": 0.01, "gtol": 0.0, "maxiter": 2**40, **more},
    )  # fmt: skip
    assert result.status == Status.MAXTIME
    assert result.nit < 100


def walled(x):
    """A bowl around 1 that is nan where x[0] > 0.6, within the box."""
    if x[0] > 0.6:
        return math.nan, np.full(x.size, math.nan)
    return float(((x - 1.0) ** 2).sum()), 2.0 * (x - 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("method", "rate"), RUNS)
def test_nan_inside_the_box(method, rate, bad):
    def fun(x):
        f, g = walled(x)
        return (f, g) if math.isfinite(f) else (bad, g)

    more = {} if rate == "auto" else {"learning_rate": SMALL_RATES[method], "maxiter": 20_000}
    result = minimize(
        fun, np.zeros(3), jac=True, method=method, bounds=Bounds(-1.0, [2.0, 0.5, 2.0]),
        options=more,
    )  # fmt: skip
    assert result.status in (Status.NONFINITE, Status.PRECISION_LOSS)
    assert np.isfinite(result.fun) and np.isfinite(result.jac).all()
    assert result.fun == walled(result.x)[0] < 3.0
    if rate == "auto":
        assert result.x[0] > 0.3


@pytest.mark.parametrize("at", [1, 2, 4, 9])
@every_run
def test_exceptions_carry_the_best_point(method, rate, at):
    values = []

    def fun(x):
        if len(values) == at:
            raise ArithmeticError("enough")
        f, g = rosenbrock(x)
        values.append((f, x.copy()))
        return f, g

    more = {} if rate == "auto" else {"learning_rate": 1e-4}
    with pytest.raises(ArithmeticError, match="enough") as caught:
        minimize(fun, [0.5] * 4, jac=True, method=method, bounds=Bounds(*ROSENBROCK_BOX),
                 options={"gtol": 0.0, **more})  # fmt: skip
    best = min(values, key=lambda entry: entry[0])
    result = caught.value.result
    assert result.fun == best[0]
    assert np.array_equal(result.x, best[1])
    assert not result.success


@every_run
def test_the_best_point_is_kept(method, rate):
    values = []

    def fun(x):
        f, g = rosenbrock(x)
        values.append(f)
        return f, g

    more = {} if rate == "auto" else {"learning_rate": 2e-3}
    for maxfev in (2, 5, 11):
        values.clear()
        result = minimize(fun, [0.5] * 4, jac=True, method=method, bounds=Bounds(*ROSENBROCK_BOX),
                          options={"gtol": 0.0, "maxfev": maxfev, **more})  # fmt: skip
        assert result.fun == min(values)


@every_run
def test_counts_are_calls(method, rate):
    recorder = Recorder()
    calls = []

    def fun(x):
        calls.append(x)
        return recorder.both(x)

    result = minimize(
        fun, np.zeros(4), jac=True, method=method, bounds=Bounds(-1.0, [1.0, 2.0, 4.0, 5.0]),
        options=options_for(method, rate, maxiter=50),
    )  # fmt: skip
    assert result.nfev == result.njev == len(calls)
    assert "support" not in result
