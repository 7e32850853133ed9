"""`scipy_method` inside the packages that take a minimizer, and objectives of other libraries."""

import copy
import functools
import math
import pathlib
import pickle
import runpy
import sys
import warnings

import numpy as np
import pytest
import scipy
import scipy.optimize
import scipy.stats
from numba import njit
from objectives import rosenbrock_fun, rosenbrock_fused, rosenbrock_jac, rosenbrock_pair, style
from scipy.optimize import Bounds, LinearConstraint, OptimizeWarning, rosen, rosen_der

import fastmomentum
from fastmomentum import CompilationWarning, minimize, scipy_method

START = np.array([1.3, 0.7, 0.8])
BOX = [(-2.0, 0.9)] * 3  # the minimum is on its boundary
METHODS = ("momentum", "nesterov", "gd", "adam")
SCIPY = tuple(map(int, scipy.__version__.split(".")[:2]))


@pytest.fixture
def runs(monkeypatch):
    """Results of the runs that a plug-in makes."""
    module = fastmomentum._scipy
    found, plain = [], module.minimize

    def recording(*args, **keywords):
        found.append(plain(*args, **keywords))
        return found[-1]

    monkeypatch.setattr(module, "minimize", recording)
    return found


def rosen_pair(x):
    return rosen(x), rosen_der(x)


def rastrigin(x):
    return float(np.sum(x * x - 10.0 * np.cos(2.0 * np.pi * x)) + 10.0 * x.size)


def rastrigin_der(x):
    return 2.0 * x + 20.0 * np.pi * np.sin(2.0 * np.pi * x)


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


