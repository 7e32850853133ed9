"""Functions of tuples whose length is known when a kernel is compiled.

Each function here makes one for tuples of a given length: of the first so many by another one of
its kind, and of the last by itself. So every index is a constant, and the compiler keeps what an
array holds in registers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._numba.words import added_magnitude


def entries_of(count: int) -> Callable:
    """``entries(table, first, i)``: entry i of so many rows, from `first` on."""
    if count == 0:
        return lambda table, first, i: ()
    before, last = entries_of(count - 1), count - 1

    def entries(table, first, i):
        return before(table, first, i) + (table[first + last, i],)  # noqa: RUF005

    return entries


def storing_entries(count: int) -> Callable:
    """``store(table, first, i, values)`` writes them."""
    if count == 0:
        return _nothing_stored
    before, last = storing_entries(count - 1), count - 1

    def store(table, first, i, values):
        before(table, first, i, values)
        table[first + last, i] = values[last]

    return store


def _nothing_stored(table, first, i, values):
    pass


def numbers_of(first: int, count: int) -> Callable:
    """``numbers(array)``: so many of an array, from `first` on."""
    if count == 0:
        return lambda numbers: ()
    before, last = numbers_of(first, count - 1), first + count - 1

    def some(numbers):
        return before(numbers) + (numbers[last],)  # noqa: RUF005

    return some


def storing_numbers(first: int, count: int) -> Callable:
    """``store(array, values)`` writes them."""
    if count == 0:
        return _no_number_stored
    before, last = storing_numbers(first, count - 1), count - 1

    def store(numbers, values):
        before(numbers, values)
        numbers[first + last] = values[last]

    return store


def _no_number_stored(numbers, values):
    pass


def whole_or_real(whole: tuple[bool, ...]) -> Callable:
    """``numbers(array)``: the first of an array, those that are `whole` as integers."""
    if not whole:
        return lambda array: ()
    before, last = whole_or_real(whole[:-1]), len(whole) - 1

    def integers(array):
        return before(array) + (np.int64(array[last]),)  # noqa: RUF005

    def reals(array):
        return before(array) + (array[last],)  # noqa: RUF005

    return integers if whole[-1] else reals


def adding_changes(count: int) -> Callable:
    """``added(size, new, old)``: zero if `size` is and the entries are equal."""
    if count == 0:
        return lambda size, new, old: size
    before, last = adding_changes(count - 1), count - 1

    def added(size, new, old):
        return added_magnitude(before(size, new, old), new[last] - old[last])

    return added


def with_entry(count: int, place: int) -> Callable:
    """Function of a tuple and a value that puts this into one place."""
    if count == 0:
        return lambda values, value: ()
    before, last = with_entry(count - 1, place), count - 1

    def changed(values, value):
        return before(values, value) + (value,)  # noqa: RUF005

    def same(values, value):
        return before(values, value) + (values[last],)  # noqa: RUF005

    return changed if last == place else same
