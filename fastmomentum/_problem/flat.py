"""Where every difference of fun is exactly 0: is fun flat there, or are its values coarse?

Values that were rounded, to float32 for instance, do not change over the steps that suit float64.
Such differences prove no minimum, unless longer steps find no slope either.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from .._methods.differences import central_points, central_slope
from .objective import DIFFERENCE_STEPS, Objective

# Those of central differences where values have the precision of float64, and of float32.
STEPS = tuple(DIFFERENCE_STEPS["3-point"](eps) for eps in (2.0**-52, 2.0**-23))
COARSE = (
    "Every difference of fun at x is exactly 0, and fun changes over longer steps: its values are "
    "coarser than their type says. Return them in full precision or, if they are computed in "
    "float32, as numpy.float32, which lengthens the steps, or give jac. x is the best point found."
)


class OutOfCalls(Exception):
    """`maxfev` leaves too few calls of fun to tell."""


def slopes_beyond(
    objective: Objective, x: np.ndarray, norm: Callable[[np.ndarray], float], gtol: float, left: int
) -> np.ndarray | None:
    """Central differences of longer steps at x, if their norm is above gtol; else None.

    A constant function has none. `left` is how often fun may be called; the calls are counted by
    `objective`.
    """
    free = x.size if objective.fixed is None else x.size - int(objective.fixed.sum())
    if free == 0:
        return None
    python = objective.in_python()
    before = python.calls_fun
    try:
        with objective.quiet():
            g = _first_slopes(python, x, left, 2 * free)
        return None if g is None or norm(g) <= gtol else g
    finally:
        if python is not objective:
            objective.calls_fun += python.calls_fun - before


def _first_slopes(objective: Objective, x: np.ndarray, left: int, cost: int) -> np.ndarray | None:
    """Of the shortest steps over which fun changes; None if there are none."""
    f = None
    for step in STEPS:
        if step <= 1.01 * objective.step:
            continue
        left -= cost + (f is None)
        if left < 0:
            raise OutOfCalls
        if f is None:
            objective.check_time()
            f = objective.value(x)
        g, changes = _central(objective, x, f, step)
        if changes:
            return g
    return None


def _central(objective: Objective, x: np.ndarray, f: float, step: float) -> tuple[np.ndarray, bool]:
    """The gradient by central differences, and whether fun is another than `f` anywhere."""
    z, g, changes = x.copy(), np.empty_like(x), False
    lower, upper = objective.bounds
    bounds: Iterator = itertools.repeat((lower, upper))
    if isinstance(lower, np.ndarray):
        bounds = zip(lower.tolist(), upper.tolist(), strict=True)
    for i, (x_i, limits) in enumerate(zip(x.tolist(), bounds, strict=False)):
        if limits[0] == limits[1]:
            g[i] = 0.0
            continue
        values = []
        points = central_points(x_i, step * max(1.0, abs(x_i)), *limits)
        for point in points:
            z[i] = point
            objective.check_time()
            values += [float(z[i]), objective.value(z)]
        changes = changes or values[1] != f or values[3] != f
        g[i] = central_slope(x_i, f, *values)
        z[i] = x[i]
    return g, changes


def may_be_coarse(objective: Objective) -> bool:
    """Is the gradient one of real differences?"""
    return isinstance(objective.jac, str) and objective.jac != "cs"
