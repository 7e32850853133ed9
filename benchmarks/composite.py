"""Bounds and penalties beside the solvers that are made for them.

Lasso beside scikit-learn, celer and skglm; l1-regularised logistic regression beside scikit-learn's
saga and liblinear, celer and skglm; bounds beside SciPy's L-BFGS-B and nnls. Every solver gets the
same data, no intercept, and its own tolerances from loose to tight; what counts is the first with
which f + h is within 1e-8 of the lowest value that any solver found, relatively. Where none is, the
tightest is shown, with its error.

``python benchmarks/composite.py [folder]`` prints the tables, and writes them to the folder; it
takes some minutes. Packages that are not installed are left out.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import math
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import nnls

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import (
    METHODS,
    compiled,
    compiled_wide,
    environment,
    medians,
    printed_to,
    rosenbrock,
    solve_scipy,
)
from benchmarks.common import (
    logistic as logistic_loss,
)
from fastmomentum import minimize
from fastmomentum.penalties import L1

TARGET = 1e-8
TOLERANCES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
PACKAGES = ("scikit-learn", "celer", "skglm")
# A solver that needed longer than this does not get the next tolerance.
PATIENCE = 10.0


# -- the user's functions: one pass over the rows --------------------------------------------------


@compiled_wide
def least_squares(x, out, features, target, scale):
    """`scale` / 2 |features x - target|^2."""
    out[:] = 0.0
    total = 0.0
    for i in range(target.size):
        row = features[i]
        gap = -target[i]
        for j in range(x.size):
            gap += row[j] * x[j]
        total += gap * gap
        gap *= scale
        for j in range(x.size):
            out[j] += gap * row[j]
    return 0.5 * scale * total


@compiled_wide
def softmax_loss(x, out, features, labels, n_classes):
    """Mean cross-entropy; x holds the coefficients class by class."""
    n_rows, n = features.shape
    out[:] = 0.0
    scores = np.empty(n_classes)
    loss = 0.0
    for i in range(n_rows):
        row = features[i]
        for c in range(n_classes):
            part = x[c * n : (c + 1) * n]
            score = 0.0
            for j in range(n):
                score += row[j] * part[j]
            scores[c] = score
        top = scores.max()
        total = 0.0
        for c in range(n_classes):
            total += math.exp(scores[c] - top)
        loss += math.log(total) + top - scores[labels[i]]
        for c in range(n_classes):
            weight = math.exp(scores[c] - top) / total - (1.0 if c == labels[i] else 0.0)
            weight /= n_rows
            part = out[c * n : (c + 1) * n]
            for j in range(n):
                part[j] += weight * row[j]
    return loss / n_rows


@compiled
def torsion(x, out, side, force):
    """Elastic-plastic torsion of a square bar: |grad v|^2 / 2 - force v, v = 0 outside."""
    area = 1.0 / (side + 1.0) ** 2
    total = 0.0
    for i in range(side):
        for j in range(side):
            k = i * side + j
            here = x[k]
            left = x[k - 1] if j > 0 else 0.0
            right = x[k + 1] if j < side - 1 else 0.0
            above = x[k - side] if i > 0 else 0.0
            below = x[k + side] if i < side - 1 else 0.0
            slope = 4.0 * here - left - right - above - below
            out[k] = slope - force * area
            total += here * (0.5 * slope - force * area)
    return total


# -- the problems ----------------------------------------------------------------------------------


class Problem(NamedTuple):
    """f with its arguments, bounds or an l1 weight, and what the rivals need of the data."""

    kind: str
    fun: Callable
    args: tuple
    x0: np.ndarray
    weight: float = 0.0
    bounds: Any = None

    def pair(self, x):
        """f and its gradient, as SciPy wants them."""
        gradient = np.empty_like(x)
        return self.fun(x, gradient, *self.args), gradient

    def value(self, x) -> float:
        """f + h."""
        x = np.ascontiguousarray(np.ravel(x), np.float64)
        return float(self.pair(x)[0] + self.weight * np.abs(x).sum())


def _standard(columns):
    columns = np.asarray(columns, np.float64)
    spread = columns.std(axis=0)
    columns = (columns - columns.mean(axis=0))[:, spread > 0.0] / spread[spread > 0.0]
    return np.ascontiguousarray(columns)


def _with_l1(kind, fun, args, n, share) -> Problem:
    """The l1 weight as a share of the smallest one for which zero is the solution."""
    gradient = np.empty(n)
    fun(np.zeros(n), gradient, *args)
    return Problem(kind, fun, args, np.zeros(n), share * float(np.abs(gradient).max()))


@cache
def _diabetes():
    from sklearn.datasets import load_diabetes

    data = load_diabetes()
    return _standard(data.data), data.target - data.target.mean()


@cache
def _synthetic(n_rows, n, correlation):
    """Gaussian features, neighbours correlated; one in a hundred coefficients is not zero."""
    rng = np.random.default_rng(7)
    features = rng.standard_normal((n_rows, n))
    for j in range(1, n):
        features[:, j] *= math.sqrt(1.0 - correlation**2)
        features[:, j] += correlation * features[:, j - 1]
    x = np.zeros(n)
    x[rng.choice(n, n // 100, replace=False)] = rng.standard_normal(n // 100)
    features = _standard(features)
    target = features @ x
    target += 0.3 * target.std() * rng.standard_normal(n_rows)
    return features, target - target.mean()


def lasso(data: Callable, share: float) -> Problem:
    """Mean of squares / 2, and l1."""
    features, target = data()
    args = (features, target, 1.0 / target.size)
    return _with_l1("lasso", least_squares, args, features.shape[1], share)


@cache
def _breast_cancer():
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return _standard(data.data), np.where(data.target > 0, 1.0, -1.0)


@cache
def _digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    return _standard(data.data), data.target


def _odd_digits():
    features, digits = _digits()
    return features, np.where(digits % 2 > 0, 1.0, -1.0)


def logistic(data: Callable, share: float) -> Problem:
    """Mean logistic loss, and l1."""
    features, labels = data()
    return _with_l1("logistic", logistic_loss, (features, labels, 0.0), features.shape[1], share)


def softmax(share: float) -> Problem:
    """Ten digits: mean cross-entropy, and l1."""
    features, labels = _digits()
    args = (features, labels.astype(np.int64), 10)
    return _with_l1("softmax", softmax_loss, args, 10 * features.shape[1], share)


def bounded_logistic(data: Callable, low: float, high: float) -> Problem:
    """Mean logistic loss with scikit-learn's default ridge, the coefficients bounded."""
    features, labels = data()
    n = features.shape[1]
    args = (features, labels, 1.0 / labels.size)
    return Problem("bounds", logistic_loss, args, np.zeros(n), bounds=[(low, high)] * n)


