"""Objectives, problems and timing shared by the benchmarks."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import io
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.optimize import minimize as scipy_minimize
from threadpoolctl import threadpool_limits

import fastmomentum
from fastmomentum import minimize

from . import functions

# Threads only slow down the small products inside SciPy's methods, by up to 100 times on a busy
# machine, and the baselines should be at their best; fastmomentum calls no BLAS.
threadpool_limits(limits=1, user_api="blas")

METHODS = ("momentum", "nesterov", "gd")
# Solvers by the name that the results show: the default, Adam with an automatic rate, and each
# method at a fixed one.
SOLVERS = ("automatic", "automatic adam", *METHODS)
SCIPY_METHODS = ("CG", "BFGS", "L-BFGS-B")
GTOL = 1e-6

compiled = functools.partial(njit, cache=True, error_model="numpy")
# Sums that may be reordered vectorise; NaN stays NaN under these three flags.
compiled_wide = functools.partial(compiled, fastmath={"contract", "reassoc", "nsz"})


rosenbrock = compiled(functions.rosenbrock)


@compiled_wide
def quadratic(x, out, curvature):
    """Separable quadratic."""
    total = 0.0
    for i in range(x.size):
        slope = curvature[i] * x[i]
        out[i] = slope
        total += 0.5 * slope * x[i]
    return total


@compiled
def logistic_sum(x, out, features, labels):
    """Logistic loss, summed over the rows."""
    total = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(labels.size):
        margin = 0.0
        for j in range(x.size):
            margin += features[i, j] * x[j]
        margin *= labels[i]
        decay = math.exp(-abs(margin))
        total += math.log1p(decay) + max(-margin, 0.0)
        weight = -labels[i] * (decay if margin > 0.0 else 1.0) / (1.0 + decay)
        for j in range(x.size):
            out[j] += weight * features[i, j]
    return total


@compiled
def logistic(x, out, features, labels, ridge):
    """Mean logistic loss plus a ridge."""
    n_rows = labels.size
    loss = logistic_sum(x, out, features, labels)
    penalty = 0.0
    for j in range(x.size):
        out[j] = out[j] / n_rows + ridge * x[j]
        penalty += x[j] * x[j]
    return loss / n_rows + 0.5 * ridge * penalty


@compiled_wide
def quartic(x, out):
    """Separable quartic around 1: one read and one write per element, and no end to converge to.

    Newton-like methods converge only linearly on it, so that every solver has iterations to time.
    """
    total = 0.0
    for i in range(x.size):
        gap = x[i] - 1.0
        cube = gap * gap * gap
        out[i] = cube
        total += 0.25 * cube * gap
    return total


@compiled_wide
def quartic_value(x):
    """`quartic` without its gradient."""
    total = 0.0
    for i in range(x.size):
        square = (x[i] - 1.0) * (x[i] - 1.0)
        total += 0.25 * square * square
    return total


@compiled
def quartic_gradient(x):
    """Gradient of `quartic` in a new array, the form that SciPy's users have."""
    out = np.empty_like(x)
    for i in range(x.size):
        gap = x[i] - 1.0
        out[i] = gap * gap * gap
    return out


def quartic_start(n: int) -> np.ndarray:
    """Unequal distances to the minimum, so that the problem is not one-dimensional in disguise."""
    return np.linspace(-1.0, 0.5, n)


class Problem(NamedTuple):
    """A fused objective, its arguments, a start, a stable rate, the minimum where it is known."""

    fun: Callable
    args: tuple
    x0: np.ndarray
    rate: float
    minimum: float | None = None

    def pair(self, x):
        """Value and gradient, as SciPy wants them."""
        gradient = np.empty_like(x)
        return self.fun(x, gradient, *self.args), gradient


