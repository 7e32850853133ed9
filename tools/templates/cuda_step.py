# One iteration with a given rate on vectors that lie on a device: the step, the norms and the tests
# of fixed_rate.py in one pass. The point that was evaluated, the one before and the next one lie in
# three vectors that take turns; the best point is written to a fourth one only when the run leaves
# it for a worse one.
#
# Each block reduces its part, and the block that comes last reduces those of all blocks, in an
# order that does not depend on which one that is, and decides. What it decides is in `ints`: later
# launches see it, and do nothing. So the host may run ahead without asking.
#
# An objective by entries (OWN) is evaluated in the same pass, and a launch makes many iterations:
# all blocks wait for each other once in each, reduce and decide the same, and go on.


@part
def reduce_block(sizes, sums, shared):
    """Largest magnitudes and sums over the threads of a block, in the column of thread 0."""
    t = cuda.threadIdx.x
    for j in range(4):
        shared[j, t] = sizes[j]
    for j in range(2):
        shared[4 + j, t] = sums[j]
    cuda.syncthreads()
    width = cuda.blockDim.x // 2
    while width > 0:
        if t < width:
            for j in range(4):
                shared[j, t] = larger_magnitude(shared[j, t], shared[j, t + width])
            for j in range(4, 6):
                shared[j, t] += shared[j, t + width]
        cuda.syncthreads()
        width //= 2


@part
def reduce_blocks(partials, sizes, sums, shared):
    """The same over what all blocks have found, in an order that is always the same."""
    for j in range(4):
        sizes[j] = 0.0
    for j in range(2):
        sums[j] = 0.0
    for b in range(cuda.threadIdx.x, cuda.gridDim.x, cuda.blockDim.x):
        for j in range(4):
            sizes[j] = larger_magnitude(sizes[j], partials[j, b])
        for j in range(2):
            sums[j] += partials[4 + j, b]
    reduce_block(sizes, sums, shared)


@part
def norm_of(norm_total, size, order):
    """The norm of the convergence test from the sum or the size of its entries."""
    if ints.NORM == NORM_1:
        return norm_total
    if ints.NORM == NORM_2:
        return math.sqrt(norm_total)
    if ints.NORM == NORM_P:
        return norm_total ** (1.0 / order)
    return size


@part
def conclude(ints, floats, f, shared, steady, learning_rate, last, kept):
    """What the processor's loop decides after an evaluation and a step.

    Is the point before kept by now, if it is the lowest?
    """
    norm = norm_of(shared[4, 0], shared[0, 0], floats.NORM_ORDER)
    finite = shared[0, 0] < np.inf
    steady = steady and shared[2, 0] == 0.0 and shared[3, 0] == 0.0
    k = ints.ITERATION
    f_best = floats.FUN_BEST
    f_previous = floats.FUN
    improves = abs(f) < np.inf and (ints.BEST < 0 or f < f_best)
    ftol = floats.FTOL
    xtol = floats.XTOL
    step_norm = floats.STEP_NORM
    x_norm = floats.X_NORM
    status = RUNNING
    # Where the lowest point is: the current one, the one before, or the one that was kept.
    before = 2
    if ints.BEST < 0:
        before = 0
    elif ints.IMPROVED != 0 and (improves or not kept):
        before = 1
    ints.RESULT = before
    floats.FUN = f
    if not abs(f) < np.inf:
        status = STATUS_NONFINITE
    elif not (finite and norm < np.inf):
        status = STATUS_NONFINITE
        ints.NIT = larger(k - 1, 0)
    else:
        ints.NIT = k
        floats.GRAD_NORM = norm
        ending = RUNNING
        # STOPPING
        ints.IMPROVED = 1 if improves else 0
        if improves:
            ints.BEST = 0
            floats.FUN_BEST = f
            ints.RESULT = 0
        floats.LEARNING_RATE = floats.NEXT_RATE
        if norm <= floats.GTOL:
            status = STATUS_CONVERGED
            ints.RESULT = 0
        elif ending != RUNNING:
            status = ending
        elif k >= last:
            status = STATUS_MAXITER
        elif steady:
            status = STATUS_PRECISION_LOSS
        else:
            floats.NEXT_RATE = learning_rate
    ints.ITERATION = k + 1
    ints.STATUS = status
    floats.X_NORM = shared[1, 0]
    floats.STEP_NORM = shared[2, 0]


