"""Every way to pass an objective gives the same run, and every wrong way an error."""

import collections
import ctypes
import functools
import itertools
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import warnings

import numba
import numpy as np
import objectives
import pytest
from cases import (
    ANALYTIC,
    AUTOMATIC_CASES,
    CASES,
    METHODS,
    PROBLEMS,
    SMALL_RATES,
    STYLES,
    options_of,
)
from comparisons import assert_same
from numba import njit
from parameters import some
from processes import run_here, run_python
from scipy import LowLevelCallable

from fastmomentum import CompilationWarning, minimize

FEW = {"maxiter": 40}


def both(fun, x0, **kwargs):
    """The compiled run and the one in Python, which must be the same."""
    options = {"learning_rate": 0.1, **kwargs.pop("options", {})}
    compiled = minimize(fun, x0, options={**options, "backend": "numba"}, **kwargs)
    python = minimize(fun, x0, options={**options, "backend": "python"}, **kwargs)
    assert (compiled.backend, python.backend) == ("numba", "python")
    assert_same(compiled, python)
    return compiled


# -- compiled == Python, over methods, styles and dtypes -------------------------------------------


@pytest.mark.parametrize(
    ("how", "dtype"),
    some(
        itertools.product(STYLES, [np.float64, np.float32]),
        lambda how, dtype: dtype == np.float64 or how in ("fused", "2-point"),
    ),
)
@pytest.mark.parametrize("method", METHODS)
def test_compiled_is_python_bit_for_bit(method, how, dtype):
    x0, args = PROBLEMS["quadratic"].in_dtype(dtype)
    fun, jac = objectives.style("quadratic", how)
    res = both(fun, x0, args=args, jac=jac, method=method, options=options_of(method, **FEW))
    assert res.x.dtype == res.jac.dtype == dtype
    assert type(res.fun) is float
    assert res.fun < objectives.quadratic_fun(x0, *args)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_styles_give_the_same_bits(method, dtype):
    x0, args = PROBLEMS["logistic"].in_dtype(dtype)
    runs = []
    for how in ANALYTIC:
        fun, jac = objectives.style("logistic", how)
        options = options_of(method, "logistic", **FEW)
        runs.append(minimize(fun, x0, args=args, jac=jac, method=method, options=options))
    for other in runs[1:]:
        assert_same(runs[0], other)


@pytest.mark.parametrize(
    ("case", "how"),
    some(
        itertools.product((*CASES, *AUTOMATIC_CASES), STYLES),
        lambda case, how: case.problem == "quadratic" or how in ("fused", "2-point"),
    ),
    ids=lambda value: getattr(value, "id", value),
)
def test_reaches_the_minimum(case, how):
    problem = PROBLEMS[case.problem]
    excluded = dict(problem.excluded)
    if case.skip or how in excluded:
        pytest.skip(case.skip or excluded[how])
    fun, jac = objectives.style(problem.name, how)
    res = minimize(
        fun, problem.x0, args=problem.args, jac=jac, method=case.method, options=case.options
    )
    assert res.success, res.message
    assert res.backend == "numba"
    np.testing.assert_allclose(res.x, problem.x_min, atol=case.atol)
    assert np.abs(res.jac).max() == res.grad_norm <= 1e-5


def test_without_numba_the_bits_are_the_same():
    """``NUMBA_DISABLE_JIT=1`` runs the loops as Python."""
    code = """
    import sys
    import numpy as np, objectives
    from cases import METHODS, PROBLEMS, options_of
    from fastmomentum import minimize
    for name in ("quadratic", "rosenbrock"):
        problem = PROBLEMS[name]
        for method in METHODS:
            for how in ("returning", "in_place", "pair", "fused", "2-point", "3-point", "cs"):
                fun, jac = objectives.style(name, how)
                for more in ({}, {"norm": 2}, {"history": True, "ftol": 1e-3, "xtol": 1e-5}):
                    options = options_of(method, name, **{**more, "maxiter": 12})
                    res = minimize(
                        fun, problem.x0, args=problem.args, jac=jac, method=method, options=options
                    )
                    bits = (res.x.tobytes() + res.jac.tobytes()).hex()
                    counts = (res.nit, res.nfev, res.njev)
                    sys.stdout.write(f"{name} {method} {how} {more} {bits} {res.fun.hex()} "
                                     f"{res.status} {counts} {res.grad_norm.hex()}\\n")
    """
    with_numba = run_here(code).splitlines()
    without = run_python(code, env={"NUMBA_DISABLE_JIT": "1"}).stdout.splitlines()
    assert len(with_numba) == 2 * len(METHODS) * 7 * 3
    assert with_numba == without


