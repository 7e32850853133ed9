# Gradient descent with an automatic learning rate: the step lengths of Barzilai and Borwein (1988),
# long or short by turns as they differ (Zhou, Gao and Dai 2006), made safe by the nonmonotone line
# search of Raydan (1997). x is always an evaluated point.
#
# COMPOSITE: the proximal gradient method on f + h, x <- prox(x - t grad(x)), with these lengths and
# this search (SpaRSA: Wright, Nowak and Figueiredo 2009).
#
# Of its own numbers it has the last LOOK_BACK values.


def drive(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
    # OPENING
    own = own_numbers(floats)
    while True:
        # PROXIMAL
        if ints.PENDING != EVALUATED:
            x = row(rows, ints.TRIAL)
            g = row(rows, N_POINTS + ints.TRIAL)
            # EVALUATION
            if COMPOSITE:
                floats.FUN_TRIAL += floats.PENALTY
            good = judge_trial(g, ints, floats)
            f = floats.FUN_TRIAL
            if ints.PHASE == AT_START:
                # START
                for j in range(LOOK_BACK):
                    own[j] = f
                ints.PREVIOUS = -1
            else:
                step = floats.STEP
                if COMPOSITE:
                    gain = floats.SLOPE / step
                    rounding = 45.0 * floats.EPSILON * abs(floats.FUN_REAL)
                    still = gain == 0.0  # by rounding
                    longest = 1e300
                else:
                    gain = first_decrease(floats)
                    rounding = 450.0 * floats.EPSILON * abs(floats.FUN_REAL)
                    still = False
                    longest = 1e100
                    if good and floats.NORM_TRIAL <= floats.GTOL and f <= floats.FUN_REAL:
                        converge_at_trial(ints, floats)
                        break
                level = own[0]
                for j in range(LOOK_BACK):
                    level = larger(level, own[j])
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
                    total = 0.0
                    for i in range(n):
                        s_i = x[i] - xr[i]
                        y_i = g[i] - gr[i]
                        sy += np.float64(s_i) * y_i
                        ss += np.float64(s_i) * s_i
                        yy += np.float64(y_i) * y_i
                        if not COMPOSITE:
                            total += np.float64(g[i]) * g[i]
                    if floats.XTOL > 0.0:
                        measure_step(x, xr, n, floats)
                    floats.LEARNING_RATE = step
                    accept_trial(ints, floats)
                    base_from_real(ints, floats)
                    own[ints.HEAD] = f
                    ints.HEAD = (ints.HEAD + 1) % LOOK_BACK
                    if not COMPOSITE:
                        square(g, n, floats, total)
                    if sy > 0.0 and yy > 0.0:
                        long = ss / sy
                        short = sy / yy
                        floats.STEP = short if short < 0.5 * long and yy < np.inf else long
                    else:
                        # No curvature; or no change at all, by rounding.
                        grown = 10.0
                        if COMPOSITE:
                            grown = 10.0 if ss > 0.0 else 1000.0
                        floats.STEP = grown * step
                    floats.STEP = smaller(larger(floats.STEP, 1e-300), longest)
                    ints.COMPLETED = 1
                    action = NEW_DIRECTION
                elif ints.TRIALS > 60 or step < 1e-300 or still:
                    ints.LINE_SEARCH_FAILURES += 1
                    ints.STATUS = failure(ints)
                    break
                else:
                    part = 0.1
                    if good:
                        # The minimum of the parabola through both values and the slope.
                        part = 0.5 * gain / (f - floats.FUN_REAL + gain)
                        part = smaller(larger(part, 0.1), 0.5)
                    floats.STEP *= part
                    action = TRY

        # COMPLETED
        if action == NEW_DIRECTION:
            if COMPOSITE:
                done = floats.GAP_TOL > 0.0 and gap_closed(rows, ints, floats)
            else:
                done = floats.NORM_REAL <= floats.GTOL
            if done:
                ints.RESULT = ints.REAL
                ints.STATUS = STATUS_CONVERGED
                break
            if not COMPOSITE:
                if ints.ITERATION >= last:
                    break
                # RECORD
            floats.FUN_PREVIOUS = floats.FUN_REAL
            ints.AHEAD = ints.REAL
            ints.TRIALS = 0
            ints.PHASE = SEARCHING
            action = TRY
        if action == TRY:
            # GRADIENT_STEP
            pass
    # CLOSING
