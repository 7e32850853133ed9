"""One problem on a device, with a given learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._arrays import vector_norm
from ..._check.parameters import schedule_values
from ..._language import layout
from ..._methods import Method
from ..._report.result import Status
from ..plan import Plan
from .run import MOST_SCHEDULED, DeviceRun


class GivenRate(DeviceRun):
    """A run with a given learning rate: an evaluation and a kernel per iteration."""

    def _prepare(self, x0: Any) -> None:
        settings, terms = self.settings, self.terms
        if terms is not None and not terms.only_bounds:
            raise ValueError(
                "penalty is possible only with learning_rate='auto' where x0 is on a device, got "
                f"penalty={terms.h!r} and learning_rate={settings.learning_rate!r}."
            )
        if settings.norm == -np.inf:
            raise ValueError(
                "norm=-inf is possible only with learning_rate='auto' where x0 is on a device."
            )
        from ..._cuda.numbers import Start

        n, dtype, library = self.n, self.dtype, self.library
        method: Method = settings.method
        plan = Plan(settings, n, dtype, "")
        numbers = self._numbers(plan)
        self.bounds = (np.empty(0), np.empty(0)) if terms is None else terms.bounds()
        self.vectors = [library.empty_like(x0) for _ in range(3)]
        self.views = [library.view(v) for v in self.vectors]
        self.work = self.steps = self.evaluate.steps(
            self.out_view,
            method,
            dtype.type,
            Start(plan.ints, plan.floats, numbers["learning_rate"], numbers["momentum"]),
            library.view(x0),
            self.views,
            self.bounds,
            library.stream,
        )

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

    def _step(self) -> None:
        g, f = self._views(self.vectors[self.k % 3])
        self.steps.step(self.k, g, f, self.last)

    def _queue(self, count: int) -> None:
        self.steps.iterate(self.last, count)

    def _most(self) -> int:
        return min(self.last + 1, self.settings.maxfev)

    def _completed(self, seen: dict[str, Any]) -> bool:
        return self.k > 1 and seen["NIT"] == self.k - 1

    def _current(self, seen: dict[str, Any]) -> dict[str, Any]:
        return {
            "x": self._copy(self.views[(self.k - 1) % 3]),
            "fun": seen["FUN"],
            "nfev": seen["ITERATION"],
            "njev": seen["ITERATION"],
            "grad_norm": seen["GRAD_NORM"],
        }

    def _status(self, seen: dict[str, Any]) -> Status | None:
        if seen["STATUS"] != layout.RUNNING:
            return Status(seen["STATUS"])
        return Status.MAXFEV if self.k >= self.settings.maxfev else None

    def _norm(self, x: Any, gradient: Any) -> float:
        """The norm of the convergence test, on the host."""
        r = self.steps.to_host(self.evaluate.gradient_view(gradient)).astype(float)
        if self.bounds[0].size > 0:
            point = self.steps.to_host(self.library.view(x))
            r = np.maximum(r, point - self.bounds[1])
            r = np.minimum(r, point - self.bounds[0])
        return vector_norm(r, self.settings.norm)

    def _ending(self, seen: dict[str, Any], status: Status, evaluated: bool) -> dict[str, Any]:
        from ..._cuda.step import BEFORE, CURRENT

        k = seen["ITERATION"] - 1
        where = seen["RESULT"]
        if status == Status.CONVERGED and seen["GRAD_NORM"] <= self.settings.gtol:
            where = CURRENT
        x = self.steps.kept
        if where == CURRENT:
            x = self.views[k % 3]
        elif where == BEFORE:
            x = self.views[(k + 2) % 3]
        x = self._copy(x)
        # The gradient at the lowest point is not kept: the one evaluation that is not counted.
        gradient, norm = None, seen["GRAD_NORM"]
        if evaluated:
            gradient = self.evaluate(x, self.out)[1]
            if where != CURRENT:
                norm = self._norm(x, gradient)
        return {
            "x": x,
            "fun": seen["FUN"] if where == CURRENT else seen["FUN_BEST"],
            "jac": gradient,
            "nfev": seen["ITERATION"],
            "njev": seen["ITERATION"],
            "grad_norm": norm,
        }
