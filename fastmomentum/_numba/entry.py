"""The entries: what Python calls to run a loop on an objective, one for each style of objective.

Each is compiled for the types of the user's arguments, and cached. The loop is called by its
address.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from .._language.layout import N_POINTS
from .calls import call_driver, call_evaluate, call_python
from .contexts import adapter, context_address, context_type, hold_context, release_context
from .evaluations import EVALUATIONS, OPERATIONS
from .jit import cached_njit, cached_part
from .kinds import ADDRESS, F4, F8, I8, NONE, prox_signature, vector_type
from .memory import address_of_numbers
from .words import named, row, rows_of


def driver_signature(real):
    """What every driver takes."""
    numbers = vector_type(real)
    return NONE(
        ADDRESS,  # evaluate
        ADDRESS,  # context
        ADDRESS,  # workspace
        vector_type(I8),  # ints
        vector_type(F8),  # floats
        numbers,  # rates
        numbers,  # momenta
        types.Array(F8, 2, "C"),  # history
        I8,  # last
    )


REALS = {"float64": F8, "float32": F4}
# Of the drivers, and of the proximal operators, by precision.
DRIVER_SIGNATURES = {name: driver_signature(real) for name, real in REALS.items()}
PROX_SIGNATURES = {name: prox_signature(real) for name, real in REALS.items()}


@intrinsic(prefer_literal=True)
def evaluation_address(typing_context, style, like, fun, jac, args):
    """Address of the evaluation of this style, for rows of the dtype of the array `like`."""
    name, struct = style.literal_value, context_type(fun, jac, args)
    made = adapter(name, EVALUATIONS[name], like.dtype, struct)
    return ADDRESS(style, like, fun, jac, args), made


@intrinsic(prefer_literal=True)
def operator_address(typing_context, style, real, value, prox, args):
    """Address of the proximal operator of this style, in the precision `real`."""
    name, precision = style.literal_value, real.literal_value
    struct, signature = context_type(value, prox, args), PROX_SIGNATURES[precision]
    made = adapter(name, OPERATIONS[name], REALS[precision], struct, signature)
    return ADDRESS(style, real, value, prox, args), made


def _make_entry(style: str, real: str) -> Any:
    def entry(
        driver,
        fun,
        jac,
        args,
        scratch,
        step,
        workspace,
        ints,
        floats,
        rates,
        momenta,
        history,
        last,
    ):
        evaluate = evaluation_address(style, rates, fun, jac, args)
        context = context_address(fun, jac, args, scratch, step)
        # Nothing below uses args: an exception in the loop finds no reference of this frame to
        # lose.
        call_driver(
            None, driver, evaluate, context, workspace, ints, floats, rates, momenta, history, last
        )

    entry.__name__ = entry.__qualname__ = f"entry_{style}_{real}"
    return cached_njit(entry, no_cfunc_wrapper=True)


def _make_hold(style: str, real: str) -> Any:
    def hold(value, prox, args):
        address = operator_address(style, real, value, prox, args)
        return address, hold_context(value, prox, args)

    hold.__name__ = hold.__qualname__ = f"hold_{style}_{real}"
    return cached_njit(hold, no_cfunc_wrapper=True)


_entries: dict[tuple[str, str], Any] = {}
_holds: dict[tuple[str, str], Any] = {}


def entry_of(style: str, real: str) -> Any:
    """The entry of objectives of this style, see `EVALUATIONS`."""
    key = style, real
    return _entries.get(key) or _entries.setdefault(key, _make_entry(style, real))


def hold_of(style: str, real: str) -> Any:
    """The function of the value and the prox of an operator of this style, see `OPERATIONS`.

    It returns the addresses of the operator and of its context, which lasts until `release`.
    """
    key = style, real
    return _holds.get(key) or _holds.setdefault(key, _make_hold(style, real))


@cached_njit
def release(address, value, prox, args):
    """End what a function of `hold_of` made."""
    release_context(address, value, prox, args)


@cached_part
def operate_python(v, out, step, numbers, integers, work):
    """A proximal operator in Python, `integers` the address of its function."""
    return call_python(integers[0], address_of_numbers(out), step)


@cached_part
def evaluate_row(evaluate, context, workspace, ints, floats, rates, momenta, history, last):
    """A driver that evaluates the point in row `last`, and does nothing else."""
    ints = named(ints)
    rows = rows_of(workspace, ints.STRIDE, ints.SIZE, rates)
    x = row(rows, last)
    g = row(rows, N_POINTS + last)
    named(floats).FUN_EXTRA = call_evaluate(evaluate, x, g, ints.SIZE, context)
