# A run whose automatic loop a whole grid goes through. The user's functions run between two
# launches: a launch takes in what they gave for the point that was asked for, goes on, and writes
# down the next such point.
#
# In each block the first warp goes through the state machine, with numbers that are the same in all
# blocks; of a loop over the variables it tells the others by `task`, a number and the rows, and
# `inputs`, the scalars. Then all threads of the grid take part in it. The numbers lie in global
# memory between launches, and thread 0 writes them back. Where the run has ended, later launches do
# nothing, so that the host may run ahead.
#
# An objective that is given entry by entry (OWN) is evaluated by all threads, too: a launch makes
# many evaluations.


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
    rows, task, inputs, shared, partials, reductions = team[:6]
    values = cuda.local.array(MOST_VALUES, real_type)
    while True:
        cuda.syncthreads()
        if task[0] == TEAM_ENDED:
            return
        if OWN != 0 and task[0] == TEAM_EVALUATION:
            values[0] = evaluate_shares(team)
            sums, count = 1, 1
        else:
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
    task[0] = TEAM_ENDED
    task[1] = result
    perform(team)


@part
def evaluate_shares(team):
    """What this thread's rows and entries contribute to the value; writes their gradient."""
    rows, task, w, args = team[0], team[1], team[6], team[7]
    x = rows[task[1]]
    g = rows[N_POINTS + task[1]]
    # The entries of x are those of other threads, too.
    cuda.cg.this_grid().sync()
    value = real_type(0.0)
    if OWN == WITH_ROWS:
        for r in range(cuda.grid(1), w.shape[0], cuda.gridsize(1)):
            value = row_share(value, r, x, w, args)
        cuda.cg.this_grid().sync()
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        value = entry_share(value, i, x, w, g, args)
    return value


@part
def evaluate_point(point, team):
    """The value of the objective at a point; its gradient is beside it."""
    task = team[1]
    task[0] = TEAM_EVALUATION
    task[1] = point
    perform(team)
    return team[3][0, 0]


@part
def deliver(ints, floats, f):
    """The value at the point that was asked for."""
    floats.FUN = f
    ints.NFEV += ints.COST_FUN
    ints.NJEV += ints.COST_JAC
    ints.PENDING = DELIVERED


@part
def enter_terms(rows, ints, floats):
    """Begin where bounds and penalty allow it."""
    if ints.TERMS != 0:
        clip_to_bounds(rows, ints, 0)
        floats.PENALTY = penalty_at(rows, ints, 0)


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
    w, args = (), ()
    # TEAM_SETUP
    if mode == EVALUATED:
        target = rows[N_POINTS + all_ints[I_TRIAL]]
        for i in range(cuda.grid(1), g.shape[0], cuda.gridsize(1)):
            target[i] = g[i]
    if cuda.threadIdx.x < LEADERS:
        set_numbers(ints, floats, all_ints, all_floats)
        for j in range(N_EXTRA):
            extra[j] = all_extra[j]
        if mode == EVALUATED:
            deliver(ints, floats, real_type(f[0]))
        elif mode == TO_EVALUATE:
            enter_terms(rows, ints, floats)
        drive(rows, ints, floats, extra, last)
        end_orders(ints.TRIAL if ints.STATUS == NEEDS_EVALUATION else -1)
    else:
        perform(team)
    if task[1] >= 0:
        x = rows[task[1]]
        for i in range(cuda.grid(1), point.shape[0], cuda.gridsize(1)):
            point[i] = x[i]
    # TEAM_WRITE_BACK


@part
def go_on(
    rows,  # INOUT  (rows, n): the workspace
    w,  # OUT    (n_rows,): what the entries need of the rows
    args,  # IN     the user's
    all_ints,  # INOUT  the run's numbers
    all_floats,  # INOUT
    all_extra,  # INOUT  those without a name
    partials,  # OUT    (2, MOST_VALUES, blocks)
    mode,  # IN     is a point to be evaluated, does the run begin, or go on after a stop?
    last,  # IN     stop before iteration `last`
    most,  # IN     and after so many evaluations
):
    if mode == EVALUATED and all_ints[I_STATUS] != NEEDS_EVALUATION:
        return
    # TEAM_SETUP
    if cuda.threadIdx.x < LEADERS:
        set_numbers(ints, floats, all_ints, all_floats)
        for j in range(N_EXTRA):
            extra[j] = all_extra[j]
        if mode == TO_EVALUATE:
            enter_terms(rows, ints, floats)
        left = most
        asked = mode == EVALUATED
        while True:
            if asked:
                deliver(ints, floats, evaluate_point(ints.TRIAL))
                left -= 1
            drive(rows, ints, floats, extra, last)
            asked = ints.STATUS == NEEDS_EVALUATION
            if not asked or left <= 0:
                break
        end_orders(-1)
    else:
        perform(team)
    # TEAM_WRITE_BACK


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
    w, args = (), ()
    # TEAM_SETUP
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
