"""``options={"check_jac": True}``: the gradient beside differences of fun, before a run."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .._methods.differences import central_points, central_slope
from .objective import DIFFERENCE_STEPS, Objective

# Of more variables as many are looked at, chosen at random.
MOST_VARIABLES = 1000
# Gradients may be this far from the differences, relatively; what is closer is right.
TOLERANCE = {"float64": 1e-4, "float32": 1e-2}
# Where a component seems wrong it is compared with other steps, these powers of 10 of the first.
POWERS = {"float64": range(3, -9, -1), "float32": range(2, -4, -1)}


def check_gradient(objective: Objective, x0: np.ndarray) -> None:
    """Raise ValueError unless the gradient is that of fun at x0, and at a point beside it.

    At x0 alone much stays hidden: zeros and ones, the usual starts, make all powers of a variable
    alike. The calls are not counted.
    """
    check = _Check(objective.in_python(), x0.size)
    kept = objective.calls_fun, objective.calls_jac
    try:
        with np.errstate(all="ignore"):
            check.at("x0", x0)
            check.at("a point near x0", check.beside(x0))
    finally:
        objective.calls_fun, objective.calls_jac = kept


OPTION = "(option check_jac)"


class _Check:
    """The comparison of one objective."""

    def __init__(self, objective: Objective, n: int):
        self.objective = objective
        self.lower, self.upper = (np.broadcast_to(b, n) for b in objective.bounds)
        self.eps = float(np.finfo(objective.dtype).eps)
        self.tolerance = TOLERANCE[objective.dtype.name]
        self.step = DIFFERENCE_STEPS["3-point"](self.eps)
        self.random = np.random.default_rng(0)
        chosen = np.arange(n)
        if n > MOST_VARIABLES:
            chosen = np.sort(self.random.choice(n, MOST_VARIABLES, replace=False))
        self.chosen = chosen
        self.scratch = np.empty(n, objective.dtype)

    def beside(self, x0: np.ndarray) -> np.ndarray:
        """A point within the bounds, about 1 % away (14 % in float32) in every variable."""
        size = np.where(x0 == 0.0, 1.0, np.abs(x0)) * self.eps**0.125
        shift = size * self.random.uniform(0.5, 1.0, x0.size)
        shift[self.random.random(x0.size) < 0.5] *= -1.0
        moved = x0 + shift
        outside = (moved < self.lower) | (moved > self.upper)
        moved[outside] = (x0 - shift)[outside]
        return np.clip(moved, self.lower, self.upper).astype(x0.dtype)

    def value(self, x: np.ndarray) -> float:
        """fun(x) alone; nan where fun raises, as it may where no run would go."""
        try:
            if self.objective.jac is True:
                return self.objective.evaluate(x, self.scratch)
            return self.objective.value(x)
        except Exception:
            return math.nan

    def at(self, place: str, x: np.ndarray) -> None:
        """Compare at one point."""
        gradient = np.empty_like(x)
        if place != "x0" and not math.isfinite(self.value(x)):
            return
        f = self.objective.evaluate(x, gradient)
        if not math.isfinite(f):
            return  # the run says so
        g = gradient[self.chosen].astype(np.float64)
        self.scale = float(np.abs(g[np.isfinite(g)]).max(initial=0.0))
        d, error, wrong = np.zeros(g.size), np.zeros(g.size), np.zeros(g.size, bool)
        z = x.copy()
        for k, i in enumerate(self.chosen.tolist()):
            d[k], error[k], wrong[k] = self.component(x, z, f, i, float(g[k]))
        if not wrong.any():
            return
        apart = np.where(wrong, np.abs(g - d), -1.0)
        worst = int(np.argmax(np.where(np.isnan(apart), math.inf, apart)))
        i = int(self.chosen[worst])
        where = place if place == "x0" else f"{place}, where x[{i}] = {x[i]:.6g}"
        name = "the gradient that fun returns" if self.objective.jac is True else "jac"
        raise ValueError(
            f"{name} must be the gradient of fun {OPTION}: at {where}, component {i} is "
            f"{g[worst]:.6g}, but {d[worst]:.6g} by differences. {self.reason(g, d, error, wrong)}"
        )

    def component(
        self, x: np.ndarray, z: np.ndarray, f: float, i: int, g: float
    ) -> tuple[float, float, bool]:
        """The slope by differences, its error, and whether component `g` is wrong."""
        _, _, slope, error = self.slopes(x, z, f, i, 1.0)
        if self.near(g, slope, min(error, self.tolerance * self.scale)):
            return slope, error, False
        slope, error = self.best_slope(x, z, f, i)
        if not math.isfinite(error):
            return g, 0.0, False  # no room, or the end of fun's domain: nothing to compare with
        if self.near(g, slope, 10.0 * error) or self.at_kink(x, z, f, i, g):
            return g, error, False
        return slope, error, True

    def near(self, g: float, slope: float, error: float) -> bool:
        """Are they the same? Not if one is not finite."""
        apart = abs(g - slope)
        return apart < math.inf and apart <= self.tolerance * max(abs(g), abs(slope)) + error

    def at_kink(self, x: np.ndarray, z: np.ndarray, f: float, i: int, g: float) -> bool:
        """Is there a kink at x, and `g` one of the slopes between those of its sides?"""
        spreads = []
        for factor in (1.0, 0.1):
            left, right, _, error = self.slopes(x, z, f, i, factor)
            slack = self.tolerance * max(abs(left), abs(right)) + error
            if not min(left, right) - slack <= g <= max(left, right) + slack:
                return False
            spreads.append(abs(right - left))
        return spreads[1] > 0.5 * spreads[0]  # a curvature's would shrink with the step

    def slopes(
        self, x: np.ndarray, z: np.ndarray, f: float, i: int, factor: float
    ) -> tuple[float, float, float, float]:
        """Slopes to the left, to the right and at x, and the error of the last by rounding."""
        self.objective.check_time()
        x_i = float(x[i])
        h = factor * self.step * max(1.0, abs(x_i))
        z[i], second = central_points(x_i, h, float(self.lower[i]), float(self.upper[i]))
        a = float(z[i])
        f_a = self.value(z)
        z[i] = second
        b = float(z[i])
        f_b = self.value(z)
        z[i] = x[i]
        if a == b:
            return math.nan, math.nan, math.nan, math.nan
        rounding = 8.0 * self.eps * max(abs(f), abs(f_a), abs(f_b)) / min(abs(b - a), h)
        slope = central_slope(x_i, f, a, f_a, b, f_b)
        sides = slope, slope
        if a < x_i < b:
            sides = (f - f_a) / (x_i - a), (f_b - f) / (b - x_i)
        return *sides, slope, rounding

    def best_slope(self, x: np.ndarray, z: np.ndarray, f: float, i: int) -> tuple[float, float]:
        """The slope whose step suits fun best, and its error, by how far it is from its neighbours.

        The error is infinite if there are none.
        """
        found: list[tuple[float, float]] = []
        for power in POWERS[self.objective.dtype.name]:
            _, _, slope, rounding = self.slopes(x, z, f, i, 10.0**power)
            if slope == 0.0 and any(earlier for earlier, _ in found):
                break  # so short that fun does not change
            if math.isfinite(slope):
                found.append((slope, rounding))
        # Far apart from one of its neighbours, a slope agrees with the other by chance.
        apart = [abs(a - b) for (a, _), (b, _) in itertools.pairwise(found)]
        errors = [max(*apart[max(k - 1, 0) : k + 1], found[k][1]) for k in range(len(apart))]
        if not errors:
            return math.nan, math.inf
        error = min(errors)
        return found[errors.index(error)][0], error

    def reason(self, g: np.ndarray, d: np.ndarray, error: np.ndarray, wrong: np.ndarray) -> str:
        """What it looks like."""

        def agrees(other: np.ndarray) -> bool:
            size = np.maximum(np.abs(other), np.abs(d))
            return bool((np.abs(other - d) <= 10.0 * (self.tolerance * size + error)).all())

        n, count = g.size, int(wrong.sum())
        if not np.isfinite(g).all():
            return "It is not finite where fun is."
        if not g.any():
            return "All components of the gradient are 0."
        large = np.abs(d) > 10.0 * error  # what is not 0 by rounding
        if count == 1 and (large & ~wrong).any():
            return "All other components are right."
        if agrees(-g):
            return "All components have the wrong sign."
        factor = float(g @ d / (d @ d)) if d.any() else 0.0
        # One component is a multiple of any other: only plain numbers tell something then.
        several = int(large.sum()) > 1
        plain = min(abs(factor * k - round(factor * k)) for k in (1, 2, 3)) < self.tolerance
        if factor != 0.0 and (several or plain) and agrees(g / factor):
            return f"All components are {factor:.4g} times what they should be."
        if n == self.scratch.size and n > 1:
            if agrees(g[::-1]):
                return "The components are right, but in reverse order."
            for rows in range(2, n // 2 + 1):
                if n % rows == 0 and agrees(g.reshape(rows, -1).T.ravel()):
                    return (
                        f"The components are those of the transpose: of an array of shape "
                        f"({rows}, {n // rows}) take the transpose before it is flattened."
                    )
        seen = "looked at " if n < self.scratch.size else ""
        return f"{count} of {n} components {seen}{'is' if count == 1 else 'are'} wrong."
