"""Checks of the arguments of many runs of one problem: starts and paths."""

from __future__ import annotations

from typing import Any

import numpy as np

from .values import as_dict, as_numbers, check_number, refuse

SAMPLERS = ("sobol", "halton", "lhs", "random")


def check_n_starts(value: Any) -> int:
    """An integer in [1, 2**30]: that many points the sequences have."""
    return check_number("n_starts", value, 1, integer=True, high=2**30)


def check_distance(value: Any) -> float:
    """A positive number."""
    return check_number("distance", value, low_open=True)


def check_path_weights(weights: Any) -> np.ndarray:
    """Weights of a path as a float64 vector."""
    rule = "be a vector of finite numbers >= 0"
    values = as_numbers("weights", weights, "fiu", rule)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"weights must {rule}, got shape {values.shape}.")
    values = values.astype(np.float64)
    bad = ~((values >= 0.0) & np.isfinite(values))
    if bad.any():
        worst = int(bad.argmax())
        raise ValueError(f"weights must {rule}, got weights[{worst}] = {values[worst]}.")
    return values


def check_path_options(options: Any) -> dict[str, Any]:
    """The options as a dict, without what a path cannot do."""
    given = as_dict(options)
    wrong = {name: bool(given.get(name)) for name in ("history", "return_all")}
    refuse(wrong, "is not an option of a path")
    return given
