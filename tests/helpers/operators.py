"""Penalties of each kind, and how their proximal operators are called and judged."""

import math

import numpy as np

from fastmomentum._numba.prox import compiled
from fastmomentum.penalties import (
    L1,
    L2,
    TV1D,
    TV2D,
    Box,
    ElasticNet,
    GroupL2,
    L1Ball,
    L2Ball,
    NonNegative,
    NuclearNorm,
    Simplex,
)

N = 12
WEIGHTS = np.linspace(0.0, 1.5, N)

# one of each kind, for 12 variables
CASES = {
    "l1": L1(0.7),
    "l1 array": L1(WEIGHTS),
    "l2": L2(0.7),
    "elastic": ElasticNet(WEIGHTS, 0.4),
    "box": Box(-0.5, 0.25),
    "box array": Box(-WEIGHTS, np.where(np.arange(N) % 2, math.inf, 0.5)),
    "box off zero": Box(1.0, 2.0),
    "nonnegative": NonNegative(),
    "sum": L1(0.3) + NonNegative() + L2(0.2) + Box(-1.0, 0.8),
    "group": GroupL2(0.9, 3),
    "group labels": GroupL2([0.5, 1.0, 0.2], [3, 1, -1, 3, 7, 7, 1, 1, -5, 3, 7, 1]),
    "group lists": GroupL2([0.5, 0.0, 1.0], [[11, 0, 5], [], [2, 3, 4, 10]]),
    "simplex": Simplex(),
    "simplex 3": Simplex(3.0),
    "l1 ball": L1Ball(2.0),
    "l2 ball": L2Ball(1.5),
    "l2 ball at c": L2Ball(1.5, WEIGHTS),
    "tv1d": TV1D(0.4),
    "tv2d": TV2D(0.4, (3, 4), tol=1e-13, max_inner=50_000),
    "tv2d anisotropic": TV2D(0.4, (4, 3), isotropic=False, tol=1e-13, max_inner=50_000),
    "tv2d row": TV2D(0.4, (1, 12), tol=1e-13, max_inner=50_000),
    "nuclear": NuclearNorm(0.6, (3, 4)),
    "nuclear tall": NuclearNorm(0.6, (6, 2)),
}
# What the inner iterations leave, ||x - prox|| <= sqrt(2 gap).
SLACK = {name: 1e-5 if "tv2d" in name else 1e-11 for name in CASES}
CONSTRAINTS = [name for name, penalty in CASES.items() if penalty.is_constraint]
NORMS = ["l1", "l1 array", "group", "group lists", "tv1d", "tv2d", "tv2d anisotropic", "nuclear"]


def call(penalty, v, step=1.0, *, work=None, out=None, python=False):
    """The kernel's result and the value it returns."""
    kernel, numbers, integers, work_size = penalty.pack(v.size, v.dtype)
    work = np.zeros(work_size, v.dtype) if work is None else work
    out = np.empty_like(v) if out is None else out
    kernel = kernel if python else compiled(kernel)
    return out, kernel(v, out, step, numbers, integers, work)


def assert_plain_minimum(penalty, v, step, slack=1e-11, points=40, seed=0):
    """The definition: with p the minimizer, strong convexity says for all z

    h(z) + |z - v|^2 / 2t >= h(p) + |p - v|^2 / 2t + |z - p|^2 / 2t.
    """
    rng = np.random.default_rng(seed)
    p = penalty.prox(v, step)
    h = penalty.value(p)
    assert math.isfinite(h)
    size = max(np.abs(v).max(), 1.0)
    for scale in (1e-6, 1e-3, 0.1, 1.0, 10.0):
        for _ in range(points):
            z = p + scale * rng.standard_normal(v.size) * (rng.random(v.size) < 0.5)
            if penalty.is_constraint or math.isinf(penalty.value(z)):
                z = penalty.prox(z, step)
            # the squares' difference, without cancellation: |z-v|^2 - |p-v|^2 - |z-p|^2
            rest = 2.0 * np.dot(z - p, p - v)
            # the slack: error of p, times the size of what multiplies it
            assert penalty.value(z) - h + rest / (2.0 * step) >= -slack * size * (
                1.0 + np.abs(z - p).max() / step
            )
