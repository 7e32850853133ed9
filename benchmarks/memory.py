"""Memory: arrays of length n at the peak, and allocations per run.

Both are taken in child processes: a peak belongs to a whole process, and Numba counts allocations
only when asked before it starts.
"""

from __future__ import annotations

import json

from .common import METHODS, run_child

BOTH = """
import json
import numpy as np
from numba import njit
from fastmomentum import minimize

@njit
def fun(x, out):
    total = 0.0
    for i in range(x.size):
        gap = x[i] - 1.0
        out[i] = gap * gap * gap
        total += 0.25 * gap * gap * gap * gap
    return total
"""

# The peak during a run less what the process held before it, in arrays of n. A small solve compiles
# first; n is large enough for the arrays to rise above what compiling took.
PEAK = """
import resource, sys

def peak():
    # Kilobytes on Linux, bytes on macOS.
    scale = 1 if sys.platform == "darwin" else 1024
    return scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def held():
    try:
        with open("/proc/self/statm") as statm:
            return resource.getpagesize() * int(statm.read().split()[1])
    except OSError:
        return peak()

def run(x0, method):
    return minimize(fun, x0, jac=True, method=method,
                    options={"learning_rate": 1e-3, "maxiter": 5, "gtol": 0.0})

n = 8_000_000
run(np.zeros(2), METHOD)
# Written, not zeros, so that its pages count before the run and not during it.
x0 = np.full(n, 0.5)
before = held()
run(x0, METHOD)
print(json.dumps((peak() - before) / x0.nbytes))
"""

ALLOCATIONS = """
from numba.core.runtime import rtsys

def run(maxiter):
    minimize(fun, np.zeros(4), jac=True, method=METHOD,
             options={"learning_rate": 1e-6, "maxiter": maxiter, "gtol": 0.0})

def allocations(maxiter):
    before = rtsys.get_allocation_stats().alloc
    run(maxiter)
    return rtsys.get_allocation_stats().alloc - before

run(10)  # Numba counts from its first compilation on
print(json.dumps([allocations(1_000), allocations(100_000)]))
"""


def _run(script: str, method: str, **environment: str):
    return json.loads(run_child(f"METHOD = {method!r}\n{BOTH}{script}", **environment))


class Memory:
    """Peak and allocations of a run."""

    params = (METHODS,)
    param_names = ("method",)
    timeout = 300

    def track_peak_arrays(self, method):
        return _run(PEAK, method)

    def track_allocations_per_1000_iterations(self, method):
        few, many = _run(ALLOCATIONS, method, NUMBA_NRT_STATS="1")
        # Zero: a run allocates at its start and never again.
        return (many - few) / 99

    track_peak_arrays.unit = "arrays of n"
    track_allocations_per_1000_iterations.unit = "allocations"
