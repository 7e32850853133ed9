"""Sums over shards, and mini-batches, in one process."""

import numpy as np
import pytest
import shards
from shards import N, Part, data, poisson, randhie, squares, squares_pair

import fastmomentum
from fastmomentum import minimize
from fastmomentum.distributed import ShardedSum

POINT = np.linspace(-1.0, 2.0, N)


@pytest.mark.parametrize("fun", [squares, squares.py_func, squares_pair])
@pytest.mark.parametrize("n_shards", [1, 7])
@pytest.mark.parametrize("keep", [False, True])
def test_a_sum_is_that_of_the_whole(fun, n_shards, keep):
    objective = ShardedSum(fun, Part(data, n_shards), n_shards, keep=keep)
    f, g = objective(POINT)
    expected_f, expected_g = squares_pair(POINT, *data())
    assert f == pytest.approx(expected_f, rel=1e-13)
    np.testing.assert_allclose(g, expected_g, rtol=1e-12)
    assert objective.nfev == 1 and objective.n_recoveries == 0
    assert "shards" in repr(objective)


def test_several_points_take_one_pass():
    loaded = []

    def load(i):
        loaded.append(i)
        return Part(data, 3)(i)

    objective = ShardedSum(squares, load, 3)
    points = np.stack([POINT, 2.0 * POINT, -POINT])
    f, g = objective.evaluate(points)
    assert loaded == [0, 1, 2] and objective.nfev == 3
    for k, x in enumerate(points):
        one_f, one_g = objective(x)
        assert one_f == f[k] and (one_g == g[k]).all()


def test_kept_shards_are_loaded_once():
    loaded = []

    def load(i):
        loaded.append(i)
        return Part(data, 3)(i)

    with ShardedSum(squares, load, 3, keep=True) as objective:
        objective(POINT)
        objective(POINT)
    assert loaded == [0, 1, 2]
    objective(POINT)  # closed, it loads them anew
    assert loaded == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("method", ["momentum", "nesterov"])
def test_real_data_in_shards_has_the_optimum_of_the_whole(method):
    X, y = randhie()
    objective = ShardedSum(poisson, Part(randhie, 8), 8, keep=True)
    options = {"gtol": 1e-9, "maxfev": 400}
    whole = minimize(poisson, np.zeros(X.shape[1]), args=(X, y), jac=True, options=options)
    found = minimize(objective, np.zeros(X.shape[1]), method=method, jac=True, options=options)
    assert whole.success
    np.testing.assert_allclose(found.x, whole.x, atol=1e-8)
    assert found.nfev == objective.nfev


def test_memory_maps_are_read_piece_by_piece(tmp_path):
    A, b = data()
    np.save(tmp_path / "A.npy", A)

    def load(i):
        part = slice(60 * i, 60 * (i + 1))
        return np.load(tmp_path / "A.npy", mmap_mode="r")[part], b[part]

    f, g = ShardedSum(squares, load, 4)(POINT)
    other_f, other_g = ShardedSum(squares, Part(data, 4), 4)(POINT)
    assert f == other_f and (g == other_g).all()


def test_float32_stays():
    objective = ShardedSum(squares_pair, Part(data, 4), 4)
    _, g = objective(POINT.astype(np.float32))
    assert g.dtype == np.float32
    res = minimize(objective, np.zeros(N, np.float32), jac=True)
    assert res.x.dtype == np.float32


def test_a_run_goes_on_from_its_checkpoint(tmp_path):
    def run(maxiter, **more):
        objective = ShardedSum(squares, Part(data, 4), 4, keep=True)
        options = {"gtol": 1e-7, "maxiter": maxiter}
        return minimize(objective, np.zeros(N), jac=True, options=options, **more)

    whole = run(200)
    run(5, checkpoint=tmp_path / "run.npz")
    rest = run(200, checkpoint=tmp_path / "run.npz")
    assert whole.success and (rest.x == whole.x).all() and rest.nit == whole.nit


@pytest.mark.parametrize(
    ("load", "error", "text"),
    [
        (shards.fails, FileNotFoundError, "part-2.npy"),
        (lambda i: None, TypeError, r"load\(0\) must return an array or a tuple of arrays, got No"),
        (lambda i: (), TypeError, r"load\(0\) must return an array"),
        (lambda i: (data()[0], None), TypeError, r"load\(0\) must return an array"),
    ],
)
@pytest.mark.parametrize("keep", [False, True])
def test_loaders_that_fail_say_where(load, error, text, keep):
    with pytest.raises(error, match=text) as caught:
        ShardedSum(squares, load, 6, keep=keep)(POINT)
    if error is FileNotFoundError:
        assert "fastmomentum: load(2) failed." in caught.value.__notes__


def test_an_error_of_the_function_names_its_shard():
    with pytest.raises(ArithmeticError, match="no value") as caught:
        ShardedSum(shards.breaks, Part(data, 3), 3)(np.ones(N))
    assert "fastmomentum: in shard 0." in caught.value.__notes__
    with pytest.raises(ValueError, match="gradient of shape"):
        ShardedSum(lambda x, A, b: (1.0, A[0, :2]), Part(data, 3), 3)(POINT)
    with pytest.raises(ValueError, match="must write the gradient into out"):
        ShardedSum(lambda x, out, A, b: 1.0, Part(data, 3), 3)(POINT)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"fun_and_grad": 3}, TypeError, "fun must be callable"),
        ({"load": [1]}, TypeError, "load must be callable"),
        ({"n_shards": 0}, ValueError, r"n_shards must be an integer in \[1, inf\), got 0"),
        ({"n_shards": 2.5}, ValueError, "n_shards must be an integer"),
        ({"client": 3}, TypeError, r"client must be a distributed\.Client, got 3"),
        ({"timeout": 0}, ValueError, "timeout must be a number"),
        ({"timeout": float("inf")}, ValueError, "timeout must be finite"),
    ],
)
def test_bad_arguments(change, error, text):
    arguments = {"fun_and_grad": squares, "load": Part(data, 2), "n_shards": 2, **change}
    with pytest.raises(error, match=text):
        ShardedSum(**arguments)


@pytest.mark.parametrize(
    ("points", "error", "text"),
    [
        ("abc", TypeError, "points must hold real numbers"),
        (np.zeros(3), ValueError, r"points must have the shape \(n_points, n\), got \(3,\)"),
        (np.zeros((0, 3)), ValueError, "points must have the shape"),
    ],
)
def test_bad_points(points, error, text):
    with pytest.raises(error, match=text):
        ShardedSum(squares, Part(data, 2), 2).evaluate(points)


def test_the_module_is_found_by_its_name():
    assert fastmomentum.distributed.ShardedSum is ShardedSum
