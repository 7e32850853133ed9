"""
Checkpoints
===========

A long run is stopped, here after 20 iterations, and goes on from its file, to the same result, to
the last bit.

The problem is a softmax regression of the ten digits: 650 unknowns, 1,797 images.
"""

import os
import tempfile

import numpy as np
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_digits

from fastmomentum import minimize

images, digit = load_digits(return_X_y=True)
images = np.column_stack([images / 16.0, np.ones(len(images))])


@njit
def softmax(x, out, images, digit, ridge):
    """Mean cross-entropy of ten classes, with a ridge."""
    n_rows, n = images.shape
    weights = x.reshape(10, n)
    gradient = out.reshape(10, n)
    gradient[:] = ridge * weights
    loss = 0.5 * ridge * (x @ x)
    for i in range(n_rows):
        scores = weights @ images[i]
        scores -= scores.max()
        total = np.exp(scores).sum()
        loss += (np.log(total) - scores[digit[i]]) / n_rows
        for k in range(10):
            share = np.exp(scores[k]) / total - (1.0 if k == digit[i] else 0.0)
            for j in range(n):
                gradient[k, j] += share * images[i, j] / n_rows
    return loss


start = np.zeros(10 * images.shape[1])
data = (images, digit, 1e-3)
whole = minimize(softmax, start, args=data, jac=True)
print(whole.message, whole.nit, "iterations")

# %% The same run in two pieces. The first is given 20 iterations, as if its process had been
# killed; the second is the same call, which finds the file and goes on.

with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "digits.npz")
    part = minimize(softmax, start, args=data, jac=True, checkpoint=file, options={"maxiter": 20})
    print(part.message)
    rest = minimize(softmax, start, args=data, jac=True, checkpoint=file)
print(f"{part.nit} iterations, then on to {rest.nit}")
print("the same bits:", np.array_equal(rest.x, whole.x))

# %%
# What was found, as pictures: where ink speaks for a digit, and where against it.

fig, axes = plt.subplots(2, 5, figsize=(8.0, 3.6), layout="constrained")
for k, ax in enumerate(axes.flat):
    picture = rest.x.reshape(10, -1)[k, :64].reshape(8, 8)
    ax.imshow(picture, cmap="RdBu", vmin=-2.0, vmax=2.0)
    ax.set_title(str(k))
    ax.axis("off")
