"""Functions that count their calls or are not finite somewhere, and limits for them."""

import numpy as np
import pytest
from endings import (
    BACKENDS,
    FUN_INF,
    FUN_MINUS_INF,
    FUN_NAN,
    JAC_INF,
    JAC_MINUS_INF,
    JAC_NAN,
    METHODS,
    bowl,
    bowl_jac,
)

from fastmomentum import minimize

backends = pytest.mark.parametrize("backend", BACKENDS)
methods = pytest.mark.parametrize("method", METHODS)
STYLES = ("callable", "in place", "pair", "fused", "2-point", "3-point", "cs", None)


def gradient(x):
    out = np.empty_like(x)
    bowl_jac(x, out)
    return out


def solve(method="gd", backend="auto", x0=(0.0, 0.0, 0.0), callback=None, **options):
    options = {"learning_rate": 0.05, "backend": backend, **options}
    return minimize(bowl, x0, method=method, jac=bowl_jac, callback=callback, options=options)


FAULTS = {
    "fun nan": FUN_NAN,
    "fun inf": FUN_INF,
    "fun -inf": FUN_MINUS_INF,
    "jac nan": JAC_NAN,
    "jac inf": JAC_INF,
    "jac -inf": JAC_MINUS_INF,
}
PLACES = [(1, 0), *((n, at) for n in (5, 1000) for at in (0, n // 2, n - 1))]


class Counted:
    """The bowl in every style, with counters of its calls."""

    def __init__(self, style):
        self.calls = self.jac_calls = 0
        self.fun, self.jac = {
            "callable": (self.value, self.gradient),
            "in place": (self.value, self.fill),
            "pair": (self.pair, True),
            "fused": (self.fused, True),
        }.get(style, (self.value, style))

    def value(self, x):
        self.calls += 1
        return np.sum((x - 1.0) * (x - 1.0))

    def gradient(self, x):
        self.jac_calls += 1
        return 2.0 * (x - 1.0)

    def fill(self, x, out):
        out[:] = self.gradient(x)

    def pair(self, x):
        return self.value(x), self.gradient(x)

    def fused(self, x, out):
        out[:] = self.gradient(x)
        return self.value(x)


# Limits that leave no room for the gradient at x0 by differences of n = 2 (and, for "cs", for the
# check of it), and larger ones.
limits = pytest.mark.parametrize(
    "limits", ((1, 2, 3, 4, 6), (7, 8, 9, 10, 11, 12, 13, 19, 30)), ids=("small", "large")
)


def refuses(error, maxfev, calls, n):
    """A limit that leaves no room for the first gradient may be an error, before any call."""
    return "maxfev" in str(error) and maxfev <= 3 * n + 1 and calls == 0
