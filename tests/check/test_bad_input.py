"""Bad and odd input: what is passed, and what comes of it, one row each.

A row changes some arguments of a call that works. Its outcome is an error before anything is
called (`bad`) or while the functions are called (`later`), the result of another call (`like`),
another start (`starts`), or a status (`ends`).
"""

import datetime
import decimal
import fractions
import inspect
import itertools
import math
import re
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import objectives
import pandas as pd
import pytest
import scipy.optimize
import scipy.sparse
from numba import njit
from scipy.optimize import Bounds, LinearConstraint

from fastmomentum import (
    CompilationWarning,
    Status,
    minimize,
    minimize_batch,
    multistart,
    path,
    penalties,
)
from fastmomentum.penalties import L1, TV1D, TV2D, NonNegative, Prox, Simplex

NAN, INF = math.nan, math.inf
MASKED = np.ma.array([0.5, 2.0], mask=[False, True])
SECONDS = np.timedelta64(3, "s")
RATE = {"learning_rate": 0.1}
V, T = ValueError, TypeError  # named in most rows


# -- the calls that work ---------------------------------------------------------------------------


class Spy:
    """A bowl that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return bowl(x)


def bowl(x):
    with np.errstate(all="ignore"):
        return float(np.sum((x - 1.0) * (x - 1.0)))


def gradient(x):
    with np.errstate(all="ignore"):
        return 2.0 * (x - 1.0)


WORKING = {
    minimize: {"x0": (0.0, 0.0), "jac": gradient, "options": RATE},
    minimize_batch: {"X0": np.zeros((4, 2)), "jac": gradient},
    multistart: {"bounds": [(-2.0, 2.0)] * 2, "n_starts": 4, "jac": gradient, "seed": 0},
    path: {"x0": (0.0, 0.0), "penalty": L1, "weights": [1.0, 0.5], "jac": gradient},
}


def call(front, given, spy=None):
    """`front`, with these arguments instead of those of the call that works."""
    return front(**{"fun": spy or Spy(), **WORKING[front], **given})


def assert_equal(result, other):
    for name in ("x", "fun", "jac", "nit", "nfev", "status"):
        if name in other:
            assert np.array_equal(result[name], other[name], equal_nan=True), name


# -- outcomes --------------------------------------------------------------------------------------


class bad(NamedTuple):
    """An error, its words matching the pattern, before anything is called."""

    error: type[Exception]
    match: str

    def check(self, row):
        spy = Spy()
        with pytest.raises(self.error, match=self.match) as caught:
            call(row.front, row.given, spy)
        message = str(caught.value)
        names = {*row.given, *map(str, dict_of(row.given.get("options")))}
        names |= {type(value).__name__ for value in row.given.values()}
        memory = self.error is MemoryError
        assert memory or any(name in message for name in names), "it does not name the argument"
        assert len(message) < 600 and "\n" not in message
        assert spy.calls == 0, "fun was called before its arguments were checked"
        assert not hasattr(caught.value, "result")


class later(NamedTuple):
    """An error that a call of a function brings; the best point goes with it."""

    error: type[BaseException]
    match: str | None
    nit: int | None = None

    def check(self, row):
        with pytest.raises(self.error, match=self.match) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore", CompilationWarning)
            call(row.front, row.given)
        result = caught.value.result
        assert not np.all(result.success)
        assert np.isfinite(result.x).all()
        assert self.error.__name__ in result.message or self.error is KeyboardInterrupt
        if self.nit is not None:
            assert result.nit == self.nit
            assert not result.fun > 2.0


class like:
    """The result of another call, to the last bit."""

    def __init__(self, warns=None, **given):
        self.given = given
        self.warns = warns

    def check(self, row):
        if self.warns is None:
            result = call(row.front, row.given)
        else:
            with pytest.warns(self.warns[0], match=self.warns[1]) as caught:
                result = call(row.front, row.given)
            assert len(caught) == 1
        assert_equal(result, call(row.front, self.given))


class starts(NamedTuple):
    """The run starts from these values, in this dtype, and does not touch what was passed."""

    dtype: str
    values: list[float]

    def check(self, row):
        before, seen = np.array(row.given["x0"]), []

        def fun(x):
            seen.append(x)
            return bowl(x)

        result = call(minimize, {**row.given, "fun": fun, "options": {**RATE, "maxiter": 3}})
        assert all(type(x) is np.ndarray and x.dtype == self.dtype for x in seen)
        assert all(x.flags.c_contiguous and x.flags.writeable and x.dtype.isnative for x in seen)
        assert np.array_equal(seen[0], self.values)
        assert result.x.dtype == self.dtype
        assert result.x.shape == (len(self.values),)
        assert np.array_equal(np.array(row.given["x0"]), before), "x0 was modified"
        if isinstance(row.given["x0"], np.ndarray):
            assert not np.shares_memory(result.x, row.given["x0"])


class ends(NamedTuple):
    """A result with this status; fun and jac, as numbers, are those at x."""

    status: Any
    seen: Callable[[Any], bool] | None = None

    def check(self, row):
        result = call(row.front, row.given)
        assert np.array_equal(result.status, self.status)
        assert np.isfinite(result.x).all() or row.front is minimize_batch
        assert "fun" not in result or np.asarray(result.fun).dtype == np.float64
        if self.seen is not None:
            assert self.seen(result)


def dict_of(options):
    try:
        return dict(options or {})
    except (TypeError, ValueError):
        return {}


class Row(NamedTuple):
    name: str
    front: Callable
    given: dict[str, Any]
    outcome: Any


def single(name, outcome, **given):
    return Row(name, minimize, given, outcome)


def many(name, outcome, **given):
    return Row(f"batch: {name}", minimize_batch, given, outcome)


def box(name, outcome, **given):
    return Row(f"multistart: {name}", multistart, given, outcome)


def trail(name, outcome, **given):
    return Row(f"path: {name}", path, given, outcome)


def x0(name, value, outcome):
    return Row(f"x0 {name}", minimize, {"x0": value}, outcome)


def option(name, value, error, match, **given):
    """One option, beside a learning rate."""
    text = f"function{inspect.signature(value)}" if inspect.isfunction(value) else repr(value)
    shown = re.sub(r"\s+", " ", text)[:40]
    given["options"] = {**RATE, name: value}
    beside = "".join(f", {key}={other!r}" for key, other in given.items() if key != "options")
    return Row(f"{name}={shown}{beside}", minimize, given, bad(error, match))


def both(name, outcome, **given):
    """The functions as they are, and compiled."""
    compiled = {k: njit(v) if isinstance(v, types.FunctionType) else v for k, v in given.items()}
    return single(name, outcome, **given), single(f"{name}, compiled", outcome, **compiled)


# -- what is passed --------------------------------------------------------------------------------


class Table:
    """Has the array protocol."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Odd:
    """Neither callable, nor a number."""

    def __repr__(self):
        return "<Odd>"


class Silent:
    """Cannot even be shown."""

    def __repr__(self):
        raise ArithmeticError("no words")


class Sub(np.ndarray):
    """A subclass; x must not be one."""


class Limits:
    """Bounds that SciPy's class would not take."""

    def __init__(self, lb, ub):
        self.lb, self.ub = lb, ub


READ_ONLY = np.array([0.5, 2.0])
READ_ONLY.flags.writeable = False
TOO_MANY = np.broadcast_to(0.0, 10**15)  # more than any address space holds

