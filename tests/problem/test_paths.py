"""Every way to pass an objective gives the same run, and the same counts."""

import itertools
import textwrap
import warnings

import numpy as np
import objectives
import pytest
from cases import ANALYTIC, AUTOMATIC_CASES, CASES, METHODS, PROBLEMS, STYLES, options_of
from comparisons import assert_same, both
from numba import njit
from parameters import some
from processes import run_here, run_python

from fastmomentum import CompilationWarning, minimize

FEW = {"maxiter": 40}


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
