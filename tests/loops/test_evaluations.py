"""The automatic methods solve as many problems, in as many evaluations, as the record says.

Exactly where machine, versions and source are those of the record; elsewhere within what the
counts of the record's processor targets differ by. After a change that is meant, run
``python tools/record_evaluations.py``.
"""

import json

import evaluations
import pytest
from parameters import some
from processes import run_python

from benchmarks.holdout import ALL

RECORD = json.loads(evaluations.PATH.read_text())
AGAIN = "If this is meant, run tools/record_evaluations.py."
# Problems that SciPy 1.17's L-BFGS-B solves in 5000 evaluations, from ``fastmomentum bench``.
LBFGSB_SOLVED = {"classical": 71, "regression": 24, "quadratic": 14, "imaging": 6, "holdout": 33}
# Of one velocity, and those that are no quasi-Newton methods.
SOLVE_LESS = ("momentum:memory=1", "nesterov", "gd")
# One of each kind; the others go through the same loops, in metrics of their own.
USUAL = ("momentum", "nesterov", "gd", "adam")
by_method = pytest.mark.parametrize("method", evaluations.METHODS)
by_group = pytest.mark.parametrize("group", evaluations.GROUPS)


def recorded(group, method):
    """Counts by problem, each a list by target."""
    return {name: row[method] for name, row in RECORD["counts"][group].items()}


def test_record_is_complete():
    assert set(RECORD["targets"]) <= set(evaluations.TARGETS)
    assert len(RECORD["targets"]) >= 3
    for group in evaluations.GROUPS:
        assert list(RECORD["counts"][group]) == list(ALL.names(group)), AGAIN
        for row in RECORD["counts"][group].values():
            assert tuple(row) == evaluations.METHODS
            assert {len(counts) for counts in row.values()} == {len(RECORD["targets"])}


@pytest.mark.parametrize("method", some(evaluations.METHODS, USUAL))
@by_group
def test_solves_what_it_did_in_as_many_evaluations(group, method):
    now, before = evaluations.measure(group, method), recorded(group, method)
    here = RECORD["machine"] == evaluations.machine() and evaluations.target()
    if here in RECORD["targets"]:
        column = RECORD["targets"].index(here)
        assert now == {name: counts[column] for name, counts in before.items()}, AGAIN
    rows = list(before.values())
    # All that every target solves, but for one whose luck no target has shown.
    assert evaluations.solved(now.values()) >= evaluations.always_solved(rows) - 1
    assert abs(evaluations.log_change(now.values(), rows)) <= evaluations.luck(rows), AGAIN


@by_method
@by_group
def test_solves_as_many_as_lbfgsb(group, method):
    if method in SOLVE_LESS:
        pytest.skip("no quasi-Newton method of several velocities")
    assert evaluations.always_solved(recorded(group, method).values()) >= LBFGSB_SOLVED[group]


@by_method
@by_group
def test_each_target_is_within_the_bounds_of_the_others(group, method):
    """The bounds are no guess: leaving any target out of the record, they hold for it."""
    rows = list(recorded(group, method).values())
    for left_out in range(len(RECORD["targets"])):
        others = [[n for j, n in enumerate(row) if j != left_out] for row in rows]
        column = [row[left_out] for row in rows]
        assert abs(evaluations.log_change(column, others)) <= evaluations.luck(others)
        assert evaluations.solved(column) >= evaluations.always_solved(others) - 1


@pytest.mark.parametrize("times", [1.1, 0.9])
@pytest.mark.parametrize("group", ["classical", "holdout"])
def test_the_bounds_notice_a_change(group, times):
    """A tenth more evaluations of the default method, or less, on every problem."""
    rows = list(recorded(group, "momentum").values())
    changed = [row[0] * times for row in rows]
    assert abs(evaluations.log_change(changed, rows)) > evaluations.luck(rows)


def test_another_target_is_compiled_for():
    """What NUMBA_CPU_NAME asks for is what the counts are taken with."""
    targets = evaluations.runnable_targets()
    if not targets:
        pytest.skip("no target of the record runs on this architecture")
    code = "import sys, evaluations; sys.stdout.write(str(evaluations.target()))"
    found = run_python(code, env=evaluations.for_target(targets[0])).stdout
    assert found == targets[0]
