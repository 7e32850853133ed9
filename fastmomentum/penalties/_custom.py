"""A penalty of the user's."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmomentum._check.values import is_real, positional_of
from fastmomentum.penalties._base import Penalty, positive, vector

__all__ = ["Prox"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False, init=False)
class Prox(Penalty):
    r"""A penalty given by its proximal operator and its value, Numba functions or Python.

    Parameters
    ----------
    prox : callable
        ``prox(v, step, out, *args)``, which writes argmin_z h(z) + ||z - v||^2 / (2 step) to
        `out`, or ``prox(v, step, *args)``, which returns it. It must not change `v`.
    value : callable
        ``value(x, *args) -> float``, h(x).
    args : tuple, optional
        Further arguments of both.

    Notes
    -----
    Where both are Numba functions, compiled loops call them without Python in between, if `prox`
    returns an array of the type of `v`, or None with `out`, and `value` a float.

    `prox` is of the first kind if its third parameter is called ``out``, or if it takes exactly
    ``3 + len(args)`` arguments; the attribute ``in_place`` tells. Both functions get vectors,
    whatever the shape of what they are asked for. Results that no proximal operator has, such as
    another length, another data type, or NaN where `v` is finite, are errors.

    Examples
    --------
    The penalty w sum_i max(x_i, 0):

    >>> import numpy as np
    >>> from fastmomentum.penalties import Prox
    >>> def prox(v, step, weight):
    ...     return np.where(v > step * weight, v - step * weight, np.minimum(v, 0.0))
    >>> def value(x, weight):
    ...     return weight * np.maximum(x, 0.0).sum()
    >>> h = Prox(prox, value, args=(2.0,))
    >>> h.prox([3.0, 0.5, -1.0], step=0.5)
    array([ 2.,  0., -1.])
    >>> h.value([3.0, -1.0])
    6.0
    """

    prox_function: Callable[..., Any]
    value_function: Callable[..., Any]
    args: tuple
    in_place: bool = dataclasses.field(repr=False)

    def __init__(
        self, prox: Callable[..., Any], value: Callable[..., Any], args: tuple = ()
    ) -> None:
        for name, function in (("prox", prox), ("value", value)):
            if not callable(function):
                raise ValueError(f"{name} must be callable, got {function!r}.")
        if not isinstance(args, tuple):
            raise ValueError(f"args must be a tuple, got {args!r}.")
        _check_takes("value", value, ("x",), len(args))
        in_place = _writes(prox, len(args))
        self._set(prox_function=prox, value_function=value, args=args, in_place=in_place)

    def prox(self, v: Any, step: float) -> np.ndarray:
        """`prox_function`'s result, checked, as a new array of the shape of `v`."""
        shape = np.shape(v)
        v = np.array(vector("v", v))
        step = positive("step", step)
        given = v.copy()
        if self.in_place:
            # What is not written shows as NaN.
            found = np.full_like(v, math.nan)
            returned = self.prox_function(v, step, found, *self.args)
            if returned is not None and returned is not found:
                raise ValueError(
                    "prox: takes `out`, and must write its result there and return nothing, "
                    f"returned {type(returned).__name__}."
                )
        else:
            found = self.prox_function(v, step, *self.args)
            if not isinstance(found, np.ndarray):
                raise ValueError(f"prox: must return an array, returned {type(found).__name__}.")
            if found.shape != v.shape:
                raise ValueError(
                    f"prox: must return the shape of v, {v.shape}, returned {found.shape}."
                )
            if found.dtype != v.dtype:
                raise ValueError(
                    f"prox: must return {v.dtype.name}, like v, returned {found.dtype.name}."
                )
        if not np.array_equal(v, given, equal_nan=True):
            raise ValueError("prox: must not change v.")
        bad = np.isnan(found)
        if bad.any() and np.isfinite(v).all():
            i = int(np.argmax(bad))
            wrote = "wrote no number" if self.in_place else "returned nan"
            raise ValueError(f"prox: {wrote} for entry {i}, and v is finite.")
        return np.array(found).reshape(shape)

    def value(self, x: Any) -> float:
        """`value_function`'s result, checked."""
        x = np.array(vector("x", x))
        found = self.value_function(x, *self.args)
        if isinstance(found, np.ndarray) and found.ndim == 0:
            found = found[()]
        if not is_real(found):
            raise ValueError(f"value: must return a number, returned {found!r}.")
        if found != found and np.isfinite(x).all():
            raise ValueError("value: returned nan, and x is finite.")
        return float(found)

    def pack(self, n: int, dtype: Any = np.float64) -> Any:
        """Not for functions of the user's, which have no kernel."""
        raise TypeError("Prox has no kernel: its functions are the user's.")

    def __repr__(self) -> str:
        names = [
            getattr(function, "__name__", repr(function))
            for function in (self.prox_function, self.value_function)
        ]
        return f"Prox({', '.join(names)}{f', args={self.args!r}' if self.args else ''})"


def _check_takes(name, function, arguments, count):
    known = positional_of(function)
    if known is not None and not known[1] <= len(arguments) + count <= known[2]:
        raise ValueError(
            f"{name} must take {len(arguments) + count} arguments, "
            f"({', '.join(arguments)}{', *args' if count else ''}), {_name(function)} does not."
        )


def _writes(prox, count):
    """Does `prox` write to `out`?"""
    known = positional_of(prox)
    if known is None:
        return False
    names, least, most = known
    writes, returns = (least <= fixed + count <= most for fixed in (3, 2))
    if not writes and not returns:
        raise ValueError(
            f"prox must take (v, step, out{', *args' if count else ''}) or "
            f"(v, step{', *args' if count else ''}), {count} in args, {_name(prox)} does not."
        )
    return writes and (not returns or names[2:3] == ["out"])


def _name(function):
    return getattr(function, "__name__", repr(function))
