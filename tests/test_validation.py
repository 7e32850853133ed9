"""What `minimize` refuses, in which words, and odd input that it takes."""

import decimal
import fractions
import gc
import math
import re
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmomentum import minimize

NAN, INF = math.nan, math.inf
METHOD_NAMES = "gd.*momentum.*nesterov"


class Spy:
    """A bowl that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        with np.errstate(all="ignore"):
            return float(np.sum((x - 1.0) * (x - 1.0)))


def gradient(x):
    with np.errstate(all="ignore"):
        return 2.0 * (x - 1.0)


def run(fun=None, x0=(0.0, 0.0), options=None, raw_options=None, **keywords):
    """`minimize` with options added to a learning rate, or `raw_options` as they are."""
    keywords.setdefault("jac", gradient)
    options = {"learning_rate": 0.1, **(options or {})} if raw_options is None else raw_options
    return minimize(Spy() if fun is None else fun, x0, options=options, **keywords)


class Bad(NamedTuple):
    """A call, the exception it must raise, and a regular expression for its message."""

    name: str
    keywords: dict[str, Any]
    error: type[Exception]
    match: str


def option(name, value, error, match, **keywords):
    shown = re.sub(r"\s+", " ", repr(value))
    return Bad(f"{name}={shown[:30]}", {"options": {name: value}, **keywords}, error, match)


class Table:
    """Has the array protocol, as a pandas object."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Odd:
    """Neither callable, nor a number."""

    def __repr__(self):
        return "<Odd>"


