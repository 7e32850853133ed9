"""The state of a run, with which another call goes on as if there had been no break."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import Any

import numpy as np

from .._check.options import Settings
from .._language import layout
from .._language.layout import FLOAT, INT
from .._loops.table import LOOPS
from .._methods.base import MEMORY
from .._report.status import Status
from .checkpoint import Kept, texts_in

# What the numbers of a state mean; a file with others is of another version.
LAYOUT = hashlib.sha256(
    repr(
        (
            layout.INTS,
            layout.FLOATS,
            layout.N_POINTS,
            layout.TERM_ROWS,
            layout.METRIC_ROWS,
            layout.FIRST_LEVEL,
            layout.N_LEVELS,
            layout.LOOK_BACK,
        )
    ).encode()
).hexdigest()[:16]
# Of the workspace of any run.
MOST_ROWS = layout.PAIRS + 2 * int(MEMORY.high) + layout.METRIC_ROWS + layout.TERM_ROWS
# With these a run has ended by its own rules: it goes on only under others.
ENDED = frozenset(
    (
        Status.CONVERGED,
        Status.PRECISION_LOSS,
        Status.NONFINITE,
        Status.STAGNATION,
        Status.DIVERGED,
    )
)


def rules_of(settings: Settings) -> dict[str, str]:
    """What decides how a run goes and when it ends, but for limits, as text."""
    tests = ("gtol", "norm", "ftol", "xtol", "gap_tol", "patience")
    names = (*tests, "memory", "least_memory", "constants")
    rules = {name: repr(getattr(settings, name)) for name in names}
    for name in ("learning_rate", "momentum"):
        value = getattr(settings, name)
        rules[name] = "schedule" if callable(value) else repr(value)
    return rules


@dataclasses.dataclass(eq=False, repr=False)
class State(Kept):
    """All that a run knows: ``minimize(..., state=result.state)`` goes on from it.

    Attributes
    ----------
    method : str
    x : ndarray, shape (n,)
        The best point so far.
    fun : float
        Its value.
    nit, nfev : int
        Iterations and calls of the objective so far.
    status : int
        How the run that left it had ended, see `Status`; -1: it was under way.
    loop : str
        Which loop it is of: the method's, for a given or an automatic rate, with bounds or without.
    rules : dict
        The options that decide how a run goes and when it ends, as text.
    rows : ndarray, shape (rows, n)
        Points, their gradients, and the method's vectors.
    ints, floats : ndarray
        The numbers of the loop.
    history : ndarray, shape (iterations, 3)
        What was recorded: value, norm of the gradient and learning rate.
    work : ndarray
        Where a proximal operator that iterates starts from.
    given : dict
        Fingerprints of x0, args and penalty, of a run with a checkpoint.

    Notes
    -----
    Files, pickles and copies hold the rows that are in use.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from fastmomentum import State, minimize
    >>> def fun(x):
    ...     return x @ x, 2.0 * x
    >>> options = {"learning_rate": 0.01, "maxiter": 5}
    >>> first = minimize(fun, np.ones(2), jac=True, options=options)
    >>> file = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> first.state.save(file)
    >>> options = {"learning_rate": 0.01}
    >>> rest = minimize(fun, np.ones(2), jac=True, options=options, state=State.load(file))
    >>> whole = minimize(fun, np.ones(2), jac=True, options=options)
    >>> rest.nit == whole.nit, (rest.x == whole.x).all()
    (True, np.True_)
    """

    KIND = "run"
    LAYOUT = LAYOUT
    META = ("method", "loop", "status", "rules", "given")
    ARRAYS = ("rows", "ints", "floats", "history", "work")
    LATER = ("used",)

    method: str
    loop: str
    status: int
    rules: dict[str, str]
    rows: np.ndarray
    ints: np.ndarray
    floats: np.ndarray
    history: np.ndarray
    work: np.ndarray
    given: dict[str, str] = dataclasses.field(default_factory=dict)
    source: str = dataclasses.field(default="state", init=False)  # what error messages call it
    from_checkpoint: bool = dataclasses.field(default=False, init=False)

    @property
    def x(self) -> np.ndarray:
        return self.rows[max(int(self.ints[INT.BEST]), 0)].copy()

    @property
    def fun(self) -> float:
        return float(self.floats[FLOAT.FUN_BEST]) if self.ints[INT.BEST] >= 0 else float("nan")

    @property
    def nit(self) -> int:
        return int(self.ints[INT.NIT])

    @property
    def nfev(self) -> int:
        return int(self.ints[INT.NFEV])

    def __repr__(self) -> str:
        n, dtype = self.rows.shape[1], self.rows.dtype
        return f"State(method={self.method!r}, n={n}, dtype={dtype}, nit={self.nit})"

    def ended_under(self, settings: Settings) -> bool:
        """Had the run ended, by the same rules as these?"""
        return self.status in ENDED and self.rules == rules_of(settings)

    @property
    def used(self) -> np.ndarray:
        """Which rows hold what a run that goes on needs, as uint8; the others can be zeros."""
        bits = self.rows.view(f"u{self.rows.itemsize}")  # -0.0 is something
        used: Any = bits.any(axis=1)
        points = np.zeros(layout.N_POINTS + 1, bool)  # and one for -1, which is none
        points[[int(self.ints[getattr(INT, name)]) for name in _POINTS]] = True
        used[: 2 * layout.N_POINTS] &= np.tile(points[:-1], 2)
        memory, count, head = (int(self.ints[i]) for i in (INT.MEMORY, INT.COUNT, INT.HEAD))
        if memory > 0:
            pairs = np.zeros(memory, bool)
            pairs[(head - np.arange(count + 1)) % memory] = True  # also the one under way
            used[layout.PAIRS : layout.PAIRS + 2 * memory] &= pairs.repeat(2)
        found: np.ndarray = used.astype(np.uint8)
        return found

    def _arrays(self) -> dict[str, np.ndarray]:
        return packed(super()._arrays())

    def __getstate__(self) -> dict[str, Any]:
        return packed({**self.__dict__, "used": self.used})

    def __setstate__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(unpacked(fields))

    @classmethod
    def _of(cls, file: Any, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> State:
        try:
            arrays = unpacked(arrays)
        except (IndexError, ValueError, MemoryError):
            raise ValueError(f"{os.fspath(file)!r} is damaged: its rows are not `used`.") from None
        return cls(
            method=_of_kind(file, meta, "method", str),
            loop=_of_kind(file, meta, "loop", str),
            status=_of_kind(file, meta, "status", int),
            rules=texts_in(file, meta, "rules"),
            given=texts_in(file, meta, "given", {}),
            **arrays,
        )

    def _check(self, file: Any) -> None:
        """What the loops trust: kinds, lengths, and rows that exist."""
        good = (
            self.rows.ndim == 2
            and self.rows.dtype in (np.float64, np.float32)
            and self.rows.size > 0
            and len(self.rows) >= layout.FIRST_SLOT
            and self.ints.shape == (len(layout.INTS),)
            and self.ints.dtype == np.int64
            and self.floats.ndim == 1
            and self.floats.size >= len(layout.FLOATS)
            and self.floats.dtype == np.float64
            and self.history.ndim == 2
            and self.history.shape[1:] == (3,)
            and self.history.dtype == np.float64
            and self.work.ndim == 1
            and self.work.dtype == self.rows.dtype
        )
        if not good:
            raise ValueError(f"{os.fspath(file)!r} is damaged: its arrays do not fit together.")
        memory = int(self.ints[INT.MEMORY])
        loop = LOOPS.get(self.loop)  # no run goes on from a state of another
        ranges = {
            **_RANGES,
            "MEMORY": (0, len(self.rows) // 2),
            "ROOM": (0, memory + 1),
            "COUNT": (0, memory + 1),
            "HEAD": (0, max(memory, loop.looks_back if loop else 1)),
            "METRIC_IN_USE": (0, len(self.rows)),
        }
        if loop and loop.follows_previous:
            ranges["PREVIOUS"] = _ROW
        elif loop and loop.extrapolates and self.floats[FLOAT.BETA] != 0.0:
            # The next point is x + BETA (x - previous), of a run that is under way.
            ranges |= {"PREVIOUS": _ROW, "PHASE": (layout.AT_START + 1, layout.SEARCHING + 1)}
        for name, (low, high) in ranges.items():
            value = int(self.ints[getattr(INT, name)])
            if not low <= value < high:
                raise ValueError(f"{os.fspath(file)!r} is damaged: {name} is {value}.")


def packed(fields: dict[str, Any]) -> dict[str, Any]:
    """The same with the rows that are in use alone."""
    return {**fields, "rows": fields["rows"][fields["used"].astype(bool)]}


def unpacked(fields: dict[str, Any]) -> dict[str, Any]:
    """The same with all rows; those of earlier versions are complete."""
    fields = dict(fields)
    used = fields.pop("used", None)
    if used is None:
        return fields
    found = fields["rows"]
    if used.ndim != 1 or used.size > MOST_ROWS or (used > 1).any() or found.ndim != 2:
        raise ValueError("used")
    rows = np.zeros((used.size, found.shape[1]), found.dtype)
    rows[used.astype(bool)] = found
    return {**fields, "rows": rows}


# Which point is what; the others are free.
_POINTS = ("CURRENT", "BEST", "RESULT", "TRIAL", "REAL", "BASE", "AHEAD", "PREVIOUS", "LOWEST")
# Indices and counts that a loop would follow without a check.
_ROW = (0, layout.N_POINTS)
_ROW_OR_NONE = (-1, layout.N_POINTS)
_COUNT = (0, 2**62)
_RANGES: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("CURRENT", "RESULT", "TRIAL", "REAL", "BASE", "AHEAD"), _ROW),
    **dict.fromkeys(("BEST", "PREVIOUS", "LOWEST"), _ROW_OR_NONE),
    **dict.fromkeys(("ITERATION", "NIT", "NFEV", "NJEV", "PAIRS_SEEN"), _COUNT),
    "PENDING": (0, 4),
}


def _of_kind(file: Any, meta: dict, name: str, kind: type) -> Any:
    value = meta.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{os.fspath(file)!r} is damaged: {name} is {value!r}.")
    return value
