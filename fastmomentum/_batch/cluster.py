"""`minimize_batch` on a cluster: chunks of problems as pure tasks, which dask repeats if lost."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
import warnings
from typing import Any

import numpy as np

from .._check.options import Settings
from .._problem.objective import is_compiled
from .._report.result import Status
from ..distributed.interrupts import leave_to, this_process
from ..distributed.parcels import pack, portable, unpack
from .batch import Batch
from .bounds import RowBounds
from .clock import Clock
from .problems import Constraints, Family, Problems
from .table import NOT_RUN, Table
from .threads import Threads

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
        per_row = None if bounds is None else RowBounds(bounds, self.penalty, starts.dtype)
        problems = Problems(
            Family(self.fun, self.jac, args, self.which),
            settings,
            np.broadcast_to(np.zeros(1, starts.dtype), starts.shape[1:]),
            Constraints(self.shared, per_row, self.penalty),
        )
        clock = Clock(time.perf_counter(), seconds)
        return Batch(problems, Table(starts, None), clock, Threads(1))


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
        batch.run()
    except Exception as error:
        row = int(getattr(error, "row", -1))
        failure = portable(error)
    table = batch.table
    return Solved(
        table.x,
        table.gradients,
        table.numbers,
        table.counts,
        batch.executor.backend,
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


def _writable(value: Any) -> Any:
    """What arrived in a message is read-only, which is another type for Numba."""
    if isinstance(value, np.ndarray):
        return np.require(value, requirements=["C", "A", "W"] if value.flags.c_contiguous else "W")
    return value


def _common(problems: Problems) -> Common:
    fun, jac, args, which = problems.family
    args = tuple(None if batched else a for a, batched in zip(args, which, strict=True))
    settings = dataclasses.replace(problems.settings, progress=False, disp=False, keep_state=False)
    shared, _, penalty = problems.constraints
    return Common(fun, jac, args, which, settings, shared, penalty)


class Chunks:
    """The problems of a batch that are still to be solved, handed out piece by piece."""

    def __init__(self, batch: Batch, client: Any):
        self.problems, self.table, self.clock = batch.problems, batch.table, batch.clock
        self.client = client
        self.rows = np.flatnonzero(self.table.status == NOT_RUN)
        self.compiled = False  # on a worker
        self.taken = 0
        self.parcel = pack(_common(self.problems))
        self.common = client.submit(same, self.parcel, pure=False)
        self.pending: dict[Any, Chunk] = {}
        self.longest = 0.0
        _, _, args, which = self.problems.family
        each = [self.table.x, *(a for a, b in zip(args, which, strict=True) if b)]
        self.most = max(1, CHUNK_BYTES // max(1, sum(a[:1].nbytes for a in each)))

    def left(self) -> int:
        return len(self.rows) - self.taken

    def is_open(self, chunk: Chunk) -> bool:
        """Is none of its copies done?"""
        return bool((self.table.status[chunk.rows] == NOT_RUN).any())

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
        rows, per_row = chunk.rows, self.problems.per_row
        _, _, args, which = self.problems.family
        args = tuple(a[rows] for a, batched in zip(args, which, strict=True) if batched)
        bounds = None if per_row is None else tuple(part[rows] for part in per_row.pair)
        future = self.client.submit(
            function,
            self.common if common is None else common,
            self.table.x[rows],
            args,
            bounds,
            self.clock.left(),
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
        chunk, table = self.pending.pop(future), self.table
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
        table.x[rows], table.gradients[rows] = solved.x, solved.gradients
        table.numbers[rows], table.counts[rows] = solved.numbers, solved.counts
        done = table.status[rows] > NOT_RUN
        table.settled[rows] = done
        table.before += int(done.sum())
        self.compiled |= solved.backend == "numba"
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


class Cluster:
    """The workers of a dask client."""

    def __init__(self, client: Any):
        self.client = client
        self.used = 1
        self.backend = "python"

    def under_way(self) -> int:
        """Chunks count once they are received."""
        return 0

    def calls_here(self) -> bool:
        """Workers call fun."""
        return False

    def fill(self, batch: Batch) -> None:
        """Solve what the table has not, until the clock says stop."""
        chunks = Chunks(batch, self.client)
        clock = batch.clock
        try:
            size = self._warm_up(chunks, batch)
            while (chunks.left() or chunks.under_way()) and not clock.stopped:
                while chunks.left() and len(chunks.pending) < AHEAD * self.used:
                    chunks.submit(chunks.take(size))
                self._collect(chunks, batch)
        finally:
            chunks.cancel()
        if not clock.stopped and (batch.table.status == NOT_RUN).any():
            clock.reason = Status.MAXTIME  # a worker's clock was ahead

    def _collect(self, chunks: Chunks, batch: Batch) -> list[Solved]:
        """What has come in."""
        found = []
        try:
            for future in chunks.wait():
                if (solved := chunks.receive(future)) is not None:
                    found.append(solved)
        finally:
            if chunks.compiled:
                self.backend = "numba"
        chunks.repeat_late()
        batch.look()
        return found

    def _warm_up(self, chunks: Chunks, batch: Batch) -> int:
        """Compile on all workers, with the first problems; the size of a chunk."""
        chunk, clock = chunks.take(PILOT_ROWS), batch.clock
        if not len(chunk.rows):
            return 1
        workers: dict = {}
        while not workers and not clock.stopped:
            workers = chunks.client.scheduler_info(n_workers=-1)["workers"]
            if not workers:
                time.sleep(POLL_SECONDS)
                clock.check()
        for name in workers:
            chunks.submit(
                chunk, pilot, more=(this_process(),), workers=[name], allow_other_workers=True
            )
        chunk.times = 1  # it is late as any other
        self.used = max(1, sum(about["nthreads"] for about in workers.values()))
        found: list[Solved] = []
        while not found and not clock.stopped:
            found = self._collect(chunks, batch)
        if not found:
            return 1
        each = max(found[0].seconds / len(chunk.rows), 1e-9)
        left, threads = chunks.left(), self.used
        size = max(math.ceil(CHUNK_SECONDS / each), -(-left // (CHUNKS_PER_THREAD * threads)))
        return max(1, min(size, max(-(-left // threads), math.ceil(LEAST_SECONDS / each))))