BAD_X0 = (
    Bad("x0 empty list", {"x0": []}, ValueError, r"x0 must have at least one element.*empty"),
    Bad("x0 empty array", {"x0": np.empty(0)}, ValueError, r"x0 must have at least one element"),
    Bad("x0 2-D", {"x0": np.zeros((2, 3))}, ValueError, r"x0.*one dimension.*\(2, 3\)"),
    Bad("x0 column", {"x0": [[1.0], [2.0]]}, ValueError, r"x0.*one dimension.*\(2, 1\)"),
    Bad("x0 2-D empty", {"x0": np.zeros((0, 2))}, ValueError, r"x0.*\(0, 2\)"),
    Bad("x0 matrix", {"x0": np.ones((1, 2)).view(np.matrix)}, ValueError, r"x0.*\(1, 2\)"),
    Bad("x0 ragged", {"x0": [[1.0], [2.0, 3.0]]}, ValueError, r"x0 must be a vector of real"),
    Bad("x0 object", {"x0": np.array([1, Odd()])}, TypeError, r"x0 must hold real.*object"),
    Bad("x0 None", {"x0": None}, TypeError, r"x0 must hold real numbers.*object"),
    Bad("x0 None inside", {"x0": [1.0, None]}, TypeError, r"x0 must hold real numbers.*object"),
    Bad("x0 dict", {"x0": {"a": 1.0}}, TypeError, r"x0 must hold real numbers.*object"),
    Bad("x0 set", {"x0": {1.0, 2.0}}, TypeError, r"x0 must hold real numbers.*object"),
    Bad("x0 string", {"x0": "1, 2"}, TypeError, r"x0 must hold real numbers.*<U4"),
    Bad("x0 strings", {"x0": ["1", "2"]}, TypeError, r"x0 must hold real numbers.*<U1"),
    Bad("x0 bytes", {"x0": [b"1"]}, TypeError, r"x0 must hold real numbers.*S1"),
    Bad("x0 complex", {"x0": [1j, 2.0]}, TypeError, r"x0 must hold real numbers.*complex128"),
    Bad("x0 complex, real", {"x0": [1 + 0j]}, TypeError, r"x0 must hold real.*complex128"),
    Bad("x0 dates", {"x0": np.array(["2020"], "M8[D]")}, TypeError, r"x0 must hold.*datetime64"),
    Bad("x0 records", {"x0": np.zeros(2, "f8,f8")}, TypeError, r"x0 must hold real numbers"),
    Bad("x0 huge int", {"x0": [10**400]}, TypeError, r"x0 must hold real numbers.*object"),
    Bad("x0 nan", {"x0": [0.0, NAN]}, ValueError, r"x0 must be finite.*x0\[1\] = nan"),
    Bad("x0 inf", {"x0": [INF, 0.0]}, ValueError, r"x0 must be finite.*x0\[0\] = inf"),
    Bad("x0 -inf", {"x0": -INF}, ValueError, r"x0 must be finite.*x0\[0\] = -inf"),
    Bad("x0 float32 nan", {"x0": np.float32([NAN])}, ValueError, r"x0 must be finite.*x0\[0\]"),
    Bad("x0 float16 inf", {"x0": np.float16([INF])}, ValueError, r"x0 must be finite.*inf"),
    Bad("x0 longdouble", {"x0": np.array([np.longdouble("1e4000")])}, ValueError, r"x0.*finite"),
)
BAD_FUN = (
    Bad("fun string", {"fun": "sin"}, TypeError, r"fun must be callable.*'sin'"),
    Bad("fun number", {"fun": 3}, TypeError, r"fun must be callable.*3"),
    Bad("fun object", {"fun": Odd()}, TypeError, r"fun must be callable.*<Odd>"),
    Bad("jac misspelt", {"jac": "2point"}, ValueError, r"jac must be.*'2point'.*mean '2-point'"),
    Bad("jac upper case", {"jac": "CS"}, ValueError, r"jac must be.*'CS'"),
    Bad("jac unknown", {"jac": "autograd"}, ValueError, r"jac must be.*'cs'.*'autograd'"),
    Bad("jac object", {"jac": Odd()}, TypeError, r"jac must be.*<Odd>"),
    Bad("jac number", {"jac": 1}, TypeError, r"jac must be.*got 1\."),
    Bad("jac array", {"jac": np.zeros(2)}, TypeError, r"jac must be.*array\(\[0\., 0\.\]\)"),
    Bad("callback", {"callback": 5}, TypeError, r"callback must be callable.*5"),
    Bad("callback list", {"callback": [print]}, TypeError, r"callback must be callable.*\["),
)
BAD_METHOD = (
    Bad("method misspelt", {"method": "momentun"}, ValueError, r"'momentun'.*mean 'momentum'"),
    Bad("method Nestrov", {"method": "Nestrov"}, ValueError, r"'Nestrov'.*mean 'nesterov'"),
    Bad("method of SciPy", {"method": "BFGS"}, ValueError, rf"{METHOD_NAMES}.*'BFGS'"),
    Bad("method empty", {"method": ""}, ValueError, rf"method must be one of {METHOD_NAMES}.*''"),
    Bad("method space", {"method": " gd"}, ValueError, r"method must be one of.*' gd'"),
    Bad("method int", {"method": 3}, TypeError, rf"method must be one of {METHOD_NAMES}.*3"),
    Bad("method bytes", {"method": b"gd"}, TypeError, r"method must be one of.*b'gd'"),
    Bad("bounds", {"bounds": [(0, 1), (1, 0)]}, ValueError, r"bounds must be min <= max"),
    Bad(
        "constraints",
        {"constraints": {"type": "eq", "fun": sum}},
        ValueError,
        r"constraints are not supported",
    ),
    Bad(
        "constraints in a list",
        {"constraints": [scipy.optimize.LinearConstraint([[1.0, 1.0]], 0.0)]},
        ValueError,
        r"constraints are not supported",
    ),
)
BAD_OPTIONS = (
    Bad("options list", {"raw_options": ["gtol"]}, TypeError, r"options must be a dict.*'gtol'"),
    Bad("options string", {"raw_options": "gtol"}, TypeError, r"options must be a dict.*'gtol'"),
    Bad("options number", {"raw_options": 1e-5}, TypeError, r"options must be a dict.*1e-05"),
    option("maxIter", 5, ValueError, r"'momentum'.*no option 'maxIter'.*mean 'maxiter'"),
    option("max_iter", 5, ValueError, r"no option 'max_iter'.*mean 'maxiter'"),
    option("iter", 5, ValueError, r"no option 'iter'"),
    option("gtoll", 5, ValueError, r"no option 'gtoll'.*mean 'gtol'"),
    option("GTOL", 5, ValueError, r"no option 'GTOL'.*mean 'gtol'"),
    option("f_tol", 5, ValueError, r"no option 'f_tol'.*mean 'ftol'"),
    option("learningrate", 0.1, ValueError, r"'learningrate'.*mean 'learning_rate'"),
    option("lr", 0.1, ValueError, r"no option 'lr'.*learning_rate"),
    option("max_time", 1, ValueError, r"no option 'max_time'.*mean 'maxtime'"),
    option("maxfun", 9, ValueError, r"no option 'maxfun'.*mean 'maxfev'"),
    option("pateince", 9, ValueError, r"no option 'pateince'.*mean 'patience'"),
    option("return_al", 1, ValueError, r"no option 'return_al'.*mean 'return_all'"),
    option(1, 2, ValueError, r"no option 1\b"),
    option("momentum", 0.5, ValueError, r"'gd' has no option 'momentum'", method="gd"),
    option("eps", 1e-8, ValueError, r"no option 'eps'"),
    # learning_rate in (0, inf)
    option("learning_rate", 0, ValueError, r"learning_rate must be in \(0, inf\), got 0\."),
    option("learning_rate", -0.0, ValueError, r"learning_rate must be in \(0, inf\), got -0\.0"),
    option("learning_rate", -0.1, ValueError, r"learning_rate must be in \(0, inf\), got -0\.1"),
    option("learning_rate", NAN, ValueError, r"learning_rate must be in \(0, inf\), got nan"),
    option("learning_rate", INF, ValueError, r"learning_rate must be in \(0, inf\), got inf"),
    option("learning_rate", "fast", ValueError, r"learning_rate must be 'auto'.*'fast'"),
    option("learning_rate", "Auto", ValueError, r"learning_rate must be 'auto'.*'Auto'"),
    option("learning_rate", "0.1", ValueError, r"learning_rate must be 'auto'.*'0\.1'"),
    option("learning_rate", None, TypeError, r"learning_rate must be a number.*None"),
    option("learning_rate", True, TypeError, r"learning_rate must be a number.*True"),
    option("learning_rate", np.bool_(True), TypeError, r"learning_rate must be a number"),
    option("learning_rate", 0.1j, TypeError, r"learning_rate must be a number.*0\.1j"),
    option("learning_rate", [0.1], TypeError, r"learning_rate must be a number.*\[0\.1\]"),
    option("learning_rate", np.array([0.1]), TypeError, r"learning_rate must be a number.*array"),
    option("learning_rate", 10**400, ValueError, r"learning_rate must be"),
    # momentum in [0, 1)
    option("momentum", 1.0, ValueError, r"momentum must be in \[0, 1\), got 1\.0"),
    option("momentum", 1, ValueError, r"momentum must be in \[0, 1\), got 1\."),
    option("momentum", 1.5, ValueError, r"momentum must be in \[0, 1\), got 1\.5"),
    option("momentum", -0.1, ValueError, r"momentum must be in \[0, 1\), got -0\.1"),
    option("momentum", NAN, ValueError, r"momentum must be in \[0, 1\), got nan"),
    option("momentum", "x", ValueError, r"momentum must be.*a number in \[0, 1\).*'x'"),
    option("momentum", None, TypeError, r"momentum must be.*a number in \[0, 1\).*None"),
    option("momentum", False, TypeError, r"momentum must be.*a number in \[0, 1\).*False"),
    # tolerances >= 0
    option("gtol", -1e-9, ValueError, r"gtol must be a number in \[0, inf\), got -1e-09"),
    option("gtol", NAN, ValueError, r"gtol must be a number in \[0, inf\), got nan"),
    option("gtol", "1e-5", TypeError, r"gtol must be a number.*'1e-5'"),
    option("gtol", True, TypeError, r"gtol must be a number.*True"),
    option("gtol", [1e-5, 1e-5], TypeError, r"gtol must be a number.*\[1e-05, 1e-05\]"),
    option("gtol", 1e-5j, TypeError, r"gtol must be a number.*1e-05j"),
    option("gtol", decimal.Decimal("1e-5"), TypeError, r"gtol must be a number.*Decimal"),
    option("ftol", -1, ValueError, r"ftol must be a number in \[0, inf\), got -1"),
    option("ftol", NAN, ValueError, r"ftol must be a number.*nan"),
    option("ftol", None, TypeError, r"ftol must be a number.*None"),
    option("xtol", -1.0, ValueError, r"xtol must be a number in \[0, inf\), got -1\.0"),
    option("xtol", "small", TypeError, r"xtol must be a number.*'small'"),
    # limits
    option("maxiter", -1, ValueError, r"maxiter must be an integer in \[0, inf\), got -1"),
    option("maxiter", 2.5, ValueError, r"maxiter must be an integer.*2\.5"),
    option("maxiter", NAN, ValueError, r"maxiter must be an integer.*nan"),
    option("maxiter", "100", TypeError, r"maxiter must be an integer.*'100'"),
    option("maxiter", True, TypeError, r"maxiter must be an integer.*True"),
    option("maxfev", 0, ValueError, r"maxfev must be an integer in \[1, inf\), got 0"),
    option("maxfev", -5, ValueError, r"maxfev must be an integer in \[1, inf\), got -5"),
    option("maxfev", 1.5, ValueError, r"maxfev must be an integer.*1\.5"),
    option("maxfev", "many", TypeError, r"maxfev must be an integer.*'many'"),
    option("maxtime", 0, ValueError, r"maxtime must be a number in \(0, inf\), got 0"),
    option("maxtime", -1.0, ValueError, r"maxtime must be a number in \(0, inf\), got -1\.0"),
    option("maxtime", NAN, ValueError, r"maxtime must be a number.*nan"),
    option("maxtime", "1s", TypeError, r"maxtime must be a number.*'1s'"),
    option("patience", 0, ValueError, r"patience must be an integer in \[1, inf\), got 0"),
    option("patience", 2.5, ValueError, r"patience must be an integer.*2\.5"),
    option("patience", [3], TypeError, r"patience must be an integer.*\[3\]"),
    # the rest
    option("norm", 0.5, ValueError, r"norm must be a number >= 1, inf or -inf, got 0\.5"),
    option("norm", 0, ValueError, r"norm must be a number >= 1, inf or -inf, got 0"),
    option("norm", -2, ValueError, r"norm must be a number >= 1, inf or -inf, got -2"),
    option("norm", NAN, ValueError, r"norm must be a number >= 1, inf or -inf, got nan"),
    option("norm", "fro", TypeError, r"norm must be a number >= 1, inf or -inf, got 'fro'"),
    option("norm", None, TypeError, r"norm must be a number >= 1, inf or -inf, got None"),
    option("disp", "yes", TypeError, r"disp must be True or False, got 'yes'"),
    option("disp", None, TypeError, r"disp must be True or False, got None"),
    option("return_all", 1.0, TypeError, r"return_all must be True or False, got 1\.0"),
    option("history", "all", TypeError, r"history must be True or False, got 'all'"),
    option("history", [], TypeError, r"history must be True or False, got \[\]"),
    option("on_interrupt", "retrun", ValueError, r"on_interrupt must.*'retrun'.*mean 'return'"),
    option("on_interrupt", True, TypeError, r"on_interrupt must be one of 'raise', 'return'"),
    option("backend", "nubma", ValueError, r"backend must be.*'nubma'.*mean 'numba'"),
    option("backend", None, TypeError, r"backend must be one of 'auto', 'numba', 'python'"),
    option("backend", "numba", TypeError, r"fun must be a Numba function"),
    # tol
    Bad("tol negative", {"tol": -1e-3}, ValueError, r"tol must be a number.*-0\.001"),
    Bad("tol nan", {"tol": NAN}, ValueError, r"tol must be a number.*nan"),
    Bad("tol string", {"tol": "1e-3"}, TypeError, r"tol must be a number.*'1e-3'"),
    Bad("tol bool", {"tol": True}, TypeError, r"tol must be a number.*True"),
    Bad("tol list", {"tol": [1e-3]}, TypeError, r"tol must be a number.*\[0\.001\]"),
    Bad(
        "tol, though gtol is given",
        {"tol": -1.0, "options": {"gtol": 1e-5}},
        ValueError,
        r"tol must be a number.*-1\.0",
    ),
)
BAD = BAD_X0 + BAD_FUN + BAD_METHOD + BAD_OPTIONS


