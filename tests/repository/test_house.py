"""The house: a room imports rooms below it only, and what is in a room has no circles.

A room is a folder, or a file, right in the package. ROOMS is the only table. Imports inside
functions and under TYPE_CHECKING count as all others do.
"""

import ast

import pytest
from package import FILES, HEAVY, KNOWN, NUMBA, PACKAGE, imports, name_of, tree

# From the top to the ground.
ROOMS = (
    "__main__",
    "_cli",
    "__init__",
    "_scipy",
    "_multistart",
    "_path",
    "_optimizer",
    "jit",
    "plot",
    "problems",
    "_batch",
    "_sums",
    "distributed",
    "_minimize",
    "objectives",
    "_keep",
    "_problem",
    "penalties",
    "_check",
    "_cuda",
    "_loops",
    "_numba",
    "_language",
    "_methods",
    "_prox",
    "schedules",
    "_report",
    "_callables",
    "_arrays",
    "_version",
)
MOST_FILES_IN_THE_ROOT = 12
# Imports inside functions: they put off what is slow to load, and hide nothing. Fewer are welcome.
MOST_LATE = 91
# Numba's rooms. Others import Numba where it is used, and those of plain mathematics never do.
COMPILED = ("_loops", "_cuda", "_numba")
PLAIN = ("_language", "_methods", "_prox", "schedules", "_report", "_callables", "_arrays")
# They describe; what they describe is compiled when that is asked for.
DESCRIPTIONS = ("problems", "penalties")


def room(name):
    return name.split(".")[0]


def target(dotted):
    """The module below the package that an import of `dotted` is of; None: of another package."""
    parts = dotted.split(".")
    if parts[0] != "fastmomentum":
        return None
    parts = parts[1:]
    while parts and ".".join(parts) not in KNOWN:
        parts = parts[:-1]
    return ".".join(parts) or "__init__"


def own_imports(path):
    """(module, line, in a function, for type checkers): imports of the package's own modules."""
    for dotted, *where in imports(path):
        found = target(dotted)
        if found is not None and found != name_of(path):
            yield found, *where


def late():
    """Where own modules are imported inside functions."""
    where = {
        (name, line)
        for name, path in KNOWN.items()
        for _, line, inside, _ in own_imports(path)
        if inside
    }
    return [f"{name}:{line}" for name, line in sorted(where)]


def circle(graph):
    """A circle of a graph, as a list of names; empty if there is none."""
    done, way = set(), []

    def visit(name):
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        way.append(name)
        for other in sorted(graph[name]):
            found = visit(other)
            if found:
                return found
        way.pop()
        done.add(name)
        return []

    return next(filter(None, map(visit, sorted(graph))), [])


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_rooms_below_it(path):
    own = name_of(path)
    below = ROOMS[ROOMS.index(room(own)) :]
    for found, line, *_ in own_imports(path):
        assert room(found) in below, f"{own}:{line} imports {found}, which is above it"


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_has_no_circles(name):
    graph = {
        own: {found for found, *_ in own_imports(path) if room(found) == name and found != name}
        for own, path in KNOWN.items()
        if room(own) == name
    }
    assert not circle(graph)


def test_circles_are_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_table_has_every_room():
    assert {room(name) for name in KNOWN} == set(ROOMS)
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_FILES_IN_THE_ROOT


def test_late_imports_do_not_become_more():
    found = late()
    assert len(found) <= MOST_LATE, found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_heavy_packages_are_imported_where_they_are_used(path):
    own = name_of(path)
    for dotted, line, inside, typing in imports(path):
        top = dotted.split(".")[0]
        if top in NUMBA and room(own) in COMPILED:
            continue
        assert top not in HEAVY or inside or typing, f"{own}:{line} imports {dotted} at once"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_compiled_rooms_import_numba(path):
    own = name_of(path)
    for dotted, line, inside, _ in imports(path):
        if room(own) in PLAIN:
            assert dotted.split(".")[0] not in NUMBA, f"{own}:{line} imports {dotted}"
        if room(own) in DESCRIPTIONS and not inside:
            found = target(dotted) or ""
            assert room(found) not in COMPILED, f"{own}:{line} imports {dotted} at once"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_command_line_prints(path):
    own = name_of(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            assert room(own) in ("_cli", "__main__"), f"{own}:{node.lineno} prints"


def test_rooms_are_empty_packages():
    """Importing a module of a room loads no other of it."""
    for path in PACKAGE.glob("_*/**/__init__.py"):
        if room(name_of(path)) not in ("_methods", "_prox"):
            assert len(tree(path).body) == 1, f"{path} is to have a docstring only"
