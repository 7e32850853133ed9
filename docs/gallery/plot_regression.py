"""
Robust regression
=================

A linear model of the progress of diabetes in 442 patients, with the pseudo-Huber loss: quadratic
for small residuals, linear for large ones.

The columns stay in the units in which they were measured, from years to milligrams per decilitre,
so that the coefficients differ in size by factors of hundreds. Methods without a metric suffer from
that; the default learns one, and so do the adaptive ones. ``"nesterov"`` does not get there in 8000
iterations.
"""

import numpy as np
import scipy.optimize
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_diabetes

from fastmomentum import minimize, plot

features, target = load_diabetes(return_X_y=True, scaled=False)
features = np.column_stack([features, np.ones(len(features))])


@njit
def pseudo_huber(x, out, features, target, width):
    """Mean loss; fills the gradient `out`."""
    loss = 0.0
    out[:] = 0.0
    for i in range(target.size):
        residual = (features[i] @ x - target[i]) / width
        root = np.sqrt(1.0 + residual * residual)
        loss += width * width * (root - 1.0)
        for j in range(x.size):
            out[j] += width * residual / root * features[i, j]
    out /= target.size
    return loss / target.size


start = np.zeros(features.shape[1])
data = (features, target, 30.0)
options = {"history": True, "maxiter": 8000, "gtol": 1e-4}
runs = {
    name: minimize(pseudo_huber, start, args=data, method=name, jac=True, options=options)
    for name in ("momentum", "adam", "nesterov", "gd")
}
for name, run in runs.items():
    print(f"{name:10s} {run.nfev:6d} evaluations, fun {run.fun:.6f}, success {run.success}")


# %%
# SciPy's L-BFGS-B on the same compiled function:


def pair(x):
    gradient = np.empty_like(x)
    return pseudo_huber(x, gradient, *data), gradient


theirs = scipy.optimize.minimize(
    pair, start, jac=True, method="L-BFGS-B",
    options={"maxiter": 20000, "maxfun": 40000, "gtol": 1e-4, "ftol": 0.0},
)  # fmt: skip
print(f"L-BFGS-B   {theirs.nfev:6d} evaluations, fun {theirs.fun:.6f}")

# %%
fig, ax = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
plot.convergence(runs, quantity="fun", ax=ax)
ax.set_xscale("log")
