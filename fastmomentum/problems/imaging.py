"""Denoising and deblurring by smoothed total variation."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled

__all__ = ["FAMILIES"]


def tv_1d(x, out, data, weight, epsilon):
    """Denoising of a signal, with smoothed total variation."""
    n = x.size
    f = 0.0
    out[0] = 0.0
    for i in range(n):
        r = x[i] - data[i]
        f += 0.5 * r * r
        out[i] += r
        if i < n - 1:
            d = x[i + 1] - x[i]
            s = math.sqrt(d * d + epsilon * epsilon)
            f += weight * s
            out[i] -= weight * d / s
            out[i + 1] = weight * d / s
    return f


def tv_deblur_1d(x, out, data, weight, epsilon):
    """Deblurring of a signal smoothed by (1, 2, 1) / 4, with smoothed total variation."""
    n = x.size
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        r = 0.5 * x[i] + 0.25 * (x[max(i - 1, 0)] + x[min(i + 1, n - 1)]) - data[i]
        f += 0.5 * r * r
        out[i] += 0.5 * r
        out[max(i - 1, 0)] += 0.25 * r
        out[min(i + 1, n - 1)] += 0.25 * r
        if i < n - 1:
            d = x[i + 1] - x[i]
            s = math.sqrt(d * d + epsilon * epsilon)
            f += weight * s
            out[i] -= weight * d / s
            out[i + 1] += weight * d / s
    return f


def tv_2d(x, out, data, n_columns, weight, epsilon):
    """Denoising of an image, stored row by row, with smoothed isotropic total variation."""
    n = x.size
    f = 0.0
    for i in range(n):
        out[i] = 0.0
    for i in range(n):
        r = x[i] - data[i]
        across = 0.0
        down = 0.0
        if (i + 1) % n_columns != 0:
            across = x[i + 1] - x[i]
        if i + n_columns < n:
            down = x[i + n_columns] - x[i]
        s = math.sqrt(across * across + down * down + epsilon * epsilon)
        f += 0.5 * r * r + weight * s
        out[i] += r - weight * (across + down) / s
        if (i + 1) % n_columns != 0:
            out[i + 1] += weight * across / s
        if i + n_columns < n:
            out[i + n_columns] += weight * down / s
    return f


REFERENCE = "L. I. Rudin, S. Osher and E. Fatemi, Physica D 60 (1992) 259-268; smoothed by epsilon"
# RandomState: NumPy guarantees its stream, which default_rng does not.
NOISE_SEED = 1992


def _signal(n):
    """Four steps and a ramp, between 0 and 1."""
    t = np.arange(n) / n
    steps = np.array([0.0, 1.0, 0.25, 0.75])[np.minimum((5.0 * t).astype(int), 3)]
    return np.where(t < 0.8, steps, 5.0 * (t - 0.8))


def _noisy_signal(n, noise):
    return _signal(n) + noise * np.random.RandomState(NOISE_SEED).standard_normal(n)


def _blurred_signal(n, noise):
    padded = np.pad(_signal(n), 1, mode="edge")
    blurred = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return blurred + noise * np.random.RandomState(NOISE_SEED).standard_normal(n)


def _noisy_image(n, noise):
    """Disc and square on a shaded ground, between 0 and 1."""
    side = _side(n)
    row, column = np.divmod(np.arange(n), side) / np.float64(side)
    image = 0.2 * row
    image[(row - 0.35) ** 2 + (column - 0.4) ** 2 < 0.06] = 1.0
    image[(row > 0.6) & (row < 0.9) & (column > 0.55) & (column < 0.85)] = 0.6
    return image + noise * np.random.RandomState(NOISE_SEED).standard_normal(n)


def _side(n):
    side = math.isqrt(n)
    if side * side != n:
        raise ValueError(f"n must be a square number for an image, got {n!r}.")
    return side


FAMILIES = (
    Family(
        tv_1d,
        sizes=(200, 1000),
        smallest=2,
        start=lambda n: _noisy_signal(n, 0.1),
        args=lambda n: (_noisy_signal(n, 0.1), 0.2, 1e-2),
        f_min={200: 1.9370065926886086, 1000: 6.9269422871597826},
        reference=REFERENCE,
    ),
    Family(
        tv_deblur_1d,
        sizes=(200,),
        smallest=2,
        start=lambda n: _blurred_signal(n, 0.05),
        args=lambda n: (_blurred_signal(n, 0.05), 0.05, 1e-2),
        f_min={200: 0.4748632522475633},
        reference=REFERENCE,
    ),
    Family(
        tv_2d,
        sizes=(1024, 4096),
        smallest=4,
        start=lambda n: _noisy_image(n, 0.1),
        args=lambda n: (_noisy_image(n, 0.1), _side(n), 0.1, 1e-2),
        f_min={1024: 12.07651011299046, 4096: 36.28474169418341},
        reference=REFERENCE,
    ),
    Family(
        tv_2d,
        name="tv_2d_sharp",
        sizes=(1024,),
        smallest=4,
        start=filled(0.0),
        args=lambda n: (_noisy_image(n, 0.2), _side(n), 0.3, 1e-3),
        f_min={1024: 38.15049054682548},
        reference=REFERENCE,
    ),
)
