"""Kernels whose blocks or lanes wait for each other, with several of them: see grid.py.

Run by test_cuda.py like cuda_simulator.py. Whatever the order in which threads run, the results
must have the same bits.
"""

import collections
import sys
import types

import numpy as np
import pytest
from grid import Deadlock, Grid
from numba import cuda
from parts import LEAST_SQUARES, ROSENBROCK, SUM, in_lanes

from fastmomentum import minimize, minimize_batch, penalties
from fastmomentum._cuda import batch, lanes, large, launch, team
from fastmomentum._minimize.device import run as _minimize_cuda

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
# More blocks than threads: a thread adds up the results of several.
BLOCKS, THREADS = 5, 4
N = 19
START = 0.3 * np.random.default_rng(3).normal(size=N)
LIMITS = [(None, 0.2), (-0.2, 0.2), (0.1, 0.1), *[(-1.0, 1.0)] * (N - 3)]
RNG = np.random.default_rng(5)
DATA = RNG.normal(size=(N + 2, N)), RNG.normal(size=N + 2), 2.0
PROBLEMS = {"entries": (ROSENBROCK, ()), "rows": (LEAST_SQUARES, DATA)}
WAITING = ("go_on", "tell", "found", "iterate", "step")


@pytest.fixture
def in_grids(monkeypatch):
    """Launches of these kernels have several blocks; to be called with a seed.

    Returns the names of what is launched from then on.
    """
    launched = []
    state = {"seed": 0}

    def configured(made, blocks, threads, stream=0):
        function = getattr(made, "fn", None)
        if function is None or function.__name__ not in WAITING:
            return kept(made, blocks, threads, stream)

        def launch(*arguments):
            state["seed"] += 1
            grid = Grid(blocks, threads, state["seed"])
            with np.errstate(all="ignore"):
                grid.run(function, arguments)
            assert blocks > 1 and threads == THREADS
            launched.append(function.__name__)

        return launch

    kept = large.configured
    for module in (large, team):
        monkeypatch.setattr(module, "configured", configured)
        monkeypatch.setattr(module, "most_blocks", lambda *_: BLOCKS)
        monkeypatch.setattr(module, "PER_THREAD", 1)
        monkeypatch.setattr(module, "SIMULATED_THREADS", THREADS)

    # As many iterations in a launch as there may be, whatever they take.
    monkeypatch.setattr(_minimize_cuda, "CHUNK_SECONDS", 1e9)

    def set_seed(seed):
        state["seed"] = 1000 * seed
        launched.clear()
        return launched

    return set_seed


def runs(in_grids, solve, seeds=2):
    """Results with several orders of the threads, which must be equal, and what was launched."""
    found = []
    for seed in range(seeds):
        launched = in_grids(seed)
        res = solve()
        numbers = res.fun, res.grad_norm, res.nit, res.nfev, res.status
        found.append((res.x.copy_to_host(), res.jac.copy_to_host(), *numbers))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    return res, set(launched)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
def test_automatic_rate_by_entries(in_grids, method, problem):
    fun, args = PROBLEMS[problem]
    options = {"maxiter": 3}
    res, launched = runs(
        in_grids,
        lambda: minimize(
            fun, cuda.to_device(START), args, method=method, jac=True, options=options
        ),
    )
    assert launched == {"go_on", "found"}
    host = minimize(fun, START, args, method=method, jac=True, options=options)
    np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-7)
    assert (res.nit, res.nfev) == (host.nit, host.nfev)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
@pytest.mark.parametrize("bounds", [None, LIMITS])
def test_given_rate_by_entries(in_grids, method, problem, bounds):
    fun, args = PROBLEMS[problem]
    # The lowest point is left behind, and kept.
    options = {"learning_rate": 2e-3, "maxiter": 10, "norm": 2}
    kwargs = {"method": method, "jac": True, "bounds": bounds, "options": options}
    res, launched = runs(in_grids, lambda: minimize(fun, cuda.to_device(START), args, **kwargs))
    assert launched == {"iterate"}
    host = minimize(fun, START, args, **kwargs)
    np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-9)
    np.testing.assert_allclose(res.fun, host.fun, rtol=1e-9)
    assert (res.nit, res.nfev) == (host.nit, host.nfev)


def bowl(x):
    values = x.copy_to_host()
    g = np.arange(1.0, N + 1.0) * (values - 0.5)
    return 0.5 * float(g @ (values - 0.5)), cuda.to_device(g)


def bowl_on_host(x):
    g = np.arange(1.0, N + 1.0) * (x - 0.5)
    return 0.5 * float(g @ (x - 0.5)), g


@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum"])
@pytest.mark.parametrize("penalty", [None, penalties.L1(0.3)])
def test_automatic_rate(in_grids, method, penalty):
    kwargs = {"method": method, "jac": True, "penalty": penalty, "options": {"maxiter": 3}}
    res, launched = runs(in_grids, lambda: minimize(bowl, cuda.to_device(START), **kwargs))
    assert launched == {"tell", "found"}
    host = minimize(bowl_on_host, START, **kwargs)
    np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-7, atol=1e-12)
    assert (res.nit, res.nfev) == (host.nit, host.nfev)


