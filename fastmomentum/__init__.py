"""scipy.optimize.minimize for the momentum family, compiled end to end.

`minimize` is called as SciPy's; `minimize_batch` solves many small problems in one call,
`minimize_sum` a sum by batches of its terms, `multistart` one problem from many starts, `path` one
for many weights of a penalty; `scipy_method` makes a method for SciPy and other packages;
`schedules` holds learning rates and momenta that change with the iteration, `penalties` nonsmooth
terms and constraints, `problems` test problems, `distributed` sums over shards of data, `jit`
minimizers and rules for use inside other Numba functions. Importing this package imports neither
Numba nor SciPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import _threads as _threads  # it notes forks
from ._version import __version__

if TYPE_CHECKING:
    from . import distributed as distributed
    from . import jit as jit
    from . import objectives as objectives
    from . import penalties as penalties
    from . import plot as plot
    from . import problems as problems
    from . import schedules as schedules
    from ._batch import minimize_batch as minimize_batch
    from ._batch_state import BatchState as BatchState
    from ._minimize import minimize as minimize
    from ._multistart import multistart as multistart
    from ._objective import CompilationWarning as CompilationWarning
    from ._optimizer import Optimizer as Optimizer
    from ._options import show_options as show_options
    from ._path import path as path
    from ._result import OptimizeResult as OptimizeResult
    from ._result import Status as Status
    from ._scipy import scipy_method as scipy_method
    from ._state import State as State
    from ._sum_state import SumState as SumState
    from ._sums import minimize_sum as minimize_sum

# Where each public name lives; imported at its first use.
_HOMES = {
    "BatchState": "._batch_state",
    "CompilationWarning": "._objective",
    "OptimizeResult": "._result",
    "Optimizer": "._optimizer",
    "State": "._state",
    "Status": "._result",
    "SumState": "._sum_state",
    "minimize": "._minimize",
    "minimize_batch": "._batch",
    "minimize_sum": "._sums",
    "multistart": "._multistart",
    "path": "._path",
    "scipy_method": "._scipy",
    "show_options": "._options",
}
_MODULES = ("distributed", "jit", "objectives", "penalties", "plot", "problems", "schedules")

__all__ = ["__version__", *sorted((*_HOMES, *_MODULES))]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
