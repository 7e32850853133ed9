"""The runs, tables and picture of ``fastmomentum bench``: every method on the test problems.

All solvers run the same compiled objective from the same start until the gradient's infinity norm
is at most GTOL. Evaluations are those of the value and the gradient together. Who solved a problem
is decided by evaluating the gradient anew at the solver's point, not by what the solver says.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import importlib
import math
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastmomentum._methods import METHODS
from fastmomentum.plot import COLOURS, draw_profile
from fastmomentum.problems import _STANDARD, Problem

GROUPS = tuple(_STANDARD.groups)
GTOL = 1e-5
BUDGET = 5000
BASELINE = "L-BFGS-B"
OURS = "momentum"
DEFAULT_METHODS = (
    "momentum",
    "momentum:memory=1",
    "adam",
    "nesterov",
    "gd",
    "L-BFGS-B",
    "BFGS",
    "CG",
)
# BFGS keeps a dense matrix of n * n numbers.
SCIPY_METHODS = {"L-BFGS-B": math.inf, "BFGS": 500, "CG": math.inf}
FACTORS = (1.0, 2.0, 4.0, 10.0)
FEW_VARIABLES = 20
LOSS_FACTOR = 1.5


@dataclass(frozen=True)
class Solver:
    """A method of one of the libraries, with options."""

    label: str
    method: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether the solver is this library's."""
        return self.method in METHODS

    def takes(self, problem: Problem) -> bool:
        """Whether the solver is meant for this many variables."""
        return self.ours or problem.n <= SCIPY_METHODS[self.method]


def parse_solver(text: str) -> Solver:
    """The solver of ``"method"`` or ``"method:option=value,option=value"``.

    Parameters
    ----------
    text : str
        A method of this library, or SciPy's L-BFGS-B, BFGS or CG.

    Returns
    -------
    Solver

    Raises
    ------
    ValueError
        If there is no such method, or the options cannot be read, or lack a learning rate that the
        method does not choose.
    """
    method, _, rest = text.partition(":")
    scipy_name = method.upper() if method.upper() in SCIPY_METHODS else ""
    if not scipy_name and method.lower() not in METHODS:
        known = ", ".join((*METHODS, *SCIPY_METHODS))
        raise ValueError(f"method must be one of {known}, got {method!r}.")
    options = {}
    for item in filter(None, rest.split(",")):
        name, equals, value = item.partition("=")
        try:
            options[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            options[name] = value
        if not (equals and value):
            raise ValueError(f"options must be written option=value, got {item!r} in {text!r}.")
    automatic = not scipy_name and options.get("learning_rate", "auto") == "auto"
    if automatic and METHODS[method.lower()].loop is None:
        raise ValueError(
            f"{method} has no automatic learning rate: give one, as in "
            f"{method}:learning_rate=0.01, got {text!r}."
        )
    return Solver(text, scipy_name or method.lower(), options)


def load_problems(module: str) -> dict[str, list[Problem]]:
    """Further problems by group, from a module's function ``collection()``.

    Parameters
    ----------
    module : str
        Its dotted name, which may be relative to the current directory.

    Returns
    -------
    dict of str to list of Problem

    Raises
    ------
    ValueError
        If there is no such module, it has no such function, or a group is a standard one.
    """
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        collection = getattr(importlib.import_module(module), "collection", None)
        if not callable(collection):
            raise ValueError(f"{module!r} has no function collection() that returns problems.")
        found = list(collection())
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"there is no module {module!r} of problems.") from None
    finally:
        sys.path.remove(here)
    groups: dict[str, list[Problem]] = {}
    for problem in found:
        groups.setdefault(problem.group, []).append(problem)
    for group in groups:
        if group in GROUPS:
            raise ValueError(f"{module!r} has problems of the standard group {group!r}.")
    return groups


@dataclass
class Outcome:
    """One solver on one problem; `seconds` is nan unless it was solved and timed."""

    problem: str
    group: str
    n: int
    solver: str
    solved: bool
    evaluations: int
    fun: float
    grad_norm: float
    seconds: float = math.nan

    def cost(self, quantity: str) -> float:
        """Evaluations or seconds; infinite where the problem was not solved."""
        return float(getattr(self, quantity)) if self.solved else math.inf


class _Stop(Exception):
    """Ends a run of SciPy's from inside the objective."""


