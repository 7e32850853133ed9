"""The objectives and the runs behind ``fastmomentum demo`` and ``fastmomentum warmup``.

The objectives live in importable modules, not in the command line's functions, since Numba caches
compiled code per file: a second ``fastmomentum demo`` compiles nothing.
"""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fastmomentum import minimize, minimize_sum
from fastmomentum._methods import METHODS
from fastmomentum._numba.jit import cached_njit
from fastmomentum.jit import minimizer
from fastmomentum.problems.regression import logistic

GTOL = 1e-6
SOLVERS = (
    ("fastmomentum", "momentum"),
    ("fastmomentum", "nesterov"),
    ("fastmomentum", "gd"),
    ("scipy", "L-BFGS-B"),
    ("scipy", "BFGS"),
    ("scipy", "CG"),
)


@cached_njit
def pseudo_huber_loss(x, out, features, target, width):
    """Mean pseudo-Huber loss of the residuals, quadratic within `width` and linear beyond."""
    n_rows, n = features.shape
    for j in range(n):
        out[j] = 0.0
    loss = 0.0
    for i in range(n_rows):
        residual = -target[i]
        for j in range(n):
            residual += features[i, j] * x[j]
        residual /= width
        root = math.sqrt(1.0 + residual * residual)
        loss += width * width * (root - 1.0)
        weight = width * residual / root
        for j in range(n):
            out[j] += weight * features[i, j]
    for j in range(n):
        out[j] /= n_rows
    return loss / n_rows


@cached_njit
def bowl(x):
    """Sum of squares; written so that complex x (``jac="cs"``) compiles too."""
    total = x[0] * x[0]
    for i in range(1, x.size):
        total += x[i] * x[i]
    return total


@cached_njit
def bowl_gradient(x):
    """Gradient of `bowl` in a new array."""
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = x[i] + x[i]
    return out


@cached_njit
def bowl_gradient_into(x, out):
    """Gradient of `bowl` in place."""
    for i in range(x.size):
        out[i] = x[i] + x[i]


@cached_njit
def bowl_fused(x, out):
    """Value of `bowl`, the gradient in place."""
    total = x[0] * x[0]
    out[0] = x[0] + x[0]
    for i in range(1, x.size):
        total += x[i] * x[i]
        out[i] = x[i] + x[i]
    return total


@cached_njit
def bowl_pair(x):
    """Value and gradient of `bowl`, the gradient in a new array."""
    out = np.empty_like(x)
    return bowl_fused(x, out), out


@cached_njit
def bowl_of_rows(x, out, rows):
    """A sum of bowls around the rows."""
    total = 0.0
    for j in range(x.size):
        out[j] = x[j] - x[j]
    for i in range(len(rows)):
        for j in range(x.size):
            out[j] += x[j] - rows[i, j]
            total += 0.5 * (x[j] - rows[i, j]) ** 2
    return total


STYLES: dict[str, tuple[Callable, Any]] = {
    "fused": (bowl_fused, True),
    "pair": (bowl_pair, True),
    "in-place jac": (bowl, bowl_gradient_into),
    "jac": (bowl, bowl_gradient),
    "2-point": (bowl, "2-point"),
    "3-point": (bowl, "3-point"),
    "cs": (bowl, "cs"),
}


def warm_up() -> Iterator[tuple[str, float]]:
    """Compile, or load from disk, every loop; yield what was done and its seconds."""

    def one_minimizer(dtype):
        minimizer(bowl_fused, "gd", jac=True)(np.ones(2, dtype))

    def one_sum(dtype):
        x0, rows, options = np.ones(2, dtype), np.ones((4, 2), dtype), {"learning_rate": 0.1}
        minimize_sum(bowl_of_rows, x0, rows, "gd", batch_size=2, epochs=1, options=options)

    runs: dict[str, Callable] = {"minimizer": one_minimizer, "minimize_sum": one_sum}
    styles = {style: functools.partial(_every_method, *pair) for style, pair in STYLES.items()}
    for name, run in (styles | runs).items():
        for dtype in (np.float64, np.float32):
            _, milliseconds = _timed(functools.partial(run, dtype))
            yield f"{name}, {np.dtype(dtype).name}", 1e-3 * milliseconds


