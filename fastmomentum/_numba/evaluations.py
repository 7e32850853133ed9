"""How an objective, or a proximal operator, of each style is called.

Each function here makes the Python text of an evaluation from intrinsics that call the user's
functions, see `contexts.adapter`: it is compiled for one type of context.

Differences are computed in float64 in either precision. Behind the two rows of scratch stand the
bounds, which their points keep to, the user's steps, absolute and relative, and the numbers of
`layout.DIFFERENCE_FIELDS`. Along a variable that its bounds fix there is no difference; a step
that is lost to rounding gives way to our own.
"""

import numpy as np

from .calls import call_python
from .differences import (
    central_points,
    central_slope,
    forward_point,
    forward_slope,
    given_step,
)
from .jit import inlined_part
from .memory import complex_row
from .records import difference_fields


@inlined_part
def begin_gradient(calls):
    """No value is known yet at the point of this gradient."""
    calls.BEGAN = calls.CALLS
    calls.FUN = np.nan


@inlined_part
def look_at_the_clock(calls):
    """Let Python look at the clock."""
    call_python(calls.WATCH, 0, 0.0)


@inlined_part
def count_call(calls):
    """One more call of fun, before it is made; it may be time to look at the clock."""
    made = calls.CALLS
    if made >= calls.NEXT:
        look_at_the_clock(calls)
    calls.CALLS = made + 1


def returning(call, vector):
    """fun(x, *args) and jac(x, *args) -> array."""
    call_fun = call.fun
    call_jac = call.jac

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        f = call_fun(context, x)
        gradient = call_jac(context, x)
        if gradient.size != n:
            raise ValueError("jac returned a gradient of another size than x")
        for i in range(n):
            g[i] = gradient[i]
        return f

    return evaluate


def in_place(call_fun, call_jac, vector):
    """fun(x) and jac(x, out)."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        f = call_fun(context, x)
        call_jac(context, x, g)
        return f

    return evaluate


def pair(call, vector):
    """fun(x, *args) -> (f, array)."""
    call_pair = call.pair

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        f, gradient = call_pair(context, x)
        if gradient.size != n:
            raise ValueError("fun returned a gradient of another size than x")
        for i in range(n):
            g[i] = gradient[i]
        return f

    return evaluate


def fused(call_fused, vector):
    """fun(x, out) -> f."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        return call_fused(context, x, g)

    return evaluate


def differences(call, call_fun, vector, kind):
    """fun(x) and differences of this kind, "2-point", "3-point" or "cs": for complex x, too."""
    call_complex_fun = call.complex_fun
    call_scratch = call.scratch
    call_step = call.step

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        if kind == "cs":
            z = complex_row(call_scratch(context), n, x)
        else:
            z = vector(call_scratch(context), n)
        bounds = vector(call_scratch(context), 6 * n)
        step = call_step(context)
        calls = difference_fields(call_scratch(context) + 6 * n * x.itemsize)
        begin_gradient(calls)
        count_call(calls)
        f = call_fun(context, x)
        calls.FUN = np.float64(f)
        for i in range(n):
            z[i] = x[i]
        for i in range(n):
            if bounds[2 * n + i] == bounds[3 * n + i]:
                g[i] = 0.0
                continue
            x_i = np.float64(x[i])
            given = given_step(x_i, np.float64(bounds[4 * n + i]), np.float64(bounds[5 * n + i]))
            if kind == "cs":
                h = given if given != 0.0 else step
                z[i] = complex(x[i], h)
                count_call(calls)
                g[i] = call_complex_fun(context, z).imag / h
            else:
                h = step * max(1.0, abs(x_i))
                z[i] = x_i + given
                if z[i] != x[i]:
                    h = -given if x_i < 0.0 else given
                if kind == "2-point":
                    z[i] = forward_point(x_i, h, bounds[2 * n + i], bounds[3 * n + i])
                    count_call(calls)
                    f_z = np.float64(call_fun(context, z))
                    g[i] = forward_slope(x_i, np.float64(f), np.float64(z[i]), f_z)
                else:
                    low, high = bounds[2 * n + i], bounds[3 * n + i]
                    z[i], second = central_points(x_i, abs(h), low, high)
                    a = np.float64(z[i])
                    count_call(calls)
                    f_a = np.float64(call_fun(context, z))
                    z[i] = second
                    b = np.float64(z[i])
                    count_call(calls)
                    f_b = np.float64(call_fun(context, z))
                    g[i] = central_slope(x_i, np.float64(f), a, f_a, b, f_b)
            z[i] = x[i]
        calls.BEGAN = -1
        return f

    return evaluate


def operate(call, vector, returns):
    """A proximal operator of the user's, as ``fastmomentum._prox`` describes it.

    It is prox(v, step, *args) -> array if it `returns`, else prox(v, step, out, *args), and
    value(x, *args). `integers` are the addresses of its context, whose `fun` is the value, and of
    two vectors: until all has gone well, the user's functions see copies.
    """
    call_prox = call.prox
    call_prox_in_place = call.prox_in_place
    call_value = call.fun

    def operate(v, out, step, numbers, integers, work):
        n = v.size
        x, found = vector(integers[1], n), vector(integers[2], n)
        finite = True
        for i in range(n):
            x[i] = v[i]
            found[i] = v[i]
            finite = finite and v[i] - v[i] == 0.0
        if step > 0.0:
            if returns:
                returned = call_prox(integers[0], x, step)
                if returned.size != n:
                    raise ValueError("prox: must return the shape of v.")
                for i in range(n):
                    found[i] = returned[i]
            else:
                for i in range(n):
                    found[i] = np.nan
                call_prox_in_place(integers[0], x, step, found)
            wrong = False
            for i in range(n):
                wrong = wrong or found[i] != found[i]
            if wrong and finite:
                if returns:
                    raise ValueError("prox: returned nan, and v is finite.")
                raise ValueError("prox: wrote no number for an entry, and v is finite.")
        for i in range(n):
            x[i] = found[i]
        h = call_value(integers[0], x)
        if h != h and finite:
            raise ValueError("value: returned nan, and x is finite.")
        for i in range(n):
            out[i] = found[i]
        return h

    return operate


# By the name of the style: from what calls the functions, and what makes vectors of addresses.
EVALUATIONS = {
    "returning": returning,
    "in_place": lambda call, vector: in_place(call.fun, call.jac_in_place, vector),
    "pair": pair,
    "fused": lambda call, vector: fused(call.fused, vector),
    "two_point": lambda call, vector: differences(call, call.fun, vector, "2-point"),
    "three_point": lambda call, vector: differences(call, call.fun, vector, "3-point"),
    "complex_step": lambda call, vector: differences(call, call.fun, vector, "cs"),
    # double fun(int n, double *x, void *), void jac(int n, double *x, double *g, void *), or
    # double fun(int n, double *x, double *g, void *)
    "c_in_place": lambda call, vector: in_place(call.c_fun, call.c_jac, vector),
    "c_fused": lambda call, vector: fused(call.c_fused, vector),
    "c_two_point": lambda call, vector: differences(call, call.c_fun, vector, "2-point"),
    "c_three_point": lambda call, vector: differences(call, call.c_fun, vector, "3-point"),
}
OPERATIONS = {
    "returning": lambda call, vector: operate(call, vector, True),
    "in_place": lambda call, vector: operate(call, vector, False),
}
