"""C functions as objectives."""

import ctypes
import shutil
import subprocess

import numba
import numpy as np
import pytest
from comparisons import assert_same
from numba import njit
from scipy import LowLevelCallable

from fastmomentum import minimize

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
