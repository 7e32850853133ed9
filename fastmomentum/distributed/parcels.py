"""What travels between driver and workers as bytes, so that dask need not understand it.

dask unpacks a task's arguments in its connections: one that a scheduler or a worker cannot import
would break these, rather than be an error of the task.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
from typing import Any


def pack(value: Any) -> bytes:
    """Bytes of `value`, with functions of scripts and notebooks by value."""
    import cloudpickle

    return cloudpickle.dumps(value)


@functools.lru_cache(maxsize=4)
def unpack(parcel: bytes) -> Any:
    """The value, the same object for the same bytes: what it has compiled is kept."""
    return pickle.loads(parcel)


def portable(error: Exception) -> Exception:
    """An exception that can be pickled, with its notes, which a pickle of its own may lose."""
    notes = list(getattr(error, "__notes__", []))
    for name in ("result", "row"):  # what was found so far travels apart
        with contextlib.suppress(AttributeError):
            delattr(error, name)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.__notes__ = notes
    return error
