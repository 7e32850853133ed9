if ints.COMPLETED != 0:
    if ints.HISTORY > 0:
        history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
    if end_iteration(ints, floats):
        break
