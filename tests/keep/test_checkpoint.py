"""Files of runs: whole or not at all, read without trust, good after a kill at any moment."""

import copy
import functools
import io
import itertools
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import objectives
import pytest
from cases import PROBLEMS
from comparisons import assert_same, assert_same_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run_python
from resumed import KINDS, batch_problem, options_for

from fastmomentum import BatchState, State, SumState, minimize, minimize_batch
from fastmomentum._keep import checkpoint as checkpoint
from fastmomentum._language import layout

FUN, JAC = objectives.style("rosenbrock", "fused")
SOLVE = functools.partial(minimize, FUN, PROBLEMS["rosenbrock"].x0, jac=JAC)


@pytest.fixture(name="file")
def _file(tmp_path):
    return tmp_path / "run.npz"


@pytest.fixture(name="state", scope="module")
def _state():
    state = SOLVE(options={"maxiter": 5, "history": True}).state
    return copy.deepcopy(state)  # without the rows that are not in use


def test_a_file_holds_the_state(file, state):
    state.save(file)
    found = State.load(file)
    for name in State.ARRAYS:
        mine, theirs = getattr(found, name), getattr(state, name)
        assert mine.dtype == theirs.dtype and np.array_equal(mine, theirs, equal_nan=True), name
    assert (found.method, found.loop, found.status, found.rules) == (
        state.method, state.loop, state.status, state.rules,
    )  # fmt: skip
    assert_same(SOLVE(), SOLVE(state=file))
    assert_same(SOLVE(), SOLVE(state=str(file)))


@pytest.mark.parametrize(("method", "kind"), KINDS)
def test_states_of_every_method(file, method, kind):
    options = options_for(method, kind)
    state = SOLVE(method=method, options={**options, "maxiter": 3}).state
    state.save(file)
    options |= {"maxiter": 9}
    whole = SOLVE(method=method, options=options)
    assert_same(whole, SOLVE(method=method, options=options, state=file))


def test_numpy_opens_it_without_pickle(file, state):
    state.save(file)
    with np.load(file, allow_pickle=False) as members:
        meta = json.loads(members["meta"].tobytes())
        assert np.array_equal(members["rows"], state.rows[state.used > 0])
        assert np.isfinite(members["rows"]).all()
        assert np.array_equal(members["used"], state.used)
    assert (meta["format"], meta["kind"], meta["method"]) == (1, "run", "momentum")


# -- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numba", "python"])
def test_the_same_call_goes_on(file, backend):
    options = {"backend": backend, "gtol": 1e-8}
    whole = SOLVE(options=options)
    for maxiter in (1, 4, 9, 10_000):
        found = SOLVE(options={**options, "maxiter": maxiter}, checkpoint=file)
    assert_same(whole, found)
    again = SOLVE(options=options, checkpoint=file)
    assert_same(whole, again)
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("backend", ["numba", "python"])
def test_it_is_written_now_and_then(file, backend, monkeypatch):
    """Between evaluations in Python, between chunks in a compiled run, and at the end."""
    written = []
    save = State.save

    def saved(self, path):
        written.append(copy.deepcopy(self))  # the vectors are those of the run that goes on
        save(self, path)

    monkeypatch.setattr(State, "save", saved)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    monkeypatch.setattr("fastmomentum._minimize.chunks.CHUNK_SECONDS", 1e-6)
    options = {"backend": backend, "checkpoint_every": 0, "learning_rate": 5e-4, "maxiter": 60}
    found = SOLVE(options=options, checkpoint=file)
    assert len(written) > 3
    assert [s.nit for s in written] == sorted(s.nit for s in written)
    for state in written[:: max(len(written) // 5, 1)]:
        assert_same(found, SOLVE(options=options, state=state))
    written.clear()
    SOLVE(options={**options, "checkpoint_every": 1000}, checkpoint=file.with_name("other"))
    assert len(written) == 1


def test_a_failed_write_leaves_the_old_file(file, state, monkeypatch):
    state.save(file)
    before = file.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        state.save(file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]
    options = {"checkpoint_every": 0, "backend": "python"}
    with pytest.warns(RuntimeWarning, match="checkpoint could not be written: .*No space") as seen:
        found = SOLVE(options=options, checkpoint=file)
    assert len(seen) == 1
    assert_same(SOLVE(options=options), found)


def test_an_exception_leaves_the_last_state(file):
    calls = itertools.count()

    def fun(x, out):
        if next(calls) == 12:
            raise ArithmeticError("lost")
        return FUN(x, out)

    with pytest.raises(ArithmeticError):
        minimize(fun, PROBLEMS["rosenbrock"].x0, jac=True, checkpoint=file)
    assert_same(SOLVE(options={"backend": "python"}), minimize(
        fun, PROBLEMS["rosenbrock"].x0, jac=True, checkpoint=file))  # fmt: skip


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none/run.npz", "in a folder that exists"),
        (".", "the path of a file"),
        ("", "the path of a file"),
    ],
)
def test_places_that_cannot_be(tmp_path, monkeypatch, path, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"checkpoint must be {words}"):
        SOLVE(checkpoint=path)
    with pytest.raises(TypeError, match="checkpoint must be a path, got 3"):
        SOLVE(checkpoint=3)


