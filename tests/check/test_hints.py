"""Hints: what may have been meant goes with the exception, and only where it can be meant."""

import inspect
import math
import warnings

import numba
import numpy as np
import objectives
import pytest
from numba import njit

from fastmomentum import (
    CompilationWarning,
    Optimizer,
    minimize,
    minimize_batch,
    minimize_sum,
    multistart,
    path,
    penalties,
)
from fastmomentum.jit import minimizer

T = np.linspace(0.0, 2.0, 7)
ROWS = np.exp(-np.linspace(0.5, 1.5, 10)[:, None] * T)
X0 = np.ones((10, 2))
STARTS = X0 + np.arange(10.0)[:, None]


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
    for good in (0, 1, 2, 3, 5, 100):  # three calls are one evaluation
        calls.clear()
        assert ("batched" in notes_of(minimize_batch, fails, STARTS, (ROWS,))) == (good < 1)


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
    monkeypatch.setattr("fastmomentum._minimize.run.driver_address", None)
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


# -- arguments that Numba has no type for ----------------------------------------------------------


@njit
def squares_of(x, out, A):
    total = 0.0
    out[0] = 0.0
    for i in range(A.shape[0]):
        total += (A[i, 0] * x[0] - 1.0) ** 2
        out[0] += 2.0 * A[i, 0] * (A[i, 0] * x[0] - 1.0)
    return total


class Table:
    """As a DataFrame: entries are had in another way than those of an array."""

    shape = (3, 1)

    def to_numpy(self):
        return np.ones(self.shape)


class Column(Table):
    """As a Series, which can be used as an array."""

    def __getitem__(self, key):
        return 1.0


TO_NUMPY = r"args\[0\] is a {}, of which Numba knows nothing: pass args\[0\].to_numpy\(\)"


def test_tables_in_args():
    for solve, x0 in ((minimize, [0.0]), (minimize_batch, [[0.0], [2.0]])):
        with pytest.raises(TypeError, match=f"^{TO_NUMPY.format('Table')}"):
            solve(squares_of, x0, (Table(),), jac=True)
        with pytest.warns(CompilationWarning, match=TO_NUMPY.format("Column")) as seen:
            assert np.all(solve(squares_of, x0, (Column(),), jac=True).success)
        assert len(seen) == 1
        options = {"backend": "numba"}
        with pytest.raises(TypeError, match=TO_NUMPY.format("Column")):
            solve(squares_of, x0, (Column(),), jac=True, options=options)


def test_sparse_matrices_in_args():
    sparse = pytest.importorskip("scipy.sparse")
    A, options = sparse.coo_array(np.ones((3, 1))), {"backend": "numba"}
    with pytest.raises(TypeError, match="pass its arrays, such as the data, indices and indptr"):
        minimize(squares_of, [0.0], (A,), jac=True, options=options)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=TO_NUMPY.format("DataFrame")):
        minimize(squares_of, [0.0], (pandas.DataFrame(np.ones((3, 1))),), jac=True)


# -- one problem many times ------------------------------------------------------------------------


def off(x, y):
    return ((x - y) ** 2).sum()


def test_one_problem_many_times():
    y = np.arange(5.0)
    words = r"All 5 problems are the same, since no .*: args\[0\] has .* pass batched=\(True,\)"
    for fun in (off, njit(off)):
        with pytest.warns(RuntimeWarning, match=words) as seen:
            minimize_batch(fun, np.zeros((5, 1)), (y,))
        assert len(seen) == 1 and seen[0].filename == __file__


