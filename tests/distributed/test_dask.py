"""A real cluster of two processes, whose workers are killed, stopped and restarted."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
import warnings

import numpy as np
import pytest
import shards
from parameters import some
from processes import environment_of
from scipy.optimize import Bounds
from shards import N, Part, data, decay, decay_slowly, decays, poisson, randhie, squares

import fastmomentum
from fastmomentum import minimize, minimize_batch
from fastmomentum.distributed import Blocks, ShardedSum

distributed = pytest.importorskip("distributed")

POINT = np.linspace(-1.0, 2.0, N)
SECONDS = 600  # no wait is longer


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, timeout=SECONDS) as client,
    ):
        client.wait_for_workers(2, timeout=SECONDS)
        yield client


@pytest.fixture
def both(client):
    """The client, once two workers live, and would be started again."""
    try:
        client.wait_for_workers(2, timeout=60)
    except TimeoutError:
        # A nanny whose worker was killed while it started it may have given up.
        client.cluster.scale(0)
        while client.cluster.workers:
            time.sleep(0.05)
        client.cluster.scale(2)
        client.wait_for_workers(2, timeout=SECONDS)
    end = time.monotonic() + SECONDS
    # A nanny that is still starting its worker does not notice that it ends.
    while set(client.run(nanny_status, nanny=True).values()) != {"running"}:
        assert time.monotonic() < end
        time.sleep(0.05)
    return client


def nanny_status(dask_worker):
    return dask_worker.status.name


def pids(client):
    return sorted(client.run(os.getpid).values())


def places(objective):
    """Process of each shard, for an objective of `of_process`."""
    f, g = [], []
    for reply in objective._gather(_call(objective)):
        f += reply.fun[:, 0].tolist()
        g += reply.grad[:, 0, 0].tolist()
    assert sorted(f) == list(range(objective.n_shards))
    return [int(pid) for _, pid in sorted(zip(f, g, strict=True))]


def _call(objective):
    from fastmomentum.distributed.protocol import Call

    return Call(np.zeros((1, 1)), objective._all, True)


def test_a_run_on_workers_is_the_run_here(both):
    def run(client, deterministic=True):
        load = Part(data, 6)
        with ShardedSum(squares, load, 6, client=client, deterministic=deterministic) as objective:
            return minimize(objective, np.zeros(N), jac=True, options={"gtol": 1e-8})

    here, there, quick = run(None), run(both), run(both, deterministic=False)
    assert here.success and (there.x == here.x).all() and there.nit == here.nit
    np.testing.assert_allclose(quick.x, here.x, atol=1e-9)


def test_real_data_in_shards_has_the_optimum_of_the_whole(both):
    X, y = randhie()
    options = {"gtol": 1e-9}
    whole = minimize(poisson, np.zeros(X.shape[1]), args=(X, y), jac=True, options=options)
    with ShardedSum(poisson, Part(randhie, 8), 8, client=both) as objective:
        found = minimize(objective, np.zeros(X.shape[1]), jac=True, options=options)
    assert found.success
    np.testing.assert_allclose(found.x, whole.x, atol=1e-8)


def test_errors_of_loader_and_function_come_back(both):
    with pytest.raises(FileNotFoundError, match="part-2") as caught:
        ShardedSum(squares, shards.fails, 6, client=both)
    assert "fastmomentum: load(2) failed." in caught.value.__notes__
    with (
        ShardedSum(shards.breaks, Part(data, 3), 3, client=both) as objective,
        pytest.raises(ArithmeticError, match="no value") as caught,
    ):
        objective(np.ones(N))
    assert "fastmomentum: in shard 0." in caught.value.__notes__


def test_what_a_worker_cannot_import_is_an_error(both, monkeypatch):
    module = types.ModuleType("only_here")
    exec("def fun(x, A, b):\n    return 0.0, x", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    module.fun.__module__ = "only_here"
    with pytest.raises(Exception, match=r"only_here|deserializ"):
        ShardedSum(module.fun, Part(data, 2), 2, client=both)


def test_a_client_without_its_scheduler_is_an_error():
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, timeout=SECONDS) as client,
    ):
        objective = ShardedSum(squares, Part(data, 2), 2, client=client)
        client.close()
        with pytest.raises(RuntimeError, match="lost its scheduler"):
            objective(POINT)


def test_dask_arrays_and_frames_are_shards(both):
    da = pytest.importorskip("dask.array")
    A, b = data()
    load = Blocks(da.from_array(A, (80, N)), da.from_array(b, 80))
    expected = ShardedSum(squares, Part(data, 3), 3)(POINT)
    for client in (None, both):
        with ShardedSum(squares, load, client=client, deterministic=True) as objective:
            f, g = objective(POINT)
        assert f == expected[0] and (g == expected[1]).all()
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dd = pytest.importorskip("dask.dataframe")
        frame = dd.from_pandas(pandas.DataFrame(A), npartitions=3)
        series = dd.from_pandas(pandas.Series(b), npartitions=3)
        f, g = ShardedSum(squares.py_func, Blocks(frame, series))(POINT)
    assert f == pytest.approx(expected[0], rel=1e-12)
    for wrong, text in (
        ((), "at least one"),
        ((da.from_array(A, (80, 2)),), "has .3, 3. blocks"),
        ((da.from_array(A, (80, N)), da.from_array(b, 60)), "same blocks of rows"),
    ):
        with pytest.raises(ValueError, match=text):
            Blocks(*wrong)
    with pytest.raises(TypeError, match="argument 0 is ndarray"):
        Blocks(A)


def test_a_killed_worker_changes_nothing(both):
    """Killed within an evaluation; its shards move, and move back when it is there again."""
    victim = pids(both)[0]

    def run(client):
        seen = []

        def callback(x):
            seen.append(x)
            if client is not None and len(seen) == 2:
                # in the middle of the next gradient
                threading.Timer(0.08, os.kill, (victim, signal.SIGKILL)).start()

        load = Part(data, 4)
        with ShardedSum(shards.slow, load, 4, client=client, deterministic=True) as objective:
            options = {"gtol": 1e-8}
            res = minimize(objective, np.zeros(N), jac=True, options=options, callback=callback)
            return res, objective.n_recoveries

    before, none = run(None)
    after, some = run(both)
    assert none == 0 and some >= 1
    assert after.success and (after.x == before.x).all() and after.nit == before.nit


def test_shards_move_to_a_restarted_worker(both):
    with ShardedSum(
        shards.of_process, shards.process, 4, client=both, deterministic=True
    ) as objective:
        before = places(objective)
        assert sorted(before.count(pid) for pid in set(before)) == [2, 2]
        os.kill(before[0], signal.SIGKILL)
        other = before[0]
        assert set(places(objective)) == set(before) - {other}
        assert objective.n_recoveries >= 1
        both.wait_for_workers(2, timeout=SECONDS)
        end = time.monotonic() + SECONDS
        while len(set(places(objective))) < 2:
            assert time.monotonic() < end, "no shard has moved to the new worker"
            time.sleep(0.2)
        after = places(objective)
        assert sorted(after.count(pid) for pid in set(after)) == [2, 2]


@pytest.mark.slow
def test_a_stopped_worker_is_given_up(both):
    with ShardedSum(
        shards.of_process, shards.process, 4, client=both, deterministic=True, timeout=4
    ) as objective:
        before = places(objective)
        stopped = before[0]
        os.kill(stopped, signal.SIGSTOP)
        try:
            assert set(places(objective)) == set(before) - {stopped}
            assert stopped not in places(objective)
        finally:
            os.kill(stopped, signal.SIGCONT)
        end = time.monotonic() + SECONDS
        while stopped not in places(objective):  # it has come back to life
            assert time.monotonic() < end
            time.sleep(0.2)


@pytest.mark.slow
def test_a_worker_that_is_too_slow_is_an_error(both):
    with (
        ShardedSum(shards.sleeps, Part(data, 2), 2, client=both) as objective,
        pytest.raises(RuntimeError, match=r"got lost 8 times in a row"),
    ):
        objective._engine.timeout = 0.3  # loading had more
        objective(POINT)


def test_parallel_functions_share_the_cores(both):
    with ShardedSum(shards.threads, Part(data, 2), 2, client=both) as objective:
        f, _ = objective(POINT)
    assert f == 2 * max(1, len(os.sched_getaffinity(0)) // 2)


def test_an_asynchronous_client_is_refused():
    class Asynchronous:
        asynchronous = True
        submit = scheduler_info = None

    with pytest.raises(ValueError, match="must not be asynchronous"):
        ShardedSum(squares, Part(data, 2), 2, client=Asynchronous())


# -- many problems ---------------------------------------------------------------------------------

BATCH = {"batched": (False, True), "jac": True}
FIELDS = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "success", "grad_norm", "n_restarts")


def assert_same(result, expected):
    for name in FIELDS:
        np.testing.assert_array_equal(np.asarray(result[name]), expected[name], name)


@pytest.fixture
def small_chunks(monkeypatch):
    """Many chunks although there is little to do."""
    from fastmomentum._batch import cluster as batch

    for name in ("CHUNK_SECONDS", "LEAST_SECONDS"):
        monkeypatch.setattr(batch, name, 1e-9)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"bounds": [(0.0, 3.0), (0.0, 1.5)]},
        {"penalty": fastmomentum.penalties.L1(0.05), "method": "nesterov"},
        {"method": "adam", "options": {"learning_rate": 0.05, "maxiter": 60}},
        {"skip": np.arange(120) % 3 == 0},
    ],
    ids=["plain", "bounds", "penalty", "rate", "skip"],
)
def test_a_batch_on_workers_is_the_batch_here(both, small_chunks, more):
    args = decays(120)
    here = minimize_batch(decay, [1.0, 1.0], args, **BATCH, **more)
    there = minimize_batch(decay, [1.0, 1.0], args, **BATCH, **more, workers=both)
    assert_same(there, here)
    assert there.message == here.message
    assert there.backend == "numba" and there.workers == 2


def test_bounds_per_problem_and_starts_that_are_not_finite(both, small_chunks):
    args = decays(60)
    X0 = np.full((60, 2), 1.0)
    X0[40] = np.nan
    upper = np.where(np.arange(60)[:, None] % 2 == 0, np.inf, [3.0, 1.0])
    bounds = Bounds(np.where(np.isinf(upper), -np.inf, 0.0), upper)
    here = minimize_batch(decay, X0, args, **BATCH, bounds=bounds)
    there = minimize_batch(decay, X0, args, **BATCH, bounds=bounds, workers=both)
    assert_same(there, here)
    assert there.status[40] == 3


def test_a_worker_is_killed_during_a_batch(both, small_chunks):
    args, seen = decays(60), []
    victim = pids(both)[0]

    def callback(intermediate_result):
        seen.append(intermediate_result.n_done)
        if intermediate_result.n_done > 20 and not killed:
            killed.append(os.kill(victim, signal.SIGKILL))

    killed = []
    options = {"maxiter": 8}
    there = minimize_batch(
        decay_slowly, [1.0, 1.0], args, **BATCH, options=options, callback=callback, workers=both
    )
    here = minimize_batch(decay, [1.0, 1.0], args, **BATCH, options=options)
    assert killed and seen == sorted(seen) and seen[-1] == 60
    np.testing.assert_array_equal(there.x, here.x)


def test_a_batch_on_workers_stops(both, small_chunks, tmp_path):
    def stop(intermediate_result):
        raise StopIteration

    t, y = decays(200)
    stopped = minimize_batch(decay_slowly, [1.0, 1.0], (t, y), **BATCH, callback=stop, workers=both)
    assert (stopped.status == 99).any()
    some = minimize_batch(
        decay_slowly,
        [1.0, 1.0],
        (t, y),
        **BATCH,
        options={"maxtime": 0.5},
        workers=both,
        checkpoint=tmp_path / "batch.npz",
    )
    assert (some.status == 4).any()
    rest = minimize_batch(
        decay, [1.0, 1.0], (t, y), **BATCH, workers=both, checkpoint=tmp_path / "batch.npz"
    )
    assert_same(rest, minimize_batch(decay, [1.0, 1.0], (t, y), **BATCH))
    y[77, 0] = 99.0
    with pytest.raises(ArithmeticError, match="too much") as caught:
        minimize_batch(
            decay_slowly,
            [1.0, 1.0],
            (t, y),
            **BATCH,
            workers=both,
            options={"maxiter": 2},
        )
    assert caught.value.row == 77
    assert (caught.value.result.status == 1).any()


@pytest.mark.parametrize("then", some(["lives", "dies"], ("dies",)))
def test_a_worker_hangs_during_a_batch(both, small_chunks, monkeypatch, then):
    """Its chunks are solved by the other one, too, and so are those that only it was to repeat."""
    from fastmomentum._batch import cluster as batch

    monkeypatch.setattr(batch, "LATE_SECONDS", 0.5)
    monkeypatch.setattr(batch, "LATE_FACTOR", 1)
    args, stopped = decays(60), []
    victim = pids(both)[0]

    def callback(intermediate_result):
        if intermediate_result.n_done > 20 and not stopped:
            stopped.append(os.kill(victim, signal.SIGSTOP))
            if then == "dies":
                kill.start()

    kill = threading.Timer(1.0, os.kill, (victim, signal.SIGKILL))
    options = {"maxiter": 8}
    try:
        there = minimize_batch(
            decay_slowly,
            [1.0, 1.0],
            args,
            **BATCH,
            options=options,
            callback=callback,
            workers=both,
        )
    finally:
        if then == "dies":
            kill.join()
        else:
            os.kill(victim, signal.SIGCONT)
    assert stopped
    assert_same(there, minimize_batch(decay, [1.0, 1.0], args, **BATCH, options=options))


def test_dask_arrays_in_dask_arrays_out(both):
    da = pytest.importorskip("dask.array")
    t, y = decays(90)
    X0 = np.tile([1.0, 1.0], (90, 1))
    here = minimize_batch(decay, X0, (t, y), **BATCH)
    lazy = da.from_array(X0, (40, 1))
    for rows in (y, da.from_array(y, (30, 16))):
        there = minimize_batch(decay, lazy, (t, rows), **BATCH, workers=both)
        assert there.x.chunks == ((40, 40, 10), (2,)) and isinstance(there.fun, da.Array)
        found = dict(zip(FIELDS, both.compute([there[k] for k in FIELDS], sync=True), strict=True))
        assert_same(found, here)
    with pytest.raises(ValueError, match="skip is not for a dask array as X0"):
        minimize_batch(decay, lazy, (t, y), **BATCH, workers=both, skip=np.zeros(90, bool))
    with pytest.raises(ValueError, match=r"args\[1\] is batched and must have one row per problem"):
        minimize_batch(decay, lazy, (t, y[:5]), **BATCH, workers=both)
    with pytest.raises(ValueError, match="needs a separable penalty"):
        tv = fastmomentum.penalties.TV1D(0.1)
        minimize_batch(decay, lazy, (t, y), **BATCH, workers=both, method="momentum", penalty=tv)
    for name in ("disp", "progress"):
        with pytest.raises(ValueError, match=f"{name} is not an option where X0 is a dask array"):
            minimize_batch(decay, lazy, (t, y), **BATCH, workers=both, options={name: True})
    with pytest.raises(ValueError, match="known shape"):
        minimize_batch(decay, lazy[:, 0], (t, y), **BATCH, workers=both)


# -- mini-batches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("variance_reduction", [None, "svrg"])
def test_mini_batches_on_workers_are_those_here(both, variance_reduction):
    def run(client):
        load = Part(data, 4)
        with ShardedSum(
            squares, load, 4, client=client, deterministic=True, keep=True
        ) as objective:
            return fastmomentum.minimize_sum(
                objective,
                np.zeros(N),
                method="adam",
                batch_size=60,
                epochs=3,
                seed=1,
                variance_reduction=variance_reduction,
                options={"learning_rate": 0.05},
            )

    here, there = run(None), run(both)
    assert there.nit == 12 and (there.x == here.x).all() and there.fun == here.fun


# -- Ctrl-C, and kill -9 of the driver -------------------------------------------------------------

PRESSED = """
import json, os, signal, threading, time
import distributed
import numpy as np
import shards
from shards import N, Part, bowl_slowly, data
from fastmomentum import minimize, minimize_batch, minimize_sum
from fastmomentum.distributed import ShardedSum
from fastmomentum._batch import cluster as batch

