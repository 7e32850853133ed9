"""What `minimize` returns."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .status import Status

__all__ = ["OptimizeResult", "Status", "attach", "attach_made", "carrying", "make_result"]

BEST = "the best point found"


class OptimizeResult(dict):
    """Result of an optimization: a dict whose keys are attributes too, as SciPy's.

    Once ``scipy.optimize`` is imported, results are instances of its ``OptimizeResult`` as well;
    importing it for this alone would cost more than most runs.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The solution; the best finite point evaluated if the run did not converge.
    fun : float
        Value of the objective at x; with a penalty, of their sum.
    jac : ndarray, shape (n,)
        Gradient at x, without the penalty; nan where it is not known, since the run was stopped
        before it was evaluated.
    nit, nfev, njev : int
        Iterations, and calls of the objective and of its gradient.
    success : bool
        Whether a convergence test was met, that is, ``status == 0``; or, of `minimize_sum` without
        a ``gtol``, whether all epochs were run, ``status == 9``.
    status : int
        Why the run ended, see `Status`.
    message : str
        The same in words.
    grad_norm : float
        Norm of `jac` (``options["norm"]``); with bounds or a penalty, of x - prox(x - jac).
    support : ndarray of int
        Indices of the variables that are not zero, with a penalty.
    learning_rate : float
        Learning rate of the last step.
    n_restarts : int
        Restarts of an automatic method.
    line_search_failures : int
        Line searches of an automatic method that found no better point.
    time : float
        Seconds that the run took, compilation included.
    backend : str
        ``"numba"`` if the loop ran compiled from end to end, ``"python"`` if it called Python for
        each evaluation.
    gap : float
        Duality gap, an upper bound of fun minus its minimum (``options["gap_tol"]``).
    allvecs : list of ndarray
        The iterates, x0 first (``options["return_all"]``).
    history : dict
        Arrays ``fun`` and ``grad_norm`` (``nit + 1`` entries, x0 first) and ``learning_rate``
        (``nit`` entries) (``options["history"]``).
    state : State
        What ``minimize(..., state=result.state)`` goes on from; see ``options["keep_state"]``.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            if name == "state":
                name = (
                    "state is kept of a run that did not converge, unless options['keep_state'] is "
                    "False, and of any run if that is True"
                )
            raise AttributeError(name) from error

    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__

    def __dir__(self) -> list[str]:
        return list(self.keys())

    def __reduce__(self) -> tuple:
        # By way of `make_result`: the class that it chooses is made at run time.
        return _rebuild, (dict(self),)

    def _repr_html_(self) -> str:
        from .html import result_html

        return result_html(self)

    def __repr__(self) -> str:
        order = ("message", "success", "status", "fun", "x", "nit", "jac", "nfev", "njev")
        keys = [k for k in order if k in self] + [k for k in self if k not in order]
        if not keys:
            return f"{type(self).__name__}()"
        width = max(map(len, keys)) + 1
        indent = "\n" + " " * (width + 2)
        return "\n".join(f"{k:>{width}}: {indent.join(repr_(self[k]).splitlines())}" for k in keys)


def repr_(value: Any) -> str:
    """One field as the result's repr shows it: long arrays and lists are cut."""
    import numpy as np

    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(f"{key}: {repr_(entry)}" for key, entry in value.items())
    if isinstance(value, np.ndarray):
        with np.printoptions(precision=3, threshold=10, edgeitems=3):
            return str(value)
    if isinstance(value, list):
        return f"list of {len(value)} arrays"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


@functools.cache
def _scipy_class(base: type) -> type:
    namespace = {"__doc__": OptimizeResult.__doc__, "__module__": OptimizeResult.__module__}
    return type("OptimizeResult", (OptimizeResult, base), namespace)


def make_result(**fields: Any) -> OptimizeResult:
    """A result that is SciPy's `OptimizeResult` as well where that class exists already."""
    optimize = sys.modules.get("scipy.optimize")
    base = getattr(optimize, "OptimizeResult", None)
    return (OptimizeResult if base is None else _scipy_class(base))(fields)


def _rebuild(fields: dict[str, Any]) -> OptimizeResult:
    return make_result(**fields)


def attach(
    error: BaseException,
    result: OptimizeResult | None = None,
    found: str = BEST,
    row: int | None = None,
) -> None:
    """The result, and of a batch the problem that failed, go with the exception as attributes."""
    try:
        if row is not None:
            error.row = row  # type: ignore[attr-defined]
        if result is None:
            return
        error.result = result  # type: ignore[attr-defined]
    except AttributeError:  # a class with __slots__
        return
    where = "is in the attribute `result` of this exception."
    notes = getattr(error, "__notes__", [])
    notes[:] = [note for note in notes if where not in note]  # of another result
    if not is_empty(result):
        add_note(error, f"{found} {where}")


def attach_made(
    error: BaseException, make: Callable[[], OptimizeResult], found: str = BEST
) -> None:
    """The result that `make` returns goes with the exception, which no other one may replace."""
    result = None
    try:
        result = make()
    except Exception as later:  # maybe of the user's code, or a warning that is an error
        result = getattr(later, "result", None)
        if later is not error:
            add_note(error, f"after this, {type(later).__name__}: {later}")
    attach(error, result, found)


@contextlib.contextmanager
def carrying(result: OptimizeResult) -> Iterator[None]:
    """What is raised within carries `result`: the run is over, and must not be lost."""
    try:
        yield
    except BaseException as error:
        attach(error, result)
        raise


def add_note(error: BaseException, text: str) -> None:
    """A note of ours, once, however often an exception comes."""
    note = f"fastmomentum: {text}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def is_empty(result: OptimizeResult) -> bool:
    """Was nothing evaluated? Arrays on a device are not looked at."""
    import numpy as np

    value = getattr(result, "fun", None)
    return isinstance(value, float | np.ndarray) and bool(np.isnan(value).all())
