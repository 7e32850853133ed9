"""Adadelta."""

import dataclasses
import math

from .base import EPSILON, LEARNING_RATE, MEMORY, RHO, Method


def adadelta_rule(x, g, slots, rates, constants, carried, zero, one):
    square, step_square = slots
    learning_rate, _, _ = rates
    rho, epsilon = constants
    square = rho * square + (one - rho) * (g * g)
    step = math.sqrt(step_square + epsilon) * g / math.sqrt(square + epsilon)
    step_square = rho * step_square + (one - rho) * (step * step)
    x = x - learning_rate * step
    return x, (square, step_square)


def adadelta_metric(g, step, kept, count, constants, zero, one):
    square, step_square = kept
    rho, epsilon = constants
    square = rho * square + (one - rho) * (g * g)
    step_square = rho * step_square + (one - rho) * (step * step)
    diagonal = math.sqrt(step_square + epsilon) / math.sqrt(square + epsilon)
    return diagonal, (square, step_square)


METHOD = Method(
    name="adadelta",
    rule=adadelta_rule,
    slots=("square", "step_square"),
    slots_start={"square": "zero", "step_square": "zero"},
    parameters=(LEARNING_RATE, RHO, dataclasses.replace(EPSILON, default=1e-6), MEMORY),
    loop="momentum",
    metric=adadelta_metric,
    metric_vectors=("square", "step_square"),
    summary="Adadelta (Zeiler 2012).",
    notes="""\
r <- rho r + (1 - rho) grad(x)**2;  d <- sqrt(s + epsilon) grad(x) / sqrt(r + epsilon);
s <- rho s + (1 - rho) d**2;  x <- x - eta d, with r = s = 0 at the start and eta = `learning_rate`.

This is Algorithm 1 of the paper, which has no learning rate: eta = 1. epsilon is inside both roots
and sets the length of the first steps, sqrt(epsilon / (1 - rho)) in each variable; these grow by
themselves, slowly. As in PyTorch, whose default of rho is 0.9, s takes the step before eta.

With learning_rate='auto' the direction is that of method 'momentum', in the metric
sqrt(s + epsilon) / sqrt(r + epsilon) over the gradients at the accepted points and the steps to
them.

Reference: M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, arXiv:1212.5701.""",
)
