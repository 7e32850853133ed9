"""What may be meant by a keyword that a function does not take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .._methods import METHODS
from .options import ELSEWHERE, OPTIONS
from .values import nearest

P = ParamSpec("P")
R = TypeVar("R")


def hints_at_options(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, with a word on what is meant in the TypeError for an unknown keyword."""
    parameters = tuple(inspect.signature(function).parameters)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # Raised by the call itself, there is no frame of the function.
            inside = error.__traceback__ is not None and error.__traceback__.tb_next is not None
            unknown = [name for name in kwargs if name not in parameters]
            if inside or not unknown:
                raise
            raise TypeError(f"{str(error).rstrip('.')}.{_hint(unknown[0], parameters)}") from None

    return called


def _hint(name: str, parameters: tuple[str, ...]) -> str:
    options = {option.name for option in OPTIONS}
    options |= {parameter for method in METHODS.values() for parameter in method.parameter_names}
    meant = ELSEWHERE.get(name, name)
    if meant in options and "options" in parameters:
        return f" It is one of the options: options={{{meant!r}: ...}}."
    return nearest(meant, parameters)
