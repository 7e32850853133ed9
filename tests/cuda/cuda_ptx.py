"""Compile the batch kernels for a device that is not there, and read what ptxas says of them.

python tests/cuda/cuda_ptx.py          print the table of every kernel
python tests/cuda/cuda_ptx.py --write  write it to tests/data/cuda_registers.json
python tests/cuda/cuda_ptx.py gd_auto  those whose names hold one of the words, --write or not
"""

import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import types as python_types
from unittest import mock

import numpy as np

# As a program
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "helpers"))

from plain import entry, rosenbrock, value

from fastmomentum._language import layout
from fastmomentum._methods import METHODS
from fastmomentum.objectives import entrywise, sum_of_terms

TABLE = pathlib.Path(__file__).parents[1] / "data" / "cuda_registers.json"
ARCHITECTURES = ("sm_80", "sm_90")
DEVICE = python_types.SimpleNamespace(compute_capability=(8, 0))
MEMORY = 10
N_OWN = max(len(m.constants) + len(m.carries) for m in METHODS.values())
# (loop, dtype, n, style, bounded); n = 0: at run time; terms-32: a sum, for 32 lanes of a problem.
# Those of QUICK are compiled in every run.
QUICK = (
    ("momentum", "float64", 2, "fused", False),
    ("momentum", "float64", 10, "fused", False),
    ("momentum", "float64", 16, "fused", False),
    ("momentum", "float32", 10, "fused", False),
    ("nadam", "float32", 5, "two_point", True),
    ("gd_auto", "float64", 10, "in_place", False),
    ("nesterov_auto", "float32", 10, "fused", False),
    ("momentum_auto", "float64", 10, "fused", False),
    ("momentum_auto", "float32", 10, "three_point", False),
    ("momentum_composite", "float32", 5, "fused", True),
    ("momentum", "float64", 0, "fused", False),
    ("nesterov", "float64", 5, "terms-32", False),
    ("momentum", "float32", 5, "terms-32", False),
    ("nesterov", "float64", 0, "step", False),
    ("adam", "float32", 0, "step", False),
    ("nesterov", "float64", 0, "iterate", False),
    ("adam", "float32", 0, "iterate", True),
    ("momentum_auto", "float32", 0, "tell", False),
    ("gd_composite", "float32", 0, "found", True),
    ("nesterov_auto", "float32", 0, "go_on", False),
)
# Kernels that a whole grid goes through together.
TEAM = ("tell", "go_on", "found")
# Iterations with a given rate on large vectors: one, or many.
STEPS = ("step", "iterate")
# What waits for a whole grid.
WAITING = (*TEAM, "iterate")
PRECISIONS = ("float64", "float32")
SIZES = (2, 4, 5, 8, 10, 16)
ALL = tuple(
    dict.fromkeys(
        [
            *QUICK,
            *((m, d, n, "fused", False) for m in METHODS for d in PRECISIONS for n in SIZES),
            *(
                (m, d, 0, style, b)
                for style in STEPS
                for m in METHODS
                for d in PRECISIONS
                for b in (False, True)
            ),
            *((m, d, 5, "fused", True) for m in METHODS for d in PRECISIONS),
            *(
                (f"{m}_{kind}", d, n, "fused", kind == "composite")
                for m in ("gd", "nesterov", "momentum")
                for kind in ("auto", "composite")
                for d in PRECISIONS
                for n in (2, 5, 10, 0)
            ),
            *(
                (f"{m}_{kind}", d, 0, style, kind == "composite")
                for m in ("gd", "nesterov", "momentum")
                for kind in ("auto", "composite")
                for d in PRECISIONS
                for style in TEAM
            ),
            *(("momentum", d, 32, "fused", False) for d in PRECISIONS),
            *(
                (loop, d, 5, style, False)
                for loop in ("momentum", "nesterov", "momentum_auto", "nesterov_auto")
                for d in PRECISIONS
                for style in ("terms-1", "terms-32")
            ),
            ("momentum", "float64", 5, "terms-8", False),
            ("momentum", "float64", 10, "entries", False),
        ]
    )
)  # fmt: skip


# What a user asks for, in float32: (method, learning rate, gradient, what else). The gradient may
# also be "terms-32".
FEATURES = ("bounds", "norm", "penalty", "schedule", "row bounds", "")
SINGLE = tuple(
    (method, rate, jac, feature)
    for feature in FEATURES
    for method in METHODS
    for rate in ("given", "auto")
    for jac in ("fused", *(("2-point", "3-point") if feature == "bounds" else ()))
    if not (rate == "auto" and METHODS[method].loop is None)
    if not (feature == "penalty" and rate == "given")
    if not (feature == "schedule" and rate == "auto")
    if not (jac != "fused" and rate == "auto" and method not in ("gd", "nesterov", "momentum"))
)
QUICK_SINGLE = (
    ("adam", "auto", "fused", ""),
    ("gd", "auto", "fused", "penalty"),
    ("amsgrad", "given", "fused", "norm"),
    ("nesterov", "given", "2-point", "bounds"),
)


