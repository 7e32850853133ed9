# One iteration with a given rate on vectors that lie on a device: the step, the norms and the tests
# of fixed_rate.py in one pass. The point that was evaluated, the one before and the next one lie in
# three vectors that take turns; the best point is written to a fourth one only when the run leaves
# it for a worse one.
#
# Each block reduces its part, and the block that comes last reduces those of all blocks, in an
# order that does not depend on which one that is, and decides. What it decides is in `ints`: later
# launches see it, and do nothing. So the host may run ahead without asking.


@part
def reduce_block(sizes, norm_total, shared):
    """Largest magnitudes and sum over the threads of a block, in the column of thread 0."""
    t = cuda.threadIdx.x
    for j in range(4):
        shared[j, t] = sizes[j]
    shared[4, t] = norm_total
    cuda.syncthreads()
    width = cuda.blockDim.x // 2
    while width > 0:
        if t < width:
            for j in range(4):
                shared[j, t] = larger_magnitude(shared[j, t], shared[j, t + width])
            shared[4, t] += shared[4, t + width]
        cuda.syncthreads()
        width //= 2


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
def conclude(ints, floats, f, norm, finite, steady, learning_rate, last):
    """What the processor's loop decides after an evaluation and a step."""
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
    elif ints.IMPROVED != 0 and improves:
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
    partials,  # OUT    (5, blocks)
    ticket,  # INOUT  (1,): blocks that are done; zero before and after
    last,  # IN     the last iteration, which makes no step
):
    if ints.STATUS != RUNNING:
        return
    shared = cuda.shared.array((5, THREADS), real_type)
    is_last = cuda.shared.array(1, np.int32)
    sizes = cuda.local.array(4, real_type)
    n = x.shape[0]
    k = ints.ITERATION
    value = real_type(f[0])
    improved = abs(value) < np.inf and (ints.BEST < 0 or value < floats.FUN_BEST)
    keep = ints.IMPROVED != 0 and not improved
    now = larger(smaller(k, last - 1), 0)
    learning_rate = rates[now * ints.RATE_STRIDE]
    momentum = momenta[now * ints.MOMENTUM_STRIDE]
    momentum_next = momenta[(now + 1) * ints.MOMENTUM_STRIDE]
    steady = ints.RATE_STRIDE == 0 and ints.MOMENTUM_STRIDE == 0
    # CONSTANTS
    # CARRY
    # SLOT_ROWS
    g_size = real_type(0.0)
    x_size = real_type(0.0)
    step_size = real_type(0.0)
    slot_bits = real_type(0.0)
    norm_total = real_type(0.0)
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        # RULE
        r_i = g_i
        if ints.BOUNDED != 0:
            r_i = x_i - upper[i] if r_i < x_i - upper[i] else r_i
            r_i = x_i - lower[i] if r_i > x_i - lower[i] else r_i
            # CONSTRAIN
            x_new_i = lower[i] if x_new_i < lower[i] else x_new_i
            x_new_i = upper[i] if x_new_i > upper[i] else x_new_i
        if keep:
            best[i] = previous[i]
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
    reduce_block(sizes, norm_total, shared)
    t = cuda.threadIdx.x
    if t == 0:
        for j in range(5):
            partials[j, cuda.blockIdx.x] = shared[j, 0]
        cuda.threadfence()
        done = cuda.atomic.add(ticket, 0, 1)
        is_last[0] = 1 if done == cuda.gridDim.x - 1 else 0
    cuda.syncthreads()
    if is_last[0] == 0:
        return
    for j in range(4):
        sizes[j] = 0.0
    norm_total = real_type(0.0)
    for b in range(t, cuda.gridDim.x, cuda.blockDim.x):
        for j in range(4):
            sizes[j] = larger_magnitude(sizes[j], partials[j, b])
        norm_total += partials[4, b]
    cuda.syncthreads()
    reduce_block(sizes, norm_total, shared)
    if t == 0:
        size = shared[0, 0]
        norm = norm_of(shared[4, 0], size, floats.NORM_ORDER)
        steady = steady and shared[2, 0] == 0.0 and shared[3, 0] == 0.0
        conclude(ints, floats, value, norm, size < np.inf, steady, learning_rate, last)
        floats.X_NORM = shared[1, 0]
        floats.STEP_NORM = shared[2, 0]
        # CARRIES_BACK
        ticket[0] = 0
