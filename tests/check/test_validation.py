"""Options that are remembered, numbers of all kinds, and any value for any option."""

import decimal
import fractions
import gc
import math
import weakref

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmomentum import minimize

NAN, INF = math.nan, math.inf


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


def run(fun=None, x0=(0.0, 0.0), options=None, **keywords):
    """`minimize` with options added to a learning rate."""
    keywords.setdefault("jac", gradient)
    options = {"learning_rate": 0.1, **(options or {})}
    return minimize(Spy() if fun is None else fun, x0, options=options, **keywords)


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


@pytest.mark.parametrize("constraints", ((), [], {}, None, np.array([])))
def test_no_constraints(constraints):
    assert run(constraints=constraints).success


# -- odd, but fine ---------------------------------------------------------------------------------


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


@pytest.mark.parametrize("pair", (tuple, list), ids=("tuple", "list"))
def test_fun_and_gradient_in_one(pair):
    spy = Spy()
    result = run(fun=lambda x: pair((spy(x), gradient(x))), jac=True)
    assert np.array_equal(result.x, run().x)
    assert result.nfev == result.njev == spy.calls


@pytest.mark.parametrize("jac", (None, False, np.bool_(False), "2-point"))
def test_spellings_of_two_point(jac):
    spy = Spy()
    result = run(fun=spy, jac=jac)
    assert np.array_equal(result.x, run(jac="2-point").x)
    assert result.nfev == spy.calls


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
        "maxiter": result.nit <= math.ceil(min(number, 1e9)),  # as in SciPy
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
