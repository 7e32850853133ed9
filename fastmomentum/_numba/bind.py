"""From a user's compiled functions to an entry and two addresses."""

from __future__ import annotations

import ctypes
import re
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.core import errors, types
from numba.core.ccallback import CFunc

from . import contexts, entry, kinds, native
from .interrupts import interrupts_kept
from .jit import FLAGS
from .warned import functions_in_tuples, quiet_about, warnings_at_the_call
from .workers import is_parallel, starts_threads


class NotCompilable(TypeError):
    """The objective cannot be called from a compiled loop; the message says why in one line."""


class UntypedArgument(NotCompilable):
    """Numba has no type for one of the args; `remedy` says what to pass, if that is known."""

    def __init__(self, message: str, remedy: str):
        super().__init__(" ".join((f"{message}." if remedy else message, remedy)).strip())
        self.remedy = remedy


class Binding(NamedTuple):
    """How a compiled loop reaches one objective."""

    entry: Any  # the entry, compiled for the types of args
    signature: Any  # that of the drivers
    evaluate_row: int  # address of the driver that evaluates one row
    fun: int | tuple[int]  # the address; in a tuple if it returns float32
    jac: int
    c_data: tuple[int, int] | None = None  # passed instead of args (C functions)
    thin: tuple = ()  # adapters that the addresses belong to
    single: bool = False  # fun returns float32, and jac are differences
    code: tuple = ()  # what the addresses belong to: (dispatcher, types, library), weakly
    parallel: bool = False  # the functions start threads of Numba's

    def is_current(self) -> bool:
        """Are the addresses still those of the functions? Not after a ``recompile()``."""
        for dispatcher, argument_types, library in self.code:
            found = dispatcher()
            result = None if found is None else found.overloads.get(argument_types)
            if result is None or result.library is not library():
                return False
        return True


class _Hashed(tuple):
    """A tuple that is hashed once: hashing Numba's types takes longer than all else in a lookup."""

    _hash: int

    def __new__(cls, values: tuple) -> _Hashed:
        made = super().__new__(cls, values)
        made._hash = hash(values)
        return made

    def __hash__(self) -> int:
        return self._hash


_PLACE = re.compile(r'^File "(?:.*[/\\])?(.+)", line (\d+):', re.MULTILINE)
_PYTHON_FUNCTION = re.compile(r"Untyped global name '(.+)': .* <class 'function'>")


def reason(error: BaseException) -> str:
    """The first telling line of one of Numba's long messages, and which line of code it is of."""
    text = str(error)
    lines = [line.strip() for line in text.splitlines()]
    noise = ("Failed in", "During:", "File ", "This error", "There are", "-", "In definition")
    telling = [line for line in lines if line and not line.startswith(noise)]
    found = telling[0] if telling else type(error).__name__
    if found.endswith("for signature:") and len(telling) > 1:
        found = f"No implementation of {telling[1].removeprefix('>>> ')}"
    python = _PYTHON_FUNCTION.match(found)
    if python:
        found = f"{python[1]} is a Python function, and must have @njit, too"
    place = _PLACE.search(text)
    return f"{found[:300]} ({place[1]}, line {place[2]})" if place else found[:300]


# -- C functions -----------------------------------------------------------------------------------


def _from_python_api(name: str, *types_: Any) -> Any:
    # A prototype of our own: ctypes.pythonapi's functions are shared with everyone.
    return ctypes.PYFUNCTYPE(*types_)((name, ctypes.pythonapi))


_OBJECT, _NAME, _ADDRESS = ctypes.py_object, ctypes.c_char_p, ctypes.c_void_p
_capsule_name = _from_python_api("PyCapsule_GetName", _NAME, _OBJECT)
_capsule_pointer = _from_python_api("PyCapsule_GetPointer", _ADDRESS, _OBJECT, _NAME)
_capsule_context = _from_python_api("PyCapsule_GetContext", _ADDRESS, _OBJECT)


