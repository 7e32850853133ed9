"""The public names: light to import, and documented."""

import importlib
import inspect
import re

import pytest
from cases import METHODS, MOMENTUM_METHODS
from package import HEAVY
from processes import run_python

import fastmomentum
from fastmomentum import objectives, schedules

LOADED = """
import sys
import fastmomentum
{more}
heavy = {heavy}
sys.stdout.write(" ".join(sorted({{m.split(".")[0] for m in sys.modules}} & set(heavy))))
"""


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ("", set()),
        (
            "fastmomentum.show_options, fastmomentum.OptimizeResult, fastmomentum.problems.names",
            set(),
        ),
        ("fastmomentum.schedules.Step(0.1)(3)", set()),
        ("fastmomentum.penalties.L1(0.1).value([1.0, 2.0])", set()),
        ("fastmomentum.show_options(disp=False)", set()),
        ("fastmomentum.distributed.ShardedSum", set()),
        (
            "fastmomentum.minimize(lambda x: x @ x, [1.0], options={'learning_rate': 0.1})",
            {"numba", "llvmlite", "scipy"},
        ),
    ],
)
def test_importing_is_light(more, allowed):
    """In a fresh process; a run may load Numba, which loads parts of SciPy itself."""
    done = run_python(LOADED.format(more=more, heavy=HEAVY))
    assert set(done.stdout.split()) <= allowed


# -- documentation ---------------------------------------------------------------------------------

HELP = {
    "fastmomentum": [n for n in fastmomentum.__all__ if not n.startswith("__")],
    "fastmomentum.schedules": list(schedules.__all__),
    "fastmomentum.objectives": list(objectives.__all__),
    "fastmomentum.problems": None,  # all that its __all__ names
    "fastmomentum.penalties": None,
    "fastmomentum.jit": None,
    "fastmomentum.jit.rules": None,
    "fastmomentum.distributed": None,
}
PUBLIC = [
    (module, name)
    for module, names in HELP.items()
    for name in (names or importlib.import_module(module).__all__)
    if name.isidentifier()
]


def public_object(module, name):
    return getattr(importlib.import_module(module), name)


def sections(text):
    """Titles of the numpydoc sections, and the lines of each."""
    lines = inspect.cleandoc(text).splitlines()
    found, current = {}, None
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[i + 1].strip()) and line.strip():
            current = found.setdefault(line.strip(), [])
        elif current is not None and not re.fullmatch(r"-{3,}", line.strip()):
            current.append(line)
    return found


def documented(text, section="Parameters"):
    names = []
    for line in sections(text).get(section, []):
        if line and not line.startswith(" "):
            names += [n.strip().lstrip("*") for n in line.partition(" : ")[0].split(",")]
    return names


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=[f"{m}.{n}" for m, n in PUBLIC])
def test_public_names_are_documented(module, name):
    found = public_object(module, name)
    if inspect.ismodule(found):
        assert found.__doc__
        return
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        return
    text = found.__doc__
    assert text and text.strip()
    first = inspect.cleandoc(text).splitlines()[0]
    assert first.endswith("."), "one sentence on the first line"
    if inspect.isfunction(found):
        parameters = list(inspect.signature(found).parameters)
    elif issubclass(found, (Exception, dict)) or "Status" in name or name == "Schedule":
        return
    else:
        parameters = list(inspect.signature(found).parameters)
        if "Parameters" not in sections(text):  # a record that users read and do not make
            assert set(documented(text, "Attributes")) >= set(parameters)
            return
    assert documented(text) == parameters


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=[f"{m}.{n}" for m, n in PUBLIC])
def test_public_functions_have_their_sections(module, name):
    found = public_object(module, name)
    if not inspect.isfunction(found):
        return
    titles = list(sections(found.__doc__))
    assert "Returns" in titles or "Yields" in titles
    order = ("Parameters", "Returns", "Yields", "Raises", "Notes", "References", "Examples")
    known = [t for t in titles if t in order]
    assert known == sorted(known, key=order.index), "in numpydoc's order"
    assert ">>> " in (found.__doc__ or "") or module.endswith("problems")


def test_every_option_is_described():
    for method in METHODS:
        text = fastmomentum.show_options(method, disp=False)
        for name in ("learning_rate", "gtol", "ftol", "xtol", "maxiter", "maxfev", "maxtime"):
            assert re.search(rf"^{name}\b", text, flags=re.M), name
        assert ("\nmomentum (" in text) == (method in MOMENTUM_METHODS)


def test_public_names_can_be_imported():
    namespace = {}
    exec("from fastmomentum import *", namespace)
    for name in fastmomentum.__all__:
        assert name in namespace
        assert getattr(fastmomentum, name) is namespace[name]
    assert set(dir(fastmomentum)) >= set(fastmomentum.__all__)
    with pytest.raises(AttributeError, match="no attribute 'minimise'"):
        _ = fastmomentum.minimise
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?(dev|a|b|rc)\d+)?", fastmomentum.__version__)
