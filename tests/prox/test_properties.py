"""Properties of proximal operators: what holds for any vector, step and dtype."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operators import CASES, CONSTRAINTS, NORMS, SLACK, WEIGHTS, N, assert_plain_minimum, call

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
    Simplex,
)

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