def caught(function, *args, **keywords):
    """(result, [(category, message)]); the warnings must be of this file."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = function(*args, **keywords)
    assert {w.filename for w in found} <= {__file__}
    return result, [(w.category, str(w.message)) for w in found]


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


# -- global optimizers of SciPy --------------------------------------------------------------------


@pytest.mark.parametrize("how", ("fused", "in_place", "2-point"))
def test_basinhopping(how, runs):
    fun, jac = style("rosenbrock", how)
    jac = None if jac == "2-point" else jac
    kwargs = {"method": scipy_method("nesterov"), "jac": jac, "bounds": BOX}
    found = scipy.optimize.basinhopping(fun, START, niter=3, minimizer_kwargs=kwargs, rng=1)
    kwargs = {"jac": rosen_der, "bounds": BOX}
    theirs = scipy.optimize.basinhopping(rosen, START, niter=3, minimizer_kwargs=kwargs, rng=1)
    assert math.isclose(found.fun, theirs.fun, abs_tol=1e-7)
    assert np.allclose(found.x, theirs.x, atol=1e-4)
    assert len(runs) == 4 and {r.backend for r in runs} == {"numba"}
    assert found.minimization_failures == sum(not r.success for r in runs)
    assert found.nfev == sum(r.nfev for r in runs) and found.njev == sum(r.njev for r in runs)
    assert found.lowest_optimization_result.success


def test_basinhopping_counts_successes_only():
    kwargs = {"method": scipy_method(maxiter=1), "jac": True}
    found = scipy.optimize.basinhopping(rosenbrock_fused, START, niter=2, minimizer_kwargs=kwargs)
    assert found.minimization_failures == 3
    assert not found.lowest_optimization_result.success


@pytest.mark.parametrize("jac", (None, rastrigin_der), ids=("2-point", "jac"))
def test_dual_annealing(jac, runs):
    box = [(-5.12, 5.12)] * 2
    kwargs = {"method": scipy_method(), "bounds": box, "jac": jac}
    found = scipy.optimize.dual_annealing(
        rastrigin, box, maxiter=200, minimizer_kwargs=kwargs, rng=1
    )
    theirs = scipy.optimize.dual_annealing(rastrigin, box, maxiter=200, rng=1)
    assert theirs.fun < 1e-8
    assert found.fun < 1e-8 and np.allclose(found.x, theirs.x, atol=1e-6)
    assert runs and all(r.success for r in runs)


polish = pytest.mark.skipif(SCIPY < (1, 17), reason="a callable polish is new in SciPy 1.17")


@polish
@pytest.mark.parametrize("jac", (None, rosenbrock_jac), ids=("2-point", "jac"))
def test_differential_evolution(jac, runs):
    settings = {"maxiter": 20, "popsize": 8, "rng": 1}
    box = [(0.0, 0.9)] * 3
    found = scipy.optimize.differential_evolution(
        rosenbrock_fun, box, polish=scipy_method(jac=jac), **settings
    )
    theirs = scipy.optimize.differential_evolution(rosen, box, **settings)
    rough = scipy.optimize.differential_evolution(rosen, box, polish=False, **settings)
    (run,) = runs
    assert run.success and run.backend == "numba"
    assert np.array_equal(found.x, run.x) and found.fun == run.fun < rough.fun
    assert math.isclose(found.fun, theirs.fun, rel_tol=1e-6)
    assert np.allclose(found.x, theirs.x, atol=1e-4)
    assert found.nfev == rough.nfev + run.nfev


@polish
def test_differential_evolution_with_args_and_constraints(runs):
    def fun(x, a):
        return float(np.sum((x - a) ** 2))

    run = functools.partial(scipy.optimize.differential_evolution, fun, [(0, 2)] * 2, maxiter=2)
    method = scipy_method()
    found = run(args=(0.5,), polish=functools.partial(method, args=(0.5,)))
    assert runs[0].success and np.allclose(found.x, 0.5, atol=1e-6)
    with pytest.raises(ValueError, match="constraints are not supported"):
        run(
            args=(0.5,),
            constraints=LinearConstraint(np.ones((1, 2)), 0.0, 3.0),
            polish=functools.partial(method, args=(0.5,)),
        )


# -- scipy.stats -----------------------------------------------------------------------------------

SAMPLES = (
    (scipy.stats.t, (5.0,), {}),
    (scipy.stats.genextreme, (0.1,), {}),
    (scipy.stats.weibull_min, (1.7,), {"floc": 0.0}),
    (scipy.stats.beta, (2.0, 3.0), {}),
)


@pytest.mark.parametrize("method", ("momentum", "gd"))
@pytest.mark.parametrize(("dist", "shapes", "fixed"), SAMPLES, ids=lambda v: getattr(v, "name", ""))
def test_rv_fit(dist, shapes, fixed, method, runs):
    data = dist.rvs(*shapes, loc=0.0, scale=2.0, size=300, random_state=3)
    ours = dist.fit(data, optimizer=scipy_method(method).for_rv_fit, **fixed)
    theirs = dist.fit(data, **fixed)
    assert len(runs) == 1 and runs[0].success
    assert dist.nnlf(ours, data) < dist.nnlf(theirs, data) + 1e-8
    assert np.allclose(ours, theirs, rtol=5e-3, atol=5e-3)


def test_rv_fit_with_a_gradient(runs):
    def jac(theta, data):
        z = (data - theta[0]) / theta[1]
        return (
            np.array([-np.sum(np.tanh(z / 2)), data.size - np.sum(z * np.tanh(z / 2))]) / theta[1]
        )

    dist = scipy.stats.logistic  # whose own fit would not use an optimizer
    general = functools.partial(scipy.stats.rv_continuous.fit, dist)
    data = dist.rvs(loc=1.0, scale=2.0, size=300, random_state=3)
    ours = general(data, optimizer=scipy_method(jac=jac).for_rv_fit)
    assert runs[0].success and runs[0].nfev == runs[0].njev < 40
    assert np.allclose(ours, general(data), atol=1e-3)
    assert np.allclose(jac(np.array(ours), data), 0.0, atol=1e-5)


def test_rv_fit_tells_of_failure():
    data = scipy.stats.t.rvs(5.0, size=50, random_state=3)
    method = scipy_method(maxiter=2)
    ours, found = caught(scipy.stats.t.fit, data, optimizer=method.for_rv_fit)
    assert len(ours) == 3
    assert [category for category, _ in found] == [OptimizeWarning]
    assert "did not converge (status 1): Maximum number of iterations" in found[0][1]


@pytest.mark.parametrize("guess", (None, {"a": 1.0}), ids=("middle", "guess"))
@pytest.mark.parametrize("fixed", (False, True), ids=("free", "fixed"))
def test_stats_fit(guess, fixed, runs):
    data = scipy.stats.gamma.rvs(2.0, scale=3.0, size=200, random_state=1)
    bounds = {"a": (0.5, 5.0), "scale": (3.0, 3.0) if fixed else (1.0, 10.0)}
    ours = scipy.stats.fit(
        scipy.stats.gamma, data, bounds, guess=guess, optimizer=scipy_method().for_stats_fit
    )
    # Without chance, unlike the optimizer that is the default there.
    theirs = scipy.stats.gamma.fit(data, floc=0.0, **({"fscale": 3.0} if fixed else {}))
    assert ours.success and ours.message == "Optimization terminated successfully."
    assert np.allclose(ours.params, theirs, rtol=1e-4)
    assert ours.nllf() < scipy.stats.gamma.nnlf(theirs, data) + 1e-6


def test_stats_fit_on_a_bound():
    data = scipy.stats.gamma.rvs(2.0, scale=3.0, size=200, random_state=1)
    bounds = {"a": (0.5, 1.5), "scale": (1.0, 10.0)}
    ours = scipy.stats.fit(
        scipy.stats.gamma, data, bounds, optimizer=scipy_method("nesterov").for_stats_fit
    )
    assert ours.success and ours.params.a == 1.5
    assert math.isclose(ours.params.scale, data.mean() / 1.5, rel_tol=1e-6)


def test_stats_fit_needs_a_start():
    optimizer = scipy_method().for_stats_fit
    with pytest.raises(ValueError, match="bounds must be finite here"):
        optimizer(rosen, bounds=[(0.0, 2.0), (0.0, None)])
    assert optimizer(rosen, bounds=[(0.0, 2.0), (0.0, None)], x0=[0.5, 0.5]).success


def test_stats_fit_of_integers():
    dist, optimizer = scipy.stats.binom, scipy_method().for_stats_fit
    data = dist.rvs(12, 0.3, size=200, random_state=1)
    ours = scipy.stats.fit(dist, data, {"n": (12, 12), "p": (0.0, 1.0)}, optimizer=optimizer)
    assert ours.success and ours.params.n == 12
    assert math.isclose(ours.params.p, data.mean() / 12, abs_tol=1e-6)
    with pytest.raises(ValueError, match=r"integrality: x\[0\] must be an integer"):
        scipy.stats.fit(dist, data, {"n": (10, 20), "p": (0.0, 1.0)}, optimizer=optimizer)


# -- lmfit -----------------------------------------------------------------------------------------


@pytest.fixture
def decay():
    """A fit of an exponential to noisy data, as lmfit takes it: (function, parameters, data)."""
    import lmfit

    t = np.linspace(0.0, 4.0, 60)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.02 * np.random.default_rng(0).standard_normal(t.size)

    def residual(params, t, y):
        values = params.valuesdict()
        return values["a"] * np.exp(-values["k"] * t) + values["c"] - y

    params = lmfit.Parameters()
    params.add("a", 1.0, min=0.0, max=10.0)
    params.add("k", 1.0, min=0.1)
    params.add("c", 0.0)
    return residual, params, (t, y)


@pytest.mark.parametrize("bound", (False, True), ids=("inside", "on a bound"))
@pytest.mark.parametrize("method", ("momentum", "nesterov", "gd"))
def test_lmfit(method, bound, decay, runs):
    import lmfit

    residual, params, data = decay
    if bound:
        params["a"].max = 2.4
    theirs = lmfit.minimize(residual, params, args=data)
    minimizer = lmfit.Minimizer(residual, params, fcn_args=data)
    ours = minimizer.scalar_minimize(method=scipy_method(method, jac="3-point"))
    (run,) = runs
    assert run.success and run.backend == "python"
    assert math.isclose(ours.chisqr, theirs.chisqr, rel_tol=1e-6)
    for name in params:
        assert math.isclose(ours.params[name].value, theirs.params[name].value, abs_tol=1e-4)
    assert f"fitting method   = scipy_method('{method}'" in lmfit.fit_report(ours)


def test_lmfit_limits_and_tol(decay, runs):
    import lmfit

    residual, params, data = decay
    minimizer = lmfit.Minimizer(residual, params, fcn_args=data)
    stopped = minimizer.scalar_minimize(method=scipy_method(), max_nfev=20)
    assert stopped.aborted and not stopped.success and not runs
    minimizer = lmfit.Minimizer(residual, params, fcn_args=data)
    loose = minimizer.scalar_minimize(method=scipy_method(), tol=1.0)
    assert loose.success and loose.grad_norm <= 1.0
    minimizer = lmfit.Minimizer(residual, params, fcn_args=data)
    short = minimizer.scalar_minimize(method=scipy_method(), options={"maxiter": 3})
    assert not short.success and runs[-1].nit == 3


# -- statsmodels -----------------------------------------------------------------------------------


@pytest.fixture
def logit():
    import statsmodels.api

    rng = np.random.default_rng(0)
    exog = statsmodels.api.add_constant(rng.standard_normal((200, 3)) * [1.0, 2.0, 0.5])
    odds = exog @ [0.3, 1.0, -0.5, 2.0]
    endog = (rng.uniform(size=200) < 1.0 / (1.0 + np.exp(-odds))).astype(float)
    return statsmodels.api.Logit(endog, exog)


def plugged(method):
    """Keywords of statsmodels' `fit`."""
    return {
        "method": "fastmomentum",
        "extra_fit_funcs": {"fastmomentum": method.for_statsmodels},
        "disp": False,
    }