@pytest.mark.parametrize(
    "methods",
    some(("momentum nesterov gd adam", " ".join(METHODS)), ("momentum nesterov gd adam",)),
    ids=("some", "all"),
)
def test_without_numba_the_loops_are_as_silent(methods):
    """Warnings are errors here: the loop meets inf - inf, overflows and 0 / 0 without one."""
    code = """
    import math, sys
    import numpy as np
    from fastmomentum import minimize
    from cases import AUTOMATIC

    def barrier(x):
        if x.min() <= 0.0:
            return math.inf, np.full(4, math.nan, x.dtype)
        return float((x - [math.log(v) for v in x]).sum()), 1 - 1 / x

    def steep(x):
        if np.abs(x).max() > 20.0:
            return math.inf, np.full(4, math.inf)
        e = np.exp(x * x)
        return float(e.sum()), 2.0 * x * e

    for method in METHODS.split():
        options = {"maxiter": 9} if method in AUTOMATIC else {"learning_rate": 0.01, "maxiter": 9}
        for dtype in (np.float64, np.float32):
            x0 = np.array([1e-3, 9.0, 2.0, 0.5], dtype)
            res = minimize(barrier, x0, jac=True, method=method, options=options)
            sys.stdout.write(f"{res.status} ")
        res = minimize(steep, np.full(4, 20.0), jac=True, method=method, options=options)
        sys.stdout.write(f"{res.status} ")
        res = minimize(lambda x: (x[0], np.ones(1)), [0.0], jac=True, method=method,
                       options={"learning_rate": 1e200, "gtol": 0.0})
        sys.stdout.write(f"{res.status} {method}\\n")
    """
    code = f"METHODS = {methods!r}\n{textwrap.dedent(code)}"
    without = run_python(code, env={"NUMBA_DISABLE_JIT": "1"}).stdout
    assert len(without.splitlines()) == len(methods.split())
    assert without == run_here(code)


@pytest.mark.parametrize("order", [1, 2, 3, 2.5, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_norms(order, dtype):
    x0, args = PROBLEMS["quadratic"].in_dtype(dtype)
    fun, jac = objectives.style("quadratic", "fused")
    options = options_of("momentum", norm=order, gtol=0.01)
    res = both(fun, x0, args=args, jac=jac, options=options)
    assert res.success
    norm = np.linalg.norm(res.jac.astype(np.float64), order)
    assert res.grad_norm == pytest.approx(norm, rel=1e-6)
    assert res.grad_norm <= 0.01
    # One iteration earlier it was not met.
    before = minimize(
        fun, x0, args=args, jac=jac, options={**options, "maxiter": res.nit - 1, "history": True}
    )
    assert not before.success
    assert before.history["grad_norm"][-1] > 0.01


@pytest.mark.parametrize("scale", [1e25, 1e-25])
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_norms_of_float32_neither_overflow_nor_vanish(order, scale):
    d, b = np.full(2, scale, np.float32), np.zeros(2, np.float32)
    fun, jac = objectives.style("quadratic", "fused")
    options = {"learning_rate": 1e-3 / scale, "momentum": 0.0, "norm": order, "history": True}
    res = minimize(
        fun, np.array([3.0, 4.0], np.float32), args=(d, b), jac=jac,
        options={**options, "gtol": 0.0, "maxiter": 2},
    )  # fmt: skip
    assert res.status == 1, res.message
    expected = np.linalg.norm([3.0 * scale, 4.0 * scale], order)
    assert res.history["grad_norm"][0] == pytest.approx(expected, rel=1e-5)


# -- float32 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", STYLES)
def test_float32_stays_float32(how):
    """With a Python objective too, which records what it is given."""
    seen = set()
    fun, jac = objectives.style("quadratic", how)
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float32)

    def watched(x, *rest):
        seen.add(x.dtype)
        return fun(x, *rest)

    if how == "fused":

        def watched(x, out, d, b):
            seen.update({x.dtype, out.dtype})
            return fun(x, out, d, b)

    vectors = []
    options = options_of("nesterov", return_all=True, **FEW)
    res = minimize(
        watched, x0, args=args, jac=jac, method="nesterov", options=options,
        callback=vectors.append,
    )  # fmt: skip
    expected = {np.dtype(np.float32)} | ({np.dtype(np.complex64)} if how == "cs" else set())
    assert seen == expected
    assert {v.dtype for v in [res.x, res.jac, *vectors, *res.allvecs]} == {np.dtype(np.float32)}


def test_float32_differences_are_scaled_to_the_dtype():
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float32)
    for how, tolerance in (("2-point", 2e-2), ("3-point", 2e-3), ("cs", 1e-5)):
        fun, jac = objectives.style("quadratic", how)
        res = minimize(fun, x0, args=args, jac=jac, options={"learning_rate": 0.1, "maxiter": 0})
        exact = objectives.quadratic_jac(x0, *args)
        np.testing.assert_allclose(res.jac, exact, rtol=tolerance, atol=tolerance)


