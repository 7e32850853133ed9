# The entries: one for each style of objective. `generate_drivers.py` writes the part below
# the mark once for each style and precision.

from numba.extending import intrinsic

from .abi import (
    ADDRESS,
    F4,
    F8,
    I8,
    NONE,
    adapter,
    call_c_fun,
    call_c_fused,
    call_c_jac,
    call_evaluate,
    call_fun,
    call_fused,
    call_jac,
    call_jac_in_place,
    call_pair,
    complex_row,
    driver_call,
    row_address,
    stack_address,
    types,
    vector_type,
)
from .jit import cached_njit

SOURCES = ""

# A context is (address of fun, address of jac, args, address of a scratch row, step of the
# differences). Differences are computed in float64 in either precision.


def evaluate_returning(load, vector):
    """fun(x, *args) and jac(x, *args) -> array."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        f = call_fun(fun, x, args)
        gradient = call_jac(jac, x, args)
        if gradient.size != g.size:
            raise ValueError("jac returned an array of another size than x")
        for i in range(g.size):
            g[i] = gradient[i]
        return f

    return evaluate


def evaluate_in_place(load, vector):
    """fun(x, *args) and jac(x, out, *args)."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        f = call_fun(fun, x, args)
        call_jac_in_place(jac, x, g, args)
        return f

    return evaluate


def evaluate_pair(load, vector):
    """fun(x, *args) -> (f, array)."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        f, gradient = call_pair(fun, x, args)
        if gradient.size != g.size:
            raise ValueError("fun returned a gradient of another size than x")
        for i in range(g.size):
            g[i] = gradient[i]
        return f

    return evaluate


def evaluate_fused(load, vector):
    """fun(x, out, *args) -> f."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        return call_fused(fun, x, g, args)

    return evaluate


def evaluate_two_point(load, vector):
    """fun(x, *args) and forward differences."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        z = vector(scratch, n)
        f = call_fun(fun, x, args)
        for i in range(x.size):
            z[i] = x[i]
        for i in range(x.size):
            x_i = float(x[i])
            h = step * max(1.0, abs(x_i))
            z[i] = x_i - h if x_i < 0.0 else x_i + h
            g[i] = (call_fun(fun, z, args) - f) / (float(z[i]) - x_i)
            z[i] = x[i]
        return f

    return evaluate


def evaluate_three_point(load, vector):
    """fun(x, *args) and central differences."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        z = vector(scratch, n)
        f = call_fun(fun, x, args)
        for i in range(x.size):
            z[i] = x[i]
        for i in range(x.size):
            x_i = float(x[i])
            h = step * max(1.0, abs(x_i))
            z[i] = x_i - h
            low = float(z[i])
            f_low = call_fun(fun, z, args)
            z[i] = x_i + h
            high = float(z[i])
            g[i] = (call_fun(fun, z, args) - f_low) / (high - low)
            z[i] = x[i]
        return f

    return evaluate


def evaluate_complex_step(load, vector):
    """fun(x, *args), which takes complex x as well, and complex-step derivatives."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        z = complex_row(scratch, n, x)
        f = call_fun(fun, x, args)
        for i in range(x.size):
            z[i] = x[i]
        for i in range(x.size):
            z[i] = complex(x[i], step)
            g[i] = call_fun(jac, z, args).imag / step
            z[i] = x[i]
        return f

    return evaluate


def evaluate_c_in_place(load, vector):
    """double fun(int n, double *x, void *) and void jac(int n, double *x, double *g, void *)."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        f = call_c_fun(fun, x, args[0])
        call_c_jac(jac, x, g, args[1])
        return f

    return evaluate


def evaluate_c_fused(load, vector):
    """double fun(int n, double *x, double *g, void *)."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        return call_c_fused(fun, x, g, args[0])

    return evaluate


def evaluate_c_two_point(load, vector):
    """double fun(int n, double *x, void *) and forward differences."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        z = vector(scratch, n)
        f = call_c_fun(fun, x, args[0])
        for i in range(x.size):
            z[i] = x[i]
        for i in range(x.size):
            h = step * max(1.0, abs(x[i]))
            z[i] = x[i] - h if x[i] < 0.0 else x[i] + h
            g[i] = (call_c_fun(fun, z, args[0]) - f) / (z[i] - x[i])
            z[i] = x[i]
        return f

    return evaluate


def evaluate_c_three_point(load, vector):
    """double fun(int n, double *x, void *) and central differences."""

    def evaluate(x_address, g_address, n, context):
        x, g = vector(x_address, n), vector(g_address, n)
        fun, jac, args, scratch, step = load(context)
        z = vector(scratch, n)
        f = call_c_fun(fun, x, args[0])
        for i in range(x.size):
            z[i] = x[i]
        for i in range(x.size):
            h = step * max(1.0, abs(x[i]))
            low = x[i] - h
            z[i] = low
            f_low = call_c_fun(fun, z, args[0])
            high = x[i] + h
            z[i] = high
            g[i] = (call_c_fun(fun, z, args[0]) - f_low) / (high - low)
            z[i] = x[i]
        return f

    return evaluate


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


# -- once for each precision
SIGNATURE_PRECISION = driver_signature(REAL)


@intrinsic
def call_driver_PRECISION(
    typing_context, driver, evaluate, context, workspace, ints, floats, rates, momenta, history, last
):
    return driver_call(SIGNATURE_PRECISION)


@cached_njit
def evaluate_row_PRECISION(
    evaluate, context, workspace, ints, floats, rates, momenta, history, last
):
    """A driver that evaluates the point in row `last`, and does nothing else."""
    x = row_address(workspace, ints[STRIDE], last, rates)
    g = row_address(workspace, ints[STRIDE], N_POINTS + last, rates)
    floats[FUN_EXTRA] = call_evaluate(evaluate, x, g, ints[SIZE], context)


# -- once for each style and precision
adapter_STYLE_PRECISION = adapter(evaluate_STYLE, REAL)


@cached_njit
def entry_STYLE_PRECISION(
    driver, fun, jac, args, scratch, step, workspace, ints, floats, rates, momenta, history, last
):
    context = (fun, jac, args, scratch, step)
    call_driver_PRECISION(
        driver,
        adapter_STYLE_PRECISION(context),
        stack_address(context),
        workspace,
        ints,
        floats,
        rates,
        momenta,
        history,
        last,
    )
