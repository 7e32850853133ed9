"""Minimizers and rules in the user's own compiled code: the same bits as `minimize`."""

import inspect
import itertools
from typing import NamedTuple

import numba
import numpy as np
import objectives
import pytest
from cases import AUTOMATIC, CASES, METHODS, PROBLEMS, options_of
from numba import njit
from numba.core.errors import TypingError
from numba.core.runtime import rtsys
from parameters import some
from processes import run_python
from scipy.optimize import Bounds

import fastmomentum
from fastmomentum import _methods, minimize
from fastmomentum._loops.rules import written_as
from fastmomentum.jit import Result, minimizer, rules

DTYPES = (np.float64, np.float32)
QUADRATIC = PROBLEMS["quadratic"]


def same(found, expected):
    """Every field, to the bit."""
    assert isinstance(found, Result)
    for name in Result._fields:
        a, b = getattr(found, name), expected[name]
        assert np.asarray(a).dtype == np.asarray(b).dtype or np.ndim(a) == 0, name
        assert np.array_equal(a, b, equal_nan=True), (name, a, b)


def both(name, how="fused", dtype=np.float64, x0=None, **how_to):
    """One call of the compiled minimizer, compared with `minimize`."""
    start, args = PROBLEMS[name].in_dtype(dtype)
    start = start if x0 is None else x0
    fun, jac = objectives.style(name, how)
    before = start.copy()
    found = minimizer(fun, jac=jac, **how_to)(start, *args)
    assert np.array_equal(start, before, equal_nan=True)
    same(found, minimize(fun, start, args, jac=jac, **how_to))
    return found


# -- the results of minimize -----------------------------------------------------------------------


SINGLE = ("momentum", "nesterov", "gd", "adam")  # tried in float32, too
EITHER = [(m, dtype) for m in METHODS for dtype in DTYPES[: 1 + (m in SINGLE)]]


def usual(method, dtype):
    return dtype == np.float64 or method == "adam"


@pytest.mark.parametrize(("method", "dtype"), some(EITHER, usual))
def test_given_rates(method, dtype):
    options = options_of(method, gtol=1e-3)
    assert both("quadratic", dtype=dtype, method=method, options=options).success


@pytest.mark.parametrize(("method", "dtype"), some((e for e in EITHER if e[0] in AUTOMATIC), usual))
def test_automatic_rates(method, dtype):
    assert both("quadratic", dtype=dtype, method=method, tol=1e-3).success


@pytest.mark.parametrize(
    "how",
    some(
        ["returning", "in_place", "pair", "fused", "2-point", "3-point", None],
        ("returning", "in_place", "pair", "3-point", None),
    ),
)
def test_styles(how):
    fun, jac = objectives.style("logistic", how or "2-point")
    start, args = PROBLEMS["logistic"].in_dtype(np.float64)
    found = minimizer(fun, jac=None if how is None else jac)(start, *args)
    same(found, minimize(fun, start, args, jac=jac))
    assert found.success


def test_the_default_on_a_hard_function():
    # Rows a multiple of the page size long, too; of a length that is not known ten are kept.
    options = {"memory": 10}
    for n in (2, 7, 512):
        assert both("rosenbrock", x0=np.resize([-1.2, 1.0], n), options=options).success


BOUNDS = [(-1.0, 0.5), (None, None), (0.0, None), (None, 0.125), (-0.25, -0.25)]


BOUNDED = [
    *({"method": m} for m in ("momentum", "nesterov", "gd", "adam")),
    *({"method": m, "options": options_of(m)} for m in ("momentum", "nesterov", "adamax")),
    {"how": "2-point"},
    {"how": "3-point", "method": "gd"},
]


@pytest.mark.parametrize(
    ("how_to", "dtype"),
    some(
        [(h, np.float64) for h in BOUNDED] + [(h, np.float32) for h in BOUNDED[::3]],
        lambda how_to, dtype: dtype == np.float64 or how_to == BOUNDED[0],
    ),
    ids=repr,
)
def test_bounds(how_to, dtype):
    found = both("quadratic", dtype=dtype, bounds=BOUNDS, **how_to)
    lower, upper = np.array(BOUNDS, float).T
    assert not (found.x < np.nan_to_num(lower, nan=-np.inf)).any()
    assert not (found.x > np.nan_to_num(upper, nan=np.inf)).any()


