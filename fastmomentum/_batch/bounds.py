"""Bounds that each problem of a batch has for itself."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np


class RowBounds:
    """Lower and upper bounds with a row for each problem, on the host.

    Attributes
    ----------
    pair : (ndarray, ndarray)
        As the user gave them.
    narrow : None
        What a device is to bring together with `tight`: nothing.
    """

    narrow = None

    def __init__(self, pair: tuple[np.ndarray, np.ndarray], penalty: Any, dtype: np.dtype):
        self.pair, self.penalty, self.dtype = pair, penalty, dtype

    def of(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of one problem."""
        lower, upper = self.pair
        return lower[row], upper[row]

    def unbounded(self) -> np.ndarray:
        """Which problems have none."""
        lower, upper = self.pair
        return np.isinf(lower).all(axis=1) & np.isinf(upper).all(axis=1)

    @functools.cached_property
    def tight(self) -> tuple[np.ndarray, np.ndarray]:
        """Together with those of the penalty, as the loops take them."""
        from ..penalties._separable import inward

        lower, upper = self.pair
        if self.penalty is not None:
            _, _, low, high = self.penalty.separable_data(lower.shape[1])
            lower, upper = np.maximum(lower, low), np.minimum(upper, high)
            empty = lower > upper
            if empty.any():
                i, j = (int(k[0]) for k in np.nonzero(empty))
                raise ValueError(
                    f"bounds and penalty leave no value for x[{j}] of problem {i}: "
                    f"({lower[i, j]}, {upper[i, j]})."
                )
        lower, upper = inward(lower, upper, self.dtype)
        return np.ascontiguousarray(lower, self.dtype), np.ascontiguousarray(upper, self.dtype)
