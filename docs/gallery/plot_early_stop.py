"""
Callbacks and early stopping
============================

A callback sees each iteration. This one follows the loss on patients that the fit does not see, and
ends the run when that has not fallen for a while.

The model is a logistic regression on products of the measurements of 569 breast tumours: with 495
columns and 200 rows it fits the rows perfectly, and the others worse and worse.
"""

import numpy as np
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from fastmomentum import minimize

features, labels = load_breast_cancer(return_X_y=True)
features = PolynomialFeatures(2, include_bias=False).fit_transform(
    StandardScaler().fit_transform(features)
)
features = np.ascontiguousarray(StandardScaler().fit_transform(features))
labels = 2.0 * labels - 1.0
chosen = np.random.default_rng(0).permutation(labels.size)
seen, unseen = chosen[:200], chosen[200:]


@njit
def logistic(x, out, features, labels):
    """Mean logistic loss; labels are -1 and 1."""
    loss = 0.0
    out[:] = 0.0
    for i in range(labels.size):
        margin = labels[i] * (features[i] @ x)
        e = np.exp(-abs(margin))
        loss += np.log1p(e) + max(-margin, 0.0)
        weight = -labels[i] * (e if margin > 0.0 else 1.0) / (1.0 + e)
        for j in range(x.size):
            out[j] += weight * features[i, j]
    out /= labels.size
    return loss / labels.size


class EarlyStop:
    """End the run after `patience` iterations without a lower loss on the other rows."""

    def __init__(self, patience):
        self.patience = patience
        self.losses = []
        self.x = None

    def __call__(self, intermediate_result):
        x = intermediate_result.x
        loss = logistic(x, np.empty_like(x), features[unseen], labels[unseen])
        if loss < min(self.losses, default=np.inf):
            self.x = x.copy()
        self.losses.append(loss)
        if len(self.losses) - 1 - np.argmin(self.losses) >= self.patience:
            raise StopIteration


data = (features[seen], labels[seen])
start = np.zeros(features.shape[1])
stop = EarlyStop(patience=8)
options = {"history": True}
result = minimize(logistic, start, args=data, jac=True, callback=stop, options=options)
print(result.message, result.nit, "iterations")
print(f"lowest loss on unseen rows: {min(stop.losses):.3f}")

# %%
# ``result.x`` is the best point for the function that was minimized; the one for the other rows is
# kept by the callback. Without it the run goes on to its end:

free = minimize(logistic, start, args=data, jac=True, options=options)
loss = logistic(free.x, np.empty_like(free.x), features[unseen], labels[unseen])
print(f"{free.nit} iterations, {free.fun:.1e} on the rows seen, {loss:.3f} on the others")

fig, ax = plt.subplots(figsize=(8.0, 4.0), layout="constrained")
ax.plot(free.history["fun"][1:], color="0.6", label="rows seen, to the end")
ax.plot(result.history["fun"][1:], color="#0072B2", label="rows seen")
ax.plot(stop.losses, color="#D55E00", label="rows not seen")
ax.set_yscale("log")
ax.set_xlabel("iteration")
ax.set_ylabel("mean loss")
ax.legend(frameon=False)
