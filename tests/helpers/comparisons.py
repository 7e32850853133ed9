"""Results that must be the same, bit for bit."""

import numpy as np

from fastmomentum import minimize

NUMBERS = ("fun", "nit", "nfev", "njev", "status", "success", "message", "grad_norm")


def assert_same(a, b, names=NUMBERS):
    """Two runs are the same, bit for bit."""
    for name in ("x", "jac"):
        assert a[name].dtype == b[name].dtype
        assert np.array_equal(a[name], b[name]), name
    for name in names:
        assert a[name] == b[name], name


def both(fun, x0, **kwargs):
    """The compiled run and the one in Python, which must be the same."""
    options = {"learning_rate": 0.1, **kwargs.pop("options", {})}
    compiled = minimize(fun, x0, options={**options, "backend": "numba"}, **kwargs)
    python = minimize(fun, x0, options={**options, "backend": "python"}, **kwargs)
    assert (compiled.backend, python.backend) == ("numba", "python")
    assert_same(compiled, python)
    return compiled


def assert_same_history(a, b):
    for name in ("fun", "grad_norm", "learning_rate"):
        assert np.array_equal(a.history[name], b.history[name], equal_nan=True), name


def assert_same_batch(a, b):
    for name in ("x", "jac", "fun", "status", "nit", "nfev", "njev", "grad_norm", "learning_rate"):
        assert np.array_equal(a[name], b[name], equal_nan=True), name
