"""`scipy_method` in `scipy.optimize.minimize`, and what a host may pass to it."""

import copy
import functools
import pickle
import warnings

import numpy as np
import pytest
import scipy
import scipy.optimize
import scipy.stats
from numba import njit
from objectives import rosenbrock_fun, rosenbrock_fused, rosenbrock_jac, rosenbrock_pair, style
from plugged import BOX, METHODS, START, caught
from scipy.optimize import Bounds, LinearConstraint, OptimizeWarning, rosen, rosen_der

from fastmomentum import CompilationWarning, minimize, scipy_method


def rosen_pair(x):
    return rosen(x), rosen_der(x)


# -- scipy.optimize.minimize -----------------------------------------------------------------------


@pytest.mark.parametrize("bounds", (None, BOX), ids=("free", "bounds"))
@pytest.mark.parametrize("how", ("returning", "in_place", "pair", "fused", "2-point"))
def test_minimize_runs_compiled(how, bounds):
    fun, jac = style("rosenbrock", how)
    found = scipy.optimize.minimize(fun, START, jac=jac, bounds=bounds, method=scipy_method())
    ours = minimize(fun, START, jac=jac, bounds=bounds)
    theirs = scipy.optimize.minimize(rosen, START, jac=rosen_der, bounds=bounds)
    assert found.success and found.backend == "numba"
    assert np.array_equal(found.x, ours.x) and found.nfev == ours.nfev
    assert np.allclose(found.x, theirs.x, atol=1e-4)
    assert isinstance(found, scipy.optimize.OptimizeResult)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("fun", "jac"),
    ((rosen, rosen_der), (rosen_pair, True), (rosen, None)),
    ids=("jac", "pair", "none"),
)
def test_minimize_of_python_functions(fun, jac, method):
    found = scipy.optimize.minimize(fun, START, jac=jac, method=scipy_method(method))
    assert found.success and found.backend == "python"
    assert np.allclose(found.x, 1.0, atol=1e-3)


def test_three_point_is_given_to_the_method():
    """SciPy would pass it on as None."""
    rough = scipy.optimize.minimize(rosen, START, jac="3-point", method=scipy_method())
    fine = scipy.optimize.minimize(rosen, START, method=scipy_method(jac="3-point"))
    assert np.abs(fine.x - 1.0).max() < 0.1 * np.abs(rough.x - 1.0).max()
    # What the host passes wins.
    given = scipy.optimize.minimize(rosen, START, jac=rosen_der, method=scipy_method(jac="3-point"))
    assert given.nfev == given.njev


@pytest.mark.parametrize("args", (3.0, (3.0,)), ids=("number", "tuple"))
def test_args(args):
    def fun(x, scale):
        return scale * np.sum((x - 1.0) ** 2)

    found = scipy.optimize.minimize(fun, [0, 0], args=args, method=scipy_method("gd"))
    assert found.success and np.allclose(found.x, 1.0, atol=1e-5)


def test_float32_stays():
    found = scipy.optimize.minimize(
        rosenbrock_fused, START.astype(np.float32), jac=True, method=scipy_method()
    )
    assert found.success and found.x.dtype == np.float32 and found.backend == "numba"


@pytest.mark.parametrize(
    "bounds",
    (
        Bounds([-2.0] * 3, [0.9] * 3),
        Bounds(-2.0, 0.9),
        [(-2, 0.9), (-2, 0.9), (None, 0.9)],
        np.array(BOX),
        tuple(BOX),
    ),
    ids=("Bounds", "broadcast", "None", "array", "tuple"),
)
def test_forms_of_bounds(bounds):
    given = {"jac": rosenbrock_jac, "bounds": bounds, "method": scipy_method()}
    found = scipy.optimize.minimize(rosenbrock_fun, START, **given)
    assert found.success and found.x.max() == 0.9
    assert np.array_equal(
        found.x, minimize(rosenbrock_fun, START, jac=rosenbrock_jac, bounds=BOX).x
    )


