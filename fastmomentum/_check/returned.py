"""Checks of what the user's functions return."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from .values import as_float, is_real, shown


def as_scalar(value: Any) -> float:
    """The value of fun as a float; NaN and infinities pass."""
    if isinstance(value, float):
        return float(value)
    found = None if np.ma.is_masked(value) else value
    if not np.isscalar(found):
        found = _only_item(found)
    if not (is_real(found) or isinstance(found, bool | np.bool_)):
        shape = f" of shape {np.shape(value)}" if isinstance(value, np.ndarray) else ""
        raise ValueError(
            "The user-provided objective function must return a scalar value: fun returned "
            f"{type(value).__name__}{shape} {shown(value)}, not one real number."
            + (" With jac=True it may return (f, gradient)." if _is_pair(value) else "")
        )
    return as_float(found)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2


def _only_item(value: Any) -> Any:
    """The one number in an array, also one of another library; None if it cannot be told."""
    try:
        try:
            array = np.asarray(value)
        except ValueError:  # ragged
            return None
        except Exception:  # arrays on a GPU and tensors that require a gradient refuse
            return value.item()
        found: Any = array.item() if array.size == 1 else None
        as_float = hasattr(found, "__float__") and not isinstance(found, numbers.Number)
        return float(found) if as_float else found
    except Exception:
        return None


def as_gradient(value: Any, n: int, source: str) -> np.ndarray:
    """The gradient as a vector of n real numbers."""
    try:
        gradient = np.asarray(value)
    except ValueError:
        gradient = np.empty(0, dtype=object)
    except Exception as error:  # in the words of the library whose array it is
        raise ValueError(
            f"{source} must return {n} real numbers that NumPy can convert, got "
            f"{type(value).__name__}: {error}"
        ) from error
    if gradient.ndim == 0:
        gradient = gradient.reshape(1)
    # A mask of bools is no gradient, and as numbers it might look like one of zero.
    if gradient.dtype.kind not in "fiu":
        raise ValueError(
            f"{source} must return {n} real numbers, got {type(value).__name__} of dtype "
            f"{gradient.dtype}."
        )
    if type(value) is not np.ndarray and np.ma.is_masked(value):
        raise ValueError(
            f"{source} must return {n} real numbers, got a masked one: {shown(value)}."
        )
    if gradient.shape != (n,):
        raise ValueError(
            f"{source} must return a gradient of shape ({n},), got shape {np.shape(value)}."
        )
    return gradient


def as_pair(value: Any) -> tuple[Any, Any]:
    """What fun returned with jac=True."""
    if not _is_pair(value):
        raise ValueError(
            f"jac=True needs fun to return (f, gradient), got {type(value).__name__}."
            if not np.isscalar(value)
            else "jac=True needs fun to return (f, gradient), or to take an array to write the "
            f"gradient into, fun(x, out, *args) -> f; it returned {value!r}."
        )
    return value[0], value[1]
