"""`minimize_batch`: many independent problems of the same kind, each stopping on its own."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import math
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ._drive import Run
from ._kernels import layout
from ._minimize import minimize
from ._objective import Objective
from ._result import OptimizeResult, Status, make_result
from ._terms import Terms, make_terms
from ._validation import (
    Settings,
    check_args,
    check_batch_options,
    check_batched,
    check_bounds,
    check_fun,
    check_jac,
    check_method,
    check_options,
    check_penalty,
    check_skip,
    check_terms,
    check_unsupported,
    check_workers,
    check_X0,
    write,
)

# A worker asks for work this often, so that Ctrl-C, the clock and the callback are looked at.
CHUNK_SECONDS = 0.02
POLL_SECONDS = 0.05
NOT_RUN = -2
SKIPPED = -1
_FIELD = {name: i for i, name in enumerate(layout.BATCH_FIELDS)}
_BATCH, _BATCH_ROW = layout.INTS.index("BATCH"), layout.INTS.index("BATCH_ROW")


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
    workers: int | None = None,
) -> OptimizeResult:
    r"""Minimize many independent functions of the same form in one call.

    Problem i is ``minimize(fun, X0[i], args_i, ...)``, where ``args_i`` takes row i of the batched
    arguments and the others as they are; its result is the same to the last bit, whatever the
    number of threads. When `fun` (and `jac`) are Numba functions, the loop over the problems is
    compiled, too, and runs in threads without Python's lock.

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
    method, jac, tol, options, penalty
        As for `minimize`, the same for all problems; without the options `history` and
        `return_all`. ``maxtime`` limits the whole call.
    bounds : sequence, `Bounds`, optional
        As for `minimize`, or an object whose ``lb`` and ``ub`` have the shape (n_problems, n).
    callback : callable, optional
        Called now and then as ``callback(intermediate_result)`` with the counts ``n_done``,
        ``n_problems`` and ``n_converged`` and with ``time``; ``StopIteration`` ends the call.
    skip : array_like of bool, shape (n_problems,), optional
        Problems to leave out: their status is -1, their x that of X0, their fun nan.
    workers : int, optional
        Threads; by default as many as there are processors for this process. Problems whose
        functions are not compiled run one after the other in Python.

    Returns
    -------
    OptimizeResult
        With one row or entry per problem: x and jac of shape (n_problems, n); fun, grad_norm,
        learning_rate, nit, nfev, njev, status, success, n_restarts and line_search_failures of
        shape (n_problems,). message says how many problems ended in which way; time is in
        seconds; workers the threads used; backend ``"numba"`` or ``"python"``. Problems that were
        not reached have the status of the reason, 4, 5 or 99, and nfev 0.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid.

    Notes
    -----
    An exception in `fun` ends the call and carries the attributes ``result``, what was found so
    far, and ``row``, the problem; Ctrl-C carries ``result`` too, or returns it with
    ``options={"on_interrupt": "return"}``. Threads come from a pool of this call, not from Numba's
    threading layers, so that it may be called from threads and forked processes.

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
    chosen = check_method(method)
    check_fun(fun)
    args = check_args(args)
    which = check_batched(batched, args)
    starts, args = check_X0(X0, args, which)
    count, n = starts.shape
    mask = check_skip(skip, count)
    check_unsupported(chosen, None, None, ())
    per_row = _bounds_of_rows(bounds, count, n)
    if per_row is not None:
        bounds = list(zip(per_row[0][0], per_row[1][0], strict=True))
    shared = check_bounds(bounds, n)
    terms = _make_terms(shared, penalty, per_row, n, starts.dtype)
    if terms is not None and method is None and not terms.separable:
        chosen = check_method("nesterov")
    settings = check_options(chosen, tol, options, starts[0])
    check_batch_options(settings)
    check_terms(chosen, settings, terms)
    n_workers = check_workers(workers)
    batch = Batch(fun, check_jac(jac), args, which, starts, settings, mask, begin)
    batch.terms, batch.per_row = terms, per_row
    result = batch.run(n_workers, callback)
    if settings.disp:
        write(f"{result.message}\n         Function evaluations: {int(result.nfev.sum()):d}\n")
    return result


