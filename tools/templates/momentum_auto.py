# Momentum with automatic coefficients: look-ahead momentum ("LAM").
#
# The last MEMORY velocities s and their changes of the gradient y give the coefficients of the
# direction (two loops, as in L-BFGS: Nocedal 1980; one velocity is classical momentum with an
# automatic learning rate and momentum). The function is evaluated once at the look-ahead point
# x + t d. Where it behaves like a quadratic along d, the exact minimum along d follows without
# another evaluation: the base point moves there and its gradient is interpolated, a virtual exact
# line search. Otherwise: a line search with the approximate Wolfe conditions of Hager and Zhang
# (2005). A virtual point is never returned, and convergence never declared there.
#
# The loop is a state machine with one place that evaluates, so that it can return to the caller
# for an evaluation, and be picked up there.


def drive(
    evaluate,  # IN     address of the evaluation, 0: return to the caller for each evaluation
    context,  # IN     address of its context
    workspace,  # INOUT  address of the rows: points, gradients, d, and MEMORY pairs s, y
    ints,  # INOUT  (len(INTS),)
    floats,  # INOUT  (len(FLOATS) + 2 MEMORY,), with the pairs' 1 / s.y and a scratch
    rates,  # IN     of the dtype of the rows, not read
    momenta,  # IN     not read
    history,  # OUT    (rows, 3): fun, gradient norm, learning rate
    last,  # IN     return before iteration `last`
):
    n = ints[SIZE]
    stride = ints[STRIDE]
    memory = ints[MEMORY]
    norm = ints[NORM]
    gtol = floats[GTOL]
    d = row(workspace, stride, DIRECTION, n, rates)
    ints[STATUS] = RUNNING
    action = NEW_DIRECTION
    good = False

    while True:
        if ints[PENDING] != EVALUATED:
            x = row(workspace, stride, ints[TRIAL], n, rates)
            g = row(workspace, stride, N_POINTS + ints[TRIAL], n, rates)
            if ints[PENDING] == TO_EVALUATE:
                if ints[NFEV] + ints[COST_FUN] > ints[MAXFEV]:
                    ints[STATUS] = STATUS_MAXFEV
                    break
                # Written back before the user's code runs, which may raise.
                ints[NIT] = ints[ITERATION]
                ints[CURRENT] = ints[TRIAL]
                if evaluate == 0:
                    ints[STATUS] = NEEDS_EVALUATION
                    break
                x_address = row_address(workspace, stride, ints[TRIAL], rates)
                g_address = row_address(workspace, stride, N_POINTS + ints[TRIAL], rates)
                floats[FUN_TRIAL] = call_evaluate(evaluate, x_address, g_address, n, context)
                ints[NFEV] += ints[COST_FUN]
                ints[NJEV] += ints[COST_JAC]
            else:
                floats[FUN_TRIAL] = floats[FUN]
            ints[PENDING] = EVALUATED
            bits = magnitude_bits(g[0])
            total = 0.0
            for i in range(n):
                bits = max(bits, magnitude_bits(g[i]))
                total += g[i] * d[i]
            floats[SLOPE_TRIAL] = total
            floats[NORM_TRIAL] = from_magnitude_bits(bits, rates)
            good = floats[FUN_TRIAL] - floats[FUN_TRIAL] == 0.0 and floats[NORM_TRIAL] - floats[NORM_TRIAL] == 0.0
            if norm != NORM_INF:
                # NORM g floats[NORM_TRIAL]
                good = good and floats[NORM_TRIAL] - floats[NORM_TRIAL] == 0.0
            if good and (ints[BEST] < 0 or floats[FUN_TRIAL] < floats[FUN_BEST]):
                ints[BEST] = ints[TRIAL]
                floats[FUN_BEST] = floats[FUN_TRIAL]
                ints[IMPROVED] = 1
            if ints[PHASE] == AT_START:
                if not good:
                    ints[STATUS] = STATUS_NONFINITE
                    break
                ints[BASE] = ints[TRIAL]
                ints[REAL] = ints[TRIAL]
                floats[FUN_BASE] = floats[FUN_TRIAL]
                floats[FUN_REAL] = floats[FUN_TRIAL]
                floats[NORM_BASE] = floats[NORM_TRIAL]
                floats[NORM_REAL] = floats[NORM_TRIAL]
                floats[LAST_DECREASE] = np.inf
                action = NEW_DIRECTION
            elif ints[PHASE] == AT_BASE_TO_CONFIRM:
                if good and floats[FUN_TRIAL] <= floats[FUN_REAL] + 1e-6 * abs(floats[FUN_REAL]):
                    floats[FUN_BASE] = floats[FUN_TRIAL]
                    floats[FUN_REAL] = floats[FUN_TRIAL]
                    floats[NORM_BASE] = floats[NORM_TRIAL]
                    floats[NORM_REAL] = floats[NORM_TRIAL]
                    ints[REAL] = ints[BASE]
                else:
                    ints[BASE] = ints[REAL]
                    floats[FUN_BASE] = floats[FUN_REAL]
                    floats[NORM_BASE] = floats[NORM_REAL]
                ints[VIRTUAL] = 0
                floats[ERROR] = 0.0
                action = NEW_DIRECTION
            elif ints[PHASE] == AT_BASE:
                ints[VIRTUAL] = 0
                floats[ERROR] = 0.0
                if good and floats[FUN_TRIAL] <= floats[FUN_REAL] + floats[SLACK]:
                    floats[LAST_DECREASE] = abs(floats[FUN_REAL] - floats[FUN_TRIAL])
                    floats[FUN_BASE] = floats[FUN_TRIAL]
                    floats[FUN_REAL] = floats[FUN_TRIAL]
                    floats[NORM_BASE] = floats[NORM_TRIAL]
                    floats[NORM_REAL] = floats[NORM_TRIAL]
                    ints[REAL] = ints[BASE]
                    floats[SLOPE] = floats[SLOPE_TRIAL]
                    size = 0.0
                    for i in range(n):
                        size += abs(g[i] * d[i])
                    action = SEARCH_FROM_AHEAD
                    if floats[NORM_BASE] <= gtol or not floats[SLOPE] < -45.0 * EPSILON * size:
                        action = NEW_DIRECTION
                else:
                    ints[BASE] = ints[REAL]
                    floats[FUN_BASE] = floats[FUN_REAL]
                    floats[NORM_BASE] = floats[NORM_REAL]
                    if ints[COUNT] > 0:
                        ints[COUNT] -= 1
                        ints[HEAD] = (ints[HEAD] + memory - 1) % memory
                    action = NEW_DIRECTION
            elif ints[PHASE] == AHEAD_OF_BASE:
                floats[SLACK] = 0.0
                accepted = False
                change = floats[SLOPE_TRIAL] - floats[SLOPE]
                if good:
                    if floats[LAST_DECREASE] <= 1e-3 * abs(floats[FUN_REAL]):
                        floats[SLACK] = 1e-6 * abs(floats[FUN_REAL])
                    if floats[NORM_TRIAL] <= gtol and floats[FUN_TRIAL] <= floats[FUN_REAL] + floats[SLACK]:
                        ints[REAL] = ints[TRIAL]
                        floats[FUN_REAL] = floats[FUN_TRIAL]
                        floats[NORM_REAL] = floats[NORM_TRIAL]
                        ints[RESULT] = ints[TRIAL]
                        ints[STATUS] = STATUS_CONVERGED
                        ints[ITERATION] += 1
                        break
                    if change > 0.0 and ints[WAIT] == 0:
                        ratio = -floats[SLOPE] / change
                        decrease = -0.5 * floats[SLOPE] * ratio * floats[STEP]
                        cubic = abs(floats[FUN_TRIAL] - floats[FUN_BASE] - 0.5 * floats[STEP] * (floats[SLOPE] + floats[SLOPE_TRIAL]))
                        cubic = max(cubic - 450.0 * EPSILON * (abs(floats[FUN_BASE]) + abs(floats[FUN_TRIAL])), 0.0)
                        error_new = abs(1.0 - ratio) * floats[ERROR] + abs(ratio * (1.0 - ratio)) * cubic
                        accepted = (
                            ratio >= 0.02
                            and ratio <= 20.0
                            and cubic <= 0.3 * decrease
                            and error_new <= 0.01 * decrease
                            and (floats[FUN_TRIAL] <= floats[FUN_REAL] + floats[SLACK] or ratio < 1.0)
                        )
                if accepted:
                    # The virtual step: one pass over all vectors.
                    target = 0
                    while target == ints[BASE] or target == ints[REAL] or target == ints[BEST] or target == ints[TRIAL]:
                        target += 1
                    xb = row(workspace, stride, ints[BASE], n, rates)
                    gb = row(workspace, stride, N_POINTS + ints[BASE], n, rates)
                    xt = row(workspace, stride, target, n, rates)
                    gt = row(workspace, stride, N_POINTS + target, n, rates)
                    s = row(workspace, stride, PAIRS + 2 * ints[HEAD], n, rates)
                    y = row(workspace, stride, PAIRS + 2 * ints[HEAD] + 1, n, rates)
                    yy = 0.0
                    ss = 0.0
                    t_ = real_type(floats[STEP])
                    ratio_ = real_type(ratio)
                    move = real_type(ratio * floats[STEP])
                    for i in range(n):
                        y_i = g[i] - gb[i]
                        s_i = t_ * d[i]
                        s[i] = s_i
                        y[i] = y_i
                        yy += y_i * y_i
                        ss += s_i * s_i
                        xt[i] = xb[i] + move * d[i]
                        gt[i] = gb[i] + ratio_ * y_i
                    # NORM gt floats[NORM_BASE]
                    sy = floats[STEP] * change
                    floats[LEARNING_RATE] = ratio * floats[STEP] * (floats[SCALE] if floats[SCALE] > 0.0 else 1.0)
                    if yy > 0.0 and sy > 4500.0 * EPSILON * math.sqrt(yy * ss):
                        floats[SCALE] = sy / yy
                        floats[RHO + ints[HEAD]] = 1.0 / sy
                        ints[HEAD] = (ints[HEAD] + 1) % memory
                        ints[COUNT] = min(ints[COUNT] + 1, memory)
                    floats[STEP_NORM] = ratio * floats[STEP]
                    floats[FUN_BASE] = floats[FUN_BASE] - decrease
                    ints[PENALTY] = 0
                    ints[FAILURES] = 0
                    ints[VIRTUAL] = 1
                    floats[ERROR] = error_new
                    ints[BASE] = target
                    if floats[FUN_TRIAL] <= floats[FUN_REAL] + floats[SLACK]:
                        floats[LAST_DECREASE] = abs(floats[FUN_REAL] - floats[FUN_TRIAL])
                        ints[REAL] = ints[TRIAL]
                        floats[FUN_REAL] = floats[FUN_TRIAL]
                        floats[NORM_REAL] = floats[NORM_TRIAL]
                    if abs(ratio - 1.0) <= 1e-3:
                        ints[VIRTUAL] = 0
                        floats[ERROR] = 0.0
                        ints[BASE] = ints[TRIAL]
                        floats[FUN_BASE] = floats[FUN_TRIAL]
                        floats[NORM_BASE] = floats[NORM_TRIAL]
                    ints[COMPLETED] = 1
                    action = NEW_DIRECTION
                else:
                    if ints[WAIT] > 0:
                        ints[WAIT] -= 1
                    ints[AHEAD] = ints[TRIAL]
                    ints[AHEAD_GOOD] = 1 if good else 0
                    floats[FUN_AHEAD] = floats[FUN_TRIAL]
                    floats[SLOPE_AHEAD] = floats[SLOPE_TRIAL]
                    floats[NORM_AHEAD] = floats[NORM_TRIAL]
                    action = SEARCH_FROM_AHEAD
                    if ints[VIRTUAL] != 0:
                        ints[PENALTY] = min(2 * ints[PENALTY] + 1, 8)
                        ints[WAIT] = ints[PENALTY]
                        if good and floats[FUN_TRIAL] <= floats[FUN_REAL] + floats[SLACK] and abs(floats[SLOPE_TRIAL]) <= -0.9 * floats[SLOPE]:
                            ints[LOWEST] = ints[TRIAL]
                            floats[LOWEST_STEP] = floats[STEP]
                            floats[FUN_LOWEST] = floats[FUN_TRIAL]
                            floats[NORM_LOWEST] = floats[NORM_TRIAL]
                            # Across a rise of the slope the pair from the real point is used.
                            action = ACCEPT_FROM_REAL if change <= 0.0 else ACCEPT_FROM_BASE
                        else:
                            ints[TRIAL] = ints[BASE]
                            ints[PHASE] = AT_BASE
                            ints[PENDING] = TO_EVALUATE
                            action = EVALUATE
            else:  # SEARCHING
                action = SEARCH

            if action == SEARCH_FROM_AHEAD:
                ints[PHASE] = SEARCHING
                ints[TRIALS] = 0
                ints[BAD_TRIALS] = 0
                ints[BRACKETED] = 0
                floats[LOW] = 0.0
                floats[FUN_LOW] = floats[FUN_BASE]
                floats[SLOPE_LOW] = floats[SLOPE]
                floats[WIDTH] = np.inf
                ints[LOWEST] = -1
                if ints[AHEAD_GOOD] != 0:
                    ints[TRIAL] = ints[AHEAD]
                    floats[FUN_TRIAL] = floats[FUN_AHEAD]
                    # The base may have been evaluated since: the slope at the look-ahead point
                    # is along the same d.
                    floats[SLOPE_TRIAL] = floats[SLOPE_AHEAD]
                    floats[NORM_TRIAL] = floats[NORM_AHEAD]
                    good = True
                    action = SEARCH
                else:
                    floats[STEP] *= 0.1
                    action = TRY
            if action == SEARCH:
                # One trial of the line search is known: at `step`, `f` and `slope_trial`.
                ints[TRIALS] += 1
                action = TRY
                if not good:
                    floats[HIGH] = floats[STEP]
                    floats[FUN_HIGH] = np.nan
                    floats[SLOPE_HIGH] = np.nan
                    ints[BRACKETED] = 1
                    floats[STEP] = floats[LOW] + (floats[STEP] - floats[LOW]) * (0.1 if ints[BAD_TRIALS] < 4 else 0.001)
                    ints[BAD_TRIALS] += 1
                    if floats[STEP] <= 1e-300:
                        action = END_OF_SEARCH
                else:
                    if floats[NORM_TRIAL] <= gtol and floats[FUN_TRIAL] <= floats[FUN_REAL] + floats[SLACK]:
                        ints[REAL] = ints[TRIAL]
                        floats[FUN_REAL] = floats[FUN_TRIAL]
                        floats[NORM_REAL] = floats[NORM_TRIAL]
                        ints[RESULT] = ints[TRIAL]
                        ints[STATUS] = STATUS_CONVERGED
                        ints[ITERATION] += 1
                        break
                    armijo = floats[FUN_TRIAL] <= floats[FUN_BASE] + 1e-3 * floats[STEP] * floats[SLOPE]
                    near = floats[SLACK] > 0.0 and floats[FUN_TRIAL] <= floats[FUN_BASE] + floats[SLACK]
                    if floats[SLOPE_TRIAL] >= 0.9 * floats[SLOPE] and (
                        armijo or (near and floats[SLOPE_TRIAL] <= -0.8 * floats[SLOPE])
                    ):
                        ints[LOWEST] = ints[TRIAL]
                        floats[LOWEST_STEP] = floats[STEP]
                        floats[FUN_LOWEST] = floats[FUN_TRIAL]
                        floats[NORM_LOWEST] = floats[NORM_TRIAL]
                        action = ACCEPT_FROM_BASE
                    else:
                        if floats[FUN_TRIAL] < floats[FUN_BASE] and (ints[LOWEST] < 0 or floats[FUN_TRIAL] < floats[FUN_LOWEST]):
                            ints[LOWEST] = ints[TRIAL]
                            floats[LOWEST_STEP] = floats[STEP]
                            floats[FUN_LOWEST] = floats[FUN_TRIAL]
                            floats[NORM_LOWEST] = floats[NORM_TRIAL]
                        narrow = True
                        if floats[SLOPE_TRIAL] < 0.0 and (armijo or near):
                            before = floats[LOW]
                            f_before = floats[FUN_LOW]
                            slope_before = floats[SLOPE_LOW]
                            floats[LOW] = floats[STEP]
                            floats[FUN_LOW] = floats[FUN_TRIAL]
                            floats[SLOPE_LOW] = floats[SLOPE_TRIAL]
                            if ints[BRACKETED] == 0:
                                narrow = False
                                # Minimiser of the cubic, else the secant's root.
                                c = np.nan
                                d1 = slope_before + floats[SLOPE_LOW]
                                d1 -= 3.0 * (floats[FUN_LOW] - f_before) / (floats[LOW] - before)
                                square = d1 * d1 - slope_before * floats[SLOPE_LOW]
                                if square >= 0.0:
                                    root = math.sqrt(square)
                                    bottom = floats[SLOPE_LOW] - slope_before + 2.0 * root
                                    if bottom != 0.0:
                                        c = floats[LOW] - (floats[LOW] - before) * (floats[SLOPE_LOW] + root - d1) / bottom
                                if not (c - c == 0.0 and c > floats[LOW]):
                                    c = np.inf
                                    if floats[SLOPE_LOW] > slope_before:
                                        c = floats[LOW] - floats[SLOPE_LOW] * (floats[LOW] - before) / (
                                            floats[SLOPE_LOW] - slope_before
                                        )
                                most = floats[LOW] + 10.0 * (floats[LOW] - before)
                                floats[STEP] = most
                                if c - c == 0.0:
                                    floats[STEP] = min(max(c, floats[LOW] + 0.5 * (floats[LOW] - before)), most)
                                if floats[STEP] > 1e100:
                                    action = END_OF_SEARCH
                        else:
                            floats[HIGH] = floats[STEP]
                            floats[FUN_HIGH] = floats[FUN_TRIAL]
                            floats[SLOPE_HIGH] = floats[SLOPE_TRIAL]
                            ints[BRACKETED] = 1
                        if narrow:
                            w = floats[HIGH] - floats[LOW]
                            if w <= 4.0 * EPSILON * floats[HIGH]:
                                action = END_OF_SEARCH
                            elif floats[FUN_HIGH] - floats[FUN_HIGH] == 0.0:
                                c = np.nan
                                if abs(floats[FUN_HIGH] - floats[FUN_LOW]) > 4500.0 * EPSILON * max(
                                    abs(floats[FUN_LOW]), abs(floats[FUN_HIGH])
                                ):
                                    d1 = floats[SLOPE_LOW] + floats[SLOPE_HIGH] - 3.0 * (floats[FUN_HIGH] - floats[FUN_LOW]) / w
                                    square = d1 * d1 - floats[SLOPE_LOW] * floats[SLOPE_HIGH]
                                    if square >= 0.0:
                                        root = math.sqrt(square)
                                        bottom = floats[SLOPE_HIGH] - floats[SLOPE_LOW] + 2.0 * root
                                        if bottom != 0.0:
                                            c = floats[HIGH] - w * (floats[SLOPE_HIGH] + root - d1) / bottom
                                if not (c - c == 0.0 and floats[LOW] < c and c < floats[HIGH]):
                                    c = floats[LOW] + 0.5 * w
                                    if floats[SLOPE_HIGH] > floats[SLOPE_LOW]:
                                        c = floats[LOW] - floats[SLOPE_LOW] * w / (floats[SLOPE_HIGH] - floats[SLOPE_LOW])
                                if w > 0.66 * floats[WIDTH] and ints[TRIALS] > 5:
                                    c = floats[LOW] + 0.5 * w
                                floats[WIDTH] = w
                                floats[STEP] = min(max(c, floats[LOW] + 0.02 * w), floats[HIGH] - 0.02 * w)
                            else:
                                floats[STEP] = floats[LOW] + 0.3 * w
                if action == TRY and ints[TRIALS] >= 30:
                    action = END_OF_SEARCH
                if action == END_OF_SEARCH and ints[LOWEST] >= 0:
                    action = ACCEPT_FROM_BASE
            if action == END_OF_SEARCH:
                ints[FAILURES] += 1
                ints[LINE_SEARCH_FAILURES] += 1
                ints[N_RESTARTS] += 1
                if ints[FAILURES] > 2:
                    ints[STATUS] = STATUS_PRECISION_LOSS
                    if ints[BAD_TRIALS] == ints[TRIALS]:
                        ints[STATUS] = STATUS_NONFINITE
                    break
                ints[COUNT] = 0
                ints[HEAD] = 0
                floats[SCALE] = 0.0
                action = NEW_DIRECTION
            if action == ACCEPT_FROM_BASE or action == ACCEPT_FROM_REAL:
                origin = ints[BASE] if action == ACCEPT_FROM_BASE else ints[REAL]
                xo = row(workspace, stride, origin, n, rates)
                go = row(workspace, stride, N_POINTS + origin, n, rates)
                xt = row(workspace, stride, ints[LOWEST], n, rates)
                gt = row(workspace, stride, N_POINTS + ints[LOWEST], n, rates)
                s = row(workspace, stride, PAIRS + 2 * ints[HEAD], n, rates)
                y = row(workspace, stride, PAIRS + 2 * ints[HEAD] + 1, n, rates)
                sy = 0.0
                yy = 0.0
                ss = 0.0
                for i in range(n):
                    s_i = xt[i] - xo[i]
                    y_i = gt[i] - go[i]
                    s[i] = s_i
                    y[i] = y_i
                    sy += s_i * y_i
                    yy += y_i * y_i
                    ss += s_i * s_i
                floats[LEARNING_RATE] = floats[LOWEST_STEP] * (floats[SCALE] if floats[SCALE] > 0.0 else 1.0)
                if yy > 0.0 and sy > 4500.0 * EPSILON * math.sqrt(yy * ss):
                    floats[SCALE] = sy / yy
                    floats[RHO + ints[HEAD]] = 1.0 / sy
                    ints[HEAD] = (ints[HEAD] + 1) % memory
                    ints[COUNT] = min(ints[COUNT] + 1, memory)
                floats[LAST_DECREASE] = abs((floats[FUN_REAL] if ints[VIRTUAL] != 0 else floats[FUN_BASE]) - floats[FUN_LOWEST])
                floats[STEP_NORM] = floats[LOWEST_STEP]
                ints[BASE] = ints[LOWEST]
                ints[REAL] = ints[LOWEST]
                floats[FUN_BASE] = floats[FUN_LOWEST]
                floats[FUN_REAL] = floats[FUN_LOWEST]
                floats[NORM_BASE] = floats[NORM_LOWEST]
                floats[NORM_REAL] = floats[NORM_LOWEST]
                ints[VIRTUAL] = 0
                floats[ERROR] = 0.0
                ints[FAILURES] = 0
                ints[COMPLETED] = 1
                action = NEW_DIRECTION

        if ints[COMPLETED] != 0:
            ints[COMPLETED] = 0
            ints[ITERATION] += 1
            if ints[HISTORY] > 0:
                history[ints[HISTORY] - 1, 2] = floats[LEARNING_RATE]
            flat = False
            if floats[FTOL] > 0.0:
                flat = abs(floats[FUN_BASE] - floats[FUN_PREVIOUS]) <= floats[FTOL] * max(
                    abs(floats[FUN_BASE]), abs(floats[FUN_PREVIOUS]), 1.0
                )
            if floats[XTOL] > 0.0:
                xb = row(workspace, stride, ints[BASE], n, rates)
                bits = magnitude_bits(xb[0])
                d_bits = magnitude_bits(d[0])
                for i in range(n):
                    bits = max(bits, magnitude_bits(xb[i]))
                    d_bits = max(d_bits, magnitude_bits(d[i]))
                size = from_magnitude_bits(d_bits, rates) * floats[STEP_NORM]
                xtol = floats[XTOL]
                if size <= xtol * (xtol + from_magnitude_bits(bits, rates)):
                    flat = True
            ints[FLAT] = ints[FLAT] + 1 if flat else 0
            if ints[FLAT] >= 2:
                ints[STATUS] = STATUS_CONVERGED
                ints[RESULT] = ints[BEST]
                break
            ints[SINCE_BEST] = 0 if ints[IMPROVED] != 0 else ints[SINCE_BEST] + 1
            ints[IMPROVED] = 0
            if ints[SINCE_BEST] >= ints[PATIENCE]:
                ints[STATUS] = STATUS_STAGNATION
                break
        if action == NEW_DIRECTION:
            if floats[NORM_BASE] <= gtol:
                if ints[VIRTUAL] == 0:
                    ints[RESULT] = ints[BASE]
                    ints[REAL] = ints[BASE]
                    floats[FUN_REAL] = floats[FUN_BASE]
                    floats[NORM_REAL] = floats[NORM_BASE]
                    ints[STATUS] = STATUS_CONVERGED
                    break
                ints[TRIAL] = ints[BASE]
                ints[PHASE] = AT_BASE_TO_CONFIRM
                ints[PENDING] = TO_EVALUATE
                continue
            if ints[ITERATION] >= last:
                break
            if ints[HISTORY] >= 0 and ints[RECORDED] < ints[ITERATION]:
                history[ints[HISTORY], 0] = floats[FUN_REAL]
                history[ints[HISTORY], 1] = floats[NORM_REAL]
                history[ints[HISTORY], 2] = np.nan
                ints[HISTORY] += 1
                ints[RECORDED] = ints[ITERATION]
            floats[FUN_PREVIOUS] = floats[FUN_BASE]
            # The direction d = -H g: two loops over the velocities, each pass joined with the
            # product that the next one needs.
            gb = row(workspace, stride, N_POINTS + ints[BASE], n, rates)
            total = 0.0
            size = 0.0
            if ints[COUNT] > 0:
                j = (ints[HEAD] + memory - 1) % memory
                s = row(workspace, stride, PAIRS + 2 * j, n, rates)
                product = 0.0
                for i in range(n):
                    product += s[i] * gb[i]
                    d[i] = gb[i]
                for i_pair in range(ints[COUNT]):
                    y = row(workspace, stride, PAIRS + 2 * j + 1, n, rates)
                    c = floats[RHO + j] * product
                    floats[RHO + memory + j] = c
                    c_ = real_type(c)
                    product = 0.0
                    if i_pair < ints[COUNT] - 1:
                        j = (j + memory - 1) % memory
                        s = row(workspace, stride, PAIRS + 2 * j, n, rates)
                        for i in range(n):
                            d_i = d[i] - c_ * y[i]
                            d[i] = d_i
                            product += s[i] * d_i
                    else:
                        scale_ = real_type(floats[SCALE])
                        for i in range(n):
                            d_i = (d[i] - c_ * y[i]) * scale_
                            d[i] = d_i
                            product += y[i] * d_i
                for i_pair in range(ints[COUNT]):
                    s = row(workspace, stride, PAIRS + 2 * j, n, rates)
                    c_ = real_type(floats[RHO + memory + j] - floats[RHO + j] * product)
                    product = 0.0
                    if i_pair < ints[COUNT] - 1:
                        j = (j + 1) % memory
                        y = row(workspace, stride, PAIRS + 2 * j + 1, n, rates)
                        for i in range(n):
                            d_i = d[i] + c_ * s[i]
                            d[i] = d_i
                            product += y[i] * d_i
                    else:
                        for i in range(n):
                            d_i = -(d[i] + c_ * s[i])
                            d[i] = d_i
                            total += gb[i] * d_i
                            size += abs(gb[i] * d_i)
            floats[SLOPE] = total
            if ints[COUNT] == 0 or not (total < -45.0 * EPSILON * size and total - total == 0.0):
                if ints[COUNT] > 0:
                    ints[N_RESTARTS] += 1
                    ints[COUNT] = 0
                    ints[HEAD] = 0
                    if ints[VIRTUAL] != 0:
                        ints[BASE] = ints[REAL]
                        floats[FUN_BASE] = floats[FUN_REAL]
                        floats[NORM_BASE] = floats[NORM_REAL]
                        ints[VIRTUAL] = 0
                        floats[ERROR] = 0.0
                        gb = row(workspace, stride, N_POINTS + ints[BASE], n, rates)
                scale_ = real_type(floats[SCALE] if floats[SCALE] > 0.0 else 1.0)
                total = 0.0
                for i in range(n):
                    d_i = -(scale_ * gb[i])
                    d[i] = d_i
                    total += gb[i] * d_i
                floats[SLOPE] = total
                if not (total < 0.0 and total - total == 0.0):
                    ints[STATUS] = STATUS_PRECISION_LOSS
                    break
            floats[STEP] = 1.0
            if floats[SCALE] == 0.0:
                # No velocity yet: 1% of x at most, or of the value.
                xb = row(workspace, stride, ints[BASE], n, rates)
                bits = magnitude_bits(xb[0])
                g_bits = magnitude_bits(gb[0])
                for i in range(n):
                    bits = max(bits, magnitude_bits(xb[i]))
                    g_bits = max(g_bits, magnitude_bits(gb[i]))
                if bits > 0:
                    floats[STEP] = 0.01 * from_magnitude_bits(bits, rates)
                    floats[STEP] /= from_magnitude_bits(g_bits, rates)
                elif floats[FUN_BASE] != 0.0:
                    floats[STEP] = 0.01 * abs(floats[FUN_BASE]) / -floats[SLOPE]
                else:
                    floats[STEP] = 1.0 / math.sqrt(-floats[SLOPE])
                if not (floats[STEP] > 0.0 and floats[STEP] - floats[STEP] == 0.0):
                    floats[STEP] = 1e-8
            ints[PHASE] = AHEAD_OF_BASE
            ints[LOWEST] = -1
            action = TRY
        if action == TRY:
            ints[TRIAL] = 0
            while (
                ints[TRIAL] == ints[BASE] or ints[TRIAL] == ints[REAL] or ints[TRIAL] == ints[BEST] or ints[TRIAL] == ints[LOWEST]
            ):
                ints[TRIAL] += 1
            xb = row(workspace, stride, ints[BASE], n, rates)
            x = row(workspace, stride, ints[TRIAL], n, rates)
            step_ = real_type(floats[STEP])
            for i in range(n):
                x[i] = xb[i] + step_ * d[i]
            ints[PENDING] = TO_EVALUATE
            action = EVALUATE

    if ints[STATUS] != NEEDS_EVALUATION:
        # What the caller shows as the current point is the last real one.
        ints[CURRENT] = ints[REAL]
        floats[FUN] = floats[FUN_REAL]
        floats[GRAD_NORM] = floats[NORM_REAL]
        ints[NIT] = ints[ITERATION]
