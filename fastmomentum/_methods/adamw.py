"""AdamW: Adam with decoupled weight decay."""

import math

from .adam import CARRIES, adam_carry
from .base import BETA1, BETA2, EPSILON, LEARNING_RATE, Method, Parameter


def adamw_rule(x, g, slots, rates, constants, carried, zero, one):
    m, v = slots
    learning_rate, _, _ = rates
    beta1, beta2, epsilon, weight_decay = constants
    _, _, correction1, correction2 = carried
    m = beta1 * m + (one - beta1) * g
    v = beta2 * v + (one - beta2) * (g * g)
    step = (m / correction1) / (math.sqrt(v / correction2) + epsilon)
    x = x - learning_rate * (step + weight_decay * x)
    return x, (m, v)


METHOD = Method(
    name="adamw",
    rule=adamw_rule,
    slots=("m", "v"),
    slots_start={"m": "zero", "v": "zero"},
    parameters=(
        LEARNING_RATE,
        BETA1,
        BETA2,
        EPSILON,
        Parameter(
            "weight_decay",
            0.01,
            0.0,
            float("inf"),
            high_open=True,
            doc="Decay of x in each step, times learning_rate; decoupled from the gradient.",
        ),
    ),
    carry=adam_carry,
    carries=CARRIES,
    summary="AdamW, Adam with decoupled weight decay (Loshchilov and Hutter 2019).",
    notes="""\
m <- beta1 m + (1 - beta1) grad(x);  v <- beta2 v + (1 - beta2) grad(x)**2;
x <- x - eta (m' / (sqrt(v') + epsilon) + lambda x), with m' = m / (1 - beta1**t) and
v' = v / (1 - beta2**t) in step t = 1, 2, ..., m = v = 0 at the start, eta = `learning_rate` and
lambda = `weight_decay`.

This is Algorithm 2 of the paper with its alpha = 1 and its schedule multiplier eta_t =
`learning_rate`, so that the rate multiplies the decay, too, as in PyTorch. Where alpha is not 1,
the paper's lambda is alpha times this one.

The decay is not the gradient of a penalty on fun, nor of any plain function: m and v do not see
it, and its weight beside the gradient changes with v. The convergence test stays that of fun, the
norm of its gradient, which need not fall below `gtol` while weight_decay > 0.

Reference: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019,
arXiv:1711.05101.""",
)
