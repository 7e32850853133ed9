"""How a user's compiled function is called from a loop that was compiled before it.

The only file that uses Numba's internals. A loop must not take the user's dispatcher as an
argument: it would be compiled anew for each objective, and never be found in the disk cache. It
takes integers instead: the address of a function with the universal signature

    evaluate(x, g, n, context) -> float64        returns fun(x), writes the gradient to g

where x and g are addresses too (an array travels as seven arguments: 20 ns more per call), and
`context` is that of a struct on the entry's stack that holds the addresses of the user's functions
and the user's arguments. All calls but those of C functions follow Numba's own calling convention,
so that exceptions propagate.
"""

from __future__ import annotations

import hashlib

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed, impl_ret_new_ref
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from .jit import jit_disabled

F8, F4, I8, ADDRESS, NONE = types.float64, types.float32, types.int64, types.intp, types.none


def vector_type(real):
    """Numba type of a contiguous vector of `real`."""
    return types.Array(real, 1, "C")


# evaluate(address of x, address of g, n, address of the context) -> fun
EVALUATION = F8(ADDRESS, ADDRESS, ADDRESS, ADDRESS)


class StaleCompilation(RuntimeError):
    """Numba's disk cache gave code of another signature (two processes wrote it at once)."""


class ReturnTypeMismatch(TypeError):
    """The function compiles, but returns another type than the one needed."""

    def __init__(self, found, expected):
        super().__init__(f"returns {found}, expected {expected}")
        self.found = found


def compiled(dispatcher, signature):
    """Compile result of `dispatcher` for exactly `signature`.

    Code of another signature called by address is memory corruption, hence both checks: Numba
    below 0.68 ignores a declared return type, and its disk cache can mix up two signatures.
    """
    result = dispatcher.get_compile_result(signature)
    found = result.signature
    if tuple(found.args) != tuple(signature.args):
        raise StaleCompilation(f"{dispatcher} holds {found.args} for {signature.args}")
    if signature.return_type is not None and found.return_type != signature.return_type:
        raise ReturnTypeMismatch(found.return_type, signature.return_type)
    return result


def address_of(dispatcher, signature):
    """Address of the native code of `dispatcher`; valid as long as `dispatcher` lives."""
    result = compiled(dispatcher, signature)
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


# -- calls by address ------------------------------------------------------------------------------


def _emit_call(context, builder, address, returns, argument_types, values):
    convention = context.call_conv
    function_type = convention.get_function_type(returns, argument_types)
    pointer = builder.inttoptr(address, function_type.as_pointer())
    status, result = convention.call_function(builder, pointer, returns, argument_types, values)
    with cgutils.if_unlikely(builder, status.is_error):
        convention.return_status_propagate(builder, status)
    return impl_ret_new_ref(context, builder, returns, result)


def _typed_call(returns, address, plain, args):
    """Signature and code of ``returns f(*plain, *args)``, `args` being a tuple."""
    argument_types = (*plain, *args.types)

    def impl(context, builder, signature, values):
        unpacked = cgutils.unpack_tuple(builder, values[-1], len(args)) if len(args) else []
        return _emit_call(
            context, builder, values[0], returns, argument_types, [*values[1:-1], *unpacked]
        )

    return returns(address, *plain, args), impl


@intrinsic
def call_evaluate(typing_context, address, x, g, n, context_address):
    """``evaluate(x, g, n, context)`` at an address, all of them integers."""

    def impl(context, builder, signature, values):
        return _emit_call(
            context, builder, values[0], F8, EVALUATION.args, list(values[1:])
        )

    return F8(address, *EVALUATION.args), impl


@intrinsic
def call_fun(typing_context, address, x, args):
    """``fun(x, *args) -> float64``; `x` may be complex, and so is the value then."""
    returns = types.complex128 if isinstance(x.dtype, types.Complex) else F8
    return _typed_call(returns, address, (x,), args)


@intrinsic
def call_jac(typing_context, address, x, args):
    """``jac(x, *args) -> array`` of the type of x."""
    return _typed_call(x, address, (x,), args)


