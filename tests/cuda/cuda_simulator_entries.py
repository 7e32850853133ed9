"""Objectives by entries on the device, in Numba's simulator, beside the loops of the processor.

Run by test_cuda.py like cuda_simulator.py. With one thread both sides must agree to the last bit.
"""

import numpy as np
import pytest
import simulator  # noqa: F401 - mends it
from cases import AUTOMATIC, METHODS
from numba import cuda, njit
from parts import LEAST_SQUARES, ROSENBROCK, residual, slope
from plain import entry
from simulated import Frozen

from fastmomentum import Status, minimize, penalties, schedules
from fastmomentum._cuda import large, launch, team
from fastmomentum._minimize.device import run as _minimize_cuda
from fastmomentum._report.status import without_state
from fastmomentum.objectives import entrywise, sum_of_terms

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
SAME = ("x", "jac", "nit", "nfev", "njev", "status", "grad_norm", "learning_rate")
ALSO_SAME = ("n_restarts", "line_search_failures", "success")
START = 0.3 * np.random.default_rng(3).normal(size=7)
BOUNDS = [(None, 0.2), (-0.2, 0.2), (0.1, 0.1), *[(-1.0, 1.0)] * 4]
RNG = np.random.default_rng(5)
DATA = RNG.normal(size=(12, 7)), RNG.normal(size=12), 2.0
PROBLEMS = {"entries": (ROSENBROCK, ()), "rows": (LEAST_SQUARES, DATA)}


def assert_same_run(problem, x0=START, *, exact=True, put=cuda.to_device, **kwargs):
    fun, args = PROBLEMS.get(problem, (problem, ()))
    with np.errstate(all="ignore"):
        device = minimize(fun, put(x0), args, jac=True, **kwargs)
        processor = minimize(fun, x0, args, jac=True, **kwargs)
    assert device.backend == "cuda" and type(device.x) is type(device.jac) is type(put(x0))
    found = {**device, **{v: _to_host(device[v]) for v in ("x", "jac")}}
    automatic = "learning_rate" not in kwargs["options"]
    for name in (*SAME, *(ALSO_SAME if automatic else ())):
        if exact:
            np.testing.assert_array_equal(found[name], processor[name], err_msg=name)
        else:
            np.testing.assert_allclose(found[name], processor[name], rtol=1e-6, err_msg=name)
    # A thread adds its own entries first.
    np.testing.assert_allclose(found["fun"], processor.fun, rtol=1e-6 if not exact else 1e-14)
    assert device.message == without_state(processor.message)
    return device


def _to_host(array):
    return array.values if isinstance(array, Frozen) else array.copy_to_host()


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", AUTOMATIC)
def test_automatic_rate(method, problem):
    res = assert_same_run(problem, method=method, options={"maxiter": 12})
    assert res.nfev > 8


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", METHODS)
def test_given_rate(method, problem):
    options = {"learning_rate": 1e-3, "maxiter": 15}
    res = assert_same_run(problem, method=method, options=options)
    assert res.nit == 15
    assert_same_run(problem, method=method, bounds=BOUNDS, options=options)


@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
def test_bounds_and_penalties(method):
    res = assert_same_run("entries", method=method, bounds=BOUNDS, options={"maxiter": 10})
    assert res.x.copy_to_host()[2] == 0.1
    penalty = penalties.L1(0.3)
    assert_same_run("rows", method=method, penalty=penalty, options={"maxiter": 10})


@pytest.mark.parametrize("threads", [2, 8])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_team_of_threads(problem, threads, monkeypatch):
    monkeypatch.setattr(team, "SIMULATED_THREADS", threads)
    res = assert_same_run(problem, exact=False, options={"maxiter": 3})
    assert res.nfev > 3


@pytest.mark.parametrize("options", [{"maxiter": 30}, {"learning_rate": 1e-3, "maxiter": 30}])
def test_single_precision(options):
    x0 = START.astype(np.float32)
    res = minimize(ROSENBROCK, cuda.to_device(x0), jac=True, options=options)
    host = minimize(ROSENBROCK, x0, jac=True, options=options)
    assert res.x.dtype == res.jac.dtype == np.float32
    if "learning_rate" in options:
        np.testing.assert_array_equal(res.x.copy_to_host(), host.x)
        np.testing.assert_allclose(res.fun, host.fun, rtol=1e-5)
    else:
        # All numbers are float32 on the device: the way differs.
        assert res.fun < 0.5 * ROSENBROCK(x0, np.empty_like(x0))


