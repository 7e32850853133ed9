"""What stands between a loop and the functions of a user: their addresses and arguments.

A context is the struct (fun, jac, args, scratch, step): addresses of the user's functions, the
user's arguments, the address of scratch rows, and the step of the differences. A function that
returns float32 travels as a tuple of its one address. The code below reads the struct without
counting references, which an exception that passes through would never give back; whoever calls
the entry holds them.
"""

from __future__ import annotations

import functools
import hashlib

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from .calls import emit_call
from .kinds import ADDRESS, EVALUATION, F4, F8, NONE
from .memory import view


def context_type(fun, jac, args):
    return types.Tuple((fun, jac, args, ADDRESS, F8))


@intrinsic
def context_address(typing_context, fun, jac, args, scratch, step):
    """Address of the context with these fields, on the caller's stack."""
    struct = context_type(fun, jac, args)

    def impl(context, builder, signature, values):
        value = context.make_tuple(builder, struct, values)
        slot = cgutils.alloca_once_value(builder, value)
        return builder.ptrtoint(slot, context.get_value_type(ADDRESS))

    return ADDRESS(fun, jac, args, scratch, step), impl


@intrinsic
def hold_context(typing_context, fun, jac, args):
    """Address of such a context that lasts, with references to what `args` hold."""
    struct = context_type(fun, jac, args)

    def impl(context, builder, signature, values):
        context.nrt.incref(builder, args, values[2])
        none = [context.get_constant(ADDRESS, 0), context.get_constant(F8, 0.0)]
        value = context.make_tuple(builder, struct, [*values, *none])
        size = context.get_constant(ADDRESS, context.get_abi_sizeof(value.type))
        memory = context.nrt.allocate(builder, size)
        builder.store(value, builder.bitcast(memory, value.type.as_pointer()))
        return builder.ptrtoint(memory, context.get_value_type(ADDRESS))

    return ADDRESS(fun, jac, args), impl


@intrinsic
def release_context(typing_context, address, fun, jac, args):
    """End the context that ``hold_context(fun, jac, args)`` made."""
    struct = context_type(fun, jac, args)

    def impl(context, builder, signature, values):
        pointer = builder.inttoptr(values[0], context.get_value_type(struct).as_pointer())
        context.nrt.decref(builder, args, builder.extract_value(builder.load(pointer), 2))
        context.nrt.free(builder, builder.bitcast(pointer, cgutils.voidptr_t))
        return context.get_dummy_value()

    return NONE(address, fun, jac, args), impl


def _offset(type_, i):
    """Bytes from the start of a tuple or an array struct to its field `i`."""
    from numba.core.registry import cpu_target

    context = cpu_target.target_context
    value = context.get_value_type(type_)
    if isinstance(value, ir.ArrayType):  # of a tuple whose elements have one type
        return i * value.element.get_abi_size(context.target_data)
    return value.get_element_offset(context.target_data, i)


def scratch_offset(fun, jac, args):
    """Bytes from the start of a context to `scratch`."""
    return _offset(context_type(fun, jac, args), 3)


@functools.lru_cache(maxsize=256)  # LLVM takes a millisecond to tell one
def argument_offset(fun, jac, args, index, field=None):
    """Bytes from the start of a context to one of the user's arguments.

    Parameters
    ----------
    fun, jac, args : Numba types
        Of the context's fields; `args` is a tuple's.
    index : int
        Which argument.
    field : str, optional
        A field of it, if it is an array: "data" is its address.
    """
    from numba.core.registry import cpu_target

    found = _offset(context_type(fun, jac, args), 2) + _offset(args, index)
    if field is not None:
        array = args.types[index]
        model = cpu_target.target_context.data_model_manager[array]
        found += _offset(array, model.get_field_position(field))
    return found


