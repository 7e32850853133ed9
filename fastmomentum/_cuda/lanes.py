"""Lanes: neighbouring threads of a warp that share a problem.

All go through its loop, with the same numbers. What they share is the evaluation of a sum, and what
they find out by themselves, such as which problem is next, the first of them tells the others. As
one that saw another number could take another way, and be waited for in vain, they may not differ
in a single bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda

from .device import WARP, kernel, simulated
from .functions import internal

# Before it, all lanes of a warp take part in a shuffle.
VOLTA = (7, 0)
# Threads that a multiprocessor holds at a time, at most.
RESIDENT = 2048
# In the simulator, which is one thread after the other, where the user does not say.
SIMULATED_LANES = 1


def lanes_for(problems: int, n_terms: int, wanted: int | None = None) -> int:
    """How many lanes share each problem: as many as are wanted, or as there are threads for."""
    if simulated():
        return wanted or SIMULATED_LANES
    device = cuda.get_current_device()
    if device.compute_capability < VOLTA:
        return 1
    if wanted is not None:
        return wanted
    room = device.MULTIPROCESSOR_COUNT * RESIDENT
    lanes = 1
    while 2 * lanes <= min(WARP, n_terms) and 2 * lanes * problems <= room:
        lanes *= 2
    return lanes


@dataclasses.dataclass(frozen=True)
class Lanes:
    """Functions of a kernel, each called by all lanes of a problem together.

    Attributes
    ----------
    lane : callable
        ``lane()``, the number of this one.
    total : callable
        ``total(value)``, the sum of all their values, the same in each.
    from_first : callable
        ``from_first(value)``, that of lane 0.
    meet : callable
        ``meet()``: what any of them read or wrote before is done when one goes on.
    """

    lane: Callable
    total: Callable
    from_first: Callable
    meet: Callable


def make_lanes(count: int, real: Any) -> Lanes:
    """For so many lanes of each problem, a power of two."""
    decorate: Any = internal(real)
    if count == 1:
        return Lanes(*map(decorate, (_zero, _same, _same, _nothing)))
    swapped, from_first, meet, added = (_simulated if simulated() else _real)(count, real)

    def lane():
        return cuda.threadIdx.x & (count - 1)

    def total(value):
        # In each of these steps two lanes add the same two numbers.
        step = count >> 1
        while step > 0:
            value = added(value, swapped(value, step))
            step >>= 1
        return value

    if simulated():
        return Lanes(kernel(lane, device=True), total, from_first, meet)
    return Lanes(decorate(lane), decorate(total), from_first, meet)


def _zero():
    return 0


def _same(value):
    return value


def _nothing():
    pass


def _real(count: int, real: Any) -> tuple[Any, ...]:
    """Shuffles; the other lanes of a warp, which share other problems, take no part in them."""
    from numba.cuda import libdevice

    decorate = internal(real)
    # A sum that is rounded as such. The compiler makes a multiply-add of an ordinary one where a
    # summand is a product, and that is another one in each of two lanes.
    added = libdevice.fadd_rn if real is np.float32 else libdevice.dadd_rn

    @decorate
    def first():
        return cuda.threadIdx.x & (WARP - count)

    @decorate
    def members():
        if count == WARP:
            return np.int32(-1)
        return np.int32(((1 << count) - 1) << first())

    @decorate
    def swapped(value, step):
        return cuda.shfl_xor_sync(members(), value, step)

    @decorate
    def from_first(value):
        return cuda.shfl_sync(members(), value, first())

    @decorate
    def meet():
        cuda.syncwarp(members())

    return swapped, from_first, meet, added


def _simulated(count: int, real: Any) -> tuple[Any, ...]:
    """The same where there are no shuffles: the lanes are a block, and blocks run in turn."""
    decorate = kernel(device=True)
    values, told = np.empty(count, real), np.empty(1, np.int64)

    @decorate
    def swapped(value, step):
        lane = cuda.threadIdx.x
        values[lane] = value
        cuda.syncthreads()
        found = values[lane ^ step]
        cuda.syncthreads()
        return found

    @decorate
    def from_first(value):
        if cuda.threadIdx.x == 0:
            told[0] = value
        cuda.syncthreads()
        found = told[0]
        cuda.syncthreads()
        return found

    @decorate
    def meet():
        cuda.syncthreads()

    def added(a, b):
        return a + b

    return swapped, from_first, meet, added
