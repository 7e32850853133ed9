"""A run that goes on from its state is the run without a break, bit for bit."""

import functools
import itertools
import pickle

import numpy as np
import objectives
import pytest
from cases import AUTOMATIC_CASES, CASES, METHODS, PROBLEMS, options_of
from comparisons import assert_same, assert_same_batch, assert_same_history
from endings import FUN_NAN, bowl, faulty
from numba import njit
from resumed import KINDS, TERMS, batch_problem, options_for

from fastmomentum import BatchState, State, Status, minimize, minimize_batch, schedules
from fastmomentum._language import layout

BACKENDS = ("numba", "python")
FEW = 40


def in_pieces(solve, limits, **options):
    """The last of several calls, each with the state of the one before, pickled."""
    state, result = None, None
    for maxiter in limits:
        result = solve(options={**options, "maxiter": maxiter, "keep_state": True}, state=state)
        state = pickle.loads(pickle.dumps(result.state))
    return result


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("method", "kind"), KINDS)
def test_goes_on_bit_for_bit(method, kind, backend, dtype):
    x0, args = PROBLEMS["logistic"].in_dtype(dtype)
    fun, jac = objectives.style("logistic", "fused")
    solve = functools.partial(minimize, fun, x0, args, method, jac)
    options = options_for(method, kind, backend=backend, history=True, gtol=0.0)
    whole = solve(options={**options, "maxiter": FEW})
    parts = in_pieces(solve, (1, 2, 5, 17, FEW), **options)
    assert_same(whole, parts)
    assert_same_history(whole, parts)
    assert whole.learning_rate == parts.learning_rate
    assert whole.n_restarts == parts.n_restarts


@pytest.mark.parametrize("case", [c for c in CASES + AUTOMATIC_CASES if "rosen" in c.id], ids=str)
def test_goes_on_to_convergence(case):
    fun, jac = objectives.style("rosenbrock", "in_place")
    solve = functools.partial(minimize, fun, PROBLEMS["rosenbrock"].x0, (), case.method, jac)
    most = case.options.get("maxiter", 10_000)
    whole = solve(options=case.options)
    parts = in_pieces(solve, (3, 30, 31, most), **case.options)
    assert whole.status in (Status.CONVERGED, Status.MAXITER)
    assert_same(whole, parts)


@pytest.mark.parametrize("how", ["returning", "2-point", "3-point", "cs"])
def test_every_form_of_gradient(how):
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    fun, jac = objectives.style("quadratic", how)
    solve = functools.partial(minimize, fun, x0, args, None, jac)
    assert_same(solve(), in_pieces(solve, (2, 3, 100)))


@pytest.mark.parametrize("method", [m for m, kind in KINDS if kind == "auto"])
def test_goes_on_elsewhere(method):
    """The state of a compiled run goes on in Python, and the other way."""
    fun, jac = objectives.style("rosenbrock", "fused")
    solve = functools.partial(minimize, fun, PROBLEMS["rosenbrock"].x0, method=method, jac=jac)
    whole = solve()
    state = None
    for maxiter, backend in ((4, "numba"), (9, "python"), (15, "numba"), (10_000, "python")):
        options = {"maxiter": maxiter, "backend": backend, "keep_state": True}
        found = solve(options=options, state=state)
        state = pickle.loads(pickle.dumps(found.state))
    assert_same(whole, found)


# -- every way a run can stop ----------------------------------------------------------------------


@njit
def failing(x, out, left, d):
    """A sum of squares that raises when the counter left[0] is down."""
    left[0] -= 1
    if left[0] < 0:
        raise ArithmeticError("no more")
    total = 0.0
    for i in range(x.size):
        out[i] = d[i] * x[i]
        total += 0.5 * out[i] * x[i]
    return total


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("method", "kind"), KINDS)
def test_after_an_exception(method, kind, backend):
    d = np.array([1.0, 2.0, 4.0, 8.0, 10.0])
    x0 = PROBLEMS["quadratic"].x0
    options = options_for(method, kind, backend=backend, history=True, gtol=0.0, maxiter=FEW)
    whole = minimize(failing, x0, (np.array([1000]), d), method, True, options=options)
    for calls in (1, 2, 3, 7, 8, 9):
        with pytest.raises(ArithmeticError) as error:
            minimize(failing, x0, (np.array([calls]), d), method, True, options=options)
        state = error.value.result.state
        rest = minimize(failing, x0, (np.array([1000]), d), method, True, options=options,
                        state=state)  # fmt: skip
        assert np.array_equal(rest.x, whole.x)
        assert rest.nit == whole.nit
        assert_same_history(rest, whole)
        assert rest.nfev == whole.nfev


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("how", ["maxfev", "callback", "maxtime", "interrupt"])
def test_after_each_kind_of_stop(how, backend):
    fun, jac = objectives.style("rosenbrock", "fused")
    x0 = PROBLEMS["rosenbrock"].x0
    whole = minimize(fun, x0, jac=jac, method="gd")
    calls = itertools.count()

    def stop(x):
        if next(calls) == 5:
            raise StopIteration if how == "callback" else KeyboardInterrupt

    options = {"backend": backend, "on_interrupt": "return"}
    options |= {"maxfev": {"maxfev": 9}, "maxtime": {"maxtime": 1e-9}}.get(how, {})
    callback = stop if how in ("callback", "interrupt") else None
    part = minimize(fun, x0, jac=jac, method="gd", options=options, callback=callback)
    code = {"maxfev": 7, "callback": 99, "maxtime": 4, "interrupt": 5}[how]
    assert part.status == code
    rest = minimize(fun, x0, jac=jac, method="gd", options={"backend": backend}, state=part.state)
    assert_same(whole, rest)


