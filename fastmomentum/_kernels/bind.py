"""From a user's compiled functions to an entry and two addresses."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.core import errors, types
from numba.core.ccallback import CFunc

from . import abi, entry
from .jit import FLAGS


class NotCompilable(TypeError):
    """The objective cannot be called from a compiled loop; the message says why in one line."""


class Binding(NamedTuple):
    """How a compiled loop reaches one objective."""

    entry: Any  # the entry's dispatcher, compiled for the types of args
    signature: Any  # that of the drivers
    evaluate_row: int  # address of the driver that evaluates one row
    fun: int
    jac: int
    c_data: tuple[int, int] | None  # passed instead of args (C functions)


def reason(error: BaseException) -> str:
    """The first telling line of one of Numba's long messages."""
    lines = [line.strip() for line in str(error).splitlines()]
    noise = ("Failed in", "During:", "File ", "This error", "There are", "-", "In definition")
    telling = [line for line in lines if line and not line.startswith(noise)]
    return (telling[0] if telling else type(error).__name__)[:300]


# -- C functions -----------------------------------------------------------------------------------


def c_address(function: Any) -> tuple[int, int] | None:
    """(address, user_data) of a ``numba.cfunc`` or SciPy ``LowLevelCallable``, else None."""
    if isinstance(function, CFunc):
        return function.address, 0
    if type(function).__name__ == "LowLevelCallable" and isinstance(function, tuple):
        capsule = tuple.__getitem__(function, 0)  # indexing it is an error, for SciPy's users
        python = ctypes.pythonapi
        python.PyCapsule_GetName.restype = ctypes.c_char_p
        python.PyCapsule_GetName.argtypes = [ctypes.py_object]
        python.PyCapsule_GetPointer.restype = ctypes.c_void_p
        python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        python.PyCapsule_GetContext.restype = ctypes.c_void_p
        python.PyCapsule_GetContext.argtypes = [ctypes.py_object]
        name = python.PyCapsule_GetName(capsule)
        address = python.PyCapsule_GetPointer(capsule, name)
        return address, python.PyCapsule_GetContext(capsule) or 0
    return None


def c_arguments(function: Any) -> tuple[str, ...]:
    """Kinds of the C function's return value and parameters, such as ``double, int, double *``."""
    if isinstance(function, CFunc):
        signature = function._sig
        names = {types.float64: "double", types.intc: "int", types.none: "void"}
        names |= {types.CPointer(types.float64): "double *", types.voidptr: "void *"}
        return tuple(names.get(t, str(t)) for t in (signature.return_type, *signature.args))
    returns, _, rest = str(function.signature).partition("(")
    rest = rest.rstrip().rstrip(")")
    parts = [returns, *(part for part in rest.split(",") if part.strip())]
    return tuple(" ".join(p.replace("*", " * ").replace("const", "").split()) for p in parts)


def _check_c(name: str, function: Any, expected: tuple[str, ...]) -> None:
    found = c_arguments(function)
    if found not in (expected, expected[:-1]):
        raise NotCompilable(
            f"{name} has the C signature {found[0]} ({', '.join(found[1:])}), expected "
            f"{expected[0]} ({', '.join(expected[1:-1])}) with or without a last void *user_data"
        )


# -- functions of one objective --------------------------------------------------------------------


_THIN_BODIES = {
    "fun": (
        "return float(f(x{a}))",
        "return f(x{a}).item()",
        "r = f(x{a})\n    if r.size != 1:\n        raise ValueError('fun must return a scalar')\n"
        "    return float(r[0])",
    ),
    "jac": (
        "r = f(x{a})\n    if len(r) != out.size:\n"
        "        raise ValueError('jac returned a gradient of another size than x')\n"
        "    for i in range(out.size):\n        out[i] = r[i]",
        "out[0] = f(x{a})",
    ),
    "jac_in_place": ("f(x, out{a})",),
    "pair": (
        "r = f(x{a})\n    if len(r[1]) != out.size:\n"
        "        raise ValueError('fun returned a gradient of another size than x')\n"
        "    for i in range(out.size):\n        out[i] = r[1][i]\n    return float(r[0])",
    ),
    "fused": ("return float(f(x, out{a}))",),
}


