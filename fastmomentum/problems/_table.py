"""Groups of families of problems, and how one finds a problem in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from fastmomentum.problems._problem import Family, Problem

__all__ = ["Table"]


class Table:
    """Families of problems by group.

    Parameters
    ----------
    groups : mapping of str to sequence of Family
        In the order of `names`. No two families may have one name.
    """

    def __init__(self, groups: Mapping[str, Sequence[Family]]):
        self.groups = dict(groups)
        self._families = {
            family.name: (family, group)
            for group, families in self.groups.items()
            for family in families
        }

    def get(self, name: str, n: int | None = None) -> Problem:
        """One problem, as `fastmomentum.problems.get`."""
        known = self._families
        family_name, _, size = name.partition("-")
        if family_name not in known or (size and not size.isdecimal()):
            hint = _hint(name, (*known, *self.names()), cutoff=0.0)
            raise ValueError(f"unknown problem {name!r}.{hint}")
        family, group = known[family_name]
        if size:
            if family.fixed or n not in (None, int(size)):
                raise ValueError(
                    f"{name!r} fixes the size or has none to choose: use {family_name!r}."
                )
            n = int(size)
        return family.problem(family.sizes[0] if n is None else n, group)

    def names(self, group: str | None = None) -> tuple[str, ...]:
        """Names of problems, as `fastmomentum.problems.names`."""
        groups = self.groups if group is None else (group,)
        return tuple(
            family.instance(n)
            for group in groups
            for family in self._families_of(group)
            for n in family.sizes
        )

    def collection(self, groups: str | Iterable[str] | None = None) -> list[Problem]:
        """Problems, as `fastmomentum.problems.collection`."""
        if groups is None:
            groups = self.groups
        elif isinstance(groups, str):
            groups = (groups,)
        return [self.get(name) for group in groups for name in self.names(group)]

    def _families_of(self, group: str) -> Sequence[Family]:
        if group not in self.groups:
            known = tuple(self.groups)
            there_are = ", ".join(map(repr, known))
            raise ValueError(
                f"unknown group {group!r}.{_hint(group, known)} The groups are {there_are}."
            )
        return self.groups[group]


def _hint(word: object, known: Sequence[str], cutoff: float = 0.6) -> str:
    close = difflib.get_close_matches(str(word), known, n=1, cutoff=cutoff)
    return f" Did you mean {close[0]!r}?" if close else ""
