"""Time limits, Ctrl-C and exceptions between the calls of a gradient by differences.

The clock is one of the tests' own: a call of fun takes TAKES seconds, and nothing else takes any.
"""

import ctypes
import time

import numpy as np
import pytest
from numba import carray, cfunc, njit
from scipy import LowLevelCallable

from fastmomentum import Status, minimize, minimize_batch, penalties
from fastmomentum.jit import minimizer

TAKES = 10.0
N = 4
X0 = np.array([-1.2, 1.0, 0.5, 2.0])
PER_GRADIENT = {"2-point": 1 + N, "3-point": 1 + 2 * N, "cs": 1 + N}
NEVER = -1


@njit(cache=True)
def bowl(x, calls, fails_at):
    """Counts its calls in `calls`, and raises an exception in one of them."""
    calls[0] += 1
    if calls[0] == fails_at:
        raise ValueError("no value here")
    total = 0.0 * x[0]
    for i in range(x.size):
        total += (1.0 + i) * (x[i] - 1.0) * (x[i] - 1.0) + 0.1 * x[i] * x[i] * x[i] * x[i]
    return total


def value(x):
    return bowl.py_func(x, np.zeros(1), NEVER)


C_CALLS = np.zeros(1)


@cfunc("float64(intc, CPointer(float64), voidptr)")
def c_bowl(n, data, user_data):
    calls = carray(user_data, 1, dtype=np.float64)
    calls[0] += 1.0
    x = carray(data, n)
    total = 0.0
    for i in range(n):
        total += (1.0 + i) * (x[i] - 1.0) * (x[i] - 1.0) + 0.1 * x[i] * x[i] * x[i] * x[i]
    return total


@pytest.fixture
def calls(monkeypatch):
    """The counter that `bowl` takes; the clock shows its value times TAKES."""
    counter = np.zeros(1)
    monkeypatch.setattr(time, "perf_counter", lambda: TAKES * float(counter[0]))
    return counter


backends = pytest.mark.parametrize("backend", ("python", "numba"))
differences = pytest.mark.parametrize("jac", ("2-point", "3-point", "cs"))
METHODS = ("momentum", "nesterov", "gd", "adam")


def function(backend):
    return bowl if backend == "numba" else bowl.py_func


def solve(calls, backend, jac, x0=X0, *, fails_at=NEVER, maxtime=None, **given):
    options = {"maxtime": maxtime, **given.pop("options", {})}
    return minimize(function(backend), x0, (calls, fails_at), jac=jac, options=options, **given)


def first_calls(jac):
    """Calls of the evaluation at x0; a complex step is compared with central differences there."""
    return PER_GRADIENT[jac] + (2 * N if jac == "cs" else 0)


def after(count):
    """A limit that is over as call number `count` ends, and not before."""
    return TAKES * (count - 0.5)


# -- maxtime ---------------------------------------------------------------------------------------


@backends
@differences
@pytest.mark.parametrize("made", (1, 3, N + 1))
def test_maxtime_in_the_first_gradient(calls, backend, jac, made):
    result = solve(calls, backend, jac, maxtime=after(made))
    assert result.status == Status.MAXTIME and not result.success
    assert result.nfev == calls[0] == made
    assert (result.nit, result.njev) == (0, 1 + (jac == "cs" and made > N))
    assert np.array_equal(result.x, X0) and result.fun == value(X0)
    if made < first_calls(jac):
        assert np.isnan(result.jac).all() and np.isnan(result.grad_norm)
    else:
        assert np.isfinite(result.jac).all() and result.grad_norm == abs(result.jac).max()


@backends
@differences
def test_maxtime_between_x0_and_the_first_step(calls, backend, jac):
    result = solve(calls, backend, jac, maxtime=after(first_calls(jac)))
    assert result.status == Status.MAXTIME
    assert result.nfev == calls[0] == first_calls(jac)
    assert np.array_equal(result.x, X0) and np.isfinite(result.jac).all()


@backends
@differences
@pytest.mark.parametrize("gradients", (1, 2, 4))
@pytest.mark.parametrize("method", METHODS)
def test_maxtime_in_a_later_gradient(calls, backend, jac, gradients, method):
    made = first_calls(jac) + (gradients - 1) * PER_GRADIENT[jac] + 3
    options = {"options": {"gtol": 0.0}, "method": method}
    result = solve(calls, backend, jac, maxtime=after(made), **options)
    assert result.status == Status.MAXTIME
    assert result.nfev == calls[0] == made
    assert result.njev == gradients + 1 + (jac == "cs")
    assert result.fun == value(result.x) < value(X0) or gradients == 1
    assert np.isnan(result.jac).all() or np.isfinite(result.jac).all()
    assert np.isnan(result.grad_norm) == np.isnan(result.jac).any()
    # It goes on as if there had been no break.
    most = {"options": {"gtol": 0.0, "maxiter": 12}, "method": method}
    rest, whole = (solve(np.zeros(1), backend, jac, state=s, **most) for s in (result.state, None))
    for name in ("x", "jac", "fun", "nit", "nfev", "njev", "status"):
        assert np.array_equal(rest[name], whole[name]), name