# -- C functions -----------------------------------------------------------------------------------


C_SOURCE = r"""
#include <math.h>
/* sum of w_i (x_i - c)^2 with w_i = 1 + i; c is 1, or *user_data */
static double centre(void *user_data) { return user_data ? *(double *)user_data : 1.0; }
double fun_c(int n, double *x, void *user_data) {
    double total = 0.0, c = centre(user_data);
    for (int i = 0; i < n; i++) total += (1.0 + i) * (x[i] - c) * (x[i] - c);
    return total;
}
void jac_c(int n, double *x, double *g, void *user_data) {
    double c = centre(user_data);
    for (int i = 0; i < n; i++) g[i] = 2.0 * (1.0 + i) * (x[i] - c);
}
double fused_c(int n, double *x, double *g, void *user_data) {
    jac_c(n, x, g, user_data);
    return fun_c(n, x, user_data);
}
"""
DOUBLES = ctypes.POINTER(ctypes.c_double)
PLAIN = {
    "fun_c": ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES),
    "jac_c": ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, DOUBLES),
    "fused_c": ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES, DOUBLES),
}
WITH_DATA = {
    "fun_c": ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES, ctypes.c_void_p),
    "jac_c": ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, DOUBLES, ctypes.c_void_p),
    "fused_c": ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES, DOUBLES, ctypes.c_void_p),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("c")
    (folder / "objective.c").write_text(C_SOURCE)
    command = [compiler, "-O1", "-ffp-contract=off", "-shared", "-fPIC", "objective.c"]
    subprocess.run([*command, "-o", "objective.so", "-lm"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "objective.so"))


def c_callable(library, name, data=None):
    prototype = (PLAIN if data is None else WITH_DATA)[name]
    function = prototype((name, library))
    if data is None:
        return LowLevelCallable(function)
    return LowLevelCallable(function, ctypes.cast(data, ctypes.c_void_p))


@njit
def weighted_fun(x, c):
    total = 0.0
    for i in range(x.size):
        total += (1.0 + i) * (x[i] - c) * (x[i] - c)
    return total


@njit
def weighted_jac(x, c):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = 2.0 * (1.0 + i) * (x[i] - c)
    return out


@pytest.mark.parametrize("how", ["in_place", "fused", "2-point", "3-point", None])
@pytest.mark.parametrize("with_data", [True, False], ids=["user_data", "plain"])
def test_c_functions(library, how, with_data):
    # Without user_data only functions that do not read it can be declared without it.
    c = ctypes.c_double(-2.5) if with_data else ctypes.c_double(1.0)
    data = ctypes.pointer(c)
    fun = c_callable(library, "fused_c" if how == "fused" else "fun_c", data)
    jac = {"fused": True, "in_place": c_callable(library, "jac_c", data)}.get(how, how)
    x0 = [3.0, -1.0, 0.5]
    options = {"learning_rate": 0.05, "momentum": 0.6}
    res = minimize(fun, x0, jac=jac, options=options)
    assert res.success and res.backend == "numba"
    np.testing.assert_allclose(res.x, np.full(3, c.value), atol=1e-4)
    python = minimize(
        weighted_fun, x0, args=(c.value,), jac=how if isinstance(how, str | None) and how not in (
            "in_place", "fused") else weighted_jac, options=options,
    )  # fmt: skip
    assert_same(res, python, ("fun", "nit", "status", "njev"))


def test_c_functions_keep_their_user_data_apart(library):
    """fun and jac may have different data; other values are used at the next call."""
    left, right = ctypes.c_double(2.0), ctypes.c_double(2.0)
    fun = c_callable(library, "fun_c", ctypes.pointer(left))
    jac = c_callable(library, "jac_c", ctypes.pointer(right))
    options = {"learning_rate": 0.1, "maxiter": 3}
    first = minimize(fun, [5.0], jac=jac, options=options)
    right.value = -7.0
    second = minimize(fun, [5.0], jac=jac, options=options)
    assert first.jac[0] == 2.0 * (first.x[0] - 2.0)
    assert second.jac[0] == 2.0 * (second.x[0] + 7.0)
    assert second.fun == (second.x[0] - 2.0) ** 2


