if COMPOSITE:
    if ints.PENDING == TO_PROX:
        # The trial holds the point whose proximal point it is to be.
        z = row(rows, ints.TRIAL)
        floats.PENALTY = call_prox(ints.PROX, z, n, floats.STEP, ints.PROX_DATA)
        ints.PENDING = TO_EVALUATE
    # |y - prox(y - t grad(y))| / min(t, 1), y the point that the step starts from, is known before
    # its end is evaluated and, up to rounding and in the 2-norm, at least the same with t = 1.
    # Where it meets gtol, that is the convergence test.
    if ints.PENDING == TO_EVALUATE and (
        ints.PHASE == SEARCHING or ints.PHASE == AT_BASE_TO_CONFIRM
    ):
        floats.SLOPE = proximal_change(rows, ints, floats)
        confirming = ints.PHASE == AT_BASE_TO_CONFIRM
        unsure = ints.CONFIRMED <= ints.ITERATION
        if confirming or (unsure and (ints.TRIALS == 0 or floats.PROX_NORM < floats.NORM_REAL)):
            floats.NORM_REAL = floats.PROX_NORM
        met = floats.NORM_REAL <= floats.GTOL and ints.AHEAD == ints.REAL
        if met and (confirming or ints.SEPARABLE != 0):
            ints.RESULT = ints.REAL
            ints.STATUS = STATUS_CONVERGED
            break
        if confirming or (met and unsure):
            # The same point once more, with another t.
            step = floats.STEP
            floats.STEP = floats.PROX_STEP if confirming else 1.0
            floats.PROX_STEP = step
            ints.PHASE = SEARCHING if confirming else AT_BASE_TO_CONFIRM
            ints.CONFIRMED = ints.ITERATION + 1
            ints.PENDING = EVALUATED
            action = TRY
        elif ints.ITERATION >= last:
            break
        else:
            # RECORD
            pass
