"""Points and slopes of difference quotients, kept within bounds: for Python and for Numba."""

from __future__ import annotations


def given_step(x: float, absolute: float, relative: float) -> float:
    """The step at x that the user gave, where at most one of them is not 0; 0 if there is none."""
    return relative * x if relative != 0.0 else absolute


def forward_point(x: float, h: float, lower: float, upper: float) -> float:
    """Where a forward difference is taken: h away from x, from 0 on outwards if that is inside."""
    first = x - h if x < 0.0 else x + h
    if lower <= first <= upper:
        return first
    second = x + h if x < 0.0 else x - h
    if lower <= second <= upper:
        return second
    return upper if upper - x > x - lower else lower


def forward_slope(x: float, f: float, a: float, f_a: float) -> float:
    """Slope from (x, f) to (a, f_a); 0 where the bounds leave no other point than x."""
    return (f_a - f) / (a - x) if a != x else 0.0


def central_points(x: float, h: float, lower: float, upper: float) -> tuple[float, float]:
    """Two points on both sides of x or, next to a bound, on one side, one twice as far."""
    if lower <= x - h and x + h <= upper:
        return x - h, x + h
    if x + 2.0 * h <= upper:
        return x + h, x + 2.0 * h
    if x - 2.0 * h >= lower:
        return x - h, x - 2.0 * h
    # Less room than that: the whole of the wider side.
    far = upper if upper - x > x - lower else lower
    return 0.5 * (x + far), far


def central_slope(x: float, f: float, a: float, f_a: float, b: float, f_b: float) -> float:
    """Slope at x of the parabola through (x, f), (a, f_a) and (b, f_b); 0 where all are x.

    Where the points coincide by rounding it is that of the line through two of them.
    """
    left, right = a - x, b - x
    if left < 0.0 < right:
        return (f_b - f_a) / (b - a)
    if left == 0.0 or left == right:
        return (f_b - f) / right if right != 0.0 else 0.0
    return ((f_a - f) / left * right - (f_b - f) / right * left) / (right - left)