def c_address(function: Any) -> tuple[int, int] | None:
    """(address, user_data) of a ``numba.cfunc`` or SciPy ``LowLevelCallable``, else None."""
    if isinstance(function, CFunc):
        return int(function.address or 0), 0
    if type(function).__name__ == "LowLevelCallable" and isinstance(function, tuple):
        capsule = tuple.__getitem__(function, 0)  # indexing it is an error, for SciPy's users
        name = _capsule_name(capsule)
        return _capsule_pointer(capsule, name) or 0, _capsule_context(capsule) or 0
    return None


def c_arguments(function: Any) -> tuple[str, ...]:
    """Kinds of the C function's return value and parameters, such as ``double, int, double *``."""
    if isinstance(function, CFunc):
        signature: Any = function._sig  # type: ignore[attr-defined]
        names = {types.float64: "double", types.intc: "int", types.none: "void"}
        names |= {types.CPointer(types.float64): "double *", types.voidptr: "void *"}
        return tuple(names.get(t, str(t)) for t in (signature.return_type, *signature.args))
    returns, _, rest = str(function.signature).partition("(")
    rest = rest.rstrip().rstrip(")")
    parts = [returns, *(part for part in rest.split(",") if part.strip())]
    return tuple(" ".join(p.replace("*", " * ").replace("const", "").split()) for p in parts)


def c_callable(function: Any) -> Callable:
    """A C function as one that Python calls with x, or with x and an array to write into."""
    address, data = c_address(function) or (0, 0)
    returned, *parameters = c_arguments(function)
    pointers = [ctypes.c_void_p] * (parameters.count("double *") + 1)
    kind = ctypes.c_double if returned == "double" else None
    # Without a parameter for it, the last argument is ignored.
    call = ctypes.CFUNCTYPE(kind, ctypes.c_int, *pointers)(address)
    if len(pointers) == 2:
        return lambda x: call(x.size, x.ctypes.data, data)
    return lambda x, out: call(x.size, x.ctypes.data, out.ctypes.data, data)


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
        "return 1.0 * f(x{a})",
        "return f(x{a}).item()",
        "r = f(x{a})\n    if r.size != 1:\n        raise ValueError('fun must return a scalar')\n"
        "    return 1.0 * r[0]",
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
        "    for i in range(out.size):\n        out[i] = r[1][i]\n    return 1.0 * r[0]",
    ),
    "fused": ("return 1.0 * f(x, out{a})",),
}


def _code(
    role: str, function: Any, signatures: tuple, thin_signature: Any, keep: list
) -> tuple[Any, Any]:
    """(compile result, its signature: one of `signatures`, or that of a thin adapter).

    The adapter, compiled for this one function, converts what the function returns (a float32
    array, a list, a slice, an int, an array of one element) or takes (defaults, ``*args``, only
    the signatures that it was declared with).
    """
    failures: list[BaseException] = []
    for signature in signatures:
        try:
            return native.compiled(function, signature), signature
        except COMPILE_ERRORS as error:
            failures.append(error)
    n_args = len(thin_signature.args) - (1 if role == "fun" else 2)
    names = "".join(f", a{i}" for i in range(n_args))
    out = "" if role == "fun" else ", out"
    for body in _THIN_BODIES[role]:
        text = f"def thin(x{out}{names}):\n    {body.format(a=names)}\n"
        try:
            thin = _thin(function, text)
            result = native.compiled(thin, thin_signature)
            keep.append(thin)
            return result, thin_signature
        except COMPILE_ERRORS as error:
            failures.append(error)
    name = getattr(function, "__name__", role)
    telling = [e for e in failures if not isinstance(e, native.StaleCompilation)] or failures
    kind = "jac" if role.startswith("jac") else "fun"
    name = name if name == kind else f"{kind} {name}"
    raise NotCompilable(f"{name}: {reason(telling[0])}") from None