X0 = (
    x0("empty list", [], bad(V, r"^x0 must have at least one element, got an empty")),
    x0("empty array", np.empty(0), bad(V, r"^x0 must have at least one element.*empty")),
    x0("2-D", np.zeros((2, 3)), bad(V, r"^x0.*at most one dimension.*\(2, 3\)")),
    x0("column", [[1.0], [2.0]], bad(V, r"^x0.*at most one dimension.*\(2, 1\)")),
    x0("2-D, empty", np.zeros((0, 2)), bad(V, r"^x0.*at most one dimension.*\(0, 2\)")),
    x0("3-D", [[[1.0]]], bad(V, r"^x0.*at most one dimension.*\(1, 1, 1\)")),
    x0("matrix", np.ones((1, 2)).view(np.matrix), bad(V, r"^x0.*one dimension.*\(1, 2")),
    x0("DataFrame", pd.DataFrame({"a": [0.5, 2.0]}), bad(V, r"^x0.*dimension.*\(2, 1\)")),
    x0("ragged", [[1.0], [2.0, 3.0]], bad(V, r"^x0 must hold real numbers:.*sequence")),
    x0("sparse", scipy.sparse.csr_array([[0.5]]), bad(T, r"^x0 must hold.*<Compressed")),
    x0("object", np.array([1, Odd()]), bad(T, r"^x0 must hold real.*object.*<Odd>")),
    x0("floats as objects", np.array([1.0], "O"), bad(T, r"^x0 must hold.*object: array")),
    x0("None", None, bad(T, r"^x0 must hold real numbers.*object: None")),
    x0("None inside", [1.0, None], bad(T, r"^x0 must hold real numbers.*\[1\.0, None\]")),
    x0("dict", {"a": 1.0}, bad(T, r"^x0 must hold real numbers.*\{'a': 1\.0\}")),
    x0("set", {1.0}, bad(T, r"^x0 must hold real numbers.*\{1\.0\}")),
    x0("generator", (float(i) for i in range(2)), bad(T, r"^x0 must hold.*<generator")),
    x0("string", "1, 2", bad(T, r"^x0 must hold real numbers, got dtype <U4: '1, 2'")),
    x0("strings", ["1", "2"], bad(T, r"^x0 must hold real numbers.*<U1: \['1', '2'\]")),
    x0("bytes", [b"1"], bad(T, r"^x0 must hold real numbers.*S1: \[b'1'\]")),
    x0("complex", [1j, 2.0], bad(T, r"^x0 must hold real numbers.*complex128: \[1j")),
    x0("complex, but real", [1 + 0j], bad(T, r"^x0 must hold real.*complex128")),
    x0("dates", np.array(["2020"], "M8[D]"), bad(T, r"^x0 must hold.*datetime64.*2020")),
    x0("times", np.array([3], "m8[s]"), bad(T, r"^x0 must hold.*timedelta64.*3")),
    x0("records", np.zeros(2, "f8,f8"), bad(T, r"^x0 must hold real numbers.*\(0\., 0")),
    x0("decimals", [decimal.Decimal(1)], bad(T, r"^x0 must hold real.*Decimal\('1'\)")),
    x0("int beyond 64 bits", [2**64], bad(T, r"^x0 must hold.*object.*18446744073709")),
    x0("int beyond floats", [10**400], bad(T, r"^x0 must hold real numbers.*object.*1000")),
    x0("int beyond repr", [10**5000], bad(T, r"^x0 must hold real numbers.*<list>")),
    x0("that cannot be shown", [Silent()], bad(T, r"^x0 must hold real numbers.*<list>")),
    x0("nan", [0.0, NAN], bad(V, r"^x0 must be finite, got x0\[1\] = nan")),
    x0("inf", [INF, 0.0], bad(V, r"^x0 must be finite, got x0\[0\] = inf")),
    x0("-inf", -INF, bad(V, r"^x0 must be finite, got x0\[0\] = -inf")),
    x0("float32 nan", np.float32([NAN]), bad(V, r"^x0 must be finite, got x0\[0\] = nan")),
    x0("float16 inf", np.float16([INF]), bad(V, r"^x0 must be finite, got x0\[0\] = inf")),
    x0("longdouble", np.array([np.longdouble("1e4000")]), bad(V, r"^x0.*finite.*= inf")),
    x0("missing", pd.Series([1, None]), bad(V, r"^x0.*finite.*\[1\] = nan")),
    x0("masked", MASKED, bad(V, r"^x0 must hold real numbers, got a masked entry.*--\]")),
    Row("x0 huge", minimize, {"x0": TOO_MANY}, bad(MemoryError, r"allocate.*\(10{15},\)")),
    # and what is odd, but fine
    x0("float", 0.5, starts("f8", [0.5])),
    x0("int", 3, starts("f8", [3.0])),
    x0("0-d", np.array(0.5), starts("f8", [0.5])),
    x0("0-d float32", np.float32(0.5), starts("f4", [0.5])),
    x0("list", [0.5, 2.0], starts("f8", [0.5, 2.0])),
    x0("tuple", (0.5, 2), starts("f8", [0.5, 2.0])),
    x0("range", range(3), starts("f8", [0.0, 1.0, 2.0])),
    x0("ints", [1, 2, 3], starts("f8", [1.0, 2.0, 3.0])),
    x0("uint8", np.array([0, 255], np.uint8), starts("f8", [0.0, 255.0])),
    x0("int64, large", np.array([2**53]), starts("f8", [2.0**53])),
    x0("bools", [True, False], starts("f8", [1.0, 0.0])),
    x0("float32", np.array([0.5, 2.0], np.float32), starts("f4", [0.5, 2.0])),
    x0("float32, swapped bytes", np.array([0.5, 2.0], ">f4"), starts("f4", [0.5, 2.0])),
    x0("float64, swapped bytes", np.array([0.5, 2.0], ">f8"), starts("f8", [0.5, 2.0])),
    x0("float16", np.array([0.5, 2.0], np.float16), starts("f8", [0.5, 2.0])),
    x0("longdouble, small", np.array([0.5, 2.0], np.longdouble), starts("f8", [0.5, 2.0])),
    x0("read-only", READ_ONLY, starts("f8", [0.5, 2.0])),
    x0("strided", np.arange(6.0)[::2], starts("f8", [0.0, 2.0, 4.0])),
    x0("backwards", np.arange(3.0)[::-1], starts("f8", [2.0, 1.0, 0.0])),
    x0("row of a Fortran array", np.ones((3, 2), order="F")[0], starts("f8", [1.0, 1.0])),
    x0("broadcast", np.broadcast_to(0.5, 3), starts("f8", [0.5, 0.5, 0.5])),
    x0("misaligned", np.frombuffer(bytearray(17)[1:], np.float64), starts("f8", [0.0, 0.0])),
    x0("subclass", np.array([0.5, 2.0]).view(Sub), starts("f8", [0.5, 2.0])),
    x0("array protocol", Table([0.5, 2.0]), starts("f8", [0.5, 2.0])),
    x0("Series", pd.Series([0.5, 2.0], index=["a", "b"]), starts("f8", [0.5, 2.0])),
    x0("masked array, nothing masked", np.ma.array([0.5, 2.0]), starts("f8", [0.5, 2.0])),
    x0("buffer", memoryview(np.array([0.5, 2.0])), starts("f8", [0.5, 2.0])),
    x0("subnormal", [5e-324, -0.0], starts("f8", [5e-324, 0.0])),
    x0("large", [1e100], starts("f8", [1e100])),
    x0("many", np.full(100_000, 0.5), starts("f8", [0.5] * 100_000)),
)  # fmt: skip

METHOD = r"^method must be one of gd, momentum, nesterov.*"
ARGUMENTS = (
    single("fun None", bad(T, r"^fun must be callable, got None"), fun=None),
    single("fun string", bad(T, r"^fun must be callable, got 'sin'"), fun="sin"),
    single("fun number", bad(T, r"^fun must be callable, got 3"), fun=3),
    single("fun object", bad(T, r"^fun must be callable, got <Odd>"), fun=Odd()),
    single("fun array", bad(T, r"^fun must be callable, got array"), fun=np.ones(10**5)),
    single("jac misspelt", bad(V, r"^jac must be.*'2point'.*mean '2-point'"), jac="2point"),
    single("jac upper case", bad(V, r"^jac must be.*'3-point' or 'cs', got 'CS'"), jac="CS"),
    single("jac unknown", bad(V, r"^jac must be.*'cs', got 'autograd'"), jac="autograd"),
    single("jac object", bad(T, r"^jac must be.*'cs', got <Odd>"), jac=Odd()),
    single("jac number", bad(T, r"^jac must be.*'cs', got 1\."), jac=1),
    single("jac 'True'", bad(V, r"^jac must be.*'cs', got 'True'"), jac="True"),
    single("jac in a tuple", bad(T, r"^jac must be.*'cs', got \(<"), jac=(gradient,)),
    single("jac array", bad(T, r"^jac must be.*'cs', got array\(\[0\., 0"), jac=np.zeros(2)),
    single("method misspelt", bad(V, METHOD + "'momentun'.*'momentum'"), method="momentun"),
    single("method Nestrov", bad(V, METHOD + "'Nestrov'.*'nesterov'"), method="Nestrov"),
    single("method of SciPy", bad(V, METHOD + "'BFGS'"), method="BFGS"),
    single("method empty", bad(V, METHOD + "got ''"), method=""),
    single("method space", bad(V, METHOD + "' gd'"), method=" gd"),
    single("method int", bad(T, METHOD + "got 3"), method=3),
    single("method bytes", bad(T, METHOD + "b'gd'"), method=b"gd"),
    single("method class", bad(T, METHOD + "<class 'dict'>"), method=dict),
    single("constraints", bad(V, r"^constraints are not supported.*trust-constr"),
           constraints={"type": "eq", "fun": sum}),
    single("constraints in a list", bad(V, r"^constraints are not supported.*trust-constr"),
           constraints=[LinearConstraint([[1.0, 1.0]], 0.0)]),
    single("keyword misspelt", bad(T, "unexpected keyword.*'jacobian'"), jacobian=gradient),
    single("tol negative", bad(V, r"^tol must be a number in \[0, inf.*-0\.001"), tol=-1e-3),
    single("tol nan", bad(V, r"^tol must be a number in \[0, inf\), got nan"), tol=NAN),
    single("tol string", bad(T, r"^tol must be a number in \[0, inf.*'1e-3'"), tol="1e-3"),
    single("tol bool", bad(T, r"^tol must be a number in \[0, inf\), got True"), tol=True),
    single("tol list", bad(T, r"^tol must be a number in \[0, inf.*\[0\.001\]"), tol=[1e-3]),
    single("tol masked", bad(T, r"^tol must be a number.*got masked"), tol=np.ma.masked),
    single("tol, though gtol is given", bad(V, r"^tol must be a number in \[0, inf\), got -1\.0"),
           tol=-1.0, options={"gtol": 1e-5}),
    single("hess", like(warns=(RuntimeWarning, "does not use Hessian")), hess="2-point"),
    # penalties
    single("penalty number", bad(T, r"^penalty must be one of fast.*got 0\.1"), penalty=0.1),
    single("penalty string", bad(T, r"^penalty must be one of.*got 'l1'"), penalty="l1"),
    single("penalty class", bad(T, r"^penalty must be one of.*got <class.*L1"), penalty=L1),
    single("penalty array", bad(T, r"^penalty must be.*got array"), penalty=np.ones(3)),
    single("penalty function", bad(T, r"^penalty must be.*<function"), penalty=lambda x: 0.0),
    single("penalties", bad(T, r"^penalty must be.*\[L1\(weight=0"), penalty=[L1(0.1)]),
    single("penalty of another size", bad(V, r"L1: weight has 3 entries, x has 2"),
           penalty=L1([1.0, 2.0, 3.0]), options={}),
    single("penalty of another shape", bad(V, r"^TV2D: shape \(2, 2\) has 4 entries, x has 2"),
           penalty=TV2D(1.0, (2, 2)), options={}),
    single("penalty and a rate, adam",
           bad(V, r"^method 'adam' takes bounds only where learning_rate is given, got .*L1\(w"),
           penalty=L1(1.0), method="adam"),
    *(
        single(f"penalty that is not separable, {method}",
               bad(V, rf"{method}.*needs a separable penalty, got Simplex"),
               penalty=Simplex(), method=method, options={})
        for method in ("momentum", "adam")
    ),
    single("penalty of one's own, momentum",
           bad(V, "momentum.*needs a separable penalty, got Prox"),
           penalty=Prox(lambda v, step: v, lambda x: 0.0), method="momentum", options={}),
    single("penalty and bounds", bad(V, r"^bounds cannot be comb.*penalty=Simplex.*not separable"),
           penalty=Simplex(), bounds=[(0, 1)] * 2, options={}),
    single("penalty outside the bounds", bad(V, r"no point is within all bounds, 0\.0 and -1"),
           penalty=NonNegative(), bounds=[(-2, -1)] * 2, options={}),
)  # fmt: skip

