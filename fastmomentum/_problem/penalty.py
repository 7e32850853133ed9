"""The penalty that the user passes."""

from __future__ import annotations

from typing import Any

from .._check.values import shown


def check_penalty(penalty: Any) -> Any:
    """A penalty, or None; tells without importing them."""
    if penalty is None:
        return None
    from ..penalties import Penalty

    if not isinstance(penalty, Penalty):
        raise TypeError(
            f"penalty must be one of fastmomentum.penalties, such as L1(0.1), got {shown(penalty)}."
        )
    return penalty
