"""Runs put together at random, the symmetries of the methods, and forged files."""

import functools
import math
import os
import pickle

import forged
import numpy as np
import objectives
import pytest
from cases import METHODS, PROBLEMS, options_of
from comparisons import assert_same, assert_same_history
from endings import raising
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from processes import run_python
from resumed import KINDS

from fastmomentum import Optimizer, State, _methods, minimize, penalties

# -- one run, in pieces of every kind --------------------------------------------------------------

MOST = 40
BACKENDS = st.sampled_from(("numba", "python"))
# Beside a method: what changes the way that a run takes, or its end.
EXTRAS = (
    {},
    {"history": True},
    {"gtol": 1e-3, "norm": 2},
    {"gtol": 0.0, "ftol": 1e-9, "history": True},
    {"gtol": 0.0, "xtol": 1e-6},
    {"gtol": 0.0, "patience": 3},
)
TERMS = (
    {},
    {"bounds": [(-2.0, 0.5)] * 4},
    {"penalty": penalties.L1(0.1)},
)


def problem(name, dtype):
    """(fun, x0, args), with four variables."""
    if name == "raising":
        return raising, np.array([-1.2, 1.0, 0.5, 3.0], dtype), (math.inf,)
    if name == "rosenbrock":
        return objectives.rosenbrock_fused, np.array([-1.2, 1.0, 0.5, 0.3], dtype), ()
    d, b = (a.astype(dtype)[:4] for a in PROBLEMS["quadratic"].args)
    return objectives.quadratic_fused, np.array([3.0, -2.0, 1.0, 0.5], dtype), (d, b)


@functools.cache
def whole(name, dtype, method, kind, extra, terms, memory):
    """How `minimize` is called, and what it returns without a break."""
    options = {**(options_of(method) if kind == "given" else {}), **EXTRAS[extra], "maxiter": MOST}
    if kind == "auto" and method not in ("gd", "nesterov"):
        options["memory"] = memory
    fun, x0, args = problem(name, dtype)
    if name == "rosenbrock" and kind == "given":
        options["learning_rate"] /= 100.0
    given = {"method": method, **TERMS[terms]}
    result = minimize(fun, x0, args, jac=True, options=options, **given)
    return (fun, x0, args, given, options), result


