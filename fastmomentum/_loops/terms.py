"""Bounds and separable penalties: h(x) = sum l1_i |x_i| + l2_i x_i**2 / 2 within the bounds.

A variable's cell is where h is smooth in it: between its bounds, on one side of 0 if l1_i > 0. It
is free inside, and fixed on the edge; the face is the set of points that move free variables
within their cells.

What the loops with a given rate call is compiled without reordering: they keep to the bits of the
published rules.
"""

import math

import numpy as np

from .._language.layout import (
    DIRECTION,
    FACE_GRADIENT_ROW,
    FREE_ROW,
    L1_ROW,
    L2_ROW,
    LOWER_ROW,
    N_POINTS,
    NORM_INF,
    PAIRS,
    RESIDUAL_ROW,
)
from .._numba.calls import call_norm, call_prox
from .._numba.jit import ANY_ORDER, part
from .._numba.words import (
    as_real,
    from_magnitude_bits,
    larger,
    larger_magnitude,
    no_magnitude,
    own_numbers,
    row,
    smaller,
    summed,
    summed_and_largest,
    variables,
)
from .metric import store_pair
from .norms import largest_magnitude
from .slots import rows_from


@part(fastmath=ANY_ORDER)
def prox_entry(v, step, l1, l2, lower, upper):
    """Proximal point of one variable: the unconstrained minimizer, clipped."""
    z = v - step * l1
    if not v > step * l1:
        z = v + step * l1
        if not v < -step * l1:
            z = 0.0 if v == v else v
    z = z / (1.0 + step * l2)
    z = lower if z < lower else z
    return upper if z > upper else z


@part(fastmath=ANY_ORDER)
def proximal_step(rows, ints, floats):
    """The trial is prox(x - t grad) at the base, t = PROX_STEP; PENALTY is h there.

    Returns the square of its distance.
    """
    n = ints.SIZE
    step = floats.PROX_STEP
    x = row(rows, ints.BASE)
    g = row(rows, N_POINTS + ints.BASE)
    z = row(rows, ints.TRIAL)
    l1, l2, lower, upper = rows_from(rows, ints.TERMS + L1_ROW, 4)
    total = 0.0
    penalty = 0.0
    for i in variables(n):
        x_i = np.float64(x[i])
        v = x_i - step * g[i]
        z[i] = prox_entry(v, step, np.float64(l1[i]), np.float64(l2[i]), lower[i], upper[i])
        z_i = np.float64(z[i])
        penalty += l1[i] * abs(z_i) + 0.5 * l2[i] * z_i * z_i
        total += (z_i - x_i) * (z_i - x_i)
    penalty, total = summed(rows, (penalty, total))
    floats.PENALTY = penalty
    return total


@part(fastmath=ANY_ORDER)
def penalty_at(rows, ints, point):
    """h at a point within the bounds."""
    n = ints.SIZE
    x = row(rows, point)
    l1, l2 = rows_from(rows, ints.TERMS + L1_ROW, 2)
    total = 0.0
    for i in variables(n):
        size = abs(np.float64(x[i]))
        total += l1[i] * size + 0.5 * l2[i] * size * size
    return summed(rows, total)


@part
def replace_by_prox(rows, ints, z, step):
    """The proximal point of the row z, in its place; returns h there."""
    return call_prox(ints.PROX, z, ints.SIZE, step, ints.PROX_DATA)


@part(fastmath=False)
def residual_entry(x, g, l1, l2, lower, upper):
    """x - prox(x - g) of one variable; where x is large, x - g would lose g to rounding.

    No reordering: `Terms.residual` computes the same to the last bit.
    """
    v = x - g
    r = x if v == v else v
    if v > l1:
        r = (x * l2 + (g + l1)) / (1.0 + l2)
    if v < -l1:
        r = (x * l2 + (g - l1)) / (1.0 + l2)
    r = x - upper if r < x - upper else r
    return x - lower if r > x - lower else r


@part(fastmath=False)
def proximal_residual(rows, ints, floats, point):
    """Norm of x - prox(x - grad(x)), zero at a minimizer; the vector is left in its row."""
    n = ints.SIZE
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    r = row(rows, ints.TERMS + RESIDUAL_ROW)
    l1, l2, lower, upper = rows_from(rows, ints.TERMS + L1_ROW, 4)
    for i in variables(n):
        weight = np.float64(l1[i])
        low, high = np.float64(lower[i]), np.float64(upper[i])
        r[i] = residual_entry(
            np.float64(x[i]), np.float64(g[i]), weight, np.float64(l2[i]), low, high
        )
    return residual_norm(rows, r, ints, floats)