@pytest.mark.parametrize("jac", ("2-point", "3-point"))
def test_compiled_and_python_runs_stop_at_the_same_call(calls, jac):
    found = []
    for backend in ("python", "numba"):
        calls[0] = 0
        found.append(solve(calls, backend, jac, maxtime=after(3 * PER_GRADIENT[jac] + 2)))
        assert found[-1].backend == backend
    for name in ("x", "jac", "fun", "nit", "nfev", "njev", "status", "learning_rate"):
        assert np.array_equal(found[0][name], found[1][name], equal_nan=True), name


def test_the_lowest_value_counts_where_its_gradient_is_not_known(calls):
    """Found in the gradient under way, it is the result; its gradient is nan."""
    made = 2 * PER_GRADIENT["2-point"] + 1
    for backend in ("python", "numba"):
        calls[0] = 0
        options = {"learning_rate": 0.01}
        result = solve(calls, backend, "2-point", maxtime=after(made), options=options)
        assert result.fun == value(result.x) < value(X0)
        assert np.isnan(result.jac).all() and result.nit == 1


@backends
def test_a_penalty_is_part_of_that_value(calls, backend):
    penalty = penalties.L1(0.5)
    for made in (2, 2 * PER_GRADIENT["2-point"] + 1):
        calls[0] = 0
        result = solve(calls, backend, "2-point", maxtime=after(made), penalty=penalty)
        assert result.status == Status.MAXTIME and result.nfev == made
        assert result.fun == pytest.approx(value(result.x) + 0.5 * abs(result.x).sum(), rel=1e-14)
    result = solve(calls, backend, "2-point", penalty=penalty, options={"maxfev": 3})
    assert result.status == Status.MAXFEV
    assert result.fun == pytest.approx(value(X0) + 0.5 * abs(X0).sum(), rel=1e-14)


@pytest.mark.parametrize("jac", ("2-point", "3-point"))
@pytest.mark.parametrize("made", (1, 4, 2 * N + 1, 40))
def test_maxtime_of_a_c_function(monkeypatch, jac, made):
    """It is not called from Python, at x0 either."""
    C_CALLS[0] = 0
    monkeypatch.setattr(time, "perf_counter", lambda: TAKES * float(C_CALLS[0]))
    user_data = ctypes.cast(C_CALLS.ctypes.data, ctypes.c_void_p)
    fun = LowLevelCallable(c_bowl.ctypes, user_data=user_data)
    result = minimize(fun, X0, jac=jac, options={"maxtime": after(made), "gtol": 0.0})
    assert result.status == Status.MAXTIME
    assert result.nfev == C_CALLS[0] == made
    assert result.fun == pytest.approx(value(result.x), rel=1e-14)
    if made < PER_GRADIENT[jac]:
        assert np.array_equal(result.x, X0) and np.isnan(result.jac).all()


def test_maxtime_in_the_check_of_a_gradient(calls):
    def jac(x, *args):
        return 2.0 * x

    result = solve(calls, "python", jac, maxtime=after(4), options={"check_jac": True})
    assert result.status == Status.MAXTIME
    assert calls[0] <= 5


def test_maxtime_as_a_run_goes_on(calls):
    """One call of fun shows that it is the same; the next gradient is left at once."""
    part = solve(calls, "python", "2-point", options={"maxiter": 3, "gtol": 0.0})
    for backend in ("python", "numba"):
        calls[0] = 0
        rest = solve(calls, backend, "2-point", state=part.state, maxtime=after(1))
        assert rest.status == Status.MAXTIME and calls[0] == 1
        assert (rest.nit, rest.nfev, rest.fun) == (part.nit, part.nfev, part.fun)
        assert np.array_equal(rest.x, part.x) and np.array_equal(rest.jac, part.jac)


@backends
@pytest.mark.parametrize("made", (2, 2 * N + 1, 40))
def test_maxtime_of_a_batch(calls, backend, made):
    fun = function(backend)
    X = np.array([X0, X0[::-1], 2.0 * X0])
    options = {"maxtime": after(made), "gtol": 0.0}
    result = minimize_batch(fun, X, (calls, NEVER), workers=1, options=options)
    assert calls[0] == made
    assert (result.status == Status.MAXTIME).all()
    known = np.isfinite(result.fun)
    assert known[0]
    for x, f in zip(result.x[known], result.fun[known], strict=True):
        assert f == value(x)
    assert np.array_equal(result.x[~known], X[~known])
    # A compiled batch looks at x0 first.
    checked = N + 1 if backend == "numba" and made > N + 1 else 0
    assert result.nfev.sum() == made - checked


