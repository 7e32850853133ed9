"""Threads and processes of every kind: no deadlock, and the bits of one run alone."""

import concurrent.futures
import importlib
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import objectives
import pytest
from cases import METHODS, PROBLEMS, options_of
from parameters import some
from processes import HELPERS, environment_of, run_python

from fastmomentum import minimize, minimize_batch, multistart, path, penalties

# -- the work, whose outcome is text: the bits -----------------------------------------------------


def bits(*arrays):
    return "".join(np.ascontiguousarray(a).tobytes().hex() for a in arrays)


def single(method):
    """A run at a given rate, whose loop compiles soon; and with the automatic one of `gd`."""
    problem = PROBLEMS["quadratic"]
    fun, jac = objectives.style("quadratic", "fused")
    options = options_of(method, maxiter=25) if method != "auto" else {"maxiter": 25}
    found = minimize(fun, problem.x0, problem.args, "gd" if method == "auto" else method, jac,
                     options=options)  # fmt: skip
    assert found.backend == "numba"
    return bits(found.x, found.jac) + f" {found.fun.hex()} {found.nit} {found.nfev}"


def batch(workers):
    rng = np.random.default_rng(0)
    args = rng.uniform(1.0, 9.0, (50, 5)), rng.standard_normal((50, 5))
    fun, jac = objectives.style("quadratic", "fused")
    found = minimize_batch(fun, np.zeros(5), args, True, "gd", jac, workers=workers,
                           options={"maxiter": 25})  # fmt: skip
    assert found.backend == "numba"
    return bits(found.x, found.jac, found.fun, found.nit, found.nfev)


def work(job):
    """A job: the name of a method, or a number of threads."""
    return batch(job) if isinstance(job, int) else single(job)


JOBS = ("gd", "momentum", "nesterov", "adam", "auto", 1, 2, 3)
# Of which several compile the same code at once, wherever it has to be compiled.
COLD = ("gd", "gd", "gd", "momentum", "momentum", "momentum", 1, 2)


def at_once(jobs):
    """Each job in a thread of its own, all let go at the same moment."""
    barrier = threading.Barrier(len(jobs))

    def start(job):
        barrier.wait()
        return work(job)

    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(start, jobs))


@pytest.fixture(name="expected", scope="module")
def _expected():
    """The same, one after the other."""
    return [work(job) for job in JOBS]


# -- threads ---------------------------------------------------------------------------------------


def test_eight_threads_at_once(expected):
    for _ in range(3):
        assert at_once(JOBS) == expected
    assert at_once((1, 2, 3, 1, 2, 3, 1, 2)) == [expected[-3]] * 8


RACE = """
import json, sys, time
import test_processes as here
while time.time() < {start}:
    time.sleep(0.001)
print(json.dumps([here.at_once(here.COLD), here.at_once(here.COLD)]))
"""


@pytest.mark.slow
def test_all_is_compiled_at_once_by_two_processes(expected, tmp_path):
    """Eight threads in each of two processes start from one empty cache; then it is whole."""
    env = {"NUMBA_CACHE_DIR": tmp_path}
    alone = dict(zip(JOBS, expected, strict=True))
    wanted = [[alone[job] for job in COLD]] * 2
    code = RACE.format(start=time.time() + 2.0)
    given = {"env": environment_of(env), "cwd": HELPERS, "text": True}
    racing = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, **given)
        for _ in range(2)
    ]  # fmt: skip
    for process in racing:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert json.loads(out) == wanted
    files = sorted(p.name for p in tmp_path.rglob("*.nbc"))
    after = run_python(RACE.format(start=0), env=env)
    assert json.loads(after.stdout) == wanted
    assert sorted(p.name for p in tmp_path.rglob("*.nbc")) == files  # nothing was compiled anew


