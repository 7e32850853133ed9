"""Objectives that are sums over shards, here or on a cluster.

`ShardedSum` is an objective whose data need not fit into memory: without a client it streams them,
with a client of dask.distributed each worker holds some of the shards, and only points, values and
gradients travel. `Blocks` makes shards of dask arrays and DataFrames. dask is imported where it is
used only; ``pip install fastmomentum[dask]`` brings it.
"""

from .blocks import Blocks
from .sharded import ShardedSum

__all__ = ["Blocks", "ShardedSum"]
