"""Sum of the singular values of a matrix."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from fastmomentum import _prox
from fastmomentum.penalties._base import Penalty, check_shape, image_shape, weight

__all__ = ["NuclearNorm"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NuclearNorm(Penalty):
    r"""Sum of the singular values, :math:`h(X) = w \sum_j \sigma_j(X)`: matrices of low rank.

    The proximal operator lowers the singular values by t w, to zero at least. They are those of
    one-sided Jacobi rotations, accurate to rounding, in O(s^2 l) operations for each of some 6 to
    10 sweeps, s the shorter and l the longer side: for s up to about 200. Calls
    of a kernel with the same `work` start from the last rotations, and take one or two sweeps where
    X has changed little.

    Parameters
    ----------
    weight : float
        w >= 0, in units of f per unit of x.
    shape : (int, int)
        Rows and columns of X; x has their product of entries, in C order.

    References
    ----------
    .. [1] J.-F. Cai, E. Candes and Z. Shen, "A singular value thresholding algorithm for matrix
       completion", SIAM J. Optim. 20(4), 2010, Theorem 2.1.
    .. [2] G. Golub and C. Van Loan, Matrix Computations, 4th ed., 2013, section 8.6.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum.penalties import NuclearNorm
    >>> NuclearNorm(1.0, (2, 2)).prox(np.diag([3.0, 0.5]), step=1.0)
    array([[2., 0.],
           [0., 0.]])
    """

    weight: float
    shape: tuple[int, int]

    _keeps_work = True

    def __post_init__(self) -> None:
        self._set(weight=weight("weight", self.weight), shape=image_shape(self.shape))

    def _check_size(self, n):
        check_shape("NuclearNorm", self.shape, n)

    def _value(self, x, epsilon):
        if not np.isfinite(x).all():
            return math.inf
        peak = np.abs(x).max()
        if peak == 0.0 or not self.weight:
            return 0.0
        values = np.linalg.svd((x / peak).reshape(self.shape), compute_uv=False)
        return self.weight * (peak * values.sum())

    def _pack(self, n, dtype):
        short = min(self.shape)
        epsilon = float(np.finfo(dtype).eps)
        return _prox.prox_nuclear_norm, (self.weight, epsilon), self.shape, n + short * (short + 1)