@pytest.mark.parametrize("method", METHODS)
def test_statsmodels(method, logit, runs):
    theirs = logit.fit(disp=False)
    ours = logit.fit(**plugged(scipy_method(method, gtol=1e-7, maxiter=2000)))
    assert ours.converged and ours.mle_retvals["iterations"] == runs[0].nit
    assert np.allclose(ours.params, theirs.params, atol=1e-4)
    assert np.allclose(ours.bse, theirs.bse, rtol=1e-4)
    assert "Logit Regression Results" in str(ours.summary())
    assert np.array_equal(pickle.loads(pickle.dumps(ours)).params, ours.params)


def test_statsmodels_through_scipy(logit, runs):
    given = {"method": "minimize", "min_method": scipy_method(gtol=1e-7), "disp": False}
    ours, found = caught(logit.fit, **given, maxiter=100)
    assert ours.converged and np.allclose(ours.params, logit.fit(disp=False).params, atol=1e-4)
    assert [category for category, _ in found] == [RuntimeWarning]
    assert "(hess)" in found[0][1]
    assert runs[0].nit <= 100


def test_statsmodels_keywords(logit, runs):
    bounds = [(-1.0, 0.5)] * 4
    ours = logit.fit(**plugged(scipy_method()), bounds=bounds)
    theirs = logit.fit(method="lbfgs", bounds=bounds, disp=False)
    assert ours.params.max() == 0.5 and np.allclose(ours.params, theirs.params, atol=1e-4)
    seen = []
    ours = logit.fit(**plugged(scipy_method()), callback=seen.append, retall=True)
    assert len(seen) == runs[-1].nit == len(ours.mle_retvals["allvecs"]) - 1
    assert np.array_equal(ours.mle_retvals["gopt"], runs[-1].jac)
    assert logit.fit(**plugged(scipy_method(gtol=1.0)), tol=1e-9).converged
    assert runs[-1].grad_norm <= 1e-9
    _, found = caught(logit.fit, **plugged(scipy_method()), maxcor=3)
    assert found == [(OptimizeWarning, "Unknown solver options: maxcor. Did you mean 'maxiter'?")]


