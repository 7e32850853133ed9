"""The proximal operators, compiled at their first call, or loaded from the disk cache.

Numba's cache takes the file in which the text of a function is: each operator's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _prox
from .jit import cached_loop, compiled_into

for part in _prox.PARTS:
    compiled_into(part)
_COMPILED = {kernel: cached_loop(kernel) for kernel in _prox.KERNELS}


def compiled(kernel: Callable[..., float]) -> Any:
    """Numba's dispatcher of one of the package's operators."""
    return _COMPILED[kernel]