def logistic_problem(n_rows: int, n: int, seed: int) -> Problem:
    """Labels from a logistic model, its features of decreasing size."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_rows, n)) * np.logspace(0.0, -1.0, n)
    labels = np.where(features @ rng.standard_normal(n) + rng.logistic(size=n_rows) > 0, 1.0, -1.0)
    rate = 1.0 / (0.25 * np.linalg.norm(features, 2) ** 2 / n_rows + 1e-3)
    return Problem(logistic, (features, labels, 1e-3), np.zeros(n), float(rate))


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "rosenbrock-2": lambda: Problem(rosenbrock, (), np.array([-1.2, 1.0]), 5e-4, 0.0),
    "logistic-500x20": lambda: logistic_problem(500, 20, seed=20240517),
    "quadratic-300": lambda: Problem(
        quadratic, (np.logspace(-3.0, 0.0, 300),), np.ones(300), 1.0, 0.0
    ),
}


def solve(problem: Problem, solver: str, **options):
    """One solve by fastmomentum."""
    method = solver.removeprefix("automatic").strip()
    rate = {"learning_rate": problem.rate} if method == solver else {}
    return minimize(
        problem.fun,
        problem.x0,
        args=problem.args,
        jac=True,
        method=method or None,
        options={"gtol": GTOL, "maxiter": 100_000, **rate, **options},
    )


def solve_scipy(problem, method: str, *, bounds=None, callback=None, **options):
    """The same solve by SciPy, with the same compiled objective."""
    settings = {"gtol": GTOL, "maxiter": 100_000, **options}
    if method == "L-BFGS-B":  # it has a test of the value, too, which would end it early
        settings = {"ftol": 0.0, "maxfun": 10**6, **settings}
    return scipy_minimize(
        problem.pair,
        problem.x0,
        jac=True,
        method=method,
        bounds=bounds,
        callback=callback,
        options=settings,
    )


@functools.lru_cache
def lowest_value(name: str) -> float:
    """The minimum of a problem, else found by SciPy at a tolerance far below the benchmarks'."""
    problem = PROBLEMS[name]()
    if problem.minimum is not None:
        return problem.minimum
    return float(solve_scipy(problem, "BFGS", gtol=1e-12).fun)


def best_time(call: Callable[[], object], repeats: int = 5) -> float:
    """Least seconds of `repeats` calls: load from elsewhere only ever adds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def run_child(script: str, folder: str | None = None, files=None, **environment: str) -> str:
    """Run `script` in a fresh Python process and return what it printed.

    The script and `files` are written to `folder`, else to a temporary directory.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return run_child(script, temporary, files, **environment)
    for name, text in {"script.py": script, **(files or {})}.items():
        path = Path(folder, name)
        # Older Numbas' cache goes by the time of writing: a second child must find the same file.
        if not path.exists():
            path.write_text(text)
    # The child imports the package that this process has, installed or not.
    environment = {"PYTHONPATH": str(Path(fastmomentum.__file__).parents[1]), **environment}
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The child process failed:\n{done.stderr}")
    return done.stdout


def medians(
    calls: dict[str, Callable[[], object]], repeats: int = 5, skipped: int = 0
) -> dict[str, float]:
    """Median seconds of each of `calls`, taken in turns so that a busy spell meets all of them.

    The first `skipped` of the repeats do not count.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[skipped:]) for name, taken in times.items()}


def machine() -> str:
    """Processor and versions, in a line."""
    processor = platform.processor() or platform.machine()
    python, numpy = platform.python_version(), np.__version__
    return f"{processor}, {os.cpu_count()} CPUs, Python {python}, NumPy {numpy}"


def installed(*names: str) -> dict[str, str]:
    """Version of each of these distributions that is installed."""
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def environment(*names: str) -> str:
    """Processor and versions, the `names` among them, and which of those are missing."""
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":")[1].strip()
                break
    versions = {"Python": platform.python_version(), **installed("numpy", "scipy", "numba", *names)}
    text = f"{processor}, {os.cpu_count()} cores shared with other work, one thread; "
    text += ", ".join(f"{name} {version}" for name, version in versions.items())
    missing = [name for name in names if name not in versions]
    return text + (f"\nNot installed, and left out: {', '.join(missing)}" if missing else "")


class _Both(io.TextIOBase):
    def __init__(self, *streams):
        self.streams = streams

    def write(self, text):
        for stream in self.streams:
            stream.write(text)
            stream.flush()
        return len(text)


@contextlib.contextmanager
def printed_to(path: Path | None):
    """Write what is printed to a file, too, if there is a `path`."""
    if path is None:
        yield
        return
    both = _Both(sys.stdout, path.open("w", encoding="utf-8"))
    with contextlib.closing(both.streams[1]), contextlib.redirect_stdout(both):
        yield
