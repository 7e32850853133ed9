"""`minimize_batch` on a cluster: chunks of problems as pure tasks, which dask repeats if lost."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._check.arguments import (
    check_args,
    check_fun,
    check_jac,
    check_terms,
    default_method,
    named_method,
)
from .._check.batches import check_batch_options, check_batched
from .._check.bounds import check_bounds
from .._check.options import Settings, check_options, difference_settings
from .._language import layout
from .._problem.objective import is_compiled
from .._problem.penalty import check_penalty
from .._problem.terms import make_terms
from .._report.result import OptimizeResult, Status, make_result
from ..distributed.interrupts import leave_to, this_process
from ..distributed.parcels import pack, portable, unpack
from .problems import NOT_RUN
from .report import Report
from .run import Batch

# A task costs some 10 ms; below this much work more of them do not pay.
CHUNK_SECONDS = 1.0
LEAST_SECONDS = 0.2
CHUNKS_PER_THREAD = 8
CHUNK_BYTES = 64_000_000
PILOT_ROWS = 16
AHEAD = 3  # chunks that wait for each thread
POLL_SECONDS = 0.1
# A chunk is given to another worker, too, after this time and several times that of the others.
LATE_SECONDS = 60.0
LATE_FACTOR = 4 * (AHEAD + 1)
FIELDS = ("x", "jac", "success", *layout.NUMBERS, *layout.COUNTS)


@dataclasses.dataclass
class Common:
    """What all chunks need."""

    fun: Any
    jac: Any
    args: tuple  # None for those that are batched
    which: tuple[bool, ...]
    settings: Settings
    shared: Any
    penalty: Any
    caches: tuple[type | None, ...] = ()

    def __post_init__(self) -> None:
        self.ready = False
        if is_compiled(self.fun):
            from .._numba.cache import kind_of_cache

            self.caches = (kind_of_cache(self.fun), kind_of_cache(self.jac))

    def __getstate__(self) -> dict:
        return {**self.__dict__, "ready": False}

    def unpack(self) -> None:
        """Once per worker: what pickling has changed is as it was."""
        if self.ready:
            return
        self.args = tuple(map(_writable, self.args))
        for function, kind in zip((self.fun, self.jac), self.caches, strict=False):
            if kind:
                from .._numba.cache import keep_on_disk

                keep_on_disk(function, kind)
        self.ready = True

    def batch(self, starts: Any, rows: tuple, bounds: Any, seconds: float) -> Batch:
        """The problems of one chunk."""
        self.unpack()
        left = iter(rows)
        args = tuple(
            _writable(next(left)) if batched else a
            for a, batched in zip(self.args, self.which, strict=True)
        )
        settings = dataclasses.replace(self.settings, maxtime=seconds)
        made = Batch(
            self.fun, self.jac, args, self.which, starts, settings, None, time.perf_counter()
        )
        made.limit(self.shared, bounds, self.penalty)
        return made


@dataclasses.dataclass
class Solved:
    """What a chunk found; the problem that failed, if one did, and why."""

    x: np.ndarray
    gradients: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray
    backend: str
    seconds: float
    row: int
    failure: Exception | None


def same(value: Any) -> Any:
    """A task of its own, so that dask sends `value` once to each worker."""
    return value


@dataclasses.dataclass(eq=False)
class Chunk:
    """Problems that are solved together, by one worker or, where that may hang, by several."""

    rows: np.ndarray
    since: float  # when it was last given to a worker
    times: int = 0  # how often
    tried: set[str] = dataclasses.field(default_factory=set)  # workers that had it too long


def solve(parcel: bytes, starts: Any, rows: tuple, bounds: Any, seconds: float) -> Solved:
    """One chunk, in one thread."""
    batch = unpack(parcel).batch(starts, rows, bounds, seconds)
    row, failure = -1, None
    begin = time.perf_counter()
    try:
        batch.run(1, None)
    except Exception as error:
        row = int(getattr(error, "row", -1))
        failure = portable(error)
    return Solved(
        batch.x,
        batch.gradients,
        batch.numbers,
        batch.counts,
        batch.backend,
        time.perf_counter() - begin,
        row,
        failure,
    )


def pilot(
    parcel: bytes,
    starts: Any,
    rows: tuple,
    bounds: Any,
    seconds: float,
    driver: tuple[str, int],
) -> Solved:
    """The first chunk: compiles before it takes the time."""
    leave_to(driver)
    first = slice(0, 1)
    limits = None if bounds is None else tuple(part[first] for part in bounds)
    warm = solve(parcel, starts[first], tuple(a[first] for a in rows), limits, seconds)
    if warm.failure is not None and len(starts) == 1:
        return warm
    return solve(parcel, starts, rows, bounds, seconds)


def solve_block(parcel: bytes, starts: Any, rows: tuple, bounds: Any) -> OptimizeResult:
    """One block of a dask array."""
    common: Common = unpack(parcel)
    batch = common.batch(np.asarray(starts), rows, bounds, common.settings.maxtime)
    return batch.run(1, None)


def _writable(value: Any) -> Any:
    """What arrived in a message is read-only, which is another type for Numba."""
    if isinstance(value, np.ndarray):
        return np.require(value, requirements=["C", "A", "W"] if value.flags.c_contiguous else "W")
    return value


def _common(batch: Batch) -> Common:
    args = tuple(None if batched else a for a, batched in zip(batch.args, batch.which, strict=True))
    settings = dataclasses.replace(batch.settings, progress=False, disp=False, keep_state=False)
    return Common(batch.fun, batch.jac, args, batch.which, settings, batch.shared, batch.penalty)


class Chunks:
    """The problems of a batch that are still to be solved, handed out piece by piece."""

    def __init__(self, batch: Batch, client: Any):
        self.batch, self.client = batch, client
        self.rows = np.flatnonzero(batch.status == NOT_RUN)
        self.taken = 0
        self.parcel = pack(_common(batch))
        self.common = client.submit(same, self.parcel, pure=False)
        self.pending: dict[Any, Chunk] = {}
        self.longest = 0.0
        each = [batch.x, *(a for a, b in zip(batch.args, batch.which, strict=True) if b)]
        self.most = max(1, CHUNK_BYTES // max(1, sum(a[:1].nbytes for a in each)))

    def left(self) -> int:
        return len(self.rows) - self.taken

    def is_open(self, chunk: Chunk) -> bool:
        """Is none of its copies done?"""
        return bool((self.batch.status[chunk.rows] == NOT_RUN).any())

    def under_way(self) -> bool:
        """Is a chunk awaited, rather than only a copy of one that is done?"""
        return any(map(self.is_open, self.pending.values()))

    def submit(
        self,
        chunk: Chunk,
        function: Any = solve,
        common: Any = None,
        more: tuple = (),
        **where: Any,
    ) -> None:
        batch, rows = self.batch, chunk.rows
        args = tuple(a[rows] for a, batched in zip(batch.args, batch.which, strict=True) if batched)
        bounds = None if batch.per_row is None else tuple(part[rows] for part in batch.per_row)
        seconds = batch.begin + batch.settings.maxtime - time.perf_counter()
        future = self.client.submit(
            function,
            self.common if common is None else common,
            batch.x[rows],
            args,
            bounds,
            max(seconds, 1e-9),
            *more,
            pure=False,
            **where,
        )
        self.pending[future] = chunk
        chunk.since = time.monotonic()
        chunk.times += 1

    def repeat_late(self) -> None:
        """Give chunks that take too long to other workers, too: theirs may hang."""
        limit = max(LATE_SECONDS, LATE_FACTOR * self.longest)
        now = time.monotonic()
        late = {
            chunk
            for chunk in self.pending.values()
            if now > chunk.since + limit * chunk.times and self.is_open(chunk)
        }
        if late:
            self._repeat(late)

    def _repeat(self, chunks: set[Chunk]) -> None:
        """Give these chunks to workers that have not had them, where there are any."""
        having = self.client.processing()
        for chunk in chunks:
            keys = {future.key for future, own in self.pending.items() if own is chunk}
            chunk.tried |= {name for name, tasks in having.items() if keys & set(tasks)}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            for chunk in chunks:
                # Preferred only: these may hang or die, too.
                left = [name for name in having if name not in chunk.tried] or list(having)
                # With all that it needs, which else a worker that hangs may hold.
                self.submit(
                    chunk, common=self.parcel, workers=left or None, allow_other_workers=bool(left)
                )

    def take(self, size: int) -> Chunk:
        rows = self.rows[self.taken : self.taken + min(size, self.most)]
        self.taken += len(rows)
        return Chunk(rows, time.monotonic())

    def receive(self, future: Any) -> Solved | None:
        """Put down what a chunk found; None if it cannot be had."""
        chunk, batch = self.pending.pop(future), self.batch
        rows = chunk.rows
        try:
            if not self.is_open(chunk):
                return None  # a copy was quicker
            solved: Solved = future.result(timeout=LATE_SECONDS)
        except TimeoutError:  # the worker that has it hangs
            chunk.tried |= set(self.client.who_has([future])[future.key])
            self._repeat({chunk})
            return None
        finally:
            future.release()
        self.longest = max(self.longest, solved.seconds)
        batch.x[rows], batch.gradients[rows] = solved.x, solved.gradients
        batch.numbers[rows], batch.counts[rows] = solved.numbers, solved.counts
        done = batch.status[rows] > NOT_RUN
        batch.settled[rows] = done
        batch.before += int(done.sum())
        if solved.backend == "numba":
            batch.backend = "numba"
        if solved.failure is not None:
            error = solved.failure
            error.row = int(rows[max(solved.row, 0)])  # type: ignore[attr-defined]
            raise error
        return solved

    def wait(self) -> list[Any]:
        """The futures that are done, after a short while at most."""
        import distributed

        with contextlib.suppress(TimeoutError):
            distributed.wait(list(self.pending), POLL_SECONDS, return_when="FIRST_COMPLETED")
        return [future for future in self.pending if future.done()]

    def cancel(self) -> None:
        """Leave nothing on the cluster."""
        if self.pending:
            self.client.cancel(list(self.pending), force=True)
        self.pending.clear()
        self.common.release()


def on_workers_of(client: Any) -> Callable[[Batch, Report], None]:
    """What has a batch solved by the workers of `client`."""
    return lambda batch, report: run_chunks(batch, client, report)


def run_chunks(batch: Batch, client: Any, report: Report) -> None:
    """Solve the problems of `batch` on the workers of `client`."""
    chunks = Chunks(batch, client)
    try:
        size = _warm_up(batch, chunks, report)
        threads = batch.used
        while (chunks.left() or chunks.under_way()) and not batch.stop[0]:
            while chunks.left() and len(chunks.pending) < AHEAD * threads:
                chunks.submit(chunks.take(size))
            _collect(batch, chunks, report)
    finally:
        chunks.cancel()
    if not batch.stop[0] and (batch.status == NOT_RUN).any():
        batch.reason = Status.MAXTIME  # a worker's clock was ahead
    report.now()


def _collect(batch: Batch, chunks: Chunks, report: Report) -> list[Solved]:
    found = [solved for future in chunks.wait() if (solved := chunks.receive(future)) is not None]
    chunks.repeat_late()
    batch._check_clock()
    report.now()
    batch._save_if_due()
    return found


def _warm_up(batch: Batch, chunks: Chunks, report: Report) -> int:
    """Compile on all workers, with the first problems; the size of a chunk."""
    chunk = chunks.take(PILOT_ROWS)
    if not len(chunk.rows):
        return 1
    workers: dict = {}
    while not workers and not batch.stop[0]:
        workers = chunks.client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            time.sleep(POLL_SECONDS)
            batch._check_clock()
    for name in workers:
        chunks.submit(
            chunk, pilot, more=(this_process(),), workers=[name], allow_other_workers=True
        )
    chunk.times = 1  # it is late as any other
    batch.used = max(1, sum(about["nthreads"] for about in workers.values()))
    found: list[Solved] = []
    while not found and not batch.stop[0]:
        found = _collect(batch, chunks, report)
    if not found:
        return 1
    each = max(found[0].seconds / len(chunk.rows), 1e-9)
    left, threads = chunks.left(), batch.used
    size = max(math.ceil(CHUNK_SECONDS / each), -(-left // (CHUNKS_PER_THREAD * threads)))
    return max(1, min(size, max(-(-left // threads), math.ceil(LEAST_SECONDS / each))))


def solve_lazily(
    client: Any,
    fun: Any,
    X0: Any,
    args: Any,
    batched: Any,
    method: str | None,
    jac: Any,
    bounds: Any,
    tol: float | None,
    options: dict[str, Any] | None,
    penalty: Any,
) -> OptimizeResult:
    """A batch whose X0 is a dask array: a block of problems per task, dask arrays in the result."""
    import dask
    import dask.array as da

    named = named_method(method)
    check_fun(fun, jac)
    args = check_args(args)
    which = check_batched(batched, args)
    if X0.ndim != 2 or any(map(math.isnan, X0.shape)) or 0 in X0.shape:
        raise ValueError(
            f"X0 as a dask array must have a known shape (n_problems, n), got {X0.shape}."
        )
    X0 = X0.rechunk({1: -1})
    count, n = X0.shape
    penalty = check_penalty(penalty)
    chosen = named or default_method(penalty is None or penalty.separable)
    single = X0.dtype == np.float32
    x0 = np.zeros(n, np.float32 if single else np.float64)
    settings = difference_settings(check_options(chosen, tol, options, x0), jac)
    check_batch_options(settings)
    for name in ("disp", "progress"):
        if getattr(settings, name):
            raise ValueError(
                f"{name} is not an option where X0 is a dask array, whose problems are solved "
                "after this call: leave it out."
            )
    edges = np.concatenate([[0], np.cumsum(X0.chunks[0])])
    columns = [
        _blocks(f"args[{i}]", a, X0.chunks[0], edges)
        for i, (a, batched) in enumerate(zip(args, which, strict=True))
        if batched
    ]
    kept = tuple(None if batched else a for a, batched in zip(args, which, strict=True))
    limits = check_bounds(bounds, n)
    check_terms(chosen, settings, make_terms(limits, penalty, n, x0.dtype))
    common = Common(fun, check_jac(jac, settings.check_jac), kept, which, settings, limits, penalty)
    parcel = dask.delayed(pack(common), pure=False)
    blocks = [
        dask.delayed(solve_block, pure=False)(parcel, starts, list(rows), None)
        for starts, *rows in zip(X0.to_delayed().ravel(), *columns, strict=True)
    ]
    # Kept on the workers: x and fun are not solved for twice.
    solved = client.persist(blocks)
    take = dask.delayed(dict.__getitem__)
    found: dict[str, Any] = {}
    for name in FIELDS:
        shape = (n,) if name in ("x", "jac") else ()
        kind: Any = np.int64 if name in layout.COUNTS else bool if name == "success" else np.float64
        dtype = x0.dtype if name in ("x", "jac") else kind
        parts = [
            da.from_delayed(take(block, name), (size, *shape), dtype)
            for block, size in zip(solved, X0.chunks[0], strict=True)
        ]
        found[name] = da.concatenate(parts)
    message = f"{count:,} problems in {len(blocks)} blocks, under way on the workers."
    return make_result(message=message, **found)


def _blocks(name: str, value: Any, sizes: tuple, edges: np.ndarray) -> list:
    """A batched argument, block by block as X0."""
    if len(value) != edges[-1]:
        raise ValueError(
            f"{name} is batched and must have one row per problem, {edges[-1]} in all, got "
            f"{len(value)}."
        )
    if not hasattr(value, "to_delayed"):
        rows = np.asarray(value)
        return [rows[a:b] for a, b in itertools.pairwise(edges)]
    value = value.rechunk({0: sizes, **dict.fromkeys(range(1, value.ndim), -1)})
    return list(value.to_delayed().ravel())
