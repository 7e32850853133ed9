"""Addresses of compiled code, each found once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def known_address(name: str, dtype: np.dtype, make: Callable[[], tuple[Any, Any]]) -> int:
    """Address of the code of a function, by its name and the dtype.

    Where that is not known, `make` gives the function and its signature, and it is compiled with
    room on the stack.
    """
    key = (name, dtype.char)
    if key not in _addresses:
        from . import native
        from .interrupts import interrupts_kept
        from .stack import with_room

        with interrupts_kept():
            _addresses[key] = with_room(native.address_of, *make())
    return _addresses[key]


_addresses: dict[tuple[str, str], int] = {}


def prox_address(kernel: Any, dtype: np.dtype) -> int:
    """Address of one of the package's proximal operators."""
    from . import entry
    from .prox import compiled

    signature = entry.PROX_SIGNATURES[dtype.name]
    return known_address(kernel.__name__, dtype, lambda: (compiled(kernel), signature))
