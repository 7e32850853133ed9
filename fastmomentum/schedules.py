"""Schedules: learning rates and momenta that change with the iteration.

A schedule is a callable of the iteration k = 0, 1, 2, ... Any callable will do; those of this
module also take an array of iterations, so that the compiled loop gets the numbers of a whole
chunk at once.

Examples
--------
>>> from fastmomentum import schedules
>>> halving = schedules.Step(0.1, factor=0.5, every=100)
>>> float(halving(0)), float(halving(250))
(0.1, 0.025)
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "InverseTime",
    "NesterovMomentum",
    "Schedule",
    "Step",
]


class Schedule:
    """Base of the schedules that take an array of iterations."""

    def __call__(self, k: Any) -> Any:
        """Value at iteration `k`, an int or an array of ints."""
        raise NotImplementedError


def _check(
    name: str, value: Any, low: float, *, low_open: bool = True, whole: bool = False
) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    above = number and (value > low if low_open else value >= low) and value < math.inf
    if not above or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        bracket = "(" if low_open else "["
        raise ValueError(f"{name} must be {kind} in {bracket}{low:g}, inf), got {value!r}.")


@dataclasses.dataclass(frozen=True)
class Constant(Schedule):
    """The same value in every iteration.

    Parameters
    ----------
    value : float
    """

    value: float

    def __post_init__(self) -> None:
        _check("value", self.value, 0.0, low_open=False)

    def __call__(self, k: Any) -> Any:
        return np.full(np.shape(k), float(self.value))[()]


@dataclasses.dataclass(frozen=True)
class Step(Schedule):
    """``initial * factor ** (k // every)``.

    Parameters
    ----------
    initial : float
        Value at k = 0.
    factor : float
        Multiplier, in (0, inf).
    every : int
        Iterations between two changes.
    """

    initial: float
    factor: float = 0.1
    every: int = 1000

    def __post_init__(self) -> None:
        _check("initial", self.initial, 0.0)
        _check("factor", self.factor, 0.0)
        _check("every", self.every, 0, whole=True)

    def __call__(self, k: Any) -> Any:
        return self.initial * np.float64(self.factor) ** (np.asarray(k) // self.every)


@dataclasses.dataclass(frozen=True)
class Exponential(Schedule):
    """``initial * exp(-rate * k)``.

    Parameters
    ----------
    initial : float
        Value at k = 0.
    rate : float
        Decay per iteration, > 0.
    """

    initial: float
    rate: float

    def __post_init__(self) -> None:
        _check("initial", self.initial, 0.0)
        _check("rate", self.rate, 0.0)

    def __call__(self, k: Any) -> Any:
        return self.initial * np.exp(-self.rate * np.asarray(k))


@dataclasses.dataclass(frozen=True)
class InverseTime(Schedule):
    """``initial / (1 + rate * k)``: the 1/t schedule of Robbins and Monro (1951).

    Its sum diverges while the sum of its squares converges.

    Parameters
    ----------
    initial : float
        Value at k = 0.
    rate : float
        Decay per iteration, > 0.
    """

    initial: float
    rate: float = 1.0

    def __post_init__(self) -> None:
        _check("initial", self.initial, 0.0)
        _check("rate", self.rate, 0.0)

    def __call__(self, k: Any) -> Any:
        return self.initial / (1.0 + self.rate * np.asarray(k))


@dataclasses.dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from `initial` at k = 0 to `final` at k = `period`, then constant.

    Parameters
    ----------
    initial : float
        Value at k = 0.
    period : int
        Iterations of the descent.
    final : float, default 0

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
       ICLR 2017, arXiv:1608.03983.
    """

    initial: float
    period: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _check("initial", self.initial, 0.0)
        _check("period", self.period, 0, whole=True)
        _check("final", self.final, 0.0, low_open=False)

    def __call__(self, k: Any) -> Any:
        phase = np.minimum(np.asarray(k), self.period) / self.period
        return self.final + 0.5 * (self.initial - self.final) * (1.0 + np.cos(np.pi * phase))


class NesterovMomentum(Schedule):
    r"""Nesterov's sequence of momenta, ``(t_k - 1) / t_{k+1}``.

    With :math:`t_1 = 1` and :math:`t_{k+1} = (1 + \sqrt{1 + 4 t_k^2}) / 2`; the value at k = 0 is
    0. With ``method="nesterov"`` and a learning rate of 1 / L these are the iterates of FISTA
    without a penalty, whose error falls as O(1 / k^2) on convex functions [1]_.

    References
    ----------
    .. [1] A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear
       inverse problems", SIAM Journal on Imaging Sciences 2(1), 2009.

    Examples
    --------
    >>> from fastmomentum.schedules import NesterovMomentum
    >>> [round(float(NesterovMomentum()(k)), 3) for k in (0, 1, 2, 3)]
    [0.0, 0.0, 0.282, 0.434]
    """

    def __init__(self) -> None:
        # t_0 is set so that the value at k = 0 is 0
        self._t = np.array([1.0, 1.0])

    def __call__(self, k: Any) -> Any:
        k = np.asarray(k)
        needed = int(k.max(initial=0)) + 2
        if needed > self._t.size:
            self._extend(max(needed, 2 * self._t.size))
        return (self._t[k] - 1.0) / self._t[k + 1]

    def _extend(self, size: int) -> None:
        t = float(self._t[-1])
        more = np.empty(size - self._t.size)
        for i in range(more.size):
            t = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))
            more[i] = t
        self._t = np.concatenate([self._t, more])
