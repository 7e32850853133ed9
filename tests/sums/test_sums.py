"""Mini-batches, beside loops in NumPy."""

import time

import numpy as np
import pytest
from numba import njit
from shards import N, Part, data, squares, squares_pair
from sum_runs import EPOCHS, RATES, SIZE, assert_same, run

from fastmomentum import CompilationWarning, Status, minimize_sum, schedules
from fastmomentum._methods import METHODS
from fastmomentum.distributed import ShardedSum


def batch_gradients(seed, rows=240, epochs=EPOCHS, size=SIZE):
    """The gradient of each batch's mean, as functions of x, in the documented order."""
    A, b = data()
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(rows)
        for begin in range(0, rows, size):
            part = order[begin : begin + size]
            yield lambda x, part=part: squares_pair(x, A[part], b[part])[1] / len(part)


def by_hand(method, rate, gradients):
    """The published rules; Adam as in PyTorch."""
    x, v, s = np.zeros(N), np.zeros(N), np.zeros(N)
    for k, gradient in enumerate(gradients):
        eta = rate(k) if callable(rate) else rate
        if method == "gd":
            x = x - eta * gradient(x)
        elif method == "momentum":
            v = 0.9 * v + eta * gradient(x)
            x = x - v
        elif method == "nesterov":
            v = 0.9 * v + eta * gradient(x - 0.9 * v)
            x = x - v
        else:
            g = gradient(x)
            v = 0.9 * v + 0.1 * g
            s = 0.999 * s + 0.001 * g * g
            denominator = np.sqrt(s / (1.0 - 0.999 ** (k + 1))) + 1e-8
            x = x - eta * v / (1.0 - 0.9 ** (k + 1)) / denominator
    return x


def optimum():
    return np.linalg.lstsq(*data(), rcond=None)[0]


@pytest.mark.parametrize("method", RATES)
@pytest.mark.parametrize("fun", [squares, squares_pair])
def test_steps_are_those_of_the_rule(method, fun):
    res = run(method, fun)
    np.testing.assert_allclose(res.x, by_hand(method, RATES[method], batch_gradients(7)), rtol=1e-9)
    A, b = data()
    f, g = squares_pair(res.x, A, b)
    assert res.fun == pytest.approx(f / 240, rel=1e-12)
    np.testing.assert_allclose(res.jac, g / 240, rtol=1e-9, atol=1e-12)
    assert (res.nit, res.nfev, res.epochs, res.n_passes) == (15, 16, 3, 4.0)
    assert res.success and res.status == Status.EPOCHS and "state" in res
    assert res.message == ("All epochs were run. For more raise `epochs` and go on with `state`.")
    assert res.history["fun"].shape == (3,) and res.history["fun"][-1] < res.history["fun"][0]


def test_a_gtol_that_is_given_is_to_be_met():
    options = {"learning_rate": RATES["gd"]}
    for gtol, status in ((1e-12, Status.MAXITER), (1e9, Status.CONVERGED), (None, Status.EPOCHS)):
        res = run(options={**options, "gtol": gtol})
        assert res.status == status and res.success == (status != Status.MAXITER)
        assert ("gradient of the whole is above `gtol`" in res.message) == (gtol == 1e-12)


@pytest.mark.parametrize(
    ("value", "slope", "status"),
    [
        (np.nan, 1.0, Status.NONFINITE),
        (1.0, np.inf, Status.NONFINITE),
        (1e30, 1.0, Status.DIVERGED),
    ],
)
def test_all_epochs_are_no_success_where_the_sum_is_bad(value, slope, status):
    """What only the last look at all rows sees."""

    def fun(x, out, rows):
        whole = len(rows) == 12
        out[:] = slope if whole else 1.0
        return value if whole else 1.0

    options = {"learning_rate": 0.1}
    res = minimize_sum(fun, [0.0], np.ones(12), "gd", batch_size=3, epochs=2, options=options)
    assert res.status == status and not res.success and res.epochs == 2
    assert "the last iterate" in res.message and res.x[0] == pytest.approx(-0.8 / 3)


