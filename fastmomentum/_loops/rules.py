"""One step of a method on vectors, and its state at the start: for loops of the user's own.

A method's own part is its rule, as in the loop of a given rate: see `fastmomentum._methods`. The
state is a tuple of its vectors and, where numbers change from step to step, an array of these.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from .._methods.base import Method
from .._methods.signature import numbers_of, rates_of, state_docstring, step_docstring
from .._numba.jit import cached_step, compiled_into
from .slots import entries, lengths_differ, new_vectors, numbers_from, set_entries, set_numbers


def make_step(method: Method) -> Any:
    """``<method>(x, g, state, learning_rate, ...)``: one step, in place."""
    rule, carry = method.rule, method.carry
    n_slots, n_carries = len(method.slots), len(method.carries)
    n_rates, given = len(rates_of(method)), numbers_of(method)
    n_kept, n_given = n_slots + (n_carries > 0), len(given)

    # Numba has no **kwargs: the letters make way for the names of the method's numbers. Those of no
    # number are zero.
    def step(x, g, state, a, b, c, d, e):
        n = x.size
        vectors = ()
        if n_kept > 0:
            if len(state) != n_kept:
                raise ValueError("state must be what the _state function of this method returned")
            vectors = state[:n_slots]
        if g.size != n or lengths_differ(vectors, n):
            raise ValueError("g and state must have the length of x")
        real = x.dtype.type
        zero, one = real(0.0), real(1.0)
        if n_given < 2:
            b = zero
        if n_given < 3:
            c = zero
        if n_given < 4:
            d = zero
        if n_given < 5:
            e = zero
        third = real(b) if c is None else real(c)  # the next momentum: without one, the same
        numbers = (real(a), real(b), third, real(d), real(e))
        rates = (*numbers[:n_rates], zero, zero)[:3]
        constants = numbers[n_rates:n_given]
        carried = ()
        if n_carries > 0:
            carried, _ = carry(constants, numbers_from(state[n_slots], 0, n_carries, x), zero, one)
            set_numbers(state[n_slots], 0, carried)
        for i in range(n):
            old = entries(vectors, i)
            x[i], new = rule(x[i], g[i], old, rates, constants, carried, zero, one)
            set_entries(vectors, i, new)

    compiled_into(rule)
    if carry is not None:
        compiled_into(carry)
    names = ("x", "g", "state", *(number.name for number in given))
    defaults = tuple(value for number in given for value in number.default)
    # Nothing is allocated: without counts of references a short step takes a tenth of the time.
    made = written_as(step, method.name, names, defaults, step_docstring(method))
    return cached_step(made, _nrt=False)


def make_state(method: Method) -> Any:
    """``<method>_state(x)``: what the step advances."""
    at_x = tuple(method.slots_start[name] == "x0" for name in method.slots)
    carries = tuple(method.carries.values())
    n_slots, n_carries = len(at_x), len(carries)

    def start(x):
        vectors = new_vectors(x, n_slots)
        if n_slots > 0:
            for j in range(n_slots):
                vector = vectors[j]
                for i in range(x.size):
                    vector[i] = x[i] if at_x[j] else 0.0
        if n_carries == 0:
            return vectors
        carried = np.empty(n_carries, x.dtype)
        for j in range(n_carries):
            carried[j] = carries[j]
        return (*vectors, carried)

    name = f"{method.name}_state"
    return cached_step(written_as(start, name, ("x",), (), state_docstring(method)))


def written_as(
    function: Callable, name: str, names: tuple[str, ...], defaults: tuple, doc: str
) -> Callable:
    """`function` as if its arguments had been written with these names and defaults."""
    code = function.__code__
    inside = code.co_varnames[len(names) :]
    if len(names) > code.co_argcount or set(names) & set(inside):
        most = f"at most {code.co_argcount}, and none of {inside}"
        raise ValueError(f"{name} cannot have the arguments {names}: {most}.")
    code = code.replace(
        co_name=name,
        co_qualname=name,
        co_argcount=len(names),
        co_varnames=(*names, *inside),
    )
    made = types.FunctionType(code, function.__globals__, name, defaults, function.__closure__)
    made.__doc__ = doc
    return made
