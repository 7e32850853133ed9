"""Objectives in parts, on the processor."""

import pickle

import numpy as np
import plain as functions
import pytest
from numba import njit

from fastmomentum import minimize, minimize_batch, multistart, path, scipy_method
from fastmomentum.jit import minimizer
from fastmomentum.objectives import entrywise, sum_of_terms
from fastmomentum.penalties import L1

T = np.linspace(0.0, 4.0, 30)
misfit, n_samples = njit(functions.misfit), njit(functions.n_samples)
residual, slope = njit(functions.residual), njit(functions.slope)
SIGNALS = np.array([[2.0], [3.0]]) * np.exp(-np.array([[0.5], [1.5]]) * T)


@njit
def whole(x, out, t, y):
    out[0] = 0.0
    out[1] = 0.0
    total = 0.0
    for k in range(t.size):
        total += misfit(k, x, out, t, y)
    return total


@njit
def diagonal(i, x, out, curvatures):
    out[i] = curvatures[i] * (x[i] - 1.0)
    return 0.5 * out[i] * (x[i] - 1.0)


def plain(*functions):
    return tuple(getattr(f, "py_func", f) for f in functions)


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [("numba", np.float64), ("numba", np.float32), ("python", np.float64)],
)
def test_sum_of_terms_is_the_loop_over_them(backend, dtype):
    term, count, loop = misfit, n_samples, whole
    if backend == "python":
        term, count, loop = plain(term, count, loop)
    x0, args = np.ones(2, dtype), (T, SIGNALS[0])
    found = minimize(sum_of_terms(term, count), x0, args, jac=True)
    expected = minimize(loop, x0, args, jac=True)
    assert found.backend == expected.backend == backend
    for name in ("x", "fun", "jac", "nfev", "nit", "status"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.mark.parametrize("count", [T.size, np.int64(T.size), n_samples.py_func, n_samples])
def test_number_of_terms(count):
    expected = minimize(whole, np.ones(2), (T, SIGNALS[0]), jac=True)
    found = minimize(sum_of_terms(misfit, count), np.ones(2), (T, SIGNALS[0]), jac=True)
    assert found.backend == "numba"
    np.testing.assert_array_equal(found.x, expected.x)


def test_batch_of_sums():
    fun = sum_of_terms(misfit, n_samples)
    fits = minimize_batch(fun, np.ones(2), (T, SIGNALS), batched=(False, True), jac=True)
    np.testing.assert_allclose(fits.x, [[2.0, 0.5], [3.0, 1.5]], rtol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
def test_rows_and_entries(compiled):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(30, 6)), rng.normal(size=30)
    entry, row = (slope, residual) if compiled else plain(slope, residual)
    # What goes with a compiled function is compiled, too.
    fun = entrywise(entry, row=residual.py_func if compiled else row, n_rows=30)
    res = minimize(fun, np.zeros(6), (a, b), jac=True, options={"gtol": 1e-9})
    assert res.success and res.backend == ("numba" if compiled else "python")
    np.testing.assert_allclose(res.x, np.linalg.lstsq(a, b, rcond=None)[0], rtol=1e-6)
    out = np.empty(6)
    assert fun(res.x, out, a, b) == pytest.approx(0.5 * np.sum((a @ res.x - b) ** 2))
    np.testing.assert_allclose(out, a.T @ (a @ res.x - b), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_entries_alone(dtype):
    curvatures = np.linspace(1.0, 9.0, 50).astype(dtype)
    x0 = np.zeros(50, dtype)
    res = minimize(entrywise(diagonal), x0, (curvatures,), jac=True, options={"gtol": 1e-3})
    assert res.success and res.backend == "numba" and res.x.dtype == dtype
    np.testing.assert_allclose(res.x, 1.0, atol=1e-3)


def test_it_goes_to_other_processes():
    fun = pickle.loads(pickle.dumps(sum_of_terms(misfit, 30)))
    out = np.empty(2)
    assert fun(np.ones(2), out, T, SIGNALS[0]) == whole(np.ones(2), np.empty(2), T, SIGNALS[0])


@pytest.mark.parametrize(
    ("jac", "shown"),
    [
        (None, "None or '2-point'"),
        (np.False_, "None or '2-point'"),
        ("3-point", "'3-point'"),
        (slope, "CPUDisp"),
    ],
)
@pytest.mark.parametrize("compiled", [True, False])
def test_they_are_for_jac_true(compiled, jac, shown):
    """An error before anything is called, in every front end."""
    calls = []

    def term(k, x, out):
        calls.append(k)
        return 0.0

    fun = sum_of_terms(njit(term) if compiled else term, 3)
    fronts = {
        minimize: np.ones(2),
        minimize_batch: np.ones((3, 2)),
        multistart: [(0.0, 1.0)] * 2,
        path: np.ones(2),
        scipy_method("gd"): np.ones(2),
        **({minimizer: "gd"} if compiled else {}),
    }
    for front, where in fronts.items():
        more = {"penalty": L1, "weights": [1.0]} if front is path else {}
        with pytest.raises(ValueError, match=f"^jac must be True for an obj.* got .*{shown}"):
            front(fun, where, jac=jac, **more)
    assert not calls


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sum_of_terms(3, 4), TypeError, r"term must be a function term\(k, x, out"),
        (lambda: sum_of_terms(misfit, 0), ValueError, "n_terms must be positive, got 0"),
        (lambda: sum_of_terms(misfit, 2.0), TypeError, "n_terms must be an int, or a function"),
        (lambda: sum_of_terms(misfit, True), TypeError, "n_terms must be an int"),
        (lambda: sum_of_terms(misfit, 9, threads=3), ValueError, "threads must be .* got 3"),
        (lambda: sum_of_terms(misfit, 9, threads=2.0), ValueError, "threads must be .* got 2.0"),
        (lambda: entrywise("slope"), TypeError, r"entry must be a function entry\(i, x, out"),
        (lambda: entrywise(slope, row=residual), ValueError, "n_rows must be given where row is"),
        (lambda: entrywise(slope, n_rows=3), ValueError, "row must be given where n_rows is"),
        (lambda: entrywise(slope, row=1, n_rows=3), TypeError, r"row must be a function row\("),
        (lambda: entrywise(slope, row=residual, n_rows=-1), ValueError, "n_rows must be positive"),
    ],
)  # fmt: skip
def test_wrong_parts(call, error, words):
    with pytest.raises(error, match=words):
        call()
