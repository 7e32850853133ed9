"""Checks of the parameters of methods, and of schedules of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._methods import METHODS, Method, Parameter
from ..schedules import Schedule
from .values import as_float, as_numbers, check_number, check_takes, is_real, shown


def check_scheduled(parameter: Parameter, value: Any, dtype: np.dtype) -> Any:
    """A number in the parameter's interval, or, where it may change, a schedule."""
    if callable(value) and parameter.scheduled:
        check_takes(parameter.name, value, "iteration")
        return value
    kind = f"a number in {parameter.interval}"
    if parameter.scheduled:
        kind += " or a callable of the iteration"
    if isinstance(value, str):
        if parameter.default == "auto" and value == "auto":
            return value
        allowed = "'auto', " if parameter.default == "auto" else ""
        raise ValueError(f"{parameter.name} must be {allowed}{kind}, got {shown(value)}.")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not is_real(value):
        raise TypeError(f"{parameter.name} must be {kind}, got {shown(value)}.")
    with np.errstate(over="ignore"):
        rounded = float(dtype.type(as_float(value)))
    if not parameter.contains(rounded):
        in_single = f" ({rounded:g} in {dtype})" if parameter.contains(as_float(value)) else ""
        raise ValueError(
            f"{parameter.name} must be in {parameter.interval}, got {shown(value)}{in_single}."
        )
    return float(value)


def schedule_value(parameter: Parameter, schedule: Callable, k: int, dtype: np.dtype) -> float:
    """One value of a schedule; a learning rate of 0 is allowed here."""
    value = schedule(k)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    name = f"{parameter.name}({k})"
    if not is_real(value):
        raise TypeError(f"{name} must be a number, got {shown(value)}.")
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(dtype.type(as_float(value)))
    if not (parameter.contains(rounded) or rounded == 0.0):
        interval = parameter.interval.replace("(", "[")
        raise ValueError(f"{name} must be in {interval}, got {shown(value)}.")
    return rounded


def schedule_values(
    parameter: Parameter, schedule: Callable, first: int, count: int, dtype: np.dtype
) -> np.ndarray:
    """Values of a schedule from iteration `first` on: `count`, or those before the first bad one.

    A bad value is an error only when its iteration is reached, that is, if it is the first.
    """
    if isinstance(schedule, Schedule):
        with np.errstate(over="ignore", under="ignore"):
            values = np.asarray(schedule(np.arange(first, first + count))).astype(dtype)
        ok = (values >= parameter.low) & np.isfinite(values)
        ok &= values < parameter.high if parameter.high_open else values <= parameter.high
        good = count if ok.all() else int(np.flatnonzero(~ok)[0])
        if good == 0:
            schedule_value(parameter, schedule, first, dtype)
        return values[:good]
    values = np.empty(count, dtype)
    for i in range(count):
        try:
            values[i] = schedule_value(parameter, schedule, first + i, dtype)
        except Exception:
            if i == 0:
                raise
            return values[:i]
    return values


def check_x_scale(value: Any, n: int, dtype: np.dtype) -> np.ndarray | None:
    """The sizes of the variables as an array; None for 'auto'."""
    rule = f"be 'auto', a positive number, or an array of {n} of them"
    if isinstance(value, str):
        if value == "auto":
            return None
        raise ValueError(f"x_scale must {rule}, got {value!r}.")
    sizes = as_numbers("x_scale", value, "fiu", rule)
    if sizes.shape not in ((), (1,), (n,)):
        raise ValueError(f"x_scale must {rule}, got shape {sizes.shape}.")
    with np.errstate(all="ignore"):
        sizes = np.broadcast_to(sizes, (n,)).astype(dtype)
        square = sizes * sizes
        bad = ~((sizes > 0.0) & (square > 0.0) & np.isfinite(square))
    if bad.any():
        worst = int(bad.argmax())
        raise ValueError(
            f"x_scale must {rule}, whose squares are positive and finite in {dtype}, got "
            f"x_scale[{worst}] = {sizes[worst]}."
        )
    return sizes


def check_memory(parameter: Parameter, value: Any) -> Any:
    """A number of vectors, or the default."""
    if isinstance(value, str):
        if value == parameter.default:
            return value
        raise ValueError(
            f"{parameter.name} must be {parameter.default!r} or an integer in "
            f"{parameter.interval}, got {value!r}."
        )
    name, low, high = parameter.name, parameter.low, parameter.high
    return check_number(name, value, low, high=high, integer=True, instead=parameter.default)


def check_parameters(method: Method, options: dict, x0: np.ndarray) -> dict[str, Any]:
    own: dict[str, Any] = {}
    dtype = x0.dtype
    for parameter in method.parameters:
        value = options.get(parameter.name, parameter.default)
        if parameter.integer:
            value = check_memory(parameter, value)
        elif parameter.per_variable:
            value = check_x_scale(value, x0.size, dtype)
        else:
            value = check_scheduled(parameter, value, dtype)
        own[parameter.name] = value
    automatic = own["learning_rate"] == "auto"
    if automatic and method.loop is None:
        choosing = ", ".join(repr(m.name) for m in METHODS.values() if m.loop is not None)
        raise ValueError(
            f"method {method.name!r} has no automatic learning rate: learning_rate must be a "
            f"number or a schedule. The methods that choose their own are {choosing}."
        )
    for name in options:
        if automatic and name in own and method.chooses_without(name):
            raise ValueError(f"{name} is not used with learning_rate='auto': leave it out.")
    if automatic and own.get("momentum", "auto") != "auto":
        raise ValueError(
            f"momentum is chosen in each iteration when learning_rate='auto', got momentum="
            f"{options['momentum']!r}: give a learning_rate, too, or leave momentum out."
        )
    for name in ("memory", "x_scale"):
        if not automatic and name in options:
            raise ValueError(f"{name} is an option of learning_rate='auto' only: leave it out.")
    if own.get("momentum") == "auto":
        own["momentum"] = 0.9
    return own
