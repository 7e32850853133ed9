"""The diagonals in which the adaptive methods choose their rates, each compiled on its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language.layout import METRIC_ROW, PAIRS, SUM_ROW
from .._methods import METHODS, METRICS
from .._numba.jit import ANY_ORDER, cached_part, compiled_into
from .._numba.words import own_numbers, row, variables
from .slots import numbers_from, rows_from, set_entries, wide_entries


def make(number: int) -> Any:
    """The function that brings the diagonal number ``ints.METRIC`` up to date.

    It takes the rows and numbers of a run, the new gradient g and the step s to it, and is called
    by its address.
    """
    metric = METRICS[number - 1]
    methods = [method for method in METHODS.values() if method.metric is metric]
    ((n_kept, n_constants),) = {(len(m.metric_vectors), len(m.constants)) for m in methods}

    def adaptive(rows, ints, floats, g, s):
        first = PAIRS + 2 * ints.MEMORY
        m = row(rows, first + METRIC_ROW)
        vectors = rows_from(rows, first + SUM_ROW, n_kept)
        own = own_numbers(rows, floats)
        constants = numbers_from(own, 2 * ints.MEMORY, n_constants, own)
        count = np.float64(ints.PAIRS_SEEN)
        for i in variables(ints.SIZE):
            kept = wide_entries(vectors, i)
            g_i, s_i = np.float64(g[i]), np.float64(s[i])
            diagonal, kept = metric(g_i, s_i, kept, count, constants, 0.0, 1.0)
            set_entries(vectors, i, kept)
            m[i] = diagonal

    adaptive.__qualname__ = f"adaptive_{metric.__name__}"
    compiled_into(metric, fastmath=ANY_ORDER)
    return cached_part(adaptive, fastmath=ANY_ORDER)
