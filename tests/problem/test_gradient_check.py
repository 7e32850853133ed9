"""`options={"check_jac": True}`: wrong gradients are found, right ones never called wrong."""

import math

import numpy as np
import pytest
from numba import cfunc, njit, types
from scipy.optimize import Bounds

from fastmomentum import Status, minimize, minimize_batch, multistart, path, problems
from fastmomentum.penalties import L1

CHECK = {"check_jac": True}
WEIGHTS = np.array([1.0, 3.0, 0.5])
START = np.array([0.3, -2.0, 5.0])


# -- every form of jac, compiled and not ---------------------------------------------------------


@njit(cache=True)
def quartic(x, weights, factor):
    """Sum of weights x^4 / 4; `factor` is what its gradients are wrong by."""
    total = 0.0
    for i in range(x.size):
        total += 0.25 * weights[i] * x[i] ** 4
    return total


@njit(cache=True)
def quartic_fill(x, out, weights, factor):
    for i in range(x.size):
        out[i] = factor * weights[i] * x[i] ** 3


@njit(cache=True)
def quartic_jac(x, weights, factor):
    out = np.empty_like(x)
    quartic_fill(x, out, weights, factor)
    return out


@njit(cache=True)
def quartic_pair(x, weights, factor):
    return quartic(x, weights, factor), quartic_jac(x, weights, factor)


@njit(cache=True)
def quartic_fused(x, out, weights, factor):
    quartic_fill(x, out, weights, factor)
    return quartic(x, weights, factor)


FORMS = {
    "callable": (quartic, quartic_jac),
    "in place": (quartic, quartic_fill),
    "pair": (quartic_pair, True),
    "fused": (quartic_fused, True),
}
forms = pytest.mark.parametrize("form", FORMS)
backends = pytest.mark.parametrize("backend", ("numba", "python"))
precisions = pytest.mark.parametrize("dtype", (np.float64, np.float32))


@forms
@backends
@precisions
def test_every_form(form, backend, dtype):
    """A right gradient changes nothing, the counters included; a wrong one is an error."""
    fun, jac = FORMS[form]
    x0, weights = START.astype(dtype), WEIGHTS.astype(dtype)
    options = {"backend": backend, "maxiter": 20}
    plain = minimize(fun, x0, (weights, 1.0), jac=jac, options=options)
    checked = minimize(fun, x0, (weights, 1.0), jac=jac, options={**options, **CHECK})
    assert checked.backend == backend
    for name in ("x", "fun", "nfev", "njev", "nit", "status"):
        assert np.array_equal(plain[name], checked[name]), name
    with pytest.raises(ValueError, match=r"gradient of fun.*at x0, component 2 is .*2 times") as e:
        minimize(fun, x0, (weights, 2.0), jac=jac, options={**options, **CHECK})
    assert ("fun returns" in str(e.value)) == (jac is True)
    assert len(str(e.value)) < 400 and str(e.value).endswith(".")
    assert e.value.result.nfev == 0 and np.array_equal(e.value.result.x, x0)


POINTER = types.CPointer(types.double)


@cfunc(types.double(types.intc, POINTER))
def c_fun(n, x):
    return x[0] ** 2 + 3.0 * x[1] ** 2


@cfunc(types.void(types.intc, POINTER, POINTER))
def c_wrong(n, x, out):
    out[0] = 2.0 * x[0]
    out[1] = -6.0 * x[1]


@cfunc(types.double(types.intc, POINTER, POINTER, types.voidptr))
def c_fused(n, x, out, data):
    out[0] = 2.0 * x[0]
    out[1] = 6.0 * x[1]
    return x[0] ** 2 + 3.0 * x[1] ** 2


def test_c_functions():
    assert minimize(c_fused, [3.0, 4.0], jac=True, options=CHECK).success
    with pytest.raises(ValueError, match=r"component 1 is -24, but 24 by.*All other components"):
        minimize(c_fun, [3.0, 4.0], jac=c_wrong, options=CHECK)


