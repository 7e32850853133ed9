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


def evaluate_returning(call, vector):
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


def evaluate_in_place(call, vector):
    """fun(x, *args) and jac(x, out, *args)."""
    call_fun = call.fun
    call_jac_in_place = call.jac_in_place

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        f = call_fun(context, x)
        call_jac_in_place(context, x, g)
        return f

    return evaluate


def evaluate_pair(call, vector):
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


def evaluate_fused(call, vector):
    """fun(x, out, *args) -> f."""
    call_fused = call.fused

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        return call_fused(context, x, g)

    return evaluate


def evaluate_two_point(call, vector):
    """fun(x, *args) and forward differences."""
    call_fun = call.fun
    call_scratch = call.scratch
    call_step = call.step

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        z, bounds = vector(call_scratch(context), n), vector(call_scratch(context), 6 * n)
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
            h = step * max(1.0, abs(x_i))
            given = given_step(x_i, np.float64(bounds[4 * n + i]), np.float64(bounds[5 * n + i]))
            z[i] = x_i + given
            if z[i] != x[i]:
                h = -given if x_i < 0.0 else given
            z[i] = forward_point(x_i, h, bounds[2 * n + i], bounds[3 * n + i])
            count_call(calls)
            f_z = np.float64(call_fun(context, z))
            g[i] = forward_slope(x_i, np.float64(f), np.float64(z[i]), f_z)
            z[i] = x[i]
        calls.BEGAN = -1
        return f

    return evaluate


def evaluate_three_point(call, vector):
    """fun(x, *args) and central differences."""
    call_fun = call.fun
    call_scratch = call.scratch
    call_step = call.step

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        z, bounds = vector(call_scratch(context), n), vector(call_scratch(context), 6 * n)
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
            h = step * max(1.0, abs(x_i))
            given = given_step(x_i, np.float64(bounds[4 * n + i]), np.float64(bounds[5 * n + i]))
            z[i] = x_i + given
            if z[i] != x[i]:
                h = abs(given)
            z[i], second = central_points(x_i, h, bounds[2 * n + i], bounds[3 * n + i])
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


def evaluate_complex_step(call, vector):
    """fun(x, *args), which takes complex x as well, and complex-step derivatives."""
    call_fun = call.fun
    call_complex_fun = call.complex_fun
    call_scratch = call.scratch
    call_step = call.step

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        z, bounds = complex_row(call_scratch(context), n, x), vector(call_scratch(context), 6 * n)
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
            absolute, relative = np.float64(bounds[4 * n + i]), np.float64(bounds[5 * n + i])
            given = given_step(np.float64(x[i]), absolute, relative)
            h = given if given != 0.0 else step
            z[i] = complex(x[i], h)
            count_call(calls)
            g[i] = call_complex_fun(context, z).imag / h
            z[i] = x[i]
        calls.BEGAN = -1
        return f

    return evaluate


def evaluate_c_in_place(call, vector):
    """double fun(int n, double *x, void *), void jac(int n, double *x, double *g, void *)."""
    call_c_fun = call.c_fun
    call_c_jac = call.c_jac

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        f = call_c_fun(context, x)
        call_c_jac(context, x, g)
        return f

    return evaluate


def evaluate_c_fused(call, vector):
    """double fun(int n, double *x, double *g, void *)."""
    call_c_fused = call.c_fused

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        return call_c_fused(context, x, g)

    return evaluate


def evaluate_c_two_point(call, vector):
    """double fun(int n, double *x, void *) and forward differences."""
    call_c_fun = call.c_fun
    call_scratch = call.scratch
    call_step = call.step

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        z, bounds = vector(call_scratch(context), n), vector(call_scratch(context), 6 * n)
        step = call_step(context)
        calls = difference_fields(call_scratch(context) + 6 * n * x.itemsize)
        begin_gradient(calls)
        count_call(calls)
        f = call_c_fun(context, x)
        calls.FUN = np.float64(f)
        for i in range(n):
            z[i] = x[i]
        for i in range(n):
            if bounds[2 * n + i] == bounds[3 * n + i]:
                g[i] = 0.0
                continue
            x_i = np.float64(x[i])
            h = step * max(1.0, abs(x_i))
            given = given_step(x_i, np.float64(bounds[4 * n + i]), np.float64(bounds[5 * n + i]))
            z[i] = x_i + given
            if z[i] != x[i]:
                h = -given if x_i < 0.0 else given
            z[i] = forward_point(x_i, h, bounds[2 * n + i], bounds[3 * n + i])
            count_call(calls)
            f_z = np.float64(call_c_fun(context, z))
            g[i] = forward_slope(x_i, np.float64(f), np.float64(z[i]), f_z)
            z[i] = x[i]
        calls.BEGAN = -1
        return f

    return evaluate


