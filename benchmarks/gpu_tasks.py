"""What `gpu.py` measures: one generator of rows for each contestant of each section."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastmomentum import minimize, minimize_batch
from fastmomentum.objectives import entrywise, sum_of_terms

from .functions import chain_entry, rosenbrock

N = 10
STEPS = 200
RATE, MOMENTUM = 1e-4, 0.9
GTOL = 1e-5
MARK = "ROW "  # what a line of a child's output begins with where it is a row


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    batch: tuple[int, ...]
    tolerance: int
    fused: tuple[int, ...]
    fits: tuple[int, ...]
    chain: tuple[int, ...]
    iterations: int  # of the latency
    launches: int  # timed together
    repeats: int
    checked: int  # problems whose error is computed
    steps: int
    shared: tuple[int | None, ...] = (1, 32, None)  # threads of a fit
    on_gpu: bool = True  # an error where a peer would compute on the processor


SIZES = {
    "full": Sizes(
        (10**4, 10**5, 10**6), 100_000, (10**5, 10**6, 10**7, 10**8), (10**4, 10**5, 10**6),
        (10**3, 10**5, 10**7), 5000, 50, 3, 1000, STEPS,
    ),
    "quick": Sizes(
        (10**5,), 20_000, (10**6, 10**7), (10**5,), (10**5,), 2000, 30, 2, 1000, STEPS
    ),
    # For the tests, without a device.
    "tiny": Sizes((3,), 3, (5,), (3,), (5,), 5, 2, 1, 3, 7, shared=(1, None), on_gpu=False),
}  # fmt: skip

TIMES = f"{'':44s} compile s     run ms  +/- %"
HEADS = {
    "correct": f"{'500 problems of 5 variables, beside the processor':58s} error",
    "copy": f"{'n, float64':44s}       us   GB/s  error",
    "batch": f"{TIMES}   M steps/s  error    Rosenbrock, n = {N}, {STEPS} steps of heavy ball",
    "tolerance": f"{TIMES}   solved, to a gradient of {GTOL:g}; its median; Rosenbrock, n = {N}",
    "fused": f"{'one update and its norms':44s}       us   GB/s  error after 5 steps",
    "gpufit": f"{TIMES}   M fits/s  iterations  success  chi2 within 1e-4  5 x 5 pixels",
    "chain": f"{TIMES}  us per evaluation  error of the gradient",
    "latency": f"{'an iteration of minimize, n = 1000':44s}       us  error",
    "registers": f"{'kernels of batch and tolerance':44s} registers, local bytes",
}


@dataclasses.dataclass(frozen=True)
class Task:
    """The rows of one contestant."""

    section: str
    contestant: str
    rows: Callable[[Sizes], Iterator[str]]
    seconds: float  # that it may take
    peer: bool

    @property
    def name(self) -> str:
        return f"{self.section}/{self.contestant}"


TASKS: list[Task] = []


def task(section: str, contestant: str, seconds: float, peer: bool = True) -> Callable:
    """Register a generator of rows."""

    def add(rows: Callable[[Sizes], Iterator[str]]) -> Callable[[Sizes], Iterator[str]]:
        TASKS.append(Task(section, contestant, rows, seconds, peer))
        return rows

    return add


def run(name: str, size: str) -> int:
    """A child's work: the rows of a task, on standard output."""
    found = next(t for t in TASKS if t.name == name)
    try:
        for text in found.rows(SIZES[size]):
            sys.stdout.write(f"{MARK}{text}\n")
            sys.stdout.flush()
    except Exception as error:
        sys.stdout.write(f"{MARK}{found.contestant:44s} {why(error)}\n")
        return 0 if found.peer or isinstance(error, ImportError) else 1
    return 0


def why(error: Exception) -> str:
    """Why there is no row."""
    if isinstance(error, ImportError):
        return f"not installed: {error.name or error}"
    return f"failed: {type(error).__name__}: {' '.join(str(error).split())[:160]}"


def gpu_name() -> str:
    """The GPU, as the name of a folder."""
    from fastmomentum._cuda.device import check_device, simulated

    check_device()
    if simulated():
        return "simulator"
    from numba import cuda

    name = cuda.get_current_device().name
    name = name.decode() if isinstance(name, bytes) else str(name)
    return "-".join(name.lower().replace("nvidia", "").split())