def _bounds_of_rows(bounds: Any, count: int, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Bounds that differ from problem to problem; None if they do not."""
    if not (hasattr(bounds, "lb") and hasattr(bounds, "ub")):
        return None
    lower, upper = (np.asarray(part, float) for part in (bounds.lb, bounds.ub))
    if max(lower.ndim, upper.ndim) < 2:
        return None
    try:
        lower, upper = (np.broadcast_to(part, (count, n)) for part in (lower, upper))
    except ValueError:
        raise ValueError(
            f"bounds must have lb and ub of shape ({n},) or ({count}, {n}), got {lower.shape} and "
            f"{upper.shape}."
        ) from None
    wrong = ~(lower <= upper) | (lower == math.inf) | (upper == -math.inf)
    if wrong.any():
        i, j = (int(k[0]) for k in np.nonzero(wrong))
        raise ValueError(
            f"bounds must be min <= max, with a number between them, got ({lower[i, j]}, "
            f"{upper[i, j]}) for x[{j}] of problem {i}."
        )
    return lower, upper


def _make_terms(shared: Any, penalty: Any, per_row: Any, n: int, dtype: np.dtype) -> Terms | None:
    penalty = check_penalty(penalty)
    if per_row is not None and shared is None:  # the first row has none
        shared = (np.full(n, -np.finfo(dtype).max), np.full(n, math.inf))
    return make_terms(shared, penalty, n, dtype)


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
    terms: Terms | None = None
    per_row: tuple[np.ndarray, np.ndarray] | None = None

    def __post_init__(self) -> None:
        count, _ = self.starts.shape
        self.x = np.array(self.starts)
        self.gradients = np.full(self.starts.shape, math.nan, self.starts.dtype)
        self.numbers = np.full((count, layout.N_NUMBERS), math.nan)
        self.counts = np.zeros((count, layout.N_COUNTS), np.int64)
        self.counts[:, 0] = NOT_RUN
        if self.mask is not None:
            self.counts[self.mask, 0] = SKIPPED
        self.stop = np.zeros(1, np.int64)
        self.reason = Status.INTERRUPTED
        self.done = 0
        self.taken = 0
        self.used = 1
        self.backend = "python"

    def args_of(self, row: int) -> tuple:
        """The arguments of one problem."""
        return tuple(
            a[row] if batched else a for a, batched in zip(self.args, self.which, strict=True)
        )

    def run(self, workers: int, callback: Callable | None) -> OptimizeResult:
        """Solve them; every way out gives what was found."""
        deadline = self.begin + self.settings.maxtime
        try:
            self._run(workers, callback, deadline)
        except KeyboardInterrupt as error:
            if self.settings.on_interrupt == "raise":
                error.result = self.result()  # type: ignore[attr-defined]
                raise
        except BaseException as error:
            error.result = self.result()  # type: ignore[attr-defined]
            raise
        return self.result()

    def _run(self, workers: int, callback: Callable | None, deadline: float) -> None:
        usable = np.isfinite(self.starts).all(axis=1)
        if self.mask is not None:
            usable &= ~self.mask
        if not usable.any():
            self.counts[self.counts[:, 0] == NOT_RUN, 0] = Status.NONFINITE
            return
        first = int(usable.argmax())
        x0 = self.starts[first]
        if self.terms is not None:
            x0 = self.terms.start(x0)
        objective = Objective(self.fun, self.jac, self.args_of(first), x0, self.settings.backend)
        if self.terms is not None:
            objective.bounds = self.terms.bounds()
        separable = self.terms is None or self.terms.separable
        if objective.binding is None or not separable:
            self._run_in_python(callback, deadline)
            return
        if self.per_row is not None and isinstance(self.jac, str):
            raise ValueError("bounds of shape (n_problems, n) need jac, got finite differences.")
        self.backend = "numba"
        objective.first(x0, np.empty_like(x0))
        objective.warn_of_fallback()
        self.used = workers = min(workers, len(self.starts))
        loops = [Loop(self, objective, x0) for _ in range(workers)]
        report = Report(self, callback)
        if workers == 1:
            while loops[0].advance():
                report.now()
                self._check_clock(deadline)
            return
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            pending = {pool.submit(loop.run) for loop in loops}
            try:
                while pending:
                    finished, pending = concurrent.futures.wait(
                        pending, POLL_SECONDS, concurrent.futures.FIRST_EXCEPTION
                    )
                    for future in finished:
                        future.result()
                    report.now()
                    self._check_clock(deadline)
            finally:
                self.stop[0] = 1 if pending else self.stop[0]

    def _check_clock(self, deadline: float) -> None:
        if time.perf_counter() > deadline and not self.stop[0]:
            self.reason = Status.MAXTIME
            self.stop[0] = 1

    def _run_in_python(self, callback: Callable | None, deadline: float) -> None:
        report = Report(self, callback)
        settings = self.settings
        options = {
            "learning_rate": settings.learning_rate,
            "gtol": settings.gtol,
            "norm": settings.norm,
            "ftol": settings.ftol,
            "xtol": settings.xtol,
            "maxiter": settings.maxiter,
            "maxfev": settings.maxfev,
            "patience": settings.patience,
            "backend": settings.backend,
            **settings.own,
        }
        for row in np.flatnonzero(self.counts[:, 0] == NOT_RUN):
            if self.stop[0]:
                return
            if not np.isfinite(self.starts[row]).all():
                self.counts[row, 0] = Status.NONFINITE
                continue
            bounds = None
            h = None if self.terms is None else self.terms.h
            if self.per_row is not None:
                bounds = list(zip(*(part[row] for part in self.per_row), strict=True))
            options["maxtime"] = max(deadline - time.perf_counter(), 1e-9)
            try:
                found = minimize(
                    self.fun, self.starts[row], self.args_of(int(row)), settings.method.name,
                    self.jac, bounds=bounds, options=options, penalty=h,
                )  # fmt: skip
            except Exception as error:
                error.row = int(row)  # type: ignore[attr-defined]
                raise
            self.x[row], self.gradients[row] = found.x, found.jac
            self.numbers[row] = found.fun, found.grad_norm, found.learning_rate
            self.counts[row] = (
                found.status, found.nit, found.nfev, found.njev, found.n_restarts,
                found.line_search_failures,
            )  # fmt: skip
            self.done += 1
            report.now()
            self._check_clock(deadline)

    def result(self) -> OptimizeResult:
        """What was found so far."""
        counts = self.counts.copy()
        counts[counts[:, 0] == NOT_RUN, 0] = self.reason
        status = counts[:, 0]
        names = {SKIPPED: "skipped", **{int(s): s.name.lower() for s in Status}}
        codes, totals = np.unique(status, return_counts=True)
        parts = [f"{total:,} {names[int(code)]}" for code, total in zip(codes, totals, strict=True)]
        return make_result(
            message=f"{len(status):,} problems: {', '.join(parts)}.",
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


class Loop:
    """One thread's compiled loop over problems, with a workspace of its own."""

    _lock = threading.Lock()

    def __init__(self, batch: Batch, objective: Objective, x0: np.ndarray):
        from ._kernels.bind import batch_patches
        from ._kernels.drivers import batch_address

        self.batch = batch
        self.run_ = run = Run(objective, batch.settings, x0, batch.terms)
        self.seconds = 0.0
        if run.plan.scheduled:
            run._fill_schedules(batch.settings.maxiter)
        self.ints, self.floats = run.ints.copy(), run.floats.copy()
        binding: Any = objective.binding
        self.patches = batch_patches(binding, batch.args, batch.which)
        starts = [-i if start == "x0" else i for i, start in run.plan.starts.items()]
        if batch.terms is not None:
            starts.append(run.plan.term_row + layout.FREE_ROW)
        self.start_rows = np.array(starts, np.int64)
        per_row = batch.per_row
        self.bounds = None
        if per_row is not None:
            self.bounds = [np.ascontiguousarray(part, batch.starts.dtype) for part in per_row]
        self.fields = np.zeros(len(layout.BATCH_FIELDS), np.int64)
        values = {
            "DRIVER": run.driver,
            "X0": batch.starts.ctypes.data,
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
            "LOWER": 0 if self.bounds is None else self.bounds[0].ctypes.data,
            "UPPER": 0 if self.bounds is None else self.bounds[1].ctypes.data,
        }
        self.skip = None if batch.mask is None else batch.mask.astype(np.int64)
        if self.skip is not None:
            values["SKIP"] = self.skip.ctypes.data
        for name, value in values.items():
            self.fields[_FIELD[name]] = value
        run.ints[_BATCH] = self.fields.ctypes.data
        self.address = batch_address(run.dtype, binding.signature)

    def run(self) -> None:
        """Work until nothing is left."""
        while self.advance():
            pass

    def advance(self) -> bool:
        """Take some problems and solve them; returns whether there were any."""
        batch = self.batch
        with self._lock:
            first = batch.taken
            left = len(batch.starts) - first
            if left <= 0 or batch.stop[0]:
                return False
            size = 1 if self.seconds == 0.0 else int(CHUNK_SECONDS / self.seconds)
            # Small enough at the end that the threads finish together.
            size = max(1, min(size, -(-left // (2 * batch.used))))
            batch.taken += size
        self.fields[_FIELD["FIRST"]], self.fields[_FIELD["LAST"]] = first, first + size
        started = time.perf_counter()
        try:
            self.run_._call(self.address, batch.settings.maxiter)
        except Exception as error:
            batch.stop[0] = 1
            error.row = int(self.run_.ints[_BATCH_ROW])  # type: ignore[attr-defined]
            raise
        self.seconds = (time.perf_counter() - started) / size
        with self._lock:
            batch.done += size
        return True


class Report:
    """Tells the user, between chunks, how far the batch has come."""

    def __init__(self, batch: Batch, callback: Callable | None):
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {callback!r}.")
        self.batch = batch
        self.callback = callback
        self.next = 0.0
        self.shown = batch.settings.progress

    def now(self) -> None:
        """Call the callback, and write the progress line, if it is time."""
        moment = time.perf_counter()
        if moment < self.next and self.batch.done < len(self.batch.starts):
            return
        self.next = moment + POLL_SECONDS
        batch = self.batch
        count = len(batch.starts)
        if self.shown:
            share = f"{batch.done:,} of {count:,} problems, {moment - batch.begin:.1f} s"
            sys.stderr.write(f"\r{batch.settings.method.name}: {share}")
            if batch.done >= count:
                sys.stderr.write("\n")
            sys.stderr.flush()
        if self.callback is not None and not batch.stop[0]:
            converged = int((batch.counts[:, 0] == Status.CONVERGED).sum())
            try:
                self.callback(
                    make_result(
                        n_done=batch.done,
                        n_problems=count,
                        n_converged=converged,
                        time=moment - batch.begin,
                    )
                )
            except StopIteration:
                batch.reason = Status.CALLBACK
                batch.stop[0] = 1
