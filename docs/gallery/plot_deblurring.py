"""
Deblurring a photograph
=======================

A photograph, blurred and with noise, is made sharp again with total variation: the picture that,
once blurred, is like the one given, and whose differences between neighbours are few and small.

The data term and the blur are the user's, compiled by Numba; the penalty is ``TV2D``, which has no
gradient, so that the default method is Nesterov's with proximal steps.
"""

import math

import numpy as np
from matplotlib import pyplot as plt
from numba import njit
from sklearn.datasets import load_sample_image

from fastmomentum import minimize
from fastmomentum.penalties import TV2D

photograph = load_sample_image("china.jpg").mean(axis=2) / 255.0
sharp = np.ascontiguousarray(photograph[60:220, 180:420])
rows, columns = sharp.shape
taps = np.exp(-0.5 * (np.arange(5) / 1.3) ** 2)
taps /= taps[0] + 2.0 * taps[1:].sum()


@njit
def inside(i, n):
    """Reflect an index about the edges."""
    if i < 0:
        return -i - 1
    return 2 * n - 1 - i if i >= n else i


@njit
def blur(image, taps):
    """Gaussian blur with reflected edges: a symmetric matrix."""
    rows, columns = image.shape
    across = np.zeros_like(image)
    for k in range(-taps.size + 1, taps.size):
        tap = taps[abs(k)]
        for i in range(rows):
            for j in range(columns):
                across[i, j] += tap * image[i, inside(j + k, columns)]
    both = np.zeros_like(image)
    for k in range(-taps.size + 1, taps.size):
        tap = taps[abs(k)]
        for i in range(rows):
            above = inside(i + k, rows)
            for j in range(columns):
                both[i, j] += tap * across[above, j]
    return both


@njit
def distance(x, out, given, taps, scale):
    """scale / 2 |blur(x) - given|^2, and its gradient."""
    gap = blur(x.reshape(given.shape), taps) - given
    out[:] = scale * blur(gap, taps).ravel()
    return 0.5 * scale * (gap * gap).sum()


rng = np.random.default_rng(0)
given = blur(sharp, taps) + 0.02 * rng.standard_normal(sharp.shape)

result = minimize(
    distance,
    given.ravel(),
    args=(given, taps, 50.0),
    jac=True,
    penalty=TV2D(0.1, sharp.shape, tol=1e-5),
    options={"gtol": 0.02},
)
restored = result.x.reshape(sharp.shape)
print(result.message)
print(f"{result.nit} iterations, {result.nfev} evaluations of {sharp.size:,} unknowns")


def psnr(image):
    return -10.0 * math.log10(((image - sharp) ** 2).mean())


# %%
fig, axes = plt.subplots(1, 3, figsize=(10.0, 3.0), layout="constrained")
pictures = {"photograph": sharp, "blurred, with noise": given, "restored": restored}
for ax, (name, image) in zip(axes, pictures.items(), strict=True):
    ax.imshow(image, cmap="gray", vmin=0.0, vmax=1.0)
    ax.set_title(name if image is sharp else f"{name}: {psnr(image):.1f} dB")
    ax.axis("off")

# %%
# A larger one
# ------------
#
# ``python benchmarks/deblurring.py`` does the same with 262,144 unknowns, and measures it beside
# SciPy's L-BFGS-B and scikit-image (:doc:`/user/performance`).
#
# .. figure:: ../../benchmarks/results/deblurring.png
#    :alt: Noisy, denoised, blurred and deblurred photographs
#
#    Noisy, denoised, blurred and deblurred: scikit-image's ``camera``, 512 x 512.