def _address(role: str, function: Any, signature: Any, thin_signature: Any) -> tuple[int, bool]:
    """(address, whether of a thin adapter around `function`).

    The adapter, compiled for this one function, converts what the function returns (a float32
    array, a list, a slice, an int, an array of one element) or takes (defaults, ``*args``, only
    the signatures that it was declared with).
    """
    failures: list[BaseException] = []
    try:
        return abi.address_of(function, signature), False
    except (errors.NumbaError, abi.ReturnTypeMismatch, abi.StaleCompilation) as error:
        failures.append(error)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        failures.append(error)
    n_args = len(thin_signature.args) - (1 if role == "fun" else 2)
    names = "".join(f", a{i}" for i in range(n_args))
    out = "" if role == "fun" else ", out"
    for body in _THIN_BODIES[role]:
        text = f"def thin(x{out}{names}):\n    {body.format(a=names)}\n"
        scope: dict[str, Any] = {"f": function}
        exec(text, scope)  # one of the literal texts above
        thin = numba.njit(**FLAGS)(scope["thin"])
        try:
            address = abi.address_of(thin, thin_signature)
        except (errors.NumbaError, abi.ReturnTypeMismatch, TypeError, ValueError) as error:
            failures.append(error)
            continue
        function.__dict__.setdefault("_fastmomentum_thin", []).append(thin)
        return address, True
    name = getattr(function, "__name__", role)
    raise NotCompilable(f"{name}: {reason(failures[0])}") from None


def _types_of(args: tuple) -> tuple:
    try:
        return tuple(numba.typeof(a) for a in args)
    except ValueError as error:
        raise NotCompilable(f"args: {reason(error)}") from None


# Weak in both, and the values hold neither: whoever runs a binding keeps fun and jac alive.
_bindings: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def bind(fun: Any, jac: Any, args: tuple, dtype: np.dtype, in_place: bool) -> Binding:
    """Binding of an objective to the compiled loops.

    Parameters
    ----------
    fun : dispatcher, cfunc or LowLevelCallable
    jac : the same kind, or True, "2-point", "3-point", "cs"
    args : tuple
    dtype : float32 or float64
    in_place : bool
        Whether jac (or fun, if jac is True) takes an array to write the gradient into.

    Raises
    ------
    NotCompilable
        If Numba cannot compile one of them for these arguments.
    """
    if c_address(fun) is not None:
        return _bind_c(fun, jac, args, dtype)
    argument_types = _types_of(args)
    memo = _bindings.setdefault(fun, {})
    key = (argument_types, dtype.char, jac if isinstance(jac, bool | str) else weakref.ref(jac))
    if key not in memo:
        memo[key] = _bind(fun, jac, argument_types, dtype, in_place)
    return memo[key]


def _finish(style: str, precision: str, fun: int, jac: int, context_args: Any) -> Binding:
    signature = getattr(entry, f"SIGNATURE_{precision}")
    entry_function = getattr(entry, f"entry_{style}_{precision}")
    entry_signature = abi.NONE(
        abi.ADDRESS,  # driver
        abi.ADDRESS,  # fun
        abi.ADDRESS,  # jac
        context_args,
        abi.ADDRESS,  # scratch
        abi.F8,  # step of the differences
        *signature.args[2:],
    )
    abi.compiled(entry_function, entry_signature)
    evaluate_row = abi.address_of(getattr(entry, f"evaluate_row_{precision}"), signature)
    return Binding(entry_function, signature, evaluate_row, fun, jac, None)


