"""Momentum: Polyak's heavy ball."""

from .base import LEARNING_RATE, MOMENTUM, Method


def momentum_rule(x, velocity, g, learning_rate, momentum):
    velocity = momentum * velocity + learning_rate * g
    x = x - velocity
    return x, velocity


METHOD = Method(
    name="momentum",
    rule=momentum_rule,
    slots=("velocity",),
    slots_start={"velocity": "zero"},
    parameters=(LEARNING_RATE, MOMENTUM),
    summary="Momentum, the heavy ball (Polyak 1964).",
    notes="""\
v <- gamma v + eta grad(x);  x <- x - v, with v = 0 at the start, eta = `learning_rate` and
gamma = `momentum`.

Three conventions of this rule are in use. Here the learning rate multiplies the gradient as it
enters the velocity, and the velocity is subtracted; PyTorch multiplies the whole velocity, which
is the same for a constant learning rate only.

References: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods",
USSR Computational Mathematics and Mathematical Physics 4(5), 1964.""",
)