@numba.cfunc("f8(intc, CPointer(f8))")
def cfunc_fun(n, x):
    return (x[0] - 1.0) * (x[0] - 1.0) + 3.0 * x[1] * x[1]


@numba.cfunc("void(intc, CPointer(f8), CPointer(f8))")
def cfunc_jac(n, x, g):
    g[0] = 2.0 * (x[0] - 1.0)
    g[1] = 6.0 * x[1]


@numba.cfunc("f8(intc, CPointer(f8), CPointer(f8))")
def cfunc_fused(n, x, g):
    g[0] = 2.0 * (x[0] - 1.0)
    g[1] = 6.0 * x[1]
    return (x[0] - 1.0) * (x[0] - 1.0) + 3.0 * x[1] * x[1]


@numba.cfunc("f8(intc, CPointer(f8), voidptr)")
def cfunc_data(n, x, data):
    values = numba.carray(data, 2, np.float64)
    return (x[0] - values[0]) ** 2 + (x[1] - values[1]) ** 2


def test_cfuncs():
    options = {"learning_rate": 0.05}
    runs = [
        minimize(cfunc_fun, [3.0, 4.0], jac=cfunc_jac, options=options),
        minimize(cfunc_fused, [3.0, 4.0], jac=True, options=options),
        minimize(
            LowLevelCallable(cfunc_fun.ctypes), [3.0, 4.0],
            jac=LowLevelCallable(cfunc_jac.ctypes), options=options,
        ),
    ]  # fmt: skip
    for res in runs:
        assert res.success
        assert_same(runs[0], res)
    res = minimize(cfunc_fun, [3.0, 4.0], jac="3-point", options=options)
    np.testing.assert_allclose(res.x, [1.0, 0.0], atol=1e-5)
    values = np.array([0.5, -3.0])
    data = LowLevelCallable(cfunc_data.ctypes, values.ctypes.data_as(ctypes.c_void_p))
    res = minimize(data, [3.0, 4.0], options=options)
    np.testing.assert_allclose(res.x, values, atol=1e-4)


@pytest.mark.parametrize(
    ("fun", "jac", "kwargs", "message"),
    [
        (cfunc_fun, "cs", {}, "cs"),
        (cfunc_fun, True, {}, "signature"),
        (cfunc_jac, None, {}, "signature"),
        (cfunc_fun, cfunc_fun, {}, "signature"),
        (cfunc_fun, cfunc_jac, {"args": (1.0,)}, "user_data"),
        (cfunc_fun, weighted_jac, {}, "C function"),
        (weighted_fun, cfunc_jac, {"args": (1.0,)}, "C function"),
        (cfunc_fun, lambda x: x, {}, "jac"),
        (lambda x: x @ x, cfunc_jac, {}, "fun"),
        (cfunc_fun, cfunc_jac, {"options": {"backend": "python"}}, "python"),
        (LowLevelCallable(cfunc_fun.ctypes), None, {"options": {"backend": "python"}}, "python"),
    ],
)
def test_c_functions_that_do_not_fit(fun, jac, kwargs, message):
    """One line that says what is wrong, never Numba's or Python's own internals."""
    kwargs = dict(kwargs)
    options = {"learning_rate": 0.1, **kwargs.pop("options", {})}
    with pytest.raises((TypeError, ValueError), match=message) as error:
        minimize(fun, [3.0, 4.0], jac=jac, options=options, **kwargs)
    assert len(str(error.value)) < 400


def test_c_functions_take_double_only():
    with pytest.raises(TypeError, match="float64"):
        minimize(cfunc_fun, np.ones(2, np.float32), jac=cfunc_jac, options={"learning_rate": 0.1})


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


@njit
def default_fun(x, a=2.0):
    return (x[0] - a) * (x[0] - a)


@njit
def default_jac(x, a=2.0):
    return 2.0 * (x - a)


@njit
def starred_fun(x, *args):
    return (x[0] - args[0]) * (x[0] - args[0]) + args[1]


@njit
def starred_jac(x, *args):
    return 2.0 * (x - args[0])


@njit("f8(f8[::1])")
def declared_fun(x):
    return (x[0] - 2.0) * (x[0] - 2.0)


@njit("f8[::1](f8[::1])")
def declared_jac(x):
    return 2.0 * (x - 2.0)


@njit("f8(f8[:])")
def any_layout_fun(x):
    return (x[0] - 2.0) * (x[0] - 2.0)


@njit("f8[:](f8[:])")
def any_layout_jac(x):
    return 2.0 * (x - 2.0)


