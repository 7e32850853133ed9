"""Checks of what only batches have."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import on_device, real_of
from .._numba.threads import default_threads
from .options import Settings
from .values import LIST_OF_ARGS, as_numbers, check_number, refuse, shown

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
        meant = len(args) == 1 and isinstance(args[0], list) and len(which) == len(args[0])
        raise ValueError(f"{rule}, got {shown(batched)}.{LIST_OF_ARGS if meant else ''}")
    return tuple(map(bool, which))


def batched_hint(args: tuple, which: tuple[bool, ...], count: int) -> str:
    """What may be meant where there are `args` with a row per problem that are not batched."""
    rows = [k for k, a in enumerate(args) if not which[k] and _length(a) == count > 1]
    if not rows:
        return ""
    names = " and ".join(f"args[{k}]" for k in rows)
    meant = tuple(b or k in rows for k, b in enumerate(which))
    return (
        f"{names} {'has' if len(rows) == 1 else 'have'} as many rows as there are "
        f"problems, {count}: pass batched={meant} if each problem is to get its own."
    )


def same_problems_hint(starts: Any, args: tuple, which: tuple[bool, ...], count: int) -> str:
    """What may be meant where one problem would be solved many times."""
    hint = "" if any(which) or on_device(starts) else batched_hint(args, which, count)
    if not hint or not (starts == starts[0]).all():
        return ""
    return f"All {count} problems are the same, since no args are batched: {hint}"


def _length(value: Any) -> int:
    """Rows of an array or a list, 0 of anything else."""
    if isinstance(value, list):
        return len(value)
    shape = getattr(value, "shape", None)
    return shape[0] if isinstance(shape, tuple) and shape else 0


def check_X0(X0: Any, args: tuple, which: tuple[bool, ...]) -> tuple[Any, tuple, int, int]:
    """The starts and args, those of the host as contiguous arrays, and (n_problems, n).

    Starts on the host have the shape (n_problems, n), others their own.
    """
    starts = _check_starts(X0)
    shape = tuple(starts.shape)
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(f"X0 must have the shape (n_problems, n) or (n,), got {shape}.")
    made = list(args)
    count = shape[0] if len(shape) == 2 else None
    for i, batched in enumerate(which):
        if batched:
            made[i] = _check_rows(f"args[{i}]", args[i], count)
            count = int(made[i].shape[0])
    if count is None:
        rows = "say by batched which args have a row per problem, or " if args else ""
        raise ValueError(
            f"X0 must have the shape (n_problems, n) where no args are batched, got {shape}: {rows}"
            "use minimize for one problem."
        )
    if not on_device(starts):
        starts = np.broadcast_to(starts, (count, shape[-1]))
    return starts, tuple(made), count, shape[-1]


def _check_starts(X0: Any) -> Any:
    """X0 with one of the two dtypes."""
    if on_device(X0):
        if real_of(X0) not in (np.float64, np.float32):
            raise TypeError(
                f"X0 must be of float64 or float32 where it is on a device, got {X0.dtype}."
            )
        return X0
    starts = as_numbers("X0", X0)
    single = starts.dtype.kind == "f" and starts.dtype.itemsize == 4
    with np.errstate(over="ignore"):
        return np.asarray(starts, np.float32 if single else np.float64)


def _check_rows(name: str, value: Any, count: int | None) -> Any:
    """A batched argument as an aligned C array with one row per problem."""
    rule = f"{name} is batched and must be an array of numbers with one row per problem"
    if isinstance(value, tuple | np.ma.MaskedArray):
        raise TypeError(f"{rule}, got a {type(value).__name__}.")
    try:
        rows = value if on_device(value) else np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None
    shape = tuple(rows.shape)
    kind = (real_of(rows) if on_device(rows) else rows.dtype).kind
    if kind not in "fiu" and not (len(shape) > 1 and kind in "bc"):
        raise TypeError(f"{rule}, got dtype {rows.dtype} of shape {shape}.")
    if not shape or shape[0] == 0:
        raise ValueError(f"{rule}, got shape {shape}.")
    if count is not None and shape[0] != count:
        raise ValueError(
            f"{rule}, {count} in all, got {shape[0]}: say False for it in batched if it is the "
            "same for all."
        )
    if on_device(rows):
        return rows
    return np.require(rows, rows.dtype.newbyteorder("="), ["C", "A"])


def check_skip(skip: Any, count: int) -> np.ndarray | None:
    """Mask of the problems to leave out."""
    if skip is None:
        return None
    rule = f"be an array of bool of shape ({count},)"
    if on_device(skip):
        from .._cuda.arrays import to_host

        skip = to_host(skip, "skip")
    mask = as_numbers("skip", skip, "b", rule)
    if mask.shape != (count,):
        raise ValueError(f"skip must {rule}, got shape {mask.shape}.")
    return mask


def check_workers(workers: Any) -> int:
    """Number of threads; None: as many as this process may use."""
    if workers is None:
        return default_threads()
    return check_number("workers", workers, 1, integer=True)


def check_place(device: Any, X0: Any, args: tuple, bounds: Any) -> str:
    """Where a batch is solved; None: on a device if some of the arrays are on one."""
    if device is not None and not (isinstance(device, str) and device in ("cpu", "cuda")):
        raise ValueError(f"device must be 'cpu', 'cuda' or None, got {device!r}.")
    given = {"X0": X0, **{f"args[{k}]": a for k, a in enumerate(args)}}
    given |= {f"bounds.{part}": getattr(bounds, part, None) for part in ("lb", "ub")}
    there = [name for name, array in given.items() if on_device(array)]
    if there and device == "cpu":
        raise ValueError(f"device='cpu' takes arrays of the host, and {there[0]} is on a device.")
    if there or device == "cuda":
        from .._cuda.device import check_device

        check_device()
        return "cuda"
    return "cpu"


def check_device_batch(
    X0: Any, workers: Any, settings: Settings, state: Any, checkpoint: Any
) -> None:
    """What a batch cannot do on a device."""
    if workers is not None:
        raise ValueError(f"workers is for device='cpu': leave it out, got {workers!r}.")
    if settings.backend == "python":
        raise ValueError("backend='python' is for device='cpu': leave it out.")
    if on_device(X0):
        given = {"state": state, "checkpoint": checkpoint}
        refuse(given, "is not possible where X0 is on a device")


def check_batch_options(settings: Settings) -> None:
    """What a batch cannot do."""
    given = {"history": settings.history, "return_all": settings.return_all}
    refuse(given, "is not an option of a batch")
    scheduled = callable(settings.learning_rate) or callable(settings.momentum)
    if scheduled and settings.maxiter > MOST_SCHEDULED:
        raise ValueError(
            f"maxiter must be at most {MOST_SCHEDULED} for a batch with a schedule, got "
            f"{settings.maxiter}."
        )
