"""What of a batch is on a CUDA device: arguments, bounds of each problem, results."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import on_device, real_of
from .._check.bounds import refuse_interval
from .._report.result import Status
from .cuda import Device
from .problems import on_host
from .table import NOT_RUN, skip


def views_of(args: tuple) -> tuple:
    """The arguments, of those on the device Numba's views."""
    return tuple(_viewed(a, f"args[{k}]") if on_device(a) else a for k, a in enumerate(args))


def _viewed(array: Any, name: str) -> Any:
    """Numba's view of an array on the device, once what it holds is there."""
    from .._cuda.arrays import settled_view

    view = settled_view(array, name)
    if array.shape and view.ndim > 2 and not view.is_c_contiguous():
        raise ValueError(f"{name} must be contiguous, in C order, where it is on a device.")
    return view


class DeviceRowBounds:
    """Bounds with a row for each problem, as `RowBounds`, but on the device.

    Attributes
    ----------
    pair, tight : (device array, device array)
        What the user gave; kernels bring them together with `narrow`.
    narrow : (ndarray, ndarray) or None
        Bounds that the penalty sets to all problems.
    """

    def __init__(self, pair: tuple[Any, Any], penalty: Any, n: int, dtype: np.dtype):
        lower, upper = pair
        self.dtype, self.n = dtype, n
        self.pair = self.tight = (
            self._viewed(lower, "bounds.lb"),
            self._viewed(upper, "bounds.ub"),
        )
        self.narrow = None if penalty is None else self._penalty_bounds(penalty)
        self.kinds = self._inspected()

    def of(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of one problem, on the host."""
        lower, upper = (part[row].copy_to_host().astype(float) for part in self.pair)
        return lower, upper

    def unbounded(self) -> np.ndarray:
        """Which problems have none."""
        from .._cuda.rows import FREE

        found: np.ndarray = self.kinds == FREE
        return found

    def _viewed(self, bounds: Any, name: str) -> Any:
        """Lower or upper bounds, on the device."""
        from .._cuda.launch import to_device

        if not on_device(bounds):
            return to_device(bounds.astype(self.dtype))
        if real_of(bounds) != self.dtype:
            raise TypeError(
                f"{name} must be of X0's dtype, {self.dtype}, where it is on a device, got "
                f"{real_of(bounds)}."
            )
        return _viewed(bounds, name)

    def _inspected(self) -> np.ndarray:
        """Of which kind those of each problem are; an error if some leave no value."""
        from .._cuda.launch import Lane
        from .._cuda.rows import EMPTY, WRONG, intervals, spread

        lane = Lane()
        everything = tuple(np.full(self.n, v, self.dtype) for v in (-np.inf, np.inf))
        low, high = everything if self.narrow is None else self.narrow
        found = lane.room("found", (len(self.pair[0]),), np.int8)
        pair = lane.upload("low", low), lane.upload("high", high)
        spread(intervals, lane.stream, found, *self.pair, *pair)
        kinds: np.ndarray = found.copy_to_host(stream=lane.stream)
        lane.stream.synchronize()
        for kind in (WRONG, EMPTY):
            if (kinds == kind).any():
                row = int((kinds == kind).argmax())
                lower, upper = (part[row].copy_to_host() for part in self.pair)
                refuse_interval(lower, upper, row, low, high)
        return kinds

    def _penalty_bounds(self, penalty: Any) -> tuple[np.ndarray, np.ndarray]:
        """Bounds that the penalty sets to all problems."""
        from ..penalties._separable import inward

        _, _, low, high = penalty.separable_data(self.n)
        low, high = (np.broadcast_to(part, self.n).astype(float) for part in (low, high))
        rounded: tuple[np.ndarray, np.ndarray] = inward(low, high, self.dtype)
        return rounded


def executor_of(table: Any) -> Device:
    """The executor that fills a table of the host or of the device."""
    from .._cuda.results import HostResults

    if isinstance(table, DeviceTable):
        return Device(table.results)
    return Device(HostResults(table.x, table.gradients, table.numbers, table.counts))


class DeviceTable:
    """What is found, as `Table`, but in arrays of X0's library, on the device."""

    keeps_state = False

    def __init__(self, starts: Any, count: int, mask: np.ndarray | None):
        from .._cuda.arrays import library_of
        from .._cuda.launch import to_device
        from .._cuda.results import DeviceResults

        self.library = library = library_of(starts, "X0")
        self.count, self.dtype = count, real_of(starts)
        self.points = library.view(starts)
        library.stream.synchronize()
        if self.points.ndim == 1:
            self.points = to_device(self.points.copy_to_host().reshape(1, -1))
        self.status = np.empty(count, np.int64)
        self.before = skip(self.status, mask)
        self.settled = self.status != NOT_RUN
        real, stream = self.dtype.type, library.stream
        self.results = DeviceResults(library, self.points, count, real, self.status, stream)
        stream.synchronize()

    def start_of(self, row: int) -> Any:
        """Where a problem starts, on the host."""
        return on_host(self.points, row if self.points.shape[0] > 1 else 0)

    def wrong_starts(self) -> np.ndarray:
        """Which problems that are still to be solved start from a point that is not finite."""
        from .._cuda.launch import Lane
        from .._cuda.rows import not_finite, spread

        lane = Lane()
        found = lane.room("found", (self.points.shape[0],), np.int8)
        spread(not_finite, lane.stream, found, self.points)
        wrong = found.copy_to_host(stream=lane.stream)
        lane.stream.synchronize()
        return (wrong != 0) & (self.status == NOT_RUN)

    def columns(self, status: np.ndarray) -> dict[str, Any]:
        """All of it by name, with these ways to end."""
        return self.results.arrays(status, status == Status.CONVERGED)