@part(fastmath=False)
def bounded_residual(rows, ints, floats, point):
    """`proximal_residual` where h is nothing but bounds, to the same bits."""
    n = ints.SIZE
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    r = row(rows, ints.TERMS + RESIDUAL_ROW)
    lower, upper = rows_from(rows, ints.TERMS + LOWER_ROW, 2)
    for i in variables(n):
        x_i = x[i]
        r_i = g[i]
        r_i = x_i - upper[i] if r_i < x_i - upper[i] else r_i
        r[i] = x_i - lower[i] if r_i > x_i - lower[i] else r_i
    return residual_norm(rows, r, ints, floats)


@part(fastmath=False)
def penalized_residual(rows, ints, floats, point):
    """`proximal_residual` for every penalty."""
    if ints.SEPARABLE != 0:
        return proximal_residual(rows, ints, floats, point)
    n = ints.SIZE
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    r = row(rows, ints.TERMS + RESIDUAL_ROW)
    for i in variables(n):
        r[i] = x[i] - g[i]
    replace_by_prox(rows, ints, r, 1.0)
    for i in variables(n):
        r[i] = x[i] - r[i]
    return residual_norm(rows, r, ints, floats)


@part(fastmath=False)
def residual_norm(rows, r, ints, floats):
    """Norm of the convergence test of a row."""
    if ints.NORM != NORM_INF:
        return call_norm(ints.NORM_ADDRESS, rows, r, ints.SIZE, ints.NORM, floats.NORM_ORDER)
    return largest_magnitude(rows, r, ints.SIZE)


@part(fastmath=ANY_ORDER)
def gap_closed(rows, ints, floats):
    """Is the duality gap at the real point at most GAP_TOL times f + h?

    For a convex f >= 0 and h = sum w_i |x_i| a minimizer z has sum w_i |z_i| <= F(x) = f + h, so
    that F(x) - F(z) <= g.(x - z) + h(x) - h(z) <= g.x + h(x) + F(x) max(0, max |g_i| / w_i - 1).
    """
    n = ints.SIZE
    x = row(rows, ints.REAL)
    g = row(rows, N_POINTS + ints.REAL)
    l1 = row(rows, ints.TERMS + L1_ROW)
    along = 0.0
    penalty = 0.0
    worst = 0.0
    for i in variables(n):
        along += np.float64(g[i]) * x[i]
        penalty += np.float64(l1[i]) * abs(x[i])
        worst = larger(worst, abs(np.float64(g[i])) / l1[i])
    (along, penalty), worst = summed_and_largest(rows, (along, penalty), worst)
    total = floats.FUN_REAL
    gap = along + penalty + total * larger(worst - 1.0, 0.0)
    return total >= penalty and gap <= floats.GAP_TOL * total


@part(fastmath=ANY_ORDER)
def is_free(x, l1, lower, upper):
    """Is x inside its cell?"""
    return lower < x and x < upper and (l1 == 0.0 or x != 0.0)


@part(fastmath=ANY_ORDER)
def find_face(rows, ints, floats, point):
    """The face of a point, and its gradient there; returns how many variables changed sides.

    VIOLATION is the steepest descent of f + h along a fixed variable, from its edge inwards.
    """
    n = ints.SIZE
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    l1, l2, lower, upper = rows_from(rows, ints.TERMS + L1_ROW, 4)
    free = row(rows, ints.TERMS + FREE_ROW)
    changed = 0
    count = 0
    violation = 0.0
    for i in variables(n):
        inside = is_free(x[i], l1[i], lower[i], upper[i])
        if inside != (free[i] != 0.0):
            changed += 1
        free[i] = 1.0 if inside else 0.0
        if inside:
            count += 1
        else:
            slope = np.float64(g[i]) + l2[i] * x[i]
            if x[i] < upper[i]:
                violation = larger(violation, -(slope + (l1[i] if x[i] >= 0.0 else -l1[i])))
            if x[i] > lower[i]:
                violation = larger(violation, slope + (l1[i] if x[i] > 0.0 else -l1[i]))
    (changed, count), violation = summed_and_largest(rows, (changed, count), violation)
    ints.FREE = count
    floats.VIOLATION = violation
    face_gradient(rows, ints, point)
    return changed


