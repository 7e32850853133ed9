"""Steps by mini-batches: compiled, in Python, and PyTorch's loop on the same problem.

``python benchmarks/sums.py`` fits a logistic regression to 100,000 rows of 20 features by momentum,
with batches of several sizes and the same rate for all. Each figure is the CPU time of one thread
per step, the least of a few runs of an epoch taken in turn, after one that compiles. Ours includes
the pass over all rows at the end. The losses are the mean over all rows after the same number of
epochs, each solver with an order of its own.

``--cold`` is what `minimize_sum` adds to a fresh process, with an empty and with a filled cache,
when Numba has started and the user's function is compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import installed, logistic_sum, run_child
from fastmomentum import minimize_sum

ROWS, N = 100_000, 20
SIZES = (1, 8, 32, 256, 2048, 16384)
RATE, MOMENTUM = 0.05, 0.9
MOST_STEPS = {"compiled": 200_000, "Python": 3_000, "torch": 3_000}
REPEATS = 3
EPOCHS = 3  # for the losses


def problem():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((ROWS, N))
    x = rng.standard_normal(N)
    labels = np.where(features @ x + 2.0 * rng.standard_normal(ROWS) > 0.0, 1.0, -1.0)
    return features, labels


def loss(x, data):
    return logistic_sum(np.asarray(x, float), np.empty(N), *data) / ROWS


def ours(backend, **more):
    def solve(data, size, epochs):
        options = {"learning_rate": RATE, "momentum": MOMENTUM, "backend": backend}
        result = minimize_sum(
            logistic_sum, np.zeros(N), data, "momentum", batch_size=size, epochs=epochs, seed=0,
            options=options, **more,
        )  # fmt: skip
        return result.x, result.nit

    return solve


def torchs():
    """PyTorch's SGD: its own loss and gradient, rows by index, as its tutorials have it."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)

    def solve(data, size, epochs):
        features, labels = (torch.from_numpy(part) for part in data)
        x = torch.zeros(N, dtype=torch.float64, requires_grad=True)
        # Its velocity holds gradients, ours steps: the iterates are the same.
        optimizer = torch.optim.SGD([x], lr=RATE, momentum=MOMENTUM)
        steps = 0
        for _ in range(epochs):
            order = torch.randperm(len(labels))
            for rows in order.split(size):
                optimizer.zero_grad()
                margins = labels[rows] * (features[rows] @ x)
                torch.nn.functional.softplus(-margins).mean().backward()
                optimizer.step()
                steps += 1
        return x.detach().numpy(), steps

    return solve


def per_step(solvers, size, data):
    """Seconds of a step for each solver, on so many rows that it takes a moment."""
    best = dict.fromkeys(solvers, np.inf)
    for _ in range(REPEATS):
        for name, solve in solvers.items():
            count = min(ROWS, size * MOST_STEPS[name])
            part = tuple(a[:count] for a in data)
            begin = time.process_time()
            _, steps = solve(part, size, 1)
            best[name] = min(best[name], (time.process_time() - begin) / steps)
    return best


COLD = """
import json, time
import numpy as np
from benchmarks.common import logistic_sum
from benchmarks.sums import N, ours, problem
features, labels = problem()
logistic_sum(np.zeros(N), np.empty(N), features[:9], labels[:9])
begin = time.process_time()
ours({backend!r})((features[:640], labels[:640]), 32, 1)
print(json.dumps(time.process_time() - begin))
"""


def cold():
    """CPU time until the first result is there, by the state of the cache."""
    found = {}
    for backend in ("numba", "python"):
        with tempfile.TemporaryDirectory() as folder:
            for state in ("empty", "filled"):
                found[backend, state] = json.loads(
                    run_child(COLD.format(backend=backend), folder, NUMBA_CACHE_DIR=folder)
                )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--note", default="", help="about the machine, for the head of the table")
    parser.add_argument("--cold", action="store_true", help="time the first call, too")
    chosen = parser.parse_args()
    data = problem()
    solvers = {"compiled": ours("numba"), "Python": ours("python"), "torch": torchs()}
    solvers = {name: solve for name, solve in solvers.items() if solve is not None}
    versions = {"Python": platform.python_version(), **installed("numpy", "numba", "torch")}
    print(f"# {', '.join(map(' '.join, versions.items()))}, one thread. {chosen.note}")
    print(f"\nLogistic regression, {ROWS:,} x {N}, momentum: CPU time per step, us")
    others = [name for name in solvers if name != "compiled"]
    print(f"{'batch':>8s}" + "".join(f"{name:>12s}" for name in solvers), end="")
    print("".join(f"{name + ' / compiled':>20s}" for name in others))
    for solve in solvers.values():
        solve(tuple(a[:64] for a in data), 32, 1)
    for size in SIZES:
        found = per_step(solvers, size, data)
        print(f"{size:8,d}" + "".join(f"{1e6 * t:12.2f}" for t in found.values()), end="")
        print("".join(f"{found[name] / found['compiled']:20.1f}" for name in others), flush=True)
    print(f"\nMean loss over all rows after {EPOCHS} epochs; with average=0.5, SVRG")
    columns = {**solvers, "average": ours("numba", average=0.5)}
    columns["SVRG"] = ours("numba", variance_reduction="svrg")
    columns.pop("Python")  # has the bits of the compiled one
    print(f"{'batch':>8s}" + "".join(f"{name:>12s}" for name in columns))
    for size in (256, 2048):
        print(f"{size:8,d}", end="")
        for solve in columns.values():
            print(f"{loss(solve(data, size, EPOCHS)[0], data):12.6f}", end="", flush=True)
        print()
    if chosen.cold:
        print("\nFirst call of minimize_sum in a process, CPU time in s (20 steps)")
        for (backend, state), seconds in cold().items():
            print(f"backend {backend:8s}{state + ' cache':14s}{seconds:8.2f}")


if __name__ == "__main__":
    main()
