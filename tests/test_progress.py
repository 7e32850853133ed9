"""The progress bar: shown in long runs, on stderr alone, and gone from short ones."""

import re
import sys
import time

import numpy as np
import pytest
from numba import njit

from fastmomentum import minimize, minimize_batch
from fastmomentum._progress import Progress

NUMBERS = r"fun[= ]\S+,? .*learning_rate[= ]\S+"
LINE = re.compile(rf"\rgd: [\d,]+ iterations, {NUMBERS}, nfev \d+, \d+\.\d s *\n")
BAR = re.compile(rf"gd: +\d+%\|.*\| .*iterations=\S+ {NUMBERS}", re.DOTALL)


def slow(x):
    time.sleep(0.02)
    return float(x @ x)


@njit
def busy(x, out):
    """Some 10 us of work for nothing."""
    waste = 0.0
    for i in range(10_000):
        waste += np.sqrt(i)
    for i in range(x.size):
        out[i] = x[i]
    return 0.5 * x @ x + 0.0 * waste


@pytest.fixture(autouse=True, scope="module")
def _compiled():
    """So that compiling is no part of the times."""
    minimize(busy, np.ones(3), jac=True, method="gd", options={"learning_rate": 0.1})


@pytest.fixture(name="no_tqdm")
def _no_tqdm(monkeypatch):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)


def long_run(compiled, **more):
    fun, jac = (busy, True) if compiled else (slow, lambda x: 2.0 * x)
    options = {"learning_rate": 1e-9, "gtol": 0.0, "maxtime": 1.2, "maxiter": 10**9, **more}
    return minimize(fun, np.ones(3), jac=jac, method="gd", options=options)


@pytest.mark.parametrize("compiled", [True, False], ids=["numba", "python"])
def test_progress(compiled, capsys):
    assert long_run(compiled).status == 4
    assert capsys.readouterr() == ("", "")
    long_run(compiled, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert BAR.search(err), err
    assert "/1.2 s [" in err and "iterations=" in err
    assert err.endswith("\n")


def test_without_tqdm(capsys, no_tqdm):
    long_run(True, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert LINE.fullmatch(err), err


@pytest.mark.parametrize("tqdm", [True, False])
def test_short_runs_show_nothing(capsys, request, tqdm):
    if not tqdm:
        request.getfixturevalue("no_tqdm")
    options = {"learning_rate": 0.1, "progress": True}
    assert minimize(busy, np.ones(3), jac=True, method="gd", options=options).success
    assert minimize_batch(busy, np.ones((4, 3)), jac=True, options={"progress": True}).success.all()
    assert capsys.readouterr() == ("", "")


def test_batch(capsys):
    X0 = np.ones((40, 3))
    minimize_batch(slow, X0, jac=lambda x: 2.0 * x, options={"progress": True})
    err = capsys.readouterr().err
    assert re.search(r"momentum: +\d+%\|.*/40.0 \[.* problems/s, converged=\d+\]", err), err


def test_what_is_left(capsys):
    """The time that is left is that to maxiter or, where it is given, to maxtime."""
    begin = time.perf_counter() - 9.5
    bar = Progress("gd", begin, 1000, "iteration", np.inf)
    time.sleep(0.6)
    bar.show(100, fun=1.0, grad_norm=np.nan)
    bar.close()
    err = capsys.readouterr().err
    assert "10%" in err and "100/1.00k" in err and "fun=1" in err and "grad_norm" not in err
    bar = Progress("gd", time.perf_counter() - 5.0, 1000, "iteration", 20.0)
    time.sleep(0.6)
    bar.show(999, fun=1.0)
    bar.close()
    err = capsys.readouterr().err
    assert "28%" in err and "5.6/20.0 s" in err and "iterations=999" in err