COMPILE_ERRORS = (errors.NumbaError, TypeError, ValueError, RuntimeError, NotImplementedError)


def _thin(function: Any, text: str) -> Any:
    """The function `thin` of `text`, in which `f` is `function`."""
    scope: dict[str, Any] = {"f": function}
    exec(text, scope)  # one of this file's literal texts
    return numba.njit(**FLAGS)(scope["thin"])


def _kind(value: Any) -> Any:
    """What decides the Numba type of an argument, or that type; the former is told sooner."""
    cls = type(value)
    if cls is float or cls is bool or (cls is int and value.bit_length() < 32):
        return cls
    if cls is np.ndarray and value.dtype.isbuiltin:
        flags = value.flags
        return value.dtype, value.ndim, flags.c_contiguous, flags.f_contiguous, flags.writeable
    if cls is tuple:
        return cls, *map(_kind, value)
    return numba.typeof(value)


def _of_each(tell: Callable, args: tuple) -> tuple:
    """``tell(a)`` for each argument; an error if Numba knows no type for one."""
    told = []
    try:
        for a in args:
            told.append(tell(a))
    except (ValueError, errors.NumbaError) as error:
        name = f"args[{len(told)}]"
        raise UntypedArgument(f"{name}: {reason(error)}", remedy(name, args[len(told)])) from None
    return tuple(told)


def types_of(args: tuple) -> tuple:
    """The Numba types of arguments."""
    return _of_each(numba.typeof, args)


def returns_single(fun: Any, rest: tuple, dtype: np.dtype) -> bool:
    """Does a Numba function return float32? It was compiled for x and arguments of these types."""
    x = kinds.vector_type(kinds.F8 if dtype == np.float64 else kinds.F4)
    code = fun.overloads.get((x, *rest))
    return code is not None and code.signature.return_type == kinds.F4


def remedy(name: str, value: Any) -> str:
    """What to pass instead of a value that Numba has no type for; empty if nobody knows."""
    kind = type(value).__name__
    if hasattr(value, "to_numpy"):  # of pandas, polars, xarray, ...
        return f"{name} is a {kind}, of which Numba knows nothing: pass {name}.to_numpy()."
    if hasattr(value, "tocsr"):
        return (
            f"{name} is a {kind}, of which Numba knows nothing: pass its arrays, such as the data, "
            "indices and indptr of a csr_array."
        )
    return ""


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
        with interrupts_kept():
            binding = _bind_c(fun, jac, args, dtype)
        return binding._replace(parallel=starts_threads(fun, jac))
    mark = jac if isinstance(jac, bool | str) else weakref.ref(jac)
    key = (_of_each(_kind, args), dtype.char, in_place, mark)
    memo = _bindings.setdefault(fun, {})
    known = memo.get(key) or _thin_bindings.get((id(fun), key))
    if known is not None and known.is_current():
        return known
    with interrupts_kept(), warnings_at_the_call():
        argument_types = types_of(args)
        binding = _bind(fun, jac, argument_types, dtype, in_place)
    code = (*_overloads(fun, argument_types), *_overloads(jac, argument_types))
    parallel = starts_threads(*binding.thin) or any(is_parallel(library()) for *_, library in code)
    binding = binding._replace(code=code, parallel=parallel)
    for dead in [k for k in memo if isinstance(k[-1], weakref.ref) and k[-1]() is None]:
        del memo[dead]
    if binding.thin:
        _thin_bindings[id(fun), key] = binding
        if len(_thin_bindings) > MOST_THIN_BINDINGS:
            del _thin_bindings[next(iter(_thin_bindings))]
    else:
        memo[key] = binding
    return binding


# An adapter refers to the function it adapts, and Numba's functions in a cycle are never freed:
# these bindings keep theirs alive, hence few of them.
_thin_bindings: dict[tuple, Binding] = {}
MOST_THIN_BINDINGS = 32


