"""`minimize_batch`: arguments of each problem and for all, and functions of all kinds."""

import ctypes

import numba
import numpy as np
import objectives
import pytest
from batches import assert_rows, at, at_row, quadratics, same
from numba import njit
from scipy import LowLevelCallable

from fastmomentum import CompilationWarning, minimize_batch


@njit
def at_two(x, out, a, b):
    out[0] = 2.0 * (x[0] - a) + 4.0 * (x[0] - b) ** 3
    return (x[0] - a) ** 2 + (x[0] - b) ** 4


@njit
def at_matrix(x, out, a, scale):
    total = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(a.shape[0]):
        r = -1.0 * scale
        for j in range(a.shape[1]):
            r += a[i, j] * x[j]
        total += r * r
        for j in range(a.shape[1]):
            out[j] += 2.0 * r * a[i, j]
    return total


@njit
def with_tuple(x, out, pair, a, weights):
    total = 0.0
    for i in range(x.size):
        out[i] = 2.0 * weights[i] * (x[i] - a - pair[0][i]) * pair[1]
        total += weights[i] * (x[i] - a - pair[0][i]) ** 2 * pair[1]
    return total


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.int8, np.uint16])
def test_numbers(dtype):
    values = np.array([3, 1, 4, 1, 5], dtype)
    found = assert_rows(at, [0.5], (values,), True, jac=True)
    np.testing.assert_allclose(found.x[:, 0], values, atol=1e-5)
    # Of every second number, and backwards, too.
    assert_rows(at, [0.5], (np.repeat(values, 2)[::-2],), True, jac=True)
    assert_rows(at, np.ones((5, 1), np.float32), (values,), True, jac=True)


@pytest.mark.parametrize(
    ("a", "b", "batched"),
    [
        (np.arange(4.0), np.arange(4.0)[::-1], True),  # one type: an array in the context
        (np.arange(4.0), 2.0, (True, False)),
        (2.0, np.arange(4.0), (False, True)),
        (np.arange(4, dtype=np.int8), np.arange(4.0), True),  # a struct with padding
        (np.arange(4.0), np.arange(4, dtype=np.int32), True),
        (np.int8(2), np.arange(4, dtype=np.int16), (False, True)),
    ],
)
def test_two_numbers(a, b, batched):
    assert_rows(at_two, [0.5], (a, b), batched, jac=True)


def other_order(a):
    return a.astype(a.dtype.newbyteorder())


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        lambda a: a.astype(np.float32),
        lambda a: a.astype(np.uint8),
        lambda a: a > 1.0,
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: np.repeat(a, 3, axis=0)[::3],
        lambda a: a[::-1],
    ],
    ids=["plain", "float32", "uint8", "bool", "F", "strided", "rows apart", "reversed"],
)
def test_rows_of_arrays(make):
    rows = make(np.random.default_rng(4).uniform(0.0, 4.0, (5, 3)))
    found = minimize_batch(at_row, np.zeros(3), (rows,), True, jac=True)
    plain = np.ascontiguousarray(rows)
    assert_rows(at_row, np.zeros(3), (plain,), True, jac=True)
    np.testing.assert_allclose(found.x, rows, atol=1e-5)


def test_read_only_and_byte_swapped_and_unaligned_rows():
    rows = np.random.default_rng(4).standard_normal((5, 3))
    expected = minimize_batch(at_row, np.zeros(3), (rows,), True, jac=True)
    fixed = rows.copy()
    fixed.flags.writeable = False
    same(expected, assert_rows(at_row, np.zeros(3), (fixed,), True, jac=True))
    same(expected, minimize_batch(at_row, np.zeros(3), (other_order(rows),), True, jac=True))
    raw = np.zeros(rows.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float64).reshape(rows.shape)
    unaligned[:] = rows
    assert not unaligned.flags.aligned
    same(expected, minimize_batch(at_row, np.zeros(3), (unaligned,), True, jac=True))
    same(expected, minimize_batch(at_row, np.zeros(3), (rows.tolist(),), True, jac=True))


def test_memory_mapped(tmp_path):
    X0, (d, b) = quadratics()
    expected = minimize_batch(objectives.quadratic_fused, X0, (d, b), True, jac=True)
    maps = []
    for name, array in (("x", X0), ("d", d), ("b", b)):
        np.save(tmp_path / f"{name}.npy", array)
        maps.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    same(expected, minimize_batch(objectives.quadratic_fused, maps[0], maps[1:2] and (
        maps[1], maps[2]), True, jac=True))  # fmt: skip


