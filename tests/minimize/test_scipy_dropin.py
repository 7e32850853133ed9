"""Code that was written for `scipy.optimize.minimize` works with ours."""

import inspect
import json
import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.optimize
from numba import njit
from objectives import rosenbrock_fun, rosenbrock_jac, sphere_fun, sphere_jac
from scipy.optimize import approx_fprime, rosen, rosen_der
from scipy_calls import BFGS, METHODS, ONES, START, quadratic, quadratic_both, quadratic_der, row_of

import fastmomentum
from fastmomentum import minimize, minimize_batch, scipy_method
from fastmomentum.jit import minimizer

FAST = ("momentum", "nesterov")
AUTOMATIC = tuple(name for name, method in fastmomentum._methods.METHODS.items() if method.loop)
FIELDS = ("x", "fun", "jac", "nit", "nfev", "njev", "success", "status", "message")


def test_signature():
    ours = inspect.signature(fastmomentum.minimize)
    theirs = inspect.signature(scipy.optimize.minimize)
    added = [name for name in ours.parameters if name not in theirs.parameters]
    assert added == ["penalty", "state", "checkpoint"]
    assert {ours.parameters[name].kind.name for name in added} == {"KEYWORD_ONLY"}
    assert list(ours.parameters) == [*theirs.parameters, *added]
    for name, parameter in theirs.parameters.items():
        assert ours.parameters[name].default == parameter.default, name
        assert ours.parameters[name].kind == parameter.kind, name


# -- calls as people write them --------------------------------------------------------------------


def booth(x):
    return (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2


def of_one_variable(x):
    return (x - 3.0) ** 2 + 1.0


def logcosh(x):
    return np.log(np.cosh(x - 1.0)).sum()


def matrix_form(x, matrix, b):
    return 0.5 * x @ matrix @ x - b @ x


def matrix_form_der(x, matrix, b):
    return matrix @ x - b


class Model:
    """An objective with data, as in many scripts."""

    def __init__(self):
        t = np.linspace(0.0, 1.0, 20)
        self.t, self.y = t, 1.5 - 0.7 * t

    def loss(self, p, scale=1.0):
        return scale * np.mean((p[0] + p[1] * self.t - self.y) ** 2)

    def __call__(self, p):
        return self.loss(p)


MATRIX = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 4.0]])
VECTOR = np.array([1.0, -2.0, 0.5])
ROSEN_OPTIONS = {"learning_rate": 3e-4, "momentum": 0.95, "maxiter": 40_000}


class Call(NamedTuple):
    """Arguments for either minimize; `ours` are options that only ours has."""

    name: str
    args: tuple
    keywords: dict[str, Any] = {}  # noqa: RUF012
    ours: dict[str, Any] = {}  # noqa: RUF012
    atol: float = 1e-4
    methods: tuple[str, ...] = METHODS