PAIRS = r"^bounds must be 2 pairs \(min, max\), or an object with the attributes lb and ub: .*"
ORDER = r"^bounds must be min <= max, with a number between them, got "


def bounds(name, value, match):
    return single(f"bounds {name}", bad(V, match), bounds=value)


BOUNDS = (
    bounds("one pair", [(0, 1)], PAIRS + r"\(1, 2\)"),
    bounds("three pairs", [(0, 1)] * 3, PAIRS + r"\(3, 2\)"),
    bounds("triples", [(0, 1, 2)] * 2, PAIRS + r"\(2, 3\)"),
    bounds("ragged", [(0, 1), (0,)], PAIRS + r"\[\(0, 1\), \(0,\)\]"),
    bounds("one tuple", (0, 1), PAIRS + r"they are no pairs, got \(0, 1\)"),
    single("bounds, two arrays", bad(V, r"^bounds must be 3 .*\(2, 3\), use Bounds\(lb, ub\)"),
           x0=np.zeros(3), bounds=(np.zeros(3), np.ones(3))),
    bounds("number", 1.0, PAIRS + r"got 1\.0"),
    bounds("bool", True, PAIRS + "got True"),
    bounds("string", "ab", PAIRS + "'ab'"),
    bounds("words", ["ab", "cd"], PAIRS + "'cd'"),
    bounds("dict", {"lb": 0}, PAIRS + r"\{'lb': 0\}"),
    bounds("strings", [("0", "1"), (0, 1)], PAIRS + r"\('0', '1'\)"),
    bounds("complex", [(0, 1j), (0, 1)], PAIRS + "1j"),
    bounds("complex array", np.ones((2, 2)) * 1j, PAIRS + "complex128"),
    bounds("lists inside", [(0, [1]), (0, 1)], PAIRS + r"\[1\]"),
    bounds("of another size", Bounds([0, 0, 0], 1), PAIRS + "Bounds"),
    bounds("masked", np.ma.array([[0, 1], [0, 1]], mask=[[0, 0], [0, 1]]),
           PAIRS + "a masked entry"),
    bounds("masked parts", Limits(MASKED, [3.0, 3.0]), PAIRS + "a masked entry"),
    bounds("crossed", [(0, 1), (2, 1)], ORDER + r"\(2\.0, 1\.0\) for x\[1\]"),
    bounds("crossed, for all", Bounds(1.0, 0.0), ORDER + r"\(1\.0, 0\.0\) for x\[0\]"),
    bounds("at inf", [(0, 1), (INF, INF)], ORDER + r"\(inf, inf\) for x\[1\]"),
    bounds("at -inf", [(-INF, -INF), (0, 1)], ORDER + r"\(-inf, -inf\) for x\[0\]"),
    bounds("upper nan", [(0, 1), (0, NAN)], r"^bounds must not be nan, got nan as upper.*x\[1\]"),
    bounds("lower nan", [(NAN, 1), (0, 1)], r"^bounds must not be nan, got nan as lower.*x\[0\]"),
    *(
        single(f"bounds in a {type(value).__name__}", like(bounds=[(0, 3), (0, 3)]), bounds=value)
        for value in (
            pd.DataFrame({"lower": [0, 0], "upper": [3, 3]}),
            zip([0, 0], [3, 3], strict=True),
            np.array([[0, 3], [0, 3]], np.int8),
            Limits(0, pd.Series([3, 3])),
        )
    ),
)  # fmt: skip

