"""`minimizer`: a function of the settings of a run that compiled code calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastmomentum._check.arguments import check_fun, check_jac, check_method
from fastmomentum._check.bounds import check_bounds
from fastmomentum._check.keywords import hints_at_options
from fastmomentum._check.options import check_options, difference_settings
from fastmomentum._check.values import UNLIMITED, as_dict, check_choice, is_nothing, refuse, shown
from fastmomentum._numba.jit import jit_disabled
from fastmomentum._problem.objective import takes_output

# Options that a call from compiled code cannot honour: it does not return to Python.
_NOT_HERE = (
    "backend",
    "check_jac",
    "checkpoint_every",
    "disp",
    "gap_tol",
    "history",
    "keep_state",
    "maxtime",
    "on_interrupt",
    "progress",
    "return_all",
)
# Options that may be arrays with one number for each variable.
_PER_VARIABLE = ("x_scale", "eps", "finite_diff_rel_step")


class Result(NamedTuple):
    """What a minimizer returns, a namedtuple in compiled code as well.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The solution; the best finite point evaluated if the run did not converge.
    fun : float
        Value of the objective at x.
    jac : ndarray, shape (n,)
        Gradient at x.
    nit, nfev, njev : int
        Iterations, and calls of the objective and of its gradient.
    status : int
        Why the run ended, see `fastmomentum.Status`.
    success : bool
        Whether a convergence test was met, that is, ``status == 0``.
    grad_norm : float
        Norm of `jac`; with bounds, of ``x - clip(x - jac)``.
    """

    x: np.ndarray
    fun: float
    jac: np.ndarray
    nit: int
    nfev: int
    njev: int
    status: int
    success: bool
    grad_norm: float


@hints_at_options
def minimizer(
    fun: Callable,
    method: str | None = None,
    jac: Any = None,
    bounds: Any = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
) -> Callable[..., Result]:
    r"""Make a minimizer of a Numba function for use inside other Numba functions.

    What it returns is called as ``solve(x0, *args)`` in ``@njit`` code, ``prange`` loops included,
    or from Python. It runs the compiled loop that `fastmomentum.minimize` runs with the same
    arguments, from the same x0, to the same bits; with ``memory=10`` where no option and no bounds
    tell the length of x0, and no memory is given.

    Parameters
    ----------
    fun : Numba function
        The objective, ``fun(x, *args) -> float``, or with its gradient, see `jac`.
    method : str, optional
        As for `fastmomentum.minimize`; 'momentum' if None.
    jac : Numba function, bool or {'2-point', '3-point'}, optional
        As for `fastmomentum.minimize`: True, where `fun` returns ``(f, gradient)`` or takes the
        output array, ``fun(x, out, *args) -> f``, the fastest form; a function that returns the
        gradient or fills it, ``jac(x, out, *args)``; otherwise finite differences.
    bounds : sequence or `Bounds`, optional
        As for `fastmomentum.minimize`, the same in all calls.
    tol : float, optional
        Sets ``options["gtol"]`` unless that is given.
    options : dict, optional
        `learning_rate` and the other parameters of the method as numbers, and `gtol`, `norm`,
        `ftol`, `xtol`, `maxiter`, `maxfev`, `patience`, `eps` and `finite_diff_rel_step`: see
        `fastmomentum.show_options`.

    Returns
    -------
    Numba function
        ``solve(x0, *args) -> Result``. x0, an array of one dimension, is not modified; float32
        stays float32, all else becomes float64. Where x0 is not finite, `status` is 3; where it is
        empty, or has another length than the bounds, ValueError is raised.

    Raises
    ------
    ValueError, TypeError
        If an argument or an option is not valid; the message names it, its rule and its value.

    Notes
    -----
    Settings are constants: code compiled with them keeps them. A function with
    ``@njit(cache=True)`` that calls a minimizer is cached with `fun` in it, and is loaded by other
    processes without compiling anything.

    `fun` is not called in Python first, as `minimize` does to check the shape of what it returns
    or fills: Numba does not check indices. An exception in `fun` propagates as in any Numba
    function. That is to say, a ``prange`` loop loses it, and what the call should have returned is
    not set: return nan there instead, which ends the call with status 3.

    In a ``prange`` loop with Numba's workqueue layer a `fun` that is compiled with
    ``parallel=True``, or that calls what is, ends the process, as any such function does: a
    minimizer cannot see where it is called. ``NUMBA_THREADING_LAYER=omp`` takes it.

    Ctrl-C waits for the compiled function to return, as always with Numba. Schedules, callbacks
    and penalties are for `minimize`. With finite differences and `maxfev` below the calls that one
    gradient takes, `fun` is not called at all.

    Examples
    --------
    The best of many starts, one call after another in compiled code:

    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum.jit import minimizer
    >>> @njit
    ... def fun(x, out, a):
    ...     out[0] = 4.0 * x[0] ** 3 - 8.0 * x[0] + a
    ...     return x[0] ** 4 - 4.0 * x[0] ** 2 + a * x[0]
    >>> solve = minimizer(fun, jac=True)
    >>> @njit
    ... def lowest(starts, a):
    ...     best = solve(starts[0], a)
    ...     for i in range(1, len(starts)):
    ...         found = solve(starts[i], a)
    ...         if found.fun < best.fun:
    ...             best = found
    ...     return best
    >>> best = lowest(np.array([[-2.0], [2.0]]), 1.0)
    >>> best.x.round(4), best.success
    (array([-1.473]), True)
    """
    chosen = check_method(method)
    disabled = jit_disabled()
    if not disabled:
        _check_function("fun", fun)
    check_fun(fun, jac)
    given = _check_options(chosen.name, jac, tol, options)
    jac = _check_gradient(jac, disabled)
    _check_form(fun, jac)
    pairs = _check_bounds(bounds)
    if disabled:
        return _in_python(fun, chosen.name, jac, pairs, given)
    from fastmomentum._numba.callable import make_solver

    from ._plan import Recipe

    differences = jac if isinstance(jac, str) else ""

    def recipe_of(dtype: np.dtype, value: str = "") -> Recipe:
        value = value if differences else ""
        return Recipe(chosen.name, dtype.name, value, differences, given, pairs)

    recipe_of(np.dtype(np.float64)).settings()  # checks them
    return make_solver(fun, jac, takes_output, recipe_of, Result)


def _check_function(name: str, function: Any) -> None:
    if not (hasattr(function, "py_func") and hasattr(function, "get_compile_result")):
        raise TypeError(
            f"{name} must be a Numba function, that is, one with @njit, got {function!r}."
        )


def _check_form(fun: Any, jac: Any) -> None:
    # Only the call tells which parameter gets what; without a gradient the name has to do.
    if (jac is None or isinstance(jac, str)) and takes_output(fun, UNLIMITED):
        raise ValueError(
            "jac must be True for a function that writes its gradient, fun(x, out, *args), got "
            f"{shown(jac)}. If its parameter out is data, give it another name."
        )


def _check_gradient(jac: Any, disabled: bool) -> Any:
    jac = check_jac(jac)
    if isinstance(jac, str):
        return check_choice("jac", jac, ("2-point", "3-point"))
    if jac is not True and not disabled:
        _check_function("jac", jac)
    return jac


def _check_bounds(bounds: Any) -> tuple[tuple[float, float], ...]:
    """Pairs of numbers, none where there are no bounds."""
    if is_nothing(bounds):
        return ()
    try:
        size = max(np.size(bounds.lb), np.size(bounds.ub)) if hasattr(bounds, "lb") else len(bounds)
    except (AttributeError, TypeError):
        size = 0
    if size == 0:
        raise ValueError(f"bounds must give (min, max) for each variable, got {bounds!r}.")
    pair = check_bounds(bounds, size)
    if pair is None:
        return ()
    return tuple(zip(*(part.tolist() for part in pair), strict=True))


def _check_options(method: str, jac: Any, tol: Any, options: Any) -> tuple[tuple[str, Any], ...]:
    """The options that were given, as constants."""
    given = as_dict(options)
    x_scale = given.get("x_scale", "auto")
    size = max((np.size(given[name]) for name in _PER_VARIABLE if name in given), default=1)
    settings = check_options(check_method(method), tol, options, np.zeros(max(size, 1)))
    settings = difference_settings(settings, jac)
    if np.ndim(x_scale) == 0 and not isinstance(x_scale, str):
        raise ValueError(
            f"x_scale must be 'auto' or an array for a compiled minimizer, got {x_scale!r}."
        )
    refuse({n: n in given for n in _NOT_HERE}, "is not an option of a compiled minimizer")
    for name in ("eps", "finite_diff_rel_step"):
        if getattr(settings, name) is None:
            given.pop(name, None)
    if tol is not None:
        given.setdefault("gtol", tol)
    made = []
    for name, value in sorted(given.items()):
        if callable(value):
            raise ValueError(
                f"{name} must be a number for a compiled minimizer, got {value!r}: a schedule is "
                "for `minimize`, or for a loop of your own with `fastmomentum.jit.rules`."
            )
        if name in _PER_VARIABLE and np.ndim(value) > 0:
            value = tuple(np.asarray(value).tolist())
        elif isinstance(value, np.ndarray | np.generic):
            value = value.item()
        made.append((name, value))
    return tuple(made)


def _fixed_memory(method: str, pairs: tuple, given: tuple) -> dict[str, int]:
    """The option that holds where the length of x0 is not known beforehand."""
    from ._plan import Recipe

    recipe = Recipe(method, "float64", "", "", given, pairs)
    settings, _, size = recipe.settings()
    chosen = dict(given).get("memory", "auto") == "auto"
    known = size > 0 or not chosen or settings.memory == 0
    return {} if known else {"memory": settings.memory}


def _in_python(fun: Any, method: str, jac: Any, pairs: tuple, given: tuple) -> Any:
    """The same where Numba is switched off (``NUMBA_DISABLE_JIT=1``)."""
    from fastmomentum._minimize.minimize import minimize

    form = None if "eps" in dict(given) else jac  # which it is for
    options = dict(given) | _fixed_memory(method, pairs, given)

    def solve(x0: np.ndarray, *args: Any) -> Result:
        found = minimize(fun, x0, args, method, form, bounds=pairs, options=options)
        return Result(*(found[name] for name in Result._fields))

    return solve
