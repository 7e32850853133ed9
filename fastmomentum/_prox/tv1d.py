"""Total variation of a signal.

The knots of a piecewise linear function are kept in the work array, from `left` to `right`: where
they are, and the changes of slope and intercept there. Intercepts are sums over many entries: as
two numbers of the dtype, for float32.
"""

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
    mean = mean_of(v)
    if mean != mean:
        for i in range(n):
            out[i] = math.nan
        return math.nan
    if bound == 0.0:
        for i in range(n):
            out[i] = v[i]
        return weight * variation(out)

    # Above the largest partial sum the solution is the mean. Also the sums below would lose v in a
    # larger bound.
    largest, peak = largest_sum(v, mean)
    if bound >= largest:
        for i in range(n):
            out[i] = mean
        return 0.0

    # All below is in units of a power of two, near the largest deviation: sums fit into float32.
    exponent = min(max(math.frexp(peak)[1], -1000), 1000)
    scale = math.ldexp(1.0, exponent)
    x = clipping_points(v, out, work, mean, math.ldexp(1.0, -exponent), bound)
    return weight * follow_back(out, work, x, mean, scale)


def mean_of(v):
    """NaN where an entry is not finite."""
    # about v[0], so that a large offset costs no digits
    first = float(v[0]) + 0.0
    total = 0.0
    for i in range(v.size):
        total += float(v[i]) - first
    return first + total / v.size if total - total == 0.0 else math.nan


def variation(out):
    """The sum of the differences' magnitudes."""
    h = 0.0
    for i in range(out.size - 1):
        h += abs(float(out[i + 1]) - float(out[i]) + 0.0)
    return h


def largest_sum(v, mean):
    """The largest partial sum of the deviations from the mean, and the largest deviation."""
    total = 0.0
    largest = 0.0
    peak = 0.0
    for i in range(v.size):
        y = float(v[i]) - mean
        peak = abs(y) if abs(y) > peak else peak
        total += y
        if abs(total) > largest and i < v.size - 1:
            largest = abs(total)
    return largest, peak


def clipping_points(v, out, work, mean, unit, bound):
    """Where the derivatives are -bound (in `out`) and bound (in `work`); the last entry of x."""
    n = v.size
    bound *= unit
    size = 2 * n + 4
    upper = 4 * size
    left = n + 1
    right = n + 2
    y = (float(v[0]) - mean) * unit
    set_knot(work, size, left, y - bound, 1.0, bound - y)
    set_knot(work, size, right, y + bound, -1.0, bound + y)
    out[0] = y - bound
    work[upper] = y + bound
    for i in range(1, n - 1):
        y = (float(v[i]) - mean) * unit
        left, a, b = from_the_left(work, size, left, right, -y)
        x = -b / a
        right, a_right, b_right = from_the_right(work, size, left, right, -y)
        left -= 1
        set_knot(work, size, left, x, a, b)
        out[i] = x
        x = -b_right / a_right
        right += 1
        set_knot(work, size, right, x, -a_right, -b_right)
        work[upper + i] = x
    # where it is 0
    last = (float(v[n - 1]) - mean) * unit
    left, a, b = from_the_left(work, size, left, right, -bound - last)
    return -b / a


def set_knot(work, size, k, x, slope, intercept):
    """Put knot k to x, with these changes there."""
    work[k] = x
    work[size + k] = slope
    work[2 * size + k] = intercept
    work[3 * size + k] = intercept - float(work[2 * size + k])


def from_the_left(work, size, left, right, b):
    """Pass the knots where the derivative is still negative: the next one, slope and intercept."""
    a = 1.0
    while left <= right and a * float(work[left]) + b < 0.0:
        a += float(work[size + left])
        b += float(work[2 * size + left])
        b += float(work[3 * size + left])
        left += 1
    return left, a, b


def from_the_right(work, size, left, right, b):
    """Pass the knots where it is still positive, likewise."""
    a = 1.0
    while right >= left and a * float(work[right]) + b > 0.0:
        a -= float(work[size + right])
        b -= float(work[2 * size + right])
        b -= float(work[3 * size + right])
        right -= 1
    return right, a, b


def follow_back(out, work, x, mean, scale):
    """The solution, from its last entry `x`, over the lower clipping points; its variation."""
    n = out.size
    upper = 4 * (2 * n + 4)
    h = 0.0
    out[n - 1] = mean + scale * x
    for i in range(n - 2, -1, -1):
        if x < out[i]:
            x = float(out[i])
        elif x > work[upper + i]:
            x = float(work[upper + i])
        out[i] = mean + scale * x
        h += abs(float(out[i + 1]) - float(out[i]) + 0.0)
    return h


PARTS = (
    mean_of,
    variation,
    largest_sum,
    clipping_points,
    set_knot,
    from_the_left,
    from_the_right,
    follow_back,
)
