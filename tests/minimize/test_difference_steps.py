"""Steps of differences as SciPy takes them, and variables that bounds fix."""

import math
from functools import partial

import numpy as np
import pytest
import scipy.optimize
from scipy_calls import BFGS, ONES, analytic_quartic, quadratic, quadratic_der, quartic, row_of

import fastmomentum
from fastmomentum import minimize, minimize_batch, scipy_method
from fastmomentum.jit import minimizer

# -- steps of differences --------------------------------------------------------------------------


def slope_at_start(function, fun, x0, jac, **options):
    return function(fun, x0, jac=jac, options={"maxiter": 0, **options}).jac


STEP_START = np.array([-1.0, 0.0, 2.0])
PER_VARIABLE = (-1e-3, 2e-3, 1e-2)
# A step that is lost to rounding, and none.
LOST = (1e-3, 0.0, 1e-30)


@pytest.mark.parametrize("steps", (1e-3, PER_VARIABLE, LOST), ids=("one", "each", "lost"))
@pytest.mark.parametrize(
    ("jac", "name"),
    (
        (None, "eps"),
        (np.False_, "eps"),
        ("2-point", "finite_diff_rel_step"),
        ("3-point", "finite_diff_rel_step"),
    ),
)
def test_given_steps_are_scipys(jac, name, steps):
    theirs = slope_at_start(BFGS, quartic.py_func, STEP_START, jac, **{name: steps})
    default = slope_at_start(minimize, quartic, STEP_START, jac)
    for fun in (quartic, quartic.py_func):
        ours = slope_at_start(minimize, fun, STEP_START, jac, **{name: steps})
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        assert not np.array_equal(ours, default)


def test_given_complex_steps():
    """So long that their error is seen: 4 k h**2 (x - 1.5) of the imaginary part."""
    for name, steps in (("finite_diff_rel_step", 0.1), ("finite_diff_rel_step", [0.1, 0.2, 0.3])):
        theirs, ours = (
            slope_at_start(function, analytic_quartic, STEP_START + 0.5, "cs", **{name: steps})
            for function in (BFGS, tolerant)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def tolerant(fun, x0, jac, options):
    """`minimize` after its check of complex steps, which would refuse ones of such an error."""
    start = minimize(fun, x0, jac=jac, options={**options, "finite_diff_rel_step": 1e-8})
    assert start.nit == 0
    from fastmomentum._problem.objective import Limits, Objective

    limits = Limits(steps=(0.0, options["finite_diff_rel_step"]))
    objective = Objective(fun, jac, (), x0, "python", limits)
    objective.evaluate(x0, start.jac)
    return start


@pytest.mark.parametrize("dtype", (np.float64, np.float32))
@pytest.mark.parametrize("jac", (None, "3-point"))
def test_given_steps_everywhere(jac, dtype):
    """Compiled, in Python, in batches and called by compiled code: the same bits."""
    name = "eps" if jac is None else "finite_diff_rel_step"
    x0 = STEP_START.astype(dtype)
    for steps in (1e-2, PER_VARIABLE):
        options = {name: steps, "maxiter": 6, "gtol": 0.0}
        single = minimize(quartic, x0, jac=jac, options=options)
        assert single.backend == "numba"
        assert single.x.dtype == dtype
        assert not np.array_equal(
            single.x, minimize(quartic, x0, jac=jac, options=options | {name: None}).x
        )
        solve = minimizer(quartic, jac=jac, options=options)
        for found in (
            minimize(quartic.py_func, x0, jac=jac, options=options),
            solve(x0),
            *(
                row_of(minimize_batch(fun, [x0, x0], jac=jac, options=options), 1)
                for fun in (quartic, quartic.py_func)
            ),
        ):
            assert np.array_equal(found.x, single.x)
            assert np.array_equal(found.jac, single.jac)
            assert (found.nfev, found.nit) == (single.nfev, single.nit)


def test_steps_keep_to_bounds_and_are_lost_in_single_precision():
    seen = []

    def fun(x):
        seen.append(x.copy())
        return float(np.sum((x.astype(float) - 1.0) ** 2))

    minimize(fun, [0.0, 1.0], bounds=[(-1, 0), (0, 1)], options={"eps": 0.5})
    assert all(-1.0 <= x <= 0.0 and 0.0 <= y <= 1.0 for x, y in seen)
    # SciPy's own eps, which float32 does not see beside 4.
    result = minimize(fun, np.array([4.0, 3.0], np.float32), options={"eps": 1.5e-8})
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)


