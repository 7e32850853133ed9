"""Proximal operators against independent oracles."""

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
from operators import CASES, SLACK, N, assert_plain_minimum, call

from fastmomentum.penalties import (
    L1,
    TV1D,
    TV2D,
    Box,
    ElasticNet,
    GroupL2,
    L1Ball,
    L2Ball,
    NuclearNorm,
    Simplex,
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("step", [0.01, 1.0, 7.0])
def test_minimizes_its_definition(name, step, rng):
    for scale in (0.3, 3.0):
        v = scale * rng.standard_normal(N)
        assert_plain_minimum(CASES[name], v, step, SLACK[name])


@pytest.mark.parametrize("name", CASES)
def test_value_that_the_kernel_returns(name, rng):
    for step in (0.05, 1.0):
        for dtype, rtol in ((np.float64, 1e-12), (np.float32, 2e-6)):
            v = (2.0 * rng.standard_normal(N)).astype(dtype)
            out, h = call(CASES[name], v, step)
            assert out.dtype == dtype
            assert math.isfinite(h)
            assert h == pytest.approx(CASES[name].value(out), rel=rtol, abs=rtol)


@pytest.mark.parametrize(
    ("l1", "l2", "lower", "upper"),
    list(itertools.product([0.0, 0.8], [0.0, 1.3], [-math.inf, -0.2, 0.5], [0.5, math.inf])),
)
def test_separable_against_scipy(l1, l2, lower, upper):
    penalty = ElasticNet(l1, l2) + Box(lower, upper)
    arrays = ElasticNet(np.full(9, l1), l2) + Box(lower, upper)
    v = np.array([-3.0, -0.9, -0.5, -0.0, 0.0, 0.3, 0.81, 1.7, 4.0])
    found = penalty.prox(v, 0.7)
    assert np.array_equal(found, arrays.prox(v, 0.7))
    for a, z in zip(v, found, strict=True):
        result = scipy.optimize.minimize_scalar(
            lambda x, a=a: l1 * abs(x) + 0.5 * l2 * x * x + (x - a) ** 2 / 1.4,
            bounds=(max(lower, -10.0), min(upper, 10.0)),
            method="bounded",
            options={"xatol": 1e-12},
        )
        assert z == pytest.approx(result.x, abs=1e-6)
    assert not np.signbit(found[found == 0.0]).any()


def test_soft_thresholding_is_exact():
    v = np.array([1.0, -1.0, 0.5, -0.5, np.nextafter(0.5, 1.0), 0.0, -0.0])
    expected = [0.5, -0.5, 0.0, 0.0, np.nextafter(0.5, 1.0) - 0.5, 0.0, 0.0]
    assert np.array_equal(L1(1.0).prox(v, 0.5), expected)


def sorted_simplex(v, radius):
    u = np.sort(v)[::-1]
    sums = (np.cumsum(u) - radius) / np.arange(1, v.size + 1)
    tau = sums[np.nonzero(u > sums)[0][-1]]
    return np.maximum(v - tau, 0.0)


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0, 1e6])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
def test_simplex_and_l1_ball_against_sorting(n, radius, rng):
    for v in (
        rng.standard_normal(n),
        100.0 * rng.random(n) - 30.0,
        np.ones(n),
        np.round(rng.standard_normal(n)),
        -np.arange(n, dtype=float),
        -(0.5 ** np.arange(n)),
    ):
        expected = sorted_simplex(v, radius)
        found = Simplex(radius).prox(v, 1.0)
        assert np.allclose(found, expected, rtol=0.0, atol=1e-12 * max(radius, 100.0))
        assert Simplex(radius).value(found) == 0.0
        inside = np.abs(v).sum() <= radius
        expected = v if inside else np.sign(v) * sorted_simplex(np.abs(v), radius)
        found = L1Ball(radius).prox(v, 1.0)
        assert np.allclose(found, expected, rtol=0.0, atol=1e-12 * max(radius, 100.0))
        assert L1Ball(radius).value(found) == 0.0


