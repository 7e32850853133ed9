"""`minimize` where x0 is an array on a CUDA device."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ._callback import wrap_callback
from ._display import write
from ._kernels import layout
from ._methods import Method
from ._objective import takes_output
from ._plan import Plan
from ._progress import Progress
from ._result import OptimizeResult, Status, attach, make_result
from ._status import NONFINITE_AT_X0, message_of, without_state
from ._terms import make_terms
from ._validation.arguments import check_args, check_jac
from ._validation.bounds import check_bounds
from ._validation.options import Settings, check_options
from ._validation.parameters import schedule_values
from ._vectors import on_device, real_of

# The host looks at the device's numbers this often; until then it only queues work.
CHUNK_SECONDS = 0.02
MOST_AHEAD = 256
MOST = 2**31 - 2
MOST_SCHEDULED = 10**6


def minimize_on_device(
    fun: Callable,
    x0: Any,
    args: Any,
    method: Method,
    jac: Any,
    bounds: Any,
    tol: float | None,
    callback: Callable | None,
    options: dict[str, Any] | None,
    refused: dict[str, Any],
) -> OptimizeResult:
    """Solve one problem whose vectors stay on the device."""
    begin = time.perf_counter()
    from ._kernels.cuda.device import check_device

    check_device()
    for name, value in refused.items():
        if value is not None:
            raise ValueError(f"{name} is not possible where x0 is on a device: leave it out.")
    shape, dtype = tuple(x0.shape), real_of(x0)
    if len(shape) != 1 or shape[0] == 0 or dtype not in (np.float64, np.float32):
        raise ValueError(
            f"x0 on a device must be a vector of float64 or float32, got {dtype} of shape {shape}."
        )
    # Only length and dtype of x0 count for the options.
    settings = check_options(method, tol, options, np.broadcast_to(np.zeros(1, dtype), shape))
    wrapped, takes_result = wrap_callback(callback)
    run = DeviceRun(fun, x0, check_args(args), check_jac(jac), bounds, settings)
    result = run.run(wrapped, takes_result, begin)
    if settings.disp:
        write(
            f"{result.message}\n"
            f"         Current function value: {result.fun:f}\n"
            f"         Iterations: {result.nit:d}\n"
        )
    return result


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
    """One run."""

    def __init__(
        self, fun: Callable, x0: Any, args: tuple, jac: Any, bounds: Any, settings: Settings
    ):
        from ._kernels.cuda.arrays import library_of
        from ._kernels.cuda.large import Steps

        method: Method = settings.method
        if settings.learning_rate == "auto":
            raise ValueError(
                "learning_rate must be given where x0 is on a device: it is not chosen there."
            )
        for name in ("history", "return_all", "check_jac"):
            if getattr(settings, name):
                raise ValueError(f"{name} is not possible where x0 is on a device: leave it out.")
        self.settings = settings
        self.library = library = library_of(x0)
        self.n, self.dtype = n, dtype = x0.shape[0], real_of(x0)
        self.evaluate = Evaluation(fun, jac, args, library, n, dtype)
        self.last = min(settings.maxiter, MOST)
        plan = Plan(settings, n, dtype, "")
        numbers = self._numbers(plan)
        terms = make_terms(check_bounds(bounds, n), None, n, dtype)
        self.bounds = (np.empty(0), np.empty(0)) if terms is None else terms.bounds()
        self.vectors = [library.empty_like(x0) for _ in range(3)]
        self.out = library.empty_like(x0)
        self.out_view = library.view(self.out)
        self.steps = Steps(
            method,
            dtype.type,
            plan.ints,
            plan.floats,
            numbers["learning_rate"],
            numbers["momentum"],
            library.view(x0),
            [library.view(v) for v in self.vectors],
            self.bounds,
            library.stream,
        )
        self.k = 0  # iterations queued
        self.progress: Progress | None = None

    def _numbers(self, plan: Plan) -> dict[str, np.ndarray]:
        """Learning rates and momenta: those of all iterations, or one number."""
        numbers = dict(plan.numbers)
        for name, (parameter, schedule) in plan.scheduled.items():
            if self.last > MOST_SCHEDULED:
                raise ValueError(
                    f"maxiter must be at most {MOST_SCHEDULED} with a schedule where x0 is on a "
                    f"device, got {self.last}."
                )
            count = self.last + 2
            values = schedule_values(parameter, schedule, 0, count, self.dtype)
            if len(values) < count:
                raise ValueError(f"{name} has no good value for iteration {len(values)}.")
            numbers[name] = values
        return numbers

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
            attach(error, self.result(Status.INTERRUPTED, begin, evaluated=False))

    def _loop(self, callback: Callable | None, takes_result: bool, begin: float) -> Status:
        settings = self.settings
        deadline = begin + settings.maxtime
        ahead = 1
        while True:
            started = time.perf_counter()
            first = self.k
            while self.k < min(first + ahead, self.last + 1, settings.maxfev):
                self._advance()
            seen = self.steps.look()
            now = time.perf_counter()
            self._show(seen)
            if callback is not None and self.k > 1 and seen["NIT"] == self.k - 1:
                try:
                    self._call_back(callback, takes_result, seen, now - begin)
                except StopIteration:
                    return Status.CALLBACK
            if seen["STATUS"] != layout.RUNNING:
                return Status(seen["STATUS"])
            if self.k >= settings.maxfev:
                return Status.MAXFEV
            if now > deadline:
                return Status.MAXTIME
            if callback is None:
                rate = (self.k - first) / max(now - started, 1e-9)
                budget = min(CHUNK_SECONDS, deadline - now)
                ahead = max(1, min(4 * ahead, int(budget * rate), MOST_AHEAD))

    def _advance(self) -> None:
        """Queue one iteration."""
        point = self.library.given(self.vectors[self.k % 3])
        value, gradient = self.evaluate(point, self.out)
        g = self.out_view if gradient is self.out else self.evaluate.gradient_view(gradient)
        f = self.library.view(value) if on_device(value) else self.steps.number(float(value))
        self.steps.step(self.k, g, f, self.last)
        self.library.hold(value, gradient)
        self.k += 1

    def _show(self, seen: dict[str, Any]) -> None:
        if self.progress is not None:
            self.progress.show(seen["NIT"], fun=seen["FUN"], grad_norm=seen["GRAD_NORM"])

    def _copy(self, vector: Any) -> Any:
        """A copy, for the user."""
        made = self.library.empty_like(vector)
        self.steps.copy(self.library.view(made), self.library.view(vector))
        return self.library.given(made)

    def _call_back(
        self, callback: Callable, takes_result: bool, seen: dict[str, Any], seconds: float
    ) -> None:
        x = self._copy(self.vectors[(self.k - 1) % 3])
        if not takes_result:
            callback(x)
            return
        callback(
            intermediate_result=make_result(
                x=x,
                fun=seen["FUN"],
                nit=seen["NIT"],
                nfev=seen["ITERATION"],
                njev=seen["ITERATION"],
                grad_norm=seen["GRAD_NORM"],
                learning_rate=seen["LEARNING_RATE"],
                time=seconds,
            )
        )

    def _norm(self, x: Any, gradient: Any) -> float:
        """The norm of the convergence test, on the host."""
        r = self.steps.to_host(self.evaluate.gradient_view(gradient)).astype(float)
        if self.bounds[0].size > 0:
            point = self.steps.to_host(self.library.view(x))
            r = np.maximum(r, point - self.bounds[1])
            r = np.minimum(r, point - self.bounds[0])
        return float(np.linalg.norm(r, self.settings.norm))

    def result(self, status: Status, begin: float, evaluated: bool = True) -> OptimizeResult:
        """The result if the run ends now; not `evaluated`: without the gradient."""
        from ._kernels.cuda.large import BEFORE, CURRENT

        seen = self.steps.look()
        k = seen["ITERATION"] - 1
        where = seen["RESULT"]
        if status == Status.CONVERGED and seen["GRAD_NORM"] <= self.settings.gtol:
            where = CURRENT
        x = self.vectors[k % 3]
        if where == BEFORE:
            x = self.vectors[(k + 2) % 3]
        elif where != CURRENT:
            x = self.vectors[(k + 1) % 3]
            self.steps.copy(self.library.view(x), self.steps.kept)
        x = self._copy(x)
        # The gradient at the lowest point is not kept: the one evaluation that is not counted.
        gradient, norm = None, seen["GRAD_NORM"]
        if evaluated:
            gradient = self.evaluate(x, self.out)[1]
            if where != CURRENT:
                norm = self._norm(x, gradient)
        message = without_state(message_of(status, automatic=False))
        if status == Status.NONFINITE and seen["BEST"] < 0:
            message = NONFINITE_AT_X0
        return make_result(
            message=message,
            success=status == Status.CONVERGED,
            status=int(status),
            fun=seen["FUN"] if where == CURRENT else seen["FUN_BEST"],
            x=x,
            nit=seen["NIT"],
            jac=gradient,
            nfev=seen["ITERATION"],
            njev=seen["ITERATION"],
            grad_norm=norm,
            learning_rate=seen["LEARNING_RATE"],
            n_restarts=0,
            line_search_failures=0,
            time=time.perf_counter() - begin,
            backend="cuda",
        )
