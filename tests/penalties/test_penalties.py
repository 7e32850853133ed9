"""Penalties as objects: values, interface, all errors, and operators of the user's."""

import math
import pickle

import numpy as np
import pytest
from operators import CASES, WEIGHTS, N
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
