if ints.PENDING == TO_EVALUATE:
    if ints.NFEV + ints.COST_FUN + ints.RESERVE > ints.MAXFEV:
        ints.STATUS = STATUS_MAXFEV
        break
    ints.NIT = ints.ITERATION
    ints.CURRENT = ints.TRIAL
    if evaluate == 0:
        ints.STATUS = NEEDS_EVALUATION
        break
    floats.FUN_TRIAL = call_evaluate(evaluate, x, g, n, context)
    ints.NFEV += ints.COST_FUN
    ints.NJEV += ints.COST_JAC
else:
    floats.FUN_TRIAL = floats.FUN
ints.PENDING = EVALUATED
