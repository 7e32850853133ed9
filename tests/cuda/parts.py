"""Objectives in parts: by entries, by rows and entries, and sums of terms."""

import numpy as np
import simulator  # noqa: F401 - mends it
from numba import njit
from plain import entry
from simulated import model

from fastmomentum.objectives import entrywise, sum_of_terms


@njit
def residual(r, x, w, a, b, weight):
    w[r] = -b[r]
    for j in range(x.shape[0]):
        w[r] += a[r, j] * x[j]
    return 0.5 * weight * w[r] * w[r]


@njit
def slope(i, x, w, out, a, b, weight):
    out[i] = 0.0
    for r in range(w.shape[0]):
        out[i] += weight * a[r, i] * w[r]
    return 0.0


@njit
def n_rows(x, a, b, weight):
    return b.shape[0]


ROSENBROCK = entrywise(njit(entry))
LEAST_SQUARES = entrywise(slope, row=residual, n_rows=n_rows)


@njit
def misfit(k, x, out, t, y, weight):
    e = model(1.0, x[1], t[k])
    r = weight * (x[0] * e - y[k])
    out[0] += 2.0 * r * weight * e
    out[1] -= 2.0 * r * weight * x[0] * e * t[k]
    return r * r


@njit
def n_samples(x, t, y, weight):
    return y.size


TIMES = np.linspace(0.0, 2.0, 7)
SIGNALS = 3.0 * np.exp(-np.array([0.5, 1.0, 1.0, 2.0, 1.5])[:, None] * TIMES)
SUM = {
    "X0": [1.0, 1.0],
    "args": (TIMES, SIGNALS, np.array([1.0, 0.5, 0.5, 2.0, 1.5])),
    "batched": (False, True, True),
    "jac": True,
}


def in_lanes(count, n_terms=n_samples):
    return sum_of_terms(misfit, n_terms, threads=count)