@intrinsic
def call_jac_in_place(typing_context, address, x, g, args):
    """``jac(x, out, *args) -> None``."""
    return _typed_call(NONE, address, (x, g), args)


@intrinsic
def call_pair(typing_context, address, x, args):
    """``fun(x, *args) -> (float64, array)``."""
    return _typed_call(types.Tuple((F8, x)), address, (x,), args)


@intrinsic
def call_fused(typing_context, address, x, g, args):
    """``fun(x, out, *args) -> float64``, which writes the gradient into out."""
    return _typed_call(F8, address, (x, g), args)


def _c_call(returns, n_arrays):
    """Code of a C call ``returns f(int n, double *, ..., void *user_data)``.

    user_data is passed to functions that do not declare it, too: in the C calling convention of
    every platform that Numba supports the caller owns the argument list, so it is ignored.
    """

    def impl(context, builder, signature, values):
        address, *arrays, user_data = values
        first = make_array(signature.args[1])(context, builder, arrays[0])
        size = builder.trunc(builder.extract_value(first.shape, 0), ir.IntType(32))
        pointers = [
            make_array(type_)(context, builder, value).data
            for type_, value in zip(signature.args[1:], arrays, strict=False)
        ]
        pointer_type = context.get_value_type(types.voidptr)
        arguments = [
            size,
            *(builder.bitcast(p, pointer_type) for p in pointers),
            builder.inttoptr(user_data, pointer_type),
        ]
        result_type = ir.VoidType() if returns is NONE else context.get_value_type(returns)
        function_type = ir.FunctionType(result_type, [a.type for a in arguments])
        result = builder.call(builder.inttoptr(address, function_type.as_pointer()), arguments)
        return context.get_dummy_value() if returns is NONE else result

    return impl


@intrinsic
def call_c_fun(typing_context, address, x, user_data):
    """``double fun(int n, double *x, void *user_data)``."""
    return F8(address, x, user_data), _c_call(F8, 1)


@intrinsic
def call_c_jac(typing_context, address, x, g, user_data):
    """``void jac(int n, double *x, double *g, void *user_data)``."""
    return NONE(address, x, g, user_data), _c_call(NONE, 2)


@intrinsic
def call_c_fused(typing_context, address, x, g, user_data):
    """``double fun(int n, double *x, double *g, void *user_data)``."""
    return F8(address, x, g, user_data), _c_call(F8, 2)


# -- context and adapters --------------------------------------------------------------------------


@intrinsic
def stack_address(typing_context, value):
    """Address of a copy of `value` on the caller's stack."""

    def impl(context, builder, signature, values):
        slot = cgutils.alloca_once_value(builder, values[0])
        return builder.ptrtoint(slot, context.get_value_type(ADDRESS))

    return ADDRESS(value), impl


def _loader(value_type):
    @intrinsic
    def load(typing_context, address):
        def impl(context, builder, signature, values):
            pointer = builder.inttoptr(values[0], context.get_value_type(value_type).as_pointer())
            return impl_ret_borrowed(context, builder, value_type, builder.load(pointer))

        return value_type(address), impl

    return load


def _vector_at(real):
    view_type = vector_type(real)

    @intrinsic
    def vector(typing_context, address, n):
        def impl(context, builder, signature, values):
            return _view(context, builder, view_type, *values)

        return view_type(address, n), impl

    return vector


def adapter(make_evaluate, real):
    """Intrinsic ``f(context_tuple)``: address of an evaluation for this type of context.

    ``make_evaluate(load, vector)`` returns the Python text of the evaluation; it is compiled inside
    the function that calls the intrinsic, and so is cached on disk with it.
    """

    @intrinsic
    def adapter_address(typing_context, context_tuple):
        evaluate = make_evaluate(_loader(context_tuple), _vector_at(real))
        # The name of the compiled symbol comes from this one. Two adapters of the same name, one
        # from the disk cache and one compiled here, would be taken for each other.
        kind = f"{make_evaluate.__name__} {real} {context_tuple}"
        evaluate.__qualname__ = "adapter_" + hashlib.sha256(kind.encode()).hexdigest()[:32]

        def impl(context, builder, _, values):
            result = context.compile_subroutine(builder, evaluate, EVALUATION)
            function = context.declare_function(builder.module, result.fndesc)
            return builder.ptrtoint(function, context.get_value_type(ADDRESS))

        return ADDRESS(context_tuple), impl

    return adapter_address


