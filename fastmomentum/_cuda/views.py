"""The rows of a run, and what is in them, on a device.

A function of a device may not return an array; these are written into those who call them.
"""

from __future__ import annotations

from typing import Any

from .._language import plain
from .device import simulated

TABLE, OWN, SHARED = range(3)  # what the rows of a run are, see words.py

if simulated():

    def named(state):
        """The numbers of a run by name: they are."""
        return state

    def rows_of(workspace, stride, n, like):
        """The rows of a run: they are."""
        return workspace

    def own_numbers(rows, floats):
        """The numbers without a name."""
        return rows[OWN]

    def row(rows, i):
        """Row `i` of the table."""
        return rows[TABLE][i]

    def rows_from(rows, first, count):
        """The rows `first`, `first` + 1, ..., `count` of them."""
        return tuple(rows[TABLE][first + j] for j in range(count))

    def numbers_from(own, first, count, like):
        """The numbers `first`, `first` + 1, ... of `own`."""
        return tuple(own[first + j] for j in range(count))

    def wide_entries(vectors, i):
        """Entry `i` of each row."""
        return tuple(v[i] for v in vectors)

    set_entries = plain.set_entries

else:
    from numba.core import cgutils
    from numba.cuda import types as known_types
    from numba.cuda.extending import intrinsic

    types: Any = known_types  # mypy reads Numba's own module of that name, which has fewer

    @intrinsic
    def named(typing_context, state):
        """The numbers of a run by name: they are."""
        return state(state), lambda context, builder, signature, values: values[0]

    @intrinsic
    def rows_of(typing_context, workspace, stride, n, like):
        """The rows of a run: they are."""

        def impl(context, builder, signature, values):
            return values[0]

        return workspace(workspace, stride, n, like), impl

    @intrinsic
    def own_numbers(typing_context, rows, floats):
        """The numbers without a name."""

        def impl(context, builder, signature, values):
            return builder.extract_value(values[0], OWN)

        return rows.types[OWN](rows, floats), impl

    def _view_type(rows: Any) -> Any:
        table = rows.types[TABLE]
        return types.Array(table.dtype, 1, table.layout)

    def _view(context: Any, builder: Any, rows: Any, value: Any, index: Any) -> Any:
        """The row of the table at an index."""
        # Only numba-cuda has it: Numba's own module of that name is older.
        from numba.cuda.np.arrayobj import populate_array

        table = rows.types[TABLE]
        whole = context.make_array(table)(context, builder, builder.extract_value(value, TABLE))
        shape = cgutils.unpack_tuple(builder, whole.shape, 2)
        strides = cgutils.unpack_tuple(builder, whole.strides, 2)
        if table.layout == "C":
            first = builder.gep(whole.data, [builder.mul(index, shape[1])])
        else:
            first = cgutils.pointer_add(builder, whole.data, builder.mul(index, strides[0]))
        view = context.make_array(_view_type(rows))(context, builder)
        populate_array(
            view,
            data=first,
            shape=[shape[1]],
            strides=[strides[1]],
            itemsize=whole.itemsize,
            meminfo=None,
        )
        return view._getvalue()

    def _entry(context: Any, builder: Any, array: Any, value: Any, index: Any) -> Any:
        """Where an entry of a vector is."""
        view = context.make_array(array)(context, builder, value)
        (stride,) = cgutils.unpack_tuple(builder, view.strides, 1)
        return cgutils.pointer_add(builder, view.data, builder.mul(index, stride))

    def _plus(context: Any, builder: Any, kind: Any, value: Any, j: int) -> Any:
        index = context.cast(builder, value, kind, types.intp)
        return builder.add(index, context.get_constant(types.intp, j))

    @intrinsic
    def row(typing_context, rows, i):
        """Row `i` of the table."""

        def impl(context, builder, signature, values):
            index = context.cast(builder, values[1], i, types.intp)
            return _view(context, builder, rows, values[0], index)

        return _view_type(rows)(rows, i), impl

    @intrinsic
    def rows_from(typing_context, rows, first, count):
        """The rows `first`, `first` + 1, ..., `count` of them."""
        if not isinstance(count, types.Literal):
            return None  # asked again, with the value
        kind = types.UniTuple(_view_type(rows), count.literal_value)

        def impl(context, builder, signature, values):
            made = []
            for j in range(kind.count):
                index = _plus(context, builder, signature.args[1], values[1], j)
                made.append(_view(context, builder, rows, values[0], index))
            return context.make_tuple(builder, kind, made)

        return kind(rows, types.int64, count), impl

    @intrinsic
    def numbers_from(typing_context, own, first, count, like):
        """The numbers `first`, `first` + 1, ... of `own`."""
        if not isinstance(count, types.Literal):
            return None  # asked again, with the value
        kind = types.UniTuple(own.dtype, count.literal_value)

        def impl(context, builder, signature, values):
            made = []
            for j in range(kind.count):
                index = _plus(context, builder, signature.args[1], values[1], j)
                made.append(builder.load(_entry(context, builder, own, values[0], index)))
            return context.make_tuple(builder, kind, made)

        return kind(own, types.int64, count, like), impl

    @intrinsic
    def wide_entries(typing_context, vectors, i):
        """Entry `i` of each row."""
        kind = types.UniTuple(vectors.dtype.dtype, len(vectors))

        def impl(context, builder, signature, values):
            index = context.cast(builder, values[1], i, types.intp)
            made = []
            for j in range(kind.count):
                vector = builder.extract_value(values[0], j)
                place = _entry(context, builder, vectors.dtype, vector, index)
                made.append(builder.load(place))
            return context.make_tuple(builder, kind, made)

        return kind(vectors, i), impl

    @intrinsic
    def set_entries(typing_context, vectors, i, values):
        """Write entry `i` of each row."""

        def impl(context, builder, signature, arguments):
            index = context.cast(builder, arguments[1], i, types.intp)
            for j in range(len(vectors)):
                vector = builder.extract_value(arguments[0], j)
                value = builder.extract_value(arguments[2], j)
                value = context.cast(builder, value, values.dtype, vectors.dtype.dtype)
                builder.store(value, _entry(context, builder, vectors.dtype, vector, index))
            return context.get_dummy_value()

        return types.void(vectors, i, values), impl
