"""Projections onto the simplex and onto the ball of the 1-norm."""

import math


def prox_simplex(v, out, step, numbers, integers, work):
    """Projection onto {x >= 0, sum x = r}, or onto {||x||_1 <= r}.

    `numbers` is (r,), r > 0; `integers` is (1 for the ball,); `work` has n entries. The result is
    max(a_i - tau, 0) with a = v, or a = |v| with the signs of v, where tau solves
    sum_i max(a_i - tau, 0) = r.

    tau is found by Newton's method from below on this piecewise linear equation, which is
    Michelot's algorithm [1]_: finitely many steps, each over the entries that are still above tau
    only. Each step divides the product of the residual and the number of these entries by four at
    least [2]_, so that the worst case is O(n log n) in floating point; usual are a few passes over
    few entries. tau is taken relative to the largest entry, which makes the result exact to
    rounding whatever the size of v.

    .. [1] C. Michelot, "A finite algorithm for finding the projection of a point onto the canonical
       simplex of R^n", J. Optim. Theory Appl. 50, 1986; compared with others by L. Condat, "Fast
       projection onto the simplex and the l1 ball", Math. Program. 158, 2016, section 2.
    .. [2] As in Dinkelbach's method; see T. Radzik, "Newton's method for fractional combinatorial
       optimization", FOCS 1992.
    """
    n = v.size
    radius = numbers[0]
    ball = integers[0] != 0
    peak = -math.inf
    total = 0.0
    invalid = 0
    for i in range(n):
        a = float(v[i]) + 0.0
        a = abs(a) if ball else a
        total += a
        invalid += a != a
        peak = a if a > peak else peak
    # -inf in v is an entry that is zero; all other infinities have no projection
    if invalid > 0 or not (-math.inf < peak < math.inf):
        for i in range(n):
            out[i] = math.nan
        return math.nan
    if ball and total <= radius:
        for i in range(n):
            out[i] = v[i]
        return 0.0

    # x_i <= r, so that tau >= peak - r: smaller entries are zero. Here and below each entry is
    # written and then kept or not, since branches on the data would be mispredicted.
    count = 0
    for i in range(n):
        a = float(v[i]) + 0.0
        a = abs(a) if ball else a
        work[count] = a
        count += 1 if a - peak > -radius else 0
    tau = -radius
    solved = 0  # how many entries tau was computed from
    while True:
        rest = 0.0
        kept = 0
        for i in range(count):
            a = float(work[i]) + 0.0
            gap = (a - peak) - tau
            work[kept] = a
            kept += 1 if gap > 0.0 else 0
            rest += gap if gap > 0.0 else 0.0
        count = kept
        if count == 0:  # tau < 0 keeps the largest; but for a radius that is subnormal
            break
        # The last pass finds the same entries, and takes off what rounding has left in tau.
        tau += (rest - radius) / count
        if count == solved:
            break
        solved = count
    for i in range(n):
        a = float(v[i]) + 0.0
        x = ((abs(a) if ball else a) - peak) - tau
        x = x if x > 0.0 else 0.0
        out[i] = -x if ball and a < 0.0 and x > 0.0 else x
    return 0.0
