"""What files of runs are of: this problem, this place, what is needed, written in peace."""

import functools
import json
import os
import signal

import numpy as np
import pytest
from comparisons import assert_same, assert_same_batch
from shards import N, data, squares_pair

from fastmomentum import (
    BatchState,
    State,
    SumState,
    minimize,
    minimize_batch,
    minimize_sum,
    penalties,
)
from fastmomentum._keep import fingerprint as fingerprints
from fastmomentum._keep.fingerprint import fingerprint
from fastmomentum._report.status import Status

D = np.array([1.0, 2.0, 4.0, 8.0, 10.0])
B = np.array([1.0, -1.0, 0.5, 0.2, -0.3])


def bowl(x, d, b):
    return 0.5 * float(d @ (x - b) ** 2), d * (x - b)


def batch_bowl(x, d, b, weight):
    return bowl(x, weight * d, b)


X0 = np.linspace(-1.0, 1.0, 40).reshape(8, 5)
ROWS = np.linspace(1.0, 2.0, 40).reshape(8, 5)
RUN = {"fun": bowl, "x0": np.ones(5), "args": (D, B), "jac": True}
BATCH = {
    "fun": batch_bowl, "X0": X0, "args": (ROWS, B, 1.0), "batched": (True, False, False),
    "jac": True,
}  # fmt: skip
SUM = {
    "fun": squares_pair, "x0": np.full(N, 0.5), "data": data(), "epochs": 1, "seed": 7,
    "options": {"learning_rate": 0.01},
}  # fmt: skip
GIVEN = {minimize: RUN, minimize_batch: BATCH, minimize_sum: SUM}


def solve(call, given, options=None, **more):
    """The call with further options and arguments."""
    return call(**{**given, **more, "options": {**given.get("options", {}), **(options or {})}})


def last_changed(array):
    changed = array.copy()
    changed.flat[-1] += 1e-9
    return changed


# By call: what is changed, of which the value of fun at one point tells nothing, and its name.
CHANGED = {
    "x0": (minimize, RUN, {"x0": np.full(5, 2.0)}, "x0"),
    "args": (minimize, RUN, {"args": (D, last_changed(B))}, "args"),
    "penalty": (
        minimize, {**RUN, "penalty": penalties.TV1D(1e-9), "method": "gd"},
        {"penalty": penalties.TV1D(2e-9)}, "penalty",
    ),
    "args of a batch": (
        minimize_batch, BATCH, {"args": (last_changed(ROWS), B, 1.0)}, "args",
    ),
    "number of a batch": (
        minimize_batch, BATCH, {"args": (ROWS, B, 1.0 + 1e-12)}, "args",
    ),
    "bounds of a batch": (minimize_batch, BATCH, {"bounds": [(-50.0, 50.0)] * 5}, "bounds"),
    "penalty of a batch": (
        minimize_batch, {**BATCH, "penalty": penalties.L1(1e-9)},
        {"penalty": penalties.L1(2e-9)}, "penalty",
    ),
    "x0 of a sum": (
        minimize_sum, SUM, {"x0": np.full(N, 0.25)}, "x0",
    ),
    "data of a sum": (
        minimize_sum, SUM, {"data": (data()[0], last_changed(data()[1]))}, "data",
    ),
}  # fmt: skip


@pytest.fixture(name="file")
def _file(tmp_path):
    return tmp_path / "run.npz"


@pytest.mark.parametrize("name", CHANGED)
def test_the_file_of_another_problem_is_refused(name, file):
    call, given, change, what = CHANGED[name]
    options = {} if call is minimize_sum else {"maxiter": 4}
    solve(call, given, options, checkpoint=file)
    solve(call, given, options, checkpoint=file)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=rf"run\.npz' must be of the same problem: {what} was"):
        solve(call, given, options, **change, checkpoint=file)
    assert file.read_bytes() == before


