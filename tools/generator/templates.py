"""Fills in templates: texts at marks, and the lines of one kind of loop.

A mark is a comment in capitals. ``# NAME`` alone on a line gives way to the text of
``templates/shared/name.py``, or to lines that the caller has; a ``pass`` below it goes, too. Of
``if COMPOSITE:`` and ``if not COMPOSITE:``, with or without ``else:``, one branch is kept.
"""

from __future__ import annotations

import re

from .sources import ROOT, read

FOLDER = "tools/templates"
SHARED = {
    path.stem.upper(): f"{FOLDER}/shared/{path.name}"
    for path in sorted((ROOT / FOLDER / "shared").glob("*.py"))
}


def fill(template: str, mark: str, lines: list[str]) -> str:
    """Put `lines` in the places of the comment `mark`, at their indentation."""
    pattern = rf"^( *)# {re.escape(mark)}\n(?: *pass\n)?"
    if re.search(pattern, template, flags=re.M) is None:
        raise SystemExit(f"the template has no place '# {mark}'")

    def text(match: re.Match) -> str:
        return "".join(f"{match.group(1)}{line}".rstrip() + "\n" for line in lines)

    return re.sub(pattern, text, template, flags=re.M)


def with_shared(template: str) -> tuple[str, list[str]]:
    """The template with the shared texts in their places; their paths."""
    paths = []
    while found := [mark for mark in SHARED if f"# {mark}\n" in template]:
        template = fill(template, found[0], read(SHARED[found[0]]).splitlines())
        paths.append(SHARED[found[0]])
    return template, list(dict.fromkeys(paths))


def stopping_lines() -> dict[str, list[str]]:
    """The mark of the rules that end a run with a given rate, and what stands there."""
    return {"STOPPING": read(SHARED["STOPPING"]).splitlines()}


def of_kind(template: str, composite: bool) -> str:
    """The template for f alone, or for f + h.

    Of f alone the value of the smooth part is the value itself.
    """
    lines = template.splitlines(keepends=True)
    kept = "".join(_kept(lines, composite))
    return kept if composite else kept.replace(".SMOOTH_", ".FUN_")


def _kept(lines: list[str], composite: bool) -> list[str]:
    made: list[str] = []
    while lines:
        match = re.match(r"( *)if (not )?COMPOSITE:\n", lines[0])
        if match is None:
            made.append(lines.pop(0))
            continue
        indent, negated = match.groups()
        lines.pop(0)
        branches = [_block(lines, indent), []]
        if lines and lines[0] == f"{indent}else:\n":
            lines.pop(0)
            branches[1] = _block(lines, indent)
        chosen = branches[composite == bool(negated)]
        made += _kept([line.removeprefix("    ") for line in chosen], composite)
    return made


def _block(lines: list[str], indent: str) -> list[str]:
    """Take the lines that are indented further from the front."""
    taken = []
    while lines and (lines[0].startswith(f"{indent} ") or not lines[0].strip()):
        taken.append(lines.pop(0))
    return taken
