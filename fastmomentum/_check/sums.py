"""Checks of the arguments of `minimize_sum`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._methods import Method
from .arguments import check_seed
from .options import Settings, check_options
from .values import as_dict, check_choice, check_number, nearest, shown

SHUFFLES = ("rows", "shards", "none")
VARIANCE_REDUCTIONS = ("svrg",)
# Of `minimize_sum`, besides those of the method.
SUM_OPTIONS = (
    "gtol", "norm", "maxtime", "keep_state", "checkpoint_every", "on_interrupt", "backend"
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How `minimize_sum` goes through the rows, checked."""

    batch_size: int
    epochs: int
    rng: np.random.Generator
    seeded: bool  # rather than with random numbers that nobody can repeat
    shuffle: str
    average: float
    variance_reduction: str | None
    snapshot_every: int


def check_sampling(
    batch_size: Any,
    epochs: Any,
    seed: Any,
    shuffle: Any,
    average: Any,
    variance_reduction: Any,
    snapshot_every: Any,
) -> Sampling:
    """The arguments of `minimize_sum` about its batches."""
    if variance_reduction is not None:
        check_choice("variance_reduction", variance_reduction, VARIANCE_REDUCTIONS)
    return Sampling(
        batch_size=check_number("batch_size", batch_size, 1, integer=True),
        epochs=check_number("epochs", epochs, 1, integer=True),
        rng=check_seed(seed),
        seeded=seed is not None,
        shuffle=check_choice("shuffle", shuffle, SHUFFLES),
        average=check_number("average", average, high=1.0),
        variance_reduction=variance_reduction,
        snapshot_every=check_number("snapshot_every", snapshot_every, 1, integer=True),
    )


def check_sum_options(method: Method, options: Any, x0: np.ndarray) -> Settings:
    """The options of a sum of which each step sees a part: no tests on noise, no automatic rate."""
    given = as_dict(options)
    allowed = (*SUM_OPTIONS, *method.parameter_names)
    for name in given:
        if name not in allowed:
            raise ValueError(
                f"minimize_sum has no option {shown(name)} with method {method.name!r}."
                f"{nearest(name, allowed)} Its options are {', '.join(sorted(allowed))}."
            )
    rate = given.get("learning_rate", "auto")
    if isinstance(rate, str) and rate == "auto":
        raise ValueError(
            "learning_rate must be a number or a schedule for mini-batches: an automatic one rests "
            "on line searches, which noise misleads."
        )
    settings = check_options(method, None, given, x0)
    # Values and gradients of single batches say nothing about the end.
    return dataclasses.replace(settings, single_steps=True)


def check_data(data: Any) -> tuple[np.ndarray, ...]:
    """Arrays with one row per term of a sum."""
    rule = "data must be an array, or a tuple of arrays, with one row per term"
    parts = data if isinstance(data, tuple) else (data,)
    arrays = tuple(np.asarray(part) for part in parts)
    if not arrays or any(a.ndim == 0 or a.dtype == object for a in arrays):
        raise TypeError(f"{rule}, got {type(data).__name__}.")
    lengths = [len(a) for a in arrays]
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise ValueError(f"{rule}, got {lengths} rows.")
    return arrays