def test_an_exception_in_the_last_look_is_no_success():
    def fun(x, out, rows):
        if len(rows) == 12:
            raise ArithmeticError("at the end")
        out[:] = 1.0
        return 1.0

    options = {"learning_rate": 0.1}
    with pytest.raises(ArithmeticError) as caught:
        minimize_sum(fun, [0.0], np.ones(12), "gd", batch_size=3, epochs=2, options=options)
    assert not caught.value.result.success and caught.value.result.status == Status.INTERRUPTED


@pytest.mark.parametrize("method", ["momentum", "adam"])
def test_rates_may_be_schedules_of_the_step(method):
    rate = schedules.InverseTime(RATES[method], 0.1)
    res = run(method, options={"learning_rate": rate})
    np.testing.assert_allclose(res.x, by_hand(method, rate, batch_gradients(7)), rtol=1e-9)


def test_one_seed_one_result():
    first, second = run(), run(seed=np.random.default_rng(7))
    assert (first.x == second.x).all()
    assert not (run(seed=8).x == first.x).all()


def test_average_is_the_mean_of_the_last_iterates():
    seen = []
    options = {"batch_size": 240, "epochs": 10, "callback": lambda x: seen.append(x.copy())}
    res = run("momentum", average=0.5, **options)
    np.testing.assert_allclose(res.x, np.mean(seen[5:], axis=0), rtol=1e-12)
    assert (run("momentum", **options).x == seen[9]).all()
    noisy = {"epochs": 40, "batch_size": 4, "options": {"learning_rate": 0.03}}
    error = [np.abs(run(**noisy, average=a).x - optimum()).max() for a in (0.0, 0.5)]
    assert error[1] < 0.5 * error[0]


@pytest.mark.parametrize("method", RATES)
def test_svrg_converges_to_the_optimum(method):
    more = {"epochs": 1000, "batch_size": 24, "options": {"gtol": 1e-9}}
    if method == "adam":
        more["options"]["learning_rate"] = schedules.Exponential(0.05, 1e-3)
        more["epochs"] = 1200
    res = run(method, variance_reduction="svrg", **more)
    assert res.success and res.status == 0 and res.grad_norm <= 1e-9
    np.testing.assert_allclose(res.x, optimum(), atol=1e-8)
    plain = run(method, **{**more, "epochs": 40})
    assert np.abs(plain.x - optimum()).max() > 1e-5


def test_shards_have_the_batches_of_the_whole():
    whole = run("adam")
    parts = run("adam", ShardedSum(squares, Part(data, 4), 4, keep=True))
    np.testing.assert_allclose(parts.x, whole.x, rtol=1e-10)
    svrg = {"variance_reduction": "svrg", "snapshot_every": 1}
    parts = run("adam", ShardedSum(squares, Part(data, 4), 4, keep=True), **svrg)
    np.testing.assert_allclose(parts.x, run("adam", **svrg).x, rtol=1e-10)


def test_streamed_shards_come_one_after_the_other():
    loaded = []

    def load(i):
        loaded.append(i)
        return Part(data, 4)(i)

    res = run("adam", ShardedSum(squares, load, 4), batch_size=60, epochs=2)
    assert res.nit == 8
    assert loaded[:4] == [0, 1, 2, 3]  # for their sizes
    assert sorted(loaded[4:8]) == sorted(loaded[8:12]) == [0, 1, 2, 3]


def test_rows_in_their_order():
    def check(x, k):
        seen.extend(k.tolist())
        return 0.0, np.zeros(1)

    for shuffle, same in (("none", True), ("rows", False)):
        seen = []
        rows = np.arange(10.0)
        minimize_sum(
            check,
            [0.0],
            rows,
            "gd",
            batch_size=3,
            epochs=2,
            seed=0,
            shuffle=shuffle,
            options={"learning_rate": 1.0},
        )
        assert sorted(seen[:10]) == sorted(seen[10:20]) == rows.tolist()
        assert (seen[:10] == rows.tolist()) is same


def test_float32_stays():
    A, b = (a.astype(np.float32) for a in data())
    res = run("adam", squares_pair, (A, b), np.zeros(N, np.float32))
    assert res.x.dtype == res.jac.dtype == np.float32
    np.testing.assert_allclose(res.x, run("adam").x, rtol=1e-3)


