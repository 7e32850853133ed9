"""Penalties: proximal operators against independent oracles, their properties, and all errors."""

import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run_python

import fastmomentum
from fastmomentum import _prox, penalties
from fastmomentum._numba.prox import compiled
from fastmomentum.penalties import (
    L1,
    L2,
    TV1D,
    TV2D,
    Box,
    ElasticNet,
    GroupL2,
    L1Ball,
    L2Ball,
    NonNegative,
    NuclearNorm,
    Penalty,
    Prox,
    SeparableSum,
    Simplex,
)

N = 12
WEIGHTS = np.linspace(0.0, 1.5, N)

# one of each kind, for 12 variables
CASES = {
    "l1": L1(0.7),
    "l1 array": L1(WEIGHTS),
    "l2": L2(0.7),
    "elastic": ElasticNet(WEIGHTS, 0.4),
    "box": Box(-0.5, 0.25),
    "box array": Box(-WEIGHTS, np.where(np.arange(N) % 2, math.inf, 0.5)),
    "box off zero": Box(1.0, 2.0),
    "nonnegative": NonNegative(),
    "sum": L1(0.3) + NonNegative() + L2(0.2) + Box(-1.0, 0.8),
    "group": GroupL2(0.9, 3),
    "group labels": GroupL2([0.5, 1.0, 0.2], [3, 1, -1, 3, 7, 7, 1, 1, -5, 3, 7, 1]),
    "group lists": GroupL2([0.5, 0.0, 1.0], [[11, 0, 5], [], [2, 3, 4, 10]]),
    "simplex": Simplex(),
    "simplex 3": Simplex(3.0),
    "l1 ball": L1Ball(2.0),
    "l2 ball": L2Ball(1.5),
    "l2 ball at c": L2Ball(1.5, WEIGHTS),
    "tv1d": TV1D(0.4),
    "tv2d": TV2D(0.4, (3, 4), tol=1e-13, max_inner=50_000),
    "tv2d anisotropic": TV2D(0.4, (4, 3), isotropic=False, tol=1e-13, max_inner=50_000),
    "tv2d row": TV2D(0.4, (1, 12), tol=1e-13, max_inner=50_000),
    "nuclear": NuclearNorm(0.6, (3, 4)),
    "nuclear tall": NuclearNorm(0.6, (6, 2)),
}
# What the inner iterations leave, ||x - prox|| <= sqrt(2 gap).
SLACK = {name: 1e-5 if "tv2d" in name else 1e-11 for name in CASES}
CONSTRAINTS = [name for name, penalty in CASES.items() if penalty.is_constraint]
NORMS = ["l1", "l1 array", "group", "group lists", "tv1d", "tv2d", "tv2d anisotropic", "nuclear"]


def call(penalty, v, step=1.0, *, work=None, out=None, python=False):
    """The kernel's result and the value it returns."""
    kernel, numbers, integers, work_size = penalty.pack(v.size, v.dtype)
    work = np.zeros(work_size, v.dtype) if work is None else work
    out = np.empty_like(v) if out is None else out
    kernel = kernel if python else compiled(kernel)
    return out, kernel(v, out, step, numbers, integers, work)


def assert_plain_minimum(penalty, v, step, slack=1e-11, points=40, seed=0):
    """The definition: with p the minimizer, strong convexity says for all z

    h(z) + |z - v|^2 / 2t >= h(p) + |p - v|^2 / 2t + |z - p|^2 / 2t.
    """
    rng = np.random.default_rng(seed)
    p = penalty.prox(v, step)
    h = penalty.value(p)
    assert math.isfinite(h)
    size = max(np.abs(v).max(), 1.0)
    for scale in (1e-6, 1e-3, 0.1, 1.0, 10.0):
        for _ in range(points):
            z = p + scale * rng.standard_normal(v.size) * (rng.random(v.size) < 0.5)
            if penalty.is_constraint or math.isinf(penalty.value(z)):
                z = penalty.prox(z, step)
            # the squares' difference, without cancellation: |z-v|^2 - |p-v|^2 - |z-p|^2
            rest = 2.0 * np.dot(z - p, p - v)
            # the slack: error of p, times the size of what multiplies it
            assert penalty.value(z) - h + rest / (2.0 * step) >= -slack * size * (
                1.0 + np.abs(z - p).max() / step
            )


# -- against oracles -------------------------------------------------------------------------------


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


# -- properties ------------------------------------------------------------------------------------

entries = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e-9])
vectors = st.lists(entries, min_size=N, max_size=N).map(np.array)
steps = st.floats(1e-6, 1e6)
EXACT = [name for name in CASES if "tv2d" not in name]
relaxed = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize("name", EXACT)
@relaxed
@given(v=vectors, w=vectors, step=steps)
def test_firmly_nonexpansive(name, v, w, step):
    p, q = CASES[name].prox(v, step), CASES[name].prox(w, step)
    size = max(np.abs(v).max(), np.abs(w).max(), 1.0)
    assert np.dot(p - q, v - w) >= np.dot(p - q, p - q) - 1e-13 * size * (
        np.abs(p - q).sum() + size
    )


