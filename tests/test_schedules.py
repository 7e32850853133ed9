"""Schedules: their formulas, their errors, and what a run does with them."""

import math

import numpy as np
import objectives
import pytest
from cases import METHODS, PROBLEMS

from fastmomentum import minimize, schedules


def nesterov_momentum(k):
    t = [1.0, 1.0]
    while len(t) < k + 2:
        t.append((1.0 + math.sqrt(1.0 + 4.0 * t[-1] ** 2)) / 2.0)
    return (t[k] - 1.0) / t[k + 1]


# schedule, and its formula written with the math module
FORMULAS = [
    (schedules.Constant(0.3), lambda k: 0.3),
    (schedules.Step(0.5, factor=0.2, every=7), lambda k: 0.5 * 0.2 ** (k // 7)),
    (schedules.Step(2), lambda k: 2.0 * 0.1 ** (k // 1000)),
    (schedules.Exponential(0.5, 0.03), lambda k: 0.5 * math.exp(-0.03 * k)),
    (schedules.InverseTime(0.5, 0.1), lambda k: 0.5 / (1.0 + 0.1 * k)),
    (schedules.InverseTime(0.5), lambda k: 0.5 / (1.0 + k)),
    (
        schedules.Cosine(0.5, 40, 0.01),
        lambda k: 0.01 + 0.49 * 0.5 * (1.0 + math.cos(math.pi * min(k, 40) / 40)),
    ),
    (schedules.NesterovMomentum(), nesterov_momentum),
]
NAMES = [type(s).__name__ for s, _ in FORMULAS]


@pytest.mark.parametrize(("schedule", "formula"), FORMULAS, ids=NAMES)
def test_formulas(schedule, formula):
    for k in (0, 1, 2, 3, 6, 7, 8, 39, 40, 41, 999, 1000, 2500):
        value = schedule(k)
        assert np.ndim(value) == 0
        assert isinstance(float(value), float)
        assert value == pytest.approx(formula(k), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("schedule", [s for s, _ in FORMULAS], ids=NAMES)
def test_arrays_give_the_same_bits_as_numbers(schedule):
    k = np.array([0, 1, 2, 5, 41, 1000, 12345])
    values = schedule(k)
    assert values.shape == k.shape
    assert values.dtype == np.float64
    assert np.array_equal(values, [schedule(int(i)) for i in k])
    assert schedule(np.arange(0)).shape == (0,)
    assert isinstance(schedule, schedules.Schedule)


def test_nesterov_momentum_does_not_depend_on_the_order_of_calls():
    first, second = schedules.NesterovMomentum(), schedules.NesterovMomentum()
    late = first(np.arange(5000, 5010))
    for k in range(100):
        second(k)
    assert np.array_equal(second(np.arange(5000, 5010)), late)
    assert first(0) == first(1) == 0.0
    values = first(np.arange(100_000))
    assert (np.diff(values[1:]) > 0.0).all()
    assert values[-1] < 1.0
    # (t_k - 1) / t_{k+1} = 1 - 3 / k + O(log k / k**2)
    assert values[-1] == pytest.approx(1.0 - 3.0 / 1e5, abs=1e-8)


def test_limits():
    cosine = schedules.Cosine(0.4, 10, 0.1)
    assert (cosine(0), cosine(5)) == (pytest.approx(0.4), pytest.approx(0.25))
    assert cosine(10) == cosine(11) == cosine(10**9) == pytest.approx(0.1)
    step = schedules.Step(0.4, factor=0.5, every=3)
    assert [step(k) for k in range(7)] == [0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1]
    assert schedules.Exponential(1.0, 1.0)(10_000) == 0.0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda v: schedules.Step(v), "initial"),
        (lambda v: schedules.Step(1.0, factor=v), "factor"),
        (lambda v: schedules.Step(1.0, every=v), "every"),
        (lambda v: schedules.Exponential(v, 1.0), "initial"),
        (lambda v: schedules.Exponential(1.0, v), "rate"),
        (lambda v: schedules.InverseTime(v), "initial"),
        (lambda v: schedules.InverseTime(1.0, v), "rate"),
        (lambda v: schedules.Cosine(v, 10), "initial"),
        (lambda v: schedules.Cosine(1.0, v), "period"),
    ],
)
@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "0.1", None])
def test_parameters_are_checked(make, name, value):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be"):
        make(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.1", None])
def test_other_parameters_are_checked(value):
    with pytest.raises((ValueError, TypeError), match="value must be"):
        schedules.Constant(value)
    with pytest.raises((ValueError, TypeError), match="final must be"):
        schedules.Cosine(1.0, 10, final=value)


def test_whole_numbers_are_checked():
    with pytest.raises((ValueError, TypeError), match="every must be"):
        schedules.Step(1.0, every=2.5)


def test_schedules_are_values():
    assert schedules.Step(0.1) == schedules.Step(0.1)
    assert hash(schedules.Step(0.1)) == hash(schedules.Step(0.1))
    assert schedules.Step(0.1) != schedules.Step(0.2)
    assert "Step(initial=0.1" in repr(schedules.Step(0.1))
    with pytest.raises(AttributeError):
        schedules.Step(0.1).initial = 1.0


def test_public_names():
    assert set(schedules.__all__) >= {type(s).__name__ for s, _ in FORMULAS}
    with pytest.raises(NotImplementedError):
        schedules.Schedule()(0)


# -- in a run --------------------------------------------------------------------------------------


def run(method="gd", how="fused", callback=None, **options):
    problem = PROBLEMS["quadratic"]
    fun, jac = objectives.style("quadratic", how)
    options = {"learning_rate": 0.05, "maxiter": 200, "gtol": 0.0, **options}
    return minimize(
        fun,
        problem.x0,
        args=problem.args,
        jac=jac,
        method=method,
        options=options,
        callback=callback,
    )


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("method", METHODS)
def test_a_constant_schedule_is_a_constant(method, backend):
    plain = run(method, backend=backend)
    for schedule in (schedules.Constant(0.05), lambda k: 0.05, lambda k: np.float64(0.05)):
        res = run(method, backend=backend, learning_rate=schedule)
        assert np.array_equal(res.x, plain.x)
        assert (res.fun, res.nit) == (plain.fun, plain.nit)


def test_a_callable_gets_the_iterations_in_order():
    """As ints from 0; the last rate is reported."""
    asked = []

    def rate(k):
        assert type(k) is int
        asked.append(k)
        return 0.1 / (1.0 + k)

    res = run(learning_rate=rate, maxiter=150, history=True)
    assert sorted(set(asked)) == list(range(max(asked) + 1))
    assert np.array_equal(res.history["learning_rate"], [0.1 / (1.0 + k) for k in range(150)])
    assert res.learning_rate == 0.1 / 150.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("callback", [None, lambda x: None], ids=["plain", "callback"])
def test_a_list_of_rates_needs_one_for_each_iteration(method, callback):
    rates = np.linspace(0.1, 0.01, 100).tolist()
    res = run(method, learning_rate=lambda k: rates[k], maxiter=100, callback=callback)
    assert res.nit == 100


@pytest.mark.parametrize("callback", [None, lambda x: None], ids=["plain", "callback"])
@pytest.mark.parametrize("backend", ["numba", "python"])
def test_values_that_no_iteration_uses_do_no_harm(backend, callback):
    """The loop asks ahead; a run that converges before a bad value must not fail on it."""
    first = run(gtol=1e-5, maxiter=5000)
    needed = first.nit
    assert first.success and needed > 50

    def rate(k):
        return 0.05 if k <= needed else -1.0

    def fails(k):
        if k > needed:
            raise RuntimeError("beyond the end")
        return 0.05

    for schedule in (rate, fails):
        res = run(
            learning_rate=schedule, gtol=1e-5, maxiter=5000, backend=backend, callback=callback
        )
        assert res.success
        assert res.nit == needed


@pytest.mark.parametrize("backend", ["numba", "python"])
@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
def test_bad_rates_name_the_iteration(bad, backend):
    with pytest.raises(ValueError, match=r"learning_rate\(37\) must be in") as error:
        run(learning_rate=lambda k: bad if k == 37 else 0.05, backend=backend)
    assert repr(bad) in str(error.value) or str(bad) in str(error.value)
    assert np.isfinite(error.value.result.fun)


@pytest.mark.parametrize("bad", [-0.1, 1.0, 1.5, math.nan])
@pytest.mark.parametrize("method", ["momentum", "nesterov"])
def test_bad_momenta_name_the_iteration(method, bad):
    with pytest.raises(ValueError, match=r"momentum\(120\) must be in \[0, 1\)"):
        run(method, momentum=lambda k: bad if k == 120 else 0.5)


@pytest.mark.parametrize("value", ["0.1", None, [0.1, 0.2], 1j])
def test_values_that_are_no_numbers(value):
    with pytest.raises(TypeError, match=r"learning_rate\(2\) must be a number"):
        run(learning_rate=lambda k: value if k == 2 else 0.05)


def test_exceptions_of_a_schedule_propagate():
    def rate(k):
        if k == 60:
            raise RuntimeError("no rate")
        return 0.05

    with pytest.raises(RuntimeError, match="no rate") as error:
        run(learning_rate=rate)
    assert np.isfinite(error.value.result.fun)


def test_a_rate_may_become_zero():
    """That stops the points and not the run."""
    res = run(learning_rate=lambda k: 0.05 if k < 10 else 0.0, maxiter=20)
    assert res.nit == 20
    assert np.array_equal(res.x, run(maxiter=10).x)


def test_float32_rounds_a_schedule_once():
    problem = PROBLEMS["quadratic"]
    x0, args = problem.in_dtype(np.float32)
    fun, jac = objectives.style("quadratic", "fused")
    schedule = schedules.Exponential(0.1, 0.01)
    res = minimize(
        fun,
        x0,
        args=args,
        jac=jac,
        method="gd",
        options={"learning_rate": schedule, "maxiter": 30, "gtol": 0.0, "history": True},
    )
    expected = schedule(np.arange(30)).astype(np.float32)
    assert np.array_equal(res.history["learning_rate"], expected.astype(np.float64))


def test_gradient_descent_has_no_momentum():
    with pytest.raises(ValueError, match="no option 'momentum'"):
        run("gd", momentum=lambda k: 0.5)
