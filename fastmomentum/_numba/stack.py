"""Room on Python's stack for Numba's compiler."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any


def _call(function: Callable, *args: Any) -> Any:
    return function(*args)


# CPython keeps its frames in chunks of 16 KB. A call that does not fit gets a new chunk from the
# operating system and gives it back when it returns: where one of Numba's inner loops runs at the
# end of a chunk, compiling takes half as long again. A frame of 512 KB comes with a chunk of 1 MB,
# and leaves the rest of it, of which only what is used takes memory, to the frames that follow.
with_room = types.FunctionType(_call.__code__.replace(co_stacksize=2**16), globals())
with_room.__doc__ = """``function(*args)``, with much room on the stack."""
