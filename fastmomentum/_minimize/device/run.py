"""`minimize` where x0 is an array on a CUDA device."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

from ..._arrays import on_device, real_of
from ..._check.options import Settings
from ..._check.values import NOT_ON_DEVICE, refuse
from ..._problem.objective import takes_output
from ..._problem.terms import Terms
from ..._report.progress import Progress
from ..._report.result import OptimizeResult, Status, attach, make_result
from ..._report.status import NONFINITE_AT_X0, message_of, without_state
from ..callback import Callback
from ..upkeep import progress_of

# The host looks at the device's numbers this often; until then it only queues work.
CHUNK_SECONDS = 0.02
MOST_AHEAD = 256
MOST = 2**31 - 2
MOST_SCHEDULED = 10**6


class Evaluation:
    """The user's functions on vectors of the device.

    Attributes
    ----------
    most_ahead : int
        How many evaluations may be queued before the host looks at the device.
    in_kernels : bool
        Do the run's kernels evaluate, many times in a launch?
    """

    most_ahead = MOST_AHEAD
    in_kernels = False

    def __init__(self, fun: Callable, jac: Any, args: tuple, library: Any, n: int, dtype: Any):
        if isinstance(jac, str):
            raise ValueError(
                f"jac must be a function, or True, where x0 is on a device, got {jac!r}: "
                "differences would take n + 1 evaluations."
            )
        self.fun, self.jac, self.args = fun, jac, args
        self.library, self.n, self.dtype = library, n, dtype
        self.in_place = takes_output(fun if jac is True else jac, len(args))
        if self.in_place and not library.writable:
            raise TypeError(
                f"{'fun' if jac is True else 'jac'} must return the gradient where x0 is a "
                f"{type(library.array).__name__}: it cannot write it into one."
            )

    def __call__(self, x: Any, out: Any) -> tuple[Any, Any]:
        """(value, gradient) at x; `out` is there to be written to."""
        if self.jac is True:
            if self.in_place:
                return self.fun(x, out, *self.args), out
            value, gradient = self.fun(x, *self.args)
            return value, gradient
        value = self.fun(x, *self.args)
        if self.in_place:
            self.jac(x, out, *self.args)
            return value, out
        return value, self.jac(x, *self.args)

    def gradient_view(self, gradient: Any) -> Any:
        """Numba's view of a gradient; an error if it is not one."""
        shape = tuple(getattr(gradient, "shape", ()))
        if shape != (self.n,) or real_of(gradient) != self.dtype:
            name = "fun" if self.jac is True else "jac"
            raise ValueError(
                f"{name} must give a gradient of shape ({self.n},) and dtype {self.dtype} on the "
                f"device, got {type(gradient).__name__} of shape {shape}."
            )
        return self.library.view(gradient)

    def team(self, *arguments: Any) -> Any:
        """The team of threads of a run that chooses its learning rate."""
        from ..._cuda.team import Team

        return Team(*arguments)

    def steps(self, gradient: Any, *arguments: Any) -> Any:
        """The steps of a run with a given learning rate; they are told the gradients."""
        from ..._cuda.large import Steps

        return Steps(*arguments)

    def finish(self) -> None:
        """Wait for what reads the arrays in args: they are of the library's stream."""


