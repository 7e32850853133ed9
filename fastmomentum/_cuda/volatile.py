"""Reading what changes while a kernel runs."""

from __future__ import annotations

from typing import Any

from .device import simulated

if simulated():

    def peek(array: Any, i: Any) -> Any:
        """``array[i]`` as it is now."""
        return array[i]

else:
    from llvmlite import ir
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    # Of a plain load the compiler could keep the value, of an asm without side effects, too.
    @intrinsic
    def peek(typing_context, array, i):
        """``array[i]`` of int32 as it is now."""

        def impl(context, builder, signature, values):
            view = context.make_array(signature.args[0])(context, builder, values[0])
            place = builder.gep(view.data, [values[1]])
            word = ir.IntType(32)
            load = ir.InlineAsm(
                ir.FunctionType(word, [place.type]),
                "ld.volatile.global.b32 $0, [$1];",
                "=r,l,~{memory}",
                side_effect=True,
            )
            return builder.call(load, [place])

        return types.int32(array, types.int64), impl