def name_of(case):
    loop, dtype, n, style, bounded = case
    return f"{loop}-{dtype}-{n or 'n'}-{style}{'-bounded' if bounded else ''}"


def gradient(x, out):
    rosenbrock(x, out)


def peak(k, x, out, pixels, data):
    """A term of the squares of a 2-D Gaussian of 5 parameters less the data."""
    dx, dy = pixels[k, 0] - x[1], pixels[k, 1] - x[2]
    scale = 0.5 / (x[3] * x[3])
    square = dx * dx + dy * dy
    e = math.exp(-square * scale)
    r = x[0] * e + x[4] - data[k]
    slope = r * x[0] * e * 2.0 * scale
    out[0] += r * e
    out[1] += slope * dx
    out[2] += slope * dy
    out[3] += slope * square / x[3]
    out[4] += r
    return 0.5 * r * r


def n_pixels(x, pixels, data):
    return data.shape[0]


def chain_rows(r, x, w, scales):
    """Rows of a chain: two neighbours each."""
    w[r] = scales[r] * (x[r + 1] - x[r] * x[r])
    return w[r] * w[r]


def chain(i, x, w, out, scales):
    """And its entries."""
    slope = 0.0
    if i > 0:
        slope += 2.0 * scales[i - 1] * w[i - 1]
    if i < w.shape[0]:
        slope -= 4.0 * scales[i] * w[i] * x[i]
    out[i] = slope
    return 0.0


def chain_entries():
    """The functions of this objective."""
    from fastmomentum._cuda.entries import EntryFunctions

    return EntryFunctions(None, chain, chain_rows)


def spec_of(case):
    """What the front end would ask for."""
    from fastmomentum._cuda.batch import Spec
    from fastmomentum._cuda.numbers import fixed_of

    loop, dtype, n, style, bounded = case
    style, _, lanes = style.partition("-")
    args = ((2, ""), (2, "first" if lanes != "1" else "last")) if style == "terms" else ()
    terms, n_extra = 0, layout.FIRST_LEVEL + layout.N_LEVELS
    if loop in METHODS:
        method = METHODS[loop]
        n_rows = 2 + len(method.slots)
    else:
        n_rows = layout.PAIRS
        if loop.startswith("momentum"):
            n_rows += 2 * MEMORY + layout.METRIC_ROWS
            n_extra += 2 * MEMORY
        if loop.endswith("composite"):
            terms = n_rows
            n_rows += layout.TERM_ROWS
    if loop in METHODS and bounded:
        terms = layout.FIRST_SLOT + len(method.slots)
    memory = MEMORY if loop.startswith("momentum_") else 0
    values = dict.fromkeys(layout.INTS, 0)
    values |= {"MEMORY": memory, "TERMS": terms, "SEPARABLE": int(terms > 0), "COST_FUN": 1}
    values |= {"COST_JAC": 1, "BOUNDED": int(bounded)}
    fixed = fixed_of(values)
    return Spec(
        loop, dtype, n, n_rows, n_extra, fixed, style, bounded, bounded, args, int(lanes or 1)
    )


def argument_types(spec):
    """Types of the kernel's arguments, as `Launch` passes them."""
    from numba.cuda import types

    real = types.float32 if spec.dtype == "float32" else types.float64

    def array(dtype, dimensions):
        return types.Array(dtype, dimensions, "C")

    vector, table = array(real, 1), array(real, 2)
    integers = array(types.int32, 1)
    some = types.Tuple
    return (
        some((table, table, table, array(types.int32, 2))),  # points, gradients, numbers, counts
        some((array(types.int64, 1), array(types.int64, 1), integers)),  # todo, queue, stop
        # What ints, floats, extra and rows start from, and which rows.
        some((integers, vector, vector, table, integers)),
        some((table, table)),  # lower, upper
        some((vector, vector)),  # rates, momenta
        # Steps of differences, and the user's arguments.
        some(
            (
                some((real, vector, vector)),
                some(tuple(array(real, dimensions) for dimensions, _ in spec.args)),
            )
        ),
        array(real, 3),  # scratch
        some((types.int64, types.int64)),  # stretch, maxiter
    )


class Asked(Exception):
    """What the front end would compile."""


