# The loop of a method whose learning rate is given, for CUDA kernels: the results of
# fixed_rate.py, with another layout. The rows are the point, its gradient and the method's vectors;
# a step overwrites them, so that their places are known when the kernel is compiled, and they stay
# in registers. The best point lies in global memory, where it costs a store per variable when a new
# one is found; its gradient is evaluated again if it is asked for.


@part
def begin(
    rows,  # OUT    (2 + slots, n): point, gradient, slots
    ints,  # OUT    its numbers
    floats,  # OUT
    extra,  # OUT    the method's constants and what it carries
    best,  # INOUT  (n,): where the problem starts
    first_ints,  # IN     what they start from
    first_floats,  # IN
    first_extra,  # IN
    first_rows,  # IN     not read
    start_rows,  # IN     not read
    lower,  # IN     (n,): bounds of this problem
    upper,  # IN
):
    """Start a problem."""
    set_numbers(ints, floats, first_ints, first_floats)
    for j in range(extra.shape[0]):
        extra[j] = first_extra[j]
    for i in range(ints.SIZE):
        x_i = best[i]
        if ints.BOUNDED != 0:
            x_i = lower[i] if x_i < lower[i] else x_i
            x_i = upper[i] if x_i > upper[i] else x_i
            best[i] = x_i
        rows[0, i] = x_i
        # START


@part
def test_norm(x, g, ints, floats, lower, upper):
    """Norm of the convergence test at x."""
    n = ints.SIZE
    size = 0.0
    if ints.BOUNDED == 0:
        if ints.NORM != NORM_INF:
            return vector_norm(g, n, ints.NORM, floats.NORM_ORDER)
        for i in range(n):
            size = larger_magnitude(size, g[i])
        return size
    # Without an array for the residual, norms other than the largest are summed here.
    for i in range(n):
        r_i = g[i]
        r_i = x[i] - upper[i] if r_i < x[i] - upper[i] else r_i
        r_i = x[i] - lower[i] if r_i > x[i] - lower[i] else r_i
        if ints.NORM == NORM_INF:
            size = larger_magnitude(size, r_i)
        elif ints.NORM == NORM_MIN:
            size = abs(r_i) if i == 0 or not abs(r_i) >= size else size
        elif ints.NORM == NORM_1:
            size += abs(r_i)
        elif ints.NORM == NORM_2:
            size += r_i * r_i
        else:
            size += abs(r_i) ** floats.NORM_ORDER
    if ints.NORM == NORM_2:
        return math.sqrt(size)
    if ints.NORM == NORM_P:
        return size ** (1.0 / floats.NORM_ORDER)
    return size


@part
def all_finite(g, n):
    """Are all entries finite?"""
    size = 0.0
    for i in range(n):
        size = larger_magnitude(size, g[i])
    return size < np.inf


