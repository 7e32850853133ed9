"""Adagrad."""

import dataclasses
import math

from .base import EPSILON, LEARNING_RATE, MEMORY, Method


def adagrad_rule(x, g, slots, rates, constants, carried, zero, one):
    (total,) = slots
    learning_rate, _, _ = rates
    (epsilon,) = constants
    total = total + g * g
    x = x - learning_rate * g / (math.sqrt(total) + epsilon)
    return x, (total,)


def adagrad_metric(g, step, kept, count, constants, zero, one):
    (total,) = kept
    (epsilon,) = constants
    total = total + g * g
    diagonal = one / (math.sqrt(total) + epsilon)
    return diagonal, (total,)


METHOD = Method(
    name="adagrad",
    rule=adagrad_rule,
    slots=("total",),
    slots_start={"total": "zero"},
    parameters=(LEARNING_RATE, dataclasses.replace(EPSILON, default=1e-10), MEMORY),
    loop="momentum",
    metric=adagrad_metric,
    metric_vectors=("total",),
    summary="Adagrad, with a diagonal matrix (Duchi, Hazan and Singer 2011).",
    notes="""\
s <- s + grad(x)**2;  x <- x - eta grad(x) / (sqrt(s) + epsilon), with s = 0 at the start and
eta = `learning_rate`, in units of x.

This is the composite mirror descent form of the paper's Algorithm 1 (diagonal, no regulariser),
whose delta is epsilon, outside the root. PyTorch's default variant is the same. The first step is
eta in each variable, against the sign of its gradient.

With learning_rate='auto' the direction is that of method 'momentum', in the metric
1 / (sqrt(s) + epsilon), where s is taken over the gradients at the accepted points.

Reference: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
stochastic optimization", Journal of Machine Learning Research 12, 2011.""",
)
