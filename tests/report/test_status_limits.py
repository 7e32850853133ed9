"""Runs that are ended from outside: maxfev, maxtime and Ctrl-C."""

import json
import math
import sys
import time

import numpy as np
import pytest
from endings import bowl, busy
from faults import STYLES, Counted, backends, gradient, limits, methods, refuses, solve
from numba import njit

from fastmomentum import Status, minimize

# -- maxfev ----------------------------------------------------------------------------------------


@methods
@limits
@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
@pytest.mark.parametrize("style", STYLES)
def test_maxfev_is_never_exceeded(style, method, watched, limits):
    for maxfev in limits:
        counted = Counted(style)
        try:
            result = minimize(
                counted.fun,
                np.zeros(2),
                jac=counted.jac,
                method=method,
                callback=(lambda intermediate_result: None) if watched else None,
                options={"learning_rate": 0.05, "maxfev": maxfev},
            )
        except ValueError as error:
            assert refuses(error, maxfev, counted.calls, 2)
            continue
        assert result.nfev == counted.calls
        assert counted.calls <= maxfev
        assert result.status == Status.MAXFEV
        assert not result.success
        assert np.isfinite(result.x).all()


@methods
@pytest.mark.parametrize("style", STYLES)
def test_maxfev_is_used_up(style, method):
    """The run stops for want of calls only if another evaluation does not fit."""
    cost = {"2-point": 3, "3-point": 5, "cs": 3, None: 3}.get(style, 1)
    for maxfev in (10, 11, 12, 13, 14, 15):
        counted = Counted(style)
        result = minimize(
            counted.fun,
            np.zeros(2),
            jac=counted.jac,
            method=method,
            options={"learning_rate": 0.05, "maxfev": maxfev},
        )
        assert maxfev - cost < result.nfev <= maxfev


@njit(cache=True)
def counted_bowl(x, calls):
    calls[0] += 1
    total = x[0] * 0.0
    for i in range(x.size):
        total += (x[i] - 1.0) * (x[i] - 1.0)
    return total


@njit(cache=True)
def counted_fill(x, out, calls):
    calls[1] += 1
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - 1.0)


COMPILED_JACS = [pytest.param(counted_fill, id="in place"), "2-point", "3-point", "cs"]


@methods
@limits
@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
@pytest.mark.parametrize("jac", COMPILED_JACS)
def test_compiled_maxfev(jac, method, watched, limits):
    """Counted by the compiled objective itself."""
    for maxfev in limits:
        calls = np.zeros(2, np.int64)
        try:
            result = minimize(
                counted_bowl,
                np.zeros(2),
                (calls,),
                method,
                jac,
                callback=(lambda intermediate_result: None) if watched else None,
                options={"learning_rate": 0.05, "maxfev": maxfev},
            )
        except ValueError as error:
            assert refuses(error, maxfev, calls[0], 2)
            continue
        assert result.backend == "numba"
        assert result.nfev == calls[0]
        assert calls[0] <= maxfev
        assert jac is not counted_fill or result.njev == calls[1]
        assert result.status == Status.MAXFEV
        assert np.isfinite(result.x).all()
        assert np.isfinite(result.fun), "fun(x0) was computed, and is lost"


@backends
@methods
@pytest.mark.parametrize("jac", COMPILED_JACS)
def test_counters_are_facts(jac, method, backend):
    """The calls made, those for checks at x0 included."""
    calls = np.zeros(2, np.int64)
    options = {"learning_rate": 0.05, "maxiter": 9, "backend": backend}
    result = minimize(counted_bowl, np.zeros(4), (calls,), method, jac, options=options)
    assert result.nfev == calls[0]
    if jac is counted_fill:
        assert result.nfev == result.njev == calls[1] == 10


# -- maxtime ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
def test_maxtime_of_a_slow_function(watched, clock):
    calls = []

    def slow(x):
        calls.append(1)
        clock.sleep(0.005)
        return bowl(x)

    start = clock.now
    result = minimize(
        slow,
        np.zeros(3),
        jac=gradient,
        callback=(lambda x: None) if watched else None,
        options={"learning_rate": 1e-6, "maxtime": 0.2, "maxiter": 10**9},
    )
    seconds = clock.now - start
    assert result.status == Status.MAXTIME
    assert not result.success
    assert 0.2 <= seconds < 0.22
    assert result.nfev == len(calls) == result.nit + 1
    assert result.fun == bowl(result.x)
    assert 0.2 <= result.time <= seconds


def test_maxtime_with_a_slow_callback(clock):
    result = solve(
        learning_rate=1e-6, maxtime=0.1, maxiter=10**9, callback=lambda x: clock.sleep(0.02)
    )
    assert result.status == Status.MAXTIME
    assert result.nit <= 7


@methods
@pytest.mark.parametrize("rounds", (0, 1_000, 1_000_000), ids=("quick", "medium", "slow"))
def test_maxtime_of_a_compiled_function(rounds, method):
    def run(**options):
        options = {"learning_rate": 1e-9, "gtol": 0.0, "maxiter": 2**50, **options}
        return minimize(busy, np.zeros(3), (rounds,), method, True, options=options)

    run(maxiter=1)  # compiles
    start, computed = time.perf_counter(), time.thread_time()
    result = run(maxtime=0.15)
    assert result.status == Status.MAXTIME
    assert result.backend == "numba"
    assert time.perf_counter() - start >= 0.15 and time.thread_time() - computed < 2.0
    assert result.nfev == result.nit + 1
    assert result.nit >= 1


