"""What a run that failed says: why, and what to try, which is then tried."""

import inspect
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import objectives
import pytest
import scipy.optimize
from endings import bowl, interrupt_at, stop_at
from scipy.optimize import rosen, rosen_der

import fastmomentum
from fastmomentum import Optimizer, Status, minimize, minimize_batch, minimize_sum, multistart, path
from fastmomentum._report.status import MESSAGES, NONFINITE_AT_X0, message_of
from fastmomentum.penalties import L1

START = [-1.2, 1.0]


def slope(x):
    return 2.0 * (x - 1.0)


def plain(x):
    return float(((x - 1.0) ** 2).sum())


def falling(x):
    return -float(x.sum())


def down(x):
    return -np.ones_like(x)


def logarithm(x):
    """x - log x; nan where there is no logarithm."""
    return float((x - np.log(x)).sum()) if x.min() > 0.0 else math.nan


def far(x):
    """Its minimum is where it has no value."""
    return float((x[0] + 3.0) ** 2) if x[0] > 0.5 else math.nan


class Noisy:
    """The bowl and noise, the same in every run."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def __call__(self, x):
        return plain(x) + 0.3 * self.random.standard_normal()


class Case(NamedTuple):
    """A run that fails: its status, words that its message must have, and a run that heeds them.

    `cure` are the arguments to change; an exception's type, if the advice is to look for an error.
    """

    status: Status
    words: str
    given: dict[str, Any]
    cure: Any
    fun: Callable = rosen
    x0: Any = START
    jac: Callable = rosen_der


def options(**chosen):
    return {"options": chosen}


SLOW = {"learning_rate": 1e-3, "maxiter": 50_000}  # solves it all the same
AUTOMATIC = (
    Case(Status.MAXITER, "Raise `maxiter` and go on with `state`", options(maxiter=3),
         options(maxiter=1000)),
    Case(Status.MAXITER, "loosen `gtol`", options(maxiter=30), options(maxiter=30, gtol=1.0)),
    Case(Status.PRECISION_LOSS, "Loosen `gtol`", options(gtol=1e-30), options(), logarithm,
         [0.5, 3.0], lambda x: 1.0 - 1.0 / x + 1e-12),
    Case(Status.PRECISION_LOSS, "test the gradient with `check_jac`", {}, ValueError, plain, START,
         lambda x: -slope(x)),
    Case(Status.NONFINITE, "`bounds`", {}, {"bounds": [(0.6, None)]}, far, [1.5],
         lambda x: 2.0 * (x + 3.0)),
    Case(Status.NONFINITE, "at x0.*Try another x0", {}, {"x0": [0.5]}, logarithm, [-1.0],
         lambda x: 1.0 - 1.0 / x),
    Case(Status.MAXTIME, "go on with `state`", options(maxtime=1e-9), options()),
    Case(Status.INTERRUPTED, "by the user.*go on with `state`",
         {**options(on_interrupt="return"), "callback": interrupt_at(2)}, {"callback": None}),
    Case(Status.PRECISION_LOSS, "give a `learning_rate` if fun is noisy", {"method": "nesterov"},
         options(learning_rate=0.1), Noisy(), [5.0, -3.0], slope),
    Case(Status.STAGNATION, "raise `patience`", {**options(patience=1), "method": "gd"},
         options(patience=100)),
    Case(Status.STAGNATION, "or leave it out", {**options(patience=1), "method": "gd"},
         options()),
    Case(Status.MAXFEV, "raise `maxfev` and go on with `state`", options(maxfev=7),
         options(maxfev=500)),
    *(
        Case(Status.DIVERGED, "fell without bound.*bounded below, by `bounds`", {"method": method},
             {"bounds": [(None, 7.0)] * 2}, falling, START, down)
        for method in ("momentum", "nesterov", "gd", "adam")
    ),
    Case(Status.CALLBACK, "`callback` raised `StopIteration`", {"callback": stop_at(2)},
         {"callback": None}),
)  # fmt: skip
GIVEN = (
    Case(Status.MAXITER, "Raise `maxiter` and go on with `state`",
         options(learning_rate=1e-3, maxiter=10), options(**SLOW)),
    Case(Status.MAXITER, "another `learning_rate`", options(learning_rate=1e-9, maxiter=100),
         options(learning_rate=0.1, maxiter=300), plain, START, slope),
    Case(Status.PRECISION_LOSS, "use a larger `learning_rate`", options(learning_rate=1e-300),
         options(**SLOW)),
    Case(Status.PRECISION_LOSS, "Loosen `gtol`", options(learning_rate=0.1, momentum=0.0, gtol=0.0),
         options(learning_rate=0.1), lambda x: plain(x / 3.0), START,
         lambda x: slope(x / 3.0) / 3.0),
    Case(Status.NONFINITE, "a smaller `learning_rate`", options(learning_rate=10.0),
         options(learning_rate=0.01), logarithm, [0.5], lambda x: 1.0 - 1.0 / x),
    Case(Status.NONFINITE, "`bounds`", options(learning_rate=0.1), {"bounds": [(0.6, None)]}, far,
         [1.5], lambda x: 2.0 * (x + 3.0)),
    Case(Status.NONFINITE, "at x0.*Try another x0", options(learning_rate=0.01), {"x0": [0.5]},
         logarithm, [-1.0], lambda x: 1.0 - 1.0 / x),
    Case(Status.MAXTIME, "go on with `state`", options(maxtime=1e-9, **SLOW), options(**SLOW)),
    Case(Status.INTERRUPTED, "by the user.*go on with `state`",
         {**options(on_interrupt="return", **SLOW), "callback": interrupt_at(2)},
         {"callback": None}),
    Case(Status.STAGNATION, "try a smaller `learning_rate`",
         {**options(learning_rate=1.0, patience=5), "method": "gd"},
         options(learning_rate=0.1, patience=5), plain, START, slope),
    Case(Status.STAGNATION, "raise `patience`", options(learning_rate=0.05, patience=2),
         options(learning_rate=0.05, patience=100), plain, START, slope),
    Case(Status.MAXFEV, "raise `maxfev` and go on with `state`", options(maxfev=7, **SLOW),
         options(maxfev=50_000, **SLOW)),
    Case(Status.DIVERGED, "grew without bound.*smaller `learning_rate`", options(learning_rate=3.0),
         options(learning_rate=0.1), plain, START, slope),
    Case(Status.CALLBACK, "`callback` raised `StopIteration`",
         {**options(**SLOW), "callback": stop_at(2)}, {"callback": None}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "automatic"),
    [*((c, True) for c in AUTOMATIC), *((c, False) for c in GIVEN)],
    ids=lambda value: value.status.name if isinstance(value, Case) else str(value),
)
def test_the_advice_is_right(case, automatic):
    given = {"fun": case.fun, "x0": case.x0, "jac": case.jac, **case.given}
    failed = minimize(**given)
    assert failed.status == case.status and not failed.success
    assert re.search(case.words, failed.message), failed.message
    at_x0 = not math.isfinite(failed.fun)
    assert failed.message == (NONFINITE_AT_X0 if at_x0 else message_of(case.status, automatic))
    if case.cure is ValueError:
        with pytest.raises(ValueError, match="wrong sign"):
            minimize(**{**given, **options(check_jac=True)})
        return
    cure = dict(case.cure)
    if "go on with `state`" in case.words:
        cure["state"] = failed.state
    solved = minimize(**{**given, **cure})
    assert solved.success, solved.message


def test_every_status_is_reached_in_both_kinds():
    for cases in (AUTOMATIC, GIVEN):
        # EPOCHS is an ending of `minimize_sum` alone, see test_sums.py.
        others = {Status.CONVERGED, Status.EPOCHS}
        assert {case.status for case in cases} == set(Status) - others


@pytest.mark.parametrize("automatic", (True, False), ids=("automatic", "given"))
@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_form(status, automatic):
    message = message_of(status, automatic)
    assert set(MESSAGES) == set(Status)
    assert message.endswith(".")
    assert 20 < len(message) < 260
    assert "\n" not in message
    assert "  " not in message
    # Names in backticks are names of options, arguments or results.
    known = fastmomentum.show_options(disp=False) + " StopIteration "
    known += " ".join(inspect.signature(minimize).parameters)
    known += " ".join(inspect.signature(minimize_sum).parameters)
    for name in re.findall("`(.*?)`", message):
        assert re.search(rf"\b{name}\b", known), name


def test_they_start_as_scipys():
    """For the statuses that SciPy has; its sentence, then our advice."""

    def nan_beyond(x):
        return plain(x) if x[0] < 0.5 else math.nan

    def stop(x):
        raise StopIteration

    def theirs(fun, callback=None, **options):
        with np.errstate(all="ignore"):
            return scipy.optimize.minimize(
                fun, np.zeros(2), method="CG", callback=callback, options=options
            )

    for found, status in (
        (theirs(bowl), Status.CONVERGED),
        (theirs(rosen, maxiter=2), Status.MAXITER),
        (theirs(bowl, stop), Status.CALLBACK),
    ):
        assert found.status == status
        for automatic in (True, False):
            assert message_of(status, automatic).startswith(found.message)
    assert theirs(nan_beyond).status in (Status.PRECISION_LOSS, Status.NONFINITE)


def test_of_an_exception():
    def fun(x):
        raise OSError(f"no {'very ' * 200}long\n line.")

    with pytest.raises(OSError, match="very") as caught:
        minimize(fun, START, jac=rosen_der)
    message = caught.value.result.message
    assert message.startswith("Stopped by OSError: no very very ")
    assert message.endswith(". x is the best point found; go on with `state`.")
    assert "\n" not in message and len(message) < 400
    with pytest.raises(StopIteration) as caught:
        minimize(lambda x: next(iter(())), START, jac=rosen_der)
    assert caught.value.result.message.startswith("Stopped by StopIteration. x is")


# -- many runs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ("numba", "python"))
@pytest.mark.parametrize("rate", ({}, {"learning_rate": 1e-3}), ids=("automatic", "given"))
def test_of_a_batch(rate, backend):
    """A line for each kind of failure."""
    X0 = np.array([START, [1.0, 1.0], [math.nan, 0.0], START, START])
    found = minimize_batch(
        objectives.rosenbrock_fused, X0, jac=True, skip=[False] * 4 + [True],
        options={"maxiter": 2, "backend": backend, **rate},
    )  # fmt: skip
    first, *advice = found.message.split("\n")
    assert first == "5 problems: 1 skipped, 1 converged, 2 maxiter, 1 nonfinite."
    assert advice == [
        f"maxiter: {message_of(Status.MAXITER, not rate)}",
        f"nonfinite: {message_of(Status.NONFINITE, not rate)}",
    ]
    again = minimize_batch(
        objectives.rosenbrock_fused, X0[:2], jac=True, options={"backend": backend}
    )
    assert again.message == "2 problems: 2 converged."


def test_of_a_batch_that_is_stopped():
    def fun(x):
        raise OSError("mine")

    with pytest.raises(OSError, match="mine") as caught:
        minimize_batch(fun, np.ones((3, 1)), jac=slope)
    assert caught.value.result.message == (
        "3 problems: 3 interrupted.\ninterrupted: Stopped by OSError: mine. x is the best point "
        "found; go on with `state`."
    )

    def callback(counts):
        raise KeyboardInterrupt

    found = minimize_batch(
        plain, np.ones((3, 1)), jac=slope, callback=callback, options={"on_interrupt": "return"}
    )
    assert "Interrupted by the user." in found.message


def test_of_a_multistart():
    box = [(-2.0, 2.0)] * 2
    good = multistart(rosen, box, 4, jac=rosen_der, seed=0)
    assert good.message == "4 problems: 4 converged. 1 distinct minima."
    bad = multistart(rosen, box, 4, jac=rosen_der, seed=0, options={"maxiter": 2})
    assert bad.message.split("\n") == [
        "4 problems: 4 maxiter. 0 distinct minima.",
        "The run with the lowest point did not converge: maxiter.",
        "maxiter: Maximum number of iterations has been exceeded. Raise `maxiter`, or loosen "
        "`gtol`.",
    ]


def test_of_a_path():
    good = path(plain, START, L1, [1.0, 0.5], jac=slope)
    assert good.message == "2 problems: 2 converged."
    for chosen, advice in (({}, "loosen `gtol`"), ({"learning_rate": 1e-3}, "`learning_rate`")):
        penalty = L1 if not chosen else lambda weight: fastmomentum.penalties.Box(-weight, 9.0)
        bad = path(rosen, START, penalty, [2.0], jac=rosen_der, options={"maxiter": 2, **chosen})
        assert bad.message.startswith("1 problems: 1 maxiter.\nmaxiter: Maximum number of")
        assert advice in bad.message and "state" not in bad.message


def test_of_an_optimizer():
    optimizer = Optimizer("momentum", START, options={"maxiter": 1})
    while not optimizer.done:
        x = optimizer.ask()
        optimizer.tell(rosen(x), rosen_der(x))
    with pytest.raises(RuntimeError, match="or loosen `gtol`"):
        optimizer.ask()
