"""`minimize_sum`: finite sums, of which each step sees a few terms."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._callback import wrap_callback
from ._kernels import layout
from ._kernels.layout import FLOAT, INT
from ._objective import Objective, Told
from ._result import OptimizeResult, Status, attach, make_result
from ._run import Run
from ._status import message_of, without_state
from ._terms import make_terms
from ._validation.arguments import check_fun, check_method, check_x0
from ._validation.bounds import check_bounds
from ._validation.options import Settings
from ._validation.sums import Sampling, check_data, check_sampling, check_sum_options
from .schedules import Constant

# Steps for which the numbers of a schedule are made at once.
SCHEDULE_STEPS = 4096
# Where they are not those of `minimize`.
WORDS = {
    Status.MAXITER: "All epochs were run, and the gradient of the whole is above `gtol`. Raise "
    "`epochs`, or let the learning rate fall.",
    Status.NONFINITE: "NaN or infinity was met in the function or its gradient. x is that at the "
    "start of the epoch; try a smaller `learning_rate` or another x0.",
    Status.MAXTIME: "Time limit `maxtime` reached.",
    Status.INTERRUPTED: "Interrupted.",
}


def minimize_sum(
    fun: Any,
    x0: Any,
    data: Any = None,
    method: str = "adam",
    *,
    batch_size: int = 32,
    epochs: int = 10,
    seed: Any = None,
    shuffle: str | None = None,
    average: float = 0.0,
    variance_reduction: str | None = None,
    snapshot_every: int = 2,
    bounds: Any = None,
    callback: Callable | None = None,
    options: dict[str, Any] | None = None,
) -> OptimizeResult:
    r"""Minimize the mean of a function over rows of data, by steps that see a batch of rows each.

    The mean is ``1/N sum_i f(x; row i)``. Each step takes the gradient of the mean over the next
    `batch_size` rows; an epoch goes through all of them once, in a new random order.

    Parameters
    ----------
    fun : callable or ShardedSum
        ``fun(x, out, *rows) -> f``, which writes the gradient into `out`, or
        ``fun(x, *rows) -> (f, gradient)``: the sum, not the mean, over the rows that it is given.
        A `fastmomentum.distributed.ShardedSum` stands for function and data.
    x0 : array_like, shape (n,)
        Initial guess.
    data : array or tuple of arrays
        What `fun` is given rows of: arrays with N rows each. Not with a `ShardedSum`.
    method : str, default 'adam'
        'gd', 'momentum', 'nesterov', 'adam' or another method of `minimize`, with a given rate.
    batch_size : int, default 32
        Rows per step. The last batch of an epoch takes what is left.
    epochs : int, default 10
        How often to go through the data.
    seed : int or numpy.random.Generator, optional
        Of the order of the rows. The same seed gives the same result.
    shuffle : {'rows', 'shards', 'none'}, optional
        'rows' (default): batches of rows from anywhere. 'shards': the shards in random order, and
        rows at random within each; the default for a `ShardedSum` that does not hold its shards,
        of which each is then loaded for its own steps only. 'none': rows in their order.
    average : float, default 0
        Return the mean of the iterates of this last part of the steps (Polyak and Ruppert); 0.5:
        of the second half. 0: the last iterate.
    variance_reduction : {'svrg'}, optional
        Correct each gradient by that at a snapshot of x, for which the whole gradient is known
        [1]_: with a constant rate the steps then converge to the minimum rather than around it.
        Each step costs two gradients of the batch.
    snapshot_every : int, default 2
        Epochs from one snapshot to the next, with 'svrg'.
    bounds : optional
        As for `minimize`.
    callback : callable, optional
        Called after each epoch, as that of `minimize`, with x, fun (the mean of the values that
        the epoch's steps saw), nit, epoch and time; ``StopIteration`` ends the run.
    options : dict, optional
        ``learning_rate``, a number or a schedule of the step 0, 1, ..., which must be given; the
        method's other parameters, see `show_options`; ``gtol`` and ``norm``, a test of the
        gradient of the whole mean, at the end and, with 'svrg', at each snapshot; ``maxtime``.

    Returns
    -------
    OptimizeResult
        With x; fun and jac, of the mean over all rows at x; nit, the steps; nfev, the means that
        were evaluated, over batches or all rows; n_passes, all rows seen divided by N; epochs;
        success, whether the test of the gradient is met; status, message, grad_norm, time; and
        ``history["fun"]``, for each epoch the mean of the values that its steps saw. Where a value
        is not finite, x is that at the start of the epoch.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid.

    Notes
    -----
    The snapshots of 'svrg' are the last iterates (option I of [1]_), and its batches go through
    all rows in turn instead of being drawn with replacement.

    With a `ShardedSum` on a cluster each step is a round trip of some milliseconds: batches should
    be large. ``deterministic=True`` there gives the same result for any number of workers.

    References
    ----------
    .. [1] R. Johnson, T. Zhang, "Accelerating stochastic gradient descent using predictive
       variance reduction", NIPS 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum import minimize_sum
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((1000, 3))
    >>> b = A @ [1.0, -2.0, 3.0] + 0.1 * rng.standard_normal(1000)
    >>> def squares(x, out, A, b):
    ...     r = A @ x - b
    ...     out[:] = A.T @ r
    ...     return 0.5 * (r @ r)
    >>> options = {"learning_rate": 0.05}
    >>> res = minimize_sum(squares, np.zeros(3), (A, b), "momentum", seed=0, options=options)
    >>> res.x.round(1)
    array([ 1., -2.,  3.])
    """
    begin = time.perf_counter()
    chosen = check_method(method)
    x = check_x0(x0)
    check_fun(fun)
    terms = None
    if bounds is not None:
        terms = make_terms(check_bounds(bounds, x.size), None, x.size, x.dtype)
    settings = check_sum_options(chosen, options, x)
    wrapped, takes_result = wrap_callback(callback)
    if terms is not None:
        x = terms.start(x)
    source: Any = fun
    if hasattr(fun, "sizes"):
        if data is not None:
            raise ValueError("data must be left out with a ShardedSum, which has its own.")
        default = "rows" if fun.keep else "shards"
    else:
        source, default = Rows(fun, check_data(data), x), "rows"
    sampling = check_sampling(
        batch_size,
        epochs,
        seed,
        default if shuffle is None else shuffle,
        average,
        variance_reduction,
        snapshot_every,
    )
    descent = Descent(source, x, settings, sampling, terms, begin)
    return descent.run(wrapped, takes_result)


class Rows:
    """Data in memory, with the interface of `ShardedSum`: one shard."""

    def __init__(self, fun: Any, data: tuple[np.ndarray, ...], x: np.ndarray):
        self.data = data
        self.objective = Objective(fun, True, data, x, "python")

    def sizes(self) -> np.ndarray:
        return np.array([len(self.data[0])])

    def evaluate(
        self, points: np.ndarray, rows: dict[int, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        objective = self.objective
        objective.args = self.data if rows is None else tuple(a[rows[0]] for a in self.data)
        fun, grad = np.empty(len(points)), np.empty_like(points)
        for k, x in enumerate(points):
            fun[k] = objective.evaluate(x, grad[k])
        return fun, grad


class Steps:
    """The update rule of a method, one gradient after the other."""

    def __init__(self, settings: Settings, x: np.ndarray, total: int, terms: Any):
        told: Any = Told()
        self.run = run = Run(told, settings, x, terms)
        # Values and gradients of single batches say nothing about the end.
        run.floats[FLOAT.GTOL] = -1.0
        run.floats[FLOAT.DIVERGED_FACTOR] = math.inf
        self.total = total
        self.filled = 0
        self._advance()

    @property
    def point(self) -> np.ndarray:
        """Where the next gradient is to be taken."""
        return self.run.row(self.run.ints.item(INT.CURRENT))

    def step(self, f: float, g: np.ndarray) -> Status | None:
        """One step; how it failed, if it did."""
        run = self.run
        run.row(layout.N_POINTS + run.ints.item(INT.CURRENT))[:] = g
        run.deliver(f)
        return self._advance()

    def _advance(self) -> Status | None:
        run = self.run
        last = run.ints.item(INT.ITERATION) + 1
        while True:
            if last >= self.filled:
                self.filled = run.fill_schedules(max(min(last + SCHEDULE_STEPS, self.total), last))
            if run.needs_evaluation(last):
                return None
            if run.ints[INT.STATUS] != layout.RUNNING:
                return Status(run.ints.item(INT.STATUS))
            last += 1


class Descent:
    """One run of `minimize_sum`."""

    def __init__(
        self,
        source: Any,
        x: np.ndarray,
        settings: Settings,
        sampling: Sampling,
        terms: Any,
        begin: float,
    ):
        self.source, self.settings, self.sampling, self.begin = source, settings, sampling, begin
        self.sizes = source.sizes()
        self.count = int(self.sizes.sum())
        size = sampling.batch_size
        per_shard = sampling.shuffle == "shards"
        sums = self.sizes if per_shard else np.array([self.count])
        self.total = int((-(-sums // size)).sum()) * sampling.epochs
        if not callable(settings.learning_rate):
            # A schedule: a constant rate would end the run where a batch has no gradient.
            rate = Constant(settings.learning_rate)
            settings = dataclasses.replace(settings, learning_rate=rate)
        self.steps = Steps(settings, x, self.total, terms)
        self.rng = sampling.rng
        self.nit = self.nfev = self.evaluated = self.epoch = 0
        self.x = x.copy()  # the last iterate at the end of an epoch
        self.mean: np.ndarray | None = None
        self.averaged = 0
        self.values: list[float] = []
        self.snapshot: np.ndarray | None = None
        self.whole: tuple[float, np.ndarray] | None = None  # at `x`

    def run(self, callback: Callable | None, takes_result: bool) -> OptimizeResult:
        """All epochs; every way out gives what was found."""
        try:
            status = self._run(callback, takes_result)
        except BaseException as error:
            attach(error, self.result(Status.INTERRUPTED, final=False))
            raise
        return self.result(status)

    def _run(self, callback: Callable | None, takes_result: bool) -> Status:
        deadline = self.begin + self.settings.maxtime
        every = self.sampling.snapshot_every
        for epoch in range(self.sampling.epochs):
            if self.sampling.variance_reduction and epoch % every == 0 and self._look():
                return Status.CONVERGED
            seen = 0.0
            for rows in batches(self.sizes, self.sampling, self.rng):
                f, g = self._gradient(rows)
                seen += f * sum(map(len, rows.values()))
                failed = self.steps.step(f, g)
                if failed is not None:
                    return failed
                self.nit += 1
                self._average()
                if time.perf_counter() > deadline:
                    self.x, self.whole = self.steps.run.iterate(), None
                    return Status.MAXTIME
            self.x, self.whole = self.steps.run.iterate(), None
            self.epoch += 1
            self.values.append(seen / self.count)
            if callback is not None:
                try:
                    self._tell(callback, takes_result)
                except StopIteration:
                    return Status.CALLBACK
        return Status.MAXITER

    def _gradient(self, rows: dict[int, np.ndarray]) -> tuple[float, np.ndarray]:
        """Mean over a batch, corrected by that at the snapshot."""
        x, snapshot = self.steps.point, self.snapshot
        count = sum(map(len, rows.values()))
        points = x[None] if snapshot is None else np.stack([x, snapshot])
        fun, grad = self.source.evaluate(points, rows)
        self.nfev += len(points)
        self.evaluated += count * len(points)
        g = grad[0] / count
        if snapshot is not None:
            g = g - grad[1] / count + self.correction
        return float(fun[0]) / count, g

    def _look(self) -> bool:
        """Take a snapshot; is it the minimum?"""
        self.snapshot = self.x.copy()
        _, self.correction = self._all(self.snapshot)
        return self._norm(self.snapshot, self.correction) <= self.settings.gtol

    def _all(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean over all rows."""
        if self.whole is None:
            fun, grad = self.source.evaluate(x[None])
            self.nfev += 1
            self.evaluated += self.count
            self.whole = float(fun[0]) / self.count, grad[0] / self.count
        return self.whole

    def _norm(self, x: np.ndarray, g: np.ndarray) -> float:
        return self.steps.run.grad_norm(x, g)

    def _average(self) -> None:
        if self.nit <= (1.0 - self.sampling.average) * self.total:
            return
        x = self.steps.run.iterate()
        self.averaged += 1
        if self.mean is None:
            self.mean = x.astype(np.float64)
        else:
            self.mean += (x - self.mean) / self.averaged

    def _tell(self, callback: Callable, takes_result: bool) -> None:
        if not takes_result:
            callback(self.x.copy())
            return
        callback(
            intermediate_result=make_result(
                x=self.x.copy(),
                fun=self.values[-1],
                nit=self.nit,
                epoch=self.epoch,
                time=time.perf_counter() - self.begin,
            )
        )

    def result(self, status: Status, final: bool = True) -> OptimizeResult:
        """What was found; `final`: with a last look at all rows."""
        x = self.x
        if self.mean is not None and status == Status.MAXITER:
            x, self.whole = self.mean.astype(x.dtype), None
        f, g = math.nan, np.full_like(x, math.nan)
        if final or self.whole is not None:
            f, g = self._all(x)
        grad_norm = self._norm(x, g)
        if status == Status.MAXITER and grad_norm <= self.settings.gtol:
            status = Status.CONVERGED
        message = WORDS.get(status) or without_state(message_of(status, automatic=False))
        return make_result(
            message=message,
            success=status == Status.CONVERGED,
            status=int(status),
            fun=f,
            x=x.copy(),
            nit=self.nit,
            jac=g,
            nfev=self.nfev,
            njev=self.nfev,
            epochs=self.epoch,
            n_passes=self.evaluated / self.count,
            grad_norm=grad_norm,
            history={"fun": np.array(self.values)},
            time=time.perf_counter() - self.begin,
        )


def batches(
    sizes: np.ndarray, sampling: Sampling, rng: np.random.Generator
) -> Iterator[dict[int, np.ndarray]]:
    """One epoch: for each batch, the rows of each shard that has some of them."""
    size = sampling.batch_size
    if sampling.shuffle == "shards":
        for shard in map(int, rng.permutation(len(sizes))):
            order = rng.permutation(int(sizes[shard]))
            for begin in range(0, len(order), size):
                yield {shard: order[begin : begin + size]}
        return
    ends = np.cumsum(sizes)
    total = int(ends[-1])
    order = rng.permutation(total) if sampling.shuffle == "rows" else np.arange(total)
    for begin in range(0, total, size):
        rows = order[begin : begin + size]
        if len(sizes) == 1:
            yield {0: rows}
            continue
        shards = np.searchsorted(ends, rows, side="right")
        starts = ends - sizes
        yield {int(s): rows[shards == s] - starts[s] for s in np.unique(shards)}