# -- Ctrl-C and exceptions -------------------------------------------------------------------------


@pytest.fixture
def pressed(calls, monkeypatch):
    """Ctrl-C arrives as the clock is read after so many calls, once."""

    def press(count):
        left = [1]

        def clock():
            if calls[0] >= count and left:
                left.pop()
                raise KeyboardInterrupt
            return TAKES * float(calls[0])

        monkeypatch.setattr(time, "perf_counter", clock)

    return press


def stopped(error, calls):
    """The result of what an exception in a gradient ended."""
    result = error.value.result
    assert result.nfev == calls[0]
    assert result.status == Status.INTERRUPTED
    assert result.fun == value(result.x)
    return result


@backends
@differences
@pytest.mark.parametrize("made", (2, N + 1))
def test_an_exception_in_the_first_gradient(calls, backend, jac, made):
    with pytest.raises(ValueError, match="no value here") as error:
        solve(calls, backend, jac, fails_at=made)
    result = stopped(error, calls)
    assert np.array_equal(result.x, X0) and np.isnan(result.jac).all()


@backends
@differences
def test_an_exception_in_a_later_gradient(calls, backend, jac):
    made = first_calls(jac) + 2 * PER_GRADIENT[jac] + 3
    with pytest.raises(ValueError, match="no value here") as error:
        solve(calls, backend, jac, fails_at=made)
    result = stopped(error, calls)
    assert result.fun < value(X0)


