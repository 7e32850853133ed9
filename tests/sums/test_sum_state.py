"""States and checkpoints of mini-batches: the same bits as without a break."""

import copy
import json
import os
import signal

import numpy as np
import pytest
from processes import run_python
from shards import N, Part, data, squares, squares_pair
from sum_runs import assert_same, run

from fastmomentum import SumState, schedules
from fastmomentum._keep import checkpoint as checkpoint
from fastmomentum.distributed import ShardedSum

# Epochs of nine steps, the last one short.
GIVEN = {"batch_size": 28, "epochs": 4}
CASES = {
    "plain": {},
    "mean": {"average": 0.6},
    "svrg": {"variance_reduction": "svrg", "average": 0.4},
    "bounds": {"bounds": [(-1.0, 0.5)] * N, "shuffle": "shards"},
    "rate": {"options": {"learning_rate": schedules.InverseTime(0.01, 0.1)}},
    "float32": {"x0": np.full(N, 0.5, np.float32), "average": 0.5},
}


@pytest.fixture(name="file")
def _file(tmp_path):
    return tmp_path / "sum.npz"


def solve(method="adam", fun=squares, **more):
    return run(method, fun, **{**GIVEN, **more})


def interrupted_at(k, method="adam", **more):
    """The state of a run in which Ctrl-C came after `k` evaluations."""
    calls = []

    def pressing(x, out, A, b):
        if len(calls) == k:
            os.kill(os.getpid(), signal.SIGINT)
        calls.append(1)
        return squares(x, out, A, b)

    with pytest.raises(KeyboardInterrupt) as error:
        solve(method, pressing, **more)
    return error.value.result


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam", "nadam"])
@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_run_goes_on(method, case, file):
    """From the first, a middle, and the last step of an epoch; in Python and in compiled code."""
    more = CASES[case]
    more = {**more, "options": {"learning_rate": 0.01, **more.get("options", {})}}
    whole = solve(method, **more)
    for k in (0, 1, 5, 9, 13, 26):
        part = interrupted_at(k, method, **more)
        assert part.status == 5 and part.nit <= k and "go on with `state`" in part.message
        np.testing.assert_array_equal(part.state.x, part.x)
        part.state.save(file)
        for backend in ("python", "numba"):
            options = {**more["options"], "backend": backend}
            state = part.state if k % 2 else file
            assert_same(solve(method, **{**more, "options": options}, state=state), whole)


@pytest.mark.parametrize("keep", [True, False])
def test_shards_go_on(keep, file):
    def solve_shards(**more):
        objective = ShardedSum(more.pop("fun", squares), Part(data, 4), 4, keep=keep)
        return run("adam", objective, batch_size=28, variance_reduction="svrg", **more)

    whole = solve_shards()
    calls = []

    def pressing(x, A, b):
        calls.append(1)
        if len(calls) == 40:
            os.kill(os.getpid(), signal.SIGINT)
        return squares_pair(x, A, b)

    part = solve_shards(fun=pressing, options={"on_interrupt": "return"}, checkpoint=file)
    assert part.status == 5 and 0 < part.nit < whole.nit and np.isfinite(part.fun)
    rest = solve_shards(fun=squares_pair, checkpoint=file)
    assert rest.nit == whole.nit and rest.nfev == whole.nfev
    np.testing.assert_allclose(rest.x, whole.x, rtol=1e-12)


def test_more_epochs(file):
    whole = solve(epochs=5, variance_reduction="svrg")
    for epochs in (1, 2, 5, 5):
        found = solve(epochs=epochs, variance_reduction="svrg", checkpoint=file)
    assert_same(found, whole)
    told = []

    def callback(intermediate_result):
        told.append(intermediate_result.epoch)
        if len(told) == 2:
            raise StopIteration

    part = solve(epochs=5, variance_reduction="svrg", callback=callback)
    assert part.status == 99
    assert_same(solve(epochs=5, variance_reduction="svrg", state=part.state), whole)


def test_limits_leave_the_last_iterate():
    part = solve(epochs=10**6, options={"maxtime": 0.1})
    assert part.status == 4 and part.epochs > 1 and np.isfinite(part.fun)
    np.testing.assert_array_equal(part.state.x, part.x)
    rest = solve(epochs=part.epochs + 1, state=part.state)
    assert_same(rest, solve(epochs=part.epochs + 1))


def test_converged_runs_have_no_state_unless_it_is_asked_for(file):
    more = {"variance_reduction": "svrg", "epochs": 1000, "batch_size": 24}
    options = {"gtol": 1e-6}
    found = run("gd", **more, options=options, checkpoint=file)
    assert found.success and "state" not in found
    kept = run("gd", **more, options={**options, "keep_state": True})
    assert kept.state.status == 0
    for state in (kept.state, file):
        assert_same(run("gd", **more, options=options, state=state), found)


def test_generators_of_every_kind(file):
    for kind in (np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM):
        whole = solve(seed=np.random.Generator(kind(3)))
        solve(seed=np.random.Generator(kind(3)), epochs=2, checkpoint=file)
        rng = np.random.Generator(kind(3))
        found = solve(seed=rng, checkpoint=file)
        np.testing.assert_array_equal(found.x, whole.x)
        np.testing.assert_array_equal(solve(seed=None, state=file, epochs=4).x, whole.x)
        file.unlink()

    class Other(np.random.PCG64):
        pass

    rng = np.random.Generator(Other(3))
    with pytest.raises(ValueError, match="one of NumPy's bit generators, for a checkpoint; got Ot"):
        solve(seed=rng, checkpoint=file)
    assert "state" not in solve(seed=rng)


