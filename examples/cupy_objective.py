"""Minimize a function of data on a GPU, written in CuPy.

The data stay on the GPU; x, of which there is little, goes there and its gradient comes back, with
``cupy.asnumpy``, since CuPy lets nothing leave the GPU implicitly. The value may be a CuPy scalar.
Needs an NVIDIA GPU and ``pip install cupy-cuda12x``.
"""

import cupy

from fastmomentum import minimize


def pseudo_huber(x, features, target):
    """Mean pseudo-Huber loss of a linear model, and its gradient."""
    residual = features @ cupy.asarray(x) - target
    root = cupy.sqrt(1.0 + residual * residual)
    return (root - 1.0).mean(), cupy.asnumpy(features.T @ (residual / root)) / target.size


def main():
    random = cupy.random.RandomState(0)
    features = random.standard_normal((100_000, 5))
    target = features @ cupy.arange(5.0) + 0.1 * random.standard_normal(100_000)
    result = minimize(pseudo_huber, [0.0] * 5, args=(features, target), jac=True)
    print(result.message, result.x.round(2), f"{result.nfev} evaluations")


if __name__ == "__main__":
    main()
