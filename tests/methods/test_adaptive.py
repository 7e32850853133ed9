"""The adaptive methods: bits of the papers' loops, closed forms, PyTorch, options."""

import json
import math
import pathlib
import re

import numpy as np
import objectives
import pytest
import reference
from constants import WITH_CONSTANTS, other_constants, outside
from processes import run_here, run_python

from fastmomentum import minimize, schedules, show_options
from fastmomentum._methods import METHODS

TRACES = json.loads(
    (pathlib.Path(__file__).parents[1] / "data" / "torch_adaptive.json").read_text(encoding="utf-8")
)["traces"]
SMALLEST = {"beta1": 0.0, "beta2": 0.0, "rho": 0.0}

both_dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])
both_paths = pytest.mark.parametrize("backend", ["numba", "python"])
every_method = pytest.mark.parametrize("method", WITH_CONSTANTS)


def problem(n, dtype, rng):
    """x0, args and the gradient of a quadratic with curvatures in [0.1, 1]."""
    d = rng.uniform(0.1, 1.0, n).astype(dtype)
    b = rng.standard_normal(n).astype(dtype)
    x0 = (3.0 * rng.standard_normal(n)).astype(dtype)
    return x0, (d, b), lambda x: d * x - b


def run(method, x0, args, steps, rate, callback=None, **options):
    fun, jac = objectives.style("quadratic", "fused")
    options = {"learning_rate": rate, "maxiter": steps, "gtol": 0.0, **options}
    return minimize(fun, x0, args=args, jac=jac, method=method, options=options, callback=callback)


# -- the same bits as the papers' loops ------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 8, 9, 33, 1000])
@both_dtypes
@both_paths
@every_method
def test_iterates_with_other_parameters(method, backend, dtype, n, rng):
    x0, args, gradient = problem(n, dtype, rng)
    own = other_constants(method)
    res = run(
        method, x0, args, 40, 0.07, callback=lambda x: None,
        return_all=True, backend=backend, **own,
    )  # fmt: skip
    expected = reference.iterates(method, gradient, x0, 0.07, 0.0, 40, **own)[0]
    assert len(res.allvecs) == 41
    for k, (a, b) in enumerate(zip(res.allvecs, expected, strict=True)):
        assert a.dtype == dtype
        assert np.array_equal(a, b), f"iteration {k} differs by {np.abs(a - b).max()}"


@both_dtypes
@every_method
def test_decays_of_zero(method, dtype, rng):
    """No memory at all is allowed: beta1 = beta2 = rho = 0."""
    x0, args, gradient = problem(5, dtype, rng)
    own = {name: SMALLEST[name] for name in METHODS[method].parameter_names if name in SMALLEST}
    res = run(method, x0, args, 30, 0.05, return_all=True, **own)
    expected = reference.iterates(method, gradient, x0, 0.05, 0.0, 30, **own)[0]
    assert np.array_equal(res.allvecs, expected)


@both_dtypes
@every_method
def test_cuts_of_the_run_do_not_matter(method, dtype, rng):
    """What is carried from step to step survives chunks, callbacks and calls back to Python."""
    steps = 3000
    x0, args, gradient = problem(9, dtype, rng)
    rates = schedules.InverseTime(0.1, 0.01)
    numbers = rates(np.arange(steps + 1))
    expected = reference.iterates(method, gradient, x0, numbers, 0.0, steps)[0]
    seen = []
    ways = {
        "plain": {},
        "python": {"backend": "python"},
        "history": {"history": True},
        "list": {"learning_rate": lambda k: numbers[k]},
        "callback": {"callback": seen.append},
        "result": {"callback": lambda intermediate_result: None},
        "norm": {"norm": 2},
    }
    values = [objectives.quadratic_fun(x, *args) for x in expected]
    best = int(np.argmin(values))
    for way, options in ways.items():
        res = run(method, x0, args, steps, rates, **{"backend": "numba", **options})
        if res.nit == steps:
            assert np.array_equal(res.x, expected[best]), way
            assert res.fun == values[best], way
        else:  # the gradient is exactly zero
            assert res.grad_norm == 0.0 and np.array_equal(res.x, expected[res.nit]), way
    for a, b in zip(seen, expected[1:], strict=False):
        assert np.array_equal(a, b)
    for cut in (1, 2, 63, 64, 65, 1000):
        res = run(method, x0, args, cut, rates)
        assert res.fun == min(values[: cut + 1])


