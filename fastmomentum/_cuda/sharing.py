"""How the threads of a grid share the rows of a run.

All threads go through the same loop, with the same numbers, and take the same branches. Of the
variables each has those a grid apart, and always the same ones: nobody waits for the vectors of
others. What a loop over the variables sums, or looks for the largest of, all threads of the grid
join, in an order that depends on its size alone: so all go on from the same numbers, to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .._numba import words
from .calls import stay_whole
from .device import simulated
from .functions import for_device, for_overloads
from .tuples import storing_numbers, whole_or_real
from .views import SHARED

MOST_VALUES = 4  # that are joined at once
VALUES, TURNS = 2, 3  # places of a thread's own in what is shared


def sharing_words(real: Any, threads: int) -> dict[Any, Any]:
    """What stands for the words of a loop that a team shares, see `words_of`.

    What it shares, the last of its rows, is ``(partials, shared, values, turns)``: arrays of shape
    ``(2, MOST_VALUES, blocks)`` in global memory and ``(MOST_VALUES, threads)`` in each block's;
    and each thread's own, one of MOST_VALUES numbers, and how often numbers have been joined.
    """

    def larger_or_nan(a, b):
        return a if b <= a or a != a else b

    def reduce_block(shared, sums, count, columns):
        # Join these columns in column 0: sums, then largest numbers, of `count` rows.
        t = cuda.threadIdx.x
        cuda.syncthreads()
        width = threads // 2
        while width > 0:
            if t < width and t + width < columns:
                for j in range(sums):
                    shared[j, t] += shared[j, t + width]
                for j in range(sums, count):
                    shared[j, t] = larger_or_nan(shared[j, t], shared[j, t + width])
            cuda.syncthreads()
            width //= 2

    def join(sums, count, share):
        # The values of all threads: sums, then largest numbers. Every block joins what all blocks
        # have found, in the same order. The partial results of two calls take turns: who writes to
        # one again has been waited for by those who read it.
        stay_whole()
        partials, shared, values, turns = share
        side = turns[0] % 2
        turns[0] += 1
        t = cuda.threadIdx.x
        blocks = cuda.gridDim.x
        for j in range(count):
            shared[j, t] = values[j]
        reduce_block(shared, sums, count, threads)
        if t == 0:
            for j in range(count):
                partials[side, j, cuda.blockIdx.x] = shared[j, 0]
        cuda.cg.this_grid().sync()
        if t < blocks:
            for j in range(count):
                shared[j, t] = partials[side, j, t]
            for b in range(t + threads, blocks, threads):
                for j in range(sums):
                    shared[j, t] += partials[side, j, b]
                for j in range(sums, count):
                    shared[j, t] = larger_or_nan(shared[j, t], partials[side, j, b])
        reduce_block(shared, sums, count, blocks if blocks < threads else threads)
        for j in range(count):
            values[j] = shared[j, 0]
        cuda.syncthreads()

    return {words.variables: own_variables} | _words(for_device(join, real))


def own_variables(n):
    """The variables of this thread.

    An index without a sign is not looked at whether it counts from the end.
    """
    return range(np.uint64(cuda.grid(1)), np.uint64(n), np.uint64(cuda.gridsize(1)))


if simulated():

    def _words(joined: Any) -> dict[Any, Any]:
        def join(rows, sums, sizes):
            values = rows[SHARED][VALUES]
            both = (*sums, *sizes)
            values[: len(both)] = both
            joined(len(sums), len(both), rows[SHARED])
            found = tuple(type(a)(b) for a, b in zip(both, values, strict=False))
            return found[: len(sums)], found[len(sums) :]

        def one_or_more(values):
            return values if isinstance(values, tuple) else (values,)

        def as_given(values, found):
            return found if isinstance(values, tuple) else found[0]

        def summed(rows, values):
            return as_given(values, join(rows, one_or_more(values), ())[0])

        def largest(rows, values):
            return as_given(values, join(rows, (), one_or_more(values))[1])

        def summed_and_largest(rows, sums, most):
            found, sizes = join(rows, one_or_more(sums), (most,))
            return as_given(sums, found), sizes[0]

        return {
            words.summed: summed,
            words.largest: largest,
            words.summed_and_largest: summed_and_largest,
        }

else:
    from numba.cuda import types as known_types

    types: Any = known_types  # mypy reads Numba's own module of that name, which has fewer

    # Its numbers are told as int64: for each that is known while compiling there would be a copy.
    def _words(joined: Any) -> dict[Any, Any]:
        # Only numba-cuda has it: Numba's own module of that name is older.
        from numba.cuda.extending import overload  # type: ignore[attr-defined]

        @for_overloads
        def summed(rows, values):
            """A sum, or a tuple of them."""

        @for_overloads
        def largest(rows, values):
            """The largest, or a tuple of them."""

        @for_overloads
        def summed_and_largest(rows, sums, most):
            """Both at once."""

        @overload(summed, strict=False)
        def of_sums(rows, values):
            return _joining(joined, values, sums=True)

        @overload(largest, strict=False)
        def of_sizes(rows, values):
            return _joining(joined, values, sums=False)

        @overload(summed_and_largest, strict=False)
        def of_both(rows, sums, most):
            store, load, count = _access(sums)
            places = count + 1

            def one(rows, sums, most):
                values = rows[SHARED][VALUES]
                store(values, (sums,))
                values[1] = most
                joined(np.int64(1), np.int64(2), rows[SHARED])
                return load(values)[0], values[1]

            def several(rows, sums, most):
                values = rows[SHARED][VALUES]
                store(values, sums)
                values[count] = most
                joined(np.int64(count), np.int64(places), rows[SHARED])
                return load(values), values[count]

            return several if isinstance(sums, types.BaseTuple) else one

        return {
            words.summed: summed,
            words.largest: largest,
            words.summed_and_largest: summed_and_largest,
        }

    def _joining(joined: Any, values: Any, sums: bool) -> Any:
        """What joins a number, or a tuple of them, of these types."""
        store, load, count = _access(values)
        of_these = count if sums else 0

        def one(rows, values):
            store(rows[SHARED][VALUES], (values,))
            joined(np.int64(of_these), np.int64(1), rows[SHARED])
            return load(rows[SHARED][VALUES])[0]

        def several(rows, values):
            store(rows[SHARED][VALUES], values)
            joined(np.int64(of_these), np.int64(count), rows[SHARED])
            return load(rows[SHARED][VALUES])

        return several if isinstance(values, types.BaseTuple) else one

    def _access(kind: Any) -> tuple[Any, Any, int]:
        """Functions that write a tuple to an array, and read it; how long it is."""
        members = kind.types if isinstance(kind, types.BaseTuple) else (kind,)
        whole = tuple(isinstance(member, types.Integer) for member in members)
        store, load = storing_numbers(0, len(members)), whole_or_real(whole)
        return for_device(store, np.float64), for_device(load, np.float64), len(members)
