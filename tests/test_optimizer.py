"""`Optimizer`: the loops in the caller's hands give the bits of `minimize`."""

import copy
import itertools
import math
import pickle

import numpy as np
import objectives
import pytest
from cases import METHODS, PROBLEMS, options_of
from comparisons import assert_same, assert_same_history
from resumed import KINDS, TERMS, options_for

from fastmomentum import Optimizer, State, Status, minimize, penalties
from fastmomentum._batch.loop import Loop
from fastmomentum._batch.run import Batch

FUN, JAC = objectives.style("logistic", "returning")
X0, ARGS = PROBLEMS["logistic"].in_dtype(np.float64)


def evaluate(x):
    return FUN(x, *ARGS), JAC(x, *ARGS)


def run(opt, fun=evaluate):
    while not opt.done:
        opt.tell(*fun(opt.ask()))
    return opt.result()


@pytest.mark.parametrize(("method", "kind"), KINDS)
def test_the_bits_of_minimize(method, kind):
    options = options_for(method, kind, maxiter=40, history=True, gtol=0.0)
    whole = minimize(FUN, X0, ARGS, method, JAC, options=options)
    found = run(Optimizer(method, X0, options=options))
    assert_same(whole, found)
    assert_same_history(whole, found)
    assert found.state.nit == whole.nit


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_defaults(dtype):
    x0, args = PROBLEMS["logistic"].in_dtype(dtype)
    whole = minimize(FUN, x0, args, jac=JAC)
    opt = Optimizer(None, x0)
    found = run(opt, lambda x: (FUN(x, *args), JAC(x, *args)))
    assert_same(whole, found)
    assert found.success and found.x.dtype == dtype
    assert repr(opt) == f"Optimizer('momentum', n=3, nit={whole.nit}, converged)"


@pytest.mark.parametrize("method", METHODS)
def test_step_is_an_iteration(method):
    options = options_of(method, maxiter=10)
    opt = Optimizer(method, X0, options=options)
    seen = [opt.nit]
    while opt.step(evaluate):
        seen.append(opt.nit)
    assert seen == list(range(len(seen)))
    assert_same(minimize(FUN, X0, ARGS, method, JAC, options=options), opt.result())
    assert opt.step(evaluate) is False


@pytest.mark.parametrize(
    ("terms", "method"),
    [("bounds", "momentum"), ("bounds", "adam"), ("l1", None), ("prox", "gd"), ("tv", None)],
)
def test_bounds_and_penalties(terms, method):
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float64)
    if terms == "tv":
        x0, args = x0[:4], tuple(a[:4] for a in args)
    fun, jac = objectives.style("quadratic", "returning")
    whole = minimize(fun, x0, args, method, jac, options={"maxiter": 30}, **TERMS[terms])
    opt = Optimizer(method, x0, options={"maxiter": 30}, **TERMS[terms])
    points = []

    def at(x):
        points.append(x)
        return fun(x, *args), jac(x, *args)

    assert_same(whole, run(opt, at))
    if terms == "bounds":
        assert np.min(points) >= 0.0 and np.max(points) <= 0.3


def test_state_goes_to_minimize_and_back(tmp_path):
    whole = minimize(FUN, X0, ARGS, jac=JAC)
    opt = Optimizer(None, X0)
    for _ in range(4):
        opt.step(evaluate)
    before = opt.state
    assert_same(whole, minimize(FUN, X0, ARGS, jac=JAC, state=before))
    opt.step(evaluate)
    assert before.nit == 4 and opt.nit == 5  # a copy
    file = tmp_path / "run.npz"
    opt.state.save(file)
    assert_same(whole, run(Optimizer(None, X0, state=file)))
    part = minimize(FUN, X0, ARGS, jac=JAC, options={"maxiter": 3})
    assert_same(whole, run(Optimizer(None, X0, state=part.state)))
    # In the middle of an iteration, with a point asked for.
    opt = Optimizer("nesterov", X0)
    for _ in range(9):
        opt.tell(*evaluate(opt.ask()))
    whole = minimize(FUN, X0, ARGS, "nesterov", JAC)
    assert_same(whole, run(Optimizer("nesterov", X0, state=opt.state)))


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda opt: pickle.loads(pickle.dumps(opt)),
    "copy of a copy": lambda opt: copy.copy(pickle.loads(pickle.dumps(opt, 2))),
}
# Of the methods that take them: adaptive ones have no penalties, nor the momentum one of these.
COPIED = [
    *((method, kind, terms) for method, kind in KINDS for terms in ("free", "bounds")),
    *((m, k, "l1") for m, k in KINDS if m in ("gd", "momentum", "nesterov") or k == "auto"),
    *((m, k, "simplex") for m, k in KINDS if m in ("gd", "nesterov")),
    *((m, k, "tv") for m, k in KINDS if m in ("gd", "nesterov")),
]


def quadratic(x):
    d = np.array([1.0, 2.0, 4.0, 8.0])
    r = d * (x - [1.0, -1.0, 0.5, 0.2])
    return 0.5 * float(r @ (x - [1.0, -1.0, 0.5, 0.2])), r