@pytest.mark.parametrize("row", BAD, ids=lambda row: row.name)
def test_bad_argument(row):
    spy = Spy()
    with pytest.raises(row.error, match=row.match) as caught:
        run(**{"fun": spy, **row.keywords})
    assert type(caught.value) is row.error
    assert spy.calls == 0, "fun was called before its arguments were checked"
    assert len(str(caught.value)) < 600


def test_table_is_large_and_its_ids_unique():
    assert len(BAD) >= 80


def test_fun_none():
    with pytest.raises(TypeError, match=r"fun must be callable.*None"):
        minimize(None, [0.0])


@pytest.mark.parametrize("times", (1, 2, 3))
def test_errors_are_the_same_the_next_time(times):
    # Options that were checked once are remembered: only good ones may be.
    for _ in range(times):
        with pytest.raises(ValueError, match=r"gtol must be.*-1"):
            run(options={"gtol": -1})
        with pytest.raises(TypeError, match=r"maxiter must be.*True"):
            run(options={"maxiter": True})
        assert run(options={"maxiter": 1}).nit == 1
        assert run(options={"maxiter": 1.0}).nit == 1


def test_equal_options_of_other_types_are_not_mixed_up():
    assert run(options={"disp": 0, "maxiter": 1}).nit == 1
    with pytest.raises(TypeError, match=r"disp must be.*0\.0"):
        run(options={"disp": 0.0, "maxiter": 1})
    with pytest.raises(TypeError, match=r"maxiter must be.*True"):
        run(options={"disp": 0, "maxiter": True})
    assert run(method="gd", options={"maxiter": 1}).x.dtype == np.float64
    assert run(x0=np.zeros(2, np.float32), method="gd", options={"maxiter": 1}).x.dtype == "f4"


