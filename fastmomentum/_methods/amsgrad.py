"""AMSGrad."""

import math

from .base import BETA1, BETA2, EPSILON, LEARNING_RATE, MEMORY, Method


def amsgrad_rule(x, g, slots, rates, constants, carried, zero, one):
    m, v, v_max = slots
    learning_rate, _, _ = rates
    beta1, beta2, epsilon = constants
    m = beta1 * m + (one - beta1) * g
    v = beta2 * v + (one - beta2) * (g * g)
    v_max = max(v_max, v)
    x = x - learning_rate * m / (math.sqrt(v_max) + epsilon)
    return x, (m, v, v_max)


def amsgrad_metric(g, step, kept, count, constants, zero, one):
    v, v_max = kept
    _, beta2, epsilon = constants
    v = beta2 * v + (one - beta2) * (g * g)
    v_max = max(v_max, v)
    diagonal = one / (math.sqrt(v_max) + epsilon)
    return diagonal, (v, v_max)


METHOD = Method(
    name="amsgrad",
    rule=amsgrad_rule,
    slots=("m", "v", "v_max"),
    slots_start={"m": "zero", "v": "zero", "v_max": "zero"},
    parameters=(LEARNING_RATE, BETA1, BETA2, EPSILON, MEMORY),
    loop="momentum",
    metric=amsgrad_metric,
    metric_vectors=("v", "v_max"),
    summary="AMSGrad (Reddi, Kale and Kumar 2018).",
    notes="""\
m <- beta1 m + (1 - beta1) grad(x);  v <- beta2 v + (1 - beta2) grad(x)**2;  w <- max(w, v);
x <- x - eta m / (sqrt(w) + epsilon), with m = v = w = 0 at the start and eta = `learning_rate`, in
units of x.

This is Algorithm 2 of the paper: the bias is not corrected, so that the first step is
eta (1 - beta1) / sqrt(1 - beta2) in each variable, 3.2 eta with the defaults. PyTorch's
`amsgrad=True` corrects both means, which is this rule with the rate
eta sqrt(1 - beta2**t) / (1 - beta1**t) in step t, but for epsilon. The paper has no epsilon; its
theorem takes rates that fall like 1 / sqrt(t), see `fastmomentum.schedules`.

With learning_rate='auto' the direction is that of method 'momentum', in the metric
1 / (sqrt(w) + epsilon), where w is taken over the gradients at the accepted points; the momentum
takes the place of m, and beta1 is not used.

Reference: S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR 2018,
arXiv:1904.09237.""",
)
