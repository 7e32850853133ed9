"""Callbacks: SciPy's two forms, when they are called, what they see, how they end a run."""

import functools
import math

import numpy as np
import pytest
import scipy.optimize
from endings import BACKENDS, ENDINGS, METHODS, RUN_IDS, RUNS, bowl, bowl_jac, faulty, raising

import fastmomentum
from fastmomentum import Status, minimize

every_run = pytest.mark.parametrize(("ending", "method", "backend"), RUNS, ids=RUN_IDS)
backends = pytest.mark.parametrize("backend", BACKENDS)
methods = pytest.mark.parametrize("method", METHODS)
FIELDS = {"x", "fun", "jac", "nit", "nfev", "njev", "learning_rate", "grad_norm", "time"}


def gradient(x):
    out = np.empty_like(x)
    bowl_jac(x, out)
    return out


def solve(callback=None, method="momentum", backend="auto", x0=(0.0, 0.0, 0.0), **options):
    options = {"learning_rate": 0.05, "backend": backend, **options}
    return minimize(bowl, x0, method=method, jac=bowl_jac, callback=callback, options=options)


class Log(list):
    """Keeps the intermediate results."""

    def __call__(self, intermediate_result):
        self.append(intermediate_result)


# -- which form ------------------------------------------------------------------------------------


class Recorder:
    """Makes callbacks of all shapes, which note what they were called with."""

    def __init__(self):
        self.calls = []

    def note(self, *args, **keywords):
        self.calls.append(
            ([type(a).__name__ for a in args], {k: type(v).__name__ for k, v in keywords.items()})
        )


def plain(note):
    return lambda xk: note(xk)


def keyword(note):
    def callback(intermediate_result):
        note(intermediate_result=intermediate_result)

    return callback


def keyword_only(note):
    def callback(*, intermediate_result):
        note(intermediate_result=intermediate_result)

    return callback


def with_default(note):
    def callback(intermediate_result=None):
        note(intermediate_result=intermediate_result)

    return callback


def two_parameters(note):
    def callback(x, intermediate_result=None):
        note(x, second=intermediate_result)

    return callback


def extra_keyword(note):
    def callback(intermediate_result, scale=1.0):
        note(intermediate_result, scale=scale)

    return callback


def varargs(note):
    return lambda *args: note(*args)


def wrapped(note):
    @functools.wraps(keyword(note))
    def callback(*args, **keywords):
        note(*args, **keywords)

    return callback


def partial_of_x(note):
    return functools.partial(lambda scale, x: note(x), 2.0)


def partial_by_keyword(note):
    def callback(intermediate_result, scale):
        note(intermediate_result=intermediate_result)

    return functools.partial(callback, scale=2.0)


def partial_leaves_one(note):
    def callback(scale, intermediate_result):
        note(intermediate_result=intermediate_result)

    return functools.partial(callback, 2.0)


def bound_method(note):
    class Watcher:
        def look(self, intermediate_result):
            note(intermediate_result=intermediate_result)

    return Watcher().look


def callable_object(note):
    class Watcher:
        def __call__(self, intermediate_result):
            note(intermediate_result=intermediate_result)

    return Watcher()


def callable_object_of_x(note):
    class Watcher:
        def __call__(self, x):
            note(x)

    return Watcher()


def builtin(note):
    class Sink(list):
        pass

    sink = Sink()
    note.__self__.sink = sink
    return sink.append


