"""A method's vectors and numbers as tuples, however many it has.

One loop serves all methods: what it hands to a rule, and stores of what it gets back, are tuples of
a length that is known when the loop is compiled.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._numba.abi import added_magnitude, row
from .._numba.jit import jit_disabled

if jit_disabled():

    def rows_from(rows, first, count):
        """The rows `first`, `first` + 1, ..., `count` of them."""
        return tuple(row(rows, first + j) for j in range(count))

    def entries(vectors, i):
        """Entry `i` of each row."""
        return tuple(v[i] for v in vectors)

    def wide_entries(vectors, i):
        """Entry `i` of each row, in float64."""
        return tuple(float(v[i]) for v in vectors)

    def set_entries(vectors, i, values):
        """Write entry `i` of each row."""
        for v, value in zip(vectors, values, strict=True):
            v[i] = value

    def added_changes(bits, new, old):
        """`bits` and the magnitudes of new - old together: zero if all are."""
        for a, b in zip(new, old, strict=True):
            bits = added_magnitude(bits, a - b)
        return bits

    def numbers_from(own, first, count, like):
        """The numbers `first`, `first` + 1, ... of `own`, in the precision of `like`."""
        return tuple(like.dtype.type(own[first + j]) for j in range(count))

    def set_numbers(own, first, values):
        """Write the numbers from `first` on."""
        own[first : first + len(values)] = values

else:

    @intrinsic(prefer_literal=True)
    def rows_from(typing_context, rows, first, count):
        """The rows `first`, `first` + 1, ..., `count` of them."""
        pointer = rows.types[0]
        kind = types.UniTuple(pointer, count.literal_value)

        def impl(context, builder, signature, values):
            base, stride = cgutils.unpack_tuple(builder, values[0], 2)
            item = context.get_abi_sizeof(context.get_data_type(pointer.dtype))
            size = builder.mul(stride, ir.Constant(stride.type, item))
            made = []
            for j in range(kind.count):
                index = builder.add(values[1], ir.Constant(stride.type, j))
                # In integers, as `row`.
                address = builder.add(builder.ptrtoint(base, stride.type), builder.mul(size, index))
                made.append(builder.inttoptr(address, base.type))
            return context.make_tuple(builder, kind, made)

        return kind(rows, types.int64, count), impl

    def _entries(vectors, i, real_of):
        real = real_of(vectors)
        kind = types.UniTuple(real, len(vectors))

        def impl(context, builder, signature, values):
            made = []
            for j in range(kind.count):
                pointer = builder.extract_value(values[0], j)
                value = builder.load(builder.gep(pointer, [values[1]]))
                made.append(context.cast(builder, value, vectors.dtype.dtype, real))
            return context.make_tuple(builder, kind, made)

        return kind(vectors, i), impl

    @intrinsic
    def entries(typing_context, vectors, i):
        """Entry `i` of each row."""
        return _entries(vectors, i, lambda v: v.dtype.dtype if len(v) else types.float64)

    @intrinsic
    def wide_entries(typing_context, vectors, i):
        """Entry `i` of each row, in float64."""
        return _entries(vectors, i, lambda v: types.float64)

    @intrinsic
    def set_entries(typing_context, vectors, i, values):
        """Write entry `i` of each row."""
        count = len(vectors)

        def impl(context, builder, signature, arguments):
            for j in range(count):
                pointer = builder.extract_value(arguments[0], j)
                value = builder.extract_value(arguments[2], j)
                value = context.cast(builder, value, values.dtype, vectors.dtype.dtype)
                builder.store(value, builder.gep(pointer, [arguments[1]]))
            return context.get_dummy_value()

        return types.none(vectors, i, values), impl

    @intrinsic
    def added_changes(typing_context, bits, new, old):
        """`bits` and the magnitudes of new - old together: zero if all are."""
        count = len(new)

        def impl(context, builder, signature, values):
            total = values[0]
            mask = ir.Constant(total.type, (1 << (total.type.width - 1)) - 1)
            for j in range(count):
                after, before = (builder.extract_value(v, j) for v in values[1:])
                change = builder.bitcast(builder.fsub(after, before), total.type)
                total = builder.or_(builder.and_(change, mask), total)
            return total

        return bits(bits, new, old), impl

    @intrinsic(prefer_literal=True)
    def numbers_from(typing_context, own, first, count, like):
        """The numbers `first`, `first` + 1, ... of `own`, in the precision of `like`."""
        kind = types.UniTuple(like.dtype, count.literal_value)

        def impl(context, builder, signature, values):
            made = []
            for j in range(kind.count):
                index = builder.add(values[1], ir.Constant(values[1].type, j))
                value = builder.load(builder.gep(values[0], [index]))
                made.append(context.cast(builder, value, types.float64, like.dtype))
            return context.make_tuple(builder, kind, made)

        return kind(own, types.int64, count, like), impl

    @intrinsic
    def set_numbers(typing_context, own, first, numbers):
        """Write the numbers from `first` on."""
        count = len(numbers)

        def impl(context, builder, signature, values):
            for j in range(count):
                index = builder.add(values[1], ir.Constant(values[1].type, j))
                value = builder.extract_value(values[2], j)
                value = context.cast(builder, value, numbers.dtype, types.float64)
                builder.store(value, builder.gep(values[0], [index]))
            return context.get_dummy_value()

        return types.none(own, types.int64, numbers), impl
