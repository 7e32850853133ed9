"""SciPy's two forms of callbacks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .._check.values import check_takes, shown
from .._report.result import OptimizeResult


class Callback:
    """A callback of the user's.

    As in SciPy, one whose only parameter is named ``intermediate_result`` gets an `OptimizeResult`
    by that keyword, any other a copy of x.

    Attributes
    ----------
    takes_result : bool
        Is it of the first kind?
    """

    def __init__(self, function: Any):
        if not callable(function):
            raise TypeError(f"callback must be callable, got {shown(function)}.")
        try:
            names = set(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # builtins without a signature
            names = set()
        self.function = function
        self.takes_result = names == {"intermediate_result"}
        if not self.takes_result:
            check_takes("callback", function, "x")

    def ends_run(self, x: Any, result: Callable[[], OptimizeResult]) -> bool:
        """Call it with x, or with what `result` gives; does it want the run to end?"""
        try:
            if self.takes_result:
                self.function(intermediate_result=result())
            else:
                self.function(x)
        except StopIteration:
            return True
        return False


def check_callback(callback: Any) -> Callback | None:
    """What the user gave, checked; None if that is nothing."""
    return None if callback is None else Callback(callback)
