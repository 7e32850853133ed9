"""Results that must be the same, bit for bit."""

import numpy as np

NUMBERS = ("fun", "nit", "nfev", "njev", "status", "success", "message", "grad_norm")


def assert_same(a, b, names=NUMBERS):
    """Two runs are the same, bit for bit."""
    for name in ("x", "jac"):
        assert a[name].dtype == b[name].dtype
        assert np.array_equal(a[name], b[name]), name
    for name in names:
        assert a[name] == b[name], name


def assert_same_history(a, b):
    for name in ("fun", "grad_norm", "learning_rate"):
        assert np.array_equal(a.history[name], b.history[name], equal_nan=True), name


def assert_same_batch(a, b):
    for name in ("x", "jac", "fun", "status", "nit", "nfev", "njev", "grad_norm", "learning_rate"):
        assert np.array_equal(a[name], b[name], equal_nan=True), name