def test_mutable_schedule_is_read_anew():
    class Rate:
        value = 0.1

        def __call__(self, k):
            return self.value

    rate = Rate()
    assert run(options={"learning_rate": rate, "maxiter": 1}).learning_rate == 0.1
    rate.value = 0.2
    assert run(options={"learning_rate": rate, "maxiter": 1}).learning_rate == 0.2


def test_options_are_not_kept_alive():
    # A schedule may hold data of any size.
    class Rate:
        def __call__(self, k):
            return 0.1

    rate = Rate()
    alive = weakref.ref(rate)
    run(options={"learning_rate": rate, "maxiter": 1})
    del rate
    gc.collect()
    assert alive() is None


# -- what fun and jac return -----------------------------------------------------------------------


def returns(value):
    return lambda x: value


SCALAR = "must return a scalar value"  # SciPy's words
BAD_RETURNS = (
    Bad("None", {"fun": returns(None)}, ValueError, rf"{SCALAR}.*NoneType"),
    Bad("array", {"fun": returns(np.zeros(2))}, ValueError, rf"{SCALAR}.*\(2,\)"),
    Bad("empty array", {"fun": returns(np.zeros(0))}, ValueError, rf"{SCALAR}.*\(0,\)"),
    Bad("list", {"fun": returns([1.0, 2.0])}, ValueError, rf"{SCALAR}.*list"),
    Bad("string", {"fun": returns("1.0")}, ValueError, rf"{SCALAR}.*str.*'1\.0'"),
    Bad("complex", {"fun": returns(1j)}, ValueError, rf"{SCALAR}.*complex"),
    Bad("complex array", {"fun": returns(np.array(1j))}, ValueError, SCALAR),
    Bad("object", {"fun": returns(Odd())}, ValueError, rf"{SCALAR}.*Odd"),
    Bad("dict", {"fun": returns({"f": 1.0})}, ValueError, rf"{SCALAR}.*dict"),
    Bad("pair, no jac", {"fun": returns((1.0, np.zeros(2))), "jac": None}, ValueError, SCALAR),
    Bad("pair and jac", {"fun": returns((1.0, np.zeros(2)))}, ValueError, SCALAR),
    Bad("huge array", {"fun": returns(np.zeros(10**5))}, ValueError, SCALAR),
    Bad("jac=True, float", {"jac": True}, ValueError, r"jac=True.*\(f, gradient\)"),
    Bad("jac=True, None", {"fun": returns(None), "jac": True}, ValueError, r"jac=True.*NoneType"),
    Bad(
        "jac=True, triple",
        {"fun": returns((1.0, np.zeros(2), 3)), "jac": True},
        ValueError,
        r"jac=True.*\(f, gradient\).*tuple",
    ),
    Bad(
        "jac=True, order swapped",
        {"fun": returns((np.zeros(2), 1.0)), "jac": True},
        ValueError,
        r"gradient of shape \(2,\).*shape \(\)",
    ),
    Bad("jac None", {"jac": returns(None)}, ValueError, r"jac must return 2 real.*NoneType"),
    Bad("jac float", {"jac": returns(1.0)}, ValueError, r"jac.*shape \(2,\), got shape \(\)"),
    Bad("jac too long", {"jac": returns(np.zeros(3))}, ValueError, r"jac.*\(2,\).*\(3,\)"),
    Bad("jac too short", {"jac": returns(np.zeros(1))}, ValueError, r"jac.*\(2,\).*\(1,\)"),
    Bad("jac empty", {"jac": returns([])}, ValueError, r"jac.*\(2,\).*\(0,\)"),
    Bad("jac column", {"jac": returns(np.zeros((2, 1)))}, ValueError, r"jac.*\(2,\).*\(2, 1\)"),
    Bad("jac row", {"jac": returns(np.zeros((1, 2)))}, ValueError, r"jac.*\(2,\).*\(1, 2\)"),
    Bad("jac complex", {"jac": returns([1j, 0])}, ValueError, r"jac.*real.*complex128"),
    Bad("jac strings", {"jac": returns(["a", "b"])}, ValueError, r"jac.*real.*<U1"),
    Bad("jac ragged", {"jac": returns([[1.0], [1, 2]])}, ValueError, r"jac.*2 real numbers"),
    Bad("jac does not write", {"jac": lambda x, out: None}, ValueError, r"jac.*write.*unchanged"),
)


