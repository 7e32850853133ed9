"""
Mini-batches, and their noise
=============================

Where the data are many, a step can look at a few rows. Such a gradient is noisy: with a constant
rate the steps end up around the minimum, not in it. A falling rate, an average of the last
iterates, or variance reduction mend that.

The data are the RAND health insurance experiment: visits to a doctor of 20,190 person-years, as a
Poisson regression. `minimize_sum` takes the steps, `minimize` finds the minimum to compare with.
"""

import numpy as np
import statsmodels.api as sm
from matplotlib import pyplot as plt
from numba import njit

from fastmomentum import minimize, minimize_sum
from fastmomentum.schedules import Cosine

table = sm.datasets.randhie.load_pandas().data
visits = table["mdvis"].to_numpy(float)
columns = table.drop(columns="mdvis").to_numpy(float)
columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
features = np.ascontiguousarray(np.column_stack([columns, np.ones(visits.size)]))


@njit
def poisson(x, out, features, visits):
    """Negative log-likelihood of counts, summed over the rows, but for a constant."""
    total = 0.0
    out[:] = 0.0
    for i in range(visits.size):
        eta = features[i] @ x
        rate = np.exp(eta)
        total += rate - visits[i] * eta
        for j in range(x.size):
            out[j] += (rate - visits[i]) * features[i, j]
    return total


@njit
def mean_loss(x, out, features, visits):
    total = poisson(x, out, features, visits)
    out /= visits.size
    return total / visits.size


start = np.zeros(features.shape[1])
whole = minimize(mean_loss, start, args=(features, visits), jac=True)
print(f"minimize: {whole.fun:.8f} after {whole.nfev} passes over the data")

# %%
# After each epoch the mean over all rows is taken at the iterate, to see how far the steps came.


class Watch:
    """Keeps how far each epoch's last iterate is above the minimum."""

    def __init__(self):
        self.excess = []

    def __call__(self, intermediate_result):
        x = intermediate_result.x
        value = mean_loss(x, np.empty_like(x), features, visits)
        self.excess.append(value - whole.fun)


steps = 20 * -(-visits.size // 128)
settings = {
    "Adam, constant rate": ("adam", {"learning_rate": 0.02}, {}),
    "Adam, falling rate": ("adam", {"learning_rate": Cosine(0.02, period=steps)}, {}),
    "gradient steps, SVRG": ("gd", {"learning_rate": 0.05}, {"variance_reduction": "svrg"}),
}
watches = {}
for name, (method, options, more) in settings.items():
    watches[name] = Watch()
    result = minimize_sum(
        poisson, start, (features, visits), method, batch_size=128, epochs=20, seed=0,
        callback=watches[name], options=options, **more,
    )  # fmt: skip
    print(f"{name:22s} {result.fun - whole.fun:.1e} above, {result.n_passes:.0f} passes")

# %%
fig, ax = plt.subplots(figsize=(8.0, 4.2), layout="constrained")
for name, watch in watches.items():
    ax.plot(range(1, 21), watch.excess, label=name)
ax.set_yscale("log")
ax.set_xlabel("epoch")
ax.set_ylabel("mean loss - minimum")
ax.legend(frameon=False)
