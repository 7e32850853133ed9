"""Device arrays of other libraries: CuPy's, PyTorch's and Numba's."""

from __future__ import annotations

import importlib
from typing import Any

from numba import cuda

from .device import simulated


class Library:
    """What is needed of the library that an array comes from.

    Memory that the user's functions see is the library's own, and work is queued on its current
    stream, so that the order is that of the user's code and nothing is copied.
    """

    def __init__(self, array: Any):
        self.name = type(array).__module__.partition(".")[0]
        if self.name not in ("cupy", "torch", "numba", "numba_cuda"):
            raise TypeError(
                "x0 must be an array of CuPy, PyTorch or Numba where it is on a device, got "
                f"{type(array).__module__}.{type(array).__qualname__}."
            )

    def stream(self) -> Any:
        """The current stream, as Numba's."""
        if simulated():
            return cuda.stream()
        if self.name == "cupy":
            cupy = importlib.import_module("cupy")
            return cuda.external_stream(cupy.cuda.get_current_stream().ptr)
        if self.name == "torch":
            torch = importlib.import_module("torch")
            return cuda.external_stream(torch.cuda.current_stream().cuda_stream)
        return cuda.default_stream()

    def empty_like(self, array: Any) -> Any:
        """An array of the same length and dtype."""
        if self.name == "cupy":
            return importlib.import_module("cupy").empty(array.shape, array.dtype)
        if self.name == "torch":
            return importlib.import_module("torch").empty_like(array.detach())
        return cuda.device_array(array.shape, array.dtype)

    def view(self, array: Any) -> Any:
        """Numba's view of an array, or of a number on the device."""
        if self.name == "torch":
            array = array.detach()
        if not simulated() and not cuda.is_cuda_array(array):
            raise TypeError(f"expected an array on the device, got a {type(array).__name__}.")
        view = array if simulated() else cuda.as_cuda_array(array, sync=False)
        return view.reshape(1) if view.ndim == 0 else view
