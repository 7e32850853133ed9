"""Where the results of a batch go: arrays of the host, or of the library that X0 comes from."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language import layout
from .arrays import Library
from .launch import Launch
from .rows import UNTOUCHED, fill, put, put_numbers, repeat, spread


class HostResults:
    """Results in arrays of the host, with a row for each problem."""

    def __init__(
        self, x: np.ndarray, gradients: np.ndarray, numbers: np.ndarray, counts: np.ndarray
    ):
        self.x, self.gradients, self.numbers, self.counts = x, gradients, numbers, counts

    def take(self, launch: Launch) -> None:
        """Write what a launch that has ended found."""
        stream, rows = launch.lane.stream, slice(launch.first, launch.last)
        found = launch.counts.copy_to_host(stream=stream)
        numbers = launch.numbers.copy_to_host(stream=stream)
        stream.synchronize()
        begun = found[0] != UNTOUCHED
        for target, source in ((self.x, launch.points), (self.gradients, launch.gradients)):
            turned, target = launch.lane.turned_back(source), target[rows]
            if begun.all():
                turned.copy_to_host(target, stream=stream)
                stream.synchronize()
            else:
                copied = turned.copy_to_host(stream=stream)
                stream.synchronize()
                target[begun] = copied[begun]
        self.numbers[rows][begun] = numbers.T[begun]
        self.counts[rows][begun] = found.T[begun]


class DeviceResults:
    """Results in arrays of the library of X0; of each problem's status the host has a copy."""

    def __init__(
        self, library: Library, points: Any, count: int, real: Any, status: np.ndarray, stream: Any
    ):
        self.library, self.status, self.stream = library, status, stream
        n = points.shape[1]
        self.x, self.jac = (library.empty((count, n), real) for _ in range(2))
        self.numbers = {name: library.empty((count,), real) for name in layout.NUMBERS}
        self.counts = {name: library.empty((count,), np.int64) for name in layout.COUNTS}
        # A problem that is not begun stays where it is.
        spread(repeat, stream, library.view(self.x), points)
        spread(fill, stream, library.view(self.jac).reshape(count * n), np.nan)
        for array in self.numbers.values():
            spread(fill, stream, library.view(array), np.nan)
        for array in self.counts.values():
            spread(fill, stream, library.view(array), 0)

    def take(self, launch: Launch) -> None:
        """Write what a launch that has ended found."""
        view, counts, stream = self.library.view, launch.counts, launch.lane.stream
        rows = slice(launch.first, launch.last)
        spread(put, stream, view(self.x)[rows], launch.points, counts)
        spread(put, stream, view(self.jac)[rows], launch.gradients, counts)
        for k, array in enumerate(self.numbers.values()):
            spread(put_numbers, stream, view(array)[rows], launch.numbers[k], counts)
        for k, array in enumerate(self.counts.values()):
            spread(put_numbers, stream, view(array)[rows], counts[k], counts)
        found = counts[0].copy_to_host(stream=stream)
        stream.synchronize()
        begun = found != UNTOUCHED
        self.status[rows][begun] = found[begun]

    def arrays(self, status: np.ndarray, success: np.ndarray) -> dict[str, Any]:
        """All of them by name, with the status and success that the host knows."""
        converged = self.library.empty(success.shape, np.bool_)
        for array, values in ((self.counts["status"], status), (converged, success)):
            self.library.view(array).copy_to_device(values, stream=self.stream)
        self.stream.synchronize()
        made = {"x": self.x, "jac": self.jac, "success": converged, **self.numbers, **self.counts}
        return {name: self.library.given(array) for name, array in made.items()}
