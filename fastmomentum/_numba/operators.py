"""Proximal operators as the loops call them: by address, with data."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .._language import plain
from .._report.pinned import Pinned
from .interrupts import interrupts_kept
from .jit import jit_disabled

# Of a penalty, in place on a vector: its proximal point for a step, and h there is returned.
Apply = Callable[[np.ndarray, float], float]


class Operator(Pinned):
    """A proximal operator, see ``calls.call_prox``; what it needs lives as long as it does."""

    def __init__(self, address: int, parts: tuple[np.ndarray, ...], keep: Any = None):
        self.address = address
        # Addresses and lengths of numbers, integers and work.
        numbers = [number for part in parts for number in (part.ctypes.data, part.size)]
        self.data = np.array(numbers or [0] * 6, np.int64)
        self._keep = parts, keep


def operator_of_kernel(kernel: Any, parts: tuple[np.ndarray, ...], apply: Apply) -> Operator:
    """One of the package's own, with its numbers, integers and work."""
    if jit_disabled():
        return _interpreted(apply)
    from .addresses import prox_address

    return Operator(prox_address(kernel, parts[2].dtype), parts)


def operator_of_functions(
    prox: Any, value: Any, args: tuple, in_place: bool, n: int, dtype: np.dtype
) -> Operator | None:
    """That of two Numba functions; None if they do not compile for these types."""
    import numba
    from numba.core import types

    from . import bind, entry, kinds, native

    real = kinds.F8 if dtype == np.float64 else kinds.F4
    x = kinds.vector_type(real)
    with interrupts_kept():
        try:
            rest = tuple(map(numba.typeof, args))
            code = kinds.NONE(x, kinds.F8, x, *rest) if in_place else x(x, kinds.F8, *rest)
            prox_address = native.address_of(prox, code)
            value_address = native.address_of(value, kinds.F8(x, *rest))
        except bind.COMPILE_ERRORS:
            return None
        kind = "in_place" if in_place else "returning"
        plain = bind.is_plain(types.Tuple(rest))
        hold = bind.entry_function(entry.hold_of(kind, dtype.name), plain)
        release = bind.entry_function(entry.release, plain)
        address, context = hold(value_address, prox_address, args)
    vectors = np.empty(2 * n, dtype)
    begin = vectors.ctypes.data
    integers = np.array([context, begin, begin + n * dtype.itemsize], np.int64)
    made = Operator(address, (np.empty(0), integers, vectors), (prox, value))
    # Not at the exit of the process, which takes the memory anyway.
    weakref.finalize(made, release, context, value_address, prox_address, args).atexit = False
    return made


def operator_of_python(apply: Apply, n: int, dtype: np.dtype) -> Operator:
    """That of Python functions; what they raise comes through the loop."""
    if jit_disabled():
        return _interpreted(apply)
    from . import entry, native

    known: dict[int, np.ndarray] = {}

    def call(address: int, step: float) -> float:
        vector = known.get(address)
        if vector is None:
            memory: Any = (ctypes.c_char * (n * dtype.itemsize)).from_address(address)
            vector = known[address] = np.frombuffer(memory, dtype)
        return apply(vector, step)

    address = native.address_of(entry.operate_python, entry.PROX_SIGNATURES[dtype.name])
    integers = np.array([id(call)], np.int64)
    return Operator(address, (np.empty(0), integers, np.empty(0, dtype)), call)


def _interpreted(apply: Apply) -> Operator:
    """Where the loops are Python themselves."""
    made = Operator(1, ())
    made.apply = apply  # type: ignore[attr-defined]
    plain.operators[made.data.ctypes.data] = made
    return made
