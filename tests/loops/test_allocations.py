"""What warm calls allocate, held to a record; ``python tools/record_allocations.py`` writes it.

The record has a row for each kind of run, not for each method: one more needs no row of its own.
"""

import json
import pathlib

import numba
import pytest
from allocations import FEW, MANY, RATES, SIZES
from cases import METHODS
from processes import run_python

RECORD = json.loads((pathlib.Path(__file__).parents[1] / "data" / "allocations.json").read_text())
AGAIN = "If this is meant, run tools/record_allocations.py."


@pytest.fixture(scope="module")
def rows():
    code = "import json, sys, allocations; json.dump(allocations.measure(), sys.stdout)"
    return json.loads(run_python(code, env={"NUMBA_NRT_STATS": "1"}).stdout)


def recorded(row):
    return RECORD["rows"][row["kind"]]


def test_no_iteration_and_no_problem_of_a_batch_allocates(rows):
    """A call into a loop allocates as much for 5 iterations as for 500, for 10 problems as 1000."""
    assert FEW < MANY
    changing = {name: row for name, row in rows.items() if isinstance(row["loop"], list)}
    changing |= {name: row for name, row in rows.items() if isinstance(row["rest"], list)}
    assert not changing, f"Allocations that depend on the number of iterations: {changing}"


def test_allocations_are_those_recorded(rows):
    assert len(METHODS) * len(SIZES) * len(RATES) > 60
    assert {row["kind"] for row in rows.values()} == RECORD["rows"].keys(), AGAIN
    if numba.__version__ == RECORD["numba"]:  # how many it makes for an argument is its own affair
        found = {
            name: row
            for name, row in rows.items()
            if any(row[number] != recorded(row)[number] for number in ("loop", "rest"))
        }
        assert not found, f"Allocations of a call that changed: {found}. {AGAIN}"


def test_arrays_in_use_are_those_recorded(rows):
    """Of n, at once, in a run of n = 1000; with what else Python needs, which versions change."""
    more = {
        name: row["arrays"]
        for name, row in rows.items()
        if "arrays" in row and row["arrays"] > recorded(row)["arrays"] + 0.9
    }
    assert not more, f"More memory in use at once: {more}. {AGAIN}"
