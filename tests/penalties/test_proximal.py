"""Penalties with a given learning rate, against the rules written down in NumPy."""

import math

import numpy as np
import objectives
import pytest
from composite import OWN, PENALTIES, N, distance, same
from numba import njit
from processes import run_python

from fastmomentum import Optimizer, Status, minimize, minimize_batch, multistart
from fastmomentum.penalties import L1, Box, L1Ball, Prox, Simplex
from fastmomentum.schedules import Step

METHODS = ("gd", "momentum", "nesterov")
methods = pytest.mark.parametrize("method", METHODS)
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
RATE = 0.15
SCALES = np.linspace(0.5, 4.0, N)
SHIFTS = np.sin(np.arange(N)) * 3.0


def nearest(h, y, rate):
    """The nearest point where h is finite: of an operator of one's own, the proximal point."""
    if isinstance(h, Prox):
        return y if math.isfinite(h.value(y)) else h.prox(y, rate)
    return h.prox(y, 1e-300) if h.separable or h.is_constraint else y


def naive(method, fun, h, x0, rates, momenta, steps):
    """Points evaluated, iterates, values and residuals.

    gd: I. Daubechies, M. Defrise and C. De Mol, Comm. Pure Appl. Math. 57, 2004. momentum: iPiano,
    P. Ochs, Y. Chen, T. Brox and T. Pock, SIAM J. Imaging Sci. 7(2), 2014. nesterov: A. Beck and
    M. Teboulle, SIAM J. Imaging Sci. 2(1), 2009, with coefficients that are given.
    """
    real = x0.dtype.type
    y, x, v = x0, x0, np.zeros_like(x0)
    points, iterates, values, residuals = [], [], [], []
    for k in range(steps + 1):
        f, g = fun(y)
        points.append(y)
        iterates.append(x)
        values.append(f + h.value(y))
        residuals.append(np.abs(y - h.prox(y - g, 1.0)).max())
        rate = real(rates(k))
        momentum, after = (real(0.0 if method == "gd" else momenta(j)) for j in (k, k + 1))
        w = momentum * v + rate * g
        z = x - w
        p = h.prox(z, float(rate))
        v = np.where(p == z, w, x - p)
        x = y = p
        if method == "nesterov":
            y = nearest(h, p - after * v, float(rate))
    return points, iterates, values, residuals


def quadratic(dtype):
    d, b = SCALES.astype(dtype), SHIFTS.astype(dtype)
    return (d, b), lambda x: objectives.quadratic_pair(x, d, b)


# Bounds add up the velocity in another order; operators that start from where the last call ended.
ERRORS = {"box": 1e-15, "nonnegative": 1e-15, "nuclear": 1e-13, "tv2d": 1e-6}


@dtypes
@methods
@pytest.mark.parametrize("name", PENALTIES)
def test_iterates_are_those_of_the_rule(name, method, dtype):
    h = PENALTIES[name]
    args, fun = quadratic(dtype)
    start = np.cos(np.arange(N)).astype(dtype)
    options = {"learning_rate": RATE, "maxiter": 30, "gtol": 0.0, "history": True}
    if method != "gd":
        options["momentum"] = 0.8
    result = minimize(
        objectives.quadratic_fused, start, args, method, True, penalty=h, options=options,
        callback=(seen := []).append,
    )  # fmt: skip
    if not math.isfinite(h.value(start)):
        start = nearest(h, start, 1.0)
    points, iterates, values, residuals = naive(
        method, fun, h, start, lambda k: RATE, lambda k: 0.8, 30
    )
    epsilon = float(np.finfo(dtype).eps)
    error = ERRORS.get(name, 0.0)
    if error > 0.0 and dtype == np.float32:
        error = max(error, 1e-5)
    close = {"rtol": 0.0, "atol": error}
    assert len(seen) == result.nit == 30
    np.testing.assert_allclose(seen, iterates[1:], **close)
    loose = {"rtol": 20.0 * epsilon, "atol": 20.0 * epsilon + 10.0 * close["atol"]}
    np.testing.assert_allclose(result.history["fun"], values, **loose)
    np.testing.assert_allclose(result.history["grad_norm"], residuals, **loose)
    best = int(np.argmin(result.history["fun"]))
    np.testing.assert_allclose(result.x, points[best], **close)
    assert result.fun == result.history["fun"][best]
    assert result.learning_rate == dtype(RATE)
    assert np.array_equal(result.support, np.flatnonzero(result.x))


