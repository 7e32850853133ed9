"""What a method is: data, from which the front end and the loops are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One number of a method: its default and the interval that it must lie in."""

    name: str
    default: Any
    low: float
    high: float
    low_open: bool = False
    high_open: bool = False
    scheduled: bool = False
    integer: bool = False
    per_variable: bool = False
    doc: str = ""

    @property
    def interval(self) -> str:
        """The allowed interval, as in the error message."""
        high = "inf)" if self.high == float("inf") else f"{self.high:g}{')]'[not self.high_open]}"
        return f"{'[('[self.low_open]}{self.low:g}, {high}"

    def contains(self, value: float) -> bool:
        """Is `value` allowed? NaN never is."""
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open or value == float("inf") else value <= self.high
        return above and below


@dataclasses.dataclass(frozen=True)
class Method:
    """One method.

    Parameters
    ----------
    name : str
        Public name.
    rule : callable
        The update of one variable, with a fixed learning rate:
        ``rule(x, g, slots, rates, constants, carried, zero, one)`` returns the new x and slots.
        x is the point at which the gradient g was taken; slots, the entries of `slots`; rates,
        ``(learning_rate, momentum, momentum_next)``; constants, the numbers of `constants`;
        carried, those of `carries`; all but x and g are tuples, which it unpacks by these names,
        with ``_`` for what it does not need. All its numbers have the dtype of ``x``: a literal
        such as ``1.0`` would make a float32 loop compute in float64.
    slots : tuple of str
        Vectors kept from one iteration to the next.
    iterate : str
        Which of ``x`` and `slots` is the method's iterate, as the literature writes it.
    slots_start : dict
        ``"zero"`` or ``"x0"`` for each slot.
    parameters : tuple of Parameter
        The method's own options, `LEARNING_RATE` first. A step in `jit.rules` takes five numbers at
        most: rates and constants.
    carry : callable, optional
        Advances the numbers that change from step to step, before each step:
        ``carry(constants, carried, zero, one)`` returns the new ones, and whether the rule sees
        no change of them any more: a run may end where nothing changes only then.
    carries : dict
        Those numbers, and their values before the first step.
    proximal : bool
        With a penalty h, does the proximal operator of `learning_rate` times h follow the rule?
        Its step is then `learning_rate` times the gradient, besides ``velocity``, the step before.
    loop : str, optional
        Name of the loop that chooses the learning rate, if there is one.
    metric : callable, optional
        The method's diagonal, for the loop "momentum" with an automatic rate, for one variable and
        in float64: ``metric(g, step, kept, count, constants, zero, one)`` returns the diagonal's
        entry and what it keeps. g is the new gradient, step the step to it, kept the entries of
        `metric_vectors`, and count the steps so far.
    metric_vectors : tuple of str
        What it keeps, zero at the start: two vectors at most.
    summary, notes : str
        Documentation: one line, and the update rule with its references.
    """

    name: str
    rule: Callable[..., Any]
    slots: tuple[str, ...]
    slots_start: dict[str, str]
    parameters: tuple[Parameter, ...]
    summary: str
    notes: str
    iterate: str = "x"
    carry: Callable[..., Any] | None = None
    carries: dict[str, float] = dataclasses.field(default_factory=dict)
    proximal: bool = False
    loop: str | None = None
    metric: Callable[..., Any] | None = None
    metric_vectors: tuple[str, ...] = ()

    @property
    def looks_ahead(self) -> bool:
        """Does an iteration need the next one's momentum?"""
        return "momentum_next" in self.rule.__code__.co_varnames

    def chooses_without(self, name: str) -> bool:
        """Is the option `name` of no use to the automatic learning rate?"""
        if name in ("learning_rate", "momentum", MEMORY.name, X_SCALE.name):
            return False
        return self.metric is None or name not in self.metric.__code__.co_varnames

    @property
    def constants(self) -> tuple[Parameter, ...]:
        """The method's own options that are one real number for the whole run."""
        return tuple(p for p in self.parameters if not (p.scheduled or p.integer or p.per_variable))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the method's own options."""
        return tuple(parameter.name for parameter in self.parameters)


def _positive(name: str, default: Any, doc: str, **kinds: bool) -> Parameter:
    """One in (0, inf)."""
    infinity = float("inf")
    return Parameter(name, default, 0.0, infinity, low_open=True, high_open=True, doc=doc, **kinds)


def _fraction(name: str, default: Any, doc: str, **kinds: bool) -> Parameter:
    """One in [0, 1)."""
    return Parameter(name, default, 0.0, 1.0, high_open=True, doc=doc, **kinds)


LEARNING_RATE = _positive(
    "learning_rate",
    "auto",
    "Step length eta: 'auto', a number, or a schedule, a callable of the iteration 0, 1, ...",
    scheduled=True,
)
MOMENTUM = _fraction(
    "momentum",
    "auto",
    "Momentum gamma: a number in [0, 1), or a schedule; 'auto' is 0.9 with a given "
    "learning_rate, and chosen in each iteration with learning_rate='auto'.",
    scheduled=True,
)
BETA1 = _fraction("beta1", 0.9, "Decay of the mean of the gradients, in [0, 1).")
BETA2 = _fraction("beta2", 0.999, "Decay of the mean of their squares, in [0, 1).")
EPSILON = _positive("epsilon", 1e-8, "Positive number that keeps the denominator from zero.")
RHO = _fraction("rho", 0.95, "Decay of the mean of the squared gradients, in [0, 1).")
MEMORY = Parameter(
    "memory",
    "auto",
    1,
    1000,
    integer=True,
    doc="With learning_rate='auto': how many past velocities are kept. 'auto': 10, and more where "
    "they help and n is from 11 to 1000, at most n + 10 velocities, of 10,000 numbers together; "
    "on a CUDA device 10. 1 is classical momentum with automatic coefficients, and the least "
    "memory.",
)
# With memory='auto': so many at least, and so many more where the function is like a quadratic.
LEAST_MEMORY = 10
MOST_REMEMBERED = 10_000


def most_memory(n: int) -> int:
    """How many velocities of `n` variables are kept at most where their number is chosen.

    As many as there are variables determine a quadratic; some more make up for rounding.
    """
    if n <= LEAST_MEMORY:
        return LEAST_MEMORY
    return max(LEAST_MEMORY, min(n + LEAST_MEMORY, MOST_REMEMBERED // n))


X_SCALE = _positive(
    "x_scale",
    "auto",
    "With learning_rate='auto': the typical size of each variable, from which the diagonal "
    "metric starts; an array of shape (n,), or one number for all. 'auto': alike for all. "
    "The metric is learned from there.",
    per_variable=True,
)
