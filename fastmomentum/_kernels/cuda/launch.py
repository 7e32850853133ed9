"""One run of the batch kernel: data to the device, its end, and data back."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numba import cuda

from .. import layout
from .batch import Spec, loop_module
from .device import configured, kernel, simulated

THREADS = 64
# Iterations after which a thread whose problem is solved takes the next one, though its neighbours
# go on. They wait for each other that long.
STRETCH = 32
UNTOUCHED = -9  # status of a problem that was not begun
SPINS = 2000
SLEEP = 2e-4


class Launch:
    """The kernel under way.

    Parameters
    ----------
    solve, spec : the compiled kernel and what it was compiled for
    points : ndarray, shape (n_problems, n)
        Where the problems start.
    todo : ndarray of int
        Which of them to solve.
    ints, floats, extra : ndarray
        What a problem's numbers start from, named as in `layout`, and those without a name.
    rows : ndarray, shape (n_rows, n)
        What its vectors start from.
    start_rows : list of int
        Which of these.
    bounds : two ndarrays, shape (n, 1) or (n, n_problems), or (0, 1): none
    rates, momenta : ndarray
        Of each iteration, or one number.
    step : float
        Of differences.
    args, which : tuple
        The user's arguments, and which of them are batched.
    maxiter : int
    """

    def __init__(
        self,
        *,
        solve: Any,
        spec: Spec,
        points: np.ndarray,
        todo: np.ndarray,
        ints: np.ndarray,
        floats: np.ndarray,
        extra: np.ndarray,
        rows: np.ndarray,
        start_rows: list[int],
        bounds: tuple[np.ndarray, np.ndarray],
        rates: np.ndarray,
        momenta: np.ndarray,
        step: float,
        args: tuple,
        which: tuple[bool, ...],
        maxiter: int,
    ):
        real = spec.real
        count, n = points.shape
        module = loop_module(spec.loop)
        self.stream, self.control = cuda.stream(), cuda.stream()
        self.points = _turned(points)
        self.gradients = cuda.device_array((n, count), real)
        self.numbers = cuda.device_array((layout.N_NUMBERS, count), real)
        self.counts = _to_device(np.full((layout.N_COUNTS, count), UNTOUCHED, np.int32))
        self.queue = _to_device(np.zeros(1, np.int64))
        self.stop = _to_device(np.zeros(1, np.int32))
        self.todo = todo.size
        threads, blocks, scratch = _shape(spec, n, todo.size)
        most = np.iinfo(np.int32).max
        first_ints = np.minimum([ints[getattr(layout.INT, v)] for v in module.INT_NAMES], most)
        places = [getattr(layout.FLOAT, name) for name in module.FLOAT_NAMES]
        with np.errstate(over="ignore"):
            first_floats = np.append(floats[places], 0.0).astype(real)
            first_extra = np.append(extra, 0.0).astype(real)
        arguments = (
            self.points,
            self.gradients,
            self.numbers,
            self.counts,
            _to_device(todo.astype(np.int64)),
            self.queue,
            self.stop,
            _to_device(first_ints.astype(np.int32)),
            _to_device(first_floats),
            _to_device(first_extra),
            _to_device(rows.astype(real)),
            _to_device(np.array(start_rows, np.int32)),
            *(_to_device(part.astype(real)) for part in bounds),
            _to_device(rates.astype(real)),
            _to_device(momenta.astype(real)),
            real(step),
            scratch,
            tuple(_argument(a, b, real) for a, b in zip(args, which, strict=True)),
            STRETCH,
            maxiter,
        )
        configured(solve, blocks, threads, self.stream)(*arguments)
        self.event: Any = cuda.event()
        self.event.record(self.stream)

    def taken(self) -> int:
        """How many problems are solved or under way."""
        return min(int(self.queue.copy_to_host(stream=self.control)[0]), self.todo)

    def end(self) -> None:
        """Ask the threads to stop; what they have found so far is kept."""
        self.stop.copy_to_device(np.ones(1, np.int32), stream=self.control)

    def wait(self, seconds: float) -> bool:
        """Wait for the end, so long at most; returns whether it came."""
        if simulated():
            return True
        end = time.perf_counter() + seconds
        spins = 0
        while not self.event.query():
            spins += 1
            if spins > SPINS:
                time.sleep(SLEEP)
            if time.perf_counter() > end:
                return False
        return True

    def collect(
        self,
        todo: np.ndarray,
        points: np.ndarray,
        gradients: np.ndarray,
        numbers: np.ndarray,
        counts: np.ndarray,
    ) -> int:
        """Stop if need be, and write what was found to the host's arrays; returns how many."""
        if not simulated() and not self.event.query():
            self.end()
        self.event.synchronize()
        found = self.counts.copy_to_host().T
        rows: Any = todo[found[todo, 0] != UNTOUCHED]
        if len(rows) == len(points):
            rows = slice(None)
        points[rows] = _turn(self.points).copy_to_host()[rows]
        gradients[rows] = _turn(self.gradients).copy_to_host()[rows]
        numbers[rows] = self.numbers.copy_to_host().T[rows]
        counts[rows] = found[rows]
        return int((counts[todo, 0] != layout.NOT_RUN).sum())


