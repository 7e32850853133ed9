"""The batch kernel on some of the problems: data to the device, its end, and data back."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np
from numba import cuda

from .._language import layout
from .batch import Spec
from .device import configured, simulated
from .lanes import RESIDENT
from .numbers import Start, first_numbers
from .rows import UNTOUCHED, narrow, repeat, spread, turn

THREADS = 64
# Iterations after which a thread whose problem is solved takes the next one, though its neighbours
# go on. They wait for each other that long.
STRETCH = 32
SPINS = 2000
SLEEP = 2e-4
# Share of the free memory that problems may take: half of it at a time, since the next ones are
# brought while those before them are solved.
SHARE = 0.6


@dataclasses.dataclass
class Problems:
    """What distinguishes the problems of a batch: arrays of the host, or Numba's views.

    Attributes
    ----------
    points : shape (n_problems or 1, n)
        Where they start.
    bounds : two arrays, shape (n,) or (n_problems, n), or None
    narrow : two ndarrays, shape (n,), or None
        Bounds that go with each problem's own.
    args, which : tuple
        The user's arguments, and which of them have a row per problem.
    """

    points: Any
    bounds: tuple[Any, Any] | None
    narrow: tuple[np.ndarray, np.ndarray] | None
    args: tuple
    which: tuple[bool, ...]

    def bytes_each(self, n: int, spec: Spec) -> int:
        """Memory of the device that one problem takes, but for the workspace of its loop."""
        item = np.dtype(spec.real).itemsize
        found = (2 * n + layout.N_NUMBERS) * item + layout.N_COUNTS * 4 + 8
        staged = n * item
        turned = [a for a, (_, place) in zip(self.args, spec.args, strict=True) if place == "last"]
        if self.bounds is not None and self.bounds[0].ndim == 2:
            turned += self.bounds
        for a in turned:
            found += _row_bytes(a)
            staged = max(staged, _row_bytes(a))
        for a, (_, place) in zip(self.args, spec.args, strict=True):
            if place == "first" and not _in_rows(a):
                found += _row_bytes(a)
        return found + staged


class Lane:
    """A stream, and memory that one launch after the other uses."""

    def __init__(self) -> None:
        self.stream, self.control = cuda.stream(), cuda.stream()
        self.memory: dict[str, Any] = {}

    def room(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array in the memory of this name; what it held before is lost."""
        size = math.prod(shape)
        found = self.memory.get(name)
        if found is None or found.size < size:
            self.memory[name] = found = cuda.device_array(max(size, 1), dtype)
        return found[:size].reshape(*shape)

    def upload(self, name: str, array: np.ndarray) -> Any:
        """An array of the host on the device."""
        room = self.room(name, array.shape, array.dtype)
        if array.size > 0:
            room.copy_to_device(np.ascontiguousarray(array), stream=self.stream)
        return room

    def turned(self, name: str, source: Any, first: int, last: int) -> Any:
        """Rows of an array, of the host or a view, as columns."""
        if source.shape[0] > 1:
            source = source[first:last]
        rows, rest, count = source.shape[0], tuple(source.shape[1:]), last - first
        if isinstance(source, np.ndarray):
            source = self.upload(f"staged {source.dtype}", source.reshape(rows, -1))
        elif source.ndim != 2:
            source = source.reshape(rows, math.prod(rest))
        target = self.room(name, (source.shape[1], count), source.dtype)
        spread(turn, self.stream, target, source)
        return target.reshape(*rest, count)

    def rows(self, name: str, source: Any, first: int, last: int) -> Any:
        """Rows of an array, of the host or a view, as they are; of a view no copy if possible."""
        source = source[first:last]
        if isinstance(source, np.ndarray):
            return self.upload(name, source)
        if _in_rows(source):
            return source
        target = self.room(name, source.shape, source.dtype)
        spread(repeat, self.stream, target, source)
        return target

    def turned_back(self, source: Any) -> Any:
        """A matrix with a row for each problem."""
        target = self.room(f"staged {source.dtype}", source.shape[::-1], source.dtype)
        spread(turn, self.stream, target, source)
        return target