def test_bounds_as_an_object_and_none_at_all():
    given = both("quadratic", bounds=Bounds(np.full(5, -0.1), np.full(5, 0.2)))
    assert given.x.max() == 0.2
    free = both("quadratic", bounds=[(None, None)] * 5)
    same(free, dict(zip(Result._fields, both("quadratic"), strict=True)))


@pytest.mark.parametrize(
    "options",
    [
        {"maxiter": 3},
        {"maxiter": 0},
        {"maxfev": 4},
        {"ftol": 1e-3},
        {"xtol": 1e-3, "gtol": 0.0},
        {"gtol": 0.0, "patience": 5},
        {"memory": 1},
        {"x_scale": np.array([1.0, 0.5, 0.25, 0.1, 0.1])},
        {"learning_rate": 5.0, "momentum": 0.5},
        {"learning_rate": np.float32(0.01), "maxiter": np.int64(7)},
    ],
    ids=repr,
)
def test_options(options):
    both("quadratic", options=options)


def test_other_norms_stop_as_early():
    fun = objectives.quadratic_fused
    x0, args = QUADRATIC.in_dtype(np.float64)
    for norm in (1, 2, 3.5):
        options = {"norm": norm, "gtol": 1e-2}
        found = minimizer(fun, jac=True, options=options)(x0, *args)
        expected = minimize(fun, x0, args, jac=True, options=options)
        assert found.nit == expected.nit
        assert np.array_equal(found.x, expected.x)
        assert found.grad_norm == pytest.approx(expected.grad_norm, rel=1e-12)


def test_starts_that_are_not_finite():
    for bad in (np.nan, np.inf):
        x0 = QUADRATIC.x0 * np.ones(5)
        x0[2] = bad
        solve = minimizer(objectives.quadratic_fused, jac=True)
        found = solve(x0, *QUADRATIC.args)
        assert (found.status, found.success, found.nfev) == (3, False, 0)
        assert np.array_equal(found.x, x0, equal_nan=True)
        assert np.isnan([found.fun, *found.jac]).all()


def test_a_function_that_is_not_finite():
    @njit
    def fun(x, out):
        out[0] = -1.0
        return -x[0] if x[0] < 3.0 else np.nan

    options = {"learning_rate": 0.5}
    found = minimizer(fun, "gd", jac=True, options=options)(np.zeros(1))
    same(found, minimize(fun, np.zeros(1), method="gd", jac=True, options=options))
    assert found.status == fastmomentum.Status.NONFINITE


# -- called from compiled code ---------------------------------------------------------------------


class Data(NamedTuple):
    """An argument with fields."""

    centre: np.ndarray
    scale: float


@njit
def with_data(x, out, data, shift, weights):
    total = 0.0
    for i in range(x.size):
        r = x[i] - data.centre[i] - shift
        out[i] = 2.0 * data.scale * weights[0] * r
        total += data.scale * weights[0] * r * r
    return total


solve_data = minimizer(with_data, "gd", jac=True)


def test_arguments_and_starts_of_other_types():
    """Literals, slices, tuples, namedtuples; x0 of any dtype and layout."""

    @njit
    def run(X0, data):
        columns = solve_data(X0[:, 1], data, 1, (0.5, 2))
        whole = solve_data(np.arange(2), data, np.float32(1.0), (0.5, 2))
        return columns, whole, solve_data(X0[0, ::2], data, True, (0.5, 2)).x

    data = Data(np.array([3.0, 4.0]), 2.0)
    for found in run(np.ones((2, 3)), data):
        x = found.x if isinstance(found, Result) else found
        assert x == pytest.approx([4.0, 5.0], abs=1e-4)


