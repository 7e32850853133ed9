"""The file that a run of `minimize_sum` is kept in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._check.options import Settings
from .._check.sums import Sampling
from .._keep.checkpoint import Saver
from .._keep.fingerprint import fingerprint
from .rows import Rows
from .state import can_be_kept


class Checkpoint(NamedTuple):
    """The file that a run is kept in, if it is."""

    saver: Saver | None
    given: dict[str, str]  # fingerprints of what the user gave


NO_CHECKPOINT = Checkpoint(None, {})


def checkpoint_in(
    file: Any, source: Any, settings: Settings, sampling: Sampling, x: np.ndarray
) -> Checkpoint:
    """That of a run from x in this file; None: it has none."""
    if file is None:
        return NO_CHECKPOINT
    if not can_be_kept(sampling.rng):
        name = type(sampling.rng.bit_generator).__name__
        raise ValueError(
            "seed must be an integer, or have one of NumPy's bit generators, for a checkpoint; "
            f"got {name}."
        )
    given = {"x0": fingerprint(x)}
    if isinstance(source, Rows):
        given["data"] = fingerprint(source.data)
    return Checkpoint(Saver(file, settings.checkpoint_every), given)
