"""`minimize` where x0 is an array on a CUDA device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from ..._arrays import on_device, real_of
from ..._check.options import Settings
from ..._problem.objective import takes_output
from ..._problem.terms import Terms
from ..._report.progress import Progress
from ..._report.result import OptimizeResult, Status, attach, make_result
from ..._report.status import NONFINITE_AT_X0, message_of, without_state

# The host looks at the device's numbers this often; until then it only queues work.
CHUNK_SECONDS = 0.02
MOST_AHEAD = 256
MOST = 2**31 - 2
MOST_SCHEDULED = 10**6


class Evaluation:
    """The user's functions on vectors of the device."""

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
    most_ahead : int
        How many evaluations may be queued before the host looks at the device.
    """

    work: Any
    most_ahead = MOST_AHEAD

    def __init__(
        self,
        fun: Callable,
        x0: Any,
        args: tuple,
        jac: Any,
        settings: Settings,
        terms: Terms | None,
    ):
        from ..._cuda.arrays import library_of

        for name in ("history", "return_all", "check_jac"):
            if getattr(settings, name):
                raise ValueError(f"{name} is not possible where x0 is on a device: leave it out.")
        self.settings, self.terms = settings, terms
        self.library = library = library_of(x0)
        self.n, self.dtype = x0.shape[0], real_of(x0)
        self.evaluate = self._evaluation(fun, jac, args)
        self.out = library.empty_like(x0)
        self.out_view = library.view(self.out)
        self.k = 0
        self.last = min(settings.maxiter, MOST)
        self.progress: Progress | None = None

    # -- what the two kinds of runs differ in -----------------------------------------------------

    def _begin(self, each: bool) -> None:
        """Queue what comes before the first evaluation; stop at `each` iteration?"""

    def _evaluation(self, fun: Callable, jac: Any, args: tuple) -> Any:
        """What evaluates fun and its gradient."""
        return Evaluation(fun, jac, args, self.library, self.n, self.dtype)

    def _advance(self, count: int) -> None:
        """Queue so many evaluations, and what follows from each."""
        for _ in range(count):
            self._step()
            self.k += 1

    def _step(self) -> None:
        """Queue an evaluation, and what follows from it."""
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

    def result(self, status: Status, begin: float, evaluated: bool = True) -> OptimizeResult:
        """The result if the run ends now; not `evaluated`: fun is not to be called."""
        raise NotImplementedError

    # -- what they have in common -----------------------------------------------------------------

    def run(self, callback: Callable | None, takes_result: bool, begin: float) -> OptimizeResult:
        """Go on to the end."""
        if self.settings.progress:
            self.progress = Progress(
                self.settings.method.name, begin, self.last, "iteration", self.settings.maxtime
            )
        status = Status.INTERRUPTED
        try:
            status = self._loop(callback, takes_result, begin)
            return self.result(status, begin)
        except KeyboardInterrupt as error:
            if self.settings.on_interrupt == "raise":
                self.attach(error, begin)
                raise
        except BaseException as error:
            self.attach(error, begin)
            raise
        finally:
            if self.progress is not None:
                self.progress.close()
        return self.result(status, begin)

    def attach(self, error: BaseException, begin: float) -> None:
        if self.k > 0:
            # After a fault of the device there is nothing to be had from it.
            with contextlib.suppress(Exception):
                attach(error, self.result(Status.INTERRUPTED, begin, evaluated=False))

    def _loop(self, callback: Callable | None, takes_result: bool, begin: float) -> Status:
        deadline = begin + self.settings.maxtime
        ahead = 1
        self._begin(callback is not None)
        while True:
            started = time.perf_counter()
            first = self.k
            self._advance(min(ahead, self._most() - self.k))
            seen = self.work.look()
            now = time.perf_counter()
            if self.progress is not None:
                fun, grad_norm = self._shown(seen)
                self.progress.show(seen["NIT"], fun=fun, grad_norm=grad_norm)
            if callback is not None and self._completed(seen):
                try:
                    self._call_back(callback, takes_result, seen, now - begin)
                except StopIteration:
                    return Status.CALLBACK
            status = self._status(seen)
            if status is not None:
                return status
            if now > deadline:
                return Status.MAXTIME
            if callback is None:
                rate = (self.k - first) / max(now - started, 1e-9)
                budget = min(CHUNK_SECONDS, deadline - now)
                ahead = max(1, min(4 * ahead, int(budget * rate), self.most_ahead))

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

    def _call_back(
        self, callback: Callable, takes_result: bool, seen: dict[str, Any], seconds: float
    ) -> None:
        current = self._current(seen)
        if not takes_result:
            callback(current["x"])
            return
        callback(
            intermediate_result=make_result(
                **current,
                nit=seen["NIT"],
                learning_rate=seen["LEARNING_RATE"],
                time=seconds,
            )
        )

    def _message(self, status: Status, best: int) -> str:
        """Why the run ended; `best` is negative where nothing finite was found."""
        if status == Status.NONFINITE and best < 0:
            return NONFINITE_AT_X0
        return without_state(message_of(status, self.settings.learning_rate == "auto"))