CALLS = (
    Call("plain", (quadratic, ONES)),
    Call("x0 a list", (quadratic, [1, 2, 3])),
    Call("x0 a float", (of_one_variable, 0.0)),
    Call("x0 0-d", (of_one_variable, np.array(5.0))),
    Call("fun of a size-1 array", (of_one_variable, [0.0])),
    Call("args a tuple", (quadratic, ONES, (3.0, -1.0))),
    Call("args a number", (quadratic, ONES, 3.0)),
    Call("args by name", (quadratic, ONES), {"args": (1.0, 4.0)}),
    Call("args arrays", (matrix_form, np.zeros(3), (MATRIX, VECTOR))),
    Call(
        "args arrays and jac",
        (matrix_form, np.zeros(3)),
        {"args": (MATRIX, VECTOR), "jac": matrix_form_der},
    ),
    Call("jac callable", (quadratic, ONES), {"jac": quadratic_der}),
    Call("jac and args", (quadratic, ONES, (4.0, 0.5)), {"jac": quadratic_der}),
    Call("jac True", (quadratic_both, ONES), {"jac": True}),
    Call("jac True and args", (quadratic_both, ONES, (1.0, 2.0)), {"jac": True}),
    Call("jac False", (quadratic, ONES), {"jac": False}),
    Call("jac None", (quadratic, ONES), {"jac": None}),
    Call("jac 2-point", (quadratic, ONES), {"jac": "2-point"}),
    Call("jac 3-point", (logcosh, np.zeros(2)), {"jac": "3-point"}),
    Call("jac cs", (logcosh, np.zeros(2)), {"jac": "cs"}),
    Call(
        "jac a lambda",
        (booth, [0.0, 0.0]),
        {"jac": lambda x: approx_fprime(x, booth)},
        {"learning_rate": 0.02},
    ),
    Call("lambda", (lambda x: float((x[0] - 2) ** 2), [0.0])),
    Call("partial", (partial(quadratic, a=1.5, shift=2.0), ONES)),
    Call("bound method", (Model().loss, [0.0, 0.0])),
    Call("bound method and args", (Model().loss, [0.0, 0.0], (2.0,))),
    Call("callable object", (Model(), [0.0, 0.0])),
    # Plain gradient descent takes too many iterations along the valley.
    Call("rosen", (rosen, START), {"jac": rosen_der}, ROSEN_OPTIONS, 1e-4, FAST),
    Call(
        "rosen, differences",
        (rosen, START),
        {"options": {"gtol": 1e-4}},
        ROSEN_OPTIONS,
        2e-3,
        FAST,
    ),
    Call("compiled", (sphere_fun, np.zeros(4)), {"jac": sphere_jac}),
    Call("compiled, differences", (sphere_fun, np.zeros(4))),
    Call(
        "compiled rosenbrock",
        (rosenbrock_fun, START),
        {"jac": rosenbrock_jac},
        ROSEN_OPTIONS,
        1e-4,
        FAST,
    ),
    Call("tol", (quadratic, ONES), {"tol": 1e-8, "jac": quadratic_der}, {}, 1e-7),
    Call("maxiter", (quadratic, ONES), {"options": {"maxiter": 2000}}),
    Call("gtol", (quadratic, ONES), {"jac": quadratic_der, "options": {"gtol": 1e-9}}, {}, 1e-8),
    Call("norm", (quadratic, ONES), {"options": {"gtol": 1e-5, "norm": 2}}),
    Call("disp", (quadratic, ONES), {"options": {"disp": True}}),
    Call("return_all", (quadratic, ONES), {"options": {"return_all": True}}),
    Call("callback", (quadratic, ONES), {"callback": lambda xk: None}),
    Call("callback of a result", (quadratic, ONES), {"callback": lambda intermediate_result: None}),
    Call(
        "all by name",
        (),
        {
            "fun": quadratic,
            "x0": ONES,
            "args": (),
            "jac": quadratic_der,
            "hess": None,
            "hessp": None,
            "bounds": None,
            "constraints": (),
            "tol": None,
            "callback": None,
            "options": None,
        },
    ),
    Call(
        "all by position",
        (quadratic, ONES, (), None, quadratic_der, None, None, None, (), 1e-6, None, None),
    ),
)


def call_ours(row, method="momentum"):
    """The call as it is written, with a learning rate (and a method)."""
    return call_with(row, method, {"learning_rate": 0.1, **row.ours})


def call_with(row, method, more):
    """The call as it is written, with a method, and with more options."""
    arguments = inspect.signature(minimize).bind(*row.args, **row.keywords).arguments
    options = {**more, **(arguments.pop("options", None) or {})}
    arguments["method"] = method
    return minimize(**arguments, options=options)


