"""The stamp of a compiled function is that of all text that is compiled into it."""

import importlib
import re
import sys

import numpy as np
import pytest
from package import FILES, KNOWN, imports, name_of

from fastmomentum import problems
from fastmomentum._loops import drivers
from fastmomentum._loops.table import LOOPS
from fastmomentum._numba import stamp


def in_package(name):
    return f"{stamp.PACKAGE}.{name}"


def imported_by(name, path):
    """The modules that a module imports from where it begins."""
    found = set()
    for target, _, late, typing in imports(path):
        if not (late or typing) and target.startswith(in_package("")):
            inside = target.removeprefix(in_package(""))
            found.add(inside if inside in KNOWN else inside.rpartition(".")[0])
    return found


IMPORTS = {name_of(path): imported_by(name_of(path), path) for path in FILES}
COMPILED = sorted(
    name
    for name in IMPORTS
    if re.match(r"_(loops|numba)\.", name) and {"_numba.jit", "_numba.words"} & IMPORTS[name]
)


@pytest.mark.parametrize("name", COMPILED)
def test_holds_all_that_is_imported(name):
    """Seen from the text: numbers, too, are of modules that count."""
    importlib.import_module(in_package(name))
    expected, left = set(), {name}
    while left:
        expected |= left
        left = set().union(*(IMPORTS[v] for v in left)) - expected
    assert set(map(in_package, expected)) <= set(stamp.modules_of([in_package(name)]))


def loop():
    return drivers.driver(LOOPS["adam"], np.dtype("f8")).py_func


def test_a_changed_text_is_another_stamp(monkeypatch):
    before = stamp.stamp_of(loop())
    assert before == stamp.stamp_of(loop())
    text = stamp._text
    for name in (
        "_numba.words",
        "_numba.calls",
        "_language.layout",
        "_numba.jit",
        "_loops.terms",
        "_methods.adam",
    ):
        with monkeypatch.context() as patch:
            changed = in_package(name)
            patch.setattr(stamp, "_text", lambda v, name=changed: text(v) + b"#" * (v == name))
            assert stamp.stamp_of(loop()) != before, name


def test_is_not_that_of_others():
    """A change of one method leaves the loops of the others on disk."""
    assert in_package("_methods.adagrad") not in stamp.modules_of([loop().__module__])
    other = drivers.driver(LOOPS["gd"], np.dtype("f8")).py_func
    assert stamp.stamp_of(loop()) != stamp.stamp_of(other)
    users = stamp.stamp_of(test_is_not_that_of_others)
    assert users == stamp.stamp_of(imported_by)
    assert users != stamp.stamp_of(problems.get("wood").compiled("fused").py_func)


def test_a_text_that_cannot_be_read_is_none(monkeypatch):
    text = stamp._text.__wrapped__
    name = in_package("_language.layout")
    assert b"STATUS" in text(name)
    monkeypatch.setattr(sys.modules[name], "__file__", "no such file")
    assert text(name) == b""