@pytest.mark.parametrize("row", BAD_RETURNS, ids=lambda row: row.name)
def test_bad_return_value(row):
    with pytest.raises(row.error, match=row.match) as caught:
        run(**row.keywords)
    assert len(str(caught.value)) < 600


def test_complex_step_of_a_real_function():
    # An honest fun returns complex numbers for complex x; one that drops the imaginary part must
    # not give a zero gradient, that is, success at x0.
    def real_part(x):
        return float(np.sum((x.real - 1.0) ** 2))

    with pytest.raises(ValueError, match=r"jac='cs'.*complex.*3-point"):
        run(fun=real_part, jac="cs")


@pytest.mark.parametrize("row", BAD_RETURNS[:10], ids=lambda row: row.name)
def test_bad_value_later(row):
    # Not only the first value is checked.
    bad, spy = row.keywords["fun"], Spy()

    def fun(x):
        return spy(x) if spy.calls < 3 else bad(x)

    with pytest.raises(row.error, match=row.match) as caught:
        run(fun=fun)
    assert caught.value.result.nfev >= 3


@pytest.mark.parametrize(
    "fun",
    (np.zeros(2), np.zeros((2, 1)), [1.0, 2.0]),
    ids=("vector", "matrix", "list"),
)
def test_scipy_raises_the_same_for_values(fun):
    with pytest.raises(ValueError, match=SCALAR):
        scipy.optimize.minimize(returns(fun), [0.0, 0.0], method="BFGS")
    with pytest.raises(ValueError, match=SCALAR):
        run(fun=returns(fun), jac=None)


@pytest.mark.parametrize(
    "keywords",
    (
        {"x0": np.zeros((2, 2))},
        {"method": "no such"},
        {"fun": None},
        {"callback": 3},
    ),
    ids=lambda keywords: next(iter(keywords)),
)
def test_scipy_raises_the_same_type(keywords):
    arguments = {"fun": Spy(), "x0": np.zeros(2), "jac": gradient, **keywords}
    with pytest.raises(Exception) as theirs:
        scipy.optimize.minimize(**arguments)
    with pytest.raises(theirs.type):
        minimize(**arguments, options={"learning_rate": 0.1})


# -- bad schedules ---------------------------------------------------------------------------------

BAD_SCHEDULES = (
    ("learning_rate", lambda k: -1.0, ValueError, r"learning_rate\(0\).*inf\).*-1\.0"),
    ("learning_rate", lambda k: NAN, ValueError, r"learning_rate\(0\).*nan"),
    ("learning_rate", lambda k: INF, ValueError, r"learning_rate\(0\).*inf"),
    ("learning_rate", lambda k: "a", TypeError, r"learning_rate\(0\) must be a number.*'a'"),
    ("learning_rate", lambda k: None, TypeError, r"learning_rate\(0\) must be a number.*None"),
    ("learning_rate", lambda k: [1, 2], TypeError, r"learning_rate\(0\) must be a number"),
    ("learning_rate", lambda k: 0.1 - 0.1 * (k == 7) * 3, ValueError, r"learning_rate\(7\)"),
    ("momentum", lambda k: 1.0, ValueError, r"momentum\(0\) must be in \[0, 1\).*1\.0"),
    ("momentum", lambda k: -0.5, ValueError, r"momentum\(0\) must be in \[0, 1\).*-0\.5"),
    ("momentum", lambda k: 0.9 + 0.2 * (k > 2), ValueError, r"momentum\(3\) must be in \[0, 1\)"),
)


