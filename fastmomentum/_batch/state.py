"""The state of a batch: which problems are solved, and what was found."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import Any

import numpy as np

from .._check.options import Settings
from .._keep.checkpoint import Kept, check_given, texts_in
from .._keep.state import rules_of
from .._language import layout
from .._report.status import Status

BLOCK = 4096  # rows looked at in one go
LAYOUT = f"{layout.N_NUMBERS}-{layout.N_COUNTS}"
# A problem that ended so is solved anew, from its start, where this limit is another now.
LIMITS = {Status.MAXITER: "maxiter", Status.MAXFEV: "maxfev"}

# Ended by what ended the call.
STOPPED = (Status.MAXTIME, Status.INTERRUPTED, Status.CALLBACK)

_CODES = (-1, layout.NOT_RUN, *Status)


@dataclasses.dataclass(eq=False, repr=False)
class BatchState(Kept):
    """What a batch has done: ``minimize_batch(..., state=result.state)`` solves the rest.

    A problem that was under way is solved anew, from its start, so that its result is the same.

    Attributes
    ----------
    method : str
    status : ndarray of int, shape (n_problems,)
        How each problem ended, see `Status`; -1: left out, -2: still to be solved.
    rows : ndarray of int, shape (n_solved,)
        The problems that ended.
    x, gradients : ndarray, shape (n_solved, n)
        What was found, of these problems.
    numbers : ndarray, shape (n_solved, 3)
        fun, grad_norm and learning_rate.
    counts : ndarray of int, shape (n_solved, 6)
        status, nit, nfev, njev, n_restarts and line_search_failures.
    rules, limits : dict
        The options that decide how the runs go and when they end.
    starts : str
        A hash of X0.
    given : dict
        Fingerprints of args, bounds and penalty.
    """

    KIND = "batch"
    LAYOUT = LAYOUT
    META = ("method", "rules", "limits", "starts", "given")
    ARRAYS = ("x", "gradients", "numbers", "counts")
    LATER = ("status", "rows")

    method: str
    rules: dict[str, str]
    limits: dict[str, int]
    starts: str
    x: np.ndarray
    gradients: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray
    status: np.ndarray
    rows: np.ndarray
    given: dict[str, str]
    source: str = dataclasses.field(default="state", init=False)  # what error messages call it
    from_checkpoint: bool = dataclasses.field(default=False, init=False)

    def __repr__(self) -> str:
        done, count = int((self.status != layout.NOT_RUN).sum()), len(self.status)
        return f"BatchState(method={self.method!r}, {done:,} of {count:,} problems done)"

    @classmethod
    def _of(cls, file: Any, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> BatchState:
        if not arrays.keys() & set(cls.LATER):
            arrays = _compact(arrays)
        try:
            return cls(
                method=str(meta["method"]),
                rules=texts_in(file, meta, "rules"),
                limits={str(k): int(v) for k, v in meta["limits"].items()},
                starts=str(meta["starts"]),
                given=texts_in(file, meta, "given", {}),
                **arrays,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"{os.fspath(file)!r} is damaged: {error!r}.") from None

    def _check(self, file: Any) -> None:
        count = len(self.rows) if self.rows.ndim == 1 else -1
        good = (
            self.x.ndim == 2
            and len(self.x) == count
            and self.rows.dtype == np.int64
            and self.status.ndim == 1
            and self.status.size > 0
            and self.status.dtype == np.int8
            and self.x.dtype in (np.float64, np.float32)
            and (self.gradients.shape, self.gradients.dtype) == (self.x.shape, self.x.dtype)
            and self.numbers.shape == (count, layout.N_NUMBERS)
            and self.numbers.dtype == np.float64
            and self.counts.shape == (count, layout.N_COUNTS)
            and self.counts.dtype == np.int64
            and np.isin(self.status, _CODES).all()
            and np.array_equal(self.rows, np.flatnonzero(self.status >= 0))
            and np.array_equal(self.counts[:, 0], self.status[self.rows])
            and (self.counts[:, 1:] >= 0).all()
        )
        if not good:
            raise ValueError(f"{os.fspath(file)!r} is damaged: its arrays do not fit together.")

    def to_do(self, settings: Settings) -> np.ndarray:
        """Which problems are not solved yet, or ended by a limit that is another now."""
        status = self.status
        left = (status < 0) | np.isin(status, STOPPED)
        for ended, name in LIMITS.items():
            if self.limits.get(name) != getattr(settings, name):
                left |= status == ended
        return left

    def check(self, settings: Settings, starts: np.ndarray, given: dict[str, str]) -> None:
        """Is it of a batch with these settings, starts and what else was given?"""
        rules = {"method": settings.method.name, **rules_of(settings)}
        for name, value in rules.items():
            theirs = self.method if name == "method" else self.rules.get(name)
            if theirs != value:
                raise ValueError(
                    f"{self.source} must be of a batch with {name}={value}, got one with {theirs}."
                )
        shape = (len(self.status), self.x.shape[1])
        if (shape, self.x.dtype) != (starts.shape, starts.dtype):
            raise ValueError(
                f"{self.source} must be of a batch whose X0 has the shape {starts.shape} and dtype "
                f"{starts.dtype}, got {shape} and {self.x.dtype}."
            )
        if self.starts != digest(starts):
            raise ValueError(
                f"{self.source} must be of a batch with the same X0: its values differ."
            )
        check_given(self, given)


def _compact(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of a file of an earlier version, which have all problems."""
    counts = arrays["counts"]
    lengths = {array.shape[:1] for array in arrays.values()}
    if counts.ndim != 2 or counts.shape[1] == 0 or len(lengths) > 1:
        return {**arrays, "status": counts, "rows": counts}  # to be refused
    codes = counts[:, 0]
    rows = np.flatnonzero(codes >= 0)
    status = np.where(np.isin(codes, _CODES), codes, 127).astype(np.int8)
    return {**{name: array[rows] for name, array in arrays.items()}, "status": status, "rows": rows}


def limits_of(settings: Settings) -> dict[str, int]:
    """The limits of single problems."""
    return {name: getattr(settings, name) for name in LIMITS.values()}


def digest(starts: np.ndarray) -> str:
    """A hash of the starts."""
    made = hashlib.blake2b(digest_size=16)
    for begin in range(0, len(starts), BLOCK):
        made.update(np.ascontiguousarray(starts[begin : begin + BLOCK]).data)
    return made.hexdigest()