def test_data_as_long_as_the_batch_may_be_meant():
    """Where the problems differ by something, or the data have another length."""
    y = np.arange(5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimize_batch(off, np.arange(5.0)[:, None], (y,))
        minimize_batch(off, np.zeros((4, 1)), (y,))
        minimize_batch(off, np.zeros((1, 1)), (y[:1],))
        minimize_batch(off, np.zeros((5, 1)), (y,), True)
        upper = np.arange(1.0, 6.0)[:, None]
        minimize_batch(off, np.zeros((5, 1)), (y,), bounds=Bounds(0.0 * upper, upper))


class Bounds:
    def __init__(self, lb, ub):
        self.lb, self.ub = lb, ub


# -- float32 that was not asked for ----------------------------------------------------------------

SINGLE = "the gradient is float32, and x0 is float64: .*jax_enable_x64.* pass x0 as float32"


def pair(x):
    return float(x @ x), (2.0 * x).astype(np.float32)


def single_gradient(x):
    return (2.0 * x).astype(np.float32)


class Tensor:
    """Of a library whose dtypes are not NumPy's."""

    dtype = "torch.float32"

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return 2.0 * self.x


@pytest.mark.parametrize(
    ("fun", "jac"),
    [
        (pair, True),
        (lambda x: float(x @ x), single_gradient),
        (lambda x: (float(x @ x), Tensor(x)), True),
    ],
)
def test_a_gradient_of_float32(fun, jac):
    options = {"maxiter": 3}
    with pytest.warns(RuntimeWarning, match=SINGLE) as seen:
        minimize(fun, [1.0], jac=jac, options=options)
    assert len(seen) == 1 and seen[0].filename == __file__
    with pytest.warns(RuntimeWarning, match=SINGLE) as seen:
        minimize_batch(fun, [[1.0], [2.0]], jac=jac, options=options)
    assert len(seen) == 1 and seen[0].filename == __file__
    minimize(fun, np.ones(1, np.float32), jac=jac, options=options)  # without a warning


def test_values_of_float32_with_a_gradient_of_float64():
    minimize(lambda x: np.float32(x @ x), [1.0], jac=lambda x: 2.0 * x)


def test_differences_suit_values_of_float32():
    minimize(lambda x: np.float32(x @ x), [1.0], options={"maxiter": 3})


# -- keywords that are options ---------------------------------------------------------------------


def value(x):
    return float(x @ x)


@pytest.mark.parametrize("name", ["learning_rate", "lr", "gtol"])
@pytest.mark.parametrize(
    ("solve", "given"),
    [
        (minimize, (value, [1.0])),
        (minimize_batch, (value, [[1.0]])),
        (minimize_sum, (value, [1.0])),
        (multistart, (value, [(0.0, 1.0)])),
        (path, (value, [1.0], penalties.L1, [1.0])),
        (minimizer, (njit(value),)),
        (Optimizer, ("gd", [1.0])),
    ],
)
def test_options_given_as_keywords(solve, given, name):
    meant = "gtol" if name == "gtol" else "learning_rate"
    words = rf"keyword argument '{name}'\. It is one of the options: options={{'{meant}': ...}}\.$"
    with pytest.raises(TypeError, match=words):
        solve(*given, **{name: 0.1})


def test_other_keywords_and_errors_of_the_function():
    with pytest.raises(TypeError, match=r"'penaltie'\. Did you mean 'penalty'\?$"):
        minimize(value, [1.0], penaltie=None)
    with pytest.raises(TypeError, match=r"'zzz'\.$"):
        minimize(value, [1.0], zzz=None)
    with pytest.raises(TypeError, match=r"^missing$"):
        minimize(raises_type_error, [1.0])
    with pytest.raises(TypeError, match=r"required positional argument: 'x0'$"):
        minimize(value)
    assert list(inspect.signature(minimize).parameters)[:3] == ["fun", "x0", "args"]


def raises_type_error(x):
    raise TypeError("missing")


# -- a gradient in the second parameter ------------------------------------------------------------


@njit
def other_name(x, g):
    g[0] = 2.0 * x[0]
    return x[0] * x[0]


@njit
def gradient_of_it(x):
    return 2.0 * x


def test_a_minimizer_without_jac():
    for jac in (None, "3-point"):
        with pytest.raises(ValueError, match=r"^jac must be True for a function that writes its g"):
            minimizer(decay, jac=jac)
    with pytest.raises(ValueError, match="pass jac=True"):  # once the number of args is known
        minimizer(decay, jac=gradient_of_it)(np.ones(2), np.ones(3), np.ones(3))
    # Here the number of parameters tells, once the number of args is known.
    with pytest.raises(ValueError, match=r"^fun takes one parameter more than .* pass jac=True"):
        minimizer(other_name)(np.ones(1))