@pytest.mark.parametrize(("name", "schedule", "error", "match"), BAD_SCHEDULES)
def test_bad_schedule(name, schedule, error, match):
    with pytest.raises(error, match=match):
        run(options={name: schedule})


def test_schedule_of_two_arguments():
    with pytest.raises(TypeError):
        run(options={"learning_rate": lambda k, x: 0.1})


def test_exception_of_a_schedule_propagates():
    def schedule(k):
        if k >= 3:
            raise ZeroDivisionError("at 3")
        return 0.1

    with pytest.raises(ZeroDivisionError, match="at 3"):
        run(options={"learning_rate": schedule})


# -- hess, hessp -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ("hess", "hessp"))
@pytest.mark.parametrize("method", ("gd", "momentum", "nesterov"))
def test_hess_warns_as_scipy(name, method):
    def product(*args):
        raise AssertionError("must not be called")

    with pytest.warns(RuntimeWarning) as theirs:
        scipy.optimize.minimize(Spy(), [0.0], jac=gradient, method="CG", **{name: product})
    with pytest.warns(RuntimeWarning) as ours:
        result = run(method=method, **{name: product})
    assert result.success
    assert len(ours) == 1
    assert str(ours[0].message) == str(theirs[0].message).replace("CG", method)
    assert ours[0].filename == __file__, "the warning must point at the caller of minimize"


@pytest.mark.parametrize("constraints", ((), [], None))
def test_no_constraints(constraints):
    assert run(constraints=constraints).success


# -- odd, but fine ---------------------------------------------------------------------------------


class Fine(NamedTuple):
    """x0, and what the run must start from."""

    name: str
    x0: Any
    dtype: str
    values: list[float]


READ_ONLY = np.array([0.5, 2.0])
READ_ONLY.flags.writeable = False


class Sub(np.ndarray):
    """A subclass; x must not be one."""


FINE = (
    Fine("float", 0.5, "f8", [0.5]),
    Fine("int", 3, "f8", [3.0]),
    Fine("0-d", np.array(0.5), "f8", [0.5]),
    Fine("0-d float32", np.float32(0.5), "f4", [0.5]),
    Fine("list", [0.5, 2.0], "f8", [0.5, 2.0]),
    Fine("tuple", (0.5, 2), "f8", [0.5, 2.0]),
    Fine("range", range(3), "f8", [0.0, 1.0, 2.0]),
    Fine("ints", [1, 2, 3], "f8", [1.0, 2.0, 3.0]),
    Fine("uint8", np.array([0, 255], np.uint8), "f8", [0.0, 255.0]),
    Fine("int64, large", np.array([2**53]), "f8", [2.0**53]),
    Fine("bools", [True, False], "f8", [1.0, 0.0]),
    Fine("float32", np.array([0.5, 2.0], np.float32), "f4", [0.5, 2.0]),
    Fine("float32, swapped bytes", np.array([0.5, 2.0], ">f4"), "f4", [0.5, 2.0]),
    Fine("float64, swapped bytes", np.array([0.5, 2.0], ">f8"), "f8", [0.5, 2.0]),
    Fine("float16", np.array([0.5, 2.0], np.float16), "f8", [0.5, 2.0]),
    Fine("longdouble", np.array([0.5, 2.0], np.longdouble), "f8", [0.5, 2.0]),
    Fine("read-only", READ_ONLY, "f8", [0.5, 2.0]),
    Fine("strided", np.arange(6.0)[::2], "f8", [0.0, 2.0, 4.0]),
    Fine("reversed", np.arange(3.0)[::-1], "f8", [2.0, 1.0, 0.0]),
    Fine("row of a Fortran array", np.ones((3, 2), order="F")[0], "f8", [1.0, 1.0]),
    Fine("broadcast", np.broadcast_to(0.5, 3), "f8", [0.5, 0.5, 0.5]),
    Fine("misaligned", np.frombuffer(bytearray(17)[1:], np.float64), "f8", [0.0, 0.0]),
    Fine("subclass", np.array([0.5, 2.0]).view(Sub), "f8", [0.5, 2.0]),
    Fine("array protocol", Table([0.5, 2.0]), "f8", [0.5, 2.0]),
    Fine("subnormal", [5e-324, -0.0], "f8", [5e-324, 0.0]),
    Fine("large", [1e100], "f8", [1e100]),
)


@pytest.mark.parametrize("row", FINE, ids=lambda row: row.name)
def test_fine_x0(row):
    before = np.array(row.x0)
    seen = []

    def fun(x):
        seen.append(x)
        return float(np.sum((x - 1.0) * (x - 1.0)))

    result = run(fun=fun, x0=row.x0, options={"maxiter": 3})
    assert all(type(x) is np.ndarray and x.dtype == row.dtype for x in seen)
    assert all(x.flags.c_contiguous and x.flags.writeable and x.dtype.isnative for x in seen)
    assert np.array_equal(seen[0], row.values)
    assert result.x.dtype == row.dtype
    assert result.x.shape == (len(row.values),)
    assert np.array_equal(np.array(row.x0), before), "x0 was modified"
    if isinstance(row.x0, np.ndarray):
        assert not np.shares_memory(result.x, row.x0)


