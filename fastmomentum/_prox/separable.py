"""Weighted absolute values, squares and bounds, entry by entry."""

import math


def prox_separable(v, out, step, numbers, integers, work):
    """Prox of sum_i l1_i |x_i| + l2_i x_i^2 / 2 with lower_i <= x_i <= upper_i.

    `numbers` is (l1, l2, lower, upper), four numbers for all entries or four arrays of n one after
    the other. In one dimension the minimizer within an interval is the unconstrained one, clipped:
    clip(soft(v, t l1) / (1 + t l2), lower, upper) is exact.
    """
    n = v.size
    h = 0.0
    # Whole groups of four: a single sum is one chain of dependent additions, which takes longer
    # than all the rest.
    whole = n - n % 4
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    if numbers.size == 4:
        l1, l2, lower, upper = numbers[0], numbers[1], numbers[2], numbers[3]
        threshold = step * l1
        shrink = 1.0 + step * l2
        ridge = shrink != 1.0  # a division takes longer than the rest
        invalid = 0
        for i in range(n):
            a = float(v[i]) + 0.0
            # a NaN is neither above, below nor equal; +0.0 for all that is cut off
            z = a - threshold
            if not a > threshold:
                z = a + threshold
                if not a < -threshold:
                    z = 0.0 if a == a else a
            if ridge:
                z = z / shrink
            z = lower if z < lower else z
            z = upper if z > upper else z
            invalid += z != z
            out[i] = z
        if invalid > 0:
            h = math.nan
        if l1 > 0.0:
            for i in range(0, whole, 4):
                s0 += abs(float(out[i]))
                s1 += abs(float(out[i + 1]))
                s2 += abs(float(out[i + 2]))
                s3 += abs(float(out[i + 3]))
            for i in range(whole, n):
                s0 += abs(float(out[i]))
            h += l1 * ((s0 + s1) + (s2 + s3))
        if l2 > 0.0:
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            for i in range(0, whole, 4):
                s0 += l2 * out[i] * out[i]
                s1 += l2 * out[i + 1] * out[i + 1]
                s2 += l2 * out[i + 2] * out[i + 2]
                s3 += l2 * out[i + 3] * out[i + 3]
            for i in range(whole, n):
                s0 += l2 * out[i] * out[i]
            h += 0.5 * ((s0 + s1) + (s2 + s3))
        return h
    for i in range(n):
        a = float(v[i]) + 0.0
        threshold = step * numbers[i]
        lower = numbers[2 * n + i]
        upper = numbers[3 * n + i]
        z = a - threshold
        if not a > threshold:
            z = a + threshold
            if not a < -threshold:
                z = 0.0 if a == a else a
        z = z / (1.0 + step * numbers[n + i])
        z = lower if z < lower else z
        z = upper if z > upper else z
        out[i] = z
    # 0 * z is 0 but for a NaN (or an infinity, which only an infinite v gives)
    for i in range(0, whole, 4):
        z0, z1, z2, z3 = (
            abs(float(out[i])),
            abs(float(out[i + 1])),
            abs(float(out[i + 2])),
            abs(float(out[i + 3])),
        )
        s0 += numbers[i] * z0 + 0.5 * (numbers[n + i] * z0) * z0
        s1 += numbers[i + 1] * z1 + 0.5 * (numbers[n + i + 1] * z1) * z1
        s2 += numbers[i + 2] * z2 + 0.5 * (numbers[n + i + 2] * z2) * z2
        s3 += numbers[i + 3] * z3 + 0.5 * (numbers[n + i + 3] * z3) * z3
    for i in range(whole, n):
        z0 = abs(float(out[i]))
        s0 += numbers[i] * z0 + 0.5 * (numbers[n + i] * z0) * z0
    return (s0 + s1) + (s2 + s3)
