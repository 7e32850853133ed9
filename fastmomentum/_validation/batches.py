"""Checks of what only batches have."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .options import Settings
from .values import as_numbers, check_number, shown

# A batch needs the values of a schedule for all iterations at once.
MOST_SCHEDULED = 10_000_000


def check_batched(batched: Any, args: tuple) -> tuple[bool, ...]:
    """For each of `args`, whether it has one row per problem."""
    rule = f"batched must be True, False, or one of them for each of the {len(args)} args"
    if isinstance(batched, bool | np.bool_):
        return (bool(batched),) * len(args)
    try:
        which = tuple(batched)
    except TypeError:
        raise TypeError(f"{rule}, got {shown(batched)}.") from None
    if len(which) != len(args) or not all(isinstance(b, bool | np.bool_) for b in which):
        raise ValueError(f"{rule}, got {shown(batched)}.")
    return tuple(map(bool, which))


def check_X0(X0: Any, args: tuple, which: tuple[bool, ...]) -> tuple[np.ndarray, tuple]:
    """The starts, (n_problems, n), and args with the batched ones as contiguous arrays."""
    starts = as_numbers("X0", X0)
    if starts.ndim not in (1, 2) or 0 in starts.shape:
        raise ValueError(f"X0 must have the shape (n_problems, n) or (n,), got {starts.shape}.")
    made = list(args)
    count = len(starts) if starts.ndim == 2 else None
    for i, batched in enumerate(which):
        if batched:
            made[i] = _check_rows(f"args[{i}]", args[i], count)
            count = len(made[i])
    if count is None:
        raise ValueError(
            f"X0 must have the shape (n_problems, n) where no args are batched, got {starts.shape}."
        )
    single = starts.dtype.kind == "f" and starts.dtype.itemsize == 4
    dtype = np.dtype(np.float32 if single else np.float64)
    with np.errstate(over="ignore"):
        starts = np.asarray(starts, dtype)
    return np.broadcast_to(starts, (count, starts.shape[-1])), tuple(made)


def _check_rows(name: str, value: Any, count: int | None) -> np.ndarray:
    """A batched argument as an aligned C array with one row per problem."""
    rule = f"{name} is batched and must be an array of numbers with one row per problem"
    if isinstance(value, tuple | np.ma.MaskedArray):
        raise TypeError(f"{rule}, got a {type(value).__name__}.")
    try:
        rows = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None
    if rows.dtype.kind not in "fiu" and not (rows.ndim > 1 and rows.dtype.kind in "bc"):
        raise TypeError(f"{rule}, got dtype {rows.dtype} of shape {rows.shape}.")
    if rows.ndim == 0 or len(rows) == 0:
        raise ValueError(f"{rule}, got shape {rows.shape}.")
    if count is not None and len(rows) != count:
        raise ValueError(f"{rule}, {count} in all, got {len(rows)}.")
    return np.require(rows, rows.dtype.newbyteorder("="), ["C", "A"])


def check_skip(skip: Any, count: int) -> np.ndarray | None:
    """Mask of the problems to leave out."""
    if skip is None:
        return None
    rule = f"be an array of bool of shape ({count},)"
    mask = as_numbers("skip", skip, "b", rule)
    if mask.shape != (count,):
        raise ValueError(f"skip must {rule}, got shape {mask.shape}.")
    return mask


def check_workers(workers: Any) -> int:
    """Number of threads; None: the processors of this process."""
    if workers is None:
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # not on every platform
            return os.cpu_count() or 1
    return check_number("workers", workers, 1, integer=True)


def check_lazy(**given: Any) -> None:
    """What a batch cannot do where its results are dask arrays."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} is not for a dask array as X0: leave it out.")


def check_device(device: Any, workers: Any, settings: Settings) -> str:
    """Where a batch is solved."""
    if device not in ("cpu", "cuda") or not isinstance(device, str):
        raise ValueError(f"device must be 'cpu' or 'cuda', got {device!r}.")
    if device == "cuda" and workers is not None:
        raise ValueError(f"workers is for device='cpu': leave it out, got {workers!r}.")
    if device == "cuda" and settings.backend == "python":
        raise ValueError("backend='python' is for device='cpu': leave it out.")
    return device


def check_batch_options(settings: Settings) -> None:
    """What a batch cannot do."""
    for name in ("history", "return_all"):
        if getattr(settings, name):
            raise ValueError(f"{name} is not an option of a batch: leave it out.")
    scheduled = callable(settings.learning_rate) or callable(settings.momentum)
    if scheduled and settings.maxiter > MOST_SCHEDULED:
        raise ValueError(
            f"maxiter must be at most {MOST_SCHEDULED} for a batch with a schedule, got "
            f"{settings.maxiter}."
        )
