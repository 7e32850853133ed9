"""One iteration with a given rate on vectors that lie on a device: step, norms and tests in a pass.

The results of the processor's loop, `_loops.given_rate`. The point that was evaluated, the one
before and the next one lie in three vectors that take turns; the best point is written to a fourth
one only when the run leaves it for a worse one.

Each block reduces its part, and the block that comes last reduces those of all blocks, in an order
that does not depend on which one that is, and decides. What it decides is in the run's numbers:
later launches see it, and do nothing. So the host may run ahead without asking.

An objective by entries is evaluated in the same pass, and a launch makes many iterations: all
blocks wait for each other once in each, reduce and decide the same, and go on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from .._language import layout
from .._language.layout import (
    NORM_1,
    NORM_2,
    NORM_INF,
    NORM_MIN,
    NORM_P,
    RUNNING,
    STATUS_CONVERGED,
    STATUS_MAXITER,
    STATUS_NONFINITE,
    STATUS_PRECISION_LOSS,
)
from .._loops.stopping import ending_of
from .._methods import METHODS
from .._numba.words import larger, larger_magnitude, no_magnitude, smaller
from .entries import EntryFunctions, add_rows, entry_share, objective_kind, words_of_shares
from .functions import bound
from .given_rate import bounded_residual, norm_of_sum, norm_term
from .numbers import N_FLOATS, N_INTS, floats_of, ints_of
from .rules import (
    added_changes,
    carried_of,
    carry,
    clipped,
    constants_of,
    entries,
    rule,
    store_carried,
    store_entries,
    words_of_rule,
)
from .words import no_evaluation, words_of

# Where the lowest point is.
CURRENT, BEFORE, KEPT = range(3)
# What a pass finds: largest magnitudes, of the gradient or what stands for it, the point, its step
# and the changes of the method's vectors; then sums, of the norm and of the value.
G_SIZE, X_SIZE, STEP_SIZE, CHANGES, NORM_SUM, VALUE = range(6)
N_SIZES, N_FOUND = 4, 6
STATUS = layout.INT.STATUS


def make_step(
    method: str,
    real: Any,
    threads: int,
    n_extra: int,
    fixed: tuple[tuple[str, int], ...],
    objective: EntryFunctions | None = None,
) -> tuple[Any, Any]:
    """The kernels' Python functions: one iteration, and many with an `objective` by entries."""
    words = words_of(real, fixed, no_evaluation) | words_of_rule(METHODS[method])
    parts = take_step, conclude, reduce_block, reduce_blocks, add_rows
    functions = bound(parts, real, words | words_of_shares(objective, real))
    numbers = dict(fixed)
    constants = (
        numbers["BOUNDED"],
        numbers["NORM"],
        numbers["RATE_STRIDE"],
        numbers["MOMENTUM_STRIDE"],
    )
    return (
        _one_iteration(functions, real, threads, constants),
        _many_iterations(functions, real, threads, constants, n_extra),
    )


# Arguments that both kernels have:
# vectors  INOUT  (slots, n), the method's; OUT (n,), the lowest point, once it is left
# numbers  INOUT  the run's: integers, floats, those without a name
# rates    IN     learning rates, or one constant; momenta, likewise, and one more
# bounds   IN     lower and upper, (n,); (0,) if there are none


def _one_iteration(functions: tuple, real: Any, threads: int, constants: tuple) -> Any:
    take_step, conclude, reduce_block, reduce_blocks, _ = functions
    inf = real(math.inf)

    def step(points, evaluated, vectors, numbers, rates, bounds, sums, last):
        # points     INOUT  (n,) each: the point that was evaluated, the one before, the next one
        # evaluated  IN     (n,), its gradient; (1,), its value
        # sums       OUT    (6, blocks); INOUT (1,), blocks that are done, zero before and after
        # last       IN     the last iteration, which makes no step
        all_ints, all_floats, extra = numbers
        if all_ints[STATUS] != RUNNING:
            return
        run = (ints_of(all_ints), floats_of(all_floats), extra)
        ints, floats = run[0], run[1]
        x, previous, target = points
        g, f = evaluated
        partials, ticket = sums
        shared = cuda.shared.array((N_FOUND, threads), real)
        is_last = cuda.shared.array(1, np.int32)
        found = cuda.local.array(N_FOUND, real)
        found[VALUE] = real(0.0)
        value = real(f[0])
        improved = abs(value) < inf and (ints.BEST < 0 or value < floats.FUN_BEST)
        turn = (ints.IMPROVED != 0 and not improved, last, constants)
        where = (x, target, g, previous)
        learning_rate = take_step(where, vectors, run, rates, bounds, ((), ()), found, turn)
        reduce_block(found, shared, threads)
        t = cuda.threadIdx.x
        if t == 0:
            for j in range(N_FOUND):
                partials[j, cuda.blockIdx.x] = shared[j, 0]
            cuda.threadfence()
            done = cuda.atomic.add(ticket, 0, 1)
            cuda.threadfence()
            is_last[0] = 1 if done == cuda.gridDim.x - 1 else 0
        cuda.syncthreads()
        if is_last[0] == 0:
            return
        reduce_blocks(partials, found, shared, threads)
        if t == 0:
            shared[VALUE, 0] = value
            conclude(run, shared, learning_rate, last, constants, True)
            ticket[0] = 0

    return step