def _every_method(fun: Callable, jac: Any, dtype: Any) -> None:
    for method in METHODS.values():
        for learning_rate in (0.1, "auto") if method.loop else (0.1,):
            options = {"maxiter": 3, "learning_rate": learning_rate}
            minimize(fun, np.ones(2, dtype), jac=jac, method=method.name, options=options)


@dataclass(frozen=True)
class DemoProblem:
    """A real data set, an objective over it and a start."""

    title: str
    objective: Callable
    args: tuple
    x0: np.ndarray

    def pair(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient from the compiled objective, as SciPy wants them."""
        gradient = np.empty_like(x)
        return self.objective(x, gradient, *self.args), gradient


def _standardise(columns: np.ndarray) -> np.ndarray:
    columns = np.asarray(columns, dtype=np.float64)
    return np.ascontiguousarray((columns - columns.mean(axis=0)) / columns.std(axis=0))


def breast_cancer() -> DemoProblem:
    """Logistic regression with scikit-learn's default strength of the ridge, C = 1."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    features = _standardise(data.data)
    n_rows, n = features.shape
    return DemoProblem(
        f"ridge logistic regression, breast_cancer ({n_rows} x {n})",
        cached_njit(logistic),
        (features, 2.0 * data.target - 1.0, 1.0 / n_rows),
        np.zeros(n),
    )


def engel() -> DemoProblem:
    """Food expenditure against income in Engel's households; the rich ones are the outliers."""
    from statsmodels.datasets import engel as dataset

    data = dataset.load_pandas().data
    income = _standardise(data["income"].to_numpy())
    features = np.column_stack([np.ones_like(income), income])
    return DemoProblem(
        f"pseudo-Huber regression, engel ({features.shape[0]} x {features.shape[1]})",
        pseudo_huber_loss,
        (features, _standardise(data["foodexp"].to_numpy()), 0.3),
        np.zeros(2),
    )


PROBLEMS = (breast_cancer, engel)


class Trace(NamedTuple):
    """Values met by one solver, one entry per evaluation."""

    fun: np.ndarray
    grad_norm: np.ndarray


@dataclass
class Row:
    """One solver on one problem; times in milliseconds."""

    solver: str
    fun: float
    grad_norm: float
    nfev: int
    converged: bool
    cold: float
    warm: float
    trace: Trace = field(repr=False)
    compiled: bool = False  # in the first call

    @property
    def ours(self) -> bool:
        """Whether the solver is this library's."""
        return self.solver.startswith("fastmomentum")


def _solver(library: str, method: str, problem: DemoProblem, fun: Callable | None = None):
    """A call without arguments that solves `problem`, through `fun` when one is given."""
    if library == "scipy":
        from scipy.optimize import minimize as scipy_minimize

        options: dict[str, Any] = {"gtol": GTOL, "maxiter": 50_000}
        if method == "L-BFGS-B":
            options |= {"ftol": 0.0, "maxfun": 50_000}
        pair = fun or problem.pair
        return functools.partial(
            scipy_minimize, pair, problem.x0, jac=True, method=method, options=options
        )

    options = {"gtol": GTOL, "maxiter": 50_000}
    return functools.partial(
        minimize,
        fun or problem.objective,
        problem.x0,
        args=() if fun else problem.args,
        jac=True,
        method=method,
        options=options,
    )


def _timed(call: Callable) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, 1e3 * (time.perf_counter() - start)


def _warm_time(call: Callable, budget: float = 0.3) -> float:
    """Median milliseconds of repeated calls, at least 5 of them."""
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 1e3 * budget and len(times) < 500):
        times.append(_timed(call)[1])
    return statistics.median(times)


def _trace(library: str, method: str, problem: DemoProblem) -> Trace:
    """Run once more through a Python function that writes down what the objective returned."""
    values: list[float] = []
    norms: list[float] = []

    def recorded(x):
        value, gradient = problem.pair(x)
        values.append(value)
        norms.append(float(np.abs(gradient).max()))
        return value, gradient

    _solver(library, method, problem, recorded)()
    return Trace(np.array(values), np.array(norms))


def run_solvers(problem: DemoProblem) -> list[Row]:
    """Solve `problem` with every solver and measure each."""
    from threadpoolctl import threadpool_limits  # a dependency of scikit-learn, as the data are

    # Threads only slow down the small matrix products inside SciPy's methods, by up to 100 times
    # on a busy machine, and SciPy is to be at its best here; fastmomentum calls no BLAS.
    with threadpool_limits(limits=1, user_api="blas"):
        return [_run_solver(library, method, problem) for library, method in SOLVERS]