def test_it_is_written_now_and_then(file, monkeypatch):
    written = []
    save = SumState.save

    def saved(self, path):
        written.append(copy.deepcopy(self))
        save(self, path)

    monkeypatch.setattr(SumState, "save", saved)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    monkeypatch.setattr("fastmomentum._sums.compiled.CHUNK_SECONDS", 1e-9)
    for backend in ("python", "numba"):
        options = {"checkpoint_every": 0, "backend": backend}
        whole = solve(options=options, average=0.5, checkpoint=file)
        assert [s.nit for s in written] == [*range(1, 37), 36]
        assert [s.status for s in written] == [-1] * 36 + [9]
        for state in written[::7]:
            assert_same(solve(average=0.5, state=state), whole)
        written.clear()
        file.unlink()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"method": "gd"}, "must be of a run with method 'gd', got method 'adam'"),
        ({"x0": np.zeros(N, np.float32)}, "must be of a run with dtype float32"),
        ({"seed": 8}, "must be of a run with the same seed: leave out seed"),
        ({"batch_size": 20}, "must be of a run with batch_size=20, got one with 28"),
        ({"shuffle": "none"}, "must be of a run with shuffle='none', got one with 'rows'"),
        ({"average": 0.5}, r"must be of a run with average=0\.5, got one with 0\.0"),
        ({"variance_reduction": "svrg"}, "with variance_reduction='svrg', got one with None"),
        ({"snapshot_every": 3}, "must be of a run with snapshot_every=3, got one with 2"),
        ({"source": tuple(a[:200] for a in data())}, r"rows per shard=\[200\], got one with \[240"),
        ({"source": tuple(a + 1.0 for a in data())}, "same problem: in its first batch fun was"),
        ({"bounds": [(0.0, 1.0)] * N}, "must be of a run with the same bounds"),
    ],
)
def test_states_of_other_runs_are_refused(change, text):
    state = solve(epochs=2).state
    if "bounds" in change:
        state = solve(epochs=2, bounds=[(0.0, 2.0)] * N).state
    with pytest.raises(ValueError, match=f"state .*{text}"):
        solve(state=state, **{"method": "adam", **change})


def test_epochs_of_a_mean_are_those_of_the_beginning():
    state = solve(epochs=3, average=0.5, options={"maxtime": 1e-9}).state
    with pytest.raises(ValueError, match="must be of a run with epochs=4, got one with 3"):
        solve(average=0.5, state=state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("begin", np.zeros(N + 1)),
        ("mean", np.zeros(N)),
        ("snapshot", np.zeros(N, np.float32)),
        ("counts", np.array([2, 0, 0, 7])),
        ("counts", np.array([9, 0, 0, -1])),
        ("numbers", np.zeros(2)),
        ("sizes", np.zeros((2, 2), np.int64)),
        ("generator", {"bit_generator": "RandomState", "state": {}}),
        ("generator", {"bit_generator": "PCG64", "state": {"state": "x", "inc": 1}}),
        ("origin", {}),
    ],
)
def test_damaged_states_are_refused(file, name, value):
    state = copy.deepcopy(solve(epochs=2).state)
    setattr(state, name, value)
    state.save(file)
    with pytest.raises(ValueError, match=r"sum\.npz' is damaged"):
        SumState.load(file)


def test_positions_in_random_numbers_are_checked(file):
    for kind, place in (("MT19937", "pos"), ("Philox", "buffer_pos")):
        rng = np.random.Generator(getattr(np.random, kind)(3))
        state = copy.deepcopy(solve(seed=rng, epochs=1).state)
        part = state.generator["state"] if kind == "MT19937" else state.generator
        part[place] = 10**6
        state.save(file)
        with pytest.raises(ValueError, match=f"{place} is 1000000"):
            SumState.load(file)


def test_what_a_state_says(file):
    state = solve(epochs=2).state
    assert repr(state) == "SumState(method='adam', n=5, dtype=float64, nit=18, epoch=2)"
    state.save(file)
    found, kept = SumState.load(file), copy.deepcopy(state)  # both hold the rows in use
    for name in SumState.ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name), name)
    assert found.generator == state.generator and found.steps.method == "adam"
    with pytest.raises(TypeError, match="state must be a SumState or a path"):
        solve(state=3)
    with pytest.raises(ValueError, match="must be the file of a sum, not of a run"):
        state.steps.save(file)
        solve(state=file)


PRESSED = """
import json, random, time
import numpy as np
from clocks import ctrl_c_after
from sum_runs import FIELDS, run

random.seed(4)

def solve(epochs, **more):
    return run("nesterov", batch_size=24, variance_reduction="svrg", average=1.0, epochs=epochs,
               options={"learning_rate": 1e-6}, **more)

solve(2)
epochs, seconds = 1000, 0.0
while seconds < 0.8:
    epochs *= 2
    begin = time.process_time()
    whole = solve(epochs)
    seconds = time.process_time() - begin
state, waits, found = None, [], []
for _ in range(6):
    try:
        with ctrl_c_after(random.uniform(0.05, 0.2)) as pressed:
            solve(epochs, state=state)
    except KeyboardInterrupt as error:
        waits.append(time.process_time() - pressed[0])
        if not hasattr(error, "result"):
            continue
        state = error.result.state
        found.append((int(error.result.status), state.nit))
rest = solve(epochs, state=state)
same = [name for name in FIELDS if not np.array_equal(rest[name], whole[name])]
print(json.dumps([waits, found, same]))
"""


@pytest.mark.slow
def test_ctrl_c_in_compiled_code():
    """It comes back soon, and the state goes on with the same bits."""
    waits, found, different = json.loads(run_python(PRESSED).stdout)
    assert max(waits) < 2.0 and not different
    assert all(status == 5 for status, _ in found)
    steps = [nit for _, nit in found]
    assert len(set(steps)) > 2 and steps == sorted(steps)
