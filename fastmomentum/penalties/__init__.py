"""Penalties and constraints: the nonsmooth terms h of problems min f(x) + h(x).

Each has a value and a proximal operator,

    prox_{t h}(v) = argmin_z  h(z) + ||z - v||^2 / (2 t),

which for a constraint is the projection onto its set, whatever the step t.

``L1``, ``L2``, ``ElasticNet``, ``Box``, ``NonNegative``
    Separable: sums over entries. They can be added: ``L1(0.1) + NonNegative()``.
``GroupL2``, ``TV1D``, ``TV2D``, ``NuclearNorm``
    Norms of groups, total variation of signals and images, sums of singular values.
``Simplex``, ``L1Ball``, ``L2Ball``
    Projections.
``Prox``
    A penalty of the user's.

Penalties are immutable. Arrays of any shape are taken in C order. Proximal operators are exact to
rounding except for that of `TV2D`, which iterates to a tolerance. They are compiled by Numba at
their first call, and cached on disk.

Examples
--------
>>> from fastmomentum import penalties
>>> penalties.L1(0.5).prox([3.0, -0.2, -1.0], step=1.0)
array([ 2.5,  0. , -0.5])
"""

from __future__ import annotations

from fastmomentum.penalties._balls import L1Ball, L2Ball, Simplex
from fastmomentum.penalties._base import Penalty
from fastmomentum.penalties._custom import Prox
from fastmomentum.penalties._groups import GroupL2
from fastmomentum.penalties._matrix import NuclearNorm
from fastmomentum.penalties._separable import (
    L1,
    L2,
    Box,
    ElasticNet,
    NonNegative,
    SeparableSum,
)
from fastmomentum.penalties._variation import TV1D, TV2D

__all__ = [
    "L1",
    "L2",
    "TV1D",
    "TV2D",
    "Box",
    "ElasticNet",
    "GroupL2",
    "L1Ball",
    "L2Ball",
    "NonNegative",
    "NuclearNorm",
    "Penalty",
    "Prox",
    "SeparableSum",
    "Simplex",
]
