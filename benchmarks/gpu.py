"""Kernels on a GPU, beside jax, torch and CuPy.

    python benchmarks/gpu.py [section ...]

Sections: copy, batch, tolerance, fused, gpufit, latency; all of them take some ten minutes. Each
row is written to benchmarks/results/<gpu>/ as soon as it is measured. A peer that is not installed,
or fails, is a row that says so. Solutions have an error: the largest difference from a float64 run
of the same steps on the processor, or the share of the problems that meet a criterion, computed by
NumPy for all solvers alike.

Times of a batch include the way of the data to the device and back, for `minimize_batch`; those of
the peers begin and end with their arrays on the device. Compiling is a column of its own.
"""

from __future__ import annotations

import argparse
import datetime
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastmomentum import minimize_batch

RESULTS = Path(__file__).parent / "results"
N = 10
STEPS = 200
RATE, MOMENTUM = 1e-4, 0.9
GTOL = 1e-5


# -- the problems, for fastmomentum ----------------------------------------------------------------


def rosenbrock(x, out):
    """Chained Rosenbrock, without a product of an integer and a float."""
    total = 0.0
    for i in range(out.shape[0]):
        out[i] = 0.0
    for i in range(x.shape[0] - 1):
        bend = x[i + 1] - x[i] * x[i]
        gap = 1.0 - x[i]
        total += 100.0 * bend * bend + gap * gap
        out[i] -= 400.0 * x[i] * bend + 2.0 * gap
        out[i + 1] += 200.0 * bend
    return total


def rosenbrock_rows(xp: Any, x: Any) -> Any:
    """Gradients of many problems at once, for array libraries."""
    bend = x[:, 1:] - x[:, :-1] * x[:, :-1]
    g = xp.zeros_like(x)
    g[:, :-1] -= 400.0 * x[:, :-1] * bend + 2.0 * (1.0 - x[:, :-1])
    g[:, 1:] += 200.0 * bend
    return g


def peak(x, out, pixels, data):
    """Half the squares of a 2-D Gaussian of 5 parameters less the data: Gpufit's example.

    The parameters are relative to those of the example, so that their sizes are alike.
    """
    amplitude, x0, y0 = 500.0 * x[0], 2.0 * x[1], 2.0 * x[2]
    width, offset = x[3], 10.0 * x[4]
    scale = 0.5 / (width * width)
    for j in range(5):
        out[j] = 0.0
    total = 0.0
    for k in range(data.shape[0]):
        dx, dy = pixels[k, 0] - x0, pixels[k, 1] - y0
        square = dx * dx + dy * dy
        e = math.exp(-square * scale)
        r = (amplitude * e + offset - data[k]) * 0.01
        total += 0.5 * r * r
        slope = r * 0.01
        out[0] += slope * 500.0 * e
        out[1] += slope * amplitude * e * 2.0 * scale * dx * 2.0
        out[2] += slope * amplitude * e * 2.0 * scale * dy * 2.0
        out[3] += slope * amplitude * e * 2.0 * scale * square / width
        out[4] += slope * 10.0
    return total


# -- measuring -------------------------------------------------------------------------------------


class Table:
    """Rows, on the screen and in the file of this GPU."""

    def __init__(self, section: str, gpu: str, columns: str):
        folder = RESULTS / gpu
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{section}.txt"
        today = datetime.date.today().isoformat()
        self.path.write_text(f"{section}, {gpu}, {today}\n{columns}\n", encoding="utf-8")
        sys.stdout.write(f"\n{section}\n{columns}\n")

    def row(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def guarded(self, name: str, measure: Callable[[], str]) -> None:
        """A row, or why there is none."""
        try:
            self.row(f"{name:44s} {measure()}")
        except ImportError as error:
            self.row(f"{name:44s} not installed: {error.name}")
        except Exception as error:
            self.row(f"{name:44s} failed: {type(error).__name__}: {str(error)[:120]}")


def seconds(run: Callable[[], Any], repeats: int = 3) -> tuple[float, float, Any]:
    """(first call less a later one, median of the later ones, last result)."""
    begin = time.perf_counter()
    found = run()
    first = time.perf_counter() - begin
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        found = run()
        times.append(time.perf_counter() - begin)
    usual = statistics.median(times)
    return max(first - usual, 0.0), usual, found


def starts(count: int, dtype: Any) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1.0, 1.0, (count, N)).astype(dtype)


