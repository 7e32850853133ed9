"""The fields of a result, after every method and every way of ending."""

import copy
import inspect
import json
import math
import pickle
import warnings

import numpy as np
import pytest
import scipy.optimize
from endings import BACKENDS, ENDINGS, METHODS, RUN_IDS, RUNS, bowl, bowl_jac, message_for
from objectives import style

import fastmomentum
from fastmomentum import Status, minimize

# As in SciPy, and what we add.
SCIPY_FIELDS = {"x", "fun", "jac", "nit", "nfev", "njev", "success", "status", "message"}
FIELDS = SCIPY_FIELDS | {"grad_norm", "learning_rate", "n_restarts", "time", "backend"}
INTS = ("nit", "nfev", "njev", "status", "n_restarts")
FLOATS = ("fun", "grad_norm", "learning_rate", "time")
# Fewer iterations where each one is kept.
SHORT = {"maxtime": {"maxtime": 0.005}}

# The attributes that the docstring promises.
DOCUMENTED = {
    name
    for line in inspect.getdoc(fastmomentum.OptimizeResult).splitlines()
    if " : " in line and not line.startswith(" ")
    for name in line.partition(" : ")[0].strip().split(", ")
}


def every_run_where(condition):
    """One test for each ending, method and backend for which the condition holds."""
    rows = [
        pytest.param(*run, id=name)
        for run, name in zip(RUNS, RUN_IDS, strict=True)
        if condition(*run)
    ]
    return pytest.mark.parametrize(("ending", "method", "backend"), rows)


every_run = every_run_where(lambda *run: True)
# Where a time limit strikes differs from one run to the next.
reproducible = every_run_where(lambda ending, *_: ending.status != Status.MAXTIME)
# The history of nesterov belongs to the look-ahead points: test_history_of_nesterov.
traced = every_run_where(
    lambda ending, method, _: ending.status != Status.MAXTIME and method != "nesterov"
)


def bowl_gradient(x):
    out = np.empty_like(x)
    bowl_jac(x, out)
    return out


def solve(x0=(0.0, 0.0, 0.0), method="momentum", jac=bowl_jac, callback=None, **options):
    options = {"learning_rate": 0.05, **options}
    return minimize(bowl, x0, method=method, jac=jac, callback=callback, options=options)


@every_run
def test_fields(ending, method, backend):
    result = ending.run(method, backend)
    assert result.status == ending.status
    assert set(result) >= FIELDS
    assert isinstance(result, fastmomentum.OptimizeResult)
    assert isinstance(result, scipy.optimize.OptimizeResult)
    assert isinstance(result, dict)
    for name in INTS:
        assert type(result[name]) is int, name
    for name in FLOATS:
        assert type(result[name]) is float, name
    assert type(result.success) is bool
    assert type(result.message) is str
    assert type(result.x) is type(result.jac) is np.ndarray
    assert result.x.dtype == result.jac.dtype == np.float64
    assert result.x.shape == result.jac.shape == (3,)
    assert result.x.flags.owndata
    assert result.x.flags.writeable
    assert result.jac.flags.owndata
    assert result.backend == backend
    assert result.time > 0.0
    assert result.n_restarts == 0
    assert 0 <= result.nit < result.nfev
    assert result.success == (result.status == 0)
    assert result.message == message_for(result)
    assert result.learning_rate == ending.options.get("learning_rate", 0.05) or result.nit == 0


def test_fields_are_documented():
    result = solve(history=True, return_all=True)
    assert FIELDS <= DOCUMENTED
    assert set(result) <= DOCUMENTED


@every_run
def test_values_belong_to_x(ending, method, backend):
    result = ending.run(method, backend)
    value, gradient = ending.evaluate(result.x)
    assert np.array_equal(result.fun, value, equal_nan=True)
    assert np.array_equal(result.jac, gradient, equal_nan=True)
    assert np.array_equal(result.grad_norm, np.linalg.norm(gradient, np.inf), equal_nan=True)
    assert np.isfinite(result.x).all()


@every_run
def test_best_point(ending, method, backend):
    """x is the lowest finite point of the history, unless the gradient test was met."""
    result = ending.run(method, backend, history=True, **SHORT.get(ending.name, {}))
    values = result.history["fun"]
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        assert result.nit == 0
        assert math.isnan(result.fun)
        return
    last = "gtol" in ending.name  # converged: the point that met the test
    assert result.fun == (values[-1] if last else finite.min())
    assert result.fun <= finite[0]


