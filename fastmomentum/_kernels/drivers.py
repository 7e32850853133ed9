"""The compiled loops by name; each is imported, and compiled or loaded, when first used."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._methods import METHODS


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


def _address_of(dispatcher: Any, signature: Any) -> int:
    from . import abi
    from .interrupts import interrupts_kept
    from .room import with_room

    with interrupts_kept():
        return with_room(abi.address_of, dispatcher, signature)


def driver_address(name: str, dtype: np.dtype, signature: Any) -> int:
    """Address of the loop's native code."""
    key = (name, dtype.char)
    if key not in _addresses:
        _addresses[key] = _address_of(driver(name, dtype), signature)
    return _addresses[key]


def norm_address(norm: int, dtype: np.dtype) -> int:
    """Address of the code of a norm; 0 where a loop needs none."""
    from . import abi, layout
    from .jit import jit_disabled

    if norm == layout.NORM_INF or jit_disabled():
        return 0
    key = ("norm", dtype.char)
    if key not in _addresses:
        from .norms import vector_norm

        _addresses[key] = _address_of(vector_norm, abi.norm_signature(dtype))
    return _addresses[key]


def metric_address(number: int, dtype: np.dtype) -> int:
    """Address of the code of an adaptive method's diagonal, see ``ints.METRIC``."""
    from . import abi
    from .jit import jit_disabled

    if jit_disabled():
        return 0
    key = (f"metric {number}", dtype.char)
    if key not in _addresses:
        _addresses[key] = _address_of(diagonal(number), abi.metric_signature(dtype))
    return _addresses[key]


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
    if key not in _addresses:
        _addresses[key] = _address_of(caller(name), signature)
    return _addresses[key]


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


def prox_address(kernel: Any, dtype: np.dtype) -> int:
    """Address of one of the package's proximal operators."""
    from . import entry
    from .prox import compiled

    key = (kernel.__name__, dtype.char)
    if key not in _addresses:
        _addresses[key] = _address_of(compiled(kernel), entry.PROX_SIGNATURES[dtype.name])
    return _addresses[key]


_addresses: dict[tuple[str, str], int] = {}
