"""From a state to a run that goes on from it."""

from __future__ import annotations

import numpy as np

from .._keep.checkpoint import check_given
from .._keep.state import State
from .._language import layout
from .._language.layout import INT
from .._problem.terms import Terms
from .run import Run
from .told import ToldRun

_CARRIED_INTS, _CARRIED_FLOATS = (
    np.array([name not in layout.GIVEN for name in names]) for names in (layout.INTS, layout.FLOATS)
)
# The same line again must not get the result of other data; who wants to go on says so.
GO_ON_ANYWAY = "; to go on from it all the same give it as `state`"
# How a state may differ from the run that is to go on with it, in words.
_DIFFERENCES = {
    "method": "method {!r}",
    "loop": "the loop {!r}, which says whether the learning rate is given and whether there are "
    "bounds or a penalty",
    "memory": "memory={}",
    "n": "{} variables",
    "dtype": "dtype {}",
    "size": "arrays of lengths {}",
}


def restore_same(run: Run, state: State) -> None:
    """Go on from `state`, once fun at its best point has shown that the problem is the same.

    That call is not counted in nfev, which is then that of a run without a break.
    """
    _check_state(run, state)
    _check_problem(run, state)
    _go_on(run, state)
    objective, ints = run.objective, run.ints
    objective.calls_fun, objective.calls_jac = int(ints[INT.NFEV]), int(ints[INT.NJEV])


def restore(run: ToldRun, state: State) -> None:
    """Go on from `state`, which the caller knows to be of this problem."""
    _check_state(run, state)
    _go_on(run, state)


def _check_problem(run: Run, state: State) -> None:
    """Is `state` of a run with the same fun, and what else was given?"""
    given = dict(run.given) if state.from_checkpoint else {}
    args = given.pop("args", "")
    check_given(state, given, GO_ON_ANYWAY)
    objective, best = run.objective, int(state.ints[INT.BEST])
    if best >= 0 and objective.can_be_checked:
        g = np.full(run.n, np.nan, run.dtype)
        f = objective.first(state.x, g) if args else objective.first_value(state.x)
        same_value(state.source, f, state.fun, run.terms, state.x)
        if np.array_equal(g, state.rows[layout.N_POINTS + best]):
            args = ""  # what differs of them is room for fun to write into
    if args:
        check_given(state, {"args": args}, GO_ON_ANYWAY)


def _go_on(run: ToldRun, state: State) -> None:
    """Take over all that the run knew."""
    first = run.plan.first_own
    constants = run.floats[first : first + len(run.settings.constants)].copy()
    run.ints[_CARRIED_INTS] = state.ints[_CARRIED_INTS]
    run.ints[INT.STATUS] = layout.RUNNING
    least, most = run.ints[INT.LEAST_ROOM], run.ints[INT.MEMORY]
    run.ints[INT.ROOM] = min(max(run.ints[INT.ROOM], least), most)
    known = len(layout.FLOATS)
    run.floats[:known][_CARRIED_FLOATS] = state.floats[:known][_CARRIED_FLOATS]
    run.floats[known:] = state.floats[known:]
    run.floats[first : first + constants.size] = constants
    run.rows[: run.plan.scratch_row, : run.n] = state.rows
    if run.terms is not None and state.work.size:
        run.terms.work[:] = state.work
    if run.settings.history:
        done = int(run.ints[INT.ITERATION])
        rows = state.history
        # Iterations of a run without history are not known.
        missing = np.full((max(done - len(rows), 0), 3), np.nan)
        run.recorded = [missing, rows[:done]]
        if len(rows) > done:  # of the iteration under way: its rate is still to be written
            run.history[0] = rows[done]
            run.ints[INT.HISTORY] = 1


def _check_state(run: ToldRun, state: State) -> None:
    """Is `state` that of such a run?"""
    plan, rows = run.plan, state.rows
    pairs = {
        "method": (state.method, run.method.name),
        "loop": (state.loop, plan.loop.name),
        "memory": (int(state.ints[INT.MEMORY]), run.settings.memory),
        "n": (rows.shape[1], run.n),
        "dtype": (rows.dtype, run.dtype),
        "size": ((len(rows), state.floats.size), (plan.scratch_row, run.floats.size)),
    }
    for name, (theirs, own) in pairs.items():
        if theirs != own:
            words = _DIFFERENCES[name]
            raise ValueError(
                f"{state.source} must be of a run with {words.format(own)}, got "
                f"{words.format(theirs)}."
            )
    if run.terms is not None:
        limits = slice(plan.term_row, plan.term_row + layout.UPPER_ROW + 1)
        separable = bool(run.terms.rows)
        if separable and not np.array_equal(rows[limits], run.rows[limits, : run.n]):
            raise ValueError(f"{state.source} must be of a run with the same bounds and penalty.")
        if state.work.size not in (0, run.terms.work.size):
            raise ValueError(f"{state.source} must be of a run with the same penalty.")
    start = run.ints.item(INT.METRIC_START)
    if start != state.ints[INT.METRIC_START] or (
        start > 0 and not np.array_equal(rows[start], run.row(start))
    ):
        raise ValueError(f"{state.source} must be of a run with the same x_scale.")


def same_value(
    source: str,
    f: float | None,
    known: float,
    terms: Terms | None,
    x: np.ndarray,
    where: str = "at its best point",
    given: str = "args",
) -> None:
    """Raise an error unless `f` is fun at x, whose sum with the penalty was `known`.

    Another order of sums changes its last digits only.
    """
    if terms is not None and not terms.only_bounds:
        known -= terms.h.value(x)
    slack = 1e-6 if x.dtype == np.float64 else 1e-3
    if f is not None and not abs(f - known) <= slack * max(1.0, abs(known)):
        raise ValueError(
            f"{source} must be of the same problem: {where} fun was {known!r} when it was made, "
            f"and is {f!r} now. Check fun and {given}."
        )
