"""Questions about a whole vector; where it is short, NumPy's overhead is most of their cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# Up to this length Python's floats are faster than NumPy's functions.
SHORT = 32


def all_finite(x: np.ndarray) -> bool:
    """Is there no NaN or infinity in `x`?"""
    if x.size <= SHORT:
        return all(map(math.isfinite, x.tolist()))
    return bool(np.isfinite(x).all())


def equal(x: np.ndarray, y: np.ndarray) -> bool:
    """Are vectors of one size the same? Not where there is a NaN."""
    if x.size <= SHORT:
        return bool(x.tolist() == y.tolist())
    return bool((x == y).all())


def indices_of(value: float, x: np.ndarray) -> np.ndarray:
    """Where `x` is `value`, a number of its dtype."""
    if x.size <= SHORT and value not in x.tolist():
        return _NONE
    return np.flatnonzero(x == x.dtype.type(value))


def largest_magnitude(x: np.ndarray) -> float:
    """The infinity norm; NaN if an element is."""
    if x.size <= SHORT:
        values = x.tolist()
        return math.nan if any(map(math.isnan, values)) else max(map(abs, values))
    return float(np.abs(x).max())


def vector_norm(x: np.ndarray, order: float) -> float:
    """The norm of this order; NaN if an element is."""
    if order == math.inf:
        return largest_magnitude(x)
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        plain = _plain_norm(x, order)
        # High powers of small numbers are zero, of large ones infinite.
        if math.isnan(plain) or 0.0 < plain < math.inf:
            return plain
        largest = largest_magnitude(x)
        if largest == 0.0 or not math.isfinite(largest):
            return largest
        return largest * _plain_norm(x / largest, order)


def _plain_norm(x: np.ndarray, order: float) -> float:
    if order == 2:  # NumPy asks the BLAS, whose last digit depends on the processor
        return math.sqrt(float((x * x).sum()))
    return float(np.linalg.norm(x, order))


_NONE = np.empty(0, np.intp)


# DLPack's numbers of CUDA devices: their own memory, and managed memory.
_CUDA = (2, 13)


def device_of(array: Any) -> int | None:
    """The number of the CUDA device that DLPack says an array is on; None if it says of none."""
    place = getattr(array, "__dlpack_device__", None)
    if place is None:
        return None
    try:
        kind, number = place()
    except Exception:  # an array on several devices, say
        return None
    return int(number) if int(kind) in _CUDA else None


def on_device(array: Any) -> bool:
    """Is this an array on a CUDA device? Without importing anything."""
    # PyTorch's tensors that record gradients have the other attribute, too, but it raises.
    if device_of(array) is not None:
        return True
    try:
        if hasattr(array, "__cuda_array_interface__"):
            return True
    except Exception:
        return False
    return type(array).__name__ == "FakeCUDAArray"


def real_of(array: Any) -> Any:
    """NumPy's dtype of an array of any library."""
    return np.dtype(str(array.dtype).rpartition(".")[2])
