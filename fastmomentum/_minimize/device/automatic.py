"""`minimize` where x0 is an array on a CUDA device, with an automatic learning rate.

The method's loop asks for the values that it needs. Between two of the user's evaluations it runs
on the device, as one kernel of a whole grid, so that the host need not know what it decided.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._language import layout
from ..._language.layout import INT
from ..._report.result import Status
from ..plan import Plan
from .run import DeviceRun

MOST_VARIABLES = 2**31 - 1


class AutomaticRate(DeviceRun):
    """A run whose method chooses its learning rate."""

    def _prepare(self, x0: Any) -> None:
        from ..._cuda.numbers import Start

        n, library, terms = self.n, self.library, self.terms
        if n > MOST_VARIABLES:
            raise ValueError(
                f"x0 must have at most {MOST_VARIABLES} variables with learning_rate='auto' on a "
                f"device, got {n}."
            )
        if terms is not None and not terms.separable:
            raise ValueError(f"penalty must be separable where x0 is on a device, got {terms.h!r}.")
        self.point = library.empty_like(x0)
        # A kernel is compiled for a number of velocities.
        fixed = self.settings.with_fixed_memory()
        plan = Plan(fixed, n, self.dtype, terms.kind if terms else "")
        ints = plan.ints.copy()
        ints[INT.COST_FUN] = ints[INT.COST_JAC] = 1
        # Only momentum keeps pairs; those of the others' rows are left out.
        momentum = plan.loop.keeps_pairs
        n_rows = plan.term_row if momentum else layout.PAIRS
        rows: dict[int, np.ndarray | None] = dict.fromkeys(plan.starts if momentum else ())
        if momentum and plan.x_scale is not None:
            rows[int(ints[INT.METRIC_START])] = np.broadcast_to(plan.x_scale**2, n)
        if terms is not None:
            ints[INT.TERMS] = n_rows
            ints[INT.BOUNDED], ints[INT.SEPARABLE] = terms.bounded, terms.separable
            rows |= {n_rows + i: part for i, part in enumerate(terms.rows)}
            rows[n_rows + layout.FREE_ROW] = None
            n_rows += layout.TERM_ROWS
        self.work = self.team = self.evaluate.team(
            plan.loop.name,
            self.dtype.type,
            Start(ints, plan.floats),
            (n_rows, rows),
            (library.view(x0), library.view(self.point), self.out_view),
            library.stream,
        )
        self.shown = 0  # iterations that the callback has seen

    def _begin(self, each: bool) -> None:
        if each:
            self.last = min(self.last, 1)
        self.team.begin(self.last)

    def _step(self) -> None:
        g, f = self._views(self.point)
        self.team.tell(g, f, self.last)

    def _queue(self, count: int) -> None:
        self.team.evaluate(count, self.last)

    def _completed(self, seen: dict[str, Any]) -> bool:
        done = seen["NIT"] > self.shown and seen["STATUS"] not in (
            layout.NEEDS_EVALUATION,
            Status.NONFINITE,
        )
        if done:
            self.shown = seen["NIT"]
        return done

    def _current(self, seen: dict[str, Any]) -> dict[str, Any]:
        return self._found(seen, seen["CURRENT"]) | {"fun": seen["FUN_REAL"]}

    def _found(self, seen: dict[str, Any], row: int) -> dict[str, Any]:
        """Copies of a point and its gradient, and the numbers that go with them.

        Of the row -1 that which the run ends with.
        """
        x, gradient = (self.library.empty_like(self.out) for _ in range(2))
        views = (self.library.view(x), self.library.view(gradient))
        fun, grad_norm = self.team.found(*views, row)
        return {
            "x": self.library.given(x),
            "fun": fun,
            "jac": self.library.given(gradient),
            "nfev": seen["NFEV"],
            "njev": seen["NJEV"],
            "grad_norm": grad_norm,
        }

    def _shown(self, seen: dict[str, Any]) -> tuple[float, float]:
        return seen["FUN_REAL"], seen["NORM_REAL"]

    def _status(self, seen: dict[str, Any]) -> Status | None:
        if seen["STATUS"] == layout.RUNNING:
            if self.last >= self.settings.maxiter:
                return Status.MAXITER
            self.last += 1
            self.team.resume(self.last)
            seen = self.team.look()
        return None if seen["STATUS"] == layout.NEEDS_EVALUATION else Status(seen["STATUS"])

    def _ending(self, seen: dict[str, Any], status: Status, evaluated: bool) -> dict[str, Any]:
        found = self._found(seen, -1)
        if self.terms is not None and self.terms.shown:
            x, g = (self.team.to_host(self.library.view(found[v])) for v in ("x", "jac"))
            found["support"] = np.flatnonzero(x)
            if self.settings.gap_tol > 0.0:
                wide = x.astype(np.float64), g.astype(np.float64)
                found["gap"] = self.terms.gap(*wide, found["fun"])
        return found
