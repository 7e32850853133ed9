"""The progress bar: shown in long runs, on stderr alone, and gone from short ones."""

import re
import sys

import numpy as np
import pytest
from clocks import turned_by_hand
from numba import njit

from fastmomentum import minimize, minimize_batch
from fastmomentum._report.progress import Progress

NUMBERS = r"fun[= ]\S+,? .*grad_norm[= ]\S+,? .*learning_rate[= ]\S+"
RATE = r"\d\S* iterations/s, \d+\.\d s, \d+\.\d s left"
LINE = re.compile(rf"(\rgd: [\d,]+ iterations, {NUMBERS}, nfev \d+, {RATE} *)+\n")
BAR = re.compile(rf"gd: +\d+%\|.*\| .*iterations=\S+ {NUMBERS}", re.DOTALL)


@njit
def bowl(x, out):
    for i in range(x.size):
        out[i] = x[i]
    return 0.5 * x @ x


@pytest.fixture
def clock(monkeypatch):
    """A clock on which 0.1 s are over at each look, for tqdm, too."""
    clock = turned_by_hand(monkeypatch, 0.1)
    monkeypatch.setattr("tqdm.std.time", clock.time)
    return clock


@pytest.fixture(name="no_tqdm")
def _no_tqdm(monkeypatch):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)


def long_run(compiled, **more):
    fun, jac = (bowl, True) if compiled else (lambda x: float(x @ x), lambda x: 2.0 * x)
    options = {"learning_rate": 1e-9, "gtol": 0.0, "maxtime": 1.2, "maxiter": 10**9, **more}
    return minimize(fun, np.ones(3), jac=jac, method="gd", options=options)


@pytest.mark.parametrize("compiled", [True, False], ids=["numba", "python"])
def test_progress(compiled, capsys, clock):
    assert long_run(compiled).status == 4
    assert capsys.readouterr() == ("", "")
    long_run(compiled, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert BAR.search(err), err
    assert "/1.2 s [" in err and "iterations=" in err and "iterations/s=" in err
    assert err.endswith("\n")


def test_without_tqdm(capsys, clock, no_tqdm):
    long_run(True, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert LINE.fullmatch(err), err


@pytest.mark.parametrize("tqdm", [True, False])
def test_short_runs_show_nothing(capsys, request, clock, tqdm):
    if not tqdm:
        request.getfixturevalue("no_tqdm")
    options = {"learning_rate": 0.1, "progress": True}
    clock.tick = 1e-6
    assert minimize(bowl, np.ones(3), jac=True, method="gd", options=options).success
    assert minimize_batch(bowl, np.ones((4, 3)), jac=True, options={"progress": True}).success.all()
    assert capsys.readouterr() == ("", "")


def test_batch(capsys, clock):
    clock.tick = 0.02
    X0 = np.ones((40, 3))
    minimize_batch(lambda x: x @ x, X0, jac=lambda x: 2.0 * x, options={"progress": True})
    err = capsys.readouterr().err
    assert re.search(r"momentum: +\d+%\|.*/40.0 \[.* problems/s, converged=\d+\]", err), err


def shown(capsys, clock, done, begin, *limits):
    """What a bar that is made `begin` seconds after the run began shows half a second later."""
    clock.tick = 0.0
    bar = Progress("gd", clock.now - begin, *limits)
    clock.sleep(0.51)
    bar.show(done, fun=1.0, grad_norm=np.nan)
    bar.close()
    return capsys.readouterr().err


def seconds_left(err):
    minutes, seconds = re.findall(r"<(\d+):(\d+)", err)[-1]
    return 60 * int(minutes) + int(seconds)


def test_what_is_left(capsys, clock):
    """The time that is left is that to maxiter or to maxtime, whichever comes first."""
    err = shown(capsys, clock, 100, 9.5, 1000, "iteration", np.inf)
    assert "10%" in err and "100/1.00k" in err and "fun=1" in err and "grad_norm" not in err
    assert "iterations/s" in err and seconds_left(err) in range(85, 96)
    err = shown(capsys, clock, 10, 5.0, 1000, "iteration", 20.0)
    assert "28%" in err and "5.5/20.0 s" in err and "iterations=10" in err
    assert seconds_left(err) in (13, 14, 15) and "iterations/s=1.8" in err
    err = shown(capsys, clock, 500, 5.0, 1000, "iteration", 20.0)
    assert "50%" in err and "500/1.00k" in err and seconds_left(err) in (5, 6)


def test_a_run_that_goes_on(capsys, clock):
    """What an earlier run did counts for the bar and not for the rate."""
    err = shown(capsys, clock, 900, 9.5, 1000, "iteration", np.inf, 800)
    assert "90%" in err and seconds_left(err) in (9, 10)


def test_line_without_tqdm(capsys, clock, no_tqdm):
    err = shown(capsys, clock, 100, 9.5, 1000, "iteration", np.inf)
    words = r"100 iterations, fun 1, 9\.\d+ iterations/s, 10\.0 s, 9\d\.\d s left"
    assert re.fullmatch(rf"\rgd: {words} *\n", err)
