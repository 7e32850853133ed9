"""SciPy's two forms of callbacks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .._check.values import check_takes, shown


def wrap_callback(callback: Any) -> tuple[Callable[..., Any] | None, bool]:
    """(callback, whether it takes `intermediate_result`).

    As in SciPy, a callback whose only parameter is named ``intermediate_result`` gets an
    `OptimizeResult` by that keyword, any other a copy of x.
    """
    if callback is None:
        return None, False
    if not callable(callback):
        raise TypeError(f"callback must be callable, got {shown(callback)}.")
    try:
        names = set(inspect.signature(callback).parameters)
    except (TypeError, ValueError):  # builtins without a signature
        names = set()
    by_name = names == {"intermediate_result"}
    if not by_name:
        check_takes("callback", callback, "x")
    return callback, by_name