NUMBER = r" must be a number in \[0, inf\), got "
STEP = r" must be a finite number, or an array of 2 of them, "
RATE_RULE = r"^learning_rate must be in \(0, inf\), got "
RATE_KIND = r"^learning_rate must be a number in \(0, inf\) or a callable of the iteration, got "
AUTO = r"^learning_rate must be 'auto', a number in \(0, inf\).*"
GAMMA = r"^momentum must be in \[0, 1\), got "
GAMMA_KIND = r"^momentum must be.*a number in \[0, 1\).*"
NORM = r"^norm must be a number >= 1, inf or -inf, got "
OPTIONS = (
    single("options list", bad(T, r"^options must be a dict, got \['gtol'\]"), options=["gtol"]),
    single("options set", bad(T, r"^options must be a dict, got \{'gtol'\}"), options={"gtol"}),
    single("options string", bad(T, r"^options must be a dict, got 'gtol'"), options="gtol"),
    single("options number", bad(T, r"^options must be a dict, got 1e-05"), options=1e-5),
    single("options None", like(options={}), options=None),
    single("options pairs", like(), options=[("learning_rate", 0.1)]),
    single("options read-only", like(), options=types.MappingProxyType(RATE)),
    single("options Series", like(), options=pd.Series(RATE)),
    option("maxIter", 5, V, r"'momentum'.*no option 'maxIter'.*mean 'maxiter'"),
    option("step_size", 0.1, V, r"'momentum'.*no option 'step_size'.*mean 'learning_rate'"),
    option("verbose", 1, V, r"'momentum'.*no option 'verbose'.*mean 'disp'"),
    option("max_iter", 5, V, r"no option 'max_iter'.*mean 'maxiter'"),
    option("iter", 5, V, r"no option 'iter'.*Its options are backend"),
    option("gtoll", 5, V, r"no option 'gtoll'.*mean 'gtol'"),
    option("GTOL", 5, V, r"no option 'GTOL'.*mean 'gtol'"),
    option("f_tol", 5, V, r"no option 'f_tol'.*mean 'ftol'"),
    option("learningrate", 0.1, V, r"no option 'learningrate'.*mean 'learning_rate'"),
    option("lr", 0.1, V, r"no option 'lr'.*learning_rate"),
    option("max_time", 1, V, r"no option 'max_time'.*mean 'maxtime'"),
    option("maxfun", 9, V, r"no option 'maxfun'.*mean 'maxfev'"),
    option("pateince", 9, V, r"no option 'pateince'.*mean 'patience'"),
    option("return_al", 1, V, r"no option 'return_al'.*mean 'return_all'"),
    option("check_grad", True, V, r"no option 'check_grad'.*mean 'check_jac'"),
    option("", 5, V, r"no option ''\. Its options are"),
    option(1, 2, V, r"no option 1\. Its options are"),
    option(None, 2, V, r"no option None\. Its options are"),
    option(("gtol",), 2, V, r"no option \('gtol',\)\. Its options are"),
    option("momentum", 0.5, V, r"'gd' has no option 'momentum'", method="gd"),
    # learning_rate in (0, inf)
    option("learning_rate", 0, V, RATE_RULE + r"0\."),
    option("learning_rate", -0.0, V, RATE_RULE + r"-0\.0"),
    option("learning_rate", -0.1, V, RATE_RULE + r"-0\.1"),
    option("learning_rate", NAN, V, RATE_RULE + "nan"),
    option("learning_rate", INF, V, RATE_RULE + "inf"),
    option("learning_rate", 10**400, V, RATE_RULE + "1000"),
    option("learning_rate", "fast", V, AUTO + "'fast'"),
    option("learning_rate", "Auto", V, AUTO + "'Auto'"),
    option("learning_rate", "0.1", V, AUTO + r"'0\.1'"),
    option("learning_rate", None, T, RATE_KIND + "None"),
    option("learning_rate", True, T, RATE_KIND + "True"),
    option("learning_rate", np.bool_(True), T, RATE_KIND + ".*True"),
    option("learning_rate", 0.1j, T, RATE_KIND + r"0\.1j"),
    option("learning_rate", [0.1], T, RATE_KIND + r"\[0\.1\]"),
    option("learning_rate", {0: 0.1}, T, RATE_KIND + r"\{0: 0\.1\}"),
    option("learning_rate", np.array([0.1]), T, RATE_KIND + r"array\(\[0\.1\]\)"),
    option("learning_rate", SECONDS, T, RATE_KIND + "n.*timedelta64"),
    option("learning_rate", lambda: 0.1, T, r"^learning_rate must.*\(iteration\).*takes \(\)"),
    option("learning_rate", lambda k, x: 0.1, T, r"^learning_rate must.*takes \(k, x\)"),
    # momentum in [0, 1)
    option("momentum", 1.0, V, GAMMA + r"1\.0"),
    option("momentum", 1, V, GAMMA + r"1\."),
    option("momentum", 1.5, V, GAMMA + r"1\.5"),
    option("momentum", -0.1, V, GAMMA + r"-0\.1"),
    option("momentum", NAN, V, GAMMA + "nan"),
    option("momentum", "x", V, GAMMA_KIND + "'x'"),
    option("momentum", None, T, GAMMA_KIND + "None"),
    option("momentum", False, T, GAMMA_KIND + "False"),
    option("momentum", lambda k, x: 0.1, T, r"^momentum must.*\(iteration\).*\(k, x\)"),
    # tolerances >= 0
    option("gtol", -1e-9, V, "^gtol" + NUMBER + "-1e-09"),
    option("gtol", NAN, V, "^gtol" + NUMBER + "nan"),
    option("gtol", "1e-5", T, "^gtol" + NUMBER + "'1e-5'"),
    option("gtol", True, T, "^gtol" + NUMBER + "True"),
    option("gtol", [1e-5, 1e-5], T, "^gtol" + NUMBER + r"\[1e-05, 1e-05\]"),
    option("gtol", np.zeros(10**5), T, "^gtol" + NUMBER + r"array\(\[0\., 0\."),
    option("gtol", 1e-5j, T, "^gtol" + NUMBER + "1e-05j"),
    option("gtol", decimal.Decimal("1e-5"), T, "^gtol" + NUMBER + "Decimal"),
    option("gtol", SECONDS, T, "^gtol" + NUMBER + "n.*timedelta64"),
    option("ftol", -1, V, "^ftol" + NUMBER + "-1"),
    option("ftol", NAN, V, "^ftol" + NUMBER + "nan"),
    option("ftol", None, T, "^ftol" + NUMBER + "None"),
    option("xtol", -1.0, V, "^xtol" + NUMBER + r"-1\.0"),
    option("xtol", "small", T, "^xtol" + NUMBER + "'small'"),
    option("gap_tol", -1.0, V, "^gap_tol" + NUMBER + r"-1\.0"),
    option("gap_tol", 1e-3, V, r"^gap_tol is for penalty=L1.*got gap_tol=0\.001"),
    # steps of differences
    *(
        row
        for name in ("eps", "finite_diff_rel_step")
        for row in (
            option(name, NAN, V, f"^{name}" + STEP + "got nan"),
            option(name, [1e-8, INF], V, f"^{name}" + STEP + r"got \[1e-08, inf\]"),
            option(name, [1e-8] * 3, V, f"^{name}" + STEP + r"got shape \(3,\)"),
            option(name, [[1e-8, 1e-8]], V, f"^{name}" + STEP + r"got shape \(1, 2\)"),
            option(name, "small", T, f"^{name}" + STEP + "got dtype <U5: 'small'"),
            option(name, True, T, f"^{name}" + STEP + "got dtype bool: True"),
            option(name, 1j, T, f"^{name}" + STEP + "got dtype complex128: 1j"),
        )
    ),
    # limits
    option("maxiter", -1, V, r"^maxiter must be a number in \[0, inf\), got -1"),
    option("maxiter", NAN, V, r"^maxiter must be a number in \[0, inf\), got nan"),
    option("maxiter", "10", T, r"^maxiter must be a number in \[0, inf\), got '10'"),
    option("maxiter", True, T, r"^maxiter must be a number in \[0, inf\), got True"),
    option("maxiter", SECONDS, T, r"^maxiter must be a number.*timedelta64"),
    option("maxiter", pd.Series([3]), T, r"^maxiter must be a number.*dtype: int64"),
    option("maxfev", 0, V, r"^maxfev must be a number in \[1, inf\), got 0"),
    option("maxfev", -5, V, r"^maxfev must be a number in \[1, inf\), got -5"),
    option("maxfev", 0.5, V, r"^maxfev must be a number in \[1, inf\), got 0\.5"),
    option("maxfev", "many", T, r"^maxfev must be a number in \[1, inf\), got 'many'"),
    option("maxtime", 0, V, r"^maxtime must be a number in \(0, inf\), got 0"),
    option("maxtime", -1.0, V, r"^maxtime must be a number in \(0, inf\), got -1\.0"),
    option("maxtime", NAN, V, r"^maxtime must be a number in \(0, inf\), got nan"),
    option("maxtime", "1s", T, r"^maxtime must be a number in \(0, inf\), got '1s'"),
    option("maxtime", datetime.timedelta(0, 3), T, r"^maxtime must be.*timedelta\(sec"),
    option("patience", 0, V, r"^patience must be an integer in \[1, inf\), got 0"),
    option("patience", 2.5, V, r"^patience must be an integer in \[1, inf\), got 2\.5"),
    option("patience", [3], T, r"^patience must be an integer in \[1, inf\), got \[3\]"),
    # the rest
    option("norm", 0.5, V, NORM + r"0\.5"),
    option("norm", 0, V, NORM + "0"),
    option("norm", -2, V, NORM + "-2"),
    option("norm", NAN, V, NORM + "nan"),
    option("norm", "fro", T, NORM + "'fro'"),
    option("norm", None, T, NORM + "None"),
    option("norm", SECONDS, T, NORM + "n.*timedelta64"),
    option("disp", "yes", T, r"^disp must be True or False, got 'yes'"),
    option("disp", SECONDS, T, r"^disp must be True or False, got n.*timedelta64"),
    option("return_all", 1.0, T, r"^return_all must be True or False, got 1\.0"),
    option("history", "all", T, r"^history must be True or False, got 'all'"),
    option("history", [], T, r"^history must be True or False, got \[\]"),
    option("progress", "bar", T, r"^progress must be True or False, got 'bar'"),
    option("check_jac", "x0", T, r"^check_jac must be True or False, got 'x0'"),
    *(
        option(
            "check_jac", True, ValueError, rf"^check_jac.*nothing to check.*jac={jac!r}", jac=jac
        )
        for jac in (None, False, "2-point", "3-point", "cs")
    ),
    option("check_jac", True, V, r"^jac must be.*got 'auto'", jac="auto"),
    option("on_interrupt", "retrun", V, r"^on_interrupt must.*'retrun'.*mean 'return'"),
    option("on_interrupt", True, T, r"^on_interrupt must be one of 'raise', 'return'.*True"),
    option("backend", "nubma", V, r"^backend must be.*'nubma'.*mean 'numba'"),
    option("backend", None, T, r"^backend must be one of 'auto', 'numba', 'python'.*None"),
    option("backend", "numba", T, r"^fun must be a Numba function.*backend='numba'.*Spy"),
)  # fmt: skip


# -- callbacks -------------------------------------------------------------------------------------


def raising(error):
    def callback(x):
        raise error

    return callback


def spoil(x):
    x[:] = NAN


def spoil_result(intermediate_result):
    intermediate_result.x[:] = intermediate_result.jac[:] = NAN
    intermediate_result.clear()


def nested(x):
    assert minimize(bowl, [3.0], jac=gradient, options={"maxiter": 2}).nfev > 1


TAKES = r"^callback must take the arguments of the call callback\(x\), got .*which takes "
CALLBACKS = (
    single("callback number", bad(T, r"^callback must be callable, got 5"), callback=5),
    single("callback list", bad(T, r"^callback must be callable, got \["), callback=[print]),
    single("callback name", bad(T, r"^callback must be callable, got 'f'"), callback="f"),
    single("callback()", bad(T, TAKES + r"\(\)"), callback=lambda: None),
    single("callback(x, state)", bad(T, TAKES + r"\(x, s"), callback=lambda x, state: None),
    single("callback(x, *, more)", bad(T, TAKES + r"\(x, \*, m"), callback=lambda x, *, m: 0),
    single("callback(*x)", like(), callback=lambda *x: None),
    single("callback(x, more=0)", like(), callback=lambda x, more=0: None),
    single("callback by keyword", like(), callback=lambda *, intermediate_result: None),
    single("callback of a list", like(), callback=[].append),
    single("callback returns True", like(), callback=lambda x: True),
    single("callback returns an array", like(), callback=lambda x: np.ones(2)),
    single("callback writes into x", like(), callback=spoil),
    single("callback writes into its result", like(), callback=spoil_result),
    single("callback calls minimize", like(), callback=nested),
    single("callback stops", ends(Status.CALLBACK, lambda r: r.nit == 1),
           callback=raising(StopIteration)),
    single("callback raises", later(OSError, "^mine", 1), callback=raising(OSError("mine"))),
    single("callback exits", later(SystemExit, "^3", 1), callback=raising(SystemExit(3))),
    single("callback, Ctrl-C", later(KeyboardInterrupt, "^", 1),
           callback=raising(KeyboardInterrupt)),
)  # fmt: skip


# -- what the functions do -------------------------------------------------------------------------


def returns(value):
    return lambda x: value


def then(other, first=bowl):
    """Two calls of `first`, and then `other`."""
    calls = itertools.count()
    return lambda x: (first if next(calls) < 2 else other)(x)


def throws(error):
    def fun(x):
        raise error

    return fun


def itself(x):
    """Never returns."""
    return itself(x)


def within_itself(x):
    return minimize(within_itself, x).fun


def local(offset):
    """A function that cannot be pickled, with what cannot be pickled."""
    lock = threading.Lock()

    def fun(x, another_lock):
        with lock, another_lock:
            return bowl(x) + offset

    return fun


