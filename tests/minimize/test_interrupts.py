"""Ctrl-C and time limits in every loop: at once, and nothing is lost."""

import ctypes
import json
import os
import signal
import sys

import numpy as np
import objectives
import pytest
from cases import METHODS
from endings import busy
from processes import run_python

from fastmomentum import Optimizer, Status, minimize, minimize_batch, penalties

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill does not send SIGINT")

SOON = 2.0  # seconds of the processor
N = 60
X0 = np.resize([-1.2, 1.0], N)


def thresholded(v, step):
    return np.sign(v) * np.maximum(np.abs(v) - 0.01 * step, 0.0)


def absolute(x):
    return 0.01 * np.abs(x).sum()


# A loop of every kind that takes long, by the arguments of `minimize`.
LOOPS = {
    **{f"{m}, given": {"method": m, "options": {"learning_rate": 1e-7}} for m in METHODS},
    **{f"{m}, automatic": {"method": m} for m in ("momentum", "nesterov", "gd", "adam")},
    **{
        f"{m}, bounds": {"method": m, "bounds": [(-5.0, 0.9)] * N}
        for m in ("momentum", "nesterov", "gd")
    },
    "momentum, l1": {"method": "momentum", "penalty": penalties.L1(0.01)},
    "gd, l1": {"method": "gd", "penalty": penalties.L1(0.01)},
    "nesterov, tv": {"method": "nesterov", "penalty": penalties.TV1D(0.01)},
    "nesterov, own": {"method": "nesterov", "penalty": penalties.Prox(thresholded, absolute)},
    "momentum, given, own": {
        "method": "momentum",
        "penalty": penalties.Prox(thresholded, absolute),
        "options": {"learning_rate": 1e-7},
    },
}


def solve(name, fun=objectives.rosenbrock_fused, state=None, **more):
    """The run of this name."""
    given = dict(LOOPS[name])
    options = {"gtol": 0.0, "maxiter": 10**6, **given.pop("options", {}), **more}
    return minimize(fun, X0, jac=True, options=options, state=state, **given)


INTERRUPTS = """
import json, random, time
import numpy as np
import test_interrupts as here
from clocks import ctrl_c_after

def pressed(call):
    # (seconds to the answer, the result)
    try:
        with ctrl_c_after(random.uniform(0.02, 0.1)) as moment:
            call()
    except KeyboardInterrupt as error:
        return time.process_time() - moment[0], getattr(error, "result", None)
    raise AssertionError("the run ended before")

random.seed(0)
reports = []
for name, given in here.LOOPS.items():
    def call(rounds=20_000, **more):
        call_given = {k: v for k, v in given.items() if k != "options"}
        options = {"gtol": 0.0, "maxiter": 10**9, **given.get("options", {})}
        options |= more.pop("options", {})
        return here.compiled(rounds, options, **call_given, **more)
    call(options={"maxiter": 2})
    seconds, result = pressed(call)
    same = status = nit = None
    if result is not None:
        most = {"maxiter": result.state.nit + 2}
        whole, rest = call(options=most), call(options=most, state=result.state)
        same = bool(np.array_equal(whole.x, rest.x)) and whole.nfev == rest.nfev
        status, nit = int(result.status), int(result.nit)
    reports.append((name, seconds, status, nit, same))
print(json.dumps(reports))
"""


def compiled(rounds, options, **given):
    """A run of a compiled function that takes as long as it is told."""
    from numba import njit

    return minimize(_waste_and_rosenbrock(njit), X0, (rounds,), jac=True, options=options, **given)


_made = {}


def _waste_and_rosenbrock(njit):
    if not _made:
        inner, quick = busy, objectives.rosenbrock_fused

        @njit
        def slow(x, out, rounds):
            waste = inner(x, out, rounds)
            return quick(x, out) + 1e-300 * waste

        _made["slow"] = slow
    return _made["slow"]


@pytest.mark.slow
def test_ctrl_c_in_every_compiled_loop():
    """At a random moment: the answer comes soon, and the state goes on with the same bits."""
    reports = json.loads(run_python(INTERRUPTS).stdout)
    assert [report[0] for report in reports] == list(LOOPS)
    for name, seconds, status, _, same in reports:
        assert seconds < SOON, name
        # Not where it came before the loop's first call.
        assert (status, same) in ((Status.INTERRUPTED, True), (None, None)), name
    assert sum(nit is not None and nit > 0 for *_, nit, _ in reports) > len(reports) // 2


