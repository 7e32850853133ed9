"""
On a cluster: a sum over shards of data
=======================================

The likelihood of many rows is a sum. ``ShardedSum`` takes it shard by shard: alone, one after the
other, so that the data may be larger than memory; with a client of Dask, on the workers that hold
them, and only the point, the value and the gradient travel.

It needs ``pip install ".[dask]"``, so that this page was not run.

The data are the RAND health insurance experiment: visits to a doctor of 20,190 person-years, as a
Poisson regression.
"""

# sphinx_gallery_thumbnail_path = '_static/shards.svg'
import numpy as np
import statsmodels.api as sm
from numba import njit

from fastmomentum import minimize
from fastmomentum.distributed import ShardedSum

SHARDS = 8


@njit
def poisson(x, out, features, counts):
    """Negative log-likelihood of counts, but for a constant."""
    total = 0.0
    out[:] = 0.0
    for i in range(counts.size):
        eta = features[i] @ x
        rate = np.exp(eta)
        total += rate - counts[i] * eta
        for j in range(x.size):
            out[j] += (rate - counts[i]) * features[i, j]
    return total


def load(i):
    """Shard i: the workers call this. Files would be read here."""
    table = sm.datasets.randhie.load_pandas().data
    rows = np.array_split(np.arange(len(table)), SHARDS)[i]
    counts = table["mdvis"].to_numpy(float)[rows]
    columns = table.drop(columns="mdvis").to_numpy(float)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    columns = np.column_stack([columns, np.ones(len(columns))])
    return np.ascontiguousarray(columns[rows]), counts


def main():
    n = load(0)[0].shape[1]
    options = {"gtol": 1e-2}
    alone = minimize(ShardedSum(poisson, load, SHARDS), np.zeros(n), jac=True, options=options)
    print(alone.message, alone.fun, alone.nfev)

    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster) as client:
        objective = ShardedSum(poisson, load, SHARDS, client=client, deterministic=True)
        shared = minimize(objective, np.zeros(n), jac=True, options=options)
    # With deterministic=True the shards are summed in their order: the same bits.
    print(shared.message, np.array_equal(shared.x, alone.x))


# Workers are processes of their own, which import this file: they must not run it.
if __name__ == "__main__":
    main()
