"""The bits of runs through every loop, printed: for processes with an empty and a filled cache."""

import hashlib
import sys

import numpy as np
import objectives
import shards
from cases import AUTOMATIC, METHODS, PROBLEMS, options_of

from fastmomentum import minimize, minimize_batch, minimize_sum, problems
from fastmomentum.jit import minimizer
from fastmomentum.penalties import ElasticNet

# Whose runs are long, or go through every phase of a search.
SAMPLE = ("softmax_wine_raw", "quadratic_rotated_clustered_1e6-100", "wood", "bard", "biggs_exp6")
SMALL = SAMPLE[2:]


def digest(*arrays):
    """A few letters that differ where a bit does."""
    blocks = (np.ascontiguousarray(a).tobytes() for a in arrays)
    return hashlib.sha256(b"".join(blocks)).hexdigest()[:16]


def cast(value, dtype):
    """An argument with its real numbers in this dtype."""
    array = np.asarray(value)
    if array.dtype != np.float64:
        return value
    return array.astype(dtype) if array.ndim else dtype.type(value)


def loaded(name, dtype):
    """x0 and args of a problem."""
    problem = problems.get(name)
    return problem.x0.astype(dtype), tuple(cast(a, dtype) for a in problem.args)


def single(name, dtype, method, options, **more):
    """One run with its history."""
    x0, args = loaded(name, dtype)
    options = {"maxiter": 2000, "history": True, **options}
    fun = problems.get(name).compiled("fused")
    found = minimize(fun, x0, args, method, True, options=options, **more)
    assert found.backend == "numba"
    return digest(found.x, found.jac, *(found.history[key] for key in sorted(found.history)))


def terms(n):
    """What may be added to an objective of n variables."""
    return {
        "free": {},
        "bounds": {"bounds": [(-0.9, 1.1)] * n},
        "penalty": {"penalty": ElasticNet(0.05, 0.2)},
    }


def alone(method, dtype):
    """The loop of a method with its automatic rate."""
    for name in SAMPLE if method == "momentum" else SMALL:
        yield name, single(name, dtype, method, {})


def automatic(method, dtype):
    """The same, and with bounds and with a penalty."""
    names = SAMPLE if method == "momentum" else SMALL
    for name in names:
        for kind, more in terms(problems.get(name).n).items():
            yield f"{name} {kind}", single(name, dtype, method, {}, **more)


def given(method, dtype):
    """The loop of a method at a given rate, alone, with bounds and with a penalty."""
    options = options_of(method, maxiter=60)
    x0, args = PROBLEMS["quadratic"].in_dtype(dtype.type)
    fun, jac = objectives.style("quadratic", "fused")
    for kind, more in terms(x0.size).items():
        if kind == "penalty" and method not in ("gd", "momentum", "nesterov"):
            continue
        found = minimize(fun, x0, args, method, jac, options=options, **more)
        yield kind, digest(found.x, found.jac)


def around(method, dtype):
    """The loops around a loop: many problems, and a call from compiled code."""
    x0, args = loaded("wood", dtype)
    fun = problems.get("wood").compiled("fused")
    starts = x0 + np.linspace(-0.5, 0.5, 7, dtype=dtype)[:, None]
    for kind, more in terms(x0.size).items():
        found = minimize_batch(fun, starts, args, method=method, jac=True, **more)
        assert found.backend == "numba"
        yield f"batch {kind}", digest(found.x, found.fun, found.nfev)
        if kind != "penalty":
            inner = minimizer(fun, method, True, **more)(starts[0], *args)
            yield f"jit {kind}", digest(inner.x, inner.jac)


def sums(method, dtype):
    """Compiled steps by mini-batches."""
    data = tuple(a.astype(dtype) for a in shards.data())
    x0, options = np.zeros(shards.N, dtype), {"learning_rate": 1e-2, "backend": "numba"}
    found = minimize_sum(
        shards.squares, x0, data, method, epochs=3, batch_size=16, seed=0, average=0.9,
        options=options,
    )  # fmt: skip
    yield "sum", digest(found.x, found.history["fun"])


def show(dtype, runs, methods):
    """Print a line for each run of these methods."""
    dtype = np.dtype(dtype)
    for method in methods:
        for label, bits in runs(method, dtype):
            sys.stdout.write(f"{dtype} {runs.__name__} {method} {label} {bits}\n")


def all_runs(dtype):
    """Print everything that one dtype has."""
    show(dtype, automatic, AUTOMATIC)
    show(dtype, given, METHODS)
    show(dtype, around, ("momentum", "nesterov", "gd"))
    show(dtype, sums, METHODS)
