"""A minimizer that a user's own compiled code calls.

Such code may stay in the user's disk cache, and be run by another process, where everything else
is at other addresses. So it holds no address but those of its own functions: what it is to call,
it asks Python for, at its first call, and keeps.
"""

from __future__ import annotations

import re
import uuid
import warnings
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, errors, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from .._language import layout
from . import contexts, kinds
from .bind import NotCompilable, compile_functions, compiled_entry, fun_type, returns_single
from .entry import driver_signature
from .jit import FLAGS
from .stack import with_room

NO_MEMORY, WRONG_SIZE = layout.CALL_FAILURES
_CALL = kinds.record(layout.CALL_FIELDS, kinds.I8)
# Code from a user's disk cache must not run where this differs: it would crash.
ABI = repr(
    (
        layout.CALL_FIELDS,
        layout.DIFFERENCE_FIELDS,
        layout.PLAN_FIELDS[0],
        driver_signature(kinds.F8),
    )
)


@intrinsic
def vector_like(typing_context, x0):
    """A new vector of the length of `x0`, in the precision that runs from there have."""
    if not isinstance(x0, types.Array) or x0.ndim != 1:
        raise errors.TypingError(f"x0 must be an array of one dimension, got {x0}")
    if not isinstance(x0.dtype, types.Integer | types.Float | types.Boolean):
        raise errors.TypingError(f"x0 must hold real numbers, got {x0}")
    real = kinds.F4 if x0.dtype == types.float32 else kinds.F8
    itemsize = real.bitwidth // 8

    def impl(context, builder, signature, values):
        # np.empty is a function, and has to be compiled.
        size = builder.extract_value(make_array(x0)(context, builder, values[0]).shape, 0)
        bytes_ = builder.mul(size, ir.Constant(size.type, itemsize))
        memory = context.nrt.meminfo_alloc_aligned(builder, bytes_, 32)
        data = context.nrt.meminfo_data(builder, memory)
        return _array(context, builder, signature.return_type, data, size, itemsize, memory)

    return kinds.vector_type(real)(x0), impl


def _array(context, builder, type_, data, size, itemsize, memory=None):
    """An array of `size` elements along each axis."""
    array = make_array(type_)(context, builder)
    item = ir.Constant(size.type, itemsize)
    populate_array(
        array,
        data=builder.bitcast(data, context.get_data_type(type_.dtype).as_pointer()),
        shape=[size] * type_.ndim,
        strides=[item] * type_.ndim,
        itemsize=item,
        meminfo=memory,
    )
    return array._getvalue()


class _OwnCopy:
    """The code of a compiled function under names that no other code has.

    Numba tells apart functions of one name, such as closures, by a number that is counted anew in
    each process. Code from a disk cache brings the number of another process: where that is in use
    here, the dynamic linker would take one function for the other.
    """

    def __init__(self, result, tag):
        self._reload_init = result.library._reload_init
        self._module = result.library._get_module_for_linking().clone()
        self.name = f"{result.fndesc.llvm_func_name}.{tag}"
        for function in self._module.functions:
            if function.name == result.fndesc.llvm_func_name:
                function.name = self.name
            elif not function.is_declaration and not function.name.startswith("NRT_"):
                function.linkage = "internal"

    def _ensure_finalized(self):
        pass

    def _get_module_for_linking(self):
        return self._module


def _emit_link(context, builder, result, tag):
    """A compiled function, to be called or its address taken."""
    copy = _OwnCopy(result, tag)
    context.add_linking_libs([copy])
    descriptor = result.fndesc
    function_type = context.call_conv.get_function_type(descriptor.restype, descriptor.argtypes)
    return cgutils.get_or_insert_function(builder.module, function_type, copy.name)


def _emit_plan(context, builder, recipe):
    """Address of the plan, kept in a variable of this code."""
    integer = context.get_value_type(kinds.ADDRESS)
    name = builder.module.get_unique_name("fastmomentum_plan")
    known = cgutils.add_global_variable(builder.module, integer, name)
    known.linkage = "internal"
    known.initializer = ir.Constant(integer, 0)
    size = context.get_abi_sizeof(integer)
    found = cgutils.alloca_once_value(builder, builder.load_atomic(known, "acquire", size))
    unknown = builder.icmp_unsigned("==", builder.load(found), ir.Constant(integer, 0))
    with builder.if_then(unknown, likely=False):
        python = context.get_python_api(builder)
        lock = python.gil_ensure()
        # Unpickling and the attribute import what they need, compile or load the loop, and raise
        # where this code is not for the library that is installed.
        made = python.unserialize(python.serialize_object(recipe))
        with builder.if_then(cgutils.is_not_null(builder, made)):
            number = python.object_getattr_string(made, "address")
            python.decref(made)
            with builder.if_then(cgutils.is_not_null(builder, number)):
                builder.store(python.number_as_ssize_t(number), found)
                python.decref(number)
        python.gil_release(lock)
        address = builder.load(found)
        with builder.if_then(builder.icmp_signed("<=", address, ir.Constant(integer, 0))):
            context.call_conv.return_exc(builder)
        builder.store_atomic(address, known, "release", size)
    return builder.load(found)


