"""Memory by its address.

The workspace is one raw address: views made of it own nothing, so that an exception that passes
through the loop (Numba does not release references then) cannot leak it.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from .kinds import ADDRESS, F8, NONE, vector_type

BYTES = ir.IntType(8).as_pointer()


# -- raw memory ------------------------------------------------------------------------------------


def emit_release(builder, address):
    function_type = ir.FunctionType(ir.VoidType(), [BYTES])
    function = cgutils.get_or_insert_function(builder.module, function_type, "NRT_Free")
    builder.call(function, [builder.inttoptr(address, BYTES)])


@intrinsic
def allocate(typing_context, size):
    """Address of `size` new bytes, 0 if there are none."""

    def impl(context, builder, signature, values):
        function_type = ir.FunctionType(BYTES, [values[0].type])
        function = cgutils.get_or_insert_function(builder.module, function_type, "NRT_Allocate")
        return builder.ptrtoint(builder.call(function, values), values[0].type)

    return ADDRESS(ADDRESS), impl


@intrinsic
def release(typing_context, memory):
    """Give back memory from `allocate`."""

    def impl(context, builder, signature, values):
        emit_release(builder, values[0])
        return context.get_dummy_value()

    return NONE(memory), impl


@intrinsic
def copy_memory(typing_context, to, source, size):
    """Copy `size` bytes from one address to another."""

    def impl(context, builder, signature, values):
        to_, source_ = (builder.inttoptr(address, BYTES) for address in values[:2])
        cgutils.raw_memcpy(builder, to_, source_, values[2], 1)
        return context.get_dummy_value()

    return NONE(to, source, size), impl


@intrinsic
def clear_memory(typing_context, to, size):
    """Set `size` bytes at an address to zero."""

    def impl(context, builder, signature, values):
        cgutils.memset(builder, builder.inttoptr(values[0], BYTES), values[1], 0)
        return context.get_dummy_value()

    return NONE(to, size), impl


# -- views of it -----------------------------------------------------------------------------------


def view_of(context, builder, view_type, address, n):
    data_type = context.get_data_type(view_type.dtype)
    size = ir.Constant(context.get_value_type(ADDRESS), context.get_abi_sizeof(data_type))
    view = make_array(view_type)(context, builder)
    populate_array(
        view,
        data=builder.inttoptr(address, data_type.as_pointer()),
        shape=[n],
        strides=[size],
        itemsize=size,
        meminfo=None,
    )
    return view._getvalue()


def view(dtype, *given):
    """An intrinsic's answer: numbers of this dtype at the address that it is given, and their n."""
    view_type = vector_type(dtype)

    def impl(context, builder, signature, values):
        return view_of(context, builder, view_type, *values[:2])

    return view_type(*given), impl


@intrinsic
def vector_at(typing_context, address, n, like):
    """`n` numbers at an address, as an array of the dtype of the array `like`."""
    return view(like.dtype, address, n, like)


@intrinsic
def complex_row(typing_context, address, n, like):
    """View of `n` complex numbers at an address, of the precision of the array `like`."""
    return view(types.complex128 if like.dtype == F8 else types.complex64, address, n, like)


@intrinsic
def numbers_at(typing_context, address, like):
    """Pointer to numbers of the dtype of the array `like`."""
    pointer = types.CPointer(like.dtype)

    def impl(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(pointer))

    return pointer(address, like), impl


@intrinsic
def address_of_numbers(typing_context, array):
    """Address of the first number of an array."""

    def impl(context, builder, signature, values):
        data = make_array(signature.args[0])(context, builder, values[0]).data
        return builder.ptrtoint(data, context.get_value_type(ADDRESS))

    return ADDRESS(array), impl
