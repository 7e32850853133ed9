"""One objective, however it was given: `fun`, `jac` and `args` bound to "write g, return f"."""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import math
import time
from typing import Any, NamedTuple

import numpy as np

from .._arrays import equal, indices_of
from .._check.returned import as_gradient, as_pair, as_scalar
from .._check.values import LIST_OF_ARGS, misfit, positional_of, shown
from .._methods.differences import (
    central_points,
    central_slope,
    forward_point,
    forward_slope,
    given_step,
)
from .._numba.threads import lost_layer
from .._report.result import add_note
from .._report.warnings import warn

# Relative steps of the differences: the square root and the cube root of the rounding error
# balance it against the truncation error. A complex step has no cancellation and can be tiny.
DIFFERENCE_STEPS = {
    "2-point": lambda eps: math.sqrt(eps),
    "3-point": lambda eps: eps ** (1.0 / 3.0),
    "cs": lambda eps: 1e-20,
}
# The same error of what fun returns, by the name of its type in any library.
VALUE_EPS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def difference_step(jac: str, dtype: np.dtype, value: str = "") -> float:
    """The relative step for an x of this dtype, where fun returns a type of the name `value`."""
    return DIFFERENCE_STEPS[jac](max(float(np.finfo(dtype).eps), VALUE_EPS.get(value, 0.0)))


# Calls of fun for each variable.
DIFFERENCE_CALLS = {"2-point": 1, "3-point": 2, "cs": 1}
NO_STEPS: tuple[Any, Any] = (0.0, 0.0)
NO_BOUNDS: tuple[Any, Any] = (-math.inf, math.inf)
# What an in-place gradient must overwrite; large, so that adding to it does not change it either.
_UNTOUCHED = {"d": 1.2345678e30, "f": float(np.float32(1.2345678e30))}
OPTIONAL_OUT = (
    "the second parameter of {}, out, has a default, and so is left out of the call: without a "
    "default it gets the array that the gradient is to be written into."
)


NARROW = (
    "the gradient is float32, and x0 is float64: the run may stall where float32 ends. Return "
    "float64 (JAX does after jax.config.update('jax_enable_x64', True)), or pass x0 as float32, "
    "whose gtol is 1e-3."
)


class CompilationWarning(RuntimeWarning):
    """A Numba function could not be used in the compiled loop, which then runs in Python."""


class OutOfTime(Exception):
    """The time is over, in the middle of a gradient; whoever set the limit takes it."""


def takes_output(function: Any, n_args: int) -> bool:
    """Does `function` take an array to write into after x, that is, ``(x, out, *args)``?

    Its parameters tell which of that and ``(x, *args)`` the call can be. Where it can be both, by
    defaults or ``*args``, its second parameter must be called ``out``, and have no default: with
    one, as NumPy's functions have it, the buffer is left to the caller.
    """
    plain, writes, name, optional = _forms(function, n_args)
    return writes if plain != writes else name == "out" and not optional


def _forms(function: Any, n_args: int) -> tuple[bool, bool, str, bool]:
    """Does ``(x, *args)`` fit, does ``(x, out, *args)``; what is the second parameter called, and
    has it a default?"""
    names, least, most = positional_of(function) or ([], 0, 0)
    plain, writes = (least <= count <= most for count in (n_args + 1, n_args + 2))
    return plain, writes, "".join(names[1:2]), least < 2


class Limits(NamedTuple):
    """What calls of fun keep to that a gradient by differences makes.

    Attributes
    ----------
    bounds : (array_like, array_like)
        Lower and upper bounds of the variables, which their points are within.
    steps : (array_like, array_like)
        Steps as the user gave them: absolute and relative ones, 0 where there are none.
    deadline : float
        When the time is over: none of them begins later.
    """

    bounds: tuple[Any, Any] = NO_BOUNDS
    steps: tuple[Any, Any] = NO_STEPS
    deadline: float = math.inf


UNLIMITED = Limits()


