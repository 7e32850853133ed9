"""Fingerprints of what a run is given, by which the file of another problem is noticed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

# Of an array above LARGE bytes only so many blocks of BLOCK bytes are looked at, evenly spread.
LARGE = 2**24
BLOCK = 2**14
DEPTH = 16
# Arrays of which these objects consist, such as SciPy's sparse ones.
_PARTS = (("data", "indices", "indptr"), ("data", "row", "col"), ("data", "offsets"))


def fingerprint(value: Any) -> str:
    """A hash of numbers, texts, arrays and what is made of them; the same in any process.

    Of other objects the type counts, for nobody knows what of them is data.
    """
    made = hashlib.blake2b(digest_size=16)
    for part in _pieces(value, 0):
        made.update(part)
    return made.hexdigest()


def _pieces(value: Any, depth: int) -> Iterator[Any]:
    yield f"{type(value).__qualname__}:".encode()
    if depth > DEPTH:
        return
    if isinstance(value, np.ndarray | np.generic):
        yield from _of_array(np.asarray(value))
    elif isinstance(value, int):
        yield hex(value).encode()
    elif isinstance(value, float | complex | str | bytes | type(None)):
        text = value if isinstance(value, bytes) else repr(value).encode("utf-8", "replace")
        yield f"{len(text)}:".encode()
        yield text
    elif isinstance(value, tuple | list):
        yield f"{len(value)}:".encode()
        for item in value:
            yield from _pieces(item, depth + 1)
    elif isinstance(value, dict):
        yield from _pieces(list(value.items()), depth + 1)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _pieces(getattr(value, field.name, None), depth + 1)
    else:
        for part in _arrays_in(value):
            yield from _of_array(part)


def _arrays_in(value: Any) -> list[np.ndarray]:
    """What an object of another library holds, where that takes no work and no device."""
    for names in _PARTS:
        parts = [getattr(value, name, None) for name in names]
        if all(isinstance(part, np.ndarray) for part in parts):
            return parts  # type: ignore[return-value]
    for away in ("__cuda_array_interface__", "__dask_graph__"):
        if hasattr(value, away):
            return []
    if not hasattr(value, "__array__") or isinstance(value, type):
        return []
    try:
        return [np.asarray(value)]
    except Exception:  # of that library's own kinds
        return []


def _of_array(array: np.ndarray) -> Iterator[Any]:
    yield f"{array.dtype.str}{array.dtype.fields and array.dtype.descr}{array.shape}:".encode()
    if array.dtype.hasobject:
        return
    contiguous = array.flags.c_contiguous
    # In the order of its indices, however it lies in memory.
    flat: Any = array.reshape(-1) if contiguous else array.flat
    step = max(1, BLOCK // max(array.itemsize, 1))
    starts: Any = range(0, array.size, step)
    if array.nbytes > LARGE:
        starts = np.linspace(0, array.size - step, LARGE // BLOCK).astype(np.int64).tolist()
    for start in starts:
        yield np.ascontiguousarray(flat[start : start + step]).view(np.uint8).data
