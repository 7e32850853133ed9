"""What the user's functions are made of, where they say so."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class SumOfTerms:
    """What a sum of terms is made of; `threads` None: as many per problem as keep a GPU busy."""

    term: Any
    n_terms: Any
    threads: int | None


@dataclasses.dataclass(frozen=True)
class Entries:
    """What an objective by variables is made of; without rows `row` and `n_rows` are None."""

    entry: Any
    row: Any
    n_rows: Any


def parts_of(fun: Any) -> SumOfTerms | Entries | None:
    """The parts of an objective that was made here."""
    parts = getattr(fun, "parts", None)
    return parts if isinstance(parts, SumOfTerms | Entries) else None
