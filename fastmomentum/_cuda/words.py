"""The words of the loops, as a device understands them.

The processor's loops, and their parts, are bound to these: a name such as ``row`` in their text
then stands for the function below instead of the one in ``_numba``. So a device runs the same
loops, with another layout. ``ints`` and ``floats`` are records, which the compiler keeps in
registers. The rows of a run are a tuple: the table of them, the numbers without a name, and what a
team shares (see sharing.py). All numbers have the precision of the variables, since float64 is slow
on many devices.
"""

from __future__ import annotations

import math
import types as python_types
from collections.abc import Callable
from typing import Any

import numpy as np

from .._language import plain
from .._language.layout import METRIC_LEARNED, NORM_INF
from .._loops import slots
from .._loops.drivers import diagonal
from .._loops.norms import vector_norm
from .._loops.terms import replace_by_prox
from .._numba import calls, words
from .numbers import words_of_numbers
from .penalty import separable_prox
from .views import (
    named,
    numbers_from,
    own_numbers,
    row,
    rows_from,
    rows_of,
    set_entries,
    wide_entries,
)


def words_of(
    real: Any,
    fixed: tuple[tuple[str, int], ...],
    evaluate: Callable,
    sharing: dict[Any, Any] | None = None,
) -> dict[Any, Any]:
    """What each word of a loop stands for.

    Parameters
    ----------
    real : numpy.float32 or numpy.float64
    fixed : tuple of (str, int)
        The run's numbers that a kernel is compiled for.
    evaluate : callable
        ``evaluate(x, g, context) -> f``.
    sharing : dict, optional
        What stands for `variables` and for what joins the numbers that a team has found; without
        it a thread is alone with its rows.
    """

    def as_real(value, like):
        return real(value)

    def no_magnitude(like):
        return real(0.0)

    def call_evaluate(address, x, g, n, context):
        return evaluate(x, g, context)

    def no_norm(address, rows, v, n, norm, order):
        return real(0.0)

    def call_norm(address, rows, v, n, norm, order):
        return vector_norm(rows, v, n, norm, order)

    def no_metric(address, rows, ints, floats, g, s):
        pass

    constants = dict(fixed)
    number, norm = constants["METRIC"], constants["NORM"]
    update = None if number == METRIC_LEARNED else diagonal(number)

    def call_metric(address, rows, ints, floats, g, s):
        update(rows, ints, floats, g, s)

    return {
        words.named: named,
        words.rows_of: rows_of,
        words.row: row,
        words.own_numbers: own_numbers,
        slots.rows_from: rows_from,
        slots.numbers_from: numbers_from,
        slots.wide_entries: wide_entries,
        slots.set_entries: set_entries,
        words.larger: larger,
        words.smaller: smaller,
        words.magnitude_bits: magnitude_bits,
        words.no_magnitude: no_magnitude,
        words.larger_magnitude: larger_magnitude,
        words.added_magnitude: added_magnitude,
        words.from_magnitude_bits: from_magnitude_bits,
        words.as_real: as_real,
        calls.call_evaluate: call_evaluate,
        calls.call_norm: no_norm if norm == NORM_INF else call_norm,
        calls.call_metric: no_metric if update is None else call_metric,
        words.summed: plain.summed,
        words.largest: plain.largest,
        words.summed_and_largest: plain.summed_and_largest,
        replace_by_prox: separable_prox,
        np: numpy_of(real),
        **words_of_numbers(fixed),
        **(sharing or {}),
    }


def no_evaluation(x, g, context):
    """Of a loop that returns to its caller for each evaluation."""
    return 0.0


def numpy_of(real: Any) -> python_types.ModuleType:
    """What the loops use of NumPy, with the device's precision in place of float64."""
    made = python_types.ModuleType("numpy")
    made.float64, made.inf, made.nan = real, real(math.inf), real(math.nan)  # type: ignore[attr-defined]
    made.int64, made.uint64 = np.int64, np.uint64  # type: ignore[attr-defined]
    return made


def larger(a, b):
    """max(a, b)."""
    return b if b > a else a


def smaller(a, b):
    """min(a, b)."""
    return b if b < a else a


def magnitude_bits(value):
    """The magnitude."""
    return abs(value)


def larger_magnitude(size, value):
    """The larger of `size` and |value|; nan if one of them is."""
    found = abs(value)
    return size if found <= size or size != size else found


def added_magnitude(size, value):
    """Zero if both are."""
    return size + abs(value)


def from_magnitude_bits(size, like):
    """The magnitude."""
    return size
