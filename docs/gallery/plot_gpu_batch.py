"""
On a GPU: many fits at once
===========================

``minimize_batch(..., device="cuda")`` makes one kernel of the whole loop: each thread of the GPU
solves one problem after the other, with the stopping rules of each.

It needs an NVIDIA GPU and ``pip install ".[cuda13]"`` (``cuda12`` for older drivers); without them
this script says so, and solves the problems on the processor. The function is an ordinary one. On
the device it must write its gradient into ``out``, and use loops, numbers and `math` only; with a
float32 start all arithmetic is float32.
"""

# sphinx_gallery_thumbnail_path = '../benchmarks/results/decay-map.png'
import math
import time

import numpy as np
from numba import njit

from fastmomentum import minimize_batch


@njit
def decay(x, out, t, y):
    """Half the sum of squares of x[0] exp(-x[1] t) - y."""
    total = 0.0
    out[0] = 0.0
    out[1] = 0.0
    for k in range(t.size):
        e = math.exp(-x[1] * t[k])
        r = x[0] * e - y[k]
        total += 0.5 * r * r
        out[0] += r * e
        out[1] -= r * x[0] * e * t[k]
    return total


count = 20_000  # on a GPU take a million
rng = np.random.default_rng(0)
t = np.linspace(0.0, 4.0, 64, dtype=np.float32)
rates = rng.uniform(0.5, 3.0, count).astype(np.float32)
signals = 2.0 * np.exp(-rates[:, None] * t)
start = np.ones(2, np.float32)

for device in ("cuda", "cpu"):
    for run in ("first, with compilation", "second"):
        begin = time.perf_counter()
        try:
            fits = minimize_batch(
                decay, start, args=(t, signals), batched=(False, True), jac=True, device=device
            )
        except RuntimeError as error:  # no GPU: it says what is missing
            print(error)
            break
        seconds = time.perf_counter() - begin
        print(f"{device}, {run}: {seconds:.2f} s, {fits.message}")

# %%
# Multiply-adds are contracted on the device, so that results agree with those of the processor to
# rounding, not to the last bit.

print(abs(fits.x[:, 1] - rates).max())
