"""The package's shape: imports point down, public names are documented, nothing prints."""

import ast
import functools
import importlib
import inspect
import pathlib
import re

import pytest
from cases import METHODS, MOMENTUM_METHODS
from conftest import run_python

import fastmomentum
from fastmomentum import objectives, schedules

PACKAGE = pathlib.Path(fastmomentum.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)

# The first entry that a module's path begins with is its layer; imports go to the same layer or a
# lower one.
LAYERS = (
    ("__init__", 4),
    ("__main__", 4),
    ("cli", 3),
    ("_bench", 3),
    ("plot", 3),
    ("_demo", 3),
    ("_minimize", 3),
    ("_options", 3),
    ("_path", 3),
    ("_batch", 3),
    ("_batch_cuda", 3),
    ("_batch_run", 3),
    ("_batch_loop", 3),
    ("_batch_report", 3),
    ("_minimize_cuda", 3),
    ("_minimize_cuda_auto", 3),
    ("_minimize_cuda_entries", 3),
    ("_multistart", 3),
    ("jit", 3),
    ("_scipy", 3),
    ("_optimizer", 3),
    ("_sums", 3),
    ("_sum_run", 3),
    ("_sum_compiled", 2),
    ("_sum_steps", 2),
    ("_sum_rows", 2),
    ("_sum_state", 2),
    ("distributed", 3),
    ("_drive", 2),
    ("_run", 2),
    ("_plan", 2),
    ("_resume", 2),
    ("_state", 2),
    ("_batch_state", 2),
    ("_checkpoint", 2),
    ("_terms", 2),
    ("_objective", 2),
    ("_watch", 2),
    ("_flat", 2),
    ("_gradient_check", 2),
    ("_callback", 2),
    ("_progress", 2),
    ("_html", 2),
    ("_result", 2),
    ("_validation", 2),
    ("_display", 2),
    # Compiles its functions when that is asked for.
    ("problems", 2),
    ("penalties", 2),
    ("objectives", 2),
    ("_kernels", 1),
    ("_differences", 0),
    ("_fingerprint", 0),
    ("_methods", 0),
    ("_pinned", 0),
    ("_prox", 0),
    ("_status", 0),
    ("_streams", 0),
    ("_threads", 0),
    ("_vectors", 0),
    ("_version", 0),
    ("_warnings", 0),
    ("schedules", 0),
)
# Packages that only some layers may import where a module begins.
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


def module_name(path):
    """Dotted name below the package; "__init__" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def layer(name):
    for prefix, number in LAYERS:
        if name == prefix or name.startswith(prefix + "."):
            return number
    raise AssertionError(f"{name} has no layer: add it to the table")


@functools.cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(path, *, module_level=False):
    """(name, line) of every import; names within the package begin with "fastmomentum"."""
    package = ["fastmomentum", *path.relative_to(PACKAGE).parent.parts]
    found = []

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if type_checking(child):
                continue
            if module_level and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                base = ".".join([*base, *([child.module] if child.module else [])])
                # "from . import x" may import the module x
                found.extend((f"{base}.{alias.name}", child.lineno) for alias in child.names)
            visit(child)

    visit(tree(path))
    return found


KNOWN = {module_name(p) for p in FILES}


def target_module(dotted):
    """Module below the package that an import of `dotted` loads, or None."""
    if not dotted.startswith("fastmomentum"):
        return None
    parts = dotted.split(".")[1:]
    while parts and ".".join(parts) not in KNOWN:
        parts = parts[:-1]
    return ".".join(parts) or "__init__"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_down(path):
    own = module_name(path)
    for dotted, line in imports(path):
        target = target_module(dotted)
        if target is None or target == "__init__":
            assert target is None or layer(own) >= 3 or "." in own or own == "__init__", (
                f"{own}:{line} imports the package itself"
            )
            continue
        assert layer(target) <= layer(own), f"{own}:{line} imports {target}, which is above it"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_only_kernels_import_numba(path):
    own = module_name(path)
    # Mathematics does not import it in a function either.
    for dotted, line in imports(path, module_level=layer(own) > 0):
        if dotted.split(".")[0] in NUMBA:
            assert own.startswith("_kernels"), f"{own}:{line} imports {dotted}"
    lazy = own.startswith(("problems", "penalties"))
    for dotted, line in imports(path, module_level=True) if lazy else ():
        assert "_kernels" not in dotted, f"{own}:{line} imports {dotted}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_heavy_packages_are_imported_where_they_are_used(path):
    own = module_name(path)
    for dotted, line in imports(path, module_level=True):
        top = dotted.split(".")[0]
        allowed = own.startswith("_kernels") and top in NUMBA
        assert top not in HEAVY or allowed, f"{own}:{line} imports {dotted} when it is imported"


def test_every_module_has_a_layer_and_every_layer_a_module():
    for name in KNOWN:
        layer(name)
    for prefix, _ in LAYERS:
        assert any(n == prefix or n.startswith(prefix + ".") for n in KNOWN), prefix


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


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_nothing_prints(path):
    own = module_name(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            assert own in ("cli", "__main__"), f"{own}:{node.lineno} prints"


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


def test_generated_files_say_so():
    for path in FILES:
        name = module_name(path)
        if re.fullmatch(r"_kernels\.(rules|cuda\.(loop|step|team)_\w+)", name):
            assert "do not edit" in path.read_text(encoding="utf-8").splitlines()[0], name
