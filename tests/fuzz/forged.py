"""Files of runs that were not written by `save`: to be refused, or to be runs that do no harm.

`target` makes a file of some bytes, reads it and goes on from it. ``checkpoint.py`` feeds it bytes
found by atheris, ``test_fuzz.py`` those of Hypothesis and the seeds below.
"""

import functools
import io
import os
import pathlib
import tempfile
import zipfile

import numpy as np

from fastmomentum import BatchState, State, minimize, minimize_batch, penalties
from fastmomentum._language import layout
from fastmomentum._numba.jit import jit_disabled

WEIGHTS = np.array([1.0, 3.0, 10.0])
X0 = np.array([1.0, -2.0, 0.5])
# Calls of `minimize` whose states are forged; every loop, and every way that it keeps vectors.
CALLS = (
    {"method": "momentum"},
    {"method": "momentum", "options": {"memory": 2, "history": True, "ftol": 1e-12}},
    {"method": "momentum", "options": {"x_scale": [1.0, 2.0, 3.0], "maxfev": 60}},
    {"method": "nesterov"},
    {"method": "gd"},
    {"method": "adam"},
    {"method": "adam", "options": {"learning_rate": 0.1}},
    {"method": "momentum", "options": {"learning_rate": 0.05, "patience": 9}},
    {"method": "nesterov", "options": {"learning_rate": lambda k: 0.05, "history": True}},
    {"method": "momentum", "bounds": [(0.0, 1.0)] * 3},
    {"method": "momentum", "penalty": penalties.L1(0.1)},
    {"method": "nesterov", "penalty": penalties.L1(0.1)},
    {"method": "gd", "penalty": penalties.Simplex()},
    {"method": "nesterov", "penalty": penalties.TV1D(0.1)},
    {"method": "gd", "options": {"learning_rate": 0.05}},
    {"method": "gd", "penalty": penalties.L1(0.1)},
    {"method": "momentum", "penalty": penalties.L1(0.1), "options": {"learning_rate": 0.05}},
    {"method": "nesterov", "penalty": penalties.TV1D(0.1), "options": {"learning_rate": 0.05}},
)
NUMBERS = (0, 1, -1, 2, 3, 4, 5, -2, 9, 10, 11, 33, 255, 2**31, 2**62, -(2**63), 2**63 - 1)
REALS = (0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e-300, 1e300, 0.5, -1e-12)
# Inputs that were wrong once, or that reach much.
SEEDS = (
    b"",
    b"\x00PK\x03\x04",
    b'\x01{"rules": 5}',
    b'\x01{"rules": ["ab", 3]}',
    b'\x01{"status": 1e400, "method": []}',
    b'\x02{"rules": {"a": NaN}, "limits": {"maxiter": Infinity}}',
    b'\x02{"limits": {"maxiter": "x"}, "starts": null}',
    b"\x03\x00\x02",
    *(bytes((4, call)) for call in range(len(CALLS))),
    *(
        bytes((4, call, 0, layout.INTS.index(name), number))
        for call in range(len(CALLS))
        for name, number in (
            ("BEST", 2),
            ("AHEAD", 2),
            ("PREVIOUS", 2),
            ("LOWEST", 2),
            ("PENDING", 3),
        )
    ),
    *(
        bytes((4, call, 0, layout.INTS.index("PHASE"), 0, 1, layout.FLOATS.index("BETA"), 1))
        for call in range(len(CALLS))
    ),
    *(
        bytes((4, call, 0, layout.INTS.index("PHASE"), number))
        for call in range(len(CALLS))
        for number in range(5)
    ),
)


def fun(x):
    """A convex function with its gradient."""
    return 0.5 * float(x @ (WEIGHTS * x)) + float(np.cos(x).sum()), WEIGHTS * x - np.sin(x)


def solve(call, **more):
    """The call of this number."""
    given = dict(CALLS[call])
    options = {**given.pop("options", {}), **more.pop("options", {})}
    return minimize(fun, X0, jac=True, options=options, **given, **more)


