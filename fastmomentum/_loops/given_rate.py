"""The loop of a method whose learning rate is given: one text for all methods.

A method's own part is its rule, see `fastmomentum._methods`. With a penalty h, the proximal point
of what the rule gives takes its place before it is evaluated.

All that a run is, is in `ints`, `floats` and the rows whenever the user's code is called, be it the
function or the proximal operator: either may raise.
"""

from __future__ import annotations

from typing import Any

from .._language.layout import (
    DELIVERED,
    EVALUATED,
    FIRST_SLOT,
    N_POINTS,
    NEEDS_EVALUATION,
    NORM_INF,
    RUNNING,
    STATUS_CONVERGED,
    STATUS_MAXFEV,
    STATUS_NONFINITE,
    STATUS_PRECISION_LOSS,
    TO_EVALUATE,
    TO_PROX,
)
from .._methods.base import Method
from .._numba.calls import call_evaluate, call_norm
from .._numba.jit import cached_loop, compiled_into, part
from .._numba.words import (
    as_real,
    from_magnitude_bits,
    larger,
    larger_magnitude,
    magnitude_bits,
    named,
    own_numbers,
    row,
    rows_of,
)
from .norms import largest_magnitude
from .slots import added_changes, entries, numbers_from, rows_from, set_entries, set_numbers
from .stopping import ending_of
from .terms import bounded_residual, constrain, keep_iterate, penalized_residual, proximal_move


