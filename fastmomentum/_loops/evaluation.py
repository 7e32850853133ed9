"""What becomes of a point that has been evaluated, and where the next one goes."""

import numpy as np

from .._language.layout import N_POINTS, NORM_INF
from .._numba.calls import call_norm
from .._numba.jit import part
from .._numba.words import row
from .norms import largest_magnitude


@part
def judge_trial(rows, ints, floats):
    """Norm of the trial's gradient; is all of it finite? Keeps track of the best point."""
    n = ints.SIZE
    g = row(rows, N_POINTS + ints.TRIAL)
    size = largest_magnitude(rows, g, n)
    floats.NORM_TRIAL = size
    if ints.NORM != NORM_INF:
        floats.NORM_TRIAL = call_norm(ints.NORM_ADDRESS, rows, g, n, ints.NORM, floats.NORM_ORDER)
    good = abs(floats.FUN_TRIAL) < np.inf and abs(size) < np.inf
    keep_best(ints, floats, good)
    return good


@part
def keep_best(ints, floats, good):
    """Is the trial the best point so far, if all is finite there?"""
    f = floats.FUN_TRIAL
    if good and (ints.BEST < 0 or f < floats.FUN_BEST):
        ints.BEST = ints.TRIAL
        floats.FUN_BEST = f
        ints.IMPROVED = 1
        ints.BAD_SEEN = 0
    if not good:
        ints.BAD_SEEN += 1


@part
def free_row(ints):
    """A row that holds none of the points a method without pairs works with."""
    i = 0
    while i == ints.REAL or i == ints.BEST or i == ints.PREVIOUS or i == ints.AHEAD:
        i += 1
    return i
