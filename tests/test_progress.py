"""The progress line: shown in long runs, on stderr alone, and gone from short ones."""

import re
import time

import numpy as np
import pytest
from numba import njit

from fastmomentum import minimize

LINE = re.compile(
    r"\rgd: [\d,]+ iterations, [\d,]+ evaluations, fun \S+(, \|grad\| \S+)?, \d+\.\d s *"
)


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


@pytest.mark.parametrize("compiled", [True, False], ids=["numba", "python"])
def test_progress(compiled, capsys):
    fun, jac = (busy, True) if compiled else (slow, lambda x: 2.0 * x)
    options = {"learning_rate": 1e-9, "gtol": 0.0, "maxtime": 1.2, "maxiter": 10**9}
    x0 = np.ones(3)
    plain = minimize(fun, x0, jac=jac, method="gd", options=options)
    assert plain.status == 4
    assert capsys.readouterr() == ("", "")
    minimize(fun, x0, jac=jac, method="gd", options={**options, "progress": True})
    out, err = capsys.readouterr()
    assert out == ""
    assert LINE.match(err), err
    assert err.endswith("\n")


def test_short_runs_show_nothing(capsys):
    options = {"learning_rate": 0.1, "progress": True}
    assert minimize(busy, np.ones(3), jac=True, method="gd", options=options).success
    assert capsys.readouterr() == ("", "")
