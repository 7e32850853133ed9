"""Bad and odd input: what is passed, and what comes of it, one row each.

A row changes some arguments of a call that works. Its outcome is an error before anything is
called (`bad`) or while the functions are called (`later`), the result of another call (`like`),
another start (`starts`), or a status (`ends`).
"""

import inspect
import itertools
import math
import re
import types
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

from fastmomentum import CompilationWarning, minimize, minimize_batch, multistart, path
from fastmomentum.penalties import L1

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


# -- what is said ----------------------------------------------------------------------------------

METHOD = r"^method must be one of gd, momentum, nesterov.*"
PAIRS = r"^bounds must be 2 pairs \(min, max\), or an object with the attributes lb and ub: .*"
ORDER = r"^bounds must be min <= max, with a number between them, got "
NUMBER = r" must be a number in \[0, inf\), got "
TAKES = r"^callback must take the arguments of the call callback\(x\), got .*which takes "
TAKES_X = r"^{0} must take the arguments of the call {0}\({1}\), got .*which takes {2}"
SCALAR = r"must return a scalar value.*"  # SciPy's words
SHAPE = r"^jac must return a gradient of shape \(2,\), got shape "
REALS = r"^jac must return 2 real numbers, got "


# -- functions that are passed ---------------------------------------------------------------------


def raising(error):
    def callback(x):
        raise error

    return callback


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


@njit(cache=True)
def sum_of_squares(x):
    return np.sum(x * x)


@njit(cache=True)
def distance(x, a):
    return np.sum((x - a) * (x - a))


def short(x):
    return x[:1].copy()
