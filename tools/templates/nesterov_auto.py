# Nesterov's accelerated gradient with an automatic learning rate 1 / L and restarts.
#
# y = x + beta (x - x_previous) is the look-ahead point, x <- y - grad(y) / L the step, with FISTA's
# sequence of beta (Beck and Teboulle 2009). L is found by backtracking on the descent condition
# f(x) <= f(y) - |grad(y)|^2 / (2 L), and lowered a little after each step that met it at once. The
# momentum is dropped where it points uphill (O'Donoghue and Candes 2015), or where f would rise.
#
# y lies on the line through x and x_previous, two points whose gradients are known. Where the
# function is close to a quadratic along it, grad(y) and f(y) follow by extrapolation, and the
# iteration takes one evaluation instead of two. x is always an evaluated point.
#
# Near a minimum rounding hides descent from the values. There the gradients must show it, as in the
# approximate Wolfe conditions (Hager and Zhang 2005).
#
# A state machine with one place that evaluates, like the automatic momentum.


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
    norm = ints.NORM
    ints.STATUS = RUNNING
    action = NEW_DIRECTION

    while True:
        if ints.PENDING != EVALUATED:
            x = row(rows, ints.TRIAL)
            g = row(rows, N_POINTS + ints.TRIAL)
            # EVALUATION
            good = judge_trial(g, ints, floats)
            phase = ints.PHASE
            if phase == AT_START:
                accept_trial(ints, floats)
                base_from_real(ints, floats)
                floats.FUN_START = floats.FUN_TRIAL
                if not good:
                    ints.STATUS = STATUS_NONFINITE
                    break
                ints.PREVIOUS = -1
                floats.SEQUENCE = 1.0
                gg = 0.0
                for i in range(n):
                    gg += np.float64(g[i]) * g[i]
                start(x, g, n, floats, gg)
                action = NEW_DIRECTION
            elif phase == AHEAD_OF_BASE:
                # The look-ahead point, evaluated since extrapolation was not good enough.
                ints.AHEAD = ints.TRIAL
                ints.VIRTUAL = 0
                floats.FUN_AHEAD = floats.FUN_TRIAL
                floats.ERROR = 0.0
                if (
                    good
                    and floats.NORM_TRIAL <= floats.GTOL
                    and (floats.FUN_TRIAL <= floats.FUN_REAL)
                ):
                    converge_at_trial(ints, floats)
                    break
                action = SEARCH_FROM_AHEAD if good else RESTART
            else:
                # The step's end. Sufficient descent, up to rounding and extrapolation?
                f = floats.FUN_TRIAL
                gy = row(rows, N_POINTS + ints.AHEAD)
                rounding = 450.0 * floats.EPSILON * (abs(f) + abs(floats.FUN_AHEAD))
                gain = 0.5 * first_decrease(floats)
                # The curvature met along the step, in units of 1 / STEP.
                total = 0.0
                for i in range(n):
                    total += np.float64(g[i]) * gy[i]
                if floats.UNIT != 1.0:
                    total = product(g, gy, n, floats.UNIT)
                met = (floats.SLOPE - total) / floats.SLOPE
                # Where rounding hides the gain from the values, the gradients must show it: for a
                # quadratic, sufficient descent is a curvature of 1 / STEP at most.
                hidden = gain <= 0.25 * rounding
                risen = not f <= floats.FUN_REAL + 450.0 * floats.EPSILON * abs(floats.FUN_REAL)
                ints.TRIALS += 1
                if good and floats.NORM_TRIAL <= floats.GTOL and f <= floats.FUN_REAL:
                    converge_at_trial(ints, floats)
                    break
                low = f <= floats.FUN_AHEAD - gain + floats.ERROR + rounding
                if good and low and (met <= 1.0 or not hidden):
                    action = RESTART if risen else ACCEPT_FROM_BASE
                elif ints.VIRTUAL != 0 and ints.TRIALS > 1:
                    # Not L alone: extrapolation may be to blame. Evaluate the look-ahead point.
                    ints.TRIAL = ints.AHEAD
                    ints.PHASE = AHEAD_OF_BASE
                    ints.PENDING = TO_EVALUATE
                    action = EVALUATE
                elif ints.TRIALS > 60 or floats.STEP < 1e-300:
                    action = RESTART
                elif good:
                    # The curvature that the gradients show, and the one that the values do.
                    shown = 0.0
                    if not hidden:
                        shown = (f - floats.FUN_AHEAD + 2.0 * gain) / gain
                    floats.STEP /= smaller(larger(larger(2.0, 1.05 * met), 1.05 * shown), 10.0)
                    action = TRY
                else:
                    floats.STEP *= 0.1
                    action = TRY
            if action == ACCEPT_FROM_BASE:
                # Momentum along the step taken: dropped where it points uphill.
                xr = row(rows, ints.REAL)
                gy = row(rows, N_POINTS + ints.AHEAD)
                uphill = 0.0
                for i in range(n):
                    uphill += gy[i] * (x[i] - xr[i])
                floats.LEARNING_RATE = floats.STEP
                if floats.XTOL > 0.0:
                    bits = magnitude_bits(x[0] - x[0])
                    for i in range(n):
                        bits = larger_magnitude(bits, x[i] - xr[i])
                    floats.STEP_NORM = from_magnitude_bits(bits, g)
                    floats.X_NORM = largest_magnitude(xr, n)
                # Steps that no longer lower f: rounding is all that is left after a while.
                lowered = floats.FUN_TRIAL < floats.FUN_REAL
                ints.FAILURES = 0 if lowered else ints.FAILURES + 1
                if ints.FAILURES > 30:
                    ints.STATUS = failure(ints)
                    break
                ints.PREVIOUS = ints.REAL
                floats.FUN_LOW = floats.FUN_REAL
                accept_trial(ints, floats)
                base_from_real(ints, floats)
                ints.COMPLETED = 1
                floats.BETA = 0.0
                if uphill > 0.0:
                    ints.N_RESTARTS += 1
                    floats.SEQUENCE = 1.0
                else:
                    t = floats.SEQUENCE
                    floats.SEQUENCE = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))
                    floats.BETA = (t - 1.0) / floats.SEQUENCE
                if ints.TRIALS > 1:
                    ints.WAIT = 1
                if not lowered:
                    floats.STEP *= 2.0
                elif ints.WAIT == 0:
                    # Until the first backtracking the rate is far too low: as the curvature met.
                    grown = 10.0
                    if met > 0.05:
                        grown = larger(0.5 / met, 1.0 / 0.9)
                    floats.STEP *= grown
                elif ints.TRIALS == 1:
                    floats.STEP /= 0.9
                action = NEW_DIRECTION
            if action == RESTART:
                if floats.BETA == 0.0:
                    # A plain gradient step finds no descent: rounding, or no finite value near.
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
            if floats.NORM_REAL <= floats.GTOL:
                ints.RESULT = ints.REAL
                ints.STATUS = STATUS_CONVERGED
                break
            if ints.ITERATION >= last:
                break
            if ints.HISTORY >= 0 and ints.RECORDED < ints.ITERATION:
                history[ints.HISTORY, 0] = floats.FUN_REAL
                history[ints.HISTORY, 1] = floats.NORM_REAL
                history[ints.HISTORY, 2] = np.nan
                ints.HISTORY += 1
                ints.RECORDED = ints.ITERATION
            floats.FUN_PREVIOUS = floats.FUN_REAL
            action = SEARCH_FROM_AHEAD
            if floats.BETA == 0.0:
                ints.AHEAD = ints.REAL
                floats.FUN_AHEAD = floats.FUN_REAL
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
                    gy_i = gr[i] + weight * (gr[i] - gp[i])
                    gy[i] = gy_i
                    after += np.float64(s_i) * gr[i]
                    before += np.float64(s_i) * gp[i]
                    size += np.float64(gy_i) * gy_i
                f = floats.FUN_REAL
                cubic = abs(f - floats.FUN_LOW - 0.5 * (after + before))
                cubic = larger(cubic - 450.0 * floats.EPSILON * (abs(f) + abs(floats.FUN_LOW)), 0.0)
                floats.ERROR = cubic * beta * (1.0 + beta) * (1.0 + 2.0 * beta)
                floats.FUN_AHEAD = f + beta * after + 0.5 * beta * beta * (after - before)
                ints.AHEAD = ahead
                ints.VIRTUAL = 1
                if not (floats.ERROR <= 0.05 * floats.STEP * size and size < np.inf):
                    ints.TRIAL = ahead
                    ints.PHASE = AHEAD_OF_BASE
                    ints.PENDING = TO_EVALUATE
                    action = EVALUATE
        if action == SEARCH_FROM_AHEAD:
            gy = row(rows, N_POINTS + ints.AHEAD)
            total = 0.0
            for i in range(n):
                total += np.float64(gy[i]) * gy[i]
            square(gy, n, floats, total)
            ints.TRIALS = 0
            ints.PHASE = SEARCHING
            action = TRY
        if action == TRY:
            ints.TRIAL = free_row(ints)
            y = row(rows, ints.AHEAD)
            gy = row(rows, N_POINTS + ints.AHEAD)
            x = row(rows, ints.TRIAL)
            step = real_type(floats.STEP)
            for i in range(n):
                x[i] = y[i] - step * gy[i]
            ints.PENDING = TO_EVALUATE

    if ints.STATUS != NEEDS_EVALUATION:
        ints.CURRENT = ints.REAL
        floats.FUN = floats.FUN_REAL
        floats.GRAD_NORM = floats.NORM_REAL
        ints.NIT = ints.ITERATION
        if ints.HISTORY > 0 and ints.RECORDED < ints.ITERATION:
            history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
