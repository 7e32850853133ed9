"""What a cluster must be able to do for a sum over shards, and how its processes do the sums."""

from __future__ import annotations

import dataclasses
import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .._check.values import shown
from .._problem.objective import Objective, is_jitted

# Numba's workqueue layer aborts a process where two threads start parallel functions.
_ONE_AT_A_TIME = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Call:
    """A question to all processes.

    Attributes
    ----------
    points : ndarray, shape (n_points, n)
    ids : tuple of int
        The shards that are wanted.
    apart : bool
        One sum per shard, rather than one per process.
    rows : dict, optional
        Which rows of each shard; all of them by default.
    """

    points: np.ndarray
    ids: tuple[int, ...]
    apart: bool
    rows: dict[int, np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class Reply:
    """The answer of one process.

    Attributes
    ----------
    ids : tuple of int
        The shards in it.
    fun : ndarray, shape (n_sums, n_points)
    grad : ndarray, shape (n_sums, n_points, n)
        One sum for each of `ids` where they were wanted apart, else one for all.
    sizes : tuple of int
        Rows of each of `ids`.
    """

    ids: tuple[int, ...]
    fun: np.ndarray
    grad: np.ndarray
    sizes: tuple[int, ...]


class Engine(Protocol):
    """A set of processes that hold shards.

    An engine says which shards got lost, and does not lose an answer silently. `ShardedSum` places
    them anew and asks again. One that cannot lose a process, such as MPI, reports none.
    """

    def place(self, empty: Shards, ids: Sequence[int]) -> None:
        """Spread these shards over the live processes, each of which gets a copy of `empty`."""

    def broadcast_call(self, call: Call) -> tuple[list[Reply], list[int]]:
        """The answers, in an order that does not depend on time; and the shards without one."""

    def live(self) -> list[str]:
        """Names of the processes that can hold shards now."""

    def close(self) -> None:
        """Let go of all shards."""


class Shards:
    """The shards of one process.

    Parameters
    ----------
    fun : callable
        ``fun(x, out, *arrays) -> f`` or ``fun(x, *arrays) -> (f, gradient)``.
    load : callable
        ``load(i)``, the arrays of shard i.
    keep : bool
        Hold the arrays, rather than load them for each call.

    Attributes
    ----------
    threads : int
        Of Numba's, at most, where `fun` starts some; 0: no limit.
    """

    def __init__(self, fun: Callable, load: Callable[[int], Any], keep: bool):
        self.fun = fun
        self.load = load
        self.keep = keep
        self.threads = 0
        self.held: dict[int, tuple | None] = {}
        self.objective: Objective | None = None

    def add(self, i: int) -> None:
        """Take over shard i."""
        self.held[i] = self._load(i) if self.keep else None

    def drop(self, i: int) -> None:
        """Give shard i away."""
        self.held.pop(i, None)

    def answer(self, call: Call) -> Reply:
        """Sums over those of the wanted shards that are here, in the order of their numbers."""
        ids = tuple(sorted(self.held.keys() & set(call.ids)))
        count, n = call.points.shape
        sums = len(ids) if call.apart else 1
        dtype = call.points.dtype if call.apart else np.dtype(np.float64)
        fun = np.zeros((sums, count))
        grad = np.zeros((sums, count, n), dtype)
        g = np.empty(n, call.points.dtype)
        sizes = []
        with _ONE_AT_A_TIME:
            for k, i in enumerate(ids):
                row = k if call.apart else 0
                arrays = self.held[i]
                if arrays is None:
                    arrays = self._load(i)
                sizes.append(_rows_of(arrays))
                if call.rows is not None:
                    arrays = tuple(a[call.rows[i]] for a in arrays)
                objective = self._objective(arrays, g)
                for j, x in enumerate(call.points):
                    try:
                        fun[row, j] += objective.evaluate(x, g)
                    except Exception as error:
                        error.add_note(f"fastmomentum: in shard {i}.")
                        raise
                    grad[row, j] += g
        return Reply(ids, fun, grad, tuple(sizes))

    def _objective(self, arrays: tuple, g: np.ndarray) -> Objective:
        known = self.objective
        if known is None or (known.n, known.dtype) != (g.size, g.dtype):
            known = self.objective = Objective(self.fun, True, arrays, g, "python")
        known.args = arrays
        if self.threads and is_jitted(self.fun):
            from .._numba.workers import limit_threads

            first = (g, g) if known.in_place else (g,)
            limit_threads(self.fun, (*first, *arrays), self.threads)
        return known

    def _load(self, i: int) -> tuple:
        try:
            found = self.load(i)
        except Exception as error:
            error.add_note(f"fastmomentum: load({i}) failed.")
            raise
        arrays = found if isinstance(found, tuple) else (found,)
        if not arrays or any(part is None for part in arrays):
            raise TypeError(
                f"load({i}) must return an array or a tuple of arrays, got {shown(found)}."
            )
        return arrays


def _rows_of(arrays: tuple) -> int:
    return len(arrays[0]) if np.ndim(arrays[0]) else 1


class Here:
    """This process alone: the engine without a cluster."""

    def __init__(self) -> None:
        self.shards: Shards | None = None

    def place(self, empty: Shards, ids: Sequence[int]) -> None:
        if self.shards is None:
            self.shards = Shards(empty.fun, empty.load, empty.keep)
        for i in ids:
            self.shards.add(i)

    def broadcast_call(self, call: Call) -> tuple[list[Reply], list[int]]:
        if self.shards is None:
            return [], list(call.ids)
        return [self.shards.answer(call)], []

    def live(self) -> list[str]:
        return ["here"]

    def close(self) -> None:
        self.shards = None


def total(replies: Sequence[Reply], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Sums of values and gradients, in float64: by shards, or by the first shard of each part."""
    fun, grad = np.zeros(shape[0]), np.zeros(shape)
    parts = []
    for reply in replies:
        if len(reply.fun) == len(reply.ids):
            parts += list(zip(reply.ids, reply.fun, reply.grad, strict=True))
        elif reply.ids:
            parts.append((reply.ids[0], reply.fun[0], reply.grad[0]))
    for _, f, g in sorted(parts, key=operator.itemgetter(0)):
        fun += f
        grad += g
    return fun, grad
