"""Small kernels on the rows of problems, which the batch kernel wants as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .device import configured, kernel, shape_for

UNTOUCHED = -9  # status of a problem that was not begun
# What `intervals` finds.
FREE, BOUNDED, WRONG, EMPTY = range(4)


def turn(target, source):
    """Transpose a matrix; a source of one row stands for many."""
    columns, rows = target.shape[1], source.shape[0]
    for k in range(cuda.grid(1), target.size, cuda.gridsize(1)):
        i, p = k // columns, k % columns
        target[i, p] = source[p if p < rows else 0, i]


def put(target, source, counts):
    """Transpose a matrix, but for the columns of problems that were not begun."""
    columns = target.shape[1]
    for k in range(cuda.grid(1), target.size, cuda.gridsize(1)):
        p, i = k // columns, k % columns
        if counts[0, p] != UNTOUCHED:
            target[p, i] = source[i, p]


def put_numbers(target, source, counts):
    """Copy a vector, but for the problems that were not begun."""
    for p in range(cuda.grid(1), target.size, cuda.gridsize(1)):
        if counts[0, p] != UNTOUCHED:
            target[p] = source[p]


def repeat(target, source):
    """Copy a matrix; a source of one row stands for many."""
    columns, rows = target.shape[1], source.shape[0]
    for k in range(cuda.grid(1), target.size, cuda.gridsize(1)):
        p = k // columns
        target[p, k % columns] = source[p if p < rows else 0, k % columns]


def fill(target, value):
    """Set all elements of a vector."""
    for k in range(cuda.grid(1), target.size, cuda.gridsize(1)):
        target[k] = value


def not_finite(found, source):
    """Which rows hold a nan or an infinity."""
    for p in range(cuda.grid(1), found.size, cuda.gridsize(1)):
        wrong = 0
        for i in range(source.shape[1]):
            if not abs(source[p, i]) < np.inf:
                wrong = 1
        found[p] = wrong


def intervals(found, lower, upper, low, high):
    """What the bounds of each problem are, where those of all are low and high."""
    for p in range(cuda.grid(1), found.size, cuda.gridsize(1)):
        kind = FREE
        for i in range(lower.shape[1]):
            a, b = lower[p, i], upper[p, i]
            if not (a <= b) or a == np.inf or b == -np.inf:
                kind = WRONG
                break
            if a > -np.inf or b < np.inf:
                kind = max(kind, BOUNDED)
            if (a if a > low[i] else low[i]) > (b if b < high[i] else high[i]):
                kind = EMPTY
        found[p] = kind


def narrow(lower, upper, low, high):
    """Cut intervals, a column per problem, to those of all."""
    columns = lower.shape[1]
    for k in range(cuda.grid(1), lower.size, cuda.gridsize(1)):
        i, p = k // columns, k % columns
        if low[i] > lower[i, p]:
            lower[i, p] = low[i]
        if high[i] < upper[i, p]:
            upper[i, p] = high[i]


_compiled = {
    f: kernel(f) for f in (turn, put, put_numbers, repeat, fill, not_finite, intervals, narrow)
}


def spread(function: Any, stream: Any, target: Any, *others: Any) -> None:
    """Queue one of these over the elements of `target`, the first of its arguments."""
    if target.size == 0:
        return
    configured(_compiled[function], *shape_for(target.size), stream)(target, *others)
