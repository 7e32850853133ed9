"""The loop over the mini-batches of a sum, whose rows stand in order.

To the entries it is a driver like any other: it shows the user's function one batch after the
other, by way of the arguments in the context, and calls the method's own loop for each step by its
address.
"""

from __future__ import annotations

import numpy as np

from .._language.layout import DELIVERED, N_POINTS, NEEDS_EVALUATION, PATCH_FIELDS
from .._numba.calls import call_driver, call_evaluate
from .._numba.jit import cached_loop
from .._numba.memory import numbers_at
from .._numba.records import sum_fields
from .._numba.words import as_real, named, row, rows_of, smaller


@cached_loop
def drive_sum(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
    # Arguments as those of `given_rate`, for the method's loop. The context is written to, and
    # BATCH is the address of the fields.
    state = named(ints)
    numbers = named(floats)
    batch = sum_fields(state.BATCH)
    n = state.SIZE
    rows = rows_of(workspace, state.STRIDE, n, rates)
    arrays = numbers_at(batch.ARRAYS, ints)
    snapshot = numbers_at(batch.SNAPSHOT, rates)
    correction = numbers_at(batch.CORRECTION, rates)
    other = numbers_at(batch.OTHER, rates)
    mean = numbers_at(batch.MEAN, floats)
    nothing = n - n
    while state.ITERATION < last:
        first = batch.NEXT
        count = smaller(batch.SIZE, batch.ROWS - first)
        for k in range(batch.N_ARRAYS):
            j = PATCH_FIELDS * k
            data = numbers_at(context + arrays[j], ints)
            items = numbers_at(context + arrays[j + 1], ints)
            length = numbers_at(context + arrays[j + 2], ints)
            data[0] = arrays[j + 3] + first * arrays[j + 4]
            items[0] = count * arrays[j + 5]
            length[0] = count

        # The means over the batch, by the operations of the loop in Python.
        x = row(rows, state.CURRENT)
        g = row(rows, N_POINTS + state.CURRENT)
        f = call_evaluate(evaluate, x, g, n, context) / count
        size = as_real(np.float64(count), x)
        if batch.SNAPSHOT == 0:
            for i in range(n):
                g[i] = g[i] / size
        else:
            call_evaluate(evaluate, snapshot, other, n, context)
            for i in range(n):
                g[i] = g[i] / size - other[i] / size + correction[i]

        numbers.FUN = f
        state.PENDING = DELIVERED
        call_driver(
            None,
            batch.DRIVER,
            nothing,
            nothing,
            workspace,
            ints,
            floats,
            rates,
            momenta,
            history,
            state.ITERATION + 1,
        )
        if state.STATUS != NEEDS_EVALUATION:
            break
        batch.NEXT = first + count
        batch.SEEN += f * count
        if state.ITERATION >= batch.AVERAGE_FROM:
            iterate = row(rows, state.CURRENT if batch.ITERATE < 0 else batch.ITERATE)
            averaged = batch.AVERAGED + 1
            batch.AVERAGED = averaged
            for i in range(n):
                if averaged == 1:
                    mean[i] = iterate[i]
                else:
                    mean[i] += (iterate[i] - mean[i]) / averaged