# -- measuring -------------------------------------------------------------------------------------


def measured(run: Callable[[], Any], sizes: Sizes) -> tuple[str, float, Any]:
    """(columns of times, seconds, result): the first call is taken to compile.

    `run` returns when the device is done.
    """
    begin = time.perf_counter()
    found = run()
    first = time.perf_counter() - begin
    times = []
    for _ in range(sizes.repeats):
        begin = time.perf_counter()
        found = run()
        times.append(time.perf_counter() - begin)
    usual = statistics.median(times)
    apart = 100.0 * (max(times) - min(times)) / usual
    return f"{max(first - usual, 0.0):9.2f} {1e3 * usual:10.3f} {apart:5.1f}", usual, found


def device_us(launch: Callable[[], Any], sizes: Sizes) -> float:
    """Microseconds of one launch, by the device's clock."""
    from numba import cuda

    launch()
    begin, end = cuda.event(), cuda.event()
    begin.record()
    for _ in range(sizes.launches):
        launch()
    end.record()
    end.synchronize()
    return max(1e3 * begin.elapsed_time(end) / sizes.launches, 1e-9)


def starts(count: int, dtype: Any, n: int = N) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1.0, 1.0, (count, n)).astype(dtype)


def kinds(counts: tuple[int, ...]) -> Iterator[tuple[Any, int, str]]:
    """(dtype, how many, the beginning of a row)."""
    for dtype in (np.float64, np.float32):
        for count in counts:
            yield dtype, count, f"{np.dtype(dtype).name} {count:>11,d} "


# -- the problems ----------------------------------------------------------------------------------


def rosenbrock_rows(xp: Any, x: Any) -> Any:
    """Gradients of many problems at once, for array libraries."""
    bend = x[:, 1:] - x[:, :-1] * x[:, :-1]
    g = xp.zeros_like(x)
    g[:, :-1] -= 400.0 * x[:, :-1] * bend + 2.0 * (1.0 - x[:, :-1])
    g[:, 1:] += 200.0 * bend
    return g


def values_of(x: np.ndarray) -> np.ndarray:
    return (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)


def reference(x: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, last) point of the same steps of heavy ball in NumPy's float64."""
    x = x.astype(float)
    v = np.zeros_like(x)
    lowest, best = x, np.full(len(x), np.inf)
    for k in range(steps + 1):
        f = values_of(x)
        lowest = np.where((f < best)[:, None], x, lowest)
        best = np.minimum(f, best)
        if k < steps:
            v = MOMENTUM * v + RATE * rosenbrock_rows(np, x)
            x = x - v
    return lowest, x


def peak_pixel(k, x, out, pixels, data):
    """Half the square of a 2-D Gaussian of 5 parameters less the data at a pixel: Gpufit's example.

    The parameters are relative to those of the example, so that their sizes are alike.
    """
    amplitude, width = 500.0 * x[0], x[3]
    dx, dy = pixels[k, 0] - 2.0 * x[1], pixels[k, 1] - 2.0 * x[2]
    scale = 0.5 / (width * width)
    square = dx * dx + dy * dy
    e = math.exp(-square * scale)
    r = (amplitude * e + 10.0 * x[4] - data[k]) * 0.01
    slope = r * 0.01
    out[0] += slope * 500.0 * e
    out[1] += slope * amplitude * e * 2.0 * scale * dx * 2.0
    out[2] += slope * amplitude * e * 2.0 * scale * dy * 2.0
    out[3] += slope * amplitude * e * 2.0 * scale * square / width
    out[4] += slope * 10.0
    return 0.5 * r * r


def n_pixels(x, pixels, data):
    return data.shape[0]


def peak(x, out, pixels, data):
    """All pixels, in a loop of its own."""
    for j in range(5):
        out[j] = 0.0
    total = 0.0
    for k in range(data.shape[0]):
        total += peak_pixel(k, x, out, pixels, data)
    return total


