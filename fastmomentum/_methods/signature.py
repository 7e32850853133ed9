"""One step of a method on vectors, as a user calls it: the numbers it takes, and its docstring."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from .base import LEARNING_RATE, MOMENTUM, Method

WIDTH = 92


class Number(NamedTuple):
    """A number that a step takes; without `default` it must be given."""

    name: str
    doc: str
    default: tuple[float | None] | tuple[()] = ()


def rates_of(method: Method) -> list[Number]:
    """Those that may differ from step to step: the rule's `rates`."""
    found = [Number(LEARNING_RATE.name, "Step length eta.")]
    if MOMENTUM.name in method.parameter_names:
        found.append(Number(MOMENTUM.name, "Momentum gamma.", (0.9,)))
    if method.looks_ahead:
        doc = "That of the next step; None: the same."
        found.append(Number(f"{MOMENTUM.name}_next", doc, (None,)))
    return found


def numbers_of(method: Method) -> list[Number]:
    """All of them, in the order of the arguments: its rates, and then its constants."""
    constants = [Number(p.name, p.doc, (p.default,)) for p in method.constants]
    return rates_of(method) + constants


def step_docstring(method: Method) -> str:
    """What ``<method>(x, g, state, ...)`` does."""
    point = "The point where g was taken; the next such point is written into it."
    if method.iterate != "x":
        point += f" The iterate is {method.iterate}."
    parameters = [
        ("x : ndarray, shape (n,)", point),
        ("g : ndarray, shape (n,)", "The gradient."),
        ("state : tuple", f"What `{method.name}_state` returned{_kept(method)}"),
    ]
    for number in numbers_of(method):
        default = "".join(f", default {value}" for value in number.default)
        parameters.append((f"{number.name} : float{default}", number.doc))
    rule = method.notes.partition("\n\n")[0]
    lines = [method.summary, "", "One step, in place:", "", rule, "", "Parameters", "----------"]
    for head, words in parameters:
        lines += [head, *textwrap.wrap(words, WIDTH, initial_indent=_IN, subsequent_indent=_IN)]
    return "\n".join(lines)


def state_docstring(method: Method) -> str:
    """What ``<method>_state(x)`` does."""
    return f"What `{method.name}` advances, from the start x, an array of one dimension."


_IN = " " * 4


def _kept(method: Method) -> str:
    slots, carries = method.slots, tuple(method.carries)
    kept = [f"the vector{'s' * (len(slots) > 1)} {', '.join(slots)}"] if slots else []
    kept += [f"the numbers {', '.join(carries)}"] if carries else []
    return f": {', and '.join(kept)}. Advanced, too." if kept else ", which is empty."