@pytest.mark.parametrize(("method", "kind", "terms"), COPIED)
def test_copies_go_on_by_themselves(method, kind, terms):
    """From the start, the middle of an iteration and the end; the original is as it was."""
    given = {"bounds": [(0.0, 0.3)] * 4} if terms == "bounds" else TERMS.get(terms, {})
    options = options_for(method, kind, maxiter=20, history=True, gtol=0.0)

    def begun(count):
        opt = Optimizer(method, np.full(4, 2.0), options=options, **given)
        for _ in range(count):
            if not opt.done:
                opt.tell(*quadratic(opt.ask()))
        return opt

    whole = run(begun(0), quadratic)
    for count, how in zip((0, 1, 4, 7, 10, 10**3), itertools.cycle(COPIES.values()), strict=False):
        opt = begun(count)
        made = how(opt)
        assert made.done == opt.done and repr(made) == repr(opt)
        for other in (made, opt):
            found = run(other, quadratic)
            assert_same(whole, found)
            assert_same_history(whole, found)
            assert found.message == whole.message


def test_a_copy_has_the_rest_of_the_time():
    opt = Optimizer("gd", X0, options={"maxtime": 100.0, "learning_rate": lambda k: 0.1 / (1 + k)})
    opt.tell(*evaluate(opt.ask()))
    opt._begin -= 99.9
    made = copy.deepcopy(opt)
    made._begin -= 0.2
    made.tell(*evaluate(made.ask()))
    assert made.result().status == Status.MAXTIME
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(opt)


def test_runs_are_not_copied():
    """Nothing but this tells that the copy of a workspace is none."""
    run_ = Optimizer("gd", X0, penalty=penalties.Simplex())._run
    for held in (run_, run_.operator, Batch.__new__(Batch), Loop.__new__(Loop)):
        for how in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=f"{type(held).__name__} cannot be copied"):
                how(held)


def test_one_that_has_ended_stays_so():
    done = run(Optimizer(None, X0))
    opt = Optimizer(None, X0, state=done.state)
    assert opt.done and opt.result().status == Status.CONVERGED
    assert isinstance(done.state, State)
    for call in (opt.ask, lambda: opt.tell(1.0, X0)):
        with pytest.raises(RuntimeError, match=r"the run has ended, .*successfully"):
            call()


def test_the_state_can_be_left_out():
    assert "state" not in run(Optimizer(None, X0, options={"keep_state": False}))


def test_ask_is_a_copy_and_the_same_until_told():
    opt = Optimizer("gd", X0)
    x = opt.ask()
    x += 1.0
    assert np.array_equal(opt.ask(), X0)
    assert math.isnan(opt.fun) and opt.nfev == 0
    found = opt.result()
    assert found.status == Status.INTERRUPTED and not found.success
    assert "Not finished" in found.message and np.isnan(found.jac).all()
    opt.tell(*evaluate(X0))
    assert opt.fun == FUN(X0, *ARGS) and np.array_equal(opt.x, X0) and opt.nfev == 1


def test_limits():
    assert run(Optimizer(None, X0, options={"maxfev": 3})).status == Status.MAXFEV
    assert run(Optimizer(None, X0, options={"maxiter": 3})).status == Status.MAXITER
    assert run(Optimizer(None, X0, options={"maxiter": 0})).nit == 0
    found = run(Optimizer(None, X0, options={"maxtime": 1e-9}))
    assert found.status == Status.MAXTIME
    found = run(Optimizer("gd", X0, options={"learning_rate": 1.0, "patience": 1}), lambda x: (
        float(next(COUNTER)), np.ones(3)))  # fmt: skip
    assert found.status == Status.STAGNATION and found.fun == 0.0


COUNTER = itertools.count()


def test_values_that_are_not_finite():
    opt = Optimizer(None, X0)
    opt.tell(math.nan, X0)
    assert opt.done and opt.result().status == Status.NONFINITE
    opt = Optimizer(None, np.ones(2))
    found = run(opt, lambda x: (math.nan, x) if x[0] < 0.5 else (x @ x, 2.0 * x))
    assert found.status in (Status.NONFINITE, Status.PRECISION_LOSS)
    assert math.isfinite(found.fun) and found.x[0] >= 0.5


def test_schedules():
    options = {"learning_rate": lambda k: 0.1 / (1 + k), "momentum": 0.5, "maxiter": 20}
    for method in ("momentum", "nesterov"):
        whole = minimize(FUN, X0, ARGS, method, JAC, options=options)
        assert_same(whole, run(Optimizer(method, X0, options=options)))


@pytest.mark.parametrize(
    ("f", "g", "words"),
    [
        (None, X0, "one real number"),
        (1j, X0, "one real number"),
        (np.ones(2), X0, "one real number"),
        (1.0, np.ones(2), r"shape \(3,\), got shape \(2,\)"),
        (1.0, None, "the caller must return 3 real numbers"),
        (1.0, X0 * 1j, "real numbers"),
    ],
)
def test_bad_values(f, g, words):
    opt = Optimizer(None, X0)
    with pytest.raises(ValueError, match=words):
        opt.tell(f, g)
    assert opt.nfev == 0
    opt.tell(*evaluate(opt.ask()))  # nothing is lost


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"method": "adamm"}, ValueError, "Did you mean 'adam'"),
        ({"x0": [math.nan]}, ValueError, "x0 must be finite"),
        ({"options": {"gtoll": 1}}, ValueError, "Did you mean 'gtol'"),
        ({"options": {"progress": True}}, ValueError, "progress is not an option of Optimizer"),
        ({"options": {"backend": "numba"}}, ValueError, "backend is not an option of Optimizer"),
        ({"bounds": [(0, 1)]}, ValueError, "bounds must be 3 pairs"),
        ({"penalty": 1.0}, TypeError, "penalty must be one of"),
        ({"method": "momentum", "penalty": penalties.Simplex()}, ValueError, "separable"),
        ({"state": 3}, TypeError, "state must be a State or a path"),
    ],
)
def test_bad_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        Optimizer(**{"method": None, "x0": X0, **arguments})
