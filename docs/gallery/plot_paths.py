r"""
The heavy ball and the look-ahead
=================================

Gradient descent, momentum and Nesterov's method in a narrow valley, with the same learning rate.

The function is :math:`\frac{1}{2} (a^2 + 25 b^2)`. Gradient descent is soon at the bottom of the
valley, and creeps along it. The heavy ball keeps its velocity: it is fast along the valley, swings
from wall to wall, and past the minimum. Nesterov's method takes the gradient where the velocity is
about to lead, and so brakes in time. See :doc:`/theory/momentum` and :doc:`/theory/nesterov`.
"""

from matplotlib import pyplot as plt
from numba import njit

from fastmomentum import minimize, plot


@njit
def valley(x, out):
    out[0] = x[0]
    out[1] = 25.0 * x[1]
    return 0.5 * (x[0] * x[0] + 25.0 * x[1] * x[1])


@njit
def height(x):
    return 0.5 * (x[0] * x[0] + 25.0 * x[1] * x[1])


fixed = {"learning_rate": 0.05, "maxiter": 60, "return_all": True, "history": True}
runs = {
    "gradient descent": minimize(valley, [-4.0, 1.0], method="gd", jac=True, options=fixed),
    "momentum 0.8": minimize(
        valley, [-4.0, 1.0], method="momentum", jac=True, options={**fixed, "momentum": 0.8}
    ),
    "Nesterov 0.8": minimize(
        valley, [-4.0, 1.0], method="nesterov", jac=True, options={**fixed, "momentum": 0.8}
    ),
}

fig, ax = plt.subplots(figsize=(8.0, 3.4), layout="constrained")
plot.path(height, runs, ax=ax)

# %%
# The norm of the gradient in each iteration. With automatic rates the same methods need neither a
# rate nor a momentum: on a quadratic in two variables, ``"momentum"`` is done in a few steps.

automatic = {"return_all": True, "history": True}
for name in ("momentum", "nesterov"):
    runs[f"{name}, automatic"] = minimize(
        valley, [-4.0, 1.0], method=name, jac=True, options=automatic
    )

fig, ax = plt.subplots(figsize=(8.0, 4.0), layout="constrained")
plot.convergence(runs, ax=ax)
for name, run in runs.items():
    print(f"{name:20s} {run.nit:3d} iterations, {run.nfev:3d} evaluations, {run.grad_norm:.0e}")