def test_without_numba_float32_has_the_same_bits():
    """As Python, math.sqrt gives a float64: rounded to float32 it is the same number."""
    code = """
    import sys
    import numpy as np, objectives
    from cases import METHODS, PROBLEMS, options_of
    from fastmomentum import minimize
    x0, args = PROBLEMS["quadratic"].in_dtype(np.float32)
    fun, jac = objectives.style("quadratic", "fused")
    for method in METHODS:
        options = options_of(method, maxiter=50, learning_rate=0.03)
        res = minimize(fun, x0, args=args, jac=jac, method=method, options=options)
        assert res.x.dtype == np.float32
        sys.stdout.write(f"{method} {res.x.tobytes().hex()} {res.nit}\\n")
    """
    compiled = run_here(code)
    assert len(compiled.splitlines()) == len(METHODS)
    assert compiled == run_python(code, env={"NUMBA_DISABLE_JIT": "1"}).stdout


# -- closed forms ----------------------------------------------------------------------------------


# x0 - x1 by hand, in units of the rate: of the gradient g at x0, with its sign and size.
FIRST_STEPS = {
    "adam": lambda g, sign, size, c: sign * size / (size + c["epsilon"]),
    "adamax": lambda g, sign, size, c: sign,
    "adagrad": lambda g, sign, size, c: sign * size / (size + c["epsilon"]),
    "rmsprop": lambda g, sign, size, c: g / (np.sqrt(1.0 - c["rho"]) * size + c["epsilon"]),
    "adadelta": lambda g, sign, size, c: (
        np.sqrt(c["epsilon"] / ((1.0 - c["rho"]) * g**2 + c["epsilon"])) * g
    ),
    "amsgrad": lambda g, sign, size, c: (
        (1.0 - c["beta1"]) * g / (np.sqrt(1.0 - c["beta2"]) * size + c["epsilon"])
    ),
    "nadam": lambda g, sign, size, c: (
        (1.0 + 2.0 * c["beta1"]) / (1.0 + c["beta1"]) * g / (size + c["epsilon"])
    ),
    "adamw": lambda g, sign, size, c: sign * size / (size + c["epsilon"]),
}


@both_dtypes
@both_paths
@pytest.mark.parametrize("method", FIRST_STEPS)
def test_first_step(method, backend, dtype):
    """For Adam, AdaMax and Adagrad of size learning_rate in each variable, whatever g is."""
    g = np.array([1e-3, -2.0, 5e3, -0.1, 7.0], dtype)
    args = (np.zeros(5, dtype), -g)  # a linear function
    own = {p.name: p.default for p in METHODS[method].constants}
    res = run(method, np.zeros(5, dtype), args, 1, 0.01, backend=backend, return_all=True)
    wide = g.astype(np.float64)
    expected = 0.01 * FIRST_STEPS[method](wide, np.sign(wide), np.abs(wide), own)
    # 1 - beta2, of beta2 rounded to the dtype, is no closer to 0.001 than this.
    tolerance = 8 * np.finfo(dtype).eps
    if method in ("rmsprop", "adadelta", "amsgrad"):
        tolerance += np.finfo(dtype).eps / (1.0 - own.get("beta2", 0.999))
    np.testing.assert_allclose(-res.allvecs[1], expected, rtol=tolerance)
    if method in ("adam", "adamax", "adagrad", "adamw"):
        np.testing.assert_allclose(-res.allvecs[1], 0.01 * np.sign(g), rtol=2e-5)


@pytest.mark.parametrize("method", ["adam", "adamax", "adagrad"])
def test_steps_do_not_depend_on_the_unit_of_fun(method, rng):
    """Multiplied by a power of two, fun has the same iterates, but for epsilon."""
    x0, (d, b), _ = problem(6, np.float64, rng)
    own = {} if method == "adamax" else {"epsilon": 1e-300}
    plain = run(method, x0, (d, b), 50, 0.1, return_all=True, **own)
    scaled = run(method, x0, (1024.0 * d, 1024.0 * b), 50, 0.1, return_all=True, **own)
    assert np.array_equal(plain.allvecs, scaled.allvecs)


def test_adam_on_a_constant_gradient():
    """m' = g and v' = g**2 in every step: x moves by learning_rate each time."""
    k = np.arange(2001)
    for method in ("adam", "adamax"):
        own = {} if method == "adamax" else {"epsilon": 1e-300}
        res = run(
            method, [5.0], (np.zeros(1), np.array([-3.0])), 2000, 0.01, return_all=True, **own
        )
        np.testing.assert_allclose(np.ravel(res.allvecs), 5.0 - 0.01 * k, atol=1e-9)


def test_adagrad_on_a_constant_gradient():
    """The steps are learning_rate / sqrt(t)."""
    res = run("adagrad", [5.0], (np.zeros(1), np.array([-3.0])), 500, 0.1, return_all=True)
    expected = 5.0 - 0.1 * np.concatenate([[0.0], np.cumsum(1.0 / np.sqrt(np.arange(1, 501)))])
    np.testing.assert_allclose(np.ravel(res.allvecs), expected, rtol=1e-10)