def plain_fun(x):
    return (x[0] - 2.0) * (x[0] - 2.0)


def plain_jac(x):
    return 2.0 * (x - 2.0)


@pytest.mark.parametrize(
    ("fun", "jac", "args"),
    [
        (default_fun, default_jac, ()),
        (default_fun, default_jac, (2.0,)),
        (default_fun, None, ()),
        (starred_fun, starred_jac, (2.0, 0.0)),
        (starred_fun, "3-point", (2.0, 0.0)),
        (declared_fun, declared_jac, ()),
        (any_layout_fun, any_layout_jac, ()),
        (declared_fun, "2-point", ()),
    ],
)
def test_parameters_of_every_kind(fun, jac, args):
    res = both(fun, [5.0], args=args, jac=jac, options={"momentum": 0.5}) if callable(
        jac
    ) else minimize(fun, [5.0], args=args, jac=jac, options={
        "learning_rate": 0.1, "momentum": 0.5, "backend": "numba"})  # fmt: skip
    assert res.success
    assert res.x[0] == pytest.approx(2.0, abs=1e-4)


@njit
def returns_int(x):
    return int(x[0] * 1000.0) ** 2


@njit
def returns_float32(x):
    return np.float32((x[0] - 2.0) ** 2)


@njit
def returns_vector_of_one(x):
    return (x - 2.0) ** 2


@njit
def returns_zero_dimensions(x):
    return np.array((x[0] - 2.0) ** 2)


@njit
def returns_bool(x):
    return x[0] > 100.0


@njit
def returns_list(x):
    return [2.0 * (x[0] - 2.0)]


@njit
def returns_tuple(x):
    return (2.0 * (x[0] - 2.0),)


@njit
def returns_scalar(x):
    return 2.0 * (x[0] - 2.0)


@njit
def returns_float32_vector(x):
    return (2.0 * (x - 2.0)).astype(np.float32)


@njit
def returns_int_vector(x):
    return np.array([4 if x[0] > 2.0 else -4])


@njit
def returns_slice(x):
    z = np.empty(2 * x.size)
    z[::2] = 2.0 * (x - 2.0)
    return z[::2]


@njit
def returns_x(x):
    return x


@njit
def half_square(x):
    return 0.5 * x[0] * x[0]


@njit
def declared_target(x):
    return (x[0] - 2.0) ** 2


@pytest.mark.parametrize(
    "fun",
    [
        returns_float32,
        returns_vector_of_one,
        returns_zero_dimensions,
        returns_int,
        returns_bool,
    ],
    ids=lambda f: f.__name__,
)
def test_values_of_every_kind(fun):
    options = {"learning_rate": 0.05, "maxiter": 20, "gtol": 0.0}
    res = both(fun, [5.0], jac=default_jac, options=options)
    assert type(res.fun) is float
    assert res.fun == float(np.asarray(fun(res.x)).item())


@pytest.mark.filterwarnings("ignore:the gradient is float32")
@pytest.mark.parametrize(
    "jac",
    [
        returns_list,
        returns_tuple,
        returns_scalar,
        returns_float32_vector,
        returns_int_vector,
        returns_slice,
    ],
    ids=lambda f: f.__name__,
)
def test_gradients_of_every_kind(jac):
    options = {"learning_rate": 0.05, "maxiter": 20}
    res = both(declared_target, [5.0], jac=jac, options=options)
    assert res.jac.dtype == np.float64
    assert res.jac[0] == pytest.approx(np.ravel(jac(res.x))[0], rel=1e-6)


def test_a_gradient_that_is_x_itself():
    res = both(half_square, [5.0], jac=returns_x, method="gd")
    assert res.success
    assert np.array_equal(res.jac, res.x)
    assert res.nit == int(np.ceil(np.log(5.0 / 1e-5) / -np.log(0.9)))


@njit
def pair_of_list(x):
    return (x[0] - 2.0) ** 2, [2.0 * (x[0] - 2.0)]


@njit
def pair_of_float32(x):
    return np.float32((x[0] - 2.0) ** 2), (2.0 * (x - 2.0)).astype(np.float32)


@njit
def pair_of_int(x):
    return 1, 2.0 * (x - 2.0)


@pytest.mark.filterwarnings("ignore:the gradient is float32")
@pytest.mark.parametrize("fun", [pair_of_list, pair_of_float32, pair_of_int])
def test_pairs_of_every_kind(fun):
    res = both(fun, [5.0], jac=True, options={"momentum": 0.5, "maxiter": 30})
    assert res.fun == float(fun(res.x)[0])


