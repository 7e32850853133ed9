"""Nesterov's accelerated gradient, in the look-ahead form."""

from .base import LEARNING_RATE, MOMENTUM, Method


def nesterov_rule(x, g, slots, rates, constants, carried, zero, one):
    theta, velocity = slots
    learning_rate, momentum, momentum_next = rates
    velocity = momentum * velocity + learning_rate * g
    theta = theta - velocity
    x = theta - momentum_next * velocity
    return x, (theta, velocity)


METHOD = Method(
    name="nesterov",
    rule=nesterov_rule,
    slots=("theta", "velocity"),
    slots_start={"theta": "x0", "velocity": "zero"},
    parameters=(LEARNING_RATE, MOMENTUM),
    proximal=True,
    loop="nesterov",
    summary="Nesterov's accelerated gradient, look-ahead form (Nesterov 1983).",
    notes="""\
v <- gamma v + eta grad(theta - gamma v);  theta <- theta - v, with v = 0 at the start,
eta = `learning_rate` and gamma = `momentum`.

With a penalty h and a given rate the step is theta+ = prox(y - eta grad(y)) from the look-ahead
point y = theta - gamma v, prox being that of eta h, and v = theta - theta+. Where h is infinite at
the next look-ahead point, the nearest point at which it is finite takes its place, or, with a
`Prox`, the proximal point.

With learning_rate='auto' it is FISTA's form of the method with eta = 1 / L: L is found by
backtracking and lowered where it can be, and the momentum is dropped where it points uphill or f
would rise, so that it is safe on nonconvex functions and needs no strong-convexity constant.
Where the function is close to a quadratic along the momentum, the gradient at the look-ahead point
is extrapolated instead of evaluated. Near a minimum, where rounding hides descent from the values,
the gradients must show it. x is always an evaluated iterate.

With a given rate the method takes function values and gradients at the look-ahead points
x = theta - gamma v only.
The result's x, fun and jac, and the recorded history, belong to the best or last look-ahead
point; callbacks and `allvecs` see the iterates theta (a callback that takes
`intermediate_result` costs one more evaluation per iteration, at theta). PyTorch's `nesterov=True`
is another form: the gradient is taken at x and the step is eta (g + gamma v).

References: B. O'Donoghue, E. Candes, "Adaptive restart for accelerated gradient schemes",
Foundations of Computational Mathematics 15, 2015, arXiv:1204.3982. A. Beck, M. Teboulle, "A fast
iterative shrinkage-thresholding algorithm", SIAM Journal on Imaging Sciences 2(1), 2009.
Y. Nesterov, "A method for solving the convex programming problem with convergence
rate O(1/k^2)", Soviet Mathematics Doklady 27, 1983. I. Sutskever, J. Martens, G. Dahl, G. Hinton,
"On the importance of initialization and momentum in deep learning", ICML 2013.""",
    iterate="theta",
)
