"""Norms of groups of variables."""

import math


def prox_group_l2(v, out, step, numbers, integers, work):
    """Prox of sum_g w_g ||x_g||_2: each group is shortened by t w_g, or is exactly zero.

    `numbers` are the weights, one for each group. `integers` is (number of groups G, 1 if members
    are listed, G + 1 starts, members): group g has the members ``members[starts[g]:starts[g + 1]]``
    or, where they are not listed, those indices themselves. Variables in no group are not changed.
    """
    for i in range(v.size):
        out[i] = v[i]
    groups = integers[0]
    listed = integers[1] != 0
    base = groups + 3
    h = 0.0
    for g in range(groups):
        first = integers[2 + g]
        last = integers[3 + g]
        square = 0.0
        peak = 0.0
        for k in range(first, last):
            a = abs(float(out[integers[base + k] if listed else k])) + 0.0
            square += a * a
            peak = a if a > peak else peak
        norm = math.sqrt(square)
        # squares that overflowed or underflowed
        if (square < 1e-280 and peak > 0.0) or square > 1e300:
            square = 0.0
            for k in range(first, last):
                a = (float(out[integers[base + k] if listed else k]) + 0.0) / peak
                square += a * a
            norm = peak * math.sqrt(square)
        threshold = step * numbers[g]
        if norm <= threshold:
            for k in range(first, last):
                out[integers[base + k] if listed else k] = 0.0
        else:
            # a NaN comes here
            rest = norm - threshold
            scale = rest / norm
            h += numbers[g] * rest
            for k in range(first, last):
                i = integers[base + k] if listed else k
                out[i] = scale * float(out[i])
    return h