@functools.cache
def state_of(call, maxiter=6):
    """A state to forge."""
    return solve(call, options={"maxiter": maxiter, "keep_state": True}).state


@functools.cache
def batch_state():
    """The same of a batch."""
    return minimize_batch(
        fun, np.array([X0, 2.0 * X0]), jac=True, options={"keep_state": True}
    ).state


@functools.cache
def folder():
    """Where the files are written: in memory where that can be."""
    shared = "/dev/shm"
    return tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None)


def write(data):
    """The path of a file with these bytes."""
    path = os.path.join(folder(), "run.npz")
    pathlib.Path(path).write_bytes(data)
    return path


def members_of(state):
    """The members of its file."""
    path = os.path.join(folder(), "whole.npz")
    state.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members):
    """The bytes of a file with these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def with_meta(state, changes):
    """A file whose meta data are those of `state` but for the end of their text."""
    members = members_of(state)
    with np.load(io.BytesIO(packed(members))) as whole:
        meta = whole["meta"].tobytes()
    # In JSON the last of several equal names counts.
    text = meta[:-1] + b", " + changes.lstrip(b"{") if changes[:1] == b"{" else changes
    stream = io.BytesIO()
    np.save(stream, np.frombuffer(text, np.uint8))
    return packed({**members, "meta.npy": stream.getvalue()})


def load(kind, data):
    """What `data` holds, None if it is refused."""
    try:
        return kind.load(write(data))
    except ValueError:
        return None


def go_on(call, state):
    """Run the loop from a forged state: it may refuse it or end in any way, but must keep to its
    arrays."""
    rows = state.rows.copy()
    try:
        solve(call, state=state, options={"maxiter": state.nit + 4, "maxfev": state.nfev + 40})
    except MemoryError:
        pass  # a history of 2**62 iterations
    except ValueError as error:
        if "must be" not in str(error):
            raise
    assert np.array_equal(rows, state.rows, equal_nan=True)


def forged(call, edits):
    """The state of a call with edits: three bytes each, the array, the place and the value."""
    state = state_of(call)
    ints, floats = state.ints.copy(), state.floats.copy()
    for kind, place, value in zip(*[iter(edits)] * 3, strict=False):
        if kind % 2 == 0:
            ints[place % ints.size] = NUMBERS[value % len(NUMBERS)]
        else:
            floats[place % floats.size] = REALS[value % len(REALS)]
    members = members_of(state)
    for name, array in (("ints", ints), ("floats", floats)):
        stream = io.BytesIO()
        np.save(stream, array)
        members[f"{name}.npy"] = stream.getvalue()
    return packed(members)


def target(data):
    """One input: how it is to be read, and what is read."""
    mode, rest = (data[0] % 5 if data else 0), data[1:]
    if mode == 0:
        for kind in (State, BatchState):
            load(kind, rest)
    elif mode == 1:
        state = load(State, with_meta(state_of(0), rest))
        if state is not None:
            go_on(0, state)
            repr(state)
    elif mode == 2:
        load(BatchState, with_meta(batch_state(), rest))
    elif mode == 3:
        state = batch_state()
        counts = state.counts.copy()
        for place, value in zip(*[iter(rest)] * 2, strict=False):
            counts.flat[place % counts.size] = NUMBERS[value % len(NUMBERS)]
        stream = io.BytesIO()
        np.save(stream, counts)
        found = load(BatchState, packed({**members_of(state), "counts.npy": stream.getvalue()}))
        if found is not None:
            minimize_batch(fun, np.array([X0, 2.0 * X0]), jac=True, state=found)
    else:
        call = rest[0] % len(CALLS) if rest else 0
        state = load(State, forged(call, rest[1:]))
        if state is not None:
            go_on(call, state)


def watch_rows():
    """Let the loops, as Python code, fail where they leave their workspace."""
    assert jit_disabled(), "set NUMBA_DISABLE_JIT=1: compiled loops do not look where they write"
    from fastmomentum._numba import words

    def row(rows, i):
        if not 0 <= i < len(rows):
            raise AssertionError(f"row {i} of {len(rows)}")
        return rows[i]

    words.row = row
