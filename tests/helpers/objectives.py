"""Compiled objectives in every calling style, shared since compiling them is what tests cost.

``<name>_fun``, ``<name>_jac`` (returns the gradient), ``<name>_fill`` (writes it into `out`),
``<name>_pair`` (returns both) and ``<name>_fused`` (writes the gradient, returns the value).
"""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def quadratic_fun(x, d, b):
    total = 0.0
    for i in range(x.size):
        total += (0.5 * d[i] * x[i] - b[i]) * x[i]
    return total


@njit(cache=True)
def quadratic_jac(x, d, b):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = d[i] * x[i] - b[i]
    return out


@njit(cache=True)
def quadratic_fill(x, out, d, b):
    for i in range(x.size):
        out[i] = d[i] * x[i] - b[i]


@njit(cache=True)
def quadratic_pair(x, d, b):
    return quadratic_fun(x, d, b), quadratic_jac(x, d, b)


@njit(cache=True)
def quadratic_fused(x, out, d, b):
    quadratic_fill(x, out, d, b)
    return quadratic_fun(x, d, b)


@njit(cache=True)
def rosenbrock_fun(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] * x[i]) * (x[i + 1] - x[i] * x[i])
        total += (1.0 - x[i]) * (1.0 - x[i])
    return total


@njit(cache=True)
def rosenbrock_fill(x, out):
    for i in range(x.size):
        out[i] = 0.0
    for i in range(x.size - 1):
        inner = x[i + 1] - x[i] * x[i]
        out[i] += -400.0 * inner * x[i] - 2.0 * (1.0 - x[i])
        out[i + 1] += 200.0 * inner


@njit(cache=True)
def rosenbrock_jac(x):
    out = np.empty_like(x)
    rosenbrock_fill(x, out)
    return out


@njit(cache=True)
def rosenbrock_pair(x):
    return rosenbrock_fun(x), rosenbrock_jac(x)


@njit(cache=True)
def rosenbrock_fused(x, out):
    rosenbrock_fill(x, out)
    return rosenbrock_fun(x)


@njit(cache=True)
def logistic_fused(x, out, features, labels, ridge):
    """Mean of log(1 + exp(-y a @ x)) and a ridge; labels are -1 and 1."""
    rows = labels.size
    total = 0.0
    for j in range(x.size):
        out[j] = ridge * x[j]
        total += 0.5 * ridge * x[j] * x[j]
    for i in range(rows):
        margin = 0.0
        for j in range(x.size):
            margin += features[i, j] * x[j]
        margin *= labels[i]
        e = math.exp(-abs(margin))
        total += (max(-margin, 0.0) + math.log1p(e)) / rows
        weight = (e if margin >= 0.0 else 1.0) / (1.0 + e)
        for j in range(x.size):
            out[j] -= labels[i] * weight * features[i, j] / rows
    return total


@njit(cache=True)
def logistic_fun(x, features, labels, ridge):
    return logistic_fused(x, np.empty_like(x), features, labels, ridge)


@njit(cache=True)
def logistic_jac(x, features, labels, ridge):
    out = np.empty_like(x)
    logistic_fused(x, out, features, labels, ridge)
    return out


@njit(cache=True)
def logistic_fill(x, out, features, labels, ridge):
    logistic_fused(x, out, features, labels, ridge)


@njit(cache=True)
def logistic_pair(x, features, labels, ridge):
    out = np.empty_like(x)
    value = logistic_fused(x, out, features, labels, ridge)
    return value, out


@njit(cache=True)
def sphere_fun(x):
    """No args; types for complex x, too."""
    total = x[0] * 0.0
    for i in range(x.size):
        total += (x[i] - 1.0) * (x[i] - 1.0)
    return total


@njit(cache=True)
def sphere_jac(x):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - 1.0)
    return out


@njit(cache=True)
def sphere_fused(x, out):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * (x[i] - 1.0)
        total += (x[i] - 1.0) * (x[i] - 1.0)
    return total


def style(name, how):
    """(fun, jac) of the objective `name`, called as `how`."""
    here = globals()
    if how == "returning":
        return here[f"{name}_fun"], here[f"{name}_jac"]
    if how == "in_place":
        return here[f"{name}_fun"], here[f"{name}_fill"]
    if how in ("pair", "fused"):
        return here[f"{name}_{how}"], True
    return here[f"{name}_fun"], how
