"""What a sum over shards costs on a dask cluster beside the user's own work, and how it scales.

``python benchmarks/cluster.py`` starts clusters of one and two worker processes here, and prints:

- the time of one evaluation without work: message, actor call, gradient, sum;
- the efficiency as the work per evaluation grows, against the same objective without a cluster;
- how many evaluations, each a round trip, `minimize` takes, and how many of them several points per
  round trip could spare;
- a model of up to 1000 workers. One driver sends x to W workers and takes W gradients back:
  ``t(W) = latency + W message``, both measured for each n: a message is the driver's processor
  time per worker, or 16 n bytes at the network's rate (``--gbit``) if that takes longer, and the
  latency what else one worker takes. Work of nine times the overhead, on each worker, makes 90 %.

It takes some two minutes. The model is none of a tree or a ring of workers, which are not there.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import compiled, logistic
from fastmomentum import minimize
from fastmomentum.distributed import ShardedSum

SIZES = (10, 10_000, 1_000_000)
WORKERS = (1, 2)
WORK_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0)
MODEL_WORKERS = (2, 8, 32, 100, 320, 1000)
EFFICIENCY = 0.9
SHARDS = 4


def nothing(x, out, _):
    """No work but to write the gradient."""
    out[:] = x
    return 0.0


class Busy:
    """Takes so many seconds of processor time for all shards together."""

    def __init__(self, seconds):
        self.seconds = seconds / SHARDS

    def __call__(self, x, out, _):
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            pass
        out[:] = x
        return 0.0


def load(i):
    return np.zeros(1)


def seconds_of(objective, x, repeats):
    """Lowest and median time of an evaluation, and the driver's processor time."""
    objective(x)
    times = []
    before = time.process_time()
    for _ in range(repeats):
        begin = time.perf_counter()
        objective(x)
        times.append(time.perf_counter() - begin)
    return min(times), statistics.median(times), (time.process_time() - before) / repeats


@compiled
def poisson(x, out, features, counts):
    """Mean negative log-likelihood of counts, but for a constant."""
    total = 0.0
    out[:] = 0.0
    for i in range(counts.size):
        eta = 0.0
        for j in range(x.size):
            eta += features[i, j] * x[j]
        rate = np.exp(eta)
        total += rate - counts[i] * eta
        for j in range(x.size):
            out[j] += (rate - counts[i]) * features[i, j]
    out /= counts.size
    return total / counts.size