def test_fun_may_write_into_x():
    # It gets a copy, as in SciPy.
    def rude(x):
        value = float(np.sum((x - 1.0) * (x - 1.0)))
        x[:] = 1e9
        return value

    def rude_gradient(x):
        g = gradient(x)
        x[:] = NAN
        return g

    x0 = np.zeros(2)
    polite, result = run(x0=x0), run(fun=rude, jac=rude_gradient, x0=x0)
    assert np.array_equal(result.x, polite.x)
    assert result.nfev == polite.nfev
    assert np.array_equal(x0, np.zeros(2))


def test_gradient_buffer_may_be_reused():
    # Many jac functions return the same array each time.
    buffer = np.empty(2)

    def reusing(x):
        buffer[:] = 2.0 * (x - 1.0)
        return buffer

    result = run(jac=reusing, options={"history": True})
    assert np.array_equal(result.x, run().x)
    buffer[:] = NAN
    assert np.isfinite(result.jac).all()


FINE_VALUES = (
    ("int", lambda f: round(f)),
    ("0-d array", np.array),
    ("array of one", lambda f: np.array([f])),
    ("matrix of one", lambda f: np.array([[f]])),
    ("float32", np.float32),
    ("longdouble", np.longdouble),
    ("fraction", fractions.Fraction),
    ("array protocol", lambda f: Table([f])),
)


@pytest.mark.parametrize("convert", [c for _, c in FINE_VALUES], ids=[i for i, _ in FINE_VALUES])
def test_fine_values(convert):
    spy = Spy()
    result = run(fun=lambda x: convert(spy(x)), options={"maxiter": 5})
    assert type(result.fun) is float
    assert result.fun == pytest.approx(float(np.asarray(convert(Spy()(result.x))).item()))


FINE_GRADIENTS = (
    ("list", lambda g: g.tolist()),
    ("tuple", tuple),
    ("ints", lambda g: np.rint(g).astype(int)),
    ("float32", lambda g: g.astype(np.float32)),
    ("strided", lambda g: np.repeat(g, 2)[::2]),
    ("array protocol", Table),
    ("read-only", lambda g: np.broadcast_to(g, (1, g.size))[0]),
)


@pytest.mark.parametrize(
    "convert", [c for _, c in FINE_GRADIENTS], ids=[i for i, _ in FINE_GRADIENTS]
)
def test_fine_gradients(convert):
    result = run(jac=lambda x: convert(gradient(x)), options={"maxiter": 5})
    assert result.jac.dtype == np.float64
    assert np.array_equal(result.jac, np.asarray(convert(gradient(result.x)), np.float64))


def test_gradient_of_one_variable_may_be_a_scalar():
    result = run(x0=0.0, jac=lambda x: float(gradient(x)[0]))
    assert result.success
    assert result.jac.shape == (1,)


@pytest.mark.parametrize("pair", (tuple, list), ids=("tuple", "list"))
def test_fun_and_gradient_in_one(pair):
    spy = Spy()
    result = run(fun=lambda x: pair((spy(x), gradient(x))), jac=True)
    assert np.array_equal(result.x, run().x)
    assert result.nfev == result.njev == spy.calls


ARGS = (
    ("tuple", (2.0,), (2.0,)),
    ("number", 2.0, (2.0,)),
    ("array", np.array([1.0, 2.0]), None),
    ("list", [1.0, 2.0], ([1.0, 2.0],)),
    ("string", "abc", ("abc",)),
    ("None", None, (None,)),
    ("empty", (), ()),
    ("dict", {"a": 1}, ({"a": 1},)),
)


@pytest.mark.parametrize(("args", "expected"), [a[1:] for a in ARGS], ids=[a[0] for a in ARGS])
def test_args(args, expected):
    seen = []

    def fun(x, *rest):
        seen.append(rest)
        return float(np.sum(x * x))

    def jac(x, *rest):
        seen.append(rest)
        return 2.0 * x

    theirs = []
    scipy.optimize.minimize(
        lambda x, *rest: theirs.append(rest) or float(x @ x), [1.0], args=args, method="BFGS"
    )
    run(fun=fun, jac=jac, x0=[1.0], args=args)
    expected = (args,) if expected is None else expected
    assert all(len(a) == len(expected) and all(map(np.array_equal, a, expected)) for a in seen)
    assert len(theirs[0]) == len(seen[0])


@pytest.mark.parametrize("jac", (None, False, np.bool_(False), "2-point"))
def test_spellings_of_two_point(jac):
    spy = Spy()
    result = run(fun=spy, jac=jac)
    assert np.array_equal(result.x, run(jac="2-point").x)
    assert result.nfev == spy.calls


def test_numpy_true():
    assert run(fun=lambda x: (Spy()(x), gradient(x)), jac=np.bool_(True)).success


@pytest.mark.parametrize(
    "value",
    (1e-3, np.float64(1e-3), np.float32(1e-3), np.array(1e-3), fractions.Fraction(1, 1000), 0, 1),
    ids=repr,
)
def test_numbers_of_all_kinds(value):
    result = run(options={"gtol": value})
    assert result.grad_norm <= float(value) or result.status == 2