def _to_device(array: np.ndarray) -> Any:
    return cuda.to_device(np.ascontiguousarray(array))


def turn(target, source):
    """Transpose a matrix."""
    columns = target.shape[1]
    for k in range(cuda.grid(1), target.size, cuda.gridsize(1)):
        target[k // columns, k % columns] = source[k % columns, k // columns]


_turn_kernel: Any = kernel(turn)


def _turn(array: Any) -> Any:
    """The transpose of a matrix on the device, where that is quick."""
    target = cuda.device_array(array.shape[::-1], array.dtype)
    blocks, threads = (1, 2) if simulated() else (1024, 256)
    if target.size > 0:
        configured(_turn_kernel, blocks, threads)(target, array)
    return target


def _turned(array: np.ndarray) -> Any:
    """An array on the device, its first axis as the last one."""
    rest = array.shape[1:]
    flat = _to_device(array.reshape(len(array), -1))
    return _turn(flat).reshape(*rest, len(array))


def _argument(value: Any, batched: bool, real: Any) -> Any:
    """One of the user's arguments on the device; of batched ones the last axis is the problems'."""
    if batched:
        return _turned(value)
    if isinstance(value, np.ndarray) and value.ndim > 0:
        if value.dtype.kind not in "biufc":
            raise TypeError(f"device='cuda' takes arrays of numbers in args, got {value.dtype}.")
        return _to_device(value)
    if isinstance(value, np.ndarray):
        return value[()]
    if isinstance(value, bool | int | complex | np.generic):
        return value
    if isinstance(value, float):
        return real(value)
    raise TypeError(
        f"device='cuda' takes numbers and arrays in args, got a {type(value).__name__}."
    )


def _shape(spec: Spec, n: int, problems: int) -> tuple[int, int, Any]:
    """Threads per block, blocks, and the scratch memory where vectors are not local."""
    if simulated():
        threads, blocks = 2, 1
    else:
        device = cuda.get_current_device()
        threads = THREADS
        blocks = min(-(-problems // threads), device.MULTIPROCESSOR_COUNT * (2048 // threads))
    if spec.n:
        return threads, blocks, cuda.device_array((1, 1, 1), spec.real)
    if not simulated():
        free, _ = cuda.current_context().get_memory_info()
        each = spec.n_rows * n * np.dtype(spec.real).itemsize * threads
        blocks = max(1, min(blocks, int(free // 2 // each)))
    shape = (spec.n_rows, n, threads * blocks)
    return threads, blocks, cuda.device_array(shape, spec.real)
