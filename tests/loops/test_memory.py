"""How many velocities are kept: as many as help, or as many as are asked for."""

import numpy as np
import pytest
import scipy.optimize
from numba import njit
from processes import run_python
from scipy.stats import ortho_group

from fastmomentum import jit, minimize, minimize_batch, penalties, problems
from fastmomentum._check.arguments import check_method
from fastmomentum._check.options import check_options
from fastmomentum._keep.state import rules_of
from fastmomentum._language.layout import INT
from fastmomentum.jit._minimizer import _fixed_memory

LEAST = 10


@njit
def quadratic(x, out, matrix):
    """Half x.H x with its minimum at 1."""
    total = 0.0
    for i in range(x.size):
        slope = 0.0
        for j in range(x.size):
            slope += matrix[i, j] * (x[j] - 1.0)
        out[i] = slope
        total += 0.5 * slope * (x[i] - 1.0)
    return total


def rotated(n, seed, condition=1e7):
    """A matrix of this condition whose axes are no variables."""
    axes = ortho_group.rvs(n, random_state=seed)
    matrix = axes @ np.diag(np.logspace(0.0, np.log10(condition), n)) @ axes.T
    return 0.5 * (matrix + matrix.T)


def room(res):
    """(velocities that a run has come to keep, those that it could have)."""
    return int(res.state.ints[INT.ROOM]), int(res.state.ints[INT.MEMORY])


def solve(n, seed=2, fun=quadratic, condition=1e7, **kwargs):
    options = {"keep_state": True} | kwargs.pop("options", {})
    args = (rotated(n, seed, condition),)
    return minimize(fun, np.zeros(n), args, jac=True, options=options, **kwargs)


def same(a, b):
    np.testing.assert_array_equal(a.x, b.x)
    assert (a.fun, a.nit, a.nfev) == (b.fun, b.nit, b.nfev)


@pytest.mark.parametrize(("n", "most"), [(2, 10), (10, 10), (11, 21), (100, 100), (200, 50)])
def test_how_many_may_be_kept(n, most):
    res = minimize(quadratic, np.zeros(n), (np.eye(n),), jac=True, options={"keep_state": True})
    assert room(res)[1] == most


@pytest.mark.parametrize("n", [2, 10, 1001])
def test_few_and_many_variables_have_ten(n):
    scales = np.diag(np.linspace(1.0, 9.0, n))
    auto, ten = (
        minimize(quadratic, np.zeros(n), (scales,), jac=True, options=options)
        for options in ({}, {"memory": LEAST})
    )
    same(auto, ten)


@pytest.mark.parametrize("n", [30, 60, 100])
def test_ill_conditioned_quadratics_take_no_more_evaluations_than_bfgs(n):
    ours = theirs = 0
    for seed in range(2, 5):
        matrix = rotated(n, seed)

        def fun(x, matrix=matrix):
            slope = matrix @ (x - 1.0)
            return 0.5 * slope @ (x - 1.0), slope

        res = solve(n, seed)
        assert res.success
        ours += res.nfev
        theirs += scipy.optimize.minimize(fun, np.zeros(n), jac=True, method="BFGS").nfev
    assert ours <= theirs


def test_memory_grows_where_the_function_is_like_a_quadratic():
    assert room(solve(30))[0] > 2 * LEAST
    problem = problems.get("rosenbrock-100")
    res = minimize(
        problem.compiled("fused"), problem.x0, problem.args, jac=True, options={"keep_state": True}
    )
    assert res.success
    least, most = room(res)
    assert least < 2 * LEAST < most


@pytest.mark.parametrize("memory", [1, 5, 30])
def test_a_given_memory_stays(memory):
    res = solve(30, options={"memory": memory, "maxiter": 60})
    assert room(res) == (memory, memory)


