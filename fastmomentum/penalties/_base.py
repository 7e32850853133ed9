"""What all penalties share, and the checks of their parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmomentum._check.values import is_real

__all__ = ["Penalty"]

PRECISIONS = (np.dtype(np.float64), np.dtype(np.float32))


def _run(kernel, *arguments):
    # Imported here: a penalty can be made and evaluated without Numba's start-up time.
    from fastmomentum._numba.prox import compiled

    return compiled(kernel)(*arguments)


class Penalty:
    """Base of the penalties: value, proximal operator, and data for compiled loops.

    Attributes
    ----------
    separable : bool
        Is it a sum over the entries of x? Then there is `separable_data`, and it can be added to
        others.
    is_constraint : bool
        Does it take the values 0 and inf only?
    """

    separable: bool = False
    is_constraint: bool = False
    # Does the proximal operator start from what the last call left in `work`?
    _keeps_work = False

    def value(self, x: Any) -> float:
        """h(x); inf outside of a constraint's set, nan where an entry is nan."""
        x = vector("x", x)
        self._check_size(x.size)
        if np.isnan(x).any():
            return math.nan
        # overflow to inf is the value's
        with np.errstate(all="ignore"):
            return float(self._value(x.astype(np.float64), float(np.finfo(x.dtype).eps)))

    def prox(self, v: Any, step: float) -> np.ndarray:
        """argmin_z h(z) + ||z - v||^2 / (2 step), as a new array of the shape of `v`.

        float32 stays float32; all else is computed in float64.
        """
        shape = np.shape(v)
        out = np.array(vector("v", v))
        step = positive("step", step)
        kernel, numbers, integers, work_size = self.pack(out.size, out.dtype)
        _run(kernel, out, out, step, numbers, integers, np.zeros(work_size, out.dtype))
        return out.reshape(shape)

    def pack(
        self, n: int, dtype: Any = np.float64
    ) -> tuple[Callable[..., float], np.ndarray, np.ndarray, int]:
        """Kernel (plain Python), numbers, integers, and length of `work`, for n entries of `dtype`.

        See ``fastmomentum._prox`` for the kernel's signature.
        """
        if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n must be a positive integer, got {n!r}.")
        dtype = np.dtype(dtype)
        if dtype not in PRECISIONS:
            raise ValueError(f"dtype must be float64 or float32, got {dtype.name}.")
        self._check_size(int(n))
        kernel, numbers, integers, work_size = self._pack(int(n), dtype)
        return (
            kernel,
            # new, writeable and contiguous: one type for the compiled code
            np.array(numbers, dtype=np.float64, order="C"),
            np.array(integers, dtype=np.int64, order="C"),
            int(work_size),
        )

    def separable_data(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Weights of ``|x_i|`` and ``x_i**2 / 2``, and bounds: four arrays of length n."""
        raise TypeError(f"{type(self).__name__} is not separable.")

    def penalized(self, n: int) -> np.ndarray:
        """Which of n variables have a part in it, an array of bool."""
        return np.ones(n, bool)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Penalty):
            return NotImplemented
        names = [type(p).__name__ for p in (self, other) if not p.separable]
        raise TypeError(
            f"only separable penalties can be added, and {' and '.join(dict.fromkeys(names))} "
            f"{'is' if len(set(names)) == 1 else 'are'} not: the proximal operator of a sum is not "
            "made of those of its terms."
        )

    def __repr__(self) -> str:
        fields = ", ".join(
            f"{f.name}={shown(getattr(self, f.name))}"
            for f in dataclasses.fields(self)  # type: ignore[arg-type]
            if f.repr
        )
        return f"{type(self).__name__}({fields})"

    def _check_size(self, n: int) -> None:
        """Raise ValueError unless x may have n entries."""

    def _value(self, x: np.ndarray, epsilon: float) -> Any:
        """h of a float64 array without NaN, which had the precision `epsilon`."""
        raise NotImplementedError(f"{type(self).__name__} has no value.")

    def _pack(self, n: int, dtype: np.dtype) -> tuple:
        raise NotImplementedError(f"{type(self).__name__} has no proximal operator.")

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


# -- checks ----------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """A number, a short list, or the shape of an array."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= 4 else f"<array of {value.size}>"
    if isinstance(value, tuple) and len(value) > 4:
        return f"<{len(value)} arrays>"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def positive(name: str, value: Any) -> float:
    """Float in (0, inf)."""
    if not is_real(value) or not 0.0 < value < math.inf:
        raise ValueError(f"{name} must be a number in (0, inf), got {value!r}.")
    return float(value)


def whole(name: str, value: Any) -> int:
    """Int in [1, inf)."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    return int(value)


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def reals(name: str, value: Any) -> Any:
    """Float, or read-only 1-D float64 array, that shares no memory with `value`."""
    if is_real(value):
        return float(value)
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.empty(0, dtype=object)
    masked = np.ma.is_masked(value)
    if array.dtype.kind not in "iuf" or array.ndim > 1 or array.size == 0 or masked:
        raise ValueError(f"{name} must be a number or a 1-D array of numbers, got {value!r}.")
    if array.ndim == 0:
        return float(array)
    array = array.astype(np.float64)
    array.flags.writeable = False
    return array


def weights(name: str, value: Any) -> Any:
    """Float or array of floats in [0, inf)."""
    value = reals(name, value)
    refuse(
        name, value, ~((np.asarray(value) >= 0.0) & (np.asarray(value) < math.inf)), "in [0, inf)"
    )
    return value


def refuse(name: str, value: Any, bad: Any, rule: str) -> None:
    """Raise ValueError that names the first entry of `value` that is `bad`, if there is one."""
    if np.any(bad):
        i = int(np.argmax(bad))
        place = f"{name}[{i}]" if np.ndim(value) else name
        raise ValueError(f"{place} must be {rule}, got {float(np.ravel(value)[i])}.")


def weight(name: str, value: Any) -> float:
    """Float in [0, inf)."""
    if not is_real(value) or not 0.0 <= value < math.inf:
        raise ValueError(f"{name} must be a number in [0, inf), got {value!r}.")
    return float(value)


def image_shape(value: Any) -> tuple[int, int]:
    """Two positive ints."""
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise ValueError(f"shape must be (rows, columns), got {value!r}.") from None
    return whole("shape[0]", rows), whole("shape[1]", columns)


def check_shape(owner: str, shape: tuple[int, int], n: int) -> None:
    """Raise ValueError unless an array of this shape has n entries."""
    if shape[0] * shape[1] != n:
        raise ValueError(f"{owner}: shape {shape} has {shape[0] * shape[1]} entries, x has {n}.")


def check_length(owner: str, name: str, value: Any, n: int) -> None:
    """Raise ValueError unless `value` is a number or has n entries."""
    if isinstance(value, np.ndarray) and value.size != n:
        raise ValueError(f"{owner}: {name} has {value.size} entries, x has {n}.")


def vector(name: str, value: Any) -> np.ndarray:
    """`value` as a contiguous float64 or float32 vector, a copy only where it must be."""
    array = np.asarray(value)
    if array.dtype.kind not in "iufb" or array.size == 0:
        raise ValueError(
            f"{name} must be a nonempty array of real numbers, got {array.dtype.name} "
            f"of shape {array.shape}."
        )
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.ascontiguousarray(array, dtype=dtype).ravel()