@pytest.mark.parametrize(
    ("row", "method"),
    [pytest.param(row, m, id=f"{row.name}-{m}") for row in CALLS for m in row.methods],
)
def test_call(row, method, capsys):
    theirs = scipy.optimize.minimize(*row.args, **row.keywords)
    ours = call_ours(row, method)
    assert ours.success, ours
    assert np.allclose(ours.x, theirs.x, rtol=0.0, atol=row.atol + 1e-5)
    assert math.isclose(ours.fun, theirs.fun, rel_tol=1e-5, abs_tol=1e-5)
    assert set(FIELDS) <= set(ours)
    for name in FIELDS:
        found, expected = ours[name], theirs[name]
        if isinstance(expected, np.ndarray):
            assert found.shape == expected.shape, name
            assert found.dtype == expected.dtype, name
        elif name == "fun":
            assert isinstance(found, float)
        else:
            assert type(found) is type(expected), name
    assert ours.message == theirs.message
    assert ours.status == theirs.status == 0
    assert ("allvecs" in ours) == ("allvecs" in theirs)


@pytest.mark.parametrize("method", AUTOMATIC)
@pytest.mark.parametrize("row", CALLS, ids=lambda row: row.name)
def test_call_with_nothing_but_a_method(row, method, capsys):
    """No learning rate, as in SciPy."""
    theirs = scipy.optimize.minimize(*row.args, **row.keywords)
    ours = call_with(row, method, {})
    assert ours.success, ours
    assert np.allclose(ours.x, theirs.x, rtol=0.0, atol=row.atol + 1e-5)
    assert math.isclose(ours.fun, theirs.fun, rel_tol=1e-5, abs_tol=1e-5)


def test_method_none_is_the_default():
    for keywords in ({}, {"method": None}):
        result = minimize(
            quadratic, ONES, jac=quadratic_der, options={"learning_rate": 0.1}, **keywords
        )
        named = minimize(
            quadratic, ONES, method="momentum", jac=quadratic_der, options={"learning_rate": 0.1}
        )
        assert np.array_equal(result.x, named.x)
        assert result.nit == named.nit


def test_nothing_but_the_two_arguments():
    """The most common call: no method, no options."""
    result = minimize(rosen, np.array(START))
    theirs = scipy.optimize.minimize(rosen, np.array(START))
    assert result.success
    assert np.allclose(result.x, theirs.x, atol=5e-3)
    assert result.fun < 1e-6


# -- tol -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_tol(method):
    def run(tol=None, **options):
        return minimize(
            quadratic,
            ONES,
            jac=quadratic_der,
            method=method,
            tol=tol,
            options={"learning_rate": 0.1, **options},
        )

    loose, tight = run(1e-2), run(1e-8)
    assert loose.nit < run().nit < tight.nit
    for tol, found in ((1e-2, loose), (1e-8, tight)):
        same = run(gtol=tol)
        assert found.grad_norm <= tol
        assert (found.nit, found.fun) == (same.nit, same.fun)
    # The option wins.
    assert run(1e-2, gtol=1e-8).nit == tight.nit
    assert run(1e-8, gtol=1e-2).nit == loose.nit
    # And None is no option.
    assert run(1e-2, gtol=None).nit == loose.nit
    assert run(np.float32(1e-2)).nit == loose.nit
    assert run(0, maxiter=30).status == 1
    assert run(1).nit < loose.nit


@pytest.mark.parametrize(("tol", "gtol"), ((1e-2, 1e-8), (1e-8, 1e-2)))
def test_options_win_over_tol_as_in_scipy(tol, gtol):
    """Whichever is smaller."""
    theirs = scipy.optimize.minimize(
        rosen, START, jac=rosen_der, method="BFGS", tol=tol, options={"gtol": gtol}
    )
    ours = minimize(rosen, START, jac=rosen_der, tol=tol, options={**ROSEN_OPTIONS, "gtol": gtol})
    for result in (theirs, ours):
        norm = np.abs(rosen_der(result.x)).max()
        assert result.success
        assert (norm <= 1e-8) == (gtol == 1e-8)
        assert norm <= gtol


# -- compiled objectives with SciPy ----------------------------------------------------------------


@njit(cache=True)
def weighted(x, a, b):
    total = 0.0
    for i in range(x.size):
        total += a[i] * (x[i] - b) * (x[i] - b)
    return total


@njit(cache=True)
def weighted_jac(x, a, b):
    return 2.0 * a * (x - b)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("jac", (weighted_jac, "2-point", None), ids=("jac", "2-point", "None"))