@part(fastmath=ANY_ORDER)
def face_gradient(rows, ints, point):
    """The gradient of f + h with respect to the free variables."""
    n = ints.SIZE
    x = row(rows, point)
    g = row(rows, N_POINTS + point)
    l1, l2 = rows_from(rows, ints.TERMS + L1_ROW, 2)
    free = row(rows, ints.TERMS + FREE_ROW)
    gradient = row(rows, ints.TERMS + FACE_GRADIENT_ROW)
    for i in variables(n):
        side = l1[i] if x[i] > 0.0 else -l1[i]
        gradient[i] = g[i] + l2[i] * x[i] + side if free[i] != 0.0 else g[i] - g[i]


@part(fastmath=ANY_ORDER)
def face_trial(rows, ints, floats):
    """The trial is the base plus STEP times the direction, cut to the cells; PENALTY is h there.

    Returns how many variables were cut.
    """
    n = ints.SIZE
    step = floats.STEP
    x = row(rows, ints.BASE)
    d = row(rows, DIRECTION)
    z = row(rows, ints.TRIAL)
    l1, l2, lower, upper = rows_from(rows, ints.TERMS + L1_ROW, 4)
    free = row(rows, ints.TERMS + FREE_ROW)
    cut = 0
    penalty = 0.0
    for i in variables(n):
        x_i = x[i]
        z_i = x_i
        if free[i] != 0.0:
            low = lower[i]
            high = upper[i]
            if l1[i] > 0.0:
                if x_i > 0.0:
                    low = larger(low, x_i - x_i)
                else:
                    high = smaller(high, x_i - x_i)
            z_i = x_i + as_real(step, x) * d[i]
            if z_i <= low:
                z_i = low
                cut += 1
            elif z_i >= high:
                z_i = high
                cut += 1
        z[i] = z_i
        size = np.float64(z_i)
        penalty += l1[i] * abs(size) + 0.5 * l2[i] * size * size
    penalty, cut = summed(rows, (penalty, cut))
    floats.PENALTY = penalty
    return cut


@part(fastmath=ANY_ORDER)
def store_face_pair(rows, ints, floats, origin):
    """Keep the step from `origin` to the real point as a pair, as far as its variables are free.

    Returns its product s.y.
    """
    n = ints.SIZE
    x = row(rows, origin)
    g = row(rows, N_POINTS + origin)
    z = row(rows, ints.REAL)
    gz = row(rows, N_POINTS + ints.REAL)
    l2 = row(rows, ints.TERMS + L2_ROW)
    free = row(rows, ints.TERMS + FREE_ROW)
    s, y = rows_from(rows, PAIRS + 2 * ints.HEAD, 2)
    sy = 0.0
    yy = 0.0
    ss = 0.0
    for i in variables(n):
        s_i = z[i] - x[i]
        y_i = gz[i] - g[i] + l2[i] * s_i
        if free[i] == 0.0:
            s_i = s_i - s_i
            y_i = s_i
        s[i] = s_i
        y[i] = y_i
        sy += np.float64(s_i) * y_i
        yy += np.float64(y_i) * y_i
        ss += np.float64(s_i) * s_i
    sy, yy, ss = summed(rows, (sy, yy, ss))
    store_pair(rows, ints, floats, gz, sy, yy, ss)
    return sy


@part(fastmath=ANY_ORDER)
def shrink_pairs(rows, ints, floats):
    """Take the variables that are no longer free out of the pairs."""
    n = ints.SIZE
    own = own_numbers(rows, floats)
    free = row(rows, ints.TERMS + FREE_ROW)
    memory = ints.MEMORY
    for k in range(ints.COUNT):
        j = (ints.HEAD + memory - 1 - k) % memory
        s, y = rows_from(rows, PAIRS + 2 * j, 2)
        sy = 0.0
        yy = 0.0
        ss = 0.0
        for i in variables(n):
            if free[i] == 0.0:
                s[i] = s[i] - s[i]
                y[i] = s[i]
            sy += np.float64(s[i]) * y[i]
            yy += np.float64(y[i]) * y[i]
            ss += np.float64(s[i]) * s[i]
        sy, yy, ss = summed(rows, (sy, yy, ss))
        # A pair with 1 / s.y = 0 has no effect.
        own[j] = 1.0 / sy if sy > 1e-8 * math.sqrt(yy * ss) else 0.0


@part(fastmath=ANY_ORDER)
def proximal_change(rows, ints, floats):
    """Squared length of the proximal step from AHEAD to the trial; PROX_NORM is what it shows.

    |x - prox(x - t grad)| / min(t, 1) is at least the same for t = 1: the first grows with t, and
    falls with it when divided by t. Where h is separable, that for t = 1 is at hand.
    """
    n = ints.SIZE
    x = row(rows, ints.AHEAD)
    z = row(rows, ints.TRIAL)
    r = row(rows, ints.TERMS + RESIDUAL_ROW)
    total = 0.0
    for i in variables(n):
        r_i = x[i] - z[i]
        r[i] = r_i
        total += np.float64(r_i) * r_i
    total = summed(rows, total)
    if ints.SEPARABLE != 0:
        floats.PROX_NORM = proximal_residual(rows, ints, floats, ints.AHEAD)
    else:
        floats.PROX_NORM = residual_norm(rows, r, ints, floats) / smaller(floats.STEP, 1.0)
    return total


