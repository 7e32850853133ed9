# What the caller shows as the current point is the last real one.
if ints.STATUS != NEEDS_EVALUATION:
    ints.CURRENT = ints.REAL
    floats.FUN = floats.FUN_REAL
    floats.GRAD_NORM = floats.NORM_REAL
    ints.NIT = ints.ITERATION
    if ints.HISTORY > 0 and ints.RECORDED < ints.ITERATION:
        history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
