"""Runs of `minimize_sum` on the data of `shards`, and what must be the same in two of them."""

import numpy as np
from shards import N, data, squares

from fastmomentum import minimize_sum
from fastmomentum.distributed import ShardedSum

SIZE, EPOCHS = 50, 3  # 240 rows: the last batch of an epoch is smaller
RATES = {"gd": 0.02, "momentum": 0.005, "nesterov": 0.005, "adam": 0.05}


def run(method="gd", fun=squares, source=None, x0=None, options=None, **more):
    arguments = {"batch_size": SIZE, "epochs": EPOCHS, "seed": 7, **more}
    options = {"learning_rate": RATES.get(method), **(options or {})}
    if not isinstance(fun, ShardedSum):
        arguments["data"] = data() if source is None else source
    return minimize_sum(
        fun, np.zeros(N) if x0 is None else x0, method=method, options=options, **arguments
    )


FIELDS = ("x", "jac", "fun", "nit", "nfev", "njev", "n_passes", "epochs", "status", "message",
          "grad_norm")  # fmt: skip


def assert_same(found, expected):
    for name in FIELDS:
        np.testing.assert_array_equal(found[name], expected[name], name)
    np.testing.assert_array_equal(found.history["fun"], expected.history["fun"])
