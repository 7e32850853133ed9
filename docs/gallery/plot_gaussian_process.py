"""
Inside scikit-learn: a Gaussian process
=======================================

`scipy_method` makes a minimizer for packages that take one. Here it fits the kernel of a Gaussian
process to the carbon dioxide in the air of Mauna Loa, month by month.

The likelihood has several maxima, and one run finds one of them: which, is chance, for this method
as for scikit-learn's own. Restarts (``n_restarts_optimizer``) look for better ones.
"""

import warnings

import numpy as np
import statsmodels.api as sm
from matplotlib import pyplot as plt
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ExpSineSquared, WhiteKernel

from fastmomentum import scipy_method

monthly = sm.datasets.co2.load_pandas().data["co2"].resample("MS").mean().dropna()
monthly = monthly["1985":"1996"]
t = (monthly.index.year + (monthly.index.month - 0.5) / 12.0).to_numpy()
level = monthly.to_numpy()
mean, size = level.mean(), level.std()
x, y = (t - 1990.0)[:, None], (level - mean) / size

kernel = 1.0 * RBF(10.0) + 0.3 * RBF(5.0) * ExpSineSquared(1.0, 1.0, "fixed") + WhiteKernel(0.01)
method = scipy_method(gtol=1e-3)
process = GaussianProcessRegressor(kernel, optimizer=method.for_sklearn)
theirs = GaussianProcessRegressor(kernel)  # L-BFGS-B
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scikit-learn's, of parameters at their bounds
    process.fit(x, y)
    theirs.fit(x, y)
print(f"log likelihood {process.log_marginal_likelihood_value_:.3f} with {method}")
print(f"               {theirs.log_marginal_likelihood_value_:.3f} with L-BFGS-B")

# %%
grid = np.linspace(-5.0, 9.0, 500)
middle, spread = process.predict(grid[:, None], return_std=True)
fig, ax = plt.subplots(figsize=(8.0, 4.0), layout="constrained")
ax.plot(t, level, ".", color="0.4", markersize=4)
ax.plot(grid + 1990.0, mean + size * middle, color="#0072B2", linewidth=1.0)
ax.fill_between(
    grid + 1990.0, mean + size * (middle - 2 * spread), mean + size * (middle + 2 * spread),
    color="#0072B2", alpha=0.25, linewidth=0,
)  # fmt: skip
ax.set_xlabel("year")
ax.set_ylabel("carbon dioxide, ppm")
