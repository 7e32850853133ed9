"""Bad and odd input of calls for many problems, one row each."""

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.sparse
from bad_input import (
    INF,
    MASKED,
    METHOD,
    NAN,
    NUMBER,
    ORDER,
    PAIRS,
    RATE,
    SCALAR,
    SECONDS,
    SHAPE,
    TAKES,
    TAKES_X,
    Limits,
    T,
    V,
    bad,
    box,
    distance,
    ends,
    later,
    like,
    many,
    raising,
    returns,
    short,
    sum_of_squares,
    throws,
    trail,
)
from numba import njit
from scipy.optimize import Bounds

from fastmomentum import penalties
from fastmomentum.penalties import L1, TV1D, NonNegative, Simplex

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

TABLE = (*BATCH, *BOX, *TRAIL)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_row(row):
    row.outcome.check(row)


def test_names_are_unique():
    names = [row.name for row in TABLE]
    assert sorted(names) == sorted(set(names))
