"""Texts of the loops that a grid of threads runs, fastmomentum/_cuda/team_*.py.

They come from the loops of one thread, see cuda.py. Some threads go through the state machine, with
numbers that are the same for all of them. Each loop over the variables is taken out of it, and
becomes an operation: the rows and scalars that it reads are written down, and all threads of the
grid take part, each with every so manieth variable. What the loop sums, or looks for the largest
of, is reduced over the grid in an order that depends on its size alone; so all blocks go on from
the same numbers, and take the same branches. A variable is always the same thread's: nobody waits
for the vectors of others.
"""

from __future__ import annotations

import ast
import copy

from . import cuda
from .sources import read
from .templates import FOLDER, with_shared

PART = f"{FOLDER}/cuda_team.py"
KERNELS = ("tell", "go_on", "found")
# What keeps the largest of its arguments.
LARGEST = ("larger", "larger_magnitude", "largest")
LOOP_ARGUMENTS = ("rows", "ints", "floats", "extra", "last")
# Not compiled into each of those who call it.
WHOLE = "perform"
# What needs the team to order something, besides the functions with operations.
ORDERING = ("end_orders", "evaluate_point")
# What each thread does by itself, on rows.
OF_A_THREAD = (WHOLE, "evaluate_shares")
# When the operations of some functions are needed at all.
NEEDED = {"adaptive_metric": "METRIC != METRIC_LEARNED", "vector_norm": "NORM != NORM_INF"}
TERMS_PART = f"{cuda.KERNEL}/terms.py"
# Texts of what sums and largest numbers may start from; the first is that of whole numbers.
STARTS = ("0", "0.0", "real_type(0.0)", "-INF")
KNOWN = ("np", "math", "real_type")


class _Rewrite(cuda.Rewrite):
    """From the text of a loop for the processor to that of a team's thread.

    It returns to the caller for each evaluation, as the processor's may.
    """

    loop_arguments = LOOP_ARGUMENTS
    kernels = KERNELS

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        super().visit_FunctionDef(node)
        if node.name == WHOLE:
            node.decorator_list = [cuda.expression("whole_function")]
        return node

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
            found.body = _until_end(found.body)
        return found