def test_decay_is_decoupled_from_the_gradient():
    """A variable without a gradient decays by 1 - learning_rate * weight_decay per step."""
    args = (np.array([0.0, 1.0]), np.zeros(2))
    res = run("adamw", [2.0, 3.0], args, 100, 0.1, weight_decay=0.2, return_all=True)
    found = np.array(res.allvecs)[:, 0]
    np.testing.assert_allclose(found, 2.0 * 0.98 ** np.arange(101), rtol=1e-12)


def test_adamw_without_decay_is_adam(rng):
    x0, args, _ = problem(7, np.float64, rng)
    plain = run("adam", x0, args, 40, 0.05, return_all=True)
    other = run("adamw", x0, args, 40, 0.05, weight_decay=0.0, return_all=True)
    np.testing.assert_allclose(other.allvecs, plain.allvecs, rtol=1e-10, atol=1e-13)


@both_dtypes
@both_paths
@every_method
def test_variables_without_a_gradient_stay(method, backend, dtype):
    """0 / 0 would be NaN in AdaMax, which has no epsilon."""
    d = np.array([0.0, 1.0, 0.0], dtype)
    x0 = np.array([2.0, 3.0, -1.0], dtype)
    own = {"weight_decay": 0.0} if method == "adamw" else {}
    res = run(method, x0, (d, np.zeros(3, dtype)), 50, 0.1, backend=backend, **own)
    assert np.array_equal(res.x[[0, 2]], x0[[0, 2]])
    assert res.fun < objectives.quadratic_fun(x0, d, np.zeros(3, dtype))


@pytest.mark.parametrize("method", ["adam", "adamw", "nadam", "adamax"])
def test_a_run_does_not_end_while_the_bias_changes(method):
    """Steps that round to nothing end it only once the next ones would be the same."""
    x0 = np.array([1e9], np.float32)
    args = (np.zeros(1, np.float32), np.array([-1.0], np.float32))
    own = {"beta1": 0.0, "beta2": 0.0}
    if method == "adamw":
        own["weight_decay"] = 0.0
    assert run(method, x0, args, 10_000, 1e-3, **own).status == 2
    assert run(method, x0, args, 10_000, 1e-3, **own).nit <= 2
    own["beta1"] = 0.9
    res = run(method, x0, args, 10_000, 1e-3, **own)
    assert res.status == 2
    # 1 - beta1**t rounds to 1 in float32.
    assert math.log(2.0**-25) / math.log(0.9) - 2 <= res.nit <= 300


# -- PyTorch ---------------------------------------------------------------------------------------


def test_there_are_traces_of_torch():
    assert {trace["method"] for trace in TRACES} == set(FIRST_STEPS)


@pytest.mark.parametrize("trace", TRACES, ids=lambda t: f"{t['method']}-{t['torch']['lr']}")
def test_iterates_are_those_of_torch(trace):
    """Up to the order of the operations; `note` has what must be set for the same variant."""
    method, options = trace["method"], dict(trace["options"])
    rate = options.pop("learning_rate")
    if method == "amsgrad":  # PyTorch corrects the bias, this rule does not
        eta, beta1, beta2 = rate, options["beta1"], options["beta2"]

        def rate(k):
            return eta * math.sqrt(1.0 - beta2 ** (k + 1)) / (1.0 - beta1 ** (k + 1))

    expected = np.array(trace["iterates"])
    args = (np.array(trace["d"]), np.array(trace["b"]))
    res = run(
        method, np.array(trace["x0"]), args, len(expected) - 1, rate, return_all=True, **options
    )
    np.testing.assert_allclose(res.allvecs, expected, rtol=1e-12, atol=1e-12)


# -- options ---------------------------------------------------------------------------------------


def solve(method, **options):
    fun, jac = objectives.style("sphere", "fused")
    return minimize(fun, np.full(2, 3.0), jac=jac, method=method, options=options)


def test_adamw_has_no_automatic_rate():
    """Its decay of x is no gradient, so that there is nothing that a line search could lower."""
    for options in ({}, {"learning_rate": "auto"}, {"beta2": 0.9}):
        with pytest.raises(ValueError, match="'adamw' has no automatic learning rate") as error:
            solve("adamw", **options)
        for name in METHODS:
            assert repr(name) in str(error.value)
        assert str(error.value).count("'adamw'") == 1
    assert solve("adamw", learning_rate=0.1, maxiter=3).nit <= 3