def test_callbacks():
    points, results = [], []
    given = {"jac": True, "method": scipy_method()}
    found = scipy.optimize.minimize(
        rosenbrock_fused, START, **given, callback=lambda xk: points.append(xk)
    )

    def keep(intermediate_result):
        results.append(intermediate_result)

    scipy.optimize.minimize(rosenbrock_fused, START, **given, callback=keep)
    assert len(points) == len(results) == found.nit
    assert all(np.array_equal(x, r.x) for x, r in zip(points, results, strict=True))
    assert np.array_equal(points[-1], found.x)

    def stop(intermediate_result):
        if intermediate_result.nit == 3:
            raise StopIteration

    stopped = scipy.optimize.minimize(rosenbrock_fused, START, **given, callback=stop)
    assert (stopped.status, stopped.success, stopped.nit) == (99, False, 3)
    assert stopped.message == "`callback` raised `StopIteration`."


def test_tol_and_options():
    def run(method, **keywords):
        return scipy.optimize.minimize(rosenbrock_fused, START, jac=True, method=method, **keywords)

    for method, keywords, gtol in (
        (scipy_method(), {"tol": 1e-9}, 1e-9),
        (scipy_method(gtol=1e-9), {}, 1e-9),
        (scipy_method(gtol=1.0), {"tol": 1e-9}, 1e-9),
        (scipy_method(gtol=1.0), {"options": {"gtol": 1e-9}}, 1e-9),
        (scipy_method(), {"tol": 1.0, "options": {"gtol": 1e-9}}, 1e-9),
        (scipy_method(), {"tol": 1e-9, "options": {"gtol": None}}, 1e-9),
    ):
        found = run(method, **keywords)
        same = minimize(rosenbrock_fused, START, jac=True, options={"gtol": gtol})
        assert found.success and found.nit == same.nit
    assert run(scipy_method(maxiter=9), options={"maxiter": 4}).nit == 4
    assert run(scipy_method(maxiter=9), options={"maxiter": None, "disp": None}).nit == 9
    fixed = run(scipy_method("nesterov", learning_rate=1e-4, maxiter=9))
    assert (fixed.nit, fixed.learning_rate) == (9, 1e-4)


# -- what a host may pass --------------------------------------------------------------------------


def test_functions_that_do_not_compile_warn_in_the_users_file():
    @njit
    def fun(x):
        return (x[0] - 1.0) ** 2 + len(open.__doc__) * 0.0

    result, found = caught(scipy.optimize.minimize, fun, [0.3], method=scipy_method())
    assert result.success and [category for category, _ in found] == [CompilationWarning]


def test_unknown_options_warn_as_in_scipy():
    for options, words in (
        ({"maxcor": 5}, "Unknown solver options: maxcor."),
        ({"maxcor": 5, "iprint": 1}, "Unknown solver options: maxcor, iprint."),
        ({"max_iter": 5}, "Unknown solver options: max_iter. Did you mean 'maxiter'?"),
    ):
        run = functools.partial(scipy.optimize.minimize, rosen, START, options=options)
        found, ours = caught(run, method=scipy_method())
        assert found.success
        assert len(ours) == 1 and ours[0][0] is OptimizeWarning and ours[0][1].startswith(words)
        if "maxcor" not in options:
            _, theirs = caught_anywhere(run, method="BFGS")
            assert theirs == ["Unknown solver options: max_iter"]
    kwargs = {"method": scipy_method(), "options": {"maxcor": 5}}
    _, ours = caught(scipy.optimize.basinhopping, rosen, START, niter=1, minimizer_kwargs=kwargs)
    assert [category for category, _ in ours] == [OptimizeWarning] * 2


def caught_anywhere(function, *args, **keywords):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = function(*args, **keywords)
    return result, [str(w.message) for w in found]