@methods
def test_schedules(method):
    """The operator's step is that of the iteration; the look-ahead takes the next momentum."""
    h = PENALTIES["l1 array"]
    args, fun = quadratic(np.float64)
    momenta = (lambda k: 0.9 - 0.5 / (1 + k)) if method != "gd" else None
    options = {"learning_rate": Step(0.2, 0.5, 7), "maxiter": 25, "gtol": 0.0}
    options |= {} if momenta is None else {"momentum": momenta}
    result = minimize(
        objectives.quadratic_fused, SHIFTS, args, method, True, penalty=h, options=options,
        callback=(seen := []).append,
    )  # fmt: skip
    _, iterates, _, _ = naive(method, fun, h, SHIFTS, lambda k: 0.2 * 0.5 ** (k // 7), momenta, 25)
    np.testing.assert_array_equal(seen, iterates[1:])
    assert result.nit == 25


def identity(v, step):
    return v


def nothing(x):
    return 0.0


@njit(cache=True)
def identity_in_place(v, step, out):
    for i in range(v.size):
        out[i] = v[i]


@njit(cache=True)
def nothing_compiled(x):
    return 0.0


@dtypes
@methods
@pytest.mark.parametrize(
    "h",
    [Prox(identity, nothing), Prox(identity_in_place, nothing_compiled)],
    ids=["python", "numba"],
)
def test_without_a_penalty_the_rule_is_as_it_was(h, method, dtype):
    args, _ = quadratic(dtype)
    options = {"learning_rate": 0.05, "maxiter": 40, "gtol": 0.0, "history": True}
    runs = [
        minimize(
            objectives.quadratic_fused, np.ones(N, dtype), args, method, True, options=options, **h
        )
        for h in ({}, {"penalty": h})
    ]
    same(*runs, ("x", "fun", "jac", "nit", "nfev", "status", "learning_rate"))
    assert np.array_equal(*(run.history["fun"] for run in runs))
    # x - (x - g) has the rounding of x.
    norms = (run.history["grad_norm"] for run in runs)
    np.testing.assert_allclose(*norms, atol=20.0 * float(np.finfo(dtype).eps))


# -- ways to call it -------------------------------------------------------------------------------

SOLVED = {"learning_rate": 0.2, "gtol": 1e-8, "history": True}


def lasso(method, h, backend="auto", x0=SHIFTS, shifts=SHIFTS, **more):
    options = {**SOLVED, "backend": backend, **more.pop("options", {})}
    return minimize(
        objectives.quadratic_fused, x0, (SCALES, shifts), method, True, penalty=h, options=options,
        **more,
    )  # fmt: skip


@methods
@pytest.mark.parametrize("name", ["l1", "elastic", "sum", "group", "tv1d", "simplex"])
def test_converges(name, method):
    h = PENALTIES[name]
    result, other = lasso(method, h), lasso("gd", h, options={"learning_rate": "auto"})
    assert result.success and other.success
    np.testing.assert_allclose(result.x, other.x, atol=1e-7)
    g = SCALES * result.x - SHIFTS
    residual = np.abs(result.x - h.prox(result.x - g, 1.0)).max()
    assert residual <= 1e-8 * (1.0 + 1e-6)
    assert result.grad_norm == pytest.approx(residual, abs=1e-14)
    assert result.fun == pytest.approx(
        distance_value(result.x) + h.value(result.x), rel=1e-13, abs=1e-13
    )


def distance_value(x):
    return float((0.5 * SCALES * x - SHIFTS) @ x)


@methods
@pytest.mark.parametrize("name", ["l1", "sum", "group", "tv1d", "l1 ball"])
def test_both_backends(name, method):
    same(lasso(method, PENALTIES[name]), lasso(method, PENALTIES[name], "python"))


@methods
@pytest.mark.parametrize("kind", OWN)
def test_own_operators(kind, method):
    """The bits do not tell whether the functions are compiled; nor does the objective."""
    runs = [
        lasso(method, h, backend, shifts=30.0 * SHIFTS)
        for h, backend in ((OWN[kind], "numba"), (OWN[kind], "python"), (L1(20.0), "numba"))
    ]
    assert runs[0].success and 0 < runs[0].support.size < N
    same(*runs[:2])
    np.testing.assert_allclose(runs[0].x, runs[2].x, atol=1e-7)
    assert np.array_equal(runs[0].support, runs[2].support)


@methods
def test_a_set_of_ones_own(method):
    """At a look-ahead point outside of it the proximal point takes its place: h is finite."""
    h = Prox(
        lambda v, t: np.clip(v, 0.0, 0.5), lambda x: 0.0 if abs(x - 0.25).max() <= 0.25 else np.inf
    )
    result = lasso(method, h, x0=np.zeros(N))
    assert result.success and np.isfinite(result.history["fun"]).all()
    np.testing.assert_allclose(result.x, np.clip(SHIFTS / SCALES, 0.0, 0.5), atol=1e-7)


@methods
def test_callbacks_see_iterates_and_the_sum(method):
    h = PENALTIES["l1"]
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)

    lasso(method, h, callback=callback, options={"maxiter": 9})
    for k, one in enumerate(seen):
        assert one.nit == k + 1
        assert one.fun == pytest.approx(distance_value(one.x) + h.value(one.x), rel=1e-13)
        residual = np.abs(one.x - h.prox(one.x - one.jac, 1.0)).max()
        assert one.grad_norm == pytest.approx(residual, rel=1e-6, abs=1e-14)


@methods
@pytest.mark.parametrize("name", ["l1", "sum", "group"])
def test_batches(name, method):
    h = PENALTIES[name]
    starts = SHIFTS * np.arange(1.0, 5.0)[:, None]
    options = {name: value for name, value in SOLVED.items() if name != "history"}
    batch = minimize_batch(
        objectives.quadratic_fused, starts, (SCALES, SHIFTS), method=method, jac=True, penalty=h,
        options=options,
    )  # fmt: skip
    assert batch.backend == "numba" and batch.success.all()
    for i, x0 in enumerate(starts):
        one = lasso(method, h, x0=x0)
        for field in ("x", "fun", "jac", "nit", "nfev", "grad_norm"):
            assert np.array_equal(batch[field][i], one[field]), field


def test_bounds_of_each_problem():
    lower = -np.arange(4.0)[:, None] * np.ones(N) / 4.0
    box = type("Bounds", (), {"lb": lower, "ub": np.ones(N)})
    options = {"learning_rate": 0.2, "gtol": 1e-8}
    batch = minimize_batch(
        objectives.quadratic_fused, np.zeros((4, N)), (SCALES, SHIFTS), jac=True, bounds=box,
        penalty=L1(0.2), options=options,
    )  # fmt: skip
    for i in range(4):
        one = lasso("momentum", L1(0.2) + Box(lower[i], 1.0), x0=np.zeros(N))
        assert np.array_equal(batch.x[i], one.x) and batch.fun[i] == one.fun
    found = multistart(
        objectives.quadratic_fused, [(-1.0, 1.0)] * N, 4, (SCALES, SHIFTS), "gd", True, 0,
        penalty=L1(0.2), options=options,
    )  # fmt: skip
    assert found.success


@methods
@pytest.mark.parametrize("name", ["l1", "group", "tv2d", "nuclear", "own"])
def test_states_and_ask_and_tell(name, method):
    """A run in pieces, and one whose evaluations are made elsewhere, have the bits of one call."""
    h = OWN["numba"] if name == "own" else PENALTIES[name]
    shifts = 30.0 * SHIFTS
    limits = {"gtol": 1e-14, "maxiter": 20}
    whole = lasso(method, h, shifts=shifts, options=limits)
    state = None
    for most in ({"maxiter": 1}, {"maxfev": 4}, {"maxiter": 9}, {"maxiter": 20}):
        result = lasso(method, h, shifts=shifts, state=state, options={**limits, **most})
        state = result.state
    same(whole, result)
    for column in whole.history:
        assert np.array_equal(whole.history[column], result.history[column], equal_nan=True)
    steps = Optimizer(method, SHIFTS, penalty=h, options={**SOLVED, **limits})
    while steps.step(lambda x: objectives.quadratic_pair(x, SCALES, shifts)):
        pass
    same(whole, steps.result())


# -- endings ---------------------------------------------------------------------------------------


def raising_after(calls, what):
    """Python functions of L1(1), one of which raises at last."""
    left = [calls]

    def prox(v, step):
        left[0] -= 1
        if left[0] < 0 and what == "prox":
            raise ArithmeticError("mine")
        return L1(1.0).prox(v, step)

    def value(x):
        if left[0] < 0 and what == "value":
            raise ArithmeticError("mine")
        return L1(1.0).value(x)

    return Prox(prox, value), left


@methods
@pytest.mark.parametrize("what", ["prox", "value"])
@pytest.mark.parametrize("calls", range(5))
def test_an_exception_of_the_operator_loses_nothing(calls, what, method):
    h, left = raising_after(10**9, what)
    whole = lasso(method, h, options={"maxiter": 12})
    h, left = raising_after(calls, what)
    with pytest.raises(ArithmeticError, match="mine") as caught:
        lasso(method, h, options={"maxiter": 12})
    part = caught.value.result
    assert part.nfev >= 1 and part.fun in whole.history["fun"]
    assert part.fun == min(whole.history["fun"][: part.nfev])
    left[0] = 10**9
    rest = lasso(method, h, state=part.state, options={"maxiter": 12})
    same(whole, rest)


@njit(cache=True)
def soft_or_error(v, step, limit):
    if abs(v[0]) > limit:
        raise ArithmeticError("compiled")
    out = np.empty_like(v)
    for i in range(v.size):
        out[i] = max(v[i] - step, min(v[i] + step, 0.0))
    return out


@njit(cache=True)
def length_one(x, limit):
    total = 0.0
    for i in range(x.size):
        total += abs(x[i])
    return total


@njit(cache=True)
def short(v, step, limit):
    return v[1:].copy()


@njit(cache=True)
def undefined(v, step, limit):
    return v * np.nan


@pytest.mark.parametrize(
    ("prox", "error", "text"),
    [
        (soft_or_error, ArithmeticError, "compiled"),
        (short, ValueError, "prox: must return the shape"),
        (undefined, ValueError, "prox: returned nan"),
    ],
    ids=["raises", "short", "nan"],
)
@pytest.mark.parametrize("rate", ["auto", 0.2])
@methods
def test_compiled_operators_that_go_wrong(prox, error, text, rate, method):
    if method == "momentum" and rate == "auto":
        return  # needs a separable penalty
    args = (SCALES, SHIFTS + 4.0)
    with pytest.raises(error, match=text) as caught:
        minimize(
            objectives.quadratic_fused, np.zeros(N), args, method, True,
            penalty=Prox(prox, length_one, (2.0,)), options={"learning_rate": rate},
        )  # fmt: skip
    assert caught.value.result.nfev >= 1 and not caught.value.result.success
    assert math.isfinite(caught.value.result.fun)


@pytest.mark.parametrize("method", ["gd", "nesterov"])
@dtypes
def test_ends_where_nothing_changes(method, dtype):
    """Momentum goes round in circles of a few units in the last place."""
    args, _ = quadratic(dtype)
    result = minimize(
        objectives.quadratic_fused, np.zeros(N, dtype), args, method, True, penalty=L1(0.5),
        options={"learning_rate": 0.2, "gtol": 0.0, "maxiter": 20_000, "history": True},
    )  # fmt: skip
    assert result.status in (Status.PRECISION_LOSS, Status.CONVERGED)
    assert result.nit < 20_000
    assert result.history["grad_norm"][-1] <= 50.0 * np.finfo(dtype).eps


@methods
def test_a_rate_that_is_too_large(method):
    result = lasso(method, L1(0.1), options={"learning_rate": 10.0, "gtol": 1e-8})
    assert result.status in (Status.DIVERGED, Status.NONFINITE)
    assert result.fun == np.nanmin(result.history["fun"])


@pytest.mark.parametrize("method", ["adam", "adamw", "adagrad"])
def test_adaptive_methods_take_bounds_only(method):
    with pytest.raises(ValueError, match=r"takes bounds only.*'gd', 'momentum', 'nesterov'"):
        minimize(
            distance(np.zeros(3)), np.ones(3), jac=True, method=method, penalty=L1(1.0),
            options={"learning_rate": 0.1},
        )  # fmt: skip
    minimize(
        distance(np.zeros(3)), np.ones(3), jac=True, method=method, penalty=Box(-1.0, 1.0),
        options={"learning_rate": 0.1, "maxiter": 3},
    )  # fmt: skip


def test_a_given_rate_has_no_default_method_but_momentum():
    """Any penalty then."""
    for h in (Simplex(), L1Ball(1.0)):
        result = lasso("momentum", h)
        assert result.success
        np.testing.assert_allclose(result.x, lasso("nesterov", h).x, atol=1e-7)


# -- operators by address --------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["auto", 0.2])
def test_compiled_functions_are_not_called_from_python(rate, monkeypatch):
    """But before the run and after it."""
    calls = []
    for name in ("prox", "value"):
        plain = getattr(Prox, name)

        def counted(self, *args, plain=plain):
            calls.append(plain)
            return plain(self, *args)

        monkeypatch.setattr(Prox, name, counted)
    given = {"shifts": 30.0 * SHIFTS, "options": {"learning_rate": rate}}
    result = lasso("gd", OWN["numba"], **given)
    assert result.nit > 4 and len(calls) <= 4
    result = lasso("gd", OWN["python"], **given)
    assert len(calls) > result.nit


def test_arguments_are_kept_as_long_as_the_run(rng):
    """Arrays, tuples of them, and numbers; and no longer."""
    import gc
    import sys
    from collections import namedtuple

    pair = namedtuple("pair", "weights scale")

    @njit
    def prox(v, step, p, more):
        return soft_or_error(v / p.scale, step * more[1], np.inf) * p.scale

    @njit
    def value(x, p, more):
        return (np.abs(x) * p.weights).sum() + more[0].sum()

    weights, zeros = np.ones(N), np.zeros(3)
    before = [sys.getrefcount(a) for a in (weights, zeros)]
    results = [
        lasso("nesterov", Prox(prox, value, (pair(weights, 1.0), (zeros, 1.0))))
        for _ in range(3)
    ]  # fmt: skip
    gc.collect()
    assert [sys.getrefcount(a) for a in (weights, zeros)] == before
    other = lasso("nesterov", L1(1.0))
    for result in results:
        np.testing.assert_allclose(result.x, other.x, atol=1e-8)


WITHOUT = """
import numpy as np
import test_proximal as here
for name in ("l1", "tv1d", "simplex"):
    for method in here.METHODS:
        for rate in ("auto", 0.2) if method != "momentum" or name == "l1" else (0.2,):
            r = here.lasso(method, here.PENALTIES[name], options={"learning_rate": rate})
            assert r.success and r.backend == "python", r.message
            print(name, method, rate, r.nit, r.fun.hex())
r = here.lasso("gd", here.OWN["python"])
assert r.success
"""


def test_without_numbas_compiler():
    """The same runs, but for the order of sums of the automatic rates."""
    done = run_python(WITHOUT, env={"NUMBA_DISABLE_JIT": "1"})
    for line in done.stdout.splitlines():
        name, method, rate, nit, fun = line.split()
        if rate != "auto":
            one = lasso(method, PENALTIES[name])
            assert (int(nit), float.fromhex(fun)) == (one.nit, pytest.approx(one.fun, rel=1e-14))