@pytest.mark.parametrize(
    "terms",
    [{}, {"bounds": [(0.0, 0.9)] * 30}, {"penalty": penalties.L1(0.1)}],
    ids=["free", "bounds", "penalty"],
)
def test_the_same_bits_everywhere(terms, tmp_path):
    """Compiled, in Python, in a batch, and taken up again from a file."""
    terms |= {"condition": 1e4}
    compiled = solve(30, **terms)
    assert compiled.success and room(compiled)[0] > LEAST
    same(solve(30, fun=quadratic.py_func, **terms), compiled)
    part = solve(30, options={"maxiter": 25}, **terms)
    part.state.save(tmp_path / "run.npz")
    same(solve(30, state=tmp_path / "run.npz", **terms), compiled)
    matrix = rotated(30, 2, terms.pop("condition"))
    batch = minimize_batch(quadratic, np.zeros((3, 30)), (matrix,), jac=True, **terms)
    np.testing.assert_array_equal(batch.x[1], compiled.x)


def test_pairs_that_wrap_around_are_shrunk_with_their_face():
    """With bounds, fewer pairs than there is room for: those in use are not the first rows."""
    problem = problems.get("logistic_wine_raw")
    bounds = [(-abs(x) - 0.5, abs(x) + 0.5) for x in problem.x0]
    found = [
        minimize(
            problem.compiled("fused"),
            problem.x0,
            problem.args,
            jac=True,
            bounds=bounds,
            options=options,
        )
        for options in ({}, {"memory": LEAST})
    ]
    assert all(res.success for res in found)
    np.testing.assert_allclose(found[0].fun, found[1].fun, rtol=1e-6)


@pytest.mark.parametrize("method", ["adam", "adagrad"])
def test_adaptive_methods_keep_more_too(method):
    auto, ten = (solve(30, method=method, options=o) for o in ({}, {"memory": LEAST}))
    assert auto.success and auto.nfev < 0.5 * ten.nfev


def test_a_compiled_minimizer_of_any_length_keeps_ten():
    solver = jit.minimizer(quadratic, jac=True)
    matrix = rotated(30, 2, 1e3)
    ten = minimize(quadratic, np.zeros(30), (matrix,), jac=True, options={"memory": LEAST})

    @njit
    def call(x0, matrix):
        return solver(x0, matrix)

    for found in (solver(np.zeros(30), matrix), call(np.zeros(30), matrix)):
        np.testing.assert_array_equal(found.x, ten.x)
        assert found.nfev == ten.nfev


def test_of_which_lengths_a_compiled_minimizer_knows():
    """Where Numba is switched off the option has to be said."""
    fixed = {"memory": LEAST}
    assert _fixed_memory("momentum", (), ()) == fixed
    assert _fixed_memory("adam", (), (("memory", "auto"),)) == fixed
    assert _fixed_memory("momentum", ((0.0, 1.0),) * 30, ()) == {}
    assert _fixed_memory("momentum", (), (("memory", 5),)) == {}
    assert _fixed_memory("momentum", (), (("learning_rate", 0.1),)) == {}


def test_a_run_that_ended_goes_on_under_another_rule():
    """The most that may be kept is the same, the number that is kept is not."""
    ended = solve(30)
    same(solve(30, state=ended.state), ended)
    again = solve(30, state=ended.state, options={"memory": 40, "gtol": 0.0})
    assert room(again) == (40, 40)
    assert rules_of(settings(30)) != rules_of(settings(30, memory=40))


def settings(n, **options):
    return check_options(check_method("momentum"), None, options, np.zeros(n))


def test_a_refused_pair_takes_the_place_of_the_oldest():
    code = """
    from types import SimpleNamespace
    from fastmomentum._loops.metric import store_pair

    for count, left in ((3, 2), (2, 2), (0, 0)):
        ints = SimpleNamespace(COUNT=count, MEMORY=3, ROOM=3, HEAD=1)
        store_pair(None, ints, SimpleNamespace(EPSILON=2.0**-52), None, -1.0, 1.0, 1.0)
        assert (ints.COUNT, ints.HEAD) == (left, 1), (count, ints)
    """
    run_python(code, env={"NUMBA_DISABLE_JIT": "1"})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("all", r"memory must be 'auto' or an integer in \[1, 1000\], got 'all'"),
        (0, "memory must be 'auto' or an integer"),
        (1001, "memory must be 'auto' or an integer"),
        (2.5, "memory must be 'auto' or an integer"),
    ],
)
def test_wrong_memories(value, words):
    with pytest.raises((TypeError, ValueError), match=words):
        minimize(quadratic, np.zeros(3), (np.eye(3),), jac=True, options={"memory": value})
