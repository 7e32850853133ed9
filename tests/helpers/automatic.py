"""Runs with an automatic learning rate, of problems by their names."""

import functools

import numpy as np
import pytest

from benchmarks import holdout
from fastmomentum import _methods, minimize

METHODS = ("momentum", "nesterov", "gd")
ADAPTIVE = tuple(name for name, method in _methods.METHODS.items() if method.metric is not None)
BACKENDS = ("numba", "python")
BUDGET = 5000
methods = pytest.mark.parametrize("method", METHODS)
every_method = pytest.mark.parametrize("method", (*METHODS, *ADAPTIVE))
backends = pytest.mark.parametrize("backend", BACKENDS)


@functools.cache
def load(name):
    return holdout.ALL.get(name)


def size(name):
    """Variables, without loading data."""
    family, _, n = name.partition("-")
    return int(n) if n else 650 if family.startswith("softmax_digits") else 1


def solve(name, method, callback=None, x0=None, **options):
    """A run on a compiled problem."""
    problem = load(name)
    return minimize(
        problem.compiled("fused"),
        problem.x0 if x0 is None else x0,
        args=problem.args,
        jac=True,
        method=method,
        callback=callback,
        options=options,
    )


def evaluate(name, x):
    problem = load(name)
    gradient = np.full_like(x, np.nan)
    return problem.compiled("fused")(x, gradient, *problem.args), gradient


def run(fun, x0, method, **options):
    """A run on a plain Python function that returns (f, g)."""
    with np.errstate(all="ignore"):
        return minimize(fun, x0, jac=True, method=method, options=options)


def same(a, b, names=("x", "fun", "jac", "nit", "nfev", "njev", "status", "grad_norm")):
    for name in names:
        assert np.array_equal(a[name], b[name], equal_nan=True), name
