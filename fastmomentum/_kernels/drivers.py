"""The compiled loops by name; each is imported, and compiled or loaded, when first used."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np


def driver(name: str, dtype: np.dtype) -> Any:
    """Dispatcher of the loop ``drive_<name>`` for this precision."""
    module = importlib.import_module(f".drive_{name}", __package__)
    return getattr(module, f"drive_{name}_{dtype.name}")


def driver_address(name: str, dtype: np.dtype, signature: Any) -> int:
    """Address of the loop's native code."""
    key = (name, dtype.char)
    if key not in _addresses:
        from . import abi

        _addresses[key] = abi.address_of(driver(name, dtype), signature)
    return _addresses[key]


_addresses: dict[tuple[str, str], int] = {}