def test_an_exception_of_jac(calls):
    """fun is known there, too."""

    def jac(x, *args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as error:
        solve(calls, "python", jac)
    assert stopped(error, calls).fun == value(X0)


@backends
@differences
def test_ctrl_c_between_two_calls(calls, pressed, backend, jac):
    for made in (2, first_calls(jac) + PER_GRADIENT[jac] + 3):
        calls[0] = 0
        pressed(made)
        with pytest.raises(KeyboardInterrupt) as error:
            solve(calls, backend, jac, maxtime=1e9)
        result = stopped(error, calls)
        assert calls[0] == made
        assert made > 2 or np.array_equal(result.x, X0)


@backends
@pytest.mark.parametrize("made", (2, N + 3, 40))
def test_an_exception_in_a_batch(calls, backend, made):
    X = np.array([X0, X0[::-1]])
    with pytest.raises(ValueError, match="no value here") as error:
        minimize_batch(function(backend), X, (calls, made), workers=1, options={"gtol": 0.0})
    result, row = error.value.result, error.value.row
    assert calls[0] == made
    assert (result.status == Status.INTERRUPTED).all()
    assert result.fun[row] == value(result.x[row])
    if made == 2 or (made, backend) == (N + 3, "numba"):
        assert np.array_equal(result.x[0], X0) and np.isnan(result.jac[0]).all()


@backends
@pytest.mark.parametrize("made", (2, N + 3))
def test_ctrl_c_in_a_batch(calls, pressed, backend, made):
    X = np.array([X0, X0[::-1]])
    pressed(made)
    with pytest.raises(KeyboardInterrupt) as error:
        minimize_batch(function(backend), X, (calls, NEVER), workers=1, options={"maxtime": 1e9})
    result = error.value.result
    assert (result.status == Status.INTERRUPTED).all()
    assert result.fun[0] == value(result.x[0])
    assert made > 2 or np.array_equal(result.x[0], X0)


# -- values in float32, and differences of exactly 0 -----------------------------------------------


@njit(cache=True)
def single(x):
    """In float32, whatever x is."""
    total = np.float32(0.0)
    for i in range(x.size):
        part = np.float32(x[i]) - np.float32(1.0)
        total += part * part
    return total


@njit(cache=True)
def hidden(x):
    """The same, as float64."""
    return np.float64(single(x))


def rounded(x):
    return round(float(((x - 1.0) ** 2).sum()), 3)


class Tensor:
    """A scalar of another library, which names its types in its own way."""

    class Type:
        def __str__(self):
            return "torch.float32"

    def __init__(self, found):
        self.found, self.dtype = found, self.Type()

    def item(self):
        return float(self.found)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(float(self.found))


START = np.array([3.0, 4.0])
FORMS = {
    "scalar": single.py_func,
    "array": lambda x: np.asarray(single.py_func(x)),
    "array of one": lambda x: np.array([single.py_func(x)]),
    "tensor": lambda x: Tensor(single.py_func(x)),
    "compiled": single,
}


@pytest.mark.parametrize("jac", ("2-point", "3-point"))
@pytest.mark.parametrize("form", FORMS)
def test_values_in_float32_are_given_steps_that_suit_them(form, jac):
    result = minimize(FORMS[form], START, jac=jac)
    assert result.success and result.nit > 0
    assert result.fun < 1e-6 and abs(result.x - 1.0).max() < 1e-3
    known = minimize(FORMS["scalar"], START, jac=jac)
    assert np.array_equal(result.x, known.x) and result.nfev == known.nfev
    assert result.backend == ("numba" if form == "compiled" else "python")


def test_a_compiled_function_of_float32_in_python():
    known = minimize(single, START)
    result = minimize(single, START, options={"backend": "python"})
    assert np.array_equal(result.x, known.x) and result.backend == "python"


def test_a_function_of_float32_in_compiled_code():
    known = minimize(single, START, method="gd")
    found = minimizer(single, method="gd")(START)
    assert np.array_equal(found.x, known.x) and found.nfev == known.nfev


def test_a_complex_step_stays_short():
    """It has no cancellation, and the differences that check it are as long as those of values."""

    def fun(x):
        part = x[0].astype(np.complex64 if x.dtype.kind == "c" else np.float32) - np.float32(1.0)
        return part * part + np.float32(1.0)

    result = minimize(fun, [3.0], jac="cs")
    assert result.success and abs(result.x[0] - 1.0) < 1e-5


@pytest.mark.parametrize("fun", (hidden.py_func, hidden, rounded))
def test_coarse_values_are_no_minimum(fun):
    counted = []

    def counting(x):
        counted.append(1)
        return fun(x)

    result = minimize(counting if fun is not hidden else fun, START)
    assert not result.success and result.status == Status.PRECISION_LOSS
    assert "fun changes over longer steps" in result.message
    assert np.array_equal(result.x, START) and result.fun == 13.0
    assert np.allclose(result.jac, 2.0 * (START - 1.0), rtol=0.05)
    assert result.grad_norm == abs(result.jac).max()
    assert fun is rounded or result.nfev == 3 + 1 + 4
    assert fun is hidden or result.nfev == len(counted)
    again = minimize(fun, START, state=result.state)
    assert (again.status, again.nfev) == (result.status, result.nfev)


@pytest.mark.parametrize(
    "fun",
    (lambda x: 3.0, lambda x: 1e9 + x @ x, lambda x: float(np.floor(abs(x)).sum())),
    ids=("constant", "large", "plateau"),
)
@pytest.mark.parametrize("jac", ("2-point", "3-point"))
def test_a_flat_place_is_a_minimum(fun, jac):
    """As in SciPy: a constant function is at its minimum anywhere."""
    result = minimize(fun, np.array([0.0, 1e-6]), jac=jac)
    assert result.success and not result.jac.any()
    assert result.nit == 0


def test_bounds_keep_the_longer_steps():
    seen = []

    def fun(x):
        seen.append(x.copy())
        return hidden.py_func(x)

    bounds = [(2.9999999, 3.0), (4.0, 4.0000001)]
    result = minimize(fun, START, bounds=bounds)
    assert result.status in (Status.CONVERGED, Status.PRECISION_LOSS)
    low, high = np.array(bounds).T
    assert all((low <= x).all() and (x <= high).all() for x in seen)


def test_limits_of_the_longer_steps(calls):
    def fun(x):
        calls[0] += 1
        return hidden.py_func(x)

    result = minimize(fun, START, options={"maxfev": 7})
    assert result.status == Status.MAXFEV and result.nfev == calls[0] == 3
    for made in (3, 5):
        calls[0] = 0
        result = minimize(fun, START, options={"maxtime": after(made)})
        assert result.status == Status.MAXTIME and result.nfev == calls[0] == made
        assert np.array_equal(result.x, START)


@pytest.mark.parametrize("fun", (hidden.py_func, hidden), ids=("python", "numba"))
@pytest.mark.parametrize("maxfev", (None, 7))
def test_coarse_values_in_a_batch(fun, maxfev):
    X = np.array([START, [1.0, 1.0], [5.0, 2.0]])
    options = {"maxfev": maxfev}
    for bounds in (None, [(0.0, 9.0)] * 2):
        result = minimize_batch(fun, X, bounds=bounds, options=options)
        assert (result.status[::2] == (Status.MAXFEV if maxfev else Status.PRECISION_LOSS)).all()
        for i, x0 in enumerate(X):
            one = minimize(fun, x0, bounds=bounds, options=options)
            for name in ("x", "fun", "jac", "status", "nfev", "grad_norm"):
                assert np.array_equal(result[name][i], one[name]), (name, i)
