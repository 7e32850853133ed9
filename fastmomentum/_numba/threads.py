"""How many threads this process may use, by whatever limits it; and whether it was forked."""

from __future__ import annotations

import functools
import math
import os
import sys
from typing import Any

# Where Linux tells the groups of this process, and what each of them may use.
GROUPS = "/proc/self/cgroup"
LIMITS = "/sys/fs/cgroup"


def processors() -> int:
    """Processors that this process may use: its affinity, and the quota of its container."""
    count = getattr(os, "process_cpu_count", None)  # from Python 3.13 on
    if count is not None:
        found = count()
    elif hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count()
    return max(1, min(found or 1, _quota()))


def default_threads() -> int:
    """Threads where the user gives no number: the processors, and at most what limits Numba."""
    return max(1, min(processors(), _limit_of_variables(), _limit_of_numba(), _limit_of_pools()))


# -- what limits them ------------------------------------------------------------------------------


@functools.cache  # half a millisecond
def _quota() -> int:
    """Processors' worth of time that the control groups of this process grant, rounded up."""
    least = math.inf
    for folder in _folders():
        least = min(least, _quota_in(folder))
    return math.ceil(least) if least < math.inf else sys.maxsize


def _text(*parts: str) -> str:
    """What a file says; nothing if it cannot be read."""
    try:
        with open(os.path.join(*parts), encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _folders() -> list[str]:
    """Where the limits of this process may be: its group, and those around it."""
    found: list[str] = []
    for line in _text(GROUPS).splitlines():
        _, _, rest = line.partition(":")
        kinds, _, group = rest.partition(":")
        if not group or (kinds and "cpu" not in kinds.split(",")):
            continue
        # Of version 2 the kinds are empty; version 1 has a folder for each combination of them.
        below = (kinds, "cpu") if kinds else ("", "unified")
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for root in below:
            found += [os.path.join(LIMITS, root, *parts[:k]) for k in range(len(parts) + 1)]
    return found


def _quota_in(folder: str) -> float:
    """Processors that the group of this folder may use; infinity if it has no limit."""
    words = _text(folder, "cpu.max").split()  # version 2
    if not words:
        words = [_text(folder, f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    try:
        granted, each = map(int, words)
    except ValueError:  # "max", or none of the files
        return math.inf
    return granted / each if granted > 0 and each > 0 else math.inf


def _number_in(variable: str) -> int:
    """The number that an environment variable begins with; no limit if there is none."""
    try:
        number = int(os.environ.get(variable, "").partition(",")[0])
    except ValueError:
        return sys.maxsize
    return number if number > 0 else sys.maxsize


def _limit_of_variables() -> int:
    """NUMBA_NUM_THREADS, else OMP_NUM_THREADS: joblib and Dask set them for their processes."""
    if "NUMBA_NUM_THREADS" in os.environ:
        return _number_in("NUMBA_NUM_THREADS")
    return _number_in("OMP_NUM_THREADS")


def _numba_threads() -> Any:
    """The module of Numba that starts its threads, if it is loaded."""
    return sys.modules.get("numba.np.ufunc.parallel")


def _limit_of_numba() -> int:
    """What ``numba.set_num_threads`` or Numba's configuration has set, for this thread."""
    module = _numba_threads()
    if module is None:
        return sys.maxsize
    try:
        # Of threads that are not started yet, get_num_threads would start them.
        started = module._is_initialized
        number = int(module._get_num_threads() if started else module.config.NUMBA_NUM_THREADS)
    except Exception:  # not public: another version of Numba may not have them
        return sys.maxsize
    return number if number > 0 else sys.maxsize


def _limit_of_pools() -> int:
    """What threadpoolctl has set for OpenMP, if the program uses it.

    Its limits of BLAS are there to leave the processors to threads such as ours.
    """
    if "threadpoolctl" not in sys.modules:
        return sys.maxsize
    # That of OMP_NUM_THREADS counts only where there is no NUMBA_NUM_THREADS.
    own = _number_in("OMP_NUM_THREADS")
    try:
        found = [int(pool["num_threads"] or own) for pool in _pools(len(sys.modules)).info()]
    except Exception:  # it looks into libraries of all kinds
        return sys.maxsize
    return min((number for number in found if number != own), default=sys.maxsize)


@functools.lru_cache(1)  # several milliseconds; an import may load another one
def _pools(n_modules: int) -> Any:
    """The OpenMP libraries of this process, by threadpoolctl."""
    controller = sys.modules["threadpoolctl"].ThreadpoolController()
    return controller.select(user_api="openmp")


# -- forks -----------------------------------------------------------------------------------------


class _Fork:
    """What a fork has left behind."""

    layer = ""  # of the threads that Numba had started in the parent


def _after_fork() -> None:
    module = _numba_threads()
    if getattr(module, "_is_initialized", False):
        _Fork.layer = str(getattr(module, "_threading_layer", None) or "")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def lost_layer() -> str:
    """``"omp"`` where Numba's OpenMP threads were left behind in the parent of a fork, else "".

    GNU's OpenMP cannot start them again: Numba ends a process that tries.
    """
    return _Fork.layer if _Fork.layer == "omp" and sys.platform == "linux" else ""
