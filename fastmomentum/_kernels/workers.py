"""Numba's threads in a worker process."""

from __future__ import annotations

import numba


def limit_threads(count: int) -> None:
    """At most so many threads of Numba's for parallel functions that this thread calls."""
    numba.set_num_threads(min(count, getattr(numba.config, "NUMBA_NUM_THREADS", count)))
