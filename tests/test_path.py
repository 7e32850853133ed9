"""`path`: warm-started solutions for many weights, against coordinate descent and single runs."""

import numpy as np
import pytest
from numba import njit

from fastmomentum import minimize, path
from fastmomentum.penalties import L1, ElasticNet, GroupL2, NonNegative


@njit
def squares(x, out, a, b):
    residual = a @ x - b
    out[:] = a.T @ residual / b.size
    return 0.5 * (residual @ residual) / b.size


def coordinate_descent(a, b, l1, l2, sweeps=4000):
    """The elastic net, one variable at a time."""
    m, n = a.shape
    x = np.zeros(n)
    residual = b.copy()
    size = (a * a).sum(0) / m
    for _ in range(sweeps):
        for j in range(n):
            rho = a[:, j] @ residual / m + size[j] * x[j]
            new = np.sign(rho) * max(abs(rho) - l1, 0.0) / (size[j] + l2)
            residual += a[:, j] * (x[j] - new)
            x[j] = new
    return x


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    a = rng.standard_normal((40, 12)) * rng.uniform(0.3, 3.0, 12)
    b = a @ np.where(np.arange(12) < 4, 2.0, 0.0) + rng.standard_normal(40)
    return a, b


@pytest.mark.parametrize("method", [None, "momentum", "nesterov", "gd", "adam"])
def test_lasso_path_is_that_of_coordinate_descent(data, method):
    a, b = data
    weights = np.abs(a.T @ b).max() / b.size * np.geomspace(1.01, 0.01, 8)
    found = path(squares, np.zeros(12), L1, weights, args=data, jac=True, method=method, tol=1e-9)
    assert found.success.all()
    np.testing.assert_array_equal(found.weights, weights)
    for weight, x, f, count in zip(weights, found.x, found.fun, found.n_nonzero, strict=True):
        expected = coordinate_descent(a, b, weight, 0.0)
        np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-7)
        assert count == np.count_nonzero(expected)
        residual = a @ x - b
        assert f == pytest.approx(0.5 * residual @ residual / 40 + weight * np.abs(x).sum(), 1e-12)
    assert found.n_nonzero[0] == 0, "the largest weight leaves nothing"


def test_elastic_net_by_a_function_of_the_weight(data):
    a, b = data
    weights = [1.0, 0.3, 0.1]
    found = path(
        squares, np.zeros(12), lambda w: ElasticNet(w, 0.5 * w), weights, data, jac=True, tol=1e-9
    )
    for weight, x in zip(weights, found.x, strict=True):
        expected = coordinate_descent(a, b, weight, 0.5 * weight)
        np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-7)


def test_each_problem_starts_from_the_solution_before(data):
    weights = np.geomspace(5.0, 0.01, 20)
    warm = path(squares, np.zeros(12), L1, weights, args=data, jac=True)
    cold = [minimize(squares, np.zeros(12), data, jac=True, penalty=L1(w)) for w in weights]
    assert warm.nfev.sum() < 0.7 * sum(run.nfev for run in cold)
    np.testing.assert_allclose(warm.fun, [run.fun for run in cold], rtol=1e-6)
    again = minimize(squares, warm.x[10], data, jac=True, penalty=L1(weights[11]))
    np.testing.assert_array_equal(again.x, warm.x[11])


PART = np.arange(12) < 9  # the others are not penalized, as an intercept is not


@pytest.mark.parametrize(
    "penalty",
    [
        lambda w: L1(w * PART),
        lambda w: ElasticNet(w * PART, 0.1 * w * PART) + NonNegative(),
        lambda w: GroupL2(w, np.where(PART, np.arange(12) // 3, -1)),
        lambda w: GroupL2(w, [[0, 1, 2], [3, 4, 5, 6, 7, 8]]),
        lambda w: GroupL2([w, w, w, 0.0], 3),
    ],
)
def test_what_is_not_penalized_is_not_counted(data, penalty):
    found = path(squares, np.zeros(12), penalty, [1e3, 0.1, 0.0], data, jac=True)
    assert (found.x[0, ~PART] != 0.0).any() and not found.x[0, PART].any()
    assert found.n_nonzero.tolist() == np.count_nonzero(found.x[:, PART], axis=1).tolist()
    assert found.n_nonzero[2] > 0, "with the weight 0, too"


def test_all_are_counted_where_none_is_penalized(data):
    found = path(squares, np.zeros(12), L1, [0.0], data, jac=True)
    assert found.n_nonzero.tolist() == [12]
    found = path(squares, np.zeros(12), lambda w: NonNegative(), [1.0], data, jac=True)
    assert found.n_nonzero.tolist() == [np.count_nonzero(found.x)]


def test_groups_bounds_and_float32(data):
    groups = path(squares, np.zeros(12), lambda w: GroupL2(w, 3), [3.0, 0.1], data, jac=True)
    blocks = groups.x.reshape(2, 4, 3) != 0.0
    assert (blocks.all(2) == blocks.any(2)).all() and blocks[0].sum() < blocks[1].sum()
    bounded = path(
        squares, np.zeros(12), L1, [0.1], data, jac=True, bounds=[(0.0, 1.0)] * 12, tol=1e-9
    )
    direct = minimize(
        squares, np.zeros(12), data, jac=True, tol=1e-9, penalty=L1(0.1) + NonNegative(),
        bounds=[(None, 1.0)] * 12,
    )  # fmt: skip
    np.testing.assert_allclose(bounded.x[0], direct.x, atol=1e-8)
    assert bounded.x.min() == 0.0 and bounded.x.max() == 1.0
    single = tuple(part.astype(np.float32) for part in data)
    found = path(squares, np.zeros(12, np.float32), L1, [1.0, 0.1], single, jac=True)
    assert found.x.dtype == np.float32 and found.success.all()


def test_runs_that_fail_are_told(data):
    found = path(
        squares, np.zeros(12), L1, [1.0, 0.5], data, jac=True, options={"maxiter": 2}, tol=1e-12
    )
    assert found.status.tolist() == [1, 1] and not found.success.any()
