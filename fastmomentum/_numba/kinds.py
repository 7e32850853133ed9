"""Numba's types of what the loops work with, and the signatures of what they call by address."""

from __future__ import annotations

import numpy as np
from numba import types

from .._language import layout

F8, F4, I8, ADDRESS, NONE = types.float64, types.float32, types.int64, types.intp, types.none


def vector_type(real):
    """Numba type of a contiguous vector of `real`."""
    return types.Array(real, 1, "C")


def record(names, real):
    """Numba type of the numbers at the start of a state array, as the fields of a record.

    An access to a field is one instruction, and takes Numba a fifth of the time that an index into
    an array does; this is most of what compiling a loop takes.
    """
    reals = layout.REAL_FIELDS if real is I8 else ()
    return types.Record.make_c_struct([(n, F8 if n in reals else real) for n in names])


# The numbers of a run by name.
NAMED = {I8: record(layout.INTS, I8), F8: record(layout.FLOATS, F8)}

# evaluate(address of x, address of g, n, address of the context) -> fun
EVALUATION = F8(ADDRESS, ADDRESS, ADDRESS, ADDRESS)


def prox_signature(real):
    """Signature of a proximal operator, see ``fastmomentum._prox``."""
    vector = vector_type(real)
    return F8(vector, vector, F8, vector_type(F8), vector_type(I8), vector)


def norm_signature(dtype):
    """Signature of ``vector_norm(rows, row, n, norm, order)``."""
    real = types.CPointer(F8 if dtype == np.float64 else F4)
    return F8(types.Tuple((real, I8)), real, I8, I8, F8)


def metric_signature(dtype):
    """Signature of ``adaptive(rows, ints, floats, g, s)``."""
    real = types.CPointer(F8 if dtype == np.float64 else F4)
    return NONE(types.Tuple((real, I8)), NAMED[I8], NAMED[F8], real, real)
