"""Bounds and penalty of a problem, as the loops take them."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check.arguments import default_method
from .._check.bounds import check_bounds
from .._check.options import Settings, check_options
from .._check.values import shown
from .._language import layout
from .._methods import Method
from ..penalties import Box, Penalty, Prox
from .objective import is_jitted

if TYPE_CHECKING:
    from .._numba.operators import Operator


class Terms:
    """h of f + h: the bounds, as a `Box`, and the penalty together.

    Attributes
    ----------
    h : Penalty
        Their sum.
    bounded : bool
        Whether h restricts single variables to intervals.
    shown : bool
        Whether the user gave a penalty, and the result shall say more.
    """

    def __init__(self, h: Penalty, n: int, dtype: np.dtype, shown: bool):
        self.h = h
        self.shown = shown
        self.separable = h.separable
        self.rows: list[np.ndarray] = []
        self.bounded = False
        self.numbers = self.work = np.zeros(0, dtype)
        if not isinstance(h, Prox):
            self.kernel, self.numbers, self.integers, work_size = h.pack(n, dtype)
            self.work = np.zeros(work_size, dtype)
        if self.separable:
            # As packed, the bounds are rounded inwards.
            self.rows = [
                np.broadcast_to(part, n).astype(dtype) for part in np.split(self.numbers, 4)
            ]
            lower, upper = self.rows[2:]
            self.bounded = bool((lower > -math.inf).any() or (upper < math.inf).any())
        # Such an operator iterates until its own tolerance.
        self.inexact = hasattr(h, "tol")
        self.keeps_work = getattr(h, "_keeps_work", False)
        self.n = n
        self.dtype = dtype

    def copy(self) -> Terms:
        """The same, with memory of its own for what is written to."""
        made = copy.copy(self)
        made.numbers, made.work = self.numbers.copy(), self.work.copy()
        return made

    @property
    def only_bounds(self) -> bool:
        """Is h nothing but bounds?"""
        return self.separable and not (self.rows[0].any() or self.rows[1].any())

    @property
    def fixes_all(self) -> bool:
        """Do bounds leave one value to each variable?"""
        return self.bounded and bool((self.rows[2] == self.rows[3]).all())

    @property
    def kind(self) -> str:
        """What there is: "bounds" or "penalty"."""
        return "bounds" if self.only_bounds else "penalty"

    @property
    def has_gap(self) -> bool:
        """Is the duality gap known, that is, is h a sum of weighted absolute values?"""
        if not self.separable or self.bounded:
            return False
        return bool((self.rows[0] > 0.0).all() and not self.rows[1].any())

    def gap(self, x: np.ndarray, g: np.ndarray, total: float) -> float:
        """Duality gap at x, where f >= 0 has the gradient g and f + h the value `total`."""
        weights = self.rows[0].astype(np.float64)
        excess = max(float((np.abs(g) / weights).max()) - 1.0, 0.0)
        return float(g @ x + (weights * np.abs(x)).sum() + total * excess)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds of the variables, infinite where there are none."""
        if self.separable:
            return self.rows[2], self.rows[3]
        return np.full(self.n, -math.inf, self.dtype), np.full(self.n, math.inf, self.dtype)

    def start(self, x0: np.ndarray) -> np.ndarray:
        """x0, moved into the set where h is finite."""
        if self.bounded:
            return np.clip(x0, *self.bounds())
        return x0 if math.isfinite(self.h.value(x0)) else self.h.prox(x0, 1.0)

    def apply(self, z: np.ndarray, step: float) -> float:
        """Replace z by its proximal point; returns h there. With the step 0, see `_prox`."""
        if isinstance(self.h, Prox):
            if step > 0.0:
                z[:] = self.h.prox(z, step)
            return self.h.value(z)
        from .._numba.prox import compiled

        kernel = compiled(self.kernel)
        return float(kernel(z, z, step, self.numbers, self.integers, self.work))

    def residual(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        """x - prox(x - g), zero at a minimizer."""
        if not self.separable:
            return x - self.h.prox(x - g, 1.0)
        # As the loops compute it: where x is large, x - g would lose g to rounding.
        l1, l2, lower, upper = (part.astype(np.float64) for part in self.rows)
        z, slope = x.astype(np.float64), g.astype(np.float64)
        v = z - slope
        side = np.where(v > l1, l1, -l1)
        r = np.where(abs(v) > l1, (z * l2 + (slope + side)) / (1.0 + l2), z)
        return np.minimum(np.maximum(r, z - upper), z - lower).astype(x.dtype)

    def fill(
        self, rows: np.ndarray, ints: np.ndarray, first: int, calls_operator: bool
    ) -> Operator | None:
        """Write them into the rows from `first` on; the operator, if the loop calls one."""
        for i, part in enumerate(self.rows):
            rows[first + i, : self.n] = part
        rows[first + layout.FREE_ROW, : self.n] = 0.0
        ints[layout.INT.TERMS] = first
        ints[layout.INT.BOUNDED] = self.bounded
        ints[layout.INT.SEPARABLE] = self.separable
        if not calls_operator:
            return None
        operator = self.operator()
        ints[layout.INT.PROX] = operator.address
        ints[layout.INT.PROX_DATA] = operator.data.ctypes.data
        return operator

    def operator(self) -> Operator:
        """The proximal operator as the loops call it."""
        from .._numba import operators

        h = self.h
        if not isinstance(h, Prox):
            parts = (self.numbers, self.integers, self.work)
            return operators.operator_of_kernel(self.kernel, parts, self.apply)
        made = None
        if is_jitted(h.prox_function) and is_jitted(h.value_function):
            made = operators.operator_of_functions(
                h.prox_function, h.value_function, h.args, h.in_place, self.n, self.dtype
            )
        return made or operators.operator_of_python(self.apply, self.n, self.dtype)


def settings_and_terms(
    named: Method | None,
    x: np.ndarray,
    bounds: Any,
    penalty: Any,
    tol: float | None,
    options: dict[str, Any] | None,
) -> tuple[Settings, Terms | None]:
    """What the user says of a run from x, checked; whether its parts go together is not yet."""
    terms = None
    if bounds is not None or penalty is not None:
        terms = make_terms(check_bounds(bounds, x.size), check_penalty(penalty), x.size, x.dtype)
    chosen = named or default_method(terms is None or terms.separable)
    return check_options(chosen, tol, options, x), terms


def check_penalty(penalty: Any) -> Penalty | None:
    """The penalty that the user passes, or None."""
    if penalty is None or isinstance(penalty, Penalty):
        return penalty
    raise TypeError(
        f"penalty must be one of fastmomentum.penalties, such as L1(0.1), got {shown(penalty)}."
    )


def make_terms(bounds: Any, penalty: Penalty | None, n: int, dtype: np.dtype) -> Terms | None:
    """Bounds (a pair of arrays) and penalty together; None where there are neither."""
    box = None if bounds is None else Box(*bounds)
    if penalty is None:
        return None if box is None else Terms(box, n, dtype, shown=False)
    if box is None:
        return Terms(penalty, n, dtype, shown=True)
    if not penalty.separable:
        raise ValueError(
            f"bounds cannot be combined with penalty={penalty!r}, which is not separable: the "
            "proximal operator of the sum is not known."
        )
    return Terms(penalty + box, n, dtype, shown=True)
