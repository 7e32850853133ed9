"""The compiled loops by name; each is imported, and compiled or loaded, when first used."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._methods import METHODS
from .._numba.addresses import ADDRESSES, native_address


def driver(name: str, dtype: np.dtype) -> Any:
    """Dispatcher of the loop ``drive_<name>`` for this precision."""
    key = (name, dtype.char)
    if key not in _drivers:
        _drivers.setdefault(key, _made(name, dtype))
    return _drivers[key]


def _made(name: str, dtype: np.dtype) -> Any:
    method, _, kind = name.partition("_")
    composite = kind == "composite"
    if kind in ("", "proximal"):
        from . import given_rate

        return given_rate.make(METHODS[method], kind == "proximal", dtype.name)
    if method == "gd":
        from . import gd

        return gd.make(composite, dtype.name)
    if method == "nesterov":
        from . import nesterov

        return nesterov.make(composite, dtype.name)
    if composite:
        from . import momentum_composite

        return momentum_composite.make(dtype.name)
    from . import momentum

    return momentum.make(dtype.name)


_drivers: dict[tuple[str, str], Any] = {}


def driver_address(name: str, dtype: np.dtype, signature: Any) -> int:
    """Address of the loop's native code."""
    key = (name, dtype.char)
    if key not in ADDRESSES:
        ADDRESSES[key] = native_address(driver(name, dtype), signature)
    return ADDRESSES[key]


def norm_address(norm: int, dtype: np.dtype) -> int:
    """Address of the code of a norm; 0 where a loop needs none."""
    from .._language import layout
    from .._numba import abi
    from .._numba.jit import jit_disabled

    if norm == layout.NORM_INF:
        return 0
    if jit_disabled():
        from .norms import vector_norm

        abi.interpreted["norm"] = vector_norm
        return 0
    key = ("norm", dtype.char)
    if key not in ADDRESSES:
        from .norms import vector_norm

        ADDRESSES[key] = native_address(vector_norm, abi.norm_signature(dtype))
    return ADDRESSES[key]


def metric_address(number: int, dtype: np.dtype) -> int:
    """Address of the code of an adaptive method's diagonal, see ``ints.METRIC``."""
    from .._numba import abi
    from .._numba.jit import jit_disabled

    if jit_disabled():
        abi.interpreted["diagonal"] = diagonal
        return 0
    key = (f"metric {number}", dtype.char)
    if key not in ADDRESSES:
        ADDRESSES[key] = native_address(diagonal(number), abi.metric_signature(dtype))
    return ADDRESSES[key]


def diagonal(number: int) -> Any:
    """Dispatcher of an adaptive method's diagonal, see ``ints.METRIC``."""
    from . import adaptive

    if number not in _diagonals:
        _diagonals.setdefault(number, adaptive.make(number))
    return _diagonals[number]


_diagonals: dict[int, Any] = {}


def caller_address(name: str, dtype: np.dtype, signature: Any) -> int:
    """Address of a loop that calls other loops, which is one for either precision."""
    key = (name, dtype.char)
    if key not in ADDRESSES:
        ADDRESSES[key] = native_address(caller(name), signature)
    return ADDRESSES[key]


def caller(name: str) -> Any:
    """Dispatcher of a loop that calls other loops."""
    if name not in _callers:
        _callers.setdefault(name, _made_caller(name))
    return _callers[name]


def _made_caller(name: str) -> Any:
    if name == "batch":
        from . import batch

        return batch.drive_batch
    if name == "sum":
        from . import sum

        return sum.drive_sum
    from . import single

    return single.make(name == "single_composite")


_callers: dict[str, Any] = {}
