"""Total variation of an image.

Layout of the work array, with n pixels: fields q and y of 2 n entries each, the vertical components
and then the horizontal ones; the image z; and a row of sums. Before each field's vertical
components there is a row of zeros, before its horizontal ones the vertical ones' last entry, which
is always zero. All is in units of the range of the image, about its middle.
"""

import math


def prox_tv2d(v, out, step, numbers, integers, work):
    """Prox of w sum_ij ||(D x)_ij||, D the forward differences, by accelerated dual projection.

    `numbers` is (w, tolerance); `integers` is (rows, columns, 1 for the 2-norm of the differences
    or 0 for the 1-norm, most iterations); `work` has 5 n + 3 columns + 2 entries, of which the last
    two tell the iterations taken and the relative gap reached.

    The dual [1]_ is min_q ||v + t w div q||^2 / 2 over fields q of vectors of norm at most 1, and
    x = v + t w div q. FISTA [2]_ with the step 1 / 8 / (t w)^2, restarted where its momentum points
    uphill [3]_. The duality gap is t w sum_ij (||(D x)_ij|| - <(D x)_ij, q_ij>), none of whose
    terms is negative: nothing cancels. Iterations end when it is at most `tolerance` times the
    primal value ||x - v||^2 / 2 + t w TV(x). By strong convexity ||x - prox(v)||^2 / 2 is at most
    the gap. q is kept in `work`; since it is relative to t w, it fits the next call also where t
    has changed.

    .. [1] A. Chambolle, "An algorithm for total variation minimization and applications", J. Math.
       Imaging Vision 20, 2004, section 3.
    .. [2] A. Beck and M. Teboulle, "Fast gradient-based algorithms for constrained total variation
       image denoising and deblurring problems", IEEE Trans. Image Process. 18(11), 2009, section
       IV.
    .. [3] B. O'Donoghue and E. Candes, "Adaptive restart for accelerated gradient schemes", Found.
       Comput. Math. 15, 2015, section 3.2.
    """
    n = v.size
    weight = numbers[0]
    tolerance = numbers[1]
    rows = integers[0]
    columns = integers[1]
    isotropic = integers[2] != 0
    most = integers[3]
    told = 5 * n + 3 * columns
    work[told] = 0.0
    work[told + 1] = 0.0

    smallest, largest = range_of(v)
    if smallest != smallest:
        for k in range(n):
            out[k] = math.nan
        return math.nan
    middle = 0.5 * smallest + 0.5 * largest
    scale = max(0.5 * largest - 0.5 * smallest, 1e-300)
    unit = 1.0 / scale
    bound = step * weight * unit
    # Each entry moves by 4 t w at most, which here is far below rounding.
    if largest == smallest or bound < 1e-100:
        for k in range(n):
            out[k] = v[k]
        return weight * variation(out, rows, columns, isotropic)

    # The iterations would take very long where w is very large.
    mean, needed = bound_of_the_mean(v, middle, unit, rows, columns, isotropic)
    if bound >= needed:
        for k in range(n):
            out[k] = middle + scale * mean
        return 0.0

    q = columns
    y = 2 * columns + 2 * n
    z = 2 * columns + 4 * n
    for k in range(2 * n):
        work[y + k] = work[q + k]
    ascent = 0.125 / bound
    momentum = 1.0
    iterations = 0
    field = q
    tv = 0.0
    while True:
        image_of(v, work, field, middle, unit, bound, rows, columns)
        if field == q:
            gap, tv, square = duality_gap(v, work, middle, unit, rows, columns, isotropic)
            primal = 0.5 * square + bound * tv
            gap *= bound
            if gap <= tolerance * primal or iterations >= most:
                work[told] = iterations
                work[told + 1] = gap / primal if primal > 0.0 else 0.0
                break
            field = y
            continue
        after = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * momentum * momentum))
        beta = (momentum - 1.0) / after
        momentum = after
        uphill = ascend(work, ascent, beta, rows, columns, isotropic)
        iterations += 1
        if uphill > 0.0:
            momentum = 1.0
            for k in range(2 * n):
                work[y + k] = work[q + k]
        # the gap costs about as much as an iteration
        if iterations % 10 == 0 or iterations >= most:
            field = q

    for k in range(n):
        out[k] = middle + scale * float(work[z + k])
    return weight * (scale * tv)


def range_of(v):
    """The smallest and the largest entry; NaN where one is not finite."""
    smallest = math.inf
    largest = -math.inf
    invalid = 0
    for k in range(v.size):
        a = float(v[k]) + 0.0
        smallest = a if a < smallest else smallest
        largest = a if a > largest else largest
        invalid += a - a != 0.0
    return (smallest, largest) if invalid == 0 else (math.nan, math.nan)


def variation(image, rows, columns, isotropic):
    """The sum of the norms of its differences."""
    h = 0.0
    for i in range(rows):
        for j in range(columns):
            k = i * columns + j
            a = float(image[k + 1]) - float(image[k]) if j < columns - 1 else 0.0
            b = float(image[k + columns]) - float(image[k]) if i < rows - 1 else 0.0
            h += math.sqrt(a * a + b * b) if isotropic else abs(a) + abs(b)
    return h