def solves(x):
    return bowl(x) + minimize(bowl, [1.0], jac=gradient).fun


def writes(x):
    value = bowl(x)
    x[:] = 1e9
    return value


def gradient_writes(x):
    g = gradient(x)
    x[:] = NAN
    return g


BUFFER = np.empty(2)


def reuses(x):
    BUFFER[:] = gradient(x)
    return BUFFER


def halves(x):
    return 0.5 * (x @ x)


class Words(Exception):
    """Cannot be shown."""

    def __str__(self):
        raise ArithmeticError("no words")


SCALAR = r"must return a scalar value.*"  # SciPy's words
HUGE = later(V, SCALAR + r"ndarray of shape \(100000,\).*not one real number")
PAIR = later(V, SCALAR + r"tuple \(1\.0, array.*With jac=True it may return \(f, grad")
VALUES = (
    single("fun returns None", later(V, SCALAR + "NoneType"), fun=returns(None)),
    single("fun returns an array", later(V, SCALAR + r"\(2,\)"), fun=returns(np.zeros(2))),
    single("fun returns nothing", later(V, SCALAR + r"\(0,\)"), fun=returns(np.zeros(0))),
    single("fun returns a list", later(V, SCALAR + r"list \[1\."), fun=returns([1.0, 2.0])),
    single("fun returns text", later(V, SCALAR + r"str '1\.0'"), fun=returns("1.0")),
    single("fun returns complex", later(V, SCALAR + "complex 1j"), fun=returns(1j)),
    single("fun returns [1j]", later(V, SCALAR + r"0\.\+1\.j"), fun=returns(np.array([1j]))),
    single("fun returns an object", later(V, SCALAR + "<Odd>"), fun=returns(Odd())),
    single("fun returns a dict", later(V, SCALAR + "dict"), fun=returns({"f": 1.0})),
    single("fun returns a time", later(V, SCALAR + "timedelta64"), fun=returns(SECONDS)),
    single("fun returns masked", later(V, SCALAR + "masked"), fun=returns(np.ma.masked)),
    single("fun returns a sum of masked", later(V, SCALAR + "masked"),
           fun=lambda x: np.ma.array(x, mask=True).sum()),
    single("fun returns sparse", later(V, SCALAR + "csr_array"),
           fun=lambda x: scipy.sparse.csr_array([x])),
    single("fun returns much", HUGE, fun=returns(np.zeros(10**5))),
    single("fun returns a pair", PAIR, fun=returns((1.0, np.zeros(2)))),
    single("fun returns a pair, jac=None", PAIR, fun=returns((1.0, np.zeros(2))), jac=None),
    single("fun and no gradient", later(V, r"jac=True.*\(f, gradient\).*2\.0"), jac=True),
    single("fun and None, jac=True", later(V, r"jac=True.*NoneType"), fun=returns(None), jac=True),
    single("fun and a triple, jac=True", later(V, r"jac=True needs fun to return.*tuple"),
           fun=returns((1.0, np.zeros(2), 3)), jac=True),
    single("fun and an array, jac=True", later(V, r"jac=True needs fun to return.*ndarray"),
           fun=gradient, jac=True),
    single("fun and a pair in the other order", later(V, r"gradient of shape \(2,\).*\(\)"),
           fun=returns((np.zeros(2), 1.0)), jac=True),
    single("fun drops imaginary parts", later(V, r"jac='cs'.*complex.*3-point"),
           jac="cs", fun=lambda x: float(np.sum(x.real**2))),
    # in the middle of a run
    *(
        single(f"fun, later {name}", later(error, match, 1), fun=then(other))
        for name, error, match, other in (
            ("None", ValueError, SCALAR + "NoneType", returns(None)),
            ("an array", ValueError, SCALAR + r"\(2,\)", returns(np.zeros(2))),
            ("complex", ValueError, SCALAR + "complex", returns(1j)),
            ("raises", ZeroDivisionError, "^mine", throws(ZeroDivisionError("mine"))),
            ("StopIteration", StopIteration, "^", throws(StopIteration())),
            ("exits", SystemExit, "^3", throws(SystemExit(3))),
            ("Ctrl-C", KeyboardInterrupt, "^", throws(KeyboardInterrupt())),
            ("calls itself", RecursionError, "recursion", itself),
        )
    ),
    single("fun, later nan", ends(Status.NONFINITE, lambda r: r.nit == 1 and r.fun < 2.0),
           fun=then(returns(NAN))),
    single("fun, later inf", ends(Status.NONFINITE, lambda r: r.fun < 2.0), fun=then(returns(INF))),
    single("fun, later ints", ends(Status.CONVERGED), fun=then(lambda x: round(bowl(x)))),
    single("fun, later float32", ends(Status.CONVERGED), fun=then(lambda x: np.float32(bowl(x)))),
    single("fun, later 0-d", like(), fun=then(lambda x: np.array(bowl(x)))),
    # at x0
    single("fun nan at x0", ends(Status.NONFINITE, lambda r: r.nfev == 1), fun=returns(NAN)),
    single("fun inf at x0", ends(Status.NONFINITE, lambda r: r.nfev == 1), fun=returns(INF)),
    single("fun of ints beyond floats", ends(Status.NONFINITE, lambda r: r.fun == INF),
           fun=returns(10**400)),
    single("jac nan at x0", ends(Status.NONFINITE, lambda r: r.nfev == 1), jac=lambda x: x * NAN),
    single("fun raises", later(OSError, "^mine", 0), fun=throws(OSError("mine"))),
    single("fun raises what cannot be shown", later(Words, None, 0), fun=throws(Words())),
    single("fun calls itself", later(RecursionError, "recursion", 0), fun=itself),
    single("fun minimizes itself", later(RecursionError, "recursion", 0), fun=within_itself),
    # odd, but fine
    single("fun calls minimize", like(), fun=solves),
    single("fun that cannot be pickled", like(),
           fun=local(0.0), jac=lambda x, lock: gradient(x), args=(threading.Lock(),)),
    single("fun writes into x", like(), fun=writes, jac=gradient_writes),
    *(
        single(f"fun returns {name}", like(), fun=lambda x, convert=convert: convert(bowl(x)))
        for name, convert in (
            ("0-d", np.array),
            ("[f]", lambda f: [f]),
            ("an array of one", lambda f: np.array([f])),
            ("a matrix of one", lambda f: np.array([[f]])),
            ("longdouble", np.longdouble),
            ("a fraction", fractions.Fraction),
            ("a Table", lambda f: Table([f])),
            ("a Series", lambda f: pd.Series([f])),
        )
    ),
    *(
        single(f"fun returns {name}", ends(Status.CONVERGED),
               fun=lambda x, convert=convert: convert(bowl(x)))
        for name, convert in (("ints", round), ("float32", np.float32))
    ),
    single("fun and gradient in a list", like(), fun=lambda x: [bowl(x), gradient(x)], jac=True),
    single("fun and gradient, numpy's True", like(),
           fun=lambda x: (bowl(x), gradient(x)), jac=np.True_),
)  # fmt: skip

