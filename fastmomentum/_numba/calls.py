"""How a loop calls what was compiled without it: by an address.

A loop must not take the user's dispatcher as an argument: it would be compiled anew for each
objective, and never be found in the disk cache. It takes integers instead: the address of a
function with the universal signature

    evaluate(x, g, n, context) -> float64        returns fun(x), writes the gradient to g

where x and g are addresses too (an array travels as seven arguments: 20 ns more per call), and
`context` is that of a struct on the entry's stack, see contexts.py. All calls but those of C
functions follow Numba's own calling convention, so that exceptions propagate.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils
from numba.core.imputils import impl_ret_new_ref
from numba.extending import intrinsic

from .._language import plain
from .jit import jit_disabled
from .kinds import ADDRESS, EVALUATION, F8, I8, NONE, vector_type
from .memory import emit_release, view_of


def emit_call(context, builder, address, returns, argument_types, values, memory=None):
    """Code of a call; where it raises, so does the caller, and gives `memory` back first."""
    convention = context.call_conv
    function_type = convention.get_function_type(returns, argument_types)
    pointer = builder.inttoptr(address, function_type.as_pointer())
    status, result = convention.call_function(builder, pointer, returns, argument_types, values)
    with cgutils.if_unlikely(builder, status.is_error):
        if memory is not None:
            emit_release(builder, memory)
        convention.return_status_propagate(builder, status)
    return impl_ret_new_ref(context, builder, returns, result)


# -- what the loops call ---------------------------------------------------------------------------


@intrinsic
def call_evaluate(typing_context, address, x, g, n, context_address):
    """``evaluate(x, g, n, context)`` at an address; x and g are rows."""

    def impl(context, builder, signature, values):
        integer = context.get_value_type(ADDRESS)
        points = [builder.ptrtoint(value, integer) for value in values[1:3]]
        numbers = [*points, *values[3:]]
        return emit_call(context, builder, values[0], F8, EVALUATION.args, numbers)

    return F8(address, x, g, n, context_address), impl


if jit_disabled():
    call_norm, call_metric, call_prox = plain.call_norm, plain.call_metric, plain.call_prox

else:

    def _call(returns, address, given):
        """An intrinsic's answer: it calls what is at an address with what is given."""

        def impl(context, builder, signature, values):
            return emit_call(context, builder, values[0], returns, given, list(values[1:]))

        return returns(address, *given), impl

    @intrinsic
    def call_norm(typing_context, address, rows, v, n, norm, order):
        """``vector_norm(rows, v, n, norm, order)`` at an address."""
        return _call(F8, address, (rows, v, I8, I8, F8))

    @intrinsic
    def call_metric(typing_context, address, rows, ints, floats, g, s):
        """``adaptive(rows, ints, floats, g, s)`` at an address."""
        return _call(NONE, address, (rows, ints, floats, g, s))

    @intrinsic
    def call_prox(typing_context, address, v, n, step, data):
        """The proximal operator at an address, in place on the row `v`; its data by their address.

        They are addresses and lengths of its numbers, its integers and its work array.
        """
        real = v.dtype
        vector, numbers, integers = vector_type(real), vector_type(F8), vector_type(I8)
        arguments = (vector, vector, F8, numbers, integers, vector)

        def impl(context, builder, signature, values):
            prox, v_, n_, step_, data_ = values
            integer = context.get_value_type(ADDRESS)
            fields = builder.inttoptr(data_, integer.as_pointer())

            def field(i):
                return builder.load(builder.gep(fields, [ir.Constant(ir.IntType(32), i)]))

            point = view_of(context, builder, vector, builder.ptrtoint(v_, integer), n_)
            rest = [
                view_of(context, builder, kind, field(2 * i), field(2 * i + 1))
                for i, kind in enumerate((numbers, integers, vector))
            ]
            call = [point, point, step_, *rest]
            return emit_call(context, builder, prox, F8, arguments, call)

        return F8(address, v, n, F8, data), impl


# -- loops, and Python -----------------------------------------------------------------------------


@intrinsic
def call_driver(
    typing_context,
    memory,
    driver,
    evaluate,
    context,
    workspace,
    ints,
    floats,
    rates,
    momenta,
    history,
    last,
):
    """A loop at an address; memory from `allocate`, or None, is given back where it raises."""
    given = (evaluate, context, workspace, ints, floats, rates, momenta, history, last)

    def impl(context, builder, signature, values):
        held, address, *passed = values
        held = None if memory == NONE else held
        return emit_call(context, builder, address, NONE, given, passed, held)

    return NONE(memory, driver, *given), impl


@intrinsic
def call_python(typing_context, function, address, step):
    """``function(address, step)``, a Python function that returns a float, given by its address.

    What it raises propagates as it is.
    """

    def impl(context, builder, signature, values):
        api = context.get_python_api(builder)
        lock = api.gil_ensure()
        arguments = (api.long_from_longlong(values[1]), api.float_from_double(values[2]))
        result = api.call_function_objargs(builder.inttoptr(values[0], api.pyobj), arguments)
        for argument in arguments:
            api.decref(argument)
        with cgutils.if_unlikely(builder, cgutils.is_null(builder, result)):
            api.gil_release(lock)
            context.call_conv.return_exc(builder)
        found = api.float_as_double(result)
        api.decref(result)
        api.gil_release(lock)
        return found

    return F8(ADDRESS, ADDRESS, F8), impl
