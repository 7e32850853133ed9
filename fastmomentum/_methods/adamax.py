"""AdaMax: Adam with the infinity norm."""

from .base import BETA1, BETA2, LEARNING_RATE, MEMORY, Method


def adamax_rule(x, g, slots, rates, constants, carried, zero, one):
    m, u = slots
    learning_rate, _, _ = rates
    beta1, beta2 = constants
    _, correction1 = carried
    m = beta1 * m + (one - beta1) * g
    u = max(beta2 * u, abs(g))
    # Where the gradient has always been zero m is zero, too, and the step is 0 rather than 0 / 0.
    x = x - learning_rate / correction1 * m / (u if u > zero else one)
    return x, (m, u)


def adamax_carry(constants, carried, zero, one):
    beta1, _ = constants
    beta1_power, correction1 = carried
    # A power that no longer changes 1 is dropped: products of subnormal numbers are slow.
    beta1_power = beta1_power * beta1 if correction1 < one else zero
    correction1 = one - beta1_power
    carried = beta1_power, correction1
    return carried, correction1 == one


def adamax_metric(g, step, kept, count, constants, zero, one):
    (u,) = kept
    _, beta2 = constants
    u = max(beta2 * u, abs(g))
    diagonal = one / u if u > zero else zero
    return diagonal, (u,)


METHOD = Method(
    name="adamax",
    rule=adamax_rule,
    slots=("m", "u"),
    slots_start={"m": "zero", "u": "zero"},
    parameters=(LEARNING_RATE, BETA1, BETA2, MEMORY),
    carry=adamax_carry,
    carries={"beta1_power": 1.0, "correction1": 0.0},
    loop="momentum",
    metric=adamax_metric,
    metric_vectors=("u",),
    summary="AdaMax, Adam with the infinity norm (Kingma and Ba 2015).",
    notes="""\
m <- beta1 m + (1 - beta1) grad(x);  u <- max(beta2 u, |grad(x)|);
x <- x - eta / (1 - beta1**t) m / u in step t = 1, 2, ..., with m = u = 0 at the start and
eta = `learning_rate`, in units of x.

This is Algorithm 2 of the paper, without an epsilon: a variable stays where it is while its
gradient is zero from the start. PyTorch adds its eps to |grad(x)|. The first step is eta in each
variable, against the sign of its gradient.

With learning_rate='auto' the direction is that of method 'momentum', in the metric 1 / u, where u
is taken over the gradients at the accepted points; the momentum takes the place of m, and beta1 is
not used.

Reference: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015,
arXiv:1412.6980.""",
)
