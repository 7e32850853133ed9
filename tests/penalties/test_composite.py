"""Penalties in `minimize`: solutions against independent oracles, and every claim recomputed."""

import dataclasses
import math

import numpy as np
import objectives
import pytest
from cases import AUTOMATIC
from composite import (
    ANY,
    BITS,
    LOOPS,
    OWN,
    PENALTIES,
    RUNS,
    N,
    absolute,
    check,
    coordinate_descent,
    distance,
    least_squares,
    same,
    soft,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from parameters import some
from processes import run_here, run_python
from scipy.optimize import Bounds

from fastmomentum import Status, minimize, penalties
from fastmomentum.penalties import (
    L1,
    L2,
    TV1D,
    TV2D,
    Box,
    ElasticNet,
    GroupL2,
    L1Ball,
    L2Ball,
    NonNegative,
    NuclearNorm,
    Prox,
    Simplex,
)

loops = pytest.mark.parametrize("method", LOOPS)
every = pytest.mark.parametrize("method", AUTOMATIC)
every_penalty = pytest.mark.parametrize(("name", "method"), RUNS)


@pytest.fixture
def regression(rng):
    a = rng.standard_normal((40, 15))
    truth = np.where(np.arange(15) // 3 % 2 == 0, rng.standard_normal(15) * 3.0, 0.0)
    return a, a @ truth + 0.5 * rng.standard_normal(40)


# -- closed forms ----------------------------------------------------------------------------------


@every_penalty
def test_the_minimizer_of_a_distance_is_the_proximal_point(name, method, rng):
    h = PENALTIES[name]
    a = 2.0 * rng.standard_normal(N)
    gtol = 1e-6 if name == "tv2d" else 1e-8  # whose operator iterates
    result = minimize(
        distance(a), rng.standard_normal(N), jac=True, method=method, penalty=h,
        options={"gtol": gtol},
    )  # fmt: skip
    check(result, distance(a), h, gtol)
    expected = h.prox(a, 1.0)
    np.testing.assert_allclose(result.x, expected, atol=1e-6)
    if h.separable:
        assert np.array_equal(result.support, np.flatnonzero(expected))


@pytest.mark.parametrize("method", [m for m in AUTOMATIC if m not in LOOPS])
@pytest.mark.parametrize("name", [name for name, h in PENALTIES.items() if h.separable])
def test_adaptive_methods(name, method, rng):
    h = PENALTIES[name]
    a = 2.0 * rng.standard_normal(N)
    result = minimize(distance(a), np.zeros(N), jac=True, method=method, penalty=h)
    check(result, distance(a), h)
    np.testing.assert_allclose(result.x, h.prox(a, 1.0), atol=2e-5)


# -- oracles ---------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("strength", [0.02, 0.3, 0.9])
def test_lasso(method, strength, regression):
    a, b = regression
    weight = strength * np.abs(a.T @ b).max()
    fun = least_squares(a, b)
    result = minimize(
        fun, np.zeros(15), jac=True, method=method, penalty=L1(weight), options={"gtol": 1e-7}
    )
    check(result, fun, L1(weight), 1e-7)
    expected = coordinate_descent(a, b, weight)
    np.testing.assert_allclose(result.x, expected, atol=1e-7)
    assert np.array_equal(result.support, np.flatnonzero(expected))
    assert 0 < result.support.size < 15 or strength == 0.02


@loops
def test_lasso_and_elastic_net_of_scikit_learn(method, regression):
    linear = pytest.importorskip("sklearn.linear_model")
    a, b = regression
    fun = least_squares(a, b)
    rows = len(b)
    options = {"fit_intercept": False, "tol": 1e-13, "max_iter": 10**6}
    lasso = linear.Lasso(alpha=0.4, **options).fit(a, b).coef_
    result = minimize(fun, np.zeros(15), jac=True, method=method, penalty=L1(0.4 * rows),
                      options={"gtol": 1e-7})  # fmt: skip
    np.testing.assert_allclose(result.x, lasso, atol=1e-6)
    assert np.array_equal(result.support, np.flatnonzero(lasso))
    net = linear.ElasticNet(alpha=0.4, l1_ratio=0.3, **options).fit(a, b).coef_
    h = ElasticNet(0.4 * 0.3 * rows, 0.4 * 0.7 * rows)
    result = minimize(fun, np.zeros(15), jac=True, method=method, penalty=h,
                      options={"gtol": 1e-7})  # fmt: skip
    np.testing.assert_allclose(result.x, net, atol=1e-6)


@every
def test_all_zero_from_the_largest_weight_on(method, regression):
    a, b = regression
    weight = 1.001 * np.abs(a.T @ b).max()
    result = minimize(
        least_squares(a, b), np.linspace(-1.0, 1.0, 15), jac=True, method=method,
        penalty=L1(weight),
    )  # fmt: skip
    assert result.success
    assert not result.x.any() and result.support.size == 0
    assert result.grad_norm == 0.0
    start = minimize(
        least_squares(a, b), np.zeros(15), jac=True, method=method, penalty=L1(weight),
        options={"maxiter": 0},
    )  # fmt: skip
    assert start.success and start.nfev == 1


def sparse_logistic():
    rng = np.random.default_rng(3)
    features = rng.standard_normal((60, 20))
    truth = np.where(np.arange(20) < 4, 2.0, 0.0)
    labels = np.where(features @ truth + rng.standard_normal(60) > 0.0, 1.0, -1.0)
    return features, labels, 0.0


@every
def test_logistic_lasso(method):
    """Compiled; the optimality of each variable written out."""
    args = sparse_logistic()
    weight = 0.03
    result = minimize(
        objectives.logistic_fused, np.zeros(20), args=args, jac=True, method=method,
        penalty=L1(weight), options={"gtol": 1e-8},
    )  # fmt: skip
    assert result.backend == "numba"
    check(result, lambda x: objectives.logistic_pair(x, *args), L1(weight), 1e-8)
    g = objectives.logistic_jac(result.x, *args)
    zero = result.x == 0.0
    assert 3 < zero.sum() < 18
    assert (np.abs(g[zero]) <= weight + 1e-8).all()
    np.testing.assert_allclose(g[~zero], -weight * np.sign(result.x[~zero]), atol=1e-8)


@loops
def test_nonnegative_lasso_and_bounds(method, regression):
    """penalty=L1 with bounds is the sum of the two."""
    a, b = regression
    fun = least_squares(a, b)
    h = L1(20.0) + Box(0.0, 1.5)
    runs = [
        minimize(fun, np.ones(15), jac=True, method=method, **terms, options={"gtol": 1e-8})
        for terms in (
            {"penalty": L1(20.0), "bounds": Bounds(0.0, 1.5)},
            {"penalty": L1(20.0) + NonNegative(), "bounds": [(None, 1.5)] * 15},
            {"penalty": h},
        )
    ]
    for result in runs:
        check(result, fun, h, 1e-8)
    same(runs[0], runs[1])
    same(runs[0], runs[2])
    assert (runs[0].x == 0.0).any() and (runs[0].x == 1.5).any()


@pytest.mark.parametrize("method", ANY)
def test_group_lasso(method, regression):
    a, b = regression
    fun = least_squares(a, b)
    h = GroupL2(60.0, 3)
    result = minimize(fun, np.zeros(15), jac=True, method=method, penalty=h, options={"gtol": 1e-8})
    check(result, fun, h, 1e-8)
    g = fun(result.x)[1].reshape(5, 3)
    x = result.x.reshape(5, 3)
    zero = ~x.any(axis=1)
    assert 0 < zero.sum() < 5
    assert (np.linalg.norm(g[zero], axis=1) <= 60.0 + 1e-7).all()
    for g_k, x_k in zip(g[~zero], x[~zero], strict=True):
        np.testing.assert_allclose(g_k, -60.0 * x_k / np.linalg.norm(x_k), atol=1e-6)


@pytest.mark.parametrize("method", ANY)
def test_least_squares_on_the_simplex(method, regression):
    """The gradient is the same, and lowest, where x > 0."""
    a, b = regression
    fun = least_squares(a, b)
    result = minimize(
        fun, np.ones(15), jac=True, method=method, penalty=Simplex(), options={"gtol": 1e-7}
    )
    check(result, fun, Simplex(), 1e-7)
    assert result.x.sum() == pytest.approx(1.0, abs=1e-12)
    g = fun(result.x)[1]
    used = result.x > 0.0
    assert 0 < used.sum() < 15
    np.testing.assert_allclose(g[used], g[used].mean(), atol=1e-4)
    assert (g[~used] >= g[used].mean() - 1e-4).all()


@pytest.mark.parametrize("method", ANY)
def test_balls(method, regression):
    """L1 ball: the lasso of the weight that makes the norm the radius. L2 ball: ridge, likewise."""
    a, b = regression
    fun = least_squares(a, b)
    lasso = coordinate_descent(a, b, 20.0)
    result = minimize(
        fun, np.zeros(15), jac=True, method=method, penalty=L1Ball(np.abs(lasso).sum()),
        options={"gtol": 1e-8},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, lasso, atol=1e-6)
    ridge = np.linalg.solve(a.T @ a + 15.0 * np.eye(15), a.T @ b)
    result = minimize(
        fun, np.zeros(15), jac=True, method=method, penalty=L2Ball(np.linalg.norm(ridge)),
        options={"gtol": 1e-8},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, ridge, atol=1e-6)


@pytest.mark.parametrize("method", ANY)
@pytest.mark.parametrize(
    "h",
    [TV1D(2.0), TV2D(1.0, (6, 8), tol=1e-10, max_inner=10_000), NuclearNorm(2.0, (6, 8))],
    ids=repr,
)
def test_denoising_with_weights(method, h, rng):
    """Weighted distances have no closed form: no feasible change lowers the value."""
    w = rng.uniform(0.5, 2.0, 48)
    a = np.repeat([0.0, 3.0, 1.0, -2.0], 12) + 0.3 * rng.standard_normal(48)

    def fun(x):
        return 0.5 * float(w @ (x - a) ** 2), w * (x - a)

    # That of TV2D is exact to a tolerance only.
    gtol = 1e-3 if isinstance(h, TV2D) else 1e-6
    result = minimize(fun, np.zeros(48), jac=True, method=method, penalty=h, options={"gtol": gtol})
    assert result.success, result.message
    x = result.x
    assert np.abs(x - h.prox(x - fun(x)[1], 1.0)).max() <= 1.1 * gtol
    value = fun(x)[0] + h.value(x)
    assert result.fun == pytest.approx(value, rel=1e-10)
    for size in (1e-3, 0.1):
        for other in (x + size * rng.standard_normal(48), x + size, (1 - size) * x + size * a):
            assert value <= fun(other)[0] + h.value(other) + gtol * size + 1e-9


@pytest.mark.parametrize("method", ANY)
def test_low_rank_matrix(method, rng):
    """A matrix of rank 2 from two thirds of its entries."""
    truth = rng.standard_normal((8, 2)) @ rng.standard_normal((2, 9))
    known = rng.random((8, 9)) < 0.67

    def fun(x):
        r = np.where(known, x.reshape(8, 9) - truth, 0.0)
        return 0.5 * float((r * r).sum()), r.ravel()

    h = NuclearNorm(0.3, (8, 9))
    result = minimize(fun, np.zeros(72), jac=True, method=method, penalty=h)
    check(result, fun, h, 1.01e-5)
    assert np.linalg.matrix_rank(result.x.reshape(8, 9), tol=1e-4) <= 3


# -- properties ------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 8), which=st.integers(0, 6))
def test_no_feasible_change_is_lower(seed, n, which):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((n + 2, n)) * 10.0 ** rng.uniform(-1, 1, n)
    b = rng.standard_normal(n + 2)
    h = (
        L1(rng.uniform(0, 2, n)),
        ElasticNet(rng.uniform(0, 2), rng.uniform(0, 2, n)),
        Box(-rng.uniform(0, 1, n), rng.uniform(0, 1, n)),
        L1(0.3) + Box(0.0, rng.uniform(0, 1, n)),
        Simplex(),
        L1Ball(rng.uniform(0.1, 2)),
        GroupL2(rng.uniform(0, 2), n),
    )[which]
    fun = least_squares(a, b)
    for method in LOOPS if h.separable else ANY:
        result = minimize(
            fun, rng.standard_normal(n), jac=True, method=method, penalty=h,
            options={"maxiter": 100_000, "gtol": 1e-6},
        )  # fmt: skip
        check(result, fun, h, 1e-6)
        for size in (1e-4, 1e-2, 1.0):
            other = h.prox(result.x + size * rng.standard_normal(n), 1e-9)
            assert result.fun <= fun(other)[0] + h.value(other) + 1e-5 * size + 1e-9


@pytest.mark.parametrize("how", ["fused", "2-point", "3-point"])
@every_penalty
def test_compiled_is_python_bit_for_bit(name, method, how):
    h = PENALTIES[name]
    d, b = np.linspace(1.0, 10.0, N), np.linspace(-4.0, 5.0, N)
    fun, jac = objectives.style("quadratic", how)
    runs = [
        minimize(
            fun, np.ones(N), args=(d, b), jac=jac, method=method, penalty=h,
            options={"backend": backend, "maxiter": 25, "history": True, "return_all": True},
        )
        for backend in ("numba", "python")
    ]  # fmt: skip
    same(*runs)
    assert np.array_equal(runs[0].allvecs, runs[1].allvecs)
    for key, values in runs[0].history.items():
        assert np.array_equal(values, runs[1].history[key], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "method"),
    some(
        RUNS,
        (
            ("l1", "momentum"),
            ("sum", "gd"),
            ("l2", "nesterov"),
            ("group", "gd"),
            ("tv1d", "nesterov"),
            ("simplex", "gd"),
            ("nuclear", "nesterov"),
        ),
    ),
)
def test_float32(name, method):
    h = PENALTIES[name]
    d, b = np.linspace(1.0, 10.0, N, dtype=np.float32), np.linspace(-4, 5, N, dtype=np.float32)
    result = minimize(
        objectives.quadratic_fused, np.ones(N, np.float32), args=(d, b), jac=True, method=method,
        penalty=h,
    )  # fmt: skip
    assert result.success, result.message
    assert result.x.dtype == np.float32
    double = minimize(
        objectives.quadratic_fused, np.ones(N), args=(d.astype(float), b.astype(float)), jac=True,
        method=method, penalty=h, options={"gtol": 1e-8},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, double.x, atol=5e-3)


WITHOUT_NUMBA = """
import sys
import numpy as np
from fastmomentum import minimize
from composite import N, PENALTIES, RUNS
np.seterr(all="ignore")
d, b = np.linspace(1.0, 10.0, N), np.linspace(-4.0, 5.0, N)
for name, method in RUNS:
    if name == "tv2d":
        continue
    res = minimize(lambda x: (float((0.5 * d * x - b) @ x), d * x - b), np.ones(N), jac=True,
                   method=method, penalty=PENALTIES[name], options={"maxiter": 15})
    sys.stdout.write(f"{res.status} {res.nit} {res.nfev} {res.fun!r} "
                     f"{' '.join(map(repr, res.x.tolist()))}\\n")
"""


def test_without_numba_it_is_the_same():
    """``NUMBA_DISABLE_JIT=1``: up to the order of sums."""
    compiled = run_here(WITHOUT_NUMBA).splitlines()
    python = run_python(WITHOUT_NUMBA, env={"NUMBA_DISABLE_JIT": "1"}).stdout.splitlines()
    assert len(compiled) == len(python) == len(RUNS) - 2
    for ours, theirs in zip(compiled, python, strict=True):
        assert ours.split()[:3] == theirs.split()[:3]
        a, b = (np.array(line.split()[3:], float) for line in (ours, theirs))
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


# -- penalties of the user's -----------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("method", [None, *ANY])
def test_own_proximal_operators(kind, method, backend, regression):
    """The same run as with the package's own."""
    a, b = regression
    d, c = (a * a).sum(axis=0), a.T @ b
    runs = [
        minimize(
            objectives.quadratic_fused, np.zeros(15), args=(d, c), jac=True, method=method,
            penalty=h, options={"backend": backend, "gtol": 1e-8},
        )
        for h in (OWN[kind], GroupL2(20.0, 1))
    ]  # fmt: skip
    assert runs[0].backend == backend
    check(runs[0], lambda x: objectives.quadratic_pair(x, d, c), L1(20.0), 1e-8)
    assert np.array_equal(runs[0].support, runs[1].support)
    np.testing.assert_allclose(runs[0].x, soft(c / d, 1.0 / d, 20.0), atol=1e-8)
    assert abs(runs[0].nfev - runs[1].nfev) <= 2


def test_default_method_of_penalties_that_are_not_separable(regression):
    a, b = regression
    fun = least_squares(a, b)
    for h in (Simplex(), OWN["python"]):
        plain = minimize(fun, np.ones(15), jac=True, penalty=h)
        same(plain, minimize(fun, np.ones(15), jac=True, method="nesterov", penalty=h))
    plain = minimize(fun, np.ones(15), jac=True, penalty=L1(20.0))
    same(plain, minimize(fun, np.ones(15), jac=True, method="momentum", penalty=L1(20.0)))


@pytest.mark.parametrize("method", ANY)
def test_own_constraint_moves_x0_inside(method):
    """h is infinite at x0."""
    seen = []

    def fun(x):
        seen.append(x.copy())
        return distance(np.array([2.0, 0.25]))(x)

    h = Prox(
        lambda v, t: np.clip(v, 0.0, 1.0),
        lambda x: 0.0 if ((x >= 0.0) & (x <= 1.0)).all() else math.inf,
    )
    result = minimize(fun, [-3.0, 7.0], jac=True, method=method, penalty=h)
    assert np.array_equal(seen[0], [0.0, 1.0])
    np.testing.assert_allclose(result.x, [1.0, 0.25], atol=1e-5)
    assert result.success


def wrong_after(good, bad, calls):
    """A proximal operator that goes wrong after some calls."""
    counter = iter(range(10**6))

    def prox(v, step):
        return good(v, step) if next(counter) < calls else bad(v)

    return prox


WRONG = {
    "length": (lambda v: v[:-1], "shape"),
    "nan": (lambda v: np.full_like(v, math.nan), "nan"),
    "dtype": (lambda v: v.astype(np.float32), "float64"),
    "list": (lambda v: v.tolist(), "array"),
    "none": (lambda v: None, "array"),
}


@pytest.mark.parametrize("calls", [1, 4])
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("method", ANY)
def test_wrong_proximal_operators(method, kind, calls, regression):
    bad, text = WRONG[kind]
    a, b = regression
    fun = least_squares(a, b)
    values = []

    def watched(x):
        values.append(fun(x)[0] + absolute(x, 20.0))
        return fun(x)

    # The residual of the result is asked for as well: the operator stays wrong.
    h = Prox(wrong_after(lambda v, t: soft(v, t, 20.0), bad, calls), lambda x: absolute(x, 20.0))
    with pytest.raises(ValueError, match=text) as caught:
        minimize(watched, np.ones(15), jac=True, method=method, penalty=h)
    result = caught.value.result
    assert not result.success
    assert result.fun == pytest.approx(min(values))


def test_a_box_as_penalty_is_bounds():
    """Also with a given learning rate; and it is shown in the result."""
    fun = distance(np.array([2.0, 0.5]))
    for options in ({}, {"learning_rate": 0.3}):
        runs = [
            minimize(fun, [0.0, 0.0], jac=True, options=options, **terms)
            for terms in ({"penalty": Box(-1.0, 1.0)}, {"bounds": Bounds(-1.0, 1.0)})
        ]
        same(*runs, [name for name in BITS if name != "support"])
        assert "support" in runs[0] and "support" not in runs[1]


# -- endings ---------------------------------------------------------------------------------------


@every_penalty
def test_rounding_ends_a_run_without_tolerance(name, method, rng):
    h = PENALTIES[name]
    w, a = rng.uniform(0.5, 9.0, N), rng.standard_normal(N)

    def fun(x):
        return 0.5 * float(w @ (x - a) ** 2), w * (x - a)

    result = minimize(fun, np.zeros(N), jac=True, method=method, penalty=h, options={"gtol": 0.0})
    assert result.status in (Status.CONVERGED, Status.PRECISION_LOSS)
    assert result.success == (result.grad_norm == 0.0)
    assert result.grad_norm < 1e-5
    assert result.nfev < 3000


@every
def test_nan_regions(method):
    """A logarithm with bounds only on one side of its domain, and a penalty."""

    def fun(x):
        with np.errstate(all="ignore"):
            f = float(x.sum() - (a * np.log(x)).sum())
            return f, 1.0 - a / x

    a = np.array([0.5, 2.0, 30.0])
    result = minimize(fun, np.ones(3), jac=True, method=method, penalty=L1(0.5))
    assert result.success, result.message
    # 1 - a / x + 1 / 2 = 0
    np.testing.assert_allclose(result.x, a / 1.5, rtol=1e-4)
    assert np.array_equal(result.support, [0, 1, 2])


@every
def test_unbounded_below_is_no_success(method):
    slope = np.array([2.0, -0.5])
    result = minimize(
        lambda x: (float(slope @ x), slope.copy()), [1.0, 1.0], jac=True, method=method,
        penalty=L1(1.0),
    )  # fmt: skip
    assert result.status == Status.DIVERGED
    assert result.x[1] == 0.0


@every
@pytest.mark.parametrize("backend", ["numba", "python"])
def test_limits_and_callbacks(method, backend):
    args = sparse_logistic()

    def run(callback=None, **options):
        return minimize(
            objectives.logistic_fused, np.ones(20), args=args, jac=True, method=method,
            penalty=L1(0.03), callback=callback, options={"backend": backend, **options},
        )  # fmt: skip

    plain = run()
    seen = []
    same(plain, run(seen.append))
    assert len(seen) == plain.nit
    assert np.array_equal(seen[-1], plain.x)
    for maxfev in (1, 3, 6):
        result = run(maxfev=maxfev)
        assert result.status == Status.MAXFEV and result.nfev <= maxfev
        f = objectives.logistic_fun(result.x, *args) + 0.03 * np.abs(result.x).sum()
        assert result.fun == pytest.approx(f, rel=1e-14)

    def stop(intermediate_result):
        found.append(intermediate_result)
        if len(found) == 3:
            raise StopIteration

    found = []
    stopped = run(stop)
    short = run(maxiter=3)
    assert (stopped.status, short.status) == (Status.CALLBACK, Status.MAXITER)
    same(stopped, short, ("x", "fun", "nit", "nfev"))
    for one in found:
        f = objectives.logistic_fun(one.x, *args) + 0.03 * np.abs(one.x).sum()
        assert one.fun == pytest.approx(f, rel=1e-14)
        g = objectives.logistic_jac(one.x, *args)
        norm = np.abs(one.x - L1(0.03).prox(one.x - g, 1.0)).max()
        assert one.grad_norm == pytest.approx(norm, rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("option", ["x_scale", "memory"])
@pytest.mark.parametrize("method", ["momentum"])
def test_options_of_momentum(method, option, regression):
    a, b = regression
    a = a * 10.0 ** np.linspace(-2, 2, 15)
    fun = least_squares(a, b)
    h = L1(0.1 * np.abs(a.T @ b))
    value = {"x_scale": 1.0 / np.linalg.norm(a, axis=0), "memory": 30}[option]
    result = minimize(
        fun, np.zeros(15), jac=True, method=method, penalty=h, options={option: value}
    )
    check(result, fun, h)


def test_every_penalty_is_covered():
    made = {type(h).__name__ for h in PENALTIES.values()} | {"Prox"}
    public = {
        name for name in penalties.__all__
        if dataclasses.is_dataclass(getattr(penalties, name))
    }  # fmt: skip
    assert made == public


# -- the duality gap -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["momentum", "nesterov", "gd"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gap_tol_bounds_the_distance_to_the_minimum(method, dtype):
    rng = np.random.default_rng(8)
    a = rng.standard_normal((30, 12))
    b = a[:, :3].sum(1) + 0.3 * rng.standard_normal(30)

    def fun(x):
        r = a @ x - b
        return 0.5 * r @ r / 30, a.T @ r / 30

    weight = 0.1 * np.abs(a.T @ b).max() / 30
    tight = minimize(fun, np.zeros(12), jac=True, penalty=L1(weight), tol=1e-12)
    counts = []
    for gap_tol in (1e-1, 1e-3):
        result = minimize(
            fun, np.zeros(12, dtype), jac=True, penalty=L1(weight), method=method, tol=1e-14,
            options={"gap_tol": gap_tol},
        )  # fmt: skip
        assert result.success and result.gap <= 1.001 * gap_tol * result.fun
        assert -1e-6 <= result.fun - tight.fun <= result.gap + 1e-6
        counts.append(result.nfev)
    assert counts[0] < counts[1] < 3000


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"penalty": L2(1.0)},
        {"penalty": L1([1.0, 0.0])},
        {"penalty": L1(1.0), "bounds": [(0.0, 1.0)] * 2},
    ],
)
def test_gap_tol_is_for_the_lasso_only(arguments):
    with pytest.raises(ValueError, match=r"gap_tol is for penalty=L1\(weight\)"):
        minimize(
            lambda x: (x @ x, 2.0 * x), np.ones(2), jac=True, options={"gap_tol": 1e-3}, **arguments
        )