# -- what the error says -------------------------------------------------------------------------


def ramp(x):
    """Its slopes are all different."""
    return float(np.arange(1, x.size + 1) @ (x + 0.1 * x * x))


def ramp_jac(x):
    return np.arange(1, x.size + 1) * (1.0 + 0.2 * x)


def changed(i, value):
    def change(g):
        g[i] = value
        return g

    return change


REASONS = {
    "sign": (lambda g: -g, r"All components have the wrong sign\."),
    "twice": (lambda g: 2.0 * g, r"All components are 2 times what they should be\."),
    "half": (lambda g: 0.5 * g, r"All components are 0\.5 times what they should be\."),
    "mean": (lambda g: g / 6.0, r"All components are 0\.1667 times what they should be\."),
    "zero": (lambda g: 0.0 * g, r"All components of the gradient are 0\."),
    "reversed": (lambda g: g[::-1], r"right, but in reverse order\."),
    "transposed": (lambda g: g.reshape(2, 3).T.ravel(), r"transpose: of an array of shape \(3, 2"),
    "one": (changed(3, 4.5), r"component 3 is 4\.5, but 4\.8 by.*All other components are right"),
    "one of the wrong sign": (changed(0, -1.2), r"component 0 is -1\.2, but 1\.2 by"),
    "nan": (changed(5, math.nan), r"component 5 is nan, but 7\.2 by.*not finite where fun is"),
    "inf": (changed(5, math.inf), r"component 5 is inf, but 7\.2 by.*not finite where fun is"),
    "constant": (lambda g: g + 1.0, r"6 of 6 components are wrong\."),
    "some": (lambda g: g + (np.arange(6) < 2), r"2 of 6 components are wrong\."),
}


@pytest.mark.parametrize("kind", REASONS)
@precisions
def test_reasons(kind, dtype):
    change, text = REASONS[kind]
    with pytest.raises(ValueError, match=text):
        minimize(ramp, np.ones(6, dtype), jac=lambda x: change(ramp_jac(x)), options=CHECK)


@pytest.mark.parametrize(
    ("factor", "text"),
    ((-1.0, "wrong sign"), (2.0, "2 times"), (1.37, "1 of 1 components is wrong")),
)
def test_one_variable(factor, text):
    with pytest.raises(ValueError, match=text):
        minimize(lambda x: x[0] ** 2, [3.0], jac=lambda x: factor * 2.0 * x, options=CHECK)


@pytest.mark.parametrize(
    ("x0", "fun", "jac"),
    [
        (np.zeros(3), lambda x: x @ x, lambda x: 3.0 * x),
        (np.ones(3), lambda x: (x**3).sum(), lambda x: 3.0 * x),
        (
            np.full(3, 0.5),
            lambda x: x[0] ** 2 + x[1] ** 3 * 4 / 3,
            lambda x: [2 * x[0], 2 * x[1], 0],
        ),
        (np.full(3, 0.5), lambda x: np.arange(3) @ x**2, lambda x: 2 * np.arange(3) * x[::-1]),
    ],
    ids=("zeros", "ones", "equal powers", "equal entries"),
)
def test_what_x0_hides(x0, fun, jac):
    """A point beside it shows it."""
    with pytest.raises(
        ValueError, match=r"at a point near x0, where x\[\d\] = [-\d.e]+, component"
    ):
        minimize(fun, x0, jac=jac, options=CHECK)


# -- right gradients -----------------------------------------------------------------------------