def test_bounds_hold():
    upper = 0.5
    res = run("momentum", bounds=[(None, upper)] * N, epochs=50)
    assert res.x.max() == upper


def test_callbacks_and_limits_stop():
    told = []

    def callback(intermediate_result):
        told.append(intermediate_result)
        if len(told) == 2:
            raise StopIteration

    res = run("adam", callback=callback)
    assert res.status == 99 and res.nit == 10 and told[1].epoch == 2 and told[1].nit == 10
    assert (res.x == run("adam", epochs=2).x).all()
    begin = time.thread_time()
    res = run("adam", epochs=10**6, options={"maxtime": 0.2})
    assert res.status == 4 and time.thread_time() - begin < 10


def test_what_is_not_finite_ends_the_run():
    calls = []

    def fun(x, A, b):
        calls.append(1)
        f, g = squares_pair(x, A, b)
        return (np.nan if len(calls) == 8 else f), g

    res = run("gd", fun)
    assert res.status == 3 and not res.success
    np.testing.assert_array_equal(res.x, run("gd", squares_pair, epochs=1).x)


def test_exceptions_carry_the_result():
    calls = []

    def fun(x, A, b):
        calls.append(1)
        if len(calls) == 8:
            raise ArithmeticError("no Ctrl-C")
        return squares_pair(x, A, b)

    with pytest.raises(ArithmeticError, match="Ctrl-C") as caught:
        run("gd", fun)
    result = caught.value.result
    np.testing.assert_array_equal(result.x, run("gd", squares_pair, epochs=1).x)
    assert result.status == 5 and "Stopped by ArithmeticError: no Ctrl-C." in result.message


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"batch_size": 0}, ValueError, r"batch_size must be an integer in \[1, inf\), got 0"),
        ({"epochs": 1.5}, ValueError, "epochs must be an integer"),
        ({"seed": "x"}, TypeError, "seed must be None, an integer"),
        ({"seed": -1}, ValueError, "seed must be None, an integer"),
        ({"shuffle": "row"}, ValueError, "Did you mean 'rows'"),
        ({"average": 1.5}, ValueError, r"average must be a number in \[0, 1\]"),
        ({"variance_reduction": "saga"}, ValueError, "variance_reduction must be one of 'svrg'"),
        ({"snapshot_every": 0}, ValueError, "snapshot_every must be an integer"),
        ({"options": {"learning_rate": "auto"}}, ValueError, "learning_rate must be a number or"),
        ({"options": {"ftol": 1.0}}, ValueError, "minimize_sum has no option 'ftol'"),
        ({"options": {"backend": "numba"}, "fun": squares_pair}, TypeError, "must be a Numba func"),
        ({"source": (np.zeros(3), np.zeros(2))}, ValueError, r"data must be .* got \[3, 2\] rows"),
        ({"source": 3.0}, TypeError, "data must be an array, or a tuple"),
        ({"fun": 3}, TypeError, "fun must be callable"),
    ],
)
def test_bad_arguments(change, error, text):
    with pytest.raises(error, match=text):
        run(**change)


def test_shards_have_data_of_their_own():
    objective = ShardedSum(squares, Part(data, 2), 2)
    options = {"learning_rate": 0.1}
    with pytest.raises(ValueError, match="data must be left out"):
        minimize_sum(objective, np.zeros(N), data(), options=options)
    with pytest.raises(ValueError, match="backend='numba' is not for a ShardedSum"):
        minimize_sum(objective, np.zeros(N), options={**options, "backend": "numba"})


# -- compiled --------------------------------------------------------------------------------------


@njit
def weighted(x, out, A, b, doubled, w):
    """Like `squares`, of rows of several kinds."""
    total = 0.0
    out[:] = 0.0
    for i in range(len(b)):
        r = -b[i]
        for j in range(x.size):
            r += A[i, j] * x[j]
        weight = w[i, 0] + 0.5 * w[i, 1]
        if doubled[i]:
            weight *= 2.0
        total += 0.5 * weight * r * r
        for j in range(x.size):
            out[j] += weight * r * A[i, j]
    return total


