"""Projection onto the ball of the 2-norm."""

import math


def prox_l2_ball(v, out, step, numbers, integers, work):
    """Projection onto {||x - c||_2 <= r}.

    `numbers` is (r,) with c = 0, or (r, c_1, ..., c_n).
    """
    n = v.size
    radius = numbers[0]
    centered = numbers.size > 1
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    peak = 0.0
    whole = n - n % 4
    if centered:
        for i in range(n):
            d = abs(float(v[i]) - numbers[1 + i])
            s0 += d * d
            peak = d if d > peak else peak
    else:
        # Four sums: a single one is a chain of dependent additions.
        for i in range(0, whole, 4):
            d0, d1 = float(v[i]) + 0.0, float(v[i + 1]) + 0.0
            d2, d3 = float(v[i + 2]) + 0.0, float(v[i + 3]) + 0.0
            s0 += d0 * d0
            s1 += d1 * d1
            s2 += d2 * d2
            s3 += d3 * d3
        for i in range(whole, n):
            d0 = float(v[i]) + 0.0
            s0 += d0 * d0
    square = (s0 + s1) + (s2 + s3)
    norm = math.sqrt(square)
    # squares that overflowed or underflowed
    if square < 1e-280 or square > 1e300:
        peak = 0.0
        for i in range(n):
            d = abs(float(v[i]) - (numbers[1 + i] if centered else 0.0))
            peak = d if d > peak else peak
        square = 0.0
        if peak > 0.0:
            for i in range(n):
                d = (float(v[i]) - (numbers[1 + i] if centered else 0.0)) / peak
                square += d * d
        norm = peak * math.sqrt(square)
    if norm <= radius:
        for i in range(n):
            out[i] = v[i]
        return 0.0
    # A NaN comes here, and makes all of them NaN.
    scale = radius / norm
    for i in range(n):
        if centered:
            out[i] = numbers[1 + i] + scale * (float(v[i]) - numbers[1 + i])
        else:
            out[i] = scale * float(v[i])
    return 0.0 if norm == norm else math.nan
