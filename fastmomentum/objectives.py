"""Objectives in parts, which the threads of a GPU share.

A function of many terms, or of many variables, is written once, as what one term or one variable
contributes. The result is an objective like any other, for ``jac=True``: the processor goes through
the parts in a compiled loop if they are Numba functions. On a GPU the threads share them, as they
cannot share a loop that the objective holds itself: those of `sum_of_terms` in a batch,
``minimize_batch(..., device="cuda")``, those of `entrywise` where ``x0`` is on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._callables import Entries, SumOfTerms
from ._check.values import shown
from ._problem.objective import is_jitted

__all__ = ["entrywise", "sum_of_terms"]

THREADS = (1, 2, 4, 8, 16, 32)


def sum_of_terms(
    term: Callable, n_terms: int | Callable[..., int], *, threads: int | None = None
) -> Callable:
    """Objective that is a sum of terms, ``f(x) = term(0) + term(1) + ...``.

    Parameters
    ----------
    term : callable
        ``term(k, x, out, *args) -> float``: the value of term k. It adds the term's gradient to
        ``out``, which has the shape of x, ``(n,)``.
    n_terms : int or callable
        How many terms there are: a number, or ``n_terms(x, *args) -> int``.
    threads : int, optional
        Threads of a GPU that share a problem of a batch: 1, 2, 4, 8, 16 or 32. Default: one each
        where the problems alone keep the GPU busy, and the more the fewer they are.

    Returns
    -------
    fun : callable
        ``fun(x, out, *args) -> float`` writes the gradient into ``out``: for ``jac=True``. It is a
        Numba function if `term` is one.

    Raises
    ------
    TypeError
        If `term` is not a function, or `n_terms` neither a function nor an int.
    ValueError
        If `n_terms` is not positive, or `threads` not one of the numbers above.

    Notes
    -----
    The processor adds up the terms in their order. On a GPU each of the k threads of a problem adds
    up every k-th term, and these sums are added in pairs, in an order that depends on their number
    alone. Problems of more than 32 variables are solved by one thread each. What threads
    share must not raise exceptions: they would wait for each other for good. That is refused.

    Examples
    --------
    A decay, fitted to many signals:

    >>> import math
    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import minimize_batch
    >>> from fastmomentum.objectives import sum_of_terms
    >>> @njit
    ... def misfit(k, x, out, t, y):
    ...     e = math.exp(-x[1] * t[k])
    ...     r = x[0] * e - y[k]
    ...     out[0] += 2.0 * r * e
    ...     out[1] -= 2.0 * r * x[0] * e * t[k]
    ...     return r * r
    >>> @njit
    ... def n_samples(x, t, y):
    ...     return t.size
    >>> t = np.linspace(0.0, 4.0, 100)
    >>> signals = 2.0 * np.exp(-np.array([[0.5], [1.0], [2.0]]) * t)
    >>> fits = minimize_batch(
    ...     sum_of_terms(misfit, n_samples),
    ...     np.ones((3, 2)),
    ...     args=(t, signals),
    ...     batched=(False, True),
    ...     jac=True,
    ... )
    >>> print(fits.x.round(3))
    [[2.  0.5]
     [2.  1. ]
     [2.  2. ]]
    """
    _check_function("term", term, "term(k, x, out, *args)")
    if threads is not None and not (isinstance(threads, int) and threads in THREADS):
        raise ValueError(f"threads must be one of {THREADS}, or None, got {threads!r}.")
    compiled = is_jitted(term)
    n_terms = _count("n_terms", n_terms, compiled)

    def fun(x, out, *args):
        for i in range(out.size):
            out[i] = 0.0
        total = 0.0
        for k in range(n_terms(x, *args)):
            total += term(k, x, out, *args)
        return total

    return _made(fun, compiled, SumOfTerms(term, n_terms, threads))


def entrywise(
    entry: Callable,
    row: Callable | None = None,
    n_rows: int | Callable[..., int] | None = None,
) -> Callable:
    """Objective whose gradient is given entry by entry, with rows before if need be.

    Parameters
    ----------
    entry : callable
        ``entry(i, x, out, *args) -> float`` writes ``out[i]``, entry i of the gradient, and returns
        the share of variable i in the value. It may read all of x. With rows
        ``entry(i, x, w, out, *args) -> float``.
    row : callable, optional
        ``row(r, x, w, *args) -> float`` writes ``w[r]``, on which the entries depend, and returns
        the share of row r in the value.
    n_rows : int or callable, optional
        How many rows there are: a number, or ``n_rows(x, *args) -> int``.

    Returns
    -------
    fun : callable
        ``fun(x, out, *args) -> float`` writes the gradient into ``out``: for ``jac=True``. It is a
        Numba function if `entry` is one. Its value is the sum of all shares.

    Raises
    ------
    TypeError
        If `entry` or `row` is not a function, or `n_rows` neither a function nor an int.
    ValueError
        If `n_rows` is not positive, or if one of `row` and `n_rows` is given without the other.

    Notes
    -----
    With an ``x0`` on a GPU, `minimize` runs the whole loop there in one kernel of many threads:
    each evaluates its own variables, and does its own part of every vector operation. There
    `entry` and `row` must not raise exceptions, since threads wait for each other.

    Examples
    --------
    A chain of Rosenbrock's functions: variable i is in two of its terms.

    >>> import numpy as np
    >>> from numba import njit
    >>> from fastmomentum import minimize
    >>> from fastmomentum.objectives import entrywise
    >>> @njit
    ... def chain(i, x, out):
    ...     value = 0.0
    ...     slope = 0.0
    ...     if i > 0:
    ...         slope += 200.0 * (x[i] - x[i - 1] ** 2)
    ...     if i < x.size - 1:
    ...         a = x[i + 1] - x[i] ** 2
    ...         b = 1.0 - x[i]
    ...         value = 100.0 * a * a + b * b
    ...         slope += -400.0 * a * x[i] - 2.0 * b
    ...     out[i] = slope
    ...     return value
    >>> res = minimize(entrywise(chain), np.zeros(100), jac=True)
    >>> bool(np.abs(res.x - 1.0).max() < 1e-4)
    True

    Least squares: the rows are the residuals. On a GPU neighbouring threads should read
    neighbouring numbers, so the rows read the transpose of what the entries read:

    >>> @njit
    ... def residual(r, x, w, A, At, b):
    ...     w[r] = -b[r]
    ...     for j in range(x.size):
    ...         w[r] += At[j, r] * x[j]
    ...     return 0.5 * w[r] * w[r]
    >>> @njit
    ... def slope(i, x, w, out, A, At, b):
    ...     out[i] = 0.0
    ...     for r in range(w.size):
    ...         out[i] += A[r, i] * w[r]
    ...     return 0.0
    >>> rng = np.random.default_rng(0)
    >>> A, b = rng.normal(size=(200, 20)), rng.normal(size=200)
    >>> fun = entrywise(slope, row=residual, n_rows=200)
    >>> res = minimize(fun, np.zeros(20), args=(A, A.T.copy(), b), jac=True)
    >>> bool(np.allclose(res.x, np.linalg.lstsq(A, b)[0], atol=1e-6))
    True
    """
    if (row is None) != (n_rows is None):
        given, left = ("n_rows", "row") if row is None else ("row", "n_rows")
        raise ValueError(f"{left} must be given where {given} is, got {left}=None.")
    compiled = is_jitted(entry)
    if row is None:
        _check_function("entry", entry, "entry(i, x, out, *args)")

        def fun(x, out, *args):
            total = 0.0
            for i in range(x.size):
                total += entry(i, x, out, *args)
            return total

        return _made(fun, compiled, Entries(entry, None, None))

    _check_function("entry", entry, "entry(i, x, w, out, *args)")
    _check_function("row", row, "row(r, x, w, *args)")
    rows = _compiled_like(row, compiled)
    count = _count("n_rows", n_rows, compiled)

    def fun_of_rows(x, out, *args):
        w = np.empty(count(x, *args), x.dtype)
        total = 0.0
        for r in range(w.size):
            total += rows(r, x, w, *args)
        for i in range(x.size):
            total += entry(i, x, w, out, *args)
        return total

    return _made(fun_of_rows, compiled, Entries(entry, rows, count))


def _check_function(name: str, function: Any, form: str) -> None:
    if not callable(function):
        raise TypeError(f"{name} must be a function {form}, got {shown(function)}.")


def _count(name: str, count: Any, compiled: bool) -> Any:
    """A number of parts as a function of x and args."""
    if callable(count):
        return _compiled_like(count, compiled)
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise TypeError(
            f"{name} must be an int, or a function {name}(x, *args), got {shown(count)}."
        )
    if count < 1:
        raise ValueError(f"{name} must be positive, got {count}.")
    number = int(count)

    def constant(x, *args):
        return number

    return _compiled_like(constant, compiled)


def _compiled_like(function: Any, compiled: bool) -> Any:
    """A function that compiled ones can call, if there are."""
    if not compiled or is_jitted(function):
        return function
    import numba

    from ._numba.jit import FLAGS

    return numba.njit(**FLAGS)(function)


def _made(fun: Any, compiled: bool, parts: SumOfTerms | Entries) -> Any:
    made = _compiled_like(fun, compiled)
    made.parts = parts
    return made
