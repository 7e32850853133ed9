"""Adam."""

import math

from .base import BETA1, BETA2, EPSILON, LEARNING_RATE, MEMORY, Method


def adam_rule(x, g, slots, rates, constants, carried, zero, one):
    m, v = slots
    learning_rate, _, _ = rates
    beta1, beta2, epsilon = constants
    _, _, correction1, correction2 = carried
    m = beta1 * m + (one - beta1) * g
    v = beta2 * v + (one - beta2) * (g * g)
    x = x - learning_rate * (m / correction1) / (math.sqrt(v / correction2) + epsilon)
    return x, (m, v)


def adam_carry(constants, carried, zero, one):
    beta1, beta2 = constants[0], constants[1]  # AdamW has one more
    beta1_power, beta2_power, correction1, correction2 = carried
    # A power that no longer changes 1 is dropped: products of subnormal numbers are slow.
    beta1_power = beta1_power * beta1 if correction1 < one else zero
    beta2_power = beta2_power * beta2 if correction2 < one else zero
    correction1 = one - beta1_power
    correction2 = one - beta2_power
    carried = beta1_power, beta2_power, correction1, correction2
    return carried, correction1 == one and correction2 == one


def adam_metric(g, step, kept, count, constants, zero, one):
    (v,) = kept
    _, beta2, epsilon = constants
    v = beta2 * v + (one - beta2) * (g * g)
    diagonal = one / (math.sqrt(v / (one - beta2**count)) + epsilon)
    return diagonal, (v,)


CARRIES = {"beta1_power": 1.0, "beta2_power": 1.0, "correction1": 0.0, "correction2": 0.0}

METHOD = Method(
    name="adam",
    rule=adam_rule,
    slots=("m", "v"),
    slots_start={"m": "zero", "v": "zero"},
    parameters=(LEARNING_RATE, BETA1, BETA2, EPSILON, MEMORY),
    carry=adam_carry,
    carries=CARRIES,
    loop="momentum",
    metric=adam_metric,
    metric_vectors=("v",),
    summary="Adam (Kingma and Ba 2015).",
    notes="""\
m <- beta1 m + (1 - beta1) grad(x);  v <- beta2 v + (1 - beta2) grad(x)**2;
x <- x - eta m' / (sqrt(v') + epsilon), with m' = m / (1 - beta1**t) and v' = v / (1 - beta2**t) in
step t = 1, 2, ..., m = v = 0 at the start and eta = `learning_rate`, in units of x.

This is Algorithm 1 of the paper: epsilon is outside the root and added after the bias is corrected,
as in PyTorch. The form at the end of the paper's section 2, and TensorFlow's, correct the rate
instead, which makes epsilon another one. The first step is eta in each variable, against the sign
of its gradient.

With learning_rate='auto' the direction is that of method 'momentum', in the metric
1 / (sqrt(v') + epsilon), where v' is taken over the gradients at the accepted points; the momentum
takes the place of m, and beta1 is not used.

Reference: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015,
arXiv:1412.6980.""",
)
