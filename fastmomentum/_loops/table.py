"""The loops as data: what is known of each before it is compiled.

`LOOPS` has the loops of one run, and those below it the loops that call them. What else must know
about a loop is a field here, as what it must know about a method is one of `Method`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

from .._language.layout import DIRECTION, FIRST_SLOT, LOOK_BACK, METRIC_ROWS, PAIRS
from .._methods import METHODS, Method


@dataclasses.dataclass(frozen=True, eq=False)
class Loop:
    """The loop of one run.

    Parameters
    ----------
    name : str
        What states and checkpoints call it.
    family : str
        The method, or the loop that is a method's `Method.loop`, that it is one of.
    factory : callable
        ``factory(composite, real)`` imports the module of the loop and makes its function, for the
        precision `real`, "float64" or "float32".
    automatic : bool
        Does it choose the learning rate?
    composite : bool
        Does it minimize f + h? Bounds are no h where the learning rate is given.
    calls_operator : bool
        Does it call the proximal operator of h? If not, h must be separable.
    keeps_pairs : bool
        Does it keep pairs of steps and changes of the gradient, and a metric?
    looks_back : int
        How many values a ring has that begins at ``ints.HEAD``, besides that of the pairs.
    follows_previous : bool
        Does it always use the point before, ``ints.PREVIOUS``?
    extrapolates : bool
        Does it use that point where ``floats.BETA`` is not 0?
    starts : mapping of int to str
        What vectors start from, "zero" or "x0", by their rows.
    carried : tuple of float
        Numbers that change from step to step, before the first, which follow upon the constants.
    """

    name: str
    family: str
    factory: Callable[[bool, str], Any]
    automatic: bool
    composite: bool
    calls_operator: bool = False
    keeps_pairs: bool = False
    looks_back: int = 1
    follows_previous: bool = False
    extrapolates: bool = False
    starts: Mapping[int, str] = dataclasses.field(default_factory=dict)
    carried: tuple[float, ...] = ()

    def make(self, real: str) -> Any:
        """Dispatcher of the loop in this precision."""
        return self.factory(self.composite, real)

    def rows(self, memory: int) -> int:
        """Rows of its points and vectors, with so many pairs."""
        if self.automatic:
            return PAIRS + 2 * memory + METRIC_ROWS
        return FIRST_SLOT + len(self.starts)


@dataclasses.dataclass(frozen=True, eq=False)
class OuterLoop:
    """A loop that calls loops of runs by their addresses; it is one for either precision."""

    name: str
    make: Callable[[], Any]


# -- the loops of one run -----------------------------------------------------------------------


def _gd(composite: bool, real: str) -> Any:
    from . import gd

    return gd.make(composite, real)


def _nesterov(composite: bool, real: str) -> Any:
    from . import nesterov

    return nesterov.make(composite, real)


def _momentum(composite: bool, real: str) -> Any:
    if composite:
        from . import momentum_composite

        return momentum_composite.make(real)
    from . import momentum

    return momentum.make(real)


def _given_rate(method: Method, composite: bool, real: str) -> Any:
    from . import given_rate

    return given_rate.make(method, composite, real)


def _automatic(family: str, factory: Any, composite: bool, **more: Any) -> Loop:
    """A loop that chooses the learning rate."""
    return Loop(
        name=f"{family}_{'composite' if composite else 'auto'}",
        family=family,
        factory=factory,
        automatic=True,
        composite=composite,
        starts={DIRECTION: "zero"},
        **more,
    )


def _given(method: Method, composite: bool) -> Loop:
    """The loop of a method with a given learning rate."""
    return Loop(
        name=f"{method.name}_proximal" if composite else method.name,
        family=method.name,
        factory=functools.partial(_given_rate, method),
        automatic=False,
        composite=composite,
        calls_operator=composite,
        follows_previous=composite,
        starts={FIRST_SLOT + i: method.slots_start[name] for i, name in enumerate(method.slots)},
        carried=tuple(method.carries.values()),
    )


_ALL = (
    _automatic("gd", _gd, False, looks_back=LOOK_BACK),
    _automatic("gd", _gd, True, looks_back=LOOK_BACK, calls_operator=True),
    _automatic("nesterov", _nesterov, False, extrapolates=True),
    _automatic("nesterov", _nesterov, True, extrapolates=True, calls_operator=True),
    _automatic("momentum", _momentum, False, keeps_pairs=True),
    _automatic("momentum", _momentum, True, keeps_pairs=True),
    *(_given(method, False) for method in METHODS.values()),
    *(_given(method, True) for method in METHODS.values() if method.proximal),
)
LOOPS: dict[str, Loop] = {loop.name: loop for loop in _ALL}
_BY_USE = {(loop.family, loop.automatic, loop.composite): loop for loop in _ALL}


def loop_of(method: Method, automatic: bool, kind: str = "") -> Loop:
    """The loop of a method; `kind` is "bounds" or "penalty" where there are some."""
    if automatic:
        assert method.loop is not None
        return _BY_USE[method.loop, True, bool(kind)]
    return _BY_USE[method.name, False, kind == "penalty"]


# -- the loops around them ----------------------------------------------------------------------


def _batch() -> Any:
    from . import batch

    return batch.drive_batch


def _sum() -> Any:
    from . import sum

    return sum.drive_sum


def _single(composite: bool) -> Any:
    from . import single

    return single.make(composite)


BATCH = OuterLoop("batch", _batch)
SUM = OuterLoop("sum", _sum)
SINGLE = OuterLoop("single", functools.partial(_single, False))
SINGLE_COMPOSITE = OuterLoop("single_composite", functools.partial(_single, True))