RIGHT = {
    "small variables": (lambda x: ((x * 1e8 - 1) ** 2).sum(), lambda x: 2e8 * (x * 1e8 - 1), 2e-8),
    "large variables": (lambda x: ((x / 1e8) ** 4).sum(), lambda x: 4e-8 * (x / 1e8) ** 3, 3e8),
    "steep": (lambda x: 1e12 * (x @ x), lambda x: 2e12 * x, 0.3),
    "flat": (lambda x: 1e-30 * (x**4).sum(), lambda x: 4e-30 * x**3, 0.3),
    "large constant": (lambda x: 1e9 + x @ x, lambda x: 2.0 * x, 1.0),
    "large differences": (lambda x: (x @ x + 1e9) - 1e9, lambda x: 2.0 * x, 1.0),
    "exponential": (lambda x: np.exp(20.0 * x).sum(), lambda x: 20.0 * np.exp(20.0 * x), 1.0),
    "waves": (lambda x: np.sin(1e5 * x).sum(), lambda x: 1e5 * np.cos(1e5 * x), 0.3),
    "kink": (lambda x: np.abs(x).sum(), np.sign, 0.0),
    "kink, from the right": (lambda x: np.maximum(x, 0.0).sum(), lambda x: 1.0 * (x >= 0), 0.0),
    "at the minimum": (lambda x: ((x - 0.3) ** 2).sum(), lambda x: 2.0 * (x - 0.3), 0.3),
    "constant": (lambda x: 4.0, lambda x: np.zeros(3), 1.0),
    "in float32": (
        lambda x: np.float32(x[0]) ** 2 + np.float32(x[1]) ** 2,
        lambda x: [2.0 * x[0], 2.0 * x[1], 0.0],
        3.0,
    ),
    "end of the domain": (
        lambda x: np.log(x).sum() if x.min() > 0 else math.nan, lambda x: 1 / x, 1e-9
    ),
    "raises outside": (lambda x: sum(map(math.log, x)), lambda x: 1 / x, 1e-9),
    "next to infinity": (
        lambda x: x.sum() if x.max() < 1.0 + 1e-9 else math.inf, lambda x: np.ones(3), 1.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT)
def test_right_gradients(kind):
    fun, jac, start = RIGHT[kind]
    with np.errstate(all="ignore"):
        minimize(fun, np.full(3, start), jac=jac, options={**CHECK, "maxiter": 0})


@pytest.mark.parametrize(
    "kind", sorted(RIGHT.keys() - {"kink", "kink, from the right", "constant"})
)
def test_the_same_with_a_factor(kind):
    """What is taken for right is not merely what cannot be told."""
    fun, jac, start = RIGHT[kind]
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="check_jac"):
        minimize(fun, np.full(3, start), jac=lambda x: 1.1 * np.asarray(jac(x)), options=CHECK)


@precisions
def test_problems_have_the_right_gradients(dtype):
    for name in problems.names("classical")[::3]:
        p = problems.get(name)
        if p.n <= 12:
            options = {**CHECK, "maxiter": 0, "backend": "python"}
            minimize(p.fun, p.x0.astype(dtype), p.args, jac=p.grad, options=options)


def test_not_finite_at_x0():
    """The run says so."""
    found = minimize(lambda x: math.nan, [1.0], jac=lambda x: x, options=CHECK)
    assert found.status == Status.NONFINITE and found.nfev == 1


# -- bounds, sizes, calls ------------------------------------------------------------------------


@pytest.mark.parametrize("x0", (0.0, 1.0, 0.5, 1e-7))
def test_bounds(x0):
    """Nothing is evaluated outside; what has no room is not looked at."""
    seen = []

    def fun(x):
        seen.append(x.copy())
        return float(x[0] + 2.0 * x[1] + 1e6 * x[2] + x[3] ** 2)

    def jac(x):
        return np.array([1.0, 2.0, -7.0, 2.0 * x[3]])

    lower, upper = np.array([0.0, 0.0, x0, 0.0]), np.array([1.0, 1.0, x0, x0 + 1e-6])
    options = {**CHECK, "maxiter": 0}
    minimize(fun, np.full(4, x0), jac=jac, bounds=Bounds(lower, upper), options=options)
    assert len(seen) > 12
    assert all((lower <= x).all() and (x <= upper).all() for x in seen)
    with pytest.raises(ValueError, match="2 times"):
        minimize(lambda x: x.sum(), [x0], jac=lambda x: [2.0], bounds=[(0.0, 1.0)], options=options)


