"""Exceptions that travel from a worker to the driver."""

from __future__ import annotations

import contextlib
import pickle


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