def test_state_and_an_existing_checkpoint(file, state):
    state.save(file)
    with pytest.raises(ValueError, match=r"state must not be given where .* exists"):
        SOLVE(state=state, checkpoint=file)
    file.unlink()
    SOLVE(state=state, checkpoint=file)
    assert State.load(file).status == 0


def test_a_missing_file_of_a_state(file):
    with pytest.raises(FileNotFoundError):
        SOLVE(state=file)


def test_batches(file):
    solve = batch_problem()
    whole = solve()
    part = solve(options={"maxtime": 1e-9}, checkpoint=file)
    assert not part.success.any()
    assert_same_batch(whole, solve(checkpoint=file))
    assert_same_batch(whole, solve(checkpoint=file))
    assert BatchState.load(file).status.tolist() == [0] * 60
    with pytest.raises(ValueError, match="must be the file of a run, not of a batch"):
        State.load(file)


# -- reading ---------------------------------------------------------------------------------------


def test_refuses_what_is_of_another_run(file):
    SOLVE(options={"maxiter": 3}, checkpoint=file)
    with pytest.raises(ValueError, match=r"checkpoint '.*run.npz' must be of a run with .*gd"):
        SOLVE(method="gd", checkpoint=file)
    fun = objectives.style("quadratic", "fused")[0]
    with pytest.raises(ValueError, match="must be of the same problem"):
        minimize(fun, np.zeros(2), (np.ones(2), np.ones(2)), jac=True, checkpoint=file)


def altered(state, change_meta=None, **arrays):
    """Bytes of a file with other contents."""
    stream = io.BytesIO()
    meta = {"format": 1, "kind": "run", "fastmomentum": "0", "method": state.method,
            "loop": state.loop, "status": 1, "rules": {}, "layout": layout_of(),
            **(change_meta or {})}  # fmt: skip
    members = {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)}
    members |= {name: getattr(state, name) for name in State.ARRAYS}
    members |= arrays
    np.savez(stream, **{name: array for name, array in members.items() if array is not None})
    return stream.getvalue()


def layout_of():
    from fastmomentum._keep.state import LAYOUT

    return LAYOUT


def ints_with(state, name, value):
    ints = state.ints.copy()
    ints[layout.INTS.index(name)] = value
    return ints


