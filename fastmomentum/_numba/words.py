"""The words of the loops: their numbers and rows, magnitudes, and what a team of threads joins.

Each is an intrinsic, which takes Numba less time than a function does, or, where Numba is switched
off, plain Python. With those of calls.py, which call by an address, they are all that a loop needs
of its target: for a device the same loops are bound to others of the same names.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from .._language import plain
from .jit import jit_disabled
from .kinds import F8, I8, NAMED

# The variables that a loop goes through. Where a team of a device's threads shares them, this word
# stands for those of one thread; `summed`, `largest` and `summed_and_largest` join what all have
# found, and a loop that finds something says so behind it. Here there is one thread.
variables = range

if jit_disabled():
    named = plain.named
    own_numbers = plain.own_numbers
    rows_of = plain.rows_of
    row = plain.row
    as_real = plain.as_real
    larger = plain.larger
    smaller = plain.smaller
    magnitude_bits = plain.magnitude_bits
    no_magnitude = plain.no_magnitude
    larger_magnitude = plain.larger_magnitude
    added_magnitude = plain.added_magnitude
    from_magnitude_bits = plain.from_magnitude_bits
    summed = plain.summed
    largest = plain.largest
    summed_and_largest = plain.summed_and_largest

else:

    @intrinsic
    def named(typing_context, state):
        """The numbers at the start of a state array by name."""
        record = NAMED[state.dtype]

        def impl(context, builder, signature, values):
            data = make_array(signature.args[0])(context, builder, values[0]).data
            return builder.bitcast(data, context.get_value_type(record))

        return record(state), impl

    @intrinsic
    def own_numbers(typing_context, rows, numbers):
        """What follows the named numbers of a state array."""

        def impl(context, builder, signature, values):
            pointer = context.get_value_type(signature.return_type)
            return builder.bitcast(cgutils.pointer_add(builder, values[1], numbers.size), pointer)

        return types.CPointer(F8)(rows, numbers), impl

    @intrinsic
    def rows_of(typing_context, workspace, stride, n, like):
        """The rows of the workspace, of the dtype of the array `like`: its address and stride."""
        pointer = types.CPointer(like.dtype)

        def impl(context, builder, signature, values):
            base = builder.inttoptr(values[0], context.get_value_type(pointer))
            return context.make_tuple(builder, signature.return_type, [base, values[1]])

        return types.Tuple((pointer, I8))(workspace, stride, n, like), impl

    @intrinsic
    def row(typing_context, rows, i):
        """Row `i` of the workspace: a pointer."""

        def impl(context, builder, signature, values):
            base, stride = cgutils.unpack_tuple(builder, values[0], 2)
            size = context.get_abi_sizeof(context.get_data_type(signature.return_type.dtype))
            offset = builder.mul(builder.mul(stride, values[1]), ir.Constant(stride.type, size))
            # In integers: of pointers into one block LLVM would have to prove that they are apart.
            address = builder.add(builder.ptrtoint(base, stride.type), offset)
            return builder.inttoptr(address, base.type)

        return rows.types[0](rows, i), impl

    @intrinsic
    def as_real(typing_context, value, like):
        """`value` in the precision of the row `like`."""
        real = like.dtype

        def impl(context, builder, signature, values):
            return context.cast(builder, values[0], F8, real)

        return real(F8, like), impl

    def _choice(typing_context, a, b, comparison):
        """Python's max or min; Numba would compile it as a function of its own."""
        real = typing_context.unify_types(a, b)

        def impl(context, builder, signature, values):
            compare = builder.fcmp_ordered if real in types.real_domain else builder.icmp_signed
            first, second = (
                context.cast(builder, value, type_, real)
                for value, type_ in zip(values, signature.args, strict=True)
            )
            return builder.select(compare(comparison, second, first), second, first)

        return real(a, b), impl

    @intrinsic
    def larger(typing_context, a, b):
        """``max(a, b)``."""
        return _choice(typing_context, a, b, ">")

    @intrinsic
    def smaller(typing_context, a, b):
        """``min(a, b)``."""
        return _choice(typing_context, a, b, "<")

    def _magnitude(context, builder, value, result):
        integer = context.get_value_type(result)
        mask = ir.Constant(integer, (1 << (integer.width - 1)) - 1)
        return builder.and_(builder.bitcast(value, integer), mask)

    @intrinsic
    def magnitude_bits(typing_context, value):
        """|value| as an integer of the same order; NaN is above infinity.

        A maximum of integers vectorises, and cannot lose a NaN as one of floats does.
        """
        result = types.int64 if value == F8 else types.int32

        def impl(context, builder, signature, values):
            return _magnitude(context, builder, values[0], result)

        return result(value), impl

    @intrinsic
    def no_magnitude(typing_context, like):
        """The `magnitude_bits` of 0, for the row `like`: what a largest magnitude starts from."""
        result = types.int64 if like.dtype == F8 else types.int32

        def impl(context, builder, signature, values):
            return ir.Constant(context.get_value_type(result), 0)

        return result(like), impl

    @intrinsic
    def larger_magnitude(typing_context, bits, value):
        """The larger of `bits` and those of `value`.

        Only once in a loop for the same `bits`: of two comparisons LLVM would make one unsigned,
        and then could not vectorise the loop.
        """

        def impl(context, builder, signature, values):
            found = _magnitude(context, builder, values[1], bits)
            return builder.select(builder.icmp_signed(">", found, values[0]), found, values[0])

        return bits(bits, value), impl

    @intrinsic
    def added_magnitude(typing_context, bits, value):
        """`bits` and those of `value` together: zero if both are."""

        def impl(context, builder, signature, values):
            return builder.or_(_magnitude(context, builder, values[1], bits), values[0])

        return bits(bits, value), impl

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

    @intrinsic
    def summed(typing_context, rows, values):
        """A sum, or a tuple of them, over all who share the rows."""
        return values(rows, values), lambda context, builder, signature, found: found[1]

    @intrinsic
    def largest(typing_context, rows, values):
        """The largest, or a tuple of them, of what all who share the rows have found."""
        return values(rows, values), lambda context, builder, signature, found: found[1]

    @intrinsic
    def summed_and_largest(typing_context, rows, sums, most):
        """Both at once."""

        def impl(context, builder, signature, values):
            return context.make_tuple(builder, signature.return_type, values[1:])

        return types.Tuple((sums, most))(rows, sums, most), impl
