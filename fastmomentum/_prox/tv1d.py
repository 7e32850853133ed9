"""Total variation of a signal."""

import math


def prox_tv1d(v, out, step, numbers, integers, work):
    """Prox of w sum_i |x_{i+1} - x_i|, exact, in O(n) whatever the signal.

    `numbers` is (w,); `work` has 9 n + 16 entries. Johnson's dynamic program [1]_: the derivative
    of the least cost of the entries up to i, as a function of x_i, is piecewise linear,
    nondecreasing and clipped to [-t w, t w]. Its knots are kept in a double-ended queue: each entry
    of v adds one at either end, and takes away those beyond. From the clipping points the solution
    follows backwards. Entries of one plateau are equal to the last bit.

    .. [1] N. Johnson, "A dynamic programming algorithm for the fused lasso and L0-segmentation",
       J. Comput. Graph. Stat. 22(2), 2013.
    """
    n = v.size
    weight = numbers[0]
    bound = step * weight
    # about v[0], so that a large offset costs no digits
    first = float(v[0]) + 0.0
    total = 0.0
    for i in range(n):
        total += float(v[i]) - first
    # NaN and infinities
    if total - total != 0.0:
        for i in range(n):
            out[i] = math.nan
        return math.nan
    mean = first + total / n
    if bound == 0.0:
        for i in range(n):
            out[i] = v[i]
        h = 0.0
        for i in range(n - 1):
            h += abs(float(out[i + 1]) - float(out[i]) + 0.0)
        return weight * h

    # Above the largest partial sum the solution is the mean. Also the sums below would lose v in a
    # larger bound.
    total = 0.0
    largest = 0.0
    peak = 0.0
    for i in range(n):
        y = float(v[i]) - mean
        peak = abs(y) if abs(y) > peak else peak
        total += y
        if abs(total) > largest and i < n - 1:
            largest = abs(total)
    if bound >= largest:
        for i in range(n):
            out[i] = mean
        return 0.0

    # All below is in units of a power of two, near the largest deviation: sums fit into float32.
    exponent = min(max(math.frexp(peak)[1], -1000), 1000)
    scale = math.ldexp(1.0, exponent)
    unit = math.ldexp(1.0, -exponent)
    bound *= unit

    # Knots l, ..., r, from left to right: position, and the changes of slope and intercept there.
    # Intercepts are sums over many entries: as two numbers of the dtype, for float32.
    size = 2 * n + 4
    slope = size
    high = 2 * size
    low = 3 * size
    upper = 4 * size  # clipping points; the lower ones are kept in `out`
    left = n + 1
    right = n + 2
    y = (float(v[0]) - mean) * unit
    for end in range(2):
        k = right if end else left
        sign = -1.0 if end else 1.0
        b = bound - sign * y
        work[k] = y - sign * bound
        work[slope + k] = sign
        work[high + k] = b
        work[low + k] = b - float(work[high + k])
    out[0] = y - bound
    work[upper] = y + bound
    for i in range(1, n - 1):
        y = (float(v[i]) - mean) * unit
        # where the derivative is -bound, from the left
        a = 1.0
        b = -y
        while left <= right and a * float(work[left]) + b < 0.0:
            a += float(work[slope + left])
            b += float(work[high + left])
            b += float(work[low + left])
            left += 1
        x = -b / a
        a_right = 1.0
        b_right = -y
        # where it is bound, from the right
        while right >= left and a_right * float(work[right]) + b_right > 0.0:
            a_right -= float(work[slope + right])
            b_right -= float(work[high + right])
            b_right -= float(work[low + right])
            right -= 1
        left -= 1
        work[left] = x
        work[slope + left] = a
        work[high + left] = b
        work[low + left] = b - float(work[high + left])
        out[i] = x
        x = -b_right / a_right
        right += 1
        work[right] = x
        work[slope + right] = -a_right
        work[high + right] = -b_right
        work[low + right] = -b_right - float(work[high + right])
        work[upper + i] = x
    # where it is 0
    a = 1.0
    b = -bound - (float(v[n - 1]) - mean) * unit
    while left <= right and a * float(work[left]) + b < 0.0:
        a += float(work[slope + left])
        b += float(work[high + left])
        b += float(work[low + left])
        left += 1
    x = -b / a
    h = 0.0
    out[n - 1] = mean + scale * x
    for i in range(n - 2, -1, -1):
        if x < out[i]:
            x = float(out[i])
        elif x > work[upper + i]:
            x = float(work[upper + i])
        out[i] = mean + scale * x
        h += abs(float(out[i + 1]) - float(out[i]) + 0.0)
    return weight * h
