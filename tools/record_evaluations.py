# ruff: noqa: T201
"""Write tests/data/evaluations.json: the evaluations of the automatic methods on every problem.

Run it when a change of a method is meant, and look at what it prints: the change in each group.
"""

from __future__ import annotations

import json
import math
import platform
import sys
from pathlib import Path

import numba

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from fastmomentum import minimize, problems  # noqa: E402
from fastmomentum._bench import parse_solver  # noqa: E402

# Nadam's are those of Adam.
METHODS = (
    "momentum",
    "momentum:memory=1",
    "nesterov",
    "gd",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "adamax",
    "amsgrad",
)
GROUPS = ("classical", "regression", "quadratic", "imaging", "holdout")
BUDGET = 5000
PATH = ROOT / "tests" / "data" / "evaluations.json"


def machine() -> str:
    """What the last digits of a run depend on."""
    from llvmlite import binding

    cpu = binding.get_host_cpu_name()
    return f"{platform.system()} {platform.machine()} {cpu}, numba {numba.__version__}"


def count(problem, method: str) -> int:
    """Evaluations to gtol 1e-5; negative where the budget did not suffice."""
    solver = parse_solver(method)
    result = minimize(
        problem.compiled("fused"),
        problem.x0,
        args=problem.args,
        jac=True,
        method=solver.method,
        options={"maxfev": BUDGET, "maxiter": BUDGET, **solver.options},
    )
    return int(result.nfev) if result.success else -int(result.nfev)


def measure() -> dict[str, dict[str, dict[str, int]]]:
    """Counts by group, problem and method."""
    return {
        group: {
            problem.name: {method: count(problem, method) for method in METHODS}
            for problem in problems.collection(group)
        }
        for group in GROUPS
    }


def solved(counts: dict[str, dict[str, int]], method: str) -> int:
    """Problems of a group that were solved."""
    return sum(row[method] > 0 for row in counts.values())


def total(counts: dict[str, dict[str, int]], method: str) -> int:
    """Evaluations of a group, those of unsolved problems included."""
    return sum(abs(row[method]) for row in counts.values())


def mean(counts: dict[str, dict[str, int]], method: str) -> float:
    """Geometric mean of the evaluations of a group."""
    logs = [math.log(abs(row[method])) for row in counts.values()]
    return math.exp(math.fsum(logs) / len(logs))


def main() -> None:
    """Measure, compare with the record, replace it."""
    old = json.loads(PATH.read_text())["counts"] if PATH.exists() else {}
    counts = measure()
    for group in GROUPS:
        for method in METHODS:
            now = solved(counts[group], method), total(counts[group], method)
            words = f"{group:<12}{method:<18} solved {now[0]:3d}, evaluations {now[1]:6d}"
            if method in next(iter(old.get(group, {}).values()), ()):
                before = solved(old[group], method), total(old[group], method)
                ratio = mean(counts[group], method) / mean(old[group], method)
                words += f"; before {before[0]:3d}, {before[1]:6d}; mean times {ratio:.3f}"
            print(words)
    record = {"machine": machine(), "budget": BUDGET, "counts": counts}
    PATH.write_text(json.dumps(record, indent=1) + "\n")
    print(f"written: {PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