RULES = (
    {"gtol": 3.0},
    {"ftol": 1e-2},
    {"xtol": 1e-2},
    {"maxfev": 5},
    {"maxfev": 1},
    {"maxiter": 0},
    {"maxiter": 1},
    {"patience": 1},
    {"norm": 2, "gtol": 3.0},
)


@pytest.mark.parametrize("option", [*RULES, {"norm": -np.inf, "gtol": 1e-2}], ids=str)
def test_rules_of_automatic_rates(option):
    assert_same_run("entries", options={"maxiter": 25, **option})


@pytest.mark.parametrize(
    "option",
    [
        *RULES,
        {"learning_rate": 1.0},  # diverges
        {"learning_rate": 4e-3, "momentum": 0.97, "patience": 3},
        {"learning_rate": schedules.Step(1e-3, 0.5, 5), "momentum": 0.5},
        {"norm": 1, "gtol": 3.0},
        {"norm": 3.5, "gtol": 3.0},
    ],
    ids=str,
)
def test_rules_of_given_rates(option):
    assert_same_run("entries", options={"learning_rate": 1e-3, "maxiter": 40, **option})


@pytest.mark.parametrize("momentum", [0.9, 0.97, 0.99])
@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
def test_the_lowest_point_wins(most, momentum, monkeypatch):
    # On its way the value rises and falls: wherever a launch ends, the lowest point is kept.
    monkeypatch.setattr(_minimize_cuda, "CHUNK_SECONDS", 1e9)
    from fastmomentum._minimize.device import entries as _minimize_cuda_entries

    monkeypatch.setattr(_minimize_cuda_entries.EntryEvaluation, "most_ahead", most)
    for maxiter in (20, 21, 22, 33):
        options = {"learning_rate": 4e-3, "momentum": momentum, "maxiter": maxiter}
        assert_same_run("entries", options=options)
    found = assert_same_run("entries", options={"maxiter": 15})
    assert found.nit == 15


@pytest.mark.parametrize("rate", ["auto", 1e-2])
@pytest.mark.parametrize("start", [2.0, 0.9])
def test_values_that_are_not_finite(rate, start):
    def cliff(i, x, out):
        out[i] = -1.0 / (1.0 - x[i]) if x[i] < 1.0 else np.nan
        return np.log(1.0 - x[i]) if x[i] < 1.0 else np.nan

    x0 = np.array([start, 0.0])
    options = {"maxiter": 40, **({} if rate == "auto" else {"learning_rate": rate})}
    res = assert_same_run(entrywise(cliff), x0, options=options)
    assert not res.success and (res.nfev == 1) == (start == 2.0)