def _run_solver(library: str, method: str, problem: DemoProblem) -> Row:
    from numba.core.event import install_recorder

    # The objective is compiled (or loaded) here, so that `cold` is the solver's own cost.
    problem.pair(problem.x0)
    call = _solver(library, method, problem)
    with install_recorder("numba:compile") as compilations:
        result, cold = _timed(call)
    # Evaluated here for both libraries: the columns compare points, not reports.
    value, gradient = problem.pair(result.x)
    grad_norm = float(np.abs(gradient).max())
    return Row(
        solver=f"{library} {method}",
        fun=value,
        grad_norm=grad_norm,
        nfev=int(result.nfev),
        converged=grad_norm <= GTOL,
        cold=cold,
        warm=_warm_time(call),
        trace=_trace(library, method, problem),
        compiled=bool(compilations.buffer),
    )


def format_table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    lines = [
        f"  {'solver':<27}{'fun':>17}{'|grad|_inf':>12}{'evaluations':>13}"
        f"{'cold ms':>10}{'warm ms':>10}"
    ]
    for row in rows:
        lines.append(
            f"  {row.solver:<27}{row.fun:>17.12f}{row.grad_norm:>12.1e}{row.nfev:>13d}"
            f"{row.cold:>10.1f}{row.warm:>10.3f}{'' if row.converged else '  (gtol not reached)'}"
        )
    return "\n".join(lines)


def verdict(rows: Sequence[Row]) -> str:
    """Which library's best solver, judged warm, was faster, warm and cold."""
    done = [row for row in rows if row.converged]
    if not any(row.ours for row in done) or all(row.ours for row in done):
        return "One of the libraries did not reach gtol here."
    ours = min((row for row in done if row.ours), key=lambda row: row.warm)
    theirs = min((row for row in done if not row.ours), key=lambda row: row.warm)
    sentences = []
    for when, our_time, their_time in (
        ("Warm", ours.warm, theirs.warm),
        (f"Cold ({_kind_of_first(ours)})", ours.cold, theirs.cold),
    ):
        winner = "fastmomentum" if our_time <= their_time else "SciPy"
        ratio = max(our_time, their_time) / min(our_time, their_time)
        sentences.append(
            f"{when}, {winner} is {_rounded(ratio)} times as fast here: "
            f"{ours.solver} {_rounded(our_time, 3)} ms, "
            f"{theirs.solver} {_rounded(their_time, 3)} ms."
        )
    return "\n  ".join(sentences)


def _kind_of_first(row: Row) -> str:
    return f"first call, {'compiling included' if row.compiled else 'nothing left to compile'}"


def _rounded(number: float, digits: int = 2) -> str:
    """So many significant digits, never in powers of ten."""
    near = float(f"{number:.{digits}g}")
    return f"{near:,.{max(0, digits - 1 - math.floor(math.log10(near)))}f}"


# Colours told apart by readers with any colour vision (Okabe and Ito), one per entry of SOLVERS.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#56B4E9")


def save_figure(path: str, results: Sequence[tuple[DemoProblem, Sequence[Row]]]) -> None:
    """Draw the gradient's norm against evaluations, one panel per problem, into `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1, len(results), figsize=(6.4 * len(results), 5.4), layout="constrained", squeeze=False
    )
    for axis, (problem, rows) in zip(axes[0], results, strict=True):
        for row, colour in zip(rows, _COLOURS, strict=True):
            best = np.minimum.accumulate(row.trace.grad_norm)
            axis.loglog(
                np.arange(1, best.size + 1),
                best,
                "-" if row.ours else "--",
                color=colour,
                linewidth=1.8,
                label=f"{row.solver}: {row.nfev} evaluations, {row.warm:.3g} ms",
            )
        axis.axhline(GTOL, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        axis.annotate(
            "gtol",
            (0.01, GTOL),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="bottom",
            color="0.4",
            fontsize=8,
        )
        axis.set_title(problem.title, fontsize=11)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.set_xlabel("evaluations of the objective and its gradient")
        axis.set_ylabel("smallest gradient norm so far (infinity norm)")
        axis.grid(True, which="major", color="0.9", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(
            fontsize=8,
            frameon=False,
            ncols=2,
            columnspacing=1.2,
            handlelength=1.8,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.14),
        )
    figure.savefig(path, dpi=150)
    plt.close(figure)