@part
def advance_carries(ints, floats):
    """What the method carries, an iteration on; may its rule stand still from there?"""
    steady = ints.RATE_STRIDE == 0 and ints.MOMENTUM_STRIDE == 0
    # CONSTANTS
    # CARRY
    # CARRIES_BACK
    return steady


@part
def take_step(
    x,  # IN     (n,): the point
    target,  # OUT    (n,): the next one
    g,  # INOUT  (n,): its gradient
    slots,  # INOUT  (slots, n): the method's vectors
    best,  # OUT    (n,): the lowest point, once it is left
    left,  # IN     (n,): what is copied there
    keep,  # IN     if it is
    ints,  # IN     the run's numbers
    floats,  # IN
    extra,  # IN     the method's constants and what it carries
    rates,  # IN     learning rates, or one constant
    momenta,  # IN     momenta, likewise, and one more
    lower,  # IN     (n,): bounds; (0,) if there are none
    upper,  # IN     (n,)
    w,  # IN     (n_rows,): for an objective by entries
    args,  # IN     the user's
    sizes,  # OUT    (4,): largest magnitudes of this thread's part
    sums,  # INOUT  (2,): of the norm, and of the value
    last,  # IN     the last iteration, which makes no step
):
    """A step on this thread's part of the vectors; returns the learning rate."""
    n = x.shape[0]
    now = larger(smaller(ints.ITERATION, last - 1), 0)
    learning_rate = rates[now * ints.RATE_STRIDE]
    momentum = momenta[now * ints.MOMENTUM_STRIDE]
    momentum_next = momenta[(now + 1) * ints.MOMENTUM_STRIDE]
    steady = True  # decided elsewhere
    # CONSTANTS
    # CARRY
    # SLOT_ROWS
    g_size = real_type(0.0)
    x_size = real_type(0.0)
    step_size = real_type(0.0)
    slot_bits = real_type(0.0)
    norm_total = real_type(0.0)
    value = sums[1]
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        if OWN != 0:
            value = entry_share(value, i, x, w, g, args)
        # RULE
        r_i = g_i
        if ints.BOUNDED != 0:
            r_i = x_i - upper[i] if r_i < x_i - upper[i] else r_i
            r_i = x_i - lower[i] if r_i > x_i - lower[i] else r_i
            # CONSTRAIN
            x_new_i = lower[i] if x_new_i < lower[i] else x_new_i
            x_new_i = upper[i] if x_new_i > upper[i] else x_new_i
        if keep:
            best[i] = left[i]
        target[i] = x_new_i
        # SLOTS_BACK
        # Where the gradient is not finite, neither is this.
        g_size = larger_magnitude(g_size, r_i)
        if ints.BOUNDED != 0:
            g_size = larger_magnitude(g_size, g_i - g_i)
        x_size = larger_magnitude(x_size, x_i)
        step_size = larger_magnitude(step_size, x_new_i - x_i)
        if ints.NORM == NORM_1:
            norm_total += abs(r_i)
        elif ints.NORM == NORM_2:
            norm_total += r_i * r_i
        elif ints.NORM == NORM_P:
            norm_total += abs(r_i) ** floats.NORM_ORDER
    sizes[0] = g_size
    sizes[1] = x_size
    sizes[2] = step_size
    sizes[3] = slot_bits
    sums[0] = norm_total
    sums[1] = value
    return learning_rate


@part
def step(
    x,  # IN     (n,): the point that was evaluated
    previous,  # IN     (n,): the one before
    target,  # OUT    (n,): the next one
    g,  # IN     (n,): its gradient
    f,  # IN     (1,): its value
    slots,  # INOUT  (slots, n): the method's vectors
    best,  # OUT    (n,): the lowest point, once it is left
    ints,  # INOUT  the run's numbers
    floats,  # INOUT
    extra,  # INOUT  the method's constants and what it carries
    rates,  # IN     learning rates, or one constant
    momenta,  # IN     momenta, likewise, and one more
    lower,  # IN     (n,): bounds; (0,) if there are none
    upper,  # IN     (n,)
    partials,  # OUT    (6, blocks)
    ticket,  # INOUT  (1,): blocks that are done; zero before and after
    last,  # IN     the last iteration, which makes no step
):
    if ints.STATUS != RUNNING:
        return
    shared = cuda.shared.array((6, THREADS), real_type)
    is_last = cuda.shared.array(1, np.int32)
    sizes = cuda.local.array(4, real_type)
    sums = cuda.local.array(2, real_type)
    sums[1] = 0.0
    value = real_type(f[0])
    improved = abs(value) < np.inf and (ints.BEST < 0 or value < floats.FUN_BEST)
    keep = ints.IMPROVED != 0 and not improved
    learning_rate = take_step(
        x,
        target,
        g,
        slots,
        best,
        previous,
        keep,
        ints,
        floats,
        extra,
        rates,
        momenta,
        lower,
        upper,
        (),
        (),
        sizes,
        sums,
        last,
    )
    reduce_block(sizes, sums, shared)
    t = cuda.threadIdx.x
    if t == 0:
        for j in range(6):
            partials[j, cuda.blockIdx.x] = shared[j, 0]
        cuda.threadfence()
        done = cuda.atomic.add(ticket, 0, 1)
        cuda.threadfence()
        is_last[0] = 1 if done == cuda.gridDim.x - 1 else 0
    cuda.syncthreads()
    if is_last[0] == 0:
        return
    reduce_blocks(partials, sizes, sums, shared)
    if t == 0:
        steady = advance_carries(ints, floats)
        conclude(ints, floats, value, shared, steady, learning_rate, last, True)
        ticket[0] = 0


