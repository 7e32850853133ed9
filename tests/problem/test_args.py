"""Arguments of every kind, and objectives that Numba cannot compile for them."""

import collections
import warnings

import numpy as np
import pytest
from comparisons import assert_same
from numba import njit
from parameters import some

from fastmomentum import CompilationWarning, minimize

# -- args ------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", ["a", "b"])


@njit
def with_vector(x, a):
    total = 0.0
    for i in range(x.size):
        total += (x[i] - a[i]) ** 2
    return total


@njit
def with_matrix(x, a):
    total = 0.0
    for i in range(a.shape[0]):
        row = 0.0
        for j in range(a.shape[1]):
            row += a[i, j] * x[j]
        total += (row - 1.0) ** 2
    return total


@njit
def with_number(x, a):
    return (x[0] - a) ** 2 + x[1] ** 2


@njit
def with_flag(x, a):
    return (x[0] - 1.0) ** 2 + x[1] ** 2 if a else (x[0] + 1.0) ** 2 + x[1] ** 2


@njit
def with_tuple(x, a):
    return (x[0] - a[0]) ** 2 + (x[1] - a[1]) ** 2


@njit
def with_nested(x, a):
    return (x[0] - a[0][0]) ** 2 + (x[1] - a[1][0][1]) ** 2 + a[0][1][0]


@njit
def with_named(x, a):
    return (x[0] - a.a) ** 2 + (x[1] - a.b[0]) ** 2


@njit
def with_text(x, a):
    return (x[0] - 1.0) ** 2 + x[1] ** 2 if a == "plus" else (x[0] + 1.0) ** 2 + x[1] ** 2


@njit
def with_none(x, a):
    return (x[0] - 1.0) ** 2 + x[1] ** 2 if a is None else x[0] ** 2


@njit
def with_record(x, a):
    return (x[0] - a["low"]) ** 2 + (x[1] - a["high"]) ** 2


MATRIX = np.array([[1.0, 0.5], [0.2, 1.0], [0.1, -0.3]])
RECORD = np.array([(1.5, -0.5)], dtype=[("low", "f8"), ("high", "f8")])
READ_ONLY = np.array([1.0, 2.0])
READ_ONLY.flags.writeable = False

ARGS = {
    "vector": (with_vector, np.array([1.0, -2.0])),
    "float32 vector": (with_vector, np.array([1.0, -2.0], np.float32)),
    "int vector": (with_vector, np.array([1, -2])),
    "bool vector": (with_vector, np.array([True, False])),
    "read-only vector": (with_vector, READ_ONLY),
    "strided vector": (with_vector, np.arange(8.0)[1::4]),
    "reversed vector": (with_vector, np.arange(2.0)[::-1]),
    "C matrix": (with_matrix, MATRIX),
    "F matrix": (with_matrix, np.asfortranarray(MATRIX)),
    "strided matrix": (with_matrix, np.repeat(MATRIX, 2, axis=1)[:, ::2]),
    "float": (with_number, 2.5),
    "float32": (with_number, np.float32(2.5)),
    "int": (with_number, 3),
    "int8": (with_number, np.int8(3)),
    "true": (with_flag, True),
    "false": (with_flag, False),
    "numpy bool": (with_flag, np.bool_(True)),
    "tuple": (with_tuple, (1.0, -2.0)),
    "mixed tuple": (with_tuple, (1, -2.0)),
    "tuple of float32": (with_tuple, (np.float32(1.5), 2)),
    "nested tuple": (with_nested, ((1.0, np.array([0.5])), ((2, 3.0), "x"))),
    "namedtuple": (with_named, Point(1, np.array([2.0]))),
    "plus": (with_text, "plus"),
    "minus": (with_text, "minus"),
    "none": (with_none, None),
    "record": (with_record, RECORD[0]),
}


OFTEN = ("float32 vector", "int vector", "read-only vector", "strided matrix", "int", "numpy bool",
         "nested tuple", "namedtuple", "plus", "none", "record")  # fmt: skip


@pytest.mark.parametrize("kind", some(ARGS, OFTEN))
def test_args_of_every_kind(kind):
    fun, value = ARGS[kind]
    res = minimize(
        fun, [3.0, 4.0], args=(value,), options={"learning_rate": 0.05, "backend": "numba"}
    )
    python = minimize(fun.py_func, [3.0, 4.0], args=(value,), options={"learning_rate": 0.05})
    assert res.success and python.success
    assert (res.backend, python.backend) == ("numba", "python")
    np.testing.assert_allclose(res.x, python.x, rtol=1e-4, atol=1e-4)


