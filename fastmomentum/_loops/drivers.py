"""The compiled loops; each is imported, and compiled or loaded, when first used."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from .._language import layout, plain
from .._numba.addresses import known_address
from .table import Loop, OuterLoop

# The first that is made stays, also where several threads ask for it: its code has an address.
_dispatchers: dict[Hashable, Any] = {}


def _dispatcher(key: Hashable, make: Callable, *args: Any) -> Any:
    if key not in _dispatchers:
        _dispatchers.setdefault(key, make(*args))
    return _dispatchers[key]


def driver(loop: Loop, dtype: np.dtype) -> Any:
    """Dispatcher of a loop for this precision."""
    return _dispatcher((loop.name, dtype.char), loop.make, dtype.name)


def driver_address(loop: Loop, dtype: np.dtype, signature: Any) -> int:
    """Address of the loop's native code."""
    return known_address(loop.name, dtype, lambda: (driver(loop, dtype), signature))


def norm_address(norm: int, dtype: np.dtype) -> int:
    """Address of the code of a norm; 0 where a loop needs none."""
    from .._numba.jit import jit_disabled

    if norm == layout.NORM_INF:
        return 0
    from .norms import vector_norm

    if jit_disabled():
        plain.interpreted["norm"] = vector_norm
        return 0
    from .._numba.kinds import norm_signature

    return known_address("norm", dtype, lambda: (vector_norm, norm_signature(dtype)))


def metric_address(number: int, dtype: np.dtype) -> int:
    """Address of the code of an adaptive method's diagonal, see ``ints.METRIC``."""
    from .._numba.jit import jit_disabled

    if jit_disabled():
        plain.interpreted["diagonal"] = diagonal
        return 0
    from .._numba.kinds import metric_signature

    name = f"metric {number}"
    return known_address(name, dtype, lambda: (diagonal(number), metric_signature(dtype)))


def diagonal(number: int) -> Any:
    """Dispatcher of an adaptive method's diagonal, see ``ints.METRIC``."""
    from . import adaptive

    return _dispatcher(number, adaptive.make, number)


def caller_address(loop: OuterLoop, dtype: np.dtype, signature: Any) -> int:
    """Address of a loop that calls other loops, which is one for either precision."""
    return known_address(loop.name, dtype, lambda: (caller(loop), signature))


def caller(loop: OuterLoop) -> Any:
    """Dispatcher of a loop that calls other loops."""
    return _dispatcher(loop.name, loop.make)
