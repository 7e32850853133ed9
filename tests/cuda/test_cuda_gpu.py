"""On a device: ``pytest -m gpu``. Elsewhere these tests are skipped."""

import importlib.util
import math
import os
import shutil
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from cases import AUTOMATIC, METHODS
from plain import entry, misfit, n_samples, residual, rosenbrock, slope, value
from processes import environment_of

from fastmomentum import Status, minimize, minimize_batch, penalties
from fastmomentum.objectives import entrywise, sum_of_terms


def no_device():
    if importlib.util.find_spec("numba_cuda") is None:
        return "needs pip install '.[cuda13]'"
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return "the simulator is on"
    from numba import cuda

    return "" if cuda.is_available() else "needs a CUDA device"


pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(no_device()), reason=no_device())]
STARTS = np.random.default_rng(7).normal(size=(500, 5))


def decay(x, out, t, y):
    total = 0.0
    out[0] = 0.0
    out[1] = 0.0
    for k in range(t.size):
        e = math.exp(-x[1] * t[k])
        r = x[0] * e - y[k]
        total += r * r
        out[0] += 2.0 * r * e
        out[1] -= 2.0 * r * x[0] * e * t[k]
    return total


@pytest.fixture(scope="module")
def compiled():
    """The functions for the processor."""
    from numba import njit

    return {function: njit(function) for function in (rosenbrock, value, decay)}