def fields(client):
    end = time.monotonic() + 300
    while True:  # what is released goes soon after
        held = sum(client.run(lambda dask_worker: len(dask_worker.data)).values())
        actors = sum(client.run(lambda dask_worker: len(dask_worker.state.actors)).values())
        found = [len(client.futures), held, actors]
        if not any(found) or time.monotonic() > end:
            return found
        time.sleep(0.05)

def main():
    batch.CHUNK_SECONDS = batch.LEAST_SECONDS = 1e-9
    def press(seconds=0.0):
        # As a terminal does: to all processes, those of the workers, too.
        timer = threading.Timer(seconds, os.killpg, (os.getpgrp(), signal.SIGINT))
        timer.start()
    def runs(client, objective):
        # Each presses Ctrl-C in the middle.
        def later(intermediate_result):
            if intermediate_result.nit == 3:
                press(0.08)  # while the workers compute
        def epoch(x):
            press(0.08)
        def some(intermediate_result):
            if intermediate_result.n_done > 20:
                press()
        rate = {"learning_rate": 1e-4}
        yield lambda: minimize(objective, np.zeros(N), jac=True, method="gd", options=rate,
                               callback=later)
        yield lambda: minimize_sum(objective, np.zeros(N), method="gd", batch_size=60, seed=1,
                                   epochs=100, options=rate, callback=epoch)
        yield lambda: minimize_batch(bowl_slowly, np.zeros(2), np.ones((4000, 2)), callback=some,
                                     batched=True, jac=True, workers=client)
    reports = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                                 dashboard_address=":0") as cluster,
        distributed.Client(cluster, timeout=600) as client,
    ):
        before = sorted(client.run(os.getpid).values())
        load = Part(data, 4)
        there = ShardedSum(shards.slow_pair, load, 4, client=client, deterministic=True)
        expected = ShardedSum(shards.squares_pair, load, 4)(np.ones(N))[0]
        for k, run in enumerate(runs(client, there)):
            result = None
            try:
                run()
                time.sleep(600)
            except KeyboardInterrupt as error:
                begin = time.perf_counter()
                result = getattr(error, "result", None)
            again = there(np.ones(N))[0] == expected if k < 2 else True
            report = {"again": again, "seconds": time.perf_counter() - begin}
            if k == 1:
                there.close()
            if k > 0:
                report["left"] = fields(client)
            report["status"] = np.unique(result.status).tolist()
            report["nit"] = np.sum(result.nit).item()
            reports.append(report)
        same = sorted(client.run(os.getpid).values()) == before
    print(json.dumps([reports, same]))

