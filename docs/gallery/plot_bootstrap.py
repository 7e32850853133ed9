"""
A thousand fits: the bootstrap
==============================

How sure is a fit? Draw the households again, with replacement, and fit again, a thousand times, in
one call.

Engel's data are the income and the expenditure for food of 235 Belgian households of 1857. The
model is a straight line with the pseudo-Huber loss. A bootstrap sample is a vector of weights: how
often each household was drawn. These weights are the batched argument; the data are shared.
"""

import numpy as np
import statsmodels.api as sm
from matplotlib import pyplot as plt
from numba import njit

from fastmomentum import minimize, minimize_batch

table = sm.datasets.engel.load_pandas().data
income = table["income"].to_numpy() / 1000.0
food = table["foodexp"].to_numpy() / 1000.0


@njit
def line(x, out, income, food, weights):
    """Weighted mean pseudo-Huber loss of food = x[0] + x[1] income, of width 0.05."""
    loss = 0.0
    out[:] = 0.0
    for i in range(food.size):
        residual = (x[0] + x[1] * income[i] - food[i]) / 0.05
        root = np.sqrt(1.0 + residual * residual)
        loss += weights[i] * 0.0025 * (root - 1.0)
        slope = weights[i] * 0.05 * residual / root
        out[0] += slope
        out[1] += slope * income[i]
    out /= food.size
    return loss / food.size


options = {"gtol": 1e-8}
data = (income, food, np.ones(food.size))
fit = minimize(line, [0.0, 0.0], args=data, jac=True, options=options)
print(fit.x)

# %%
# The thousand. Each result is what `minimize` gives for it, to the last bit.

rng = np.random.default_rng(0)
draws = rng.multinomial(food.size, np.full(food.size, 1.0 / food.size), size=1000)
batch = minimize_batch(
    line,
    fit.x,
    args=(income, food, draws.astype(float)),
    batched=(False, False, True),
    jac=True,
    options=options,
)
print(batch.message)
low, high = np.percentile(batch.x[:, 1], [2.5, 97.5])
print(f"slope {fit.x[1]:.3f}, 95 % between {low:.3f} and {high:.3f}")

# %%
grid = np.linspace(income.min(), income.max(), 50)
lines = batch.x[:, :1] + batch.x[:, 1:] * grid
band = np.percentile(lines, [2.5, 97.5], axis=0)
fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
left.plot(income, food, ".", color="0.5", markersize=4)
left.plot(grid, fit.x[0] + fit.x[1] * grid, color="#0072B2")
left.fill_between(grid, *band, color="#0072B2", alpha=0.3, linewidth=0)
left.set_xlabel("income, 1000 francs")
left.set_ylabel("food, 1000 francs")
right.hist(batch.x[:, 1], bins=40, color="#0072B2")
right.set_xlabel("slope")
right.set_ylabel("samples")
