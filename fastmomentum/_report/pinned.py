"""Objects that stay where they are."""

from __future__ import annotations

from typing import Any


class Pinned:
    """Holds arrays that are views of one another, or that compiled code knows by their addresses.

    A copy would lose the links, and work on the arrays of the original.
    """

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{type(self).__name__} cannot be copied or pickled: it works in memory of its own. "
            "The state of a run can."
        )
