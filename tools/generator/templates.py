"""Fills in templates: texts at marks, and the lines of one kind of loop.

A mark is a comment in capitals. ``# NAME`` alone on a line gives way to the text of
``templates/shared/name.py``, or to lines that the caller has; a ``pass`` below it goes, too.
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
