"""Objectives that are sums over shards, here or on a cluster.

`ShardedSum` is an objective whose data need not fit into memory: without a client it streams them,
with a client of dask.distributed each worker holds some of the shards, and only points, values and
gradients travel. It needs the extra ``fastmomentum[dask]`` for the latter only.
"""

from .sharded import ShardedSum

__all__ = ["ShardedSum"]
