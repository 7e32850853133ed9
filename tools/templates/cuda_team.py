# A run whose automatic loop a whole grid goes through. The user's functions run between two
# launches: a launch takes in what they gave for the point that was asked for, goes on, and writes
# down the next such point.
#
# In each block the first warp goes through the state machine, with numbers that are the same in all
# blocks; of a loop over the variables it tells the others by `task`, a number and the rows, and
# `inputs`, the scalars. Then all threads of the grid take part in it. The numbers lie in global
# memory between launches, and thread 0 writes them back. Where the run has ended, later launches do
# nothing, so that the host may run ahead.


@part
def largest(a, b):
    """max(a, b); nan if one of them is."""
    return a if b <= a or a != a else b


@part
def smallest_magnitude(v, n):
    """The smallest magnitude in a row; nan if it holds one."""
    most = -np.inf
    for i in range(n):
        most = largest(most, -abs(v[i]))
    return -most


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
def reduce_team(values, sums, count, shared, partials, side):
    """Reduce the values of all threads to column 0, in each block.

    The sums come first. Every block reduces what all blocks have found, in the same order.
    """
    t = cuda.threadIdx.x
    blocks = cuda.gridDim.x
    for j in range(count):
        shared[j, t] = values[j]
    reduce_block(shared, sums, count, THREADS)
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


@part
def perform(team):
    """Take part in what was ordered; those who order nothing themselves, in all that follows.

    What was reduced is in column 0 of `shared` until the next order.
    """
    stay_whole()
    rows, task, inputs, shared, partials, reductions = team
    values = cuda.local.array(MOST_VALUES, real_type)
    while True:
        cuda.syncthreads()
        if task[0] < 0:
            return
        sums, count = operate(rows, task, inputs, values)
        if count > 0:
            # Two sets of partial results take turns: who writes to one again has been waited for
            # by those who read it.
            reduce_team(values, sums, count, shared, partials, reductions[0] % 2)
            reductions[0] += 1
        cuda.syncthreads()
        if cuda.threadIdx.x < LEADERS:
            return


@part
def end_orders(result, team):
    """Let the other threads go on, and know a number."""
    task = team[1]
    task[0] = -1
    task[1] = result
    perform(team)


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
    task = cuda.shared.array(TASK_SIZE, np.int32)
    inputs = cuda.shared.array(MOST_SCALARS, real_type)
    shared = cuda.shared.array((MOST_VALUES, THREADS), real_type)
    reductions = cuda.local.array(1, np.int32)
    ints = cuda.local.array(N_INTS, np.int32)
    floats = cuda.local.array(N_FLOATS, real_type)
    extra = cuda.local.array(N_EXTRA, real_type)
    reductions[0] = 0
    team = (rows, task, inputs, shared, partials, reductions)
    if mode == EVALUATED:
        target = rows[N_POINTS + all_ints[I_TRIAL]]
        for i in range(cuda.grid(1), g.shape[0], cuda.gridsize(1)):
            target[i] = g[i]
    if cuda.threadIdx.x < LEADERS:
        set_numbers(ints, floats, all_ints, all_floats)
        for j in range(N_EXTRA):
            extra[j] = all_extra[j]
        if mode == EVALUATED:
            floats.FUN = real_type(f[0])
            ints.NFEV += ints.COST_FUN
            ints.NJEV += ints.COST_JAC
            ints.PENDING = DELIVERED
        elif mode == TO_EVALUATE and ints.TERMS != 0:
            clip_to_bounds(rows, ints, 0)
            floats.PENALTY = penalty_at(rows, ints, 0)
        drive(rows, ints, floats, extra, last)
        end_orders(ints.TRIAL if ints.STATUS == NEEDS_EVALUATION else -1)
    else:
        perform(team)
    if task[1] >= 0:
        x = rows[task[1]]
        for i in range(cuda.grid(1), point.shape[0], cuda.gridsize(1)):
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
    numbers,  # OUT    (2,): value and norm of the test there
    all_ints,  # IN     the run's numbers
    all_floats,  # IN
    all_extra,  # IN
    partials,  # OUT    (2, MOST_VALUES, blocks)
    chosen,  # IN     row of the point; -1: the one that the run ends with
):
    task = cuda.shared.array(TASK_SIZE, np.int32)
    inputs = cuda.shared.array(MOST_SCALARS, real_type)
    shared = cuda.shared.array((MOST_VALUES, THREADS), real_type)
    reductions = cuda.local.array(1, np.int32)
    ints = cuda.local.array(N_INTS, np.int32)
    floats = cuda.local.array(N_FLOATS, real_type)
    extra = cuda.local.array(N_EXTRA, real_type)
    reductions[0] = 0
    team = (rows, task, inputs, shared, partials, reductions)
    evaluated = all_ints[I_BEST] >= 0 or all_ints[I_PENDING] != TO_EVALUATE
    if cuda.threadIdx.x < LEADERS:
        set_numbers(ints, floats, all_ints, all_floats)
        point = ints.CURRENT
        if chosen >= 0:
            point = chosen
        elif ints.STATUS == STATUS_CONVERGED:
            point = ints.RESULT
        elif ints.BEST >= 0:
            point = ints.BEST
        norm = NAN
        if evaluated:
            g = N_POINTS + point
            norm = largest_magnitude(g, np.int64(ints[I_SIZE]))
            if ints.TERMS != 0 and norm < np.inf:
                norm = proximal_residual(rows, ints, floats, point)
            elif ints.NORM != NORM_INF:
                norm = vector_norm(g, np.int64(ints[I_SIZE]), ints.NORM, floats.NORM_ORDER)
        if cuda.grid(1) == 0:
            numbers[0] = floats.FUN_BEST if point == ints.BEST else floats.FUN
            numbers[1] = norm
        end_orders(point)
    else:
        perform(team)
    x = rows[task[1]]
    g = rows[N_POINTS + task[1]]
    for i in range(cuda.grid(1), x_out.shape[0], cuda.gridsize(1)):
        x_out[i] = x[i]
        g_out[i] = g[i] if evaluated else NAN