def _nnls(features, target) -> Problem:
    n = features.shape[1]
    args = (features, target, 1.0)
    return Problem("nnls", least_squares, args, np.zeros(n), bounds=[(0.0, math.inf)] * n)


def nonnegative(n_rows: int, n: int) -> Problem:
    """Nonnegative least squares, features in [0, 1], half of the coefficients zero."""
    rng = np.random.default_rng(11)
    features = rng.random((n_rows, n))
    target = features @ np.maximum(rng.standard_normal(n), 0.0)
    target += 0.1 * target.std() * rng.standard_normal(n_rows)
    return _nnls(features, target)


def deconvolution(n: int) -> Problem:
    """Nonnegative least squares, the features neighbouring Gaussian peaks: ill-conditioned."""
    rng = np.random.default_rng(13)
    place = np.arange(n)
    features = np.exp(-0.5 * ((place[:, None] - place) / 2.0) ** 2)
    x = np.zeros(n)
    x[rng.choice(n, n // 10, replace=False)] = 1.0 + rng.random(n // 10)
    target = features @ x + 0.02 * rng.standard_normal(n)
    return _nnls(features, target)


def bounded_rosenbrock(n: int) -> Problem:
    """Chained Rosenbrock from the usual start, the minimum out of bounds."""
    x0 = np.tile([-1.2, 1.0], n // 2)
    return Problem("bounds", rosenbrock, (), np.minimum(x0, 0.8), bounds=[(-2.0, 0.8)] * n)


def bounded_torsion(side: int) -> Problem:
    """The stress of the bar's torsion is limited: |v| is at most the distance to the edge."""
    line = np.minimum(np.arange(1, side + 1), np.arange(side, 0, -1)) / (side + 1.0)
    distance = np.minimum(line[:, None], line).ravel()
    bounds = np.column_stack([-distance, distance])
    return Problem("bounds", torsion, (side, 5.0), np.zeros(side * side), bounds=bounds)


WITH_L1: dict[str, Callable[[float], Problem]] = {
    "lasso, diabetes 442 x 10": partial(lasso, _diabetes),
    "lasso, 500 x 5000, correlation 0": partial(lasso, partial(_synthetic, 500, 5000, 0.0)),
    "lasso, 500 x 5000, correlation 0.9": partial(lasso, partial(_synthetic, 500, 5000, 0.9)),
    "l1-logistic, breast cancer 569 x 30": partial(logistic, _breast_cancer),
    "l1-logistic, odd digits 1797 x 61": partial(logistic, _odd_digits),
    "l1-softmax, digits 1797 x 61 x 10": softmax,
}
PROBLEMS: dict[str, Callable[[], Problem]] = {
    **{
        f"{name}, {share} max": partial(make, share)
        for share in (0.1, 0.01)
        for name, make in WITH_L1.items()
    },
    "nnls, 1000 x 300": partial(nonnegative, 1000, 300),
    "nnls, peaks 200 x 200": partial(deconvolution, 200),
    "logistic in [-0.5, 0.5], breast cancer": partial(bounded_logistic, _breast_cancer, -0.5, 0.5),
    "logistic in [0, inf), odd digits": partial(bounded_logistic, _odd_digits, 0.0, math.inf),
    "Rosenbrock below 0.8, n = 2": partial(bounded_rosenbrock, 2),
    "Rosenbrock below 0.8, n = 1000": partial(bounded_rosenbrock, 1000),
    "torsion, n = 10,000": partial(bounded_torsion, 100),
}


# -- the solvers: a tolerance to x, evaluations or iterations --------------------------------------


def solve(problem: Problem, method: str, tolerance: float):
    """fastmomentum; the tolerance is relative to the largest slope at the start."""
    scale = problem.weight or float(np.abs(problem.pair(problem.x0)[1]).max())
    result = minimize(
        problem.fun,
        problem.x0,
        args=problem.args,
        jac=True,
        method=method,
        bounds=problem.bounds,
        penalty=L1(problem.weight) if problem.weight else None,
        options={"gtol": tolerance * scale, "maxiter": 200_000, "maxtime": PATIENCE},
    )
    return result.x, result.nfev


def solve_lbfgsb(problem: Problem, tolerance: float):
    """SciPy's L-BFGS-B on the same compiled function."""
    scale = float(np.abs(problem.pair(problem.x0)[1]).max())
    result = solve_scipy(problem, "L-BFGS-B", bounds=problem.bounds, gtol=tolerance * scale)
    return result.x, result.nfev


def _fitted(model, features, target):
    model.fit(features, target)
    return model.coef_, int(np.max(getattr(model, "n_iter_", 0)))


def _l1_logistic(solver, **options):
    """scikit-learn's l1 penalty, which is spelt in two ways."""
    from sklearn.linear_model import LogisticRegression

    default = inspect.signature(LogisticRegression).parameters["penalty"].default
    l1 = {"penalty": "l1"} if default == "l2" else {"l1_ratio": 1.0}
    return LogisticRegression(solver=solver, fit_intercept=False, **l1, **options)


def solvers(problem: Problem) -> dict[str, tuple[tuple, Callable]]:
    """Tolerances, and a function of one, of every solver that is there."""
    found: dict[str, tuple[tuple, Callable]] = {
        method: (TOLERANCES, partial(solve, problem, method)) for method in METHODS
    }
    if problem.bounds is not None:
        found["SciPy L-BFGS-B"] = (TOLERANCES, partial(solve_lbfgsb, problem))
        if problem.kind == "nnls":
            features, target = problem.args[:2]
            found["SciPy nnls"] = ((0.0,), lambda _: (nnls(features, target)[0], "-"))
        return found

    rows, target = problem.args[:2]
    # Columns one after the other, as coordinate descent wants them, except for saga.
    columns = np.asfortranarray(rows)
    l1 = {"alpha": problem.weight, "fit_intercept": False}
    strength = 1.0 / (problem.weight * target.size)

    def add(name, model, features=columns):
        """Add a solver, from a function of the tolerance that makes a model."""
        found[name] = (TOLERANCES, lambda tol: _fitted(model(tol=tol), features, target))

    there = {name: importlib.util.find_spec(name) for name in ("sklearn", "celer", "skglm")}
    if there["sklearn"] and problem.kind == "lasso":
        from sklearn.linear_model import Lasso

        add("scikit-learn", partial(Lasso, max_iter=10**5, copy_X=False, **l1))
    elif there["sklearn"]:
        saga = partial(_l1_logistic, "saga", C=strength, tol=1e-12)
        found["saga, by iterations"] = (
            (100, 1000, 5000),
            lambda count: _fitted(saga(max_iter=count), rows, target),
        )
    if there["sklearn"] and problem.kind == "logistic":
        liblinear = partial(_l1_logistic, "liblinear", C=strength, max_iter=10**5)
        add("liblinear", liblinear, rows)
    if there["celer"] and problem.kind != "softmax":
        import celer

        if problem.kind == "lasso":
            add("celer", partial(celer.Lasso, **l1))
        else:
            own = {"C": strength, "fit_intercept": False}
            add("celer", partial(celer.LogisticRegression, **own))
    if there["skglm"] and problem.kind != "softmax":
        import skglm

        model = {"lasso": skglm.Lasso, "logistic": skglm.SparseLogisticRegression}
        add("skglm", partial(model[problem.kind], **l1))
    return found


class Row(NamedTuple):
    """One solver on one problem, at the loosest of its tolerances that is tight enough."""

    solver: str
    tolerance: float
    seconds: float
    count: Any
    error: float
    nonzeros: int


def compare(problem: Problem, repeats: int = 7) -> list[Row]:
    """Every solver on one problem, timed in turns."""
    tried: dict[str, list] = {}
    tools = solvers(problem)
    with warnings.catch_warnings():
        # Of not having converged: the error shows it.
        warnings.simplefilter("ignore")
        for name, (tolerances, run) in tools.items():
            # Compiles or loads.
            run(tolerances[0])
            tried[name] = []
            for tolerance in tolerances:
                start = time.perf_counter()
                x, count = run(tolerance)
                x = np.array(x, np.float64)
                tried[name].append((tolerance, count, problem.value(x), np.count_nonzero(x)))
                if time.perf_counter() - start > PATIENCE:
                    break
        lowest = min(value for attempts in tried.values() for _, _, value, _ in attempts)
        chosen = {}
        for name, attempts in tried.items():
            errors = [(a[2] - lowest) / abs(lowest) for a in attempts]
            good = [i for i, error in enumerate(errors) if error <= TARGET]
            i = good[0] if good else len(errors) - 1
            chosen[name] = (*attempts[i], errors[i])
        calls = {name: partial(tools[name][1], chosen[name][0]) for name in tools}
        # Of the slowest, one measurement is enough.
        taken = medians(calls, 1)
        taken |= medians({name: calls[name] for name in calls if taken[name] < 2.0}, repeats)
    return [
        Row(name, tolerance, taken[name], count, error, nonzeros)
        for name, (tolerance, count, _, nonzeros, error) in chosen.items()
    ]


class Composite:
    """The automatic methods on the problems with bounds or l1, to 1e-6 of the start's slope."""

    params = (METHODS, tuple(PROBLEMS))
    param_names = ("method", "problem")
    timeout = 300

    def setup(self, method, name):
        self.problem = PROBLEMS[name]()
        # Compiles or loads, so that the timer sees warm calls only.
        solve(self.problem, method, 1e-6)

    def time_solve(self, method, name):
        solve(self.problem, method, 1e-6)

    def track_nfev(self, method, name):
        return int(solve(self.problem, method, 1e-6)[1])

    track_nfev.unit = "evaluations"


def main() -> None:
    """Print the tables, and write them to the folder that is named."""
    place = Path(sys.argv[1], "composite.txt") if len(sys.argv) > 1 else None
    with printed_to(place):
        print(environment(*PACKAGES))
        print(
            "Medians of interleaved repeats. Evaluations of f and its gradient; for scikit-learn, "
            "celer and skglm,\nand those marked so, iterations as they count them. "
            "error: (f + h) relative to the lowest found; ! where it misses 1e-8."
        )
        for name, make in PROBLEMS.items():
            with contextlib.suppress(ModuleNotFoundError):
                problem = make()
                rows = compare(problem)
                ours = next(row.seconds for row in rows if row.solver == "momentum")
                print(f"\n{name}\n")
                print("| solver | tolerance | time | time / momentum | count | error | nonzeros |")
                print("|---|--:|--:|--:|--:|--:|--:|")
                for row in rows:
                    missed = "" if row.error <= TARGET else " !"
                    print(
                        f"| {row.solver} | {row.tolerance:g} | {1e3 * row.seconds:.3g} ms "
                        f"| {row.seconds / ours:.2f} | {row.count} | {row.error:.0e}{missed} "
                        f"| {row.nonzeros} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