@part
def iterate(
    first,  # INOUT  (n,): the iterates, which take turns
    second,  # INOUT
    third,  # INOUT
    g,  # OUT    (n,): the gradient at the last one
    slots,  # INOUT  (slots, n): the method's vectors
    best,  # OUT    (n,): the lowest point, once it is left
    all_ints,  # INOUT  the run's numbers
    all_floats,  # INOUT
    all_extra,  # INOUT  the method's constants and what it carries
    rates,  # IN     learning rates, or one constant
    momenta,  # IN     momenta, likewise, and one more
    lower,  # IN     (n,): bounds; (0,) if there are none
    upper,  # IN     (n,)
    partials,  # OUT    (2, 6, blocks)
    w,  # OUT    (n_rows,): what the entries need of the rows
    args,  # IN     the user's
    last,  # IN     the last iteration, which makes no step
    most,  # IN     iterations of this launch, at most
):
    if all_ints[I_STATUS] != RUNNING:
        return
    shared = cuda.shared.array((6, THREADS), real_type)
    ints = cuda.shared.array(N_INTS, np.int32)
    floats = cuda.shared.array(N_FLOATS, real_type)
    extra = cuda.shared.array(N_EXTRA, real_type)
    sizes = cuda.local.array(4, real_type)
    sums = cuda.local.array(2, real_type)
    t = cuda.threadIdx.x
    if t == 0:
        set_numbers(ints, floats, all_ints, all_floats)
        for j in range(N_EXTRA):
            extra[j] = all_extra[j]
    cuda.syncthreads()
    keep = False
    previous = third
    for turn in range(most):
        improved = ints.IMPROVED
        x = first
        target = second
        previous = third
        if ints.ITERATION % 3 == 1:
            x = second
            target = third
            previous = first
        elif ints.ITERATION % 3 == 2:
            x = third
            target = first
            previous = second
        value = real_type(0.0)
        if OWN == WITH_ROWS:
            for r in range(cuda.grid(1), w.shape[0], cuda.gridsize(1)):
                value = row_share(value, r, x, w, args)
            cuda.cg.this_grid().sync()
        sums[1] = value
        # The target is what was the point before in the last turn.
        learning_rate = take_step(
            x,
            target,
            g,
            slots,
            best,
            target,
            keep,
            ints,
            floats,
            extra,
            rates,
            momenta,
            lower,
            upper,
            w,
            args,
            sizes,
            sums,
            last,
        )
        reduce_block(sizes, sums, shared)
        # Two sets of partial results take turns: who writes to one again has been waited for by
        # those who read it.
        if t == 0:
            for j in range(6):
                partials[turn % 2, j, cuda.blockIdx.x] = shared[j, 0]
        cuda.cg.this_grid().sync()
        reduce_blocks(partials[turn % 2], sizes, sums, shared)
        if t == 0:
            steady = advance_carries(ints, floats)
            conclude(ints, floats, shared[5, 0], shared, steady, learning_rate, last, False)
        cuda.syncthreads()
        keep = improved != 0 and ints.IMPROVED == 0
        if ints.STATUS != RUNNING:
            break
    if keep:
        for i in range(cuda.grid(1), best.shape[0], cuda.gridsize(1)):
            best[i] = previous[i]
    if cuda.grid(1) == 0:
        set_numbers(all_ints, all_floats, ints, floats)
        for j in range(N_EXTRA):
            all_extra[j] = extra[j]