@pytest.mark.parametrize("name", CONSTRAINTS)
@relaxed
@given(v=vectors, step=steps)
def test_projections_are_idempotent_and_feasible(name, v, step):
    penalty = CASES[name]
    p = penalty.prox(v, step)
    assert penalty.value(p) == 0.0
    assert np.allclose(penalty.prox(p, 1.0), p, rtol=1e-14, atol=1e-14)
    assert np.array_equal(penalty.prox(v, 17.0), p), "no step matters"
    if penalty.value(v) == 0.0:
        assert np.allclose(p, v, rtol=1e-14, atol=1e-14)


@relaxed
@given(v=vectors, step=st.floats(1e-3, 1e3))
def test_moreau_identity(v, step):
    """prox_{t h}(v) + t prox_{h* / t}(v / t) = v; h* of a norm is its dual ball's constraint."""
    size = max(np.abs(v).max(), step)
    for norm, ball in (
        (L1(0.7), Box(-0.7, 0.7)),
        (L1(WEIGHTS), Box(-WEIGHTS, WEIGHTS)),
        (GroupL2(0.7, N), L2Ball(0.7)),
        # the support function of x >= 0 is the constraint x <= 0
        (NonNegative(), Box(-math.inf, 0.0)),
    ):
        both = norm.prox(v, step) + step * ball.prox(v / step, 1.0 / step)
        assert np.allclose(both, v, rtol=0.0, atol=1e-14 * size)


@relaxed
@given(v=vectors, step=steps, seed=st.integers(0, 2**32 - 1))
def test_permutations(v, step, seed):
    order = np.random.default_rng(seed).permutation(N)
    size = max(np.abs(v).max(), 1.0)
    for name in ("l1", "l2", "box", "sum", "simplex", "l1 ball", "l2 ball"):
        p = CASES[name].prox(v, step)
        assert np.allclose(CASES[name].prox(v[order], step), p[order], rtol=0, atol=1e-14 * size)
    for penalty in (CASES["tv1d"], GroupL2(0.9, 3)):
        p = penalty.prox(v, step)
        assert np.allclose(penalty.prox(v[::-1], step), p[::-1], rtol=0.0, atol=1e-13 * size)


@pytest.mark.parametrize("name", CASES)
def test_a_vanishing_step_changes_nothing(name, rng):
    v = 0.2 * rng.standard_normal(N)
    penalty = CASES[name]
    for step in (1e-300, 1e-100, 1e-17):
        p = penalty.prox(v, step)
        if penalty.is_constraint:
            assert np.array_equal(p, penalty.prox(v, 1.0))
        elif name == "sum":
            assert np.allclose(p, np.clip(v, 0.0, 0.8), rtol=0.0, atol=1e-15)
        else:
            assert np.allclose(p, v, rtol=0.0, atol=4e-15)


@pytest.mark.parametrize("name", CASES)
def test_a_huge_step_gives_a_minimizer_of_h(name, rng):
    v = rng.standard_normal(N)
    p = CASES[name].prox(v, 1e300)
    assert np.isfinite(p).all()
    assert CASES[name].value(p) <= 1e-200


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("power", [-900, -300, 300, 900])
def test_homogeneous_at_any_magnitude(name, power, rng):
    """prox_{s t h}(s v) = s prox_{t h}(v): nothing overflows or underflows on the way."""
    v = rng.standard_normal(N)
    scale = 2.0**power
    p = CASES[name].prox(v, 0.5)
    assert np.allclose(CASES[name].prox(scale * v, scale * 0.5) / scale, p, rtol=0.0, atol=1e-13)
    value = CASES[name].value
    assert value(scale * v) / scale == pytest.approx(value(v), rel=1e-12)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("power", [-110, 122])
def test_homogeneous_in_float32(name, power, rng):
    """`work` is float32, too: sums of n entries must fit into it."""
    v = rng.standard_normal(N).astype(np.float32)
    scale = 2.0**power
    p = CASES[name].prox(v, 0.5)
    found = CASES[name].prox((scale * v).astype(np.float32), scale * 0.5)
    error = 1e-3 if "tv2d" in name else 1e-6
    assert np.allclose(found.astype(float) / scale, p, rtol=0.0, atol=error)


@pytest.mark.parametrize("name", NORMS)
def test_an_infinite_product_of_step_and_weight(name, rng):
    penalty = CASES[name]
    huge = {
        "l1": L1(1e300),
        "l1 array": L1(np.full(N, 1e300)),
        "group": GroupL2(1e300, 3),
        "group lists": GroupL2(1e300, [range(N)]),
        "tv1d": TV1D(1e300),
        "nuclear": NuclearNorm(1e300, (3, 4)),
    }.get(name, TV2D(1e300, (3, 4), getattr(penalty, "isotropic", True)))
    for v in (rng.standard_normal(N), np.zeros(N), rng.standard_normal(N).astype(np.float32)):
        out, h = call(huge, v, 1e300)
        assert h == 0.0
        assert np.allclose(out, v.mean() if "tv" in name else 0.0, rtol=1e-6)


