"""Addresses of compiled code, each found once."""

from __future__ import annotations

from typing import Any

import numpy as np


def native_address(dispatcher: Any, signature: Any) -> int:
    """Address of the code of a function for a signature, compiled with room on the stack."""
    from . import native
    from .interrupts import interrupts_kept
    from .stack import with_room

    with interrupts_kept():
        return with_room(native.address_of, dispatcher, signature)


def prox_address(kernel: Any, dtype: np.dtype) -> int:
    """Address of one of the package's proximal operators."""
    from . import entry
    from .prox import compiled

    key = (kernel.__name__, dtype.char)
    if key not in ADDRESSES:
        ADDRESSES[key] = native_address(compiled(kernel), entry.PROX_SIGNATURES[dtype.name])
    return ADDRESSES[key]


ADDRESSES: dict[tuple[str, str], int] = {}
