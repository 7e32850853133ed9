if ints.PENDING == TO_PROX:
    # The trial holds the point whose proximal point it is to be.
    if ints.PROX == 0:
        ints.STATUS = NEEDS_PROX
        break
    z = row(rows, ints.TRIAL)
    floats.PENALTY = call_prox(ints.PROX, z, n, floats.PROX_STEP, ints.PROX_DATA)
    ints.PENDING = TO_EVALUATE
