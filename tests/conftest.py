"""Fixtures that all tests share."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import textwrap
import warnings

# Where the tests run in the background of a script, the shell has it ignored, and so would all
# processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before NumPy is imported: the workers of a parallel run would fight for the cores.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from clocks import turned_by_hand  # noqa: E402

# A program of its own, for which atheris is needed.
collect_ignore = ["fuzz"]
if not os.environ.get("NUMBA_ENABLE_CUDASIM"):
    # For processes of their own, see test_cuda.py.
    names = ("simulator", "simulator_entries", "simulator_lanes", "grids")
    collect_ignore += [f"cuda_{name}.py" for name in names]


def pytest_configure():
    """Hypothesis tries the same examples in each run, and keeps none on disk."""
    import hypothesis

    hypothesis.settings.register_profile("same", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("same")


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(20240229)


def some(rows, usual):
    """All rows as parameters, those that are not `usual(*row)` as slow ones.

    A row is a tuple, or the only value; `usual` may be the tuple of the usual ones.
    """
    rows = [row if isinstance(row, tuple) else (row,) for row in rows]
    if isinstance(usual, tuple):
        kept = [row if isinstance(row, tuple) else (row,) for row in usual]
        assert all(row in rows for row in kept), "no such rows"
        return some(rows, lambda *row: row in kept)
    return [pytest.param(*row, marks=() if usual(*row) else pytest.mark.slow) for row in rows]


def environment_of(changes=None):
    """The environment of a fresh Python: this one's with `changes`; None removes a variable."""
    environment = dict(os.environ)
    for name in ("PYTEST_CURRENT_TEST", "NUMBA_DISABLE_JIT"):
        environment.pop(name, None)
    for name, value in (changes or {}).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = str(value)
    return environment


def run_python(code, *, env=None, check=True, cwd=None, timeout=1200):
    """Run `code` in a fresh Python; the completed process, with its output as text.

    Parameters
    ----------
    code : str
        May be indented as a whole. Objectives that are to be cached must be in an importable file.
    env : dict, optional
        Changes of the environment; None removes a variable.
    check : bool, default True
        Fail the test, with the output, if the process fails.
    cwd : path, optional
        Its directory; the tests' own, so that their helper modules can be imported, if None.
    timeout : float, default 1200
        Seconds, after which it hangs, and is no longer slow.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env=environment_of(env),
        cwd=cwd or os.path.dirname(os.path.abspath(__file__)),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if check and done.returncode != 0:
        pytest.fail(f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


def run_here(code):
    """What `code` writes, run in this process; to be compared with that of a fresh one."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), np.errstate(), warnings.catch_warnings():
        exec(textwrap.dedent(code), {"__name__": "code"})
    return out.getvalue()


@pytest.fixture
def clock(monkeypatch):
    """What the package takes for the time; it stands still but for `sleep`."""
    return turned_by_hand(monkeypatch)


@pytest.fixture(name="run_python", scope="session")
def _run_python():
    """`run_python`, for tests that do not import it."""
    return run_python
