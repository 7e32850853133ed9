"""One step of each method, as Numba functions for loops of your own.

Each method has two functions: ``state = rules.adam_state(x)`` makes what it keeps, at the start x,
and ``rules.adam(x, g, state, learning_rate, ...)`` takes one step, in place, from x and the
gradient g there, in the precision of x. With the numbers of a run of `fastmomentum.minimize` with
a given learning rate the points are the same to the last bit. All can be called in ``@njit`` code
and from Python; the docstring of each has its rule and its numbers.

Examples
--------
Adam with noisy gradients, and a rate that falls:

>>> import numpy as np
>>> from numba import njit
>>> from fastmomentum.jit import rules
>>> @njit
... def fit(features, target, n_steps):
...     x = np.zeros(features.shape[1])
...     g = np.empty(x.size)
...     state = rules.adam_state(x)
...     for k in range(n_steps):
...         i = k % target.size
...         residual = features[i] @ x - target[i]
...         for j in range(x.size):
...             g[j] = residual * features[i, j]
...         rules.adam(x, g, state, 0.1 / (1.0 + 0.01 * k))
...     return x
>>> features = np.random.default_rng(0).standard_normal((100, 2))
>>> fit(features, features @ np.array([1.0, -2.0]), 1000).round(3)
array([ 1., -2.])
"""

from __future__ import annotations

import functools
from typing import Any

from fastmomentum._loops.rules import make_state, make_step
from fastmomentum._methods import METHODS

__all__ = [f"{name}{end}" for name in METHODS for end in ("", "_state")]


@functools.cache
def _compiled(name: str) -> Any:
    method = METHODS[name.removesuffix("_state")]
    return make_step(method) if name in METHODS else make_state(method)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _compiled(name)


def __dir__() -> list[str]:
    return __all__
