"""What comes between two evaluations of a run."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._keep.checkpoint import Saver
from .._report.progress import Progress


class Upkeep(NamedTuple):
    """The clock, the line that shows how far the run has come, and the checkpoint."""

    deadline: float = math.inf
    progress: Progress | None = None
    saver: Saver | None = None


UNATTENDED = Upkeep()
