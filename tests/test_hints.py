"""Hints: what may have been meant goes with the exception, and only where it can be meant."""

import math
import warnings

import numba
import numpy as np
import objectives
import pytest
from numba import njit

from fastmomentum import minimize, minimize_batch

T = np.linspace(0.0, 2.0, 7)
ROWS = np.exp(-np.linspace(0.5, 1.5, 10)[:, None] * T)
X0 = np.ones((10, 2))


@njit
def decay(x, out, t, y):
    """Half the sum of squares of x[0] exp(-x[1] t) - y."""
    total = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for k in range(t.size):
        e = math.exp(-x[1] * t[k])
        r = x[0] * e - y[k]
        total += 0.5 * r * r
        out[0] += r * e
        out[1] -= r * x[0] * e * t[k]
    return total


def squares(x, t, *signals):
    return np.sum((x[0] * np.exp(-x[1] * t) - sum(signals)) ** 2, axis=-1)


def notes_of(solve, *given, error=ValueError, **more):
    """The notes of the exception of a call, which does not warn before."""
    with warnings.catch_warnings(), pytest.raises(error) as caught:
        warnings.simplefilter("error")
        solve(*given, **more)
    assert type(caught.value) is error
    return "\n".join(getattr(caught.value, "__notes__", ()))


ONE = (
    "fastmomentum: args[1] has as many rows as there are problems, 10: pass batched=(False, True) "
    "if each problem is to get its own."
)


@pytest.mark.parametrize(
    ("fun", "jac"), [(decay, True), (decay.py_func, True), (squares, None), (njit(squares), None)]
)
def test_rows_of_all_problems_in_one_argument(fun, jac):
    assert ONE in notes_of(minimize_batch, fun, X0, (T, ROWS), jac=jac)
    # It cannot be meant: another number of rows, one problem, a call that does not fit.
    assert "batched" not in notes_of(minimize_batch, fun, X0[:9], (T, ROWS), jac=jac)
    assert "batched" not in notes_of(minimize_batch, fun, X0[:1], (T, ROWS), jac=jac)
    given = fun, X0, (ROWS,) if jac else ()
    assert "batched" not in notes_of(minimize_batch, *given, jac=jac, error=TypeError)


def test_rows_in_several_arguments():
    notes = notes_of(minimize_batch, squares, X0, (T, ROWS, ROWS.tolist()))
    assert "args[1] and args[2] have as many rows as there are problems, 10: pass b" in notes
    # From the same start, where another argument says how many problems there are.
    given = squares, np.ones(2), (T, ROWS, ROWS), (False, False, True)
    assert "batched=(False, True, True)" in notes_of(minimize_batch, *given)


def test_no_hint_once_an_evaluation_has_succeeded():
    def fails(x, rows):
        calls.append(x)
        if len(calls) > good:
            raise ValueError("later")
        return float(x @ x)

    calls = []
    for good in (0, 2, 3, 5, 100):  # three calls are one evaluation
        calls.clear()
        assert ("batched" in notes_of(minimize_batch, fails, X0, (ROWS,))) == (good < 3)


def test_no_hint_where_the_gradient_is_wrong():
    def bowl(x, rows):
        return float(x @ x)

    given = minimize_batch, bowl, X0, (ROWS,), False, None, lambda x, rows: 3.0 * x
    assert "batched" not in notes_of(*given, options={"check_jac": True})


def test_the_words_of_numba_go_with_an_exception():
    """Before the warning that they are in where the first evaluation succeeds."""
    for solve, x0 in ((minimize, X0[0]), (minimize_batch, X0)):
        notes = notes_of(solve, decay, x0, (T, ROWS), jac=True)
        words = "Numba cannot compile the objective: fun decay: No implementation of iadd(float64, "
        assert f"fastmomentum: {words}" in notes and "(test_hints.py, line " in notes
        assert "`result`" not in notes  # nothing is in it


def test_wrong_functions_are_told_of_before_the_loop_is_compiled(monkeypatch):
    monkeypatch.setattr("fastmomentum._run.driver_address", None)
    with pytest.raises(ValueError, match=r"jac must return a gradient of shape \(1,\), got shape"):
        minimize(objectives.sphere_fun, [1.0], jac=njit(lambda x: np.zeros(2)))


def helper(a):
    return (a - 1.0) ** 2


@njit
def calls_python(x):
    return helper(x[0])


def test_a_python_function_in_a_compiled_one():
    message = r"fun calls_python: helper is a Python function, and must have @njit, too \(test_hin"
    for solve, x0 in ((minimize, [0.0]), (minimize_batch, [[0.0], [2.0]])):
        with pytest.warns(RuntimeWarning, match=message) as seen:
            assert solve(calls_python, x0).backend == "python"
        assert len(seen) == 1
    with pytest.raises(TypeError, match=message):
        minimize(calls_python, [0.0], options={"backend": "numba"})


# -- warnings point at the user's code -------------------------------------------------------------


@njit
def square(a):
    return a * a


@njit
def cube(a):
    return a * a * a


@njit
def of_function(x, f):
    return f(x[0] - 1.0)


@njit
def of_functions(x, f, pair):
    return f(x[0] - 1.0) + pair[0](x[0]) + 0.0 * pair[1](x[0])


@njit
def of_list(x, values):
    return (x[0] - values[0]) ** 2


@pytest.mark.parametrize(
    ("fun", "args", "words"),
    [
        (of_function, (square,), set()),
        (of_functions, (square, (square, cube)), {"First-class function type"}),
        (of_list, ([1.0, 2.0],), {"Encountered the use of"}),
    ],
)
def test_warnings_of_numba_point_at_the_call(fun, args, words):
    """Or do not appear, where it is this package that puts functions into a tuple."""
    for solve, x0 in ((minimize, [0.0]), (minimize_batch, [[0.0], [2.0]]), (minimize, [0.0])):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            found = solve(fun, x0, args)
        assert found.backend == "numba" and np.all(found.success)
        assert all(each.filename == __file__ for each in seen)
        for each in seen:
            assert any(word in str(each.message) for word in words)
        assert len(seen) <= len(words)


def test_warnings_of_numba_can_be_errors():
    @njit
    def fun(x, values):
        return (x[0] - values[0]) ** 2

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(numba.NumbaPendingDeprecationWarning):
            minimize(fun, [0.0], ([1.0],))