@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt])
def test_a_callback_that_stops_the_last_iteration(error):
    """The run had ended by its own rules: its state does not go on beyond that."""
    fun, jac = objectives.style("rosenbrock", "fused")
    solve = functools.partial(minimize, fun, PROBLEMS["rosenbrock"].x0, jac=jac)
    whole = solve()
    calls = itertools.count(1)

    def stop(x):
        if next(calls) == whole.nit:
            raise error

    part = solve(callback=stop, options={"on_interrupt": "return"})
    assert part.status != Status.CONVERGED and part.nit == whole.nit
    assert_same(whole, solve(state=part.state))


@pytest.mark.parametrize("method", ["momentum", "nesterov"])
def test_a_state_beyond_maxiter(method):
    """Nothing is to be done, also where there is a schedule."""
    for rate in (schedules.Exponential(0.01, 0.01), lambda k: 0.01):
        options = {"learning_rate": rate, "momentum": lambda k: 0.5}
        solve = functools.partial(minimize, bowl, np.zeros(2), method=method)
        part = solve(options={**options, "maxiter": 6})
        again = solve(options={**options, "maxiter": 3}, state=part.state)
        assert again.status == Status.MAXITER and again.nit == 6
        assert np.array_equal(again.x, part.x)


def test_callback_and_allvecs_go_on():
    fun, jac = objectives.style("rosenbrock", "fused")
    solve = functools.partial(minimize, fun, PROBLEMS["rosenbrock"].x0, jac=jac)
    whole = solve(options={"return_all": True})
    part = solve(options={"maxiter": 6, "return_all": True})
    seen = []
    rest = solve(options={"return_all": True}, state=part.state, callback=seen.append)
    assert np.array_equal(np.vstack([*part.allvecs, *rest.allvecs[1:]]), np.array(whole.allvecs))
    assert np.array_equal(part.allvecs[-1], rest.allvecs[0])
    assert len(seen) == whole.nit - 6


def test_history_of_a_run_that_had_none():
    fun, jac = objectives.style("quadratic", "fused")
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    for method, kind in (("momentum", "auto"), ("momentum", "given")):
        solve = functools.partial(minimize, fun, x0, args, method, jac)
        options = options_for(method, kind, gtol=0.0)
        whole = solve(options={**options, "history": True, "maxiter": 9})
        part = solve(options={**options, "maxiter": 4})
        rest = solve(options={**options, "history": True, "maxiter": 9}, state=part.state)
        for name in ("fun", "grad_norm", "learning_rate"):
            assert np.isnan(rest.history[name][:4]).all()
            assert np.array_equal(rest.history[name][4:], whole.history[name][4:])


def test_schedules_go_on():
    fun, jac = objectives.style("quadratic", "fused")
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    for rate in (schedules.Exponential(0.05, 0.01), lambda k: 0.05 / (1 + k)):
        for method in ("momentum", "nesterov"):
            solve = functools.partial(minimize, fun, x0, args, method, jac)
            options = {"learning_rate": rate, "momentum": lambda k: 0.9 - 0.5 / (1 + k)}
            whole = solve(options={**options, "maxiter": 30})
            assert_same(whole, in_pieces(solve, (1, 7, 30), **options))


# -- bounds and penalties --------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("terms", "method"),
    [
        *itertools.product(("bounds", "l1"), ("momentum", "nesterov", "gd")),
        *itertools.product(("simplex", "tv", "prox"), ("nesterov", "gd")),
        ("bounds", "adam"),
    ],
)
def test_with_bounds_and_penalties(terms, method, backend):
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    if terms == "tv":
        x0, args = x0[:4], tuple(a[:4] for a in args)
    fun, jac = objectives.style("quadratic", "fused")
    solve = functools.partial(minimize, fun, x0, args, method, jac, **TERMS[terms])
    options = {"backend": backend, "history": True, "gtol": 1e-12}
    whole = solve(options={**options, "maxiter": 20})
    parts = in_pieces(solve, (1, 2, 3, 8, 20), **options)
    assert_same(whole, parts)
    assert_same_history(whole, parts)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("terms", ["l1", "simplex", "prox"])