# -- processes -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_forked_while_threads_ran(expected):
    """Children of a process that has compiled, run and had threads; several at a time."""
    assert at_once(JOBS) == expected
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(3, context) as pool:
        assert list(pool.map(work, JOBS, timeout=600)) == expected
        assert list(pool.map(at_once, [JOBS] * 2, timeout=600)) == [expected] * 2
    assert at_once(JOBS) == expected


def test_spawned(expected):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        assert list(pool.map(work, JOBS, timeout=600)) == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("backend", some(["loky", "threading"], ("threading",)))
def test_joblib(backend, expected):
    joblib = pytest.importorskip("joblib")
    found = joblib.Parallel(2 if backend == "loky" else 8, backend=backend)(
        joblib.delayed(work)(job) for job in JOBS
    )
    assert found == expected
    if backend == "loky":
        executor = importlib.import_module("joblib.externals.loky").get_reusable_executor()
        executor.shutdown(wait=True)


def test_dask_threads(expected):
    dask = pytest.importorskip("dask")
    tasks = [dask.delayed(work)(job) for job in JOBS]
    assert list(dask.compute(*tasks, scheduler="threads", num_workers=8)) == expected


DASK = """
import json
from distributed import Client, LocalCluster
import test_processes as here

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=4, processes=True,
                      dashboard_address=None) as cluster, Client(cluster) as client:
        print(json.dumps(client.gather(client.map(here.work, here.JOBS))))
"""


@pytest.mark.slow
def test_dask_workers(expected, tmp_path):
    pytest.importorskip("distributed")
    file = tmp_path / "cluster.py"  # its processes are spawned, and run it again
    file.write_text(DASK)
    done = subprocess.run(
        [sys.executable, str(file)], env=environment_of({"DASK_TEMPORARY_DIRECTORY": tmp_path}),
        cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


# -- the same bits everywhere ----------------------------------------------------------------------

EVERYTHING = """
import sys
import test_processes as here
sys.stdout.write(here.everything())
"""


def everything():
    """The bits of runs of every kind."""
    found = [work(job) for job in JOBS]
    fun, jac = objectives.style("quadratic", "fused")
    args = PROBLEMS["quadratic"].args
    for method in METHODS:
        found.append(single(method))
    lasso = path(fun, np.zeros(5), penalties.L1, [4.0, 1.0, 0.1], args, jac=jac)
    found.append(bits(lasso.x, lasso.fun, lasso.nfev))
    several = multistart(fun, [(-1.0, 2.0)] * 5, 16, args, jac=jac, seed=3, workers=2)
    found.append(bits(several.x, several.starts.x, several.starts.nfev))
    return "\n".join(found)


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits():
    """Whatever the order of sets and the number of threads of others."""
    env = {"PYTHONHASHSEED": "4242", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "4"}
    assert run_python(EVERYTHING, env=env).stdout == everything()


def test_paths_of_penalties_on_both_backends():
    """Each problem starts from the bits of the one before."""
    fun, jac = objectives.style("quadratic", "fused")
    args = PROBLEMS["quadratic"].args
    for method in ("momentum", "nesterov", "gd"):
        compiled, python = (
            path(fun, np.zeros(5), penalties.L1, [4.0, 1.0, 0.1], args, method, jac,
                 options={"backend": backend})
            for backend in ("numba", "python")
        )  # fmt: skip
        for name in ("x", "fun", "grad_norm", "nit", "nfev", "status"):
            assert np.array_equal(compiled[name], python[name]), name


@pytest.mark.parametrize("workers", [1, 4])
def test_multistart_with_any_number_of_threads(workers):
    fun, jac = objectives.style("rosenbrock", "fused")
    one, other = (
        multistart(fun, [(-2.0, 2.0)] * 2, 32, jac=jac, seed=0, workers=w) for w in (2, workers)
    )
    for name in ("x", "jac", "fun", "nit", "nfev", "status"):
        assert np.array_equal(one.starts[name], other.starts[name]), name
    assert np.array_equal(one.minima.x, other.minima.x)
    assert np.array_equal(one.minima.count, other.minima.count)
