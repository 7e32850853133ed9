"""Fixtures that all tests share."""

import os
import signal

# Where the tests run in the background of a script, the shell has it ignored, and so would all
# processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before NumPy is imported: the workers of a parallel run would fight for the cores.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402

# Their asserts are to show values, as those of tests do.
pytest.register_assert_rewrite(
    *("automatic", "bad_input", "batches", "bounded", "comparisons", "composite"),
    *("operators", "plugged"),
)

import numpy as np  # noqa: E402
import processes  # noqa: E402
from clocks import turned_by_hand  # noqa: E402

# A program of its own, for which atheris is needed.
collect_ignore = ["fuzz/checkpoint.py"]
if not os.environ.get("NUMBA_ENABLE_CUDASIM"):
    # For processes of their own, see test_cuda.py, with what they import.
    collect_ignore_glob = ["cuda/cuda_simulator*.py", "cuda/cuda_grids.py", "cuda/simulat*.py"]
    collect_ignore.append("cuda/parts.py")


def pytest_configure():
    """Hypothesis tries the same examples in each run, and keeps none on disk."""
    import hypothesis

    hypothesis.settings.register_profile("same", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("same")


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(20240229)


@pytest.fixture
def clock(monkeypatch):
    """What the package takes for the time; it stands still but for `sleep`."""
    return turned_by_hand(monkeypatch)


@pytest.fixture(scope="session")
def run_python():
    """`processes.run_python`, for tests that do not import it."""
    return processes.run_python