def test_float32_values_and_other_returns():
    @njit
    def single(x):
        return x[0] * x[0]

    @njit
    def slope(x):
        return [2.0 * x[0]]

    @njit
    def integer(x, out):
        out[0] = 0.0
        return 1

    x0 = np.array([2.0], np.float32)
    same(minimizer(single, jac=slope)(x0), minimize(single, x0, jac=slope))
    same(minimizer(single)(x0), minimize(single, x0))
    same(minimizer(integer, jac=True)(x0), minimize(integer, x0, jac=True))


def test_a_minimizer_inside_the_objective_of_another():
    """min over a of min over x: nested calls share nothing."""

    @njit
    def inner(x, out, a):
        out[0] = 2.0 * (x[0] - a)
        return (x[0] - a) ** 2

    solve_inner = minimizer(inner, "gd", jac=True)

    @njit
    def outer(a, out):
        found = solve_inner(np.zeros(1), a[0])
        out[0] = 2.0 * (found.x[0] - 3.0)
        return (found.x[0] - 3.0) ** 2 + found.fun

    found = minimizer(outer, "gd", jac=True)(np.array([1.0]))
    assert found.success
    assert found.x[0] == pytest.approx(3.0, abs=1e-4)
    # ... and `minimize` may call such a function.
    same(found, minimize(outer, [1.0], method="gd", jac=True))


@njit
def failing(x, out, low):
    if x[0] < low:
        raise ValueError("x is too low")
    out[0] = 2.0 * x[0]
    return x[0] * x[0]


solve_failing = minimizer(failing, "gd", jac=True, options={"learning_rate": 0.1})


@njit
def tried(x0, low):
    try:
        return solve_failing(x0, low).fun
    except Exception:
        return -1.0


def test_exceptions():
    x0 = np.array([3.0])
    with pytest.raises(ValueError, match="x is too low"):
        solve_failing(x0, 1.0)
    assert tried(x0, 1.0) == -1.0
    assert tried(x0, -1.0) < 1e-9
    with pytest.raises(ValueError, match="at least one element"):
        solve_failing(x0[:0], 1.0)
    bounded = minimizer(failing, jac=True, bounds=[(0, 1)] * 2)
    with pytest.raises(ValueError, match="as many elements as bounds"):
        bounded(x0, 1.0)


def test_memory():
    """All that a call takes is given back, also where it ends in an exception."""
    rtsys_stats = numba.core.runtime._nrt_python
    x0 = np.full(1000, 3.0)
    tried(x0, 1.0), tried(x0, -1.0)
    enabled = rtsys_stats.memsys_stats_enabled()
    rtsys_stats.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        for _ in range(10):
            tried(x0, 1.0), tried(x0, -1.0)
        after = rtsys.get_allocation_stats()
    finally:
        if not enabled:
            rtsys_stats.memsys_disable_stats()
    assert after.alloc - before.alloc >= 40
    assert after.alloc - before.alloc == after.free - before.free
    assert after.mi_alloc - before.mi_alloc == after.mi_free - before.mi_free


def test_wrong_calls_are_typing_errors():
    solve = minimizer(objectives.quadratic_fused, jac=True)
    with pytest.raises(TypingError, match="one dimension"):
        solve(np.ones((2, 2)), *QUADRATIC.args)
    with pytest.raises(TypingError, match="real numbers"):
        solve(np.ones(2) * 1j, *QUADRATIC.args)
    with pytest.raises(TypingError, match="quadratic_fused"):
        solve(np.ones(2))


# -- what is compiled, and cached ------------------------------------------------------------------

