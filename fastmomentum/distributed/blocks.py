"""`Blocks`: dask arrays and DataFrames as shards."""

from __future__ import annotations

from typing import Any

import numpy as np


class Blocks:
    """A loader for `ShardedSum`: shard i is the i-th block of rows of each collection.

    Parameters
    ----------
    *collections : dask.array.Array, dask.dataframe.DataFrame or dask.dataframe.Series
        Split along their rows only, and alike. DataFrames are given to the objective as arrays.

    Raises
    ------
    ValueError, TypeError
        If a collection is none of dask's, or is split differently.

    Notes
    -----
    Each block is computed where it is needed, from the graph of its collection, which goes to every
    worker. So the data should come from files (``dask.array.from_delayed``, ``from_zarr``,
    ``dask.dataframe.read_parquet``): ``dask.array.from_array`` puts all of them into the graph,
    also those of a memory map. Do not persist the collections: workers hold the shards anyway.

    Examples
    --------
    >>> import dask.array as da  # doctest: +SKIP
    >>> load = Blocks(da.from_zarr("X.zarr"), da.from_zarr("y.zarr"))  # doctest: +SKIP
    >>> objective = ShardedSum(fun, load, client=client)  # doctest: +SKIP
    """

    def __init__(self, *collections: Any):
        if not collections:
            raise ValueError("collections must be at least one, got none.")
        self.parts = [_blocks_of(c, k) for k, c in enumerate(collections)]
        counts = [len(part) for part in self.parts]
        rows = [c.chunks[0] for c in collections if hasattr(c, "chunks")]
        known = [r for r in rows if not any(np.isnan(r))]
        if len(set(counts)) > 1 or len(set(known)) > 1:
            raise ValueError(
                f"collections must be split into the same blocks of rows, got {counts} blocks: "
                "rechunk or repartition them."
            )

    def __len__(self) -> int:
        return len(self.parts[0])

    def __call__(self, i: int) -> tuple[np.ndarray, ...]:
        import dask

        found = dask.compute(*(part[i] for part in self.parts), scheduler="synchronous")
        arrays = tuple(a.to_numpy() if hasattr(a, "to_numpy") else np.asarray(a) for a in found)
        rows = [len(a) for a in arrays]
        if len(set(rows)) > 1:
            raise ValueError(f"collections must have the same rows, got {rows} in block {i}.")
        return arrays


def _blocks_of(collection: Any, k: int) -> list:
    rule = f"collections must be dask arrays or DataFrames, split along their rows, argument {k}"
    if not hasattr(collection, "to_delayed") or not hasattr(collection, "ndim"):
        raise TypeError(f"{rule} is {type(collection).__name__}.")
    if hasattr(collection, "numblocks") and (
        collection.ndim == 0 or any(count > 1 for count in collection.numblocks[1:])
    ):
        raise ValueError(f"{rule} has {collection.numblocks} blocks.")
    return list(np.ravel(np.asarray(collection.to_delayed(), dtype=object)))