def driver_call(driver_signature):
    """Code that calls a driver of this signature at an address (for an `intrinsic`)."""
    plain = tuple(driver_signature.args)

    def impl(context, builder, signature, values):
        return _emit_call(context, builder, values[0], NONE, plain, list(values[1:]))

    return NONE(ADDRESS, *plain), impl


# -- memory ----------------------------------------------------------------------------------------
# The workspace is one raw address: views made of it own nothing, so that an exception that passes
# through the loop (Numba does not release references then) cannot leak it.

def _view(context, builder, view_type, address, n):
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


if jit_disabled():

    def row(workspace, stride, i, n, like):
        """View of row `i` of the workspace."""
        return workspace[i, :n]

    def row_address(workspace, stride, i, like):
        """Unused: without Numba a driver returns to its caller for each evaluation."""
        return 0

    def magnitude_bits(value):
        """|value| as an integer of the same order; NaN is above infinity."""
        value = np.asarray(value)
        kind = np.int64 if value.dtype == np.float64 else np.int32
        return int(value.view(kind) & np.iinfo(kind).max)

    def from_magnitude_bits(bits, like):
        """The value whose `magnitude_bits` these are."""
        kind = np.int64 if like.dtype == np.float64 else np.int32
        return float(np.asarray(kind(bits)).view(like.dtype))

else:

    @intrinsic
    def row(typing_context, workspace, stride, i, n, like):
        """View of row `i` of the workspace, with the dtype of the array `like`."""
        view_type = vector_type(like.dtype)

        def impl(context, builder, signature, values):
            base, stride_, i_, n_, _ = values
            size = context.get_abi_sizeof(context.get_data_type(view_type.dtype))
            offset = builder.mul(builder.mul(stride_, i_), ir.Constant(stride_.type, size))
            return _view(context, builder, view_type, builder.add(base, offset), n_)

        return view_type(workspace, stride, i, n, like), impl

    @intrinsic
    def row_address(typing_context, workspace, stride, i, like):
        """Address of row `i` of the workspace."""
        dtype = like.dtype

        def impl(context, builder, signature, values):
            base, stride_, i_, _ = values
            size = context.get_abi_sizeof(context.get_data_type(dtype))
            offset = builder.mul(builder.mul(stride_, i_), ir.Constant(stride_.type, size))
            return builder.add(base, offset)

        return ADDRESS(workspace, stride, i, like), impl

    @intrinsic
    def complex_row(typing_context, address, n, like):
        """View of `n` complex numbers at an address, of the precision of the array `like`."""
        dtype = types.complex128 if like.dtype == F8 else types.complex64
        view_type = vector_type(dtype)

        def impl(context, builder, signature, values):
            return _view(context, builder, view_type, values[0], values[1])

        return view_type(address, n, like), impl

    @intrinsic
    def magnitude_bits(typing_context, value):
        """|value| as an integer of the same order; NaN is above infinity.

        A maximum of integers vectorises, and cannot lose a NaN as one of floats does.
        """
        result = types.int64 if value == F8 else types.int32

        def impl(context, builder, signature, values):
            integer = context.get_value_type(result)
            mask = ir.Constant(integer, (1 << (integer.width - 1)) - 1)
            return builder.and_(builder.bitcast(values[0], integer), mask)

        return result(value), impl

    @intrinsic
    def from_magnitude_bits(typing_context, bits, like):
        """The value whose `magnitude_bits` these are, as the dtype of `like`, in float64."""
        real = like.dtype

        def impl(context, builder, signature, values):
            integer = ir.IntType(real.bitwidth)
            narrow = values[0]
            if narrow.type.width > integer.width:
                narrow = builder.trunc(narrow, integer)
            value = builder.bitcast(narrow, context.get_value_type(real))
            return context.cast(builder, value, real, F8)

        return F8(bits, like), impl
