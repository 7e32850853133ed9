"""Sum of the singular values of a matrix."""

import math


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
    # entry l of vector s is v[i * along + s * across]
    short, long, along, across = columns, rows, columns, 1
    if rows < columns:
        short, long, along, across = rows, columns, 1, columns
    peak = 0.0
    total = 0.0
    for k in range(n):
        a = abs(float(v[k])) + 0.0
        total += a - a
        peak = a if a > peak else peak
    if total != 0.0:
        for k in range(n):
            out[k] = math.nan
        return math.nan
    if peak == 0.0:
        for k in range(n):
            out[k] = 0.0
        return 0.0

    rotation = n
    fresh = last_rotations(work, rotation, short)
    # W = A V / peak, by vectors of the longer side
    frobenius = 0.0
    for j in range(short):
        column = rotation + j * short
        for i in range(long):
            a = 0.0
            if fresh:
                a = float(v[i * along + j * across]) + 0.0
            else:
                for k in range(short):
                    a += (float(v[i * along + k * across]) + 0.0) * float(work[column + k])
            a /= peak
            frobenius += a * a
            work[j * long + i] = a

    # Products below this are rounding, even where a vector is all rounding.
    floor = epsilon * epsilon * frobenius
    for _ in range(40):
        rotated = sweep(work, (short, long), rotation, epsilon, floor)
        if not rotated:
            break

    threshold = step * weight / peak
    values = n + short * short
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
            work[values + j] = rest / sigma
        else:
            work[values + j] = 0.0
    if threshold == 0.0:
        for k in range(n):
            out[k] = v[k]
        return weight * (peak * h)
    for k in range(n):
        work[k] = float(work[k]) * float(work[values + k // long])
    for i in range(long):
        for k in range(short):
            a = 0.0
            for j in range(short):
                a += (float(work[j * long + i]) + 0.0) * float(work[rotation + j * short + k])
            out[i * along + k * across] = peak * a
    return weight * (peak * h)


def last_rotations(work, rotation, short):
    """Make the last call's rotations orthogonal again (Gram-Schmidt); True: there were none."""
    fresh = True
    for k in range(short):
        if work[rotation + k] != 0.0:
            fresh = False
    for j in range(short):
        column = rotation + j * short
        if fresh:
            work[column + j] = 1.0
            continue
        for i in range(j):
            other = rotation + i * short
            product = 0.0
            for k in range(short):
                product += float(work[other + k]) * (float(work[column + k]) + 0.0)
            for k in range(short):
                work[column + k] = float(work[column + k]) - product * float(work[other + k])
        square = 0.0
        for k in range(short):
            a = float(work[column + k]) + 0.0
            square += a * a
        norm = math.sqrt(square)
        for k in range(short):
            work[column + k] = float(work[column + k]) / norm
    return fresh


def sweep(work, sides, rotation, epsilon, floor):
    """Make the vectors of the longer side orthogonal, pair by pair; False: they were."""
    short, long = sides
    rotated = False
    for p in range(short - 1):
        for r in range(p + 1, short):
            first = work[p * long : (p + 1) * long]
            second = work[r * long : (r + 1) * long]
            alpha = 0.0
            beta = 0.0
            gamma = 0.0
            for i in range(long):
                a = float(first[i]) + 0.0
                b = float(second[i]) + 0.0
                alpha += a * a
                beta += b * b
                gamma += a * b
            if abs(gamma) <= floor or abs(gamma) <= 4.0 * epsilon * math.sqrt(alpha * beta):
                continue
            rotated = True
            zeta = (beta - alpha) / (2.0 * gamma)
            t = 1.0 / (abs(zeta) + math.sqrt(1.0 + zeta * zeta))
            t = -t if zeta < 0.0 else t
            c = 1.0 / math.sqrt(1.0 + t * t)
            s = c * t
            for i in range(long):
                a = float(first[i]) + 0.0
                b = float(second[i]) + 0.0
                first[i] = c * a - s * b
                second[i] = s * a + c * b
            first = work[rotation + p * short : rotation + (p + 1) * short]
            second = work[rotation + r * short : rotation + (r + 1) * short]
            for k in range(short):
                a = float(first[k]) + 0.0
                b = float(second[k]) + 0.0
                first[k] = c * a - s * b
                second[k] = s * a + c * b
    return rotated


PARTS = last_rotations, sweep
