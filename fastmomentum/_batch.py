"""`minimize_batch`: many independent problems of the same kind, each stopping on its own."""

from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ._batch_state import BLOCK, BatchState, digest, limits_of
from ._callback import wrap_callback
from ._checkpoint import Saver, check_state
from ._display import write
from ._drive import Run, attach
from ._gradient_check import check_gradient
from ._kernels import layout
from ._minimize import minimize
from ._objective import Objective
from ._progress import Progress
from ._result import OptimizeResult, Status, make_result
from ._resume import same_value
from ._state import rules_of
from ._status import message_of_error, message_of_many
from ._terms import Terms, make_terms
from ._validation.arguments import (
    check_args,
    check_fun,
    check_jac,
    check_method,
    check_penalty,
    check_terms,
)
from ._validation.batches import (
    check_batch_options,
    check_batched,
    check_device,
    check_lazy,
    check_skip,
    check_workers,
    check_X0,
)
from ._validation.bounds import check_bounds, check_row_bounds
from ._validation.cluster import check_client, is_client
from ._validation.options import Settings, check_options
from ._validation.parameters import schedule_value

# A worker asks for work this often, and so hands out what is left evenly.
CHUNK_SECONDS = 0.02
# Ctrl-C, the clock and the callback are looked at this often, and a problem stops as soon.
POLL_SECONDS = 0.05
MOST_STRETCH = 256
SKIPPED, NOT_RUN, LATER = -1, layout.NOT_RUN, -3
_FIELD = {name: i for i, name in enumerate(layout.BATCH_FIELDS)}