def _until_end(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements without those behind a break or return."""
    ends = [j for j, statement in enumerate(body) if isinstance(statement, ast.Break | ast.Return)]
    return body[: ends[0] + 1] if ends else body


class _Operation:
    """A loop over the variables, and what it reads and finds."""

    def __init__(self, loop: ast.For, owner: ast.FunctionDef):
        assert isinstance(loop.target, ast.Name)
        self.loop = loop
        self.owner = owner.name
        self.index = loop.target.id
        nodes = [v for part in loop.body for v in ast.walk(part)]
        names = [v for v in nodes if isinstance(v, ast.Name)]
        self.rows = sorted({self._row(v) for v in nodes if isinstance(v, ast.Subscript)})
        calls = cuda.called(loop)
        assigned = {v.id for v in names if isinstance(v.ctx, ast.Store)}
        known = {*self.rows, *assigned, *calls, *KNOWN, self.index}
        self.scalars = sorted({v.id for v in names if not v.id.isupper()} - known)
        self.sums, self.largest = self._accumulated()
        self.starts = {name: _start(name, loop, owner) for name in self.found}
        wrong = {name: start for name, start in self.starts.items() if start not in STARTS}
        if wrong:
            raise SystemExit(f"{owner.name}: what is reduced starts from {wrong}")

    def _row(self, node: ast.Subscript) -> str:
        """Name of the row that has this entry."""
        if not isinstance(node.value, ast.Name) or ast.unparse(node.slice) != self.index:
            raise SystemExit(f"a loop over the variables has {ast.unparse(node)}")
        return node.value.id

    def _accumulated(self) -> tuple[list[str], list[str]]:
        """Names that the loop adds to, and those that it keeps the largest in."""
        sums, largest, own = [], [], set()
        for node in ast.walk(self.loop):
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
        kept = [[v for v in dict.fromkeys(names) if v not in own] for names in (sums, largest)]
        return kept[0], kept[1]

    @property
    def found(self) -> list[str]:
        """Names of what it finds: sums first."""
        return [*self.sums, *self.largest]

    def order(self, number: int) -> list[ast.stmt]:
        """Statements that have it done, instead of the loop."""
        lines = ["task, inputs, results = team[1:4]", f"task[0] = {number}"]
        lines += [f"task[{j}] = {name}" for j, name in enumerate(self.rows, 1)]
        lines += [f"inputs[{j}] = real_type({v})" for j, v in enumerate(self.scalars)]
        lines.append(f"{WHOLE}(team)")
        for j, name in enumerate(self.found):
            value = f"results[{j}, 0]"
            lines.append(f"{name} = {f'np.int64({value})' if self.starts[name] == '0' else value}")
        return _statements(lines)

    def function(self, number: int) -> ast.FunctionDef:
        """The loop as a function of its own."""
        lines = [f"{name} = rows[task[{j}]]" for j, name in enumerate(self.rows, 1)]
        lines += [f"{name} = inputs[{j}]" for j, name in enumerate(self.scalars)]
        lines += [f"{name} = {start}" for name, start in self.starts.items()]
        # An index without a sign is not looked at whether it counts from the end.
        iterations = "range(cuda.grid(1), rows.shape[1], cuda.gridsize(1))"
        self.loop.target = ast.Name(id="place", ctx=ast.Store())
        self.loop.iter = cuda.expression(iterations)
        self.loop.body.insert(0, ast.parse(f"{self.index} = np.uint64(place)").body[0])
        lines += ast.unparse(ast.fix_missing_locations(self.loop)).splitlines()
        lines += [f"outputs[{j}] = real_type({name})" for j, name in enumerate(self.found)]
        return _function(f"operation_{number}(rows, task, inputs, outputs)", lines)


def _statements(lines: list[str]) -> list[ast.stmt]:
    found = ast.parse("\n".join(lines)).body
    for statement in found:
        for node in ast.walk(statement):
            if hasattr(node, "lineno"):
                node.lineno = 0  # before all of the template's
    return found


def _function(head: str, lines: list[str]) -> ast.FunctionDef:
    text = "".join(f"    {line}\n" for line in lines)
    found = ast.parse(f"@device_function\ndef {head}:\n{text}").body[0]
    assert isinstance(found, ast.FunctionDef)
    return found


def _start(name: str, loop: ast.For, function: ast.FunctionDef) -> str:
    """What a name is set to last before a loop."""
    line, found = 0, ""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or not line < node.lineno < loop.lineno:
            continue
        if any(isinstance(v, ast.Name) and v.id == name for v in node.targets):
            line, found = node.lineno, ast.unparse(node.value)
    return found


class _TakeOut(ast.NodeTransformer):
    """Takes the loops over the variables out of a function; rows become their numbers there."""

    def __init__(self, function: ast.FunctionDef, operations: list[_Operation]):
        self.function = function
        self.operations = operations

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        # The first entry of a row is another thread's; what starts from its size may start from 0.
        text = ast.unparse(node.value)
        if text.startswith("abs(") and "[0]" in text:
            node.value = cuda.expression("real_type(0.0)")
            return node
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        return node.slice if ast.unparse(node.value) == "rows" else node

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        variables = ast.unparse(node.iter)
        if "SIZE" in variables:
            raise SystemExit(
                f"{self.function.name}: a loop over {variables}, which must be range(n)"
            )
        if variables != "range(n)":
            return self.generic_visit(node)
        operation = _Operation(node, self.function)
        self.operations.append(operation)
        return operation.order(len(self.operations) - 1)  # type: ignore[return-value]


def _with_team(functions: dict[str, ast.FunctionDef], ordering: set[str]) -> None:
    """Hand the team to the functions that order something, and to those that call them."""
    while True:
        callers = {
            name
            for name, node in functions.items()
            if name not in ordering and cuda.called(node) & ordering
        }
        if not callers:
            break
        ordering |= callers
    for name, node in functions.items():
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ordering:
                call.args.append(cuda.expression("team"))
        if name in ordering and name not in (*KERNELS, *ORDERING):
            node.args.args.append(ast.arg(arg="team"))
        ast.fix_missing_locations(node)


def _operate(operations: list[_Operation], composite: bool) -> ast.FunctionDef:
    """What does the operation that was ordered, and returns how much it found."""
    of_terms = {} if composite else dict.fromkeys(cuda.functions_of(read(TERMS_PART)), "TERMS != 0")
    needed = of_terms | NEEDED
    lines = []
    for number, operation in enumerate(operations):
        test = f"task[0] == {number}"
        if operation.owner in needed:
            test = f"{needed[operation.owner]} and {test}"
        lines.append(f"if {test}:")
        lines.append(f"    operation_{number}(rows, task, inputs, outputs)")
        lines.append(f"    return {len(operation.sums)}, {len(operation.found)}")
    return _function("operate(rows, task, inputs, outputs)", [*lines, "return 0, 0"])


def file_of(path: str, composite: bool) -> str:
    """Text of an automatic loop, for f or for f + h, from that of the processor."""
    functions = cuda.parts(_Rewrite) | cuda.loop_functions(path, composite, _Rewrite)
    functions |= cuda.functions_of(with_shared(read(PART))[0], _Rewrite)
    # Only what is called counts.
    functions = {n.name: copy.deepcopy(n) for n in cuda.ordered(functions, KERNELS)}
    operations: list[_Operation] = []
    ordering = set(ORDERING)
    for name, node in functions.items():
        before = len(operations)
        if name not in (*KERNELS, *OF_A_THREAD):
            _TakeOut(node, operations).visit(node)
        if len(operations) > before:
            ordering.add(name)
    _with_team(functions, ordering)
    functions["operate"] = _operate(operations, composite)
    for number, operation in enumerate(operations):
        made = operation.function(number)
        functions[made.name] = made
    most = {
        "TASK_SIZE": 1 + max(len(operation.rows) for operation in operations),
        "MOST_SCALARS": max(len(operation.scalars) for operation in operations),
        "MOST_VALUES": max(len(operation.found) for operation in operations),
    }
    return cuda.file_text(path, functions, KERNELS, most)
