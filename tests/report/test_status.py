"""Every way to end: the status, its words, and the point that is returned."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.optimize
from endings import (
    BACKENDS,
    ENDINGS,
    FUN_NAN,
    JAC_INF,
    JAC_NAN,
    METHODS,
    RUN_IDS,
    RUNS,
    bowl,
    faulty,
    message_for,
)
from faults import (
    FAULTS,
    PLACES,
    STYLES,
    Counted,
    backends,
    gradient,
    limits,
    methods,
    refuses,
    solve,
)

import fastmomentum
from fastmomentum import Status, minimize

# -- the table -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "method", "backend"), RUNS, ids=RUN_IDS)
def test_every_ending(ending, method, backend):
    result = ending.run(method, backend)
    assert result.status == ending.status
    assert result.backend == backend
    assert result.success == (ending.status == Status.CONVERGED)
    assert result.message == message_for(result)


@backends
def test_every_status_is_reached(backend):
    reached = {int(e.run(e.methods[-1], backend).status) for e in ENDINGS}
    # That one only `minimize_sum` reaches, see test_sums.py.
    assert reached == {int(status) for status in Status} - {Status.EPOCHS}


def test_codes():
    codes = {status.name: int(status) for status in Status}
    assert sorted(codes.values()) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 99]
    assert fastmomentum.Status is Status
    assert Status(99) == 99


# -- the stopping rules, one at a time -------------------------------------------------------------


@backends
@methods
@pytest.mark.parametrize("gtol", (1e-1, 1e-3, 1e-5, 1e-8))
def test_gtol(method, backend, gtol):
    result = solve(method, backend, gtol=gtol, history=True)
    norms = result.history["grad_norm"]
    assert result.success
    assert norms[-1] <= gtol < norms[:-1].min()
    assert result.grad_norm == norms[-1]


@backends
@methods
def test_gtol_is_inclusive(method, backend):
    norms = solve(method, backend, maxiter=10, history=True).history["grad_norm"]
    k = 8 if method == "gd" else int(np.argmin(norms))
    result = solve(method, backend, gtol=float(norms[k]))
    assert result.success
    assert result.nit == k


@backends
@methods
def test_defaults(method, backend):
    """gtol 1e-5 in the infinity norm, 1e-3 in float32."""
    for dtype, gtol in ((np.float64, 1e-5), (np.float32, 1e-3)):
        result = solve(method, backend, np.zeros(3, dtype), history=True)
        norms = result.history["grad_norm"]
        assert norms[-1] <= gtol < norms[:-1].min()
    result = solve(method, backend, learning_rate=1e-9)
    assert result.status == Status.MAXITER
    assert result.nit == 10_000


def test_default_maxiter_grows_with_n():
    result = solve("gd", x0=np.zeros(100), learning_rate=1e-9)
    assert result.nit == 20_000


@backends
@methods
@pytest.mark.parametrize("maxiter", (0, 1, 2, 63, 64, 65, 100))
def test_maxiter(method, backend, maxiter):
    result = solve(method, backend, maxiter=maxiter, gtol=0.0)
    assert result.status == Status.MAXITER
    assert result.nit == maxiter
    assert result.nfev == maxiter + 1


@backends
@methods
def test_convergence_in_the_last_iteration_counts(method, backend):
    nit = solve(method, backend).nit
    assert solve(method, backend, maxiter=nit).success
    limited = solve(method, backend, maxiter=nit - 1)
    assert limited.status == Status.MAXITER
    assert not limited.success
    nfev = solve(method, backend).nfev
    assert solve(method, backend, maxfev=nfev).success
    assert solve(method, backend, maxfev=nfev - 1).status == Status.MAXFEV


@backends
@methods
def test_ftol(method, backend):
    """Twice in a row |f_k - f_{k-1}| <= ftol max(|f_k|, |f_{k-1}|, 1), and not before."""
    ftol = 1e-5
    result = solve(method, backend, gtol=0.0, ftol=ftol, history=True)
    f = result.history["fun"]
    flat = np.abs(np.diff(f)) <= ftol * np.maximum(np.maximum(abs(f[1:]), abs(f[:-1])), 1.0)
    assert result.success
    assert flat[-2:].all()
    assert not (flat[:-2] & flat[1:-1]).any()
    assert result.fun == f.min()


@backends
@pytest.mark.parametrize("method", ("gd", "momentum"))
def test_xtol(method, backend):
    xtol = 1e-4
    result = solve(method, backend, gtol=0.0, xtol=xtol, return_all=True)
    x = np.array(result.allvecs)
    step = np.abs(np.diff(x, axis=0)).max(axis=1)
    flat = step <= xtol * (xtol + np.abs(x[:-1]).max(axis=1))
    assert result.success
    assert flat[-2:].all()
    assert not (flat[:-2] & flat[1:-1]).any()


@backends
@methods
@pytest.mark.parametrize("patience", (1, 3, 10))
def test_patience(method, backend, patience):
    """So many iterations without a new lowest value, and not before."""
    result = solve(
        method, backend, learning_rate=0.34, patience=patience, gtol=0.0, maxiter=500, history=True
    )
    f = result.history["fun"]
    since_best = np.arange(f.size) - np.array([np.argmin(f[: k + 1]) for k in range(f.size)])
    assert (since_best[:-1] < patience).all()
    assert (result.status == Status.STAGNATION) == (since_best[-1] == patience)
    assert result.fun == f.min()


@backends
def test_patience_of_an_oscillation(backend):
    # A step of 2 (1 - x) with curvature 2 jumps from x to 2 - x and back.
    result = solve("gd", backend, [0.0], learning_rate=1.0, patience=7)
    assert result.status == Status.STAGNATION
    assert result.nit == 7
    assert np.array_equal(result.x, [0.0])
    assert result.fun == 1.0


@backends
@methods
def test_fixed_point(method, backend):
    """gtol = 0 cannot be met where no step changes x: the run ends all the same."""
    result = solve(method, backend, [1e8, 3.7, 0.1], gtol=0.0, maxiter=100_000)
    if method == "gd":
        assert result.status in (Status.PRECISION_LOSS, Status.CONVERGED)
    assert result.status in (Status.PRECISION_LOSS, Status.CONVERGED, Status.MAXITER)
    assert result.success == (result.grad_norm == 0.0)
    assert result.grad_norm < 1e-7


@backends
def test_learning_rate_that_moves_nothing(backend):
    result = solve("gd", backend, [3.0, 3.0], learning_rate=1e-300)
    assert result.status == Status.PRECISION_LOSS
    assert not result.success
    assert np.array_equal(result.x, [3.0, 3.0])


@backends
def test_schedule_that_pauses_is_no_fixed_point(backend):
    """A step of 0 ends the run only if the next ones are 0, too."""
    result = solve("gd", backend, learning_rate=lambda k: 0.1 if k >= 20 else 0.0)
    assert result.success


@backends
@methods
@pytest.mark.parametrize("rate", (1.5, 3.0, 100.0, 1e6))
def test_diverging(method, backend, rate):
    result = solve(method, backend, learning_rate=rate)
    assert result.status in (Status.DIVERGED, Status.NONFINITE)
    assert not result.success
    assert result.fun <= bowl(np.zeros(3))
    assert result.fun == bowl(result.x)
    assert result.nit < 300


@backends
@methods
def test_diverging_to_infinity_at_once(method, backend):
    result = solve(method, backend, learning_rate=1e300)
    assert result.status in (Status.DIVERGED, Status.NONFINITE)
    assert np.array_equal(result.x, np.zeros(3))
    assert result.fun == bowl(np.zeros(3))
    assert np.array_equal(result.jac, gradient(np.zeros(3)))


# -- NaN is never a success ------------------------------------------------------------------------

NORMS = (np.inf, 1, 2, 3.5, -np.inf)


@backends
@methods
@pytest.mark.parametrize("bound", (-1.0, 0.3, 0.9), ids=("at x0", "soon", "late"))
@pytest.mark.parametrize("fault", FAULTS)
def test_not_finite(fault, bound, method, backend):
    for n, at in PLACES if fault.startswith("jac") else ((1, 0), (5, 0)):
        args = (FAULTS[fault], at, bound)
        result = minimize(
            faulty,
            np.zeros(n),
            args,
            method,
            jac=True,
            options={"learning_rate": 0.05, "backend": backend},
        )
        assert result.status == Status.NONFINITE, (n, at)
        assert result.success is False
        assert result.message == message_for(result)
        assert np.isfinite(result.x).all()
        out = np.empty(n)
        assert np.array_equal(result.fun, faulty(result.x, out, *args), equal_nan=True)
        assert np.array_equal(result.jac, out, equal_nan=True)
        if bound == -1.0:
            assert result.nit == 0
            assert np.array_equal(result.x, np.zeros(n))
        else:
            assert math.isfinite(result.fun)
            assert result.fun < bowl(np.zeros(n))


@backends
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("fault", (JAC_NAN, JAC_INF))
@pytest.mark.parametrize("maxiter", (3, 100), ids=("last", "on the way"))
def test_nan_in_every_norm(norm, fault, maxiter, backend):
    """The norm that is minus infinity is a minimum: infinity is no obstacle to it, but NaN is."""
    bound = 0.2 if maxiter == 3 else 0.5  # x[0] is 0, 0.1, 0.19, 0.271: met in iteration 3
    for n, at in PLACES:
        result = minimize(
            faulty,
            np.zeros(n),
            (fault, at, bound),
            "gd",
            jac=True,
            options={"learning_rate": 0.05, "backend": backend, "norm": norm, "maxiter": maxiter},
        )
        assert not result.success
        if norm == -np.inf and fault == JAC_INF:
            continue
        assert result.status == Status.NONFINITE


@backends
def test_nan_with_a_loose_tolerance(backend):
    # nan <= gtol is false, and so must the test be, whatever gtol is.
    for gtol in (1.0, 1e9, 1e300, math.inf):
        result = minimize(
            faulty,
            np.zeros(5),
            (JAC_NAN, 2, -1.0),
            jac=True,
            options={"learning_rate": 0.05, "backend": backend, "gtol": gtol},
        )
        assert not result.success
        assert result.status == Status.NONFINITE


@backends
@pytest.mark.parametrize("rule", ({"ftol": 1.0}, {"xtol": 1.0}), ids=("ftol", "xtol"))
@pytest.mark.parametrize("fault", FAULTS)
def test_nan_does_not_pass_the_other_rules(rule, fault, backend):
    result = minimize(
        faulty,
        np.zeros(3),
        (FAULTS[fault], 1, 0.05),
        "gd",
        jac=True,
        options={"learning_rate": 0.05, "backend": backend, **rule},
    )
    assert result.nfev == 2
    assert not result.success
    assert result.status == Status.NONFINITE


@pytest.mark.parametrize("jac", ("2-point", "3-point", "cs"))
def test_nan_in_differences(jac):
    """fun is NaN beside x only, so that the differences are not finite and fun is."""

    def fun(x):
        beside = x[0].real > 0.5 or (jac == "cs" and x[0].imag != 0.0 and x[0].real > 0.4)
        value = np.sum((x - 1.0) * (x - 1.0))
        return value * math.nan if beside else value

    result = minimize(fun, np.zeros(2), jac=jac, options={"learning_rate": 0.05})
    assert result.status == Status.NONFINITE
    assert not result.success
    assert math.isfinite(result.fun)


@backends
def test_nan_in_args(backend):
    result = minimize(
        faulty,
        np.zeros(3),
        (FUN_NAN, 0, -math.inf),
        jac=True,
        options={"learning_rate": 0.05, "backend": backend},
    )
    assert result.status == Status.NONFINITE
    assert math.isnan(result.fun)


def test_nan_where_scipy_takes_it():
    """SciPy may return a point of NaN; ours is the best finite one."""

    def fun(x):
        return float(x[0] ** 2 - 2.0 * x[0]) if x[0] < 0.5 else math.nan

    result = minimize(fun, [-3.0], options={"learning_rate": 0.3})
    assert result.status == Status.NONFINITE
    assert math.isfinite(result.fun)
    assert -3.0 <= result.x[0] < 0.5


@methods
@pytest.mark.parametrize("rate", (0.05, 0.34, 1.2))
@pytest.mark.parametrize("options", ({"maxiter": 13}, {"maxfev": 11}, {"patience": 2}), ids=str)
def test_best_point_of_all_evaluated(method, rate, options):
    """Against a record of the calls, which the loop does not know of."""
    record = []

    def fun(x):
        record.append((bowl(x), x))
        return record[-1][0]

    options = {"learning_rate": rate, "gtol": 0.0, "maxiter": 50, **options}
    result = minimize(fun, np.zeros(3), jac=gradient, method=method, options=options)
    value, x = min(record, key=lambda pair: pair[0])
    assert result.fun == value
    assert np.array_equal(result.x, x)
    assert np.array_equal(result.jac, gradient(x))
    assert result.nfev == len(record)


# -- the automatic learning rate -------------------------------------------------------------------

AUTO = [e for e in ENDINGS if "learning_rate" not in e.options and "momentum" in e.methods]
watched_or_not = pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))


@backends
@watched_or_not
@pytest.mark.parametrize("n", (1, 3, 40))
@pytest.mark.parametrize("method", (*METHODS, "adam", "adadelta", "adamax"))
@pytest.mark.parametrize("ending", AUTO, ids=lambda e: e.name)
def test_automatic_rate(ending, method, n, watched, backend):
    """What holds for every ending; which one it is depends on the steps that it chooses."""
    if n == 1 and ending.fault[1] == 1:
        ending = dataclasses.replace(ending, fault=(ending.fault[0], 0, ending.fault[2]))
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result.nit)
        if ending.callback is not None:
            ending.callback(intermediate_result=intermediate_result)

    x0 = np.linspace(0.0, 3.0, n) if math.isinf(ending.fault[2]) else np.zeros(n)
    result = minimize(
        faulty,
        x0,
        ending.fault,
        jac=True,
        method=method,
        callback=callback if watched or ending.callback else None,
        options={"maxiter": 500, "backend": backend, "history": True, **ending.options},
    )
    assert result.status in set(Status)
    assert result.success == (result.status == 0)
    assert result.message == message_for(result, "learning_rate" not in ending.options)
    value, jac = ending.evaluate(result.x)
    assert np.array_equal(result.fun, value, equal_nan=True)
    assert np.array_equal(result.jac, jac, equal_nan=True)
    assert np.isfinite(result.x).all()
    assert np.array_equal(result.grad_norm, np.abs(jac).max(), equal_nan=True)
    assert result.nit <= ending.options.get("maxiter", 500)
    assert result.nfev <= ending.options.get("maxfev", 10**6)
    assert not seen or seen == list(range(1, result.nit + 1))
    assert result.history["fun"].shape == (result.nit + 1,)
    assert result.history["learning_rate"].shape == (result.nit,)
    if result.success:
        assert np.isfinite(result.fun)
        assert np.isfinite(result.jac).all()
    if ending.fault[2] == -1.0:
        assert result.status == Status.NONFINITE
        assert result.nit == 0
    elif math.isfinite(result.fun):
        assert result.fun <= ending.evaluate(x0)[0]


@limits
@watched_or_not
@pytest.mark.parametrize("style", STYLES)
def test_maxfev_is_never_exceeded_by_the_automatic_rate(style, watched, limits):
    """Its trial steps count."""
    for maxfev in limits:
        counted = Counted(style)
        try:
            result = minimize(
                counted.fun,
                np.array([-5.0, 9.0]),
                jac=counted.jac,
                callback=(lambda intermediate_result: None) if watched else None,
                options={"maxfev": maxfev},
            )
        except ValueError as error:
            assert refuses(error, maxfev, counted.calls, 2)
            continue
        assert result.nfev == counted.calls
        assert counted.calls <= maxfev
        assert result.status in (Status.MAXFEV, Status.CONVERGED)


def test_automatic_rate_returns_the_best_of_all_evaluated():
    record = []

    def fun(x):
        value = float(100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2)
        record.append((value, x))
        return value

    for maxfev in (3, 5, 8, 13, 21, 34):
        record.clear()
        options = {"maxfev": maxfev}
        result = minimize(fun, [-1.2, 1.0], jac=scipy.optimize.rosen_der, options=options)
        assert result.nfev == len(record) <= maxfev
        assert result.status == Status.MAXFEV
        assert result.fun == min(value for value, _ in record)
        assert result.fun == fun(result.x)


@pytest.mark.parametrize("fault", FAULTS)
def test_automatic_rate_and_nan(fault):
    """A wall of NaN between x0 and the minimum: never a success."""
    for n, at in PLACES:
        for backend in BACKENDS:
            result = minimize(
                faulty,
                np.full(n, -2.0),
                (FAULTS[fault], at, 0.25),
                jac=True,
                options={"backend": backend, "maxiter": 300},
            )
            assert not result.success
            assert math.isfinite(result.fun)
            assert np.isfinite(result.jac).all()
            assert result.x[0] < 0.25
            assert result.fun <= bowl(np.full(n, -2.0))