@pytest.mark.parametrize("name", ("hess", "hessp"))
def test_hess_warns(name):
    def unused(*args):
        raise AssertionError("must not be called")

    found, ours = caught(
        scipy.optimize.minimize,
        rosen,
        START,
        jac=rosen_der,
        method=scipy_method(),
        **{name: unused},
    )
    assert found.success
    assert [category for category, _ in ours] == [RuntimeWarning]
    assert f"({name})" in ours[0][1]


def test_constraints():
    for empty in ((), [], None):
        assert scipy_method()(rosen, START, jac=rosen_der, constraints=empty).success
    one = LinearConstraint(np.ones((1, 3)), 0.0, 1.0)
    for given in (one, [one], {"type": "eq", "fun": np.sum}):
        with pytest.raises(ValueError, match="constraints are not supported"):
            scipy.optimize.minimize(rosen, START, method=scipy_method(), constraints=given)


def test_bad_arguments():
    for keywords, error, words in (
        ({"method": "BFGS"}, ValueError, "method must be one of"),
        ({"method": rosen}, TypeError, "method must be one of"),
        ({"learningrate": 0.1}, ValueError, "no option 'learningrate'.*mean 'learning_rate'"),
        ({"method": "gd", "momentum": 0.9}, ValueError, "'gd' has no option 'momentum'"),
        ({"tol": 1e-3}, ValueError, "no option 'tol'"),
        ({"jac": "4-point"}, ValueError, "jac must be.*'4-point'"),
        ({"jac": 3}, TypeError, "jac must be.*3"),
    ):
        with pytest.raises(error, match=words):
            scipy_method(**keywords)
    run = functools.partial(scipy.optimize.minimize, rosen, START)
    for method, keywords, error, words in (
        (scipy_method(gtol=-1.0), {}, ValueError, r"gtol must be.*-1\.0"),
        (scipy_method(), {"options": {"maxiter": -2.5}}, ValueError, r"maxiter must be.*-2\.5"),
        (scipy_method(), {"bounds": [(0, 1)]}, ValueError, "bounds must be 3 pairs"),
        (scipy_method(), {"callback": 3}, TypeError, "callback must be callable"),
        (scipy_method(backend="numba"), {}, TypeError, "must be a Numba function"),
    ):
        with pytest.raises(error, match=words):
            run(method=method, **keywords)


def test_exceptions_carry_the_best_point():
    calls = []

    def fun(x):
        calls.append(1)
        if len(calls) > 12:
            raise ZeroDivisionError("mine")
        return rosen(x)

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        scipy.optimize.minimize(fun, START, method=scipy_method())
    assert caught.value.result.nfev == 13


def test_the_object():
    method = scipy_method("Nesterov", jac="3-point", learning_rate=1e-3, maxiter=9)
    text = "scipy_method('nesterov', jac='3-point', learning_rate=0.001, maxiter=9)"
    assert repr(method) == text and repr(eval(text)) == text
    assert repr(scipy_method()) == "scipy_method('momentum')"
    for same in (pickle.loads(pickle.dumps(method)), copy.deepcopy(method)):
        assert repr(same) == text
        assert np.array_equal(same(rosen, START).x, method(rosen, START).x)
    bound = pickle.loads(pickle.dumps(method.for_sklearn))
    assert repr(bound.__self__) == text


class MemoizeJac:
    """Looks like SciPy's, and is not."""

    def fun(self, x):
        raise AssertionError("must not be called")

    def __call__(self, x):
        return rosen(x)

    def derivative(self, x):
        return rosen_der(x)


def test_only_the_wrapper_of_scipy_is_unwrapped():
    own = MemoizeJac()
    found = scipy.optimize.minimize(own, START, jac=own.derivative, method=scipy_method())
    assert found.success and found.backend == "python"
    # A host that wraps the gradient once more: its gradient counts.
    wrapped = scipy.optimize._optimize.MemoizeJac(rosenbrock_pair)
    found = scipy_method()(wrapped, START, jac=lambda x: wrapped.derivative(x))
    assert found.success and found.backend == "python"