def _overloads(function: Any, argument_types: tuple) -> tuple:
    """What the code of `function` for these arguments is, to notice a recompilation."""
    return tuple(
        (weakref.ref(function), _Hashed(signature), weakref.ref(result.library))
        for signature, result in getattr(function, "overloads", {}).items()
        if signature[-len(argument_types) or len(signature) :] == argument_types
    )


def is_plain(type_: Any) -> bool:
    """Can this type be in the index of a disk cache that other programs read?

    The index holds the types pickled, and a namedtuple's by reference to its class: a program
    that cannot import that class could not read the index at all.
    """
    if isinstance(type_, types.BaseNamedTuple):
        return False
    if isinstance(type_, types.BaseTuple):
        members: Any = type_
        return all(map(is_plain, members.types))
    if isinstance(type_, types.Array):
        return is_plain(type_.dtype)
    plain = types.Number | types.Boolean | types.UnicodeType | types.NoneType
    return isinstance(type_, plain | types.Record | types.NPDatetime | types.NPTimedelta)


def holds_functions(type_: Any) -> bool:
    """Is it the type of a function, or of a tuple with some in it?"""
    if isinstance(type_, types.BaseTuple):
        members: Any = type_
        return any(map(holds_functions, members.types))
    return isinstance(type_, types.Dispatcher | types.FunctionType)


_uncached: dict[str, Any] = {}


def entry_function(function: Any, plain: bool) -> Any:
    """A function of `entry`; one that is not cached where its types are not plain."""
    if plain:
        return function
    name = function.py_func.__qualname__
    if name not in _uncached:
        _uncached[name] = numba.njit(**FLAGS)(function.py_func)
    return _uncached[name]


def compiled_entry(style: str, precision: str, fun_type: Any, args: Any) -> tuple[Any, Any]:
    """(an entry, its compile result for these types)."""
    signature = entry.DRIVER_SIGNATURES[precision]
    function = entry_function(entry.entry_of(style, precision), is_plain(args))
    result = native.compiled(
        function,
        kinds.NONE(
            kinds.ADDRESS,  # driver
            fun_type,
            kinds.ADDRESS,  # jac
            args,
            kinds.ADDRESS,  # scratch
            kinds.F8,  # step of the differences
            *signature.args[2:],
        ),
    )
    return function, result


def fun_type(single: bool) -> Any:
    """How the address of fun travels."""
    return types.UniTuple(kinds.ADDRESS, 1) if single else kinds.ADDRESS


def _finish(style: str, precision: str, fun: Any, jac: int, args: Any) -> Binding:
    """The binding, its entry compiled or loaded for these types."""
    signature = entry.DRIVER_SIGNATURES[precision]
    entry_, result = compiled_entry(style, precision, fun_type(isinstance(fun, tuple)), args)
    if holds_functions(args):
        # Numba would look at their types in each call, and warn each time.
        entry_ = result.entry_point
    evaluate_row = native.address_of(entry.evaluate_row, signature)
    return Binding(entry_, signature, evaluate_row, fun, jac)


class Code(NamedTuple):
    """The user's functions as compiled for one set of types."""

    style: str  # which entry calls them
    fun: Any  # compile result
    jac: Any  # or None
    single: bool  # fun returns float32
    thin: tuple  # adapters among them