def test_arrays_of_more_dimensions():
    rng = np.random.default_rng(5)
    images = rng.integers(0, 255, (6, 4, 3)).astype(np.uint8)
    assert_rows(at_matrix, np.zeros(3), (images, 200.0), (True, False), jac=True)
    assert_rows(at_matrix, np.zeros(3), (rng.standard_normal((6, 4, 3)), rng.uniform(1, 2, 6)),
                True, jac=True)  # fmt: skip
    shared = rng.standard_normal((4, 3))
    assert_rows(at_matrix, np.zeros(3), (shared, rng.uniform(1, 2, 6)), (False, True), jac=True)


def test_shared_tuples_between_batched_numbers():
    rng = np.random.default_rng(6)
    args = ((rng.standard_normal(3), 2.0), rng.standard_normal(4), rng.uniform(1.0, 2.0, (4, 3)))
    found = assert_rows(with_tuple, np.zeros(3), args, (False, True, True), jac=True)
    np.testing.assert_allclose(found.x, args[0][0] + args[1][:, None], atol=1e-4)


@njit
def with_default(x, a, power=2.0):
    return abs(x[0] - a) ** power


@njit
def single_valued(x, out, a):
    out[0] = np.float32(2.0) * (x[0] - a)
    return np.float32((x[0] - a) ** 2)


@njit
def as_list(x, a):
    return [2.0 * (x[0] - a)]


def test_adapted_functions():
    """Defaults, float32 values, gradients that are lists."""
    values = np.arange(4.0)
    assert_rows(with_default, [0.3], (values,), True)
    assert_rows(with_default, [0.3], (values, np.full(4, 4.0)), True)
    assert_rows(with_default, [0.3], (values,), True, jac=as_list)
    single = values.astype(np.float32)
    assert_rows(single_valued, np.zeros(1, np.float32), (single,), True, jac=True)
    assert_rows(single_valued, np.zeros(1), (values,), True, jac=True)


@numba.cfunc("f8(intc, CPointer(f8), voidptr)")
def c_with_data(n, x, data):
    values = numba.carray(data, 2, np.float64)
    return (x[0] - values[0]) ** 2 + 3.0 * (x[1] - values[1]) ** 2


@numba.cfunc("f8(intc, CPointer(f8), CPointer(f8))")
def c_fused(n, x, g):
    g[0] = 2.0 * (x[0] - 1.0)
    g[1] = 6.0 * x[1]
    return (x[0] - 1.0) ** 2 + 3.0 * x[1] ** 2


def test_c_functions():
    X0 = np.random.default_rng(7).standard_normal((6, 2))
    assert_rows(c_fused, X0, jac=True)
    values = np.array([0.5, -3.0])
    data = LowLevelCallable(c_with_data.ctypes, values.ctypes.data_as(ctypes.c_void_p))
    found = assert_rows(data, X0)
    assert_rows(data, X0, jac="3-point", options={"learning_rate": 0.1})
    np.testing.assert_allclose(found.x, np.tile(values, (6, 1)), atol=1e-4)
    with pytest.raises(TypeError, match="user_data"):
        minimize_batch(c_fused, X0, (np.arange(6.0),), True, jac=True)


@pytest.mark.parametrize("how", ["fused", "returning", "3-point"])
def test_python_functions(how):
    X0, args = quadratics()
    fun, jac = (getattr(f, "py_func", f) for f in objectives.style("quadratic", how))
    found = assert_rows(fun, X0, args, True, jac=jac)
    assert (found.backend, found.workers) == ("python", 1)
    compiled = minimize_batch(
        *(objectives.style("quadratic", how)[0], X0, args, True),
        jac=objectives.style("quadratic", how)[1],
    )
    same(found, compiled)


def test_functions_that_do_not_compile():
    values = np.arange(4.0)

    @njit
    def fun(x, a):
        return (x[0] - a) ** 2 + len(open.__doc__) * 0.0

    with pytest.warns(CompilationWarning) as seen:
        found = minimize_batch(fun, [0.3], (values,), True)
    assert len(seen) == 1 and seen[0].filename == __file__
    assert found.backend == "python" and found.success.all()
    with pytest.raises(TypeError, match="fun"):
        minimize_batch(fun, [0.3], (values,), True, options={"backend": "numba"})
