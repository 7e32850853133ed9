"""Checks of single values, whatever they are for, and how they are shown in messages."""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

UNLIMITED = 2**62


def nearest(name: Any, valid: Iterable[str]) -> str:
    """``" Did you mean 'x'?"``, or nothing."""
    close = difflib.get_close_matches(str(name).lower(), list(valid), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def shown(value: Any) -> str:
    """`value` in a message: one line, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an int of thousands of digits, or a class of the user's
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 120 else f"{text[:117]}..."


def is_real(value: Any) -> bool:
    """Is it one real number, and neither a bool nor a time?"""
    # NumPy's time differences call themselves integers.
    times = bool | np.bool_ | np.timedelta64
    return isinstance(value, numbers.Real) and not isinstance(value, times)


def as_numbers(
    name: str, value: Any, kinds: str = "fiub", rule: str = "hold real numbers"
) -> np.ndarray:
    """`value` as an array of one of these kinds of dtypes."""
    rule = f"{name} must {rule}"
    if np.ma.is_masked(value):
        # As arrays they would have whatever number is behind the mask.
        raise ValueError(f"{rule}, got a masked entry: {shown(value)}.")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{rule}, got dtype {array.dtype}: {shown(value)}.")
    return array


def is_nothing(value: Any) -> bool:
    """None, or an empty collection: SciPy's users pass either where there are none."""
    try:
        return value is None or len(value) == 0
    except TypeError:
        return False


def positional_of(function: Any) -> tuple[list[str], int, float] | None:
    """Names of the positional parameters, least and most number of arguments; None if unknown."""
    function = getattr(function, "py_func", function)  # Numba's dispatchers
    if type(function) is types.FunctionType and not hasattr(function, "__wrapped__"):
        code = function.__code__  # 20 us sooner
        count = code.co_argcount
        least = count - len(function.__defaults__ or ())
        more = bool(code.co_flags & inspect.CO_VARARGS)
        return list(code.co_varnames[:count]), least, math.inf if more else count
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    more = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    return [p.name for p in positional], least, math.inf if more else len(positional)


MUST_TAKE = "must take the arguments of the call"
LIST_OF_ARGS = " args must be a tuple: a list is one argument."


def misfit(name: str, function: Any, arguments: tuple[str, ...]) -> str:
    """Why `function` cannot be called with these; empty if it can, or if nobody knows."""
    try:
        # Not of what a decorator wraps: that may be called in another way.
        signature = inspect.signature(getattr(function, "py_func", function), follow_wrapped=False)
    except (TypeError, ValueError):  # builtins without a signature
        return ""
    try:
        signature.bind(*arguments)
    except TypeError:
        return (
            f"{name} {MUST_TAKE} {name}({', '.join(arguments)}), got {shown(function)}, which "
            f"takes {signature}."
        )
    return ""


def check_takes(name: str, function: Any, *arguments: str) -> None:
    """Can `function` be called with these arguments?"""
    problem = misfit(name, function, arguments)
    if problem:
        raise TypeError(problem)


def as_float(value: Any) -> float:
    """float(value), or infinity where that overflows."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def check_number(
    name: str,
    value: Any,
    low: float = 0.0,
    *,
    low_open: bool = False,
    integer: bool = False,
    high: float = math.inf,
    instead: str = "",
) -> Any:
    """A number in [low, high], or (low, high], as a float or an int; messages name `instead`."""
    if type(value) is float and value > low and value <= high and not integer:
        return value
    kind = f"{instead!r} or " if instead else ""
    kind += "an integer" if integer else "a number"
    left = "(" if low_open else "["
    rule = f"{name} must be {kind} in {left}{low:g}, {high:g}{']' if math.isfinite(high) else ')'}"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not is_real(value):
        raise TypeError(f"{rule}, got {shown(value)}.")
    value = value if integer else as_float(value)
    inside = value > low if low_open else value >= low
    if not (inside and value <= high) or (integer and value != math.inf and value != int(value)):
        raise ValueError(f"{rule}, got {shown(value)}.")
    if integer:
        return UNLIMITED if value >= UNLIMITED else int(value)
    return float(value)


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """One of some words."""
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}."
        )
    if value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}."
            f"{nearest(value, allowed)}"
        )
    return value


def check_flag(name: str, value: Any) -> bool:
    """True or False."""
    # SciPy's disp takes integers, too: levels of verbosity.
    integral = isinstance(value, numbers.Integral) and is_real(value)
    if not (integral or isinstance(value, bool | np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}.")
    return bool(value)


def refuse(given: Mapping[str, Any], words: str) -> None:
    """An error for the first of these that is given, that is, neither None nor False."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise ValueError(f"{name} {words}: leave it out.")


NOT_ON_DEVICE = "is not possible where x0 is on a device"


def as_dict(options: Any) -> dict:
    """The options as a new dict."""
    try:
        return {} if options is None else dict(options)
    except (TypeError, ValueError):
        raise TypeError(f"options must be a dict, got {shown(options)}.") from None
