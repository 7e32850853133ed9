"""Minimize a function written in JAX.

``jax.value_and_grad`` gives value and gradient together, hence ``jac=True``; NumPy converts both.
JAX computes in float32 unless told otherwise: enable float64, as here, or pass a float32 x0, for
which the default ``gtol`` is looser. Needs ``pip install jax``.
"""

import jax
import jax.numpy as jnp

from fastmomentum import minimize

jax.config.update("jax_enable_x64", True)


def loss(x, features, labels):
    """Mean logistic loss with a ridge; labels are -1 and 1."""
    return jnp.logaddexp(0.0, -labels * (features @ x)).mean() + 0.005 * x @ x


def main():
    keys = jax.random.split(jax.random.key(0), 2)
    features = jax.random.normal(keys[0], (500, 5))
    noise = jax.random.normal(keys[1], (500,))
    labels = jnp.where(features @ jnp.arange(5.0) + noise > 0.0, 1.0, -1.0)
    fun = jax.jit(jax.value_and_grad(loss))
    result = minimize(fun, [0.0] * 5, args=(features, labels), jac=True)
    print(result.message, result.x.round(2), f"{result.nfev} evaluations")


if __name__ == "__main__":
    main()