@backends
def test_maxtime_shorter_than_one_evaluation(backend):
    result = solve("gd", backend, learning_rate=1e-9, maxtime=1e-9, maxiter=10**9)
    assert result.status == Status.MAXTIME
    assert result.fun == bowl(result.x)
    assert np.array_equal(result.jac, gradient(result.x))
    assert result.nfev == result.nit + 1


@backends
def test_convergence_wins_over_the_clock(backend):
    assert solve("gd", backend, maxtime=1e-9, gtol=1e9).success


# -- Ctrl-C ----------------------------------------------------------------------------------------

INTERRUPT = """
    import json, time
    import numpy as np
    from fastmomentum import minimize
    from clocks import ctrl_c_after
    from endings import bowl, bowl_jac, busy

    def run(how, watched=False, **options):
        options = {"learning_rate": 1e-12, "gtol": 0.0, "maxiter": 2**50, **options}
        fun, jac, args = {
            "quick": (bowl, bowl_jac, ()),
            "slow": (busy, True, (1_000_000,)),
            "python": (lambda x: float(np.sum((x - 1.0) ** 2)), lambda x: 2.0 * (x - 1.0), ()),
        }[how]
        callback = (lambda x: None) if watched else None
        return minimize(fun, np.zeros(3), args, jac=jac, callback=callback, options=options)

    reports = []
    for how in ("quick", "slow", "python"):
        for watched in (False, True):
            for on_interrupt in ("raise", "return"):
                run(how, maxiter=2)
                raised = False
                try:
                    with ctrl_c_after(0.1) as pressed:
                        result = run(how, watched, on_interrupt=on_interrupt)
                except KeyboardInterrupt as error:
                    raised = True
                    result = error.result
                delay = time.process_time() - pressed[0]
                x = np.asarray(result.x)
                reports.append({
                    "how": how, "watched": watched, "on_interrupt": on_interrupt,
                    "raised": raised, "delay": delay, "status": result.status,
                    "success": result.success, "nit": result.nit, "nfev": result.nfev,
                    "backend": result.backend,
                    "moved": bool((x > 0.0).all()),
                    "matches": how == "python" or abs(result.fun - bowl(x)) < 1e-12,
                })
    print(json.dumps(reports))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill does not send SIGINT there")
def test_ctrl_c(run_python):
    """A real signal, to the compiled and to the Python loop; the answer comes at once."""
    reports = json.loads(run_python(INTERRUPT).stdout)
    assert len(reports) == 12
    for report in reports:
        assert report["raised"] == (report["on_interrupt"] == "raise"), report
        assert report["delay"] < 2.0, report
        assert report["status"] == Status.INTERRUPTED, report
        assert not report["success"], report
        assert report["moved"], report
        assert report["matches"], report
        assert report["nit"] >= 1, report
        assert report["nfev"] - report["nit"] in (0, 1, 2), report
        assert report["backend"] == ("python" if report["how"] == "python" else "numba"), report


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill does not send SIGINT there")
def test_uncaught_ctrl_c_says_where_the_result_is(run_python):
    done = run_python(
        """
        from clocks import ctrl_c_after
        from fastmomentum import minimize
        options = {"learning_rate": 1e-12, "gtol": 0.0, "maxiter": 1}
        problem = {"fun": lambda x: float(x @ x), "x0": [1.0], "jac": lambda x: 2.0 * x}
        minimize(**problem, options=options)  # loading a loop may swallow the signal
        with ctrl_c_after(0.3):
            minimize(**problem, options=options | {"maxiter": 2**50})
        """,
        check=False,
    )
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr
    assert "best point" in done.stderr
    assert "`result`" in done.stderr


@pytest.mark.parametrize("on_interrupt", ("raise", "return"))
@pytest.mark.parametrize("at", (1, 4))
def test_interrupt_inside_fun(on_interrupt, at):
    """As Ctrl-C strikes while the user's own Python code runs."""
    calls = []

    def fun(x):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return bowl(x)

    options = {"learning_rate": 0.05, "on_interrupt": on_interrupt, "history": True}
    if on_interrupt == "return":
        result = minimize(fun, np.zeros(3), jac=gradient, method="gd", options=options)
    else:
        with pytest.raises(KeyboardInterrupt) as caught:
            minimize(fun, np.zeros(3), jac=gradient, method="gd", options=options)
        result = caught.value.result
    assert result.status == Status.INTERRUPTED
    assert not result.success
    assert result.nfev == len(calls) == at
    assert result.nit == max(0, at - 2)
    if at == 1:
        assert np.array_equal(result.x, np.zeros(3))
        assert math.isnan(result.fun)
    else:
        assert result.fun == bowl(result.x)
        assert np.array_equal(result.jac, gradient(result.x))
        assert result.history["fun"].shape == (result.nit + 1,)
