"""Objectives by entries, as functions of a device."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable
from typing import Any

import numpy as np
from numba import cuda

from .._arrays import on_device
from .._language import layout
from .arrays import settled_view
from .device import configured, kernel, shape_for
from .functions import (
    Word,
    for_device,
    identity,
    internal,
    python_function,
    refuse_exceptions,
)
from .launch import shared_argument


@dataclasses.dataclass(frozen=True)
class EntryFunctions:
    """The functions of an objective by entries; equal to another one that does the same.

    Attributes
    ----------
    key : hashable
        What the functions do.
    entry, row : callable
        The user's; `row` may be None.
    """

    key: Hashable
    entry: Any = dataclasses.field(compare=False)
    row: Any = dataclasses.field(compare=False)


def entries_of(parts: Any) -> EntryFunctions:
    """The functions of an objective's parts."""
    refuse_exceptions(entry=parts.entry, **({} if parts.row is None else {"row": parts.row}))
    key = identity(parts.entry), None if parts.row is None else identity(parts.row)
    return EntryFunctions(key, parts.entry, parts.row)


# The value with the share of a row added, which is written to w, or of an entry, whose gradient is
# written to g. The kind is BY_ENTRIES, WITH_ROWS, or 0: there is no objective.
row_share = Word("row_share(value, r, x, w, args), see `make_shares`")
entry_share = Word("entry_share(value, i, x, w, g, args), see `make_shares`")
objective_kind = Word("objective_kind()")


def add_rows(x, w, args):
    """The share of this thread's rows in the value; waits until all rows are there."""
    value = 0.0
    if objective_kind() == layout.WITH_ROWS:
        for r in range(cuda.grid(1), w.shape[0], cuda.gridsize(1)):
            value = row_share(value, r, x, w, args)
        cuda.cg.this_grid().sync()
    return value


def words_of_shares(entries: EntryFunctions | None, real: Any) -> dict[Word, Any]:
    """What these stand for."""
    kind, row, entry = make_shares(entries, real)
    return {objective_kind: lambda: kind, row_share: row, entry_share: entry}


def make_shares(entries: EntryFunctions | None, real: Any) -> tuple[int, Any, Any]:
    """The kind of objective, and the value with the share of a row or an entry added.

    These write ``w[r]`` and ``g[i]``. Without an objective they add nothing.
    """
    decorate = internal(real)

    def no_row(value, r, x, w, args):
        return value

    def no_entry(value, i, x, w, g, args):
        return value

    if entries is None:
        return 0, decorate(no_row), decorate(no_entry)
    entry = for_device(entries.entry, real, forceinline=True)

    def entry_share(value, i, x, w, g, args):
        return value + real(entry(i, x, g, *args))

    if entries.row is None:
        return layout.BY_ENTRIES, decorate(no_row), decorate(entry_share)
    row = for_device(entries.row, real, forceinline=True)

    def row_share(value, r, x, w, args):
        return value + real(row(r, x, w, *args))

    def entry_share_after_rows(value, i, x, w, g, args):
        return value + real(entry(i, x, w, g, *args))

    return layout.WITH_ROWS, decorate(row_share), decorate(entry_share_after_rows)


def make_gradient(entries: EntryFunctions, real: Any) -> tuple[Any, Any]:
    """Kernels' Python functions that fill ``w``, and then the gradient."""
    _, row_share, entry_share = make_shares(entries, real)

    def fill_rows(x, w, args):
        for r in range(cuda.grid(1), w.shape[0], cuda.gridsize(1)):
            row_share(real(0), r, x, w, args)

    def fill_gradient(x, w, g, args):
        for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
            entry_share(real(0), i, x, w, g, args)

    return fill_rows, fill_gradient


@functools.lru_cache(maxsize=64)
def _compiled(entries: EntryFunctions, real: Any) -> tuple[Any, ...]:
    return tuple(map(kernel, make_gradient(entries, real)))


class EntryObjective:
    """An objective by entries with the user's arguments, on a device.

    Parameters
    ----------
    parts : fastmomentum.objectives.Entries
    args : tuple
        Numbers, and arrays of the host or of the device.
    x0 : device array
    real : dtype
    stream
        That of the run.

    Attributes
    ----------
    entries : EntryFunctions
    args : tuple
        As kernels take them.
    w : device array, shape (n_rows,) or (1,)
        What the rows leave for the entries.
    """

    def __init__(self, parts: Any, args: tuple, x0: Any, real: Any, stream: Any):
        self.entries, self.real, self.stream = entries_of(parts), real, stream
        self.args = tuple(
            settled_view(a, f"args[{k}]") if on_device(a) else shared_argument(a, real)
            for k, a in enumerate(args)
        )
        n_rows = 1 if parts.n_rows is None else self._count(parts.n_rows, x0)
        self.w = cuda.device_array(n_rows, real, stream=stream)
        # Arguments were copied on the default stream.
        cuda.synchronize()

    def _count(self, n_rows: Any, x0: Any) -> int:
        """How many rows there are."""
        count = python_function(n_rows)(x0, *self.args)
        whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
        if not whole or count < 1:
            raise ValueError(f"n_rows must give a positive int on a device, got {count!r}.")
        return int(count)

    def gradient(self, x: Any, g: Any) -> None:
        """Queue the gradient at x."""
        rows, gradient = _compiled(self.entries, self.real)
        if self.entries.row is not None:
            configured(rows, *shape_for(self.w.shape[0]), self.stream)(x, self.w, self.args)
        configured(gradient, *shape_for(x.shape[0]), self.stream)(x, self.w, g, self.args)
