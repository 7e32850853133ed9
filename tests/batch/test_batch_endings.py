"""`minimize_batch`: threads, what ends a problem, and what ends them all."""

import multiprocessing
import threading
import time

import numba
import numpy as np
import objectives
import pytest
from batches import ENDLESS, TIMES, assert_rows, bits, decay, decays, quadratics, same, slow
from endings import raising
from numba import njit
from parameters import some
from processes import run_python
from scipy.optimize import OptimizeWarning

from fastmomentum import minimize_batch

# -- threads ---------------------------------------------------------------------------------------


def test_any_number_of_threads():
    y = decays(400)
    runs = [
        minimize_batch(decay, [1.0, 1.0], (TIMES, y), (False, True), jac=True, workers=w)
        for w in (1, 2, 3, 8, None)
    ]
    assert runs[0].success.all()
    assert [run.workers for run in runs[:4]] == [1, 2, 3, 8]
    for run in runs[1:]:
        same(runs[0], run)


def test_more_threads_than_problems():
    found = minimize_batch(decay, [1.0, 1.0], (TIMES, decays(2)), (False, True), jac=True,
                           workers=50)  # fmt: skip
    assert found.workers == 2 and found.success.all()


def test_from_several_threads_at_once():
    y = decays(300)
    expected = minimize_batch(decay, [1.0, 1.0], (TIMES, y), (False, True), jac=True)
    found = [None] * 4

    def work(i):
        found[i] = minimize_batch(
            decay, [1.0, 1.0], (TIMES, y), (False, True), jac=True, workers=1 + i % 2
        )

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        same(expected, one)


def _solve_some(queue):
    found = minimize_batch(decay, [1.0, 1.0], (TIMES, decays(100)), (False, True), jac=True,
                           workers=2)  # fmt: skip
    queue.put(found.x)


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_in_other_processes(start):
    expected = minimize_batch(
        decay, [1.0, 1.0], (TIMES, decays(100)), (False, True), jac=True, workers=2
    )
    context = multiprocessing.get_context(start)
    queue = context.Queue()
    process = context.Process(target=_solve_some, args=(queue,))
    process.start()
    found = queue.get(timeout=600)
    process.join()
    np.testing.assert_array_equal(found, expected.x)


@njit(parallel=True)
def in_parallel(x, out, a):
    total = 0.0
    for i in numba.prange(x.size):
        out[i] = 2.0 * (x[i] - a)
        total += (x[i] - a) ** 2
    return total


def test_functions_with_threads_of_their_own():
    found = minimize_batch(in_parallel, np.zeros(4), (np.arange(20.0),), True, jac=True, workers=4)
    assert found.workers == 1 and found.success.all()


# -- what ends a problem, and what ends them all ---------------------------------------------------


