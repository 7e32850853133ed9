"""The time is over, in the middle of a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class OutOfTime(Exception):
    """The time is over, in the middle of a gradient; whoever set the limit takes it."""
