"""The two records of the table: a problem, and the family of its sizes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Family", "Problem", "filled", "tiled"]


@functools.cache
def _compile(function):
    # Imported here: a problem can be used without Numba's start-up time.
    from fastmomentum._numba.jit import cached_njit

    return cached_njit(function)


class _Both:
    """A function as others may call it, in Python and compiled.

    Unlike the compiled function itself, it is pickled alike in every process: Numba finds what it
    has kept of the others on disk.
    """

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        return self.function(*args)

    @property
    def _numba_type_(self):
        return _compile(self.function)._numba_type_


_FUN = """
def make(both, room):
    def fun(x{args}):
        return both(x, room(x){args})
    return fun
"""
_GRAD = """
def make(both, room):
    def grad(x, out{args}):
        both(x, out{args})
    return grad
"""


@functools.cache
def _derived(text, both):
    """One of the texts above for `both`, a function of the value and the gradient.

    It has the parameters of `both`, by which `minimize` and Numba know what to call it with. It
    counts as written in the same file: Numba keeps the compiled one until that file changes.
    """
    args = "".join(f", {name}" for name in list(inspect.signature(both).parameters)[2:])
    scope = {"__name__": both.__module__}
    exec(compile(text.format(args=args), both.__code__.co_filename, "exec"), scope)
    function = scope["make"](_Both(both), np.empty_like)
    function.__qualname__ = f"{both.__qualname__}.{function.__name__}"
    return function


@dataclass(frozen=True, eq=False)
class Problem:
    """Unconstrained minimization problem with a known answer.

    The functions are plain Python that Numba compiles as it is, for float64 and float32; see
    `compiled`. `fun` and `grad` call `fun_and_grad`, and take as long. The arrays belong to the
    problem: `get` makes them anew at each call.

    Attributes
    ----------
    name : str
        Unique name, which `get` accepts.
    fun_and_grad : callable
        ``fun_and_grad(x, out, *args) -> float``; returns the value and writes the gradient to
        `out`.
    x0 : ndarray, shape (n,)
        Standard starting point.
    x_min : ndarray, shape (n,), or None
        A global minimizer, where it is known in closed form.
    f_min : float or None
        Lowest value known; the infimum where it is not attained. None for a size of which it
        has not been computed.
    f_local : tuple of float
        Other values at which a descent from `x0` may end: local minima, saddles, or limits
        along a flat direction.
    reference : str
        Where the problem comes from.
    group : str
        Group of the collection.
    args : tuple
        Data for the functions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum import problems
    >>> beale = problems.get("beale")
    >>> beale.n, float(beale.fun(beale.x_min)), beale.f_min
    (2, 0.0, 0.0)
    >>> gradient = np.empty(beale.n)
    >>> float(beale.fun_and_grad(beale.x0, gradient))
    14.203125
    >>> gradient
    array([-0.  , 27.75])
    """

    name: str
    fun_and_grad: Callable[..., float]
    x0: np.ndarray
    x_min: np.ndarray | None
    f_min: float | None
    reference: str
    group: str
    args: tuple = ()
    f_local: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.x0.size

    @property
    def fun(self) -> Callable[..., float]:
        """The value alone, ``fun(x, *args) -> float``."""
        return _derived(_FUN, self.fun_and_grad)

    @property
    def grad(self) -> Callable[..., None]:
        """The gradient alone, ``grad(x, out, *args) -> None``; writes it to `out`."""
        return _derived(_GRAD, self.fun_and_grad)

    def compiled(self, which: str = "separate") -> Any:
        """Return the functions compiled by Numba, cached on disk where that is possible.

        Parameters
        ----------
        which : {"separate", "fused"}, optional
            Whether the value and the gradient come from two functions or from one.

        Returns
        -------
        tuple of two functions, or function
            ``(fun, grad)`` if separate, `fun_and_grad` if fused. Problems of one family share
            them.

        Examples
        --------
        >>> from fastmomentum import problems
        >>> booth = problems.get("booth")
        >>> fun, grad = booth.compiled()
        >>> fun(booth.x_min)
        0.0
        """
        if which == "separate":
            return _compile(self.fun), _compile(self.grad)
        if which == "fused":
            return _compile(self.fun_and_grad)
        raise ValueError(f"which must be 'separate' or 'fused', got {which!r}.")


@dataclass(frozen=True, eq=False)
class Family:
    """Row of the table: a problem in one or several sizes, with its data made on demand.

    `start`, `x_min`, `f_min`, `f_local` and `args` may be callables, which take the number of
    variables; `f_min` and `f_local` may also be a mapping from it, of values that have been
    computed. A `start` that is not callable fixes the size.
    """

    fun_and_grad: Callable[..., float]
    start: Any
    reference: str
    f_min: float | Mapping[int, float] | Callable[[int], float] = 0.0
    x_min: Any = None
    f_local: tuple[float, ...] | Mapping[int, tuple] | Callable[[int], tuple] = ()
    args: tuple | Callable[[int], tuple] = ()
    sizes: tuple[int, ...] = (100,)
    multiple: int = 1
    smallest: int = 0
    """Fewest variables, not below `multiple`."""
    name: str = ""
    """That of `fun_and_grad` unless given."""

    def __post_init__(self):
        object.__setattr__(self, "name", self.name or self.fun_and_grad.__name__)
        object.__setattr__(self, "smallest", max(self.smallest, self.multiple))
        if self.fixed:
            object.__setattr__(self, "sizes", (len(self.start),))

    @property
    def fixed(self):
        """Whether there is one size only."""
        return not callable(self.start)

    def instance(self, n):
        """Name of the problem of `n` variables."""
        return self.name if self.fixed else f"{self.name}-{n}"

    def check(self, n):
        """Raise ValueError unless there is a problem of `n` variables."""
        if not isinstance(n, (int, np.integer)) or isinstance(n, bool):
            raise ValueError(f"n must be an integer, got {n!r}.")
        if self.fixed:
            if n not in self.sizes:
                raise ValueError(f"{self.name!r} has n = {self.sizes[0]} variables, got {n!r}.")
        elif n < self.smallest:
            raise ValueError(f"{self.name!r} needs n >= {self.smallest}, got {n!r}.")
        elif n % self.multiple:
            raise ValueError(f"{self.name!r} needs n a multiple of {self.multiple}, got {n!r}.")

    def problem(self, n, group):
        """Problem of `n` variables."""
        self.check(n)
        n = int(n)
        f_min, x_min = _at(self.f_min, n), _at(self.x_min, n)
        return Problem(
            name=self.instance(n),
            fun_and_grad=self.fun_and_grad,
            x0=_point(_at(self.start, n)),
            x_min=None if x_min is None else _point(x_min),
            f_min=None if f_min is None else float(f_min),
            reference=self.reference,
            group=group,
            args=_at(self.args, n),
            f_local=tuple(float(f) for f in _at(self.f_local, n) or ()),
        )


def _at(entry, n):
    if callable(entry):
        return entry(n)
    return entry.get(n) if isinstance(entry, Mapping) else entry


def _point(values):
    return np.array(values, dtype=np.float64)


def filled(value):
    """Point with all coordinates equal, for any number of them."""
    return lambda n: np.full(n, value)


def tiled(*values):
    """Point that repeats `values`, for any number of coordinates."""
    return lambda n: np.resize(values, n)