FORMS = (
    plain,
    keyword,
    keyword_only,
    with_default,
    two_parameters,
    extra_keyword,
    varargs,
    wrapped,
    partial_of_x,
    partial_by_keyword,
    partial_leaves_one,
    bound_method,
    callable_object,
    callable_object_of_x,
    builtin,
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_form_as_scipy(form):
    theirs, ours = Recorder(), Recorder()
    scipy.optimize.minimize(
        bowl, np.zeros(3), jac=gradient, method="BFGS", callback=form(theirs.note)
    )
    solve(form(ours.note), maxiter=2)
    if form is builtin:
        assert type(theirs.sink[0]) is type(ours.sink[0]) is np.ndarray
        return
    assert len(theirs.calls) > 0
    assert len(ours.calls) == 2
    assert ours.calls[0] == theirs.calls[0]


@pytest.mark.parametrize(
    "callback", (print, [].append, np.copy, np.sum), ids=("print", "append", "copy", "sum")
)
def test_builtins(callback, capsys):
    assert solve(callback, maxiter=2).nit == 2


def test_form_is_scipys_result_too():
    log = Log()
    solve(log, maxiter=1)
    assert isinstance(log[0], scipy.optimize.OptimizeResult)
    assert isinstance(log[0], fastmomentum.OptimizeResult)


# -- when ------------------------------------------------------------------------------------------


@every_run
def test_called_after_every_iteration(ending, method, backend):
    calls = []
    inner = ending.callback

    def callback(intermediate_result):
        calls.append(intermediate_result.nit)
        if inner is not None:
            inner(intermediate_result=intermediate_result)

    extra = {"maxtime": 0.01} if ending.status == Status.MAXTIME else {}
    result = ending.run(method, backend, callback=callback, **extra)
    # nesterov evaluates once more per iteration for the callback: fewer fit into maxfev.
    assert result.status == ending.status
    assert calls == list(range(1, result.nit + 1))


@backends
@methods
def test_not_called_at_x0(method, backend):
    log = Log()
    result = solve(log, method, backend, gtol=1e9)
    assert result.nit == 0
    assert result.success
    assert log == []


@backends
@methods
def test_changes_nothing(method, backend):
    """The compiled loop stops after each iteration for a callback: the numbers stay the same."""
    alone = solve(None, method, backend)
    for callback in (lambda x: None, Log()):
        watched = solve(callback, method, backend)
        for name in ("x", "fun", "jac", "nit", "status", "success", "message", "grad_norm"):
            assert np.array_equal(alone[name], watched[name]), name
    x_only = solve(lambda x: None, method, backend)
    assert (x_only.nfev, x_only.njev) == (alone.nfev, alone.njev)


@backends
@methods
@pytest.mark.parametrize("options", ({"ftol": 1e-7}, {"xtol": 1e-4}, {"patience": 3}), ids=str)
def test_changes_no_other_rule(method, backend, options):
    # Rules that look back at the iterations before.
    if "patience" in options:
        options = {**options, "learning_rate": 0.3}
    alone, watched = (solve(c, method, backend, gtol=0.0, **options) for c in (None, Log()))
    assert (alone.nit, alone.status) == (watched.nit, watched.status)
    assert np.array_equal(alone.x, watched.x)


# -- what it sees ----------------------------------------------------------------------------------


@backends
@methods
@pytest.mark.parametrize("dtype", (np.float64, np.float32), ids=("float64", "float32"))
def test_intermediate_result(method, backend, dtype):
    log = Log()
    result = solve(log, method, backend, np.zeros(3, dtype), maxiter=25)
    assert len(log) == result.nit == 25
    for k, seen in enumerate(log, 1):
        assert set(seen) == FIELDS
        assert seen.nit == k
        assert seen.x.dtype == seen.jac.dtype == dtype
        assert seen.fun == bowl(seen.x)
        assert np.array_equal(seen.jac, gradient(seen.x))
        assert seen.grad_norm == np.linalg.norm(seen.jac, np.inf)
        assert seen.learning_rate == pytest.approx(0.05, rel=1e-7)
        for name in ("nit", "nfev", "njev"):
            assert type(seen[name]) is int
        for name in ("fun", "grad_norm", "learning_rate", "time"):
            assert type(seen[name]) is float
    extra = 2 if method == "nesterov" else 1  # one more evaluation, at theta
    assert [seen.nfev for seen in log] == [1 + extra * k for k in range(1, 26)]
    assert [seen.njev for seen in log] == [seen.nfev for seen in log]
    assert result.nfev == log[-1].nfev
    times = [0.0, *(seen.time for seen in log), result.time]
    assert (np.diff(times) >= 0.0).all()
    # Nothing is shared between them.
    assert len({seen.x.ctypes.data for seen in log} | {seen.jac.ctypes.data for seen in log}) == 50


@backends
@methods
@pytest.mark.parametrize("jac", (True, "2-point", "3-point", None))
def test_counters(method, backend, jac):
    """Those that the callback sees are the calls made so far."""
    calls = []

    def fun(x):
        calls.append(1)
        value = float(np.sum((x - 1.0) ** 2))
        return (value, 2.0 * (x - 1.0)) if jac is True else value

    def callback(intermediate_result):
        assert intermediate_result.nfev == len(calls)

    result = minimize(
        fun,
        np.zeros(3),
        jac=jac,
        method=method,
        callback=callback,
        options={"learning_rate": 0.05, "maxiter": 6},
    )
    assert result.nfev == len(calls)
    assert result.nit == 6


@backends
@methods
def test_both_forms_see_the_same_points(method, backend):
    log, points = Log(), []
    solve(log, method, backend, maxiter=15)
    solve(lambda x: points.append(x), method, backend, maxiter=15)
    assert np.array_equal([seen.x for seen in log], points)
    assert len({x.ctypes.data for x in points}) == 15


@methods
def test_both_paths_see_the_same(method):
    logs = [Log(), Log()]
    for log, backend in zip(logs, BACKENDS, strict=True):
        solve(log, method, backend, maxiter=15)
    for compiled, python in zip(*logs, strict=True):
        for name in FIELDS - {"time"}:
            assert np.array_equal(compiled[name], python[name]), name


@backends
def test_first_steps(backend):
    """By hand: v = 0.9 v + eta g; x = x - v."""
    log = Log()
    x0 = np.array([0.0, 3.0, -1.0])
    solve(log, "momentum", backend, x0, momentum=0.9, learning_rate=0.0625, maxiter=2)
    v = 0.0625 * gradient(x0)
    assert np.array_equal(log[0].x, x0 - v)
    assert np.array_equal(log[1].x, log[0].x - (0.9 * v + 0.0625 * gradient(log[0].x)))


@backends
def test_learning_rate_of_a_schedule(backend):
    log = Log()
    result = solve(log, "gd", backend, learning_rate=lambda k: 0.1 / (k + 1), maxiter=5)
    assert [seen.learning_rate for seen in log] == [0.1 / (k + 1) for k in range(5)]
    assert result.learning_rate == 0.1 / 5


# -- ending a run ----------------------------------------------------------------------------------


def stop_after(k, exception=StopIteration):
    calls = []

    def callback(x):
        calls.append(1)
        if len(calls) == k:
            raise exception

    return callback


@backends
@methods
@pytest.mark.parametrize("k", (1, 2, 3, 10))
def test_stop_iteration(method, backend, k):
    stopped = solve(stop_after(k), method, backend)
    limited = solve(None, method, backend, maxiter=k)
    assert stopped.status == Status.CALLBACK == 99
    assert stopped.success is False
    assert stopped.nit == k == limited.nit
    assert np.array_equal(stopped.x, limited.x)
    assert stopped.fun == limited.fun == bowl(stopped.x)
    assert np.array_equal(stopped.jac, limited.jac)
    assert (stopped.nfev, stopped.njev) == (limited.nfev, limited.njev)


def test_stop_iteration_as_scipy():
    theirs = scipy.optimize.minimize(
        bowl, np.zeros(3), jac=gradient, method="BFGS", callback=stop_after(1)
    )
    ours = solve(stop_after(1))
    for name in ("status", "message", "success", "nit"):
        assert ours[name] == theirs[name], name


def test_stop_iteration_in_the_last_iteration():
    # As in SciPy the callback has the last word: it comes before the gradient test.
    nit = solve().nit
    assert solve(stop_after(nit)).status == Status.CALLBACK
    assert solve(stop_after(nit + 1)).status == Status.CONVERGED


class ErrorWithResult(Exception):
    """Has a `result` of its own, which cannot be set."""

    @property
    def result(self):
        return "mine"


@backends
@methods
@pytest.mark.parametrize("error", (ValueError, ZeroDivisionError, OSError, SystemExit))
def test_exceptions_propagate(method, backend, error):
    with pytest.raises(error) as caught:
        solve(stop_after(3, error("no more")), method, backend)
    result = caught.value.result
    limited = solve(None, method, backend, maxiter=3)
    assert np.array_equal(result.x, limited.x)
    assert result.fun == bowl(result.x)
    assert result.nit == 3
    assert not result.success
    assert result.status != 0
    assert error.__name__ in result.message
    assert "no more" in result.message


def test_exception_with_a_result_of_its_own():
    with pytest.raises(ErrorWithResult) as caught:
        solve(stop_after(2, ErrorWithResult("no")))
    assert caught.value.result == "mine"


def test_one_note_however_often_an_exception_comes():
    error = ValueError("the same object")
    for _ in range(3):
        with pytest.raises(ValueError, match="same object"):
            solve(stop_after(2, error))
    assert len(error.__notes__) == 1


def test_traceback_shows_the_callback():
    with pytest.raises(KeyError) as caught:
        solve(stop_after(1, KeyError("key")))
    names = [entry.name for entry in caught.traceback]
    assert names[-1] == "callback"
    assert caught.value.args == ("key",)


@backends
@methods
@pytest.mark.parametrize("watched", (False, True), ids=("free", "watched"))
def test_exception_in_fun(method, backend, watched):
    """The best point so far, with its records, goes with an exception of the objective."""
    options = {"learning_rate": 0.01, "backend": backend, "history": True, "return_all": watched}
    with pytest.raises(ArithmeticError, match="too far") as caught:
        minimize(raising, np.zeros(3), (0.5,), jac=True, method=method, options=options)
    result = caught.value.result
    assert result.nit > 3
    assert result.fun == bowl(result.x)
    assert np.array_equal(result.jac, gradient(result.x))
    assert not result.success
    assert "ArithmeticError" in result.message
    assert result.nfev >= result.nit + 1
    assert result.history["fun"].shape == (result.nit + 1,)
    assert result.history["grad_norm"].shape == (result.nit + 1,)
    assert result.history["learning_rate"].shape == (result.nit,)
    assert result.fun == result.history["fun"].min()
    assert "allvecs" not in result or len(result.allvecs) == result.nit + 1


@backends
def test_exception_of_fun_at_x0(backend):
    options = {"learning_rate": 0.01, "backend": backend, "history": True, "return_all": True}
    with pytest.raises(ArithmeticError, match="too far") as caught:
        minimize(raising, np.ones(3), (0.5,), jac=True, options=options)
    result = caught.value.result
    assert np.array_equal(result.x, np.ones(3))
    assert math.isnan(result.fun)
    assert (result.nit, result.status == 0, result.success) == (0, False, False)


@backends
@pytest.mark.parametrize("where", ("return", "raise"))
def test_keyboard_interrupt_in_a_callback(backend, where):
    callback = stop_after(4, KeyboardInterrupt)
    if where == "return":
        result = solve(callback, "gd", backend, on_interrupt="return")
    else:
        with pytest.raises(KeyboardInterrupt) as caught:
            solve(callback, "gd", backend)
        result = caught.value.result
    assert result.status == Status.INTERRUPTED == 5
    assert not result.success
    assert result.nit == 4
    assert np.array_equal(result.x, solve(None, "gd", backend, maxiter=4).x)


# -- a callback cannot disturb the run -------------------------------------------------------------


def spoil_x(x):
    x[:] = math.nan


def spoil_result(intermediate_result):
    intermediate_result.x[:] = math.nan
    intermediate_result.jac[:] = math.nan
    intermediate_result.fun = -1e9
    intermediate_result.nit = 10**6


def empty_result(intermediate_result):
    intermediate_result.clear()


@backends
@methods
@pytest.mark.parametrize(
    "spoil", (spoil_x, spoil_result, empty_result), ids=lambda spoil: spoil.__name__
)
def test_spoiling(method, backend, spoil):
    alone = solve(None, method, backend, maxiter=30, return_all=True, history=True)
    spoilt = solve(spoil, method, backend, maxiter=30, return_all=True, history=True)
    for name in ("x", "fun", "jac", "nit", "status", "grad_norm", "allvecs"):
        assert np.array_equal(alone[name], spoilt[name]), name
    for name in alone.history:
        assert np.array_equal(alone.history[name], spoilt.history[name]), name


@backends
def test_minimize_inside_a_callback(backend):
    """Runs do not share state."""
    alone = solve(None, "momentum", backend, maxiter=10)

    def callback(x):
        assert solve(None, "nesterov", backend, maxiter=3).nit == 3

    assert np.array_equal(solve(callback, "momentum", backend, maxiter=10).x, alone.x)


@backends
def test_minimize_inside_fun(backend):
    def fun(x):
        return bowl(x) + solve(None, "gd", backend, maxiter=3).fun

    result = minimize(
        fun, np.zeros(3), jac=gradient, method="gd", options={"learning_rate": 0.05, "maxiter": 5}
    )
    assert np.array_equal(result.x, solve(None, "gd", backend, maxiter=5).x)


@backends
def test_callback_at_a_point_that_is_not_finite(backend):
    """As in SciPy nit counts the calls, however the run ends; what is seen was computed."""
    ending = next(e for e in ENDINGS if e.name == "fun nan later")
    log = Log()
    result = ending.run("gd", backend, callback=log)
    assert [seen.nit for seen in log] == list(range(1, result.nit + 1))
    values = [seen.fun for seen in log]
    out = np.empty(3)
    expected = [faulty(seen.x, out, *ending.fault) for seen in log]
    assert np.array_equal(values, expected, equal_nan=True)


def nan_beyond(x):
    return float(np.sum((x - 1.0) ** 2)) if x[0] < 0.5 else math.nan


def test_scipy_counts_its_calls():
    """What the tests above take SciPy to do."""
    calls = []
    with np.errstate(all="ignore"):
        theirs = scipy.optimize.minimize(
            nan_beyond, np.zeros(2), method="CG", callback=lambda x: calls.append(1)
        )
    assert theirs.nit == len(calls)
