"""A method's rule on a device: its vectors and numbers as tuples, however many it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from .._methods import Method
from .tuples import (
    adding_changes,
    entries_of,
    numbers_of,
    storing_entries,
    storing_numbers,
    with_entry,
)


@dataclasses.dataclass(frozen=True)
class Rule:
    """The functions of a method's rule, to be bound for a device.

    Attributes
    ----------
    step : callable
        ``rule(x, g, slots, rates, constants, carried, zero, one)``, see `Method`.
    carry : callable
        ``carry(constants, carried, zero, one)``, also for a method that carries nothing.
    starts : callable
        ``starts(x)``: what the method's vectors start from where a run starts from x.
    entries, store_entries : callable
        ``entries(table, first, i)``: entry i of the rows from `first` on, of the method's vectors;
        ``store_entries(table, first, i, values)``.
    constants, carried, store_carried : callable
        ``constants(numbers)``, ``carried(numbers)`` and ``store_carried(numbers, values)``, of the
        numbers without a name.
    added_changes : callable
        ``added_changes(size, new, old)``: zero if `size` is and the entries are equal.
    clipped : callable
        ``clipped(x, new, low, high, momentum_next)``: x and the new entries with the iterate
        between bounds. The velocity is the step that was taken, not the one that was cut off, and
        where the gradient is taken at a look-ahead point, that is between them, too.
    """

    step: Callable
    carry: Callable
    starts: Callable
    entries: Callable
    store_entries: Callable
    constants: Callable
    carried: Callable
    store_carried: Callable
    added_changes: Callable
    clipped: Callable


def rule_of(method: Method) -> Rule:
    """That of a method."""
    slots, constants, carries = map(len, (method.slots, method.constants, method.carries))
    return Rule(
        step=method.rule,
        carry=method.carry or _nothing_carried,
        starts=_starts(tuple(method.slots_start[slot] for slot in method.slots)),
        entries=entries_of(slots),
        store_entries=storing_entries(slots),
        constants=numbers_of(0, constants),
        carried=numbers_of(constants, carries),
        store_carried=storing_numbers(constants, carries),
        added_changes=adding_changes(slots),
        clipped=_clipped(method),
    )


def _nothing_carried(constants, carried, zero, one):
    return carried, True


def _starts(kinds: tuple[str, ...]) -> Callable:
    if not kinds:
        return lambda x: ()
    before = _starts(kinds[:-1])

    def from_zero(x):
        return before(x) + (x - x,)  # noqa: RUF005

    def from_x0(x):
        return before(x) + (x,)  # noqa: RUF005

    return from_x0 if kinds[-1] == "x0" else from_zero


def _clipped(method: Method) -> Callable:
    slots = method.slots
    if "velocity" not in slots:
        return _point_clipped
    velocity = slots.index("velocity")
    with_velocity = with_entry(len(slots), velocity)

    def of_point(x, new, low, high, momentum_next):
        inside = _inside(x, low, high)
        if inside != x:
            new = with_velocity(new, new[velocity] + (x - inside))
        return inside, new

    if method.iterate == "x":
        return of_point
    iterate = slots.index(method.iterate)
    with_iterate = with_entry(len(slots), iterate)

    def of_iterate(x, new, low, high, momentum_next):
        moved = new[iterate]
        inside = _inside(moved, low, high)
        if inside != moved:
            v = new[velocity] + (moved - inside)
            new = with_iterate(with_velocity(new, v), inside)
            x = inside - momentum_next * v
        return _inside(x, low, high), new

    return of_iterate


def _point_clipped(x, new, low, high, momentum_next):
    return _inside(x, low, high), new


def _inside(x, low, high):
    """The number between bounds that is nearest to x."""
    x = low if x < low else x
    return high if x > high else x
