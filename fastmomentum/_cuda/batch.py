"""The kernel that solves a batch: a thread takes one problem after the other, start to end.

The lanes of a problem, where there are several, do so together (`lanes`).
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numba import cuda

from .._loops.table import LOOPS
from .._methods.differences import (
    central_points,
    central_slope,
    forward_point,
    forward_slope,
    given_step,
)
from . import automatic, given_rate
from .device import kernel
from .functions import bound, for_device, identity, internal
from .lanes import Lanes, make_lanes
from .numbers import records
from .volatile import peek

# Up to this many variables their number is a constant of the kernel, and a problem's vectors are
# local to its thread. Beyond they lie in global memory, those of neighbouring threads side by side.
MOST_LOCAL = 32
MOST_KERNELS = 64


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a kernel is compiled for, besides the user's functions.

    Attributes
    ----------
    loop : str
        Name of the loop.
    dtype : str
        "float32" or "float64".
    n : int
        Variables; 0: as many as the launch says.
    n_rows, n_extra : int
        Rows of the workspace, and numbers without a name.
    fixed : tuple of (str, int)
        Values of the names in `numbers.FIXED`.
    style : str
        How the gradient is evaluated: "fused", "in_place", "two_point", "three_point", and for
        objectives in parts "terms" or "entries".
    bounded, own_bounds : bool
        Are there bounds; has each problem its own?
    args : tuple of (int, str)
        Dimensions of each of the user's arguments and where the problem's index stands: "first",
        "last" or "" where all problems share it.
    lanes : int
        Threads that share a problem, a power of two; other than 1 only for "terms" of local
        vectors.
    """

    loop: str
    dtype: str
    n: int
    n_rows: int
    n_extra: int
    fixed: tuple[tuple[str, int], ...]
    style: str
    bounded: bool
    own_bounds: bool
    args: tuple[tuple[int, str], ...]
    lanes: int = 1

    @property
    def real(self) -> Any:
        """NumPy's type of the variables."""
        return np.float32 if self.dtype == "float32" else np.float64

    @property
    def differences(self) -> bool:
        """Is the gradient one of differences?"""
        return self.style in ("two_point", "three_point")


# -- the user's objective --------------------------------------------------------------------------

_STYLES = {
    "fused": """
    return real_type(fun(x, g{args}))
""",
    "in_place": """
    f = real_type(fun(x{args}))
    jac(x, g{args})
    return f
""",
    # The point of a difference is written over x and taken back: no other row is needed.
    "differences": """
    f = real_type(fun(x{args}))
    for i in range(x.shape[0]):
        if {fixed}:
            g[i] = real_type(0)
            continue
        x_i = x[i]
        h = step * max(real_type(1), abs(x_i))
        given = given_step(x_i, absolute[i], relative[i])
        x[i] = x_i + given
        if x[i] != x_i:
            h = -given if x_i < real_type(0) else given
        if central:
            x[i], second = central_points(x_i, abs(h), {low}, {high})
        else:
            x[i] = forward_point(x_i, h, {low}, {high})
        a = x[i]
        f_a = real_type(fun(x{args}))
        if central:
            x[i] = second
            b = x[i]
            f_b = real_type(fun(x{args}))
            g[i] = central_slope(x_i, f, a, f_a, b, f_b)
        else:
            g[i] = forward_slope(x_i, f, a, f_a)
        x[i] = x_i
    return f
""",
    # Neighbouring lanes take neighbouring terms.
    "terms": """
    for i in range(x.shape[0]):
        g[i] = real_type(0)
    f = real_type(0)
    for k in range(lane(), n_terms(x{args}), lanes):
        f += real_type(term(k, x, g{args}))
    for i in range(x.shape[0]):
        g[i] = total(g[i])
    return total(f)
""",
    "entries": """
    f = real_type(0)
    for i in range(x.shape[0]):
        f += real_type(entry(i, x, g{args}))
    return f
""",
}


def _functions(style: str, fun: Any, jac: Any) -> dict[str, Any]:
    """The user's functions that an evaluation of this style calls, by the names in its text."""
    if style == "terms":
        return {"term": fun.parts.term, "n_terms": fun.parts.n_terms}
    if style == "entries":
        return {"entry": fun.parts.entry}
    return {"fun": fun, "jac": jac} if style == "in_place" else {"fun": fun}


def _argument(k: int, dimensions: int, place: str) -> str:
    """Text of one of the user's arguments, as problem p sees it."""
    others = ":, " * (dimensions - 1)
    if place == "first":
        return f"args[{k}][p{', :' * (dimensions - 1)}]"
    return f"args[{k}][{others}p]" if place == "last" else f"args[{k}]"