def asked_for(case):
    """(spec, fun, jac) of a case of SINGLE, as `minimize_batch` asks for it."""
    from fastmomentum import minimize_batch, penalties, schedules
    from fastmomentum._cuda import batch, device

    method, rate, jac, feature = case
    n = 5
    bounds = [(-1.0, 1.0)] * n if feature in ("bounds", "penalty") else None
    if feature == "row bounds":
        bounds = python_types.SimpleNamespace(lb=np.full((2, n), -1.0), ub=np.ones((2, n)))
    options = {} if rate == "auto" else {"learning_rate": 1e-3}
    if feature == "norm":
        options["norm"] = 3.5
    if feature == "schedule":
        options["learning_rate"] = schedules.Step(1e-3, 0.5, 10)

    fun, args = (rosenbrock if jac == "fused" else value), ()
    kind, _, lanes = jac.partition("-")
    if kind == "terms":
        fun = sum_of_terms(peak, n_pixels, threads=int(lanes))
        args = tuple(np.ones((2, 2), np.float32) for _ in range(2))

    def ask(*found):
        raise Asked(*found)

    with (
        mock.patch.object(device, "_reason", str),
        mock.patch.object(batch, "compiled", ask),
        mock.patch("numba.cuda.get_current_device", lambda: DEVICE),
    ):
        try:
            minimize_batch(
                fun,
                np.ones((2, n), np.float32),
                args,
                (False, True) if args else False,
                method=method,
                jac=True if jac == "fused" or args else jac,
                bounds=bounds,
                penalty=penalties.L1(0.1) if feature == "penalty" else None,
                options=options,
                device="cuda",
            )
        except Asked as found:
            return found.args
    raise AssertionError(f"{case} compiles nothing")


def ptx_asked_for(case):
    """The PTX of a case of SINGLE."""
    from fastmomentum._cuda.batch import make_kernel

    spec, fun, jac = asked_for(case)
    return compiled(make_kernel(spec, fun, jac), argument_types(spec))


def step_of(case):
    """(kernel, types of its arguments) of iterations on large vectors."""
    from numba.cuda import types

    from fastmomentum._cuda.large import THREADS
    from fastmomentum._cuda.numbers import fixed_of
    from fastmomentum._cuda.step import make_step

    method, dtype, _, style, bounded = case
    values = dict.fromkeys(layout.INTS, 0) | {"BOUNDED": int(bounded)}
    fixed = fixed_of(values)
    real = types.float32 if dtype == "float32" else types.float64
    vector, table = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    integers = types.Array(types.int32, 1, "C")
    own = chain_entries() if style == "iterate" else None
    step, iterate = make_step(method, np.dtype(dtype).type, THREADS, N_OWN, fixed, own)
    some = types.Tuple
    pair, three = some((vector, vector)), some((vector, vector, vector))
    # vectors, numbers, rates, bounds
    arrays = some((table, vector)), some((integers, vector, vector)), pair, pair
    if style == "iterate":
        user = some((types.Array(real, 3, "C"), vector, some((vector,))))
        return iterate, (three, vector, *arrays, user, some((types.int64, types.int64)))
    return step, (three, pair, *arrays, some((table, integers)), types.int64)


def team_of(case):
    """(kernel, types of its arguments) of one of the two of a team."""
    from numba.cuda import types

    from fastmomentum._cuda.numbers import fixed_of
    from fastmomentum._cuda.team import THREADS, make_team

    loop, dtype, _, style, bounded = case
    values = dict.fromkeys(layout.INTS, 0)
    values |= {"MEMORY": MEMORY, "SEPARABLE": 1, "COST_FUN": 1, "COST_JAC": 1}
    values |= {"TERMS": layout.PAIRS + 2 * MEMORY + layout.METRIC_ROWS if bounded else 0}
    values["BOUNDED"] = int(bounded)
    fixed = fixed_of(values)
    n_extra = 2 * MEMORY + layout.FIRST_LEVEL + layout.N_LEVELS + 1
    entries = chain_entries() if style == "go_on" else None
    made = make_team(loop, np.dtype(dtype).type, THREADS, n_extra, fixed, entries)
    tell, go_on, found = made
    real = types.float32 if dtype == "float32" else types.float64
    vector, table = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    numbers = (types.Array(types.int32, 1, "C"), vector, vector, types.Array(real, 3, "C"))
    numbers = types.Tuple(numbers)
    made, given = {
        "tell": (tell, (vector, vector, vector)),
        "go_on": (go_on, (vector, types.Tuple((vector,)), types.int64)),
        "found": (found, (vector, vector, vector, types.int64)),
    }[style]
    return made, (table, numbers, types.Tuple(given), types.int64, types.int64)