def reference(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, last) point of the same steps of heavy ball in NumPy's float64."""
    x = x.astype(float)
    v = np.zeros_like(x)
    lowest, best = x, np.full(len(x), np.inf)
    for k in range(STEPS + 1):
        f = (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)
        lowest = np.where((f < best)[:, None], x, lowest)
        best = np.minimum(f, best)
        if k < STEPS:
            v = MOMENTUM * v + RATE * rosenbrock_rows(np, x)
            x = x - v
    return lowest, x


def solved(x: np.ndarray) -> float:
    """Share of the problems whose gradient is at most GTOL, in float64."""
    return float((np.abs(rosenbrock_rows(np, x.astype(float))).max(axis=1) <= GTOL).mean())


# -- sections --------------------------------------------------------------------------------------


def copy_section(gpu: str) -> None:
    from numba import cuda

    @cuda.jit
    def copy(target, source):
        for i in range(cuda.grid(1), source.size, cuda.gridsize(1)):
            target[i] = source[i]

    table = Table("copy", gpu, f"{'n':>44s} GB/s")
    for n in (10**5, 10**6, 10**7, 10**8):
        a, b = cuda.device_array(n), cuda.device_array(n)
        us = device_us(lambda a=a, b=b: copy[1024, 256](b, a))
        table.row(f"{n:>44,d} {16e-3 * n / us:.0f}")


def device_us(launch: Callable[[], Any], repeats: int = 50) -> float:
    """Microseconds of one launch, by the device's clock."""
    from numba import cuda

    launch()
    begin, end = cuda.event(), cuda.event()
    begin.record()
    for _ in range(repeats):
        launch()
    end.record()
    end.synchronize()
    return 1e3 * begin.elapsed_time(end) / repeats


def batch_peers(x0: np.ndarray) -> Iterator[tuple[str, Callable[[], tuple[float, float, Any]]]]:
    """Heavy ball of the same rate and STEPS on all problems at once."""

    def jax_scan() -> tuple[float, float, Any]:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def value(x: Any) -> Any:
            bend = x[1:] - x[:-1] ** 2
            return (100.0 * bend**2 + (1.0 - x[:-1]) ** 2).sum()

        def solve(x: Any) -> Any:
            def step(carry: Any, _: Any) -> Any:
                x, v = carry
                v = MOMENTUM * v + RATE * jax.grad(value)(x)
                return (x - v, v), None

            return jax.lax.scan(step, (x, jnp.zeros_like(x)), None, STEPS)[0][0]

        run = jax.jit(jax.vmap(solve))
        x = jnp.asarray(x0)
        first, usual, found = seconds(lambda: run(x).block_until_ready())
        return first, usual, np.asarray(found)

    def torch_eager(compile_it: bool) -> tuple[float, float, Any]:
        import torch

        def step(x: Any, v: Any) -> Any:
            v = MOMENTUM * v + RATE * rosenbrock_rows(torch, x)
            return x - v, v

        advance = torch.compile(step) if compile_it else step
        start = torch.as_tensor(x0, device="cuda")

        def run() -> Any:
            x, v = start, torch.zeros_like(start)
            for _ in range(STEPS):
                x, v = advance(x, v)
            torch.cuda.synchronize()
            return x

        first, usual, found = seconds(run)
        return first, usual, found.cpu().numpy()

    def cupy_arrays() -> tuple[float, float, Any]:
        import cupy

        start = cupy.asarray(x0)

        def run() -> Any:
            x, v = start, cupy.zeros_like(start)
            for _ in range(STEPS):
                v = MOMENTUM * v + RATE * rosenbrock_rows(cupy, x)
                x = x - v
            cupy.cuda.Device().synchronize()
            return x

        first, usual, found = seconds(run)
        return first, usual, cupy.asnumpy(found)

    yield "jax vmap(scan)", jax_scan
    yield "torch, eager", lambda: torch_eager(False)
    yield "torch.compile of a step", lambda: torch_eager(True)
    yield "CuPy", cupy_arrays


def batch_section(gpu: str) -> None:
    head = f"Rosenbrock, n = {N}, {STEPS} steps of heavy ball"
    table = Table("batch", gpu, f"{head:44s} compile s, run ms, M steps/s, error")
    for dtype in (np.float64, np.float32):
        for count in (10**4, 10**5, 10**6):
            x0 = starts(count, dtype)
            lowest, final = reference(x0[:1000])

            def line(measured: tuple[float, float, Any], e: Any = final, c: int = count) -> str:
                first, usual, x = measured
                error = np.abs(np.asarray(x)[:1000] - e).max()
                return (
                    f"{first:6.2f} {1e3 * usual:10.2f} {1e-6 * c * STEPS / usual:10.0f} {error:.1e}"
                )

            def ours(x0: np.ndarray = x0) -> tuple[float, float, Any]:
                # With gtol 0 it makes all steps; the result is the lowest point on the way.
                options = {"learning_rate": RATE, "momentum": MOMENTUM, "maxiter": STEPS, "gtol": 0}
                found = seconds(
                    lambda: minimize_batch(rosenbrock, x0, jac=True, options=options, device="cuda")
                )
                return found[0], found[1], found[2].x

            name = f"{dtype.__name__} {count:>9,d} "
            table.guarded(
                f"{name}minimize_batch", lambda line=line, ours=ours, e=lowest: line(ours(), e)
            )
            for peer, run in batch_peers(x0):
                table.guarded(f"{name}{peer}", lambda line=line, run=run: line(run()))