def test_one_compiled_objective_for_both(jac, method):
    args = (np.array([1.0, 2.0, 3.0]), 0.25)
    theirs = scipy.optimize.minimize(weighted, np.zeros(3), args=args, jac=jac, method="CG")
    ours = minimize(
        weighted, np.zeros(3), args=args, jac=jac, method=method, options={"learning_rate": 0.1}
    )
    assert ours.backend == "numba"
    assert ours.success
    assert np.allclose(ours.x, theirs.x, atol=1e-5)
    assert np.allclose(ours.x, 0.25, atol=1e-5)


def test_result_feeds_scipy():
    """x of ours as x0 of theirs, and the other way round."""
    rough = minimize(rosen, START, jac=rosen_der, options={**ROSEN_OPTIONS, "maxiter": 50})
    assert not rough.success
    polished = scipy.optimize.minimize(rosen, rough.x, jac=rosen_der, method="BFGS")
    assert polished.success
    again = minimize(rosen, polished.x, jac=rosen_der, options=ROSEN_OPTIONS)
    assert again.success
    assert again.nit == 0
    assert np.array_equal(again.x, polished.x)


def test_differences_are_scipys():
    """The 2-point gradient at x0 agrees with SciPy's to rounding of the differences."""
    x0 = np.array([-1.2, 1.0, 0.3])
    for jac, rtol in (("2-point", 1e-6), ("3-point", 1e-8), ("cs", 1e-12)):
        theirs = scipy.optimize.minimize(rosen, x0, jac=jac, method="BFGS", options={"maxiter": 0})
        for fun in (rosen, rosenbrock_fun) if jac != "cs" else (rosen,):
            ours = minimize(fun, x0, jac=jac, options={"learning_rate": 1e-3, "maxiter": 0})
            assert np.allclose(ours.jac, theirs.jac, rtol=rtol, atol=0.0)
            assert ours.nit == theirs.nit == 0
            assert ours.status == theirs.status == 1


def test_calls_of_differences_count_as_in_scipy():
    """n + 1 calls of fun for each 2-point gradient, 2 n + 1 for each 3-point one."""
    for jac, cost in (("2-point", 4), ("3-point", 7), ("cs", 4)):
        calls = []

        def fun(x, calls=calls):
            calls.append(1)
            return np.sum((x - 1.0) ** 2)

        ours = minimize(fun, np.zeros(3), jac=jac, options={"learning_rate": 0.1, "maxiter": 5})
        # A complex step is compared with differences once, at x0.
        check = 6 if jac == "cs" else 0
        assert 6 * cost <= ours.nfev <= 6 * cost + check
        assert ours.nfev == len(calls)
        assert 6 <= ours.njev <= 6 + (jac == "cs")


def test_same_status_and_success_for_the_same_ends():
    def stop(xk):
        raise StopIteration

    for keywords in ({"options": {"maxiter": 2}}, {"callback": stop}, {"tol": 1e9}):
        theirs = scipy.optimize.minimize(rosen, START, jac=rosen_der, method="BFGS", **keywords)
        options = {**ROSEN_OPTIONS, **keywords.get("options", {})}
        ours = minimize(rosen, START, jac=rosen_der, **{**keywords, "options": options})
        assert (ours.status, ours.success) == (theirs.status, theirs.success)
        assert ours.nit == theirs.nit
        assert ours.message.startswith(theirs.message)


@pytest.mark.parametrize("error", (ZeroDivisionError, ValueError, KeyError))
def test_exceptions_of_fun_propagate_as_in_scipy(error):
    def fun(x):
        raise error("mine")

    for function in (minimize, partial(scipy.optimize.minimize, method="BFGS")):
        with pytest.raises(error, match="mine"):
            function(fun, [1.0])


