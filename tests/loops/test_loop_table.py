"""The table of loops: what it says of a loop is what the loop does."""

import inspect

import numpy as np
import pytest
from cases import AUTOMATIC, METHODS

from fastmomentum import _methods
from fastmomentum._language import layout
from fastmomentum._loops import drivers
from fastmomentum._loops.table import LOOPS, loop_of


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("real", ["float64", "float32"])
def test_each_loop_is_made_under_its_own_name(name, real):
    function = drivers.driver(LOOPS[name], np.dtype(real)).py_func
    assert function.__qualname__ == f"drive_{name}_{real}"


def is_of_the_loops(value):
    function = getattr(value, "py_func", value)
    return inspect.isfunction(function) and function.__module__.startswith("fastmomentum._loops")


def names_in(function):
    """Every name in the code of a loop and of the parts of it."""
    found, left, seen = set(), [function], set()
    while left:
        part = left.pop()
        function = getattr(part, "py_func", part)
        if function in seen:
            continue
        seen.add(function)
        found |= set(function.__code__.co_names)
        known = [function.__globals__.get(name) for name in function.__code__.co_names]
        known += [cell.cell_contents for cell in function.__closure__ or ()]
        left += filter(is_of_the_loops, known)
    return found


@pytest.mark.parametrize("name", [name for name, loop in LOOPS.items() if loop.automatic])
def test_what_an_automatic_loop_needs_is_in_its_code(name):
    loop = LOOPS[name]
    names = names_in(drivers.driver(loop, np.dtype("f8")).py_func)
    assert loop.keeps_pairs == ("MEMORY" in names)
    assert (loop.looks_back == layout.LOOK_BACK) == ("LOOK_BACK" in names)
    assert loop.extrapolates == (
        "PREVIOUS" in names and "BETA" in names and "LOOK_BACK" not in names
    )


def test_every_method_has_its_loops():
    for name in METHODS:
        method = _methods.METHODS[name]
        for kind in ("", "bounds"):
            loop = loop_of(method, False, kind)
            assert (loop.name, loop.automatic, loop.composite) == (name, False, False)
            assert loop.rows(0) == layout.FIRST_SLOT + len(method.slots)
            assert loop.carried == tuple(method.carries.values())
        if method.proximal:
            assert loop_of(method, False, "penalty").composite
    for name in AUTOMATIC:
        method = _methods.METHODS[name]
        kinds = [loop_of(method, True, kind) for kind in ("", "bounds", "penalty")]
        assert [loop.composite for loop in kinds] == [False, True, True]
        assert all(loop.automatic and loop.family == method.loop for loop in kinds)
        # The metric and its vectors are those of the loop with pairs.
        assert method.metric is None or all(loop.keeps_pairs for loop in kinds)
