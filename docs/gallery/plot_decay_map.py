"""
A map of decay rates, voxel by voxel
====================================

In relaxometry each voxel of an image gives a decaying signal, and the picture is the map of the
rates that fit. Here that is thousands of small problems in one call.

The rates are those of a photograph; the signals are simulated from it, with noise.
"""

import time

import numpy as np
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_sample_image

from fastmomentum import minimize_batch

photograph = load_sample_image("flower.jpg").mean(axis=2) / 255.0
truth = 0.5 + 2.5 * photograph[40:360:4, 120:540:4]
t = np.linspace(0.0, 3.0, 24)
rng = np.random.default_rng(0)
amplitude = rng.uniform(1.5, 2.5, truth.size)
signals = amplitude[:, None] * np.exp(-truth.reshape(-1, 1) * t)
signals += 0.02 * rng.standard_normal(signals.shape)


@njit
def decay(x, out, t, y):
    """Half the sum of squares of x[0] exp(-x[1] t) - y."""
    total = 0.0
    out[:] = 0.0
    for k in range(t.size):
        e = np.exp(-x[1] * t[k])
        r = x[0] * e - y[k]
        total += 0.5 * r * r
        out[0] += r * e
        out[1] -= r * x[0] * e * t[k]
    return total


# %%
# ``batched`` says which of ``args`` have a row per voxel. The bounds keep both parameters positive.


def fit():
    return minimize_batch(
        decay,
        [1.0, 1.0],
        args=(t, signals),
        batched=(False, True),
        jac=True,
        bounds=[(0.0, None), (0.0, 20.0)],
    )


fit()  # compiles
begin = time.perf_counter()
fits = fit()
seconds = time.perf_counter() - begin
print(fits.message)
print(f"{1e6 * seconds / truth.size:.1f} us per voxel, {fits.workers} threads")

# %%
rates = fits.x[:, 1].reshape(truth.shape)
fig, axes = plt.subplots(1, 3, figsize=(10.0, 3.0), layout="constrained")
for ax, (name, image) in zip(
    axes, {"true rates": truth, "fitted": rates, "difference": rates - truth}.items(), strict=True
):
    limits = (-0.3, 0.3) if name == "difference" else (0.5, 3.0)
    shown = ax.imshow(image, cmap="RdBu" if name == "difference" else "viridis",
                      vmin=limits[0], vmax=limits[1])  # fmt: skip
    ax.set_title(name)
    ax.axis("off")
    fig.colorbar(shown, ax=ax, shrink=0.75)
