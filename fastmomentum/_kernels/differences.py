"""Points and slopes of difference quotients, for the compiled entries."""

from __future__ import annotations

from .. import _differences
from .jit import part

given_step = part(_differences.given_step)
forward_point = part(_differences.forward_point)
forward_slope = part(_differences.forward_slope)
central_points = part(_differences.central_points)
central_slope = part(_differences.central_slope)
