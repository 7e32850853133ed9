"""`Optimizer`: the methods without the loop, for objectives that live elsewhere."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ._check.arguments import check_terms, check_x0, named_method
from ._check.keywords import hints_at_options
from ._check.options import check_step_options
from ._check.returned import as_gradient, as_pair, as_scalar
from ._keep.checkpoint import check_state, resolved
from ._keep.state import State
from ._language import layout
from ._language.layout import FLOAT, INT
from ._minimize.resume import restore
from ._minimize.told import Moment, ToldRun
from ._problem.terms import settings_and_terms
from ._report.result import OptimizeResult, Status

UNFINISHED = "Not finished: `ask` for the next point, or pass `state` on."


class Optimizer:
    """One run of a method, evaluation by evaluation, in the hands of the caller.

    The same loops as `minimize`, and the same numbers to the last bit: only that the caller
    evaluates the objective, where and when it likes.

    Parameters
    ----------
    method : str or None
        As for `minimize`.
    x0 : array_like, shape (n,)
        Initial guess.
    bounds, penalty, tol, options : optional
        As for `minimize`, but for the options ``disp``, ``progress``, ``return_all``, ``backend``
        ``on_interrupt`` and ``checkpoint_every``. ``maxtime`` counts from here. ``keep_state``
        False leaves the state out of `result`.
    state : State or path, optional
        Go on from this state, of an `Optimizer` or of `minimize`.

    Attributes
    ----------
    done : bool
        Whether the run has ended, see ``result().message``.
    x : ndarray, shape (n,)
        The best point so far.
    fun : float
        Its value.
    nit, nfev : int
        Iterations and evaluations so far.
    state : State
        A copy of all that the run knows.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid.

    Notes
    -----
    It can be copied and pickled at any moment: the copy goes on by itself, to the same bits.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum import Optimizer
    >>> opt = Optimizer("nesterov", [3.0, -1.0])
    >>> while not opt.done:
    ...     x = opt.ask()
    ...     opt.tell(x @ x, 2.0 * x)
    >>> opt.result().success, abs(opt.x).max() < 1e-5
    (True, np.True_)
    """

    @hints_at_options
    def __init__(
        self,
        method: str | None,
        x0: Any,
        *,
        bounds: Any = None,
        penalty: Any = None,
        tol: float | None = None,
        options: dict[str, Any] | None = None,
        state: State | str | os.PathLike[str] | None = None,
    ):
        self._begin = time.perf_counter()
        state = resolved(state)
        named = named_method(method)
        x = check_x0(x0)
        settings, terms = settings_and_terms(named, x, bounds, penalty, tol, options)
        check_step_options(options)
        check_terms(settings.method, settings, terms)
        if terms is not None:
            x = terms.start(x)
        self._run = run = ToldRun(settings, x, terms)
        self._status = Status.INTERRUPTED
        self.done = False
        earlier = check_state(state, None, State)
        if earlier is not None:
            restore(run, earlier)
            if earlier.ended_under(settings):
                self._end(Status(earlier.status))
        if not self.done:
            self._advance()

    def __reduce__(self) -> tuple:
        # Not attribute by attribute: the loop knows its arrays by their addresses.
        attributes = {"done": self.done, "_status": self._status}
        return _again, (self._run.moment(), attributes, time.perf_counter() - self._begin)

    def __repr__(self) -> str:
        n = self._run.n
        how = self._status.name.lower() if self.done else "not finished"
        return f"Optimizer({self._run.method.name!r}, n={n}, nit={self.nit}, {how})"

    def ask(self) -> np.ndarray:
        """The point to evaluate next.

        Returns
        -------
        ndarray, shape (n,)
            A copy, the same until `tell` is called.

        Raises
        ------
        RuntimeError
            If the run has ended.
        """
        if self.done:
            raise RuntimeError(f"the run has ended, there is nothing to evaluate: {self._why()}")
        return self._run.row(int(self._run.ints[INT.CURRENT])).copy()

    def tell(self, f: float, g: Any) -> None:
        """Value and gradient at the point of `ask`.

        Parameters
        ----------
        f : float
        g : array_like, shape (n,)

        Raises
        ------
        ValueError
            If `f` is not one real number, or `g` not n of them.
        RuntimeError
            If the run has ended.
        """
        if self.done:
            raise RuntimeError(f"the run has ended, there is nothing to tell: {self._why()}")
        run = self._run
        value = as_scalar(f)
        gradient = as_gradient(g, run.n, "the caller")
        run.row(layout.N_POINTS + int(run.ints[INT.CURRENT]))[:] = gradient
        run.ints[INT.NFEV] += 1
        run.ints[INT.NJEV] += 1
        run.deliver(value)
        self._advance()

    def step(self, fun: Callable[[np.ndarray], Any]) -> bool:
        """One iteration, with as many evaluations as it takes.

        Parameters
        ----------
        fun : callable
            ``fun(x) -> (f, gradient)``.

        Returns
        -------
        bool
            Whether the run goes on.
        """
        before = self.nit
        while not self.done and (self.nit == before or self.nfev == 0):
            self.tell(*as_pair(fun(self.ask())))
        return not self.done

    def result(self) -> OptimizeResult:
        """What was found so far.

        Returns
        -------
        OptimizeResult
            As that of `minimize`, with `state`; of a run that has not ended, status 5.
        """
        run = self._run
        result = run.result(self._status, self._begin, "" if self.done else UNFINISHED)
        if run.settings.history:
            result["history"] = run.history_of(result)
        if run.settings.keep_state is not False:
            result["state"] = self.state
        return result

    @property
    def x(self) -> np.ndarray:
        return self._run.row(max(int(self._run.ints[INT.BEST]), 0)).copy()

    @property
    def fun(self) -> float:
        run = self._run
        return float(run.floats[FLOAT.FUN_BEST]) if run.ints[INT.BEST] >= 0 else math.nan

    @property
    def nit(self) -> int:
        return int(self._run.ints[INT.NIT])

    @property
    def nfev(self) -> int:
        return int(self._run.ints[INT.NFEV])

    @property
    def state(self) -> State:
        return copy.deepcopy(self._run.state(self._status if self.done else layout.RUNNING))

    def _why(self) -> str:
        return self._run.words(self._status)

    def _end(self, status: Status) -> None:
        self._status = status
        self.done = True

    def _advance(self) -> None:
        """To the next evaluation, or to the end."""
        run = self._run
        ints, settings = run.ints, run.settings
        while True:
            last = min(settings.maxiter, ints.item(INT.ITERATION) + 1)
            if run.plan.scheduled:
                last = run.fill_schedules(last)
            if run.needs_evaluation(last):
                if time.perf_counter() > self._begin + settings.maxtime:
                    self._end(Status.MAXTIME)
                return
            run.keep_history()
            if ints[INT.STATUS] != layout.RUNNING:
                return self._end(Status(int(ints[INT.STATUS])))
            if ints.item(INT.ITERATION) >= settings.maxiter:
                return self._end(Status.MAXITER)


def _again(moment: Moment, attributes: dict[str, Any], elapsed: float) -> Optimizer:
    """One that is where another was."""
    made = Optimizer.__new__(Optimizer)
    made._begin = time.perf_counter() - elapsed
    made._run = moment.run()
    made.__dict__.update(attributes)
    return made
