"""Runs and batches that go on from their states: of every method, and with terms of each kind."""

import functools

import numpy as np
import objectives
from cases import AUTOMATIC, METHODS, options_of

from fastmomentum import minimize_batch, penalties

# With a given rate, and with an automatic one.
KINDS = [(m, "given") for m in METHODS] + [(m, "auto") for m in AUTOMATIC]


def options_for(method, kind, **more):
    return {**(options_of(method) if kind == "given" else {}), **more}


def soft(z, step):
    return np.sign(z) * np.maximum(np.abs(z) - step, 0.0)


TERMS = {
    "bounds": {"bounds": [(0.0, 0.3)] * 5},
    "l1": {"penalty": penalties.L1(1.0)},
    "simplex": {"penalty": penalties.Simplex(1.0)},
    "tv": {"penalty": penalties.TV2D(0.3, (2, 2))},
    "prox": {
        "penalty": penalties.Prox(soft, lambda z: np.abs(z).sum()),
    },
}


def batch_problem(count=60):
    rng = np.random.default_rng(0)
    d = rng.uniform(1.0, 10.0, (count, 5))
    b = rng.standard_normal((count, 5))
    fun, jac = objectives.style("quadratic", "fused")
    return functools.partial(minimize_batch, fun, rng.standard_normal((count, 5)), (d, b), True,
                             jac=jac)  # fmt: skip