@part
def drive(
    rows,  # INOUT
    ints,  # INOUT
    floats,  # INOUT
    extra,  # INOUT
    best,  # OUT    (n,): the best point
    lower,  # IN     (n,)
    upper,  # IN     (n,)
    rates,  # IN     learning rates, or one constant
    momenta,  # IN     momenta, likewise, and one more
    context,  # IN     the user's arguments
    last,  # IN     return before iteration `last`
):
    n = ints.SIZE
    x = rows[0]
    g = rows[1]
    status = RUNNING
    constant = ints.RATE_STRIDE == 0 and ints.MOMENTUM_STRIDE == 0
    # CONSTANTS
    while status == RUNNING:
        k = ints.ITERATION
        if ints.PENDING == TO_EVALUATE:
            if ints.NFEV + ints.COST_FUN > ints.MAXFEV:
                status = STATUS_MAXFEV
                break
            f = evaluate(x, g, context)
            ints.NFEV += ints.COST_FUN
            ints.NJEV += ints.COST_JAC
            ints.PENDING = EVALUATED
            ending = RUNNING
            f_best = floats.FUN_BEST
            f_previous = floats.FUN
            ftol = floats.FTOL
            xtol = floats.XTOL
            step_norm = floats.STEP_NORM
            x_norm = floats.X_NORM
            floats.FUN = f
            if not abs(f) < np.inf:
                status = STATUS_NONFINITE
                break
            ints.NIT = k
            improves = ints.BEST < 0 or f < f_best
            # STOPPING
            grad_norm = test_norm(x, g, ints, floats, lower, upper)
            floats.GRAD_NORM = grad_norm
            if not (all_finite(g, n) and grad_norm < np.inf):
                status = STATUS_NONFINITE
                ints.NIT = larger(k - 1, 0)
                break
            # A point counts as the best only if its gradient, too, is finite.
            if improves:
                ints.BEST = 0
                floats.FUN_BEST = f
                for i in range(n):
                    best[i] = x[i]
            floats.LEARNING_RATE = floats.NEXT_RATE
            ints.RESULT = 1
            if grad_norm <= floats.GTOL:
                status = STATUS_CONVERGED
                break
            if ending != RUNNING:
                status = ending
                ints.RESULT = 0
                break
        if k >= last:
            break

        learning_rate = rates[k * ints.RATE_STRIDE]
        momentum = momenta[k * ints.MOMENTUM_STRIDE]
        momentum_next = momenta[(k + 1) * ints.MOMENTUM_STRIDE]
        steady = constant
        # CARRY
        # SLOT_ROWS
        x_size = 0.0
        step_size = 0.0
        slot_bits = 0.0
        for i in range(n):
            # RULE
            if ints.BOUNDED != 0:
                # CONSTRAIN
                x_new_i = lower[i] if x_new_i < lower[i] else x_new_i
                x_new_i = upper[i] if x_new_i > upper[i] else x_new_i
            x[i] = x_new_i
            # SLOTS_BACK
            x_size = larger_magnitude(x_size, x_i)
            step_size = larger_magnitude(step_size, x_new_i - x_i)
        floats.X_NORM = x_size
        floats.STEP_NORM = step_size
        floats.NEXT_RATE = learning_rate
        if steady and step_size == 0.0 and slot_bits == 0.0:
            # A fixed point of the iteration in this arithmetic: nothing can change any more.
            status = STATUS_PRECISION_LOSS
            ints.RESULT = 0
        ints.ITERATION = k + 1
        ints.PENDING = TO_EVALUATE
    ints.STATUS = status
    # CARRIES_BACK


@part
def advance(
    rows, ints, floats, extra, best, lower, upper, rates, momenta, context, stretch, maxiter
):
    """Some iterations; returns whether the run has ended."""
    last = smaller(ints.ITERATION + stretch, maxiter)
    drive(rows, ints, floats, extra, best, lower, upper, rates, momenta, context, last)
    return ints.STATUS != RUNNING or ints.ITERATION >= maxiter


@part
def finish(
    rows,  # INOUT
    ints,  # INOUT
    floats,  # INOUT
    extra,  # IN
    x_out,  # INOUT  (n,): the best point
    g_out,  # OUT    (n,)
    numbers,  # OUT    (N_NUMBERS,)
    counts,  # OUT    (N_COUNTS,)
    context,  # IN     the user's arguments
    lower,  # IN     (n,)
    upper,  # IN     (n,)
    ended,  # IN     has the run ended, or was it stopped?
):
    """Write down what was found."""
    n = ints.SIZE
    x = rows[0]
    g = rows[1]
    status = ints.STATUS
    if status == RUNNING:
        status = STATUS_MAXITER if ended else NOT_RUN
    value = floats.FUN
    if ints.BEST >= 0 and not (status == STATUS_CONVERGED and ints.RESULT == 1):
        value = floats.FUN_BEST
        for i in range(n):
            x[i] = x_out[i]
        # Not counted: the best point was evaluated before.
        evaluate(x, g, context)
    evaluated = ints.NFEV > 0
    for i in range(n):
        x_out[i] = x[i]
        g_out[i] = g[i] if evaluated else np.nan
    numbers[0] = value if evaluated else np.nan
    numbers[1] = test_norm(x, g, ints, floats, lower, upper) if evaluated else np.nan
    numbers[2] = floats.LEARNING_RATE
    counts[0] = status
    counts[1] = ints.NIT
    counts[2] = ints.NFEV
    counts[3] = ints.NJEV
    counts[4] = 0
    counts[5] = 0
