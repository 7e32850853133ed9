"""One step of each method on vectors, as text: the rules for loops of the user's own."""

from __future__ import annotations

import re
import textwrap

from fastmomentum._methods import Method

from .rules import advance_lines, element_lines


def vector_functions(method: Method) -> list[str]:
    """Texts of the function of one step, and of that which makes its state."""
    return ["\n".join(lines) for lines in (_step(method), _state(method))]


def _numbers(method: Method) -> dict[str, tuple[str, str]]:
    """Default and description of each number that a step takes."""
    found = {"learning_rate": ("", "Step length eta.")}
    for parameter in method.parameters:
        if parameter.name == "momentum":
            found["momentum"] = ("0.9", "Momentum gamma.")
            if method.looks_ahead:
                found["momentum_next"] = ("None", "That of the next step; None: the same.")
        elif parameter in method.constants:
            found[parameter.name] = (repr(parameter.default), parameter.doc)
    return found


def _step(method: Method) -> list[str]:
    slots, carries = method.slots, tuple(method.carries)
    given = _numbers(method)
    arguments = [f"{name}={default}" if default else name for name, (default, _) in given.items()]
    body = [*_documentation(method), "n = x.size"]
    if slots:
        body.append(f"{_names(method)} = state")
    body += [f"if {' or '.join(f'{vector}.size != n' for vector in ('g', *slots))}:"]
    body += ['    raise ValueError("g and state must have the length of x")']
    body += ["real_type = x.dtype.type", "zero = real_type(0.0)", "one = real_type(1.0)"]
    body += [f"{name} = real_type({name})" for name in given if name != "momentum_next"]
    if "momentum_next" in given:
        body += ["if momentum_next is None:", "    ahead = momentum"]
        body += ["else:", "    ahead = real_type(momentum_next)"]
    body += [f"{name} = carried[{j}]" for j, name in enumerate(carries)]
    body += advance_lines(method)
    body += [f"carried[{j}] = {name}" for j, name in enumerate(carries)]
    element = [re.sub(r"\bmomentum_next\b", "ahead", line) for line in element_lines(method)]
    stores = [f"{name}[i] = {name}_new_i" for name in ("x", *slots)]
    body += ["for i in range(n):", *(f"    {line}" for line in (*element, *stores))]
    head = f"def {method.name}(x, g, state, {', '.join(arguments)}):"
    return ["@cached_njit", head, *(f"    {line}" for line in body)]


def _documentation(method: Method) -> list[str]:
    slots, carries = method.slots, tuple(method.carries)
    kept = [f"the vector{'s' * (len(slots) > 1)} {', '.join(slots)}"] if slots else []
    kept += [f"the numbers {', '.join(carries)}"] if carries else []
    state = f": {', and '.join(kept)}. Advanced, too." if kept else ", which is empty."
    point = "The point where g was taken; the next such point is written into it."
    if method.iterate != "x":
        point += f" The iterate is {method.iterate}."
    parameters = [
        ("x : ndarray, shape (n,)", point),
        ("g : ndarray, shape (n,)", "The gradient."),
        ("state : tuple", f"What `{method.name}_state` returned{state}"),
    ]
    for name, (default, words) in _numbers(method).items():
        parameters.append((f"{name} : float{default and f', default {default}'}", words))
    rule = method.notes.partition("\n\n")[0].splitlines()
    lines = [f'"""{method.summary}', "", "One step, in place:", "", *rule, ""]
    lines += ["Parameters", "----------"]
    for name, words in parameters:
        lines += [name, *textwrap.wrap(words, 92, initial_indent="    ", subsequent_indent="    ")]
    return [*lines, '"""']


def _names(method: Method) -> str:
    """The state of a method, as a tuple's text."""
    names = [*method.slots, *(["carried"] if method.carries else [])]
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


def _state(method: Method) -> list[str]:
    body = [f'"""What `{method.name}` advances, from the start x, an array of one dimension."""']
    body += [f"{name} = np.empty(x.size, x.dtype)" for name in method.slots]
    if method.slots:
        starts = {"zero": "0.0", "x0": "x[i]"}
        body.append("for i in range(x.size):")
        body += [f"    {name}[i] = {starts[method.slots_start[name]]}" for name in method.slots]
    if method.carries:
        body.append(f"carried = np.empty({len(method.carries)}, x.dtype)")
        body += [f"carried[{j}] = {value}" for j, value in enumerate(method.carries.values())]
    body.append(f"return {_names(method)}")
    return ["@cached_njit", f"def {method.name}_state(x):", *(f"    {line}" for line in body)]
