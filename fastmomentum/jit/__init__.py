"""Minimizers and update rules for use inside your own ``@njit`` code.

`minimizer` makes a function that compiled code calls, in ``prange`` loops, too; it runs the loop
that `fastmomentum.minimize` runs, with the same results. `rules` has one step of each method, for
loops of your own. Importing this module imports Numba.
"""

from __future__ import annotations

from . import rules
from ._minimizer import Result, minimizer

__all__ = ["Result", "minimizer", "rules"]