def peak_model(x: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """What `peak` compares the data with, for many problems."""
    square = ((pixels - 2.0 * x[:, None, 1:3]) ** 2).sum(axis=-1)
    return 500.0 * x[:, :1] * np.exp(-0.5 * square / x[:, 3:4] ** 2) + 10.0 * x[:, 4:]


@functools.lru_cache(maxsize=1)
def compiled(fun: Callable) -> Any:
    """A function for the processor."""
    from numba import njit

    return njit(fun)


# -- correct: everything else rests on it ----------------------------------------------------------


@task("correct", "minimize_batch", 120, peer=False)
def correct(sizes: Sizes) -> Iterator[str]:
    x0 = 0.5 * starts(500 if sizes.on_gpu else 3, np.float64, 5)
    rows = [
        ("momentum", rate, dtype) for rate in (1e-4, "auto") for dtype in ("float64", "float32")
    ]
    rows += [("nesterov", "auto", "float64"), ("gd", "auto", "float64"), ("adam", 1e-2, "float32")]
    for method, rate, dtype in rows:
        options = {"learning_rate": rate, "maxiter": 50 if rate != "auto" else sizes.iterations}
        if dtype == "float32":
            options["gtol"] = 1e-2
        kwargs = {"method": method, "jac": True, "options": options}
        device = minimize_batch(rosenbrock, x0.astype(dtype), device="cuda", **kwargs)
        name = f"{dtype} {method}, rate {rate}"
        if rate == "auto":
            slope = np.abs(rosenbrock_rows(np, device.x[device.success].astype(float)))
            slope = slope.max(initial=0.0)
            yield f"{name:44s} {device.success.mean():7.1%} solved {slope:.1e} (gradient)"
            continue
        exact = minimize_batch(compiled(rosenbrock), x0, **kwargs)
        yield f"{name:58s} {np.abs(device.x - exact.x).max():.1e}"


# -- copy: the ceiling of all that moves bytes -----------------------------------------------------


@task("copy", "copy", 30, peer=False)
def copy(sizes: Sizes) -> Iterator[str]:
    for n in sizes.fused:
        source = np.random.default_rng(0).normal(size=n)
        a, b = _to_device(source), _to_device(np.full(n, np.nan))
        us = device_us(lambda a=a, b=b: _copy_kernel()(b, a), sizes)
        error = np.abs(b.copy_to_host() - source).max()
        yield f"{n:>44,d} {us:8.1f} {16e-3 * n / us:6.0f}  {error:.0e}"


@functools.lru_cache(maxsize=1)
def _copy_kernel() -> Any:
    # The simulator finds `cuda` in a kernel's module only.
    from fastmomentum._cuda.device import configured, simulated
    from fastmomentum._cuda.large import _start

    blocks, threads = (1, 2) if simulated() else (1024, 256)
    launch = configured(_start, blocks, threads)
    none = _to_device(np.empty(0))
    return lambda target, source: launch(target, source, none, none, False)


def _to_device(array: np.ndarray) -> Any:
    from numba import cuda

    return cuda.to_device(array)


def _copy_to_host(array: Any) -> np.ndarray:
    return array.copy_to_host()


# -- batch: the same steps for all -----------------------------------------------------------------


def batch_rows(sizes: Sizes, name: str, solve: Callable[[np.ndarray], tuple]) -> Iterator[str]:
    """Rows of all sizes; `solve` gives (run, to the host, whether the lowest point is returned)."""
    for dtype, count, kind in kinds(sizes.batch):
        x0 = starts(count, dtype)
        run, to_host, is_lowest = solve(x0)
        times, usual, found = measured(run, sizes)
        exact = reference(x0[: sizes.checked], sizes.steps)[0 if is_lowest else 1]
        error = np.abs(to_host(found)[: sizes.checked] - exact).max()
        rate = 1e-6 * count * sizes.steps / usual
        yield f"{kind + name:44s} {times} {rate:11.0f}  {error:.1e}"


@task("batch", "minimize_batch", 90, peer=False)
def batch_ours(sizes: Sizes) -> Iterator[str]:
    # With gtol 0 it makes all steps; the result is the lowest point on the way.
    options = {"learning_rate": RATE, "momentum": MOMENTUM, "maxiter": sizes.steps, "gtol": 0.0}
    kwargs = {"jac": True, "options": options}

    def on_device(x0: np.ndarray) -> tuple:
        given = _to_device(x0)
        return lambda: minimize_batch(rosenbrock, given, **kwargs).x, _copy_to_host, True

    def of_host(x0: np.ndarray) -> tuple:
        return lambda: minimize_batch(rosenbrock, x0, device="cuda", **kwargs).x, np.asarray, True

    yield from batch_rows(sizes, "minimize_batch", on_device)
    yield from batch_rows(sizes, "the same, host arrays", of_host)


def jax_of(sizes: Sizes) -> Any:
    """jax, in double precision and on the GPU."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if sizes.on_gpu and jax.default_backend() != "gpu":
        raise RuntimeError("jax sees no GPU")
    return jax


def torch_of(sizes: Sizes) -> tuple[Any, str]:
    """(torch, its device)."""
    import torch

    if torch.cuda.is_available():
        return torch, "cuda"
    if sizes.on_gpu:
        raise RuntimeError("torch sees no GPU")
    return torch, "cpu"


def arrays_of(library: str, sizes: Sizes) -> tuple[Callable, Callable]:
    """What makes arrays of a library, on the device, and what copies them to the host."""
    if library == "Numba":
        return _to_device, _copy_to_host
    if library == "CuPy":
        import cupy

        return cupy.asarray, cupy.asnumpy
    if library == "torch":
        torch, device = torch_of(sizes)
        return lambda x: torch.as_tensor(x, device=device), lambda x: x.cpu().numpy()
    return jax_of(sizes).numpy.asarray, np.asarray


def _value(x: Any, _: Any = None) -> Any:
    bend = x[1:] - x[:-1] ** 2
    return (100.0 * bend**2 + (1.0 - x[:-1]) ** 2).sum()


def _batch_jax(jax: Any, sizes: Sizes, name: str, begin: Callable, advance: Callable) -> Any:
    """Rows of a scan in vmap; `advance` takes x and a state, at first that of `begin`, further."""

    def solve(x: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            return advance(*carry), None

        return jax.lax.scan(step, (x, begin(x)), None, sizes.steps)[0][0]

    run = jax.jit(jax.vmap(solve))

    def on(x0: np.ndarray) -> tuple:
        x = jax.numpy.asarray(x0)
        return lambda: run(x).block_until_ready(), np.asarray, False

    return batch_rows(sizes, name, on)


@task("batch", "jax vmap(scan)", 60)
def batch_jax(sizes: Sizes) -> Iterator[str]:
    jax = jax_of(sizes)

    def advance(x: Any, v: Any) -> Any:
        v = MOMENTUM * v + RATE * jax.grad(_value)(x)
        return x - v, v

    yield from _batch_jax(jax, sizes, "jax vmap(scan)", jax.numpy.zeros_like, advance)


@task("batch", "jax vmap(optax.sgd)", 60)
def batch_optax(sizes: Sizes) -> Iterator[str]:
    jax = jax_of(sizes)
    import optax

    optimizer = optax.sgd(RATE, momentum=MOMENTUM)

    def advance(x: Any, state: Any) -> Any:
        updates, state = optimizer.update(jax.grad(_value)(x), state, x)
        return optax.apply_updates(x, updates), state

    yield from _batch_jax(jax, sizes, "jax vmap(optax.sgd)", optimizer.init, advance)


def _batch_torch(sizes: Sizes, name: str, compile_it: bool) -> Iterator[str]:
    torch, device = torch_of(sizes)

    def step(x: Any, v: Any) -> Any:
        v = MOMENTUM * v + RATE * rosenbrock_rows(torch, x)
        return x - v, v

    advance = torch.compile(step) if compile_it else step

    def on(x0: np.ndarray) -> tuple:
        start = torch.as_tensor(x0, device=device)

        def run() -> Any:
            x, v = start, torch.zeros_like(start)
            for _ in range(sizes.steps):
                x, v = advance(x, v)
            if device == "cuda":
                torch.cuda.synchronize()
            return x

        return run, lambda x: x.cpu().numpy(), False

    yield from batch_rows(sizes, name, on)


@task("batch", "torch, eager", 40)
def batch_torch(sizes: Sizes) -> Iterator[str]:
    yield from _batch_torch(sizes, "torch, eager", False)


@task("batch", "torch.compile of a step", 70)
def batch_torch_compiled(sizes: Sizes) -> Iterator[str]:
    if sizes.on_gpu:  # elsewhere it would need a C++ compiler
        yield from _batch_torch(sizes, "torch.compile of a step", True)


@task("batch", "CuPy", 40)
def batch_cupy(sizes: Sizes) -> Iterator[str]:
    import cupy

    def on(x0: np.ndarray) -> tuple:
        start = cupy.asarray(x0)

        def run() -> Any:
            x, v = start, cupy.zeros_like(start)
            for _ in range(sizes.steps):
                v = MOMENTUM * v + RATE * rosenbrock_rows(cupy, x)
                x = x - v
            cupy.cuda.Device().synchronize()
            return x

        return run, cupy.asnumpy, False

    yield from batch_rows(sizes, "CuPy", on)


# -- tolerance: each to its end --------------------------------------------------------------------


def solved(x: np.ndarray) -> str:
    """Share of the problems whose gradient is at most GTOL, in float64, and its median."""
    slopes = np.abs(rosenbrock_rows(np, x.astype(float))).max(axis=1)
    return f"{np.mean(slopes <= GTOL):8.4f} {np.median(slopes):.1e}"


@task("tolerance", "minimize_batch", 100, peer=False)
def tolerance_ours(sizes: Sizes) -> Iterator[str]:
    given = _to_device(starts(sizes.tolerance, np.float64))
    for method in ("momentum", "nesterov", "gd", "adam") if sizes.on_gpu else ("gd",):
        options = {"gtol": GTOL, "maxiter": 10_000 if sizes.on_gpu else 5}
        kwargs = {"method": method, "jac": True, "options": options}
        times, _, found = measured(lambda k=kwargs: minimize_batch(rosenbrock, given, **k), sizes)
        yield f"{'minimize_batch, ' + method:44s} {times} {solved(found.x.copy_to_host())}"


def _optimistix(sizes: Sizes, name: str) -> Iterator[str]:
    jax = jax_of(sizes)
    import optimistix

    # Tolerances at which it meets the criterion as often as it can.
    solver = getattr(optimistix, name)(rtol=1e-8, atol=1e-10)
    run = jax.jit(
        jax.vmap(
            lambda x: optimistix.minimise(_value, solver, x, max_steps=10_000, throw=False).value
        )
    )
    x = jax.numpy.asarray(starts(sizes.tolerance, np.float64))
    times, _, found = measured(lambda: run(x).block_until_ready(), sizes)
    yield f"{'vmap of optimistix ' + name:44s} {times} {solved(np.asarray(found))}"


for _solver in ("BFGS", "NonlinearCG"):
    task("tolerance", f"vmap of optimistix {_solver}", 60)(
        functools.partial(_optimistix, name=_solver)
    )


# -- fused: one update of a large vector -----------------------------------------------------------

WORDS = {"gd": 3, "momentum": 5, "nesterov": 5, "adam": 7, "amsgrad": 9}
FIRST = 5  # steps that are compared


@functools.lru_cache(maxsize=8)
def fifth(method: str) -> float:
    """An element after five steps from 1, with a gradient that is always 1, in float64."""
    seen: list[float] = []  # where fun is called: Nesterov's gradient is taken ahead

    def fun(x: np.ndarray) -> tuple[float, np.ndarray]:
        if not seen or seen[-1] != x[0]:
            seen.append(float(x[0]))
        return 1.0, np.ones_like(x)

    options = {"learning_rate": 1e-3, "maxiter": FIRST}
    minimize(fun, [1.0], method=method, jac=True, options=options)
    return seen[FIRST]


def update_row(text: str, method: str, nbytes: int, us: float, error: float) -> str:
    """The row of an update of vectors of `nbytes` that takes `us` microseconds."""
    return f"{text:44s} {us:8.1f} {WORDS[method] * nbytes / us / 1e3:6.0f}  {error:.0e}"


@task("fused", "fastmomentum", 80, peer=False)
def fused_ours(sizes: Sizes) -> Iterator[str]:
    for dtype, n, kind in kinds(sizes.fused):
        for method in WORDS:
            launch, point = stepper(method, n, dtype)
            for _ in range(FIRST):
                launch()
            error = np.abs(point(FIRST).astype(float) - fifth(method)).max()
            us = device_us(launch, sizes)
            yield update_row(kind + method, method, np.dtype(dtype).itemsize * n, us, error)


def stepper(method: str, n: int, dtype: Any) -> tuple[Callable, Callable]:
    """(launches the next step of gradient 1, the point after k of them, on the host)."""
    from numba import cuda

    from fastmomentum._check.options import check_options
    from fastmomentum._cuda.large import Steps
    from fastmomentum._cuda.numbers import Start
    from fastmomentum._methods import METHODS
    from fastmomentum._minimize.plan import Plan

    options = {"learning_rate": 1e-3, "maxiter": 10**9}
    like = np.broadcast_to(np.zeros(1, dtype), (n,))
    plan = Plan(check_options(METHODS[method], None, options, like), n, np.dtype(dtype), "")
    none = (np.empty(0), np.empty(0))
    vectors = [cuda.device_array(n, dtype) for _ in range(3)]
    x0 = cuda.to_device(np.ones(n, dtype))
    start = Start(plan.ints, plan.floats, plan.numbers["learning_rate"], plan.numbers["momentum"])
    steps = Steps(METHODS[method], dtype, start, x0, vectors, none, cuda.default_stream())
    value = steps.number(1.0)
    counter = iter(range(10**9))
    return (
        lambda: steps.step(next(counter), x0, value, 10**9),
        lambda k: vectors[k % 3].copy_to_host(),
    )


def _torch_updates(sizes: Sizes, kind: str, way: str, method: str) -> Iterator[str]:
    torch, device = torch_of(sizes)
    make = torch.optim.SGD if kind == "SGD" else torch.optim.Adam
    extra = {"momentum": 0.9} if kind == "SGD" else {}
    for dtype, n, name in kinds(sizes.fused):
        x = torch.ones(n, dtype=getattr(torch, np.dtype(dtype).name), device=device)
        x.grad = torch.ones_like(x)
        optimizer = make([x], lr=1e-3, **{way: True}, **extra)
        for _ in range(FIRST):
            optimizer.step()
        error = np.abs(x.cpu().numpy().astype(float) - fifth(method)).max()
        us = _torch_us(torch, device, optimizer.step, sizes)
        yield update_row(f"{name}torch {kind} {way}", method, x.nbytes, us, error)
        del x, optimizer
        if device == "cuda":
            torch.cuda.empty_cache()


def _torch_us(torch: Any, device: str, launch: Callable[[], Any], sizes: Sizes) -> float:
    if device != "cuda":
        begin = time.perf_counter()
        for _ in range(sizes.launches):
            launch()
        return 1e6 * (time.perf_counter() - begin) / sizes.launches
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(sizes.launches):
        launch()
    end.record()
    torch.cuda.synchronize()
    return 1e3 * begin.elapsed_time(end) / sizes.launches


for _kind, _method in (("SGD", "momentum"), ("Adam", "adam")):
    for _way in ("foreach", "fused"):
        task("fused", f"torch {_kind} {_way}", 30)(
            functools.partial(_torch_updates, kind=_kind, way=_way, method=_method)
        )


@task("fused", "optax", 60)
def fused_optax(sizes: Sizes) -> Iterator[str]:
    jax = jax_of(sizes)
    import optax

    makers = {"momentum": lambda: optax.sgd(1e-3, momentum=0.9), "adam": lambda: optax.adam(1e-3)}
    for dtype, n, name in kinds(sizes.fused):
        for method, make in makers.items():
            optimizer = make()

            @functools.partial(jax.jit, donate_argnums=(0, 1))
            def step(x: Any, state: Any, g: Any, optimizer: Any = optimizer) -> Any:
                changes, state = optimizer.update(g, state, x)
                return optax.apply_updates(x, changes), state

            x, g = jax.numpy.ones(n, dtype), jax.numpy.ones(n, dtype)
            state = optimizer.init(x)
            for _ in range(FIRST):
                x, state = step(x, state, g)
            error = np.abs(np.asarray(x).astype(float) - fifth(method)).max()
            begin = time.perf_counter()
            for _ in range(sizes.launches):
                x, state = step(x, state, g)
            x.block_until_ready()
            us = 1e6 * (time.perf_counter() - begin) / sizes.launches
            yield update_row(f"{name}optax {method}, donated", method, x.nbytes, us, error)
            del x, g, state


# -- gpufit: many fits of a peak -------------------------------------------------------------------


def fits(
    sizes: Sizes, ways: dict[str, dict[str, Any]], objectives: dict[str, Any]
) -> Iterator[str]:
    """Rows of fits of all sizes, in these ways, of these objectives."""
    rng = np.random.default_rng(0)
    pixels = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    for dtype, count, kind in kinds(sizes.fits):
        true = rng.uniform(0.9, 1.1, (count, 5))
        noise = 2.0 * math.pi * 500.0 / 4.292**2 / 10.0
        data = peak_model(true, pixels) + noise * rng.standard_normal((count, 25))
        x0 = true * rng.uniform(0.9, 1.1, true.shape)
        few = slice(sizes.checked)
        best = minimize_batch(
            sum_of_terms(compiled(peak_pixel), n_pixels), x0[few], (pixels, data[few]),
            (False, True), jac=True,
            options={"gtol": 1e-8, "maxiter": 10_000 if sizes.on_gpu else 5},
        )  # fmt: skip
        given = _to_device(x0.astype(dtype))
        args = _to_device(pixels.astype(dtype)), _to_device(data.astype(dtype))
        for (way, options), (name, fun) in itertools.product(ways.items(), objectives.items()):
            kwargs = {"batched": (False, True), "jac": True, "options": options}
            times, usual, found = measured(
                lambda f=fun, g=given, a=args, k=kwargs: minimize_batch(f, g, a, **k), sizes
            )
            x = found.x.copy_to_host().astype(float)[few]
            squares = ((peak_model(x, pixels) - data[few]) ** 2).sum(axis=1)
            near = np.mean(squares * 0.5e-4 <= best.fun * (1.0 + 1e-4))
            yield (
                f"{kind + way + name:44s} {times} {1e-6 * count / usual:10.3f} "
                f"{found.nit.copy_to_host().mean():11.0f} "
                f"{found.success.copy_to_host().mean():8.4f} {near:17.4f}"
            )


def _automatic(sizes: Sizes) -> dict[str, dict[str, Any]]:
    return {"automatic": {"gtol": 1e-3, "maxiter": 10_000 if sizes.on_gpu else 5}}


def _given(sizes: Sizes, way: str) -> dict[str, dict[str, Any]]:
    options = {"learning_rate": 0.01, "momentum": 0.95, "maxiter": 400 if sizes.on_gpu else 5}
    return {way: options}


@task("gpufit", "minimize_batch", 100, peer=False)
def gpufit(sizes: Sizes) -> Iterator[str]:
    ways = {**_automatic(sizes), **_given(sizes, "momentum 0.95, 400 steps")}
    yield from fits(sizes, ways, {"": peak})


@task("gpufit", "sum_of_terms", 100, peer=False)
def gpufit_in_lanes(sizes: Sizes) -> Iterator[str]:
    # Threads that share a fit; the default depends on how many fits there are.
    objectives = {
        f", threads={threads}": sum_of_terms(peak_pixel, n_pixels, threads=threads)
        for threads in sizes.shared
    }
    yield from fits(sizes, _given(sizes, "momentum"), objectives)
    few = dataclasses.replace(sizes, fits=sizes.fits[:1])
    yield from fits(few, _automatic(sizes), objectives)


# -- chain: a whole run on one large vector --------------------------------------------------------


def _chain(sizes: Sizes, name: str, fun: Callable, library: str) -> Iterator[str]:
    """Rosenbrock's function of n variables: as many iterations as in a batch."""
    to_device, to_host = arrays_of(library, sizes)
    for n in sizes.chain:
        x0 = np.where(np.arange(n) % 2 == 0, -1.2, 1.0)
        for rate in (RATE, "auto"):
            options = {"learning_rate": rate, "maxiter": sizes.steps, "gtol": 0.0}
            there = to_device(x0)
            solve = functools.partial(minimize, fun, there, jac=True, options=options)
            times, usual, found = measured(solve, sizes)
            exact = rosenbrock_rows(np, to_host(found.x)[None])[0]
            error = np.abs(to_host(found.jac) - exact).max() / max(np.abs(exact).max(), 1e-300)
            row = f"{n:>11,d} {name}, rate {rate}"
            yield f"{row:44s} {times} {1e6 * usual / found.nfev:18.1f}  {error:.0e}"


@task("chain", "by entries", 90, peer=False)
def chain_by_entries(sizes: Sizes) -> Iterator[str]:
    yield from _chain(sizes, "by entries", entrywise(chain_entry), "Numba")


@task("chain", "CuPy", 90)
def chain_cupy(sizes: Sizes) -> Iterator[str]:
    import cupy

    def fun(x: Any) -> tuple[Any, Any]:
        bend, rest = x[1:] - x[:-1] * x[:-1], 1.0 - x[:-1]
        return (100.0 * bend * bend + rest * rest).sum(), rosenbrock_rows(cupy, x[None])[0]

    yield from _chain(sizes, "CuPy", fun, "CuPy")


@task("chain", "jax", 90)
def chain_jax(sizes: Sizes) -> Iterator[str]:
    jax = jax_of(sizes)
    if sizes.on_gpu:
        yield from _chain(sizes, "jax", jax.jit(jax.value_and_grad(_value)), "jax")


# -- latency: what an iteration costs where there is no work ---------------------------------------


def _latency(sizes: Sizes, name: str) -> Iterator[str]:
    to_device, to_host = arrays_of(name, sizes)
    if name in ("torch", "jax") and not sizes.on_gpu:
        return
    # A function that does nothing: its value and its gradient are there.
    n = 1000 if sizes.on_gpu else 3
    value, gradient = to_device(np.ones(())), to_device(np.ones(n))
    x0 = to_device(np.ones(n))
    options = {"learning_rate": 1e-9, "momentum": 0.5, "maxiter": sizes.iterations}
    seen: list[Any] = []
    minimize(
        lambda x: (value, gradient), x0, jac=True, callback=seen.append,
        options={**options, "learning_rate": 1e-3, "momentum": 0.9, "maxiter": FIRST},
    )  # fmt: skip
    error = np.abs(to_host(seen[-1]) - fifth("momentum")).max()
    _, usual, _ = measured(
        lambda: minimize(lambda x: (value, gradient), x0, jac=True, options=options), sizes
    )
    yield f"{name:44s} {1e6 * usual / sizes.iterations:8.1f}  {error:.0e}"


for _name in ("Numba", "CuPy", "torch", "jax"):
    task("latency", _name, 30, peer=_name != "Numba")(functools.partial(_latency, name=_name))


# -- registers: what the compiler of this machine makes of the kernels -----------------------------


@task("registers", "kernels", 60, peer=False)
def registers(sizes: Sizes) -> Iterator[str]:
    from fastmomentum._cuda import batch
    from fastmomentum._cuda.device import simulated

    cases: list[tuple[str, Any]] = [(m, RATE) for m in ("momentum", "nesterov", "adam")]
    for method, rate in [*cases, ("momentum", "auto")] if sizes.on_gpu else cases[:1]:
        for dtype in ("float64", "float32"):
            options = {"learning_rate": rate, "maxiter": 1}
            x0 = starts(2, dtype)
            minimize_batch(rosenbrock, x0, method=method, jac=True, options=options, device="cuda")
            kernel = next(reversed(batch._kernels.values()))  # the one that was used last
            found = "-, -"
            if not simulated():
                (used,) = kernel.get_regs_per_thread().values()
                (local,) = kernel.get_local_mem_per_thread().values()
                found = f"{used}, {local}"
            yield f"{f'{dtype} {method}, rate {rate}, n = {N}':44s} {found}"