@every_run
def test_float32(ending, method, backend):
    options = {"gtol": 1e-3} if ending.name == "gtol" else {}
    result = ending.run(method, backend, dtype=np.float32, **options)
    assert result.x.dtype == result.jac.dtype == np.float32
    assert type(result.fun) is type(result.grad_norm) is float
    value, gradient = ending.evaluate(result.x)
    assert np.array_equal(result.fun, value, equal_nan=True)
    assert np.array_equal(result.jac, gradient, equal_nan=True)
    assert result.success == (result.status == 0)
    if ending.status != Status.MAXTIME:
        assert result.status == ending.status


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("how", ("returning", "in_place", "pair", "fused", "2-point", "3-point"))
def test_values_belong_to_x_in_every_style(how, backend, method):
    fun, jac = style("rosenbrock", how)
    options = {"learning_rate": 1e-3, "maxiter": 30, "backend": backend}
    result = minimize(fun, [-1.2, 1.0], jac=jac, method=method, options=options)
    value, gradient = (style("rosenbrock", "returning")[i](result.x) for i in (0, 1))
    assert result.fun == value
    exact = not isinstance(jac, str)
    assert np.allclose(result.jac, gradient, rtol=0.0 if exact else 1e-5, atol=0 if exact else 1e-4)
    assert result.grad_norm == np.linalg.norm(result.jac, np.inf)


@pytest.mark.parametrize("how", ("2-point", "3-point"))
def test_differences_scale_with_float32(how):
    fun, jac = style("rosenbrock", how)
    options = {"learning_rate": 1e-3, "maxiter": 10}
    result = minimize(fun, np.float32([-1.2, 1.0]), jac=jac, options=options)
    assert result.x.dtype == np.float32
    gradient = style("rosenbrock", "returning")[1](result.x)
    assert np.allclose(result.jac, gradient, rtol=2e-2, atol=2e-1)


# -- norms -----------------------------------------------------------------------------------------

NORMS = (np.inf, 1, 2, 3.5, -np.inf, 1.0, 20)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", METHODS)
def test_grad_norm(method, backend, norm):
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)

    result = solve(
        method=method,
        norm=norm,
        maxiter=20,
        backend=backend,
        callback=callback,
    )
    expected = np.linalg.norm(bowl_gradient(result.x), norm)
    assert result.grad_norm == pytest.approx(expected, rel=1e-14)
    assert len(seen) == 20
    for r in seen:
        expected = np.linalg.norm(bowl_gradient(r.x), norm)
        assert r.grad_norm == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
def test_norm_decides(norm, backend, watched):
    """The run ends at the first point whose norm is at most gtol."""
    callback = (lambda x: None) if watched else None
    result = solve(
        [0.0, 0.5, 3.0],
        "gd",
        norm=norm,
        gtol=1e-3,
        backend=backend,
        history=True,
        callback=callback,
    )
    assert result.success
    assert result.grad_norm <= 1e-3
    norms = result.history["grad_norm"]
    assert (norms[:-1] > 1e-3).all()
    assert norms[-1] == pytest.approx(result.grad_norm, rel=1e-14)


@pytest.mark.parametrize("norm", (1, 2, 20, -np.inf))
def test_norm_as_scipy(norm):
    """SciPy's gradient test with the same norm holds at our result, and does not before it."""
    result = solve([0.0, 0.5, 3.0], "gd", norm=norm, gtol=1e-4, return_all=True)
    theirs = scipy.optimize.minimize(
        bowl,
        result.x,
        jac=bowl_gradient,
        method="BFGS",
        options={"norm": norm, "gtol": 1e-4},
    )
    assert theirs.nit == 0
    theirs = scipy.optimize.minimize(
        bowl,
        result.allvecs[-2],
        jac=bowl_gradient,
        method="BFGS",
        options={"norm": norm, "gtol": 1e-4},
    )
    assert theirs.nit > 0


def test_norm_of_a_large_order_does_not_underflow():
    # 1e-4 to the power of 100 is 0 in float64; SciPy has the same flaw.
    result = solve([1.0 + 1e-4] * 3, "gd", learning_rate=1e-9, norm=100, gtol=1e-8, maxiter=2)
    assert not result.success
    assert result.grad_norm > 1e-8


# -- history and allvecs ---------------------------------------------------------------------------


