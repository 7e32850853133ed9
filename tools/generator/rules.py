"""The methods' rules, plain functions in ``fastmomentum/_methods``, as lines of the loops."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence

from fastmomentum._methods import METHODS, METRICS, Method


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]):
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(id=self.names.get(node.id, node.id), ctx=node.ctx), node)


RATES = ("learning_rate", "momentum", "momentum_next")


def _statements(
    method: Method, function: Callable, given: dict[str, Sequence[str]]
) -> tuple[list[ast.stmt], ast.expr]:
    """The body of a rule, and the last thing that it returns.

    `given` are the names of what is in each tuple among its arguments: they are unpacked first, and
    the rule then works with these names.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    *body, end = tree.body
    assert isinstance(end, ast.Return) and isinstance(end.value, ast.Tuple)
    while (names := _named(body[0], given)) is not None:
        unpacked = body.pop(0)
        assert isinstance(unpacked, ast.Assign) and isinstance(unpacked.targets[0], ast.Tuple)
        targets = map(ast.unparse, unpacked.targets[0].elts)
        if any(a not in (b, "_") for a, b in zip(targets, names, strict=True)):
            raise SystemExit(f"{method.name}: {tree.name} must unpack {', '.join(names)}")
    for node in (v for statement in body for v in ast.walk(statement)):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            raise SystemExit(f"{method.name}: {tree.name} has the literal {node.value!r}")
    return body, end.value.elts[-1]


def _named(statement: ast.stmt, given: dict[str, Sequence[str]]) -> Sequence[str] | None:
    """Names of what a statement unpacks; None if it does not."""
    if not isinstance(statement, ast.Assign):
        return None
    value = statement.value
    if ast.unparse(value) in given:
        return given[ast.unparse(value)]
    if isinstance(value, ast.Tuple) and all(isinstance(v, ast.Subscript) for v in value.elts):
        found = re.findall(r"(\w+)\[(\d+)\]", ast.unparse(value))
        return [given[source][int(i)] for source, i in found]
    return None


def _unpacked(function: Callable, names: Sequence[str]) -> list[str]:
    """Those of `names` that a rule works with."""
    return [name for name in names if name in function.__code__.co_varnames]


def _numbers(method: Method) -> tuple[str, ...]:
    """Names of the method's own constants and carries, in their order in FLOATS."""
    return (*(parameter.name for parameter in method.constants), *method.carries)


def _own(method: Method) -> dict[str, Sequence[str]]:
    """Names of its numbers, as its functions get them."""
    return {
        "constants": [parameter.name for parameter in method.constants],
        "carried": list(method.carries),
    }


def _constants(method: Method) -> list[str]:
    """Load them, in the precision of the loop."""
    if not _numbers(method):
        return []
    lines = ["own = own_numbers(floats)", "zero = real_type(0.0)", "one = real_type(1.0)"]
    return lines + [f"{v} = real_type(own[{j}])" for j, v in enumerate(_numbers(method))]


def advance_lines(method: Method) -> list[str]:
    """Advance what is carried."""
    if method.carry is None:
        return []
    *body, _ = _statements(method, method.carry, _own(method))[0]  # but what it returns
    return [line for statement in body for line in ast.unparse(statement).splitlines()]


def _carry(method: Method) -> list[str]:
    """The same, and whether the rule does not change any more."""
    if method.carry is None:
        return []
    _, settled = _statements(method, method.carry, _own(method))
    return [*advance_lines(method), f"steady = steady and {ast.unparse(settled)}"]


def _carries_back(method: Method) -> list[str]:
    first = len(method.constants)
    return [f"own[{first + j}] = {name}" for j, name in enumerate(method.carries)]


def _slot_rows(method: Method) -> list[str]:
    return [f"{slot} = row(rows, FIRST_SLOT + {j})" for j, slot in enumerate(method.slots)]


def _constrain(method: Method) -> list[str]:
    """Rows of the iterate, where that is not the evaluated point, and of the last step; 0: none."""
    slots = method.slots
    iterate, velocity = (
        f"FIRST_SLOT + {slots.index(name)}" if name in slots else "0"
        for name in (method.iterate, "velocity")
    )
    return [f"iterate, velocity = {iterate}, {velocity}"]


def element_lines(method: Method) -> list[str]:
    """The rule's own text for one variable: `x_new_i` from `x`, and the slots alike."""
    vectors = ("x", *method.slots)
    given = {"slots": method.slots, "rates": RATES, **_own(method)}
    body, _ = _statements(method, method.rule, given)
    known = {name for names in given.values() for name in names}
    code = method.rule.__code__
    local = [v for v in code.co_varnames[code.co_argcount :] if v not in known]
    rename = _Rename(
        {
            "g": "g_i",
            **{name: f"{name}_i" for name in local},
            **{name: f"{name}_new_i" for name in vectors},
        }
    )
    lines = ["g_i = g[i]"]
    for name in vectors:
        lines += [f"{name}_i = {name}[i]", f"{name}_new_i = {name}_i"]
    for statement in body:
        lines += ast.unparse(rename.visit(statement)).splitlines()
    return lines


def _rule(method: Method) -> list[str]:
    """The body of the loop over variables: load, the rule's own text, store, compare."""
    lines = [*element_lines(method), "x_new[i] = x_new_i"]
    for name in method.slots:
        lines.append(f"{name}[i] = {name}_new_i")
        lines.append(f"slot_bits = added_magnitude(slot_bits, {name}_new_i - {name}_i)")
    return lines


def lines_of(method: Method) -> dict[str, list[str]]:
    """What a method puts at the marks of the template of a given rate."""
    return {
        "CONSTANTS": _constants(method),
        "CARRY": _carry(method),
        "SLOT_ROWS": _slot_rows(method),
        "RULE": _rule(method),
        "CARRIES_BACK": _carries_back(method),
        "CONSTRAIN": _constrain(method),
    }


def metric_lines() -> list[str]:
    """The diagonals of the adaptive methods, one loop over the variables each."""
    lines = []
    for j, metric in enumerate(METRICS):
        users = [method for method in METHODS.values() if method.metric is metric]
        places = {tuple(p.name for p in method.constants) for method in users}
        vectors = {method.metric_vectors for method in users}
        if len(places) > 1 or len(vectors) > 1:
            raise SystemExit(f"{metric.__name__}: its methods differ in parameters or vectors")
        own, kept = places.pop(), vectors.pop()
        given = {"kept": kept, "constants": own}
        body, _ = _statements(users[0], metric, given)
        code = metric.__code__
        local = [v for v in code.co_varnames[code.co_argcount :] if v not in own]
        rename = _Rename({name: f"{name}_i" for name in (*kept, "g", "step", *local)})
        lines.append(f"if ints.METRIC == {j + 1}:")
        for name in _unpacked(metric, own):
            lines.append(f"    {name} = numbers[own + {own.index(name)}]")
        lines.append("    for i in range(n):")
        used = {v.id for node in body for v in ast.walk(node) if isinstance(v, ast.Name)}
        rows = {"g": "g", "step": "s", **dict(zip(kept, ("a", "b"), strict=False))}
        loads = [f"{v}_i = np.float64({r}[i])" for v, r in rows.items() if v in used]
        text = [line for node in body for line in ast.unparse(rename.visit(node)).splitlines()]
        stores = [f"{rows[name]}[i] = {name}_i" for name in kept]
        lines += [f"        {line}" for line in (*loads, *text, *stores, "m[i] = diagonal_i")]
    return lines