def test_simplex_at_any_magnitude():
    """The textbook formula loses the radius in the sums of such entries."""
    assert np.array_equal(Simplex().prox([1e300, 1e300], 1.0), [0.5, 0.5])
    assert np.array_equal(Simplex().prox([-1e300, 3e250], 1.0), [0.0, 1.0])
    assert np.array_equal(Simplex().prox([1e-300, 0.0], 1.0), [0.5, 0.5])
    assert np.array_equal(Simplex(1e-300).prox([1e-300, 0.0], 1.0), [1e-300, 0.0])
    assert np.array_equal(Simplex().prox([1e16 + 2.0, 1e16 + 2.0, 1e16], 1.0), [0.5, 0.5, 0.0])
    assert np.array_equal(Simplex().prox([-math.inf, 0.0, 0.0], 1.0), [0.0, 0.5, 0.5])
    assert np.array_equal(Simplex().prox([1e308, 1e308, -math.inf], 1.0), [0.5, 0.5, 0.0])
    assert np.isfinite(Simplex(5e-324).prox(np.zeros(3), 1.0)).all()
    assert np.array_equal(L1Ball(1.0).prox([1e308, -1e308, 1e308, 0.0], 1.0)[3:], [0.0])
    assert np.allclose(L1Ball(3.0).prox([1e308, -1e308, 1e308, 0.0], 1.0), [1.0, -1.0, 1.0, 0.0])


def test_simplex_takes_few_passes(rng):
    """Also where entries are chosen to be taken away one by one."""
    n = 3000
    for v in (-np.logspace(-300, 0, n), np.logspace(-300, 0, n), -(np.arange(n) ** 2.0) / n**2):
        found = Simplex().prox(v, 1.0)
        assert np.allclose(found, sorted_simplex(v, 1.0), atol=1e-13)
        assert math.fsum(found) == pytest.approx(1.0, abs=1e-13)


def test_balls_and_groups_in_closed_form(rng):
    v = rng.standard_normal(N)
    c = rng.standard_normal(N)
    d = v - c
    assert np.allclose(L2Ball(0.5, c).prox(v, 3.0), c + d * 0.5 / np.linalg.norm(d), rtol=1e-14)
    assert np.array_equal(L2Ball(50.0, c).prox(v, 3.0), v)
    assert np.allclose(L2Ball(0.5, 1.0).prox(v, 3.0), L2Ball(0.5, np.ones(N)).prox(v, 3.0))
    found = GroupL2([2.0, 0.1, 0.0, 1.0], 3).prox(v, 0.5)
    for g, w in enumerate((2.0, 0.1, 0.0, 1.0)):
        part = v[3 * g : 3 * g + 3]
        expected = part * max(1.0 - 0.5 * w / np.linalg.norm(part), 0.0)
        assert np.allclose(found[3 * g : 3 * g + 3], expected, rtol=1e-14, atol=0.0)
    # exactly zero where it is not longer
    assert np.array_equal(GroupL2(5.0, 2).prox([3.0, -4.0], 1.0), [0.0, 0.0])
    # labels and lists are two ways to say the same
    assert np.array_equal(
        GroupL2([1.0, 2.0], [0, 1, 0, -1, 1, 1]).prox(v[:6], 0.4),
        GroupL2([1.0, 2.0], [[0, 2], [1, 4, 5]]).prox(v[:6], 0.4),
    )
    assert GroupL2(1.0, 3).value(v) == pytest.approx(
        np.linalg.norm(v.reshape(-1, 3), axis=1).sum(), rel=1e-14
    )


def differences(n):
    return np.diff(np.eye(n), axis=0)


def by_dual(v, operator, bound):
    """Prox of bound * ||operator x||_1 from its dual, a least-squares problem with bounds."""
    result = scipy.optimize.lsq_linear(
        operator.T, v, bounds=(-bound, bound), method="bvls", tol=1e-14, max_iter=1000
    )
    return v - operator.T @ result.x


@pytest.mark.parametrize("bound", [0.01, 0.3, 2.0, 50.0])
@pytest.mark.parametrize("n", [2, 3, 7, 25])
def test_tv1d_against_its_dual(n, bound, rng):
    for v in (rng.standard_normal(n), np.arange(n) ** 2 / 5.0, np.round(3 * rng.random(n))):
        found = TV1D(0.5).prox(v, 2.0 * bound)
        assert np.allclose(found, by_dual(v, differences(n), bound), atol=1e-9)


