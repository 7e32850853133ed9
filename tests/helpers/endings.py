"""Every way in which a run can end, as a table that several test files go through."""

import dataclasses
import math
from typing import Any

import numpy as np
from numba import njit

from fastmomentum import Status, minimize
from fastmomentum._report.status import NONFINITE_AT_X0, message_of

METHODS = ("gd", "momentum", "nesterov")
# Every run is made on both: the compiled loop, and the loop that calls fun from Python.
BACKENDS = ("numba", "python")
# What `faulty` does once x[0] >= bound.
NO_FAULT, FUN_NAN, FUN_INF, FUN_MINUS_INF, JAC_NAN, JAC_INF, JAC_MINUS_INF = range(7)
NEVER = math.inf


@njit(cache=True)
def bowl(x):
    """Sum of (1 + i / n) (x_i - 1)^2; the curvatures are between 2 and 4."""
    total = 0.0
    for i in range(x.size):
        total += (1.0 + i / x.size) * (x[i] - 1.0) * (x[i] - 1.0)
    return total


@njit(cache=True)
def bowl_jac(x, out):
    for i in range(x.size):
        out[i] = 2.0 * (1.0 + i / x.size) * (x[i] - 1.0)


@njit(cache=True)
def faulty(x, out, fault, at, bound):
    """The bowl; where x[0] >= bound, its value, or entry `at` of its gradient, is not finite."""
    total = 0.0
    for i in range(x.size):
        weight = 1.0 + i / x.size
        out[i] = 2.0 * weight * (x[i] - 1.0)
        total += weight * (x[i] - 1.0) * (x[i] - 1.0)
    if x[0] >= bound:
        if fault == FUN_NAN:
            total = np.nan
        elif fault == FUN_INF:
            total = np.inf
        elif fault == FUN_MINUS_INF:
            total = -np.inf
        elif fault == JAC_NAN:
            out[at] = np.nan
        elif fault == JAC_INF:
            out[at] = np.inf
        elif fault == JAC_MINUS_INF:
            out[at] = -np.inf
    return total


@njit(cache=True)
def raising(x, out, bound):
    """The bowl, with an exception where x[0] > bound."""
    if x[0] > bound:
        raise ArithmeticError("too far")
    bowl_jac(x, out)
    return bowl(x)


@njit(cache=True)
def busy(x, out, rounds):
    """The bowl, after so many rounds of arithmetic that cannot be left out."""
    waste = 0.0
    for i in range(rounds):
        waste = math.sin(waste + x[0] + i)
    bowl_jac(x, out)
    return bowl(x) + 1e-300 * waste


def stop_at(k):
    """A callback that ends the run after iteration `k`."""

    def callback(intermediate_result):
        if intermediate_result.nit >= k:
            raise StopIteration

    return callback


def interrupt_at(k):
    """A callback that acts as Ctrl-C after iteration `k`."""

    def callback(intermediate_result):
        if intermediate_result.nit >= k:
            raise KeyboardInterrupt

    return callback


def message_for(result, automatic=False):
    """The message that a run with this result must have."""
    finite = math.isfinite(result.fun) and np.isfinite(result.jac).all()
    if result.status == Status.NONFINITE and not finite:
        return NONFINITE_AT_X0
    return message_of(Status(result.status), automatic)


@dataclasses.dataclass(frozen=True)
class Ending:
    """A run of `faulty` from 0 and the status that it must end with."""

    name: str
    status: Status
    options: dict[str, Any]
    fault: tuple[int, int, float] = (NO_FAULT, 0, NEVER)
    callback: Any = None
    methods: tuple[str, ...] = METHODS

    def run(self, method, backend, n=3, dtype=np.float64, callback=None, **options):
        """The result; `options` are added to those of the row."""
        return minimize(
            faulty,
            np.zeros(n, dtype),
            args=self.fault,
            jac=True,
            method=method,
            callback=self.callback if callback is None else callback,
            options={
                "learning_rate": 0.05,
                "maxiter": 20_000,
                "backend": backend,
                **self.options,
                **options,
            },
        )

    def evaluate(self, x):
        """fun and gradient at x."""
        gradient = np.empty_like(x)
        return faulty(x, gradient, *self.fault), gradient


ENDINGS = (
    Ending("gtol", Status.CONVERGED, {}),
    Ending("ftol", Status.CONVERGED, {"gtol": 0.0, "ftol": 1e-6}),
    Ending("xtol", Status.CONVERGED, {"gtol": 0.0, "xtol": 1e-6}),
    Ending("optimum at x0", Status.CONVERGED, {"gtol": 1e9}),
    Ending("maxiter", Status.MAXITER, {"maxiter": 7}),
    Ending("maxiter, rising", Status.MAXITER, {"maxiter": 9, "learning_rate": 1.0}),
    Ending("maxiter 0", Status.MAXITER, {"maxiter": 0}),
    Ending("fixed point", Status.PRECISION_LOSS, {"gtol": 0.0}, methods=("gd",)),
    Ending("fun nan at x0", Status.NONFINITE, {}, (FUN_NAN, 0, -1.0)),
    Ending("fun nan later", Status.NONFINITE, {}, (FUN_NAN, 0, 0.5)),
    Ending("fun inf later", Status.NONFINITE, {}, (FUN_INF, 0, 0.5)),
    Ending("fun -inf later", Status.NONFINITE, {}, (FUN_MINUS_INF, 0, 0.5)),
    Ending("gradient nan at x0", Status.NONFINITE, {}, (JAC_NAN, 1, -1.0)),
    Ending("gradient nan later", Status.NONFINITE, {}, (JAC_NAN, 1, 0.5)),
    Ending("gradient inf later", Status.NONFINITE, {}, (JAC_INF, 1, 0.5)),
    Ending(
        "maxtime",
        Status.MAXTIME,
        {"maxtime": 0.02, "learning_rate": 1e-9, "gtol": 0.0, "maxiter": 2**40},
    ),
    Ending(
        "Ctrl-C", Status.INTERRUPTED, {"on_interrupt": "return"}, callback=interrupt_at(5)
    ),
    Ending(
        "patience",
        Status.STAGNATION,
        {"learning_rate": 0.37, "patience": 5, "momentum": 0.9, "gtol": 0.0},
        methods=("momentum",),
    ),
    Ending("maxfev", Status.MAXFEV, {"maxfev": 8}),
    Ending("diverging", Status.DIVERGED, {"learning_rate": 3.0}),
    Ending("callback", Status.CALLBACK, {}, callback=stop_at(4)),
)  # fmt: skip

# One row per run: (ending, method, backend), and their ids.
RUNS = [(e, m, b) for e in ENDINGS for m in e.methods for b in BACKENDS]
RUN_IDS = [f"{e.name}-{m}-{b}" for e, m, b in RUNS]