def compile_functions(fun: Any, jac: Any, rest: tuple, dtype: np.dtype, in_place: bool) -> Code:
    """`fun` and `jac` compiled for an x of this dtype and further arguments of the types `rest`.

    Parameters as those of `bind`, without C functions.
    """
    real = kinds.F8 if dtype == np.float64 else kinds.F4
    x, f8, none = kinds.vector_type(real), kinds.F8, kinds.NONE
    values = (f8,) if real == f8 else (f8, real)
    jac_code = None
    keep: list = []
    fused = f8(x, x, *rest)
    if jac is True and in_place:
        style = "fused"
        fun_code, found = _code("fused", fun, tuple(v(x, x, *rest) for v in values), fused, keep)
        single = found.return_type != f8
    elif jac is True:
        pairs = tuple(types.Tuple((v, x))(x, *rest) for v in values)
        fun_code, found = _code("pair", fun, pairs, fused, keep)
        style = "fused" if found is fused else "pair"
        single = found is not fused and found.return_type.types[0] != f8
    else:
        plain = tuple(v(x, *rest) for v in values)
        fun_code, found = _code("fun", fun, plain, plain[0], keep)
        single = found.return_type != f8
        if jac == "2-point":
            style = "two_point"
        elif jac == "3-point":
            style = "three_point"
        elif jac == "cs":
            style = "complex_step"
            jac_code = _complex_code(fun, real, rest, keep)
        elif c_address(jac) is not None:
            raise NotCompilable("fun must be a C function when jac is one")
        else:
            filling = none(x, x, *rest)
            role = "jac_in_place" if in_place else "jac"
            direct = filling if in_place else x(x, *rest)
            jac_code, found = _code(role, jac, (direct,), filling, keep)
            style = "returning" if found.return_type == x else "in_place"
    return Code(style, fun_code, jac_code, single, tuple(keep))


def _bind(fun: Any, jac: Any, rest: tuple, dtype: np.dtype, in_place: bool) -> Binding:
    code = compile_functions(fun, jac, rest, dtype, in_place)
    address = native.code_address(code.fun)
    with functions_in_tuples():
        binding = _finish(
            code.style,
            dtype.name,
            (address,) if code.single else address,
            0 if code.jac is None else native.code_address(code.jac),
            types.Tuple(rest),
        )
    single = isinstance(jac, str) and returns_single(fun, rest, dtype)
    return binding._replace(thin=code.thin, single=single)


def _complex_code(fun: Any, real: Any, rest: tuple, keep: list) -> Any:
    """fun compiled for complex x; a real return type would lose the derivative silently."""
    z = types.Array(types.complex128 if real == kinds.F8 else types.complex64, 1, "C")
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
            return native.compiled(fun, found(z, *rest))
        names = "".join(f", a{i}" for i in range(len(rest)))
        thin = _thin(fun, f"def thin(x{names}):\n    return complex(f(x{names}))\n")
        keep.append(thin)
        return native.compiled(thin, types.complex128(z, *rest))
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


def batch_patches(binding: Binding, args: tuple, which: tuple[bool, ...]) -> np.ndarray:
    """How a batch moves its args from one problem to the next, see ``layout.BATCH_FIELDS``."""
    of_problem = [a[0] if batched else a for a, batched in zip(args, which, strict=True)]
    with quiet_about(args):
        args_type = types.Tuple(tuple(map(numba.typeof, of_problem)))
    patches = []
    for i, (rows, batched) in enumerate(zip(args, which, strict=True)):
        if batched:
            field, size = ("data", 0) if rows.ndim > 1 else (None, rows.itemsize)
            struct = (fun_type(isinstance(binding.fun, tuple)), kinds.ADDRESS, args_type)
            offset = contexts.argument_offset(*struct, i, field)
            patches.append((offset, rows.ctypes.data, rows.strides[0], size))
    return np.array(patches, np.int64).reshape(-1, 4)


def row_patches(binding: Binding, blocks: tuple[np.ndarray, ...]) -> np.ndarray:
    """How a loop over mini-batches moves these contiguous arrays, see ``layout.PATCH_FIELDS``."""
    args_type = types.Tuple(tuple(map(numba.typeof, blocks)))
    struct = (fun_type(isinstance(binding.fun, tuple)), kinds.ADDRESS, args_type)
    patches = []
    for i, block in enumerate(blocks):
        offsets = [
            contexts.argument_offset(*struct, i, name) for name in ("data", "nitems", "shape")
        ]
        patches.append((*offsets, block.ctypes.data, block.strides[0], block[0].size))
    return np.array(patches, np.int64)