def sums():
    """Problems by their names: (function, args)."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((5000, 20))
    noisy = features @ rng.standard_normal(20) + rng.standard_normal(5000)
    labels = np.where(noisy > 0.0, 1.0, -1.0)
    scale = np.geomspace(1e-3, 1e3, 20)
    found = {
        "logistic": (logistic, (features, labels, 0.0)),
        "logistic, scales 1e-3 to 1e3": (logistic, (features * scale, labels, 0.0)),
    }
    try:
        from statsmodels.datasets import randhie
    except ImportError:
        return found
    table = randhie.load_pandas()
    columns = table.exog.to_numpy(float)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    columns = np.column_stack([np.ones(len(columns)), columns])
    visits = table.endog.to_numpy(float)
    scale = np.geomspace(1e-2, 1e2, columns.shape[1])
    found["randhie"] = poisson, (columns, visits)
    found["randhie, scales 1e-2 to 1e2"] = poisson, (columns * scale, visits)
    return found


def print_round_trips():
    """Evaluations beyond the first and one per iteration are trials that were not the first."""
    print("\nEvaluations, each a round trip, of an automatic rate to a gradient of 1e-5 and 1e-8;")
    print("spared: the most that several points per round trip could spare")
    print(f"{'':30s}{'method':10s}{'iterations':>16s}{'evaluations':>16s}{'spared':>14s}")
    for name, (fun, args) in sums().items():
        for method in ("momentum", "nesterov", "gd"):
            runs = [
                minimize(
                    fun, np.zeros(args[0].shape[1]), args, method, jac=True,
                    options={"gtol": gtol, "maxiter": 1000},
                )
                for gtol in (1e-5, 1e-8)
            ]  # fmt: skip
            nit = ", ".join(str(run.nit) + "*" * (not run.success) for run in runs)
            nfev = ", ".join(str(run.nfev) for run in runs)
            spared = ", ".join(f"{1.0 - (1 + run.nit) / run.nfev:.0%}" for run in runs)
            print(f"{name:30s}{method:10s}{nit:>16s}{nfev:>16s}{spared:>14s}")
    print("* not there after 1000 iterations")


def overheads(client, workers):
    """Rows of the first table, one shard per worker."""
    found = {}
    for n in SIZES:
        with ShardedSum(nothing, load, workers, client=client) as objective:
            found[n] = seconds_of(objective, np.ones(n), 200 if n < 100_000 else 20)
    return found


def efficiencies(client, workers):
    """Time without a cluster, by times and number of workers, by the work in an evaluation."""
    found = {}
    for work in WORK_SECONDS:
        x, repeats = np.ones(10), max(5, int(1.0 / work))
        with ShardedSum(Busy(work), load, SHARDS, client=client) as there:
            here = ShardedSum(Busy(work), load, SHARDS)
            pairs = []
            for _ in range(repeats):  # in turn, since other work comes and goes
                pairs.append((seconds_of(here, x, 1)[0], seconds_of(there, x, 1)[0]))
            one, many = (statistics.median(column) for column in zip(*pairs, strict=True))
            found[work] = one / many / workers
    return found


def constants(times, gbit):
    """For each n, the latency and what each worker adds."""
    found = {}
    for n in SIZES:
        spent = max(times[workers][n][2] / workers for workers in WORKERS)
        found[n] = max(times[1][n][0] - spent, 0.0), max(spent, 16.0 * n / (gbit * 1e9 / 8))
    return found


def main():
    import distributed

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gbit", type=float, default=10.0, help="the network's, for the model")
    parser.add_argument("--note", default="", help="about the machine, for the head of the table")
    chosen = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"# Python {platform.python_version()}, NumPy {np.__version__}, distributed", end=" ")
    print(f"{distributed.__version__}, {cores} cores. {chosen.note}")

    times, work, direct = {}, {}, {}
    for workers in WORKERS:
        with distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster:
            with distributed.Client(cluster) as client:
                times[workers] = overheads(client, workers)
                work[workers] = efficiencies(client, workers)
            with distributed.Client(cluster, direct_to_workers=True) as client:
                direct[workers] = overheads(client, workers)

    print("\nOne evaluation without work: ms, lowest / median (driver's processor time)")
    print(f"{'':34s}" + "".join(f"{f'n = {n:,}':>26s}" for n in SIZES))
    for name, table in (("by way of the scheduler", times), ("direct_to_workers=True", direct)):
        for workers in WORKERS:
            cells = (
                f"{1e3 * low:.1f} / {1e3 * mid:.1f} ({1e3 * cpu:.1f})"
                for low, mid, cpu in table[workers].values()
            )
            label = f"{name}, {workers} worker{'s' if workers > 1 else ''}"
            print(f"{label:34s}" + "".join(f"{cell:>26s}" for cell in cells))

    print("\nEfficiency by the work in an evaluation, n = 10: the time without a cluster")
    print("divided by that with it and by the number of workers")
    print(f"{'work, s':12s}" + "".join(f"{seconds:>10g}" for seconds in WORK_SECONDS))
    for workers in WORKERS:
        cells = "".join(f"{work[workers][seconds]:>10.2f}" for seconds in WORK_SECONDS)
        print(f"{workers} worker{' ' if workers == 1 else 's'}   " + cells)

    print_round_trips()

    known = constants(direct, chosen.gbit)
    print(f"\nModel, with direct_to_workers=True and a network of {chosen.gbit:g} Gbit/s")
    for n, (latency, message) in known.items():
        print(f"n = {n:,}: latency {1e3 * latency:.2f} ms, {1e3 * message:.2f} ms per worker")
    print("Overhead of an evaluation, s | work of each worker for an efficiency of 90 %, s")
    print(f"{'workers':>8s}" + "".join(f"{f'n = {n:,}':>22s}" for n in SIZES))
    for workers in MODEL_WORKERS:
        cells = []
        for latency, message in known.values():
            t = latency + workers * message
            cells.append(f"{t:.3g} | {t * EFFICIENCY / (1.0 - EFFICIENCY):.3g}")
        print(f"{workers:8d}" + "".join(f"{cell:>22s}" for cell in cells))


if __name__ == "__main__":
    main()