BAD_FILES = {
    "empty": lambda s: b"",
    "text": lambda s: b"not a file of ours",
    "no members": lambda s: _zip({}),
    "no meta": lambda s: altered(s, meta=None),
    "no rows": lambda s: altered(s, rows=None),
    "meta is a list": lambda s: altered(s, meta=np.frombuffer(b"[1]", np.uint8)),
    "meta is no text": lambda s: altered(s, meta=np.array([255, 254], np.uint8)),
    "deep meta": lambda s: altered(s, meta=np.frombuffer(b"[" * 100_000, np.uint8)),
    "another version": lambda s: altered(s, {"layout": "other"}),
    "another format": lambda s: altered(s, {"format": 99}),
    "another kind": lambda s: altered(s, {"kind": "batch"}),
    "method is a number": lambda s: altered(s, {"method": 3}),
    "status is text": lambda s: altered(s, {"status": "x"}),
    "compressed": lambda s: _zip({"meta.npy": b"x" * 1000}, zipfile.ZIP_DEFLATED),
    "objects": lambda s: altered(s, rows=np.array([[print]], object)),
    "a lying header": lambda s: _zip({"meta.npy": _header((10**15,))}),
    "a negative shape": lambda s: _zip({"meta.npy": _header((-4, -1)) + b"1234"}),
    "rows of integers": lambda s: altered(s, rows=np.ones((12, 2), np.int64)),
    "rules are a number": lambda s: altered(s, {"rules": 5}),
    "rules are pairs": lambda s: altered(s, {"rules": ["ab", "cd"]}),
    "few rows": lambda s: altered(s, rows=np.ones((3, 2))),
    "no variables": lambda s: altered(s, rows=np.ones((40, 0))),
    "floats of another length": lambda s: altered(s, floats=np.ones(3)),
    "ints of another length": lambda s: altered(s, ints=np.ones(3, np.int64)),
    "history of two columns": lambda s: altered(s, history=np.ones((3, 2))),
    "work of another kind": lambda s: altered(s, work=np.ones(3, np.float32)),
    **{
        f"{name} is {value}": lambda s, n=name, v=value: altered(s, ints=ints_with(s, n, v))
        for name, value in (
            ("BEST", 5), ("BEST", -2), ("CURRENT", -1), ("TRIAL", 2**40), ("HEAD", 10),
            ("COUNT", 11), ("METRIC_IN_USE", 99), ("METRIC_IN_USE", -1), ("NIT", -1),
            ("PENDING", 7),
        )
    },
}  # fmt: skip


