"""Nadam: Adam with Nesterov's momentum."""

import math

from .adam import adam_metric
from .base import BETA1, BETA2, EPSILON, LEARNING_RATE, MEMORY, Method


def nadam_rule(x, g, slots, rates, constants, carried, zero, one):
    m, v = slots
    learning_rate, _, _ = rates
    beta1, beta2, epsilon = constants
    _, _, correction1, correction1_next, correction2 = carried
    m = beta1 * m + (one - beta1) * g
    v = beta2 * v + (one - beta2) * (g * g)
    mean = beta1 * m / correction1_next + (one - beta1) * g / correction1
    x = x - learning_rate * mean / (math.sqrt(v / correction2) + epsilon)
    return x, (m, v)


def nadam_carry(constants, carried, zero, one):
    beta1, beta2, _ = constants
    beta1_power, beta2_power, correction1, _, correction2 = carried
    # A power that no longer changes 1 is dropped: products of subnormal numbers are slow.
    beta1_power = beta1_power * beta1 if correction1 < one else zero
    beta2_power = beta2_power * beta2 if correction2 < one else zero
    correction1 = one - beta1_power
    correction1_next = one - beta1_power * beta1
    correction2 = one - beta2_power
    carried = beta1_power, beta2_power, correction1, correction1_next, correction2
    return carried, correction1 == one and correction1_next == one and correction2 == one


METHOD = Method(
    name="nadam",
    rule=nadam_rule,
    slots=("m", "v"),
    slots_start={"m": "zero", "v": "zero"},
    parameters=(LEARNING_RATE, BETA1, BETA2, EPSILON, MEMORY),
    carry=nadam_carry,
    carries={
        "beta1_power": 1.0,
        "beta2_power": 1.0,
        "correction1": 0.0,
        "correction1_next": 0.0,
        "correction2": 0.0,
    },
    loop="momentum",
    metric=adam_metric,
    metric_vectors=("v",),
    summary="Nadam, Adam with Nesterov's momentum (Dozat 2016).",
    notes="""\
m <- beta1 m + (1 - beta1) grad(x);  v <- beta2 v + (1 - beta2) grad(x)**2;
x <- x - eta m' / (sqrt(v') + epsilon), with
m' = beta1 m / (1 - beta1**(t + 1)) + (1 - beta1) grad(x) / (1 - beta1**t) and
v' = v / (1 - beta2**t) in step t = 1, 2, ..., m = v = 0 at the start and eta = `learning_rate`, in
units of x. The first step is eta (1 + 2 beta1) / (1 + beta1) in each variable.

This is Algorithm 2 of the paper with a constant mu = beta1 and nu = beta2. The paper multiplies v'
by a further beta2, which this, as PyTorch and optax, leaves out. PyTorch lets the momentum of m'
grow, mu_t = beta1 (1 - 0.96**(t momentum_decay) / 2), and not that of m.

With learning_rate='auto' it is what 'adam' is: the direction of method 'momentum', which looks
ahead by itself, in the metric 1 / (sqrt(v') + epsilon). beta1 is not used.

Reference: T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.""",
)