def _bind(fun: Any, jac: Any, rest: tuple, dtype: np.dtype, in_place: bool) -> Binding:
    real = abi.F8 if dtype == np.float64 else abi.F4
    x, f8, none = abi.vector_type(real), abi.F8, abi.NONE
    jac_address = 0
    if jac is True and in_place:
        fused = f8(x, x, *rest)
        fun_address, _ = _address("fused", fun, fused, fused)
        style = "fused"
    elif jac is True:
        pair = types.Tuple((f8, x))(x, *rest)
        fun_address, thin = _address("pair", fun, pair, f8(x, x, *rest))
        style = "fused" if thin else "pair"
    else:
        plain = f8(x, *rest)
        fun_address, _ = _address("fun", fun, plain, plain)
        if jac == "2-point":
            style = "two_point"
        elif jac == "3-point":
            style = "three_point"
        elif jac == "cs":
            style = "complex_step"
            jac_address = _complex_address(fun, real, rest)
        elif c_address(jac) is not None:
            raise NotCompilable("fun must be a C function when jac is one")
        elif in_place:
            filling = none(x, x, *rest)
            jac_address, _ = _address("jac_in_place", jac, filling, filling)
            style = "in_place"
        else:
            jac_address, thin = _address("jac", jac, x(x, *rest), none(x, x, *rest))
            style = "in_place" if thin else "returning"
    return _finish(style, dtype.name, fun_address, jac_address, types.Tuple(rest))


def _complex_address(fun: Any, real: Any, rest: tuple) -> int:
    """Address of fun for complex x; a real return type would lose the derivative silently."""
    z = types.Array(types.complex128 if real == abi.F8 else types.complex64, 1, "C")
    name = getattr(fun, "__name__", "fun")
    try:
        fun.compile((z, *rest))
        found = fun.overloads[(z, *rest)].signature.return_type
        if found not in (types.complex128, types.complex64):
            raise NotCompilable(
                f"{name} returns {found} for complex x, so jac='cs' cannot differentiate it; "
                "use jac='3-point'"
            )
        if found == types.complex128:
            return abi.address_of(fun, found(z, *rest))
        scope: dict[str, Any] = {"f": fun}
        names = "".join(f", a{i}" for i in range(len(rest)))
        exec(f"def thin(x{names}):\n    return complex(f(x{names}))\n", scope)
        thin = numba.njit(**FLAGS)(scope["thin"])
        fun.__dict__.setdefault("_fastmomentum_thin", []).append(thin)
        return abi.address_of(thin, types.complex128(z, *rest))
    except (errors.NumbaError, TypeError, ValueError, KeyError) as error:
        if isinstance(error, NotCompilable):
            raise
        raise NotCompilable(f"{name} does not compile for complex x: {reason(error)}") from None


def _bind_c(fun: Any, jac: Any, args: tuple, dtype: np.dtype) -> Binding:
    if args:
        raise NotCompilable("C functions take no args: pass user_data in the LowLevelCallable")
    if dtype != np.float64:
        raise NotCompilable("C functions take double: x0 must be float64")
    if isinstance(jac, str) and jac == "cs":
        raise NotCompilable("C functions take real x: jac='cs' is not possible")
    value = ("double", "int", "double *", "void *")
    fused = ("double", "int", "double *", "double *", "void *")
    gradient = ("void", "int", "double *", "double *", "void *")
    fun_address, user_data = c_address(fun) or (0, 0)
    jac_address, jac_data = 0, 0
    if jac is True:
        _check_c("fun", fun, fused)
        style = "c_fused"
    else:
        _check_c("fun", fun, value)
        if isinstance(jac, str):
            style = "c_two_point" if jac == "2-point" else "c_three_point"
        else:
            found = c_address(jac)
            if found is None:
                raise NotCompilable("jac must be a C function when fun is one")
            _check_c("jac", jac, gradient)
            jac_address, jac_data = found
            style = "c_in_place"
    context_args = types.UniTuple(types.int64, 2)
    binding = _finish(style, "float64", fun_address, jac_address, context_args)
    return binding._replace(c_data=(user_data, jac_data))
