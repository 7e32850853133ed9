"""The user's functions, and the loops', as functions of a device."""

from __future__ import annotations

import contextlib
import dis
import math
import types
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from .device import KernelModule, device_function, simulated

# Attribute of a function that has been made for a device.
_MARK = "_of_a_device"
# The exponents of float32 are an eighth of those of float64: so are those of literals beyond them.
_EXPONENTS = 8.0


def python_function(function: Any) -> Any:
    """The plain function of a Numba function."""
    return getattr(function, "py_func", function)


def _single(value: Any) -> Any:
    """A literal in float32: one of float64 would make the arithmetic around it float64."""
    if isinstance(value, tuple):
        return tuple(map(_single, value))
    if type(value) is not float:
        return value
    with np.errstate(all="ignore"):
        rounded = np.float32(value)
    if value != 0.0 and math.isfinite(value) and (rounded == 0.0 or not np.isfinite(rounded)):
        return np.float32(math.copysign(abs(value) ** (1.0 / _EXPONENTS), value))
    return rounded


class Word:
    """A name in the text of a loop for a function that is known only where a kernel is made.

    See `bound`.
    """

    def __init__(self, meaning: str):
        self.meaning = meaning

    def __call__(self, *args: Any) -> Any:
        raise NotImplementedError(f"only in a kernel: {self.meaning}")


def _is_function(value: Any) -> bool:
    return isinstance(python_function(value), types.FunctionType)


def _names(code: types.CodeType) -> set[str]:
    """Global names that a code object, or one within it, may refer to."""
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def for_device(function: Any, real: Any, words: dict | None = None, **flags: Any) -> Any:
    """A function as one of a device, with all functions that it calls by their names.

    Where `real` is float32 its float literals, and the floats among its globals, are float32.

    Parameters
    ----------
    function : callable
        A Python or a Numba function.
    real : numpy.float32 or numpy.float64
    words : dict, optional
        What takes the place of some of the values that it, or what it calls, refers to.
    **flags
        Of ``cuda.jit``.
    """
    return _Conversion(real, words or {}).function(python_function(function), **flags)


def bound(functions: tuple, real: Any, words: dict) -> tuple:
    """Functions of a device that share what they call; see `for_device` for the rest."""
    conversion = _Conversion(real, words)
    return tuple(conversion.value(f) for f in functions)


class _Conversion:
    """Functions that call each other, made for a device."""

    def __init__(self, real: Any, words: dict):
        self.single = real is np.float32
        self.words = words
        self.made: dict[Any, Any] = {}
        self.compiled: dict[Any, Any] = {}

    def function(self, function: Any, **flags: Any) -> Any:
        """A function of the device; one for each Python function."""
        if function not in self.compiled:
            self.compiled[function] = device_function(self._converted(function), **flags)
        return self.compiled[function]

    def value(self, value: Any) -> Any:
        """What stands for a value that a function refers to."""
        if isinstance(value, types.ModuleType) and value.__name__ == "numba.cuda" and simulated():
            return KernelModule()
        with contextlib.suppress(TypeError):  # a tuple of arrays has no hash, and is no word
            value = self.words.get(value, value)
        if _is_function(value) and not hasattr(python_function(value), _MARK):
            return self.function(python_function(value), forceinline=True)
        return _single(value) if self.single else value

    def _converted(self, function: Any) -> Any:
        if function in self.made:
            return self.made[function]
        scope = dict(function.__globals__)
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        made = _copy(function, self.single, scope, cells or None)
        self.made[function] = made  # before its helpers, which may call it
        for name in _names(made.__code__):
            if name in scope:
                scope[name] = self.value(scope[name])
        for cell, given in zip(cells, function.__closure__ or (), strict=True):
            cell.cell_contents = self.value(given.cell_contents)
        made.__defaults__ = tuple(map(self.value, function.__defaults__ or ())) or None
        return made


def _copy(function: Any, single: bool, scope: dict, closure: Any) -> types.FunctionType:
    """A function of a device in this scope; its literals in float32 where that is wanted."""
    code = function.__code__
    if single:
        code = code.replace(co_consts=tuple(map(_single, code.co_consts)))
    made = types.FunctionType(code, scope, function.__name__, None, closure)
    setattr(made, _MARK, True)
    return made


def for_overloads(function: Any) -> Any:
    """A function that is known to the device's compiler by its overloads."""
    setattr(function, _MARK, True)
    return function


def internal(real: Any, **flags: Any) -> Callable[[Callable], Any]:
    """Decorator of functions of kernels; they see each other through their closures.

    They are compiled into those who call them, unless `flags` say otherwise.
    """
    flags = {"forceinline": True, **flags}

    def decorate(function: Any) -> Any:
        scope, closure = function.__globals__, function.__closure__
        return device_function(_copy(function, real is np.float32, scope, closure), **flags)

    return decorate


def refuse_exceptions(**functions: Any) -> None:
    """An error if one of these, by their names in the interface, or what they call may raise.

    An exception ends a thread where it stands. The others of its block, grid or warp would wait for
    it at their next barrier for good.
    """
    for name, function in functions.items():
        found = _raising(python_function(function), set())
        if found is not None:
            where = f"{found.co_name}, line {found.co_firstlineno} of {found.co_filename}"
            raise ValueError(
                f"{name} must not raise exceptions on a device, where threads wait for each other: "
                f"leave `raise` and `assert` out of {where}, and return math.nan."
            )


def _raising(function: Any, seen: set) -> types.CodeType | None:
    """The code of the first function that may raise."""
    if not isinstance(function, types.FunctionType) or function in seen:
        return None
    seen.add(function)
    code = function.__code__
    if any(step.opname == "RAISE_VARARGS" for step in dis.get_instructions(code)):
        return code
    scope = function.__globals__
    values = [scope[name] for name in sorted(_names(code)) if name in scope]
    values += [cell.cell_contents for cell in function.__closure__ or ()]
    found = (_raising(python_function(value), seen) for value in values if _is_function(value))
    return next((code for code in found if code is not None), None)


def identity(function: Any) -> Hashable:
    """What a function does, as a key: its code and the values that it refers to.

    Two functions of the same text and the same values have the same key, also where the text was
    run twice. What cannot be hashed counts by its identity: the key keeps it alive.
    """
    return _identity(python_function(function), set())


class _Same:
    """An object that equals itself alone."""

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def _identity(function: Any, seen: set) -> Hashable:
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return _Same(function)
    seen.add(id(function))
    scope = function.__globals__
    outside = [(name, scope[name]) for name in sorted(_names(function.__code__)) if name in scope]
    inside = [("", cell.cell_contents) for cell in function.__closure__ or ()]
    values = tuple((name, _value(v, seen)) for name, v in (*outside, *inside))
    defaults = tuple(_value(v, seen) for v in function.__defaults__ or ())
    return function.__code__, values, defaults


def _value(value: Any, seen: set) -> Hashable:
    if _is_function(value):
        return _identity(python_function(value), seen)
    if type(value) in (bool, int, float, complex, str, bytes, type(None)):
        return type(value), repr(value)
    return _Same(value)
