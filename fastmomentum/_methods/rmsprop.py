"""RMSProp."""

import dataclasses
import math

from .base import EPSILON, LEARNING_RATE, MEMORY, RHO, Method


def rmsprop_rule(x, g, slots, rates, constants, carried, zero, one):
    (square,) = slots
    learning_rate, _, _ = rates
    rho, epsilon = constants
    square = rho * square + (one - rho) * (g * g)
    x = x - learning_rate * g / (math.sqrt(square) + epsilon)
    return x, (square,)


def rmsprop_metric(g, step, kept, count, constants, zero, one):
    (square,) = kept
    rho, epsilon = constants
    square = rho * square + (one - rho) * (g * g)
    diagonal = one / (math.sqrt(square) + epsilon)
    return diagonal, (square,)


METHOD = Method(
    name="rmsprop",
    rule=rmsprop_rule,
    slots=("square",),
    slots_start={"square": "zero"},
    parameters=(LEARNING_RATE, dataclasses.replace(RHO, default=0.9), EPSILON, MEMORY),
    loop="momentum",
    metric=rmsprop_metric,
    metric_vectors=("square",),
    summary="RMSProp (Tieleman and Hinton 2012).",
    notes="""\
r <- rho r + (1 - rho) grad(x)**2;  x <- x - eta grad(x) / (sqrt(r) + epsilon), with r = 0 at the
start and eta = `learning_rate`, in units of x.

The lecture has rho = 0.9 and no epsilon. Here it is outside the root, as in PyTorch, whose default
of rho (its alpha) is 0.99; TensorFlow and Keras add it inside the root. The mean is not corrected
for its start at zero, so that the first step is eta / sqrt(1 - rho) in each variable.

With learning_rate='auto' the direction is that of method 'momentum', in the metric
1 / (sqrt(r) + epsilon), where r is taken over the gradients at the accepted points.

Reference: T. Tieleman, G. Hinton, "Lecture 6.5 - RMSProp", Coursera: Neural Networks for Machine
Learning, 2012.""",
)
