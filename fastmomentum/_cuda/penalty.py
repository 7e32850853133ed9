"""A separable penalty on a device, where no operator is called by its address."""

from .._language.layout import L1_ROW
from .._loops.slots import rows_from
from .._loops.terms import prox_entry
from .._numba.words import summed, variables


def separable_prox(rows, ints, z, step):
    """The proximal point of the row z, in its place; returns h there."""
    l1, l2, lower, upper = rows_from(rows, ints.TERMS + L1_ROW, 4)
    total = 0.0
    for i in variables(ints.SIZE):
        z_i = prox_entry(z[i], step, l1[i], l2[i], lower[i], upper[i])
        z[i] = z_i
        total += l1[i] * abs(z_i) + 0.5 * l2[i] * z_i * z_i
    return summed(rows, total)