def make(method: Method, composite: bool, real: str) -> Any:
    """The loop of a method, for f or for f + h, in the precision `real`."""
    rule, carry = method.rule, method.carry or nothing_carried
    n_slots, n_constants, n_carries = map(len, (method.slots, method.constants, method.carries))
    # Rows of the iterate, where that is not the evaluated point, and of the last step; 0: none.
    iterate, velocity = slot_row(method, method.iterate), slot_row(method, "velocity")

    def drive(
        evaluate,  # IN     address of the evaluation, 0: return to the caller for each evaluation
        context,  # IN     address of its context
        workspace,  # INOUT  address of the rows, (FIRST_SLOT + slots, STRIDE)
        ints,  # INOUT  (len(INTS),)
        floats,  # INOUT  (len(FLOATS),), and the method's own
        rates,  # IN     learning rates from iteration ints.CHUNK_START on, or one constant
        momenta,  # IN     momenta, likewise, and one more
        history,  # OUT    (rows, 3): fun, gradient norm, learning rate
        last,  # IN     return before iteration `last`
    ):
        ints = named(ints)
        floats = named(floats)
        n = ints.SIZE
        rows = rows_of(workspace, ints.STRIDE, n, rates)
        vectors = rows_from(rows, FIRST_SLOT, n_slots)
        own = own_numbers(rows, floats)
        constants = numbers_from(own, 0, n_constants, rates)
        carried = numbers_from(own, n_constants, n_carries, rates)
        zero, one = as_real(0.0, rates), as_real(1.0, rates)
        stride = ints.MOMENTUM_STRIDE
        constant = ints.RATE_STRIDE == 0 and stride == 0 and ints.SINGLE_STEPS == 0
        grad_norm = floats.GRAD_NORM
        status = RUNNING
        while status == RUNNING:
            k = ints.ITERATION - ints.CHUNK_START
            current = ints.CURRENT
            x = row(rows, current)
            g = row(rows, N_POINTS + current)
            improves, ending = False, RUNNING
            if ints.PENDING != EVALUATED:
                if ints.PENDING != DELIVERED:
                    if ints.NFEV + ints.COST_FUN + ints.RESERVE > ints.MAXFEV:
                        status = STATUS_MAXFEV
                        break
                    if composite and ints.PENDING == TO_PROX:
                        momentum = momenta[k * stride]
                        floats.STEP_NORM = proximal_move(
                            rows, ints, floats, current, iterate, velocity, momentum
                        )
                        ints.PENDING = TO_EVALUATE
                        if constant and ints.STALLED >= 2:
                            status = STATUS_PRECISION_LOSS
                            break
                    if not evaluated(evaluate, context, x, g, ints, floats):
                        status = NEEDS_EVALUATION
                        break
                improves = ints.BEST < 0 or floats.FUN < floats.FUN_BEST
                if composite:
                    improves, grad_norm = add_penalty(rows, ints, floats, grad_norm)
                ints.PENDING = EVALUATED
                if floats.FUN - floats.FUN != 0.0:
                    status = STATUS_NONFINITE
                    break
                ints.NIT = ints.ITERATION
                ending = ending_of(ints, floats, improves)
            if ints.ITERATION >= last or ending != RUNNING:
                if not composite:
                    grad_norm = norm_at_end(rows, ints, floats)
                status = end_at_current(ints, floats, ending, improves, grad_norm)
                break

            # One pass: the step, into a row that is free, with the norms that the tests need.
            learning_rate = rates[k * ints.RATE_STRIDE]
            given = (learning_rate, momenta[k * stride], momenta[(k + 1) * stride])
            target = row_for_step(current, ints.BEST)
            x_new = row(rows, target)
            if composite:
                keep_iterate(rows, ints, iterate)
            carried, settled = carry(constants, carried, zero, one)
            set_numbers(own, n_constants, carried)
            g_bits = magnitude_bits(g[0])
            x_bits = magnitude_bits(x[0])
            step_bits = magnitude_bits(x[0] - x[0])
            slot_bits = step_bits
            for i in range(n):
                g_i = g[i]
                x_i = x[i]
                old = entries(vectors, i)
                x_new_i, new = rule(x_i, g_i, old, given, constants, carried, zero, one)
                x_new[i] = x_new_i
                set_entries(vectors, i, new)
                slot_bits = added_changes(slot_bits, new, old)
                g_bits = larger_magnitude(g_bits, g_i)
                x_bits = larger_magnitude(x_bits, x_i)
                step_bits = larger_magnitude(step_bits, x_new_i - x_i)
            if not composite:
                grad_norm = gradient_norm(rows, ints, floats, from_magnitude_bits(g_bits, g))
            floats.X_NORM = from_magnitude_bits(x_bits, g)
            floats.STEP_NORM = from_magnitude_bits(step_bits, g)
            if grad_norm - grad_norm != 0.0:
                status = STATUS_NONFINITE
                ints.NIT = larger(ints.ITERATION - 1, 0)
                break
            if not composite and ints.BOUNDED != 0:
                grad_norm = bounded_residual(rows, ints, floats, current)
                floats.STEP_NORM = constrain(
                    rows, ints, current, target, iterate, velocity, given[2]
                )
            record_step(ints, floats, history, improves, grad_norm, learning_rate)
            fixed = floats.STEP_NORM == 0.0 and slot_bits == 0
            fixed = fixed and constant and settled and not composite
            status = end_iteration(ints, floats, target, grad_norm, fixed)
            if composite:
                ints.PREVIOUS = current
                ints.PENDING = TO_PROX
        ints.STATUS = status
        floats.GRAD_NORM = grad_norm

    name = f"{method.name}_proximal" if composite else method.name
    drive.__name__ = drive.__qualname__ = f"drive_{name}_{real}"
    compiled_into(rule)
    compiled_into(carry)
    return cached_loop(drive)


def slot_row(method: Method, name: str) -> int:
    """The row of this vector of a method; 0 if it has none."""
    return FIRST_SLOT + method.slots.index(name) if name in method.slots else 0


def nothing_carried(constants, carried, zero, one):
    """The numbers of a method of which none changes from step to step."""
    return carried, True


@part
def row_for_step(current, best):
    """The first row that is neither the current nor the best point: both stay intact."""
    i = 0
    while i == current or i == best:
        i += 1
    return i


@part(forceinline=True)
def evaluated(evaluate, context, x, g, ints, floats):
    """Evaluate the current point; False if the loop is to be left for that."""
    if evaluate == 0:
        return False
    floats.FUN = call_evaluate(evaluate, x, g, ints.SIZE, context)
    ints.NFEV += ints.COST_FUN
    ints.NJEV += ints.COST_JAC
    return True


