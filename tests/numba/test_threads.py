"""How many threads a batch takes by default, and functions that start Numba's own."""

import importlib.util
import os
import sys
import types

import numpy as np
import pytest
from numba import njit, prange
from processes import run_python

from fastmomentum import minimize_batch, multistart
from fastmomentum._numba import threads as _threads

VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
PARALLEL = "numba.np.ufunc.parallel"


@pytest.fixture
def alone(monkeypatch):
    """Eight processors, and nothing that limits the threads."""
    monkeypatch.setattr(_threads, "processors", lambda: 8)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in (PARALLEL, "threadpoolctl"):
        monkeypatch.delitem(sys.modules, name, raising=False)


# -- processors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "files", "quota"),
    [
        ("0::/", {}, None),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/", {"cpu.max": "10000 100000"}, 1),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "500000 100000"}, 3),
        ("0::/a/b", {"a/cpu.max": "600000 100000", "a/b/cpu.max": "500000 100000"}, 5),
        ("0::/../other", {"cpu.max": "400000 100000"}, 4),
        ("0::/", {"cpu.max": "nonsense"}, None),
        ("0::/", {"cpu.max": "5 0"}, None),
        ("nonsense", {"cpu.max": "400000 100000"}, None),
        ("4:cpu,cpuacct:/a", {"cpu,cpuacct/a/cpu.cfs_quota_us": "250000",
                              "cpu,cpuacct/a/cpu.cfs_period_us": "100000"}, 3),
        ("4:cpu,cpuacct:/a", {"cpu/cpu.cfs_quota_us": "200000",
                              "cpu/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpu:/a", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, None),
        ("4:cpuset:/a", {"cpuset/a/cpu.cfs_quota_us": "1", "cpuset/a/cpu.cfs_period_us": "1"},
         None),
    ],
)  # fmt: skip
def test_quotas_of_containers(monkeypatch, tmp_path, group, files, quota):
    limits = tmp_path / "limits"
    for name, text in files.items():
        (limits / name).parent.mkdir(parents=True, exist_ok=True)
        (limits / name).write_text(text + "\n")
    (tmp_path / "group").write_text(group + "\n")
    monkeypatch.setattr(_threads, "GROUPS", tmp_path / "group")
    monkeypatch.setattr(_threads, "LIMITS", limits)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    _threads._quota.cache_clear()
    try:
        assert _threads.processors() == (quota or 64)
    finally:
        _threads._quota.cache_clear()


@pytest.mark.parametrize("name", ["process_cpu_count", "sched_getaffinity", "cpu_count"])
def test_processors_of_this_process(monkeypatch, name):
    """Whichever of them the platform has."""
    found = {"process_cpu_count": lambda: 3, "sched_getaffinity": lambda _: {0, 2, 5},
             "cpu_count": lambda: 3}  # fmt: skip
    for other in found:
        monkeypatch.delattr(os, other, raising=False)
    monkeypatch.setattr(os, name, found[name], raising=False)
    monkeypatch.setattr(_threads, "_quota", lambda: 100)
    assert _threads.processors() == 3
    monkeypatch.setattr(os, name, lambda *_: None if "count" in name else set(), raising=False)
    assert _threads.processors() == 1


