"""`multistart`: known minima, the same for any number of threads."""

import math

import numpy as np
import pytest
from numba import njit
from scipy.optimize import Bounds

from fastmomentum import multistart, penalties
from fastmomentum._check.starts import SAMPLERS


@njit(cache=True)
def himmelblau(x, out):
    a = x[0] * x[0] + x[1] - 11.0
    b = x[0] + x[1] * x[1] - 7.0
    out[0] = 4.0 * x[0] * a + 2.0 * b
    out[1] = 2.0 * a + 4.0 * x[1] * b
    return a * a + b * b


@njit(cache=True)
def camel(x, out):
    s = x[0] * x[0]
    t = x[1] * x[1]
    out[0] = 8.0 * x[0] - 8.4 * s * x[0] + 2.0 * s * s * x[0] + x[1]
    out[1] = x[0] - 8.0 * x[1] + 16.0 * t * x[1]
    return (4.0 - 2.1 * s + s * s / 3.0) * s + x[0] * x[1] + 4.0 * (t - 1.0) * t


@njit(cache=True)
def rastrigin(x, out):
    total = 10.0 * x.size
    for i in range(x.size):
        angle = 2.0 * math.pi * x[i]
        total += x[i] * x[i] - 10.0 * math.cos(angle)
        out[i] = 2.0 * x[i] + 20.0 * math.pi * math.sin(angle)
    return total


@njit(cache=True)
def sine(x, out, slope):
    out[0] = math.cos(x[0]) + slope
    return math.sin(x[0]) + slope * x[0]


HIMMELBLAU = [[3.0, 2.0], [-2.805118, 3.131313], [-3.779310, -3.283186], [3.584428, -1.848127]]
CAMEL = [0.0898, -0.7126]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_himmelblau(sampler):
    res = multistart(himmelblau, [(-5, 5)] * 2, 64, jac=True, seed=1, sampler=sampler)
    assert res.success and res.fun < 1e-9 and res.n_converged == 64
    assert res.minima.x.shape == (4, 2) and res.minima.count.sum() == 64
    for point in HIMMELBLAU:
        assert np.abs(res.minima.x - point).max(axis=1).min() < 1e-4
    assert (np.diff(res.minima.fun) >= 0.0).all()
    np.testing.assert_array_equal(res.x, res.minima.x[0])
    assert (res.nit, res.nfev) == (res.starts.nit.sum(), res.starts.nfev.sum())


def test_camel():
    res = multistart(camel, Bounds([-3, -2], [3, 2]), 256, jac=True, seed=0)
    # Two starts or so may end on a saddle or on the box.
    assert len(res.minima.fun) >= 6
    assert res.fun == pytest.approx(-1.031628, abs=1e-6)
    values = res.minima.fun[:6]
    np.testing.assert_allclose(values, np.repeat([-1.031628, -0.215464, 2.104250], 2), atol=1e-5)
    np.testing.assert_allclose(np.abs(res.x), np.abs(CAMEL), atol=1e-4)


def test_rastrigin():
    res = multistart(rastrigin, [(-2.4, 2.4)] * 2, 512, jac=True, seed=0)
    assert res.fun < 1e-9
    inner = np.abs(res.minima.x).max(axis=1) < 2.3
    stationary = res.minima.x[inner]
    known = 0.99496 * np.round(stationary / 0.99496)
    minimum = np.abs(stationary - known).max(axis=1) < 0.02
    assert minimum.sum() == 25, "five in each variable"


def test_sine_and_distance():
    res = multistart(sine, [(0.0, 20.0)], 64, args=(0.1,), jac=True, seed=0)
    expected = 2.0 * math.pi * np.arange(1, 4) - math.acos(-0.1)
    inside = res.minima.x[:, 0][(res.minima.x[:, 0] > 0.0) & (res.minima.x[:, 0] < 20.0)]
    np.testing.assert_allclose(inside, expected, atol=1e-4)
    wide = multistart(sine, [(0.0, 20.0)], 64, args=(0.1,), jac=True, seed=0, distance=2.0)
    assert len(wide.minima.fun) == 1 and wide.minima.count[0] == wide.n_converged


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("count", [1, 7, 33])
def test_the_seed_decides(sampler, count):
    runs = [
        multistart(rastrigin, [(-3, 3)] * 3, count, jac=True, seed=seed, sampler=sampler,
                   workers=workers)
        for seed, workers in ((5, 1), (5, 2), (np.random.default_rng(5), 3), (6, 1))
    ]  # fmt: skip
    assert all(run.starts.x.shape == (count, 3) for run in runs)
    for run in runs[1:3]:
        assert run.starts.x.tobytes() == runs[0].starts.x.tobytes()
        assert run.minima.x.tobytes() == runs[0].minima.x.tobytes()
        assert run.minima.count.tolist() == runs[0].minima.count.tolist()
    assert runs[3].starts.x.tobytes() != runs[0].starts.x.tobytes()


def test_the_box_is_kept():
    seen = []

    def fun(x):
        seen.append(x.copy())
        return float(-x @ x + x[0])

    def jac(x):
        return np.array([1.0, 0.0, 0.0]) - 2.0 * x

    res = multistart(fun, [(-1.0, 2.0), (0.5, 0.5), (-2.0, -1.0)], 8, jac=jac, seed=0)
    points = np.array(seen)
    assert (points >= [-1.0, 0.5, -2.0]).all() and (points <= [2.0, 0.5, -1.0]).all()
    assert (res.minima.x[:, 1] == 0.5).all()
    np.testing.assert_array_equal(np.abs(res.x[[1, 2]]), [0.5, 2.0])
    assert res.x[0] in (-1.0, 2.0) and res.fun == -6.25


def test_penalties_and_methods():
    for method in ("gd", "nesterov", "momentum"):
        res = multistart(himmelblau, [(-5, 5)] * 2, 32, jac=True, method=method, seed=0,
                         penalty=penalties.L1(0.1))  # fmt: skip
        assert res.success and len(res.minima.fun) >= 4


def test_no_run_converges():
    res = multistart(himmelblau, [(-5, 5)] * 2, 8, jac=True, seed=0, options={"maxiter": 1})
    assert not res.success and res.status == 1 and res.n_converged == 0
    assert res.minima.x.shape == (0, 2) and res.minima.count.shape == res.minima.fun.shape == (0,)
    assert res.fun == res.starts.fun.min()
    res = multistart(lambda x: math.nan, [(0.0, 1.0)], 4, jac=lambda x: x, seed=0)
    assert res.status == 3 and math.isnan(res.fun) and not res.success
    res = multistart(himmelblau, [(-5, 5)] * 2, 8, jac=True, options={"maxtime": 1e-9})
    assert res.status == 4
