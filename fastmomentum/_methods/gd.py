"""Gradient descent."""

from .base import LEARNING_RATE, Method


def gd_rule(x, g, slots, rates, constants, carried, zero, one):
    learning_rate, _, _ = rates
    x = x - learning_rate * g
    return x, slots


METHOD = Method(
    name="gd",
    rule=gd_rule,
    slots=(),
    slots_start={},
    parameters=(LEARNING_RATE,),
    proximal=True,
    loop="gd",
    summary="Gradient descent (Cauchy 1847).",
    notes="""\
x <- x - eta grad(x), with eta = `learning_rate`.

On a function whose gradient is Lipschitz with constant L it converges for 0 < eta < 2 / L. With a
penalty h and a given rate it is ISTA, x <- prox(x - eta grad(x)), prox being that of eta h.

With learning_rate='auto' eta is one of the two step lengths of Barzilai and Borwein, made safe by
a line search that lets f rise now and then, though never above the largest of its last ten values.

References: J. Barzilai, J. M. Borwein, "Two-point step size gradient methods", IMA Journal of
Numerical Analysis 8, 1988. M. Raydan, "The Barzilai and Borwein gradient method for the large
scale unconstrained minimization problem", SIAM Journal on Optimization 7(1), 1997. B. Zhou,
L. Gao, Y.-H. Dai, "Gradient methods with adaptive step-sizes", Computational Optimization and
Applications 35, 2006. I. Daubechies, M. Defrise, C. De Mol, "An iterative thresholding algorithm
for linear inverse problems with a sparsity constraint", Communications on Pure and Applied
Mathematics 57, 2004.""",
)
