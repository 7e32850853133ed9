"""What is said where there is no CUDA device."""

import importlib.util

import numpy as np
import pytest
from processes import run_python

from fastmomentum import minimize_batch
from fastmomentum._cuda import device


def no_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_without_the_package(monkeypatch):
    no_package(monkeypatch)
    with pytest.raises(device.NoDeviceError, match="numba-cuda is not installed") as caught:
        device.check_device()
    assert "pip install 'fastmomentum[cuda13]'" in str(caught.value)
    assert isinstance(caught.value, RuntimeError)


def test_a_batch_says_so(monkeypatch):
    no_package(monkeypatch)
    with pytest.raises(device.NoDeviceError, match="needs an NVIDIA GPU"):
        minimize_batch(lambda x, out: 0.0, np.ones((2, 2)), jac=True, device="cuda")


@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="needs pip install '.[cuda-test]'"
)
def test_without_a_device():
    """With the package, on a machine whose devices are hidden."""
    run_python(
        """
        from fastmomentum._cuda.device import NoDeviceError, check_device
        try:
            check_device()
        except NoDeviceError as error:
            assert "no GPU was found" in str(error), error
        else:
            raise AssertionError
        """,
        env={"CUDA_VISIBLE_DEVICES": "", "NUMBA_ENABLE_CUDASIM": None},
    )


def test_nothing_of_cuda_is_imported():
    done = run_python(
        """
        import sys, numpy as np
        import fastmomentum
        from fastmomentum import minimize
        minimize(lambda x: x @ x, np.ones(2))
        assert not [name for name in sys.modules if "cuda" in name and "numba" not in name]
        assert "fastmomentum._cuda" not in sys.modules
        """
    )
    assert done.returncode == 0
