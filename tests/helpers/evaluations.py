"""Evaluations of the automatic methods on every problem: ``python evaluations.py`` prints them.

    python evaluations.py --targets     prints the processor targets that this machine can run

On one machine they are the same in every run. On another type of processor a last digit differs
(other instructions, another libm or BLAS), and after hundreds of iterations so do the counts. The
record therefore has a column for each of several targets of the compiler (NUMBA_CPU_NAME), and
what they differ by says how far the counts of an unknown machine may be from them.
"""

import functools
import hashlib
import json
import math
import platform
import statistics
import sys
from pathlib import Path

import llvmlite
import numba
import numpy as np
from llvmlite import binding

# As a program, and in processes that tests start here.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import fastmomentum
from benchmarks import holdout
from fastmomentum import minimize
from fastmomentum._cli.bench import parse_solver

# Nadam's are those of Adam.
METHODS = (
    "momentum",
    "momentum:memory=1",
    "nesterov",
    "gd",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "adamax",
    "amsgrad",
)
GROUPS = ("classical", "regression", "quadratic", "imaging", "holdout")
BUDGET = 5000
LIMIT = math.log(1.25)
PATH = Path(__file__).parents[1] / "data" / "evaluations.json"

_AVX2 = ("avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe")
_AVX512 = (*_AVX2, "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl")
_ZEN3 = (*_AVX2, "sse4a", "vaes", "vpclmulqdq", "sha", "clzero")
# What a processor must have to run code for a target.
TARGETS = {
    "nehalem": ("sse4.2", "popcnt"),
    "haswell": _AVX2,
    "skylake": (*_AVX2, "adx", "aes"),
    "skylake-avx512": (*_AVX512, "adx", "aes", "clwb"),
    "znver3": _ZEN3,
    "znver4": (*_ZEN3, *_AVX512, "avx512bf16", "avx512vbmi2", "gfni"),
}


def runnable_targets():
    """Those that this machine can run; none on another architecture."""
    features = binding.get_host_cpu_features()
    return [name for name, needed in TARGETS.items() if all(features.get(f) for f in needed)]


def target():
    """The target that this process compiles for, if it is one of TARGETS."""
    if numba.config.CPU_NAME is None and numba.config.CPU_FEATURES is None:
        name = binding.get_host_cpu_name()
        return name if name in runnable_targets() else None
    whole = numba.config.CPU_FEATURES == ""  # all that a processor of this name has
    return numba.config.CPU_NAME if whole and numba.config.CPU_NAME in TARGETS else None


def for_target(name):
    """What to set in the environment of a process that compiles for a target."""
    return {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ""}


def machine():
    """All else that the last digits of a run depend on."""
    package = Path(fastmomentum.__file__).parent
    inside = (
        package / folder for folder in ("_loops", "_numba", "_language", "_methods", "problems")
    )
    text = hashlib.sha256()
    for folder in (*inside, Path(holdout.__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            text.update(path.read_bytes())
    features = sorted(name for name, has in binding.get_host_cpu_features().items() if has)
    return {
        "processor": f"{platform.system()} {platform.machine()} {binding.get_host_cpu_name()}",
        "features": hashlib.sha256(" ".join(features).encode()).hexdigest()[:16],
        "libc": " ".join(platform.libc_ver()),
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "numpy": np.__version__,
        "source": text.hexdigest()[:16],
    }


@functools.cache
def problem(name):
    """A problem; its objective is compiled once."""
    return holdout.ALL.get(name)


def count(name, method):
    """Evaluations to gtol 1e-5; negative where the run ended without."""
    solver, given = parse_solver(method), problem(name)
    result = minimize(
        given.compiled("fused"),
        given.x0,
        args=given.args,
        jac=True,
        method=solver.method,
        options={"maxfev": BUDGET, "maxiter": BUDGET, **solver.options},
    )
    return int(result.nfev) if result.success else -int(result.nfev)


def measure(group, method):
    """Counts by problem."""
    return {name: count(name, method) for name in holdout.ALL.names(group)}


def solved(counts):
    """Problems that were solved."""
    return sum(n > 0 for n in counts)


def log_changes(counts, rows):
    """Logarithm of what each problem takes now times what the targets take in the mean.

    At most LIMIT either way: rounding alone makes single problems take four times as many, and
    none of them shall decide.
    """
    means = (statistics.fmean(math.log(abs(n)) for n in row) for row in rows)
    changes = (math.log(abs(n)) - mean for n, mean in zip(counts, means, strict=True))
    return [max(-LIMIT, min(change, LIMIT)) for change in changes]


def log_change(counts, rows):
    """Mean of `log_changes`: of a group, unsolved problems included."""
    return statistics.fmean(log_changes(counts, rows))


def luck(rows):
    """By how much rounding may move `log_change`, by a group's rows of counts by target.

    Five standard deviations, as if problems were independent; and two problems of which no target
    has shown that rounding moves them.
    """
    by_target = [log_changes(column, rows) for column in zip(*rows, strict=True)]
    variances = map(statistics.pvariance, zip(*by_target, strict=True))
    return (5.0 * math.sqrt(math.fsum(variances)) + 2.0 * LIMIT) / len(rows)


def always_solved(rows):
    """Problems of a group that every target solves."""
    return sum(min(row) > 0 for row in rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--targets"]:
        sys.stdout.write("\n".join(runnable_targets()) + "\n")
    else:
        json.dump({g: {m: measure(g, m) for m in METHODS} for g in GROUPS}, sys.stdout)
