"""Is there a CUDA device, and how functions are compiled for it."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numba

WARP = 32
# What the simulator's `jit` knows.
_SIMULATED_FLAGS = ("device", "fastmath", "debug")


class NoDeviceError(RuntimeError):
    """There is no CUDA device that could be used; the message says why."""


def simulated() -> bool:
    """Is Numba's CUDA simulator on (``NUMBA_ENABLE_CUDASIM=1``)?"""
    return bool(getattr(numba.config, "ENABLE_CUDASIM", False))


class KernelModule:
    """The module ``cuda`` as functions that a kernel calls see it, in the simulator.

    There the kernel's own module is changed while it runs; functions that were made for a device
    have copies of their modules' names.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(under_way(), name)


def under_way() -> Any:
    """What the simulator puts in the place of ``cuda`` for the kernel under way."""
    from numba.cuda.simulator import kernel

    return kernel._get_kernel_context()


def check_device() -> None:
    """An error unless kernels can be compiled and run here."""
    reason = _reason()
    if reason:
        raise NoDeviceError(
            "device='cuda' needs an NVIDIA GPU with its driver, and the package numba-cuda "
            f"(pip install 'fastmomentum[cuda13]', or cuda12 for older drivers): {reason}."
        )


def _reason() -> str:
    """Why there is no device; empty if there is one."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    try:
        from numba import cuda
    except Exception as error:
        return f"numba-cuda cannot be imported ({type(error).__name__}: {error})"
    if simulated():
        return ""
    try:
        if cuda.is_available() and len(cuda.gpus) > 0:
            return ""
    except Exception as error:
        return f"no GPU can be used ({type(error).__name__}: {error})"
    return "no GPU was found, or its driver does not work"


def kernel(function: Callable | None = None, **flags: Any) -> Any:
    """``@cuda.jit`` without what the simulator does not know."""
    if function is None:
        return functools.partial(kernel, **flags)
    from numba import cuda

    if simulated():
        flags = {name: value for name, value in flags.items() if name in _SIMULATED_FLAGS}
    return cuda.jit(**flags)(function)


def device_function(function: Callable, **flags: Any) -> Any:
    """A function that kernels call; in the simulator it is Python's."""
    if simulated():
        return function
    return kernel(function, device=True, **flags)


def shape_for(size: int) -> tuple[int, int]:
    """Blocks and threads of a kernel whose threads take elements a grid apart each."""
    return (1, 2) if simulated() else (max(1, min(1024, -(-size // 256))), 256)


def configured(solve: Any, blocks: int, threads: int, stream: Any = 0) -> Any:
    """``solve[blocks, threads, stream]``, without Numba's advice to use more blocks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return solve[blocks, threads, stream]