class Pieces(RuleBasedStateMachine):
    """A run that is stopped, kept and taken up again in any way has the bits of one call."""

    @initialize(
        name=st.sampled_from(("raising", "rosenbrock", "quadratic")),
        dtype=st.sampled_from((np.float64, np.float32)),
        method_and_kind=st.sampled_from(KINDS),
        extra=st.integers(0, len(EXTRAS) - 1),
        terms=st.integers(0, len(TERMS) - 1),
        memory=st.sampled_from((1, 10)),
    )
    def begin(self, name, dtype, method_and_kind, extra, terms, memory):
        method, kind = method_and_kind
        if terms == 2 and method not in ("gd", "momentum", "nesterov"):
            terms = 1  # penalties are not for these
        (self.fun, self.x0, self.args, self.given, self.options), self.whole = whole(
            name, dtype, method, kind, extra, terms, memory
        )
        self.state = None

    def solve(self, fun=None, args=None, callback=None, **options):
        options = {**self.options, "keep_state": True, **options}
        result = minimize(
            self.fun if fun is None else fun,
            self.x0,
            self.args if args is None else args,
            jac=True,
            callback=callback,
            options=options,
            state=self.state,
            **self.given,
        )
        self.state = result.state
        return result

    def done(self):
        return 0 if self.state is None else self.state.nit

    @rule(steps=st.integers(0, 9), backend=BACKENDS)
    def some_iterations(self, steps, backend):
        self.solve(maxiter=min(self.done() + steps, MOST), backend=backend)

    @rule(backend=BACKENDS)
    def a_limit_that_is_passed_already(self, backend):
        before = self.done()
        self.solve(maxiter=before // 2, backend=backend)
        assert self.state.nit <= before + 1  # the one under way is ended

    @rule(calls=st.integers(1, 9), backend=BACKENDS)
    def some_evaluations(self, calls, backend):
        most = calls + (0 if self.state is None else self.state.nfev)
        assert self.solve(maxfev=most, backend=backend).nfev <= most

    @rule(backend=BACKENDS)
    def no_time(self, backend):
        self.solve(maxtime=1e-9, backend=backend)

    @rule(
        at=st.integers(1, 9), error=st.sampled_from((StopIteration, KeyboardInterrupt)),
        backend=BACKENDS,
    )  # fmt: skip
    def a_callback_that_stops(self, at, error, backend):
        seen = []

        def callback(x):
            seen.append(x)
            if len(seen) == at:
                raise error

        self.solve(callback=callback, on_interrupt="return", backend=backend)

    @rule(at=st.integers(1, 9), error=st.sampled_from((ArithmeticError, KeyboardInterrupt)))
    def an_exception_in_python(self, at, error):
        calls = []

        def fun(x, out, *args):
            calls.append(1)
            if len(calls) == at + (self.state is not None):  # one is to see that fun is the same
                raise error
            return self.fun(x, out, *args)

        try:
            self.solve(fun)
        except error as raised:
            self.state = raised.result.state

    @precondition(lambda self: self.fun is raising)
    @rule(bound=st.floats(-1.0, 1.2), backend=BACKENDS)
    def an_exception_in_compiled_code(self, bound, backend):
        if self.state is not None and not self.state.x[0] < bound:
            return
        try:
            self.solve(args=(bound,), backend=backend)
        except ArithmeticError as raised:
            self.state = raised.result.state

    @rule(calls=st.integers(0, 9))
    def ask_and_tell(self, calls):
        opt = Optimizer(x0=self.x0, options=self.options, state=self.state, **self.given)
        out = np.empty_like(self.x0)
        for _ in range(calls):
            if opt.done:
                break
            f = self.fun(opt.ask(), out, *self.args)
            opt.tell(f, out)
        self.state = opt.state

    @precondition(lambda self: self.state is not None)
    @rule()
    def through_a_file(self):
        file = os.path.join(folder(), "pieces.npz")
        self.state.save(file)
        self.state = State.load(file)

    @precondition(lambda self: self.state is not None)
    @rule()
    def through_a_pickle(self):
        self.state = pickle.loads(pickle.dumps(self.state))

    def teardown(self):
        if not hasattr(self, "whole"):
            return
        result = self.solve()
        assert_same(self.whole, result)
        if self.options.get("history"):
            assert_same_history(self.whole, result)
        assert np.array_equal(self.whole.learning_rate, result.learning_rate, equal_nan=True)
        assert self.whole.n_restarts == result.n_restarts


@functools.cache
def folder():
    """For the files of this process."""
    return forged.folder()


TestPieces = Pieces.TestCase
TestPieces.settings = settings(
    max_examples=70,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

# -- symmetries ------------------------------------------------------------------------------------
# What is exact is in whole bits; the others tell what an automatic rate owes to rounding.

N = 6
AUTOMATIC = tuple(method for method, kind in KINDS if kind == "auto")
# Their constant `epsilon` is a size of gradients; that of adadelta stands beside steps as well.
SCALED = tuple(method for method in AUTOMATIC if method != "adadelta")
WITH_EPSILON = tuple(m for m in SCALED if "epsilon" in _methods.METHODS[m].parameter_names)
numbers = st.integers(-64, 64).map(lambda k: k / 16.0)
vectors = st.lists(numbers, min_size=N, max_size=N).map(np.array)
curvatures = st.lists(st.integers(1, 64), min_size=N, max_size=N).map(lambda d: np.array(d) / 4.0)
some = functools.partial(settings, max_examples=4, deadline=None, derandomize=True)


def separable(d, b):
    """A convex function whose gradient is made variable by variable, its value without rounding."""

    def fun(x):
        value = math.fsum(0.5 * d * x * x + np.cos(0.5 * x) - b * x)
        return value, d * x - 0.5 * np.sin(0.5 * x) - b

    return fun


def points(fun, x0, method, most=12, **given):
    """All iterates."""
    options = {"gtol": 0.0, "maxiter": most, "return_all": True, **given.pop("options", {})}
    return np.array(minimize(fun, x0, jac=True, method=method, options=options, **given).allvecs)


def assert_close(a, b, rtol=1e-7):
    """The same iterates but for rounding, relative to the size of x."""
    count = min(len(a), len(b))  # rounding may end a run an iteration earlier
    assert count > max(len(a), len(b)) - 3
    np.testing.assert_allclose(a[:count], b[:count], rtol=0.0, atol=rtol * np.abs(a).max())


SCALING = [
    (method, terms)
    for method in SCALED
    for terms in ("free", "bounds", "penalty")
    if terms != "penalty" or method in ("gd", "momentum", "nesterov")
]


@pytest.mark.parametrize(("method", "terms"), SCALING)
@some()
@given(d=curvatures, b=vectors, x0=vectors, power=st.integers(-40, 40))
def test_a_power_of_two_times_fun_changes_no_bit(method, terms, d, b, x0, power):
    """Of automatic rates, if constants that are sizes of gradients (`epsilon`) scale along."""
    fun, factor = separable(d, b), 2.0**power

    def scaled(x):
        f, g = fun(x)
        return factor * f, factor * g

    found = []
    for one, by in ((fun, 1.0), (scaled, factor)):
        options = {}
        if method in WITH_EPSILON:
            options["epsilon"] = 2.0**-20 * by
        more = {"free": {}, "bounds": {"bounds": [(-1.0, 2.0)] * N},
                "penalty": {"penalty": penalties.L1(0.5 * by)}}[terms]  # fmt: skip
        found.append(points(one, x0, method, options=options, **more))
    assert np.array_equal(*found)


@pytest.mark.parametrize("method", METHODS)
@some()
@given(d=curvatures, b=vectors, x0=vectors, shift=st.integers(-1000, 1000))
def test_a_constant_added_to_fun(method, d, b, x0, shift):
    """Changes no bit with a given rate; an automatic one compares values, which lose digits."""
    fun = separable(d, b)

    def shifted(x):
        f, g = fun(x)
        return f + shift, g

    options = {"learning_rate": 0.01}
    runs = [points(one, x0, method, options=options) for one in (fun, shifted)]
    assert np.array_equal(*runs)
    if method in AUTOMATIC:
        assert_close(*(points(one, x0, method, 6) for one in (fun, shifted)))


@pytest.mark.parametrize("method", METHODS)
@some()
@given(d=curvatures, b=vectors, x0=vectors, order=st.permutations(range(N)))
def test_the_order_of_the_variables(method, d, b, x0, order):
    """Changes no bit with a given rate; an automatic one has sums over the variables."""
    fun = separable(d, b)
    other = separable(d[order], b[order])
    options = {"learning_rate": 0.01}
    one, two = (
        points(fun, x0, method, options=options),
        points(other, x0[order], method, options=options),
    )
    assert np.array_equal(one[:, order], two)
    if method in AUTOMATIC:
        assert_close(points(fun, x0, method, 6)[:, order], points(other, x0[order], method, 6))


@pytest.mark.parametrize("method", METHODS)
@some()
@given(d=curvatures, b=vectors, x0=vectors, shift=vectors)
def test_a_moved_origin(method, d, b, x0, shift):
    """With a given rate only rounding tells; the first automatic step takes its length from x0."""
    fun = separable(d, b)

    def moved(z):
        return fun(z - shift)

    options = {"learning_rate": 0.01, **({"weight_decay": 0.0} if method == "adamw" else {})}
    assert_close(
        points(fun, x0, method, options=options),
        points(moved, x0 + shift, method, options=options) - shift,
    )
    if method in AUTOMATIC:
        one, two = (
            minimize(f, start, jac=True, method=method, options={"maxiter": 2000})
            for f, start in ((fun, x0), (moved, x0 + shift))
        )
        assert one.success and two.success
        np.testing.assert_allclose(two.x - shift, one.x, atol=1e-4)


# -- forged files ----------------------------------------------------------------------------------

FORGED = """
import random, sys, warnings
warnings.simplefilter("ignore")
import forged
forged.watch_rows()
random.seed(1)
inputs = list(forged.SEEDS)
for _ in range(250):
    edits = bytes(random.randrange(256) for _ in range(3 * random.randint(1, 4)))
    inputs.append(bytes((random.choice((3, 4, 4, 4)), random.randrange(256))) + edits)
for data in inputs:
    forged.target(data)
sys.stdout.write(str(len(inputs)))
"""


def test_forged_states_keep_to_their_arrays():
    """The loops as Python code see each access; what a file may hold is refused or harmless."""
    found = run_python(FORGED, env={"NUMBA_DISABLE_JIT": "1"}).stdout
    assert int(found) == 250 + len(forged.SEEDS)


@settings(max_examples=100, deadline=None)
@given(mode=st.integers(0, 3), data=st.binary(max_size=64))
def test_forged_files_are_refused_or_read(mode, data):
    forged.target(bytes((mode, *data)))
