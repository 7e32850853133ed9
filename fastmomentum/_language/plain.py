"""The words of the loops as plain Python, for where Numba is switched off."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from . import layout

# What the loops call by address: the functions by what they are, and operators by the address of
# their data.
interpreted: dict[str, Any] = {}
operators: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

larger, smaller = max, min


class ByName:
    """The numbers at the start of an array by name."""

    def __init__(self, state: np.ndarray, names: tuple[str, ...]):
        self.__dict__.update(state=state, index={name: i for i, name in enumerate(names)})

    def __getattr__(self, name):
        return self.state[self.index[name]]

    def __setattr__(self, name, value):
        self.state[self.index[name]] = value


def named(state):
    """The numbers at the start of a state array by name."""
    return ByName(state, layout.INTS if state.dtype == np.int64 else layout.FLOATS)


def own_numbers(rows, numbers):
    """What follows the named numbers of a state array."""
    return numbers.state[len(numbers.index) :]


def rows_of(workspace, stride, n, like):
    """The rows of the workspace."""
    return workspace[:, :n]


def row(rows, i):
    """Row `i` of the workspace."""
    return rows[i]


def as_real(value, like):
    """`value` in the precision of the row `like`."""
    return like.dtype.type(value)


def magnitude_bits(value):
    """|value| as an integer of the same order; NaN is above infinity."""
    value = np.asarray(value)
    kind = np.int64 if value.dtype == np.float64 else np.int32
    return int(value.view(kind) & np.iinfo(kind).max)


def no_magnitude(like):
    """The `magnitude_bits` of 0, for the row `like`: what a largest magnitude starts from."""
    return 0


def larger_magnitude(bits, value):
    """The larger of `bits` and those of `value`."""
    return max(bits, magnitude_bits(value))


def added_magnitude(bits, value):
    """`bits` and those of `value` together: zero if both are."""
    return bits | magnitude_bits(value)


def from_magnitude_bits(bits, like):
    """The value whose `magnitude_bits` these are."""
    kind = np.int64 if like.dtype == np.float64 else np.int32
    return float(np.asarray(kind(bits)).view(like.dtype))


def summed(rows, values):
    """A sum, or a tuple of them, over all who share the rows."""
    return values


def largest(rows, values):
    """The largest, or a tuple of them, of what all who share the rows have found."""
    return values


def summed_and_largest(rows, sums, most):
    """Both at once."""
    return sums, most


def set_entries(vectors, i, values):
    """Write entry `i` of each row."""
    for v, value in zip(vectors, values, strict=True):
        v[i] = value


def call_norm(address, rows, v, n, norm, order):
    """``vector_norm(rows, v, n, norm, order)``."""
    return interpreted["norm"](rows, v, n, norm, order)


def call_metric(address, rows, ints, floats, g, s):
    """``adaptive(rows, ints, floats, g, s)``."""
    interpreted["diagonal"](int(ints.METRIC))(rows, ints, floats, g, s)


def call_prox(address, v, n, step, data):
    """The proximal operator, in place on the row `v`."""
    return operators[data].apply(v, step)