def test_one_argument_needs_no_tuple():
    a = np.array([1.0, -2.0])
    options = {"learning_rate": 0.05}
    assert_same(
        minimize(with_vector, [3.0, 4.0], args=a, options=options),
        minimize(with_vector, [3.0, 4.0], args=(a,), options=options),
    )


def test_changed_args_are_seen_at_once():
    """Nothing of the values is kept from one call to the next."""
    options = {"learning_rate": 0.05}
    for target in (1.0, -4.0, 2.5):
        a = np.full(2, target)
        res = minimize(with_vector, [3.0, 4.0], args=(a,), options=options)
        np.testing.assert_allclose(res.x, a, atol=1e-4)
        assert minimize(
            with_number, [3.0, 4.0], args=(target,), options=options
        ).x[0] == pytest.approx(target, abs=1e-4)  # fmt: skip


def test_types_of_args_may_change_between_calls():
    options = {"learning_rate": 0.05, "backend": "numba"}
    for a in (2, 2.0, np.float32(2.0), True, 2):
        res = minimize(with_number, [3.0, 4.0], args=(a,), options=options)
        assert res.x[0] == pytest.approx(float(a), abs=1e-4)


def test_args_are_not_modified():
    a, before = MATRIX.copy(), MATRIX.copy()
    minimize(with_matrix, [3.0, 4.0], args=(a,), options={"learning_rate": 0.05})
    assert np.array_equal(a, before)


# -- what functions take and return ----------------------------------------------------------------


def plain_fun(x):
    return (x[0] - 2.0) * (x[0] - 2.0)


def plain_jac(x):
    return 2.0 * (x - 2.0)


# -- objectives that Numba cannot compile ----------------------------------------------------------


@njit
def takes_dict(x, a):
    return (x[0] - a["target"]) ** 2


@njit
def takes_object(x, a):
    return (x[0] - a.target) ** 2


class Holder:
    target = 2.0


@pytest.mark.parametrize(
    ("fun", "args"),
    [
        (takes_dict, ({"target": 2.0},)),
        (takes_object, (Holder(),)),
        (takes_object, (Holder,)),
        (with_vector, (np.array([2.0], dtype=object),)),
        (with_vector, ([],)),
        (with_vector, (np.array(["2"]),)),
    ],
)
def test_untypable_args(fun, args):
    """One warning of one line, and the answer of Python; or an error, if asked for."""
    options = {"learning_rate": 0.1}
    expected = None
    try:
        expected = minimize(fun.py_func, [5.0], args=args, options=options)
    except Exception as error:
        with warnings.catch_warnings(), pytest.raises(type(error)):
            warnings.simplefilter("ignore", CompilationWarning)
            minimize(fun, [5.0], args=args, options=options)
    if expected is not None:
        with pytest.warns(CompilationWarning) as caught:
            res = minimize(fun, [5.0], args=args, options=options)
        (warning,) = caught
        assert_same(res, expected)
        assert res.backend == "python"
        assert "\n" not in str(warning.message)
        assert len(str(warning.message)) < 400
        assert warning.filename == __file__
    with pytest.raises(TypeError) as error:
        minimize(fun, [5.0], args=args, options={**options, "backend": "numba"})
    assert len(str(error.value)) < 600
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_untypable_jac():
    @njit
    def jac(x):
        return x.no_such_attribute

    with pytest.raises(TypeError) as error:
        minimize(plain_compiled, [5.0], jac=jac, options={"learning_rate": 0.1, "backend": "numba"})
    assert "jac" in str(error.value)
    assert len(str(error.value)) < 600


plain_compiled = njit(plain_fun)


def test_compiled_fun_with_a_python_gradient():
    res = minimize(plain_compiled, [5.0], jac=plain_jac, options={"learning_rate": 0.1})
    assert res.success and res.backend == "python"
    with pytest.raises(TypeError, match="jac must be a Numba function"):
        minimize(
            plain_compiled, [5.0], jac=plain_jac,
            options={"learning_rate": 0.1, "backend": "numba"},
        )  # fmt: skip
    with pytest.raises(TypeError, match="fun must be a Numba function"):
        minimize(plain_fun, [5.0], options={"learning_rate": 0.1, "backend": "numba"})
