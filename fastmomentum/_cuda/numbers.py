"""What the numbers of a generated loop or step start from, as a device holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language import layout


def first_numbers(
    module: Any, ints: np.ndarray, floats: np.ndarray, real: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The integers and floats that a generated file names, and the floats without a name.

    Integers have 32 bits there. No array is empty: every file names some, and a zero follows the
    floats without a name.
    """
    most = np.iinfo(np.int32).max
    first = np.minimum([ints[getattr(layout.INT, name)] for name in module.INT_NAMES], most)
    places = [getattr(layout.FLOAT, name) for name in module.FLOAT_NAMES]
    extra = np.append(floats[layout.OWN :], 0.0)
    with np.errstate(over="ignore"):
        return first.astype(np.int32), floats[places].astype(real), extra.astype(real)
