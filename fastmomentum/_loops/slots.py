"""A method's vectors and numbers as tuples, however many it has.

One loop serves all methods: what it hands to a rule, and stores of what it gets back, are tuples of
a length that is known when the loop is compiled. A vector is a row of the loop's, which is a
pointer, or an array of the user's.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import _empty_nd_impl, make_array

from .._language import plain
from .._numba.jit import jit_disabled
from .._numba.words import added_magnitude, row

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

    set_entries = plain.set_entries

    def added_changes(bits, new, old):
        """`bits` and the magnitudes of new - old together: zero if all are."""
        for a, b in zip(new, old, strict=True):
            bits = added_magnitude(bits, a - b)
        return bits

    def new_vectors(like, count):
        """As many arrays of the length and the dtype of `like`."""
        return tuple(np.empty(like.size, like.dtype) for _ in range(count))

    def lengths_differ(vectors, n):
        """Has any of the arrays another length than `n`?"""
        return any(v.size != n for v in vectors)

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

    def _place(context, builder, kind, vector, i):
        """Pointer to entry `i` of a vector."""
        if isinstance(kind, types.CPointer):
            return builder.gep(vector, [i])
        array = make_array(kind)(context, builder, vector)
        return cgutils.get_item_pointer(context, builder, kind, array, [i], wraparound=False)

    def _load(context, builder, kind, vector, i, real):
        pointer = _place(context, builder, kind, vector, i)
        return context.cast(builder, builder.load(pointer), kind.dtype, real)

    def _store(context, builder, kind, vector, i, value, real):
        pointer = _place(context, builder, kind, vector, i)
        builder.store(context.cast(builder, value, real, kind.dtype), pointer)

    def _entries(vectors, i, real_of):
        kind = types.Tuple([real_of(vector) for vector in vectors.types])

        def impl(context, builder, signature, values):
            made = []
            for j, (vector, real) in enumerate(zip(vectors.types, kind.types, strict=True)):
                row = builder.extract_value(values[0], j)
                made.append(_load(context, builder, vector, row, values[1], real))
            return context.make_tuple(builder, kind, made)

        return kind(vectors, i), impl

    @intrinsic
    def entries(typing_context, vectors, i):
        """Entry `i` of each row."""
        return _entries(vectors, i, lambda vector: vector.dtype)

    @intrinsic
    def wide_entries(typing_context, vectors, i):
        """Entry `i` of each row, in float64."""
        return _entries(vectors, i, lambda vector: types.float64)

    @intrinsic
    def set_entries(typing_context, vectors, i, values):
        """Write entry `i` of each row."""

        def impl(context, builder, signature, arguments):
            for j, (vector, real) in enumerate(zip(vectors.types, values.types, strict=True)):
                row, value = (builder.extract_value(arguments[k], j) for k in (0, 2))
                _store(context, builder, vector, row, arguments[1], value, real)
            return context.get_dummy_value()

        return types.none(vectors, i, values), impl

    @intrinsic(prefer_literal=True)
    def new_vectors(typing_context, like, count):
        """As many arrays of the length and the dtype of `like`."""
        vector = types.Array(like.dtype, 1, "C")
        kind = types.UniTuple(vector, count.literal_value)

        def impl(context, builder, signature, values):
            shape = [make_array(like)(context, builder, values[0]).nitems]
            made = [_empty_nd_impl(context, builder, vector, shape) for _ in range(kind.count)]
            return context.make_tuple(builder, kind, [array._getvalue() for array in made])

        return kind(like, count), impl

    @intrinsic
    def lengths_differ(typing_context, vectors, n):
        """Has any of the arrays another length than `n`?"""

        def impl(context, builder, signature, values):
            found = cgutils.false_bit
            for j, kind in enumerate(vectors.types):
                array = make_array(kind)(context, builder, builder.extract_value(values[0], j))
                found = builder.or_(found, builder.icmp_signed("!=", array.nitems, values[1]))
            return found

        return types.boolean(vectors, n), impl

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
                made.append(_load(context, builder, own, values[0], index, like.dtype))
            return context.make_tuple(builder, kind, made)

        return kind(own, types.int64, count, like), impl

    @intrinsic
    def set_numbers(typing_context, own, first, numbers):
        """Write the numbers from `first` on."""

        def impl(context, builder, signature, values):
            for j, real in enumerate(numbers.types):
                index = builder.add(values[1], ir.Constant(values[1].type, j))
                value = builder.extract_value(values[2], j)
                _store(context, builder, own, values[0], index, value, real)
            return context.get_dummy_value()

        return types.none(own, types.int64, numbers), impl