def tolerance_section(gpu: str) -> None:
    head = f"Rosenbrock, n = {N}, 100,000 problems to {GTOL:g}"
    table = Table("tolerance", gpu, f"{head:44s} compile s, run ms, solved")
    x0 = starts(100_000, np.float64)

    def line(measured: tuple[float, float, Any]) -> str:
        first, usual, x = measured
        return f"{first:6.2f} {1e3 * usual:10.2f} {solved(np.asarray(x)):8.4f}"

    for method in ("momentum", "nesterov", "gd", "adam"):

        def ours(method: str = method) -> tuple[float, float, Any]:
            options = {"gtol": GTOL}
            found = seconds(
                lambda: minimize_batch(
                    rosenbrock, x0, method=method, jac=True, options=options, device="cuda"
                )
            )
            return found[0], found[1], found[2].x

        table.guarded(f"minimize_batch, {method}", lambda ours=ours: line(ours()))

    def optimistix(name: str) -> tuple[float, float, Any]:
        import jax
        import jax.numpy as jnp
        import optimistix as optx

        jax.config.update("jax_enable_x64", True)

        def value(x: Any, _: Any) -> Any:
            bend = x[1:] - x[:-1] ** 2
            return (100.0 * bend**2 + (1.0 - x[:-1]) ** 2).sum()

        # Tolerances at which it meets the criterion as often as it can.
        solver = getattr(optx, name)(rtol=1e-8, atol=1e-10)
        run = jax.jit(
            jax.vmap(lambda x: optx.minimise(value, solver, x, max_steps=10_000, throw=False).value)
        )
        x = jnp.asarray(x0)
        first, usual, found = seconds(lambda: run(x).block_until_ready())
        return first, usual, np.asarray(found)

    for name in ("BFGS", "NonlinearCG"):
        table.guarded(f"vmap of optimistix {name}", lambda name=name: line(optimistix(name)))


def fused_section(gpu: str) -> None:
    table = Table("fused", gpu, f"{'one update and its norms':44s} us, GB/s")
    words = {"gd": 3, "momentum": 5, "nesterov": 5, "adam": 7, "amsgrad": 9}
    for dtype in (np.float64, np.float32):
        size = np.dtype(dtype).itemsize
        for n in (10**5, 10**6, 10**7, 10**8):
            for method, moved in words.items():

                def ours(method: str = method, n: int = n, dtype: Any = dtype) -> float:
                    return device_us(launcher(method, n, dtype))

                table.guarded(
                    f"{np.dtype(dtype).name} {n:>11,d} {method}",
                    lambda ours=ours, m=moved * size * n: (
                        f"{(us := ours()):10.1f} {m / us / 1e3:6.0f}"
                    ),
                )
            for peer in ("SGD foreach", "SGD fused", "Adam foreach", "Adam fused"):
                table.guarded(
                    f"{np.dtype(dtype).name} {n:>11,d} torch {peer}",
                    lambda p=peer, n=n, d=dtype: f"{torch_update_us(p, n, d):10.1f}",
                )


def launcher(method: str, n: int, dtype: Any) -> Callable[[], None]:
    """Launches one iteration again and again, on a gradient that does not change."""
    from numba import cuda

    from fastmomentum._kernels.cuda.large import Steps
    from fastmomentum._methods import METHODS
    from fastmomentum._plan import Plan
    from fastmomentum._validation.options import check_options

    options = {"learning_rate": 1e-6, "maxiter": 10**9}
    like = np.broadcast_to(np.zeros(1, dtype), (n,))
    plan = Plan(check_options(METHODS[method], None, options, like), n, np.dtype(dtype), "")
    none = (np.empty(0), np.empty(0))
    vectors = [cuda.device_array(n, dtype) for _ in range(3)]
    x0 = cuda.to_device(np.ones(n, dtype))
    rates, momenta = plan.numbers["learning_rate"], plan.numbers["momentum"]
    stream = cuda.default_stream()
    steps = Steps(
        METHODS[method], dtype, plan.ints, plan.floats, rates, momenta, x0, vectors, none, stream
    )
    value = steps.number(1.0)
    counter = iter(range(10**9))
    return lambda: steps.step(next(counter), x0, value, 10**9)