def test_compiling_does_not_change_what_the_function_returns():
    """After a run the user's functions still return what they did."""

    @njit
    def count(x):
        return int(x[0])

    @njit
    def single(x):
        return np.float32(x[0])

    for fun, kind in ((count, int), (single, np.float32)):
        fresh = njit(fun.py_func)
        expected = type(fresh(np.ones(1)))
        minimize(fun, [1.0], jac=returns_x, options={"learning_rate": 0.1, "maxiter": 1})
        assert type(fun(np.ones(1))) is expected, kind


def test_methods_partials_and_callables():
    class Model:
        def fun(self, x, a):
            return (x[0] - a) ** 2

        def jac(self, x, a):
            return 2.0 * (x - a)

        def fill(self, x, out, a):
            out[:] = 2.0 * (x - a)

        __call__ = fun

    model = Model()
    runs = [
        minimize(fun, [5.0], args=(2.0,), jac=jac, options={"learning_rate": 0.1})
        for fun, jac in (
            (model.fun, model.jac),
            (model, model.fill),
            (functools.partial(Model.fun, model), functools.partial(Model.fill, model)),
        )
    ]
    assert runs[0].success
    for res in runs[1:]:
        assert_same(runs[0], res)


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


# -- errors ----------------------------------------------------------------------------------------


@njit
def raises_below(x, limit):
    if x[0] < limit:
        raise ValueError("too low")
    return x[0] * x[0]


@njit
def doubled(x, limit):
    return 2.0 * x


@njit
def raising_fused(x, out, limit):
    if x[0] < limit:
        raise ValueError("too low")
    out[0] = 2.0 * x[0]
    return x[0] * x[0]


@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("how", ["returning", "fused", "2-point"])
@pytest.mark.parametrize("method", METHODS)
def test_exceptions_carry_the_best_point(method, how, backend, history):
    fun = raising_fused if how == "fused" else raises_below
    jac = {"returning": doubled, "fused": True}.get(how, how)
    options = {"learning_rate": SMALL_RATES[method], "backend": backend, "history": history}
    with pytest.raises(ValueError, match="too low") as error:
        minimize(fun, [5.0], args=(1.0,), jac=jac, method=method, options=options)
    res = error.value.result
    assert not res.success
    assert 1.0 <= res.x[0] < 1.5
    assert res.fun == res.x[0] * res.x[0]
    assert res.nit > 2
    assert "too low" in res.message
    exact = minimize(
        fun, [5.0], args=(1.0,), jac=jac, method=method, options={**options, "maxiter": res.nit}
    )
    assert np.array_equal(res.x, exact.x)
    assert res.fun == exact.fun
    if history:
        for name in ("fun", "grad_norm", "learning_rate"):
            assert np.array_equal(res.history[name], exact.history[name], equal_nan=True), name


def test_exceptions_leave_the_next_run_alone():
    good = minimize(
        raises_below, [5.0], args=(-100.0,), jac=doubled, options={"learning_rate": 0.1}
    )
    with pytest.raises(ValueError, match="too low"):
        minimize(raises_below, [5.0], args=(1.0,), jac=doubled, options={"learning_rate": 0.1})
    again = minimize(
        raises_below, [5.0], args=(-100.0,), jac=doubled, options={"learning_rate": 0.1}
    )
    assert_same(good, again)


def test_in_place_gradient_of_zero():
    """Zero is a gradient, and 0 * x may be written at a minimum."""
    fun, jac = objectives.style("sphere", "fused")
    res = minimize(fun, np.ones(3), jac=jac, options={"learning_rate": 0.1})
    assert res.success and res.nit == 0
    assert np.array_equal(res.jac, np.zeros(3))


# -- differences and complex step ------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("how", ["2-point", "3-point", "cs"])
def test_differences_are_gradients(how, backend, rng):
    tolerance = {"2-point": 2e-6, "3-point": 1e-8, "cs": 1e-14}[how]
    x0 = np.concatenate([rng.standard_normal(5), [0.0, -1e3, 1e3]])
    res = minimize(
        objectives.rosenbrock_fun, x0, jac=how,
        options={"learning_rate": 1e-9, "maxiter": 0, "backend": backend},
    )  # fmt: skip
    exact = objectives.rosenbrock_jac(x0)
    assert np.abs(res.jac - exact).max() <= tolerance * np.abs(exact).max()


@njit
def smooth(x):
    return np.exp(x[0]) * np.sin(x[1]) + np.sqrt(x[0] ** 2 + 1.0) / (2.0 + np.cos(x[1]))


@njit
def absolute(x):
    total = x[0] * 0.0
    for i in range(x.size):
        total += abs(x[i] - 0.5)
    return total


