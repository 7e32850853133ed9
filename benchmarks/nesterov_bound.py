"""Nesterov's method beside the bounds of theory, which it is to keep without being told L or mu.

On Nesterov's worst function of 2 t + 1 variables no first-order method is below the lower bound
3 L |x0 - x*|^2 / (32 (t + 1)^2) after t gradients; FISTA with the rate 1 / L stays below the upper
bound 2 L |x0 - x*|^2 / (t + 1)^2. On strongly convex quadratics the optimal rate, that of a method
which is told mu and L, is ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^2 in f per gradient.

``python benchmarks/nesterov_bound.py`` prints the tables, and fails where a stated limit is passed.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fastmomentum import minimize
from fastmomentum.problems import convex_quadratic, nesterov_worst

STEPS = (5, 10, 20, 50, 100, 200, 500, 1000)
CONDITIONS = (1e2, 1e3, 1e4, 1e5)
SIZE = 200
# FISTA's bound, at every t, on every problem here; it is for a known L, which is to be found here.
UPPER_LIMIT = 1.0
# Evaluations for a given decrease, relative to those of the optimal rate for known mu and L.
RATE_LIMIT = 3.0
# The decrease of f that rates are measured over.
DECREASE = 1e-10


def _solve(problem, method="nesterov", **options):
    return minimize(
        problem.compiled("fused"),
        problem.x0,
        args=problem.args,
        jac=True,
        method=method,
        options={"gtol": 0.0, "maxiter": 10**6, **options},
    )


def bound_ratios(steps: int, method: str = "nesterov") -> tuple[float, float]:
    """f - f_min after `steps` gradients, relative to the lower and to the upper bound."""
    problem = nesterov_worst(2 * steps + 1)
    # Through t gradients: the value at the next evaluated point is the best the method can show.
    found = _solve(problem, method, maxfev=steps + 1)
    error = found.fun - problem.f_min
    distance = float(np.sum((problem.x0 - problem.x_min) ** 2))
    lower = 3.0 * distance / (32.0 * (steps + 1) ** 2)
    upper = 2.0 * distance / (steps + 1) ** 2
    return error / lower, error / upper


def upper_ratio(condition: float, method: str = "nesterov") -> float:
    """Largest ratio to FISTA's upper bound on a quadratic, over STEPS."""
    problem = convex_quadratic(SIZE, condition)
    distance = float(np.sum((problem.x0 - problem.x_min) ** 2))
    return max(
        (_solve(problem, method, maxfev=steps + 1).fun - problem.f_min)
        / (2.0 * condition * distance / (steps + 1) ** 2)
        for steps in STEPS
    )


def evaluations_to(problem, decrease: float, method: str = "nesterov") -> int:
    """Evaluations until f - f_min has fallen to `decrease` of its start."""
    first = problem.fun(problem.x0, *problem.args) - problem.f_min
    low, high = 1, 2

    def reached(maxfev):
        return _solve(problem, method, maxfev=maxfev).fun - problem.f_min <= decrease * first

    # The best value falls with the limit: double, then halve.
    while not reached(high):
        low, high = high, 2 * high
        if high > 2_000_000:
            raise RuntimeError(f"{problem.name}: no decrease to {decrease:g}.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def rate_factor(
    condition: float, spectrum: str = "log", rotation: str = "diagonal", method: str = "nesterov"
) -> tuple[int, float]:
    """Evaluations for DECREASE, and their multiple of those at the optimal linear rate."""
    problem = convex_quadratic(SIZE, condition, spectrum=spectrum, rotation=rotation)
    root = math.sqrt(condition)
    optimal = math.log(DECREASE) / (2.0 * math.log((root - 1.0) / (root + 1.0)))
    needed = evaluations_to(problem, DECREASE, method)
    return needed, needed / optimal


class NesterovBound:
    """Ratios to the bounds on the worst function; the lower one cannot be below 1."""

    params = (STEPS,)
    param_names = ("gradients",)

    def track_to_lower_bound(self, steps):
        return bound_ratios(steps)[0]

    def track_to_upper_bound(self, steps):
        return bound_ratios(steps)[1]

    track_to_lower_bound.unit = track_to_upper_bound.unit = "ratio"


class LinearRate:
    """Evaluations on strongly convex quadratics, relative to the optimal rate's."""

    params = (CONDITIONS, ("log", "clustered"))
    param_names = ("condition", "spectrum")
    timeout = 120

    def track_to_optimal_rate(self, condition, spectrum):
        return rate_factor(condition, spectrum)[1]

    track_to_optimal_rate.unit = "ratio"


def main() -> int:
    """Print both tables; returns 1 where a limit is passed."""
    passed = True
    print("Nesterov's worst function: f - f_min after t gradients, relative to the bounds\n")
    print("| t | to the lower bound | to FISTA's upper bound |")
    print("|--:|--:|--:|")
    for steps in STEPS:
        lower, upper = bound_ratios(steps)
        passed = passed and lower >= 1.0 and upper <= UPPER_LIMIT
        print(f"| {steps} | {lower:.2f} | {upper:.3f} |")
    print(f"\nQuadratics of {SIZE} variables: the largest ratio to FISTA's upper bound\n")
    print("| condition | to FISTA's upper bound |")
    print("|--:|--:|")
    for condition in CONDITIONS:
        ratio = upper_ratio(condition)
        passed = passed and ratio <= UPPER_LIMIT
        print(f"| {condition:g} | {ratio:.3f} |")
    print(f"\nQuadratics of {SIZE} variables: evaluations until f - f_min falls by {DECREASE:g},")
    print("mu and L unknown, relative to the optimal rate's for known ones\n")
    print("| condition | spectrum | eigenvectors | evaluations | relative |")
    print("|--:|---|---|--:|--:|")
    for condition in CONDITIONS:
        for spectrum in ("log", "clustered"):
            for rotation in ("diagonal", "rotated"):
                needed, factor = rate_factor(condition, spectrum, rotation)
                passed = passed and factor <= RATE_LIMIT
                print(f"| {condition:g} | {spectrum} | {rotation} | {needed} | {factor:.2f} |")
    print(
        f"\nStated limits: the lower bound holds, FISTA's upper bound times {UPPER_LIMIT:g}, the "
        f"optimal rate's evaluations times {RATE_LIMIT:g}: {'kept' if passed else 'PASSED'}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
