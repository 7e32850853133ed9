"""The compiled loops; each is imported, and compiled or loaded, when first used."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language import layout, plain
from .._numba.addresses import ADDRESSES, native_address
from .table import Loop, OuterLoop


def driver(loop: Loop, dtype: np.dtype) -> Any:
    """Dispatcher of a loop for this precision."""
    key = (loop.name, dtype.char)
    if key not in _drivers:
        _drivers.setdefault(key, loop.make(dtype.name))
    return _drivers[key]


_drivers: dict[tuple[str, str], Any] = {}


def driver_address(loop: Loop, dtype: np.dtype, signature: Any) -> int:
    """Address of the loop's native code."""
    key = (loop.name, dtype.char)
    if key not in ADDRESSES:
        ADDRESSES[key] = native_address(driver(loop, dtype), signature)
    return ADDRESSES[key]


def norm_address(norm: int, dtype: np.dtype) -> int:
    """Address of the code of a norm; 0 where a loop needs none."""
    from .._numba.jit import jit_disabled

    if norm == layout.NORM_INF:
        return 0
    if jit_disabled():
        from .norms import vector_norm

        plain.interpreted["norm"] = vector_norm
        return 0
    key = ("norm", dtype.char)
    if key not in ADDRESSES:
        from .._numba.kinds import norm_signature
        from .norms import vector_norm

        ADDRESSES[key] = native_address(vector_norm, norm_signature(dtype))
    return ADDRESSES[key]


def metric_address(number: int, dtype: np.dtype) -> int:
    """Address of the code of an adaptive method's diagonal, see ``ints.METRIC``."""
    from .._numba.jit import jit_disabled

    if jit_disabled():
        plain.interpreted["diagonal"] = diagonal
        return 0
    key = (f"metric {number}", dtype.char)
    if key not in ADDRESSES:
        from .._numba.kinds import metric_signature

        ADDRESSES[key] = native_address(diagonal(number), metric_signature(dtype))
    return ADDRESSES[key]


def diagonal(number: int) -> Any:
    """Dispatcher of an adaptive method's diagonal, see ``ints.METRIC``."""
    from . import adaptive

    if number not in _diagonals:
        _diagonals.setdefault(number, adaptive.make(number))
    return _diagonals[number]


_diagonals: dict[int, Any] = {}


def caller_address(loop: OuterLoop, dtype: np.dtype, signature: Any) -> int:
    """Address of a loop that calls other loops, which is one for either precision."""
    key = (loop.name, dtype.char)
    if key not in ADDRESSES:
        ADDRESSES[key] = native_address(caller(loop), signature)
    return ADDRESSES[key]


def caller(loop: OuterLoop) -> Any:
    """Dispatcher of a loop that calls other loops."""
    if loop.name not in _callers:
        _callers.setdefault(loop.name, loop.make())
    return _callers[loop.name]


_callers: dict[str, Any] = {}
