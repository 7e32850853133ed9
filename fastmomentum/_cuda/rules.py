"""A method's rule on a device: its vectors and numbers as tuples, however many it has.

The words below say what there is of a rule, for the text of a loop; `words_of_rule` binds them to
the functions of a method.
"""

from __future__ import annotations

from collections.abc import Callable

from .._methods import Method
from .functions import Word
from .tuples import (
    adding_changes,
    entries_of,
    numbers_of,
    storing_entries,
    storing_numbers,
    with_entry,
)

rule = Word("rule(x, g, slots, rates, constants, carried, zero, one), see `Method.rule`")
carry = Word("carry(constants, carried, zero, one), see `Method.carry`")
slots_from = Word("slots_from(x): what the vectors start from where a run starts from x")
# The vectors are rows of a table, from `first` on.
entries = Word("entries(table, first, i): entry i of the vectors")
store_entries = Word("store_entries(table, first, i, values): write them")
# Of the numbers without a name.
constants_of = Word("constants_of(numbers): the method's own constants")
carried_of = Word("carried_of(numbers): what it carries")
store_carried = Word("store_carried(numbers, values): write that")
added_changes = Word("added_changes(size, new, old): zero if `size` is and the entries are equal")
# The velocity is the step that was taken, not the one that was cut off, and where the gradient is
# taken at a look-ahead point, that is between the bounds, too.
clipped = Word("clipped(x, new, low, high, momentum_next): x and the new entries between bounds")


def words_of_rule(method: Method) -> dict[Word, Callable]:
    """What each of these stands for."""
    slots, constants, carries = map(len, (method.slots, method.constants, method.carries))
    return {
        rule: method.rule,
        carry: method.carry or _nothing_carried,
        slots_from: _starts(tuple(method.slots_start[slot] for slot in method.slots)),
        entries: entries_of(slots),
        store_entries: storing_entries(slots),
        constants_of: numbers_of(0, constants),
        carried_of: numbers_of(constants, carries),
        store_carried: storing_numbers(constants, carries),
        added_changes: adding_changes(slots),
        clipped: _clipped(method),
    }


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