SHAPE = r"^jac must return a gradient of shape \(2,\), got shape "
REALS = r"^jac must return 2 real numbers, got "
OUT = r"must write the gradient into out: out\[\d\] is unchanged"
TAKES_X = r"^{0} must take the arguments of the call {0}\({1}\), got .*which takes {2}"
GRADIENTS = (
    single("jac returns None", later(V, REALS + "NoneType"), jac=returns(None)),
    single("jac returns a float", later(V, SHAPE + r"\(\)"), jac=returns(1.0)),
    single("jac returns too much", later(V, SHAPE + r"\(3,\)"), jac=returns(np.zeros(3))),
    single("jac returns too little", later(V, SHAPE + r"\(1,\)"), jac=returns(np.zeros(1))),
    single("jac returns nothing", later(V, SHAPE + r"\(0,\)"), jac=returns([])),
    single("jac returns a column", later(V, SHAPE + r"\(2, 1\)"), jac=returns(np.zeros((2, 1)))),
    single("jac returns a row", later(V, SHAPE + r"\(1, 2\)"), jac=returns(np.zeros((1, 2)))),
    single("jac returns a matrix", later(V, SHAPE + r"\(1, 2\)"),
           jac=lambda x: gradient(x).view(np.matrix)),
    single("jac returns complex", later(V, REALS + "list of dtype complex128"),
           jac=returns([1j, 0])),
    single("jac returns text", later(V, REALS + "list of dtype <U1"), jac=returns(["a", "b"])),
    single("jac returns bools", later(V, REALS + "ndarray of dtype bool"), jac=lambda x: x > 0),
    single("jac returns times", later(V, REALS + "ndarray of dtype timedelta64"),
           jac=lambda x: x.astype("m8[s]")),
    single("jac returns masked", later(V, REALS + r"a masked one: masked_array\(data=\[-2\.0, --"),
           jac=lambda x: np.ma.array(gradient(x), mask=[False, True])),
    single("jac returns a set", later(V, REALS + "set of dtype object"), jac=lambda x: set(x)),
    single("jac returns sparse", later(V, REALS + "csr_array of dtype object"),
           jac=lambda x: scipy.sparse.csr_array([x])),
    single("jac returns a generator", later(V, REALS + "generator"), jac=lambda x: (v for v in x)),
    single("jac returns a pair", later(V, REALS + "tuple"), jac=lambda x: (bowl(x), gradient(x))),
    single("jac ragged", later(V, REALS + "list of dtype object"), jac=returns([[1.0], [1, 2]])),
    single("jac, later None", later(V, REALS + "NoneType", 1),
           jac=then(returns(None), gradient)),
    single("jac, later complex", later(V, REALS + "ndarray of dtype complex", 1),
           jac=then(lambda x: 1j * x, gradient)),
    single("jac takes nothing", later(T, TAKES_X.format("jac", "x", r"\(\)")), jac=lambda: 1.0),
    single("jac takes too much", later(T, TAKES_X.format("jac", "x", r"\(x, a, b\)")),
           jac=lambda x, a, b: x),
    single("jac, second parameter is data", later(V, OUT + ".*If the second parameter is data"),
           jac=lambda x, a: gradient(x)),
    single("fun takes too much", later(T, TAKES_X.format("fun", "x", r"\(x, a\)")),
           fun=lambda x, a: 1.0),
    single("fun takes too little", later(T, TAKES_X.format("fun", r"x, args\[0\]", r"\(x\)")),
           fun=lambda x: 1.0, args=([1, 2],)),
    single("fun takes out, and jac is given", later(T, "Pass jac=True if its second"),
           fun=lambda x, out, a: 1.0, args=(1.0,), jac=lambda x, a: x),
    single("fun takes too little for jac=True", later(T, r"which takes \(x\)\.(\n|$)"),
           fun=lambda x: 1.0, jac=True, args=(2.0,)),
    single("args list of all", later(T, r"which takes \(x, a, b\)\. args must be a tuple: a li"),
           fun=lambda x, a, b: 1.0, args=[1.0, 2.0]),
    single("args list, one too few", later(T, r"which takes \(x, a, b, c\)\.(\n|$)"),
           fun=lambda x, a, b, c: 1.0, args=[1.0, 2.0]),
    # odd, but fine
    single("jac returns its buffer", like(), jac=reuses),
    single("jac returns x itself", ends(Status.CONVERGED),
           fun=halves, jac=lambda x: x, x0=[3.0, 4.0]),
    *(
        single(f"jac returns {name}", like(), jac=lambda x, convert=convert: convert(gradient(x)))
        for name, convert in (
            ("a list", lambda g: g.tolist()),
            ("a tuple", tuple),
            ("a strided array", lambda g: np.repeat(g, 2)[::2]),
            ("a Table", Table),
            ("a Series", pd.Series),
            ("a masked array, nothing masked", np.ma.array),
            ("a read-only array", lambda g: np.broadcast_to(g, (1, g.size))[0]),
        )
    ),
    single("jac returns ints", ends(Status.MAXITER, lambda r: r.jac.dtype == np.float64),
           jac=lambda x: np.rint(gradient(x)).astype(int), options={**RATE, "maxiter": 1}),
    single("jac returns float32",
           like(warns=(RuntimeWarning, "^the gradient is float32"),
                jac=lambda x: np.rint(gradient(x)), options={**RATE, "maxiter": 1}),
           jac=lambda x: np.rint(gradient(x)).astype(np.float32), options={**RATE, "maxiter": 1}),
    single("jac of one variable returns a float", like(x0=[0.5]),
           x0=[0.5], jac=lambda x: float(gradient(x)[0])),
)  # fmt: skip

# -- and compiled ----------------------------------------------------------------------------------


@njit(cache=True)
def sum_of_squares(x):
    return np.sum(x * x)


@njit(cache=True)
def distance(x, a):
    return np.sum((x - a) * (x - a))


def value_of_vector(x):
    return x


def no_value(x):
    return None


def short(x):
    return x[:1].copy()


def long(x):
    return np.zeros(x.size + 1)


def flat(x):
    return x.reshape(1, -1).copy()


def forgets(x, out):
    out = 2.0 * x  # noqa: F841


def fused_forgets(x, out):
    return x[0]


def writes_one(x, out):
    out[0] = 2.0 * x[0]


def adds(x, out):
    for i in range(2):
        out[i] += 2.0 * x[i]


def truth(x):
    return x > 0.0


@njit(cache=True)
def compiled_writes(x):
    x[0] = 0.0
    return x[0] ** 2


@njit(cache=True)
def compiled_swaps(x):
    x[0], x[1] = x[1], x[0]
    return x[0] ** 2 + x[1] ** 2


@njit(cache=True)
def compiled_jac_writes(x):
    x *= 2.0
    return x


@njit(cache=True)
def compiled_fill_writes(x, out):
    for i in range(x.size):
        out[i] = 2.0 * x[i]
        x[i] = 0.0


@njit(cache=True)
def size_changes(x):
    return 2.0 * x if x[0] > 1.0 else np.zeros(1)


@njit(cache=True)
def pair_changes(x):
    return np.sum(x * x), 2.0 * x if x[0] > 1.0 else np.zeros(3)


POINT = {"x0": [5.0, 3.0]}
SIZE = r"size|shape"
COMPILED = (
    *both("fun returns x", later(V, SCALAR + r"ndarray of shape \(2,\)"), fun=value_of_vector),
    *both("fun returns no value", later(V, SCALAR + "NoneType"), fun=no_value),
    *both("jac is short", later(V, SHAPE + r"\(1,\)"), fun=sum_of_squares, jac=short),
    *both("jac is long", later(V, SHAPE + r"\(3,\)"), fun=sum_of_squares, jac=long),
    *both("jac is flat", later(V, SHAPE + r"\(1, 2\)"), fun=sum_of_squares, jac=flat),
    *both("jac is true", later(V, REALS + "ndarray of dtype bool"), fun=sum_of_squares, jac=truth),
    *both("jac does not write", later(V, r"^jac\(x, out, .*" + OUT),
          fun=sum_of_squares, jac=forgets),
    *both("fun does not write", later(V, r"^fun\(x, out, .*" + OUT), fun=fused_forgets, jac=True),
    *both("fun takes out, without jac=True",
          later(T, TAKES_X.format("fun", "x", r"\(x, out\)") + r"\. Pass jac=True if its second"),
          fun=fused_forgets, jac=None),
    *both("jac writes in part", later(V, r"^jac\(x, out, .*" + OUT),
          fun=sum_of_squares, jac=writes_one),
    *both("jac adds to out", later(V, r"^jac\(x, out, .*" + OUT),
          fun=sum_of_squares, jac=adds, **POINT),
    *(
        single(f"{name}, {backend}", later(V, SIZE), **given, **POINT,
               options={**RATE, "backend": backend})
        for backend in ("numba", "python")
        for name, given in (
            ("jac, later of another size", {"fun": sum_of_squares, "jac": size_changes}),
            ("fun, later a gradient of another size", {"fun": pair_changes, "jac": True}),
        )
    ),
    *(
        single(f"{name}, compiled", later(V, r"^(fun|jac) must not write into x"), **given, **POINT)
        for name, given in (
            ("fun writes into x", {"fun": compiled_writes, "jac": None}),
            ("fun writes into x, 3-point", {"fun": compiled_writes, "jac": "3-point"}),
            ("fun swaps x", {"fun": compiled_swaps, "jac": objectives.sphere_jac}),
            ("jac writes into x", {"fun": sum_of_squares, "jac": compiled_jac_writes}),
            ("jac in place writes into x", {"fun": sum_of_squares, "jac": compiled_fill_writes}),
        )
    ),
    single("fun takes too much, compiled", later(T, TAKES_X.format("fun", "x", r"\(x, a\)")),
           fun=distance, jac=None),
    single("fun takes too little, compiled",
           later(T, TAKES_X.format("fun", r"x, args\[0\], args\[1\]", r"\(x, a\)")),
           fun=distance, jac=None, args=(1.0, 2.0)),
    single("fun takes too much, backend='numba'",
           bad(T, TAKES_X.format("fun", "x", r"\(x, a\)")),
           fun=distance, jac=None, options={**RATE, "backend": "numba"}),
    single("args masked, compiled",
           like(fun=distance.py_func, jac=None, args=(MASKED,),
                warns=(CompilationWarning, r"args\[0\]: Unsupported array type: numpy\.ma\.")),
           fun=distance, jac=None, args=(MASKED,)),
    single("args masked, backend='numba'", bad(T, r"^args\[0\]: Unsupported array type"),
           fun=distance, jac=None, args=(MASKED,), options={**RATE, "backend": "numba"}),
)  # fmt: skip


# -- args ------------------------------------------------------------------------------------------


def got(expected):
    """fun and jac for `args`, which are to arrive as these."""

    def test(rest):
        assert len(rest) == len(expected)
        assert all(a is b or np.array_equal(a, b) for a, b in zip(rest, expected, strict=True))

    def fun(x, *rest):
        test(rest)
        return bowl(x)

    def jac(x, *rest):
        test(rest)
        return gradient(x)

    return {"fun": fun, "jac": jac}


GENERATOR = (i for i in range(3))
ARGS = tuple(
    single(f"args {name}", like(), args=args, **got((args,) if expected is None else expected))
    for name, args, expected in (
        ("tuple", (2.0,), (2.0,)),
        ("number", 2.0, None),
        ("array", np.array([1.0, 2.0]), None),
        ("list", [1.0, 2.0], None),
        ("string", "abc", None),
        ("None", None, None),
        ("empty", (), ()),
        ("dict", {"a": 1}, None),
        ("generator", GENERATOR, None),
    )
)


# -- schedules that go wrong -----------------------------------------------------------------------


def schedule(name, function, error, match, nit=0):
    options = {**RATE, name: function}
    return single(f"{name}(k): {match}", later(error, match, nit), options=options)


