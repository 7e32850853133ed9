"""The loop of the methods that choose their learning rate: one text for all.

A state machine with one place that evaluates. What a method does at a point, and where it goes from
there, are functions of its own, which return what to do next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .._language.layout import EVALUATED, NEW_DIRECTION, RUNNING, STOP
from .._numba.jit import ANY_ORDER, cached_loop, compiled_into
from .._numba.words import named, rows_of
from .phases import finish_proximal_step, iteration_ends_run, show_real_point, trial_evaluated


class Parts(NamedTuple):
    """What a method does.

    Attributes
    ----------
    judge : callable
        ``judge(rows, ints, floats)``: the trial is evaluated.
    begin : callable
        ``begin(rows, ints, floats, history, last)``: an iteration.
    place : callable
        ``place(rows, ints, floats, action)``: the next trial, where the action asks for one.
    """

    judge: Callable
    begin: Callable
    place: Callable


def make(name: str, parts: Parts, calls_operator: bool, real: str) -> Any:
    """The loop of this name in the precision `real`; may the trial be one of a proximal step?"""
    judge, begin, place = parts

    def drive(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
        # Arguments as those of `given_rate`; rates and momenta say no more than the dtype.
        ints = named(ints)
        floats = named(floats)
        rows = rows_of(workspace, ints.STRIDE, ints.SIZE, rates)
        ints.STATUS = RUNNING
        action = NEW_DIRECTION
        while True:
            if calls_operator:
                action = finish_proximal_step(rows, ints, floats, history, last, action)
                if action == STOP:
                    break
            if ints.PENDING != EVALUATED:
                if not trial_evaluated(evaluate, context, rows, ints, floats):
                    break
                action = judge(rows, ints, floats)
                if action == STOP:
                    break
            if ints.COMPLETED != 0 and iteration_ends_run(ints, floats, history):
                break
            if action == NEW_DIRECTION:
                action = begin(rows, ints, floats, history, last)
                if action == STOP:
                    break
            place(rows, ints, floats, action)
        show_real_point(ints, floats, history)

    drive.__name__ = drive.__qualname__ = f"drive_{name}_{real}"
    for part in parts:
        compiled_into(part, fastmath=ANY_ORDER)
    return cached_loop(drive, fastmath=ANY_ORDER)
