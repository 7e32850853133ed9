"""Sum of the singular values of a matrix.

Its vectors are those of the longer side: entry l of vector s is ``v[l * along + s * across]``. The
work array has the rotated vectors, the rotations, and what the singular values are multiplied by.
"""

import math

MOST_SWEEPS = 40


def prox_nuclear_norm(v, out, step, numbers, integers, work):
    """Prox of w sum_j sigma_j(X): singular values are lowered by t w, to zero at least [1]_.

    `numbers` is (w, machine epsilon of the dtype); `integers` is (rows, columns); `work` has
    n + s^2 + s entries, s the shorter side. The singular values are those of one-sided Jacobi [2]_:
    rotations make the vectors of the longer side orthogonal in pairs. A call begins with the last
    one's rotations, so that a matrix that changes little takes one or two sweeps.

    .. [1] J.-F. Cai, E. Candes and Z. Shen, "A singular value thresholding algorithm for matrix
       completion", SIAM J. Optim. 20(4), 2010, Theorem 2.1.
    .. [2] G. Golub and C. Van Loan, Matrix Computations, 4th ed., 2013, section 8.6.
    """
    n = v.size
    weight = numbers[0]
    epsilon = numbers[1]
    rows = integers[0]
    columns = integers[1]
    short, long, along, across = columns, rows, columns, 1
    if rows < columns:
        short, long, along, across = rows, columns, 1, columns
    peak = largest_entry(v)
    if peak - peak != 0.0:
        for k in range(n):
            out[k] = math.nan
        return math.nan
    if peak == 0.0:
        for k in range(n):
            out[k] = 0.0
        return 0.0

    fresh = begin_rotations(work[n : n + short * short], short)
    square = rotate_vectors(v, work, peak, fresh, short, long, along, across)
    # Products below this are rounding, even where a vector is all rounding.
    floor = epsilon * epsilon * square
    make_orthogonal(work, floor, epsilon, short, long)
    threshold = step * weight / peak
    h = lower_values(work, threshold, short, long)
    if threshold == 0.0:
        for k in range(n):
            out[k] = v[k]
    else:
        rotate_back(work, out, peak, short, long, along, across)
    return weight * (peak * h)


def largest_entry(v):
    """Largest magnitude; NaN if an entry is not finite."""
    peak = 0.0
    total = 0.0
    for k in range(v.size):
        a = abs(float(v[k])) + 0.0
        total += a - a
        peak = a if a > peak else peak
    return peak if total == 0.0 else math.nan


def begin_rotations(rotations, short):
    """The last call's, made orthogonal again (Gram-Schmidt), or none; is it none?"""
    fresh = True
    for k in range(short):
        if rotations[k] != 0.0:
            fresh = False
    for j in range(short):
        column = j * short
        if fresh:
            rotations[column + j] = 1.0
            continue
        for i in range(j):
            other = i * short
            product = 0.0
            for k in range(short):
                product += float(rotations[other + k]) * (float(rotations[column + k]) + 0.0)
            for k in range(short):
                a = float(rotations[column + k])
                rotations[column + k] = a - product * float(rotations[other + k])
        square = 0.0
        for k in range(short):
            a = float(rotations[column + k]) + 0.0
            square += a * a
        norm = math.sqrt(square)
        for k in range(short):
            rotations[column + k] = float(rotations[column + k]) / norm
    return fresh


def rotate_vectors(v, work, peak, fresh, short, long, along, across):
    """W = A V / peak, by vectors of the longer side; the sum of its squares."""
    square = 0.0
    for j in range(short):
        column = v.size + j * short
        for i in range(long):
            a = 0.0
            if fresh:
                a = float(v[i * along + j * across]) + 0.0
            else:
                for k in range(short):
                    a += (float(v[i * along + k * across]) + 0.0) * float(work[column + k])
            a /= peak
            square += a * a
            work[j * long + i] = a
    return square


def make_orthogonal(work, floor, epsilon, short, long):
    """Sweep over the pairs of vectors, and rotate those whose product is larger than rounding."""
    rotation = short * long
    for _ in range(MOST_SWEEPS):
        rotated = False
        for p in range(short - 1):
            for r in range(p + 1, short):
                first = work[p * long : (p + 1) * long]
                second = work[r * long : (r + 1) * long]
                alpha, beta, gamma = products(first, second)
                if abs(gamma) <= floor or abs(gamma) <= 4.0 * epsilon * math.sqrt(alpha * beta):
                    continue
                rotated = True
                zeta = (beta - alpha) / (2.0 * gamma)
                t = 1.0 / (abs(zeta) + math.sqrt(1.0 + zeta * zeta))
                t = -t if zeta < 0.0 else t
                c = 1.0 / math.sqrt(1.0 + t * t)
                rotate(first, second, c, c * t)
                first = work[rotation + p * short : rotation + (p + 1) * short]
                second = work[rotation + r * short : rotation + (r + 1) * short]
                rotate(first, second, c, c * t)
        if not rotated:
            break


def products(first, second):
    """The squares of two vectors, and their product."""
    alpha = 0.0
    beta = 0.0
    gamma = 0.0
    for i in range(first.size):
        a = float(first[i]) + 0.0
        b = float(second[i]) + 0.0
        alpha += a * a
        beta += b * b
        gamma += a * b
    return alpha, beta, gamma


def rotate(first, second, c, s):
    """Rotate two vectors in their plane, by the angle of this cosine and sine."""
    for i in range(first.size):
        a = float(first[i]) + 0.0
        b = float(second[i]) + 0.0
        first[i] = c * a - s * b
        second[i] = s * a + c * b


def lower_values(work, threshold, short, long):
    """What becomes of each singular value, as a factor, and the sum of what is left of them."""
    factors = short * long + short * short
    h = 0.0
    for j in range(short):
        square = 0.0
        for i in range(long):
            a = float(work[j * long + i]) + 0.0
            square += a * a
        sigma = math.sqrt(square)
        rest = sigma - threshold
        if rest > 0.0:
            h += rest
            work[factors + j] = rest / sigma
        else:
            work[factors + j] = 0.0
    return h


def rotate_back(work, out, peak, short, long, along, across):
    """The matrix of the vectors times these factors."""
    n = short * long
    factors = n + short * short
    for k in range(n):
        work[k] = float(work[k]) * float(work[factors + k // long])
    for i in range(long):
        for k in range(short):
            a = 0.0
            for j in range(short):
                a += (float(work[j * long + i]) + 0.0) * float(work[n + j * short + k])
            out[i * along + k * across] = peak * a


PARTS = (
    largest_entry,
    begin_rotations,
    rotate_vectors,
    make_orthogonal,
    products,
    rotate,
    lower_values,
    rotate_back,
)