def both(compiled, fun, *args, **kwargs):
    device = minimize_batch(fun, *args, device="cuda", **kwargs)
    return device, minimize_batch(compiled[fun], *args, **kwargs)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_given_rate(compiled, method, dtype):
    # A short way: rounding grows along it, and multiply-adds are contracted on the device.
    options = {"learning_rate": 1e-4, "maxiter": 50}
    starts = (0.5 * STARTS).astype(dtype)
    device, processor = both(compiled, rosenbrock, starts, method=method, jac=True, options=options)
    tolerance = 1e-9 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(device.x, processor.x, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(device.status, processor.status)
    np.testing.assert_array_equal(device.nfev, processor.nfev)


@pytest.mark.parametrize("method", AUTOMATIC)
def test_automatic_rate(compiled, method):
    device, processor = both(compiled, rosenbrock, STARTS, method=method, jac=True)
    solved = device.success
    assert solved.mean() > 0.9 * processor.success.mean()
    out = np.empty(5)
    for x, f, g in zip(device.x[solved][:50], device.fun[solved], device.jac[solved], strict=False):
        assert math.isclose(rosenbrock(x, out), f, rel_tol=1e-9, abs_tol=1e-15)
        np.testing.assert_allclose(out, g, rtol=1e-6, atol=1e-9)
        assert np.abs(out).max() <= 1.01e-5
    # Nearly all take about as many evaluations as on the processor.
    ratio = np.median(device.nfev) / np.median(processor.nfev)
    assert 0.9 < ratio < 1.1


@pytest.mark.parametrize("method", ["momentum", "nesterov", "gd"])
def test_single_precision(method):
    starts = STARTS.astype(np.float32)
    res = minimize_batch(rosenbrock, starts, method=method, jac=True, device="cuda")
    assert res.x.dtype == np.float32 and res.success.mean() > 0.8


@pytest.mark.parametrize("jac", [None, "3-point"])
def test_differences(compiled, jac):
    device, processor = both(compiled, value, STARTS[:100], jac=jac, options={"maxiter": 2000})
    assert abs(device.success.mean() - processor.success.mean()) < 0.1


@pytest.mark.parametrize("n", [2, 10, 16, 32, 33, 100])
def test_sizes(n):
    starts = 1.0 + 0.1 * np.random.default_rng(0).normal(size=(300, n))
    res = minimize_batch(rosenbrock, starts, jac=True, device="cuda")
    assert res.success.all()
    assert np.abs(res.x - 1.0).max() < 1e-3


def test_many_problems_and_arguments():
    t = np.linspace(0.0, 4.0, 64)
    rates = np.random.default_rng(0).uniform(0.5, 3.0, 200_000)
    signals = 2.0 * np.exp(-rates[:, None] * t)
    kwargs = {"args": (t, signals), "batched": (False, True), "jac": True, "device": "cuda"}
    res = minimize_batch(decay, [1.0, 1.0], **kwargs)
    assert res.success.all()
    assert np.abs(res.x[:, 1] - rates).max() < 1e-3
    again = minimize_batch(decay, [1.0, 1.0], **kwargs)
    np.testing.assert_array_equal(res.x, again.x)  # whichever thread took a problem


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rate", ["auto", 1e-3])
@pytest.mark.parametrize("threads", [1, 8, 32])
def test_sum_of_terms(compiled, threads, rate, dtype):
    # The number of terms is not a multiple of the threads'.
    t = np.linspace(0.0, 4.0, 101).astype(dtype)
    rates = np.random.default_rng(0).uniform(0.5, 3.0, 1001)
    signals = (2.0 * np.exp(-rates[:, None] * t)).astype(dtype)
    signals[7] = signals[3]
    options = {"learning_rate": rate}
    if rate != "auto":
        options |= {"maxiter": 100, "gtol": 0.0}
    elif dtype == np.float32:
        options["gtol"] = 1e-3
    kwargs = {"batched": (False, True), "jac": True, "options": options}
    fun = sum_of_terms(misfit, n_samples, threads=threads)
    found = minimize_batch(fun, np.ones(2, dtype), args=(t, signals), device="cuda", **kwargs)
    expected = minimize_batch(compiled[decay], np.ones(2, dtype), args=(t, signals), **kwargs)
    tolerance = {np.float64: 1e-9, np.float32: 1e-3}[dtype] if rate != "auto" else 1e-2
    np.testing.assert_allclose(found.x, expected.x, rtol=tolerance, atol=tolerance)
    assert found.success.mean() >= expected.success.mean() - 0.05
    for name in ("x", "fun", "jac", "nit", "nfev"):
        np.testing.assert_array_equal(found[name][7], found[name][3], err_msg=name)
    again = minimize_batch(fun, np.ones(2, dtype), args=(t, signals), device="cuda", **kwargs)
    np.testing.assert_array_equal(again.x, found.x)  # whichever threads took a problem


@pytest.mark.parametrize("threads", [None, 8])
def test_sum_of_terms_of_few_problems(threads, monkeypatch):
    from numba import cuda

    from fastmomentum._cuda import launch

    t = np.linspace(0.0, 4.0, 5000)
    rates = np.linspace(0.5, 2.0, 12)
    signals = 2.0 * np.exp(-rates[:, None] * t)
    fun = sum_of_terms(misfit, n_samples, threads=threads)
    kwargs = {"batched": (False, True), "jac": True, "device": "cuda"}
    found = minimize_batch(fun, np.ones(2), args=(t, signals), **kwargs)
    np.testing.assert_allclose(found.x[:, 1], rates, rtol=1e-4)
    there = minimize_batch(fun, np.ones(2), args=(t, cuda.to_device(signals)), **kwargs)
    monkeypatch.setattr(launch, "free_memory", lambda: 200_000)
    parts = minimize_batch(fun, np.ones(2), args=(t, signals), **kwargs)
    columns = cuda.to_device(np.asfortranarray(signals))
    turned = minimize_batch(fun, np.ones(2), args=(t, columns), **kwargs)
    for other in (there, parts, turned):
        np.testing.assert_array_equal(other.x, found.x)


@pytest.mark.parametrize("threads", [1, 8, 32])
def test_a_time_limit_ends_threads_that_share(threads):
    t = np.linspace(0.0, 4.0, 100)
    signals = np.exp(-np.linspace(0.5, 2.0, 5000)[:, None] * t)
    options = {"learning_rate": 1e-9, "gtol": 0.0, "maxiter": 2**31 - 1, "maxtime": 1.0}
    fun = sum_of_terms(misfit, n_samples, threads=threads)
    begin = time.perf_counter()
    res = minimize_batch(
        fun, np.ones(2), args=(t, signals), batched=(False, True), jac=True, device="cuda",
        options=options,
    )  # fmt: skip
    assert time.perf_counter() - begin < 30.0
    assert (res.status == Status.MAXTIME).all() and (res.nfev > 0).any()


def test_entries(compiled):
    options = {"learning_rate": 1e-4, "maxiter": 50}
    found = minimize_batch(entrywise(entry), 0.5 * STARTS, jac=True, device="cuda", options=options)
    expected = minimize_batch(compiled[rosenbrock], 0.5 * STARTS, jac=True, options=options)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rate", ["auto", 1e-3])
def test_bounds_and_penalties(compiled, rate):
    bounds = [(None, 0.5), (-0.5, 0.5), (0.2, 0.2), (None, None), (0.0, 2.0)]
    options = {"learning_rate": rate, "maxiter": 3000}
    device, processor = both(compiled, rosenbrock, STARTS, jac=True, bounds=bounds, options=options)
    assert (device.x[:, 0] <= 0.5).all() and (device.x[:, 2] == 0.2).all()
    assert abs(device.success.mean() - processor.success.mean()) < 0.05
    if rate == "auto":
        res = minimize_batch(rosenbrock, STARTS, jac=True, penalty=penalties.L1(0.5), device="cuda")
        assert res.success.mean() > 0.9


def test_a_time_limit_ends_a_kernel():
    options = {"learning_rate": 1e-9, "gtol": 0.0, "maxiter": 2**31 - 1, "maxtime": 0.5}
    begin = time.perf_counter()
    res = minimize_batch(rosenbrock, STARTS, jac=True, device="cuda", options=options)
    assert time.perf_counter() - begin < 30.0  # compiling included
    assert (res.status == Status.MAXTIME).all() and np.isfinite(res.x).all()


# -- batches of arrays on the device ---------------------------------------------------------------

NAMES = ("x", "jac", "fun", "grad_norm", "status", "success", "nit", "nfev", "n_restarts")


@pytest.mark.parametrize("name", ["numba", "cupy", "torch", "jax"])
@pytest.mark.parametrize("parts", [1, 3])
def test_batch_on_the_device(name, parts, monkeypatch):
    to_device, to_host = library(name)
    if parts > 1:
        from fastmomentum._cuda import launch

        monkeypatch.setattr(launch, "free_memory", lambda: 500 * 400 // parts)

    class Limits:
        lb = to_device(np.tile([-2.0, -2.0, 0.2, -np.inf, 0.0], (500, 1)))
        ub = to_device(np.tile([0.5, 2.0, 0.2, np.inf, 2.0], (500, 1)))

    class HostLimits:
        lb, ub = to_host(Limits.lb), to_host(Limits.ub)

    for bounds, host_bounds in ((None, None), (Limits, HostLimits)):
        given = to_device(STARTS)
        found = minimize_batch(rosenbrock, given, jac=True, bounds=bounds)
        host = minimize_batch(rosenbrock, STARTS, jac=True, bounds=host_bounds, device="cuda")
        assert all(type(found[k]) is type(given) for k in NAMES)
        for k in NAMES:
            np.testing.assert_array_equal(to_host(found[k]), host[k], err_msg=k)
        np.testing.assert_array_equal(to_host(given), STARTS)


@pytest.mark.parametrize("name", ["numba", "cupy", "torch", "jax"])
def test_batch_of_data_on_the_device(name):
    to_device, to_host = library(name)
    t = np.linspace(0.0, 2.0, 20)
    y = 3.0 * np.exp(-np.linspace(0.5, 2.0, 100)[:, None] * t)
    kwargs = {"batched": (False, True), "jac": True}
    host = minimize_batch(decay, [1.0, 1.0], args=(t, y), device="cuda", **kwargs)
    found = minimize_batch(decay, [1.0, 1.0], args=(t, to_device(y)), **kwargs)
    np.testing.assert_array_equal(found.x, host.x)
    found = minimize_batch(decay, to_device(np.ones(2)), args=(to_device(t), y), **kwargs)
    np.testing.assert_array_equal(to_host(found.x), host.x)


def test_a_batch_larger_than_the_memory_allowed(monkeypatch):
    from fastmomentum._cuda import launch

    starts = np.random.default_rng(1).normal(size=(20_000, 5))
    whole = minimize_batch(rosenbrock, starts, jac=True, device="cuda")
    monkeypatch.setattr(launch, "free_memory", lambda: 1_000_000)
    parts = minimize_batch(rosenbrock, starts, jac=True, device="cuda")
    for k in NAMES:
        np.testing.assert_array_equal(parts[k], whole[k], err_msg=k)
    options = {"learning_rate": 1e-9, "gtol": 0.0, "maxiter": 2**31 - 1, "maxtime": 1.0}
    begin = time.perf_counter()
    res = minimize_batch(rosenbrock, starts, jac=True, device="cuda", options=options)
    assert time.perf_counter() - begin < 30.0
    assert (res.status == Status.MAXTIME).all() and 0 < (res.nfev > 0).sum() < 20_000


# -- large vectors ---------------------------------------------------------------------------------

CURVATURES = np.linspace(1.0, 10.0, 100_003)


def library(name):
    """(module or None, from the host, to the host)."""
    if name == "numba":
        from numba import cuda

        return cuda.to_device, lambda x: x.copy_to_host()
    module = pytest.importorskip(name)
    if name == "cupy":
        return module.asarray, module.asnumpy
    if name == "jax":
        # It would take most of the memory, in each of the processes.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        module.config.update("jax_enable_x64", True)
        if module.default_backend() != "gpu":
            pytest.skip("jax has no GPU here")
        return module.numpy.asarray, np.asarray
    return lambda x: module.as_tensor(x, device="cuda"), lambda x: x.cpu().numpy()


@pytest.mark.parametrize("name", ["cupy", "torch", "jax"])
@pytest.mark.parametrize("method", METHODS)
def test_large(name, method):
    to_device, to_host = library(name)
    curvatures = to_device(CURVATURES)

    def bowl(x):
        return 0.5 * (curvatures * x * x).sum(), curvatures * x

    def on_host(x):
        return 0.5 * (CURVATURES * x * x).sum(), CURVATURES * x

    x0 = np.ones(CURVATURES.size)
    options = {"learning_rate": 0.05, "maxiter": 100, "gtol": 1e-3}
    given = to_device(x0)
    res = minimize(bowl, given, method=method, jac=True, options=options)
    expected = minimize(on_host, x0, method=method, jac=True, options=options)
    assert type(res.x) is type(given)
    np.testing.assert_array_equal(to_host(given), x0)
    np.testing.assert_allclose(to_host(res.x), expected.x, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(res.fun, expected.fun, rtol=1e-9)
    assert (res.nit, res.status) == (expected.nit, expected.status)
    again = minimize(bowl, given, method=method, jac=True, options=options)
    np.testing.assert_array_equal(to_host(again.x), to_host(res.x))


def test_large_by_automatic_differentiation_of_torch():
    torch = pytest.importorskip("torch")
    curvatures = torch.as_tensor(CURVATURES, device="cuda")

    def bowl(x):
        x = x.clone().requires_grad_()
        loss = 0.5 * (curvatures * x * x).sum()
        loss.backward()
        return loss, x.grad  # a value that records gradients, too

    x0 = torch.ones(CURVATURES.size, dtype=torch.float64, device="cuda", requires_grad=True)
    res = minimize(bowl, x0, jac=True, options={"learning_rate": 0.1, "momentum": 0.5})
    assert res.success and res.x.abs().max() < 1e-4


def test_large_by_jax_in_single_precision():
    """Many short iterations, so that a stream that does not wait for the other is seen."""
    jax = pytest.importorskip("jax")
    library("jax")
    curvatures = jax.numpy.asarray(CURVATURES, "float32")
    bowl = jax.jit(jax.value_and_grad(lambda x: 0.5 * (curvatures * x * x).sum()))
    points = []
    for _ in range(3):
        x0 = jax.numpy.ones(CURVATURES.size, "float32")
        options = {"learning_rate": 0.05, "maxiter": 500, "gtol": 0.0}
        res = minimize(bowl, x0, jac=True, options=options)
        assert isinstance(res.x, jax.Array) and isinstance(res.jac, jax.Array)
        np.testing.assert_array_equal(x0, 1.0)
        points.append(np.asarray(res.x))
    np.testing.assert_array_equal(points[0], points[1])
    np.testing.assert_array_equal(points[0], points[2])
    assert np.abs(points[0]).max() < 1e-3


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["gd", "nesterov", "momentum", "adam"])
@pytest.mark.parametrize("name", ["cupy", "torch", "jax"])
def test_large_automatic(name, method, dtype):
    to_device, to_host = library(name)
    on_host = CURVATURES.astype(dtype)
    curvatures = to_device(on_host)

    def bowl(x):
        return 0.5 * (curvatures * x * x).sum(), curvatures * x

    given = to_device(np.ones(CURVATURES.size, dtype))
    kwargs = {"method": method, "jac": True, "options": {"gtol": 1e-2}}
    res = minimize(bowl, given, **kwargs)
    assert res.success and type(res.x) is type(given)
    x, g = to_host(res.x), to_host(res.jac)
    assert x.dtype == dtype and np.abs(on_host * x).max() <= 1.01e-2
    np.testing.assert_allclose(g, on_host * x, rtol=1e-5, atol=1e-7)
    assert res.grad_norm == np.abs(g).max()
    again = minimize(bowl, given, **kwargs)
    np.testing.assert_array_equal(to_host(again.x), x)
    assert again.nfev == res.nfev
    if dtype == np.float64:
        expected = minimize(
            lambda x: (0.5 * (CURVATURES * x * x).sum(), CURVATURES * x),
            np.ones(CURVATURES.size),
            **kwargs,
        )
        assert abs(res.nfev - expected.nfev) <= 0.2 * expected.nfev


@pytest.mark.parametrize("n", [1, 255, 257, 5_000_001])
def test_sizes_of_large_vectors(n):
    cupy = pytest.importorskip("cupy")
    x0 = cupy.linspace(-1.0, 2.0, n)
    bounds = [(0.5, None)] * n if n < 1000 else None
    res = minimize(lambda x: (0.5 * float(x @ x), x), x0, jac=True, bounds=bounds)
    assert res.success
    assert float(abs(res.x - (0.0 if bounds is None else 0.5)).max()) <= 1e-5


@pytest.mark.parametrize("options", [{}, {"learning_rate": 0.1, "momentum": 0.5}], ids=str)
@pytest.mark.parametrize("name", ["cupy", "torch"])
def test_large_on_another_stream(name, options):
    module = pytest.importorskip(name)
    to_device, to_host = library(name)
    curvatures = to_device(CURVATURES)
    stream = module.cuda.Stream(non_blocking=True) if name == "cupy" else module.cuda.Stream()
    with stream if name == "cupy" else module.cuda.stream(stream):
        res = minimize(
            lambda x: (0.5 * (curvatures * x * x).sum(), curvatures * x),
            to_device(np.ones(CURVATURES.size)),
            jac=True,
            options=options,
        )
        assert res.success and np.abs(to_host(res.x)).max() < 1e-4


# -- objectives by entries -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 255, 1000, 300_001])
@pytest.mark.parametrize("name", ["numba", "cupy", "torch", "jax"])
def test_one_problem_by_entries(name, n, dtype):
    """Each entry needs its neighbours, which other threads and blocks write."""
    from numba import njit

    to_device, to_host = library(name)

    def smooth(i, x, out, target):
        g = x[i] - target[i]
        value = 0.5 * g * g
        if i > 0:
            g += x[i] - x[i - 1]
        if i < x.shape[0] - 1:
            d = x[i + 1] - x[i]
            value += 0.5 * d * d
            g -= d
        out[i] = g
        return value

    def gradient(x):
        d = np.diff(x, prepend=x[:1], append=x[-1:])
        return x - target + d[:-1] - d[1:]

    target = np.random.default_rng(0).normal(size=n).astype(dtype)
    fun, given = entrywise(njit(smooth)), to_device(np.zeros(n, dtype))
    for options in ({}, {"learning_rate": 0.2, "momentum": 0.5}):
        kwargs = {"jac": True, "options": {**options, "gtol": 1e-4}}
        res = minimize(fun, given, (to_device(target),), **kwargs)
        assert res.success and type(res.x) is type(given)
        np.testing.assert_allclose(to_host(res.jac), gradient(to_host(res.x)), atol=1e-5)
        assert np.abs(gradient(to_host(res.x))).max() <= 1.1e-4
        again = minimize(fun, given, (to_device(target),), **kwargs)
        np.testing.assert_array_equal(to_host(again.x), to_host(res.x))
        assert again.nfev == res.nfev
        host = minimize(fun, np.zeros(n, dtype), (target,), **kwargs)
        if options and dtype == np.float64:
            np.testing.assert_allclose(to_host(res.x), host.x, atol=1e-9)
            assert (res.nit, res.nfev) == (host.nit, host.nfev)


@pytest.mark.parametrize("method", METHODS)
def test_one_problem_by_entries_with_a_given_rate(method):
    from numba import cuda, njit

    a = np.random.default_rng(0).normal(size=(700, 300))
    args = a, a @ np.ones(300)
    fun = entrywise(njit(slope), row=residual, n_rows=700)
    options = {"learning_rate": 1e-4, "maxiter": 300, "norm": 2}
    for bounds in (None, [(-0.5, 0.7)] * 300):
        kwargs = {"method": method, "jac": True, "bounds": bounds, "options": options}
        res = minimize(fun, cuda.to_device(np.zeros(300)), args, **kwargs)
        host = minimize(fun, np.zeros(300), args, **kwargs)
        np.testing.assert_allclose(res.x.copy_to_host(), host.x, rtol=1e-6, atol=1e-8)
        assert (res.nit, res.status) == (host.nit, host.status)


def test_one_problem_by_entries_stops_in_time():
    from numba import cuda

    def flat(i, x, out):
        out[i] = 1.0
        return x[i]

    x0, fun, options = cuda.to_device(np.ones(1000)), entrywise(flat), {"learning_rate": 1e-9}
    minimize(fun, x0, jac=True, options={**options, "maxiter": 1})  # compiles
    begin = time.perf_counter()
    options |= {"maxiter": 2**31 - 2, "maxtime": 0.5}
    res = minimize(fun, x0, jac=True, options=options)
    assert 0.5 <= time.perf_counter() - begin < 30.0
    assert res.status == Status.MAXTIME and res.nfev > 1000


# -- memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
@pytest.mark.skipif(shutil.which("compute-sanitizer") is None, reason="no compute-sanitizer")
def test_sanitizer(tool):
    code = """
        import numpy as np
        from numba import cuda
        from test_cuda_gpu import decay, misfit, n_samples, residual, rosenbrock, slope
        from fastmomentum import minimize, minimize_batch
        from fastmomentum._cuda import launch
        from fastmomentum.objectives import entrywise, sum_of_terms

        class Limits:
            lb, ub = cuda.to_device(np.full((3, 3), -1.0)), cuda.to_device(np.full((3, 3), 2.0))

        for rate in ("auto", 1e-3):
            options = {"learning_rate": rate, "maxiter": 5}
            for n in (3, 40):
                minimize_batch(rosenbrock, np.zeros((3, n)), jac=True, device="cuda",
                               bounds=[(-1, 2)] * n, options=options)
            minimize_batch(rosenbrock, cuda.to_device(np.zeros((3, 3))), jac=True, bounds=Limits,
                           options=options)
        t = np.linspace(0.0, 2.0, 7)
        launch.free_memory = lambda: 5000
        res = minimize_batch(decay, cuda.to_device(np.ones(2)), jac=True,
                             args=(t, cuda.to_device(np.ones((50, 7)))), batched=(False, True))
        assert len(res.x) == 50
        for threads in (1, 8, 32):
            for rate in ("auto", 1e-3):
                minimize_batch(sum_of_terms(misfit, n_samples, threads=threads), np.ones(2),
                               jac=True, args=(t, np.ones((50, 7))), batched=(False, True),
                               device="cuda", bounds=[(-1, 2)] * 2,
                               options={"learning_rate": rate, "maxiter": 5})

        def bowl(x):
            host = x.copy_to_host()
            return float(host @ host), cuda.to_device(2.0 * host)

        for method in ("gd", "momentum", "nesterov", "amsgrad"):
            for bounds in (None, [(-1.0, 2.0)] * 3000):
                minimize(bowl, cuda.to_device(np.ones(3000)), method=method, jac=True,
                         bounds=bounds, options={"learning_rate": 0.1, "maxiter": 5, "norm": 2})
            minimize(bowl, cuda.to_device(np.ones(3000)), method=method, jac=True,
                     options={"maxiter": 5})

        a = np.random.default_rng(0).normal(size=(700, 600))
        fun = entrywise(slope, row=residual, n_rows=700)
        for options in ({}, {"learning_rate": 1e-4}):
            minimize(fun, cuda.to_device(np.zeros(600)), (a, a[:, 0]), jac=True,
                     options={**options, "maxiter": 5})
    """
    done = subprocess.run(
        [
            "compute-sanitizer", "--tool", tool, "--error-exitcode", "9",
            sys.executable, "-c", textwrap.dedent(code),
        ],
        env=environment_of(),
        capture_output=True,
        text=True,
        timeout=3000,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
