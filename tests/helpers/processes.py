"""Python in a fresh process, and the same code in this one."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

HELPERS = pathlib.Path(__file__).resolve().parent


def importable():
    """The folders of helpers and tests that this process imports from, and what PYTHONPATH has."""
    tests = HELPERS.parent
    ours = [path for path in sys.path if tests in pathlib.Path(path).parents]
    return os.pathsep.join([*ours, *filter(None, [os.environ.get("PYTHONPATH")])])


def environment_of(changes=None):
    """The environment of a fresh Python: this one's with `changes`; None removes a variable.

    Helpers, and the module of the test that asks for it, can be imported there.
    """
    environment = {**os.environ, "PYTHONPATH": importable()}
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
        Its directory; that of the helpers, if None.
    timeout : float, default 1200
        Seconds, after which it hangs, and is no longer slow.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env=environment_of(env),
        cwd=cwd or HELPERS,
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