def _runner(fun, jac, takes_output, recipe_of, tag):
    """Intrinsic ``run(x, g, args)``: minimize from x, in place; returns the numbers of the call."""

    @intrinsic
    def run(typing_context, x, g, args):
        rest = tuple(types.unliteral(type_) for type_ in args.types)
        args_type = types.Tuple(rest)
        dtype = np.dtype(x.dtype.name)
        try:
            writer = fun if jac is True else jac
            if jac is not True and takes_output(fun, len(rest)):
                # A ValueError, which Numba does not bury in words of its own.
                raise ValueError(
                    "fun takes one parameter more than solve(x0, *args) gives it: pass jac=True to "
                    "minimizer if the second is for the gradient."
                )
            in_place = not isinstance(writer, str) and takes_output(writer, len(rest))
            code = with_room(compile_functions, fun, jac, rest, dtype, in_place)
            address_type = fun_type(code.single)
            _, entry = with_room(compiled_entry, code.style, dtype.name, address_type, args_type)
        except NotCompilable as error:
            raise errors.TypingError(str(error)) from None
        recipe = recipe_of(dtype, "float32" if returns_single(fun, rest, dtype) else "")
        recipe.address  # noqa: B018 - the loop is compiled, or loaded, while others are
        arguments = entry.signature.args

        def impl(context, builder, signature, values):
            integer = context.get_value_type(kinds.ADDRESS)
            call = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(8), _CALL.size))
            call_address = builder.ptrtoint(call, integer)

            def field(name):
                real = types.float64 if name in layout.REAL_FIELDS else types.int64
                place = builder.add(call_address, ir.Constant(integer, _CALL.offset(name)))
                return builder.inttoptr(place, context.get_value_type(real).as_pointer())

            def address_of(result):
                if result is None:
                    return ir.Constant(integer, 0)
                return builder.ptrtoint(_emit_link(context, builder, result, tag), integer)

            plan = _emit_plan(context, builder, recipe)
            arrays = [
                make_array(type_)(context, builder, value)
                for type_, value in zip(signature.args[:2], values[:2], strict=True)
            ]
            given = {
                "PLAN": plan,
                "SIZE": builder.extract_value(arrays[0].shape, 0),
                "X": builder.ptrtoint(arrays[0].data, integer),
                "JAC": builder.ptrtoint(arrays[1].data, integer),
                "SCRATCH": ir.Constant(
                    integer, contexts.scratch_offset(address_type, kinds.ADDRESS, args_type)
                ),
            }
            for name, value in given.items():
                builder.store(value, field(name))
            loop = builder.load(builder.inttoptr(plan, integer.as_pointer()))
            address = address_of(code.fun)
            if code.single:
                address = context.make_tuple(builder, address_type, [address])
            elements = cgutils.unpack_tuple(builder, values[2], len(rest)) if rest else []
            elements = [
                context.cast(builder, value, given_type, type_)
                for value, given_type, type_ in zip(elements, args.types, rest, strict=True)
            ]
            zero = ir.Constant(integer, 0)
            nothing = ir.Constant(cgutils.voidptr_t, None)  # the loop does not look at these
            passed = [
                loop,
                address,
                address_of(code.jac),
                context.make_tuple(builder, args_type, elements),
                zero,
                ir.Constant(ir.DoubleType(), 0.0),
                call_address,
                *(_array(context, builder, type_, nothing, zero, 8) for type_ in arguments[7:12]),
                zero,
            ]
            function = _emit_link(context, builder, entry, tag)
            status, _ = context.call_conv.call_function(
                builder, function, types.none, arguments, passed
            )
            with cgutils.if_unlikely(builder, status.is_error):
                # Numba leaves them to whoever catches the exception, that is, to nobody.
                for type_, value in zip(signature.args[:2], values[:2], strict=True):
                    context.nrt.decref(builder, type_, value)
                context.call_conv.return_status_propagate(builder, status)
            numbers = [builder.load(field(name)) for name in _OUTCOME]
            return context.make_tuple(builder, signature.return_type, numbers)

        fields = [kinds.F8 if name in layout.REAL_FIELDS else kinds.I8 for name in _OUTCOME]
        return types.Tuple(fields)(x, g, args), impl

    return run


_OUTCOME = ("STATUS", "FUN", "GRAD_NORM", "NIT", "NFEV", "NJEV")


def make_solver(fun: Any, jac: Any, takes_output: Any, recipe_of: Any, result_type: Any) -> Any:
    """Numba function ``solve(x0, *args)`` that returns a `result_type`.

    Parameters
    ----------
    fun, jac : dispatcher; jac may be True, "2-point" or "3-point"
    takes_output : callable
        ``takes_output(function, n_args)``: is the gradient written into an argument?
    recipe_of : callable
        ``recipe_of(dtype, value)``: what the plan's address can be had from in any process; a
        constant that can be pickled, with the attribute `address`. `value` is "float32" where that
        is what fun returns, else empty.
    result_type : type
        A namedtuple.
    """
    # Where the first of `args` is a function, Numba warns of the line that passes them on.
    warnings.filterwarnings(
        "ignore",
        category=errors.NumbaExperimentalFeatureWarning,
        module=re.escape(__file__.removesuffix(".py")),
    )
    tag = uuid.uuid4().hex
    run = _runner(fun, jac, takes_output, recipe_of, tag)

    def solve(x0, *args):
        if x0.size == 0:
            raise ValueError("x0 must have at least one element")
        x = vector_like(x0)
        for i in range(x0.size):
            x[i] = x0[i]
        g = vector_like(x0)
        status, f, grad_norm, nit, nfev, njev = run(x, g, args)
        if status == WRONG_SIZE:
            raise ValueError("x0 must have as many elements as bounds and x_scale")
        if status == NO_MEMORY:
            raise MemoryError("no memory for the vectors of a minimizer")
        return result_type(x, f, g, nit, nfev, njev, status, status == 0, grad_norm)

    solve.__qualname__ = f"solve_{tag}"
    flags: dict[str, Any] = {**FLAGS, "no_cfunc_wrapper": True}
    return numba.njit(**flags)(solve)