class ContextCalls:
    """Intrinsics that call what a context of one type holds; each takes the context's address."""

    def __init__(self, struct):
        self._struct = struct
        self.fun = self._numba(0, self._real, 1)
        self.complex_fun = self._numba(1, lambda x: types.complex128, 1)
        self.jac = self._numba(1, lambda x: x, 1)
        self.jac_in_place = self._numba(1, lambda x: NONE, 2)
        self.pair = self._numba(0, lambda x: types.Tuple((self._real(x), x)), 1)
        self.fused = self._numba(0, self._real, 2)
        self.prox = self._numba(1, lambda v: v, 2)
        self.prox_in_place = self._numba(1, lambda v: NONE, 3)
        self.c_fun = self._c(0, F8, 1)
        self.c_jac = self._c(1, NONE, 2)
        self.c_fused = self._c(0, F8, 2)
        self.scratch = self._field(3, ADDRESS)
        self.step = self._field(4, F8)

    def _real(self, x):
        return F4 if isinstance(self._struct.types[0], types.BaseTuple) else F8

    def _load(self, context, builder, address, index):
        pointer = builder.inttoptr(address, context.get_value_type(self._struct).as_pointer())
        field = builder.extract_value(builder.load(pointer), index)
        return builder.extract_value(field, 0) if index == 0 and self._real(None) is F4 else field

    def _field(self, index, type_):
        @intrinsic
        def read(typing_context, address):
            def impl(context, builder, signature, values):
                return self._load(context, builder, values[0], index)

            return type_(address), impl

        return read

    def _numba(self, index, returns_of, n_arguments):
        args_type = self._struct.types[2]

        def typed(address, *vectors):
            returns = returns_of(vectors[0])
            argument_types = (*vectors, *args_type.types)

            def impl(context, builder, signature, values):
                function = self._load(context, builder, values[0], index)
                args = self._load(context, builder, values[0], 2)
                rest = cgutils.unpack_tuple(builder, args, len(args_type)) if len(args_type) else []
                return emit_call(
                    context, builder, function, returns, argument_types, [*values[1:], *rest]
                )

            return returns(address, *vectors), impl

        return _taking(n_arguments, typed)

    def _c(self, index, returns, n_vectors):
        """``returns f(int n, double *x, ..., void *user_data)``.

        user_data is passed to functions that do not declare it, too: in the C calling convention
        of every platform that Numba supports the caller owns the argument list, so it is ignored.
        """

        def impl(context, builder, signature, values):
            address, *arrays = values
            views = [
                make_array(type_)(context, builder, value)
                for type_, value in zip(signature.args[1:], arrays, strict=True)
            ]
            size = builder.trunc(builder.extract_value(views[0].shape, 0), ir.IntType(32))
            user_data = builder.extract_value(self._load(context, builder, address, 2), index)
            pointer = context.get_value_type(types.voidptr)
            arguments = [
                size,
                *(builder.bitcast(view.data, pointer) for view in views),
                builder.inttoptr(user_data, pointer),
            ]
            result_type = ir.VoidType() if returns is NONE else context.get_value_type(returns)
            function_type = ir.FunctionType(result_type, [a.type for a in arguments])
            function = self._load(context, builder, address, index)
            result = builder.call(builder.inttoptr(function, function_type.as_pointer()), arguments)
            return context.get_dummy_value() if returns is NONE else result

        return _taking(n_vectors, lambda address, *vectors: (returns(address, *vectors), impl))


def _taking(count, typed):
    """Intrinsic of an address and so many arguments; Numba looks for their names."""

    def one(typing_context, address, x):
        return typed(address, x)

    def two(typing_context, address, x, g):
        return typed(address, x, g)

    def three(typing_context, address, v, step, out):
        return typed(address, v, step, out)

    return intrinsic((one, two, three)[count - 1])


def _vector_at(real):
    @intrinsic
    def vector(typing_context, address, n):
        return view(real, address, n)

    return vector


def adapter(style, make, real, struct, signature=EVALUATION):
    """Code (for an `intrinsic`): address of the evaluation for contexts of the type `struct`.

    ``make(call, vector)`` returns the Python text of the evaluation of this style, or of what else
    has the signature; it is compiled inside the function that calls the intrinsic, and so is cached
    on disk with it.
    """
    plain = signature
    function = make(ContextCalls(struct), _vector_at(real))
    # The name of the compiled symbol comes from this one. Two adapters of the same name, one from
    # the disk cache and one compiled here, would be taken for each other.
    kind = f"{function.__name__} {style} {real} {struct}"
    function.__qualname__ = "adapter_" + hashlib.sha256(kind.encode()).hexdigest()[:32]

    def impl(context, builder, signature, values):
        result = context.compile_subroutine(builder, function, plain)
        code = context.declare_function(builder.module, result.fndesc)
        return builder.ptrtoint(code, context.get_value_type(ADDRESS))

    return impl