@part(forceinline=True)
def add_penalty(rows, ints, floats, grad_norm):
    """Make f the value of f + h; returns whether it is the lowest, and the norm of the test.

    That is found before anything else, since the operator may raise.
    """
    f = floats.FUN + floats.PENALTY
    improves = ints.BEST < 0 or f < floats.FUN_BEST
    if f - f == 0.0:
        # Also where this point was known before the operator raised.
        improves = improves or ints.BEST == ints.CURRENT
        grad_norm = norm_with_penalty(rows, ints, floats, f, improves)
    floats.FUN = f
    return improves, grad_norm


@part(forceinline=True)
def gradient_norm(rows, ints, floats, largest):
    """Norm of the gradient at the current point, whose largest magnitude is known."""
    if ints.NORM == NORM_INF:
        return largest
    g = row(rows, N_POINTS + ints.CURRENT)
    return call_norm(ints.NORM_ADDRESS, rows, g, ints.SIZE, ints.NORM, floats.NORM_ORDER)


@part(forceinline=True)
def norm_at_end(rows, ints, floats):
    """Norm of the convergence test at the current point, where no step is made."""
    current = ints.CURRENT
    largest = largest_magnitude(rows, row(rows, N_POINTS + current), ints.SIZE)
    grad_norm = gradient_norm(rows, ints, floats, largest)
    if ints.BOUNDED != 0 and grad_norm - grad_norm == 0.0:
        grad_norm = bounded_residual(rows, ints, floats, current)
    return grad_norm


@part(forceinline=True)
def end_at_current(ints, floats, ending, improves, grad_norm):
    """The status with which the loop is left at the current point, for `ending` or the last one."""
    if grad_norm - grad_norm != 0.0:
        ints.NIT = larger(ints.ITERATION - 1, 0)
        return STATUS_NONFINITE
    keep_best(ints, floats, improves)
    floats.LEARNING_RATE = floats.NEXT_RATE
    ints.RESULT = ints.CURRENT
    if grad_norm <= floats.GTOL:
        return STATUS_CONVERGED
    if ending == STATUS_CONVERGED:
        ints.RESULT = ints.BEST
    return ending


@part(forceinline=True)
def keep_best(ints, floats, improves):
    """A point counts as the best only if its gradient, too, is finite."""
    if improves:
        ints.BEST = ints.CURRENT
        floats.FUN_BEST = floats.FUN


@part(forceinline=True)
def record_step(ints, floats, history, improves, grad_norm, learning_rate):
    """Write down the current point, from which a step is made."""
    keep_best(ints, floats, improves)
    floats.LEARNING_RATE = floats.NEXT_RATE
    floats.NEXT_RATE = learning_rate
    floats.FUN_PREVIOUS = floats.FUN
    if ints.HISTORY >= 0:
        history[ints.HISTORY, 0] = floats.FUN
        history[ints.HISTORY, 1] = grad_norm
        history[ints.HISTORY, 2] = learning_rate
        ints.HISTORY += 1


@part
def norm_with_penalty(rows, ints, floats, f, improves):
    """Norm of the convergence test on f + h, whose value is `f`; may call the operator.

    Should that raise, this point is evaluated, and the best one where it improves.
    """
    current = ints.CURRENT
    grad_norm = largest_magnitude(rows, row(rows, N_POINTS + current), ints.SIZE)
    if grad_norm - grad_norm == 0.0:
        best = ints.BEST
        f_best = floats.FUN_BEST
        if improves:
            ints.BEST = current
            floats.FUN_BEST = f
        ints.PENDING = DELIVERED
        grad_norm = penalized_residual(rows, ints, floats, current)
        ints.BEST = best
        floats.FUN_BEST = f_best
    return grad_norm


@part(forceinline=True)
def end_iteration(ints, floats, target, grad_norm, fixed):
    """Go on to the point in row `target`; the status, by the norm at the point before.

    `fixed` is a point that a step does not change, in this arithmetic, nor anything else.
    """
    status = RUNNING
    if grad_norm <= floats.GTOL:
        status = STATUS_CONVERGED
        ints.RESULT = ints.CURRENT
    elif fixed:
        status = STATUS_PRECISION_LOSS
    ints.ITERATION += 1
    ints.CURRENT = target
    ints.PENDING = TO_EVALUATE
    return status
