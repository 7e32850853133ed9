"""The numbers at an address by name: those of a batch, a sum, a call from a user's code."""

from __future__ import annotations

from numba.extending import intrinsic

from .._language import layout
from .kinds import I8, record

_BATCH, _CALL, _DIFFERENCES, _PLAN, _SUM = (
    record(fields, I8)
    for fields in (
        layout.BATCH_FIELDS,
        layout.CALL_FIELDS,
        layout.DIFFERENCE_FIELDS,
        layout.PLAN_FIELDS,
        layout.SUM_FIELDS,
    )
)


def _fields(record, address):
    def impl(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(record))

    return record(address), impl


@intrinsic
def batch_fields(typing_context, address):
    """The numbers of a batch by name."""
    return _fields(_BATCH, address)


@intrinsic
def sum_fields(typing_context, address):
    """The numbers of a sum by name."""
    return _fields(_SUM, address)


@intrinsic
def call_fields(typing_context, address):
    """The numbers of a call from a user's code by name."""
    return _fields(_CALL, address)


@intrinsic
def difference_fields(typing_context, address):
    """The numbers of a gradient by differences by name."""
    return _fields(_DIFFERENCES, address)


@intrinsic
def plan_fields(typing_context, address):
    """The numbers that such calls share by name."""
    return _fields(_PLAN, address)
