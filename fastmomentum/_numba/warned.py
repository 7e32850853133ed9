"""What Numba warns of while it compiles a user's functions, told where the user's code is."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator

import numba
from numba.core import errors
from numba.core.compiler_lock import global_compiler_lock

from .._report.warnings import warn

# Warnings that point there are of no use: nobody can change these lines.
_FOREIGN = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep
    for file in (numba.__file__, os.path.dirname(__file__))
)


@contextlib.contextmanager
def warnings_at_the_call() -> Iterator[None]:
    """Give warnings on at the end, once each, those of Numba's files as if of the user's call."""
    with _recorded() as seen:
        yield
    told = set()
    for each in seen:
        key = str(each.message), each.category
        if key in told:
            continue
        told.add(key)
        if each.filename.startswith(_FOREIGN):
            warn(*key)
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


@contextlib.contextmanager
def functions_in_tuples() -> Iterator[None]:
    """No word of functions in tuples being experimental: it is this package that makes them."""
    with _recorded() as seen:
        yield
    for each in seen:
        if not issubclass(each.category, errors.NumbaExperimentalFeatureWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def quiet_about(args: tuple) -> contextlib.AbstractContextManager:
    """`functions_in_tuples`, where there are functions among `args`."""
    return functions_in_tuples() if _any_function(args) else contextlib.nullcontext()


def _any_function(values: tuple) -> bool:
    return any(
        _any_function(value) if isinstance(value, tuple) else callable(value) for value in values
    )


@contextlib.contextmanager
def _recorded() -> Iterator[list[warnings.WarningMessage]]:
    # Numba's lock: its compiler changes the list of filters, too, and they are one for all threads.
    with global_compiler_lock, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield seen
