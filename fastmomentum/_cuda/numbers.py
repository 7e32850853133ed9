"""A run's numbers, as a device holds them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._language import layout
from .._language.plain import ByName
from .device import simulated
from .functions import Word

# Numbers that one run never changes: a kernel is compiled for them.
FIXED = (
    "NORM",
    "METRIC",
    "METRIC_START",
    "MEMORY",
    "TERMS",
    "BOUNDED",
    "SEPARABLE",
    "COST_FUN",
    "COST_JAC",
    "RATE_STRIDE",
    "MOMENTUM_STRIDE",
)
# There is no history, and nothing that a caller holds back.
ABSENT = {"HISTORY": -1, "RESERVE": 0}
N_INTS, N_FLOATS = len(layout.INTS), len(layout.FLOATS)


@dataclasses.dataclass(frozen=True)
class Start:
    """What a run starts from.

    Attributes
    ----------
    ints, floats : ndarray
        Its numbers, named as in `layout`; those without a name follow the floats.
    rates, momenta : ndarray
        Of each iteration, or one number; with an automatic rate none.
    """

    ints: np.ndarray
    floats: np.ndarray
    rates: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(1))
    momenta: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(1))

    @property
    def numbers(self) -> dict[str, int]:
        """The integers by name."""
        return {name: int(self.ints[i]) for i, name in enumerate(layout.INTS)}


def fixed_of(numbers: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Those of a run that its kernel is compiled for."""
    return tuple((name, int(numbers[name])) for name in FIXED)


def first_numbers(start: Start, real: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The integers and floats with a name that a run starts from, and the floats without one.

    Integers have 32 bits there. No array is empty: a zero follows the floats without a name.
    """
    ints, floats, limits = start.ints, start.floats, np.iinfo(np.int32)
    extra = np.append(floats[layout.OWN :], 0.0)
    with np.errstate(over="ignore"):
        return (
            np.clip(ints[:N_INTS], limits.min, limits.max).astype(np.int32),
            floats[:N_FLOATS].astype(real),
            extra.astype(real),
        )


@functools.cache
def records(real: Any) -> tuple[np.dtype, np.dtype]:
    """The numbers of a thread by name: records, whose fields the compiler keeps in registers."""
    return tuple(
        np.dtype((np.record, [(name, kind) for name in names]))  # type: ignore[return-value]
        for names, kind in ((layout.INTS, np.int32), (layout.FLOATS, real))
    )


# But for what a kernel is compiled for.
read_ints = Word("read_ints(record, array): fill a record from an array")
read_floats = Word("read_floats(record, array): fill a record from an array")


def words_of_numbers(fixed: tuple[tuple[str, int], ...]) -> dict[Word, Callable]:
    """What these stand for, where so many numbers are fixed."""
    return {
        read_ints: reader(layout.INTS, (*fixed, *ABSENT.items())),
        read_floats: reader(layout.FLOATS, ()),
    }


if simulated():

    def reader(names: tuple[str, ...], fixed: tuple[tuple[str, int], ...]) -> Callable:
        """Function that fills a record from an array, but for what is fixed."""
        constants = dict(fixed)

        def read(record, array):
            for i, name in enumerate(names):
                setattr(record, name, constants.get(name, array[i]))

        return read

    def write(array, record):
        """Write what a record holds to an array."""
        for i, name in enumerate(record.dtype.names):
            array[i] = record[name]

    def ints_of(array):
        """The integers of an array by name."""
        return ByName(array, layout.INTS)

    def floats_of(array):
        """The floats of an array by name."""
        return ByName(array, layout.FLOATS)

else:
    from llvmlite import ir
    from numba.core import cgutils
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    def _by_name(array: Any, index: int) -> Any:
        # Only numba-cuda has it: Numba's own module of that name is older.
        from numba.cuda.np.numpy_support import from_dtype

        real = np.float32 if array.dtype.bitwidth == 32 else np.float64
        record = from_dtype(records(real)[index])

        def impl(context, builder, signature, values):
            data = context.make_array(array)(context, builder, values[0]).data
            return builder.bitcast(data, context.get_value_type(record))

        return record(array), impl

    @intrinsic
    def ints_of(typing_context, array):
        """The integers of an array by name, where they are."""
        return _by_name(array, 0)

    @intrinsic
    def floats_of(typing_context, array):
        """The floats of an array by name, where they are."""
        return _by_name(array, 1)

    def _field(builder: Any, record: Any, type_: Any, name: str, value_type: Any) -> Any:
        return cgutils.get_record_member(builder, record, type_.offset(name), value_type)

    # One by one: in a loop over them they would not be kept in registers.
    @functools.cache
    def reader(names: tuple[str, ...], fixed: tuple[tuple[str, int], ...]) -> Callable:
        """Function that fills a record from an array, but for what is fixed."""
        constants = dict(fixed)

        @intrinsic
        def read(typing_context, record, array):
            def impl(context, builder, signature, values):
                data = context.make_array(array)(context, builder, values[1]).data
                kind = data.type.pointee
                for i, name in enumerate(names):
                    if name in constants:
                        value = ir.Constant(kind, constants[name])
                    else:
                        value = builder.load(cgutils.gep(builder, data, i))
                    builder.store(value, _field(builder, values[0], record, name, kind))
                return context.get_dummy_value()

            return types.void(record, array), impl

        return read

    @intrinsic
    def write(typing_context, array, record):
        """Write what a record holds to an array."""

        def impl(context, builder, signature, values):
            data = context.make_array(array)(context, builder, values[0]).data
            kind = data.type.pointee
            for i, name in enumerate(record.members):
                value = builder.load(_field(builder, values[1], record, name[0], kind))
                builder.store(value, cgutils.gep(builder, data, i))
            return context.get_dummy_value()

        return types.void(array, record), impl
