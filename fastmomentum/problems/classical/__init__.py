"""Classical unconstrained test functions.

Every function returns its value and writes its gradient to `out`, and stands alone: Numba
compiles it as it is, and it can be cached on disk by its name.
"""

from __future__ import annotations

from fastmomentum.problems.classical import landscapes, scalable, small, sparse

__all__ = ["FAMILIES"]

FAMILIES = (*small.FAMILIES, *scalable.FAMILIES, *landscapes.FAMILIES, *sparse.FAMILIES)