def _many_iterations(
    functions: tuple, real: Any, threads: int, constants: tuple, n_extra: int
) -> Any:
    take_step, conclude, reduce_block, reduce_blocks, add_rows = functions

    def iterate(points, g, vectors, numbers, rates, bounds, user, limits):
        # points  INOUT  (n,) each: the iterates, which take turns
        # g       OUT    (n,): the gradient at the last one
        # user    INOUT  (2, 6, blocks) for sums; (n_rows,), what the entries need of the rows; args
        # limits  IN     the last iteration, which makes no step; iterations of this launch, at most
        all_ints, all_floats, all_extra = numbers
        if all_ints[STATUS] != RUNNING:
            return
        first, second, third = points
        best = vectors[1]
        partials, w, args = user
        last, most = limits
        shared = cuda.shared.array((N_FOUND, threads), real)
        own_ints = cuda.shared.array(N_INTS, np.int32)
        own_floats = cuda.shared.array(N_FLOATS, real)
        extra = cuda.shared.array(n_extra, real)
        found = cuda.local.array(N_FOUND, real)
        t = cuda.threadIdx.x
        if t == 0:
            for j in range(N_INTS):
                own_ints[j] = all_ints[j]
            for j in range(N_FLOATS):
                own_floats[j] = all_floats[j]
            for j in range(n_extra):
                extra[j] = all_extra[j]
        cuda.syncthreads()
        run = (ints_of(own_ints), floats_of(own_floats), extra)
        ints = run[0]
        keep = False
        previous = third
        for turn in range(most):
            improved = ints.IMPROVED
            x = first
            target = second
            previous = third
            if ints.ITERATION % 3 == 1:
                x = second
                target = third
                previous = first
            elif ints.ITERATION % 3 == 2:
                x = third
                target = first
                previous = second
            found[VALUE] = add_rows(x, w, args)
            # The target is what was the point before in the last turn.
            where = (x, target, g, target)
            how = (keep, last, constants)
            learning_rate = take_step(where, vectors, run, rates, bounds, (w, args), found, how)
            reduce_block(found, shared, threads)
            # Two sets of partial results take turns: who writes to one again has been waited for
            # by those who read it.
            if t == 0:
                for j in range(N_FOUND):
                    partials[turn % 2, j, cuda.blockIdx.x] = shared[j, 0]
            cuda.cg.this_grid().sync()
            reduce_blocks(partials[turn % 2], found, shared, threads)
            if t == 0:
                conclude(run, shared, learning_rate, last, constants, False)
            cuda.syncthreads()
            keep = improved != 0 and ints.IMPROVED == 0
            if ints.STATUS != RUNNING:
                break
        if keep:
            for i in range(cuda.grid(1), best.shape[0], cuda.gridsize(1)):
                best[i] = previous[i]
        if cuda.grid(1) == 0:
            for j in range(N_INTS):
                all_ints[j] = own_ints[j]
            for j in range(N_FLOATS):
                all_floats[j] = own_floats[j]
            for j in range(n_extra):
                all_extra[j] = extra[j]

    return iterate


def take_step(points, vectors, run, rates, bounds, user, found, turn):
    """A step on this thread's part of the vectors; returns the learning rate."""
    # points  INOUT  (n,) each: the point, the next one, the gradient, what is kept as the best
    # user    INOUT  what the entries need of the rows; args
    # found   INOUT  (6,): what the pass finds in this part; the value has the rows' share
    # turn    IN     is something kept; the last iteration; what the kernel is compiled for
    x, target, g, left = points
    slots, best = vectors
    ints, floats, extra = run
    learning_rates, momenta = rates
    lower, upper = bounds
    w, args = user
    keep, last, constants = turn
    bounded, norm, rate_stride, momentum_stride = constants
    zero, one = 0.0, 1.0
    now = larger(smaller(ints.ITERATION, last - 1), 0)
    learning_rate = learning_rates[now * rate_stride]
    after = momenta[(now + 1) * momentum_stride]
    given = (learning_rate, momenta[now * momentum_stride], after)
    own = constants_of(extra)
    carried, _ = carry(own, carried_of(extra), zero, one)
    order = floats.NORM_ORDER
    g_size = no_magnitude(x)
    x_size = no_magnitude(x)
    step_size = no_magnitude(x)
    changes = no_magnitude(x)
    norm_sum = 0.0
    value = found[VALUE]
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        if objective_kind() != 0:
            value = entry_share(value, i, x, w, g, args)
        g_i = g[i]
        x_i = x[i]
        old = entries(slots, 0, i)
        x_new_i, new = rule(x_i, g_i, old, given, own, carried, zero, one)
        changes = added_changes(changes, new, old)
        r_i = g_i
        if bounded != 0:
            r_i = bounded_residual(x_i, g_i, lower[i], upper[i])
            x_new_i, new = clipped(x_new_i, new, lower[i], upper[i], after)
        if keep:
            best[i] = left[i]
        target[i] = x_new_i
        store_entries(slots, 0, i, new)
        # Where the gradient is not finite, neither is this.
        g_size = larger_magnitude(g_size, r_i)
        if bounded != 0:
            g_size = larger_magnitude(g_size, g_i - g_i)
        x_size = larger_magnitude(x_size, x_i)
        step_size = larger_magnitude(step_size, x_new_i - x_i)
        if norm != NORM_INF and norm != NORM_MIN:
            norm_sum = norm_term(norm_sum, r_i, norm, order)
    found[G_SIZE] = g_size
    found[X_SIZE] = x_size
    found[STEP_SIZE] = step_size
    found[CHANGES] = changes
    found[NORM_SUM] = norm_sum
    found[VALUE] = value
    return learning_rate


