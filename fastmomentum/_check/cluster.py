"""Checks of what is for a cluster."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .values import check_number, shown


def check_client(client: Any) -> Any:
    """A client of dask.distributed, or None."""
    if client is None:
        return None
    if is_client(client):
        if client.asynchronous:
            raise ValueError("client must not be asynchronous.")
        return client
    raise TypeError(f"client must be a distributed.Client, got {shown(client)}.")


def is_client(value: Any) -> bool:
    """Told without importing dask."""
    return hasattr(value, "submit") and hasattr(value, "scheduler_info")


def check_shards(load: Any, n_shards: Any) -> int:
    """Number of shards, for which there is a loader."""
    if not callable(load):
        raise TypeError(f"load must be callable, load(i) -> arrays, got {shown(load)}.")
    if n_shards is None and hasattr(load, "__len__"):
        n_shards = len(load)
    return check_number("n_shards", n_shards, 1, integer=True)


def check_timeout(timeout: Any) -> float:
    """Seconds, finite: a wait without an end is none."""
    seconds = check_number("timeout", timeout, low_open=True)
    if seconds == math.inf:
        raise ValueError("timeout must be finite, got inf.")
    return seconds


def check_points(points: Any) -> np.ndarray:
    """Points at which a sum is taken, (n_points, n), float64 or float32."""
    try:
        rows = np.asarray(points)
    except ValueError as error:
        raise ValueError(f"points must be an array of real numbers: {error}") from None
    if rows.dtype.kind not in "fiub":
        raise TypeError(f"points must hold real numbers, got dtype {rows.dtype}.")
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"points must have the shape (n_points, n), got {rows.shape}.")
    single = rows.dtype.kind == "f" and rows.dtype.itemsize == 4
    return np.ascontiguousarray(rows, np.float32 if single else np.float64)