class Job:
    """What all launches of a batch have in common.

    Parameters
    ----------
    solve, spec : the compiled kernel and what it was compiled for
    problems : Problems
    start : Start
    rows : (ndarray, list of int)
        What a problem's vectors start from, shape (n_rows, n), and which of these.
    steps : (float, pair of array_like)
        Of differences: our own, and those of the user, absolute and relative.
    maxiter : int
    """

    def __init__(
        self,
        *,
        solve: Any,
        spec: Spec,
        problems: Problems,
        start: Start,
        rows: tuple[np.ndarray, list[int]],
        steps: tuple[float, tuple[Any, Any]],
        maxiter: int,
    ):
        self.solve, self.spec, self.problems = solve, spec, problems
        self.n = n = rows[0].shape[1]
        real = spec.real
        self.start = (
            *map(to_device, first_numbers(start, real)),
            to_device(rows[0].astype(real)),
            to_device(np.array(rows[1], np.int32)),
        )
        self.rates = to_device(start.rates.astype(real)), to_device(start.momenta.astype(real))
        own, users = steps
        vectors = (to_device(np.broadcast_to(part, n).astype(real)) for part in users)
        self.steps, self.maxiter = (real(own), *vectors), maxiter
        self.bounds: Any = None
        if not spec.own_bounds:
            lower, upper = problems.bounds or (np.empty((1, 0)), np.empty((1, 0)))
            self.bounds = tuple(
                to_device(np.atleast_2d(part).T.astype(real)) for part in (lower, upper)
            )
        self.narrow = None
        if problems.narrow is not None:
            self.narrow = tuple(to_device(part.astype(real)) for part in problems.narrow)
        # Those of all problems; the others follow with their rows.
        self.shared = {
            k: shared_argument(a, real)
            for k, (a, batched) in enumerate(zip(problems.args, problems.which, strict=True))
            if not batched
        }
        cuda.synchronize()

    def at_once(self, count: int) -> int:
        """How many problems to solve at a time, of so many."""
        free = free_memory()
        each = self.problems.bytes_each(self.n, self.spec)
        if free is None or count * each <= SHARE * free:
            return count
        size = max(1, int(SHARE * free / 2.0 / each))
        return -(-count // -(-count // size))  # all about the same

    def args_of(self, lane: Lane, first: int, last: int) -> tuple:
        """The user's arguments on the device; of batched ones an axis is that of the problems."""
        found = []
        for k, (a, (_, place)) in enumerate(zip(self.problems.args, self.spec.args, strict=True)):
            if k in self.shared:
                found.append(self.shared[k])
            else:
                bring = lane.rows if place == "first" else lane.turned
                found.append(bring(f"argument {k}", a, first, last))
        return tuple(found)

    def bounds_of(self, lane: Lane, first: int, last: int) -> Any:
        """Lower and upper bounds, of shape (n, problems) or (n, 1); (0, 1): none."""
        if self.bounds is not None:
            return self.bounds
        assert self.problems.bounds is not None
        pair = tuple(
            lane.turned(name, part, first, last)
            for name, part in zip(("lower", "upper"), self.problems.bounds, strict=True)
        )
        if self.narrow is not None:
            spread(narrow, lane.stream, *pair, *self.narrow)
        return pair


class Launch:
    """The kernel under way on problems first ... last - 1, of which `todo` are to be solved."""

    def __init__(self, job: Job, lane: Lane, first: int, last: int, todo: np.ndarray):
        spec, problems, n, count = job.spec, job.problems, job.n, last - first
        real = spec.real
        self.lane, self.first, self.last, self.todo = lane, first, last, todo
        self.points = lane.turned("points", problems.points, first, last)
        self.gradients = lane.room("gradients", (n, count), real)
        self.numbers = lane.room("numbers", (layout.N_NUMBERS, count), real)
        untouched = np.full((layout.N_COUNTS, count), UNTOUCHED, np.int32)
        self.counts = lane.upload("counts", untouched)
        self.queue = lane.upload("queue", np.zeros(1, np.int64))
        self.stop = lane.upload("stop", np.zeros(1, np.int32))
        threads, blocks, scratch = _shape(lane, spec, n, todo.size)
        arguments = (
            (self.points, self.gradients, self.numbers, self.counts),
            (lane.upload("todo", todo.astype(np.int64)), self.queue, self.stop),
            job.start,
            job.bounds_of(lane, first, last),
            job.rates,
            (job.steps, job.args_of(lane, first, last)),
            scratch,
            (STRETCH, job.maxiter),
        )
        configured(job.solve, blocks, threads, lane.stream)(*arguments)
        self.event: Any = cuda.event()
        self.event.record(lane.stream)

    def taken(self) -> int:
        """How many problems are solved or under way."""
        taken = int(self.queue.copy_to_host(stream=self.lane.control)[0])
        return min(max(taken, 0), self.todo.size)

    def end(self) -> None:
        """Ask the threads to stop, if they have begun; what they have found so far is kept."""
        self.stop.copy_to_device(np.ones(1, np.int32), stream=self.lane.control)

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

    def finish(self) -> None:
        """Stop if need be, and wait for the end."""
        while not simulated() and not self.event.query():
            self.end()
            time.sleep(SLEEP)


def _row_bytes(array: Any) -> int:
    """Bytes of what an array holds for a problem."""
    return math.prod(array.shape[1:]) * array.dtype.itemsize


def _in_rows(array: Any) -> bool:
    """Is it on the device, each problem's part in one piece?"""
    return not isinstance(array, np.ndarray) and array.is_c_contiguous()


def free_memory() -> int | None:
    """Bytes that are free on the device; None: enough."""
    return None if simulated() else int(cuda.current_context().get_memory_info()[0])


def to_device(array: np.ndarray) -> Any:
    """An array of the host on the device."""
    return cuda.to_device(np.ascontiguousarray(array))


def shared_argument(value: Any, real: Any) -> Any:
    """One of the user's arguments that is not on the device yet, for kernels."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        if value.dtype.kind not in "biufc":
            raise TypeError(f"a device takes arrays of numbers in args, got {value.dtype}.")
        return to_device(value)
    if isinstance(value, np.ndarray):
        value = value[()]
    if isinstance(value, float | np.floating):
        return real(value)
    if isinstance(value, bool | int | complex | np.generic):
        return value
    if hasattr(value, "__cuda_ndarray__"):
        return value
    raise TypeError(f"a device takes numbers and arrays in args, got a {type(value).__name__}.")


def _shape(lane: Lane, spec: Spec, n: int, problems: int) -> tuple[int, int, Any]:
    """Threads per block, blocks, and the scratch memory where vectors are not local."""
    if simulated():
        # The lanes of a problem wait for each other as a block does.
        threads, blocks = spec.lanes if spec.lanes > 1 else 2, 1
    else:
        threads, each_block = THREADS, THREADS // spec.lanes
        most = cuda.get_current_device().MULTIPROCESSOR_COUNT * (RESIDENT // threads)
        blocks = min(-(-problems // each_block), most)
    if spec.n:
        return threads, blocks, lane.room("scratch", (1, 1, 1), spec.real)
    each = spec.n_rows * n * threads
    known = lane.memory.get("scratch")
    if known is not None:
        blocks = max(1, min(blocks, known.size // each))
    elif not simulated():
        free, _ = cuda.current_context().get_memory_info()
        blocks = max(1, min(blocks, int(free // 3 // (each * np.dtype(spec.real).itemsize))))
    return threads, blocks, lane.room("scratch", (spec.n_rows, n, threads * blocks), spec.real)