def minimize_batch(
    fun: Any,
    X0: Any,
    args: Any = (),
    batched: Any = False,
    method: str | None = None,
    jac: Any = None,
    bounds: Any = None,
    tol: float | None = None,
    callback: Callable | None = None,
    options: dict[str, Any] | None = None,
    *,
    penalty: Any = None,
    skip: Any = None,
    workers: Any = None,
    state: Any = None,
    checkpoint: Any = None,
    device: str = "cpu",
) -> OptimizeResult:
    r"""Minimize many independent functions of the same form in one call.

    Problem i is ``minimize(fun, X0[i], args_i, ...)``, where ``args_i`` takes row i of the batched
    arguments and the others as they are; its result is the same to the last bit, whatever the
    number of threads (but for `grad_norm` where `norm` is not inf, and for the calls that a single
    run makes to check ``jac="cs"``). When `fun` (and `jac`) are Numba functions, the loop over the
    problems is compiled, too, and runs in threads without Python's lock.

    Parameters
    ----------
    fun : callable
        As for `minimize`.
    X0 : array_like, shape (n_problems, n) or (n,)
        Where each problem starts; (n,): the same for all. A contiguous float64 or float32 array,
        which may be memory-mapped, is not copied. Rows with NaN or inf fail with status 3.
    args : tuple, optional
        Extra arguments of `fun` and `jac`.
    batched : bool or sequence of bool, default False
        Which of `args` differ from problem to problem: these are arrays with a leading axis of
        length n_problems. Of a one-dimensional array each problem gets a number.
    method, jac : optional
        As for `minimize`, the same for all problems.
    bounds : sequence, `Bounds`, optional
        As for `minimize`, or an object whose ``lb`` or ``ub`` has the shape (n_problems, n).
    tol : float, optional
        As for `minimize`.
    callback : callable, optional
        Called now and then as ``callback(intermediate_result)`` with the counts ``n_done``,
        ``n_problems`` and ``n_converged`` and with ``time``; ``StopIteration`` ends the call.
    options : dict, optional
        As for `minimize`, without `history` and `return_all`. ``maxtime`` limits the whole call.
    penalty : Penalty, optional
        As for `minimize`, the same for all problems.
    skip : array_like of bool, shape (n_problems,), optional
        Problems to leave out: their status is -1, their x that of X0, their fun nan.
    workers : int or distributed.Client, optional
        Threads; by default as many as there are processors for this process. Problems whose
        functions are not compiled, or whose penalty is not separable, run one after the other.
        A client of a dask cluster: the problems are solved in chunks on its workers, one thread
        each, and those of workers that die again. X0 may then be a dask array, and batched `args`
        too: each block is a task, and the arrays of the result are dask arrays, whose
        blocks the workers hold; without `callback`, `skip`, `state` and `checkpoint`.
    state : BatchState or path, optional
        ``result.state`` of an earlier call with the same arguments, or the file of one: what it
        solved is taken over, and the other problems are solved, those that ended with `maxiter` or
        `maxfev` only if that is another now.
    checkpoint : path, optional
        A file to keep that in, written every ``options["checkpoint_every"]`` seconds and at the
        end. Where it exists the call goes on from it.
    device : {"cpu", "cuda"}, default "cpu"
        Where: on a CUDA device each thread solves one problem after the other, from start to end.

    Returns
    -------
    OptimizeResult
        With one row or entry per problem: x and jac of shape (n_problems, n); fun, grad_norm,
        learning_rate, nit, nfev, njev, status, success, n_restarts and line_search_failures of
        shape (n_problems,). message says how many problems ended in which way and, in a line for
        each kind of failure, what to try; time is in seconds; workers the threads used; backend
        ``"numba"``, ``"python"`` or ``"cuda"``. Problems that were not reached have the status of
        the reason, 4, 5 or 99, and nfev 0. `state`, where a problem was not solved or with
        ``options={"keep_state": True}``, is what a later call goes on from.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid.

    Notes
    -----
    `fun` and `jac` must not write into arguments that are not batched, since threads share them.
    Functions compiled with ``parallel=True`` get one thread of this call's, and start their own.

    An exception in `fun` ends the call and carries the attributes ``result``, what was found so
    far, and ``row``, the problem; Ctrl-C carries ``result`` too, or returns it with
    ``options={"on_interrupt": "return"}``. Threads come from a pool of this call, not from Numba's
    threading layers, so that it may be called from threads and forked processes.

    On a cluster, chunks of some second of work go to the workers, which compile once each. A worker
    that dies is noticed at once; one that hangs only by dask, after its ``worker-ttl`` (5 minutes).

    ``device="cuda"`` needs the package numba-cuda. It takes the same methods, bounds, and separable
    penalties. `fun` and `jac`, compiled or not, must be what a CUDA kernel can be made of: loops
    over numbers and functions of `math`, a gradient written in place (or differences), and `args`
    of numbers and arrays; they may not rely on exceptions. On the device x and the rows of batched
    arguments are strided. Multiply-adds are contracted there, so that results agree with those of
    the processor to rounding. With a float32 X0 all arithmetic is float32: floats in `fun` are
    taken as such; products with integers are the user's to avoid, ``np.float32(i)``.

    Examples
    --------
    Exponential decays, one fit per row of data:

    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import minimize_batch
    >>> @njit
    ... def fun(x, out, t, y):
    ...     out[:] = 0.0
    ...     total = 0.0
    ...     for k in range(t.size):
    ...         e = np.exp(-x[1] * t[k])
    ...         r = x[0] * e - y[k]
    ...         total += r * r
    ...         out[0] += 2.0 * r * e
    ...         out[1] -= 2.0 * r * x[0] * e * t[k]
    ...     return total
    >>> t = np.linspace(0.0, 2.0, 20)
    >>> rates = np.array([0.5, 1.0, 2.0])
    >>> y = 3.0 * np.exp(-rates[:, None] * t)
    >>> res = minimize_batch(fun, [1.0, 1.0], args=(t, y), batched=(False, True), jac=True)
    >>> res.success.all(), res.x.round(3).tolist()
    (np.True_, [[3.0, 0.5], [3.0, 1.0], [3.0, 2.0]])
    """
    begin = time.perf_counter()
    if is_client(workers) and hasattr(X0, "to_delayed"):
        check_lazy(callback=callback, skip=skip, state=state, checkpoint=checkpoint)
        from .distributed.batch import solve_lazily

        return solve_lazily(
            workers, fun, X0, args, batched, method, jac, bounds, tol, options, penalty
        )
    chosen = check_method(method)
    check_fun(fun)
    args = check_args(args)
    which = check_batched(batched, args)
    starts, args = check_X0(X0, args, which)
    count, n = starts.shape
    mask = check_skip(skip, count)
    callback = _callback(callback)
    penalty = check_penalty(penalty)
    per_row = check_row_bounds(bounds, count, n)
    shared = None if per_row is not None else check_bounds(bounds, n)
    chosen = check_method(method, penalty is None or penalty.separable)
    settings = check_options(chosen, tol, options, starts[0])
    check_batch_options(settings)
    n_workers = check_client(workers) if is_client(workers) else check_workers(workers)
    kind = Batch
    if check_device(device, workers, settings) == "cuda":
        from ._batch_cuda import CudaBatch as kind
    checked = check_jac(jac, settings.check_jac)
    batch = kind(fun, checked, args, which, starts, settings, mask, begin)
    batch.limit(shared, per_row, penalty)
    earlier = check_state(state, checkpoint, BatchState)
    if earlier is not None:
        batch.restore(earlier)
    if checkpoint is not None:
        batch.saver = Saver(checkpoint, settings.checkpoint_every)
    result = batch.run(n_workers, callback)
    if settings.disp:
        write(f"{result.message}\n         Function evaluations: {int(result.nfev.sum()):d}\n")
    return result


