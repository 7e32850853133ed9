"""The state of a run of `minimize_sum`."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np

from .._keep.checkpoint import Kept, texts_in
from .._keep.state import LAYOUT, State, packed
from .._language import layout
from .._language.layout import INT
from .._loops.table import loop_of
from .._methods import METHODS
from .steps import Anchor, Epoch, Tally

# Of NumPy's random numbers; one of somebody else cannot be made again from a file.
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
# Parts of their states that they would follow without a check, and where these end.
_POSITIONS = {"pos": 624, "buffer_pos": 4, "has_uint32": 1}


@dataclasses.dataclass(eq=False, repr=False)
class SumState(Kept):
    """All that a run knows: ``minimize_sum(..., state=result.state)`` goes on from it.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The iterate.
    nit, epoch : int
        Steps taken, and epochs that were completed.
    status : int
        How the run that left it had ended, see `Status`; -1: it was under way.
    steps : State
        What the method knows.
    generator : dict
        State of the random numbers at the beginning of the epoch.
    origin : dict
        That at the beginning of the run.
    seeded : bool
        Whether the user gave a seed.
    sampling : dict
        How the run goes through the rows, as text.
    rows, ints, floats, work : ndarray
        The arrays of `steps`.
    start : ndarray, shape (n,)
        The point of the first step.
    begin : ndarray, shape (n,)
        The iterate at the beginning of the epoch.
    mean : ndarray
        The mean of the iterates so far, if there is one.
    snapshot, correction : ndarray
        Of 'svrg', and the whole gradient there.
    values : ndarray
        For each epoch the mean of the values that its steps saw.
    numbers : ndarray, shape (3,)
        The sum of values in this epoch, the value of the first batch, and that of the snapshot.
    counts : ndarray of int, shape (4,)
        `epoch`, rows seen in this one, iterates in the mean, epoch of the snapshot (-1: none).
    sizes : ndarray of int
        Rows of each shard.
    given : dict
        Fingerprints of x0 and data, of a run with a checkpoint.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum import minimize_sum
    >>> rows = np.random.default_rng(0).standard_normal((100, 2))
    >>> def fun(x, rows):
    ...     r = x - rows
    ...     return 0.5 * (r * r).sum(), r.sum(axis=0)
    >>> given = {"seed": 1, "options": {"learning_rate": 0.01}}
    >>> part = minimize_sum(fun, np.ones(2), rows, epochs=2, **given)
    >>> rest = minimize_sum(fun, np.ones(2), rows, epochs=5, **given, state=part.state)
    >>> whole = minimize_sum(fun, np.ones(2), rows, epochs=5, **given)
    >>> rest.nit == whole.nit, (rest.x == whole.x).all()
    (True, np.True_)
    """

    KIND = "sum"
    LAYOUT = f"{LAYOUT}-1"
    META = (*State.META, "generator", "origin", "seeded", "sampling")
    ARRAYS = (
        "rows", "ints", "floats", "work", "start", "begin", "mean", "snapshot", "correction",
        "values", "numbers", "counts", "sizes",
    )  # fmt: skip
    LATER = ("used",)

    steps: State
    generator: dict[str, Any]
    origin: dict[str, Any]
    seeded: bool
    sampling: dict[str, str]
    start: np.ndarray
    begin: np.ndarray
    mean: np.ndarray
    snapshot: np.ndarray
    correction: np.ndarray
    values: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray
    sizes: np.ndarray
    given: dict[str, str] = dataclasses.field(default_factory=dict)
    from_checkpoint: bool = dataclasses.field(default=False, init=False)

    def __getattr__(self, name: str) -> Any:
        if name in ("method", "loop", "status", "rules", "rows", "used", "ints", "floats", "work"):
            return getattr(self.steps, name)
        raise AttributeError(name)

    @property
    def source(self) -> str:
        """What error messages call it."""
        return self.steps.source

    @source.setter
    def source(self, name: str) -> None:
        self.steps.source = name

    @property
    def x(self) -> np.ndarray:
        return self.rows[self._iterate()].copy()

    @property
    def nit(self) -> int:
        return int(self.ints[INT.ITERATION])

    @property
    def epoch(self) -> int:
        return int(self.counts[0])

    def __repr__(self) -> str:
        n, dtype = self.rows.shape[1], self.rows.dtype
        return (
            f"SumState(method={self.method!r}, n={n}, dtype={dtype}, nit={self.nit}, "
            f"epoch={self.epoch})"
        )

    def _iterate(self) -> int:
        """The row of the iterate."""
        method = METHODS[self.method]
        if method.iterate == "x":
            return int(self.ints[INT.CURRENT])
        return layout.FIRST_SLOT + method.slots.index(method.iterate)

    @classmethod
    def _of(cls, file: Any, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> SumState:
        names = ("rows", "used", "ints", "floats", "work")
        parts = {name: arrays.pop(name) for name in names if name in arrays}
        steps = State._of(file, meta, {**parts, "history": np.empty((0, 3))})
        try:
            sampling = {str(k): str(v) for k, v in meta["sampling"].items()}
            generator, origin = dict(meta["generator"]), dict(meta["origin"])
            seeded = bool(meta["seeded"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{os.fspath(file)!r} is damaged: {error!r}.") from None
        return cls(
            steps,
            generator,
            origin,
            seeded,
            sampling,
            **arrays,
            given=texts_in(file, meta, "given", {}),
        )

    def _arrays(self) -> dict[str, np.ndarray]:
        return packed(super()._arrays())

    def _check(self, file: Any) -> None:
        self.steps._check(file)
        n, dtype = self.rows.shape[1], self.rows.dtype
        vectors = {"start": dtype, "begin": dtype, "snapshot": dtype, "correction": dtype}
        good = (
            self.method in METHODS
            and self.loop == loop_of(METHODS[self.method], automatic=False).name
            and self._iterate() < len(self.rows)
            and all(getattr(self, k).dtype == v for k, v in vectors.items())
            and self.mean.dtype == self.values.dtype == self.numbers.dtype == np.float64
            and self.counts.dtype == self.sizes.dtype == np.int64
            and self.start.shape == self.begin.shape == (n,)
            and self.snapshot.shape == self.correction.shape
            and self.snapshot.shape in ((0,), (n,))
            and self.mean.shape in ((0,), (n,))
            and self.values.ndim == self.sizes.ndim == 1
            and (self.numbers.shape, self.counts.shape) == ((3,), (4,))
            and (self.counts[:3] >= 0).all()
            and self.counts[0] == len(self.values)
            and (self.counts[2] > 0) == (self.mean.size > 0)
            and (self.counts[3] >= 0) == (self.snapshot.size > 0)
            and -1 <= self.counts[3] <= self.counts[0]
        )
        if not good:
            raise ValueError(f"{os.fspath(file)!r} is damaged: its arrays do not fit together.")
        try:
            generator_of(self.generator)
            generator_of(self.origin)
        except Exception as error:  # NumPy's own ways to refuse a state
            raise ValueError(f"{os.fspath(file)!r} is damaged: {error!r}.") from None

    def tally(self) -> Tally:
        """What is known of the steps."""
        begin = Epoch(self.epoch, self.begin.copy(), generator_of(self.generator).state)
        _, rows, averaged, _ = self.counts.tolist()
        mean = self.mean.copy() if averaged else None
        return Tally(self.nit, begin, rows, float(self.numbers[0]), averaged, mean)

    def anchor(self) -> Anchor | None:
        """The snapshot of 'svrg'."""
        taken = int(self.counts[3])
        if taken < 0:
            return None
        return Anchor(taken, self.snapshot.copy(), float(self.numbers[2]), self.correction.copy())


def plain(state: Any) -> Any:
    """The state of random numbers as JSON can hold it."""
    if isinstance(state, dict):
        return {name: plain(value) for name, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray | np.generic) else state


def generator_of(state: dict[str, Any]) -> Any:
    """A bit generator in this state, as `plain` made it."""
    name = state["bit_generator"]
    if name not in GENERATORS:
        raise ValueError(f"bit_generator is {name!r}")
    for part in (state, state["state"]):
        for key, last in _POSITIONS.items():
            if key in part and not 0 <= part[key] <= last:
                raise ValueError(f"{key} is {part[key]!r}")
    made = getattr(np.random, name)()
    made.state = state
    return made


def can_be_kept(rng: np.random.Generator) -> bool:
    """Can the state of these random numbers be written to a file?"""
    return type(rng.bit_generator).__name__ in GENERATORS