def test_fixed_rate_with_penalties(terms, method):
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    fun, jac = objectives.style("quadratic", "fused")
    solve = functools.partial(minimize, fun, x0, args, method, jac, **TERMS[terms])
    options = options_of(method, gtol=0.0, history=True)
    whole = solve(options={**options, "maxiter": 20})
    parts = in_pieces(solve, (1, 2, 5, 20), **options)
    assert_same(whole, parts)
    assert_same_history(whole, parts)


def test_fixed_rate_within_bounds():
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    fun, jac = objectives.style("quadratic", "fused")
    for method in METHODS:
        solve = functools.partial(minimize, fun, x0, args, method, jac, bounds=[(0.0, 0.3)] * 5)
        options = options_of(method, gtol=0.0)
        whole = solve(options={**options, "maxiter": 20})
        assert_same(whole, in_pieces(solve, (1, 5, 20), **options))


# -- states that have ended, and wrong ones --------------------------------------------------------


def converged(**options):
    fun, jac = objectives.style("rosenbrock", "fused")
    x0 = PROBLEMS["rosenbrock"].x0
    return minimize(fun, x0, jac=jac, options={"keep_state": True, **options})


def test_a_run_that_has_ended_stays_so():
    fun, jac = objectives.style("rosenbrock", "fused")
    x0 = PROBLEMS["rosenbrock"].x0
    for options in ({}, {"learning_rate": 5e-4, "momentum": 0.95}, {"ftol": 1e-3}):
        found = converged(**options)
        assert found.success
        again = minimize(fun, x0, jac=jac, options=options, state=found.state)
        assert_same(found, again)
        finer = minimize(fun, x0, jac=jac, options={**options, "gtol": 1e-9, "ftol": 0.0},
                         state=found.state)  # fmt: skip
        assert finer.success and finer.grad_norm <= 1e-9
        assert finer.nit > found.nit


def test_a_start_that_is_not_finite_stays_so():
    args = (FUN_NAN, 0, -np.inf)
    found = minimize(faulty, np.zeros(2), args, jac=True)
    assert found.status == Status.NONFINITE
    again = minimize(faulty, np.zeros(2), args, jac=True, state=found.state)
    assert again.status == Status.NONFINITE and again.nfev == found.nfev
    assert np.isnan(found.state.fun)


def test_state_is_kept_where_it_is_needed():
    for found in (converged(keep_state=None), converged(keep_state=False, maxiter=5)):
        assert "state" not in found
        with pytest.raises(AttributeError, match="keep_state"):
            _ = found.state
    assert "`state`" not in found.message and "`state`" in converged(maxiter=5).message
    state = converged(maxiter=5).state
    assert state.nit == 5 and state.nfev > 5 and state.method == "momentum"
    assert repr(state) == "State(method='momentum', n=2, dtype=float64, nit=5)"
    assert state.fun == objectives.rosenbrock_fun(state.x)
    assert "State(" in repr(converged())


@pytest.mark.parametrize("memory", [1, 20])
def test_a_pickle_holds_what_is_in_use(memory):
    """Not the room for what is still to come, nor pairs that a restart has left behind."""
    x0 = np.resize([-1.2, 1.0], 2000)
    row = x0.nbytes
    fun, jac = objectives.style("rosenbrock", "fused")
    state = minimize(fun, x0, jac=jac, options={"memory": memory, "maxiter": 4}).state
    points = 2 * 4  # with their gradients
    assert state.used.sum() <= points + 1 + 2 * min(memory, 5) + 5
    assert len(pickle.dumps(state)) < (state.used.sum() + 2) * row
    assert len(pickle.dumps(state)) > 5 * row
    state.ints[layout.INT.COUNT] = state.ints[layout.INT.HEAD] = 0
    assert state.used[layout.PAIRS + 2 :][: 2 * memory - 2].sum() == 0


def test_resuming_leaves_the_state_as_it_was():
    part = converged(maxiter=5)
    before = {name: getattr(part.state, name).copy() for name in State.ARRAYS}
    fun, jac = objectives.style("rosenbrock", "fused")
    first, second = (
        minimize(fun, PROBLEMS["rosenbrock"].x0, jac=jac, state=part.state) for _ in range(2)
    )
    assert_same(first, second)
    for name in State.ARRAYS:
        assert np.array_equal(before[name], getattr(part.state, name), equal_nan=True)


