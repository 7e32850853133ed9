r"""
Many minima: the period of the sunspots
=======================================

The sum of squares of a sinusoid and data has a minimum near each frequency at which the data have
some power. A single run ends in the one that is next to its start.

The model of the yearly numbers of sunspots since 1700 is :math:`c + a \cos(2 \pi \nu t) + b \sin(2
\pi \nu t)`. `multistart` begins at points that fill a box, and returns all minima that it came to,
the lowest first.
"""

import math

import numpy as np
import statsmodels.api as sm
from matplotlib import pyplot as plt
from numba import njit

from fastmomentum import multistart

table = sm.datasets.sunspots.load_pandas().data
year = table["YEAR"].to_numpy()
number = table["SUNACTIVITY"].to_numpy() / 100.0
t = year - year.mean()


@njit
def sinusoid(x, out, t, y):
    """Mean of squares / 2; x is c, a, b and 10 times the frequency per year."""
    out[:] = 0.0
    total = 0.0
    for i in range(t.size):
        phase = 2.0 * math.pi * 0.1 * x[3] * t[i]
        cos, sin = math.cos(phase), math.sin(phase)
        r = x[0] + x[1] * cos + x[2] * sin - y[i]
        total += 0.5 * r * r
        out[0] += r
        out[1] += r * cos
        out[2] += r * sin
        out[3] += r * (x[2] * cos - x[1] * sin) * 2.0 * math.pi * 0.1 * t[i]
    out /= t.size
    return total / t.size


box = [(0.0, 1.0), (-1.0, 1.0), (-1.0, 1.0), (0.2, 2.0)]
found = multistart(
    sinusoid, box, 512, args=(t, number), jac=True, seed=0, distance=1e-2, options={"gtol": 1e-7}
)
print(found.message)
for i in range(5):
    period, fun = 10.0 / found.minima.x[i, 3], found.minima.fun[i]
    print(f"period {period:6.2f} years, fun {fun:.5f}, from {found.minima.count[i]} starts")

# %%
# Every point is a local minimum. The lowest is the solar cycle of 11 years; its neighbours are
# cycles that fit most of the three centuries.

fig, (upper, lower) = plt.subplots(2, 1, figsize=(8.0, 6.0), layout="constrained")
upper.semilogx(10.0 / found.minima.x[:, 3], found.minima.fun, "o", color="0.6", markersize=4)
upper.plot(10.0 / found.x[3], found.fun, "o", color="#D55E00")
upper.set_xlabel("period, years")
upper.set_ylabel("mean of squares / 2")
phase = 2.0 * np.pi * 0.1 * found.x[3] * t
lower.plot(year, number, color="0.6", label="sunspots / 100")
lower.plot(
    year, found.x[0] + found.x[1] * np.cos(phase) + found.x[2] * np.sin(phase),
    color="#D55E00", label=f"{10.0 / found.x[3]:.2f} years",
)  # fmt: skip
lower.set_xlabel("year")
lower.legend(frameon=False)
