"""What the steps of `minimize_sum` see: rows in memory, and their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._check.sums import Sampling
from .._problem.objective import Objective, is_jitted

# Rows are put in order for compiled code by blocks of about this size, which stay in the cache.
BLOCK_BYTES = 2**19


class Rows:
    """Data in memory, with the interface of `ShardedSum`: one shard.

    Attributes
    ----------
    blocks : tuple of ndarray
        Room for the rows of some batches, for compiled code.
    """

    def __init__(
        self, fun: Any, data: tuple[np.ndarray, ...], x: np.ndarray, size: int, backend: str
    ):
        self.data = data
        # For C functions, too: that Python cannot call them is then the error.
        compiled = is_jitted(fun) and backend != "python"
        self.blocks = _room(data, size) if compiled else data
        backend = backend if backend == "numba" or compiled else "python"
        self.objective = Objective(fun, True, self.blocks, x, backend)

    def sizes(self) -> np.ndarray:
        return np.array([len(self.data[0])])

    def evaluate(
        self, points: np.ndarray, rows: dict[int, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._evaluate(self.objective.evaluate, points, rows)

    def check(
        self, points: np.ndarray, rows: dict[int, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """`evaluate`, before compiled code calls the function, once and in Python."""
        return self._evaluate(self.objective.first, points, rows)

    def _evaluate(
        self, evaluate: Any, points: np.ndarray, rows: dict[int, np.ndarray] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        self.objective.args = self.data
        if rows is not None:
            self.objective.args = tuple(take_rows(a, rows[0]) for a in self.data)
        fun, grad = np.empty(len(points)), np.empty_like(points)
        for k, x in enumerate(points):
            fun[k] = evaluate(x, grad[k])
        return fun, grad


def _room(data: tuple[np.ndarray, ...], size: int) -> tuple[np.ndarray, ...]:
    """Arrays for some batches of rows."""
    each = sum(a[:1].nbytes for a in data)
    rows = min(len(data[0]), max(1, BLOCK_BYTES // max(1, each * size)) * size)
    return tuple(np.empty((rows, *a.shape[1:]), a.dtype) for a in data)


def take_rows(array: np.ndarray, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Some rows of an array, contiguous."""
    if array.flags.c_contiguous:
        # All of them exist; where NumPy checks that, it copies once more.
        return np.take(array, rows, axis=0, out=out, mode="clip")
    found = array[rows]  # `take` would copy the whole array first
    if out is None:
        return np.ascontiguousarray(found)
    out[:] = found
    return out


def orders(
    sizes: np.ndarray, sampling: Sampling, rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """One epoch: what is cut into batches, as (shard, its rows); -1: rows of all shards."""
    if sampling.shuffle == "shards":
        for shard in map(int, rng.permutation(len(sizes))):
            yield shard, rng.permutation(int(sizes[shard]))
        return
    total = int(sizes.sum())
    yield -1, rng.permutation(total) if sampling.shuffle == "rows" else np.arange(total)


def steps_per_epoch(sizes: np.ndarray, sampling: Sampling) -> int:
    """Batches that all rows are cut into."""
    sums = sizes if sampling.shuffle == "shards" else np.array([sizes.sum()])
    return int((-(-sums // sampling.batch_size)).sum())


def batches(
    sizes: np.ndarray, sampling: Sampling, rng: np.random.Generator
) -> Iterator[dict[int, np.ndarray]]:
    """One epoch: for each batch, the rows of each shard that has some of them."""
    ends = np.cumsum(sizes)
    starts = ends - sizes
    for shard, order in orders(sizes, sampling, rng):
        for begin in range(0, len(order), sampling.batch_size):
            rows = order[begin : begin + sampling.batch_size]
            if shard >= 0 or len(sizes) == 1:
                yield {max(shard, 0): rows}
                continue
            shards = np.searchsorted(ends, rows, side="right")
            yield {int(s): rows[shards == s] - starts[s] for s in np.unique(shards)}