WRONG = {
    "method": ({"method": "gd"}, "state must be of a run with method 'gd', got method 'momentum'"),
    "rate": ({"options": {"learning_rate": 0.1}}, "the loop 'momentum', which says .* got"),
    "memory": ({"options": {"memory": 3}}, "memory=3, got memory=10"),
    "n": ({"x0": np.zeros(3)}, "3 variables, got 2 variables"),
    "dtype": ({"x0": np.zeros(2, np.float32)}, "dtype float32, got dtype float64"),
    "bounds": ({"bounds": [(0, 1)] * 2}, "the loop 'momentum_composite'"),
    "x_scale": ({"options": {"x_scale": [1.0, 2.0]}}, "the same x_scale"),
    "fun": ({"fun": bowl, "jac": None}, "at its best point fun was .* and is .* now"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_states(name):
    change, words = WRONG[name]
    fun, jac = objectives.style("rosenbrock", "fused")
    given = {"fun": fun, "x0": PROBLEMS["rosenbrock"].x0, "jac": jac, **change}
    with pytest.raises(ValueError, match=words):
        minimize(**given, state=converged(maxiter=5).state)


def test_other_bounds():
    fun, jac = objectives.style("rosenbrock", "fused")
    x0 = PROBLEMS["rosenbrock"].x0
    part = minimize(fun, x0, jac=jac, bounds=[(-2, 0.5)] * 2, options={"maxiter": 3})
    with pytest.raises(ValueError, match="the same bounds"):
        minimize(fun, x0, jac=jac, bounds=[(-2, 0.6)] * 2, state=part.state)


def test_another_x_scale():
    part = converged(maxiter=3, x_scale=[1.0, 2.0])
    fun, jac = objectives.style("rosenbrock", "fused")
    with pytest.raises(ValueError, match="the same x_scale"):
        minimize(fun, PROBLEMS["rosenbrock"].x0, jac=jac, options={"x_scale": [1.0, 3.0]},
                 state=part.state)  # fmt: skip


@pytest.mark.parametrize("state", [3, {"x": 1}, b"x"])
def test_states_of_the_wrong_type(state):
    with pytest.raises(TypeError, match="state must be a State or a path, got"):
        minimize(bowl, np.zeros(2), state=state)
    with pytest.raises(TypeError, match="state must be a BatchState or a path, got"):
        minimize_batch(bowl, np.zeros((2, 2)), state=state)


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_goes_on(backend):
    solve = batch_problem()
    whole = solve(options={"backend": backend})

    def stop(intermediate_result):
        raise StopIteration

    part = solve(options={"backend": backend, "maxtime": 1e-9})
    assert part.status.tolist() == [Status.MAXTIME] * 60
    state = part.state
    if backend == "python":
        part = solve(options={"backend": backend}, callback=stop, state=state)
        assert 0 < (part.status == Status.CONVERGED).sum() < 60
        state = part.state
    rest = solve(options={"backend": backend}, state=state)
    assert_same_batch(whole, rest)
    assert "state" not in rest


def test_a_batch_whose_limits_change():
    solve = batch_problem()
    whole = solve()
    limit = int(np.median(whole.nit))
    part = solve(options={"maxiter": limit})
    assert 0 < (part.status == Status.MAXITER).sum() < 60
    same = solve(options={"maxiter": limit}, state=part.state)
    assert_same_batch(part, same)
    assert_same_batch(whole, solve(state=part.state))


def test_a_batch_that_left_some_out():
    solve = batch_problem()
    whole = solve()
    skip = np.arange(60) % 3 == 0
    part = solve(skip=skip, options={"keep_state": True})
    assert_same_batch(whole, solve(state=part.state))
    assert_same_batch(part, solve(skip=skip, state=part.state))
    assert repr(part.state) == "BatchState(method='momentum', 60 of 60 problems done)"


def test_wrong_batches():
    solve = batch_problem()
    state = solve(options={"keep_state": True}).state
    fun, X0, args, which = solve.args
    for change, words in (
        ({"options": {"gtol": 1e-3}}, "gtol=0.001, got one with 1e-05"),
        ({"method": "gd"}, "method=gd, got one with momentum"),
        ({"X0": X0 + 1.0}, "the same X0"),
        ({"X0": X0[:59], "args": tuple(a[:59] for a in args)}, "the shape"),
        ({"args": (args[0], args[1] + 1.0)}, "the same problem"),
    ):
        given = {"X0": X0, "args": args, **change}
        with pytest.raises(ValueError, match=f"state must be of .*{words}"):
            minimize_batch(fun, batched=which, jac=True, state=state, **given)
    assert isinstance(state, BatchState)
