# A run whose automatic loop all threads of a grid go through together: what they reduce, and the
# kernels. The functions of the user's run between two launches: a launch takes in what they gave
# for the point that was asked for, goes on, and writes down the next such point.
#
# The numbers of a run lie in global memory between launches. Each thread has its own copy, and
# thread 0 writes it back. Where the run has ended, later launches do nothing, so that the host may
# run ahead.


@part
def largest(a, b):
    """max(a, b); nan if one of them is."""
    return a if b <= a or a != a else b


@part
def smallest_magnitude(v, n):
    """The smallest magnitude in a row; nan if it holds one."""
    found = -np.inf
    for i in range(n):
        found = largest(found, -abs(v[i]))
    return -found


@part
def reduce_block(shared, sums, count, columns):
    """Reduce these columns to column 0: sums, then largest numbers, of `count` rows."""
    t = cuda.threadIdx.x
    cuda.syncthreads()
    width = THREADS // 2
    while width > 0:
        if t < width and t + width < columns:
            for j in range(sums):
                shared[j, t] += shared[j, t + width]
            for j in range(sums, count):
                shared[j, t] = largest(shared[j, t], shared[j, t + width])
        cuda.syncthreads()
        width //= 2


@part
def reduce_team(team, sums, count):
    """Reduce the values of all threads: all get the same ones.

    The sums come first. Every block reduces what all blocks have found. Two sets of partial results
    take turns: who writes to one again has been waited for by those who read it.
    """
    partials, values, reductions = team
    shared = cuda.shared.array((MOST_VALUES, THREADS), real_type)
    t = cuda.threadIdx.x
    blocks = cuda.gridDim.x
    for j in range(count):
        shared[j, t] = values[j]
    reduce_block(shared, sums, count, THREADS)
    side = reductions[0] % 2
    reductions[0] += 1
    if t == 0:
        for j in range(count):
            partials[side, j, cuda.blockIdx.x] = shared[j, 0]
    cuda.cg.this_grid().sync()
    if t < blocks:
        for j in range(count):
            shared[j, t] = partials[side, j, t]
        for b in range(t + THREADS, blocks, THREADS):
            for j in range(sums):
                shared[j, t] += partials[side, j, b]
            for j in range(sums, count):
                shared[j, t] = largest(shared[j, t], partials[side, j, b])
    reduce_block(shared, sums, count, smaller(blocks, THREADS))
    for j in range(count):
        values[j] = shared[j, 0]
    cuda.syncthreads()


@part
def tell(
    rows,  # INOUT  (rows, n): the workspace
    point,  # OUT    (n,): the point to evaluate next
    g,  # IN     (n,): the gradient at the one before
    f,  # IN     (1,): the value there
    all_ints,  # INOUT  the run's numbers
    all_floats,  # INOUT
    all_extra,  # INOUT  those without a name
    partials,  # OUT    (2, MOST_VALUES, blocks)
    mode,  # IN     is a point evaluated, does the run begin, or go on after a stop?
    last,  # IN     stop before iteration `last`
):
    if mode == EVALUATED and all_ints[I_STATUS] != NEEDS_EVALUATION:
        return
    ints = cuda.local.array(len(INT_NAMES), np.int32)
    floats = cuda.local.array(len(FLOAT_NAMES), real_type)
    extra = cuda.local.array(N_EXTRA, real_type)
    values = cuda.local.array(MOST_VALUES, real_type)
    reductions = cuda.local.array(1, np.int32)
    reductions[0] = 0
    team = (partials, values, reductions)
    set_numbers(ints, floats, all_ints, all_floats)
    for j in range(N_EXTRA):
        extra[j] = all_extra[j]
    n = ints.SIZE
    if mode == EVALUATED:
        target = rows[N_POINTS + ints.TRIAL]
        for i in range(n):
            target[i] = g[i]
        floats.FUN = real_type(f[0])
        ints.NFEV += ints.COST_FUN
        ints.NJEV += ints.COST_JAC
        ints.PENDING = DELIVERED
    elif mode == TO_EVALUATE and ints.TERMS != 0:
        clip_to_bounds(rows, ints, 0)
        floats.PENALTY = penalty_at(rows, ints, 0)
    drive(rows, ints, floats, extra, last)
    if ints.STATUS == NEEDS_EVALUATION:
        x = rows[ints.TRIAL]
        for i in range(n):
            point[i] = x[i]
    if reductions[0] == 0:
        # Nobody has been waited for since the numbers were read.
        cuda.cg.this_grid().sync()
    if cuda.grid(1) == 0:
        set_numbers(all_ints, all_floats, ints, floats)
        for j in range(N_EXTRA):
            all_extra[j] = extra[j]


@part
def found(
    rows,  # IN     (rows, n)
    x_out,  # OUT    (n,): the point that the run ends with
    g_out,  # OUT    (n,): its gradient
    numbers,  # OUT    (N_NUMBERS,)
    counts,  # OUT    (N_COUNTS,)
    all_ints,  # IN     the run's numbers
    all_floats,  # IN
    all_extra,  # IN
    partials,  # OUT    (2, MOST_VALUES, blocks)
):
    ints = cuda.local.array(len(INT_NAMES), np.int32)
    floats = cuda.local.array(len(FLOAT_NAMES), real_type)
    extra = cuda.local.array(N_EXTRA, real_type)
    values = cuda.local.array(MOST_VALUES, real_type)
    reductions = cuda.local.array(1, np.int32)
    reductions[0] = 0
    team = (partials, values, reductions)
    set_numbers(ints, floats, all_ints, all_floats)
    for j in range(N_EXTRA):
        extra[j] = all_extra[j]
    finish(rows, ints, floats, extra, x_out, g_out, numbers, counts, 0, x_out, x_out, True)
