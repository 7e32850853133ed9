"""One large problem: a fused kernel per iteration, which decides on the device when to end."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import cuda

from .._language import layout
from .device import configured, kernel, simulated
from .entries import EntryObjective
from .numbers import Start, first_numbers, fixed_of
from .step import make_step

THREADS = 256
SIMULATED_THREADS = 2
PER_THREAD = 4
MOST_BLOCKS = 1024


@functools.lru_cache(maxsize=64)
def _compiled(*args: Any) -> tuple[Any, ...]:
    return tuple(map(kernel, make_step(*args)))


class Work:
    """What is queued for a run on a device, and its numbers there.

    Attributes
    ----------
    ints, floats : device arrays
        The numbers.
    shape : tuple of int
        Blocks and threads of a kernel on vectors.
    """

    ints: Any
    floats: Any

    def __init__(self, n: int, real: Any, stream: Any):
        self.stream = stream
        threads = SIMULATED_THREADS if simulated() else THREADS
        # The same for every device, so that sums are, too.
        self.shape = max(1, min(-(-n // (threads * PER_THREAD)), MOST_BLOCKS)), threads
        self.value = self._put(np.zeros(1, real))

    def _put(self, array: np.ndarray) -> Any:
        return cuda.to_device(np.ascontiguousarray(array), stream=self.stream)

    def _put_numbers(self, start: Start, real: Any) -> Any:
        """What they start from; those without a name are returned."""
        first = first_numbers(start, real)
        self.ints, self.floats, extra = map(self._put, first)
        return extra

    def number(self, f: float) -> Any:
        """A value on the device, until the next one."""
        self.value.copy_to_device(np.array([f], self.value.dtype), stream=self.stream)
        return self.value

    def look(self) -> dict[str, Any]:
        """The run's numbers by name; waits for what is queued."""
        ints = self.ints.copy_to_host(stream=self.stream)
        floats = self.floats.copy_to_host(stream=self.stream)
        self.stream.synchronize()
        found: dict[str, Any] = dict(zip(layout.INTS, ints.tolist(), strict=True))
        return found | dict(zip(layout.FLOATS, floats.astype(float), strict=True))

    def to_host(self, vector: Any) -> np.ndarray:
        """The values of a vector."""
        found = vector.copy_to_host(stream=self.stream)
        self.stream.synchronize()
        return found

    def copy(self, target: Any, source: Any, zero: bool = False) -> None:
        """Queue a copy; of zeros, if that is asked for."""
        none = self._put(np.empty(0, source.dtype))
        self._start(target, source, none, none, zero)

    def _start(self, target: Any, source: Any, lower: Any, upper: Any, zero: bool) -> None:
        configured(_start, *self.shape, self.stream)(target, source, lower, upper, zero)


class Steps(Work):
    """The vectors of a run on a device, and its numbers.

    Parameters
    ----------
    method : Method
    real : dtype
    start : Start
    x0 : device array
    points : list of three device arrays
        Where the iterates take turns.
    bounds : two arrays, of length n or 0
    stream
        That of the user's functions.
    """

    def __init__(
        self,
        method: Any,
        real: Any,
        start: Start,
        x0: Any,
        points: list[Any],
        bounds: tuple[np.ndarray, np.ndarray],
        stream: Any,
    ):
        n = points[0].shape[0]
        super().__init__(n, real, stream)
        self.points = points
        fixed = fixed_of(start.numbers | {"BOUNDED": int(len(bounds[0]) > 0)})
        extra = self._put_numbers(start, real)
        lower, upper = (self._put(part.astype(real)) for part in bounds)
        self._start(points[0], x0, lower, upper, False)
        slots = cuda.device_array((max(1, len(method.slots)), n), real, stream=stream)
        for j, name in enumerate(method.slots):
            zero = method.slots_start[name] != "x0"
            self._start(slots[j], points[0], lower, upper, zero)
        self.kept = cuda.device_array(n, real, stream=stream)
        self.arrays = (
            (slots, self.kept),
            (self.ints, self.floats, extra),
            (self._put(start.rates.astype(real)), self._put(start.momenta.astype(real))),
            (lower, upper),
        )
        self._prepare((method.name, real, self.shape[1], extra.shape[0], fixed))

    def _prepare(self, key: tuple) -> None:
        """Compile the kernel, and give it room for its sums."""
        self.launch = configured(_compiled(*key)[0], *self.shape, self.stream)
        partials = cuda.device_array((6, self.shape[0]), self.kept.dtype, stream=self.stream)
        self.sums: tuple[Any, ...] = partials, self._put(np.zeros(1, np.int32))

    def step(self, k: int, g: Any, f: Any, last: int) -> None:
        """Queue iteration k: its point, with gradient g and value f, is evaluated."""
        x, target, previous = (self.points[(k + j) % 3] for j in range(3))
        self.launch((x, previous, target), (g, f), *self.arrays, self.sums, last)


class OwnSteps(Steps):
    """The same for an objective by entries, which the kernel evaluates itself.

    Parameters
    ----------
    objective : EntryObjective
    gradient : device array
    more : tuple
        As for steps.
    """

    def __init__(self, objective: EntryObjective, gradient: Any, *more: Any):
        self.objective, self.gradient = objective, gradient
        super().__init__(*more)

    def _prepare(self, key: tuple) -> None:
        made, threads = _compiled(*key, self.objective.entries)[1], self.shape[1]
        some = cuda.device_array((1, 1, 1), self.kept.dtype, stream=self.stream)
        self.sums = (some,)
        elements = max(self.kept.shape[0], self.objective.w.shape[0])
        blocks = min(-(-elements // threads), most_blocks(made, threads, self._arguments(0, 0)))
        partials = cuda.device_array((2, 6, blocks), some.dtype, stream=self.stream)
        self.sums = (partials,)
        self.launch = configured(made, blocks, threads, self.stream)

    def _arguments(self, last: int, count: int) -> tuple:
        user = *self.sums, self.objective.w, self.objective.args
        return tuple(self.points), self.gradient, *self.arrays, user, (last, count)

    def iterate(self, last: int, count: int) -> None:
        """Queue so many iterations."""
        self.launch(*self._arguments(last, count))


def most_blocks(solve: Any, threads: int, arguments: tuple) -> int:
    """How many blocks of a kernel run at the same time."""
    if simulated():
        return 1
    made = solve.compile(tuple(map(solve.typeof_pyval, arguments)))
    return int(made.max_cooperative_grid_blocks(threads))


def start_vector(target, source, lower, upper, zero):
    """Fill a vector with zeros, or with those of another one within the bounds."""
    for i in range(cuda.grid(1), source.shape[0], cuda.gridsize(1)):
        z_i = source[i]
        if zero:
            z_i = z_i - z_i
        elif lower.shape[0] > 0:
            z_i = lower[i] if z_i < lower[i] else z_i
            z_i = upper[i] if z_i > upper[i] else z_i
        target[i] = z_i


_start: Any = kernel(start_vector)