def test_l2_ball_at_any_magnitude():
    for scale in (1e-300, 1e-200, 1.0, 1e200, 1e300):
        v = np.array([3.0, 4.0]) * scale
        for ball in (L2Ball(scale), L2Ball(scale, np.zeros(2))):
            assert np.allclose(ball.prox(v, 1.0) / scale, [0.6, 0.8], rtol=1e-14)
        assert np.array_equal(L2Ball(10.0 * scale).prox(v, 1.0), v)
    assert np.allclose(L2Ball(1.0).prox([1e300, 0.0], 1.0), [1.0, 0.0])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_in_place_is_the_same_to_the_bit(name, dtype, rng):
    for _ in range(5):
        v = (2.0 * rng.standard_normal(N)).astype(dtype)
        kept = v.copy()
        out, h = call(CASES[name], v, 0.8)
        assert np.array_equal(v, kept)
        again, same = call(CASES[name], v, 0.8, out=v)
        assert again is v
        assert np.array_equal(v, out)
        assert same == h


@pytest.mark.parametrize("name", CASES)
def test_float32_is_float64_rounded(name, rng):
    v = (2.0 * rng.standard_normal(N)).astype(np.float32)
    found = CASES[name].prox(v, 0.8)
    assert found.dtype == np.float32
    exact = CASES[name].prox(v.astype(np.float64), 0.8)
    error = 2e-4 if "tv2d" in name else 2e-6
    assert np.allclose(found, exact, rtol=0.0, atol=error)
    if "tv2d" not in name and "nuclear" not in name:
        assert np.array_equal(found == 0.0, exact == 0.0)


@pytest.mark.parametrize("name", CASES)
def test_kernels_are_plain_python(name, rng):
    """Numba and Python run the same text."""
    penalty = CASES[name]
    if "tv2d" in name:
        penalty = TV2D(0.4, penalty.shape, penalty.isotropic, max_inner=30)
    for dtype, error in ((np.float64, 1e-14), (np.float32, 1e-6)):
        v = rng.standard_normal(N).astype(dtype)
        fast, h = call(penalty, v, 0.6)
        slow, same = call(penalty, v, 0.6, python=True)
        assert np.allclose(slow, fast, rtol=0.0, atol=error)
        assert same == pytest.approx(h, rel=10 * error, abs=error)


