"""Functions that are given to SciPy and to `minimize`."""

from functools import partial

import numpy as np
import scipy.optimize
from numba import njit

import fastmomentum

METHODS = ("gd", "momentum", "nesterov")


def quadratic(x, a=2.0, shift=0.0):
    return 0.5 * a * np.sum((x - shift) ** 2) + 1.0


def quadratic_der(x, a=2.0, shift=0.0):
    return a * (x - shift)


def quadratic_both(x, a=2.0, shift=0.0):
    return quadratic(x, a, shift), quadratic_der(x, a, shift)


ONES = np.ones(3)
START = [1.3, 0.7, 0.8]  # in 4 dimensions and more there is a second minimum


@njit(cache=True)
def quartic(x):
    total = 0.0
    for i in range(x.size):
        z = np.float64(x[i]) - 1.5
        total += (i + 1.0) * z * z * z * z + z
    return total


def analytic_quartic(x):
    """The same for complex x as well."""
    return np.sum(np.arange(1.0, x.size + 1.0) * (x - 1.5) ** 4 + (x - 1.5))


BFGS = partial(scipy.optimize.minimize, method="BFGS")


def row_of(found, i):
    """One problem of a batch as a result of its own."""
    names = ("x", "jac", "nfev", "nit")
    return fastmomentum.OptimizeResult({name: found[name][i] for name in names})