if __name__ == "__main__":
    main()
"""


def run_file(folder, code, *arguments, **more):
    """A program of its own, which processes can import, in a session of its own."""
    file = folder / "program.py"
    file.write_text(code)
    return subprocess.Popen(
        [sys.executable, file, *arguments],
        env=environment_of(),
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
        **more,
    )


@pytest.mark.slow
def test_ctrl_c_leaves_the_cluster_and_what_was_found(tmp_path):
    process = run_file(tmp_path, PRESSED)
    try:
        output, _ = process.communicate(timeout=1200)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    reports, same_workers = json.loads(output)
    assert same_workers
    for report in reports:
        assert report["again"] and report["seconds"] < 60
        assert report.get("left", [0, 0, 0]) == [0, 0, 0]
    one, epochs, many = reports
    assert one["status"] == epochs["status"] == [5] and one["nit"] >= 3 and epochs["nit"] >= 4
    assert 0 in many["status"] and 5 in many["status"]


DRIVER = """
import sys
import distributed
import numpy as np
import shards
from shards import N, Part, data
from fastmomentum._keep import checkpoint as _checkpoint
from fastmomentum import minimize, minimize_sum
from fastmomentum.distributed import ShardedSum

def main(address, kind, file):
    _checkpoint.SHARE = 1.0
    with distributed.Client(address, timeout=600) as client:
        load = Part(data, 4)
        with ShardedSum(shards.slow_pair, load, 4, client=client, deterministic=True) as objective:
            solve(kind, objective, checkpoint=file)