USER = """
import numpy as np
from numba import njit, prange
from fastmomentum.jit import minimizer

@njit(cache=True)
def fun(x, out, a):
    out[0] = 2.0 * (x[0] - a)
    out[1] = 4.0 * x[1] ** 3
    return (x[0] - a) ** 2 + x[1] ** 4

solve = minimizer(fun, "gd", jac=True, options={"learning_rate": 0.1})

@njit(cache=True)
def one(x0, a):
    return solve(x0, a)

@njit(cache=True)
def serial(x0, a):
    x, fields = np.empty((a.size, 2)), np.empty((a.size, 3))
    for i in range(a.size):
        found = one(x0, a[i])
        x[i] = found.x
        fields[i] = np.array([found.fun, found.nfev, found.status])
    return x, fields

@njit(cache=True, parallel=True)
def parallel(x0, a):
    x, fields = np.empty((a.size, 2)), np.empty((a.size, 3))
    for i in prange(a.size):
        found = solve(x0, a[i])
        x[i] = found.x
        fields[i] = np.array([found.fun, found.nfev, found.status])
    return x, fields

def made(shift):
    @njit
    def fun(x, out):
        out[0] = 2.0 * (x[0] - shift)
        return (x[0] - shift) ** 2

    return minimizer(fun, "gd", jac=True)

solve_made = made(1.0)

@njit(cache=True)
def closed():
    return solve_made(np.zeros(1)).x[0]
"""
# Numba tells the functions that `made` makes apart by a number, and these get the one that the
# cached function was compiled with.
NAMESAKES = """
import numba
import numpy as np
import user
numba.njit(lambda x: x)(1)
others = [user.made(5.0 + k) for k in range(3)]
for k in range(3):
    assert abs(others[k](np.zeros(1)).x[0] - (5.0 + k)) < 1e-4
"""
CHILD = """
import sys
import numpy as np
import numba
import user
assert abs(user.closed() - 1.0) < 1e-4
a = np.linspace(-2.0, 2.0, 500)
x, fields = user.parallel(np.ones(2), a)
assert numba.get_num_threads() == 2
alone = user.serial(np.ones(2), a)
assert np.array_equal(x, alone[0]) and np.array_equal(fields, alone[1])
sys.stdout.write(f"{abs(x[:, 0] - a).max() < 1e-5} {fields[:, 2].max() == 0}\\n")
for f in (user.fun, user.one, user.serial, user.parallel):
    counts = [sum(counter.values()) for counter in (f.stats.cache_hits, f.stats.cache_misses)]
    sys.stdout.write("{} {}\\n".format(*counts))
sys.stdout.write(f"{len(user.solve.signatures)}\\n")
"""
# Code without the library, and code that was compiled for another version.
ERRORS = """
import sys, warnings
import numpy as np
import user
import fastmomentum.jit._plan as plan
warnings.simplefilter("ignore")
for module in (None, plan):
    sys.modules["fastmomentum.jit._plan"] = module
    plan.ABI = "another"
    try:
        user.one(np.ones(2), 1.0)
    except Exception as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\\n")
"""


@pytest.mark.slow
def test_another_process_loads_what_the_user_cached(tmp_path):
    """Code in the user's disk cache finds the loops anew, in threads, too, and compiles nothing."""
    (tmp_path / "user.py").write_text(USER)
    env = {"NUMBA_NUM_THREADS": 2}

    def child(code):
        return run_python(code, env=env, cwd=tmp_path).stdout.splitlines()

    first = child(CHILD)
    assert first[0] == "True True"
    assert first[2:] == ["0 1", "0 1", "0 1", "1"]
    again = child(NAMESAKES + CHILD)
    assert again == ["True True", "0 0", "0 0", "1 0", "1 0", "0"]
    # Nothing of the old process's memory is in the code: without the library there is an error.
    missing, stale = child(ERRORS)
    assert missing.startswith("ModuleNotFoundError")
    assert stale.startswith("RuntimeError: this code was compiled with another version")


def test_another_minimizer_compiles_no_loop():
    """Only a function of a few lines, and none of the library's for known types."""
    from fastmomentum._loops import drivers, table
    from fastmomentum._numba import entry

    parts = (
        drivers.caller(table.SINGLE),
        entry.entry_of("fused", "float64"),
        drivers.driver(table.LOOPS["gd_auto"], np.dtype("f8")),
    )

    def run(scale):
        @njit
        def fun(x, out, a):
            out[0] = 2.0 * scale * (x[0] - a)
            return scale * (x[0] - a) ** 2

        return minimizer(fun, "gd", jac=True)(np.zeros(1), 2.0)

    assert run(1.0).success
    before = [len(p.signatures) for p in parts]
    assert run(2.0).success
    assert [len(p.signatures) for p in parts] == before


