"""The CUDA kernels without a device: Numba's simulator, in a process of its own."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from fastmomentum import minimize_batch

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
has_package = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="needs pip install '.[cuda-test]'"
)
# Each in a process of its own.
NAMES = (
    "simulator",
    "simulator_large",
    "simulator_arrays",
    "simulator_entries",
    "simulator_lanes",
    "grids",
)


@has_package
@pytest.mark.parametrize("name", NAMES)
def test_in_the_simulator(name):
    changes = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | changes
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", str(HERE / f"cuda_{name}.py")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=3000,
    )
    if done.returncode != 0:
        pytest.fail(done.stdout[-20000:] + done.stderr[-2000:], pytrace=False)


@pytest.mark.parametrize("device", ["gpu", True, 0, "CUDA"])
def test_devices(device):
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda' or None"):
        minimize_batch(lambda x: x @ x, np.ones((2, 2)), device=device)