@every_run
def test_lengths(ending, method, backend):
    extra = SHORT.get(ending.name, {})
    result = ending.run(method, backend, history=True, return_all=True, **extra)
    assert set(result) >= FIELDS | {"history", "allvecs"}
    assert set(result.history) == {"fun", "grad_norm", "learning_rate"}
    assert len(result.allvecs) == result.nit + 1
    assert result.history["fun"].shape == (result.nit + 1,)
    assert result.history["grad_norm"].shape == (result.nit + 1,)
    assert result.history["learning_rate"].shape == (result.nit,)
    assert all(a.dtype == np.float64 and a.flags.owndata for a in result.history.values())


@reproducible
def test_recording_changes_nothing(ending, method, backend):
    plain = ending.run(method, backend)
    recorded = ending.run(method, backend, history=True, return_all=True)
    for name in sorted(FIELDS - {"time"}):
        numeric = not isinstance(plain[name], str)
        assert np.array_equal(plain[name], recorded[name], equal_nan=numeric), name


@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
@traced
def test_history_is_what_happened(ending, method, backend, watched):
    """Every entry against a recomputation at the point where the gradient was taken."""
    # allvecs makes the loop stop after each iteration; without, it runs in chunks.
    points = ending.run(method, backend, return_all=True).allvecs
    result = ending.run(method, backend, history=True, return_all=watched)
    values, gradients = zip(*(ending.evaluate(x) for x in points), strict=True)
    norms = [np.linalg.norm(g, np.inf) for g in gradients]
    assert np.array_equal(result.history["fun"], values, equal_nan=True)
    # Where fun is not finite the gradient is not looked at.
    looked_at = np.isfinite(values)
    found = result.history["grad_norm"]
    assert np.array_equal(found[looked_at], np.array(norms)[looked_at], equal_nan=True)
    assert (result.history["learning_rate"] == ending.options.get("learning_rate", 0.05)).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_history_of_nesterov(backend):
    """x = theta - gamma v with v = theta_previous - theta, from the iterates in allvecs."""
    result = solve(
        method="nesterov", momentum=0.9, maxiter=40, backend=backend, history=True, return_all=True
    )
    theta = np.array(result.allvecs)
    v = np.vstack([np.zeros(3), theta[:-1] - theta[1:]])
    look_ahead = theta - 0.9 * v
    assert np.allclose(result.history["fun"], [bowl(x) for x in look_ahead], rtol=1e-12)
    norms = [np.abs(bowl_gradient(x)).max() for x in look_ahead]
    assert np.allclose(result.history["grad_norm"], norms, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_long_history(backend):
    """More rows than are kept in one chunk."""
    result = solve(
        method="gd", learning_rate=1e-7, maxiter=9_001, gtol=0.0, backend=backend, history=True
    )
    values = result.history["fun"]
    assert values.shape == (9_002,)
    assert (np.diff(values) < 0.0).all()
    assert values[0] == bowl(np.zeros(3))
    assert values[-1] == result.fun
    # 1 - x_i falls by the factor 1 - 2 (1 + i / n) rate in every iteration
    factors = 1.0 - 2e-7 * (1.0 + np.arange(3) / 3)
    k = np.array([0, 1, 4095, 4096, 4097, 8191, 8192, 9001])
    expected = [np.sum((1.0 + np.arange(3) / 3) * factors ** (2 * i)) for i in k]
    assert np.allclose(values[k], expected, rtol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
@pytest.mark.parametrize(
    "options",
    ({"maxiter": 20}, {"gtol": 1e-3}, {"maxfev": 17}, {"ftol": 1e-4}),
    ids=lambda options: next(iter(options)),
)
def test_learning_rate_is_that_of_the_last_step(backend, watched, options):
    def schedule(k):
        return 0.1 / (1.0 + 0.01 * k)

    result = solve(
        method="gd",
        learning_rate=schedule,
        history=True,
        backend=backend,
        callback=(lambda x: None) if watched else None,
        **options,
    )
    rates = [schedule(k) for k in range(result.nit)]
    assert np.array_equal(result.history["learning_rate"], rates)
    assert result.learning_rate == rates[-1]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", METHODS)
def test_allvecs(method, backend):
    seen = []
    result = solve(
        method=method,
        backend=backend,
        maxiter=12,
        return_all=True,
        callback=lambda x: seen.append(x.copy()),
    )
    assert np.array_equal(result.allvecs[0], np.zeros(3))
    assert np.array_equal(result.allvecs[1:], seen)
    assert len({id(x) for x in result.allvecs}) == 13
    assert all(type(x) is np.ndarray and x.dtype == np.float64 for x in result.allvecs)


def test_allvecs_as_scipy():
    theirs = scipy.optimize.minimize(
        bowl, np.zeros(3), jac=bowl_gradient, method="BFGS", options={"return_all": True}
    )
    ours = solve(return_all=True)
    assert type(theirs.allvecs) is type(ours.allvecs)
    assert np.array_equal(theirs.allvecs[0], ours.allvecs[0])
    assert len(theirs.allvecs) == theirs.nit + 1
    assert len(ours.allvecs) == ours.nit + 1
    assert np.array_equal(ours.allvecs[-1], ours.x)


# -- behaviour as a dict ---------------------------------------------------------------------------


def test_as_a_dict():
    result = solve(history=True)
    theirs = scipy.optimize.minimize(bowl, np.zeros(3), method="BFGS")
    assert result["x"] is result.x
    assert set(dir(result)) == set(result)
    assert set(dir(theirs)) == set(theirs)
    result.note = "mine"
    assert result["note"] == "mine"
    result["other"] = 1
    assert result.other == 1
    del result.note
    assert "note" not in result
    with pytest.raises(AttributeError, match="note"):
        _ = result.note
    with pytest.raises(AttributeError, match=r"^hess_inv$"):
        _ = result.hess_inv
    with pytest.raises(KeyError):
        del result.note
    with pytest.raises(KeyError):
        _ = result["note"]
    assert not hasattr(result, "__array__")
    assert result.get("allvecs") is None
    result.update(x=1)
    assert result.x == 1


def test_missing_attribute_as_scipy():
    theirs = scipy.optimize.OptimizeResult(x=1)
    ours = fastmomentum.OptimizeResult(x=1)
    for name in ("nope", "__array__", "__deepcopy__", "__getstate_no__"):
        assert hasattr(theirs, name) == hasattr(ours, name)
    assert repr(fastmomentum.OptimizeResult()) == repr(scipy.optimize.OptimizeResult())
    assert theirs == ours


def test_repr():
    text = repr(solve(history=True, return_all=True))
    labels = [line.partition(":")[0].strip() for line in text.splitlines()]
    for name in FIELDS | {"history", "allvecs"}:
        assert name in labels, name
    first = ["message", "success", "status", "fun", "x", "nit", "jac", "nfev", "njev"]
    assert [label for label in labels if label in first] == first
    assert "Optimization terminated successfully." in text
    assert "success: True" in text
    assert "status: 0" in text
    theirs = scipy.optimize.minimize(bowl, np.zeros(3), jac=bowl_gradient, method="BFGS")
    order = [line.partition(":")[0].strip() for line in repr(theirs).splitlines()]
    assert [label for label in order if label in first] == first


def test_repr_is_short():
    n = 1_000_000
    result = solve(np.zeros(n), maxiter=2, history=True, return_all=True)
    assert len(repr(result)) < 3_000
    assert "..." in repr(result)
    assert len(repr(solve(maxiter=500, gtol=0.0, history=True, return_all=True))) < 2_000
    with np.printoptions(threshold=10**9):
        assert len(repr(solve(np.zeros(10_000), maxiter=2, return_all=True))) < 3_000


@pytest.mark.parametrize("value", (math.nan, math.inf, -math.inf))
def test_repr_of_numbers_that_are_not_finite(value):
    result = solve(maxiter=1)
    result.update(fun=value, x=np.array([value]))
    assert f"fun: {value}" in repr(result)


# -- copies ----------------------------------------------------------------------------------------


def same(a, b):
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and np.array_equal(a, b)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    result = solve(history=True, return_all=True)
    again = pickle.loads(pickle.dumps(result, protocol))
    assert same(dict(result), dict(again))
    assert isinstance(again, fastmomentum.OptimizeResult)
    assert isinstance(again, scipy.optimize.OptimizeResult)
    assert again.success


@pytest.mark.parametrize("copier", (copy.copy, copy.deepcopy), ids=("copy", "deepcopy"))
def test_copy(copier):
    result = solve(history=True, return_all=True)
    again = copier(result)
    assert type(again) is type(result)
    assert same(dict(result), dict(again))
    assert (again.x is result.x) == (copier is copy.copy)
    again.x = None
    assert result.x is not None


def test_pickle_of_intermediate_results():
    seen = []
    solve(maxiter=3, callback=lambda intermediate_result: seen.append(intermediate_result))
    again = pickle.loads(pickle.dumps(seen))
    assert all(map(same, map(dict, seen), map(dict, again)))


def test_pickle_of_an_exception_with_its_result():
    def callback(x):
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop") as caught:
        solve(callback=callback)
    again = pickle.loads(pickle.dumps(caught.value))
    assert np.array_equal(again.result.x, caught.value.result.x)


def test_without_scipy(run_python, tmp_path):
    """Results are plain ones until scipy.optimize is imported; pickles go both ways."""
    path = tmp_path / "result.pickle"
    with_scipy = tmp_path / "with_scipy.pickle"
    try:
        with_scipy.write_bytes(pickle.dumps(solve()))
    except pickle.PicklingError:
        with_scipy.write_bytes(pickle.dumps(None))
    done = run_python(
        f"""
        import copy, json, pickle, sys
        import fastmomentum

        def fun(x):
            return float(x @ x)

        options = {{"learning_rate": 0.1}}
        result = fastmomentum.minimize(fun, [1.0], options=options)
        before = "scipy.optimize" in sys.modules
        open({str(path)!r}, "wb").write(pickle.dumps(result))
        copy.deepcopy(result)
        import scipy.optimize
        later = fastmomentum.minimize(fun, [1.0], options=options)
        loaded = pickle.loads(open({str(with_scipy)!r}, "rb").read())
        print(json.dumps([
            before,
            isinstance(result, fastmomentum.OptimizeResult),
            isinstance(later, scipy.optimize.OptimizeResult),
            isinstance(later, fastmomentum.OptimizeResult),
            isinstance(loaded, fastmomentum.OptimizeResult),
        ]))
        """
    )
    before, plain, later, ours, loaded = json.loads(done.stdout)
    assert not before, "minimize imports scipy.optimize"
    assert plain
    assert later
    assert ours
    assert loaded
    assert isinstance(pickle.loads(path.read_bytes()), fastmomentum.OptimizeResult)


# -- disp ------------------------------------------------------------------------------------------


def test_disp_as_scipy(capsys):
    theirs = scipy.optimize.minimize(
        bowl, np.zeros(3), jac=bowl_gradient, method="BFGS", options={"disp": True}
    )
    expected = capsys.readouterr().out
    ours = solve(disp=True)
    found = capsys.readouterr().out

    def numbers_out(text, result):
        for name in ("nit", "nfev", "njev"):
            text = text.replace(f": {result[name]}\n", f": <{name}>\n", 1)
        return text.replace(f"{result.fun:f}", "<fun>")

    assert numbers_out(found, ours) == numbers_out(expected, theirs)


@pytest.mark.parametrize(
    "ending", [e for e in ENDINGS if e.status != Status.MAXTIME], ids=lambda e: e.name
)
def test_disp_of_every_ending(ending, capsys):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = ending.run(ending.methods[0], "python", disp=True)
    out, err = capsys.readouterr()
    assert not err
    told = [str(w.message) for w in found if w.category is scipy.optimize.OptimizeWarning]
    lines = out.splitlines()
    assert (lines.pop(0) if result.success else told.pop()) == result.message
    assert not told
    assert lines == [
        f"         Current function value: {result.fun:f}",
        f"         Iterations: {result.nit}",
        f"         Function evaluations: {result.nfev}",
        f"         Gradient evaluations: {result.njev}",
    ]


def test_disp_of_failures_as_scipy(capsys):
    """A warning with the message, at the user's line, and the numbers in print."""

    def seen(minimize):
        with pytest.warns(scipy.optimize.OptimizeWarning) as found:
            options = {"disp": True, "maxiter": 2}
            minimize(bowl, np.zeros(3), jac=bowl_gradient, method=METHOD[minimize], options=options)
        return found, capsys.readouterr().out.splitlines()

    METHOD = {minimize: "gd", scipy.optimize.minimize: "BFGS"}
    (ours,), lines = seen(minimize)
    (_,), theirs = seen(scipy.optimize.minimize)
    assert ours.filename == __file__ and "`maxiter`" in str(ours.message)
    assert [a.split(":")[0] for a in lines] == [a.split(":")[0] for a in theirs]


def test_disp_where_warnings_are_errors():
    with pytest.raises(scipy.optimize.OptimizeWarning, match="maxiter") as error:
        solve(disp=True, maxiter=2)
    assert error.value.result.nit == 2


@pytest.mark.parametrize("disp", (False, 0, None, np.bool_(False)))
def test_silent(disp, capfd):
    solve(disp=disp)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("disp", (True, 1, 2, -1, np.bool_(True)))
def test_levels_of_disp(disp, capsys):
    solve(disp=disp)
    assert capsys.readouterr().out.count("\n") == 5