def test_as_a_state_it_goes_on(file):
    """Whoever says so goes on from another problem's file, if fun agrees."""
    whole = minimize(**RUN)
    minimize(**RUN, options={"maxiter": 4}, checkpoint=file)
    assert_same(whole, minimize(**{**RUN, "x0": np.zeros(5)}, state=file))
    other = minimize(**{**RUN, "args": (D, last_changed(B))}, state=file)
    assert other.success and other.nit >= 4


def test_args_to_be_written_into_may_differ(file):
    """Room for intermediate results holds anything when a process begins."""

    def fun(x, d, b, room):
        room[:] = x - b
        return 0.5 * float(d @ room**2), d * room

    given = {**RUN, "fun": fun}
    whole = minimize(**{**given, "args": (D, B, np.zeros(5))})
    minimize(**{**given, "args": (D, B, np.ones(5))}, options={"maxiter": 4}, checkpoint=file)
    assert_same(whole, minimize(**{**given, "args": (D, B, np.full(5, 7.0))}, checkpoint=file))


def test_options_and_the_form_of_the_same_may_differ(file):
    whole = minimize(**RUN, options={"gtol": 1e-9})
    minimize(**RUN, options={"maxiter": 4}, checkpoint=file)
    given = {**RUN, "x0": [1] * 5, "args": (np.asfortranarray(D), B[::-1].copy()[::-1])}
    assert_same(whole, minimize(**given, options={"gtol": 1e-9}, checkpoint=file))


def test_what_a_fingerprint_sees():
    class Custom:
        pass

    large = np.zeros(3 * fingerprints.LARGE // 8)
    middle = large.copy()
    middle[: fingerprints.BLOCK // 8] = 1.0
    end = last_changed(large)
    values = [
        None, True, 1, 1.0, 2, "1", b"1", 1j, (), (1, 2), [1, 2], ((1,), 2), {"a": 1}, {"b": 1},
        np.float32(1), np.float64(1), np.ones(2), np.ones(2, int), np.ones((2, 1)), np.ones((1, 2)),
        np.array(["a"]), np.array([None]), np.zeros(2, "i4,f8"), np.zeros(2, "f8,i4"),
        penalties.L1(1.0), penalties.L1(2.0), penalties.Box(0, 1), Custom(), large, middle, end,
        np.array(["2020"], "M8[s]"), 10**5000,
    ]  # fmt: skip
    found = [fingerprint(value) for value in values]
    assert len(set(found)) == len(values)
    assert found == [fingerprint(value) for value in values]
    table = np.arange(12.0).reshape(3, 4)
    assert fingerprint(table) == fingerprint(np.asfortranarray(table)) != fingerprint(table.T)
    assert fingerprint(large) == fingerprint(np.zeros(6 * fingerprints.LARGE // 8)[::2])
    cyclic = []
    cyclic.append(cyclic)
    assert fingerprint(cyclic)


def test_sparse_arrays_and_frames_have_fingerprints():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    assert fingerprint(matrix) == fingerprint(matrix.copy()) != fingerprint(2.0 * matrix)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0]})
    assert fingerprint(frame) == fingerprint(frame.copy()) != fingerprint(frame + 1.0)


def test_of_a_large_array_some_is_read():
    """The work does not grow with it."""
    seen = []
    array = np.lib.stride_tricks.as_strided(np.zeros(1), (10**12,), (0,))

    class Counting:
        def update(self, part):
            seen.append(len(part))

    made = Counting()
    for part in fingerprints._pieces(array, 0):
        made.update(part)
    assert sum(seen) < 1.1 * fingerprints.LARGE


# -- files of earlier versions ---------------------------------------------------------------------


def earlier(file, change):
    """Write the file anew, as `change(meta, arrays)` says."""
    with np.load(file) as members:
        arrays = {name: members[name] for name in members.files}
    meta = json.loads(arrays.pop("meta").tobytes())
    change(meta, arrays)
    np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)


def all_rows(meta, arrays):
    del meta["given"]
    used = arrays.pop("used").astype(bool)
    rows = np.zeros((used.size, arrays["rows"].shape[1]))
    rows[used] = arrays["rows"]
    arrays["rows"] = rows