@pytest.mark.parametrize("name", LOOPS)
def test_ctrl_c_in_every_loop_from_python(name, monkeypatch):
    """A signal in the middle of an evaluation, of a callback, and of the loop's own Python."""
    whole = solve(name, maxiter=12, backend="python", history=True)
    calls = []

    def pressing(x, out):
        calls.append(1)
        if len(calls) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return objectives.rosenbrock_fused(x, out)

    given = dict(LOOPS[name])
    options = {"gtol": 0.0, **given.pop("options", {}), "maxiter": 12, "history": True}
    with pytest.raises(KeyboardInterrupt) as error:
        minimize(pressing, X0, jac=True, options=options, **given)
    result = error.value.result
    assert result.status == Status.INTERRUPTED and np.isfinite(result.fun)
    rest = minimize(pressing, X0, jac=True, options=options, state=result.state, **given)
    assert np.array_equal(rest.x, whole.x) and (rest.nit, rest.nfev) == (whole.nit, whole.nfev)
    for key, values in whole.history.items():
        assert np.array_equal(values, rest.history[key], equal_nan=True), key


@pytest.mark.parametrize("name", LOOPS)
def test_maxtime_of_every_loop(name, clock):
    """It ends once the evaluation under way is done, and can be gone on from."""

    def slow(x, out):
        clock.sleep(1e-3)
        return objectives.rosenbrock_fused(x, out)

    begin = clock.now
    result = solve(name, slow, maxtime=0.02)
    assert result.status == Status.MAXTIME
    assert 0.02 <= clock.now - begin < 0.022
    most = result.state.nit + 2
    whole, rest = (
        solve(name, maxiter=most, state=state, backend="python") for state in (None, result.state)
    )
    assert np.array_equal(whole.x, rest.x) and whole.nfev == rest.nfev


def test_maxtime_of_an_optimizer(clock):
    begin = clock.now
    opt = Optimizer("gd", X0, options={"gtol": 0.0, "maxtime": 0.02})
    out = np.empty(N)
    while not opt.done:
        clock.sleep(1e-3)
        opt.tell(objectives.rosenbrock_fused(opt.ask(), out), out)
    assert 0.02 <= clock.now - begin < 0.022
    assert opt.result().status == Status.MAXTIME


def test_ctrl_c_between_the_calls_of_an_optimizer():
    """Wherever it strikes in the caller's loop, the evaluation is asked for again."""
    whole = minimize(objectives.rosenbrock_fused, X0, jac=True, method="gd",
                     options={"maxiter": 30})  # fmt: skip
    opt = Optimizer("gd", X0, options={"maxiter": 30})
    out, calls = np.empty(N), 0
    while not opt.done:
        try:
            x = opt.ask()
            calls += 1
            if calls % 3 == 0:
                os.kill(os.getpid(), signal.SIGINT)
            opt.tell(objectives.rosenbrock_fused(x, out), out)
        except KeyboardInterrupt:
            continue
    assert np.array_equal(opt.x, whole.x) and opt.nfev == whole.nfev


def test_a_batch_goes_on_after_ctrl_c():
    X0s = np.random.default_rng(0).standard_normal((12, 4))
    whole = minimize_batch(objectives.rosenbrock_fused, X0s, jac=True,
                           options={"backend": "python"})  # fmt: skip
    calls = []

    def pressing(x, out):
        calls.append(1)
        if len(calls) == int(whole.nfev[:6].sum()):
            os.kill(os.getpid(), signal.SIGINT)
        return objectives.rosenbrock_fused(x, out)

    with pytest.raises(KeyboardInterrupt) as error:
        minimize_batch(pressing, X0s, jac=True)
    result = error.value.result
    assert 3 < result.success.sum() < 12
    rest = minimize_batch(pressing, X0s, jac=True, state=result.state)
    assert np.array_equal(rest.x, whole.x) and np.array_equal(rest.nfev, whole.nfev)


def test_ctrl_c_that_is_lost_while_something_compiles(monkeypatch):
    """LLVM's calls back into Python swallow exceptions: it is raised when they are over."""
    from fastmomentum._numba.interrupts import interrupts_kept

    swallowed = []
    monkeypatch.setattr(sys, "unraisablehook", swallowed.append)

    @ctypes.CFUNCTYPE(None)
    def called_from_c():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # where the signal is taken
            pass

    handler = signal.getsignal(signal.SIGINT)
    after = []
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        called_from_c()
        after.append("the rest is done")
    assert after and len(swallowed) == 1
    with pytest.raises(KeyboardInterrupt), interrupts_kept():  # at once where it can be
        os.kill(os.getpid(), signal.SIGINT)
        after.append("never")
    with interrupts_kept():
        pass
    assert len(after) == 1 and signal.getsignal(signal.SIGINT) is handler
