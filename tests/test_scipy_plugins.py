"""`scipy_method` inside the packages that take a minimizer."""

import functools
import math
import pickle

import numpy as np
import pytest
import scipy
import scipy.optimize
import scipy.stats
from objectives import rosenbrock_fun, rosenbrock_fused, rosenbrock_jac, style
from plugged import BOX, METHODS, START, caught
from scipy.optimize import LinearConstraint, OptimizeWarning, rosen, rosen_der

import fastmomentum
from fastmomentum import scipy_method

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


def rastrigin(x):
    return float(np.sum(x * x - 10.0 * np.cos(2.0 * np.pi * x)) + 10.0 * x.size)


def rastrigin_der(x):
    return 2.0 * x + 20.0 * np.pi * np.sin(2.0 * np.pi * x)


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
