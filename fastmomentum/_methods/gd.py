"""Gradient descent."""

from .base import LEARNING_RATE, Method


def gd_rule(x, g, learning_rate):
    x = x - learning_rate * g
    return x


METHOD = Method(
    name="gd",
    rule=gd_rule,
    slots=(),
    slots_start={},
    parameters=(LEARNING_RATE,),
    summary="Gradient descent (Cauchy 1847).",
    notes="""\
x <- x - eta grad(x), with eta = `learning_rate`.

On a function whose gradient is Lipschitz with constant L it converges for 0 < eta < 2 / L.""",
)
