"""Objectives and loaders of the tests of `distributed`, which workers import, too."""

import functools
import os
import time

import numba
import numpy as np
from numba import njit

ROWS, N = 240, 5


@njit
def squares(x, out, A, b):
    """Half the sum of the squares of A x - b."""
    total = 0.0
    out[:] = 0.0
    for i in range(b.size):
        r = -b[i]
        for j in range(x.size):
            r += A[i, j] * x[j]
        total += 0.5 * r * r
        for j in range(x.size):
            out[j] += r * A[i, j]
    return total


def squares_pair(x, A, b):
    r = A @ x - b
    return 0.5 * (r @ r), A.T @ r


@njit(cache=True)
def poisson(x, out, X, y):
    """Negative log-likelihood of counts, but for a constant, divided by their usual number."""
    total = 0.0
    out[:] = 0.0
    for i in range(y.size):
        eta = 0.0
        for j in range(x.size):
            eta += X[i, j] * x[j]
        rate = np.exp(eta)
        total += rate - y[i] * eta
        for j in range(x.size):
            out[j] += (rate - y[i]) * X[i, j] / 20190.0
    return total / 20190.0


@functools.cache
def data():
    rng = np.random.default_rng(5)
    A = rng.standard_normal((ROWS, N)) * [1.0, 2.0, 0.5, 1.0, 3.0]
    return A, A @ np.arange(1.0, N + 1.0) + rng.standard_normal(ROWS)


@functools.cache
def randhie():
    from statsmodels.datasets import randhie as source

    loaded = source.load_pandas()
    X = loaded.exog.to_numpy(float)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return np.column_stack([np.ones(len(X)), X]), loaded.endog.to_numpy(float)


class Part:
    """load(i): shard i of n_shards of `source`."""

    def __init__(self, source, n_shards):
        self.source, self.n_shards = source, n_shards

    def __call__(self, i):
        A, b = self.source()
        cuts = np.linspace(0, len(b), self.n_shards + 1).astype(int)
        rows = slice(cuts[i], cuts[i + 1])
        return A[rows].copy(), b[rows].copy()


def slow(x, out, A, b):
    time.sleep(0.05)
    return squares(x, out, A, b)


def slow_pair(x, A, b):
    """Without Numba: processes that start anew have nothing to compile."""
    time.sleep(0.05)
    return squares_pair(x, A, b)


def bowl_slowly(x, out, y):
    time.sleep(0.002)
    out[:] = x - y
    return 0.5 * float(out @ out)


def breaks(x, out, A, b):
    if x[0] > 0.5:
        raise ArithmeticError("no value there")
    return squares(x, out, A, b)


def fails(i):
    if i == 2:
        raise FileNotFoundError("part-2.npy")
    return Part(data, 6)(i)


def process(i):
    """A loader that tells which process it runs in."""
    return (np.array([float(os.getpid()), float(i)]),)


def of_process(x, out, where):
    """The shard's number is the value, the process's that of the gradient."""
    out[:] = where[0]
    return where[1]


def sleeps(x, out, A, b):
    time.sleep(0.7)
    return squares(x, out, A, b)


@njit(parallel=True)
def in_threads(out):
    for i in numba.prange(out.size):
        out[i] = 0.0
    return numba.get_num_threads()


@njit
def threads(x, out, A, b):
    """Not parallel itself, but calls what is: its value is the number of threads."""
    return in_threads(out)


@njit
def decay(x, out, t, y):
    """Half the sum of squares of x[0] exp(-x[1] t) - y."""
    total = 0.0
    out[:] = 0.0
    for k in range(t.size):
        e = np.exp(-x[1] * t[k])
        r = x[0] * e - y[k]
        total += 0.5 * r * r
        out[0] += r * e
        out[1] -= r * x[0] * e * t[k]
    return total


def decay_slowly(x, out, t, y):
    time.sleep(0.002)
    if y[0] > 90.0:
        raise ArithmeticError("too much")
    return decay(x, out, t, y)


def decays(count):
    t = np.linspace(0.0, 4.0, 16)
    rng = np.random.default_rng(3)
    rates = rng.uniform(0.5, 3.0, count)
    return t, 2.0 * np.exp(-rates[:, None] * t) + 0.01 * rng.standard_normal((count, t.size))
