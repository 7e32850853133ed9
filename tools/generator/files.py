"""The text of every generated file."""

from __future__ import annotations

import pathlib
import re

from fastmomentum._methods import METHODS

from . import cuda, team
from .sources import NOTICE, ROOT, assemble, constants, content_hash, imports, read, source_path
from .templates import FOLDER, of_kind, with_shared
from .vectors import vector_functions

KERNELS = ROOT / "fastmomentum" / "_kernels"
PRECISIONS = {"float64": "F8", "float32": "F4"}
# Functions that the loops are compiled with, in the order in which their files import.
PARTS = {
    name: f"fastmomentum/_kernels/{name}.py"
    for name in (
        "norms", "stopping", "evaluation", "line_search", "metric", "direction", "terms",
    )
}  # fmt: skip


def part_imports(body: str) -> str:
    """Imports of what `body` calls from the parts."""
    return "".join(imports(name, body, path) for name, path in PARTS.items())


def loop_file(name: str, body: str, sources: list[str], decorator: str) -> str:
    """Text of drive_<name>.py, with the loop for each precision."""
    functions = "\n\n".join(
        f"{decorator}\n"
        + body.replace("def drive(", f"def drive_{name}_{precision}(").replace(
            "real_type", f"np.{precision}"
        )
        for precision in PRECISIONS
    )
    return assemble(
        functions,
        sources,
        part_imports(body),
        "ANY_ORDER, cached_loop" if "ANY_ORDER" in decorator else "cached_loop",
        standard="import math\n\n",
    )


def automatic_path(name: str, composite: bool) -> tuple[str, str]:
    """Name and template of an automatic loop, for f or for f + h.

    Where these have a template each, it has the loop's name.
    """
    loop = f"{name}_{'composite' if composite else 'auto'}"
    path = f"{FOLDER}/{loop}.py"
    return loop, path if (ROOT / path).exists() else f"{FOLDER}/{name}.py"


def automatic_file(loop: str, path: str, composite: bool) -> str:
    """Text of an automatic loop."""
    template = read(path)
    body, shared = with_shared(template[template.index("def drive(") :])
    body = of_kind(body, composite)
    return loop_file(loop, body, [path, *shared], "@cached_loop(fastmath=ANY_ORDER)")


def caller_file(name: str, composite: bool = True) -> str:
    """Text of a loop that calls others: one function, compiled for either precision."""
    path = f"{FOLDER}/{name.removesuffix('_composite')}.py"
    template = read(path)
    body, shared = with_shared(template[template.index("def drive(") :])
    body = of_kind(body, composite).replace("def drive(", f"def drive_{name}(")
    body = f"@cached_loop(fastmath=False)\n{body}"
    return assemble(body, [path, *shared], part_imports(body), "cached_loop")


def rules_file() -> str:
    """Text of rules.py: a step of each method on vectors, for loops of the user's own."""
    sources = [source_path(method.rule) for method in METHODS.values()]
    functions = [text for method in METHODS.values() for text in vector_functions(method)]
    names = [f"{name}{end}" for name in METHODS for end in ("", "_state")]
    body = f"__all__ = {names}\n" + "".join(f"\n\n{text}\n" for text in functions)
    return assemble(body, sources, "", "cached_njit", standard="import math\n\n")


def entry_file() -> str:
    """Text of entry.py: one entry for each style of objective and precision."""
    path = f"{FOLDER}/entry.py"
    head, once, per_style = re.split(r"^# -- once for each .*\n", read(path), flags=re.M)
    head = head[head.index("import numpy") :]
    styles = re.findall(r"^def evaluate_(\w+)\(", head, flags=re.M)
    blocks = []
    for precision, real in PRECISIONS.items():
        block = once.replace("PRECISION", precision).replace("REAL", real)
        blocks.append(block.strip("\n"))
        for style in styles:
            if precision == "float32" and style.startswith("c_"):
                continue  # C functions take double
            block = per_style.replace("PRECISION", precision).replace("STYLE", style)
            blocks.append(block.replace("REAL", real).strip("\n"))
    body = "\n\n\n".join(blocks) + "\n"
    mark = f'SOURCES = "{content_hash([path])}"\n{constants(body)}'
    head = head.replace('SOURCES = ""\n', mark)
    return NOTICE.format(sources=path) + "\n" + head + body


def files() -> dict[pathlib.Path, str]:
    """Every generated file and what it should hold."""
    texts = {}
    for name, method in METHODS.items():
        texts[f"cuda/loop_{name}"] = cuda.given_rate_file(method)
        texts[f"cuda/step_{name}"] = cuda.step_file(method)
        for composite in (False, True) if method.loop == name else ():
            loop, path = automatic_path(name, composite)
            texts[f"drive_{loop}"] = automatic_file(loop, path, composite)
            texts[f"cuda/loop_{loop}"] = cuda.automatic_file(path, composite)
            texts[f"cuda/team_{loop}"] = team.file_of(path, composite)
    texts["drive_batch"] = caller_file("batch")
    texts["drive_sum"] = caller_file("sum")
    texts["drive_single"] = caller_file("single", composite=False)
    texts["drive_single_composite"] = caller_file("single_composite")
    texts["rules"] = rules_file()
    texts["entry"] = entry_file()
    return {KERNELS / f"{name}.py": text for name, text in texts.items()}