def test_order_of_calls_at_x0_as_in_scipy():
    """fun sees x0 first, and an array of its own."""
    for function in (minimize, partial(scipy.optimize.minimize, method="BFGS")):
        seen = []

        def fun(x, seen=seen):
            seen.append(x)
            return float(np.sum((x - 1.0) ** 2))

        x0 = np.zeros(2)
        function(fun, x0, jac=lambda x: 2.0 * (x - 1.0), options={"maxiter": 1})
        assert np.array_equal(seen[0], [0.0, 0.0])
        assert not np.shares_memory(seen[0], x0)
        assert np.array_equal(x0, [0.0, 0.0])


def test_import_line_is_all_that_changes(run_python):
    """A script for SciPy, with its import replaced and nothing else."""
    script = """
        import json
        import numpy as np
        from {module} import minimize

        def cost(p, t, y):
            return np.sum((y - p[0] * np.exp(-p[1] * t)) ** 2)

        t = np.linspace(0, 4, 30)
        y = 2.5 * np.exp(-1.3 * t)
        res = minimize(cost, x0=[1.0, 1.0], args=(t, y))
        print(json.dumps([res.success, res.status, res.x.tolist(), float(res.fun)]))
    """
    found = [
        json.loads(run_python(script.replace("{module}", module)).stdout)
        for module in ("scipy.optimize", "fastmomentum")
    ]
    for success, status, x, _ in found:
        assert success
        assert status == 0
        assert np.allclose(x, [2.5, 1.3], atol=1e-4)


# -- limits, sentences, and nothing ----------------------------------------------------------------


def test_limits_that_are_no_integers():
    for maxiter in (0.0, 2.2, 3.0, np.float32(1.5)):
        theirs, ours = (
            function(rosen, START, jac=rosen_der, options={"maxiter": maxiter})
            for function in (BFGS, minimize)
        )
        assert ours.nit == theirs.nit == math.ceil(maxiter)
    for maxfev in (1.9, 7.5):
        found = minimize(rosen, START, jac=rosen_der, options={"maxfev": maxfev})
        assert found.nfev == math.floor(maxfev)
    solve = minimizer(rosenbrock_fun, jac=rosenbrock_jac, options={"maxiter": 2.2})
    assert solve(np.array(START)).nit == 3


@pytest.mark.parametrize(
    ("x0", "bounds"),
    (
        (np.ones((2, 1)), None),
        (ONES, scipy.optimize.Bounds([1, 2], [3, 4])),
        (ONES, [(1, 2)] * 2),
        (ONES, scipy.optimize.Bounds([1, 6, 1], [3, 4, 2])),
        (ONES, [(1, 2), (2, 1), (0, 1)]),
    ),
)
def test_scipys_sentence_is_in_the_error(x0, bounds):
    with pytest.raises(ValueError, match=r".") as theirs:
        scipy.optimize.minimize(quadratic, x0, bounds=bounds, method="Nelder-Mead")
    with pytest.raises(ValueError, match=r"^(x0|bounds) must .*, got ") as ours:
        minimize(quadratic, x0, bounds=bounds)
    assert str(theirs.value).rstrip(".") in str(ours.value)


@pytest.mark.parametrize("nothing", ([], (), {}, np.empty((0, 2)), None), ids=repr)
def test_nothing_is_no_bounds_and_no_constraints(nothing):
    plain = minimize(quadratic, ONES, jac=quadratic_der)
    for found in (
        minimize(quadratic, ONES, jac=quadratic_der, bounds=nothing, constraints=nothing),
        scipy_method()(quadratic, ONES, jac=quadratic_der, bounds=nothing, constraints=nothing),
        row_of(minimize_batch(quadratic, [ONES], jac=quadratic_der, bounds=nothing), 0),
    ):
        assert np.array_equal(found.x, plain.x)
        assert found.nfev == plain.nfev
    optimizer = fastmomentum.Optimizer(None, ONES, bounds=nothing)
    while optimizer.step(quadratic_both):
        pass
    assert np.array_equal(optimizer.x, plain.x)
    solve = minimizer(rosenbrock_fun, jac=rosenbrock_jac, bounds=nothing)
    assert solve(np.array(START)).success
