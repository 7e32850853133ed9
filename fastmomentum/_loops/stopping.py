"""How an iteration, and a run, ends."""

from .._language.layout import (
    RUNNING,
    STATUS_CONVERGED,
    STATUS_DIVERGED,
    STATUS_NONFINITE,
    STATUS_PRECISION_LOSS,
    STATUS_STAGNATION,
    STOP,
)
from .._numba.jit import part
from .._numba.words import larger, smaller


@part
def fail(ints):
    """There is no way on: values not finite since the last new lowest, or rounding."""
    ints.STATUS = STATUS_NONFINITE if ints.BAD_SEEN > 0 else STATUS_PRECISION_LOSS
    return STOP


@part
def accept_trial(ints, floats):
    """The trial is the last accepted point now."""
    ints.REAL = ints.TRIAL
    floats.FUN_REAL = floats.FUN_TRIAL
    floats.NORM_REAL = floats.NORM_TRIAL


@part
def base_from_real(ints, floats):
    """Steps start from the last accepted point now."""
    ints.BASE = ints.REAL
    floats.FUN_BASE = floats.FUN_REAL
    floats.NORM_BASE = floats.NORM_REAL
    ints.VIRTUAL = 0
    floats.ERROR = 0.0


@part
def converge_at_trial(ints, floats):
    """The gradient test holds at the trial, an evaluated point: the run ends there."""
    accept_trial(ints, floats)
    floats.LEARNING_RATE = floats.STEP
    if floats.RATE > 0.0:
        floats.LEARNING_RATE *= floats.RATE
    ints.RESULT = ints.TRIAL
    ints.STATUS = STATUS_CONVERGED
    ints.ITERATION += 1
    return STOP


@part
def converge_at_real(ints):
    """The test of convergence holds at the last accepted point: the run ends there."""
    ints.RESULT = ints.REAL
    ints.STATUS = STATUS_CONVERGED
    return STOP


@part
def end_iteration(ints, floats):
    """Count the iteration, and test ftol, xtol and patience; returns whether the run ends."""
    ints.COMPLETED = 0
    ints.ITERATION += 1
    f = floats.FUN_BASE
    f_previous = floats.FUN_PREVIOUS
    ftol = floats.FTOL
    xtol = floats.XTOL
    size = larger(larger(abs(f), abs(f_previous)), 1.0)
    flat = ftol > 0.0 and abs(f - f_previous) <= ftol * size
    if xtol > 0.0 and floats.STEP_NORM <= xtol * (xtol + floats.X_NORM):
        flat = True
    ints.FLAT = ints.FLAT + 1 if flat else 0
    ints.SINCE_BEST = 0 if ints.IMPROVED != 0 else ints.SINCE_BEST + 1
    ints.IMPROVED = 0
    if ints.FLAT >= 2:
        ints.STATUS = STATUS_CONVERGED
        ints.RESULT = ints.BEST
        return True
    if ints.SINCE_BEST >= ints.PATIENCE:
        ints.STATUS = STATUS_STAGNATION
        return True
    if floats.FUN_BEST < -1e30 * larger(1.0, abs(floats.FUN_START)):
        ints.STATUS = STATUS_DIVERGED
        return True
    # At the floor of the arithmetic f and the gradient only jitter.
    lowest = floats.FUN_BEST
    level = floats.STALL_FUN
    if lowest < level - floats.EPSILON * abs(level) or (floats.NORM_REAL < 0.9 * floats.STALL_NORM):
        floats.STALL_FUN = lowest
        floats.STALL_NORM = smaller(floats.STALL_NORM, floats.NORM_REAL)
        ints.STALLED = 0
    else:
        ints.STALLED += 1
        near = abs(floats.FUN_REAL - lowest) <= 4500.0 * floats.EPSILON * abs(lowest)
        if (ints.STALLED >= 50 and near) or ints.STALLED >= 200:
            fail(ints)
            return True
    return False


@part
def ending_of(ints, floats, improves):
    """Why a run with a given rate ends at the current point, but for its gradient; or RUNNING."""
    f = floats.FUN
    f_best = floats.FUN_BEST
    ending = RUNNING
    if improves:
        ints.SINCE_BEST = 0
    else:
        ints.SINCE_BEST += 1
        if f - f_best > floats.DIVERGED_FACTOR * larger(1.0, abs(f_best)):
            ending = STATUS_DIVERGED
    if ints.ITERATION > 0:
        ftol = floats.FTOL
        xtol = floats.XTOL
        flat = False
        if ftol > 0.0:
            f_previous = floats.FUN_PREVIOUS
            size = larger(larger(abs(f), abs(f_previous)), 1.0)
            flat = abs(f - f_previous) <= ftol * size
        if xtol > 0.0 and floats.STEP_NORM <= xtol * (xtol + floats.X_NORM):
            flat = True
        # Twice in a row, since an oscillation is flat at its turning points.
        ints.FLAT = ints.FLAT + 1 if flat else 0
        if ints.FLAT >= 2:
            ending = STATUS_CONVERGED
        elif ints.SINCE_BEST >= ints.PATIENCE:
            ending = STATUS_STAGNATION
    return ending
