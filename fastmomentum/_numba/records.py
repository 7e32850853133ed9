"""The numbers at an address by name: those of a batch, a sum, a call from a user's code."""

from __future__ import annotations

from numba.extending import intrinsic

from .._language import layout
from .kinds import I8, record


def _at_address(names):
    """What gives the numbers of these names at an address."""
    kind = record(names, I8)

    @intrinsic
    def fields(typing_context, address):
        def impl(context, builder, signature, values):
            return builder.inttoptr(values[0], context.get_value_type(kind))

        return kind(address), impl

    return fields


batch_fields = _at_address(layout.BATCH_FIELDS)
sum_fields = _at_address(layout.SUM_FIELDS)
call_fields = _at_address(layout.CALL_FIELDS)
difference_fields = _at_address(layout.DIFFERENCE_FIELDS)
plan_fields = _at_address(layout.PLAN_FIELDS)
