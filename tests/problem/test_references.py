"""What a call leaves behind: exceptions, references and memory."""

import os
import sys
import threading

import numpy as np
import objectives
import pytest
from cases import ANALYTIC, METHODS, PROBLEMS, SMALL_RATES, options_of
from comparisons import assert_same
from numba import njit
from parameters import some
from processes import run_python

from fastmomentum import minimize

# -- errors ----------------------------------------------------------------------------------------


@njit
def raises_below(x, limit):
    if x[0] < limit:
        raise ValueError("too low")
    return x[0] * x[0]


@njit
def doubled(x, limit):
    return 2.0 * x


@njit
def raising_fused(x, out, limit):
    if x[0] < limit:
        raise ValueError("too low")
    out[0] = 2.0 * x[0]
    return x[0] * x[0]


@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("how", ["returning", "fused", "2-point"])
@pytest.mark.parametrize("method", METHODS)
def test_exceptions_carry_the_best_point(method, how, backend, history):
    fun = raising_fused if how == "fused" else raises_below
    jac = {"returning": doubled, "fused": True}.get(how, how)
    options = {"learning_rate": SMALL_RATES[method], "backend": backend, "history": history}
    with pytest.raises(ValueError, match="too low") as error:
        minimize(fun, [5.0], args=(1.0,), jac=jac, method=method, options=options)
    res = error.value.result
    assert not res.success
    assert 1.0 <= res.x[0] < 1.5
    assert res.fun == res.x[0] * res.x[0]
    assert res.nit > 2
    assert "too low" in res.message
    exact = minimize(
        fun, [5.0], args=(1.0,), jac=jac, method=method, options={**options, "maxiter": res.nit}
    )
    assert np.array_equal(res.x, exact.x)
    assert res.fun == exact.fun
    if history:
        for name in ("fun", "grad_norm", "learning_rate"):
            assert np.array_equal(res.history[name], exact.history[name], equal_nan=True), name


def test_exceptions_leave_the_next_run_alone():
    good = minimize(
        raises_below, [5.0], args=(-100.0,), jac=doubled, options={"learning_rate": 0.1}
    )
    with pytest.raises(ValueError, match="too low"):
        minimize(raises_below, [5.0], args=(1.0,), jac=doubled, options={"learning_rate": 0.1})
    again = minimize(
        raises_below, [5.0], args=(-100.0,), jac=doubled, options={"learning_rate": 0.1}
    )
    assert_same(good, again)


def test_in_place_gradient_of_zero():
    """Zero is a gradient, and 0 * x may be written at a minimum."""
    fun, jac = objectives.style("sphere", "fused")
    res = minimize(fun, np.ones(3), jac=jac, options={"learning_rate": 0.1})
    assert res.success and res.nit == 0
    assert np.array_equal(res.jac, np.zeros(3))


# -- references and memory -------------------------------------------------------------------------


def test_references_are_released():
    """3,000 calls and 200 that fail leave the reference counts as they were."""
    vector, matrix = np.zeros(5), np.eye(2)
    nested = (vector, (matrix, 1.0), "text")

    @njit
    def fun(x, args, limit):
        if x[0] < limit:
            raise ValueError("too low")
        return (x[0] - args[0][0]) ** 2 + args[1][0][0, 0] * x[1] ** 2

    @njit
    def jac(x, args, limit):
        return 2.0 * (x - args[0][0])

    def call(limit):
        return minimize(
            fun, [3.0, 4.0], args=(nested, limit), jac=jac,
            options={"learning_rate": 0.1, "maxiter": 5, "backend": "numba"},
        )  # fmt: skip

    call(-10.0)
    before = [sys.getrefcount(a) for a in (vector, matrix, nested)]
    for _ in range(3000):
        call(-10.0)
    assert [sys.getrefcount(a) for a in (vector, matrix, nested)] == before
    # Numba itself does not release what a frame holds when an exception leaves it.
    for _ in range(200):
        with pytest.raises(ValueError, match="too low"):
            call(2.9)
    after = [sys.getrefcount(a) for a in (vector, matrix, nested)]
    assert after == before


def resident():
    """Resident memory in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("how", ["fused", "returning"])
def test_memory_of_failing_calls(how):
    n = 100_000
    x0 = np.full(n, 5.0)
    fun, jac = (raising_fused_n, True) if how == "fused" else (raises_below, doubled)

    def fail():
        with pytest.raises(ValueError, match="too low"):
            minimize(fun, x0, args=(4.0,), jac=jac, options={"learning_rate": 0.05})

    for _ in range(20):
        fail()
    before = resident()
    for _ in range(200):
        fail()
    assert resident() - before < 8.0


@njit
def raising_fused_n(x, out, limit):
    if x[0] < limit:
        raise ValueError("too low")
    for i in range(x.size):
        out[i] = 2.0 * x[i]
    return x[0] * x[0]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("how", some(["2-point", "3-point", "cs"], ("2-point", "cs")))
@pytest.mark.parametrize("backend", ["numba", "python"])
def test_memory_of_differences(how, backend):
    """Of the order of n, not of n**2."""
    code = f"""
    import resource
    import numpy as np
    import objectives
    from fastmomentum import minimize

    def run(n):
        minimize(objectives.sphere_fun, np.full(n, 2.0), jac={how!r},
                 options={{"learning_rate": 0.1, "maxiter": 0, "backend": {backend!r}}})

    run(3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(4000)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 40, grown
    """
    run_python(code)


def test_objectives_are_collected():
    """A function defined in a loop does not live for ever."""
    import gc
    import weakref

    def once(shift):
        @njit
        def fun(x):
            return (x[0] - shift) ** 2

        minimize(fun, [3.0], options={"learning_rate": 0.1, "maxiter": 2, "backend": "numba"})
        return weakref.ref(fun)

    references = [once(float(i)) for i in range(3)]
    gc.collect()
    assert [r() for r in references] == [None] * 3


def test_threads_run_side_by_side():
    """Runs of different objectives at the same time do not see each other."""
    problem = PROBLEMS["quadratic"]
    expected, found, errors = {}, {}, []
    jobs = [(m, how) for m in METHODS for how in ANALYTIC]

    def work(method, how):
        fun, jac = objectives.style("quadratic", how)
        return minimize(
            fun, problem.x0, args=problem.args, jac=jac, method=method, options=options_of(method)
        )

    def record(job):
        try:
            for _ in range(20):
                found[job] = work(*job)
                assert_same(found[job], expected[job])
        except BaseException as error:
            errors.append(error)

    for job in jobs:
        expected[job] = work(*job)
    threads = [threading.Thread(target=record, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(found) == len(jobs)
