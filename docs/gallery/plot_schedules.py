"""
Given rates and schedules
=========================

With a given ``learning_rate`` each method is the rule of its paper. The rate may be a number, one
of `fastmomentum.schedules`, or any function of the iteration.

The problem is a logistic regression of 569 breast tumours. The automatic rates are drawn beside the
given ones: where values and gradients are exact, there is no reason to choose by hand.
"""

import numpy as np
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from fastmomentum import minimize, plot
from fastmomentum.schedules import Cosine, NesterovMomentum

features, labels = load_breast_cancer(return_X_y=True)
features = np.ascontiguousarray(StandardScaler().fit_transform(features))
labels = 2.0 * labels - 1.0


@njit
def logistic(x, out, features, labels, ridge):
    """Mean logistic loss with a ridge; labels are -1 and 1."""
    loss = 0.5 * ridge * (x @ x)
    out[:] = ridge * x
    for i in range(labels.size):
        margin = labels[i] * (features[i] @ x)
        e = np.exp(-abs(margin))
        loss += (np.log1p(e) + max(-margin, 0.0)) / labels.size
        weight = -labels[i] * (e if margin > 0.0 else 1.0) / (1.0 + e) / labels.size
        for j in range(x.size):
            out[j] += weight * features[i, j]
    return loss


ridge = 1e-3
# A bound of the curvature: a quarter of the largest eigenvalue of the mean of squares.
bound = 0.25 * np.linalg.norm(features, 2) ** 2 / labels.size + ridge
settings = {
    "gd, 1 / L": ("gd", {"learning_rate": 1.0 / bound}),
    "momentum, 1 / L": ("momentum", {"learning_rate": 1.0 / bound, "momentum": 0.9}),
    "Nesterov, 1 / L, growing momentum": (
        "nesterov",
        {"learning_rate": 1.0 / bound, "momentum": NesterovMomentum()},
    ),
    "Adam, 0.1": ("adam", {"learning_rate": 0.1}),
    "Adam, 0.1 falling to 0": ("adam", {"learning_rate": Cosine(0.1, period=400)}),
    "momentum, automatic": ("momentum", {}),
}
runs = {}
for name, (method, given) in settings.items():
    options = {"maxiter": 400, "history": True, **given}
    runs[name] = minimize(
        logistic, np.zeros(30), args=(features, labels, ridge), method=method, jac=True,
        options=options,
    )  # fmt: skip
    print(f"{name:34s} {runs[name].nit:4d} iterations, gradient {runs[name].grad_norm:.0e}")

# %%
fig, ax = plt.subplots(figsize=(8.0, 4.8), layout="constrained")
plot.convergence(runs, ax=ax)