def test_statsmodels_calls():
    """What some of its models and versions pass."""
    method = scipy_method("gd")
    x, report = method.for_statsmodels(rosen, None, [1.1, 1.2], (), {}, full_output=False, disp=0)
    assert report is None and np.allclose(x, 1.0, atol=1e-3)
    for bad, words in (({"constraints": [1]}, "constraints are not"), ({"gtol": -1}, "gtol must")):
        with pytest.raises(ValueError, match=words):
            method.for_statsmodels(rosen, rosen_der, [1.1, 1.2], (), bad, disp=0)


def test_statsmodels_hears_of_failure(logit, runs):
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    for keywords, n in (({"maxiter": 2}, 2), ({}, 35)):  # 35 is statsmodels' default
        with pytest.warns(ConvergenceWarning, match="failed to converge"):
            ours = logit.fit(**plugged(scipy_method("nesterov", gtol=1e-12)), **keywords)
        assert not ours.converged and runs[-1].nit == n
    # Options of the method win over that default.
    assert logit.fit(**plugged(scipy_method("nesterov", gtol=1e-7, maxiter=5000))).converged


# -- scikit-learn ----------------------------------------------------------------------------------


@pytest.fixture
def waves():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 6.0, (30, 1))
    return X, np.sin(X[:, 0]) + 0.1 * rng.standard_normal(30)


