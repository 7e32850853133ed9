"""What a worker process does to functions that were sent to it, and to Numba's threads."""

from __future__ import annotations

import contextlib
from typing import Any

import numba


def is_cached(function: Any) -> bool:
    """Does Numba keep this function on disk?"""
    return getattr(getattr(function, "_cache", None), "_impl", None) is not None


def cache_again(function: Any) -> None:
    """Keep a function on disk that lost this when it was pickled."""
    if hasattr(function, "enable_caching"):
        with contextlib.suppress(RuntimeError):  # its file is not here, or nothing can be written
            function.enable_caching()


def limit_threads(count: int) -> None:
    """At most so many threads of Numba's for parallel functions that this thread calls."""
    numba.set_num_threads(min(count, getattr(numba.config, "NUMBA_NUM_THREADS", count)))
