"""`minimize`: check, run, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .._arrays import on_device
from .._check.arguments import (
    check_args,
    check_fun,
    check_jac,
    check_method,
    check_terms,
    check_unsupported,
    check_x0,
    named_method,
)
from .._check.keywords import hints_at_options
from .._check.options import difference_settings
from .._check.values import NOT_ON_DEVICE, refuse
from .._keep.checkpoint import Saver, check_state, resolved
from .._keep.fingerprint import fingerprint
from .._keep.state import State
from .._problem.objective import NO_BOUNDS, Limits, Objective
from .._problem.terms import settings_and_terms
from .._report.display import show_ending
from .._report.result import OptimizeResult
from .callback import check_callback
from .chunks import run_to_end
from .run import Run


@hints_at_options
def minimize(
    fun: Any,
    x0: Any,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable | None = None,
    options: dict[str, Any] | None = None,
    *,
    penalty: Any = None,
    state: Any = None,
    checkpoint: Any = None,
) -> OptimizeResult:
    r"""Minimize a scalar function of one or more variables.

    Called as ``scipy.optimize.minimize``. When `fun` (and `jac`) are Numba functions, the whole
    loop runs in compiled code.

    Parameters
    ----------
    fun : callable
        The objective, ``fun(x, *args) -> float``, x being an ndarray of shape (n,). A Python
        function, an ``@njit`` function, a ``numba.cfunc`` or a ``scipy.LowLevelCallable`` (of the
        C signature ``double (int n, double *x, void *user_data)``).
    x0 : array_like, shape (n,)
        Initial guess; not modified. float32 stays float32 throughout, all else becomes float64. An
        array on a CUDA device stays there, see the Notes.
    args : tuple, optional
        Extra arguments of `fun` and `jac`: anything that Numba can type (arrays, numbers, tuples,
        namedtuples, ...) if they are Numba functions.
    method : str, optional
        'momentum' (default), 'nesterov', 'gd', or one of the adaptive methods 'adagrad', 'rmsprop',
        'adadelta', 'adam', 'adamax', 'nadam', 'amsgrad' and 'adamw'. All choose their learning rate
        unless one is given, but for 'adamw', which needs one. See `show_options`.
    jac : callable, bool or {'2-point', '3-point', 'cs'}, optional
        The gradient: ``jac(x, *args) -> ndarray, shape (n,)``, or in place, ``jac(x, out, *args)``,
        which is faster where n is small (told by its number of parameters). True: `fun` returns
        ``(f, gradient)``, or takes the output array, ``fun(x, out, *args) -> f``, the fastest
        form. None, False or '2-point': forward differences (n more calls of `fun` per iteration);
        '3-point': central ones; 'cs': complex step. Their steps: ``options["eps"]`` for None, and
        ``options["finite_diff_rel_step"]``, as in SciPy. Where bounds fix a variable, `fun` is not
        called for its slope, which is nan in the result.
    hess, hessp : optional
        Not used: a RuntimeWarning says so.
    bounds : sequence or `Bounds`, optional
        n pairs ``(min, max)``, None standing for no bound, or an object with the attributes ``lb``
        and ``ub``, such as ``scipy.optimize.Bounds``; none if empty. x0 is clipped to them, and
        `fun` is never evaluated outside. Convergence is tested by
        ``x - clip(x - gradient)``, which no point of a box narrower than gtol fails.
    constraints : optional
        Not supported: an error says so, unless they are empty.
    tol : float, optional
        Sets ``options["gtol"]`` unless that is given.
    callback : callable, optional
        Called after every iteration, as ``callback(intermediate_result=...)`` with an
        `OptimizeResult` if that is the name of its only parameter, else as ``callback(x)``.
        ``StopIteration`` ends the run.
    options : dict, optional
        The method's parameters (`learning_rate`, `momentum`) and the rules for stopping (`gtol`,
        `ftol`, `xtol`, `maxiter`, `maxfev`, `maxtime`, `patience`, ...): see `show_options`.
    penalty : Penalty, optional
        A nonsmooth term h, one of `fastmomentum.penalties`: fun + h is minimized. With method
        'momentum' and an automatic rate h must be separable; the default method is 'nesterov' where
        it is not. With bounds, too, it must be separable. With a given `learning_rate` it is for
        'gd', 'momentum' and 'nesterov'. Where h is infinite at x0, the run starts from the proximal
        point of x0. Convergence is tested by x - prox(x - gradient).
    state : State or path, optional
        ``result.state`` of an earlier call, or the file of one: the run goes on as if there had
        been no break, to the last bit. x0 is used for its length and type only; `fun` is called
        once to see that it is the same; ``maxiter``, ``maxfev`` and the counts of the result are
        those of the whole run, ``maxtime`` is that of this call. Options may differ, but for those
        that say which vectors the method keeps (``memory``, a ``learning_rate`` or none).
    checkpoint : path, optional
        A file to keep the run in, written every ``options["checkpoint_every"]`` seconds and at the
        end. Where it exists the run goes on from it, so that the same call, after its process was
        killed, ends with the result that it would have had. The file of another x0, other `args` or
        another penalty is an error. A relative path is that of the call, wherever `fun` goes.

    Returns
    -------
    OptimizeResult
        With x, fun, jac, nit, nfev, njev, success, status, message and more. If the run did not
        converge, x is the best finite point that was evaluated, and `state` goes on from there.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid; the message names it, its rule and its value.

    Notes
    -----
    Ctrl-C raises KeyboardInterrupt within a fraction of a second, and an exception in `fun`, `jac`
    or `callback` propagates; either carries the best point found in its attribute ``result``.
    With ``options={"on_interrupt": "return"}`` Ctrl-C returns that result. Both, and ``maxtime``,
    may come between the calls of `fun` that differences take: where the point whose gradient was
    under way is the best, ``jac`` is nan.

    Differences take longer steps where `fun` returns float32. Where all of them are exactly 0, a
    second look with longer ones decides whether x is a minimum, in 2 n + 1 or 4 n + 1 calls.

    Where x0 is an array on a CUDA device (of CuPy, PyTorch, JAX or Numba), `fun` and `jac` get and
    give arrays of that library, and x and jac of the result are such arrays; or `fun` is made by
    `fastmomentum.objectives.entrywise`, and runs in the kernels. A gradient must be given; `state`,
    `checkpoint`, `history`, `return_all` and `check_jac` are not possible, nor is, with a given
    learning rate, `penalty`; `memory` is 10 where none is given.

    A Numba function that cannot be compiled for these arguments is run in Python, with one
    `CompilationWarning`; ``options={"backend": "numba"}`` makes that an error.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import minimize
    >>> @njit
    ... def fun(x, a):
    ...     return a * (x[0] - 1.0) ** 2 + (x[1] + 2.0) ** 2
    >>> @njit
    ... def jac(x, out, a):
    ...     out[0] = 2.0 * a * (x[0] - 1.0)
    ...     out[1] = 2.0 * (x[1] + 2.0)
    >>> options = {"learning_rate": 0.05, "momentum": 0.9}
    >>> res = minimize(fun, [0.0, 0.0], args=(3.0,), jac=jac, options=options)
    >>> res.success, res.x.round(4)
    (True, array([ 1., -2.]))
    """
    begin = time.perf_counter()
    state, checkpoint = resolved(state), resolved(checkpoint)
    if on_device(x0):
        from .device.minimize import evaluation_of, minimize_on_device

        chosen = check_method(method)
        check_fun(fun, jac)
        check_unsupported(chosen, hess, hessp, constraints)
        refuse({"state": state, "checkpoint": checkpoint}, NOT_ON_DEVICE)
        evaluation = evaluation_of(fun, check_args(args), check_jac(jac))
        return minimize_on_device(chosen, evaluation, x0, bounds, tol, callback, options, penalty)
    x = check_x0(x0)
    check_fun(fun, jac)
    settings, terms = settings_and_terms(named_method(method), x, bounds, penalty, tol, options)
    check_unsupported(settings.method, hess, hessp, constraints)
    checked_callback = check_callback(callback)
    check_terms(settings.method, settings, terms)
    if terms is not None:
        x = terms.start(x)
    checked = check_jac(jac, settings.check_jac)
    settings = difference_settings(settings, jac)
    bounds = NO_BOUNDS if terms is None else terms.bounds()
    limits = Limits(bounds, settings.steps, begin + settings.maxtime)
    objective = Objective(fun, checked, check_args(args), x, settings.backend, limits)
    earlier = check_state(state, checkpoint, State)
    saver, prints = None, {}
    if checkpoint is not None:
        saver = Saver(checkpoint, settings.checkpoint_every)
        parts = {"x0": x, "args": objective.args, "penalty": terms and terms.h}
        prints = {name: fingerprint(value) for name, value in parts.items()}
    run = Run(objective, settings, x, terms, prints)
    result = run_to_end(run, checked_callback, begin, saver, earlier)
    if settings.disp:
        show_ending(result)
    return result
