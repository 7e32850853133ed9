"""Runs a loop in chunks: signals, clock, callback and records come in between.

The loop keeps its whole state in arrays, so it can return after any iteration. Compiled chunks
last about 50 ms: Ctrl-C and the time limit are looked at between them, at no measurable cost.
"""

from __future__ import annotations

import functools
import time

from .._keep.checkpoint import Saver
from .._keep.state import State
from .._language import layout
from .._language.layout import INT
from .._problem.objective import OutOfTime
from .._report.result import OptimizeResult, Status, attach, attach_made
from .._report.status import message_of_error, without_state
from .callback import Callback
from .resume import restore_same
from .run import Run
from .upkeep import Upkeep, progress_of

CHUNK_SECONDS = 0.05
FIRST_CHUNK = 64


def run_to_end(
    run: Run,
    callback: Callback | None,
    begin: float,
    saver: Saver | None = None,
    state: State | None = None,
) -> OptimizeResult:
    """Run to the end, from `state` on; every way out gives the best point found."""
    if state is not None:
        restore_same(run, state)
    settings = run.settings
    vectors = [run.iterate()] if settings.return_all else None
    progress = progress_of(settings, begin, settings.maxiter, run.ints.item(INT.NIT))
    upkeep = Upkeep(begin + settings.maxtime, progress, saver)
    if callback is not None and callback.takes_result and not run.plan.iterate_is_evaluated:
        run.ints[INT.RESERVE] = run.objective.cost_fun
    status: Status = Status.INTERRUPTED
    message = ""
    try:
        started = run.ints[INT.NFEV] > 0 or run.start()
        run.objective.warn_of_fallback()
        if state is not None and state.ended_under(settings):
            status = Status(state.status)
        elif started:
            status = _loop(run, upkeep, callback, vectors, begin)
            if status == Status.CONVERGED:
                status, message = run.confirm()
        else:
            status = Status.MAXFEV
    except OutOfTime:
        status = Status.MAXTIME
    except KeyboardInterrupt as error:
        if settings.on_interrupt == "raise":
            attach_made(error, lambda: _finish(run, upkeep, status, begin, message, vectors))
            raise
    except BaseException as error:
        message = message_of_error(error)
        attach_made(error, lambda: _finish(run, upkeep, status, begin, message, vectors))
        raise
    return _finish(run, upkeep, status, begin, message, vectors)


def _finish(
    run: Run, upkeep: Upkeep, status: Status, begin: float, message: str, vectors: list | None
) -> OptimizeResult:
    """The result, and the last checkpoint."""
    settings = run.settings
    result = run.result(status, begin, message)
    try:
        if upkeep.progress is not None:
            upkeep.progress.close()
        if settings.keeps_state(result["success"]):
            result["state"] = run.state(status)
        elif settings.keep_state is False:
            result["message"] = without_state(result.message)
        if vectors is not None:
            result["allvecs"] = vectors
        if settings.history:
            result["history"] = run.history_of(result)
        if upkeep.saver is not None:
            upkeep.saver.save(lambda: run.state(status))
    except BaseException as error:
        if not settings.returns_after(error):
            attach(error, result)
            raise
    return result


def _first_chunk(run: Run) -> int:
    seconds = 2.0 * run.objective.seconds  # an iteration may take two; 0: not known
    return max(1, min(FIRST_CHUNK, int(CHUNK_SECONDS / seconds))) if seconds > 0.0 else 1


def _loop(
    run: Run, upkeep: Upkeep, callback: Callback | None, vectors: list | None, begin: float
) -> Status:
    ints, settings = run.ints, run.settings
    compiled = run.objective.binding is not None
    each = callback is not None or vectors is not None
    chunk = 1 if each else _first_chunk(run) if compiled else 2**40
    seen = ints.item(INT.NIT)
    while True:
        before = ints.item(INT.ITERATION)
        last = min(settings.maxiter, before + min(chunk, run.plan.longest_chunk))
        started = time.perf_counter()
        status = run.advance(last, upkeep)
        now = time.perf_counter()
        if each and int(ints[INT.NIT]) > seen and status != Status.NONFINITE:
            seen = int(ints[INT.NIT])
            x = run.iterate()
            if vectors is not None:
                vectors.append(x.copy())
            result = functools.partial(run.intermediate, x, begin)
            if callback is not None and callback.ends_run(x, result):
                return Status.CALLBACK
        if status != layout.RUNNING:
            return Status(status)
        if ints.item(INT.ITERATION) >= settings.maxiter:
            return Status.MAXITER
        if now > upkeep.deadline:
            return Status.MAXTIME
        if upkeep.saver is not None:
            run.save_if_due(upkeep.saver)
        if compiled and not each:
            steps = max(1, ints.item(INT.ITERATION) - before)
            budget = min(CHUNK_SECONDS, upkeep.deadline - now)
            rate = steps / max(now - started, 1e-9)
            chunk = max(1, min(8 * chunk, int(budget * rate)))