def _scipy_run(problem: Problem, solver: Solver, budget: int, pair: Callable) -> None:
    from scipy.optimize import minimize

    options = {"gtol": GTOL, "maxiter": budget, **solver.options}
    if solver.method == "L-BFGS-B":
        options = {"ftol": 0.0, "maxfun": budget, **options}
    with contextlib.suppress(_Stop):
        minimize(pair, problem.x0, jac=True, method=solver.method, options=options)


def _first_hit(problem: Problem, solver: Solver, budget: int) -> tuple[np.ndarray, int, bool]:
    """SciPy's first evaluated point with a small gradient, its evaluations, and if it stops there.

    Later evaluations, of the line search and so on, are not charged.
    """
    fused, args = problem.compiled("fused"), problem.args
    calls = hit = 0
    best, best_norm = problem.x0, math.inf

    def pair(x):
        nonlocal calls, hit, best, best_norm
        if calls == budget:
            raise _Stop
        calls += 1
        gradient = np.empty_like(x)
        value = fused(x, gradient, *args)
        norm = float(np.abs(gradient).max())
        if not hit and norm < best_norm and math.isfinite(value):
            best, best_norm = x.copy(), norm
            hit = calls if norm <= GTOL else 0
        return value, gradient

    _scipy_run(problem, solver, budget, pair)
    return best, hit or calls, calls <= (hit or calls)


def _scipy_call(problem: Problem, solver: Solver, budget: int, limit: int | None) -> Callable:
    """A call to time; it ends after `limit` evaluations, or by itself."""
    fused, args = problem.compiled("fused"), problem.args

    def pair(x):
        gradient = np.empty_like(x)
        return fused(x, gradient, *args), gradient

    if limit is None:
        return lambda: _scipy_run(problem, solver, budget, pair)

    def limited():
        calls = 0

        def counted(x):
            nonlocal calls
            calls += 1
            found = pair(x)
            if calls == limit:
                raise _Stop
            return found

        _scipy_run(problem, solver, budget, counted)

    return limited


def _our_call(problem: Problem, solver: Solver, budget: int) -> Callable:
    from fastmomentum import minimize

    fused = problem.compiled("fused")
    options = {"gtol": GTOL, "maxfev": budget, "maxiter": budget, **solver.options}
    return lambda: minimize(
        fused, problem.x0, args=problem.args, jac=True, method=solver.method, options=options
    )


def run_problem(
    problem: Problem,
    solvers: Sequence[Solver],
    budget: int = BUDGET,
    *,
    timed: bool = True,
    enough: float = 0.02,
    repeats: int = 5,
) -> list[Outcome]:
    """Solve one problem with every solver that takes it; time those that solved it, by turns.

    Parameters
    ----------
    problem : Problem
    solvers : sequence of Solver
    budget : int, optional
        Most evaluations of a solver.
    timed : bool, optional
        Whether to measure times.
    enough : float, optional
        Seconds after which a solver is not repeated again.
    repeats : int, optional
        Most repeats of a solver; the time is their median.

    Returns
    -------
    list of Outcome
    """
    fused = problem.compiled("fused")
    outcomes, calls = [], []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # SciPy warns of steps out of the domain, from which it recovers.
        warnings.simplefilter("ignore", RuntimeWarning)
        for solver in solvers:
            if not solver.takes(problem):
                continue
            if solver.ours:
                call = _our_call(problem, solver, budget)
                found = call()
                x, evaluations = found.x, int(found.nfev)
            else:
                x, evaluations, alone = _first_hit(problem, solver, budget)
                call = _scipy_call(problem, solver, budget, None if alone else evaluations)
            gradient = np.empty_like(x)
            value = float(fused(x, gradient, *problem.args))
            norm = float(np.abs(gradient).max())
            solved = norm <= GTOL and math.isfinite(value) and evaluations <= budget
            outcomes.append(
                Outcome(
                    problem.name,
                    problem.group,
                    problem.n,
                    solver.label,
                    solved,
                    evaluations,
                    value,
                    norm,
                )
            )
            calls.append(call)
        if timed:
            pending = [i for i, outcome in enumerate(outcomes) if outcome.solved]
            times: dict[int, list[float]] = {i: [] for i in pending}
            while pending:
                for i in pending:
                    start = time.perf_counter()
                    calls[i]()
                    times[i].append(time.perf_counter() - start)
                pending = [i for i in pending if len(times[i]) < repeats and sum(times[i]) < enough]
            for i, seconds in times.items():
                outcomes[i].seconds = statistics.median(seconds)
    return outcomes