def conclude(run, shared, learning_rate, last, constants, kept):
    """What the processor's loop decides after an evaluation and a step; what is carried goes on."""
    # shared  IN  in column 0, what the pass has found
    # kept    IN  is the point before kept by now, if it is the lowest?
    ints, floats, extra = run
    _, norm, rate_stride, momentum_stride = constants
    f = shared[VALUE, 0]
    size = shared[G_SIZE, 0]
    grad_norm = size
    if norm == NORM_1 or norm == NORM_2 or norm == NORM_P:
        grad_norm = norm_of_sum(shared[NORM_SUM, 0], norm, floats.NORM_ORDER)
    carried, settled = carry(constants_of(extra), carried_of(extra), 0.0, 1.0)
    store_carried(extra, carried)
    # May nothing change any more?
    settled = settled and rate_stride == 0 and momentum_stride == 0
    still = settled and shared[STEP_SIZE, 0] == 0.0 and shared[CHANGES, 0] == 0.0
    k = ints.ITERATION
    improves = abs(f) < np.inf and (ints.BEST < 0 or f < floats.FUN_BEST)
    status = RUNNING
    lowest = KEPT
    if ints.BEST < 0:
        lowest = CURRENT
    elif ints.IMPROVED != 0 and (improves or not kept):
        lowest = BEFORE
    floats.FUN_PREVIOUS = floats.FUN
    floats.FUN = f
    if not abs(f) < np.inf:
        status = STATUS_NONFINITE
    elif not (size < np.inf and grad_norm < np.inf):
        status = STATUS_NONFINITE
        ints.NIT = larger(k - 1, 0)
    else:
        ints.NIT = k
        floats.GRAD_NORM = grad_norm
        ending = ending_of(ints, floats, improves)
        ints.IMPROVED = 1 if improves else 0
        if improves:
            ints.BEST = 0
            floats.FUN_BEST = f
            lowest = CURRENT
        floats.LEARNING_RATE = floats.NEXT_RATE
        if grad_norm <= floats.GTOL:
            status = STATUS_CONVERGED
            lowest = CURRENT
        elif ending != RUNNING:
            status = ending
        elif k >= last:
            status = STATUS_MAXITER
        elif still:
            status = STATUS_PRECISION_LOSS
        else:
            floats.NEXT_RATE = learning_rate
    ints.RESULT = lowest
    ints.ITERATION = k + 1
    ints.STATUS = status
    floats.X_NORM = shared[X_SIZE, 0]
    floats.STEP_NORM = shared[STEP_SIZE, 0]


def reduce_block(found, shared, threads):
    """Largest magnitudes and sums over the threads of a block, in the column of thread 0."""
    t = cuda.threadIdx.x
    for j in range(N_FOUND):
        shared[j, t] = found[j]
    cuda.syncthreads()
    width = threads // 2
    while width > 0:
        if t < width:
            for j in range(N_SIZES):
                shared[j, t] = larger_magnitude(shared[j, t], shared[j, t + width])
            for j in range(N_SIZES, N_FOUND):
                shared[j, t] += shared[j, t + width]
        cuda.syncthreads()
        width //= 2


def reduce_blocks(partials, found, shared, threads):
    """The same over what all blocks have found, in an order that is always the same."""
    for j in range(N_FOUND):
        found[j] = 0.0
    for b in range(cuda.threadIdx.x, cuda.gridDim.x, cuda.blockDim.x):
        for j in range(N_SIZES):
            found[j] = larger_magnitude(found[j], partials[j, b])
        for j in range(N_SIZES, N_FOUND):
            found[j] += partials[j, b]
    reduce_block(found, shared, threads)
