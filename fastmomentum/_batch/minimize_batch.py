"""`minimize_batch`: many independent problems of the same kind, each stopping on its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._arrays import on_device, real_of
from .._check.arguments import check_args, check_fun, check_jac, default_method, named_method
from .._check.batches import (
    check_batch_options,
    check_batched,
    check_device_batch,
    check_place,
    check_skip,
    check_workers,
    check_X0,
    same_problems_hint,
)
from .._check.bounds import check_bounds, check_row_bounds
from .._check.cluster import check_client, is_client
from .._check.keywords import hints_at_options
from .._check.options import check_options, difference_settings
from .._check.values import refuse
from .._keep.checkpoint import Saver, check_state, resolved
from .._minimize.callback import check_callback
from .._problem.terms import check_penalty
from .._report.display import show_ending_of_batch
from .._report.result import OptimizeResult
from .batch import Batch, Executor
from .bounds import RowBounds
from .clock import Clock
from .problems import Constraints, Family, Problems
from .state import BatchState
from .table import Table
from .threads import Threads


@hints_at_options
def minimize_batch(
    fun: Any,
    X0: Any,
    args: Any = (),
    batched: Any = False,
    method: str | None = None,
    jac: Any = None,
    bounds: Any = None,
    tol: float | None = None,
    callback: Callable | None = None,
    options: dict[str, Any] | None = None,
    *,
    penalty: Any = None,
    skip: Any = None,
    workers: Any = None,
    state: Any = None,
    checkpoint: Any = None,
    device: str | None = None,
) -> OptimizeResult:
    r"""Minimize many independent functions of the same form in one call.

    Problem i is ``minimize(fun, X0[i], args_i, ...)``, where ``args_i`` takes row i of the batched
    arguments and the others as they are; its result is the same to the last bit, whatever the
    number of threads (but for `grad_norm` where `norm` is not inf, and for the calls that a single
    run makes to check ``jac="cs"``). When `fun` (and `jac`) are Numba functions, the loop over the
    problems is compiled, too, and runs in threads without Python's lock.

    Parameters
    ----------
    fun : callable
        As for `minimize`.
    X0 : array_like, shape (n_problems, n) or (n,)
        Where each problem starts; (n,): the same for all. A contiguous float64 or float32 array,
        which may be memory-mapped, is not copied. Rows with NaN or inf fail with status 3. Or an
        array on a CUDA device, see `device`.
    args : tuple, optional
        Extra arguments of `fun` and `jac`.
    batched : bool or sequence of bool, default False
        Which of `args` differ from problem to problem: these are arrays with a leading axis of
        length n_problems. Of a one-dimensional array each problem gets a number.
    method, jac : optional
        As for `minimize`, the same for all problems.
    bounds : sequence, `Bounds`, optional
        As for `minimize`, or an object whose ``lb`` or ``ub`` has the shape (n_problems, n).
    tol : float, optional
        As for `minimize`.
    callback : callable, optional
        Called now and then as ``callback(intermediate_result)`` with the counts ``n_done``,
        ``n_problems`` and ``n_converged`` and with ``time``; ``StopIteration`` ends the call.
    options : dict, optional
        As for `minimize`, without `history` and `return_all`. ``maxtime`` limits the whole call.
    penalty : Penalty, optional
        As for `minimize`, the same for all problems.
    skip : array_like of bool, shape (n_problems,), optional
        Problems to leave out: their status is -1, their x that of X0, their fun nan.
    workers : int or distributed.Client, optional
        Threads. By default the processors that this process may use, by its affinity and the quota
        of its container, and at most what limits Numba: ``numba.set_num_threads`` and
        NUMBA_NUM_THREADS, or else OMP_NUM_THREADS, and threadpoolctl's limit for OpenMP; joblib and
        Dask set these in their workers. Problems whose functions are not compiled, or start threads
        of Numba's, or whose penalty is not separable, run one after the other.
        A client of a dask cluster: the problems are solved in chunks on its workers, one thread
        each, and those of workers that die again. X0 may then be a dask array, and batched `args`
        too: each block is a task, and the arrays of the result are dask arrays, whose
        blocks the workers hold; without `callback`, `skip`, `state` and `checkpoint`.
    state : BatchState or path, optional
        ``result.state`` of an earlier call with the same arguments, or the file of one: what it
        solved is taken over, and the other problems are solved, those that ended with `maxiter` or
        `maxfev` only if that is another now.
    checkpoint : path, optional
        A file to keep that in, written every ``options["checkpoint_every"]`` seconds and at the
        end; it grows with what is solved. Where it exists the call goes on from it. That of other
        arguments is an error.
    device : {"cpu", "cuda"}, optional
        Where: on a CUDA device each thread solves one problem after the other, from start to end.
        By default "cuda" if X0, one of `args` or a bound is an array on such a device, else "cpu".

    Returns
    -------
    OptimizeResult
        With one row or entry per problem: x and jac of shape (n_problems, n); fun, grad_norm,
        learning_rate, nit, nfev, njev, status, success, n_restarts and line_search_failures of
        shape (n_problems,). message says how many problems ended in which way and, in a line for
        each kind of failure, what to try; time is in seconds; workers the threads used; backend
        ``"numba"``, ``"python"`` or ``"cuda"``. Problems that were not reached have the status of
        the reason, 4, 5 or 99, and nfev 0. `state`, where a problem was not solved or as
        ``options["keep_state"]`` says, is what a later call goes on from.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid.

    Notes
    -----
    `fun` and `jac` must not write into arguments that are not batched, since threads share them.
    Where they are compiled with ``parallel=True``, or call what is, this call takes one thread,
    whatever `workers`, and they start their own: the workqueue layer of Numba ends a process where
    two threads start them.

    An exception in `fun` ends the call and carries the attributes ``result``, what was found so
    far, and ``row``, the problem; Ctrl-C carries ``result`` too, or returns it with
    ``options={"on_interrupt": "return"}``. Threads come from a pool of this call, not from Numba's
    threading layers, so that it may be called from threads and forked processes.

    On a cluster, chunks of some second of work go to the workers, which compile once each. A worker
    that dies is noticed at once; one that hangs only by dask, after its ``worker-ttl`` (5 minutes).

    ``device="cuda"`` needs the package numba-cuda. It takes the same methods, bounds, and separable
    penalties. `fun` and `jac`, compiled or not, must be what a CUDA kernel can be made of: loops
    over numbers and functions of `math`, a gradient written in place (or differences), and `args`
    of numbers and arrays; they may not rely on exceptions. Several threads share a problem of many
    terms if `fun` is made by `objectives.sum_of_terms`; one by `objectives.entrywise` is possible
    without rows. On the device x and the rows of batched arguments are strided. Multiply-adds are
    contracted there, so that results agree with those of the processor to rounding; `memory` is 10
    there where none is given. With a float32 X0 all arithmetic is float32: floats in `fun` are
    taken as such; products with integers are the user's to avoid, ``np.float32(i)``.

    Arrays of CuPy, PyTorch, Numba, JAX and others with ``__dlpack__`` that are on the device stay
    there; only what one problem needs goes to the host, where `fun` is called once to check it.
    With such an X0 all arrays of the result are of its library, on the device: numbers of X0's
    dtype, counts of int64; there is no `state`. Otherwise they are arrays of the host. Bounds of
    each problem must be of X0's dtype where they are on the device. Of a batch that the memory of
    the device does not hold some problems are solved at a time.

    Examples
    --------
    Exponential decays, one fit per row of data:

    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import minimize_batch
    >>> @njit
    ... def fun(x, out, t, y):
    ...     out[:] = 0.0
    ...     total = 0.0
    ...     for k in range(t.size):
    ...         e = np.exp(-x[1] * t[k])
    ...         r = x[0] * e - y[k]
    ...         total += r * r
    ...         out[0] += 2.0 * r * e
    ...         out[1] -= 2.0 * r * x[0] * e * t[k]
    ...     return total
    >>> t = np.linspace(0.0, 2.0, 20)
    >>> rates = np.array([0.5, 1.0, 2.0])
    >>> y = 3.0 * np.exp(-rates[:, None] * t)
    >>> res = minimize_batch(fun, [1.0, 1.0], args=(t, y), batched=(False, True), jac=True)
    >>> res.success.all(), res.x.round(3).tolist()
    (np.True_, [[3.0, 0.5], [3.0, 1.0], [3.0, 2.0]])
    """
    begin = time.perf_counter()
    state, checkpoint = resolved(state), resolved(checkpoint)
    named = named_method(method)
    check_fun(fun, jac)
    args = check_args(args)
    which = check_batched(batched, args)
    if is_client(workers) and hasattr(X0, "to_delayed"):
        given = {"callback": callback, "skip": skip, "state": state, "checkpoint": checkpoint}
        refuse(given, "is not for a dask array as X0")
        from .lazy import solve_lazily

        family = Family(fun, jac, args, which)
        return solve_lazily(workers, family, X0, named, bounds, tol, options, penalty)
    place = check_place(device, X0, args, bounds)
    starts, args, count, n = check_X0(X0, args, which)
    mask = check_skip(skip, count)
    checked_callback = check_callback(callback)
    penalty = check_penalty(penalty)
    per_row = check_row_bounds(bounds, count, n)
    shared = None if per_row is not None else check_bounds(bounds, n)
    chosen = named or default_method(penalty is None or penalty.separable)
    # Only length and dtype of the starts count for the options.
    like = np.broadcast_to(np.zeros(1, real_of(starts)), (n,))
    settings = difference_settings(check_options(chosen, tol, options, like), jac)
    check_batch_options(settings)
    client = check_client(workers) if is_client(workers) else None
    threads = check_workers(workers) if client is None else 0
    doubt = "" if per_row is not None else same_problems_hint(starts, args, which, count)
    if place == "cuda":
        check_device_batch(X0, workers, settings, state, checkpoint)
        args = _device().views_of(args)
    checked = check_jac(jac, settings.check_jac)
    constraints = Constraints(shared, _row_bounds(per_row, penalty, like), penalty)
    problems = Problems(Family(fun, checked, args, which), settings, like, constraints)
    clock = Clock(begin, settings.maxtime)
    table = _table(starts, count, mask)
    earlier = check_state(state, checkpoint, BatchState)
    if earlier is not None:
        table.restore(earlier, problems, clock.deadline)
    saver = None if checkpoint is None else Saver(checkpoint, settings.checkpoint_every)
    executor = _executor(place, client, threads, table)
    result = Batch(problems, table, clock, executor, checked_callback, saver, doubt).run()
    if settings.disp:
        show_ending_of_batch(result)
    return result


def _device() -> Any:
    """What is for devices alone."""
    from . import device

    return device


def _table(starts: Any, count: int, mask: np.ndarray | None) -> Any:
    """The table of what is found, where the starts lie."""
    if on_device(starts):
        return _device().DeviceTable(starts, count, mask)
    return Table(starts, mask)


def _row_bounds(pair: Any, penalty: Any, like: np.ndarray) -> Any:
    """Bounds of each problem, where they lie; None: there are none."""
    if pair is None:
        return None
    if any(map(on_device, pair)):
        return _device().DeviceRowBounds(pair, penalty, like.size, like.dtype)
    return RowBounds(pair, penalty, like.dtype)


def _executor(place: str, client: Any, threads: int, table: Any) -> Executor:
    """Who fills the table."""
    if place == "cuda":
        executor: Executor = _device().executor_of(table)
        return executor
    if client is not None:
        from .cluster import Cluster

        return Cluster(client)
    return Threads(threads)