def torch_update_us(kind: str, n: int, dtype: Any) -> float:
    import torch

    name, way = kind.split()
    x = torch.ones(n, dtype=getattr(torch, np.dtype(dtype).name), device="cuda")
    x.grad = torch.ones_like(x)
    make = torch.optim.SGD if name == "SGD" else torch.optim.Adam
    extra = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = make([x], lr=1e-6, **{way: True}, **extra)
    optimizer.step()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(50):
        optimizer.step()
    end.record()
    torch.cuda.synchronize()
    return 1e3 * begin.elapsed_time(end) / 50


def gpufit_section(gpu: str) -> None:
    head = "Gpufit's example: 5 x 5 pixels, 5 parameters"
    table = Table("gpufit", gpu, f"{head:44s} compile s, run ms, M fits/s, iterations, success")
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    for dtype in (np.float32, np.float64):
        for count in (10**4, 10**5, 10**6):
            true = rng.uniform(0.9, 1.1, (count, 5))
            centre = 2.0 * true[:, None, 1:3]
            square = ((grid - centre) ** 2).sum(axis=-1)
            clean = 500.0 * true[:, :1] * np.exp(-0.5 * square / true[:, 3:4] ** 2)
            noise = 2.0 * math.pi * 500.0 / 4.292**2 / 10.0
            data = clean + 10.0 * true[:, 4:] + noise * rng.standard_normal((count, 25))
            x0 = (true * rng.uniform(0.9, 1.1, true.shape)).astype(dtype)
            for name, options in (
                ("automatic", {"gtol": 1e-3}),
                (
                    "momentum 0.95, 400 steps",
                    {"learning_rate": 0.01, "momentum": 0.95, "maxiter": 400},
                ),
            ):

                def fits(x0: Any = x0, data: Any = data, options: Any = options) -> str:
                    args = (grid.astype(x0.dtype), data.astype(x0.dtype))
                    first, usual, res = seconds(
                        lambda: minimize_batch(
                            peak, x0, args, (False, True), jac=True, options=options, device="cuda"
                        )
                    )
                    rate = 1e-6 * len(x0) / usual
                    return (
                        f"{first:6.2f} {1e3 * usual:10.2f} {rate:8.2f} {res.nit.mean():8.0f} "
                        f"{res.success.mean():8.4f}"
                    )

                table.guarded(f"{np.dtype(dtype).name} {count:>9,d} {name}", fits)


def latency_section(gpu: str) -> None:
    table = Table("latency", gpu, f"{'an iteration of minimize, n = 1000':44s} us")

    def iteration_us(to_device: Callable) -> str:
        from fastmomentum import minimize

        # A function that does nothing: its value and its gradient are there.
        value, gradient = to_device(np.ones(())), to_device(np.ones(1000))
        options = {"learning_rate": 1e-9, "momentum": 0.5, "maxiter": 5000}
        _, usual, _ = seconds(
            lambda: minimize(
                lambda x: (value, gradient), to_device(np.ones(1000)), jac=True, options=options
            )
        )
        return f"{1e6 * usual / 5000:8.1f}"

    def numba_kind() -> str:
        from numba import cuda

        return iteration_us(cuda.to_device)

    def cupy_kind() -> str:
        import cupy

        return iteration_us(cupy.asarray)

    def torch_kind() -> str:
        import torch

        return iteration_us(lambda x: torch.as_tensor(x, device="cuda"))

    for name, kind in (("Numba", numba_kind), ("CuPy", cupy_kind), ("torch", torch_kind)):
        table.guarded(name, kind)


SECTIONS = {
    "copy": copy_section,
    "batch": batch_section,
    "tolerance": tolerance_section,
    "fused": fused_section,
    "gpufit": gpufit_section,
    "latency": latency_section,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("section", nargs="*", choices=[[], *SECTIONS])
    chosen = parser.parse_args().section or list(SECTIONS)
    from fastmomentum._kernels.cuda.device import check_device

    check_device()
    from numba import cuda

    name = cuda.get_current_device().name
    name = name.decode() if isinstance(name, bytes) else str(name)
    gpu = "-".join(name.lower().replace("nvidia", "").split())
    for section in chosen:
        SECTIONS[section](gpu)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
