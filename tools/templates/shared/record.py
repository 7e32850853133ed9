if ints.HISTORY >= 0 and ints.RECORDED < ints.ITERATION:
    history[ints.HISTORY, 0] = floats.FUN_REAL
    history[ints.HISTORY, 1] = floats.NORM_REAL
    history[ints.HISTORY, 2] = np.nan
    ints.HISTORY += 1
    ints.RECORDED = ints.ITERATION
