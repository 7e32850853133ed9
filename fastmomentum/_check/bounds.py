"""Checks of bounds, in all of SciPy's forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._arrays import on_device
from .values import as_numbers, is_nothing, shown


def _real_array(values: Any) -> np.ndarray:
    if on_device(values):  # few: those of all problems
        from .._cuda.arrays import to_host

        values = to_host(values)
    return as_numbers("they", values).astype(np.float64)


def _table(pairs: Any) -> np.ndarray:
    """Pairs as an array of objects."""
    try:
        rows = [[*pair] for pair in pairs]
    except TypeError:  # Python would speak of values after a star
        raise TypeError("they are no pairs") from None
    return np.array(rows, dtype=object)


# SciPy's sentences.
WRONG_NUMBER = "The number of bounds is not compatible with the length of `x0`"
WRONG_ORDER = "An upper bound is less than the corresponding lower bound"


def _of_length(values: np.ndarray, n: int) -> np.ndarray:
    """One bound for each of n variables."""
    try:
        return np.broadcast_to(values, (n,)).copy()
    except ValueError:
        raise ValueError(f"{WRONG_NUMBER}: one has the shape {values.shape}") from None


def check_bounds(bounds: Any, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Lower and upper bounds as float64 arrays, from any of SciPy's forms; None if all infinite."""
    if is_nothing(bounds):
        return None
    rule = f"bounds must be {n} pairs (min, max), or an object with the attributes lb and ub"
    infinite = (-math.inf, math.inf)
    try:
        if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
            pair = [_of_length(_real_array(b), n) for b in (bounds.lb, bounds.ub)]
        else:
            if hasattr(bounds, "__array__"):
                bounds = as_numbers("they", bounds, "fiubO")
            table = _table(bounds)
            if table.shape != (n, 2):
                columns = ", use Bounds(lb, ub) for two arrays" if table.shape == (2, n) else ""
                raise ValueError(f"{WRONG_NUMBER}: their shape is {table.shape}{columns}")
            pair = [
                _real_array([infinite[j] if b is None else b for b in table[:, j]])
                for j in range(2)
            ]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}: {error}".rstrip(".") + f", got {shown(bounds)}.") from None
    lower, upper = pair
    check_intervals(lower, upper)
    if np.isinf(lower).all() and np.isinf(upper).all():
        return None
    return lower, upper


def check_row_bounds(bounds: Any, count: int, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Bounds that differ from problem to problem, of shape (count, n); None if they do not."""
    if not (hasattr(bounds, "lb") and hasattr(bounds, "ub")):
        return None
    rule = f"bounds must have lb and ub of shape ({n},) or ({count}, {n})"
    try:
        if any(on_device(part) and len(part.shape) == 2 for part in (bounds.lb, bounds.ub)):
            return _device_bounds(bounds, count, n)
        lower, upper = (_real_array(part) for part in (bounds.lb, bounds.ub))
        if max(lower.ndim, upper.ndim) < 2:
            return None
        lower, upper = (np.broadcast_to(part, (count, n)) for part in (lower, upper))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}: {str(error).rstrip('.')}.") from None
    check_intervals(lower, upper)
    return lower, upper


def _device_bounds(bounds: Any, count: int, n: int) -> Any:
    """Bounds of each problem of which some are on a device; their values are not looked at."""
    pair = []
    for part in (bounds.lb, bounds.ub):
        if on_device(part) and len(part.shape) == 2:
            if tuple(part.shape) != (count, n):
                raise ValueError(f"got shape {tuple(part.shape)}")
            pair.append(part)
        else:
            pair.append(np.broadcast_to(_real_array(part), (count, n)))
    return tuple(pair)


def check_intervals(lower: np.ndarray, upper: np.ndarray, row: int | None = None) -> None:
    """Raise ValueError unless numbers lie between them, of shape (n,) or (problems, n).

    Those of shape (n,) may be the ones of problem `row`.
    """
    wrong = ~(lower <= upper) | (lower == math.inf) | (upper == -math.inf)
    if not wrong.any():
        return
    place = tuple(int(k[0]) for k in np.nonzero(wrong))
    row = place[0] if len(place) > 1 else row
    where = f"x[{place[-1]}]" + ("" if row is None else f" of problem {row}")
    for name, values in (("lower", lower), ("upper", upper)):
        if math.isnan(values[place]):
            raise ValueError(f"bounds must not be nan, got nan as {name} bound of {where}.")
    order = f" {WRONG_ORDER}." if lower[place] > upper[place] else ""
    raise ValueError(
        "bounds must be min <= max, with a number between them, got "
        f"({lower[place]}, {upper[place]}) for {where}.{order}"
    )


def refuse_interval(
    lower: np.ndarray, upper: np.ndarray, row: int, low: np.ndarray, high: np.ndarray
) -> None:
    """An error for the bounds of a problem, which are wrong or leave nothing of (low, high)."""
    check_intervals(lower, upper, row)
    j = int((np.maximum(lower, low) > np.minimum(upper, high)).argmax())
    raise ValueError(
        f"bounds and penalty leave no value for x[{j}] of problem {row}: ({lower[j]}, {upper[j]})."
    )


def check_box(bounds: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds, all of them finite."""
    try:
        lengths = np.shape(getattr(bounds, "lb", bounds))
    except ValueError:  # ragged
        lengths = ()
    if not lengths or lengths[0] == 0:
        raise ValueError(f"bounds must give (min, max) for each variable, got {shown(bounds)}.")
    pair = check_bounds(bounds, lengths[0])
    with np.errstate(over="ignore"):
        finite = pair is not None and bool(np.isfinite(pair[1] - pair[0]).all())
    if pair is None or not finite:
        raise ValueError(
            "bounds must be finite here, and so must be their distance: they say where to start, "
            f"got {shown(bounds)}."
        )
    return pair


def check_fixed_integers(integrality: Any, bounds: Any) -> None:
    """Refuse variables that must be integers unless their bounds are equal."""
    free = np.atleast_1d(np.asarray(integrality, dtype=bool))
    pair = None if bounds is None else check_bounds(bounds, free.size)
    if pair is not None:
        free = free & (pair[0] != pair[1])
    if free.any():
        raise ValueError(
            f"integrality: x[{int(free.argmax())}] must be an integer, which a method that uses "
            "gradients cannot search for; give it equal bounds, or use the default optimizer."
        )
