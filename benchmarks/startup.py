"""Time to the first solve in a fresh process, with an empty and with a filled cache directory.

Each figure is the CPU time that fastmomentum adds: Numba's own start and the user's functions are
compiled, or loaded, earlier in the same child and timed apart. Compilation runs on one thread, and
CPU time is what other load on the machine disturbs least.

``python benchmarks/startup.py`` prints the table.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

if __package__:
    from .common import run_child
else:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.common import run_child

STAGES = {
    "numba and user functions": "Numba's start and the user's functions (not ours)",
    "import": "import fastmomentum",
    "first": "first solve",
    "second": "another objective, same types of args",
    "new args": "another objective, new types of args",
    "no gradient": "first solve without a gradient (2-point)",
    "automatic": "first solve with an automatic rate",
    "repeat": "the first solve again",
    # Each of the two in a cache of its own.
    "loop": "a first loop of the user's own around a minimizer, fixed rate",
    "another loop": "another such loop, around a minimizer of another objective",
    "automatic loop": "a first loop, automatic rate",
}

USER = """
from numba import njit

@njit(cache=True)
def first(x, out):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * x[i]
        total += x[i] * x[i]
    return total

@njit(cache=True)
def second(x, out):
    total = 0.0
    for i in range(x.size):
        out[i] = 4.0 * x[i] ** 3
        total += x[i] ** 4
    return total

@njit(cache=True)
def with_args(x, out, centre, scale):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * scale * (x[i] - centre[i])
        total += scale * (x[i] - centre[i]) ** 2
    return total

@njit(cache=True)
def value(x):
    total = 0.0
    for i in range(x.size):
        total += x[i] * x[i]
    return total
"""

LOOP = """
import numpy as np
from numba import njit
from fastmomentum.jit import minimizer
from user import {objective}

solve = minimizer({objective}, jac=True, options={options})

@njit(cache=True)
def lowest(starts):
    best = solve(starts[0])
    for i in range(1, len(starts)):
        found = solve(starts[i])
        if found.fun < best.fun:
            best = found
    return best.x
"""
FIXED, AUTOMATIC = {"learning_rate": 0.1, "maxiter": 5}, {"maxiter": 5}
LOOPS = {
    "fixed_rate.py": LOOP.format(objective="first", options=FIXED),
    "another.py": LOOP.format(objective="second", options=FIXED),
    "automatic_rate.py": LOOP.format(objective="first", options=AUTOMATIC),
}

START = """
import json
from time import process_time as clock

seconds, start = {}, clock()

def lap(name):
    global start
    now = clock()
    seconds[name] = now - start
    start = clock()

import numpy as np
import user

x, out, centre = np.ones(4), np.empty(4), np.zeros(4)
user.first(x, out), user.second(x, out), user.with_args(x, out, centre, 0.5), user.value(x)
lap("numba and user functions")
"""
SCRIPT = """
from fastmomentum import minimize
lap("import")

options = {"learning_rate": 0.1, "maxiter": 5}
minimize(user.first, x, jac=True, method="momentum", options=options)
lap("first")
minimize(user.second, x, jac=True, method="momentum", options=options)
lap("second")
minimize(user.with_args, x, (centre, 0.5), jac=True, method="momentum", options=options)
lap("new args")
minimize(user.value, x, method="momentum", options=options)
lap("no gradient")
minimize(user.first, x, jac=True, method="momentum", options={"maxiter": 5})
lap("automatic")
minimize(user.first, x, jac=True, method="momentum", options=options)
lap("repeat")
"""
FIXED_LOOP = """
import fixed_rate
fixed_rate.lowest(np.ones((3, 4)))
lap("loop")
import another
another.lowest(np.ones((3, 4)))
lap("another loop")
"""
AUTOMATIC_LOOP = """
import automatic_rate
automatic_rate.lowest(np.ones((3, 4)))
lap("automatic loop")
"""
END = """
print(json.dumps(seconds))
"""


COMPILE = """
import json
from time import process_time
import numpy as np
import user
from fastmomentum import minimize

x, out = np.ones(4), np.empty(4)
user.first(x, out)

def solve():
    start = process_time()
    minimize(user.first, x, jac=True, method=METHOD, options={"maxiter": 5})
    return process_time() - start

first = solve()
print(json.dumps(first - solve()))
"""


def compile_seconds(method: str) -> float:
    """CPU seconds that the first solve with an automatic rate takes longer than the second."""
    with tempfile.TemporaryDirectory() as cache:
        script = f"METHOD = {method!r}\n{COMPILE}"
        return json.loads(run_child(script, cache, {"user.py": USER}, NUMBA_CACHE_DIR=cache))


def measure(warm_runs: int = 3) -> dict[str, dict[str, float]]:
    """Seconds per stage for a cold child and, the least of some, for warm ones."""
    measured: dict[str, dict[str, float]] = {"cold": {}, "warm": {}}
    for script in (FIXED_LOOP, AUTOMATIC_LOOP, SCRIPT):
        cold, warm = measure_script(START + script + END, warm_runs)
        measured["cold"] |= cold
        measured["warm"] |= warm
    return measured


def measure_script(script: str, warm_runs: int) -> tuple[dict[str, float], dict[str, float]]:
    """The same for one script, whose children share a cache directory that is empty at first."""
    with tempfile.TemporaryDirectory() as cache:

        def child():
            files = {"user.py": USER, **LOOPS}
            return json.loads(run_child(script, cache, files, NUMBA_CACHE_DIR=cache))

        cold = child()
        warm = [child() for _ in range(warm_runs)]
    return cold, {stage: min(run[stage] for run in warm) for stage in cold}


class Startup:
    """CPU seconds of each stage of a fresh process."""

    params = (("cold", "warm"), tuple(STAGES))
    param_names = ("cache", "stage")
    timeout = 600

    def setup_cache(self):
        return measure()

    setup_cache.timeout = 600

    def track_cpu_seconds(self, measured, cache, stage):
        return measured[cache][stage]

    track_cpu_seconds.unit = "s"


class Compile:
    """CPU seconds that the loops take to compile, with an empty cache."""

    params = (("momentum", "nesterov", "gd", "adam"),)
    param_names = ("method",)
    timeout = 300
    track_seconds = staticmethod(compile_seconds)
    track_seconds.unit = "s"


def main() -> None:
    """Print the table."""
    measured = measure()
    print("| stage of a fresh process (CPU ms) | empty cache | filled cache |")
    print("|---|--:|--:|")
    for stage, words in STAGES.items():
        print(f"| {words} | {1e3 * measured['cold'][stage]:.1f} "
              f"| {1e3 * measured['warm'][stage]:.1f} |")  # fmt: skip


if __name__ == "__main__":
    main()
