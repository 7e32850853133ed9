# The loop of a method whose learning rate is given. `generate_drivers.py` fills in the places
# marked in capitals from the method's own file.
#
# COMPOSITE: with a penalty h. What the rule gives is replaced by its proximal point before it is
# evaluated. The state is complete whenever the proximal operator is called, which may raise.


def drive(
    evaluate,  # IN     address of the evaluation, 0: return to the caller for each evaluation
    context,  # IN     address of its context
    workspace,  # INOUT  address of the rows, (FIRST_SLOT + slots, STRIDE)
    ints,  # INOUT  (len(INTS),)
    floats,  # INOUT  (len(FLOATS),)
    rates,  # IN     learning rates from iteration ints.CHUNK_START on, or one constant
    momenta,  # IN     momenta, likewise, and one more
    history,  # OUT    (rows, 3): fun, gradient norm, learning rate
    last,  # IN     return before iteration `last`
):
    ints = named(ints)
    floats = named(floats)
    n = ints.SIZE
    rows = rows_of(workspace, ints.STRIDE, n, rates)
    k = ints.ITERATION
    start = ints.CHUNK_START
    current = ints.CURRENT
    best = ints.BEST
    pending = ints.PENDING
    norm = ints.NORM
    f = floats.FUN
    f_best = floats.FUN_BEST
    f_previous = floats.FUN_PREVIOUS
    gtol = floats.GTOL
    ftol = floats.FTOL
    xtol = floats.XTOL
    step_norm = floats.STEP_NORM
    x_norm = floats.X_NORM
    grad_norm = floats.GRAD_NORM
    status = RUNNING
    ending = RUNNING
    improves = False
    result = current
    nit = ints.NIT
    constant = ints.RATE_STRIDE == 0 and ints.MOMENTUM_STRIDE == 0
    # CONSTANTS
    while True:
        x = row(rows, current)
        g = row(rows, N_POINTS + current)
        if pending != EVALUATED:
            if pending != DELIVERED:
                if ints.NFEV + ints.COST_FUN + ints.RESERVE > ints.MAXFEV:
                    status = STATUS_MAXFEV
                    break
                # Written back before the user's code runs, which may raise.
                ints.ITERATION = k
                ints.NIT = nit
                ints.CURRENT = current
                ints.BEST = best
                ints.PENDING = pending
                floats.FUN_BEST = f_best
                floats.FUN_PREVIOUS = f_previous
                floats.STEP_NORM = step_norm
                floats.X_NORM = x_norm
                # CARRIES_BACK
                if COMPOSITE:
                    if pending == TO_PROX:
                        # CONSTRAIN
                        momentum = momenta[(k - start) * ints.MOMENTUM_STRIDE]
                        step_norm = proximal_move(
                            rows, ints, floats, current, iterate, velocity, momentum
                        )
                        pending = TO_EVALUATE
                        ints.PENDING = pending
                        floats.STEP_NORM = step_norm
                        if constant and ints.STALLED >= 2:
                            status = STATUS_PRECISION_LOSS
                            break
                if evaluate == 0:
                    status = NEEDS_EVALUATION
                    break
                f = call_evaluate(evaluate, x, g, n, context)
                ints.NFEV += ints.COST_FUN
                ints.NJEV += ints.COST_JAC
            pending = EVALUATED
            if COMPOSITE:
                smooth = f
                f += floats.PENALTY
            if not f - f == 0.0:
                status = STATUS_NONFINITE
                break
            improves = best < 0 or f < f_best
            if COMPOSITE:
                # Also where this point was known before the operator raised.
                improves = improves or best == current
                grad_norm = largest_magnitude(g, n)
                if grad_norm - grad_norm == 0.0:
                    if improves:
                        ints.BEST = current
                        floats.FUN_BEST = f
                    ints.PENDING = DELIVERED
                    floats.FUN = smooth
                    grad_norm = penalized_residual(rows, ints, floats, current)
            nit = k
            ending = RUNNING
            # STOPPING
        stop_here = k >= last or ending != RUNNING
        if not COMPOSITE:
            if norm != NORM_INF:
                grad_norm = call_norm(ints.NORM_ADDRESS, g, n, norm, floats.NORM_ORDER)
            elif stop_here:
                grad_norm = largest_magnitude(g, n)
        if stop_here:
            if not COMPOSITE:
                if ints.BOUNDED != 0 and grad_norm - grad_norm == 0.0:
                    grad_norm = bounded_residual(rows, ints, floats, current)
            if not grad_norm - grad_norm == 0.0:
                status = STATUS_NONFINITE
                nit = larger(k - 1, 0)
                break
            if improves:
                best = current
                f_best = f
                improves = False
            floats.LEARNING_RATE = floats.NEXT_RATE
            result = current
            status = ending
            if grad_norm <= gtol:
                status = STATUS_CONVERGED
            elif ending == STATUS_CONVERGED:
                result = best
            break

        # One pass: the step into a row that is neither the current nor the best point, so that
        # both stay intact, with the norms that the tests need.
        learning_rate = rates[(k - start) * ints.RATE_STRIDE]
        momentum = momenta[(k - start) * ints.MOMENTUM_STRIDE]
        momentum_next = momenta[(k + 1 - start) * ints.MOMENTUM_STRIDE]
        target = 0
        while target == current or target == best:
            target += 1
        x_new = row(rows, target)
        steady = constant
        if COMPOSITE:
            steady = False  # the proximal operator is still to come
            # CONSTRAIN
            keep_iterate(rows, ints, iterate)
        # CARRY
        # SLOT_ROWS
        g_bits = magnitude_bits(g[0])
        x_bits = magnitude_bits(x[0])
        step_bits = magnitude_bits(x[0] - x[0])
        slot_bits = step_bits
        for i in range(n):
            # RULE
            g_bits = larger_magnitude(g_bits, g_i)
            x_bits = larger_magnitude(x_bits, x_i)
            step_bits = larger_magnitude(step_bits, x_new_i - x_i)
        if not COMPOSITE:
            if norm == NORM_INF:
                grad_norm = from_magnitude_bits(g_bits, g)
        x_norm = from_magnitude_bits(x_bits, g)
        step_norm = from_magnitude_bits(step_bits, g)
        if not grad_norm - grad_norm == 0.0:
            status = STATUS_NONFINITE
            nit = larger(k - 1, 0)
            break
        if not COMPOSITE:
            if ints.BOUNDED != 0:
                grad_norm = bounded_residual(rows, ints, floats, current)
                # CONSTRAIN
                step_norm = constrain(rows, ints, current, target, iterate, velocity, momentum_next)
        # A point counts as the best only if its gradient, too, is finite.
        if improves:
            best = current
            f_best = f
            improves = False
        floats.LEARNING_RATE = floats.NEXT_RATE
        floats.NEXT_RATE = learning_rate
        if ints.HISTORY >= 0:
            history[ints.HISTORY, 0] = f
            history[ints.HISTORY, 1] = grad_norm
            history[ints.HISTORY, 2] = learning_rate
            ints.HISTORY += 1
        if grad_norm <= gtol:
            status = STATUS_CONVERGED
            result = current
        elif steady and step_norm == 0.0 and slot_bits == 0:
            # A fixed point of the iteration in this arithmetic: nothing can change any more.
            status = STATUS_PRECISION_LOSS
        f_previous = f
        k += 1
        pending = TO_EVALUATE
        if COMPOSITE:
            ints.PREVIOUS = current
            pending = TO_PROX
        current = target
        if status != RUNNING:
            break
    ints.STATUS = status
    ints.ITERATION = k
    ints.NIT = nit
    ints.CURRENT = current
    ints.BEST = best
    ints.RESULT = result
    ints.PENDING = pending
    floats.FUN = f
    floats.FUN_BEST = f_best
    floats.FUN_PREVIOUS = f_previous
    floats.GRAD_NORM = grad_norm
    floats.STEP_NORM = step_norm
    floats.X_NORM = x_norm
    # CARRIES_BACK
