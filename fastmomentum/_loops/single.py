"""One problem, called from a user's own compiled code.

To the entries it is a driver like any other: it makes the workspace, and calls the loop by its
address. All that it needs to know of the settings is in the plan, which it does not write to: such
calls may run at the same time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._language.layout import (
    CLIPPED,
    FROM_X0,
    FROM_ZERO,
    LOWER_ROW,
    NEVER,
    NO_MEMORY,
    RUNNING,
    STATUS_MAXITER,
    STATUS_NONFINITE,
    UPPER_ROW,
    WRONG_SIZE,
)
from .._numba.calls import call_driver
from .._numba.jit import cached_loop, part
from .._numba.memory import allocate, clear_memory, copy_memory, numbers_at, release, vector_at
from .._numba.records import call_fields, difference_fields, plan_fields
from .._numba.words import larger, named, row, rows_of, smaller
from .norms import largest_magnitude
from .outcome import write_result
from .terms import clip_to_bounds, proximal_residual


@part
def place_differences(plan, state, rows, first, scratch, rates, composite):
    """What a gradient by differences works with, at `scratch`; `first` is the address of the rows.

    Its points keep to the bounds, which stand behind two vectors.
    """
    n = state.SIZE
    size = n * plan.ITEMSIZE
    if composite:
        lower = first + (state.TERMS + LOWER_ROW) * state.STRIDE * plan.ITEMSIZE
        copy_memory(scratch + 2 * size, lower, size)
        copy_memory(scratch + 3 * size, lower + state.STRIDE * plan.ITEMSIZE, size)
        low, high = row(rows, state.TERMS + LOWER_ROW), row(rows, state.TERMS + UPPER_ROW)
        for i in range(n):
            if low[i] == high[i]:
                state.COST_FUN -= plan.DIFFERENCES
    else:
        bounds = numbers_at(scratch + 2 * size, rates)
        for i in range(n):
            bounds[i] = -np.inf
            bounds[n + i] = np.inf
    given = numbers_at(plan.STEPS, rates)
    steps = numbers_at(scratch + 4 * size, rates)
    for i in range(n):
        k = smaller(i, plan.N_STEPS - 1)
        steps[i] = given[k]
        steps[n + i] = given[plan.N_STEPS + k]
    calls = difference_fields(scratch + 6 * size)
    calls.CALLS = 0
    calls.NEXT = NEVER


def make(composite: bool) -> Any:
    """The loop around that of a run on f, or on f + h."""

    def drive(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
        # Evaluation and context as those of `given_rate`; the workspace is the address of the
        # fields of the call, and what follows is not read.
        call = call_fields(workspace)
        plan = plan_fields(call.PLAN)
        n = call.SIZE
        if plan.N != 0 and n != plan.N:
            call.STATUS = WRONG_SIZE
            return
        # As `row_stride`: rows begin on cache lines, and not a multiple of the page size apart.
        row_size = (n * plan.ITEMSIZE + 63) & -64
        if row_size & 4095 == 0:
            row_size += 64
        state_size = 8 * (plan.N_INTS + plan.N_FLOATS)
        memory = allocate(plan.ROWS * row_size + state_size + 64)
        if memory == 0:
            call.STATUS = NO_MEMORY
            return
        first = (memory + 63) & -64
        ints_address = first + plan.ROWS * row_size
        floats_address = ints_address + 8 * plan.N_INTS
        copy_memory(ints_address, plan.INTS, 8 * plan.N_INTS)
        copy_memory(floats_address, plan.FLOATS, 8 * plan.N_FLOATS)
        own_ints = vector_at(ints_address, plan.N_INTS, ints)
        own_floats = vector_at(floats_address, plan.N_FLOATS, floats)
        state = named(own_ints)
        numbers = named(own_floats)
        state.SIZE = n
        state.STRIDE = row_size // plan.ITEMSIZE
        state.COST_FUN = 1 + plan.DIFFERENCES * n
        rows = rows_of(first, state.STRIDE, n, rates)

        # Whole vectors are copied as bytes: loops take long to compile.
        size = n * plan.ITEMSIZE
        copy_memory(first, call.X, size)
        largest = largest_magnitude(rows, row(rows, 0), n)
        starts = numbers_at(plan.STARTS, ints)
        for k in range(plan.N_STARTS):
            i, kind = starts[3 * k], starts[3 * k + 1]
            target = first + i * row_size
            if composite and kind == CLIPPED:
                clip_to_bounds(rows, state, i)
                continue
            if kind == FROM_ZERO:
                clear_memory(target, size)
            else:
                copy_memory(target, first if kind == FROM_X0 else starts[3 * k + 2], size)
        if plan.DIFFERENCES != 0:
            scratch = first + plan.SCRATCH_ROW * row_size
            place_differences(plan, state, rows, first, scratch, rates, composite)
            place = numbers_at(context + call.SCRATCH, ints)
            place[0] = scratch
            step = numbers_at(context + call.SCRATCH + 8, floats)
            step[0] = plan.STEP

        status = STATUS_NONFINITE
        if largest - largest == 0.0:
            call_driver(
                memory,
                plan.DRIVER,
                evaluate,
                context,
                first,
                own_ints,
                own_floats,
                vector_at(plan.RATE, 1, rates),
                vector_at(plan.MOMENTUM, 1, rates),
                history,
                larger(plan.MAXITER, plan.MAXITER_PER_VARIABLE * n),
            )
            status = state.STATUS
            if status == RUNNING:
                status = STATUS_MAXITER
        # The result stands where the start stood.
        out_x = numbers_at(call.X, rates)
        out_g = numbers_at(call.JAC, rates)
        value, norm, point = write_result(rows, state, numbers, status, out_x, out_g)
        if composite and state.TERMS != 0 and point >= 0:
            norm = proximal_residual(rows, state, numbers, point)
        if composite and plan.DIFFERENCES != 0:
            # They cannot tell the slope along a variable that its bounds fix.
            low, high = row(rows, state.TERMS + LOWER_ROW), row(rows, state.TERMS + UPPER_ROW)
            for i in range(n):
                if low[i] == high[i]:
                    out_g[i] = np.nan
        call.FUN = value
        call.GRAD_NORM = norm
        call.STATUS = status
        call.NIT = state.NIT
        call.NFEV = state.NFEV
        call.NJEV = state.NJEV
        release(memory)

    drive.__name__ = drive.__qualname__ = "drive_single_composite" if composite else "drive_single"
    return cached_loop(drive)