def _zip(members, how=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _header(shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(file, state, name):
    file.write_bytes(BAD_FILES[name](state))
    with pytest.raises(ValueError, match=r"run\.npz"):
        State.load(file)
    with pytest.raises(ValueError, match=r"run\.npz"):
        SOLVE(checkpoint=file)


@pytest.mark.parametrize(("place", "value"), [(0, 17), (0, -3), (6, 2**40), (1, -1), (5, -(2**63))])
def test_batches_with_impossible_counts_are_refused(file, place, value):
    state = copy.deepcopy(batch_problem(3)(options={"keep_state": True}).state)
    state.counts.flat[place] = value
    state.save(file)
    with pytest.raises(ValueError, match="its arrays do not fit together"):
        BatchState.load(file)


def test_cut_files_are_refused(file, state):
    state.save(file)
    data = file.read_bytes()
    for length in range(0, len(data), 97):
        file.write_bytes(data[:length])
        with pytest.raises(ValueError, match="is not a file of a run"):
            State.load(file)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_bytes_are_refused_or_harmless(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    file = folder / "run.npz"
    solved = copy.deepcopy(SOLVE(options={"maxiter": 5}).state)
    solved.save(file)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    file.write_bytes(bytes(content))
    try:
        found = State.load(file)
    except ValueError:
        return
    # Names and dates in the archive are of no effect: the arrays have their check sums.
    for name in State.ARRAYS:
        assert np.array_equal(getattr(found, name), getattr(solved, name), equal_nan=True)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("any") / "run.npz"
    for data in (content, _zip({"meta.npy": content}), _zip({"meta.npy": _header((9,)) + content})):
        file.write_bytes(data)
        for kind in (State, BatchState, SumState):
            with pytest.raises(ValueError, match="not a file of a run"):
                kind.load(file)


# -- kill -9 ---------------------------------------------------------------------------------------

KILLED = """
import os, random, signal, sys, time
import numpy as np
from fastmomentum import BatchState, State, SumState, minimize, minimize_batch, minimize_sum
import fastmomentum._keep.checkpoint as checkpoint

checkpoint.SHARE = 0.5
random.seed({seed})

def slow(x, out, rows=None):
    time.sleep(2e-4)
    out[:] = weights * (x if rows is None else (x - rows).sum(axis=0))
    return 0.5 * float(x @ out)

weights = np.geomspace(1.0, 1e4, 30)
options = {{"checkpoint_every": 0}}
if {kind!r} == "sum":
    options["learning_rate"] = 1e-6
    rows = np.random.default_rng(0).standard_normal((200, 30))
    def solve(**more):
        return minimize_sum(slow, np.ones(30), rows, "adam", batch_size=8, seed=1, average=0.5,
                            variance_reduction="svrg", options=options, **more)
elif {kind!r} == "batch":
    X0 = np.random.default_rng(0).standard_normal((40, 30))
    def solve(**more):
        return minimize_batch(slow, X0, jac=True, options=options, **more)
else:
    def solve(**more):
        return minimize(slow, np.ones(30), jac=True, method="nesterov", options=options, **more)
kind = {{"run": State, "batch": BatchState, "sum": SumState}}[{kind!r}]
begin = time.perf_counter()
whole = solve()
seconds = time.perf_counter() - begin
file = sys.argv[1] if len(sys.argv) > 1 else "killed.npz"
kills = middles = 0
while kills < {kills}:
    child = os.fork()
    if child == 0:
        solve(checkpoint=file)
        os._exit(0)
    time.sleep(random.uniform(0.0, 0.12 * seconds + 0.01))
    os.kill(child, signal.SIGKILL)
    _, how = os.waitpid(child, 0)
    kills += os.WIFSIGNALED(how)
    if os.path.exists(file):
        state = kind.load(file)  # always whole
        if kind is BatchState:
            middles += bool((state.status == -2).any())
        else:
            middles += state.status == -1
        if os.WIFEXITED(how):
            os.unlink(file)
found = solve(checkpoint=file)
same = all(np.array_equal(whole[k], found[k]) for k in ("x", "jac", "fun", "nit", "nfev"))
left = [name for name in os.listdir(".") if name.startswith(".")]
print(same, middles, len(left))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("kind", ["run", "batch", "sum"])
def test_killed_at_any_moment(kind):
    code = KILLED.format(seed=len(kind), kind=kind, kills=50)
    # In memory where there is such a folder: a process dies only after it has synchronized a disk,
    # which may take seconds on a busy one.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        same, middles, left = run_python(code, cwd=folder).stdout.split()
    assert same == "True"
    assert int(middles) >= 10
    assert int(left) <= 1  # the file that the last kill left unfinished


def test_where_the_temporary_file_is(file, state, monkeypatch):
    """In the same folder: a rename is one step within a file system only."""
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append((a, b)), replace(a, b)))
    state.save(file)
    ((temporary, target),) = seen
    assert pathlib.Path(temporary).parent == pathlib.Path(target).parent == file.parent


def test_options_of_checkpoints():
    with pytest.raises(ValueError, match=r"checkpoint_every must be .* got -1"):
        SOLVE(options={"checkpoint_every": -1})
    with pytest.raises(TypeError, match="keep_state must be True or False"):
        SOLVE(options={"keep_state": "yes"})


def test_a_batch_is_written_while_it_runs(file, monkeypatch):
    written = []
    save = BatchState.save
    monkeypatch.setattr(
        BatchState, "save", lambda self, path: (written.append(self), save(self, path))
    )
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    solve = batch_problem()
    whole = solve(options={"backend": "python", "checkpoint_every": 0}, checkpoint=file)
    assert len(written) == 61
    done = [int((state.status == 0).sum()) for state in written]
    assert done == [*range(1, 61), 60]
    assert_same_batch(whole, solve(options={"backend": "python"}, state=written[20]))
    fun, X0, args, which = solve.args
    with pytest.raises(ValueError, match="state must not be given"):
        minimize_batch(fun, X0, args, which, jac=True, state=written[20], checkpoint=file)
