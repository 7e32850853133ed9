# ruff: noqa: T201
"""Write tests/data/evaluations.json: the evaluations of the automatic methods on every problem.

For every processor target that this machine can run, see tests/helpers/evaluations.py. Run it when
a change of a method is meant, and look at what it prints: the change in each group.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import evaluations  # noqa: E402


def measure(target: str) -> dict[str, dict[str, dict[str, int]]]:
    """Counts by group, method and problem."""
    # Threads of a BLAS would change the order of sums in the problems' data.
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    changes = {"PYTHONPATH": str(ROOT), **threads, **evaluations.for_target(target)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "helpers" / "evaluations.py")],
        env={**os.environ, **changes},
        stdout=subprocess.PIPE,
        check=True,
    )
    print(f"measured: {target}", flush=True)
    return json.loads(done.stdout)


def table(group: str, by_target: list) -> dict[str, dict[str, list[int]]]:
    """The counts of each target by problem and method."""
    names = by_target[0][group][evaluations.METHODS[0]]
    return {
        name: {
            method: [counts[group][method][name] for counts in by_target]
            for method in evaluations.METHODS
        }
        for name in names
    }


def show(old: dict, new: dict) -> None:
    """Print the change in each group."""
    for group, problems in new.items():
        for method in evaluations.METHODS:
            rows = [row[method] for row in problems.values()]
            columns = list(zip(*rows, strict=True))
            line = f"{group:<12}{method:<18} solved "
            line += " ".join(str(evaluations.solved(column)) for column in columns)
            line += f", allowed {evaluations.luck(rows):.3f}"
            before = [old[group][name][method] for name in problems if name in old.get(group, {})]
            if len(before) == len(rows):
                changes = (evaluations.log_change(column, before) for column in columns)
                line += f"; mean times {math.exp(statistics.fmean(changes)):.3f}"
            print(line)


def write(record: dict) -> None:
    """One line for each problem."""
    lines = [f' "{key}": {json.dumps(record[key])},' for key in ("machine", "targets")]
    groups = []
    for group, problems in record["counts"].items():
        rows = (f'   "{name}": {json.dumps(row)}' for name, row in problems.items())
        groups.append(f'  "{group}": {{\n' + ",\n".join(rows) + "\n  }")
    text = "{\n" + "\n".join(lines) + '\n "counts": {\n' + ",\n".join(groups) + "\n }\n}\n"
    evaluations.PATH.write_text(text)


def main() -> None:
    """Measure, compare with the record, replace it."""
    old = json.loads(evaluations.PATH.read_text())["counts"] if evaluations.PATH.exists() else {}
    targets = evaluations.runnable_targets()
    by_target = [measure(target) for target in targets]
    counts = {group: table(group, by_target) for group in evaluations.GROUPS}
    show(old, counts)
    write({"machine": evaluations.machine(), "targets": targets, "counts": counts})
    print(f"written: {evaluations.PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