@pytest.mark.parametrize("name", ("beta1", "memory"))
@every_method
def test_options_that_a_kind_of_rate_does_not_use_are_errors(method, name):
    """beta1 is of a given rate, whose place the momentum takes; memory is of the automatic one."""
    if name not in METHODS[method].parameter_names:
        with pytest.raises(ValueError, match=f"method '{method}' has no option '{name}'"):
            solve(method, learning_rate=0.1, **{name: 0.5})
    elif name == "memory":
        with pytest.raises(ValueError, match=r"^memory is an option of learning_rate='auto' only"):
            solve(method, learning_rate=0.1, memory=3)
    elif method != "adamw":
        for options in ({"beta1": 0.5}, {"beta1": 0.9}, {"beta1": 0.5, "learning_rate": "auto"}):
            with pytest.raises(ValueError, match=r"^beta1 is not used with learning_rate='auto'"):
                solve(method, **options)


RANGES = {
    "beta1": (r"\[0, 1\)", (-0.1, 1.0, math.nan, math.inf)),
    "beta2": (r"\[0, 1\)", (-0.1, 1.0, 2, math.nan)),
    "rho": (r"\[0, 1\)", (-1e-9, 1.0, math.nan)),
    "epsilon": (r"\(0, inf\)", (0.0, -1e-8, math.inf, math.nan)),
    "weight_decay": (r"\[0, inf\)", (-0.01, math.inf, math.nan)),
}


@pytest.mark.parametrize(
    ("method", "name"),
    [(m, p.name) for m in WITH_CONSTANTS for p in METHODS[m].constants],
)
def test_parameters_are_checked(method, name):
    (parameter,) = (p for p in METHODS[method].constants if p.name == name)
    others = re.escape(parameter.interval), outside(parameter)
    interval, values = RANGES.get(name, others)
    assert len(values) > 1
    for value in values:
        with pytest.raises(ValueError, match=rf"^{name} must be in {interval}, got ") as error:
            solve(method, learning_rate=0.1, **{name: value})
        assert str(error.value).endswith(f"got {value!r}.")
    rule = rf"^{name} must be a number in {interval}, got "
    with pytest.raises(ValueError, match=rf"{rule}'auto'\.$"):
        solve(method, learning_rate=0.1, **{name: "auto"})
    for value in (None, True, [0.5], 0.5j):
        with pytest.raises(TypeError, match=rule):
            solve(method, learning_rate=0.1, **{name: value})
    with pytest.raises(TypeError, match=rule):  # only the rate may change
        solve(method, learning_rate=0.1, **{name: lambda k: 0.5})
    inside = np.float32(other_constants(method)[name])
    assert solve(method, learning_rate=0.1, **{name: inside}).x.dtype == np.float64


def test_parameters_are_checked_in_the_precision_of_the_run():
    """0.99999999 is 1 in float32, and 1e-50 is 0: divisions by zero."""
    fun, jac = objectives.style("sphere", "fused")
    for name, value in (("beta1", 0.99999999), ("beta2", 0.99999999), ("epsilon", 1e-50)):
        options = {"learning_rate": 0.1, name: value, "maxiter": 5}
        with pytest.raises(ValueError, match=rf"{name} must be in .* in float32\)"):
            minimize(fun, np.ones(2, np.float32), jac=jac, method="adam", options=options)
        minimize(fun, np.ones(2), jac=jac, method="adam", options=options)


@pytest.mark.parametrize(
    ("method", "name", "hint"),
    [("adam", "beta_1", "beta1"), ("adamw", "decay", "weight_decay"),
     ("adagrad", "momentum", None), ("adam", "rho", None), ("adamax", "epsilon", None),
     ("adam", "x_scale", None), ("adamw", "memory", None), ("momentum", "beta1", None)],
)  # fmt: skip
def test_options_of_other_methods_are_errors(method, name, hint):
    with pytest.raises(ValueError, match=f"method '{method}' has no option '{name}'") as error:
        solve(method, learning_rate=0.1, **{name: 0.5})
    assert hint is None or f"Did you mean {hint!r}?" in str(error.value)


def test_eps_is_not_epsilon():
    """Elsewhere it is; SciPy's `eps` is a step of differences, and unused with a gradient."""
    with pytest.raises(ValueError, match=r"^eps is .* got \[1e-08\]: method 'adam' .* 'epsilon'"):
        solve("adam", learning_rate=0.1, eps=1e-8)


def test_other_parameters_are_other_runs():
    """Options that were checked before are remembered, with their values."""
    runs = [solve("adam", learning_rate=0.1, maxiter=9, beta1=b).x[0] for b in (0.5, 0.6, 0.5)]
    assert runs[0] == runs[2] != runs[1]


@every_method
def test_options_are_described(method):
    text = show_options(method, disp=False)
    for parameter in METHODS[method].parameters:
        assert re.search(rf"^{parameter.name} \(default {parameter.default!r}\)", text, flags=re.M)
    assert re.search("^References?:", text, flags=re.M) and METHODS[method].summary in text