def run(
    problems: Iterable[Problem], solvers: Sequence[Solver], budget: int = BUDGET, timed: bool = True
) -> Iterator[Outcome]:
    """Solve problem by problem, with BLAS held to one thread; see `run_problem`."""
    from threadpoolctl import threadpool_limits

    # Threads only slow down the small products inside SciPy's methods; ours call no BLAS.
    with threadpool_limits(limits=1, user_api="blas"):
        for problem in problems:
            yield from run_problem(problem, solvers, budget, timed=timed)


# -- what the tables say ---------------------------------------------------------------------------


def by_problem(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Outcome]]:
    """Outcomes by the problem's name and the solver's label."""
    table: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        table.setdefault(outcome.problem, {})[outcome.solver] = outcome
    return table


def ratios(outcomes: Iterable[Outcome], quantity: str) -> dict[str, list[float]]:
    """Each solver's cost relative to the best solver's, for every problem it ran on.

    Infinite where it did not solve the problem. `quantity` is ``"evaluations"`` or ``"seconds"``.
    """
    found: dict[str, list[float]] = {}
    for row in by_problem(outcomes).values():
        best = min(outcome.cost(quantity) for outcome in row.values())
        for label, outcome in row.items():
            cost = outcome.cost(quantity)
            found.setdefault(label, []).append(cost / best if cost < math.inf else math.inf)
    return found


@dataclass
class Summary:
    """One solver on a set of problems; nan where there is nothing to compare."""

    solver: str
    count: int
    solved: int
    mean_evaluations: float
    """Geometric mean relative to the baseline, over the problems that both solved."""
    within: tuple[float, ...]
    """Shares of the problems within FACTORS of the fewest evaluations."""
    within_time: tuple[float, ...]
    time_few: float
    """Median time relative to the baseline, problems of FEW_VARIABLES at most that both solved."""
    time_all: float
    faster: float
    """Share of the problems that either solved on which it took less time than the baseline."""


