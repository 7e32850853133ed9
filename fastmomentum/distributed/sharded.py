"""`ShardedSum`: an objective that is a sum over shards of data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from .._check.arguments import check_fun
from .._check.cluster import check_client, check_points, check_shards, check_timeout
from .protocol import Call, Engine, Here, Reply, Shards, total

# A call that meets so many losses in a row is given up.
ATTEMPTS = 8


class ShardedSum:
    r"""The sum over shards of a function of their data, as an objective for `minimize`.

    ``f(x) = sum_i fun_and_grad(x, out_i, *load(i))``, and likewise the gradient. Without a client
    the shards are gone through one after the other, so that they may be larger than memory; with
    one, each worker of the cluster holds some of them, and only x, f and the gradient travel.

    Parameters
    ----------
    fun_and_grad : callable
        ``fun_and_grad(x, out, *arrays) -> f``, which writes the gradient into `out`, or
        ``fun_and_grad(x, *arrays) -> (f, gradient)``: a Numba or a Python function.
    load : callable
        ``load(i)``, for i = 0, ..., n_shards - 1, returns the arrays of shard i: a tuple, or one
        array. With a client it is called on the workers: it should read files that they reach.
    n_shards : int, optional
        Number of shards; by default ``len(load)``, as of `Blocks`.
    client : distributed.Client, optional
        Of a cluster whose workers hold the shards. None: this process alone.
    deterministic : bool, default False
        Workers send a gradient per shard, which are summed in the order of the shards: the same
        result to the last bit for any number of workers, whatever happens to them, and without a
        client. More travels: shards per worker times as much.
    keep : bool, optional
        Hold the arrays of the shards, rather than load them for each evaluation. By default True
        with a client and False without.
    timeout : float, default 60
        Seconds after which a worker counts as lost that has neither answered nor loaded a shard.

    Attributes
    ----------
    nfev : int
        Evaluations so far: points at which the sum was taken.
    n_recoveries : int
        How often shards of lost workers were placed anew.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or if `load` or `fun_and_grad` return what they must not.

    Notes
    -----
    Sums of shards are in float64, also where x is float32. Read-only arrays, such as of a memory
    map opened with ``mode="r"``, are another type for Numba: it compiles once for them and once for
    arrays in memory.

    With a client, use one process per core, each with one thread, unless `fun_and_grad` is itself
    parallel, or calls what is: then a worker uses the cores of its host, divided by the workers
    there. Where the driver reaches the workers, ``Client(..., direct_to_workers=True)`` halves the
    time of a large message, which else goes by way of the scheduler. A worker that dies, is stopped
    or is restarted costs the time to load its shards elsewhere; they move back when there are more
    workers again. What the driver knows is kept by ``minimize(checkpoint=...)``.

    An exception of `load` or `fun_and_grad` propagates, with the number of the shard in its notes.

    Examples
    --------
    Least squares with a matrix that is read in pieces:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import minimize
    >>> from fastmomentum.distributed import ShardedSum
    >>> file = os.path.join(tempfile.mkdtemp(), "data.npy")
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((600, 4))
    >>> np.save(file, np.column_stack([A, A @ [1.0, 2.0, 3.0, 4.0]]))
    >>> def load(i):
    ...     part = np.load(file, mmap_mode="r")[100 * i : 100 * (i + 1)]
    ...     return part[:, :4], part[:, 4]
    >>> def squares(x, out, A, b):
    ...     r = A @ x - b
    ...     out[:] = A.T @ r
    ...     return 0.5 * (r @ r)
    >>> res = minimize(ShardedSum(squares, load, 6), np.zeros(4), jac=True)
    >>> res.success, res.x.round(4)
    (True, array([1., 2., 3., 4.]))
    """

    def __init__(
        self,
        fun_and_grad: Callable,
        load: Callable[[int], Any],
        n_shards: int | None = None,
        *,
        client: Any = None,
        deterministic: bool = False,
        keep: bool | None = None,
        timeout: float = 60.0,
    ):
        check_fun(fun_and_grad)
        self.n_shards = check_shards(load, n_shards)
        check_client(client)
        self.deterministic = bool(deterministic) or client is None
        self.timeout = check_timeout(timeout)
        self.nfev = 0
        self.n_recoveries = 0
        self.keep = client is not None if keep is None else bool(keep)
        self._sizes: np.ndarray | None = None
        self._empty = Shards(fun_and_grad, load, self.keep)
        self._all = tuple(range(self.n_shards))
        self._engine: Engine = Here()
        if client is not None:
            from .dask import DaskCluster

            self._engine = DaskCluster(client, self.timeout)
        self._engine.place(self._empty, self._all)

    def __repr__(self) -> str:
        return f"ShardedSum({self.n_shards} shards, {len(self._engine.live())} processes)"

    def __call__(self, x: Any) -> tuple[float, np.ndarray]:
        """Value and gradient at `x`."""
        fun, grad = self.evaluate(np.asarray(x)[None])
        return float(fun[0]), grad[0]

    def evaluate(
        self, points: Any, rows: dict[int, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values and gradients at several points, in one pass over the shards.

        Parameters
        ----------
        points : array_like, shape (n_points, n)
        rows : dict, optional
            Shards, and the numbers of the rows in each, that the sum is over; all by default.

        Returns
        -------
        fun : ndarray, shape (n_points,)
        grad : ndarray, shape (n_points, n)
        """
        points = check_points(points)
        ids = self._all if rows is None else tuple(sorted(rows))
        replies = self._gather(Call(points, ids, self.deterministic, rows))
        self.nfev += len(points)
        fun, grad = total(replies, points.shape)
        return fun, grad.astype(points.dtype, copy=False)

    def sizes(self) -> np.ndarray:
        """Rows of each shard; the first call loads those that are not held.

        Returns
        -------
        ndarray of int, shape (n_shards,)
        """
        if self._sizes is None:
            replies = self._gather(Call(np.zeros((0, 1)), self._all, True))
            self._sizes = np.zeros(self.n_shards, np.int64)
            for reply in replies:
                self._sizes[list(reply.ids)] = reply.sizes
        return self._sizes

    def close(self) -> None:
        """Let go of the shards; the cluster stays."""
        self._engine.close()

    def __enter__(self) -> ShardedSum:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _gather(self, call: Call) -> list[Reply]:
        """The answers of all processes, from others where some got lost."""
        replies, missing = self._engine.broadcast_call(call)
        for _ in range(ATTEMPTS):
            if not missing:
                return replies
            self.n_recoveries += 1
            self._engine.place(self._empty, missing)
            again = dataclasses.replace(call, ids=tuple(missing))
            more, missing = self._engine.broadcast_call(again)
            replies += more
        raise RuntimeError(
            f"{len(missing)} of {self.n_shards} shards got lost {ATTEMPTS} times in a row, each "
            f"time with their worker. Shards too large for its memory, or a timeout "
            f"({self.timeout:g} s) too short for one evaluation, do that."
        )
