"""What a worker process does to functions that were sent to it, and functions with threads."""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numba


def limit_threads(function: Any, arguments: tuple, count: int) -> None:
    """At most so many threads of Numba's where this thread calls a function that starts them."""
    if not getattr(function, "overloads", True):
        with contextlib.suppress(Exception):  # the call will tell
            function.compile(tuple(map(numba.typeof, arguments)))
    if starts_threads(function):
        numba.set_num_threads(min(count, getattr(numba.config, "NUMBA_NUM_THREADS", count)))


# -- functions that start Numba's threads ----------------------------------------------------------


def starts_threads(*functions: Any) -> bool:
    """Does the code of one of them, or what it calls, start Numba's threads?

    It is in the code, also in that from a disk cache: whatever a function calls is linked to it.
    Only what it reaches by an address is not, such as other libraries.
    """
    return any(is_parallel(library) for library in _libraries(functions))


def _libraries(values: Any) -> Iterator[Any]:
    """The code of functions, also of those in tuples and lists; not of what is no function."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from _libraries(value if isinstance(value, tuple) else value[:1])
        elif isinstance(getattr(value, "overloads", None), dict):
            yield from (result.library for result in list(value.overloads.values()))
        elif hasattr(value, "native_name"):  # numba.cfunc
            yield getattr(value, "_library", None)


_known: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def is_parallel(library: Any) -> bool:
    """Does this code start Numba's threads?"""
    if library is None:
        return False
    known = _known.get(library)
    if known is None:
        try:
            functions = library._get_module_for_linking().functions
        except (AttributeError, RuntimeError):  # not of Numba's compiler for processors
            return False
        known = any(function.name.startswith(_LAUNCHERS) for function in functions)
        _known[library] = known
    return known


# Of Numba's threading layers.
_LAUNCHERS = ("numba_parallel_for", "do_scheduling_")
_TURN = threading.RLock()


def turn() -> contextlib.AbstractContextManager:
    """What a thread must hold while it calls a function that starts Numba's threads.

    The workqueue layer ends a process where two threads start them.
    """
    layer = getattr(sys.modules["numba.np.ufunc.parallel"], "_threading_layer", None)
    return _TURN if layer == "workqueue" else contextlib.nullcontext()