class DeviceRun:
    """One run.

    Attributes
    ----------
    work : Work
        What is queued, and the run's numbers.
    k : int
        Evaluations queued.
    last : int
        The iteration to stop at.
    """

    work: Any

    def __init__(
        self,
        evaluation: Callable[..., Any],
        x0: Any,
        settings: Settings,
        terms: Terms | None,
    ):
        from ..._cuda.arrays import library_of

        names = ("history", "return_all", "check_jac")
        refuse({name: getattr(settings, name) for name in names}, NOT_ON_DEVICE)
        self.settings, self.terms = settings, terms
        self.library = library = library_of(x0)
        self.n, self.dtype = x0.shape[0], real_of(x0)
        self.evaluate = evaluation(library, self.n, self.dtype)
        self.out = library.empty_like(x0)
        self.out_view = library.view(self.out)
        self.k = 0
        self.last = min(settings.maxiter, MOST)
        self._prepare(x0)

    # -- what the two kinds of runs differ in -----------------------------------------------------

    def _prepare(self, x0: Any) -> None:
        """Set `work` up; an error if bounds, penalty or options do not suit."""
        raise NotImplementedError

    def _begin(self, each: bool) -> None:
        """Queue what comes before the first evaluation; stop at `each` iteration?"""

    def _step(self) -> None:
        """Queue an evaluation, and what follows from it."""
        raise NotImplementedError

    def _queue(self, count: int) -> None:
        """Queue so many evaluations by kernels, and what follows from each."""
        raise NotImplementedError

    def _most(self) -> int:
        """How many evaluations may be queued."""
        return self.settings.maxfev

    def _completed(self, seen: dict[str, Any]) -> bool:
        """Is an iteration complete that the callback has not seen?"""
        raise NotImplementedError

    def _current(self, seen: dict[str, Any]) -> dict[str, Any]:
        """What a callback sees of the current point: a copy, and the numbers that go with it."""
        raise NotImplementedError

    def _status(self, seen: dict[str, Any]) -> Status | None:
        """Why the run ends; None: it does not."""
        raise NotImplementedError

    def _ending(self, seen: dict[str, Any], status: Status, evaluated: bool) -> dict[str, Any]:
        """The point if the run ends now, and what goes with it, as for a callback."""
        raise NotImplementedError

    # -- what they have in common -----------------------------------------------------------------

    def run(self, callback: Callback | None, begin: float) -> OptimizeResult:
        """Go on to the end."""
        progress = progress_of(self.settings, begin, self.last)
        status = Status.INTERRUPTED
        try:
            status = self._loop(callback, begin, progress)
            return self.result(status, begin)
        except KeyboardInterrupt as error:
            if self.settings.on_interrupt == "raise":
                self.attach(error, begin)
                raise
        except BaseException as error:
            self.attach(error, begin)
            raise
        finally:
            if progress is not None:
                progress.close()
        return self.result(status, begin)

    def result(self, status: Status, begin: float, evaluated: bool = True) -> OptimizeResult:
        """The result if the run ends now; not `evaluated`: fun is not to be called."""
        seen = self.work.look()
        found = make_result(
            message=self._message(status, seen["BEST"]),
            success=status == Status.CONVERGED,
            status=int(status),
            **self._ending(seen, status, evaluated),
            nit=seen["NIT"],
            learning_rate=seen["LEARNING_RATE"],
            n_restarts=seen["N_RESTARTS"],
            line_search_failures=seen["LINE_SEARCH_FAILURES"],
            time=time.perf_counter() - begin,
            backend="cuda",
        )
        self.evaluate.finish()
        return found

    def attach(self, error: BaseException, begin: float) -> None:
        if self.k > 0:
            # After a fault of the device there is nothing to be had from it.
            with contextlib.suppress(Exception):
                attach(error, self.result(Status.INTERRUPTED, begin, evaluated=False))

    def _advance(self, count: int) -> None:
        """Queue so many evaluations, and what follows from each."""
        if self.evaluate.in_kernels:
            if count > 0:
                self._queue(count)
                self.k += count
            return
        for _ in range(count):
            self._step()
            self.k += 1

    def _loop(self, callback: Callback | None, begin: float, progress: Progress | None) -> Status:
        deadline = begin + self.settings.maxtime
        ahead = 1
        self._begin(callback is not None)
        while True:
            started = time.perf_counter()
            first = self.k
            self._advance(min(ahead, self._most() - self.k))
            seen = self.work.look()
            now = time.perf_counter()
            if progress is not None:
                fun, grad_norm = self._shown(seen)
                progress.show(seen["NIT"], fun=fun, grad_norm=grad_norm)
            if callback is not None and self._completed(seen):
                current = self._current(seen)
                more = {"nit": seen["NIT"], "learning_rate": seen["LEARNING_RATE"]}
                result = functools.partial(make_result, **current, **more, time=now - begin)
                if callback.ends_run(current["x"], result):
                    return Status.CALLBACK
            status = self._status(seen)
            if status is not None:
                return status
            if now > deadline:
                return Status.MAXTIME
            if callback is None:
                rate = (self.k - first) / max(now - started, 1e-9)
                budget = min(CHUNK_SECONDS, deadline - now)
                ahead = max(1, min(4 * ahead, int(budget * rate), self.evaluate.most_ahead))

    def _views(self, vector: Any) -> tuple[Any, Any]:
        """Numba's views of gradient and value at a vector of the run's."""
        value, gradient = self.evaluate(self.library.given(vector), self.out)
        g = self.out_view if gradient is self.out else self.evaluate.gradient_view(gradient)
        f = self.library.view(value) if on_device(value) else self.work.number(float(value))
        self.library.hold(value, gradient)
        return g, f

    def _shown(self, seen: dict[str, Any]) -> tuple[float, float]:
        """Value and gradient norm of the current point."""
        return seen["FUN"], seen["GRAD_NORM"]

    def _copy(self, view: Any) -> Any:
        """A copy, for the user, from Numba's view of a vector."""
        made = self.library.empty_like(self.out)
        self.work.copy(self.library.view(made), view)
        return self.library.given(made)

    def _message(self, status: Status, best: int) -> str:
        """Why the run ended; `best` is negative where nothing finite was found."""
        if status == Status.NONFINITE and best < 0:
            return NONFINITE_AT_X0
        return without_state(message_of(status, self.settings.learning_rate == "auto"))
