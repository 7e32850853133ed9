"""The update rules against the papers: the same bits as a NumPy loop, and closed forms."""

import json
import pathlib

import numpy as np
import objectives
import pytest
import reference
from cases import METHODS, MOMENTUM_METHODS, PROBLEMS, options_of
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmomentum import minimize, schedules

DATA = pathlib.Path(__file__).parents[1] / "data"
SIZES = (1, 2, 3, 7, 64, 1000, 4097)
# Never met: runs go on for exactly maxiter iterations.
FOREVER = {"gtol": 0.0}


def quadratic(n, dtype, rng):
    """x0, args and the gradient, with curvatures in [0.1, 1]."""
    d = rng.uniform(0.1, 1.0, n).astype(dtype)
    b = rng.standard_normal(n).astype(dtype)
    x0 = (3.0 * rng.standard_normal(n)).astype(dtype)
    return x0, (d, b), lambda x: d * x - b


def run(method, x0, args, rate, momentum, steps, how="fused", **more):
    fun, jac = objectives.style("quadratic", how)
    callback = more.pop("callback", None)
    options = {"learning_rate": rate, "maxiter": steps, **FOREVER, **more}
    if method in MOMENTUM_METHODS:
        options["momentum"] = momentum
    return minimize(fun, x0, args=args, jac=jac, method=method, options=options, callback=callback)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b), f"iteration {k} differs by {np.abs(a - b).max()}"


