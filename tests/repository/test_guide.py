"""The guide to a new method, docs/contributing.rst, as it is written, in a copy of all this."""

import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest
from processes import environment_of

ROOT = pathlib.Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "contributing.rst"
# Its record, rows and reference; its rule beside the reference; its pages.
TESTS = (
    "tests/methods/test_records.py",
    "tests/methods/test_rules.py::test_iterates_are_those_of_the_paper",
    "tests/repository/test_docs.py::test_the_api_reference_lists_the_public_names",
)
# Without Numba: few variables.
WHICH = "public or signlike and not 1000 and not 4097"


def parts():
    """The parts of code that the guide shows: the file, the line, the tests."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"^\.\. code-block:: python\n   :class: part\n((?:   .*\n|\n)+)", text, re.M)
    record, line, tests = (textwrap.dedent(part).strip("\n") + "\n" for part in found)
    rows, reference = tests.split("\n\n", 1)
    return record, line, f"{rows}\n", reference


def put(path, before, text):
    """Write it right before a line of a file."""
    old = path.read_text(encoding="utf-8")
    assert old.count(before) == 1, f"{path.name} has no place for it"
    path.write_text(old.replace(before, text + before), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with the guide's method, in its four places."""
    root = tmp_path_factory.mktemp("guide")
    leave = shutil.ignore_patterns("__pycache__", "generated", "auto_gallery")
    for folder in ("fastmomentum", "tests", "docs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", root)
    record, line, rows, reference = parts()
    methods, helpers = root / "fastmomentum" / "_methods", root / "tests" / "helpers"
    (methods / "signlike.py").write_text(record, encoding="utf-8")
    put(methods / "__init__.py", ")\nfrom .base import", "    signlike,\n")
    put(methods / "__init__.py", "}\nDEFAULT_METHOD", textwrap.indent(line, "    "))
    put(helpers / "cases.py", ")\nMETHODS = ", textwrap.indent(rows, "    "))
    put(helpers / "reference.py", "def iterates(", reference + "\n\n")
    return root


def test_the_guide_is_all_that_a_method_needs(copy):
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-k", WHICH, *TESTS]
    environment = environment_of({"PYTHONPATH": None, "NUMBA_DISABLE_JIT": "1"})
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_code_of_the_guide_fits_into_lines():
    record, line, rows, reference = parts()
    for text in (record, reference, textwrap.indent(line + rows, "    ")):
        assert max(map(len, text.splitlines())) <= 100