@pytest.mark.parametrize("name", CASES)
def test_nan_is_never_hidden(name, rng):
    penalty = CASES[name]
    together = not (penalty.separable or "group" in name)
    for dtype in (np.float64, np.float32):
        for bad in (math.nan, *((math.inf,) if together else ())):
            for where in (0, 5, N - 1, slice(None), slice(0, 2)):
                v = rng.standard_normal(N).astype(dtype)
                v[where] = bad
                out, h = call(penalty, v, 0.7)
                assert np.isnan(out[where]).all()
                if together:
                    assert np.isnan(out).all()
                    assert math.isnan(h)
                if penalty.separable:
                    assert math.isnan(h)
                    assert np.isnan(out).sum() == np.isnan(v).sum()
                if math.isnan(bad):
                    assert np.isnan(penalty.prox(v, 0.7)[where]).all()
                    assert math.isnan(penalty.value(v))
    # and does not stay in `work`
    work = np.zeros(penalty.pack(N)[3])
    v = rng.standard_normal(N)
    call(penalty, np.full(N, math.nan), 0.7, work=work)
    assert np.allclose(call(penalty, v, 0.7, work=work)[0], penalty.prox(v, 0.7), atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_ties_and_constant_vectors(name):
    for v in (np.zeros(N), np.ones(N), np.full(N, -3.0), np.repeat([1.0, -1.0], N // 2)):
        assert_plain_minimum(CASES[name], v, 0.5, SLACK[name], points=10)


def test_one_variable():
    for penalty, expected in (
        (L1(1.0), 2.5),
        (L2(1.0), 2.0),
        (ElasticNet(1.0, 1.0), 5.0 / 3.0),
        (GroupL2(1.0, 1), 2.5),
        (GroupL2(1.0, [0]), 2.5),
        (Box(0.0, 1.0), 1.0),
        (NonNegative(), 3.0),
        (Simplex(2.0), 2.0),
        (L1Ball(2.0), 2.0),
        (L2Ball(2.0), 2.0),
        (L2Ball(0.5, 1.0), 1.5),
        (TV1D(1.0), 3.0),
        (TV2D(1.0, (1, 1)), 3.0),
        (NuclearNorm(1.0, (1, 1)), 2.5),
    ):
        assert penalty.prox([3.0], 0.5) == pytest.approx(expected, rel=1e-15)
        assert penalty.prox(np.array(3.0), 0.5).shape == ()


def test_zero_weights_are_the_identity(rng):
    v = rng.standard_normal(N)
    for penalty in (
        L1(0.0),
        L2(np.zeros(N)),
        ElasticNet(0, 0),
        GroupL2(0.0, 4),
        GroupL2(0.0, [[], []]),
        TV1D(0.0),
        TV2D(0.0, (3, 4)),
    ):
        assert np.array_equal(penalty.prox(v, 2.0), v)
        assert penalty.value(v) == 0.0
    assert np.allclose(NuclearNorm(0.0, (3, 4)).prox(v, 2.0), v, rtol=1e-13)
    # also where the value would overflow
    huge = np.full(N, 1e300)
    for penalty in (L1(0.0), L2(0.0), TV1D(0.0), ElasticNet(np.zeros(N), 0.0)):
        assert penalty.value(huge) == 0.0
        assert call(penalty, huge)[1] == 0.0


def test_float32_bounds_are_rounded_inwards():
    box = Box(0.1, np.array([0.3, 0.7, 0.1, math.inf]))
    for v in (np.full(4, -1.0, np.float32), np.ones(4, np.float32)):
        x = box.prox(v, 1.0)
        assert x.dtype == np.float32
        # the third interval holds no float32
        assert (x.astype(np.float64) >= 0.1)[[0, 1, 3]].all()
        assert (x.astype(np.float64) <= box.upper)[[0, 1, 3]].all()
        assert x[2] == np.float32(0.1)
    assert Box(-1e300, 1e300).prox(np.float32([3e38]), 1.0) == np.float32(3e38)


# -- values ----------------------------------------------------------------------------------------


def test_values():
    x = np.array([3.0, -4.0, 0.0])
    assert L1(2.0).value(x) == 14.0
    assert L1([1.0, 2.0, 3.0]).value(x) == 11.0
    assert L2(2.0).value(x) == 25.0
    assert ElasticNet(1.0, [2.0, 0.0, 1.0]).value(x) == 16.0
    assert GroupL2(2.0, 3).value(x) == 10.0
    assert TV1D(2.0).value(x) == 22.0
    assert TV2D(1.0, (2, 2), isotropic=False).value([0.0, 3.0, 4.0, 4.0]) == 8.0
    assert TV2D(1.0, (2, 2)).value([0.0, 3.0, 4.0, 4.0]) == 6.0
    assert NuclearNorm(2.0, (2, 2)).value([0.0, 3.0, 4.0, 0.0]) == pytest.approx(14.0)
    assert Box(-4.0, 3.0).value(x) == 0.0
    assert Box(-3.9, 3.0).value(x) == math.inf
    assert Box(-4.0, [3.0, 0.0, np.nextafter(0.0, -1.0)]).value(x) == math.inf
    assert NonNegative().value([0.0, -0.0, 1.0]) == 0.0
    assert NonNegative().value(x) == math.inf
    assert (L1(1.0) + Box(-4.0, 3.0)).value(x) == 7.0
    assert (L1(1.0) + Box(-4.0, 2.0)).value(x) == math.inf
    assert Simplex(2.0).value([0.5, 1.5]) == 0.0
    assert Simplex(2.0).value([2.5, -0.5]) == math.inf
    assert Simplex(2.0).value([0.5, 1.5 + 1e-12]) == math.inf
    assert Simplex().value([math.inf, 0.0]) == math.inf
    assert L1Ball(7.0).value(x) == 0.0
    assert L1Ball(6.999).value(x) == math.inf
    assert L2Ball(5.0).value(x) == 0.0
    assert L2Ball(4.999).value(x) == math.inf
    assert L2Ball(1.0, x).value(x) == 0.0
    assert L2Ball(1.0).value([math.inf]) == math.inf
    # overflow is the value's; an empty product of weights is not
    assert L2(1.0).value([1e200]) == math.inf
    assert L1(0.0).value([math.inf]) == 0.0
    assert NuclearNorm(1.0, (1, 1)).value([math.inf]) == math.inf
    assert NuclearNorm(1.0, (1, 1)).value([0.0]) == 0.0


@pytest.mark.parametrize("n", [1000, 100_000])
def test_projections_of_large_vectors_are_feasible(n, rng):
    for dtype in (np.float64, np.float32):
        v = rng.standard_normal(n).astype(dtype)
        for penalty in (Simplex(), Simplex(n / 7), L1Ball(n / 7), L2Ball(1.0), L2Ball(1.0, 100.0)):
            assert penalty.value(penalty.prox(v, 1.0)) == 0.0
            assert penalty.value(penalty.prox(1e6 * v, 1.0)) == 0.0


# -- interface -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_pack(name):
    penalty = CASES[name]
    kernel, numbers, integers, work_size = penalty.pack(N, np.float32)
    assert kernel in _prox.KERNELS
    assert (numbers.dtype, integers.dtype) == (np.float64, np.int64)
    assert numbers.ndim == integers.ndim == 1
    assert numbers.flags.c_contiguous and numbers.flags.writeable
    assert integers.flags.c_contiguous and integers.flags.writeable
    assert type(work_size) is int
    assert isinstance(penalty, Penalty)
    assert type(penalty.separable) is bool and type(penalty.is_constraint) is bool


def test_one_compiled_signature_for_all():
    """Arrays of the same types, so that a kernel is compiled once for each precision."""
    for kernel in _prox.KERNELS:
        assert all(len(s) == 6 for s in compiled(kernel).signatures)
        assert len({str(s[3:5]) for s in compiled(kernel).signatures}) <= 1


def test_separable_data(rng):
    penalty = L1(WEIGHTS) + ElasticNet(0.5, 2.0) + NonNegative() + Box(-1.0, 3.0)
    l1, l2, lower, upper = penalty.separable_data(N)
    assert np.array_equal(l1, WEIGHTS + 0.5)
    for part, expected in ((l2, 2.0), (lower, 0.0), (upper, 3.0)):
        assert np.array_equal(part, np.full(N, expected))
    for name, case in CASES.items():
        if not case.separable:
            with pytest.raises(TypeError, match=f"{type(case).__name__} is not separable"):
                case.separable_data(N)
            continue
        l1, l2, lower, upper = case.separable_data(N)
        for part in (l1, l2, lower, upper):
            assert part.shape == (N,) and part.dtype == np.float64 and part.flags.writeable
        v = 2.0 * rng.standard_normal(N)
        soft = np.sign(v) * np.maximum(np.abs(v) - 0.6 * l1, 0.0)
        expected = np.clip(soft / (1.0 + 0.6 * l2), lower, upper)
        assert np.allclose(case.prox(v, 0.6), expected, rtol=1e-15, atol=0.0), name


def test_sums():
    total = (L1(0.1) + NonNegative()) + (L2(1.0) + Box(-1, [1.0, 2.0]))
    assert isinstance(total, SeparableSum)
    assert len(total.terms) == 4
    assert (
        repr(total)
        == "L1(weight=0.1) + NonNegative() + L2(weight=1.0) + Box(lower=-1.0, upper=[1.0, 2.0])"
    )
    assert not total.is_constraint
    assert (NonNegative() + Box(-1.0, 1.0)).is_constraint
    assert total.separable
    # the order does not matter
    other = Box(-1, [1.0, 2.0]) + L2(1.0) + NonNegative() + L1(0.1)
    v = np.array([3.0, 0.7])
    assert np.array_equal(total.prox(v, 0.3), other.prox(v, 0.3))


def test_reprs():
    assert repr(L1(0.1)) == "L1(weight=0.1)"
    assert repr(L1(np.ones(100))) == "L1(weight=<array of 100>)"
    assert repr(ElasticNet(1, [1, 2])) == "ElasticNet(l1=1.0, l2=[1.0, 2.0])"
    assert repr(Box(0, math.inf)) == "Box(lower=0.0, upper=inf)"
    assert repr(NonNegative()) == "NonNegative()"
    assert repr(GroupL2(1, 2)) == "GroupL2(weight=1.0, groups=2)"
    assert repr(GroupL2(1, [[0, 2], [1]])) == "GroupL2(weight=1.0, groups=([0, 2], [1]))"
    assert repr(GroupL2(1, [[0, 2]])) == "GroupL2(weight=1.0, groups=([0, 2],))"
    assert repr(GroupL2(1, [[i] for i in range(9)])) == "GroupL2(weight=1.0, groups=<9 arrays>)"
    assert repr(L2Ball(1)) == "L2Ball(radius=1.0, center=None)"
    assert repr(TV2D(1, (2, 3))) == (
        "TV2D(weight=1.0, shape=(2, 3), isotropic=True, tol=1e-05, max_inner=1000)"
    )
    assert repr(NuclearNorm(1, [2, 3])) == "NuclearNorm(weight=1.0, shape=(2, 3))"
    assert repr(Prox(write_prox, absolute, (1.0,))) == "Prox(write_prox, absolute, args=(1.0,))"


def test_penalties_are_immutable():
    given_weights = np.ones(3)
    penalty = L1(given_weights)
    given_weights[0] = 7.0
    assert penalty.weight[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        penalty.weight[0] = 2.0
    with pytest.raises(AttributeError):
        penalty.weight = 1.0
    with pytest.raises(AttributeError):
        Prox(write_prox, absolute, (1.0,)).args = ()
    members = np.array([0, 1])
    groups = GroupL2(1.0, [members])
    members[0] = 2
    assert np.array_equal(groups.groups[0], [0, 1])
    for case in CASES.values():
        assert repr(pickle.loads(pickle.dumps(case))) == repr(case)


def test_prox_keeps_shape_and_its_argument(rng):
    image = rng.standard_normal((3, 4))
    kept = image.copy()
    for case in CASES.values():
        found = case.prox(image, 0.5)
        assert found.shape == (3, 4)
        assert np.array_equal(found.ravel(), case.prox(image.ravel(), 0.5))
        assert np.array_equal(case.prox(np.asfortranarray(image), 0.5), found)
        assert case.value(image) == case.value(image.ravel())
        found[0, 0] = 1.0
    assert np.array_equal(image, kept)
    image.flags.writeable = False
    assert L1(1.0).prox(image, 1.0).flags.writeable
    assert np.array_equal(L1(1.0).prox([3, -1], 1), [2.0, 0.0])


def test_public_names():
    assert fastmomentum.penalties is penalties
    for name in penalties.__all__:
        assert getattr(penalties, name).__doc__
    with pytest.raises(NotImplementedError, match="Penalty has no value"):
        Penalty().value([1.0])
    with pytest.raises(NotImplementedError, match="Penalty has no proximal operator"):
        Penalty().prox([1.0], 1.0)


CACHED = """
import sys, numpy as np
from fastmomentum import _prox
from fastmomentum.penalties import L1, TV1D
from fastmomentum._numba.prox import compiled
L1(1.0).prox(np.ones(3), 1.0), TV1D(1.0).prox(np.ones(3), 1.0)
for kernel in (_prox.prox_separable, _prox.prox_tv1d):
    stats = compiled(kernel).stats
    sys.stdout.write(f"{sum(stats.cache_hits.values())}{sum(stats.cache_misses.values())} ")
"""


def test_kernels_are_cached_on_disk(tmp_path):
    """Though each is compiled by another file than the one that its text is in."""
    env = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run_python(CACHED, env=env).stdout.split() == ["01", "01"]
    for _ in range(2):
        assert run_python(CACHED, env=env).stdout.split() == ["10", "10"]


# -- errors ----------------------------------------------------------------------------------------

ERRORS = [
    (lambda: L1(-1.0), r"weight must be in \[0, inf\), got -1.0\."),
    (lambda: L1(math.nan), r"weight must be in \[0, inf\), got nan"),
    (lambda: L1(math.inf), r"weight must be in \[0, inf\), got inf"),
    (lambda: L1([1.0, -2.0]), r"weight\[1\] must be in \[0, inf\), got -2.0"),
    (lambda: L1("0.1"), "weight must be a number or a 1-D array of numbers, got '0.1'"),
    (lambda: L1(None), "weight must be a number or a 1-D array"),
    (lambda: L1(True), "weight must be a number or a 1-D array"),
    (lambda: L1(1j), "weight must be a number or a 1-D array"),
    (lambda: L1([]), "weight must be a number or a 1-D array"),
    (lambda: L1([[1.0]]), "weight must be a number or a 1-D array"),
    (lambda: L1(np.timedelta64(3, "s")), "weight must be a number or a 1-D array"),
    (lambda: L1(np.ma.array([1.0, 2.0], mask=[0, 1])), "weight must be a number or a 1-D array"),
    (lambda: L1([[1.0], [1.0, 2.0]]), "weight must be a number or a 1-D array"),
    (lambda: L2(-1.0), r"weight must be in \[0, inf\)"),
    (lambda: ElasticNet(-1.0, 1.0), r"l1 must be in \[0, inf\)"),
    (lambda: ElasticNet(1.0, [0.0, math.nan]), r"l2\[1\] must be in \[0, inf\), got nan"),
    (lambda: L1([1.0, 2.0]).prox([1.0], 1.0), "L1: weight has 2 entries, x has 1"),
    (lambda: L1([1.0, 2.0]).value([1.0]), "L1: weight has 2 entries, x has 1"),
    (lambda: L1([1.0, 2.0]).pack(3), "L1: weight has 2 entries, x has 3"),
    (lambda: L1([1.0, 2.0]).separable_data(3), "L1: weight has 2 entries, x has 3"),
    (lambda: Box([0.0], 1.0).pack(3), "Box: lower has 1 entries, x has 3"),
    (lambda: Box(math.nan, 1.0), "lower must be a number other than inf, got nan"),
    (lambda: Box(math.inf, math.inf), "lower must be a number other than inf, got inf"),
    (lambda: Box(0.0, [1.0, -math.inf]), r"upper\[1\] must be a number other than -inf, got -inf"),
    (lambda: Box(0.0, "1"), "upper must be a number or a 1-D array"),
    (lambda: Box(1.0, 0.0), r"lower must be <= upper, got 1.0 and 0.0\."),
    (lambda: Box([0.0, 2.0], 1.0), r"lower must be <= upper, got 2.0 and 1.0 at entry 1\."),
    (lambda: Box([0.0, 2.0], [1.0, 2.0, 3.0]), "lower has 2 entries, upper has 3"),
    (lambda: NonNegative() + Box(-2.0, -1.0), r"no point is within all bounds, 0.0 and -1.0\."),
    (
        lambda: NonNegative() + Box(-2.0, [1.0, -1.0]),
        "no point is within all bounds, 0.0 and -1.0 at entry 1",
    ),
    (lambda: L1([1.0, 2.0]) + L2([1.0, 2.0, 3.0]), "arrays of 2 and 3 entries"),
    (lambda: (L1([1.0, 2.0]) + L2(1.0)).pack(3), "L1: weight has 2 entries, x has 3"),
    (lambda: SeparableSum(()), "terms must not be empty"),
    (lambda: GroupL2(-1.0, 2), r"weight must be in \[0, inf\)"),
    (lambda: GroupL2(1.0, 0), "groups must be a positive integer, got 0"),
    (lambda: GroupL2(1.0, True), "groups must be an int, labels or lists of indices, got True"),
    (lambda: GroupL2(1.0, 2.0), "groups must be an int, labels or lists of indices, got 2.0"),
    (lambda: GroupL2(1.0, "ab"), "groups must be an int, labels or lists of indices, got 'ab'"),
    (lambda: GroupL2(1.0, []), "groups must not be empty"),
    (lambda: GroupL2(1.0, [0.5, 1.0]), r"groups must be integers, got \[0.5, 1.0\]"),
    (lambda: GroupL2(1.0, [[0.5]]), r"groups\[0\] must be integers"),
    (lambda: GroupL2(1.0, [[0], [[1]]]), r"groups\[1\] must be integers"),
    (lambda: GroupL2(1.0, [[0], 1]), r"groups\[1\] must be integers"),
    (lambda: GroupL2(1.0, [-1, -1]), "groups must have a label that is not negative"),
    (lambda: GroupL2(1.0, [[0, -1]]), "groups must have indices >= 0, got -1"),
    (lambda: GroupL2(1.0, [[0, 3], [3]]), "groups must be disjoint, variable 3 is in more"),
    (lambda: GroupL2(1.0, [[3, 3]]), "groups must be disjoint, variable 3 is in more"),
    (lambda: GroupL2([1.0], [[0], [1]]), "GroupL2: weight has 1 entries, and there are 2 groups"),
    (lambda: GroupL2([1.0], 2).pack(4), "GroupL2: weight has 1 entries, and there are 2 groups"),
    (lambda: GroupL2(1.0, 4).pack(10), "GroupL2: x has 10 entries, not a multiple of 4"),
    (lambda: GroupL2(1.0, [0, 1]).pack(3), "GroupL2: groups has 2 labels, x has 3 entries"),
    (lambda: GroupL2(1.0, [[5]]).pack(5), "GroupL2: groups has the index 5, x has 5 entries"),
    (lambda: Simplex(0.0), r"radius must be a number in \(0, inf\), got 0.0"),
    (lambda: Simplex("1"), r"radius must be a number in \(0, inf\), got '1'"),
    (lambda: L1Ball(-1.0), r"radius must be a number in \(0, inf\), got -1.0"),
    (lambda: L2Ball(math.nan), r"radius must be a number in \(0, inf\), got nan"),
    (lambda: L2Ball(math.inf), r"radius must be a number in \(0, inf\), got inf"),
    (lambda: L2Ball(1.0, "c"), "center must be a number or a 1-D array"),
    (lambda: L2Ball(1.0, [0.0, math.inf]), r"center\[1\] must be a finite number, got inf"),
    (lambda: L2Ball(1.0, [0.0, 1.0]).pack(3), "L2Ball: center has 2 entries, x has 3"),
    (lambda: TV1D([1.0]), r"weight must be a number in \[0, inf\), got \[1.0\]"),
    (lambda: TV1D(-1.0), r"weight must be a number in \[0, inf\), got -1.0"),
    (lambda: TV2D(math.nan, (2, 2)), r"weight must be a number in \[0, inf\), got nan"),
    (lambda: TV2D(1.0, 4), r"shape must be \(rows, columns\), got 4"),
    (lambda: TV2D(1.0, (2, 2, 2)), r"shape must be \(rows, columns\), got \(2, 2, 2\)"),
    (lambda: TV2D(1.0, (0, 2)), r"shape\[0\] must be a positive integer, got 0"),
    (lambda: TV2D(1.0, (2, 2.0)), r"shape\[1\] must be a positive integer, got 2.0"),
    (lambda: TV2D(1.0, (2, 2), 1), "isotropic must be True or False, got 1"),
    (lambda: TV2D(1.0, (2, 2), tol=-1.0), r"tol must be a number in \[0, 1\), got -1.0"),
    (lambda: TV2D(1.0, (2, 2), tol=None), r"tol must be a number in \[0, 1\), got None"),
    (lambda: TV2D(1.0, (2, 2), max_inner=0), "max_inner must be a positive integer, got 0"),
    (
        lambda: TV2D(1.0, (3, 4)).prox(np.ones(10), 1.0),
        r"TV2D: shape \(3, 4\) has 12 entries, x has 10",
    ),
    (lambda: NuclearNorm(-1.0, (2, 2)), r"weight must be a number in \[0, inf\)"),
    (lambda: NuclearNorm(1.0, None), r"shape must be \(rows, columns\), got None"),
    (lambda: NuclearNorm(1.0, (3, 4)).pack(1), r"NuclearNorm: shape \(3, 4\) has 12 entries"),
    (lambda: L1(1.0).prox([1.0], 0.0), r"step must be a number in \(0, inf\), got 0.0"),
    (lambda: L1(1.0).prox([1.0], math.nan), r"step must be a number in \(0, inf\), got nan"),
    (lambda: L1(1.0).prox([1.0], "1"), r"step must be a number in \(0, inf\), got '1'"),
    (lambda: L1(1.0).prox([], 1.0), "v must be a nonempty array of real numbers, got float64"),
    (lambda: L1(1.0).prox([1j], 1.0), "v must be a nonempty array of real numbers, got complex128"),
    (lambda: L1(1.0).value(["a"]), "x must be a nonempty array of real numbers"),
    (lambda: L1(1.0).pack(0), "n must be a positive integer, got 0"),
    (lambda: L1(1.0).pack(2.0), "n must be a positive integer, got 2.0"),
    (lambda: L1(1.0).pack(2, np.int64), "dtype must be float64 or float32, got int64"),
]


@pytest.mark.parametrize(("action", "text"), ERRORS, ids=[text for _, text in ERRORS])
def test_errors(action, text):
    with pytest.raises(ValueError, match=text):
        action()


def test_only_separable_penalties_add():
    with pytest.raises(TypeError, match="can be added, and TV1D is not: the proximal operator"):
        L1(1.0) + TV1D(1.0)
    with pytest.raises(TypeError, match="can be added, and TV1D is not"):
        TV1D(1.0) + L1(1.0)
    with pytest.raises(TypeError, match="can be added, and TV1D is not"):
        TV1D(1.0) + TV1D(1.0)
    with pytest.raises(TypeError, match="can be added, and Simplex and TV1D are not"):
        Simplex() + TV1D(1.0)
    with pytest.raises(TypeError, match="unsupported operand"):
        L1(1.0) + 1.0
    with pytest.raises(TypeError, match="terms must be separable penalties, got TV1D"):
        SeparableSum((L1(1.0), TV1D(1.0)))


# -- the user's own --------------------------------------------------------------------------------


def write_prox(v, step, out, weight):
    for i in range(v.size):
        out[i] = math.copysign(max(abs(v[i]) - step * weight, 0.0), v[i])


def return_prox(v, step, weight):
    return np.sign(v) * np.maximum(np.abs(v) - v.dtype.type(step * weight), 0.0)


def absolute(x, weight):
    return weight * np.abs(x).sum()


def test_custom(rng):
    import numba

    v = rng.standard_normal((3, 2))
    expected = L1(0.5).prox(v, 0.7)
    for prox, value, in_place in (
        (write_prox, absolute, True),
        (return_prox, absolute, False),
        (numba.njit(write_prox), numba.njit(absolute), True),
        (lambda v, step, *args: return_prox(v, step, *args), lambda x, *args: absolute(x, 0.5), 0),
        (lambda v, step, out, *args: write_prox(v, step, out, *args), absolute, True),
    ):
        penalty = Prox(prox, value, args=(0.5,))
        assert penalty.in_place == in_place
        found = penalty.prox(v, 0.7)
        assert found.shape == v.shape
        assert np.allclose(found, expected, rtol=1e-15)
        assert penalty.prox(v.astype(np.float32), 0.7).dtype == np.float32
        assert penalty.value(v) == pytest.approx(L1(0.5).value(v))
        assert type(penalty.value(v)) is float
        assert not penalty.separable and not penalty.is_constraint
    with pytest.raises(TypeError, match="Prox has no kernel"):
        penalty.pack(6)
    with pytest.raises(TypeError, match="Prox is not separable"):
        penalty.separable_data(6)
    assert "Prox(<lambda>, absolute" in repr(penalty)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_custom_may_answer_nan_with_nan(value):
    penalty = Prox(lambda v, step: v + np.nan, lambda x: math.nan)
    assert np.isnan(penalty.prox([value, 1.0], 1.0)).all()
    assert math.isnan(penalty.value([value, 1.0]))


def changing(v, step):
    v += 1.0
    return v


def half_written(v, step, out):
    out[0] = 1.0


CUSTOM_ERRORS = [
    (lambda: Prox(1.0, absolute), r"prox must be callable, got 1.0"),
    (lambda: Prox(write_prox, None), r"value must be callable, got None"),
    (lambda: Prox(write_prox, absolute, [1.0]), r"args must be a tuple, got \[1.0\]"),
    (
        lambda: Prox(lambda v: v, lambda x: 0.0),
        r"prox must take \(v, step, out\) or \(v, step\), 0 in args, <lambda> does not",
    ),
    (
        lambda: Prox(write_prox, absolute, (1.0, 2.0, 3.0)),
        r"value must take 4 arguments, \(x, \*args\), absolute does not",
    ),
    (
        lambda: Prox(write_prox, lambda x, *a: 0.0, (1.0, 2.0, 3.0)),
        r"prox must take \(v, step, out, \*args\) or \(v, step, \*args\), 3 in args, write_prox",
    ),
]
X = np.ones(3)
RUN_ERRORS = [
    (lambda v, step: v[:2], r"prox: must return the shape of v, \(3,\), returned \(2,\)"),
    (lambda v, step: v.astype(np.float32), "prox: must return float64, like v, returned float32"),
    (lambda v, step: v.astype(int), "prox: must return float64, like v, returned int64"),
    (lambda v, step: None, "prox: must return an array, returned NoneType"),
    (lambda v, step: 1.0, "prox: must return an array, returned float"),
    (lambda v, step: np.array([1.0, math.nan, 1.0]), "prox: returned nan for entry 1, and v is"),
    (changing, "prox: must not change v"),
    (half_written, "prox: wrote no number for entry 1, and v is finite"),
    (lambda v, step, out: v.copy(), "prox: takes `out`, and must write its result there"),
]


@pytest.mark.parametrize(("action", "text"), CUSTOM_ERRORS, ids=[t for _, t in CUSTOM_ERRORS])
def test_custom_errors(action, text):
    with pytest.raises(ValueError, match=text):
        action()


@pytest.mark.parametrize(("prox", "text"), RUN_ERRORS, ids=[t for _, t in RUN_ERRORS])
def test_a_prox_that_is_not_a_prox(prox, text):
    with pytest.raises(ValueError, match=text):
        Prox(prox, lambda x: 0.0).prox(X, 1.0)
    assert np.array_equal(X, np.ones(3))


def test_a_value_that_is_not_a_value():
    for value, text in (
        (lambda x: None, "value: must return a number, returned None"),
        (lambda x: x, "value: must return a number"),
        (lambda x: math.nan, "value: returned nan, and x is finite"),
    ):
        with pytest.raises(ValueError, match=text):
            Prox(lambda v, step: v, value).value(X)
    assert Prox(lambda v, step: v, lambda x: np.array(2.0)).value(X) == 2.0
    assert Prox(lambda v, step: v, lambda x: math.inf).value(X) == math.inf