def test_rows_that_are_not_finite_fail_alone():
    y = decays(9)
    X0 = np.ones((9, 2))
    good = minimize_batch(decay, X0, (TIMES, y), (False, True), jac=True)
    y = y.copy()
    y[0, 3], y[5, 0] = np.nan, np.inf
    X0[2, 0], X0[8, 1] = np.nan, -np.inf
    for workers in (1, 2):
        found = minimize_batch(decay, X0, (TIMES, y), (False, True), jac=True, workers=workers)
        bad = [0, 2, 5, 8]
        assert found.status[bad].tolist() == [3, 3, 3, 3]
        assert np.isnan(found.fun[[0, 2, 8]]).all()
        rest = [i for i in range(9) if i not in bad]
        assert bits(found.x[rest]) == bits(good.x[rest])
        assert found.success[rest].all()
        assert found.nfev[[2, 8]].tolist() == [0, 0]
        assert np.isnan(found.jac[[2, 8]]).all()
        np.testing.assert_array_equal(found.x[bad], X0[bad])
    assert "5 converged" in found.message and "4 nonfinite" in found.message


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_nothing_can_be_started(backend):
    found = minimize_batch(
        objectives.sphere_fused, np.full((3, 2), np.nan), jac=True, options={"backend": backend}
    )
    assert found.status.tolist() == [3, 3, 3]
    found = minimize_batch(
        objectives.sphere_fused, np.ones((3, 2)), jac=True, skip=[True] * 3,
        options={"backend": backend},
    )  # fmt: skip
    assert found.status.tolist() == [-1, -1, -1] and found.nfev.sum() == 0


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_skip(backend):
    X0, args = quadratics(count=6)
    fun, jac = objectives.style("quadratic", "fused")
    skip = np.array([True, False, False, True, False, True])
    seen = []
    options = {"backend": backend}
    found = minimize_batch(fun, X0, args, True, jac=jac, skip=skip, options=options,
                           callback=lambda r: seen.append((r.n_done, r.n_converged)))  # fmt: skip
    assert found.status[skip].tolist() == [-1] * 3 and not found.success[skip].any()
    np.testing.assert_array_equal(found.x[skip], X0[skip])
    assert np.isnan(found.fun[skip]).all() and not found.nfev[skip].any()
    assert_rows(fun, X0, args, True, jac=jac, skip=skip, rows=np.flatnonzero(~skip))
    assert "3 skipped" in found.message
    assert seen[-1] == (6, 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_exceptions(workers):
    X0 = np.full((50, 3), 2.0)
    bounds = np.full(50, 10.0)
    bounds[20] = 1.0
    with pytest.raises(ArithmeticError, match="too far") as error:
        minimize_batch(raising, X0, (bounds,), True, jac=True, workers=workers)
    assert error.value.row == 20
    result = error.value.result
    assert result.status[20] == 5 and result.nfev[20] == 0
    # The other thread may have been held up anywhere.
    assert np.isin(result.status, (0, 5)).all() and (workers > 1 or result.success[:20].all())
    assert "result" in error.value.__notes__[0]
    bounds[0] = 1.0
    with pytest.raises(ArithmeticError) as error:  # where fun is checked
        minimize_batch(raising, X0, (bounds,), True, jac=True, workers=workers)
    assert error.value.row == 0 and error.value.result.nfev.sum() == 0
    with pytest.raises(ArithmeticError) as error:
        minimize_batch(raising.py_func, X0[:30], (bounds[10:40],), True, jac=True, workers=workers)
    assert error.value.row == 10
    assert error.value.result.success[:10].all() and not error.value.result.success[10:].any()


def test_exceptions_in_threads_leak_nothing():
    X0, bounds = np.full((8, 3), 2.0), np.full(8, 10.0)
    bounds[5] = 1.0
    before = threading.active_count()
    for _ in range(20):
        with pytest.raises(ArithmeticError):
            minimize_batch(raising, X0, (bounds,), True, jac=True, workers=2)
    assert threading.active_count() == before
    assert minimize_batch(raising, X0[:5], (bounds[:5],), True, jac=True).success.all()


@pytest.mark.parametrize("workers", [1, 2])
def test_maxtime(workers):
    """Long problems are stopped in their midst, those not reached are told apart."""
    minimize_batch(slow, np.ones((2, 2)), (10,), jac=True, options={**ENDLESS, "maxiter": 2})
    for maxtime in (0.3, 3.0, 30.0):  # until each thread had a turn
        begin, computed = time.perf_counter(), time.process_time()
        found = minimize_batch(slow, np.ones((9, 2)), (1000,), jac=True, workers=workers,
                               options={**ENDLESS, "maxtime": maxtime})  # fmt: skip
        assert time.perf_counter() - begin >= maxtime
        assert time.process_time() - computed < (maxtime + 2.0) * workers
        if (found.nfev > 0).sum() == workers:
            break
    assert (found.status == 4).all()
    assert (found.nfev > 0).sum() == workers
    assert (found.x[found.nfev > 0] < 1.0).all() and (found.x[found.nfev == 0] == 1.0).all()
    found = minimize_batch(slow, np.ones((9, 2)), (1,), jac=True, options={"maxtime": 1e-9})
    assert (found.status == 4).all() and found.nfev.sum() == 0


def test_maxtime_in_python(clock):
    def fun(x):
        clock.sleep(0.01)
        return x @ x

    found = minimize_batch(fun, np.ones((50, 2)), options={"maxtime": 0.2})
    assert found.success[0] and found.status[-1] == 4
    assert found.nfev[-1] == 0


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_callback(backend):
    counts = []

    def callback(intermediate_result):
        r = intermediate_result
        counts.append((r.n_done, r.n_problems, r.n_converged, r.time))

    found = minimize_batch(decay, [1.0, 1.0], (TIMES, decays(100)), (False, True), jac=True,
                           callback=callback, options={"backend": backend})  # fmt: skip
    assert counts[-1][:3] == (100, 100, found.success.sum())
    assert counts == sorted(counts)
    assert sum(c[0] == 100 for c in counts) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_callbacks_that_stop(workers):
    def stop(r):
        raise StopIteration

    kwargs = {"jac": True, "workers": workers, "options": ENDLESS}
    found = minimize_batch(slow, np.ones((9, 2)), (1000,), callback=stop, **kwargs)
    assert (found.status == 99).all()
    assert (found.nfev > 0).sum() == workers

    def fail(r):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as error:
        minimize_batch(slow, np.ones((9, 2)), (1000,), callback=fail, **kwargs)
    assert (error.value.result.status == 5).all()
    found = minimize_batch(lambda x: x @ x, np.ones((9, 2)), callback=stop)
    assert found.status.tolist() == [0] + [99] * 8


CTRL_C = """
import sys, time
import numpy as np
import batches
from clocks import ctrl_c_after
from fastmomentum import minimize_batch
kwargs = dict(args=(100,), jac=True, workers={workers})
options = {{**batches.ENDLESS, "on_interrupt": "{mode}"}}
# The same loop, so that nothing is left to compile when the key is pressed.
minimize_batch(batches.slow, np.ones((2, 2)), **kwargs, options={{**options, "maxiter": 1}})
try:
    with ctrl_c_after(0.2) as pressed:
        found = minimize_batch(batches.slow, np.ones((5, 2)), **kwargs, options=options)
    how = "return"
except KeyboardInterrupt as error:
    found, how = error.result, "raise"
seconds = time.process_time() - pressed[0]
sys.stdout.write(f"{{how}} {{set(found.status.tolist())}} {{(found.nfev > 0).sum()}} {{seconds}}")
"""


@pytest.mark.parametrize(
    ("mode", "workers"),
    some([("raise", 1), ("raise", 2), ("return", 2)], (("raise", 1), ("return", 2))),
)
def test_interrupt(mode, workers):
    out = run_python(CTRL_C.format(mode=mode, workers=workers)).stdout
    how, statuses, some, seconds = out.split()
    assert (how, statuses, int(some)) == (mode, "{5}", workers)
    assert float(seconds) < 2.0


def test_disp(capsys):
    minimize_batch(decay, [1.0, 1.0], (TIMES, decays(30)), (False, True), jac=True,
                   options={"disp": True})  # fmt: skip
    captured = capsys.readouterr()
    assert "30 problems: 30 converged." in captured.out
    assert "Function evaluations" in captured.out
    assert captured.err == ""
    with pytest.warns(OptimizeWarning, match="30 problems: 30 maxiter") as found:
        minimize_batch(decay, [1.0, 1.0], (TIMES, decays(30)), (False, True), jac=True,
                       options={"disp": True, "maxiter": 1})  # fmt: skip
    assert found[0].filename == __file__
    assert capsys.readouterr().out.startswith("         Function evaluations: ")
    minimize_batch(decay, [1.0, 1.0], (TIMES, decays(3)), (False, True), jac=True,
                   skip=np.array([True, False, False]), options={"disp": True})  # fmt: skip
    assert "2 converged" in capsys.readouterr().out


def test_schedules_with_bad_values():
    """An error where the value is needed, and in the problem that needs it."""

    def rate(k):
        return 0.05 if k < 10 else -1.0

    X0, args = quadratics()
    X0[:3] = args[1][:3] / args[0][:3]  # there already
    fun, jac = objectives.style("quadratic", "fused")
    found = minimize_batch(fun, X0[:3], tuple(a[:3] for a in args), True, jac=jac,
                           options={"learning_rate": rate})  # fmt: skip
    assert found.success.all()
    for method in ("gd", "nesterov"):
        for name in ("learning_rate", "momentum")[: 1 + (method == "nesterov")]:
            options = {"learning_rate": 0.05, name: rate}
            with pytest.raises(ValueError, match=rf"{name}\(10\) must be") as error:
                minimize_batch(fun, X0, args, True, jac=jac, method=method, options=options)
            assert error.value.row in (3, 4)