def evaluation(spec: Spec, fun: Any, jac: Any, lanes: Lanes) -> Any:
    """Device function ``evaluate(x, g, context) -> f``."""
    args = "".join(f", {_argument(k, *a)}" for k, a in enumerate(spec.args))
    low, high = ("lower[i]", "upper[i]") if spec.bounded else ("-infinity", "infinity")
    # COST_FUN is one number: where each problem has bounds of its own, fun is called all the same.
    fixed = "lower[i] == upper[i]" if spec.bounded and not spec.own_bounds else "False"
    style = "differences" if spec.differences else spec.style
    body = _STYLES[style].format(args=args, low=low, high=high, fixed=fixed)
    text = (
        "def evaluate(x, g, context):\n    p, steps, lower, upper, args = context\n"
        "    step, absolute, relative = steps" + body
    )
    real = spec.real
    scope: dict[str, Any] = {
        "real_type": real,
        "infinity": real(np.inf),
        "central": spec.style == "three_point",
        "lanes": spec.lanes,
        "lane": lanes.lane,
        "total": lanes.total,
    }
    own = (central_points, central_slope, forward_point, forward_slope, given_step)
    called = _functions(spec.style, fun, jac) | {function.__name__: function for function in own}
    for name, function in called.items():
        scope[name] = for_device(function, real, forceinline=True)
    exec(text, scope)  # one of this file's texts, with indices filled in
    return internal(real)(scope["evaluate"])


# -- the kernel ------------------------------------------------------------------------------------


def make_kernel(spec: Spec, fun: Any, jac: Any) -> Any:
    """The kernel's Python function."""
    real = spec.real
    n_rows, n_extra, size = spec.n_rows, max(spec.n_extra, 1), max(spec.n, 1)
    differences, nan = spec.differences, real(np.nan)
    local, own_bounds = spec.n > 0, spec.own_bounds
    int_record, float_record = records(real)
    lanes = make_lanes(spec.lanes, real)
    lane, from_first, meet = lanes.lane, lanes.from_first, lanes.meet
    loop = automatic if LOOPS[spec.loop].automatic else given_rate
    begin, advance, finish = loop.make(
        spec.loop, real, spec.fixed, evaluation(spec, fun, jac, lanes)
    )

    def stopping(stop):
        found = np.int64(0)
        if lane() == 0:
            found = np.int64(peek(stop, 0))
        return from_first(found) != 0

    def taken(queue, stop, count):
        k = np.int64(count)
        if lane() == 0:
            k = np.int64(cuda.atomic.add(queue, 0, 1))
            if k < count and peek(stop, 0) != 0:
                k = np.int64(count)
        return from_first(k)

    stopping, taken = bound((stopping, taken), real, {})

    # All lanes of a problem come by the same ways, since they see the same numbers; what they write
    # to the arrays of the problem they all write, each the same.
    def solve(results, work, first, bounds, rates, user, scratch, limits):
        # results  INOUT points (n, problems), where they start and what was found; gradients, like
        #                them; numbers (N_NUMBERS, problems); counts (N_COUNTS, problems)
        # work     INOUT which problems; (1,) how many of them are taken; (1,) not 0: end
        # first    IN    what the numbers of a problem start from: integers, floats, those without a
        #                name; its vectors (rows, n); which of these
        # bounds   IN    lower and upper, (n, problems) or (n, 1); (0, 1): none
        # rates    IN    learning rates, or one; momenta, likewise, and one more
        # user     IN    steps of differences, our own, and the user's, absolute and relative; args
        # scratch  INOUT (rows, n, threads) where the workspace is not local
        # limits   IN    iterations after which a thread looks for another problem; maxiter
        points, gradients, all_numbers, all_counts = results
        todo, queue, stop = work
        lower, upper = bounds
        steps, args = user
        stretch, maxiter = limits
        ints = cuda.local.array(1, int_record)[0]
        floats = cuda.local.array(1, float_record)[0]
        extra = cuda.local.array(n_extra, real)
        if local:  # noqa: SIM108 - the compiler drops one branch
            table = cuda.local.array((n_rows, size), real)
        else:
            table = scratch[:, :, cuda.grid(1)]
        rows = (table, extra, ())
        p = np.int64(0)
        solving = False
        while True:
            if not solving:
                k = taken(queue, stop, todo.shape[0])
                if k >= todo.shape[0]:
                    break
                p = np.int64(todo[k])
            column = p if own_bounds else np.int64(0)
            problem = (points[:, p], lower[:, column], upper[:, column])
            if not solving:
                begin(rows, ints, floats, problem, first)
                # The point to start from is overwritten by the first lane that finds another.
                meet()
                solving = True
            context = (p, steps, problem[1], problem[2], args)
            ended = advance(rows, ints, floats, problem, rates, context, stretch, maxiter)
            if ended or stopping(stop):
                found = (gradients[:, p], all_numbers[:, p], all_counts[:, p])
                finish(rows, ints, floats, problem, found, context, ended)
                if differences:
                    # They cannot tell the slope along a variable that its bounds fix.
                    for i in range(lower.shape[0]):
                        if problem[1][i] == problem[2][i]:
                            gradients[i, p] = nan
                solving = False

    return solve


_kernels: collections.OrderedDict[Hashable, Any] = collections.OrderedDict()


def compiled(spec: Spec, fun: Any, jac: Any, wrap: Callable = kernel) -> Any:
    """The kernel, from the cache if one of these functions and this spec is in it."""
    key = (spec, *map(identity, _functions(spec.style, fun, jac).values()))
    found = _kernels.pop(key, None)
    if found is None:
        found = wrap(make_kernel(spec, fun, jac))
    _kernels[key] = found  # the last one is the one used last
    if len(_kernels) > MOST_KERNELS:
        _kernels.popitem(last=False)
    return found
