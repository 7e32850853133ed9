"""Momentum: Polyak's heavy ball."""

from .base import LEARNING_RATE, MEMORY, MOMENTUM, X_SCALE, Method


def momentum_rule(x, g, slots, rates, constants, carried, zero, one):
    (velocity,) = slots
    learning_rate, momentum, _ = rates
    velocity = momentum * velocity + learning_rate * g
    x = x - velocity
    return x, (velocity,)


METHOD = Method(
    name="momentum",
    rule=momentum_rule,
    slots=("velocity",),
    slots_start={"velocity": "zero"},
    parameters=(LEARNING_RATE, MOMENTUM, MEMORY, X_SCALE),
    proximal=True,
    loop="momentum",
    summary="Momentum, the heavy ball (Polyak 1964).",
    notes="""\
v <- gamma v + eta grad(x);  x <- x - v, with v = 0 at the start, eta = `learning_rate` and
gamma = `momentum`.

Three conventions of this rule are in use. Here the learning rate multiplies the gradient as it
enters the velocity, and the velocity is subtracted; PyTorch multiplies the whole velocity, which
is the same for a constant learning rate only.

With a penalty h and a given rate it is iPiano: x+ = prox(x - gamma v - eta grad(x)), prox being
that of eta h, and v = x - x+.

With learning_rate='auto' the coefficients are chosen in each iteration. The last `memory`
velocities with their changes of the gradient give the direction (as in L-BFGS; one velocity is
the rule above with an automatic eta and gamma); the function is evaluated at the look-ahead
point; and where it is close to a quadratic along the direction, the step goes to its exact minimum
along it, the gradient there being interpolated, at no further evaluation. Elsewhere a line search
with the approximate Wolfe conditions takes over. x is always a point that was evaluated.

Variables of very different size need no scaling by hand. A diagonal metric, the roots of
sum s_i**2 / s.y over sum y_i**2 / s.y over all velocities s and changes y, takes over where it
explains the velocities that follow better than the metric in use: it scales as x does, and at
first all variables count alike, or by `x_scale`. So a function of rescaled variables costs more
only until then.

References: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods",
USSR Computational Mathematics and Mathematical Physics 4(5), 1964. J. Nocedal, "Updating
quasi-Newton matrices with limited storage", Mathematics of Computation 35, 1980. W. W. Hager,
H. Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line search",
SIAM Journal on Optimization 16(1), 2005. P. Ochs, Y. Chen, T. Brox, T. Pock, "iPiano: inertial
proximal algorithm for nonconvex optimization", SIAM Journal on Imaging Sciences 7(2), 2014.""",
)