SCHEDULES = (
    schedule("learning_rate", lambda k: -1.0, ValueError, r"^learning_rate\(0\).*inf\), got -1\.0"),
    schedule("learning_rate", lambda k: NAN, ValueError, r"^learning_rate\(0\).*inf\), got nan"),
    schedule("learning_rate", lambda k: INF, ValueError, r"^learning_rate\(0\).*inf\), got inf"),
    schedule("learning_rate", lambda k: "a", TypeError, r"^learning_rate\(0\) must be a num.*'a'"),
    schedule("learning_rate", lambda k: None, TypeError, r"^learning_rate\(0\) must be a.*None"),
    schedule("learning_rate", lambda k: [1, 2], TypeError,
             r"^learning_rate\(0\) must be.*\[1, 2\]"),
    schedule("learning_rate", lambda k: SECONDS, TypeError, r"^learning_rate\(0\) must.*timedelta"),
    schedule("learning_rate", lambda k: 0.1 if k < 7 else -0.2, ValueError, r"^learning_rate\(7\)",
             7),
    schedule("learning_rate", lambda k: 0.1 / (3 - k), ZeroDivisionError, "division", 3),
    schedule("momentum", lambda k: 1.0, ValueError,
             r"^momentum\(0\) must be in \[0, 1\), got 1\.0"),
    schedule("momentum", lambda k: -0.5, ValueError, r"^momentum\(0\) must be in \[0, 1.*-0\.5"),
    schedule("momentum", lambda k: 0.9 + 0.2 * (k > 2), ValueError, r"^momentum\(3\) must be in",
             3),
)  # fmt: skip


# -- many problems ---------------------------------------------------------------------------------

ONES = np.ones(4)
ROWS = r"^args\[{}\] is batched and must be an array of numbers with one row per problem.*"
SHAPES = r"^bounds must have lb and ub of shape \(2,\) or \(4, 2\)"
BATCH = (
    many("fun number", bad(T, "^fun must be callable, got 3"), fun=3),
    many("X0 3-D", bad(V, r"^X0 must have the shape.*\(2, 2, 2\)"), X0=np.ones((2, 2, 2))),
    many("X0 empty", bad(V, r"^X0 must have the shape.*\(0, 2\)"), X0=np.ones((0, 2))),
    many("X0 without variables", bad(V, r"^X0 must have the.*\(3, 0\)"), X0=np.ones((3, 0))),
    many("X0 number", bad(V, r"^X0 must have the shape.*got \(\)"), X0=1.0),
    many("X0 ragged", bad(V, "^X0 must hold real numbers:.*seq"), X0=[[1.0], [1.0, 2.0]]),
    many("X0 strings", bad(T, r"^X0 must hold real numbers.*<U1: \[\['a'\]\]"), X0=[["a"]]),
    many("X0 complex", bad(T, r"^X0 must hold real numbers.*complex128"), X0=[[1j]]),
    many("X0 objects", bad(T, r"^X0 must hold real.*object"), X0=np.ones((4, 2), object)),
    many("X0 times", bad(T, r"^X0 must hold real.*timedelta64"), X0=np.ones((4, 2), "m8[s]")),
    many("X0 generator", bad(T, "^X0 must hold.*<generator"), X0=(i for i in range(3))),
    many("X0 sparse", bad(T, "^X0 must hold.*<Compr"), X0=scipy.sparse.csr_array([[0.5]])),
    many("X0 masked", bad(V, "^X0 must hold real.*a masked entry"), X0=np.ma.array([MASKED])),
    many("X0 vector", bad(V, r"^X0.*no args are batched, got \(2,\): use minimize for one problem"),
         X0=[1.0, 2.0]),
    many("X0 vector, args", bad(V, r"got \(2,\): say by batched which args have a row per problem"),
         X0=[1.0, 2.0], args=(np.ones((3, 2)),)),
    many("X0 huge", bad(MemoryError, r"allocate.*\(10{15}, 2\)"),
         X0=np.broadcast_to(0.0, (10**15, 2))),
    many("X0 with nan", ends([0, 3, 0]), X0=[[0.0, 0.0], [NAN, 0.0], [0.0, 0.0]]),
    *(
        many(f"X0 {name}", like(), X0=value)
        for name, value in (
            ("list of arrays", list(np.zeros((4, 2)))),
            ("DataFrame", pd.DataFrame(np.zeros((4, 2)))),
            ("broadcast", np.broadcast_to(0.0, (4, 2))),
            ("backwards", np.zeros((4, 2))[::-1, ::-1]),
            ("swapped bytes", np.zeros((4, 2), ">f8")),
            ("matrix", np.zeros((4, 2)).view(np.matrix)),
            ("bools", np.zeros((4, 2), bool)),
        )
    ),
    many("batched, too many", bad(V, r"^batched must be.*each of the 1 args.*\[True, False"),
         args=(ONES,), batched=[True, False]),
    many("batched, and a list of args", bad(V, "^batched must.*1 args.* args must be a tuple: a l"),
         args=[ONES, ONES], batched=(False, True)),
    many("batched number", bad(T, "^batched must be True, False.*got 1"), args=(ONES,), batched=1),
    many("batched None", bad(T, "^batched must be True, F.*got None"), args=(ONES,), batched=None),
    many("batched words", bad(V, r"^batched must be.*\['yes'\]"), args=(ONES,), batched=["yes"]),
    *(
        many(f"args {name}", bad(error, ROWS.format(at) + match), args=args, batched=batched)
        for name, error, at, match, args, batched in (
            ("of other length", ValueError, 0, "4 in all, got 3: say False", (np.ones(3),), True),
            ("number", ValueError, 0, r"shape \(\)", (2.0,), True),
            ("bools", TypeError, 1, "dtype bool", (1, ONES > 0), (False, True)),
            ("complex", TypeError, 0, "complex128", (ONES * 1j,), True),
            ("records", TypeError, 0, "'a'", (np.zeros(4, [("a", "f8"), ("b", "f8")]),), True),
            ("words", TypeError, 0, "<U1", (["a"] * 4,), True),
            ("tuples", TypeError, 0, "got a tuple", (((1.0,), (2.0,), (3.0,), (4.0,)),), True),
            ("ragged", ValueError, 0, "sequence", ([[1.0], [1.0, 2.0]],), True),
            ("masked", TypeError, 0, "got a MaskedArray", (np.ma.ones(4),), True),
            ("objects", TypeError, 0, "object", (np.ones((4, 2), object),), True),
            ("empty", ValueError, 0, r"shape \(0, 2\)", (np.ones((0, 2)),), True),
            ("generator", TypeError, 0, "object", (i for i in range(4)), True),
        )
    ),
    many("method", bad(V, METHOD + "'newton'"), method="newton"),
    many("jac", bad(V, "^jac must be a callable.*'4-point'"), jac="4-point"),
    many("bounds, one pair", bad(V, PAIRS + r"\(1, 2\)"), bounds=[(0, 1)]),
    many("bounds of other rows", bad(V, SHAPES + r".*\(3,2\)"),
         bounds=Bounds(np.zeros((3, 2)), np.ones((3, 2)))),
    many("bounds crossed", bad(V, ORDER + r"\(1\.0, 0\.0\) for x\[0\] of problem 0"),
         bounds=Bounds(np.ones((4, 2)), np.zeros((4, 2)))),
    many("bounds nan", bad(V, r"^bounds must not be nan.*lower.* of x\[0\] of problem 0"),
         bounds=Bounds(np.full((4, 2), NAN), np.zeros((4, 2)))),
    many("bounds complex", bad(V, SHAPES + ".*complex128"),
         bounds=Limits(np.zeros((4, 2)) * 1j, np.ones((4, 2)))),
    many("bounds words", bad(V, SHAPES + ".*<U1"), bounds=Limits([["a", "b"]] * 4, 1.0)),
    many("bounds masked", bad(V, SHAPES + ".*a masked entry"),
         bounds=Limits(np.ma.array([MASKED] * 4), np.ones((4, 2)))),
    many("bounds without a point in the penalty", bad(V, r"bounds.*0\.0 and -1\.0"),
         bounds=Bounds(np.full((4, 2), -2.0), np.full((4, 2), -1.0)), penalty=NonNegative()),
    many("bounds and penalty", bad(V, "^bounds cannot be combined with penalty=Simplex"),
         bounds=[(0, 1)] * 2, penalty=Simplex()),
    many("penalty number", bad(T, r"^penalty must be one of.*0\.1"), penalty=0.1),
    many("penalty that is not separable", bad(V, "needs a separable penalty, got TV1D"),
         penalty=TV1D(1.0), method="momentum"),
    many("penalty and a rate, adam", bad(V, r"^method 'adam' takes bounds only where learning_r"),
         penalty=L1(1.0), options=RATE, method="adam"),
    many("tol", bad(V, "^tol" + NUMBER + r"-1\.0"), tol=-1.0),
    many("callback number", bad(T, "^callback must be callable, got 3"), callback=3),
    many("callback()", bad(T, TAKES + r"\(\)"), callback=lambda: None),
    many("callback(a, b)", bad(T, TAKES + r"\(a, b\)"), callback=lambda a, b: None),
    many("callback by keyword", like(), callback=lambda *, intermediate_result: None),
    many("callback raises", later(OSError, "^mine"), callback=raising(OSError("mine"))),
    many("history", bad(V, "^history is not an option of a batch: leave"),
         options={"history": True}),
    many("return_all", bad(V, "^return_all is not an option of a batch"),
         options={"return_all": 1}),
    many("option misspelt", bad(V, "no option 'nope'.*Its options are"), options={"nope": 1}),
    many("options list", bad(T, r"^options must be a dict, got \[1\]"), options=[1]),
    many("nothing to check", bad(V, "^check_jac.*jac=None"), options={"check_jac": True}, jac=None),
    many("schedule without end", bad(V, r"^maxiter must be at most 10000000.*got 100000000"),
         options={"learning_rate": lambda k: 0.1, "maxiter": 10**8}),
    many("skip of another length", bad(V, r"^skip must be.*\(4,\), got shape \(1,\)"), skip=[True]),
    many("skip floats", bad(T, "^skip must be an array of bool.*float64"), skip=np.zeros(4)),
    many("skip indices", bad(T, "^skip must be an array of bool.*int64"), skip=[1, 2]),
    many("skip masked", bad(V, "^skip must be an array of bool.*a masked entry"),
         skip=np.ma.array([True] * 4, mask=[1, 0, 0, 0])),
    many("skip all", ends([-1] * 4), skip=[True] * 4),
    many("workers 0", bad(V, r"^workers must be an integer in \[1, inf\), got 0"), workers=0),
    many("workers 1.5", bad(V, r"^workers must be an integer in \[1.*1\.5"), workers=1.5),
    many("workers '2'", bad(T, r"^workers must be an integer in \[1.*'2'"), workers="2"),
    many("workers True", bad(T, r"^workers must be an integer in \[1.*True"), workers=True),
    many("workers, many", like(workers=1), workers=10**6),
    many("fun returns None", later(V, SCALAR + "NoneType"), fun=returns(None)),
    many("fun raises", later(OSError, "^mine"), fun=throws(OSError("mine"))),
    many("fun takes too much", later(T, TAKES_X.format("fun", "x", r"\(x, a\)")),
         fun=distance, jac=None),
    many("jac is short, compiled", later(V, SHAPE + r"\(1,\)"),
         fun=sum_of_squares, jac=njit(short)),
)  # fmt: skip

