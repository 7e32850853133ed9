"""Texts of the loops that a team of threads runs, fastmomentum/_kernels/cuda/team_*.py.

They come from the loops of one thread, see cuda.py. All threads of a team go through the state
machine with numbers of their own, which are the same for all. A loop over the variables is shared:
each thread takes every so manieth. What such a loop sums, or looks for the largest of, is reduced
over the team behind it, in an order that depends on the team's size alone; so all threads go on
from the same numbers, and take the same branches. A variable is always the same thread's: nobody
waits for the vectors of others.
"""

from __future__ import annotations

import ast
import copy

from . import cuda
from .sources import read
from .templates import FOLDER, of_kind, with_shared

PART = f"{FOLDER}/cuda_team.py"
KERNELS = ("tell", "found")
# What keeps the largest of its arguments.
LARGEST = ("larger", "larger_magnitude", "largest")
LOOP_ARGUMENTS = ("rows", "ints", "floats", "extra", "last")
REDUCE = "reduce_team"


class _Rewrite(cuda.Rewrite):
    """From the text of a loop for the processor to that of a team's thread.

    It returns to the caller for each evaluation, as the processor's may.
    """

    loop_arguments = LOOP_ARGUMENTS
    kernels = KERNELS

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node) == "ints.SIZE":
            return cuda.expression("np.int64(ints[I_SIZE])")
        return super().visit_Attribute(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        test = ast.unparse(node.test)
        if test == "evaluate == 0":
            return [self.visit(statement) for statement in node.body]
        if test == "ints.STATUS != NEEDS_EVALUATION":
            node.body = [v for v in node.body if "HISTORY" not in ast.unparse(v)]
            return self.generic_visit(node)
        if test == "norm == NORM_MIN":
            node.body = ast.parse("return smallest_magnitude(v, n)").body
            return node
        found = super().visit_If(node)
        if isinstance(found, ast.If):
            found.body = _until_break(found.body)
        return found


def _until_break(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements without those behind a break."""
    ends = [j for j, statement in enumerate(body) if isinstance(statement, ast.Break)]
    return body[: ends[0] + 1] if ends else body


def _statements(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _is_shared(node: ast.AST) -> bool:
    """Is this a loop over the variables?"""
    return isinstance(node, ast.For) and ast.unparse(node.iter) == "range(n)"


class _Share(ast.NodeTransformer):
    """Shares the loops of one function."""

    def __init__(self, function: ast.FunctionDef):
        self.function = function
        self.reduces = False
        self.most = 0

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        # The first entry of a row is another thread's; what starts from its size may start from 0.
        if ast.unparse(node.value).startswith("abs(") and "[0]" in ast.unparse(node.value):
            node.value = cuda.expression("real_type(0.0)")
        return node

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        if not _is_shared(node):
            return self.generic_visit(node)
        sums, largest = self._accumulated(node)
        whole = [name for name in sums if self._start(name, node) == "0"]
        wrong = [name for name in sums if self._start(name, node) not in ("0", "0.0")]
        if wrong:
            raise SystemExit(f"{self.function.name}: sums that do not start from zero: {wrong}")
        node.iter = cuda.expression("range(cuda.grid(1), n, cuda.gridsize(1))")
        names = [*sums, *largest]
        if not names:
            return node
        self.reduces = True
        self.most = max(self.most, len(names))
        text = ["values = team[1]", *(f"values[{j}] = {v}" for j, v in enumerate(names))]
        text.append(f"{REDUCE}(team, {len(sums)}, {len(names)})")
        for j, name in enumerate(names):
            text.append(f"{name} = {f'np.int64(values[{j}])' if name in whole else f'values[{j}]'}")
        return [node, *_statements("\n".join(text))]

    def _accumulated(self, loop: ast.For) -> tuple[list[str], list[str]]:
        """Names that a loop adds to, and those that it keeps the largest in."""
        sums, largest, own = [], [], set()
        for node in ast.walk(loop):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                if isinstance(node.op, ast.Add):
                    sums.append(node.target.id)
                else:
                    own.add(node.target.id)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name, call = node.targets[0].id, node.value
                if (
                    isinstance(call, ast.Call)
                    and ast.unparse(call.func) in LARGEST
                    and ast.unparse(call.args[0]) == name
                ):
                    largest.append(name)
                else:
                    own.add(name)
        return tuple(
            [v for v in dict.fromkeys(names) if v not in own] for names in (sums, largest)
        )  # type: ignore[return-value]

    def _start(self, name: str, loop: ast.For) -> str:
        """What a sum starts from."""
        found = ""
        for node in ast.walk(self.function):
            if isinstance(node, ast.Assign) and node.lineno < loop.lineno:
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id == name:
                        found = max(found, f"{node.lineno:06d}{ast.unparse(node.value)}")
        return found[6:]


def _with_team(functions: dict[str, ast.FunctionDef], reducing: set[str]) -> None:
    """Hand the team to the functions that reduce something, and to those that call them."""
    while True:
        callers = {
            name
            for name, node in functions.items()
            if name not in reducing and cuda.called(node) & reducing
        }
        if not callers:
            break
        reducing |= callers
    for name, node in functions.items():
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in reducing - {REDUCE}:
                call.args.append(cuda.expression("team"))
        if name in reducing and name not in (*KERNELS, REDUCE):
            node.args.args.append(ast.arg(arg="team"))
        ast.fix_missing_locations(node)


def file_of(path: str, composite: bool) -> str:
    """Text of an automatic loop, for f or for f + h, from its template."""
    text, _ = with_shared(read(path))
    functions = cuda.parts(_Rewrite) | cuda.functions_of(of_kind(text, composite), _Rewrite)
    functions |= cuda.functions_of(read(PART), _Rewrite)
    # Only what is called counts.
    functions = {n.name: copy.deepcopy(n) for n in cuda.ordered(functions, (REDUCE, *KERNELS))}
    reducing: set[str] = {REDUCE}
    most = 0
    for name, node in functions.items():
        share = _Share(node)
        share.visit(node)
        if share.reduces:
            reducing.add(name)
        most = max(most, share.most)
    _with_team(functions, reducing)
    return cuda.file_text(path, functions, KERNELS, {"MOST_VALUES": most})
