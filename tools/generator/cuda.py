"""Texts of the CUDA kernels' loops, fastmomentum/_cuda/loop_*.py, from the same sources.

A loop of the processor and its parts are rewritten, statement by statement: named numbers become
entries of small arrays, which the compiler keeps in registers; rows are those of an array; what
one run never changes is a constant of the kernel; and all numbers have the precision of the
variables, since float64 is slow on many devices. A given rate has a template of its own, in which
the point and the method's vectors stay in registers.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from fastmomentum._language import layout
from fastmomentum._methods import Method

from .rules import lines_of, metric_lines
from .sources import NOTICE, constants, read
from .templates import FOLDER, fill, stopping_lines

# Numbers that one run never changes: the kernel is compiled for them.
FIXED = (
    "NORM",
    "METRIC",
    "METRIC_START",
    "MEMORY",
    "TERMS",
    "BOUNDED",
    "SEPARABLE",
    "COST_FUN",
    "COST_JAC",
    "RATE_STRIDE",
    "MOMENTUM_STRIDE",
)
# There is no history, nobody to return to for an evaluation, and nothing to keep back for it.
ABSENT = ("HISTORY", "RECORDED", "NEEDS_EVALUATION")
KERNEL = "fastmomentum/_loops"
PARTS = (
    *(f"{KERNEL}/{v}.py" for v in ("norms", "stopping", "evaluation", "line_search")),
    *(f"{KERNEL}/{v}.py" for v in ("metric", "direction", "terms", "phases")),
    f"{FOLDER}/cuda_metric.py",
    f"{FOLDER}/cuda_common.py",
)
LOOP_ARGUMENTS = ("rows", "ints", "floats", "extra", "context", "last")
# Calls by address of the processor's loops, and what stands for them here.
BY_ADDRESS = {
    "call_evaluate": ("evaluate", (1, 2, 4)),
    "call_norm": ("vector_norm", (1, 2, 3, 4)),
    "call_metric": ("adaptive_metric", (1, 2, 3, 4, 5)),
    "call_prox": ("separable_prox", (1, 2, 3)),
}
METRICS = "    # METRICS\n"
# What a kernel calls; or kernels themselves.
ROOTS = ("begin", "advance", "finish")
KERNELS = ("step", "iterate")
# Calls that do not pass the numbers without a name along with the others.
PLAIN = ("set_numbers",)


def expression(text: str) -> ast.expr:
    """The expression with this text."""
    return ast.parse(text, mode="eval").body


class Rewrite(ast.NodeTransformer):
    """From the text of a loop for the processor to that of one for a device."""

    loop_arguments = LOOP_ARGUMENTS
    kernels = KERNELS

    def absent(self) -> set[str]:
        """Arguments of the processor's loops that there are not."""
        return {"evaluate", "context", "history"} - set(self.loop_arguments)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        text = ast.unparse(node)
        if text in ("np.inf", "np.nan", "math.inf", "math.nan"):
            return expression(node.attr.upper())
        if not (isinstance(node.value, ast.Name) and node.value.id in ("ints", "floats")):
            return self.generic_visit(node)
        if node.value.id == "ints" and node.attr == "SIZE":
            return expression("size_of(ints)")
        if node.value.id == "ints" and node.attr == "RESERVE":
            return expression("0")
        if node.value.id == "ints" and node.attr in FIXED:
            return expression(node.attr)
        index = f"{'I' if node.value.id == 'ints' else 'F'}_{node.attr}"
        found = ast.Subscript(value=node.value, slice=expression(index), ctx=node.ctx)
        return ast.copy_location(found, node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        test = ast.unparse(node.test)
        if test == "evaluate == 0" or "ints.HISTORY" in test:
            return [self.visit(statement) for statement in node.orelse]
        if test == "ints.STATUS != NEEDS_EVALUATION":
            return [self.visit(s) for s in node.body if "HISTORY" not in ast.unparse(s)]
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        text = ast.unparse(node)
        if re.match(r"(ints|floats) = named\(|rows = rows_of\(", text) or "NORM_ADDRESS =" in text:
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = ast.unparse(node.func)
        arguments = node.args
        if name == "row":
            return self.visit(ast.Subscript(value=arguments[0], slice=arguments[1], ctx=ast.Load()))
        if name == "own_numbers":
            return expression("extra")
        if name == "from_magnitude_bits":
            return self.visit(arguments[0])
        if name in ("np.float64", "as_real"):
            name, arguments = "real_type", arguments[:1]
        elif name == "magnitude_bits":
            name = "abs"
        elif name in BY_ADDRESS:
            name, kept = BY_ADDRESS[name]
            arguments = [arguments[i] for i in kept]
            if name == "separable_prox":
                arguments = [expression("rows"), expression("ints"), *arguments]
        arguments = [v for v in arguments if ast.unparse(v) not in self.absent()]
        extra = name not in PLAIN and "extra" not in [ast.unparse(a) for a in arguments]
        made = []
        for argument in arguments:
            made.append(self.visit(argument))
            if extra and isinstance(argument, ast.Name) and argument.id == "floats":
                made.append(expression("extra"))
        return ast.copy_location(ast.Call(func=expression(name), args=made, keywords=[]), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        names = [argument.arg for argument in node.args.args]
        if node.name == "drive" and "evaluate" in names:
            names = list(self.loop_arguments)
        else:
            names = [name for name in names if name not in self.absent()]
        if "floats" in names and "extra" not in names:
            names.insert(names.index("floats") + 1, "extra")
        node.args.args = [ast.arg(arg=name) for name in names]
        node.decorator_list = [] if node.name in self.kernels else [expression("device_function")]
        self.generic_visit(node)
        return node


def functions_of(text: str, rewrite: type[Rewrite] = Rewrite) -> dict[str, ast.FunctionDef]:
    """The functions of a template, rewritten, by name."""
    tree = ast.parse(text)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.fix_missing_locations(rewrite().visit(node)) for node in found}


@functools.cache
def parts(rewrite: type[Rewrite] = Rewrite) -> dict[str, ast.FunctionDef]:
    """The functions that the loops have in common."""
    functions: dict[str, ast.FunctionDef] = {}
    for part in map(read, PARTS):
        text = fill(part, "METRICS", metric_lines()) if METRICS in part else part
        functions |= functions_of(text, rewrite)
    return functions


# A node is one function for good: it is looked through, and written, once.
_written = functools.cache(ast.unparse)


@functools.cache
def called(node: ast.AST) -> set[str]:
    """Names of the functions that it calls."""
    calls = (n for n in ast.walk(node) if isinstance(n, ast.Call))
    return {n.func.id for n in calls if isinstance(n.func, ast.Name)}


def ordered(functions: dict[str, ast.FunctionDef], roots: Iterable[str]) -> list[ast.FunctionDef]:
    """The functions that the roots call, each after those that it calls."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in done or name not in functions:
            return
        for callee in sorted(called(functions[name]) - {name}):
            visit(callee)
        done.append(name)

    for root in roots:
        visit(root)
    return [functions[name] for name in done]


def _constrain(method: Method) -> list[str]:
    """Keep the new iterate within the bounds; the velocity is the step that was taken."""
    if "velocity" not in method.slots:
        return []
    moved = f"{method.iterate}_new_i"
    lines = [
        f"inside_i = lower[i] if {moved} < lower[i] else {moved}",
        "inside_i = upper[i] if inside_i > upper[i] else inside_i",
        f"if inside_i != {moved}:",
        f"    velocity_new_i += {moved} - inside_i",
        f"    {moved} = inside_i",
    ]
    if method.iterate != "x":
        lines.append("    x_new_i = inside_i - momentum_next * velocity_new_i")
    return lines


def _with_rule(template: str, method: Method, row: str) -> str:
    """A template with the rule of a method whose slot j is `row`, with {} for j."""
    lines = stopping_lines() | lines_of(method)
    stores = [f"{slot}[i] = {slot}_new_i" for slot in method.slots]
    lines["RULE"] = [v for v in lines["RULE"] if v not in (*stores, "x_new[i] = x_new_i")]
    lines["SLOT_ROWS"] = [f"{v} = {row.format(j)}" for j, v in enumerate(method.slots)]
    lines["CONSTRAIN"] = _constrain(method)
    lines["SLOTS_BACK"] = stores
    for mark, text in lines.items():
        template = fill(template, mark, text)
    return template


def given_rate_file(method: Method) -> str:
    """Text of the loop of a method whose learning rate is given."""
    path = f"{FOLDER}/cuda_fixed_rate.py"
    text = _with_rule(read(path), method, "rows[2 + {}]")
    starts = ("x_i" if method.slots_start[slot] == "x0" else "x_i - x_i" for slot in method.slots)
    start = [f"rows[2 + {j}, i] = {value}" for j, value in enumerate(starts)]
    return _template_file(path, fill(text, "START", start), ROOTS)


def step_file(method: Method) -> str:
    """Text of one iteration on large vectors."""
    path = f"{FOLDER}/cuda_step.py"
    return _template_file(path, _with_rule(read(path), method, "slots[{}]"), KERNELS)


class _OfKind(ast.NodeTransformer):
    """Of a loop for either kind, what is for f alone, or for f + h."""

    def __init__(self, composite: bool):
        self.composite = composite

    def _chosen(self, test: ast.expr) -> bool | None:
        """What this test of the kind finds; None if it is another."""
        text = ast.unparse(test)
        return {"composite": self.composite, "not composite": not self.composite}.get(text)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        chosen = self._chosen(node.test)
        self.generic_visit(node)
        return node if chosen is None else node.body if chosen else node.orelse

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        chosen = self._chosen(node.test)
        self.generic_visit(node)
        return node if chosen is None else node.body if chosen else node.orelse


def loop_functions(
    path: str, composite: bool, rewrite: type[Rewrite] = Rewrite
) -> dict[str, ast.FunctionDef]:
    """The functions of a file of the processor's loops, the loop itself as `drive`."""
    text = read(path)
    (made,) = (v for v in ast.parse(text).body if getattr(v, "name", "") == "make")
    (drive,) = (v for v in made.body if isinstance(v, ast.FunctionDef))  # type: ignore[attr-defined]
    others = functions_of(text, rewrite)
    del others["make"]
    loop = ast.fix_missing_locations(_OfKind(composite).visit(drive))
    return others | functions_of(ast.unparse(loop), rewrite)


def automatic_file(path: str, composite: bool) -> str:
    """Text of an automatic loop, for f or for f + h, from that of the processor."""
    return file_text(path, parts() | loop_functions(path, composite), ROOTS)


def _template_file(path: str, text: str, roots: tuple[str, ...]) -> str:
    """Text of a file that is for the functions `roots`."""
    return file_text(path, parts() | functions_of(text), roots)


def file_text(
    path: str,
    functions: dict[str, ast.FunctionDef],
    roots: tuple[str, ...],
    numbers: dict[str, int] | None = None,
) -> str:
    """Text of a file that is for those of its `functions` in `roots`; `numbers` it defines."""
    body = "\n\n".join(_written(node) for node in ordered(functions, roots))
    used = [
        tuple(n for n in all_names if re.search(rf"\b{mark}_{n}\b", body))
        for all_names, mark in zip((layout.INTS, layout.FLOATS), "IF", strict=True)
    ]
    lines = [f"{name} = {value}" for name, value in (numbers or {}).items()]
    sizes = zip(("N_INTS", "N_FLOATS"), used, strict=True)
    lines += [f"{name} = {len(kind)}" for name, kind in sizes if name in body]
    for mark, kind in zip("IF", used, strict=True):
        lines += [f"{mark}_{n} = {i}" for i, n in enumerate(kind)]
    first = "".join(
        f"        {array}[{mark}_{n}] = first_{array}[{mark}_{n}]\n"
        for array, mark, kind in zip(("ints", "floats"), "IF", used, strict=True)
        for n in kind
    )
    start = (
        "    @device_function\n    def set_numbers(ints, floats, first_ints, first_floats):\n"
        '        """The numbers that a run starts from, one by one: they stay in registers."""\n'
        + first
    )
    indented = "".join(f"    {line}\n" if line else "\n" for line in body.splitlines())
    kernels = bool(re.search(r"\bcuda\.", body))
    arguments = ["device_function", "evaluate", "size_of", "real_type"]
    if kernels:
        arguments = ["device_function", "real_type", "THREADS"]
        others = ("LEADERS", "N_EXTRA", "whole_function", "stay_whole")
        others += ("OWN", "row_share", "entry_share")
        arguments += [name for name in others if name in body]
    free = [n for n in FIXED if re.search(rf"\b{n}\b", body)]
    head = NOTICE.format(sources=path) + "\nimport math\n\nimport numpy as np\n"
    if kernels:
        head += "from numba import cuda\n"
    return (
        f"{head}\n"
        + constants(re.sub(rf"\b({'|'.join(free or ['-'])})\b", "", body))
        + f"INT_NAMES = {used[0]!r}\nFLOAT_NAMES = {used[1]!r}\n"
        + f"FIXED = {tuple(free)!r}\n"
        + "\n".join(lines)
        + f"\n\n\ndef make({', '.join((*arguments, *free))}):\n"
        + '    """The functions of a kernel, and what it is compiled for."""\n'
        + "    INF = real_type(math.inf)\n    NAN = real_type(math.nan)\n\n"
        + (start + "\n" if "set_numbers(" in body else "")
        + indented
        + f"\n    return {', '.join(roots)}\n"
    )
