"""A second parameter called out is where the gradient goes, or an argument like others."""

from functools import partial

import numpy as np
import pytest
import scipy.optimize
from numba import njit
from scipy_calls import row_of

import fastmomentum
from fastmomentum import minimize, minimize_batch, scipy_method
from fastmomentum.distributed import ShardedSum
from fastmomentum.jit import minimizer


class Callable_:
    def __call__(self, x, out):
        return 2.0 * (x - out)

    def optional(self, x, out=None):
        return np.multiply(2.0, x, out=out)

    def fill(self, x, out):
        np.multiply(2.0, x, out=out)


def data_called_out(x, out):
    return float(np.sum((x - out) ** 2))


def with_a_buffer(x, out=None):
    g = np.multiply(2.0, x, out=out)
    return float(x @ x), g


def data_with_a_default(x, out=1.0):
    return 2.0 * (x - out)


def keyword_only(x, *, out=None):
    return np.multiply(2.0, x, out=out)


def any_arguments(x, *args):
    return 2.0 * (x - args[0])


def filled_with_scale(x, out, scale=1.0):
    out[:] = 2.0 * scale * x


@njit(cache=True)
def compiled_data_called_out(x, out):
    total = 0.0
    for i in range(x.size):
        total += (x[i] - out[i]) ** 2
    return total


@njit(cache=True)
def compiled_jac_called_out(x, out):
    return 2.0 * (x - out)


DATA = np.array([1.0, -2.0])
OUT = (
    ("NumPy's buffer", with_a_buffer, (), True, 0.0),
    ("data", data_called_out, (DATA,), Callable_(), DATA),
    ("data of a bound method", data_called_out, (DATA,), Callable_().__call__, DATA),
    ("data of a partial", partial(data_called_out, out=DATA), (), lambda x: 2 * (x - DATA), DATA),
    ("data with a default", lambda x: float(np.sum((x - 1) ** 2)), (), data_with_a_default, 1.0),
    ("data for a default", data_called_out, (DATA,), data_with_a_default, DATA),
    ("buffer of a method", lambda x: float(x @ x), (), Callable_().optional, 0.0),
    ("by keyword only", lambda x: float(x @ x), (), keyword_only, 0.0),
    ("any arguments", data_called_out, (DATA,), any_arguments, DATA),
    ("compiled", compiled_data_called_out, (DATA,), compiled_jac_called_out, DATA),
    ("a ufunc", lambda x: float(x @ x) / 2.0, (), np.positive, 0.0),
)


@pytest.mark.parametrize(
    ("fun", "args", "jac", "best"), [row[1:] for row in OUT], ids=[r[0] for r in OUT]
)
def test_out_is_a_name(fun, args, jac, best):
    """SciPy solves all of these."""
    x0 = np.array([3.0, 4.0])
    options = {"check_jac": True}
    theirs = scipy.optimize.minimize(fun, x0, args=args, jac=jac)
    for found in (
        minimize(fun, x0, args=args, jac=jac, options=options),
        row_of(minimize_batch(fun, [x0], args=args, jac=jac, options=options), 0),
        fastmomentum.multistart(fun, [(-5, 5), (-5, 5)], 2, args=args, jac=jac, seed=0),
        scipy.optimize.minimize(fun, x0, args=args, jac=jac, method=scipy_method()),
    ):
        np.testing.assert_allclose(found.x, theirs.x, atol=1e-4)
        np.testing.assert_allclose(found.x, np.broadcast_to(best, 2), atol=1e-4)


def test_out_of_compiled_code():
    solve = minimizer(compiled_data_called_out, jac=compiled_jac_called_out)
    found = solve(np.array([3.0, 4.0]), DATA)
    np.testing.assert_allclose(found.x, DATA, atol=1e-5)
    assert (
        minimize(
            compiled_data_called_out, [3.0, 4.0], args=(DATA,), jac=compiled_jac_called_out
        ).backend
        == "numba"
    )


def test_out_is_a_name_in_sums():
    matrix = np.random.default_rng(0).normal(size=(24, 2))

    def squares(x, out, rows):
        r = rows @ x - out
        return 0.5 * float(r @ r), rows.T @ r

    given = {"batch_size": 8, "epochs": 200, "options": {"learning_rate": 0.1}, "seed": 0}
    found = fastmomentum.minimize_sum(squares, np.zeros(2), (matrix @ DATA, matrix), **given)
    np.testing.assert_allclose(found.x, DATA, atol=1e-3)
    shards = [(part @ DATA, part) for part in np.split(matrix, 3)]
    with ShardedSum(squares, shards.__getitem__, 3) as objective:
        np.testing.assert_allclose(minimize(objective, np.zeros(2), jac=True).x, DATA, atol=1e-5)


def test_out_is_still_where_the_gradient_goes():
    for jac in (Callable_().fill, filled_with_scale, partial(filled_with_scale, scale=1.0)):
        found = minimize(lambda x: float(x @ x), [3.0, 4.0], jac=jac, options={"check_jac": True})
        np.testing.assert_allclose(found.x, 0.0, atol=1e-5)


def test_out_that_cannot_be_told():
    """Both calls fit: the error says how to tell them apart."""

    def fun(x, out, scale=1.0):
        return scale * data_called_out(x, out)

    def jac(x, out, scale=1.0):
        return 2.0 * scale * (x - out)

    with pytest.raises(ValueError, match=r"jac\(x, out.*is unchanged.*call it otherwise than out"):
        minimize(fun, [3.0, 4.0], args=(DATA,), jac=jac)

    def value(x, out=None):
        return float(x @ x)

    with pytest.raises(ValueError, match="jac=True needs fun to return") as caught:
        minimize(value, [3.0, 4.0], jac=True)
    assert "the second parameter of fun, out, has a default" in caught.value.__notes__[0]