@pytest.mark.parametrize("method", ("momentum", "nesterov"))
def test_gaussian_process(method, waves, runs):
    from sklearn.base import clone
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    X, y = waves
    kernel = ConstantKernel() * RBF() + WhiteKernel(0.1)
    theirs = GaussianProcessRegressor(kernel).fit(X, y)
    model = GaussianProcessRegressor(kernel, optimizer=scipy_method(method).for_sklearn)
    ours = clone(model).fit(X, y)
    assert len(runs) == 1 and runs[0].success and runs[0].nfev == runs[0].njev
    assert np.allclose(ours.kernel_.theta, theirs.kernel_.theta, atol=1e-3)
    assert math.isclose(
        ours.log_marginal_likelihood_value_, theirs.log_marginal_likelihood_value_, abs_tol=1e-6
    )
    again = pickle.loads(pickle.dumps(ours))
    assert np.array_equal(again.predict(X), ours.predict(X))


def test_gaussian_process_with_bounds_and_restarts(waves, runs):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel

    X, y = waves
    kernel = RBF(0.5, (0.1, 1.0)) + WhiteKernel(0.1)  # the best length is 2
    given = {"n_restarts_optimizer": 2, "random_state": 0}
    optimizer = scipy_method().for_sklearn
    with pytest.warns(ConvergenceWarning, match="close to the specified upper bound"):
        theirs = GaussianProcessRegressor(kernel, **given).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="close to the specified upper bound"):
        ours = GaussianProcessRegressor(kernel, optimizer=optimizer, **given).fit(X, y)
    assert len(runs) == 3
    assert np.allclose(ours.kernel_.theta, theirs.kernel_.theta, atol=1e-3)
    assert math.isclose(ours.kernel_.theta[0], 0.0, abs_tol=1e-12)
    labels = np.where(y > 0.0, 1, 0)
    theirs = GaussianProcessClassifier(RBF()).fit(X, labels)
    ours = GaussianProcessClassifier(RBF(), optimizer=optimizer).fit(X, labels)
    assert np.allclose(ours.kernel_.theta, theirs.kernel_.theta, atol=1e-3)