# -- the same bits as the papers' loops ------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_iterates_are_those_of_the_paper(method, dtype, n, rng):
    x0, args, gradient = quadratic(n, dtype, rng)
    res = run(method, x0, args, 0.3, 0.85, 60, return_all=True)
    iterates, ahead = reference.iterates(method, gradient, x0, 0.3, 0.85, 60)
    # A run ends early only where nothing changes any more, and the paper's loop stays there.
    assert res.nit == 60 or res.status == 2 or res.grad_norm == 0.0
    assert_same(res.allvecs, iterates[: res.nit + 1])
    assert all(np.array_equal(x, res.allvecs[-1]) for x in iterates[res.nit :])
    # The last gradient is that of the last point at which one is taken.
    last = run(method, x0, args, 0.3, 0.85, 60)
    assert any(np.array_equal(last.x, y) for y in ahead)
    assert np.array_equal(last.jac, gradient(last.x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_callbacks_see_the_iterates(method, dtype, rng):
    x0, args, gradient = quadratic(7, dtype, rng)
    seen, results = [], []
    run(method, x0, args, 0.3, 0.85, 25, callback=seen.append)
    run(
        method, x0, args, 0.3, 0.85, 25,
        callback=lambda intermediate_result: results.append(intermediate_result),
    )  # fmt: skip
    iterates, _ = reference.iterates(method, gradient, x0, 0.3, 0.85, 25)
    assert_same(seen, iterates[1:])
    assert_same([r.x for r in results], iterates[1:])
    assert [r.nit for r in results] == list(range(1, 26))
    for r in results:
        assert np.array_equal(r.jac, gradient(r.x))
        assert r.fun == objectives.quadratic_fun(r.x, *args)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_schedules_give_the_same_bits(method, dtype, rng):
    steps = 90
    x0, args, gradient = quadratic(64, dtype, rng)
    rates = 0.5 / (1.0 + 0.01 * np.arange(steps + 1))
    momenta = np.minimum(0.9, np.arange(steps + 1) / (np.arange(steps + 1) + 3.0))
    iterates, _ = reference.iterates(method, gradient, x0, rates, momenta, steps)
    for rate, momentum in (
        (lambda k: rates[k], lambda k: momenta[k]),
        (schedules.InverseTime(0.5, 0.01), lambda k: momenta[k]),
    ):
        res = run(method, x0, args, rate, momentum, steps, return_all=True)
        assert_same(res.allvecs, iterates)
        whole = run(method, x0, args, rate, momentum, steps)
        split = run(method, x0, args, rate, momentum, steps, backend="python")
        assert np.array_equal(whole.x, split.x)


def test_one_schedule_and_one_constant(rng):
    x0, args, gradient = quadratic(3, np.float64, rng)
    momenta = np.minimum(0.9, 0.05 * np.arange(41))
    res = run("nesterov", x0, args, 0.3, lambda k: momenta[k], 40, return_all=True)
    assert_same(res.allvecs, reference.nesterov(gradient, x0, 0.3, momenta, 40)[0])
    rates = 0.3 * 0.95 ** np.arange(41)
    res = run("nesterov", x0, args, lambda k: rates[k], 0.7, 40, return_all=True)
    assert_same(res.allvecs, reference.nesterov(gradient, x0, rates, 0.7, 40)[0])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    rate=st.floats(1e-6, 1.5),
    momentum=st.floats(0.0, 0.99),
    steps=st.integers(0, 100),
    method=st.sampled_from(METHODS),
    dtype=st.sampled_from([np.float64, np.float32]),
    how=st.sampled_from(["fused", "in_place", "returning"]),
)
def test_random_runs_give_the_same_bits(seed, n, rate, momentum, steps, method, dtype, how):
    x0, args, gradient = quadratic(n, dtype, np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        iterates, ahead = reference.iterates(method, gradient, x0, rate, momentum, steps)
        values = [objectives.quadratic_fun(y, *args) for y in ahead]
    res = run(method, x0, args, rate, momentum, steps, how)
    # Where the run goes on to the end, x is the best of the points that were evaluated.
    if res.status == 1:
        best = int(np.argmin(values))
        assert np.array_equal(res.x, ahead[best])
        assert res.fun == values[best]
        assert (res.nit, res.nfev, res.njev) == (steps, steps + 1, steps + 1)
    recorded = run(method, x0, args, rate, momentum, steps, how, return_all=True)
    assert_same(recorded.allvecs, iterates[: len(recorded.allvecs)])
    assert np.array_equal(recorded.x, res.x)


# -- closed forms on 0.5 c x**2 --------------------------------------------------------------------


def parabola(method, c, rate, momentum, steps):
    args = (np.array([c]), np.zeros(1))
    res = run(method, [1.0], args, rate, momentum, steps, return_all=True)
    return np.array(res.allvecs)[:, 0]


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_gradient_descent_decays_geometrically(rate):
    c, k = 2.0, np.arange(31)
    found = parabola("gd", c, rate, None, 30)
    np.testing.assert_allclose(found, (1.0 - rate * c) ** k, rtol=1e-12, atol=1e-14)


def recurrence(a, b, first, second, k):
    """x_k of x_{k+1} = a x_k + b x_{k-1}, from the roots of r**2 = a r + b."""
    r, s = np.roots([1.0, -a, -b]).astype(complex)
    p = (second - s * first) / (r - s)
    return (p * r**k + (first - p) * s**k).real


@pytest.mark.parametrize(
    ("rate", "momentum"), [(0.1, 0.9), (0.02, 0.5), (0.4, 0.2), (0.9, 0.6), (0.3, 0.0)]
)
def test_heavy_ball_follows_its_characteristic_roots(rate, momentum):
    # x_{k+1} - x_k = gamma (x_k - x_{k-1}) - eta c x_k
    c, k = 2.0, np.arange(61)
    found = parabola("momentum", c, rate, momentum, 60)
    expected = recurrence(1.0 + momentum - rate * c, -momentum, 1.0, 1.0 - rate * c, k)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("rate", "momentum"), [(0.1, 0.9), (0.02, 0.5), (0.4, 0.2), (0.45, 0.6), (0.3, 0.0)]
)
def test_nesterov_follows_its_characteristic_roots(rate, momentum):
    # theta_{k+1} = (1 - eta c) (theta_k + gamma (theta_k - theta_{k-1}))
    c, k = 2.0, np.arange(61)
    found = parabola("nesterov", c, rate, momentum, 60)
    shrink = 1.0 - rate * c
    expected = recurrence(shrink * (1.0 + momentum), -shrink * momentum, 1.0, shrink, k)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_nesterov_sequence_is_fista(rng):
    """With Nesterov's momenta and rate 1 / L: Beck and Teboulle's recursion and its bound."""
    n, steps = 20, 150
    d = np.logspace(-4, 0, n)
    x0 = rng.standard_normal(n)
    momentum = schedules.NesterovMomentum()
    res = run("nesterov", x0, (d, np.zeros(n)), 1.0, momentum, steps, return_all=True)
    x = y = x0
    t = 1.0
    for k in range(steps):
        x_new = y - d * y
        t_new = (1.0 + np.sqrt(1.0 + 4.0 * t * t)) / 2.0
        y = x_new + (t - 1.0) / t_new * (x_new - x)
        x, t = x_new, t_new
        np.testing.assert_allclose(res.allvecs[k + 1], x, rtol=1e-9, atol=1e-12)
        value = 0.5 * np.sum(d * x * x)
        assert value <= 2.0 * np.sum(x0 * x0) / (k + 2) ** 2


# -- PyTorch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", json.loads((DATA / "torch_sgd.json").read_text())["traces"])
def test_heavy_ball_is_torch_sgd(trace):
    """For a constant learning rate PyTorch's convention gives the same iterates."""
    x0 = np.array(trace["x0"])
    args = (np.array(trace["d"]), np.array(trace["b"]))
    expected = np.array(trace["iterates"])
    method = "momentum" if trace["momentum"] else "gd"
    res = run(method, x0, args, trace["lr"], trace["momentum"], len(expected) - 1, return_all=True)
    np.testing.assert_allclose(res.allvecs, expected, rtol=1e-12, atol=1e-13)


# -- the way a run is cut into pieces does not matter ----------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_maxiter_only_cuts_the_run(method, dtype, rng):
    x0, args, gradient = quadratic(7, dtype, rng)
    _, ahead = reference.iterates(method, gradient, x0, 0.3, 0.85, 200)
    for steps in (0, 1, 2, 63, 64, 65, 127, 200):
        res = run(method, x0, args, 0.3, 0.85, steps)
        values = [objectives.quadratic_fun(y, *args) for y in ahead[: steps + 1]]
        assert (res.status, res.nit, res.nfev) == (1, steps, steps + 1)
        assert res.fun == min(values)
        assert np.array_equal(res.x, ahead[int(np.argmin(values))])


@pytest.mark.parametrize("how", ["fused", "returning", "2-point"])
@pytest.mark.parametrize("method", METHODS)
def test_watching_a_run_does_not_change_it(method, how):
    problem = PROBLEMS["quadratic"]
    fun, jac = objectives.style("quadratic", how)
    ways = {
        "plain": {},
        "callback": {"callback": lambda x: x.fill(np.nan)},
        "history": {"history": True},
        "all": {"return_all": True},
        "history and all": {"history": True, "return_all": True},
        "limits": {"maxtime": 1e6, "maxfev": 10**9, "patience": 10**9},
    }
    found = {}
    for way, more in ways.items():
        more = dict(more)
        callback = more.pop("callback", None)
        found[way] = minimize(
            fun, problem.x0, args=problem.args, jac=jac, method=method,
            options=options_of(method, **more), callback=callback,
        )  # fmt: skip
    plain = found.pop("plain")
    assert plain.success
    for way, res in found.items():
        assert np.array_equal(res.x, plain.x), way
        assert np.array_equal(res.jac, plain.jac), way
        for name in ("fun", "nit", "nfev", "njev", "status", "grad_norm", "learning_rate"):
            assert res[name] == plain[name], (way, name)


@pytest.mark.parametrize("method", METHODS)
def test_extra_evaluations_of_a_callback_do_not_change_the_run(method):
    """Those that a callback with `intermediate_result` costs are counted, and nothing else."""
    problem = PROBLEMS["quadratic"]
    fun, jac = objectives.style("quadratic", "fused")
    runs = [
        minimize(
            fun, problem.x0, args=problem.args, jac=jac, method=method,
            options=options_of(method, history=True), callback=callback,
        )
        for callback in (None, lambda intermediate_result: None)
    ]  # fmt: skip
    plain, watched = runs
    assert np.array_equal(plain.x, watched.x)
    assert np.array_equal(plain.history["fun"], watched.history["fun"])
    extra = plain.nit if method == "nesterov" else 0
    assert watched.nfev == plain.nfev + extra
    assert watched.njev == plain.njev + extra


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("method", METHODS)
def test_history_is_that_of_the_evaluated_points(method, backend, rng):
    """Longer than the buffer of one chunk."""
    x0, args, gradient = quadratic(2, np.float64, rng)
    steps = 5000
    rates = schedules.InverseTime(0.3, 1e-4)
    res = run(method, x0, args, rates, 0.5, steps, history=True, backend=backend)
    numbers = rates(np.arange(steps + 1))
    _, ahead = reference.iterates(method, gradient, x0, numbers, 0.5, steps)
    history = res.history
    assert history["fun"].shape == history["grad_norm"].shape == (res.nit + 1,)
    assert history["learning_rate"].shape == (res.nit,)
    values = [objectives.quadratic_fun(y, *args) for y in ahead[: res.nit + 1]]
    norms = [np.abs(gradient(y)).max() for y in ahead[: res.nit + 1]]
    assert np.array_equal(history["fun"], values)
    assert np.array_equal(history["grad_norm"], norms)
    assert np.array_equal(history["learning_rate"], numbers[: res.nit])


# Every way to end, with the iteration at which it does; the last row belongs to the last point.
ENDS = {
    "gtol": {},
    "ftol": {"ftol": 1e-6, "gtol": 0.0},
    "xtol": {"xtol": 1e-4, "gtol": 0.0},
    "patience": {"patience": 2, "learning_rate": 0.19, "gtol": 0.0},
    "maxfev": {"maxfev": 9},
    "maxiter": {"maxiter": 5},
    "precision": {"gtol": 0.0, "maxiter": 100_000},
    "diverged": {"learning_rate": 100.0},
}


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", METHODS)
def test_last_row_of_history_is_that_of_the_last_point(method, end, backend):
    problem = PROBLEMS["quadratic"]
    fun, jac = objectives.style("quadratic", "returning")
    points = []
    options = options_of(method, history=True, backend=backend, **ENDS[end])
    if backend == "python":

        def fun(x, *args):
            points.append(x.copy())
            return objectives.quadratic_fun(x, *args)

    res = minimize(fun, problem.x0, args=problem.args, jac=jac, method=method, options=options)
    history = res.history
    assert history["fun"].size == history["grad_norm"].size == res.nit + 1
    assert history["learning_rate"].size == res.nit
    assert res.fun == (history["fun"][-1] if end == "gtol" else history["fun"].min())
    (where,) = np.nonzero(history["fun"] == res.fun)
    assert res.grad_norm in history["grad_norm"][where] or end == "precision"
    if backend == "python":
        norms = [np.abs(objectives.quadratic_jac(x, *problem.args)).max() for x in points]
        # The point that ends the run by precision loss is not evaluated again.
        assert np.array_equal(history["grad_norm"], norms[: res.nit + 1])
