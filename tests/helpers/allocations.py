"""What warm calls allocate: ``python allocations.py`` prints it as JSON.

A program of its own: Numba counts its allocations only if asked before it starts
(NUMBA_NRT_STATS=1). Counts do not depend on the speed of the machine: those of a call from Python
into compiled code are taken call by call, since how many of these a run makes does.
"""

import json
import sys
import tracemalloc
import warnings

import numpy as np
from numba.core.runtime import rtsys

from fastmomentum import minimize, minimize_batch, problems
from fastmomentum._methods import METHODS
from fastmomentum._minimize.run import Run

SIZES = {2: "rosenbrock-2", 100: "rosenbrock-100", 1000: "extended_rosenbrock-1000"}
RATES = {"given": {"learning_rate": 1e-6}, "auto": {}}
FEW, MANY = 5, 500
BATCH_METHODS = ("momentum", "nesterov", "gd", "adam")
N_PEAK = 1000


def allocated():
    return rtsys.get_allocation_stats().alloc


class Calls:
    """Allocations of each call from Python into compiled loops, and of all else."""

    def __init__(self, work):
        self.each = []
        call = Run.call

        def counted(run, *args):
            before = allocated()
            call(run, *args)
            self.each.append(allocated() - before)

        before, Run.call = allocated(), counted
        try:
            self.result = work()
        finally:
            Run.call = call
        self.rest = allocated() - before - sum(self.each)


def per_call(few, many):
    """What a call into the loop allocates, if that depends on nothing, and what the rest does."""
    each, rest = sorted({*few.each, *many.each}), sorted({few.rest, many.rest})
    return {"loop": each if len(each) > 1 else each[0], "rest": rest if len(rest) > 1 else rest[0]}


def kind_of(method, rate):
    """Runs of a kind allocate alike, but for the vectors of a method with a given rate."""
    return rate if rate == "given" else f"{METHODS[method].loop} {rate}"


def of_minimize(method, rate, n):
    """One row, and the most memory that is in use at once, in arrays of n, but for the slots."""
    problem = problems.get(SIZES[n])
    fun = problem.compiled("fused")

    def run(maxiter):
        options = {"gtol": 0.0, "maxiter": maxiter, "backend": "numba", **RATES[rate]}
        return minimize(fun, problem.x0, problem.args, method, True, options=options)

    run(FEW)
    few, many = Calls(lambda: run(FEW)), Calls(lambda: run(MANY))
    assert many.result.nit > few.result.nit, many.result
    row = per_call(few, many)
    if n == N_PEAK:
        tracemalloc.start()
        run(MANY)
        slots = len(METHODS[method].slots) if rate == "given" else 0
        row["arrays"] = round(tracemalloc.get_traced_memory()[1] / problem.x0.nbytes - slots, 1)
        tracemalloc.stop()
    return {"kind": f"minimize {kind_of(method, rate)} {n}", **row}


def of_batch(method):
    """One row: 10 and 1000 problems."""
    problem = problems.get(SIZES[2])
    fun = problem.compiled("fused")

    def run(count):
        starts = problem.x0 + np.linspace(0.0, 1.0, count)[:, None]
        return minimize_batch(
            fun, starts, problem.args, method=method, jac=True, workers=1, options={"maxiter": 40}
        )

    run(2)
    return {"kind": "minimize_batch", **per_call(Calls(lambda: run(10)), Calls(lambda: run(1000)))}


def measure():
    """Rows by name; the record has one for each kind."""
    rows = {}
    for method, known in METHODS.items():
        for rate in RATES:
            if rate == "auto" and known.loop is None:
                continue
            for n in SIZES:
                rows[f"minimize {method} {rate} {n}"] = of_minimize(method, rate, n)
    for method in BATCH_METHODS:
        rows[f"minimize_batch {method}"] = of_batch(method)
    return rows


if __name__ == "__main__":
    warnings.simplefilter("error")
    json.dump(measure(), sys.stdout)
