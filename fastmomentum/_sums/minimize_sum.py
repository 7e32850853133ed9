"""`minimize_sum`: finite sums, of which each step sees a few terms."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .._check.arguments import check_fun, check_method, check_x0
from .._check.bounds import check_bounds
from .._check.keywords import hints_at_options
from .._check.sums import check_data, check_sampling, check_sum_options
from .._keep.checkpoint import check_state, resolved
from .._minimize.callback import check_callback
from .._problem.terms import make_terms
from .._report.result import OptimizeResult
from .compiled import steps_for
from .descent import Descent
from .kept import checkpoint_in
from .rows import Rows
from .state import SumState


@hints_at_options
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
    state: Any = None,
    checkpoint: Any = None,
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
        gradient of the whole mean, at the end and, with 'svrg', at each snapshot (a run that is
        given ``gtol`` and does not meet it ends with status 1); and ``maxtime``,
        ``on_interrupt``, ``checkpoint_every``, ``keep_state`` and ``backend``, as of `minimize`.
    state : SumState or path, optional
        ``result.state`` of an earlier call, or the file of one: the run goes on as if there had
        been no break, to the last bit, from the step that it had come to. x0 is used for its length
        and type only, and `seed` may be left out; `fun` is called once, with the rows of the first
        batch, to see that it is the same. `epochs` and the counts of the result are those of the
        whole run, ``maxtime`` is that of this call. `epochs` may be raised, but for a run with
        `average`, whose last part would be another; options may differ.
    checkpoint : path, optional
        A file to keep the run in, written every ``options["checkpoint_every"]`` seconds and at the
        end. Where it exists the run goes on from it, so that the same call, after its process was
        killed, ends with the result that it would have had. The file of another x0 or other data
        is an error.

    Returns
    -------
    OptimizeResult
        With x; fun and jac, of the mean over all rows at x; nit, the steps; nfev, the means that
        were evaluated, over batches or all rows; n_passes, all rows seen divided by N; epochs;
        success, whether the test of the gradient is met (status 0) or, where no ``gtol`` is given,
        all epochs were run (status 9); status, message, grad_norm, time, backend;
        ``history["fun"]``, for each epoch the mean of the values that its steps saw; and, of a run
        that did not converge, or as ``options["keep_state"]`` says, state. Where a value is not
        finite, x is that at the start of the epoch.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid.

    Notes
    -----
    With a Numba function and data in memory the steps run in compiled code, many in one call,
    with the bits of those in Python. Ctrl-C, ``maxtime`` and the checkpoint are looked at every 50
    ms, `callback` is called between epochs.

    Ctrl-C raises KeyboardInterrupt, with the last iterate in its attribute ``result`` (``fun`` and
    ``jac`` are nan there, unless they are known), or with ``on_interrupt="return"`` returns that
    after a pass over all rows. So does an exception of `fun` or `callback`, with x at the start of
    the epoch. ``result.state`` goes on from either.

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
    state, checkpoint = resolved(state), resolved(checkpoint)
    chosen = check_method(method)
    x = check_x0(x0)
    check_fun(fun)
    terms = None
    if bounds is not None:
        terms = make_terms(check_bounds(bounds, x.size), None, x.size, x.dtype)
    settings = check_sum_options(chosen, options, x)
    checked_callback = check_callback(callback)
    if terms is not None:
        x = terms.start(x)
    sharded = hasattr(fun, "sizes")
    if sharded and data is not None:
        raise ValueError("data must be left out with a ShardedSum, which has its own.")
    if sharded and settings.backend == "numba":
        raise ValueError("backend='numba' is not for a ShardedSum: leave it out.")
    default = "shards" if sharded and not fun.keep else "rows"
    sampling = check_sampling(
        batch_size,
        epochs,
        seed,
        default if shuffle is None else shuffle,
        average,
        variance_reduction,
        snapshot_every,
    )
    earlier = check_state(state, checkpoint, SumState)
    source = fun
    if not sharded:
        source = Rows(fun, check_data(data), x, sampling.batch_size, settings.backend)
    to_gtol = (options or {}).get("gtol") is not None
    steps = steps_for(source, settings, x, sampling, terms)
    kept = checkpoint_in(checkpoint, source, settings, sampling, x)
    descent = Descent(source, steps, sampling, begin, to_gtol, kept)
    if earlier is not None:
        descent.restore(earlier)
    return descent.run(checked_callback)
