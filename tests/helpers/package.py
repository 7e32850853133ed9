"""What the files of the package are, and what they import."""

import ast
import functools
import pathlib

import fastmomentum

PACKAGE = pathlib.Path(fastmomentum.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)
# Slow to load.
NUMBA = ("numba", "llvmlite")
HEAVY = (
    *NUMBA,
    "scipy",
    "matplotlib",
    "dask",
    "distributed",
    "sklearn",
    "statsmodels",
    "pandas",
    "tqdm",
)


def name_of(path):
    """Dotted name of a file below the package; "__init__" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


KNOWN = {name_of(path): path for path in FILES}


@functools.cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path):
    """(dotted name, line, in a function, for type checkers) of every import of a file."""
    package = ["fastmomentum", *path.relative_to(PACKAGE).parent.parts]
    found = []

    def visit(node, late, typing):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, child.lineno, late, typing) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                base = [*base, *([child.module] if child.module else [])]
                # "from . import x" may import the module x
                names = (".".join([*base, alias.name]) for alias in child.names)
                found.extend((name, child.lineno, late, typing) for name in names)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            visit(child, late or inside, typing or checked)

    visit(tree(path), False, False)
    return found
