"""The documentation beside the package: public names in the API reference, examples that run."""

import importlib
import pathlib
import re
import textwrap

import pytest

import fastmomentum

DOCS = pathlib.Path(fastmomentum.__file__).parents[1] / "docs"
# Listed by a template, from its __all__.
BY_TEMPLATE = {"fastmomentum.jit.rules": DOCS / "_templates" / "autosummary" / "rules.rst"}
PAGES = [*sorted((DOCS / "user").glob("*.rst")), DOCS / "index.rst"]


def documented():
    """The names that the API reference lists, with their modules."""
    found = set()
    for page in (DOCS / "api").glob("*.rst"):
        module, listing = None, False
        for line in page.read_text(encoding="utf-8").splitlines():
            if current := re.match(r"\.\. (?:currentmodule|automodule):: (\S+)", line):
                module = current[1]
                found.add(module)
            if line.strip() and not line.startswith(" "):
                listing = line.startswith(".. autosummary::")
            elif listing and re.fullmatch(r"   \w+", line):
                found.add(f"{module}.{line.strip()}")
    return found


def public(module):
    """The public names of a module and of the public modules in it."""
    found = set()
    for name in importlib.import_module(module).__all__:
        if name.startswith("__"):
            continue
        full = f"{module}.{name}"
        found.add(full)
        if type(getattr(importlib.import_module(module), name)).__name__ == "module":
            found |= public(full)
    return found


def test_the_api_reference_lists_the_public_names():
    listed = documented() - {"fastmomentum"}
    by_template = set().union(*map(public, BY_TEMPLATE))
    assert listed == public("fastmomentum") - by_template
    assert set(BY_TEMPLATE) <= listed


@pytest.mark.parametrize("module", BY_TEMPLATE)
def test_a_template_lists_the_public_names(module):
    """Of the module's page, in a list that autosummary makes pages from."""
    text = BY_TEMPLATE[module].read_text(encoding="utf-8")
    short = module.rpartition(".")[2]
    assert ".. autosummary::" in text and f"{{% for name in {short} %}}   {{{{ name }}}}\n" in text
    assert f'"{short}": jit.{short}.__all__' in (DOCS / "conf.py").read_text(encoding="utf-8")


def blocks(page):
    """The Python examples of a page, but for those that are marked as parts of others."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^\.\. code-block:: python\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    return [textwrap.dedent(b) for b in found if ":class: part" not in b]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.stem)
def test_examples_run(page, tmp_path, monkeypatch):
    """In order, in one namespace."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "docs"}
    for block in blocks(page):
        exec(compile(block, page.name, "exec"), names)