def all_problems(meta, arrays):
    del meta["given"]
    status, rows = arrays.pop("status"), arrays.pop("rows")
    for name in ("x", "gradients", "numbers", "counts"):
        whole = np.zeros((status.size, arrays[name].shape[1]), arrays[name].dtype)
        whole[rows] = arrays[name]
        arrays[name] = whole
    arrays["counts"][:, 0] = status


def test_runs_of_earlier_versions_go_on(file):
    whole = minimize(**RUN)
    minimize(**RUN, options={"maxiter": 4}, checkpoint=file)
    earlier(file, all_rows)
    assert_same(whole, minimize(**RUN, checkpoint=file))


def test_sums_of_earlier_versions_go_on(file):
    whole = solve(minimize_sum, SUM, epochs=3)
    solve(minimize_sum, SUM, checkpoint=file)
    earlier(file, all_rows)
    found = solve(minimize_sum, SUM, epochs=3, checkpoint=file)
    assert np.array_equal(found.x, whole.x) and found.nit == whole.nit


def test_batches_of_earlier_versions_go_on(file):
    whole = minimize_batch(**BATCH)
    minimize_batch(**BATCH, skip=np.arange(8) % 2 == 0, checkpoint=file)
    earlier(file, all_problems)
    assert BatchState.load(file).status.tolist() == [-1, 0] * 4
    assert_same_batch(whole, minimize_batch(**BATCH, checkpoint=file))


@pytest.mark.parametrize(
    "change",
    [
        lambda meta, arrays: arrays.update(used=np.ones(3, np.uint8)),
        lambda meta, arrays: arrays.update(used=np.full(arrays["used"].shape, 2, np.uint8)),
        lambda meta, arrays: arrays.update(used=np.zeros((2, 2), np.uint8)),
        lambda meta, arrays: arrays.update(used=np.ones(10**6, np.uint8)),
        lambda meta, arrays: arrays.update(used=np.zeros(arrays["used"].shape)),
        lambda meta, arrays: meta.update(given=[1]),
        lambda meta, arrays: meta.update(given={"x0": 3}),
    ],
)
def test_damaged_files_of_runs(file, change):
    minimize(**RUN, options={"maxiter": 4}, checkpoint=file)
    earlier(file, change)
    with pytest.raises(ValueError, match=r"run\.npz' is damaged"):
        State.load(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta, arrays: arrays.update(rows=arrays["rows"][:-1]),
        lambda meta, arrays: arrays.update(rows=arrays["rows"][::-1]),
        lambda meta, arrays: arrays.update(rows=arrays["rows"] + 8),
        lambda meta, arrays: arrays.update(rows=arrays["rows"].astype(float)),
        lambda meta, arrays: arrays.update(status=arrays["status"] + 1),
        lambda meta, arrays: arrays.update(status=arrays["status"].astype(np.int64)),
        lambda meta, arrays: arrays.update(status=arrays["status"].reshape(2, 4)),
        lambda meta, arrays: arrays.pop("rows"),
        lambda meta, arrays: arrays.pop("status"),
        lambda meta, arrays: meta.update(given=3),
    ],
)
def test_damaged_files_of_batches(file, change):
    minimize_batch(**BATCH, skip=np.arange(8) % 2 == 0, checkpoint=file)
    earlier(file, change)
    with pytest.raises(ValueError, match=r"run\.npz' is damaged"):
        BatchState.load(file)


# -- size ------------------------------------------------------------------------------------------


def test_a_batch_holds_what_is_solved(file):
    """Its file grows with the problems that are done."""
    count, n, calls = 400, 50, []

    def fun(x):
        calls.append(1)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return 0.5 * float(x @ x), x

    again = functools.partial(
        minimize_batch, fun, np.ones((count, n)), jac=True, checkpoint=file,
        options={"on_interrupt": "return"},
    )  # fmt: skip
    part = again()
    done = int((part.status == Status.CONVERGED).sum())
    assert 0 < done < 30 and part.state.status.tolist().count(-2) == count - done
    assert part.state.x.shape == (done, n)
    assert file.stat().st_size < 2 * 8 * n * (done + 2) + 200 * done + count + 8000
    assert again().success.all()
    assert file.stat().st_size > 2 * 8 * n * count


