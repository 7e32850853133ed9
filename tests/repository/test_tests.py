"""The tests: folders of the rooms' names, short files, and no test module that another imports."""

import collections
import pathlib
import re

import pytest
from package import PACKAGE

TESTS = pathlib.Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))
MODULES = [path.stem for path in FILES]
# Collected as tests; those of the simulator by processes of their own.
COLLECTED = re.compile(r"test_\w+|cuda_grids|cuda_simulator\w*")
MOST_LINES = 700
# What is of no room.
OTHERS = {"data", "fuzz", "helpers", "repository"}
OF_THE_PACKAGE = "test_public"


def name_of(path):
    return path.relative_to(TESTS).as_posix()


def rooms(paths):
    return {path.stem.strip("_") for path in paths if path.stem != "__pycache__"}


def test_a_folder_is_of_a_room():
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name[0] not in "._"}
    assert folders - OTHERS <= rooms(path for path in PACKAGE.iterdir() if path.is_dir())


def test_a_file_beside_the_folders_is_of_a_module_that_is_a_room():
    names = {path.stem for path in TESTS.glob("test_*.py")} - {OF_THE_PACKAGE}
    known = tuple(f"test_{room}" for room in rooms(PACKAGE.glob("*.py")))
    assert {name for name in names if not name.startswith(known)} == set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_short(path):
    assert path.read_text(encoding="utf-8").count("\n") <= MOST_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_test_module_is_imported(path):
    """Also in the code for other processes, but for the module itself."""
    text = path.read_text(encoding="utf-8")
    found = set(re.findall(r"^\s*(?:from|import) (\w+)", text, flags=re.MULTILINE))
    assert {name for name in found if COLLECTED.fullmatch(name)} <= {path.stem}


def test_names_of_modules_are_unique():
    """They are imported without their folders; pytest's own files are not imported."""
    counts = collections.Counter(name for name in MODULES if name != "conftest")
    several = [name for name, count in counts.items() if count > 1]
    assert several == []
