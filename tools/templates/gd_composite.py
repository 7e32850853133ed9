# Gradient descent on f + h: the proximal gradient method with the step lengths of Barzilai and
# Borwein (1988) and a nonmonotone search (SpaRSA: Wright, Nowak and Figueiredo 2009).
#
# x+ = prox(x - t grad(x)) with t the learning rate. |x - x+| / min(t, 1) is known before x+ is
# evaluated and, up to rounding and in the 2-norm, at least the norm of x - prox(x - grad(x)). Where
# it meets gtol, the same with t = 1 is the convergence test.


def drive(
    evaluate,  # IN     address of the evaluation, 0: return to the caller for each evaluation
    context,  # IN     address of its context
    workspace,  # INOUT  address of the rows: points and their gradients
    ints,  # INOUT  (len(INTS),)
    floats,  # INOUT  (len(FLOATS) + LOOK_BACK,), with the last values of f + h
    rates,  # IN     of the dtype of the rows, not read
    momenta,  # IN     not read
    history,  # OUT    (rows, 3): fun, gradient norm, learning rate
    last,  # IN     return before iteration `last`
):
    ints = named(ints)
    floats = named(floats)
    own = own_numbers(floats)
    n = ints.SIZE
    rows = rows_of(workspace, ints.STRIDE, n, rates)
    ints.STATUS = RUNNING
    action = NEW_DIRECTION

    while True:
        # PROXIMAL
        if ints.PENDING == TO_EVALUATE and (
            ints.PHASE == SEARCHING or ints.PHASE == AT_BASE_TO_CONFIRM
        ):
            floats.SLOPE = proximal_change(rows, ints, floats, ints.REAL)
            confirming = ints.PHASE == AT_BASE_TO_CONFIRM
            unsure = ints.CONFIRMED <= ints.ITERATION
            if confirming or (unsure and (ints.TRIALS == 0 or floats.PROX_NORM < floats.NORM_REAL)):
                floats.NORM_REAL = floats.PROX_NORM
            met = floats.NORM_REAL <= floats.GTOL
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
            floats.FUN_TRIAL += floats.PENALTY
            good = judge_trial(g, ints, floats)
            f = floats.FUN_TRIAL
            if ints.PHASE == AT_START:
                accept_trial(ints, floats)
                base_from_real(ints, floats)
                floats.FUN_START = f
                if not good:
                    ints.STATUS = STATUS_NONFINITE
                    break
                total = 0.0
                for i in range(n):
                    total += np.float64(g[i]) * g[i]
                start(x, g, n, floats, total)
                floats.PROX_STEP = floats.STEP
                for j in range(LOOK_BACK):
                    own[j] = f
                ints.PREVIOUS = -1
                ints.AHEAD = -1
                action = NEW_DIRECTION
            else:
                step = floats.PROX_STEP
                gain = floats.SLOPE / step
                level = own[0]
                for j in range(LOOK_BACK):
                    level = larger(level, own[j])
                rounding = 45.0 * floats.EPSILON * abs(floats.FUN_REAL)
                ints.TRIALS += 1
                if good and f <= level - 1e-4 * gain + rounding:
                    ints.FAILURES = 0 if f < level else ints.FAILURES + 1
                    if ints.FAILURES > 30:
                        # Rounding is all that is left.
                        ints.STATUS = failure(ints)
                        break
                    xr = row(rows, ints.REAL)
                    gr = row(rows, N_POINTS + ints.REAL)
                    sy = 0.0
                    ss = 0.0
                    yy = 0.0
                    for i in range(n):
                        s_i = x[i] - xr[i]
                        y_i = g[i] - gr[i]
                        sy += np.float64(s_i) * y_i
                        ss += np.float64(s_i) * s_i
                        yy += np.float64(y_i) * y_i
                    if floats.XTOL > 0.0:
                        bits = magnitude_bits(x[0] - x[0])
                        for i in range(n):
                            bits = larger_magnitude(bits, x[i] - xr[i])
                        floats.STEP_NORM = from_magnitude_bits(bits, g)
                        floats.X_NORM = largest_magnitude(xr, n)
                    floats.LEARNING_RATE = step
                    accept_trial(ints, floats)
                    base_from_real(ints, floats)
                    own[ints.HEAD] = f
                    ints.HEAD = (ints.HEAD + 1) % LOOK_BACK
                    if sy > 0.0 and yy > 0.0:
                        long = ss / sy
                        short = sy / yy
                        floats.PROX_STEP = short if short < 0.5 * long else long
                    else:
                        # No curvature; or no change at all, by rounding.
                        floats.PROX_STEP = (10.0 if ss > 0.0 else 1000.0) * step
                    floats.PROX_STEP = smaller(larger(floats.PROX_STEP, 1e-300), 1e300)
                    ints.COMPLETED = 1
                    action = NEW_DIRECTION
                elif ints.TRIALS > 60 or step < 1e-300 or gain == 0.0:
                    ints.LINE_SEARCH_FAILURES += 1
                    ints.STATUS = failure(ints)
                    break
                else:
                    part = 0.1
                    if good:
                        part = 0.5 * gain / (f - floats.FUN_REAL + gain)
                        part = smaller(larger(part, 0.1), 0.5)
                    floats.PROX_STEP *= part
                    action = TRY

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
            floats.FUN_PREVIOUS = floats.FUN_REAL
            ints.TRIALS = 0
            ints.PHASE = SEARCHING
            action = TRY
        if action == TRY:
            ints.TRIAL = free_row(ints)
            xr = row(rows, ints.REAL)
            gr = row(rows, N_POINTS + ints.REAL)
            x = row(rows, ints.TRIAL)
            step = real_type(floats.PROX_STEP)
            for i in range(n):
                x[i] = xr[i] - step * gr[i]
            ints.PENDING = TO_PROX
            action = EVALUATE

    if ints.STATUS != NEEDS_EVALUATION and ints.STATUS != NEEDS_PROX:
        ints.CURRENT = ints.REAL
        floats.FUN = floats.FUN_REAL
        floats.GRAD_NORM = floats.NORM_REAL
        ints.NIT = ints.ITERATION
        if ints.HISTORY > 0 and ints.RECORDED < ints.ITERATION:
            history[ints.HISTORY - 1, 2] = floats.LEARNING_RATE
