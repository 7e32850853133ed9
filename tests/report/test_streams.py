"""What is printed, shown and written after a run never costs its result."""

import io
import os
import re
import sys
import warnings

import numpy as np
import pytest
from comparisons import assert_same
from scipy.optimize import OptimizeWarning
from shards import N, data, squares_pair

from fastmomentum import Status, minimize, minimize_batch, minimize_sum, penalties, show_options
from fastmomentum._report import progress as _progress
from fastmomentum._report.streams import say

X0 = np.array([1.0, -2.0])
RUN = {"x0": X0, "jac": True}


def bowl(x):
    return 0.5 * float(x @ x), x


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def broken_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return open(writing, "w", buffering=1)


class Raising:
    """A window that was closed."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, name):
        raise self.error


STREAMS = {
    "none": lambda: None,
    "closed": closed,
    "broken pipe": broken_pipe,
    "window": lambda: Raising(RuntimeError("main thread is not in main loop")),
    "no stream": lambda: object(),
    "ascii": lambda: io.TextIOWrapper(io.BytesIO(), "ascii"),
}


@pytest.fixture(name="streams", params=STREAMS)
def _streams(request, monkeypatch):
    """Such a stdout and stderr."""
    made = {}

    def replace(*names):
        for name in names:
            made[name] = STREAMS[request.param]()
            monkeypatch.setattr(sys, name, made[name])

    yield replace
    monkeypatch.undo()
    for stream in made.values():
        if isinstance(stream, io.TextIOWrapper):
            try:
                stream.close()
            except OSError:
                os.close(stream.fileno()) if not stream.closed else None


@pytest.fixture(name="often", params=["tqdm", "line"])
def _often(request, monkeypatch):
    """Progress is shown at every call."""
    monkeypatch.setattr(_progress, "SECONDS", 0.0)
    if request.param == "line":
        for name in ("tqdm", "tqdm.auto"):
            monkeypatch.setitem(sys.modules, name, None)


def test_disp_on_any_stream(streams):
    whole = minimize(bowl, **RUN)
    streams("stdout")
    assert_same(whole, minimize(bowl, **RUN, options={"disp": True}))
    found = minimize_batch(bowl, np.ones((2, 2)), jac=True, options={"disp": True})
    assert found.success.all()
    show_options("gd")


def test_progress_on_any_stream(streams, often):
    whole = minimize(bowl, **RUN)
    streams("stdout", "stderr")
    assert_same(whole, minimize(bowl, **RUN, options={"progress": True, "disp": True}))
    found = minimize_batch(bowl, np.ones((3, 2)), jac=True, options={"progress": True})
    assert found.success.all()


def test_warnings_on_any_stream(streams, monkeypatch):
    streams("stderr")

    def show(*about, **more):
        sys.stderr.write("warning\n")

    monkeypatch.setattr(warnings, "showwarning", show)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        found = minimize(bowl, **RUN, options={"disp": True, "maxiter": 0})
    assert found.status == Status.MAXITER


def test_a_stream_that_fails_under_way(monkeypatch, often):
    whole = minimize(bowl, **RUN)

    class Failing(io.StringIO):
        count = 0

        def write(self, text):
            self.count += 1
            if self.count > 2:
                raise OSError(32, "Broken pipe")
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Failing())
    assert_same(whole, minimize(bowl, **RUN, options={"progress": True}))


def test_characters_that_the_encoding_lacks():
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert say(stream, "caf\u00e9")
    stream.flush()
    assert stream.buffer.getvalue() == b"caf?"
    assert not say(None, "x")


@pytest.mark.parametrize("kind", ["tqdm", "line"])
def test_what_was_shown_last_is_there_once(capsys, monkeypatch, kind):
    """Also in a file, where each state of a bar is a line of its own."""
    if kind == "line":
        for name in ("tqdm", "tqdm.auto"):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(_progress, "SECONDS", 0.0)
    bar = _progress.Progress("gd", 0.0, 10, "iteration", np.inf)
    bar.show(3)
    bar.show(7)
    bar.close()
    bar.close()
    bar.show(9)
    err = capsys.readouterr().err
    shown = [line for line in err.replace("\r", "\n").split("\n") if line.strip()]
    assert err.endswith("\n") and "7" in shown[-1]
    assert sum(bool(re.search(r"\b7(\.00)?/10|: 7 iterations", line)) for line in shown) == 1


# -- exceptions after the loop ---------------------------------------------------------------------


def full(descriptor):
    raise OSError(28, "No space left on device")


CALLS = {
    "run": lambda **more: minimize(bowl, **RUN, **more),
    "batch": lambda **more: minimize_batch(bowl, np.ones((3, 2)), jac=True, **more),
    "sum": lambda options=None, **more: minimize_sum(
        squares_pair, np.zeros(N), data(), seed=1, epochs=2,
        options={"learning_rate": 0.01, **(options or {})}, **more,
    ),
}  # fmt: skip


@pytest.mark.parametrize("every", [0.0, 1e9], ids=["under way", "at the end"])
@pytest.mark.parametrize("kind", [OSError, MemoryError, ArithmeticError])
@pytest.mark.parametrize("name", CALLS)
def test_a_checkpoint_that_cannot_be_written(name, kind, every, tmp_path, monkeypatch):
    """Where warnings are errors, or it is no such error, too."""

    def failing(descriptor):
        raise kind("full")

    whole = CALLS[name]()
    monkeypatch.setattr(os, "fsync", failing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((RuntimeWarning, ArithmeticError), match="full") as caught:
            CALLS[name](checkpoint=tmp_path / "run.npz", options={"checkpoint_every": every})
    found = caught.value.result
    assert found.x.shape == whole.x.shape and not os.listdir(tmp_path)
    if every > 0.0:
        assert np.array_equal(found.x, whole.x)


@pytest.mark.parametrize("name", CALLS)
def test_an_exception_wins_over_what_follows_from_it(name, tmp_path, monkeypatch):
    """That the checkpoint cannot be written either is in the notes."""

    def fail(*args, **more):
        raise ArithmeticError("lost")

    monkeypatch.setattr(os, "fsync", full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArithmeticError, match="lost") as caught:
            CALLS[name](checkpoint=tmp_path / "run.npz", callback=fail)
    assert np.isfinite(caught.value.result.x).all()


@pytest.mark.parametrize("name", ["run", "batch"])
def test_a_message_that_is_an_error(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OptimizeWarning) as caught:
            CALLS[name](options={"disp": True, "maxiter": 0})
    assert np.all(caught.value.result.status == Status.MAXITER)


def test_ctrl_c_while_the_ending_is_printed(monkeypatch):
    class Pressing(io.StringIO):
        def write(self, text):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdout", Pressing())
    for name in ("run", "batch"):
        with pytest.raises(KeyboardInterrupt) as caught:
            CALLS[name](options={"disp": True})
        assert np.all(caught.value.result.success)


def test_an_operator_that_fails_at_the_end():
    """The last look at the norm is the user's code."""
    calls, most = [], []

    def prox(v, step):
        calls.append(1)
        if most and len(calls) == most[0]:
            raise ArithmeticError("lost")
        return np.sign(v) * np.maximum(np.abs(v) - step, 0.0)

    def solve():
        calls.clear()
        penalty = penalties.Prox(prox, lambda x: np.abs(x).sum())
        return minimize(bowl, **RUN, method="gd", penalty=penalty, options={"maxiter": 3})

    whole = solve()
    most.append(len(calls))
    with pytest.raises(ArithmeticError, match="lost") as caught:
        solve()
    assert np.array_equal(caught.value.result.x, whole.x) and caught.value.result.fun == whole.fun