@njit
def norm_of_x(x):
    return np.sqrt(np.sum(np.abs(x) ** 2))


@njit
def conjugated(x):
    return np.sum(x * np.conj(x)) + 0.0 * x[0]


@njit
def real_part(x):
    return x[0] ** 2 + x[1].real ** 2


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: f.py_func], ids=["njit", "python"])
def test_complex_step_on_smooth_functions(wrap):
    x0 = np.array([0.3, -1.2])
    options = {"learning_rate": 0.01, "maxiter": 0}
    cs = minimize(wrap(smooth), x0, jac="cs", options=options)
    central = minimize(wrap(smooth), x0, jac="3-point", options=options)
    np.testing.assert_allclose(cs.jac, central.jac, rtol=1e-9)


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: f.py_func], ids=["njit", "python"])
@pytest.mark.parametrize(
    "fun", [absolute, norm_of_x, conjugated, real_part], ids=lambda f: f.__name__
)
def test_complex_step_is_refused_where_it_is_wrong(fun, wrap):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompilationWarning)
        with pytest.raises((ValueError, TypeError), match="cs"):
            minimize(wrap(fun), [3.0, 4.0], jac="cs", options={"learning_rate": 0.1})


# -- counts ----------------------------------------------------------------------------------------


class Counting:
    """A Python objective that counts its own calls."""

    def __init__(self, how):
        self.fun_calls = self.jac_calls = 0
        fun, jac = objectives.style("quadratic", how)
        self._fun, self._jac = fun, jac
        self.jac = {"returning": self.returning, "in_place": self.filling}.get(how, jac)
        self.fun = self.fused if how == "fused" else self.value

    def value(self, x, d, b):
        self.fun_calls += 1
        return self._fun(x, d, b)

    def fused(self, x, out, d, b):
        self.fun_calls += 1
        return self._fun(x, out, d, b)

    def returning(self, x, d, b):
        self.jac_calls += 1
        return self._jac(x, d, b)

    def filling(self, x, out, d, b):
        self.jac_calls += 1
        self._jac(x, out, d, b)


@pytest.mark.parametrize("watch", ["plain", "x", "result"])
@pytest.mark.parametrize("how", STYLES)
@pytest.mark.parametrize("method", METHODS)
def test_counts_are_calls(method, how, watch):
    problem = PROBLEMS["quadratic"]
    counting = Counting(how)
    callback = {
        "plain": None, "x": lambda x: None, "result": lambda intermediate_result: None
    }[watch]  # fmt: skip
    res = minimize(
        counting.fun, problem.x0, args=problem.args, jac=counting.jac, method=method,
        options=options_of(method, maxiter=7), callback=callback,
    )  # fmt: skip
    assert res.nit == 7
    assert res.nfev == counting.fun_calls
    if how in ("returning", "in_place"):
        assert res.njev == counting.jac_calls
    evaluations = 8 + (7 if method == "nesterov" and watch == "result" else 0)
    assert res.njev >= evaluations


@pytest.mark.parametrize("how", STYLES)
def test_compiled_counts_are_calls(how):
    """`calls` is written by the compiled functions."""

    @njit
    def fun(x, calls):
        calls[0] += 1
        return x[0] ** 2

    @njit
    def jac(x, calls):
        calls[1] += 1
        return 2.0 * x

    @njit
    def fill(x, out, calls):
        calls[1] += 1
        out[0] = 2.0 * x[0]

    @njit
    def pair(x, calls):
        calls[0] += 1
        return x[0] ** 2, 2.0 * x

    @njit
    def fused(x, out, calls):
        calls[0] += 1
        out[0] = 2.0 * x[0]
        return x[0] ** 2

    calls = np.zeros(2, np.int64)
    options = {"learning_rate": 0.1, "maxiter": 100, "gtol": 0.0, "backend": "numba"}
    chosen = {
        "returning": (fun, jac), "in_place": (fun, fill), "pair": (pair, True),
        "fused": (fused, True),
    }.get(how, (fun, how))  # fmt: skip
    res = minimize(chosen[0], [5.0], args=(calls,), jac=chosen[1], options=options)
    assert res.nit == 100
    assert res.nfev == calls[0]
    if how in ("returning", "in_place"):
        assert res.njev == calls[1]


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("watch", ["plain", "result"])
@pytest.mark.parametrize("how", ["fused", "2-point", "3-point", "cs"])
@pytest.mark.parametrize("method", METHODS)
def test_maxfev_is_never_exceeded(method, how, watch, backend):
    """And the best point of those evaluated is returned, with its value."""
    problem = PROBLEMS["quadratic"]
    fun, jac = objectives.style("quadratic", how)
    callback = None if watch == "plain" else lambda intermediate_result: None
    for maxfev in (1, 5, 6, 7, 20, 33, 40):
        options = options_of(method, maxfev=maxfev, backend=backend)
        res = minimize(
            fun, problem.x0, args=problem.args, jac=jac, method=method, options=options,
            callback=callback,
        )  # fmt: skip
        assert res.status == 7, (maxfev, res)
        assert res.nfev <= maxfev or maxfev <= 16, (maxfev, res.nfev)
        assert np.isfinite(res.fun), (maxfev, res)
        assert res.fun <= objectives.quadratic_fun(np.array(problem.x0), *problem.args)