def batch_of(case):
    """(kernel, types of its arguments) of a batch."""
    from fastmomentum._cuda.batch import make_kernel

    spec = spec_of(case)
    fun, jac = {
        "fused": (rosenbrock, None),
        "terms": (sum_of_terms(peak, n_pixels), None),
        "entries": (entrywise(entry), None),
    }.get(spec.style, (value, gradient))
    return make_kernel(spec, fun, jac), argument_types(spec)


def rows_of(dtype, layout):
    """(kernel, types of its arguments) of those on rows; `layout` is that of the user's arrays."""
    from numba.cuda import types

    from fastmomentum._cuda import rows

    real = types.float32 if dtype == "float32" else types.float64
    given = types.Array(real, 2, layout)
    vector, table = types.Array(real, 1, "C"), types.Array(real, 2, "C")
    found, counts = types.Array(types.int8, 1, "C"), types.Array(types.int32, 2, "C")
    return (
        (rows.turn, (table, given)),
        (rows.put, (given, table, counts)),
        (rows.put_numbers, (vector, vector, counts)),
        (
            rows.put_numbers,
            (types.Array(types.int64, 1, "C"), types.Array(types.int32, 1, "C"), counts),
        ),
        (rows.repeat, (table, given)),
        (rows.fill, (vector, types.float64)),
        (rows.fill, (types.Array(types.int64, 1, "C"), types.int64)),
        (rows.not_finite, (found, given)),
        (rows.intervals, (found, given, given, vector, vector)),
        (rows.narrow, (table, table, vector, vector)),
    )


def compiled(made, arguments):
    """A kernel's PTX, which every later architecture takes, too."""
    from numba import cuda

    with mock.patch("numba.cuda.dispatcher.get_current_device", lambda: DEVICE):
        ptx, _ = cuda.compile(made, arguments, device=False, abi="numba", cc=(8, 0))
    return ptx


def ptx_of(case):
    """The PTX of a case's kernel."""
    kinds = dict.fromkeys(STEPS, step_of) | dict.fromkeys(TEAM, team_of)
    return compiled(*kinds.get(case[3], batch_of)(case))


def find_ptxas():
    """Path of ptxas: that of the package nvidia-cuda-nvcc, or one in PATH, or None."""
    packages = pathlib.Path(sysconfig.get_paths()["purelib"]) / "nvidia"
    found = sorted(packages.glob("*/bin/ptxas*"))
    return str(found[0]) if found else shutil.which("ptxas")


def flags_of(case):
    """Of ptxas: what waits for a whole grid is linked later."""
    from fastmomentum._cuda.team import MOST_REGISTERS

    most = (f"-maxrregcount={MOST_REGISTERS}",) if case[3] in TEAM else ()
    return ("-c", *most) if case[3] in WAITING else ()


def assemble(ptx, architecture, flags=()):
    """(registers, bytes of stack, bytes of spills); of several functions the most."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "kernel.ptx"
        source.write_text(ptx, encoding="ascii")
        command = [find_ptxas(), "-v", *flags, f"-arch={architecture}", str(source), "-o"]
        done = subprocess.run([*command, f"{source}.cubin"], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"ptxas: {done.stderr[:2000]}")
    registers = int(re.search(r"Used (\d+) registers", done.stderr).group(1))
    memory = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores", done.stderr)
    stack, spills = (max(map(int, column)) for column in zip(*memory, strict=True))
    return registers, stack, spills


def wide_instructions(ptx):
    """Instructions of float64."""
    return re.findall(r"^.*\.f64.*$", ptx, flags=re.M)


def taken_from_other_lanes(ptx):
    """Registers of numbers that the lanes of a problem swap to add them up."""
    found = r"shfl\.sync\.bfly[^\n]*\n(?:(?!.*shfl)[^\n]*\n)*?\s*mov\.b(?:32|64)\s+(%fd?\d+),"
    return re.findall(found, ptx)


def main():
    known = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    for case in ALL:
        if "--missing" in sys.argv and name_of(case) in known:
            continue
        if words and not any(word in name_of(case) for word in words):
            continue
        ptx = ptx_of(case)
        row = {name: assemble(ptx, name, flags_of(case)) for name in ARCHITECTURES}
        known[name_of(case)] = row
        wide = len(wide_instructions(ptx)) if case[1] == "float32" else 0
        sys.stdout.write(f"{name_of(case):45s} {row} {wide or ''}\n")
        sys.stdout.flush()
        if "--write" in sys.argv:
            lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in known.items())
            TABLE.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