def test_without_the_compiler():
    code = """
    import sys
    import numpy as np
    from numba import njit
    from fastmomentum.jit import Result, minimizer, rules
    @njit
    def fun(x, out, a):
        out[0] = 2.0 * (x[0] - a)
        return (x[0] - a) ** 2
    solve = minimizer(fun, jac=True, bounds=[(0, 1)], options={"memory": 2})
    found = solve(np.array([3.0]), 0.5)
    assert isinstance(found, Result) and found.success and abs(found.x[0] - 0.5) < 1e-5
    x = np.ones(2)
    state = rules.adam_state(x)
    rules.adam(x, np.ones(2), state, 0.1)
    sys.stdout.write(str(x.round(6)))
    """
    assert run_python(code, env={"NUMBA_DISABLE_JIT": "1"}).stdout == "[0.9 0.9]"


# -- checks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how_to", "error", "words"),
    [
        ({"fun": lambda x: 0.0}, TypeError, "fun must be a Numba function"),
        ({"jac": lambda x: x}, TypeError, "jac must be a Numba function"),
        ({"jac": "cs"}, ValueError, "jac must be one of '2-point', '3-point', got 'cs'"),
        ({"jac": 3}, TypeError, "jac must be"),
        ({"method": "adamm"}, ValueError, "Did you mean 'adam'"),
        ({"method": "adamw"}, ValueError, "no automatic learning rate"),
        ({"tol": -1.0}, ValueError, "tol must be"),
        ({"bounds": 3}, ValueError, "bounds must give"),
        ({"bounds": [(1, 0)]}, ValueError, "min <= max"),
        ({"options": {"maxitre": 3}}, ValueError, "Did you mean 'maxiter'"),
        ({"options": {"maxiter": -1}}, ValueError, "maxiter must be"),
        ({"options": 3}, TypeError, "options must be a dict"),
        ({"options": {"maxtime": 1.0}}, ValueError, "maxtime is not an option of a compiled"),
        ({"options": {"keep_state": True}}, ValueError, "keep_state is not an option of a compil"),
        ({"options": {"learning_rate": lambda k: 0.1}}, ValueError, "learning_rate must be a num"),
        ({"options": {"x_scale": 2.0}}, ValueError, "x_scale must be 'auto' or an array"),
        ({"options": {"x_scale": [1.0, -2.0]}}, ValueError, "x_scale must be 'auto', a positive"),
        (
            {"options": {"x_scale": [1.0, 2.0]}, "bounds": [(0, 1)]},
            ValueError,
            "x_scale must be",
        ),
    ],
)
def test_errors(how_to, error, words):
    given = {"fun": objectives.rosenbrock_fused, "jac": True} | how_to
    with pytest.raises(error, match=words):
        minimizer(**given)


# -- rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "dtype"), some(itertools.product(METHODS, DTYPES), usual))
def test_rules_are_those_of_minimize(method, dtype):
    """The iterates of runs with a given rate, to the bit."""
    (case,) = (c for c in CASES if c.method == method and c.problem == "quadratic")
    own = {k: v for k, v in case.options.items() if k != "maxiter"}
    x0, args = QUADRATIC.in_dtype(dtype)
    steps = 25
    options = {**own, "maxiter": steps, "gtol": 0.0, "return_all": True}
    expected = minimize(
        objectives.quadratic_fused, x0, args, method=method, jac=True, options=options
    ).allvecs
    step, start = getattr(rules, method), getattr(rules, f"{method}_state")
    x, g, state = x0.copy(), np.empty_like(x0), start(x0)
    assert len(expected) == steps + 1
    for k in range(steps):
        iterate = state[0] if method == "nesterov" else x
        assert np.array_equal(iterate, expected[k]), k
        objectives.quadratic_fill(x, g, *args)
        step(x, g, state, **own)
    assert x.dtype == dtype
    assert all(vector.dtype == dtype for vector in state)