def test_large():
    """Of many variables some are looked at; and the calls are as many as documented."""
    n, calls = 5000, [0, 0]

    def fun(x):
        calls[0] += 1
        return float(x @ x)

    def jac(x):
        calls[1] += 1
        return 2.0 * x

    result = minimize(fun, np.ones(n), jac=jac, options={**CHECK, "maxiter": 0})
    assert (result.nfev, result.njev) == (1, 1)
    assert calls == [4 * 1000 + 3 + 1, 2 + 1]
    with pytest.raises(ValueError, match="wrong sign"):
        minimize(fun, np.ones(n), jac=lambda x: -jac(x), options=CHECK)
    with pytest.raises(ValueError, match="of 1000 components looked at are wrong"):
        minimize(fun, np.ones(n), jac=lambda x: jac(x) + (np.arange(n) % 2), options=CHECK)


def test_limits_are_those_of_the_run():
    fun, jac = FORMS["in place"]
    options = {**CHECK, "maxfev": 3}
    assert minimize(fun, START, (WEIGHTS, 1.0), jac=jac, options=options).nfev == 3


def test_exceptions_and_ctrl_c():
    def fun(x, error):
        raise error

    for error in (ArithmeticError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            minimize(fun, [1.0], (error,), jac=lambda x, error: x, options=CHECK)
        assert np.array_equal(caught.value.result.x, [1.0])
    options = {**CHECK, "on_interrupt": "return"}
    found = minimize(fun, [1.0], (KeyboardInterrupt(),), jac=lambda x, e: x, options=options)
    assert found.status == Status.INTERRUPTED


# -- many problems -------------------------------------------------------------------------------


@forms
@backends
def test_batch(form, backend):
    """The first problem that can be started is looked at, and no other."""
    fun, jac = FORMS[form]
    options = {**CHECK, "backend": backend, "maxiter": 3}
    X0 = np.array([np.full(3, np.nan), START, START, START])

    def run(factors):
        return minimize_batch(
            fun, X0, (WEIGHTS, np.array(factors)), (False, True), jac=jac, options=options
        )

    assert run([9.0, 1.0, 1.0, 1.0]).status.tolist() == [3, 1, 1, 1]
    assert run([1.0, 1.0, 2.0, -1.0]).backend == backend
    with pytest.raises(ValueError, match=r"check_jac.*2 times") as caught:
        run([1.0, 2.0, 1.0, 1.0])
    assert caught.value.row == 1
    assert caught.value.result.nfev.tolist() == [0, 0, 0, 0]


def test_batch_with_bounds_of_each_problem_looks_once():
    calls = [0]

    def fun(x):
        calls[0] += 1
        return float(x @ x)

    X0 = np.ones((4, 2))
    bounds = Bounds(np.array([[-np.inf] * 2, [0.5] * 2] * 2), np.inf)
    options = {"maxiter": 0, **CHECK}
    found = minimize_batch(fun, X0, jac=lambda x: 2 * x, bounds=bounds, options=options)
    assert found.nfev.sum() == 4
    assert calls[0] == 4 + 3 + 2 * 2 * 2


def test_multistart_and_path():
    def wrong(x):
        return -2.0 * x

    calls = [0]

    def right(x):
        calls[0] += 1
        return 2.0 * x

    with pytest.raises(ValueError, match="wrong sign"):
        multistart(lambda x: x @ x, [(-1.0, 1.0)] * 2, 4, jac=wrong, seed=0, options=CHECK)
    with pytest.raises(ValueError, match="wrong sign"):
        path(lambda x: x @ x, [1.0], L1, [1.0, 0.5], jac=wrong, options=CHECK)
    found = path(lambda x: x @ x, [1.0], L1, [1.0, 0.5], jac=right, options=CHECK)
    assert calls[0] == found.njev.sum() + 2
    assert CHECK == {"check_jac": True}