# -- places ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", GIVEN, ids=lambda call: call.__name__)
def test_a_path_is_that_of_the_call(call, tmp_path, monkeypatch):
    """Functions may go to other folders."""
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(tmp_path)
    inner = GIVEN[call]["fun"]

    def going(x, *args):
        os.chdir(there)
        return inner(x, *args)

    solve(call, GIVEN[call], fun=going, checkpoint="run.npz")
    assert os.listdir(there) == [] and (tmp_path / "run.npz").is_file()


def test_a_path_before_other_functions_of_the_user(tmp_path, monkeypatch):
    """A proximal operator is called while the arguments are looked at."""
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(tmp_path)

    def value(x):
        os.chdir(there)
        return 0.0

    penalty = penalties.Prox(lambda v, step: v.copy(), value)
    for key in ("checkpoint", "state"):
        minimize(**RUN, penalty=penalty, method="gd", **{key: "run.npz"})
        assert os.listdir(there) == [] and (tmp_path / "run.npz").is_file()
        os.chdir(tmp_path)


# -- Ctrl-C while it is written --------------------------------------------------------------------


@pytest.fixture(name="pressing")
def _pressing(monkeypatch):
    """Ctrl-C in the middle of the first writing, so often."""

    def press(times):
        left = [times]
        fsync = os.fsync

        def slow(descriptor):
            while left[0] > 0:
                left[0] -= 1
                os.kill(os.getpid(), signal.SIGINT)
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", slow)

    return press


@pytest.mark.skipif(os.name == "nt", reason="os.kill does not send SIGINT")
@pytest.mark.parametrize("every", [0.0, 1e9], ids=["under way", "at the end"])
@pytest.mark.parametrize("call", GIVEN, ids=lambda call: call.__name__)
def test_ctrl_c_waits_for_the_file(call, every, file, pressing):
    given, kind = GIVEN[call], {minimize: State, minimize_batch: BatchState}.get(call, SumState)
    options = {"checkpoint_every": every, "backend": "python"}
    whole = solve(call, given, options)
    pressing(1)
    with pytest.raises(KeyboardInterrupt) as error:
        solve(call, given, options, checkpoint=file)
    assert error.value.__context__ is None and isinstance(kind.load(file), kind)
    assert os.listdir(file.parent) == [file.name]
    assert error.value.result.x.shape == whole.x.shape
    found = solve(call, given, options, checkpoint=file)
    assert np.array_equal(found.x, whole.x) and np.array_equal(found.nit, whole.nit)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    file.unlink()
    pressing(1)
    found = solve(call, given, {**options, "on_interrupt": "return"}, checkpoint=file)
    assert found.x.shape == whole.x.shape and file.is_file()


@pytest.mark.skipif(os.name == "nt", reason="os.kill does not send SIGINT")
def test_a_second_ctrl_c_does_not_wait(file, pressing):
    minimize(**RUN, options={"maxiter": 3}, checkpoint=file)
    before = file.read_bytes()
    pressing(2)
    with pytest.raises(KeyboardInterrupt) as error:
        minimize(**RUN, checkpoint=file)
    assert error.value.result.success
    assert file.read_bytes() == before and os.listdir(file.parent) == [file.name]


@pytest.mark.skipif(os.name == "nt", reason="os.kill does not send SIGINT")
def test_ctrl_c_is_not_lost_where_writing_fails(file, monkeypatch):
    def full(descriptor):
        os.kill(os.getpid(), signal.SIGINT)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyboardInterrupt) as error:
        minimize(**RUN, checkpoint=file)
    assert error.value.result.success and not os.listdir(file.parent)