def test_schedules_by_hand():
    """A rate and a momentum of one's own; Nesterov's rule looks at the next one's, too."""

    def momentum(k):
        return k / (k + 3.0)

    def rate(k):
        return 0.05 / (1.0 + 0.1 * k)

    @njit
    def run(x, d, b, steps):
        g = np.empty(x.size)
        state = rules.nesterov_state(x)
        for k in range(steps):
            objectives.quadratic_fill(x, g, d, b)
            rate, gamma, ahead = 0.05 / (1.0 + 0.1 * k), k / (k + 3.0), (k + 1.0) / (k + 4.0)
            fastmomentum.jit.rules.nesterov(x, g, state, rate, gamma, ahead)
        return state[0]

    x0, args = QUADRATIC.in_dtype(np.float64)
    options = {"learning_rate": rate, "momentum": momentum, "gtol": 0.0, "maxiter": 20}
    options["return_all"] = True
    expected = minimize(
        objectives.quadratic_fused, x0, args, method="nesterov", jac=True, options=options
    )
    assert np.array_equal(run(x0, *args, 20), expected.allvecs[-1])


def test_rules_check_lengths():
    x, state = np.ones(3), rules.momentum_state(np.ones(3))
    for g, other in ((np.ones(2), state), (np.ones(3), rules.momentum_state(np.ones(2)))):
        with pytest.raises(ValueError, match="length of x"):
            rules.momentum(x, g, other, 0.1)
    with pytest.raises(AttributeError, match="no attribute 'adaam'"):
        _ = rules.adaam


def test_rules_refuse_the_state_of_another_method():
    x = np.ones(3)
    with pytest.raises(ValueError, match="state must be what"):
        rules.momentum(x, x.copy(), rules.nesterov_state(x), 0.1)
    rules.gd(x, np.ones(3), None, 0.5)  # whose state is empty looks at none
    assert x.tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("method", METHODS)
def test_rules_take_the_numbers_of_their_method(method):
    """By name, with the method's defaults; the schedule of a momentum has the next one, too."""
    given = inspect.signature(getattr(rules, method).py_func).parameters
    names = list(given)
    assert names[:4] == ["x", "g", "state", "learning_rate"]
    assert given["learning_rate"].default is inspect.Parameter.empty
    constants = {p.name: p.default for p in _methods.METHODS[method].constants}
    momenta = {"momentum": 0.9, "momentum_next": None}
    own = {name: given[name].default for name in names[4:]}
    assert own == {name: momenta[name] for name in names if name in momenta} | constants


def test_rules_by_name_in_compiled_code():
    """In any order, with defaults, and None for the next momentum."""

    @njit
    def run(x, g):
        state = rules.adam_state(x)
        rules.adam(g=g, x=x, epsilon=1e-3, state=state, learning_rate=0.1)
        ahead = rules.nesterov_state(x)
        rules.nesterov(x, g, ahead, 0.1, momentum=0.5)
        rules.nesterov(x, g, ahead, 0.1, momentum_next=None, momentum=0.5)

    def same(x, g):
        state = rules.adam_state(x)
        rules.adam(x, g, state, 0.1, 0.9, 0.999, 1e-3)
        ahead = rules.nesterov_state(x)
        for _ in range(2):
            rules.nesterov(x, g, ahead, 0.1, 0.5, 0.5)

    x, y, g = np.ones(3), np.ones(3), np.array([1.0, -2.0, 3.0])
    run(x, g)
    same(y, g)
    assert np.array_equal(x, y)
    assert not np.array_equal(x, np.ones(3))


def test_a_step_has_no_arguments_of_its_own_variables():
    with pytest.raises(ValueError, match="cannot have the arguments"):
        written_as(lambda a: a, "step", ("a", "b"), (), "")


def test_every_method_has_documented_rules():
    assert set(rules.__all__) == {*METHODS, *(f"{m}_state" for m in METHODS)}
    assert set(dir(rules)) == set(rules.__all__)
    for name in METHODS:
        function = getattr(rules, name)
        text = inspect.getdoc(function)
        for parameter in inspect.signature(function.py_func).parameters:
            assert f"\n{parameter} : " in text, (name, parameter)
