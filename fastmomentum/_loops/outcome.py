"""What a run has found, for the loops around a loop."""

import numpy as np

from .._language.layout import N_POINTS, NORM_INF, STATUS_CONVERGED, TO_EVALUATE
from .._numba.calls import call_norm
from .._numba.jit import part
from .._numba.words import row
from .norms import largest_magnitude


@part
def row_to_return(state, status):
    """The row of the point that a run ends with."""
    if status == STATUS_CONVERGED:
        return state.RESULT
    return state.BEST if state.BEST >= 0 else state.CURRENT


@part
def write_result(rows, state, numbers, status, out_x, out_g):
    """Write the point to return, and its gradient; returns fun, the gradient's norm and a row.

    The row is the point's; -1 if the gradient is not known, or not finite.
    """
    n = state.SIZE
    point = row_to_return(state, status)
    value = numbers.FUN_BEST if point == state.BEST else numbers.FUN
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    evaluated = state.BEST >= 0 or state.PENDING != TO_EVALUATE
    for i in range(n):
        out_x[i] = x[i]
        out_g[i] = g[i] if evaluated else np.nan
    norm = largest_magnitude(rows, out_g, n)
    finite = norm - norm == 0.0
    if evaluated and state.NORM != NORM_INF:
        norm = call_norm(state.NORM_ADDRESS, rows, g, n, state.NORM, numbers.NORM_ORDER)
    return value, norm, point if finite else -1


@part
def write_numbers(numbers, counts, state, floats, status):
    """What else is found of a problem of a batch: see `layout.NUMBERS` and `layout.COUNTS`."""
    numbers[2] = floats.LEARNING_RATE
    counts[0] = status
    counts[1] = state.NIT
    counts[2] = state.NFEV
    counts[3] = state.NJEV
    counts[4] = state.N_RESTARTS
    counts[5] = state.LINE_SEARCH_FAILURES