def solve(kind, objective, **more):
    if kind == "run":
        options = {"gtol": 1e-8, "checkpoint_every": 0}
        return minimize(objective, np.zeros(N), jac=True, options=options, **more)
    options = {"learning_rate": 1e-3, "checkpoint_every": 0}
    return minimize_sum(objective, np.zeros(N), batch_size=60, epochs=10, seed=1, options=options,
                        average=0.5, **more)

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.parametrize("kind", some(["run", "sum"], ("run",)))
def test_a_killed_driver_goes_on_to_the_same_bits(both, tmp_path, kind):
    file = tmp_path / "run.npz"
    load = {"run": fastmomentum.State.load, "sum": fastmomentum.SumState.load}[kind]
    reached: list[int] = []
    for _ in range(2 if kind == "run" else 1):
        process = run_file(tmp_path, DRIVER, both.scheduler.address, kind, file)
        end = time.monotonic() + SECONDS
        before = reached[-1] if reached else 0
        while not (file.exists() and load(file).nit > before + 1):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
        process.kill()
        process.wait()
        process.stdout.close()
        reached.append(load(file).nit)
        assert load(file).status == -1  # in the middle
    scope = {"__name__": "driver"}
    exec(DRIVER, scope)
    objective = ShardedSum(shards.squares_pair, Part(data, 4), 4, keep=True)
    whole = scope["solve"](kind, objective)
    with ShardedSum(
        shards.squares_pair, Part(data, 4), 4, client=both, deterministic=True
    ) as objective:
        rest = scope["solve"](kind, objective, checkpoint=file)
    assert 0 < reached[0] <= reached[-1] < whole.nit
    assert (rest.x == whole.x).all() and (rest.nit, rest.nfev) == (whole.nit, whole.nfev)


def test_shards_that_two_workers_hold_count_once(both):
    """What Ctrl-C may leave behind when it comes while shards move."""
    with ShardedSum(squares, Part(data, 4), 4, client=both, deterministic=False) as objective:
        expected = objective(POINT)
        engine = objective._engine
        for name, (actor, _) in engine.actors.items():
            for i in range(4):
                if engine.where[i] != name:
                    assert actor.add(i).result(timeout=SECONDS) is None
        again = objective(POINT)
        some = objective.evaluate(POINT[None], {i: np.arange(3) for i in range(4)})
    assert again[0] == expected[0] and (again[1] == expected[1]).all()
    here = ShardedSum(squares, Part(data, 4), 4)
    f, _ = here.evaluate(POINT[None], {i: np.arange(3) for i in range(4)})
    np.testing.assert_allclose(some[0], f, rtol=1e-12)