def test_steps_that_are_not_used(recwarn):
    plain = minimize(quadratic, ONES, jac=quadratic_der)
    for name in ("eps", "finite_diff_rel_step"):
        found = minimize(quadratic, ONES, jac=quadratic_der, options={name: 0.1})
        assert np.array_equal(found.x, plain.x)
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            minimize(quadratic, ONES, jac=quadratic_der, options={name: np.nan})
        with pytest.raises(ValueError, match=f"{name} is not an option of Optimizer"):
            fastmomentum.Optimizer("gd", ONES, options={name: 0.1})
    assert not recwarn.list
    for call in (
        partial(minimize, quadratic, ONES, options={"eps": 0.1}),
        partial(minimize_batch, quadratic, [ONES], options={"eps": 0.1}),
        partial(scipy_method(eps=0.1), quadratic, ONES),
    ):
        with pytest.warns(RuntimeWarning, match="eps is for jac=None, and not used with jac='2-p"):
            assert np.all(call(jac="2-point").success)
    # eps wins, as in SciPy.
    both = {"eps": 1e-3, "finite_diff_rel_step": 0.1}
    assert np.array_equal(
        slope_at_start(minimize, quartic, STEP_START, None, **both),
        slope_at_start(minimize, quartic, STEP_START, None, eps=1e-3),
    )
    assert np.array_equal(
        slope_at_start(minimize, quartic, STEP_START, None, finite_diff_rel_step=0.1),
        slope_at_start(minimize, quartic, STEP_START, "2-point", finite_diff_rel_step=0.1),
    )


# -- variables that bounds fix ---------------------------------------------------------------------

FIXED = [(0.0, 2.0), (1.0, 1.0), (None, None)]


@pytest.mark.parametrize("jac", (None, "3-point", "cs"))
def test_fixed_variables(jac):
    """Their slopes are nan without a gradient, and nobody calls fun for them."""
    seen = []

    def fun(x):
        seen.append(np.array(x))
        return analytic_quartic(x - 0.5) + np.sum((x - 1.5) ** 2)

    def callback(intermediate_result):
        assert np.array_equal(np.isnan(intermediate_result.jac), [False, True, False])
        assert math.isfinite(intermediate_result.grad_norm)

    theirs = scipy.optimize.minimize(fun, np.zeros(3), jac=jac, bounds=FIXED, method="L-BFGS-B")
    seen.clear()
    ours = minimize(fun, np.zeros(3), jac=jac, bounds=FIXED, callback=callback)
    assert ours.success
    assert np.array_equal(np.isnan(ours.jac), np.isnan(theirs.jac))
    assert np.array_equal(np.isnan(ours.jac), [False, True, False])
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-4)
    assert ours.nfev == len(seen)
    assert all(x[1] == 1.0 for x in seen)
    slopes = 2 if jac == "3-point" else 1
    check = 4 if jac == "cs" else 0
    assert ours.nfev == (ours.njev - (jac == "cs")) * (1 + 2 * slopes) + check
    # With a gradient it is what that says.
    ours = minimize(quadratic, np.zeros(3), jac=quadratic_der, bounds=FIXED)
    assert np.isfinite(ours.jac).all()


def test_fixed_variables_everywhere():
    lower = np.array([[0.0, 1.0, -9.0], [0.0, 0.0, -9.0], [1.0, 1.0, 1.0]])
    upper = np.array([[2.0, 1.0, 9.0], [2.0, 2.0, 9.0], [1.0, 1.0, 1.0]])
    X0 = np.zeros((3, 3))
    for fun in (quartic, quartic.py_func):
        own = minimize_batch(fun, X0, bounds=scipy.optimize.Bounds(lower, upper))
        for i in range(3):
            pairs = list(zip(lower[i], upper[i], strict=True))
            shared = minimize_batch(fun, X0[:1], bounds=pairs)
            single = minimize(fun, X0[0], bounds=pairs)
            for found in (row_of(shared, 0), row_of(own, i)):
                assert np.array_equal(found.x, single.x)
                assert np.array_equal(found.jac, single.jac, equal_nan=True)
                assert found.nfev == single.nfev
            assert np.array_equal(np.isnan(single.jac), lower[i] == upper[i])
    pairs = list(zip(lower[0], upper[0], strict=True))
    compiled, single = (
        minimizer(quartic, bounds=pairs)(X0[0]),
        minimize(quartic, X0[0], bounds=pairs),
    )
    assert np.array_equal(compiled.jac, single.jac, equal_nan=True)
    assert (compiled.nfev, compiled.grad_norm) == (single.nfev, single.grad_norm)
    lowest = fastmomentum.multistart(quartic, [(0.0, 2.0), (1.0, 1.0)], 4, seed=0)
    assert np.array_equal(np.isnan(lowest.jac), [False, True])


@pytest.mark.parametrize("jac", (None, "3-point", "cs", quadratic_der))
def test_all_variables_fixed(jac):
    calls = []

    def fun(x, *args):
        calls.append(1)
        return quadratic(x, *args)

    pair = [(1.0, 1.0), (2.0, 2.0)]
    theirs, ours = (
        function(fun, (1.0, 3.0), args=(2.0,), jac=jac, bounds=pair)
        for function in (partial(scipy.optimize.minimize, method="L-BFGS-B"), minimize)
    )
    assert len(calls) == 2
    for name in ("fun", "nfev", "success", "message"):
        assert ours[name] == theirs[name], name
    assert np.array_equal(ours.x, theirs.x)
    assert (ours.status, ours.nit, ours.grad_norm) == (0, 0, 0.0)
    assert np.isnan(ours.jac).all() == (jac is not quadratic_der)
    worse = minimize(lambda x: math.nan, (1.0, 3.0), bounds=pair)
    assert (worse.success, worse.status) == (False, 3)
