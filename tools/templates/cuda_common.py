# What the loops of CUDA kernels need besides those of the processor. x and g are strided vectors.


@part
def larger(a, b):
    """max(a, b)."""
    return b if b > a else a


@part
def smaller(a, b):
    """min(a, b)."""
    return b if b < a else a


@part
def larger_magnitude(size, value):
    """The larger of `size` and |value|; nan if one of them is."""
    found = abs(value)
    return size if found <= size or size != size else found


@part
def added_magnitude(size, value):
    """Zero if both are."""
    return size + abs(value)


@part
def separable_prox(rows, ints, z, n, step):
    """Proximal point of h in place; returns h there."""
    l1 = rows[ints.TERMS + L1_ROW]
    l2 = rows[ints.TERMS + L2_ROW]
    lower = rows[ints.TERMS + LOWER_ROW]
    upper = rows[ints.TERMS + UPPER_ROW]
    total = 0.0
    for i in range(n):
        z_i = prox_entry(z[i], step, l1[i], l2[i], lower[i], upper[i])
        z[i] = z_i
        total += l1[i] * abs(z_i) + 0.5 * l2[i] * z_i * z_i
    return total


@part
def begin(
    rows,  # OUT    (rows, n): the workspace of one problem
    ints,  # OUT    its numbers
    floats,  # OUT
    extra,  # OUT    those that are not named
    best,  # IN     (n,): where the problem starts
    first_ints,  # IN     what they start from
    first_floats,  # IN
    first_extra,  # IN
    first_rows,  # IN     (rows, n)
    start_rows,  # IN     which of these are not written before they are read
    lower,  # IN     (n,): bounds of this problem; not read where it has none of its own
    upper,  # IN
):
    """Start a problem."""
    set_numbers(ints, floats, first_ints, first_floats)
    for j in range(extra.shape[0]):
        extra[j] = first_extra[j]
    n = ints.SIZE
    for i in range(n):
        rows[0, i] = best[i]
    for k in range(start_rows.shape[0]):
        j = start_rows[k]
        for i in range(n):
            rows[j, i] = first_rows[j, i]
    if ints.TERMS != 0:
        if lower.shape[0] > 0:
            for i in range(n):
                rows[ints.TERMS + LOWER_ROW, i] = lower[i]
                rows[ints.TERMS + UPPER_ROW, i] = upper[i]
        clip_to_bounds(rows, ints, 0)
        floats.PENALTY = penalty_at(rows, ints, 0)


@part
def advance(
    rows, ints, floats, extra, best, lower, upper, rates, momenta, context, stretch, maxiter
):
    """Some iterations; returns whether the run has ended."""
    drive(rows, ints, floats, extra, context, smaller(ints.ITERATION + stretch, maxiter))
    return ints.STATUS != RUNNING or ints.ITERATION >= maxiter


@part
def finish(
    rows,  # IN     (rows, n)
    ints,  # IN
    floats,  # IN
    extra,  # IN
    x_out,  # OUT    (n,)
    g_out,  # OUT    (n,)
    numbers,  # OUT    (N_NUMBERS,)
    counts,  # OUT    (N_COUNTS,)
    context,  # IN     not used
    lower,  # IN     not used
    upper,  # IN     not used
    ended,  # IN     has the run ended, or was it stopped?
):
    """Write down what was found."""
    n = ints.SIZE
    status = ints.STATUS
    if status == RUNNING:
        status = STATUS_MAXITER if ended else NOT_RUN
    point = ints.CURRENT
    if ints.BEST >= 0:
        point = ints.BEST
    if status == STATUS_CONVERGED:
        point = ints.RESULT
    evaluated = ints.BEST >= 0 or ints.PENDING != TO_EVALUATE
    x = rows[point]
    g = rows[N_POINTS + point]
    norm = 0.0
    for i in range(n):
        x_out[i] = x[i]
        g_i = g[i] if evaluated else np.nan
        g_out[i] = g_i
        norm = larger_magnitude(norm, g_i)
    if evaluated:
        if ints.TERMS != 0 and norm < np.inf:
            norm = proximal_residual(rows, ints, floats, point)
        elif ints.NORM != NORM_INF:
            norm = vector_norm(g, n, ints.NORM, floats.NORM_ORDER)
    numbers[0] = floats.FUN_BEST if point == ints.BEST else floats.FUN
    numbers[1] = norm
    numbers[2] = floats.LEARNING_RATE
    counts[0] = status
    counts[1] = ints.NIT
    counts[2] = ints.NFEV
    counts[3] = ints.NJEV
    counts[4] = ints.N_RESTARTS
    counts[5] = ints.LINE_SEARCH_FAILURES
