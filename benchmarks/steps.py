"""The steps of the methods at a given rate: nanoseconds per variable, the objective's included."""

from __future__ import annotations

from .overhead import iterate, slope


class Steps:
    """Momentum, Nesterov, Adam and gradient descent; in the cache and out of it."""

    params = (("momentum", "nesterov", "gd", "adam"), (1_000, 1_000_000))
    param_names = ("method", "n")
    timeout = 120

    def track_step(self, method, n):
        return 1e9 * slope(iterate(n, method=method), n, 3) / n

    track_step.unit = "ns/variable"
