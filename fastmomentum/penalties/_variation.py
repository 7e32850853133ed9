"""Total variation of signals and images."""

from __future__ import annotations

import dataclasses

import numpy as np

from fastmomentum import _prox
from fastmomentum._check.values import is_real
from fastmomentum.penalties._base import (
    Penalty,
    check_shape,
    flag,
    image_shape,
    weight,
    whole,
)

__all__ = ["TV1D", "TV2D"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TV1D(Penalty):
    r"""Total variation of a signal, :math:`h(x) = w \sum_i |x_{i+1} - x_i|`: fused lasso.

    The proximal operator is exact, in O(n) for every signal: its plateaus are constant to the last
    bit.

    Parameters
    ----------
    weight : float
        w >= 0, in units of f per unit of x.

    References
    ----------
    .. [1] N. Johnson, "A dynamic programming algorithm for the fused lasso and L0-segmentation",
       J. Comput. Graph. Stat. 22(2), 2013.

    Examples
    --------
    >>> from fastmomentum.penalties import TV1D
    >>> TV1D(1.0).prox([0.0, 0.0, 6.0, 6.0, 7.0], step=1.0)
    array([0.5, 0.5, 6. , 6. , 6. ])
    """

    weight: float

    def __post_init__(self) -> None:
        self._set(weight=weight("weight", self.weight))

    def _value(self, x, epsilon):
        return self.weight * np.abs(np.diff(x)).sum() if self.weight else 0.0

    def _pack(self, n, dtype):
        return _prox.prox_tv1d, (self.weight,), (), 9 * n + 16


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TV2D(Penalty):
    r"""Total variation of an image, :math:`h(x) = w \sum_{ij} \|(Dx)_{ij}\|`.

    (Dx)_ij are the differences to the pixels below and to the right, 0 at the border. Isotropic is
    the sum of their 2-norms (Rudin, Osher and Fatemi), anisotropic that of their absolute values.

    The proximal operator has no closed form: accelerated projected gradients solve its dual. They
    end where the duality gap is at most `tol` times the primal value
    ``||x - v||^2 / 2 + t h(x)``, which is looked at every 10 iterations, or after `max_inner`
    iterations. The error is then ``||x - prox(v)|| <= sqrt(2 gap)``. `prox` starts from zero; calls
    of a kernel with the same `work` start from the last dual variables.

    Parameters
    ----------
    weight : float
        w >= 0, in units of f per unit of x.
    shape : (int, int)
        Rows and columns; x has their product of entries, in C order.
    isotropic : bool, default True
        The 2-norm of the two differences of a pixel, or the sum of their absolute values.
    tol : float, default 1e-5
        Relative duality gap at which the iterations end. 0: never.
    max_inner : int, default 1000
        Most iterations of one call.

    References
    ----------
    .. [1] A. Chambolle, "An algorithm for total variation minimization and applications", J. Math.
       Imaging Vision 20, 2004.
    .. [2] A. Beck and M. Teboulle, "Fast gradient-based algorithms for constrained total variation
       image denoising and deblurring problems", IEEE Trans. Image Process. 18(11), 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum.penalties import TV2D
    >>> image = np.array([[0.0, 0.0, 4.0], [0.0, 0.0, 4.0]])
    >>> TV2D(1.0, (2, 3), isotropic=False).prox(image, step=1.0).round(2)
    array([[0.5, 0.5, 3. ],
           [0.5, 0.5, 3. ]])
    """

    weight: float
    shape: tuple[int, int]
    isotropic: bool = True
    tol: float = 1e-5
    max_inner: int = 1000

    _keeps_work = True

    def __post_init__(self) -> None:
        if not is_real(self.tol) or not 0.0 <= self.tol < 1.0:
            raise ValueError(f"tol must be a number in [0, 1), got {self.tol!r}.")
        self._set(
            weight=weight("weight", self.weight),
            shape=image_shape(self.shape),
            isotropic=flag("isotropic", self.isotropic),
            tol=float(self.tol),
            max_inner=whole("max_inner", self.max_inner),
        )

    def _check_size(self, n):
        check_shape("TV2D", self.shape, n)

    def _value(self, x, epsilon):
        if not self.weight:
            return 0.0
        image = x.reshape(self.shape)
        below = np.diff(image, axis=0, append=image[-1:])
        right = np.diff(image, axis=1, append=image[:, -1:])
        if self.isotropic:
            return self.weight * np.hypot(below, right).sum()
        return self.weight * (np.abs(below) + np.abs(right)).sum()

    def _pack(self, n, dtype):
        rows, columns = self.shape
        integers = (rows, columns, int(self.isotropic), self.max_inner)
        work_size = 5 * n + 3 * columns + 2
        return _prox.prox_tv2d, (self.weight, self.tol), integers, work_size
