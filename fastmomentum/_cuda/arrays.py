"""Device arrays of other libraries: CuPy's, PyTorch's, Numba's, JAX's, and others by DLPack."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numba import cuda

from .._arrays import device_of, real_of
from .device import simulated


def library_of(array: Any, name: str = "x0") -> Library:
    """What is needed of the library that an array on a device comes from."""
    kind = _KINDS.get(type(array).__module__.partition(".")[0])
    if kind is None and hasattr(array, "__dlpack__") and hasattr(array, "__array_namespace__"):
        kind = Immutable
    if kind is None:
        raise TypeError(
            f"{name} must be an array of CuPy, PyTorch, Numba or JAX where it is on a device, or "
            "one with __dlpack__ and __array_namespace__, got "
            f"{type(array).__module__}.{type(array).__qualname__}."
        )
    if not simulated():
        device, current = device_of(array), cuda.get_current_device().id
        if device not in (None, current):
            raise ValueError(
                f"{name} is on device {device}, and Numba's current one is {current}: call "
                f"within `with numba.cuda.gpus[{device}]:`."
            )
    return kind(array)


def to_host(array: Any, name: str = "x0") -> np.ndarray:
    """The values of an array on a device."""
    library = library_of(array, name)
    found = library.view(array).copy_to_host(stream=library.stream)
    library.stream.synchronize()
    return found.reshape(tuple(array.shape))


def settled_view(array: Any, name: str) -> Any:
    """Numba's view of an array on a device, once what it holds is there.

    Of one without dimensions, the number.
    """
    library = library_of(array, name)
    view = library.view(array)
    library.stream.synchronize()
    return view if array.shape else view.copy_to_host()[0]


class Library:
    """Memory, streams and views.

    Memory that the user's functions see is the library's own, and work is queued on its current
    stream, so that the order is that of the user's code and nothing is copied.
    """

    # May the user's functions write to what they are given?
    writable = True

    def __init__(self, array: Any):
        self.array = array
        self.stream: Any = cuda.stream() if simulated() else self._stream()

    def _stream(self) -> Any:
        """The current stream, as Numba's."""
        raise NotImplementedError

    def empty(self, shape: Any, dtype: Any) -> Any:
        """An array for `view` and `given`."""
        raise NotImplementedError

    def empty_like(self, array: Any) -> Any:
        """An array of the same shape and dtype."""
        return self.empty(tuple(array.shape), real_of(array))

    def view(self, array: Any) -> Any:
        """Numba's view of an array, or of a number on the device."""
        if simulated():
            view = array
        elif cuda.is_cuda_array(array):
            # Not synchronized: the stream is the array's own.
            view = cuda.as_cuda_array(array, sync=False)
        else:
            raise TypeError(f"expected an array on the device, got a {type(array).__name__}.")
        return view.reshape(1) if view.ndim == 0 else view

    def given(self, array: Any) -> Any:
        """An array made by `empty` as the user's functions get it."""
        return array

    def hold(self, *arrays: Any) -> None:
        """Keep arrays that are viewed by work under way, until the next `given` and `hold`."""


class Numba(Library):
    """Numba's arrays, on its default stream."""

    def _stream(self) -> Any:
        return cuda.default_stream()

    def empty(self, shape: Any, dtype: Any) -> Any:
        return cuda.device_array(shape, dtype)


class CuPy(Library):
    """CuPy's arrays."""

    def _stream(self) -> Any:
        cupy = importlib.import_module("cupy")
        return cuda.external_stream(cupy.cuda.get_current_stream().ptr)

    def empty(self, shape: Any, dtype: Any) -> Any:
        return importlib.import_module("cupy").empty(shape, dtype)


class Torch(Library):
    """PyTorch's tensors, without their gradients."""

    def _stream(self) -> Any:
        torch = importlib.import_module("torch")
        return cuda.external_stream(torch.cuda.current_stream().cuda_stream)

    def empty(self, shape: Any, dtype: Any) -> Any:
        torch = importlib.import_module("torch")
        kind = getattr(torch, np.dtype(dtype).name)
        return torch.empty(shape, dtype=kind, device=self.array.device)

    def view(self, array: Any) -> Any:
        return super().view(array.detach() if hasattr(array, "detach") else array)


class Immutable(Library):
    """Arrays that are not to be written to, such as JAX's, through DLPack.

    Their library runs on streams of its own: each side waits for the other's, on the device. The
    user's functions get copies in the library's memory, which they may keep.
    """

    writable = False

    def __init__(self, array: Any):
        super().__init__(array)
        self.namespace = array.__array_namespace__()
        self.held: tuple = ()

    def _stream(self) -> Any:
        return cuda.stream()

    def empty(self, shape: Any, dtype: Any) -> Any:
        return cuda.device_array(shape, dtype)

    def view(self, array: Any) -> Any:
        if type(array).__module__.partition(".")[0] in _NUMBA:
            return super().view(array)
        if simulated():
            return super().view(cuda.to_device(np.from_dlpack(array), copy=False))
        # The producer makes our stream wait.
        found = _core_view().from_dlpack(array, stream_ptr=int(self.stream))
        view = cuda.from_cuda_array_interface(described(found), owner=found, sync=False)
        return view.reshape(1) if view.ndim == 0 else view

    def given(self, array: Any) -> Any:
        shared = Shared(_exported(array), self.stream)
        copied = self.namespace.asarray(self.namespace.from_dlpack(shared), copy=True)
        if not simulated():
            # What is written to `array` from now on waits for the copy.
            copied.__dlpack__(stream=int(self.stream))
        return copied

    def hold(self, *arrays: Any) -> None:
        # Its library would give their memory to others, which do not wait for our stream; from the
        # next copy on they do.
        self.held = arrays


_NUMBA = ("numba", "numba_cuda")
_KINDS: dict[str, type[Library]] = dict.fromkeys(_NUMBA, Numba)
_KINDS |= {"cupy": CuPy, "torch": Torch}


def described(view: Any) -> dict[str, Any]:
    """The CUDA array interface of one of cuda.core's views."""
    strides = view.strides
    if strides is not None:
        strides = tuple(view.dtype.itemsize * s for s in strides)
    return {
        "version": 3,
        "shape": tuple(view.shape),
        "strides": strides,
        "typestr": view.dtype.str,
        "data": (view.ptr, view.readonly),
        "stream": None,
    }


class Shared:
    """A view of one of our arrays for other libraries: their stream waits for ours."""

    def __init__(self, view: Any, stream: Any):
        self.view, self.stream = view, stream

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.view.__dlpack_device__()

    def __dlpack__(self, *, stream: Any = None, **wishes: Any) -> Any:
        """A capsule; of DLPack's wishes those for a copy or a device are left to the caller."""
        version = {k: v for k, v in wishes.items() if k == "max_version"}
        if stream != -1 and not simulated():
            make_event: Any = cuda.event
            event = make_event(timing=False)
            event.record(self.stream)
            # None is the legacy default stream.
            event.wait(cuda.external_stream(1 if stream is None else int(stream)))
        return self.view.__dlpack__(**version)


def _exported(array: Any) -> Any:
    """One of Numba's arrays as an object with ``__dlpack__``."""
    if simulated():
        return array
    kind = _core_view()
    if not hasattr(kind, "__dlpack__"):
        raise ImportError("arrays of JAX need a newer cuda-core: pip install -U cuda-core")
    return kind.from_cuda_array_interface(array, stream_ptr=-1)


def _core_view() -> Any:
    """cuda.core's class of views of memory."""
    return importlib.import_module("cuda.core.utils").StridedMemoryView
