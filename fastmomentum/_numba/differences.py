"""Points and slopes of difference quotients, for the compiled entries."""

from __future__ import annotations

from .._methods import differences
from .jit import inlined_part

given_step = inlined_part(differences.given_step)
forward_point = inlined_part(differences.forward_point)
forward_slope = inlined_part(differences.forward_slope)
central_points = inlined_part(differences.central_points)
central_slope = inlined_part(differences.central_slope)