def _shares(values: Sequence[float]) -> tuple[float, ...]:
    # Times of one solver equal its own; the slack is for division.
    return tuple(
        sum(value <= factor * (1.0 + 1e-12) for value in values) / len(values) for factor in FACTORS
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else math.nan


def summarize(outcomes: Sequence[Outcome], timed: bool = True) -> list[Summary]:
    """One row per solver, in the order of their first appearance."""
    table = by_problem(outcomes)
    evaluations = ratios(outcomes, "evaluations")
    seconds = ratios(outcomes, "seconds") if timed else {}
    rows = []
    for label in evaluations:
        own = [row[label] for row in table.values() if label in row]
        pairs = [
            (row[label], row[BASELINE])
            for row in table.values()
            if label in row and BASELINE in row and (row[label].solved or row[BASELINE].solved)
        ]
        both = [(a, b) for a, b in pairs if a.solved and b.solved]
        logs = [math.log(a.evaluations / b.evaluations) for a, b in both]
        times = [(a.n, a.seconds / b.seconds) for a, b in both] if timed else []
        faster = [a.cost("seconds") < b.cost("seconds") for a, b in pairs] if timed else []
        nothing = (math.nan,) * len(FACTORS)
        rows.append(
            Summary(
                solver=label,
                count=len(own),
                solved=sum(outcome.solved for outcome in own),
                mean_evaluations=math.exp(statistics.fmean(logs)) if logs else math.nan,
                within=_shares(evaluations[label]),
                within_time=_shares(seconds[label]) if timed else nothing,
                time_few=_median([ratio for n, ratio in times if n <= FEW_VARIABLES]),
                time_all=_median([ratio for _, ratio in times]),
                faster=statistics.fmean(faster) if faster else math.nan,
            )
        )
    return rows


def _number(value: float, form: str = ".2f") -> str:
    return "-" if math.isnan(value) else format(value, form)


def _percents(values: Sequence[float]) -> str:
    return "".join(f"{_number(100.0 * value, '.0f'):>5}" for value in values)


def format_table(title: str, rows: Sequence[Summary], timed: bool = True) -> str:
    """The rows as text, under two lines of heads."""
    width = max(18, *(len(row.solver) for row in rows)) if rows else 18
    factors = "".join(f"{f'{factor:g}x':>5}" for factor in FACTORS)
    head = f"  {'':<{width}} {'':>12} {'evals /':>9}   {'% within, evals':>20}"
    names = f"  {'solver':<{width}} {'solved':>12} {BASELINE:>9}   {factors}"
    if timed:
        head += f"   {'% within, time':>20}   {f'time / {BASELINE}':>16} {'% faster':>10}"
        names += f"   {factors}   {f'n <= {FEW_VARIABLES}':>8} {'all':>7} {'':>10}"
    lines = [title, head.rstrip(), names.rstrip()]
    for row in rows:
        share = f"{row.solved}/{row.count} {100.0 * row.solved / row.count:3.0f}%"
        line = (
            f"  {row.solver:<{width}} {share:>12} {_number(row.mean_evaluations):>9}"
            f"   {_percents(row.within)}"
        )
        if timed:
            line += (
                f"   {_percents(row.within_time)}   {_number(row.time_few):>8} "
                f"{_number(row.time_all):>7} {_number(100.0 * row.faster, '.0f'):>10}"
            )
        lines.append(line)
    return "\n".join(lines)


def losses(outcomes: Sequence[Outcome], ours: str = OURS) -> list[str]:
    """A line for each problem on which `ours` does worse than others.

    It did not solve what another solver did, or took over LOSS_FACTOR times the baseline's
    evaluations.
    """
    unsolved, slower = [], []
    for name, row in by_problem(outcomes).items():
        own = row.get(ours)
        if own is None:
            continue
        baseline = row.get(BASELINE)
        if not own.solved:
            others = [
                f"{outcome.solver} {outcome.evaluations}"
                for outcome in row.values()
                if outcome.solved
            ]
            if others:
                text = f"  {name:<40} unsolved, |g| {own.grad_norm:.1e}; solved by "
                unsolved.append(text + ", ".join(others))
        elif baseline is not None and baseline.solved:
            ratio = own.evaluations / baseline.evaluations
            if ratio > LOSS_FACTOR:
                text = f"  {name:<40} {own.evaluations:5d} evaluations, {BASELINE} "
                slower.append((ratio, text + f"{baseline.evaluations} ({ratio:.1f}x)"))
    return unsolved + [text for _, text in sorted(slower, reverse=True)]


def write_csv(path: str, outcomes: Iterable[Outcome]) -> None:
    """One line per problem and solver."""
    names = (
        "group", "problem", "n", "solver", "solved", "evaluations", "seconds", "fun", "grad_norm",
    )  # fmt: skip
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for outcome in outcomes:
            cells = [getattr(outcome, name) for name in names]
            writer.writerow(
                "" if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells
            )


def save_figure(path: str, outcomes: Sequence[Outcome], timed: bool = True) -> None:
    """Draw the performance profiles (Dolan and More 2002) by evaluations and by time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    panels = [("evaluations", "By evaluations", "multiple of the best solver's evaluations")]
    if timed:
        panels.append(("seconds", "By time, warm", "multiple of the best solver's time"))
    count = len(by_problem(outcomes))
    largest = 64.0
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(5.6 * len(panels), 5.0),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    for axis, (quantity, title, words) in zip(axes[0], panels, strict=True):
        for i, (label, values) in enumerate(ratios(outcomes, quantity).items()):
            ours = label.partition(":")[0].lower() in METHODS
            name = label if ours else f"SciPy {label}"
            draw_profile(
                axis,
                values,
                largest,
                color=COLOURS[i % len(COLOURS)],
                linestyle="-" if ours else "--",
                linewidth=2.4 if label == OURS else 1.6,
                zorder=3 if label == OURS else 2,
                label=name if len(values) == count else f"{name} (on {len(values)} of them)",
            )
        axis.set_title(title, fontsize=11)
        axis.set_xlabel(words)
        axis.grid(True, color="0.9", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("share of problems solved within it")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(len(labels), 4 if timed else 2),
        frameon=False,
        fontsize=9,
    )
    figure.suptitle(
        f"{count} problems, solved when no entry of the gradient exceeds 1e{math.log10(GTOL):.0f}; "
        "higher is better",
        fontsize=11,
    )
    figure.savefig(path, dpi=150)
    plt.close(figure)