def bound_of_the_mean(v, middle, unit, rows, columns, isotropic):
    """The mean, and from which t w on it is the solution.

    A feasible q that makes v constant, first along rows and then across them, proves it.
    """
    n = v.size
    mean = 0.0
    for k in range(n):
        mean += (float(v[k]) - middle) * unit
    mean /= n
    across = 0.0
    needed = 0.0
    for i in range(rows):
        total = 0.0
        for j in range(columns):
            total += (float(v[i * columns + j]) - middle) * unit
        row_mean = total / columns
        across += row_mean - mean
        b = abs(across) if i < rows - 1 else 0.0
        total = 0.0
        for j in range(columns):
            total += (float(v[i * columns + j]) - middle) * unit - row_mean
            a = abs(total) if j < columns - 1 else 0.0
            a = math.sqrt(a * a + b * b) if isotropic else max(a, b)
            needed = a if a > needed else needed
    return mean, needed


def image_of(v, work, field, middle, unit, bound, rows, columns):
    """z = v + t w div(field)."""
    n = v.size
    z = 2 * columns + 4 * n
    for i in range(rows):
        vertical = work[field + i * columns : field + (i + 1) * columns]
        above = work[field + (i - 1) * columns : field + i * columns]
        horizontal = work[field + n + i * columns : field + n + (i + 1) * columns]
        before = work[field + n + i * columns - 1 : field + n + (i + 1) * columns - 1]
        image = v[i * columns : (i + 1) * columns]
        target = work[z + i * columns : z + (i + 1) * columns]
        for j in range(columns):
            divergence = float(vertical[j]) - above[j] + float(horizontal[j]) - before[j]
            target[j] = (float(image[j]) - middle) * unit + bound * divergence


def duality_gap(v, work, middle, unit, rows, columns, isotropic):
    """The gap at q, relative to t w; the variation of z, and the square of its way from v."""
    n = v.size
    q = columns
    z = 2 * columns + 4 * n
    gap = 0.0
    tv = 0.0
    square = 0.0
    for i in range(rows):
        below = columns if i < rows - 1 else 0
        for j in range(columns):
            k = i * columns + j
            x = float(work[z + k]) + 0.0
            a = float(work[z + k + 1]) - x if j < columns - 1 else 0.0
            b = float(work[z + k + below]) - x
            norm = math.sqrt(a * a + b * b) if isotropic else abs(a) + abs(b)
            tv += norm
            gap += norm - (a * work[q + n + k] + b * work[q + k])
            x -= (float(v[k]) - middle) * unit
            square += x * x
    return gap, tv, square


def ascend(work, ascent, beta, rows, columns, isotropic):
    """q = projection of y + (t w D z) / 8 / (t w)^2, and y by the momentum; does it point uphill?

    It does where what is returned is positive.
    """
    n = rows * columns
    q = columns
    y = 2 * columns + 2 * n
    z = 2 * columns + 4 * n
    sums = 2 * columns + 5 * n
    for j in range(columns):
        work[sums + j] = 0.0
    uphill = work[sums : sums + columns]
    for i in range(rows):
        here = i * columns
        below = here + columns if i < rows - 1 else here
        z0 = work[z + here : z + here + columns]
        z_below = work[z + below : z + below + columns]
        z_next = work[z + here + 1 : z + here + columns]
        y_v = work[y + here : y + here + columns]
        y_h = work[y + n + here : y + n + here + columns]
        q_v = work[q + here : q + here + columns]
        q_h = work[q + n + here : q + n + here + columns]
        for j in range(columns - 1):
            x = float(z0[j]) + 0.0
            b = y_v[j] + ascent * (z_below[j] - x)
            a = y_h[j] + ascent * (z_next[j] - x)
            if isotropic:
                norm = math.sqrt(a * a + b * b)
                norm = norm if norm > 1.0 else 1.0
                a = a / norm
                b = b / norm
            else:
                a = a if a < 1.0 else 1.0
                a = a if a > -1.0 else -1.0
                b = b if b < 1.0 else 1.0
                b = b if b > -1.0 else -1.0
            move_v = b - q_v[j]
            move_h = a - q_h[j]
            uphill[j] += (y_v[j] - b) * move_v + (y_h[j] - a) * move_h
            q_v[j] = b
            q_h[j] = a
            y_v[j] = b + beta * move_v
            y_h[j] = a + beta * move_h
        # the last column has no neighbor to the right
        j = columns - 1
        b = y_v[j] + ascent * (float(z_below[j]) - z0[j])
        b = b if b < 1.0 else 1.0
        b = b if b > -1.0 else -1.0
        move_v = b - q_v[j]
        uphill[j] += (y_v[j] - b) * move_v
        q_v[j] = b
        y_v[j] = b + beta * move_v
    total = 0.0
    for j in range(columns):
        total += uphill[j]
    return total


PARTS = (range_of, variation, bound_of_the_mean, image_of, duality_gap, ascend)
