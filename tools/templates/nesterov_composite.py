# Nesterov's accelerated proximal gradient (FISTA: Beck and Teboulle 2009) on f + h, with an
# automatic learning rate 1 / L and restarts.
#
# y = x + beta (x - x_previous) is the look-ahead point, x <- prox(y - grad(y) / L) the step. L is
# found by backtracking on f(x) <= f(y) + grad(y).(x - y) + |x - y|^2 L / 2, and lowered a little
# after each step that met it at once. The momentum is dropped where (y - x).(x - x_previous) > 0
# (O'Donoghue and Candes 2015), or where f + h would rise. As in the smooth loop, grad(y) follows by
# extrapolation where f is close to a quadratic along the momentum.
#
# Where |y - x| / min(1 / L, 1) meets gtol, the momentum is dropped; where it does without momentum,
# so that y is an evaluated point, the same with 1 / L = 1 is the convergence test.


def drive(
    evaluate,  # IN     address of the evaluation, 0: return to the caller for each evaluation
    context,  # IN     address of its context
    workspace,  # INOUT  address of the rows: points and their gradients
    ints,  # INOUT  (len(INTS),)
    floats,  # INOUT  (len(FLOATS),)
    rates,  # IN     of the dtype of the rows, not read
    momenta,  # IN     not read
    history,  # OUT    (rows, 3): fun, gradient norm, learning rate
    last,  # IN     return before iteration `last`
):
    ints = named(ints)
    floats = named(floats)
    n = ints.SIZE
    rows = rows_of(workspace, ints.STRIDE, n, rates)
    ints.STATUS = RUNNING
    action = NEW_DIRECTION

    while True:
        # PROXIMAL
        if ints.PENDING == TO_EVALUATE and (
            ints.PHASE == SEARCHING or ints.PHASE == AT_BASE_TO_CONFIRM
        ):
            floats.SLOPE = proximal_change(rows, ints, floats, ints.AHEAD)
            confirming = ints.PHASE == AT_BASE_TO_CONFIRM
            unsure = ints.CONFIRMED <= ints.ITERATION
            if confirming or (unsure and (ints.TRIALS == 0 or floats.PROX_NORM < floats.NORM_REAL)):
                floats.NORM_REAL = floats.PROX_NORM
            met = floats.NORM_REAL <= floats.GTOL and ints.AHEAD == ints.REAL
            if met and (confirming or ints.SEPARABLE != 0):
                ints.RESULT = ints.REAL
                ints.STATUS = STATUS_CONVERGED
                break
            if confirming or (met and unsure):
                # The same point once more, with another t.
                step = floats.PROX_STEP
                floats.PROX_STEP = floats.STEP if confirming else 1.0
                floats.STEP = step
                ints.PHASE = SEARCHING if confirming else AT_BASE_TO_CONFIRM
                ints.CONFIRMED = ints.ITERATION + 1
                ints.PENDING = EVALUATED
                action = TRY
            elif ints.ITERATION >= last:
                break
            elif ints.HISTORY >= 0 and ints.RECORDED < ints.ITERATION:
                history[ints.HISTORY, 0] = floats.FUN_REAL
                history[ints.HISTORY, 1] = floats.NORM_REAL
                history[ints.HISTORY, 2] = np.nan
                ints.HISTORY += 1
                ints.RECORDED = ints.ITERATION
        if ints.PENDING != EVALUATED:
            x = row(rows, ints.TRIAL)
            g = row(rows, N_POINTS + ints.TRIAL)
            # EVALUATION
            floats.SMOOTH_TRIAL = floats.FUN_TRIAL
            phase = ints.PHASE
            if phase == AHEAD_OF_BASE:
                # h is not known at the look-ahead point, and may be infinite there.
                f = floats.FUN_TRIAL
                good = abs(f) < np.inf and largest_magnitude(g, n) < np.inf
                ints.AHEAD = ints.TRIAL
                ints.VIRTUAL = 0
                floats.FUN_AHEAD = f
                floats.ERROR = 0.0
                action = SEARCH_FROM_AHEAD if good else RESTART
            else:
                floats.FUN_TRIAL += floats.PENALTY
                good = judge_trial(g, ints, floats)
            if phase == AT_START:
                accept_trial(ints, floats)
                base_from_real(ints, floats)
                floats.SMOOTH_REAL = floats.SMOOTH_TRIAL
                floats.FUN_START = floats.FUN_TRIAL
                if not good:
                    ints.STATUS = STATUS_NONFINITE
                    break
                ints.PREVIOUS = -1
                floats.SEQUENCE = 1.0
                total = 0.0
                for i in range(n):
                    total += np.float64(g[i]) * g[i]
                start(x, g, n, floats, total)
                floats.PROX_STEP = floats.STEP
                action = NEW_DIRECTION
            elif phase == SEARCHING:
                # The step's end. Sufficient descent, up to rounding and extrapolation?
                f = floats.SMOOTH_TRIAL
                y = row(rows, ints.AHEAD)
                gy = row(rows, N_POINTS + ints.AHEAD)
                step = floats.PROX_STEP
                square = floats.SLOPE
                along = 0.0
                after = 0.0
                for i in range(n):
                    d_i = np.float64(x[i] - y[i])
                    along += d_i * gy[i]
                    after += d_i * g[i]
                rounding = 45.0 * floats.EPSILON * (abs(f) + abs(floats.FUN_AHEAD))
                allowed = floats.FUN_AHEAD + along + 0.5 * square / step
                now = floats.FUN_TRIAL
                risen = not now <= floats.FUN_REAL + 45.0 * floats.EPSILON * abs(floats.FUN_REAL)
                # The curvature met along the step, times its length.
                met = step * (after - along) / square if square > 0.0 else 0.0
                # Below rounding f cannot tell whether L is too low; the gradient still does.
                noisy = 0.5 * square <= rounding * step
                ints.TRIALS += 1
                if good and f <= allowed + floats.ERROR + rounding and not (noisy and met > 1.0):
                    action = RESTART if risen else ACCEPT_FROM_BASE
                elif ints.VIRTUAL != 0 and ints.TRIALS > 1:
                    # Not L alone: extrapolation may be to blame. Evaluate the look-ahead point.
                    ints.TRIAL = ints.AHEAD
                    ints.PHASE = AHEAD_OF_BASE
                    ints.PENDING = TO_EVALUATE
                    action = EVALUATE
                elif ints.TRIALS > 60 or step < 1e-300 or square == 0.0:
                    action = RESTART
                elif good:
                    shown = 2.0 * step * (f - floats.FUN_AHEAD - along) / square
                    most = larger(larger(2.0, 1.05 * met), 1.05 * shown)
                    floats.PROX_STEP /= smaller(most, 10.0)
                    action = TRY
                else:
                    floats.PROX_STEP *= 0.1
                    action = TRY
                if action == ACCEPT_FROM_BASE:
                    xr = row(rows, ints.REAL)
                    uphill = 0.0
                    for i in range(n):
                        uphill += np.float64(y[i] - x[i]) * (x[i] - xr[i])
                    floats.LEARNING_RATE = step
                    if floats.XTOL > 0.0:
                        bits = magnitude_bits(x[0] - x[0])
                        for i in range(n):
                            bits = larger_magnitude(bits, x[i] - xr[i])
                        floats.STEP_NORM = from_magnitude_bits(bits, g)
                        floats.X_NORM = largest_magnitude(xr, n)
                    # Steps that no longer lower f + h: rounding is all that is left after a while.
                    lowered = now < floats.FUN_REAL
                    ints.FAILURES = 0 if lowered else ints.FAILURES + 1
                    if ints.FAILURES > 30:
                        ints.STATUS = failure(ints)
                        break
                    ints.PREVIOUS = ints.REAL
                    floats.SMOOTH_LOW = floats.SMOOTH_REAL
                    accept_trial(ints, floats)
                    base_from_real(ints, floats)
                    floats.SMOOTH_REAL = f
                    floats.NORM_REAL = floats.PROX_NORM
                    ints.COMPLETED = 1
                    floats.BETA = 0.0
                    if uphill > 0.0:
                        ints.N_RESTARTS += 1
                        floats.SEQUENCE = 1.0
                    elif floats.PROX_NORM > floats.GTOL:
                        t = floats.SEQUENCE
                        floats.SEQUENCE = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))
                        floats.BETA = (t - 1.0) / floats.SEQUENCE
                    if ints.TRIALS > 1:
                        ints.WAIT = 1
                    if square == 0.0:
                        # No change at all, by rounding.
                        floats.PROX_STEP *= 1000.0
                        floats.BETA = 0.0
                    elif ints.WAIT == 0:
                        # Until the first backtracking the rate is far too low.
                        grown = 10.0
                        if met > 0.05:
                            grown = larger(0.5 / met, 1.0 / 0.9)
                        floats.PROX_STEP *= grown
                    elif ints.TRIALS == 1 and not (noisy and met > 0.9):
                        floats.PROX_STEP /= 0.9
                    floats.PROX_STEP = smaller(floats.PROX_STEP, 1e300)
                    action = NEW_DIRECTION
            if action == RESTART:
                if floats.BETA == 0.0:
                    # A plain step finds no descent: rounding, or no finite value near.
                    ints.LINE_SEARCH_FAILURES += 1
                    ints.STATUS = failure(ints)
                    break
                ints.N_RESTARTS += 1
                floats.SEQUENCE = 1.0
                floats.BETA = 0.0
                action = NEW_DIRECTION

        if ints.COMPLETED != 0:
            if ints.HISTORY > 0:
                history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
            if end_iteration(ints, floats):
                break
        if action == NEW_DIRECTION:
            if floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats):
                ints.RESULT = ints.REAL
                ints.STATUS = STATUS_CONVERGED
                break
            if floats.BETA != 0.0 and ints.ITERATION >= last:
                break
            floats.FUN_PREVIOUS = floats.FUN_REAL
            action = SEARCH_FROM_AHEAD
            if floats.BETA == 0.0:
                ints.AHEAD = ints.REAL
                floats.FUN_AHEAD = floats.SMOOTH_REAL
                floats.ERROR = 0.0
                ints.VIRTUAL = 0
            else:
                beta = floats.BETA
                ahead = free_row(ints)
                xr = row(rows, ints.REAL)
                gr = row(rows, N_POINTS + ints.REAL)
                xp = row(rows, ints.PREVIOUS)
                gp = row(rows, N_POINTS + ints.PREVIOUS)
                y = row(rows, ahead)
                gy = row(rows, N_POINTS + ahead)
                weight = real_type(beta)
                after = 0.0
                before = 0.0
                size = 0.0
                for i in range(n):
                    s_i = xr[i] - xp[i]
                    y[i] = xr[i] + weight * s_i
                    gy[i] = gr[i] + weight * (gr[i] - gp[i])
                    after += np.float64(s_i) * gr[i]
                    before += np.float64(s_i) * gp[i]
                    size += np.float64(s_i) * s_i
                f = floats.SMOOTH_REAL
                cubic = abs(f - floats.SMOOTH_LOW - 0.5 * (after + before))
                cubic = larger(
                    cubic - 450.0 * floats.EPSILON * (abs(f) + abs(floats.SMOOTH_LOW)), 0.0
                )
                floats.ERROR = cubic * beta * (1.0 + beta) * (1.0 + 2.0 * beta)
                floats.FUN_AHEAD = f + beta * after + 0.5 * beta * beta * (after - before)
                ints.AHEAD = ahead
                ints.VIRTUAL = 1
                clipped = ints.BOUNDED != 0 and clip_to_bounds(rows, ints, ahead)
                # The last step's length stands for the next one's.
                if clipped or not floats.ERROR <= 0.05 * size / floats.PROX_STEP:
                    ints.TRIAL = ahead
                    ints.PHASE = AHEAD_OF_BASE
                    ints.PENDING = TO_EVALUATE
                    action = EVALUATE
        if action == SEARCH_FROM_AHEAD:
            ints.TRIALS = 0
            ints.PHASE = SEARCHING
            action = TRY
        if action == TRY:
            ints.TRIAL = free_row(ints)
            y = row(rows, ints.AHEAD)
            gy = row(rows, N_POINTS + ints.AHEAD)
            x = row(rows, ints.TRIAL)
            step = real_type(floats.PROX_STEP)
            for i in range(n):
                x[i] = y[i] - step * gy[i]
            ints.PENDING = TO_PROX
            action = EVALUATE

    if ints.STATUS != NEEDS_EVALUATION and ints.STATUS != NEEDS_PROX:
        ints.CURRENT = ints.REAL
        floats.FUN = floats.FUN_REAL
        floats.GRAD_NORM = floats.NORM_REAL
        ints.NIT = ints.ITERATION
        if ints.HISTORY > 0 and ints.RECORDED < ints.ITERATION:
            history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
