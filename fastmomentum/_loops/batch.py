"""The loop over the problems of a batch.

To the entries it is a driver like any other: it moves the user's batched arguments, which stand in
the context, from one problem to the next, and calls the loop of one problem by its address.
"""

from __future__ import annotations

from .._language.layout import (
    LOWER_ROW,
    N_COUNTS,
    N_NUMBERS,
    NOT_RUN,
    RUNNING,
    STATUS_MAXITER,
    STATUS_NONFINITE,
    TERM_ROWS,
)
from .._numba.calls import call_driver
from .._numba.jit import cached_loop, part
from .._numba.memory import address_of_numbers, copy_memory, numbers_at
from .._numba.records import batch_fields
from .._numba.words import (
    from_magnitude_bits,
    larger_magnitude,
    magnitude_bits,
    named,
    row,
    rows_of,
    smaller,
)
from .outcome import write_numbers, write_result
from .slots import rows_from
from .terms import clip_to_bounds, proximal_residual


@part
def show_arguments(context, patches, n_patches, p, ints):
    """Have the user's function see the arguments of problem `p`."""
    for k in range(n_patches):
        source = patches[4 * k + 1] + p * patches[4 * k + 2]
        if patches[4 * k + 3] == 0:
            target = numbers_at(context + patches[4 * k], ints)
            target[0] = source
        else:
            copy_memory(context + patches[4 * k], source, patches[4 * k + 3])


@part
def place_bounds(rows, state, given_lower, given_upper, prox_numbers):
    """The bounds of one problem, for the loop, for differences and for the operator."""
    n = state.SIZE
    lower, upper = rows_from(rows, state.TERMS + LOWER_ROW, 2)
    scratch = row(rows, state.TERMS + TERM_ROWS)
    # COST_FUN is that of a problem without fixed variables.
    cost = (state.COST_FUN - 1) // n
    for i in range(n):
        if given_lower[i] == given_upper[i]:
            state.COST_FUN -= cost
        lower[i] = given_lower[i]
        upper[i] = given_upper[i]
        scratch[2 * n + i] = given_lower[i]
        scratch[3 * n + i] = given_upper[i]
        prox_numbers[2 * n + i] = given_lower[i]
        prox_numbers[3 * n + i] = given_upper[i]


@cached_loop
def drive_batch(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
    # Arguments as those of `given_rate`, for the loop of one problem. The context is written to,
    # BATCH is the address of the fields, and `last` is the most iterations of one problem.
    state = named(ints)
    numbers = named(floats)
    batch = batch_fields(state.BATCH)
    fields = state.BATCH
    n = state.SIZE
    stride = state.STRIDE
    rows = rows_of(workspace, stride, n, rates)
    stop = numbers_at(batch.STOP, ints)
    start_rows = numbers_at(batch.ROWS, ints)
    patches = numbers_at(batch.PATCHES, ints)
    all_x = rows_of(batch.X, n, n, rates)
    all_jac = rows_of(batch.JAC, n, n, rates)
    all_lower = rows_of(batch.LOWER, n, n, rates)
    all_upper = rows_of(batch.UPPER, n, n, rates)
    all_counts = rows_of(batch.COUNTS, N_COUNTS, N_COUNTS, ints)
    all_numbers = rows_of(batch.NUMBERS, N_NUMBERS, N_NUMBERS, floats)
    for p in range(batch.FIRST, batch.LAST):
        if stop[0] != 0:
            break
        counts = row(all_counts, p)
        if counts[0] != NOT_RUN:
            continue
        copy_memory(address_of_numbers(ints), batch.INTS, 8 * batch.N_INTS)
        copy_memory(address_of_numbers(floats), batch.FLOATS, 8 * batch.N_FLOATS)
        state.BATCH = fields
        state.BATCH_ROW = p
        show_arguments(context, patches, batch.N_PATCHES, p, ints)

        # The results stand where the starts stood.
        x0 = row(all_x, p)
        x = row(rows, 0)
        bits = magnitude_bits(x0[0])
        for i in range(n):
            x[i] = x0[i]
            bits = larger_magnitude(bits, x0[i])
        size = from_magnitude_bits(bits, x)
        if batch.LOWER != 0:
            prox_numbers = numbers_at(batch.PROX_NUMBERS, floats)
            place_bounds(rows, state, row(all_lower, p), row(all_upper, p), prox_numbers)
        if state.TERMS != 0:
            clip_to_bounds(rows, state, 0)
            numbers.PENALTY = 0.0
            if batch.PENALTIES != 0:
                penalties = numbers_at(batch.PENALTIES, floats)
                numbers.PENALTY = penalties[p]
        for k in range(batch.N_ROWS):
            j = start_rows[k]
            target = row(rows, j if j > 0 else -j)
            for i in range(n):
                target[i] = x[i] if j < 0 else x[i] - x[i]

        status = STATUS_NONFINITE
        if size - size == 0.0:
            # In stretches, so that a long problem, too, can be stopped.
            reached = 0
            while True:
                reached = smaller(reached + batch.STRETCH, last)
                call_driver(
                    None,
                    batch.DRIVER,
                    evaluate,
                    context,
                    workspace,
                    ints,
                    floats,
                    rates,
                    momenta,
                    history,
                    reached,
                )
                if state.STATUS != RUNNING or reached >= last or stop[0] != 0:
                    break
            status = state.STATUS
            if status == RUNNING:
                status = STATUS_MAXITER if reached >= last else NOT_RUN
        out_x = row(all_x, p)
        out_g = row(all_jac, p)
        value, norm, point = write_result(rows, state, numbers, status, out_x, out_g)
        if state.TERMS != 0 and point >= 0:
            norm = proximal_residual(rows, state, numbers, point)
        out = row(all_numbers, p)
        out[0] = value
        out[1] = norm
        write_numbers(out, counts, state, numbers, status)
        if status != NOT_RUN:
            batch.DONE += 1
