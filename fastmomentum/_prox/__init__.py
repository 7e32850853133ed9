"""Proximal operators of nonsmooth terms h, as texts that Numba compiles and Python runs.

    prox_{t h}(v) = argmin_z  h(z) + ||z - v||^2 / (2 t)

Every kernel has the same signature, so that one compiled loop can call any of them::

    prox_<name>(v, out, step, numbers, integers, work) -> h(out)

v, out : arrays of float64 or float32, shape (n,)
    The point, and where the result is written. They may be the same memory.
step : float >= 0
    t. With 0 the result is the limit, the nearest point at which h is finite: v itself, but for the
    projections.
numbers : array of float64
    Weights and parameters; each kernel says which.
integers : array of int64
    Shapes and group boundaries.
work : array of the dtype of v
    Scratch. Zero before the first call of a run and kept between its calls, so that inner
    iterations start from where the last ones ended.

What all of them keep to: scalar loops only, no allocation, no exception; sums are in float64. A NaN
in v is a NaN in out: in its own entry or group where the penalty is a sum over entries or groups,
in all entries otherwise. Infinite entries count as NaN where no limit is defined.
"""

from . import nuclear_norm, tv1d, tv2d
from .group_l2 import prox_group_l2
from .l2_ball import prox_l2_ball
from .nuclear_norm import prox_nuclear_norm
from .separable import prox_separable
from .simplex import prox_simplex
from .tv1d import prox_tv1d
from .tv2d import prox_tv2d

# What they consist of beside themselves, see the modules.
PARTS = (*nuclear_norm.PARTS, *tv1d.PARTS, *tv2d.PARTS)

KERNELS = (
    prox_group_l2,
    prox_l2_ball,
    prox_nuclear_norm,
    prox_separable,
    prox_simplex,
    prox_tv1d,
    prox_tv2d,
)

__all__ = ["KERNELS", "PARTS", *sorted(kernel.__name__ for kernel in KERNELS)]
