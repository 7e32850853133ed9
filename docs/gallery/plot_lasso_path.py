"""
A lasso path
============

Which of ten measurements tell how diabetes progresses? The lasso with a falling weight lets them in
one after the other.

`path` starts each problem from the solution of the one before, which takes half the evaluations of
separate runs. The solutions are compared with scikit-learn's coordinate descent.
"""

import numpy as np
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_diabetes
from sklearn.linear_model import lasso_path

from fastmomentum import minimize, path
from fastmomentum.penalties import L1

bunch = load_diabetes()
features = bunch.data * np.sqrt(len(bunch.data))  # columns of unit variance
target = bunch.target - bunch.target.mean()


@njit
def least_squares(x, out, features, target):
    """Mean of squares / 2."""
    residual = features @ x - target
    out[:] = features.T @ residual / target.size
    return 0.5 * (residual @ residual) / target.size


data = (features, target)
largest = np.abs(features.T @ target).max() / target.size  # above it all coefficients are zero
weights = largest * np.logspace(0.0, -3.0, 60)
options = {"gtol": 1e-7 * largest}
found = path(least_squares, np.zeros(10), L1, weights, args=data, jac=True, options=options)
print(f"{found.success.all()}, {found.nfev.sum()} evaluations for {weights.size} problems")

alone = [
    minimize(least_squares, np.zeros(10), args=data, jac=True, penalty=L1(w), options=options).nfev
    for w in weights
]
print(f"separate runs: {sum(alone)} evaluations")

_, theirs, _ = lasso_path(features, target, alphas=weights, tol=1e-12, max_iter=100000)
print(f"largest difference from scikit-learn: {np.abs(found.x - theirs.T).max():.1e}")

# %%
fig, ax = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
for j, name in enumerate(bunch.feature_names):
    ax.plot(weights, found.x[:, j], label=name)
ax.set_xscale("log")
ax.invert_xaxis()
ax.set_xlabel("weight of the penalty")
ax.set_ylabel("coefficient")
ax.legend(ncols=2, frameon=False)
ax.spines[["top", "right"]].set_visible(False)