@pytest.mark.parametrize(
    ("method", "options", "more"),
    [
        ("momentum", {"norm": 1, "xtol": 1e-9}, {}),
        ("momentum", {"norm": -np.inf}, {}),
        ("momentum", {"norm": 3, "x_scale": np.linspace(1.0, 3.0, N)}, {}),
        ("momentum", {"norm": 2}, {"bounds": LIMITS}),
        ("momentum", {"gap_tol": 1e-3}, {"penalty": penalties.L1(0.3)}),
        ("nesterov", {"norm": 2, "xtol": 1e-9}, {"bounds": LIMITS}),
        ("gd", {"norm": 3}, {"penalty": penalties.L1(0.3)}),
        ("adam", {"norm": 1}, {}),
        ("adagrad", {}, {"bounds": LIMITS}),
    ],
)
def test_what_an_automatic_rate_may_ask_of_a_team(in_grids, method, options, more):
    """Norms, tests, metrics and faces: all that joins what the threads have found."""
    kwargs = {"method": method, "jac": True, "options": {"maxiter": 8, **options}}
    res, _ = runs(in_grids, lambda: minimize(bowl, cuda.to_device(START), **kwargs, **more))
    host = minimize(bowl_on_host, START, **kwargs, **more)
    np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(res.grad_norm, host.grad_norm, rtol=1e-5, atol=1e-10)
    assert (res.nit, res.nfev, res.status) == (host.nit, host.nfev, host.status)


@pytest.mark.parametrize("method", ["gd", "momentum", "adam"])
def test_given_rate(in_grids, method):
    options = {"learning_rate": 0.02, "maxiter": 12, "norm": 1}
    if method == "momentum":
        options["momentum"] = 0.3  # the last point is the lowest: its norm is the kernel's
    kwargs = {"method": method, "jac": True, "options": options}
    res, launched = runs(in_grids, lambda: minimize(bowl, cuda.to_device(START), **kwargs))
    assert launched == {"step"}
    host = minimize(bowl_on_host, START, **kwargs)
    np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-12)
    assert (res.nit, res.nfev) == (host.nit, host.nfev)


@pytest.mark.parametrize("fun", [ROSENBROCK, bowl])
@pytest.mark.parametrize("method", ["gd", "nesterov"])
def test_a_launch_for_each_iteration(in_grids, fun, method):
    # Some launches reduce nothing.
    kwargs = {"method": method, "jac": True, "options": {"maxiter": 3}, "callback": lambda x: None}
    res, _ = runs(in_grids, lambda: minimize(fun, cuda.to_device(START), **kwargs))
    host = minimize(bowl_on_host if fun is bowl else fun, START, **kwargs)
    np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-7, atol=1e-12)
    assert (res.nit, res.nfev) == (host.nit, host.nfev)


# -- lanes of a warp -------------------------------------------------------------------------------


@pytest.fixture
def in_warps(monkeypatch):
    """Batches are solved by blocks of two warps of eight threads, with the device's shuffles."""
    libdevice = types.ModuleType("libdevice")
    libdevice.dadd_rn = libdevice.fadd_rn = lambda a, b: a + b
    monkeypatch.setattr(cuda, "libdevice", libdevice, raising=False)
    monkeypatch.setitem(sys.modules, "numba.cuda.libdevice", libdevice)
    monkeypatch.setattr(lanes, "simulated", lambda: False)
    monkeypatch.setattr(lanes, "WARP", 8)
    monkeypatch.setattr(batch, "_kernels", collections.OrderedDict())
    monkeypatch.setattr(launch, "STRETCH", 3)
    kept, shape, state = launch.configured, launch._shape, {"seed": 0}

    def configured(made, blocks, threads, stream=0):
        if made.fn.__name__ != "solve":
            return kept(made, blocks, threads, stream)

        def run(*arguments):
            grid = Grid(2, 16, state["seed"], warp=8, modules=(lanes,))
            with np.errstate(all="ignore"):
                grid.run(made.fn, arguments)

        return run

    monkeypatch.setattr(launch, "configured", configured)
    monkeypatch.setattr(launch, "_shape", lambda *given: (16, 2, shape(*given)[2]))
    return lambda seed: state.update(seed=seed)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
@pytest.mark.parametrize("method", ["momentum", "adam"])
@pytest.mark.parametrize("rate", ["auto", 1e-2])
def test_lanes(in_warps, method, rate, count):
    """Problems that take different numbers of iterations: groups of a warp go their own ways."""
    options = {"learning_rate": rate, "maxiter": 30 if count < 8 else 12, "gtol": 1e-2}
    kwargs = {**SUM, "method": method, "options": options}
    found = []
    for seed in range(2):
        in_warps(seed)
        found.append(minimize_batch(in_lanes(count), device="cuda", **kwargs))
    host = minimize_batch(in_lanes(count), device="cpu", **kwargs)
    for name in ("x", "fun", "jac", "nit", "nfev", "status", "grad_norm"):
        np.testing.assert_array_equal(found[0][name], found[1][name], err_msg=name)
    np.testing.assert_allclose(found[0].x, host.x, rtol=1e-6)
    np.testing.assert_array_equal(found[0].status, host.status)
    assert rate != "auto" or len(set(host.nfev)) > 1


def test_a_missing_barrier_is_found():
    def sums(out, wait):
        part = cuda.shared.array(2, np.int32)
        part[cuda.threadIdx.x] = 1
        if wait:
            cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            out[cuda.blockIdx.x] = part[0] + part[1]

    found = {}
    for wait in (True, False):
        found[wait] = set()
        for seed in range(8):
            out = np.zeros(2, int)
            Grid(2, 2, seed).run(sums, (out, wait))
            found[wait].add(tuple(out))
    assert found[True] == {(2, 2)} and len(found[False]) > 1

    def apart():
        if cuda.blockIdx.x == 0:
            cuda.cg.this_grid().sync()

    with pytest.raises(Deadlock, match="threads wait for each other"):
        Grid(2, 2, 0).run(apart, ())