FINITE = "^bounds must be finite here, and so must be their distance"
COUNT = r"^n_starts must be an integer in \[1, 1\.07374e\+09\], got "
SEED = "^seed must be None, an integer >= 0 or a Generator, got "
BOX = (
    box("bounds None", bad(V, r"^bounds must give \(min, max\).*got None"), bounds=None),
    box("bounds empty", bad(V, r"^bounds must give \(min, max\).*got \[\]"), bounds=[]),
    box("bounds dict", bad(V, r"^bounds must give.*\{'a'"), bounds={"a": (0, 1)}),
    box("bounds generator", bad(V, "^bounds must give.*<gen"), bounds=(i for i in "ab")),
    box("bounds half open", bad(V, FINITE + r".*\(0, None\)"), bounds=[(0, 1), (0, None)]),
    box("bounds inf", bad(V, FINITE + r".*\(0, inf\)"), bounds=[(0, 1), (0, INF)]),
    box("bounds too wide", bad(V, FINITE + r".*1e\+308"), bounds=[(-1e308, 1e308)]),
    box("bounds ragged", bad(V, r"^bounds must give.*\(0,\)"), bounds=[(0, 1), (0,)]),
    box("bounds crossed", bad(V, ORDER + r"\(1\.0, 0\.0\) for x\[0\]"), bounds=[(1, 0)]),
    box("bounds nan", bad(V, r"^bounds must not be nan.*x\[0\]"), bounds=[(0, NAN)]),
    box("bounds DataFrame", like(), bounds=pd.DataFrame([[-2, 2], [-2, 2]])),
    box("n_starts 0", bad(V, COUNT + "0"), n_starts=0),
    box("n_starts 1.5", bad(V, COUNT + r"1\.5"), n_starts=1.5),
    box("n_starts '8'", bad(T, COUNT + "'8'"), n_starts="8"),
    box("n_starts inf", bad(V, COUNT + "inf"), n_starts=INF),
    box("n_starts, too many", bad(V, COUNT + "1000000000000000000"), n_starts=10**18),
    box("n_starts times", bad(T, COUNT + "n.*timedelta64"), n_starts=SECONDS),
    box("sampler", bad(V, "^sampler must be one of 'sobol'.*'grid'"), sampler="grid"),
    box("sampler number", bad(T, "^sampler must be one of 'sobol'.*3"), sampler=3),
    box("seed", bad(T, SEED + "'x'"), seed="x"),
    box("seed negative", bad(V, SEED + "-1"), seed=-1),
    box("seed of old", bad(T, SEED + "RandomState"), seed=np.random.RandomState(0)),
    box("distance 0", bad(V, r"^distance must be a num.*\(0, inf\), got 0\.0"), distance=0.0),
    box("distance nan", bad(V, r"^distance must be a num.*\(0, inf\), got nan"), distance=NAN),
    box("distance word", bad(T, r"^distance must be a num.*\(0, inf\), got 'x'"), distance="x"),
    box("workers", bad(V, r"^workers must be an integer in \[1, inf\), got 0"), workers=0),
    box("method", bad(V, METHOD + "'newton'"), method="newton"),
    box("x0", bad(T, "unexpected keyword argument 'x0'"), x0=[0.0]),
    box("fun raises", later(OSError, "^mine"), fun=throws(OSError("mine"))),
    box("fun nan", ends(3, lambda r: r.minima.fun.size == 0), fun=returns(NAN)),
)  # fmt: skip

WEIGHTS = "^weights must be a vector of finite numbers >= 0, got "
MAKES = "^penalty must be a callable that makes a Penalty of a weight, such as L1, got "
TAKES_WEIGHT = TAKES_X.format("penalty", "weight", "")
TRAIL = (
    trail("weights empty", bad(V, WEIGHTS + r"shape \(0,\)"), weights=[]),
    trail("weights 2-D", bad(V, WEIGHTS + r"shape \(1, 1\)"), weights=[[1.0]]),
    trail("weights number", bad(V, WEIGHTS + r"shape \(\)"), weights=0.1),
    trail("weights negative", bad(V, WEIGHTS + r"weights\[1\] = -1\.0"), weights=[0.1, -1.0]),
    trail("weights nan", bad(V, WEIGHTS + r"weights\[1\] = nan"), weights=[0.1, NAN]),
    trail("weights inf", bad(V, WEIGHTS + r"weights\[0\] = inf"), weights=[INF]),
    trail("weights words", bad(T, WEIGHTS + r"dtype <U1: \['a'\]"), weights=["a"]),
    trail("weights bools", bad(T, WEIGHTS + "dtype bool"), weights=[True]),
    trail("weights set", bad(T, WEIGHTS + r"dtype object: \{1\.0\}"), weights={1.0}),
    trail("weights None", bad(T, WEIGHTS + "dtype object: None"), weights=None),
    trail("weights masked", bad(V, WEIGHTS + "a masked entry"), weights=MASKED),
    trail("weights ragged", bad(V, "^weights must be a vec.*seq"), weights=[[1.0], [1.0, 2.0]]),
    trail("weights Series", like(), weights=pd.Series([1.0, 0.5])),
    trail("penalty made", bad(T, MAKES + r"L1\(weight=0\.1\)"), penalty=L1(0.1)),
    trail("penalty None", bad(T, MAKES + "None"), penalty=None),
    trail("penalty of two", bad(T, TAKES_WEIGHT + r"\(a, b\)"), penalty=lambda a, b: L1(a)),
    trail("penalty of bounds", bad(T, TAKES_WEIGHT + r"\(lower"), penalty=penalties.Box),
    trail("penalty without weight", bad(T, TAKES_WEIGHT + r"\(\)"), penalty=NonNegative),
    trail("penalty(weight)", bad(T, r"^penalty\(1\) must return a Penalty, got 1"), penalty=float),
    trail("x0 row", bad(V, r"^x0.*at most one dimension.*\(1, 2\)"), x0=[[1.0, 2.0]]),
    trail("options list", bad(T, r"^options must be a dict, got \['x'\]"), options=["x"]),
    trail("return_all", bad(V, "^return_all is not an option of a path"),
          options={"return_all": 1}),
    trail("history", bad(V, "^history is not an option of a path"), options={"history": True}),
    trail("callback", bad(T, "unexpected keyword argument 'callback'"), callback=print),
    trail("fun raises", later(OSError, "^mine"), fun=throws(OSError("mine"))),
)  # fmt: skip

TABLE = (
    *X0, *ARGUMENTS, *BOUNDS, *OPTIONS, *CALLBACKS, *VALUES, *GRADIENTS, *COMPILED, *ARGS,
    *SCHEDULES, *BATCH, *BOX, *TRAIL,
)  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_row(row):
    row.outcome.check(row)


def test_names_are_unique():
    names = [row.name for row in TABLE]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    "value", (np.zeros(2), np.zeros((2, 1)), [1.0, 2.0]), ids=("vector", "matrix", "list")
)
def test_scipy_says_the_same_of_values(value):
    with pytest.raises(ValueError, match=SCALAR):
        scipy.optimize.minimize(returns(value), [0.0, 0.0], method="BFGS")


@pytest.mark.parametrize(
    "given",
    ({"x0": np.zeros((2, 2))}, {"method": "no such"}, {"fun": None}, {"callback": 3}),
    ids=lambda given: next(iter(given)),
)
def test_scipy_raises_the_same_type(given):
    arguments = {"fun": bowl, "x0": np.zeros(2), "jac": gradient, **given}
    with pytest.raises(Exception) as theirs:
        scipy.optimize.minimize(**arguments)
    with pytest.raises(theirs.type):
        minimize(**arguments)
