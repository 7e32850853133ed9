"""What each method must solve: one row per method and problem."""

import dataclasses
from typing import Any

import numpy as np

from fastmomentum import _methods as registry

STYLES = ("returning", "in_place", "pair", "fused", "2-point", "3-point", "cs")
ANALYTIC = STYLES[:4]


@dataclasses.dataclass(frozen=True)
class Problem:
    """An objective of objectives.py with its data; `x_min` is exact or from elsewhere."""

    name: str
    x0: Any
    args: tuple = ()
    x_min: Any = None
    # Why styles are left out, by style.
    excluded: tuple = ()

    def in_dtype(self, dtype):
        """x0 and args with real arrays of this dtype."""
        cast = tuple(a.astype(dtype) if isinstance(a, np.ndarray) else dtype(a) for a in self.args)
        return np.asarray(self.x0, dtype), cast


def _logistic():
    rng = np.random.default_rng(7)
    features = rng.standard_normal((40, 3))
    labels = np.where(features @ [1.0, -2.0, 0.5] + rng.standard_normal(40) > 0.0, 1.0, -1.0)
    ridge = 0.1
    x = np.zeros(3)  # Newton's method in NumPy
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(labels * (features @ x)))
        gradient = ridge * x - features.T @ (labels * p) / 40
        hessian = ridge * np.eye(3) + (features.T * (p * (1.0 - p))) @ features / 40
        x = x - np.linalg.solve(hessian, gradient)
    return features, labels, ridge, x


_FEATURES, _LABELS, _RIDGE, _LOGISTIC_MIN = _logistic()

PROBLEMS = {
    "quadratic": Problem(
        "quadratic",
        [3.0, -2.0, 1.0, 0.5, -1.5],
        (np.array([1.0, 2.0, 4.0, 8.0, 10.0]), np.array([1.0, 1.0, -1.0, 2.0, 0.0])),
        np.array([1.0, 0.5, -0.25, 0.25, 0.0]),
    ),
    "rosenbrock": Problem("rosenbrock", [-1.2, 1.0], (), np.ones(2)),
    "logistic": Problem(
        "logistic",
        np.zeros(3),
        (_FEATURES, _LABELS, _RIDGE),
        _LOGISTIC_MIN,
        excluded=(("cs", "abs and comparisons of x: complex step does not apply"),),
    ),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """`method` with `options` reaches x_min of `problem` within `atol`."""

    method: str
    problem: str
    options: dict
    atol: float
    skip: str = ""

    @property
    def id(self):
        kind = "" if "learning_rate" in self.options else "-auto"
        return f"{self.method}-{self.problem}{kind}"


CASES = (
    Case("gd", "quadratic", {"learning_rate": 0.15}, 2e-5),
    Case("momentum", "quadratic", {"learning_rate": 0.05, "momentum": 0.8}, 2e-5),
    Case("nesterov", "quadratic", {"learning_rate": 0.05, "momentum": 0.8}, 2e-5),
    Case("gd", "rosenbrock", {"learning_rate": 1e-3, "maxiter": 100_000}, 1e-4),
    Case("momentum", "rosenbrock", {"learning_rate": 5e-4, "momentum": 0.95}, 1e-4),
    Case("nesterov", "rosenbrock", {"learning_rate": 5e-4, "momentum": 0.95}, 1e-4),
    Case("gd", "logistic", {"learning_rate": 1.0}, 2e-4),
    Case("momentum", "logistic", {"learning_rate": 0.5, "momentum": 0.8}, 2e-4),
    Case("nesterov", "logistic", {"learning_rate": 0.5, "momentum": 0.8}, 2e-4),
    Case("adagrad", "quadratic", {"learning_rate": 0.5}, 2e-5),
    Case("adagrad", "rosenbrock", {"learning_rate": 0.5, "maxiter": 100_000}, 1e-4),
    Case("adagrad", "logistic", {"learning_rate": 0.5}, 2e-4),
    # Near the minimum these two are gradient descent with the rate learning_rate / epsilon and
    # learning_rate: above 2 / L, for a small epsilon, they end in a cycle around it.
    Case("rmsprop", "quadratic", {"learning_rate": 0.1, "epsilon": 1.0}, 2e-5),
    Case(
        "rmsprop",
        "rosenbrock",
        {"learning_rate": 1e-3, "epsilon": 1.0, "maxiter": 100_000},
        1e-4,
    ),
    Case("rmsprop", "logistic", {"learning_rate": 1.0, "epsilon": 1.0}, 2e-4),
    Case("adadelta", "quadratic", {"learning_rate": 0.15, "epsilon": 0.1}, 2e-5),
    Case(
        "adadelta",
        "rosenbrock",
        {"learning_rate": 1e-3, "epsilon": 0.1, "maxiter": 100_000},
        1e-4,
    ),
    Case("adadelta", "logistic", {"learning_rate": 1.0, "epsilon": 0.1}, 2e-4),
    Case("adam", "quadratic", {"learning_rate": 0.1}, 2e-5),
    Case("adam", "rosenbrock", {"learning_rate": 0.1}, 1e-4),
    Case("adam", "logistic", {"learning_rate": 0.1}, 2e-4),
    Case("adamax", "quadratic", {"learning_rate": 0.1}, 2e-5),
    Case("adamax", "rosenbrock", {"learning_rate": 0.2}, 1e-4),
    Case("adamax", "logistic", {"learning_rate": 0.1, "beta2": 0.99}, 2e-4),
    Case("nadam", "quadratic", {"learning_rate": 0.5}, 2e-5),
    Case("nadam", "rosenbrock", {"learning_rate": 0.02}, 1e-4),
    Case("nadam", "logistic", {"learning_rate": 0.5}, 2e-4),
    Case("amsgrad", "quadratic", {"learning_rate": 0.05}, 2e-5),
    Case("amsgrad", "rosenbrock", {"learning_rate": 0.1}, 1e-4),
    Case("amsgrad", "logistic", {"learning_rate": 0.1, "beta2": 0.99}, 2e-4),
    Case("adamw", "quadratic", {"learning_rate": 0.1, "beta2": 0.99, "weight_decay": 1e-4}, 2e-5),
    # In the flat valley any decay moves the end away from the minimum.
    Case("adamw", "rosenbrock", {"learning_rate": 0.1, "weight_decay": 0.0}, 1e-4),
    Case("adamw", "logistic", {"learning_rate": 0.1, "beta2": 0.99}, 2e-4),
)
METHODS = tuple(dict.fromkeys(case.method for case in CASES))
AUTOMATIC = tuple(method for method in METHODS if registry.METHODS[method].loop is not None)
# The same without a learning rate: chosen by the method.
AUTOMATIC_CASES = tuple(
    Case(method, problem, {}, atol)
    for method in AUTOMATIC
    for problem, atol in (("quadratic", 2e-5), ("rosenbrock", 1e-4), ("logistic", 2e-4))
)
# Those with an option `momentum`.
MOMENTUM_METHODS = ("momentum", "nesterov")
# A rate with which x**2 is gone down in many small steps.
SMALL_RATES = dict.fromkeys(METHODS, 0.01) | {"adagrad": 0.2, "adadelta": 5.0}


def options_of(method, problem="quadratic", **more):
    """The options of a row, with others."""
    (row,) = (c for c in CASES if c.method == method and c.problem == problem)
    return {**row.options, **more}