# -- references and memory -------------------------------------------------------------------------


def test_references_are_released():
    """3,000 calls and 200 that fail leave the reference counts as they were."""
    vector, matrix = np.zeros(5), np.eye(2)
    nested = (vector, (matrix, 1.0), "text")

    @njit
    def fun(x, args, limit):
        if x[0] < limit:
            raise ValueError("too low")
        return (x[0] - args[0][0]) ** 2 + args[1][0][0, 0] * x[1] ** 2

    @njit
    def jac(x, args, limit):
        return 2.0 * (x - args[0][0])

    def call(limit):
        return minimize(
            fun, [3.0, 4.0], args=(nested, limit), jac=jac,
            options={"learning_rate": 0.1, "maxiter": 5, "backend": "numba"},
        )  # fmt: skip

    call(-10.0)
    before = [sys.getrefcount(a) for a in (vector, matrix, nested)]
    for _ in range(3000):
        call(-10.0)
    assert [sys.getrefcount(a) for a in (vector, matrix, nested)] == before
    # Numba itself does not release what a frame holds when an exception leaves it.
    for _ in range(200):
        with pytest.raises(ValueError, match="too low"):
            call(2.9)
    after = [sys.getrefcount(a) for a in (vector, matrix, nested)]
    assert after == before


def resident():
    """Resident memory in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("how", ["fused", "returning"])
def test_memory_of_failing_calls(how):
    n = 100_000
    x0 = np.full(n, 5.0)
    fun, jac = (raising_fused_n, True) if how == "fused" else (raises_below, doubled)

    def fail():
        with pytest.raises(ValueError, match="too low"):
            minimize(fun, x0, args=(4.0,), jac=jac, options={"learning_rate": 0.05})

    for _ in range(20):
        fail()
    before = resident()
    for _ in range(200):
        fail()
    assert resident() - before < 8.0


@njit
def raising_fused_n(x, out, limit):
    if x[0] < limit:
        raise ValueError("too low")
    for i in range(x.size):
        out[i] = 2.0 * x[i]
    return x[0] * x[0]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("how", some(["2-point", "3-point", "cs"], ("2-point", "cs")))
@pytest.mark.parametrize("backend", ["numba", "python"])
def test_memory_of_differences(how, backend):
    """Of the order of n, not of n**2."""
    code = f"""
    import resource
    import numpy as np
    import objectives
    from fastmomentum import minimize

    def run(n):
        minimize(objectives.sphere_fun, np.full(n, 2.0), jac={how!r},
                 options={{"learning_rate": 0.1, "maxiter": 0, "backend": {backend!r}}})

    run(3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(4000)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 40, grown
    """
    run_python(code)


def test_objectives_are_collected():
    """A function defined in a loop does not live for ever."""
    import gc
    import weakref

    def once(shift):
        @njit
        def fun(x):
            return (x[0] - shift) ** 2

        minimize(fun, [3.0], options={"learning_rate": 0.1, "maxiter": 2, "backend": "numba"})
        return weakref.ref(fun)

    references = [once(float(i)) for i in range(3)]
    gc.collect()
    assert [r() for r in references] == [None] * 3


def test_threads_run_side_by_side():
    """Runs of different objectives at the same time do not see each other."""
    problem = PROBLEMS["quadratic"]
    expected, found, errors = {}, {}, []
    jobs = [(m, how) for m in METHODS for how in ANALYTIC]

    def work(method, how):
        fun, jac = objectives.style("quadratic", how)
        return minimize(
            fun, problem.x0, args=problem.args, jac=jac, method=method, options=options_of(method)
        )

    def record(job):
        try:
            for _ in range(20):
                found[job] = work(*job)
                assert_same(found[job], expected[job])
        except BaseException as error:
            errors.append(error)

    for job in jobs:
        expected[job] = work(*job)
    threads = [threading.Thread(target=record, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(found) == len(jobs)
