"""Problems kept apart: no constant of a method was chosen on them. They are for comparisons only.

``fastmomentum bench --problems benchmarks.holdout`` takes them, besides the standard collection.
Every function returns its value and writes its gradient to `out`.
"""

from __future__ import annotations

from fastmomentum.problems import _STANDARD, Problem
from fastmomentum.problems._table import Table

from . import diagonal, extended

GROUP = "holdout"
FAMILIES = (*diagonal.FAMILIES, *extended.FAMILIES)
ALL = Table({**_STANDARD.groups, GROUP: FAMILIES})
"""The standard collection, and these."""


def collection() -> list[Problem]:
    """The problems kept apart."""
    return ALL.collection(GROUP)
