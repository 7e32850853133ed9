"""Parameters of every kind, and values and gradients of every kind that functions return."""

import functools

import numpy as np
import pytest
from comparisons import assert_same, both
from numba import njit

from fastmomentum import minimize


@njit
def default_fun(x, a=2.0):
    return (x[0] - a) * (x[0] - a)


@njit
def default_jac(x, a=2.0):
    return 2.0 * (x - a)


@njit
def starred_fun(x, *args):
    return (x[0] - args[0]) * (x[0] - args[0]) + args[1]


@njit
def starred_jac(x, *args):
    return 2.0 * (x - args[0])


@njit("f8(f8[::1])")
def declared_fun(x):
    return (x[0] - 2.0) * (x[0] - 2.0)


@njit("f8[::1](f8[::1])")
def declared_jac(x):
    return 2.0 * (x - 2.0)


@njit("f8(f8[:])")
def any_layout_fun(x):
    return (x[0] - 2.0) * (x[0] - 2.0)


@njit("f8[:](f8[:])")
def any_layout_jac(x):
    return 2.0 * (x - 2.0)


@pytest.mark.parametrize(
    ("fun", "jac", "args"),
    [
        (default_fun, default_jac, ()),
        (default_fun, default_jac, (2.0,)),
        (default_fun, None, ()),
        (starred_fun, starred_jac, (2.0, 0.0)),
        (starred_fun, "3-point", (2.0, 0.0)),
        (declared_fun, declared_jac, ()),
        (any_layout_fun, any_layout_jac, ()),
        (declared_fun, "2-point", ()),
    ],
)
def test_parameters_of_every_kind(fun, jac, args):
    res = both(fun, [5.0], args=args, jac=jac, options={"momentum": 0.5}) if callable(
        jac
    ) else minimize(fun, [5.0], args=args, jac=jac, options={
        "learning_rate": 0.1, "momentum": 0.5, "backend": "numba"})  # fmt: skip
    assert res.success
    assert res.x[0] == pytest.approx(2.0, abs=1e-4)


@njit
def returns_int(x):
    return int(x[0] * 1000.0) ** 2


@njit
def returns_float32(x):
    return np.float32((x[0] - 2.0) ** 2)


@njit
def returns_vector_of_one(x):
    return (x - 2.0) ** 2


@njit
def returns_zero_dimensions(x):
    return np.array((x[0] - 2.0) ** 2)


@njit
def returns_bool(x):
    return x[0] > 100.0


@njit
def returns_list(x):
    return [2.0 * (x[0] - 2.0)]


@njit
def returns_tuple(x):
    return (2.0 * (x[0] - 2.0),)


@njit
def returns_scalar(x):
    return 2.0 * (x[0] - 2.0)


@njit
def returns_float32_vector(x):
    return (2.0 * (x - 2.0)).astype(np.float32)


@njit
def returns_int_vector(x):
    return np.array([4 if x[0] > 2.0 else -4])


@njit
def returns_slice(x):
    z = np.empty(2 * x.size)
    z[::2] = 2.0 * (x - 2.0)
    return z[::2]


@njit
def returns_x(x):
    return x


@njit
def half_square(x):
    return 0.5 * x[0] * x[0]


@njit
def declared_target(x):
    return (x[0] - 2.0) ** 2


@pytest.mark.parametrize(
    "fun",
    [
        returns_float32,
        returns_vector_of_one,
        returns_zero_dimensions,
        returns_int,
        returns_bool,
    ],
    ids=lambda f: f.__name__,
)
def test_values_of_every_kind(fun):
    options = {"learning_rate": 0.05, "maxiter": 20, "gtol": 0.0}
    res = both(fun, [5.0], jac=default_jac, options=options)
    assert type(res.fun) is float
    assert res.fun == float(np.asarray(fun(res.x)).item())


@pytest.mark.filterwarnings("ignore:the gradient is float32")
@pytest.mark.parametrize(
    "jac",
    [
        returns_list,
        returns_tuple,
        returns_scalar,
        returns_float32_vector,
        returns_int_vector,
        returns_slice,
    ],
    ids=lambda f: f.__name__,
)
def test_gradients_of_every_kind(jac):
    options = {"learning_rate": 0.05, "maxiter": 20}
    res = both(declared_target, [5.0], jac=jac, options=options)
    assert res.jac.dtype == np.float64
    assert res.jac[0] == pytest.approx(np.ravel(jac(res.x))[0], rel=1e-6)


def test_a_gradient_that_is_x_itself():
    res = both(half_square, [5.0], jac=returns_x, method="gd")
    assert res.success
    assert np.array_equal(res.jac, res.x)
    assert res.nit == int(np.ceil(np.log(5.0 / 1e-5) / -np.log(0.9)))


@njit
def pair_of_list(x):
    return (x[0] - 2.0) ** 2, [2.0 * (x[0] - 2.0)]


@njit
def pair_of_float32(x):
    return np.float32((x[0] - 2.0) ** 2), (2.0 * (x - 2.0)).astype(np.float32)


@njit
def pair_of_int(x):
    return 1, 2.0 * (x - 2.0)


@pytest.mark.filterwarnings("ignore:the gradient is float32")
@pytest.mark.parametrize("fun", [pair_of_list, pair_of_float32, pair_of_int])
def test_pairs_of_every_kind(fun):
    res = both(fun, [5.0], jac=True, options={"momentum": 0.5, "maxiter": 30})
    assert res.fun == float(fun(res.x)[0])


def test_compiling_does_not_change_what_the_function_returns():
    """After a run the user's functions still return what they did."""

    @njit
    def count(x):
        return int(x[0])

    @njit
    def single(x):
        return np.float32(x[0])

    for fun, kind in ((count, int), (single, np.float32)):
        fresh = njit(fun.py_func)
        expected = type(fresh(np.ones(1)))
        minimize(fun, [1.0], jac=returns_x, options={"learning_rate": 0.1, "maxiter": 1})
        assert type(fun(np.ones(1))) is expected, kind


def test_methods_partials_and_callables():
    class Model:
        def fun(self, x, a):
            return (x[0] - a) ** 2

        def jac(self, x, a):
            return 2.0 * (x - a)

        def fill(self, x, out, a):
            out[:] = 2.0 * (x - a)

        __call__ = fun

    model = Model()
    runs = [
        minimize(fun, [5.0], args=(2.0,), jac=jac, options={"learning_rate": 0.1})
        for fun, jac in (
            (model.fun, model.jac),
            (model, model.fill),
            (functools.partial(Model.fun, model), functools.partial(Model.fill, model)),
        )
    ]
    assert runs[0].success
    for res in runs[1:]:
        assert_same(runs[0], res)