class Objective:
    """fun, jac and args, ready to be evaluated.

    Attributes
    ----------
    cost_fun, cost_jac : int
        Calls of fun and of its gradient that one evaluation takes.
    binding : fastmomentum._numba.bind.Binding or None
        How a compiled loop calls it; None if each evaluation goes through Python.
    parallel : bool
        Compiled functions that start threads of Numba's: see `turn`.
    seconds : float
        How long one evaluation takes, roughly.
    bounds, steps, deadline
        The `Limits`.
    fixed : ndarray of bool, shape (n,), or None
        Variables that bounds fix, along which differences cannot tell the slope.
    seen : float
        fun at the point whose gradient is under way; nan if it is not known, or there is none.
    """

    def __init__(
        self,
        fun: Any,
        jac: Any,
        args: tuple,
        x0: np.ndarray,
        backend: str,
        limits: Limits = UNLIMITED,
    ):
        self.fun = fun
        self.jac = jac
        self.args = args
        self.n = x0.size
        self.dtype = x0.dtype
        self.calls_fun = 0
        self.calls_jac = 0
        self.seconds = 0.0
        self.seen = math.nan
        self.cost_jac = 1
        self.step = 0.0
        if isinstance(jac, str):
            self.step = difference_step(jac, self.dtype)
        self._knows_precision = not isinstance(jac, str)
        self._value = ""  # the type of what fun returns, if it is of VALUE_EPS
        bounds, self.steps, self.deadline = limits
        self._keep_to(bounds)
        writer = fun if jac is True else jac
        self.in_place = not isinstance(writer, str) and takes_output(writer, len(args))
        self._failure = ""
        self._remedy = ""
        self._checking = False
        self._looking = False  # at the precision of what is returned
        self._narrow = False
        if backend == "python" and (_is_c(fun) or _is_c(jac)):
            raise TypeError("backend='python' cannot call C functions: leave it out.")
        self.binding = None if backend == "python" else self._bind(backend)
        self.parallel = self._starts_threads()
        if self.parallel and lost_layer():
            raise RuntimeError(
                "fun or jac starts threads of Numba's, and its OpenMP layer ends a forked process "
                "that does: start the process by 'spawn' or 'forkserver', or set "
                "NUMBA_THREADING_LAYER=workqueue."
            )

    # -- which way --------------------------------------------------------------------------------

    def _bind(self, backend: str) -> Any:
        """Binding to the compiled loops, or None and self.fun, self.jac made callable in Python."""
        wants = is_compiled(self.fun) and (
            isinstance(self.jac, bool | str) or is_compiled(self.jac)
        )
        if not wants and self._must_compile(backend):
            name = "jac" if is_compiled(self.fun) else "fun"
            raise TypeError(
                f"{name} must be a Numba function, a numba.cfunc or a LowLevelCallable here "
                f"(backend='numba', or fun is one of the latter), got {shown(getattr(self, name))}."
            )
        if not wants:
            return None
        if _numba("jit").jit_disabled():
            return None
        bind = _numba("bind")
        try:
            binding = bind.bind(self.fun, self.jac, self.args, self.dtype, self.in_place)
            self._suit_step("float32" if binding.single else "")
            return binding
        except bind.NotCompilable as error:
            if self._must_compile(backend):
                for name in ("fun", "jac"):
                    problem = is_jitted(getattr(self, name)) and self._misfit(name)
                    if problem:
                        raise TypeError(problem) from error
                raise
            self._failure = f"Numba cannot compile the objective: {error}".rstrip(".")
            self._remedy = getattr(error, "remedy", "")
        self.fun = getattr(self.fun, "py_func", self.fun)
        self.jac = getattr(self.jac, "py_func", self.jac)
        return None

    def _starts_threads(self) -> bool:
        """Does a function start Numba's threads, as far as its code is known?"""
        if self.binding is not None:
            return bool(self.binding.parallel)
        if is_compiled(self.fun) or is_compiled(self.jac):
            return bool(_numba("workers").starts_threads(self.fun, self.jac))
        return False

    def turn(self) -> contextlib.AbstractContextManager:
        """What a thread must hold while it calls fun or jac."""
        found: contextlib.AbstractContextManager = contextlib.nullcontext()
        if self.parallel:
            found = _numba("workers").turn()
        return found

    def quiet(self) -> contextlib.AbstractContextManager:
        """No warnings of Numba's about functions among args in each call."""
        found: contextlib.AbstractContextManager = contextlib.nullcontext()
        if self.binding is not None:
            found = _numba("warned").quiet_about(self.args)
        return found

    def _misfit(self, name: str) -> str:
        """Why fun or jac cannot be called as it is, and what to change; empty if it can."""
        function, n_args = getattr(self, name), len(self.args)
        writes = self.in_place and name == ("fun" if self.jac is True else "jac")
        first = ("x", "out") if writes else ("x",)
        problem = misfit(name, function, (*first, *(f"args[{i}]" for i in range(n_args))))
        if not problem:
            return ""
        if n_args == 1 and isinstance(self.args[0], list):
            entries = map(str, range(len(self.args[0])))
            if not misfit(name, function, (*first, *entries)):
                return problem + LIST_OF_ARGS
        if name == "fun" and self.jac is not True and takes_output(function, n_args):
            return (
                f"{problem} Pass jac=True if its second parameter is for the gradient, or args if "
                "it is data."
            )
        return problem

    def _must_compile(self, backend: str) -> bool:
        return backend == "numba" or _is_c(self.fun) or _is_c(self.jac)

    def _keep_to(self, bounds: tuple[Any, Any]) -> None:
        """Keep the points of differences to these bounds."""
        self.bounds = bounds
        self.cost_fun = self.cost_without_bounds
        self.fixed = None
        if isinstance(self.jac, str):
            self.fixed = np.broadcast_to(np.equal(*bounds), self.n)
            self.cost_fun -= DIFFERENCE_CALLS[self.jac] * int(self.fixed.sum())

    @property
    def cost_without_bounds(self) -> int:
        """Calls of fun that one evaluation takes where no variable is fixed."""
        return 1 + DIFFERENCE_CALLS[self.jac] * self.n if isinstance(self.jac, str) else 1

    @property
    def cost_first(self) -> int:
        """Calls of fun that the evaluation at x0 takes."""
        return self.cost_fun + (2 * (self.cost_fun - 1) if self.jac == "cs" else 0)

    def known(self, gradient: np.ndarray) -> np.ndarray:
        """This array, now nan where differences cannot tell the slope, which is 0 in the loops."""
        if self.fixed is not None:
            gradient[self.fixed] = math.nan
        return gradient

    @property
    def can_be_checked(self) -> bool:
        """Can Python call fun? C functions are called by the loop alone."""
        return not _is_c(self.fun)

    def in_python(self) -> Objective:
        """The same, as Python can call it."""
        if self.can_be_checked:
            return self
        c_callable = _numba("bind").c_callable
        jac = c_callable(self.jac) if _is_c(self.jac) else self.jac
        limits = Limits(self.bounds, self.steps, self.deadline)
        x0 = np.empty(self.n, self.dtype)
        return Objective(c_callable(self.fun), jac, (), x0, "python", limits)

    def of(self, args: tuple, bounds: tuple[Any, Any]) -> Objective:
        """The same functions with other arguments and bounds; its calls of fun are counted anew."""
        other = copy.copy(self)
        other.args, other.calls_fun = args, 0
        other._keep_to(bounds)
        return other

    @property
    def fell_back(self) -> bool:
        """Is there a Numba function that cannot be used in the compiled loop?"""
        return bool(self._failure)

    def warn_of_fallback(self) -> None:
        """One warning, once the Python evaluation at x0 has shown that the objective works."""
        if self._failure:
            warn(f"The loop runs in Python, since {self._failure}", CompilationWarning)
            self._failure = self._remedy = ""

    def _tell_failure(self, error: Exception) -> None:
        """Numba's words go with an exception before that warning: they may tell more of it."""
        if self._failure:
            add_note(error, f"{self._failure}.")

    # -- evaluations in Python --------------------------------------------------------------------

    def _call(self, name: str, x: np.ndarray, *args: Any) -> Any:
        """Call fun or jac with a copy of x, as SciPy does."""
        z = x.copy()
        function = getattr(self, name)
        try:
            if self.parallel:
                with self.turn():
                    value = function(z, *args, *self.args)
            else:
                value = function(z, *args, *self.args)
        except TypeError as error:
            # Python's own words tell neither which function it is nor how it is called.
            problem = self._misfit(name) or self._remedy
            if problem:
                raise TypeError(problem) from error
            self._tell_failure(error)
            raise
        except Exception as error:
            if self._remedy:
                raise TypeError(self._remedy) from error
            self._tell_failure(error)
            raise
        if self._looking:
            self._look_at(name, value)
        # Compiled code is given the loop's own x.
        if self._checking and not equal(z, x):
            raise ValueError(f"{name} must not write into x.")
        return value

    def _look_at(self, name: str, value: Any) -> None:
        """Is it a gradient of less than float64? Differences suit their steps to values of less."""
        if self.jac is True:
            value = value[1] if isinstance(value, tuple | list) and len(value) == 2 else None
        elif name == "fun":
            return
        kind = str(getattr(value, "dtype", "")).rpartition(".")[2]  # torch.float32, say
        self._narrow |= kind in ("float16", "bfloat16", "float32")

    def value(self, x: np.ndarray) -> float:
        """fun(x) alone, of a function that does not return its gradient, too. Counts its calls."""
        self.calls_fun += 1
        value = self._call("fun", x)
        if not self._knows_precision:
            self._suit_step(self._type_of(value))
        return as_scalar(value)

    def _type_of(self, value: Any) -> str:
        """The name of the type of what fun has returned."""
        if is_jitted(self.fun):  # it returns Python floats to Python
            bind = _numba("bind")
            single = bind.returns_single(self.fun, bind.types_of(self.args), self.dtype)
            return "float32" if single else ""
        return str(getattr(value, "dtype", "")).rpartition(".")[-1]

    def _suit_step(self, value: str) -> None:
        """Lengthen the step where fun returns less than the precision of x: shorter ones vanish."""
        self._knows_precision = True
        if isinstance(self.jac, str) and value in VALUE_EPS:
            self._value = value
            self.step = difference_step(self.jac, self.dtype, value)

    def check_time(self) -> None:
        """Raise `OutOfTime` if the time is over."""
        if self.deadline < math.inf and time.perf_counter() > self.deadline:
            raise OutOfTime

    def evaluate(self, x: np.ndarray, g: np.ndarray) -> float:
        """fun(x); its gradient is written into `g`. Counts its calls."""
        self.seen = math.nan
        if self.jac is True:
            return self._evaluate_both(x, g)
        f = self.seen = self.value(x)
        self.calls_jac += 1
        if isinstance(self.jac, str):
            self._differences(x, g, f)
        elif self.in_place:
            self._write("jac", x, g)
        else:
            returned = self._call("jac", x)
            try:
                g[:] = as_gradient(returned, self.n, "jac")
            except ValueError as error:
                self._tell_of_out("jac", error)
                raise
        self.seen = math.nan
        return f

    def _evaluate_both(self, x: np.ndarray, g: np.ndarray) -> float:
        self.calls_fun += 1
        self.calls_jac += 1
        if self.in_place:
            return as_scalar(self._write("fun", x, g))
        returned = self._call("fun", x)
        try:
            value, gradient = as_pair(returned)
        except ValueError as error:
            self._tell_of_out("fun", error)
            raise
        g[:] = as_gradient(gradient, self.n, "fun")
        return as_scalar(value)

    def _tell_of_out(self, name: str, error: Exception) -> None:
        """An error of what was returned says, too, that an optional `out` was left out."""
        *_, second, optional = _forms(getattr(self, name), len(self.args))
        if second == "out" and optional:
            add_note(error, OPTIONAL_OUT.format(name))

    def _write(self, name: str, x: np.ndarray, g: np.ndarray) -> Any:
        out = np.empty(self.n, self.dtype)
        out.fill(_UNTOUCHED[self.dtype.char])
        value = self._call(name, x, out)
        self._check_written(out, f"{name}(x, out, ...)")
        g[:] = out
        return value

    def _check_written(self, out: np.ndarray, what: str) -> None:
        left = indices_of(_UNTOUCHED[self.dtype.char], out)
        if left.size:
            writer = self.fun if self.jac is True else self.jac
            plain = _forms(writer, len(self.args))[0]
            raise ValueError(
                f"{what} must write the gradient into out: out[{left[0]}] is unchanged, or was "
                "added to. If the second parameter is data, "
                + ("call it otherwise than out." if plain else "pass it in args.")
            )

    def _value_in_time(self, x: np.ndarray) -> float:
        self.check_time()
        return self.value(x)

    def _differences(self, x: np.ndarray, g: np.ndarray, f: float) -> None:
        # The same operations in the same order as in the compiled entries.
        z = x.copy()
        if self.jac == "cs":
            z = x.astype(np.complex128 if self.dtype == np.float64 else np.complex64)
        limits = (np.broadcast_to(part, self.n) for part in (*self.bounds, *self.steps))
        lower, upper, absolute, relative = limits
        for i in range(self.n):
            if lower[i] == upper[i]:
                g[i] = 0.0
                continue
            x_i = float(x[i])
            given = given_step(x_i, float(absolute[i]), float(relative[i]))
            if self.jac == "cs":
                h = given if given != 0.0 else self.step
                z[i] = complex(x_i, h)
                self.check_time()
                self.calls_fun += 1
                value = np.asarray(self.fun(z.copy(), *self.args))
                if value.dtype.kind != "c" or value.size != 1:
                    raise ValueError(
                        f"jac='cs' needs fun to return a complex number for complex x, got dtype "
                        f"{value.dtype}; use jac='3-point'."
                    )
                g[i] = float(value.item().imag) / h
                z[i] = x[i]
                continue
            h = self.step * max(1.0, abs(x_i))
            z[i] = x_i + given
            if z[i] != x[i]:
                h = -given if x_i < 0.0 else given
            if self.jac == "2-point":
                z[i] = forward_point(x_i, h, lower[i], upper[i])
                g[i] = forward_slope(x_i, f, float(z[i]), self._value_in_time(z))
            else:
                z[i], second = central_points(x_i, abs(h), lower[i], upper[i])
                a, f_a = float(z[i]), self._value_in_time(z)
                z[i] = second
                g[i] = central_slope(x_i, f, a, f_a, float(z[i]), self._value_in_time(z))
            z[i] = x[i]

    # -- the one check before compiled code trusts the functions ----------------------------------

    def first(self, x: np.ndarray, g: np.ndarray) -> float | None:
        """Evaluate at x0 through Python, which checks every shape and type, and warm up.

        Numba does not check bounds, so compiled code must not be the first to call a function.
        Returns None for C functions, which cannot be checked: the loop evaluates them itself.
        """
        if not self.can_be_checked:
            return None
        begin = time.perf_counter()
        self._checking = self.binding is not None
        self._looking = self.dtype == np.float64 and not self.in_place  # x's own array otherwise
        try:
            with self.quiet():
                f = self.evaluate(x, g)
        finally:
            self._checking = self._looking = False
        if self._narrow:
            self._narrow = False
            warn(NARROW, RuntimeWarning)
        self.seconds = time.perf_counter() - begin
        if self.jac == "cs" and math.isfinite(f):
            self.seen = f
            self._check_complex_step(x, g, f)
            self.seen = math.nan
        return f

    def first_value(self, x: np.ndarray) -> float | None:
        """fun(x) as `first` finds it, where the gradient is not needed: none by differences."""
        if not (self.can_be_checked and isinstance(self.jac, str)):
            return self.first(x, np.empty_like(x))
        begin = time.perf_counter()
        self._checking = self.binding is not None
        try:
            f = self.value(x)
        finally:
            self._checking = False
        self.seconds = self.cost_fun * (time.perf_counter() - begin)
        return f

    def _check_complex_step(self, x: np.ndarray, g: np.ndarray, f: float) -> None:
        """abs, norms and comparisons lose the imaginary part: compare with differences once."""
        differences = np.empty_like(g)
        self.jac, kept, step = "3-point", self.jac, self.step
        self.steps, given = NO_STEPS, self.steps
        self.step = difference_step("3-point", self.dtype, self._value)
        self.calls_jac += 1
        try:
            self._differences(x, differences, f)
        finally:
            self.jac, self.step, self.steps = kept, step, given
        # Where the bounds leave less room than a step, differences are rounding.
        room = np.broadcast_to(self.bounds[1] - self.bounds[0], self.n)
        narrow = room < difference_step("3-point", self.dtype, self._value)
        differences[narrow] = g[narrow]
        scale = max(float(np.abs(g).max()), float(np.abs(differences).max()))
        exact = self.dtype == np.float64 and not self._value
        tolerance = 1e-4 if exact else 1e-1
        error = np.abs(g.astype(float) - differences)
        if np.isfinite(scale) and scale > 0.0 and error.max() > tolerance * max(scale, 1e-3):
            worst = int(error.argmax())
            raise ValueError(
                f"jac='cs' does not suit fun: component {worst} of the gradient at x0 is "
                f"{g[worst]:g} by complex step and {differences[worst]:g} by differences. "
                "abs, norms and comparisons of x lose the imaginary part; use jac='3-point'."
            )


@functools.cache
def _numba(name: str) -> Any:
    """A module of `_numba`, imported late since it loads Numba; an import statement is slower."""
    return importlib.import_module(f".._numba.{name}", __package__)


def _is_c(function: Any) -> bool:
    return type(function).__name__ in ("CFunc", "LowLevelCallable")


def is_compiled(function: Any) -> bool:
    """A dispatcher, cfunc or LowLevelCallable; told without importing Numba."""
    return is_jitted(function) or _is_c(function)


def is_jitted(function: Any) -> bool:
    """A Numba function; told without importing Numba."""
    return hasattr(function, "py_func") and hasattr(function, "get_compile_result")