# -- what limits the threads -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 8),
        ({"NUMBA_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "4,2,1"}, 4),
        ({"NUMBA_NUM_THREADS": "3", "OMP_NUM_THREADS": "1"}, 3),
        ({"NUMBA_NUM_THREADS": "100"}, 8),
        ({"NUMBA_NUM_THREADS": "0"}, 8),
        ({"OMP_NUM_THREADS": "many"}, 8),
    ],
)
def test_variables_of_the_environment(alone, monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _threads.default_threads() == expected


def test_limits_of_threadpoolctl(alone, monkeypatch):
    """Those of OpenMP; those of BLAS are there to leave the processors to threads such as ours."""
    pools = [{"num_threads": 3}]

    class Controller:
        def select(self, user_api):
            assert user_api == "openmp"
            return types.SimpleNamespace(info=lambda: pools)

    module = types.SimpleNamespace(ThreadpoolController=Controller)
    monkeypatch.setitem(sys.modules, "threadpoolctl", module)
    _threads._pools.cache_clear()
    try:
        assert _threads.default_threads() == 3
        pools[0]["num_threads"] = 2
        assert _threads.default_threads() == 2
        pools[0]["num_threads"] = 1
        monkeypatch.setenv("NUMBA_NUM_THREADS", "4")
        assert _threads.default_threads() == 1
        monkeypatch.setenv("OMP_NUM_THREADS", "1")  # this is where the 1 is from
        assert _threads.default_threads() == 4
        del module.ThreadpoolController
        _threads._pools.cache_clear()
        assert _threads.default_threads() == 4
    finally:
        _threads._pools.cache_clear()


def test_limits_of_threadpoolctl_itself(alone, monkeypatch):
    control = pytest.importorskip("threadpoolctl")
    monkeypatch.setitem(sys.modules, "threadpoolctl", control)
    _threads._pools.cache_clear()
    pools = control.ThreadpoolController().select(user_api="openmp").info()
    with control.threadpool_limits(3):
        assert _threads.default_threads() == (3 if pools else 8)
    with control.threadpool_limits(3, user_api="blas"):
        assert _threads.default_threads() != 3
    _threads._pools.cache_clear()


@njit
def bowl(x, out):
    out[0] = x[0]
    return 0.5 * x[0] * x[0]


def test_a_number_that_is_given_wins(monkeypatch):
    monkeypatch.setattr("fastmomentum._check.batches.default_threads", lambda: 2)
    X0 = np.ones((20, 1))
    assert minimize_batch(bowl, X0, jac=True).workers == 2
    assert minimize_batch(bowl, X0, jac=True, workers=3).workers == 3
    found = multistart(bowl, [(-1.0, 1.0)], 8, jac=True, seed=0)
    assert found.starts.workers == 2


# -- functions that start threads of their own -----------------------------------------------------


@njit(cache=True, parallel=True)  # for the processes below
def differences(x, a):
    found = np.empty(a.size)
    for i in prange(a.size):
        found[i] = x[0] - a[i]
    return found


@njit(cache=True)
def calls_parallel(x, out, a):
    found = differences(x, a)
    out[0] = found.sum()
    return 0.5 * (found @ found)


class Library:
    @staticmethod
    @njit
    def value(x, a):
        return calls_parallel(x, np.empty(1), a)


value_of_library = Library.value


@njit
def gradient(x, out, a):
    calls_parallel(x, out, a)


@njit(parallel=True)
def parallel_in_vain(x, out, a):
    out[0] = a.size * x[0]
    return 0.5 * a.size * x[0] * x[0]


DATA = np.linspace(0.0, 1.0, 12).reshape(3, 4)


def in_batch(fun, jac):
    return minimize_batch(fun, [1.0], (DATA,), (True,), jac=jac, workers=3)


@pytest.mark.filterwarnings("ignore::numba.NumbaPerformanceWarning")
def test_what_starts_threads_is_seen_in_the_code():
    for fun, jac in ((calls_parallel, True), (value_of_library, gradient)):
        found = in_batch(fun, jac)
        assert found.success.all() and found.workers == 1
        np.testing.assert_allclose(found.x[:, 0], DATA.mean(axis=1), atol=1e-5)
    assert in_batch(parallel_in_vain, True).workers == 3


def test_functions_among_args():
    @njit
    def through(x, out, f, a):
        return f(x, out, a)

    for f, expected in ((calls_parallel, 1), (bowl_of, 3)):
        found = minimize_batch(through, [1.0], (f, DATA), (False, True), jac=True, workers=3)
        assert found.workers == expected and found.success.all()


@njit
def bowl_of(x, out, a):
    return bowl(x, out)


ONE_AT_A_TIME = """
import threading
import numba, numpy as np
import test_threads as here
from fastmomentum._numba import threads as _threads
from fastmomentum import minimize

_threads.processors = lambda: 8
numbers = [_threads.default_threads()]
assert not numba.np.ufunc.parallel._is_initialized
numba.set_num_threads(2)
numbers.append(_threads.default_threads())
assert numba.threading_layer() == "workqueue"
found = here.in_batch(here.calls_parallel, True)
assert found.success.all()

data = np.linspace(0.0, 1.0, 1000)
def solve():
    for _ in range(30):
        minimize(here.calls_parallel, [5.0], (data,), jac=True)
        here.in_batch(here.calls_parallel, True)

threads = [threading.Thread(target=solve) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*numbers, found.workers)
"""


def test_a_layer_whose_threads_may_not_be_started_by_two():
    env = {"NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": 3}
    assert run_python(ONE_AT_A_TIME, env=env).stdout.split() == ["3", "2", "1"]


CACHED = """
from numba import njit, prange

@njit(cache=True, parallel=True)
def inner(out, a):
    for i in prange(out.size):
        out[i] = a

@njit(cache=True)
def fun(x, out, a):
    inner(out, x[0] - a)
    return 0.5 * (x[0] - a) ** 2
"""


def test_code_from_the_disk_cache(tmp_path):
    (tmp_path / "cached_objective.py").write_text(CACHED)
    code = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import numpy as np
        from fastmomentum import minimize_batch
        from cached_objective import fun
        found = minimize_batch(fun, [1.0], (np.arange(4.0),), True, jac=True, workers=4)
        print(found.workers, found.success.all(), sum(fun.stats.cache_hits.values()))
    """
    for hits in ("0", "1"):
        assert run_python(code).stdout.split() == ["1", "True", hits]


FORKED = """
import os, sys, warnings
import numpy as np
import test_threads as here
from fastmomentum import minimize

warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
data = np.linspace(0.0, 1.0, 4)
if {before}:
    assert minimize(here.calls_parallel, [1.0], (data,), jac=True).success
read, write = os.pipe()
child = os.fork()
if child == 0:
    try:
        text = str(minimize(here.calls_parallel, [1.0], (data,), jac=True).success)
    except RuntimeError as error:
        text = str(error)
    os.write(write, text.encode())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(os.read(read, 1000).decode())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of GNU's OpenMP")
@pytest.mark.parametrize(
    ("layer", "before", "expected"),
    [("omp", True, "ends a forked process"), ("omp", False, "True"), ("workqueue", True, "True")],
)
def test_parallel_functions_after_a_fork(layer, before, expected):
    if layer == "omp" and importlib.util.find_spec("numba.np.ufunc.omppool") is None:
        pytest.skip("Numba has no OpenMP here")
    env = {"NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": 2}
    assert expected in run_python(FORKED.format(before=before), env=env).stdout
