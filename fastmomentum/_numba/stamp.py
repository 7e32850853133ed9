"""What is compiled into a function, as one number: its code on disk must not outlive that.

Numba's cache looks at the file of the function alone. The functions that it calls are compiled into
it, and so are the numbers of the layout.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

PACKAGE = __name__.partition(".")[0]
# Only those that a module begins with: what a function imports is not compiled.
_IMPORT = re.compile(rf"^from ((?:\.+|{PACKAGE})[\w.]*) import (\([^)]*\)|.*)", flags=re.MULTILINE)


def stamp_of(function: Callable) -> str:
    """Stands for the text of all modules of this package that may be compiled into `function`.

    They are the function's own, those of the functions in its cells, and what these import. It can
    be told once they have been imported, not while they are.
    """
    cells = (cell.cell_contents for cell in function.__closure__ or ())
    modules = (getattr(value, "__module__", None) for value in (function, *cells))
    texts = map(_text, modules_of(filter(_is_ours, modules)))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def modules_of(names: Iterable[str]) -> list[str]:
    """These modules and all of this package that they import."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _imported_by(name)
    return sorted(found)


def _is_ours(name: Any) -> TypeGuard[str]:
    return isinstance(name, str) and name.partition(".")[0] == PACKAGE and name in sys.modules


@functools.cache
def _imported_by(name: str) -> list[str]:
    package = sys.modules[name].__package__
    found = []
    for base, names in _IMPORT.findall(_text(name).decode()):
        base = importlib.util.resolve_name(base, package)
        for imported in re.findall(r"\w+", names):
            module = f"{base}.{imported}"  # where it is from a package
            found.append(module if module in sys.modules else base)
    return list(filter(_is_ours, dict.fromkeys(found)))


@functools.cache
def _text(name: str) -> bytes:
    """The text of a module."""
    module: Any = sys.modules[name]
    try:
        return module.__spec__.loader.get_data(module.__file__)
    except (AttributeError, OSError):  # where there is none Numba's own look at the file is all
        return b""
