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
    k = ints[ITERATION]
    phase = ints[PHASE]
    pending = ints[PENDING]
    current = ints[CURRENT]  # row that is evaluated
    best = ints[BEST]  # row of the lowest point evaluated
    real = ints[REAL]  # row of the last evaluated point that was accepted
    base = ints[BASE]  # row of the point that steps start from, virtual or real
    ahead = ints[AHEAD]  # row of the look-ahead point while the base is evaluated
    ahead_good = ints[AHEAD_GOOD]
    lowest = ints[LOWEST]  # row of the lowest point of the line search, -1: none
    count = ints[COUNT]  # pairs stored
    head = ints[HEAD]  # where the next pair goes
    virtual = ints[VIRTUAL]
    wait = ints[WAIT]  # iterations until virtual steps are tried again
    penalty = ints[PENALTY]
    failures = ints[FAILURES]  # line searches that failed in a row
    trials = ints[TRIALS]
    bad_trials = ints[BAD_TRIALS]
    bracketed = ints[BRACKETED]
    completed = ints[COMPLETED]  # whether an iteration has just ended
    improved = ints[IMPROVED]  # whether it found a new lowest value
    f_best = floats[FUN_BEST]
    f_previous = floats[FUN_PREVIOUS]
    f_real = floats[FUN_REAL]
    f_base = floats[FUN_BASE]
    f_ahead = floats[FUN_AHEAD]
    slope = floats[SLOPE]  # g.d at the base
    slope_ahead = floats[SLOPE_AHEAD]
    slope_trial = floats[SLOPE_TRIAL]
    step = floats[STEP]
    scale = floats[SCALE]  # s.y / y.y of the last pair, 0: none
    error = floats[ERROR]  # estimated error of f_base
    last_decrease = floats[LAST_DECREASE]
    slack = floats[SLACK]  # rise of f that rounding explains
    norm_base = floats[NORM_BASE]
    norm_real = floats[NORM_REAL]
    norm_trial = floats[NORM_TRIAL]
    step_norm = floats[STEP_NORM]
    low = floats[LOW]
    f_low = floats[FUN_LOW]
    slope_low = floats[SLOPE_LOW]
    high = floats[HIGH]
    f_high = floats[FUN_HIGH]
    slope_high = floats[SLOPE_HIGH]
    width = floats[WIDTH]
    lowest_step = floats[LOWEST_STEP]
    f_lowest = floats[FUN_LOWEST]
    norm_lowest = floats[NORM_LOWEST]
    f = floats[FUN]
    status = RUNNING
    result = real
    d = row(workspace, stride, DIRECTION, n, rates)
    action = NEW_DIRECTION
    good = False

    while True:
        if pending != EVALUATED:
            x = row(workspace, stride, current, n, rates)
            g = row(workspace, stride, N_POINTS + current, n, rates)
            if pending == TO_EVALUATE:
                if ints[NFEV] + ints[COST_FUN] > ints[MAXFEV]:
                    status = STATUS_MAXFEV
                    break
                # Written back before the user's code runs, which may raise.
                ints[ITERATION] = k
                ints[NIT] = k
                ints[CURRENT] = current
                ints[BEST] = best
                ints[PENDING] = pending
                floats[FUN_BEST] = f_best
                if evaluate == 0:
                    status = NEEDS_EVALUATION
                    break
                x_address = row_address(workspace, stride, current, rates)
                g_address = row_address(workspace, stride, N_POINTS + current, rates)
                f = call_evaluate(evaluate, x_address, g_address, n, context)
                ints[NFEV] += ints[COST_FUN]
                ints[NJEV] += ints[COST_JAC]
            pending = EVALUATED
            bits = magnitude_bits(g[0])
            slope_trial = 0.0
            for i in range(n):
                bits = max(bits, magnitude_bits(g[i]))
                slope_trial += g[i] * d[i]
            norm_trial = from_magnitude_bits(bits, rates)
            good = f - f == 0.0 and norm_trial - norm_trial == 0.0
            if norm != NORM_INF:
                # NORM g norm_trial
                good = good and norm_trial - norm_trial == 0.0
            if good and (best < 0 or f < f_best):
                best = current
                f_best = f
                improved = 1
            if phase == AT_START:
                if not good:
                    status = STATUS_NONFINITE
                    break
                base = current
                real = current
                f_base = f
                f_real = f
                norm_base = norm_trial
                norm_real = norm_trial
                last_decrease = np.inf
                action = NEW_DIRECTION
            elif phase == AT_BASE_TO_CONFIRM:
                if good and f <= f_real + 1e-6 * abs(f_real):
                    f_base = f
                    f_real = f
                    norm_base = norm_trial
                    norm_real = norm_trial
                    real = base
                else:
                    base = real
                    f_base = f_real
                    norm_base = norm_real
                virtual = 0
                error = 0.0
                action = NEW_DIRECTION
            elif phase == AT_BASE:
                virtual = 0
                error = 0.0
                if good and f <= f_real + slack:
                    last_decrease = abs(f_real - f)
                    f_base = f
                    f_real = f
                    norm_base = norm_trial
                    norm_real = norm_trial
                    real = base
                    slope = slope_trial
                    size = 0.0
                    for i in range(n):
                        size += abs(g[i] * d[i])
                    action = SEARCH_FROM_AHEAD
                    if norm_base <= gtol or not slope < -45.0 * EPSILON * size:
                        action = NEW_DIRECTION
                else:
                    base = real
                    f_base = f_real
                    norm_base = norm_real
                    if count > 0:
                        count -= 1
                        head = (head + memory - 1) % memory
                    action = NEW_DIRECTION
            elif phase == AHEAD_OF_BASE:
                slack = 0.0
                accepted = False
                change = slope_trial - slope
                if good:
                    if last_decrease <= 1e-3 * abs(f_real):
                        slack = 1e-6 * abs(f_real)
                    if norm_trial <= gtol and f <= f_real + slack:
                        real = current
                        f_real = f
                        norm_real = norm_trial
                        result = current
                        status = STATUS_CONVERGED
                        k += 1
                        break
                    if change > 0.0 and wait == 0:
                        ratio = -slope / change
                        decrease = -0.5 * slope * ratio * step
                        cubic = abs(f - f_base - 0.5 * step * (slope + slope_trial))
                        cubic = max(cubic - 450.0 * EPSILON * (abs(f_base) + abs(f)), 0.0)
                        error_new = abs(1.0 - ratio) * error + abs(ratio * (1.0 - ratio)) * cubic
                        accepted = (
                            ratio >= 0.02
                            and ratio <= 20.0
                            and cubic <= 0.3 * decrease
                            and error_new <= 0.01 * decrease
                            and (f <= f_real + slack or ratio < 1.0)
                        )
                if accepted:
                    # The virtual step: one pass over all vectors.
                    target = 0
                    while target == base or target == real or target == best or target == current:
                        target += 1
                    xb = row(workspace, stride, base, n, rates)
                    gb = row(workspace, stride, N_POINTS + base, n, rates)
                    xt = row(workspace, stride, target, n, rates)
                    gt = row(workspace, stride, N_POINTS + target, n, rates)
                    s = row(workspace, stride, PAIRS + 2 * head, n, rates)
                    y = row(workspace, stride, PAIRS + 2 * head + 1, n, rates)
                    yy = 0.0
                    ss = 0.0
                    t_ = real_type(step)
                    ratio_ = real_type(ratio)
                    move = real_type(ratio * step)
                    for i in range(n):
                        y_i = g[i] - gb[i]
                        s_i = t_ * d[i]
                        s[i] = s_i
                        y[i] = y_i
                        yy += y_i * y_i
                        ss += s_i * s_i
                        xt[i] = xb[i] + move * d[i]
                        gt[i] = gb[i] + ratio_ * y_i
                    # NORM gt norm_base
                    sy = step * change
                    floats[LEARNING_RATE] = ratio * step * (scale if scale > 0.0 else 1.0)
                    if yy > 0.0 and sy > 4500.0 * EPSILON * math.sqrt(yy * ss):
                        scale = sy / yy
                        floats[RHO + head] = 1.0 / sy
                        head = (head + 1) % memory
                        count = min(count + 1, memory)
                    step_norm = ratio * step
                    f_base = f_base - decrease
                    penalty = 0
                    failures = 0
                    virtual = 1
                    error = error_new
                    base = target
                    if f <= f_real + slack:
                        last_decrease = abs(f_real - f)
                        real = current
                        f_real = f
                        norm_real = norm_trial
                    if abs(ratio - 1.0) <= 1e-3:
                        virtual = 0
                        error = 0.0
                        base = current
                        f_base = f
                        norm_base = norm_trial
                    completed = 1
                    action = NEW_DIRECTION
                else:
                    if wait > 0:
                        wait -= 1
                    ahead = current
                    ahead_good = 1 if good else 0
                    f_ahead = f
                    slope_ahead = slope_trial
                    floats[NORM_AHEAD] = norm_trial
                    action = SEARCH_FROM_AHEAD
                    if virtual != 0:
                        penalty = min(2 * penalty + 1, 8)
                        wait = penalty
                        if good and f <= f_real + slack and abs(slope_trial) <= -0.9 * slope:
                            lowest = current
                            lowest_step = step
                            f_lowest = f
                            norm_lowest = norm_trial
                            # Across a rise of the slope the pair from the real point is used.
                            action = ACCEPT_FROM_REAL if change <= 0.0 else ACCEPT_FROM_BASE
                        else:
                            current = base
                            phase = AT_BASE
                            pending = TO_EVALUATE
                            action = EVALUATE
            else:  # SEARCHING
                action = SEARCH

            if action == SEARCH_FROM_AHEAD:
                phase = SEARCHING
                trials = 0
                bad_trials = 0
                bracketed = 0
                low = 0.0
                f_low = f_base
                slope_low = slope
                width = np.inf
                lowest = -1
                if ahead_good != 0:
                    current = ahead
                    f = f_ahead
                    # The base may have been evaluated since: the slope at the look-ahead point
                    # is along the same d.
                    slope_trial = slope_ahead
                    norm_trial = floats[NORM_AHEAD]
                    good = True
                    action = SEARCH
                else:
                    step *= 0.1
                    action = TRY
            if action == SEARCH:
                # One trial of the line search is known: at `step`, `f` and `slope_trial`.
                trials += 1
                action = TRY
                if not good:
                    high = step
                    f_high = np.nan
                    slope_high = np.nan
                    bracketed = 1
                    step = low + (step - low) * (0.1 if bad_trials < 4 else 0.001)
                    bad_trials += 1
                    if step <= 1e-300:
                        action = END_OF_SEARCH
                else:
                    if norm_trial <= gtol and f <= f_real + slack:
                        real = current
                        f_real = f
                        norm_real = norm_trial
                        result = current
                        status = STATUS_CONVERGED
                        k += 1
                        break
                    armijo = f <= f_base + 1e-3 * step * slope
                    near = slack > 0.0 and f <= f_base + slack
                    if slope_trial >= 0.9 * slope and (
                        armijo or (near and slope_trial <= -0.8 * slope)
                    ):
                        lowest = current
                        lowest_step = step
                        f_lowest = f
                        norm_lowest = norm_trial
                        action = ACCEPT_FROM_BASE
                    else:
                        if f < f_base and (lowest < 0 or f < f_lowest):
                            lowest = current
                            lowest_step = step
                            f_lowest = f
                            norm_lowest = norm_trial
                        narrow = True
                        if slope_trial < 0.0 and (armijo or near):
                            before = low
                            f_before = f_low
                            slope_before = slope_low
                            low = step
                            f_low = f
                            slope_low = slope_trial
                            if bracketed == 0:
                                narrow = False
                                # Minimiser of the cubic, else the secant's root.
                                c = np.nan
                                d1 = slope_before + slope_low
                                d1 -= 3.0 * (f_low - f_before) / (low - before)
                                square = d1 * d1 - slope_before * slope_low
                                if square >= 0.0:
                                    root = math.sqrt(square)
                                    bottom = slope_low - slope_before + 2.0 * root
                                    if bottom != 0.0:
                                        c = low - (low - before) * (slope_low + root - d1) / bottom
                                if not (c - c == 0.0 and c > low):
                                    c = np.inf
                                    if slope_low > slope_before:
                                        c = low - slope_low * (low - before) / (
                                            slope_low - slope_before
                                        )
                                most = low + 10.0 * (low - before)
                                step = most
                                if c - c == 0.0:
                                    step = min(max(c, low + 0.5 * (low - before)), most)
                                if step > 1e100:
                                    action = END_OF_SEARCH
                        else:
                            high = step
                            f_high = f
                            slope_high = slope_trial
                            bracketed = 1
                        if narrow:
                            w = high - low
                            if w <= 4.0 * EPSILON * high:
                                action = END_OF_SEARCH
                            elif f_high - f_high == 0.0:
                                c = np.nan
                                if abs(f_high - f_low) > 4500.0 * EPSILON * max(
                                    abs(f_low), abs(f_high)
                                ):
                                    d1 = slope_low + slope_high - 3.0 * (f_high - f_low) / w
                                    square = d1 * d1 - slope_low * slope_high
                                    if square >= 0.0:
                                        root = math.sqrt(square)
                                        bottom = slope_high - slope_low + 2.0 * root
                                        if bottom != 0.0:
                                            c = high - w * (slope_high + root - d1) / bottom
                                if not (c - c == 0.0 and low < c and c < high):
                                    c = low + 0.5 * w
                                    if slope_high > slope_low:
                                        c = low - slope_low * w / (slope_high - slope_low)
                                if w > 0.66 * width and trials > 5:
                                    c = low + 0.5 * w
                                width = w
                                step = min(max(c, low + 0.02 * w), high - 0.02 * w)
                            else:
                                step = low + 0.3 * w
                if action == TRY and trials >= 30:
                    action = END_OF_SEARCH
                if action == END_OF_SEARCH and lowest >= 0:
                    action = ACCEPT_FROM_BASE
            if action == END_OF_SEARCH:
                failures += 1
                ints[LINE_SEARCH_FAILURES] += 1
                ints[N_RESTARTS] += 1
                if failures > 2:
                    status = STATUS_PRECISION_LOSS
                    if bad_trials == trials:
                        status = STATUS_NONFINITE
                    break
                count = 0
                head = 0
                scale = 0.0
                action = NEW_DIRECTION
            if action == ACCEPT_FROM_BASE or action == ACCEPT_FROM_REAL:
                origin = base if action == ACCEPT_FROM_BASE else real
                xo = row(workspace, stride, origin, n, rates)
                go = row(workspace, stride, N_POINTS + origin, n, rates)
                xt = row(workspace, stride, lowest, n, rates)
                gt = row(workspace, stride, N_POINTS + lowest, n, rates)
                s = row(workspace, stride, PAIRS + 2 * head, n, rates)
                y = row(workspace, stride, PAIRS + 2 * head + 1, n, rates)
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
                floats[LEARNING_RATE] = lowest_step * (scale if scale > 0.0 else 1.0)
                if yy > 0.0 and sy > 4500.0 * EPSILON * math.sqrt(yy * ss):
                    scale = sy / yy
                    floats[RHO + head] = 1.0 / sy
                    head = (head + 1) % memory
                    count = min(count + 1, memory)
                last_decrease = abs((f_real if virtual != 0 else f_base) - f_lowest)
                step_norm = lowest_step
                base = lowest
                real = lowest
                f_base = f_lowest
                f_real = f_lowest
                norm_base = norm_lowest
                norm_real = norm_lowest
                virtual = 0
                error = 0.0
                failures = 0
                completed = 1
                action = NEW_DIRECTION

        if completed != 0:
            completed = 0
            k += 1
            if ints[HISTORY] > 0:
                history[ints[HISTORY] - 1, 2] = floats[LEARNING_RATE]
            flat = False
            if floats[FTOL] > 0.0:
                flat = abs(f_base - f_previous) <= floats[FTOL] * max(
                    abs(f_base), abs(f_previous), 1.0
                )
            if floats[XTOL] > 0.0:
                xb = row(workspace, stride, base, n, rates)
                bits = magnitude_bits(xb[0])
                d_bits = magnitude_bits(d[0])
                for i in range(n):
                    bits = max(bits, magnitude_bits(xb[i]))
                    d_bits = max(d_bits, magnitude_bits(d[i]))
                size = from_magnitude_bits(d_bits, rates) * step_norm
                xtol = floats[XTOL]
                if size <= xtol * (xtol + from_magnitude_bits(bits, rates)):
                    flat = True
            ints[FLAT] = ints[FLAT] + 1 if flat else 0
            if ints[FLAT] >= 2:
                status = STATUS_CONVERGED
                result = best
                break
            ints[SINCE_BEST] = 0 if improved != 0 else ints[SINCE_BEST] + 1
            improved = 0
            if ints[SINCE_BEST] >= ints[PATIENCE]:
                status = STATUS_STAGNATION
                break
        if action == NEW_DIRECTION:
            if norm_base <= gtol:
                if virtual == 0:
                    result = base
                    real = base
                    f_real = f_base
                    norm_real = norm_base
                    status = STATUS_CONVERGED
                    break
                current = base
                phase = AT_BASE_TO_CONFIRM
                pending = TO_EVALUATE
                continue
            if k >= last:
                break
            if ints[HISTORY] >= 0 and ints[RECORDED] < k:
                history[ints[HISTORY], 0] = f_real
                history[ints[HISTORY], 1] = norm_real
                history[ints[HISTORY], 2] = np.nan
                ints[HISTORY] += 1
                ints[RECORDED] = k
            f_previous = f_base
            # The direction d = -H g: two loops over the velocities, each pass joined with the
            # product that the next one needs.
            gb = row(workspace, stride, N_POINTS + base, n, rates)
            slope = 0.0
            size = 0.0
            if count > 0:
                j = (head + memory - 1) % memory
                s = row(workspace, stride, PAIRS + 2 * j, n, rates)
                product = 0.0
                for i in range(n):
                    product += s[i] * gb[i]
                    d[i] = gb[i]
                for i_pair in range(count):
                    y = row(workspace, stride, PAIRS + 2 * j + 1, n, rates)
                    c = floats[RHO + j] * product
                    floats[RHO + memory + j] = c
                    c_ = real_type(c)
                    product = 0.0
                    if i_pair < count - 1:
                        j = (j + memory - 1) % memory
                        s = row(workspace, stride, PAIRS + 2 * j, n, rates)
                        for i in range(n):
                            d_i = d[i] - c_ * y[i]
                            d[i] = d_i
                            product += s[i] * d_i
                    else:
                        scale_ = real_type(scale)
                        for i in range(n):
                            d_i = (d[i] - c_ * y[i]) * scale_
                            d[i] = d_i
                            product += y[i] * d_i
                for i_pair in range(count):
                    s = row(workspace, stride, PAIRS + 2 * j, n, rates)
                    c_ = real_type(floats[RHO + memory + j] - floats[RHO + j] * product)
                    product = 0.0
                    if i_pair < count - 1:
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
                            slope += gb[i] * d_i
                            size += abs(gb[i] * d_i)
            if count == 0 or not (slope < -45.0 * EPSILON * size and slope - slope == 0.0):
                if count > 0:
                    ints[N_RESTARTS] += 1
                    count = 0
                    head = 0
                    if virtual != 0:
                        base = real
                        f_base = f_real
                        norm_base = norm_real
                        virtual = 0
                        error = 0.0
                        gb = row(workspace, stride, N_POINTS + base, n, rates)
                scale_ = real_type(scale if scale > 0.0 else 1.0)
                slope = 0.0
                for i in range(n):
                    d_i = -(scale_ * gb[i])
                    d[i] = d_i
                    slope += gb[i] * d_i
                if not (slope < 0.0 and slope - slope == 0.0):
                    status = STATUS_PRECISION_LOSS
                    break
            step = 1.0
            if scale == 0.0:
                # No velocity yet: 1% of x at most, or of the value.
                xb = row(workspace, stride, base, n, rates)
                bits = magnitude_bits(xb[0])
                g_bits = magnitude_bits(gb[0])
                for i in range(n):
                    bits = max(bits, magnitude_bits(xb[i]))
                    g_bits = max(g_bits, magnitude_bits(gb[i]))
                if bits > 0:
                    step = 0.01 * from_magnitude_bits(bits, rates)
                    step /= from_magnitude_bits(g_bits, rates)
                elif f_base != 0.0:
                    step = 0.01 * abs(f_base) / -slope
                else:
                    step = 1.0 / math.sqrt(-slope)
                if not (step > 0.0 and step - step == 0.0):
                    step = 1e-8
            phase = AHEAD_OF_BASE
            lowest = -1
            action = TRY
        if action == TRY:
            current = 0
            while (
                current == base or current == real or current == best or current == lowest
            ):
                current += 1
            xb = row(workspace, stride, base, n, rates)
            x = row(workspace, stride, current, n, rates)
            step_ = real_type(step)
            for i in range(n):
                x[i] = xb[i] + step_ * d[i]
            pending = TO_EVALUATE
            action = EVALUATE

    ints[STATUS] = status
    ints[PENDING] = pending
    ints[BEST] = best
    floats[FUN_BEST] = f_best
    if status == NEEDS_EVALUATION:
        ints[CURRENT] = current
    else:
        # What the caller shows as the current point is the last real one.
        ints[CURRENT] = real
        f = f_real
        ints[NIT] = k
    ints[ITERATION] = k
    ints[RESULT] = result
    ints[TRIAL] = current
    ints[PHASE] = phase
    ints[REAL] = real
    ints[BASE] = base
    ints[AHEAD] = ahead
    ints[AHEAD_GOOD] = ahead_good
    ints[LOWEST] = lowest
    ints[COUNT] = count
    ints[HEAD] = head
    ints[VIRTUAL] = virtual
    ints[WAIT] = wait
    ints[PENALTY] = penalty
    ints[FAILURES] = failures
    ints[TRIALS] = trials
    ints[BAD_TRIALS] = bad_trials
    ints[BRACKETED] = bracketed
    ints[COMPLETED] = completed
    ints[IMPROVED] = improved
    floats[FUN] = f
    floats[GRAD_NORM] = norm_real
    floats[FUN_PREVIOUS] = f_previous
    floats[FUN_REAL] = f_real
    floats[FUN_BASE] = f_base
    floats[FUN_AHEAD] = f_ahead
    floats[SLOPE] = slope
    floats[SLOPE_AHEAD] = slope_ahead
    floats[SLOPE_TRIAL] = slope_trial
    floats[STEP] = step
    floats[SCALE] = scale
    floats[ERROR] = error
    floats[LAST_DECREASE] = last_decrease
    floats[SLACK] = slack
    floats[NORM_BASE] = norm_base
    floats[NORM_REAL] = norm_real
    floats[NORM_TRIAL] = norm_trial
    floats[STEP_NORM] = step_norm
    floats[LOW] = low
    floats[FUN_LOW] = f_low
    floats[SLOPE_LOW] = slope_low
    floats[HIGH] = high
    floats[FUN_HIGH] = f_high
    floats[SLOPE_HIGH] = slope_high
    floats[WIDTH] = width
    floats[LOWEST_STEP] = lowest_step
    floats[FUN_LOWEST] = f_lowest
    floats[NORM_LOWEST] = norm_lowest