@pytest.mark.parametrize("limit", (5, 5.0, np.int8(5), np.uint64(5), np.float32(5), np.array(5)))
def test_limits_of_all_kinds(limit):
    assert run(options={"maxiter": limit}).nit == 5
    assert run(options={"maxfev": limit}).nfev == 5


@pytest.mark.parametrize("limit", (2**62, 2**63, 2**64, 10**30, 10**400, INF))
def test_huge_limits(limit):
    result = run(options={"maxiter": limit, "maxfev": limit, "patience": limit, "maxtime": 1e300})
    assert result.success


def test_infinite_maxtime():
    assert run(options={"maxtime": INF}).success


@pytest.mark.parametrize("name", ("gtol", "maxiter", "maxfev", "maxtime", "patience"))
def test_none_is_the_default(name):
    assert np.array_equal(run(options={name: None}).x, run().x)


@pytest.mark.parametrize("name", ("GD", "Momentum", "NESTEROV"))
def test_method_names_ignore_case(name):
    assert np.array_equal(run(method=name).x, run(method=name.lower()).x)


def test_arguments_are_not_modified():
    options = {"learning_rate": 0.1, "gtol": 1e-3}
    kept = dict(options)
    args = ([1.0, 2.0],)
    minimize(lambda x, a: float(x @ x), np.ones(2), args, options=options, tol=1e-4)
    assert options == kept
    assert args == ([1.0, 2.0],)


def test_momentum_0_is_gradient_descent():
    momentum = run(method="momentum", options={"momentum": 0, "maxiter": 20})
    assert np.array_equal(momentum.x, run(method="gd", options={"maxiter": 20}).x)


@pytest.mark.parametrize("rate", (1e-300, 5e-324, 1e30))
def test_extreme_learning_rates(rate):
    result = run(options={"learning_rate": rate, "maxiter": 5})
    assert result.learning_rate == rate
    assert result.fun <= 2.0


@pytest.mark.parametrize(
    ("name", "value"), (("learning_rate", 1e40), ("learning_rate", 1e-50), ("momentum", 1 - 1e-9))
)
def test_numbers_that_float32_does_not_hold(name, value):
    # They round to inf, 0 and 1 in float32, which the rules exclude.
    with pytest.raises(ValueError, match=rf"{name} must be in"):
        run(x0=np.zeros(2, np.float32), options={name: value, "maxiter": 5})


# -- any value for any option ----------------------------------------------------------------------

NUMERIC = (
    "learning_rate",
    "momentum",
    "gtol",
    "norm",
    "ftol",
    "xtol",
    "maxiter",
    "maxfev",
    "maxtime",
    "patience",
)
ANYTHING = st.one_of(
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.integers(-3, 12),
    st.integers(),
    st.sampled_from([10**309, -(10**309), np.int64(-(2**63)), np.uint64(2**64 - 1)]),
    st.booleans(),
    st.none(),
    st.text(max_size=5),
    st.complex_numbers(),
    st.lists(st.floats(), max_size=2),
    st.fractions(),
    st.decimals(),
    st.floats().map(np.array),
    st.just(np.array([1.0, 2.0])),
    st.binary(max_size=3),
)


@pytest.mark.parametrize("name", NUMERIC)
@settings(max_examples=80, deadline=None)
@given(value=ANYTHING)
def test_any_value(name, value):
    spy = Spy()
    options = {"learning_rate": 0.1, "maxiter": 3, "backend": "python", name: value}
    try:
        result = minimize(spy, np.zeros(2), jac=gradient, options=options)
    except (ValueError, TypeError) as error:
        assert str(error).startswith(f"{name} must be"), error
        assert spy.calls == 0
        return
    assert not isinstance(value, bool | str | bytes | list | complex | decimal.Decimal)
    assert spy.calls == result.nfev
    if value is None:
        return
    try:
        number = float(value)
    except OverflowError:
        number = INF
    assert not math.isnan(number)
    recorded = {
        "learning_rate": result.learning_rate == number or result.nit == 0,
        "momentum": 0.0 <= number < 1.0,
        "norm": number >= 1.0 or number == -INF,
        "gtol": number >= 0.0 and (result.grad_norm <= number) == result.success,
        "ftol": number >= 0.0,
        "xtol": number >= 0.0,
        "maxiter": result.nit <= number,
        "maxfev": 1 <= result.nfev <= number,
        "maxtime": number > 0.0,
        "patience": number >= 1.0,
    }
    assert recorded[name]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(st.floats(), max_size=4),
        st.floats(),
        st.lists(st.integers(), max_size=4),
        st.lists(st.complex_numbers(), max_size=2),
        st.text(max_size=4),
        st.none(),
        st.lists(st.lists(st.floats(0, 1), max_size=2), max_size=2),
    )
)
def test_any_x0(x0):
    spy = Spy()
    try:
        result = run(fun=spy, x0=x0, options={"maxiter": 2})
    except (ValueError, TypeError) as error:
        assert "x0" in str(error)
        assert spy.calls == 0
        return
    assert result.x.shape == np.atleast_1d(x0).shape
    assert np.isfinite(result.x).all()


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_any_option_name(name):
    known = {"gtol", "ftol", "xtol", "norm", "disp"}
    with pytest.raises((ValueError, TypeError), match=r"option|must be"):
        run(options={name + "_" * (name in known): object()})