def assert_tv1d_optimal(v, x, bound, error):
    """KKT: u = cumsum(v - x) is within the bound, at it where x jumps, and ends at 0."""
    u = np.cumsum(v.astype(np.longdouble) - x)
    assert abs(u[-1]) <= error
    assert (np.abs(u) <= bound + error).all()
    jump = np.diff(x)
    assert np.allclose(u[:-1][jump != 0.0], -bound * np.sign(jump[jump != 0.0]), atol=error)


@pytest.mark.parametrize("n", [1, 2, 1000, 20_000])
@pytest.mark.parametrize("bound", [1e-3, 0.5, 30.0, 1e4])
def test_tv1d_is_optimal(n, bound, rng):
    noise = rng.standard_normal(n)
    for v in (
        noise,
        np.cumsum(noise),
        np.linspace(0.0, 1.0, n),
        np.linspace(0.0, 1.0, n) ** 2 * n,
        np.sin(np.arange(n) / 30.0) * 5.0 + 0.1 * noise,
        np.repeat(noise[: n // 10 + 1], 10)[:n],
        1e8 + noise,
    ):
        x = TV1D(bound).prox(v, 1.0)
        assert_tv1d_optimal(v, x, bound, error=1e-14 * n * np.abs(v).max() + 1e-12)


def test_tv1d_of_float32_is_as_accurate_as_its_output(rng):
    v = np.cumsum(rng.standard_normal(20_000)).astype(np.float32)
    exact = TV1D(40.0).prox(v.astype(np.float64), 1.0)
    found = TV1D(40.0).prox(v, 1.0)
    assert np.abs(found - exact).max() <= 8 * np.finfo(np.float32).eps * np.abs(v).max()


def test_tv1d_of_a_large_weight_is_the_mean(rng):
    v = rng.standard_normal(1000)
    for weight in (1e4, 1e100, 1e300):
        x = TV1D(weight).prox(v, 1.0)
        assert np.array_equal(x, np.full(1000, x[0]))
        assert x[0] == pytest.approx(v.mean(), abs=1e-15)
        x = TV2D(weight, (20, 50)).prox(v, 1e7)
        assert np.array_equal(x, np.full(1000, x[0]))
        assert x[0] == pytest.approx(v.mean(), abs=1e-15)


@pytest.mark.parametrize("bound", [0.05, 0.6, 3.0])
def test_tv2d_anisotropic_against_its_dual(bound, rng):
    rows, columns = 4, 5
    v = rng.standard_normal(20)
    operator = np.vstack(
        [
            np.kron(differences(rows), np.eye(columns)),
            np.kron(np.eye(rows), differences(columns)),
        ]
    )
    found = TV2D(1.0, (rows, columns), False, tol=1e-14, max_inner=100_000).prox(v, bound)
    assert np.allclose(found, by_dual(v, operator, bound), atol=1e-6)
    # an image of one row is a signal
    for shape in ((1, 20), (20, 1)):
        for isotropic in (True, False):
            image = TV2D(1.0, shape, isotropic, tol=1e-14, max_inner=100_000)
            assert np.allclose(image.prox(v, bound), TV1D(1.0).prox(v, bound), atol=1e-6)


@pytest.mark.parametrize("isotropic", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tv2d_proves_its_gap(isotropic, dtype, rng):
    """The dual variables in `work` are feasible, and prove by themselves how good the result is."""
    shape = (37, 23)
    columns = shape[1]
    image = np.zeros(shape)
    image[5:20, 4:15] = 100.0
    v = (1000.0 + image + 10.0 * rng.standard_normal(shape)).astype(dtype)
    penalty = TV2D(2.0, shape, isotropic, tol=1e-4)
    work = np.zeros(penalty.pack(v.size, dtype)[3], dtype)
    bound = 2.0 * 4.0
    x, h = call(penalty, v.ravel(), 4.0, work=work)
    n = v.size
    # float64, so that the check does not round
    x, v = x.reshape(shape).astype(float), v.astype(float)
    q_v = work[columns : columns + n].reshape(shape).astype(float)
    q_h = work[columns + n : columns + 2 * n].reshape(shape).astype(float)
    rounding = 10 * np.finfo(dtype).eps
    assert (q_v[-1] == 0.0).all() and (q_h[:, -1] == 0.0).all()
    norm = np.hypot(q_v, q_h) if isotropic else np.maximum(np.abs(q_v), np.abs(q_h))
    assert norm.max() <= 1.0 + rounding
    assert norm.max() > 0.99
    divergence = np.diff(q_v, axis=0, prepend=0.0) + np.diff(q_h, axis=1, prepend=0.0)
    assert np.allclose(x, v + bound * divergence, atol=1000.0 * rounding)
    primal = 0.5 * ((x - v) ** 2).sum() + 4.0 * penalty.value(x)
    dual = 0.5 * (v**2).sum() - 0.5 * ((v + bound * divergence) ** 2).sum()
    assert primal - dual <= 1e-4 * primal + 1e4 * n * rounding
    iterations, gap = work[-2:]
    assert 10 <= iterations < 500
    assert iterations % 10 == 0
    assert 0.0 < gap <= 1e-4
    assert h == pytest.approx(penalty.value(x), rel=1e-4)

    # what was found is where the next call starts, also for another step
    _, again = call(penalty, v.ravel().astype(dtype), 4.0, work=work)
    assert work[-2] == 0
    assert again == pytest.approx(h, rel=1e-6)
    call(penalty, v.ravel().astype(dtype), 4.2, work=work)
    assert work[-2] < iterations

    # as many as allowed, no more
    for most in (1, 7, 30):
        few = TV2D(2.0, shape, isotropic, tol=0.0, max_inner=most)
        work[:] = 0.0
        call(few, v.ravel().astype(dtype), 4.0, work=work)
        assert work[-2] == most


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (6, 6), (7, 4), (4, 7), (30, 20)])
def test_nuclear_norm_against_lapack(shape, rng):
    a = rng.standard_normal(shape)
    matrices = [a, 1e5 + a, a @ a.T @ a, np.ones(shape), np.zeros(shape), np.round(a)]
    # graded, and of rank one
    matrices += [a * 10.0 ** -np.arange(shape[1]), np.outer(a[:, 0], a[0])]
    penalty = NuclearNorm(0.5, shape)
    work = np.zeros(penalty.pack(a.size)[3])
    for m in matrices:
        u, s, vt = np.linalg.svd(m, full_matrices=False)
        expected = (u * np.maximum(s - 1.0, 0.0)) @ vt
        error = 1e-13 * max(s[0], 1.0)
        assert np.allclose(penalty.prox(m, 2.0), expected, rtol=0.0, atol=error)
        # from the last matrix's rotations
        out, h = call(penalty, m.ravel(), 2.0, work=work)
        assert np.allclose(out.reshape(shape), expected, rtol=0.0, atol=error)
        assert h == pytest.approx(0.5 * np.maximum(s - 1.0, 0.0).sum(), abs=10 * error)
        assert penalty.value(m) == pytest.approx(0.5 * s.sum(), rel=1e-12, abs=error)


def test_nuclear_norm_stays_accurate_in_a_long_run(rng):
    """Rotations accumulate in `work`; they are made orthogonal again."""
    for dtype, error in ((np.float64, 1e-13), (np.float32, 1e-5)):
        penalty = NuclearNorm(1.0, (8, 5))
        work = np.zeros(penalty.pack(40, dtype)[3], dtype)
        m = rng.standard_normal((8, 5))
        for _ in range(2000):
            m = (m + 0.1 * rng.standard_normal((8, 5))).astype(dtype)
            out, _ = call(penalty, m.ravel(), 1.0, work=work)
        u, s, vt = np.linalg.svd(m.astype(float), full_matrices=False)
        expected = (u * np.maximum(s - 1.0, 0.0)) @ vt
        assert np.allclose(out.reshape(8, 5), expected, rtol=0.0, atol=error * s[0])
