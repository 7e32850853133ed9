"""Bad and odd arguments, bounds and options, one row each: see `bad_input`."""

import datetime
import decimal
import types

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
    SECONDS,
    Limits,
    Odd,
    Row,
    Silent,
    Sub,
    T,
    Table,
    V,
    bad,
    bowl,
    gradient,
    like,
    option,
    single,
    starts,
    x0,
)
from scipy.optimize import Bounds, LinearConstraint

from fastmomentum import minimize
from fastmomentum.penalties import L1, TV2D, NonNegative, Prox, Simplex

# -- what is passed --------------------------------------------------------------------------------

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


TABLE = (*X0, *ARGUMENTS, *BOUNDS, *OPTIONS, *ARGS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_row(row):
    row.outcome.check(row)


def test_names_are_unique():
    names = [row.name for row in TABLE]
    assert sorted(names) == sorted(set(names))


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