def evaluate_c_three_point(call, vector):
    """double fun(int n, double *x, void *) and central differences."""
    call_c_fun = call.c_fun
    call_scratch = call.scratch
    call_step = call.step

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        z, bounds = vector(call_scratch(context), n), vector(call_scratch(context), 6 * n)
        step = call_step(context)
        calls = difference_fields(call_scratch(context) + 6 * n * x.itemsize)
        begin_gradient(calls)
        count_call(calls)
        f = call_c_fun(context, x)
        calls.FUN = np.float64(f)
        for i in range(n):
            z[i] = x[i]
        for i in range(n):
            if bounds[2 * n + i] == bounds[3 * n + i]:
                g[i] = 0.0
                continue
            x_i = np.float64(x[i])
            h = step * max(1.0, abs(x_i))
            given = given_step(x_i, np.float64(bounds[4 * n + i]), np.float64(bounds[5 * n + i]))
            z[i] = x_i + given
            if z[i] != x[i]:
                h = abs(given)
            z[i], second = central_points(x_i, h, bounds[2 * n + i], bounds[3 * n + i])
            a = np.float64(z[i])
            count_call(calls)
            f_a = np.float64(call_c_fun(context, z))
            z[i] = second
            b = np.float64(z[i])
            count_call(calls)
            f_b = np.float64(call_c_fun(context, z))
            g[i] = central_slope(x_i, np.float64(f), a, f_a, b, f_b)
            z[i] = x[i]
        calls.BEGAN = -1
        return f

    return evaluate


# A proximal operator of the user's, as ``fastmomentum._prox`` describes it. `integers` are the
# addresses of its context, whose `fun` is the value, and of two vectors: until all has gone well,
# the user's functions see copies.


def operate_returning(call, vector):
    """prox(v, step, *args) -> array and value(x, *args)."""
    call_prox = call.prox
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
            returned = call_prox(integers[0], x, step)
            if returned.size != n:
                raise ValueError("prox: must return the shape of v.")
            wrong = False
            for i in range(n):
                found[i] = returned[i]
                wrong = wrong or found[i] != found[i]
            if wrong and finite:
                raise ValueError("prox: returned nan, and v is finite.")
        for i in range(n):
            x[i] = found[i]
        h = call_value(integers[0], x)
        if h != h and finite:
            raise ValueError("value: returned nan, and x is finite.")
        for i in range(n):
            out[i] = found[i]
        return h

    return operate


def operate_in_place(call, vector):
    """prox(v, step, out, *args) and value(x, *args)."""
    call_prox = call.prox_in_place
    call_value = call.fun

    def operate(v, out, step, numbers, integers, work):
        n = v.size
        x, found = vector(integers[1], n), vector(integers[2], n)
        finite = True
        for i in range(n):
            x[i] = v[i]
            found[i] = np.nan if step > 0.0 else v[i]
            finite = finite and v[i] - v[i] == 0.0
        if step > 0.0:
            call_prox(integers[0], x, step, found)
            wrong = False
            for i in range(n):
                wrong = wrong or found[i] != found[i]
            if wrong and finite:
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


EVALUATIONS = {
    "returning": evaluate_returning,
    "in_place": evaluate_in_place,
    "pair": evaluate_pair,
    "fused": evaluate_fused,
    "two_point": evaluate_two_point,
    "three_point": evaluate_three_point,
    "complex_step": evaluate_complex_step,
    "c_in_place": evaluate_c_in_place,
    "c_fused": evaluate_c_fused,
    "c_two_point": evaluate_c_two_point,
    "c_three_point": evaluate_c_three_point,
}
OPERATIONS = {"returning": operate_returning, "in_place": operate_in_place}
