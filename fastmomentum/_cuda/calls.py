"""Functions that stay functions in a kernel."""

from __future__ import annotations

from .device import simulated

if simulated():

    def stay_whole() -> None:
        """The function that calls this is not compiled into those who call it."""

else:
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    # The compiler would put a copy of it in each place.
    @intrinsic
    def stay_whole(typing_context):
        """The function that calls this is not compiled into those who call it."""

        def impl(context, builder, signature, values):
            builder.function.attributes.add("noinline")
            return context.get_dummy_value()

        return types.void(), impl
