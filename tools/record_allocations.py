# ruff: noqa: T201
"""Write tests/data/allocations.json: what warm calls allocate, by tests/helpers/allocations.py.

A row for each kind of run, which those of all methods must agree on. Run it when a change of it is
meant, and look at what it prints: the rows that changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numba

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / "tests" / "data" / "allocations.json"


def measure() -> dict[str, dict]:
    """Rows by name."""
    changes = {"NUMBA_NRT_STATS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "helpers" / "allocations.py")],
        env={**os.environ, **changes},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def by_kind(rows: dict[str, dict]) -> dict[str, dict]:
    """One row for each kind of run."""
    found: dict[str, dict] = {}
    for name, row in rows.items():
        numbers = {key: value for key, value in row.items() if key != "kind"}
        first = found.setdefault(row["kind"], numbers)
        if any(numbers[key] != first[key] for key in ("loop", "rest")):
            raise SystemExit(f"{name}: {numbers}, where others of its kind have {first}")
    return found


def main() -> None:
    """Measure, compare with the record, replace it."""
    old = json.loads(PATH.read_text())["rows"] if PATH.exists() else {}
    rows = by_kind(measure())
    for name in sorted({*old, *rows}):
        if old.get(name) != rows.get(name):
            print(f"{name}: {old.get(name)} -> {rows.get(name)}")
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    PATH.write_text(f'{{\n "numba": "{numba.__version__}",\n "rows": {{\n{lines}\n }}\n}}\n')
    print(f"written: {PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
