"""Projections onto the simplex and onto balls."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from fastmomentum import _prox
from fastmomentum.penalties._base import Penalty, check_length, positive, reals, refuse

__all__ = ["L1Ball", "L2Ball", "Simplex"]


def _slack(n, epsilon, size):
    """What the rounding of the entries of a projection may add to their sum."""
    return max(n, 4) * epsilon * size


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Simplex(Penalty):
    r"""The constraint :math:`x \ge 0,\ \sum_i x_i = r`: probabilities, with r = 1.

    h is 0 there and inf elsewhere. The proximal operator is the Euclidean projection
    ``max(v - tau, 0)`` with exact zeros, in O(n log n) at worst.

    Parameters
    ----------
    radius : float, default 1
        r > 0, in units of x.

    Notes
    -----
    `value` takes the signs exactly and the sum within max(n, 4) r times the machine epsilon, which
    is what rounding the entries may change.

    References
    ----------
    .. [1] L. Condat, "Fast projection onto the simplex and the l1 ball", Math. Program. 158, 2016,
       section 2.

    Examples
    --------
    >>> from fastmomentum.penalties import Simplex
    >>> Simplex().prox([0.75, 1.0, -3.0], step=1.0)
    array([0.375, 0.625, 0.   ])
    """

    is_constraint = True

    radius: float = 1.0

    def __post_init__(self) -> None:
        self._set(radius=positive("radius", self.radius))

    def _value(self, x, epsilon):
        error = abs(math.fsum(x) - self.radius) if np.isfinite(x).all() else math.inf
        inside = (x >= 0.0).all() and error <= _slack(x.size, epsilon, self.radius)
        return 0.0 if inside else math.inf

    def _pack(self, n, dtype):
        return _prox.prox_simplex, (self.radius,), (0,), n


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class L1Ball(Penalty):
    r"""The constraint :math:`\|x\|_1 \le r`.

    h is 0 there and inf elsewhere. The proximal operator is the Euclidean projection, soft
    thresholding by the level that makes the norm r, with exact zeros, in O(n log n) at worst.

    Parameters
    ----------
    radius : float
        r > 0, in units of x.

    Notes
    -----
    `value` takes the norm within max(n, 4) r times the machine epsilon, which is what rounding the
    entries may change.

    References
    ----------
    .. [1] J. Duchi, S. Shalev-Shwartz, Y. Singer and T. Chandra, "Efficient projections onto the
       l1-ball for learning in high dimensions", ICML 2008, section 4.

    Examples
    --------
    >>> from fastmomentum.penalties import L1Ball
    >>> L1Ball(2.0).prox([3.0, -2.0, 0.1], step=1.0)
    array([ 1.5, -0.5,  0. ])
    """

    is_constraint = True

    radius: float

    def __post_init__(self) -> None:
        self._set(radius=positive("radius", self.radius))

    def _value(self, x, epsilon):
        excess = np.abs(x).sum() - self.radius
        return 0.0 if excess <= _slack(x.size, epsilon, self.radius) else math.inf

    def _pack(self, n, dtype):
        return _prox.prox_simplex, (self.radius,), (1,), n


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class L2Ball(Penalty):
    r"""The constraint :math:`\|x - c\|_2 \le r`.

    h is 0 there and inf elsewhere. The proximal operator is the Euclidean projection.

    Parameters
    ----------
    radius : float
        r > 0, in units of x.
    center : array_like, shape (n,), or float, optional
        c; the origin unless given.

    Notes
    -----
    `value` takes the norm within max(n, 4) (r + ||c||) times the machine epsilon, which is what
    rounding the entries may change.

    References
    ----------
    .. [1] N. Parikh and S. Boyd, "Proximal algorithms", Found. Trends Optim. 1(3), 2014, section
       6.5.1.

    Examples
    --------
    >>> from fastmomentum.penalties import L2Ball
    >>> L2Ball(1.0).prox([3.0, 4.0], step=1.0)
    array([0.6, 0.8])
    >>> L2Ball(5.0, center=[1.0, 0.0]).prox([7.0, 8.0], step=1.0)
    array([4., 4.])
    """

    is_constraint = True

    radius: float
    center: Any = None

    def __post_init__(self) -> None:
        self._set(radius=positive("radius", self.radius))
        if self.center is not None:
            center = reals("center", self.center)
            refuse("center", center, ~np.isfinite(center), "a finite number")
            self._set(center=center)

    def _check_size(self, n):
        check_length("L2Ball", "center", self.center, n)

    def _value(self, x, epsilon):
        center = np.broadcast_to(0.0 if self.center is None else self.center, x.size)
        excess = _norm(x - center) - self.radius
        inside = excess <= _slack(x.size, epsilon, self.radius + _norm(center))
        return 0.0 if inside else math.inf

    def _pack(self, n, dtype):
        center = () if self.center is None else np.broadcast_to(self.center, n)
        return _prox.prox_l2_ball, np.concatenate([[self.radius], center]), (), 0


def _norm(x):
    peak = np.abs(x).max()
    if not 0.0 < peak < math.inf:
        return peak
    return peak * math.sqrt(((x / peak) ** 2).sum())