@pytest.mark.parametrize("options", [{"maxiter": 6}, {"maxiter": 6, "learning_rate": 1e-3}])
def test_callback(options):
    seen, expected = [], []
    given = {"jac": True, "options": options}
    minimize(
        ROSENBROCK,
        cuda.to_device(START),
        callback=lambda intermediate_result: seen.append(intermediate_result),
        **given,
    )
    minimize(
        ROSENBROCK,
        START,
        callback=lambda intermediate_result: expected.append(intermediate_result),
        **given,
    )
    assert len(seen) == len(expected) == 6
    for found, known in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(found.x.copy_to_host(), known.x)
        for name in ("nit", "nfev", "njev", "grad_norm", "learning_rate"):
            assert found[name] == known[name], name

    def stop(x):
        raise StopIteration

    res = minimize(ROSENBROCK, cuda.to_device(START), callback=stop, **given)
    assert (res.status, res.nit) == (Status.CALLBACK, 1)

    def fail(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        minimize(ROSENBROCK, cuda.to_device(START), callback=fail, **given)
    assert caught.value.result.nfev > 0


@pytest.mark.parametrize("options", [{}, {"learning_rate": 1e-3}])
def test_a_fault_of_the_device_is_what_is_raised(options, monkeypatch):
    """Whatever else fails after it."""

    class FaultError(Exception):
        pass

    def look(self):
        raise FaultError("illegal address")

    monkeypatch.setattr(large.Work, "look", look)
    with pytest.raises(FaultError) as caught:
        minimize(ROSENBROCK, cuda.to_device(START), jac=True, options=options)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("options", [{}, {"learning_rate": 1e-3}])
def test_time_limit(options):
    options = {**options, "maxtime": 1e-9}
    res = minimize(ROSENBROCK, cuda.to_device(START), jac=True, options=options)
    assert res.status == Status.MAXTIME and res.nfev == 1
    np.testing.assert_array_equal(res.x.copy_to_host(), START)


@pytest.mark.parametrize("options", [{"maxiter": 5}, {"maxiter": 5, "learning_rate": 1e-3}])
def test_arrays_known_by_dlpack_alone(options):
    assert_same_run("entries", put=Frozen, options=options)
    given = minimize(
        LEAST_SQUARES,
        Frozen(START),
        (cuda.to_device(DATA[0]), Frozen(DATA[1]), Frozen(np.array(2.0))),
        jac=True,
        options=options,
    )
    expected = assert_same_run("rows", options=options)
    np.testing.assert_array_equal(given.x.values, expected.x.copy_to_host())


def test_rows_are_counted_from_the_arrays_of_the_kernels():
    # Frozen arrays have no size, and those of other libraries one of their own kind.
    counted = entrywise(slope, row=residual, n_rows=lambda x, a, b, weight: b.size)
    given = (Frozen(DATA[0]), Frozen(DATA[1]), 2.0)
    found = minimize(counted, Frozen(START), given, jac=True, options={"maxiter": 5})
    expected = minimize(LEAST_SQUARES, START, DATA, jac=True, options={"maxiter": 5})
    np.testing.assert_array_equal(found.x.values, expected.x)


@njit
def root(z):
    if z < 0.0:
        raise ValueError("negative")
    return z**0.5


def raising(i, x, out):
    out[i] = x[i]
    return root(x[i])


def asserting(r, x, w, a, b, weight):
    assert r < 12
    return 0.0


def test_numbers_in_args_have_the_precision_of_the_run():
    for value in (2.0, np.float64(2.0), np.float32(2.0), np.array(2.0)):
        assert type(launch.shared_argument(value, np.float32)) is np.float32
    for value in (2, np.int32(2), True):
        assert launch.shared_argument(value, np.float32) is value


def with_rows(count):
    return {"fun": entrywise(slope, row=residual, n_rows=lambda *_: count), "args": DATA}


@pytest.mark.parametrize(
    ("error", "match", "change"),
    [
        (ValueError, "n_rows must give a positive int on a device, got 0", with_rows(0)),
        (ValueError, "n_rows must give a positive int on a device, got 2.5", with_rows(2.5)),
        (ValueError, "n_rows must give a positive int on a device, got None", with_rows(None)),
        (
            ValueError,
            r"entry must not raise exceptions .* leave `raise` and `assert` out of root, line",
            {"fun": entrywise(raising)},
        ),
        (
            ValueError,
            "row must not raise exceptions .* out of asserting, line",
            {"fun": entrywise(slope, row=asserting, n_rows=12), "args": DATA},
        ),
        (ValueError, "jac must be True .* got None or '2-point'", {"jac": None}),
        (ValueError, "jac must be True", {"jac": lambda x: x}),
        (ValueError, "fun must not be a sum of terms", {"fun": sum_of_terms(entry, 7)}),
        (TypeError, "numbers and arrays in args, got a str", {"args": ("text",)}),
        (TypeError, "arrays of numbers in args, got <U1", {"args": (np.array(["a"]),)}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"learning_rate": 1e-3}])
def test_what_is_not_possible(error, match, change, options):
    given = {"fun": ROSENBROCK, "x0": cuda.to_device(START), "jac": True, **change}
    with pytest.raises(error, match=match):
        minimize(given.pop("fun"), given.pop("x0"), options=options, **given)
