"""What the tests in Numba's CUDA simulator need of it."""

import sys
import threading

import numpy as np
from numba.cuda.simulator import kernelapi

# Threads that wait for each other switch sooner.
sys.setswitchinterval(1e-4)
_lock = threading.Lock()


def _shared_array(self, shape, dtype):
    """One array for each line, as the simulator has it.

    It looks whether there is one and makes it in two steps, between which threads may switch: each
    then has its own.
    """
    frame = sys._getframe(1)
    with _lock:
        return self._allocations.setdefault(
            (frame.f_code.co_filename, frame.f_lineno), np.empty(shape, dtype)
        )


kernelapi.FakeCUDAShared.array = _shared_array
