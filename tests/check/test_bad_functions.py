"""Bad and odd functions, one row each: what they take, return, raise and write."""

import fractions
import threading

import numpy as np
import objectives
import pandas as pd
import pytest
import scipy.optimize
import scipy.sparse
from bad_input import (
    INF,
    MASKED,
    NAN,
    RATE,
    REALS,
    SCALAR,
    SECONDS,
    SHAPE,
    TAKES,
    TAKES_X,
    Odd,
    T,
    Table,
    V,
    bad,
    both,
    bowl,
    distance,
    ends,
    gradient,
    later,
    like,
    raising,
    returns,
    short,
    single,
    sum_of_squares,
    then,
    throws,
)
from numba import njit

from fastmomentum import CompilationWarning, Status, minimize

# -- callbacks -------------------------------------------------------------------------------------


def spoil(x):
    x[:] = NAN


def spoil_result(intermediate_result):
    intermediate_result.x[:] = intermediate_result.jac[:] = NAN
    intermediate_result.clear()


def nested(x):
    assert minimize(bowl, [3.0], jac=gradient, options={"maxiter": 2}).nfev > 1


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
OUT = r"must write the gradient into out: out\[\d\] is unchanged"
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


def value_of_vector(x):
    return x


def no_value(x):
    return None


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


TABLE = (*CALLBACKS, *VALUES, *GRADIENTS, *COMPILED, *SCHEDULES)


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
