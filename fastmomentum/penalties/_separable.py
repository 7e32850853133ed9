"""Penalties that are sums over the entries of x."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from fastmomentum import _prox
from fastmomentum.penalties._base import Penalty, check_length, reals, refuse, weights

__all__ = ["L1", "L2", "Box", "ElasticNet", "NonNegative", "SeparableSum"]


def inward(lower, upper, dtype):
    """The bounds, rounded to `dtype` so that the points within them are within the given ones."""
    if dtype == np.float64:
        return lower, upper
    with np.errstate(over="ignore"):
        low, high = lower.astype(dtype), upper.astype(dtype)
    inside_low = np.where(low < lower, np.nextafter(low, dtype.type(math.inf)), low)
    inside_high = np.where(high > upper, np.nextafter(high, dtype.type(-math.inf)), high)
    # Where no number of the dtype is within, the nearest has to do.
    some = inside_low <= inside_high
    return np.where(some, inside_low, low), np.where(some, inside_high, high)


class _Separable(Penalty):
    separable = True

    def _data(self) -> tuple[Any, Any, Any, Any]:
        """l1, l2, lower, upper: numbers or arrays."""
        raise NotImplementedError

    def separable_data(self, n):
        self._check_size(n)
        l1, l2, lower, upper = (np.array(np.broadcast_to(part, n)) for part in self._data())
        return l1, l2, lower, upper

    def penalized(self, n):
        l1, l2, _, _ = self.separable_data(n)
        return (l1 > 0.0) | (l2 > 0.0)

    def _check_size(self, n):
        for field in dataclasses.fields(self):
            check_length(type(self).__name__, field.name, getattr(self, field.name), n)

    def _value(self, x, epsilon):
        l1, l2, lower, upper = self._data()
        if ((x < lower) | (x > upper)).any():
            return math.inf
        size = np.abs(x)
        # Where a weight is 0 the term is: 0 * inf is not.
        absolute = np.where(l1 > 0.0, l1 * size, 0.0)
        square = np.where(l2 > 0.0, (l2 * size) * size, 0.0)
        return absolute.sum() + 0.5 * square.sum()

    def _pack(self, n, dtype):
        data = self._data()
        size = 1 if all(np.ndim(part) == 0 for part in data) else n
        l1, l2, lower, upper = (np.broadcast_to(np.float64(part), size) for part in data)
        lower, upper = inward(lower, upper, dtype)
        return _prox.prox_separable, np.concatenate([l1, l2, lower, upper]), (), 0

    def __add__(self, other):
        if isinstance(other, _Separable):
            return SeparableSum((self, other))
        return super().__add__(other)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class L1(_Separable):
    r"""Weighted sum of absolute values, :math:`h(x) = \sum_i w_i |x_i|`: lasso.

    The proximal operator is soft thresholding, ``sign(v) max(|v| - t w, 0)``, with exact zeros.

    Parameters
    ----------
    weight : float or array_like, shape (n,)
        w >= 0, in units of f per unit of x.

    References
    ----------
    .. [1] N. Parikh and S. Boyd, "Proximal algorithms", Found. Trends Optim. 1(3), 2014, section
       6.5.2.

    Examples
    --------
    >>> from fastmomentum.penalties import L1
    >>> L1(1.0).prox([3.0, -0.5, -2.0], step=0.5)
    array([ 2.5,  0. , -1.5])
    >>> L1(2.0).value([3.0, -0.5])
    7.0
    """

    weight: Any

    def __post_init__(self) -> None:
        self._set(weight=weights("weight", self.weight))

    def _data(self):
        return self.weight, 0.0, -math.inf, math.inf


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class L2(_Separable):
    r"""Half the weighted sum of squares, :math:`h(x) = \sum_i w_i x_i^2 / 2`: ridge.

    With one weight that is w ||x||_2^2 / 2: the norm is squared, and halved. For the norm itself
    see `GroupL2`. The proximal operator is ``v / (1 + t w)``.

    Parameters
    ----------
    weight : float or array_like, shape (n,)
        w >= 0, in units of f per square of a unit of x.

    References
    ----------
    .. [1] N. Parikh and S. Boyd, "Proximal algorithms", Found. Trends Optim. 1(3), 2014, section
       6.1.1.

    Examples
    --------
    >>> from fastmomentum.penalties import L2
    >>> L2(1.0).value([3.0, 4.0])
    12.5
    >>> L2(1.0).prox([3.0, 4.0], step=1.0)
    array([1.5, 2. ])
    """

    weight: Any

    def __post_init__(self) -> None:
        self._set(weight=weights("weight", self.weight))

    def _data(self):
        return 0.0, self.weight, -math.inf, math.inf


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ElasticNet(_Separable):
    r"""Absolute values and squares, :math:`h(x) = \sum_i a_i |x_i| + b_i x_i^2 / 2`.

    The proximal operator is soft thresholding by t a, divided by 1 + t b.

    Parameters
    ----------
    l1 : float or array_like, shape (n,)
        a >= 0, weight of the absolute values.
    l2 : float or array_like, shape (n,)
        b >= 0, weight of half the squares.

    References
    ----------
    .. [1] H. Zou and T. Hastie, "Regularization and variable selection via the elastic net", J. R.
       Stat. Soc. B 67(2), 2005 (there without the half).

    Examples
    --------
    >>> from fastmomentum.penalties import ElasticNet
    >>> ElasticNet(l1=1.0, l2=1.0).prox([3.0, -0.5], step=1.0)
    array([1., 0.])
    """

    l1: Any
    l2: Any

    def __post_init__(self) -> None:
        self._set(l1=weights("l1", self.l1), l2=weights("l2", self.l2))

    def _data(self):
        return self.l1, self.l2, -math.inf, math.inf


def _check_bounds(lower, upper):
    for name, bound, excluded in (("lower", lower, math.inf), ("upper", upper, -math.inf)):
        bad = np.isnan(bound) | (np.asarray(bound) == excluded)
        refuse(name, bound, bad, f"a number other than {excluded}")
    if np.ndim(lower) and np.ndim(upper) and lower.size != upper.size:
        raise ValueError(f"lower has {lower.size} entries, upper has {upper.size}.")
    empty = _first_empty(lower, upper)
    if empty:
        raise ValueError(f"lower must be <= upper, got {empty}.")


def _first_empty(lower, upper):
    """The first pair of bounds with nothing between them, as text; "" if there is none."""
    crossed = np.atleast_1d(np.asarray(lower) > upper)
    if not crossed.any():
        return ""
    i = int(np.argmax(crossed))
    low, high = (float(np.broadcast_to(b, crossed.size)[i]) for b in (lower, upper))
    place = f" at entry {i}" if np.ndim(lower) or np.ndim(upper) else ""
    return f"{low} and {high}{place}"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Box(_Separable):
    r"""Bounds, :math:`lower_i \le x_i \le upper_i`: h is 0 within and inf outside.

    The proximal operator clips. In float32 the bounds are rounded inwards.

    Parameters
    ----------
    lower : float or array_like, shape (n,)
        Lower bounds; -inf for none.
    upper : float or array_like, shape (n,)
        Upper bounds, at least `lower`; inf for none.

    Examples
    --------
    >>> from fastmomentum.penalties import Box
    >>> Box(0.0, 1.0).prox([-1.0, 0.3, 7.0], step=1.0)
    array([0. , 0.3, 1. ])
    >>> Box(0.0, 1.0).value([0.5, 1.5])
    inf
    """

    is_constraint = True

    lower: Any
    upper: Any

    def __post_init__(self) -> None:
        lower, upper = reals("lower", self.lower), reals("upper", self.upper)
        _check_bounds(lower, upper)
        self._set(lower=lower, upper=upper)

    def _data(self):
        return 0.0, 0.0, self.lower, self.upper


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NonNegative(_Separable):
    r"""The constraint :math:`x \ge 0`: h is 0 where all entries are >= 0 and inf elsewhere.

    Examples
    --------
    >>> from fastmomentum.penalties import NonNegative
    >>> NonNegative().prox([-1.0, 0.3], step=1.0)
    array([0. , 0.3])
    """

    is_constraint = True

    def _data(self):
        return 0.0, 0.0, 0.0, math.inf


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SeparableSum(_Separable):
    r"""Sum of separable penalties, which ``+`` makes.

    Weights add up and bounds intersect, so that the sum is of the same kind: the proximal operator
    of :math:`a |x| + b x^2 / 2` on an interval is ``clip(soft(v, t a) / (1 + t b))``.

    Parameters
    ----------
    terms : tuple of Penalty
        Separable ones.

    Examples
    --------
    >>> from fastmomentum.penalties import L1, NonNegative
    >>> h = L1(0.5) + NonNegative()
    >>> h
    L1(weight=0.5) + NonNegative()
    >>> h.prox([3.0, -2.0], step=1.0)
    array([2.5, 0. ])
    """

    terms: tuple[Any, ...]

    def __post_init__(self) -> None:
        terms: list[_Separable] = []
        for term in self.terms:
            if not isinstance(term, _Separable):
                raise TypeError(f"terms must be separable penalties, got {term!r}.")
            terms.extend(term.terms if isinstance(term, SeparableSum) else (term,))
        if not terms:
            raise ValueError("terms must not be empty.")
        self._set(terms=tuple(terms))
        sizes = {np.size(part) for term in terms for part in term._data() if np.ndim(part)}
        if len(sizes) > 1:
            raise ValueError(
                f"{self!r}: arrays of {' and '.join(map(str, sorted(sizes)))} entries."
            )
        empty = _first_empty(*self._data()[2:])
        if empty:
            raise ValueError(f"{self!r}: no point is within all bounds, {empty}.")

    @property
    def is_constraint(self) -> bool:  # type: ignore[override]
        """Are all terms constraints?"""
        return all(term.is_constraint for term in self.terms)

    def _data(self):
        l1, l2, lower, upper = zip(*(term._data() for term in self.terms), strict=True)
        low, high = lower[0], upper[0]
        for bound in lower[1:]:
            low = np.maximum(low, bound)
        for bound in upper[1:]:
            high = np.minimum(high, bound)
        return sum(l1), sum(l2), low, high

    def _check_size(self, n):
        for term in self.terms:
            term._check_size(n)

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms))