def _callback(callback: Any) -> Callable | None:
    """The callback as a function of one argument, or None."""
    found, by_name = wrap_callback(callback)
    if found is None or not by_name:
        return found
    return lambda counts: found(intermediate_result=counts)


def _bounds_within(
    per_row: tuple[np.ndarray, np.ndarray], penalty: Any, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of each problem and those of the penalty together, as the loops take them."""
    from .penalties._separable import inward

    lower, upper = per_row
    if penalty is not None:
        _, _, low, high = penalty.separable_data(lower.shape[1])
        lower, upper = np.maximum(lower, low), np.minimum(upper, high)
        empty = lower > upper
        if empty.any():
            i, j = (int(k[0]) for k in np.nonzero(empty))
            raise ValueError(
                f"bounds and penalty leave no value for x[{j}] of problem {i}: "
                f"({lower[i, j]}, {upper[i, j]})."
            )
    if dtype != np.float64:
        with np.errstate(over="ignore"):
            lower, upper = inward(lower, upper, dtype)
    return np.ascontiguousarray(lower, dtype), np.ascontiguousarray(upper, dtype)


@dataclasses.dataclass
class Batch:
    """The problems, and what is found."""

    fun: Any
    jac: Any
    args: tuple
    which: tuple[bool, ...]
    starts: np.ndarray
    settings: Settings
    mask: np.ndarray | None
    begin: float

    def __post_init__(self) -> None:
        self.count, self.n = self.starts.shape
        # Where the problems start, and then what was found.
        self.x = np.array(self.starts, order="C")
        self.gradients = np.full_like(self.x, math.nan)
        self.numbers = np.full((self.count, layout.N_NUMBERS), math.nan)
        self.counts = np.zeros((self.count, layout.N_COUNTS), np.int64)
        self.status = self.counts[:, 0]
        self.status[:] = NOT_RUN
        self.before = 0  # how many are done without the loops
        if self.mask is not None:
            self.status[self.mask] = SKIPPED
            self.before = int(self.mask.sum())
        self.shared: tuple[np.ndarray, np.ndarray] | None = None
        self.per_row: tuple[np.ndarray, np.ndarray] | None = None
        self.penalty: Any = None
        self.loops: list[Loop] = []
        self.to_compare = self.settings.check_jac
        self.lock = threading.Lock()
        self.stop = np.zeros(1, np.int64)
        self.reason = Status.INTERRUPTED
        self.why = ""  # of an interruption that is not the user's
        self.taken = 0
        self.used = 1
        self.backend = "python"
        self.saver: Saver | None = None
        # Rows that no thread writes to any more.
        self.settled = self.status != NOT_RUN

    def limit(self, shared: Any, per_row: Any, penalty: Any) -> None:
        """Set bounds and penalty."""
        self.shared, self.per_row, self.penalty = shared, per_row, penalty
        check_terms(self.settings.method, self.settings, self.terms(0))
        if per_row is not None:
            self.tight = _bounds_within(per_row, penalty, self.x.dtype)

    def restore(self, state: BatchState) -> None:
        """Take over what is solved, once fun at one of the solutions has shown that it is."""
        state.check(self.settings, self.starts)
        left = state.to_do(self.settings)
        known = ~left & np.isfinite(state.numbers[:, 0])
        if known.any():
            row = int(known.argmax())
            x, terms = state.x[row].copy(), self.terms(row)
            objective = Objective(self.fun, self.jac, self.args_of(row), x, self.settings.backend)
            if terms is not None:
                objective.bounds = terms.bounds()
            if objective.can_be_checked:
                f = objective.first(x, np.empty_like(x))
                same_value(state.source, f, float(state.numbers[row, 0]), terms, x)
        if self.mask is not None:
            left |= self.mask
        done = ~left
        self.x[done], self.gradients[done] = state.x[done], state.gradients[done]
        self.numbers[done], self.counts[done] = state.numbers[done], state.counts[done]
        self.settled |= done
        self.before = int(self.settled.sum())

    def state(self) -> BatchState:
        """What is solved; threads may be solving others meanwhile."""
        settled = self.settled.copy()
        counts = self.counts.copy()
        counts[~settled] = 0
        counts[~settled, 0] = NOT_RUN
        return BatchState(
            method=self.settings.method.name,
            rules=rules_of(self.settings),
            limits=limits_of(self.settings),
            starts=digest(self.starts),
            x=self.x.copy(),
            gradients=self.gradients.copy(),
            numbers=self.numbers.copy(),
            counts=counts,
        )

    def _save_if_due(self) -> None:
        if self.saver is not None and self.saver.due():
            self.saver.save(self.state)

    def terms(self, row: int) -> Terms | None:
        """Bounds and penalty of one problem."""
        bounds = self.shared
        if self.per_row is not None:
            bounds = self.per_row[0][row], self.per_row[1][row]
        return make_terms(bounds, self.penalty, self.n, self.x.dtype)

    def args_of(self, row: int) -> tuple:
        """The arguments of one problem."""
        return tuple(
            a[row] if batched else a for a, batched in zip(self.args, self.which, strict=True)
        )

    def done(self) -> int:
        """How many problems are solved."""
        return self.before + sum(int(loop.fields[_FIELD["DONE"]]) for loop in self.loops)

    def run(self, workers: Any, callback: Callable | None) -> OptimizeResult:
        """Solve them; every way out gives what was found."""
        report = Report(self, callback)
        try:
            if isinstance(workers, int):
                self._run_groups(workers, report)
            else:
                from .distributed.batch import run_chunks

                run_chunks(self, workers, report)
        except KeyboardInterrupt as error:
            if self.settings.on_interrupt == "raise":
                attach(error, self._finish(), "what was found so far")
                raise
        except BaseException as error:
            self.why = message_of_error(error)
            attach(error, self._finish(), "what was found so far")
            raise
        finally:
            report.close()
        return self._finish()

    def _finish(self) -> OptimizeResult:
        """The result, and what another call goes on from."""
        self.settled = self.status > NOT_RUN
        if self.saver is not None:
            self.saver.save(self.state)
        result = self.result()
        unsolved = ~result.success & (result.status != SKIPPED)
        if unsolved.any() or self.settings.keep_state:
            result["state"] = self.state()
        return result

    def _run_groups(self, workers: int, report: Report) -> None:
        """Problems without bounds come after those with them: their loop is another."""
        if self.per_row is not None:
            lower, upper = self.per_row
            free = np.isinf(lower).all(axis=1) & np.isinf(upper).all(axis=1)
            free &= self.status == NOT_RUN
            self.status[free] = LATER
            self._run(workers, report)
            self.status[self.status == LATER] = NOT_RUN
            self.per_row = None
            self.before, self.loops = self.done(), []
            self.taken = 0
        self._run(workers, report)
        report.now()

    def _first(self) -> int:
        """The first problem that can be started, -1 if there is none."""
        for begin in range(0, self.count, BLOCK):
            block = slice(begin, begin + BLOCK)
            usable = np.isfinite(self.x[block]).all(axis=1) & (self.status[block] == NOT_RUN)
            if usable.any():
                return begin + int(usable.argmax())
        return -1

    def _run(self, workers: int, report: Report) -> None:
        self._check_clock()
        first = self._first()
        if self.stop[0]:
            return
        if first < 0:
            left = self.status == NOT_RUN
            self.status[left] = Status.NONFINITE
            self.before += int(left.sum())
            return
        x0, terms = self.x[first].copy(), self.terms(first)
        if terms is not None:
            x0 = terms.start(x0)
        objective = Objective(self.fun, self.jac, self.args_of(first), x0, self.settings.backend)
        if terms is not None:
            objective.bounds = terms.bounds()
        compiled = objective.binding is not None and (terms is None or terms.separable)
        # Too few evaluations for one gradient: single runs know what to do.
        few = isinstance(self.jac, str) and self.settings.maxfev < objective.cost_first
        compiled = compiled and not few
        try:
            if self.to_compare:
                self.to_compare = False
                check_gradient(objective, x0)
            if compiled:
                objective.first(x0, np.empty_like(x0))
        except Exception as error:
            attach(error, row=first)
            raise
        if not compiled:
            objective.warn_of_fallback(6)
            self._run_in_python(objective, report)
            return
        self.backend = "numba"
        self._run_compiled(objective, x0, terms, workers, report)

    def _run_compiled(
        self, objective: Objective, x0: np.ndarray, terms: Any, workers: int, report: Report
    ) -> None:
        if _is_parallel(self.fun) or _is_parallel(self.jac):
            workers = 1  # Numba's own threads may not be started from several at once
        self.used = workers = min(workers, self.count)
        penalties = self._penalties(terms)
        for _ in range(workers):
            self.loops.append(Loop(self, objective, x0, terms, penalties))
        # A thread even where one is enough: this one takes Ctrl-C and looks at the clock.
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            pending: set = set()
            try:
                pending = {pool.submit(loop.run) for loop in self.loops}
                while pending:
                    finished, pending = concurrent.futures.wait(
                        pending, self._patience(), concurrent.futures.FIRST_EXCEPTION
                    )
                    for future in finished:
                        future.result()
                    self._check_clock()
                    report.now()
                    self._save_if_due()
            except BaseException:
                # Also one that arrives while the threads are being started.
                self.stop[0] = 1
                raise

    def _penalties(self, terms: Terms | None) -> np.ndarray | None:
        """The penalty where each problem starts, in a single run's arithmetic; None: it is 0."""
        if terms is None or terms.only_bounds:
            return None
        lower, upper = terms.bounds() if self.per_row is None else self.tight
        l1, l2, _, _ = terms.h.separable_data(self.n)
        made = np.empty(self.count)
        with np.errstate(all="ignore"):
            for begin in range(0, self.count, BLOCK):
                rows = slice(begin, begin + BLOCK)
                bounds = (lower, upper) if self.per_row is None else (lower[rows], upper[rows])
                size = np.abs(np.clip(self.x[rows], *bounds).astype(np.float64))
                made[rows] = np.where(l1 > 0.0, l1 * size, 0.0).sum(axis=1)
                made[rows] += 0.5 * np.where(l2 > 0.0, (l2 * size) * size, 0.0).sum(axis=1)
        return made

    def _patience(self) -> float:
        """Seconds to the next look at the clock."""
        left = self.begin + self.settings.maxtime - time.perf_counter()
        return POLL_SECONDS if self.stop[0] else min(POLL_SECONDS, max(left, 0.0))

    def _check_clock(self) -> None:
        if time.perf_counter() > self.begin + self.settings.maxtime and not self.stop[0]:
            self.reason = Status.MAXTIME
            self.stop[0] = 1

    def _run_in_python(self, objective: Objective, report: Report) -> None:
        settings = self.settings
        options = {
            "learning_rate": settings.learning_rate,
            "gtol": settings.gtol,
            "norm": settings.norm,
            "ftol": settings.ftol,
            "gap_tol": settings.gap_tol,
            "xtol": settings.xtol,
            "maxiter": settings.maxiter,
            "maxfev": settings.maxfev,
            "patience": settings.patience,
            "backend": settings.backend,
            **settings.own,
        }
        if objective.binding is not None:
            self.backend = "numba"
        for row in map(int, np.flatnonzero(self.status == NOT_RUN)):
            if self.stop[0]:
                return
            if not np.isfinite(self.x[row]).all():
                self.status[row] = Status.NONFINITE
            else:
                self._solve(objective, row, options)
            self.before += 1
            self.settled[row] = True
            self._check_clock()
            self._save_if_due()
            if self.before < self.count:
                report.now()

    def _solve(self, objective: Objective, row: int, options: dict[str, Any]) -> None:
        """One problem by `minimize`."""
        bounds = self.shared
        if self.per_row is not None:
            bounds = self.per_row[0][row], self.per_row[1][row]
        left = self.begin + self.settings.maxtime - time.perf_counter()
        try:
            found = minimize(
                objective.fun,
                self.x[row],
                self.args_of(row),
                self.settings.method.name,
                objective.jac,
                bounds=None if bounds is None else list(zip(*bounds, strict=True)),
                options={**options, "maxtime": max(left, 1e-9)},
                penalty=self.penalty,
            )
        except Exception as error:
            attach(error, row=row)
            raise
        self.x[row], self.gradients[row] = found.x, found.jac
        self.numbers[row] = found.fun, found.grad_norm, found.learning_rate
        self.counts[row] = (
            found.status,
            found.nit,
            found.nfev,
            found.njev,
            found.n_restarts,
            found.line_search_failures,
        )

    def result(self) -> OptimizeResult:
        """What was found so far."""
        counts = self.counts.copy()
        counts[counts[:, 0] < SKIPPED, 0] = self.reason
        status = counts[:, 0]
        return make_result(
            message=message_of_many(status, self.settings.learning_rate == "auto", self.why),
            success=status == Status.CONVERGED,
            status=status.copy(),
            fun=self.numbers[:, 0].copy(),
            x=self.x,
            nit=counts[:, 1].copy(),
            jac=self.gradients,
            nfev=counts[:, 2].copy(),
            njev=counts[:, 3].copy(),
            grad_norm=self.numbers[:, 1].copy(),
            learning_rate=self.numbers[:, 2].copy(),
            n_restarts=counts[:, 4].copy(),
            line_search_failures=counts[:, 5].copy(),
            time=time.perf_counter() - self.begin,
            backend=self.backend,
            workers=self.used,
        )


def _is_parallel(function: Any) -> bool:
    return bool(getattr(function, "targetoptions", {}).get("parallel"))


class Loop:
    """One thread's compiled loop over problems, with a workspace of its own."""

    def __init__(
        self, batch: Batch, objective: Objective, x0: np.ndarray, terms: Any, penalties: Any
    ):
        from ._kernels.bind import batch_patches
        from ._kernels.drivers import caller_address

        if terms is not None:  # what is written to is not shared with other threads
            terms = copy.copy(terms)
            terms.numbers, terms.work = terms.numbers.copy(), terms.work.copy()
        self.batch = batch
        self.run_ = run = Run(objective, batch.settings, x0, terms)
        self.seconds = 0.0
        self.size = 1
        self.last = batch.settings.maxiter
        if run.plan.scheduled and batch.loops:
            run.numbers, self.last = batch.loops[0].run_.numbers, batch.loops[0].last
        elif run.plan.scheduled:
            self.last = run._fill_schedules(self.last)
        binding: Any = objective.binding
        run.ints[layout.INT.CHUNK_START] = 0
        self.ints, self.floats = run.ints.copy(), run.floats.copy()
        self.patches = batch_patches(binding, batch.args, batch.which)
        starts = [-i if start == "x0" else i for i, start in run.plan.starts.items()]
        values = {}
        if terms is not None:
            starts.append(run.plan.term_row + layout.FREE_ROW)
        if terms is not None and batch.per_row is not None:
            values["PROX_NUMBERS"] = terms.numbers.ctypes.data
            values["LOWER"], values["UPPER"] = (part.ctypes.data for part in batch.tight)
        self.penalties = penalties
        if penalties is not None:
            values["PENALTIES"] = penalties.ctypes.data
        self.start_rows = np.array(starts, np.int64)
        stretch = POLL_SECONDS / max(objective.seconds, 1e-9)
        self.fields = np.zeros(len(layout.BATCH_FIELDS), np.int64)
        values |= {
            "DRIVER": run.driver,
            "STRETCH": max(1, min(MOST_STRETCH, int(stretch))),
            "STOP": batch.stop.ctypes.data,
            "X": batch.x.ctypes.data,
            "JAC": batch.gradients.ctypes.data,
            "NUMBERS": batch.numbers.ctypes.data,
            "COUNTS": batch.counts.ctypes.data,
            "INTS": self.ints.ctypes.data,
            "FLOATS": self.floats.ctypes.data,
            "N_INTS": self.ints.size,
            "N_FLOATS": self.floats.size,
            "ROWS": self.start_rows.ctypes.data,
            "N_ROWS": self.start_rows.size,
            "PATCHES": self.patches.ctypes.data,
            "N_PATCHES": len(self.patches),
        }
        for name, value in values.items():
            self.fields[_FIELD[name]] = value
        run.ints[layout.INT.BATCH] = self.fields.ctypes.data
        self.address = caller_address("batch", run.dtype, binding.signature)

    def run(self) -> None:
        """Work until nothing is left."""
        while self.advance():
            pass

    def advance(self) -> bool:
        """Take some problems and solve them; returns whether there were any."""
        batch = self.batch
        with batch.lock:
            first = batch.taken
            left = batch.count - first
            if left <= 0 or batch.stop[0]:
                return False
            # Small enough at the end that the threads finish together.
            size = max(1, min(self.size, -(-left // (2 * batch.used))))
            batch.taken += size
        self.fields[_FIELD["FIRST"]], self.fields[_FIELD["LAST"]] = first, first + size
        started = time.perf_counter()
        try:
            self.run_._call(self.address, self.last)
            self._check_schedule(first, first + size)
        except BaseException as error:
            batch.stop[0] = 1
            attach(error, row=int(self.run_.ints[layout.INT.BATCH_ROW]))
            raise
        rows = slice(first, first + size)
        batch.settled[rows] = batch.status[rows] > NOT_RUN
        seconds = (time.perf_counter() - started) / size
        self.size = max(1, min(8 * self.size, int(CHUNK_SECONDS / max(seconds, 1e-9))))
        return True

    def _check_schedule(self, first: int, end: int) -> None:
        """An error if a problem reached the first bad value of a schedule."""
        if self.last == self.batch.settings.maxiter:
            return
        reached = self.batch.status[first:end] == Status.MAXITER
        if not reached.any():
            return
        run = self.run_
        run.ints[layout.INT.BATCH_ROW] = first + int(reached.argmax())
        for name, (parameter, schedule) in run.plan.scheduled.items():
            ahead = int(name == "momentum" and run.method.looks_ahead)
            schedule_value(parameter, schedule, self.last + ahead, run.dtype)
            schedule_value(parameter, schedule, self.last, run.dtype)
        raise ValueError(f"a schedule has no value for iteration {self.last}.")


class Report:
    """Tells the user, now and then, how far the batch has come."""

    def __init__(self, batch: Batch, callback: Callable | None):
        self.batch = batch
        self.callback = callback
        self.next = 0.0
        settings = batch.settings
        self.progress: Progress | None = None
        if settings.progress:
            self.progress = Progress(
                settings.method.name, batch.begin, batch.count, "problem", settings.maxtime
            )
        self.ended = False

    def now(self) -> None:
        """Call the callback, and write the progress line, if it is time."""
        moment = time.perf_counter()
        batch = self.batch
        done = batch.done()
        if self.ended or (moment < self.next and done < batch.count):
            return
        self.next = moment + POLL_SECONDS
        self.ended = done >= batch.count
        converged = int((batch.status == Status.CONVERGED).sum())
        if self.progress is not None:
            self.progress.show(done, converged=converged)
        if self.callback is not None and not batch.stop[0]:
            try:
                self.callback(
                    make_result(
                        n_done=done,
                        n_problems=batch.count,
                        n_converged=converged,
                        time=moment - batch.begin,
                    )
                )
            except StopIteration:
                batch.reason = Status.CALLBACK
                batch.stop[0] = 1

    def close(self) -> None:
        """End the progress bar."""
        if self.progress is not None:
            self.progress.close()