def several_kinds():
    """Rows in memory in several ways, the last read-only."""
    rng = np.random.default_rng(2)
    A, b = data()
    w = np.asfortranarray(rng.integers(1, 5, (240, 2)))
    doubled = rng.random(240) < 0.3
    doubled.flags.writeable = False
    return A[:110], b[:110].astype(np.float32), doubled[:110], w[:110]


CASES = [
    {},
    {"average": 0.6, "options": {"learning_rate": schedules.InverseTime(1e-3, 0.1)}},
    {"shuffle": "none", "bounds": [(-0.001, 0.5)] * N, "average": 1.0},
    {"shuffle": "shards", "variance_reduction": "svrg", "snapshot_every": 1},
    {"variance_reduction": "svrg", "average": 0.3, "bounds": [(0.0, None)] * N},
    {"batch_size": 1, "epochs": 1},
    {"batch_size": 1000, "options": {"momentum": schedules.Constant(0.5)}},
    {"x0": np.full(N, 0.25, np.float32), "variance_reduction": "svrg", "average": 0.5},
]


@pytest.mark.parametrize("method", METHODS)
def test_compiled_steps_are_those_of_python(method):
    """To the last bit."""
    for case in CASES:
        given = {"batch_size": 24, "epochs": 3, "seed": 3, **case}
        options = {"learning_rate": 1e-3, **given.pop("options", {})}
        if "momentum" not in {p.name for p in METHODS[method].parameters}:
            options.pop("momentum", None)
        x0 = given.pop("x0", np.zeros(N))
        found = [
            minimize_sum(
                weighted, x0, several_kinds(), method, **given,
                options={**options, "backend": backend},
            )
            for backend in ("python", "numba")
        ]  # fmt: skip
        assert [res.backend for res in found] == ["python", "numba"]
        assert found[0].nit > 0 and (found[0].x != x0).any()
        assert_same(*found)


def test_rows_by_blocks(monkeypatch):
    """Rows are put in order piece by piece, and schedules are filled piece by piece."""
    monkeypatch.setattr("fastmomentum._sums.rows.BLOCK_BYTES", 40 * 48)
    monkeypatch.setattr("fastmomentum._sums.steps.SCHEDULE_STEPS", 7)
    rate = schedules.InverseTime(1e-3, 0.1)
    for size in (1, 7, 30, 100):
        given = {"batch_size": size, "epochs": 4, "average": 0.7, "options": {"backend": "python"}}
        given["options"]["learning_rate"] = rate
        python = run("adam", **given)
        given["options"]["backend"] = "numba"
        assert_same(run("adam", **given), python)


@njit
def ends(x, out, A, b):
    f = squares(x, out, A, b)
    return f if x[0] < 0.2 else np.nan


@njit
def raises(x, out, A, b):
    if x[0] > 0.2:
        raise ArithmeticError("too far")
    return squares(x, out, A, b)


def test_compiled_functions_that_fail():
    found = [run("gd", ends, options={"backend": backend}) for backend in ("python", "numba")]
    assert found[0].status == 3 and found[0].nit > 1
    assert_same(*found)
    results = []
    for backend in ("python", "numba"):
        with pytest.raises(ArithmeticError, match="too far") as caught:
            run("gd", raises, options={"backend": backend})
        results.append(caught.value.result)
    assert results[0].nit > 1 and results[0].epochs == results[1].epochs
    assert_same(*results)


def test_functions_are_checked_before_compiled_code_calls_them():
    @njit
    def writes(x, out, A, b):
        x[0] = 1.0
        return squares(x, out, A, b)

    with pytest.raises(ValueError, match="fun must not write into x"):
        run("gd", writes)


def test_what_numba_cannot_compile_runs_in_python():
    @njit
    def odd(x, out, A, b):
        return squares(x, out, A, b) if A.tolist() else 0.0  # unknown to Numba

    with pytest.warns(CompilationWarning, match="The loop runs in Python"):
        res = run("gd", odd)
    assert res.backend == "python"
    np.testing.assert_array_equal(res.x, run("gd").x)