@part(fastmath=False)
def clip_to_bounds(rows, ints, point):
    """Clip a point; returns whether that changed it."""
    n = ints.SIZE
    x = row(rows, point)
    lower, upper = rows_from(rows, ints.TERMS + LOWER_ROW, 2)
    changed = 0
    for i in variables(n):
        x_i = x[i]
        z_i = lower[i] if x_i < lower[i] else x_i
        z_i = upper[i] if z_i > upper[i] else z_i
        if z_i != x_i:
            changed += 1
        x[i] = z_i
    return summed(rows, changed) > 0


@part(fastmath=False)
def constrain(rows, ints, current, target, iterate, velocity, momentum_next):
    """Clip the new iterate to the bounds; returns the largest change of a variable.

    The velocity is the step that was taken, not the one that was cut off. Where the gradient is
    taken at a look-ahead point, that is clipped, too: nothing is evaluated outside.
    """
    n = ints.SIZE
    x = row(rows, current)
    z = row(rows, target)
    lower, upper = rows_from(rows, ints.TERMS + LOWER_ROW, 2)
    if velocity != 0:
        moved = row(rows, iterate if iterate != 0 else target)
        v = row(rows, velocity)
        for i in range(n):
            z_i = moved[i]
            inside = lower[i] if z_i < lower[i] else z_i
            inside = upper[i] if inside > upper[i] else inside
            if inside != z_i:
                v[i] += z_i - inside
                moved[i] = inside
                if iterate != 0:
                    z[i] = inside - momentum_next * v[i]
    clip_to_bounds(rows, ints, target)
    bits = no_magnitude(x)
    for i in range(n):
        bits = larger_magnitude(bits, z[i] - x[i])
    return from_magnitude_bits(bits, x)


@part(fastmath=False)
def keep_iterate(rows, ints, iterate):
    """Keep the iterate, where that is not the evaluated point, before the rule changes it."""
    if iterate != 0:
        x = row(rows, iterate)
        kept = row(rows, ints.TERMS + FACE_GRADIENT_ROW)
        for i in range(ints.SIZE):
            kept[i] = x[i]


@part(fastmath=False)
def proximal_move(rows, ints, floats, current, iterate, velocity, momentum):
    """Replace what the rule gave by its proximal point; returns the largest change of a variable.

    The velocity is the step taken, x - prox(x - v); where the operator changes nothing it stays as
    the rule made it. Where the gradient is taken at a look-ahead point, that follows; where h is
    infinite there, its nearest or proximal point takes its place. PENALTY is h at the point that is
    evaluated next. All is written once the operator has been called.
    """
    n = ints.SIZE
    rate = floats.NEXT_RATE
    x = row(rows, current)
    z = row(rows, iterate if iterate != 0 else current)
    v = row(rows, velocity)
    p = row(rows, ints.TERMS + RESIDUAL_ROW)
    previous = row(rows, ints.PREVIOUS)
    before = row(rows, ints.TERMS + FACE_GRADIENT_ROW if iterate != 0 else ints.PREVIOUS)
    for i in range(n):
        p[i] = z[i]
    penalty = replace_by_prox(rows, ints, p, rate)
    if iterate != 0:
        for i in range(n):
            v_i = v[i] if p[i] == z[i] else before[i] - p[i]
            x[i] = p[i] - momentum * v_i
        penalty = replace_by_prox(rows, ints, x, 0.0)
        if penalty - penalty != 0.0:
            penalty = replace_by_prox(rows, ints, x, rate)
    v_bits = no_magnitude(p)
    if velocity != 0:
        for i in range(n):
            if p[i] != z[i]:
                v[i] = before[i] - p[i]
            v_bits = larger_magnitude(v_bits, v[i])
    for i in range(n):
        z[i] = p[i]
    bits = no_magnitude(p)
    for i in range(n):
        bits = larger_magnitude(bits, x[i] - previous[i])
    step = from_magnitude_bits(bits, x)
    floats.PENALTY = penalty
    # Without a step and a velocity, twice, nothing can change any more.
    ints.STALLED = ints.STALLED + 1 if step == 0.0 and v_bits == 0 else 0
    return step
