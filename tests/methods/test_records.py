"""What the record of a method, its rows in cases.py and its reference must have.

A method that lacks something fails here first, with what it lacks.
"""

import inspect

import pytest
import reference
from cases import CASES, PROBLEMS

from fastmomentum._language import layout
from fastmomentum._loops.rules import make_step
from fastmomentum._methods import METHODS
from fastmomentum._methods.signature import numbers_of

RULE = ["x", "g", "slots", "rates", "constants", "carried", "zero", "one"]
CARRY = ["constants", "carried", "zero", "one"]
METRIC = ["g", "step", "kept", "count", "constants", "zero", "one"]
# Rows that the loop has for a diagonal.
MOST_METRIC_VECTORS = layout.CANDIDATE_ROW - layout.SUM_ROW
# References with names of their own.
REFERENCES = {"gd": "gradient_descent", "momentum": "heavy_ball"}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def arguments(function):
    return list(inspect.signature(function).parameters)


@every_method
def test_a_record_is_complete(method):
    assert METHODS[method.name] is method, "METHODS has it under another name"
    assert inspect.getmodule(method.rule).__name__.startswith("fastmomentum._methods.")
    assert arguments(method.rule) == RULE
    assert set(method.slots_start) == set(method.slots), "slots_start is for each of slots"
    assert set(method.slots_start.values()) <= {"zero", "x0"}
    assert method.iterate in ("x", *method.slots)
    assert (method.carry is None) == (method.carries == {}), "carry is for carries"
    assert method.carry is None or arguments(method.carry) == CARRY
    assert method.parameter_names[0] == "learning_rate"
    assert len(set(method.parameter_names)) == len(method.parameters)
    assert method.summary.endswith(".") and "\n" not in method.summary
    assert "\n\nReference" in method.notes, "notes end with the paper whose rule it is"


@every_method
def test_the_numbers_of_a_method_fit(method):
    """Into a step of `jit.rules`, which refuses others, and into the rows of a diagonal."""
    assert len(numbers_of(method)) <= 5
    make_step(method)
    assert len(method.metric_vectors) <= MOST_METRIC_VECTORS
    if method.metric is None:
        assert method.metric_vectors == ()
    else:
        assert method.loop == "momentum", "the diagonal is for that loop"
        assert arguments(method.metric) == METRIC


@every_method
def test_every_method_has_rows_and_a_reference(method):
    problems = [case.problem for case in CASES if case.method == method.name]
    assert sorted(problems) == sorted(PROBLEMS), "CASES has a row for each problem"
    assert hasattr(reference, REFERENCES.get(method.name, method.name)), "for reference.py"
