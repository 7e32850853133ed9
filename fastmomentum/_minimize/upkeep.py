"""What comes between two evaluations of a run."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._check.options import Settings
from .._keep.checkpoint import Saver
from .._report.progress import Progress


class Upkeep(NamedTuple):
    """The clock, the line that shows how far the run has come, and the checkpoint."""

    deadline: float = math.inf
    progress: Progress | None = None
    saver: Saver | None = None


UNATTENDED = Upkeep()


def progress_of(
    settings: Settings, begin: float, total: int, done: int = 0, unit: str = "iteration"
) -> Progress | None:
    """The line that shows how far a run has come, where it is wanted."""
    if not settings.progress:
        return None
    return Progress(settings.method.name, begin, total, unit, settings.maxtime, done)