def test_gaussian_process_tells_of_failure(waves):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel

    optimizer = scipy_method(maxiter=1).for_sklearn
    model = GaussianProcessRegressor(RBF() + WhiteKernel(0.1), optimizer=optimizer)
    _, found = caught(model.fit, *waves)
    assert [category for category, _ in found] == [ConvergenceWarning]
    assert "did not converge (status 1)" in found[0][1]


# -- objectives of other libraries -----------------------------------------------------------------


class OnDevice:
    """An array on a GPU, as CuPy's: NumPy may not convert it, but one number has `item`."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def item(self):
        return self.values.item()


class RequiresGrad(OnDevice):
    """As a tensor of torch that takes part in differentiation."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Convertible(OnDevice):
    """As an array of JAX, or a tensor on the CPU."""

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Float:
    """Not an array, and only `float` converts it."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


@pytest.mark.parametrize("kind", (Convertible, OnDevice, RequiresGrad, Float))
@pytest.mark.parametrize("shape", ((), (1,)))
@pytest.mark.parametrize("jac", ("pair", "jac", "2-point"))
def test_values_of_other_libraries(kind, shape, jac):
    def value(x):
        assert type(x) is np.ndarray
        f = np.sum((x - 1.0) ** 2)
        return kind(f if kind is Float else np.full(shape, f))

    def gradient(x):
        return Convertible(2.0 * (x - 1.0))

    def pair(x):
        return value(x), gradient(x)

    plain = {"pair": True, "jac": gradient}.get(jac, jac)
    found = minimize(pair if jac == "pair" else value, np.zeros(3), jac=plain)
    same = minimize(
        lambda x: float(np.sum((x - 1.0) ** 2)),
        np.zeros(3),
        jac=("2-point" if jac == "2-point" else lambda x: 2.0 * (x - 1.0)),
    )
    assert found.success and np.array_equal(found.x, same.x) and type(found.fun) is float


@pytest.mark.parametrize("kind", (OnDevice, RequiresGrad))
def test_gradients_that_cannot_be_converted(kind):
    words = "not allowed" if kind is OnDevice else "requires grad"
    with pytest.raises(
        ValueError, match=rf"jac must return 2 real numbers.* got {kind.__name__}: .*{words}"
    ) as error:
        minimize(rosen, [0.0, 0.0], jac=lambda x: kind(rosen_der(x)))
    assert isinstance(error.value.__cause__, TypeError if kind is OnDevice else RuntimeError)


@pytest.mark.parametrize("value", (OnDevice(np.ones(2)), RequiresGrad(1j), Convertible(["a"])))
def test_values_that_are_no_numbers(value):
    with pytest.raises(ValueError, match="must return a scalar value: fun returned"):
        minimize(lambda x: value, [0.0, 0.0])


EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def test_examples_are_tested():
    assert sorted(p.name for p in EXAMPLES.glob("*.py")) == [
        "cupy_objective.py",
        "jax_objective.py",
        "torch_objective.py",
    ]


@pytest.mark.parametrize("package", ("torch", "jax", "cupy"))
def test_examples(package, capsys):
    library = pytest.importorskip(package)
    if package == "cupy" and not library.cuda.is_available():
        pytest.skip("needs a CUDA device")
    runpy.run_path(str(EXAMPLES / f"{package}_objective.py"), run_name="__main__")
    assert "Optimization terminated successfully." in capsys.readouterr().out


def test_example_for_cupy_with_numpy_in_its_place(monkeypatch, capsys):
    """Its arithmetic, on machines without a GPU."""
    monkeypatch.setitem(sys.modules, "cupy", np)
    monkeypatch.setattr(np, "asnumpy", np.asarray, raising=False)
    runpy.run_path(str(EXAMPLES / "cupy_objective.py"), run_name="__main__")
    assert "Optimization terminated successfully. [0. 1. 2. 3. 4.]" in capsys.readouterr().out
