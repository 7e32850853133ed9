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

from ._numba import threads as threads  # it notes forks
from ._version import __version__

if TYPE_CHECKING:
    from . import distributed as distributed
    from . import jit as jit
    from . import objectives as objectives
    from . import penalties as penalties
    from . import plot as plot
    from . import problems as problems
    from . import schedules as schedules
    from ._batch.minimize_batch import minimize_batch as minimize_batch
    from ._batch.state import BatchState as BatchState
    from ._check.show import show_options as show_options
    from ._keep.state import State as State
    from ._minimize.minimize import minimize as minimize
    from ._multistart import multistart as multistart
    from ._optimizer import Optimizer as Optimizer
    from ._path import path as path
    from ._problem.objective import CompilationWarning as CompilationWarning
    from ._report.result import OptimizeResult as OptimizeResult
    from ._report.result import Status as Status
    from ._scipy import scipy_method as scipy_method
    from ._sums.minimize_sum import minimize_sum as minimize_sum
    from ._sums.state import SumState as SumState

# Where each public name lives; imported at its first use.
_HOMES = {
    "BatchState": "._batch.state",
    "CompilationWarning": "._problem.objective",
    "OptimizeResult": "._report.result",
    "Optimizer": "._optimizer",
    "State": "._keep.state",
    "Status": "._report.result",
    "SumState": "._sums.state",
    "minimize": "._minimize.minimize",
    "minimize_batch": "._batch.minimize_batch",
    "minimize_sum": "._sums.minimize_sum",
    "multistart": "._multistart",
    "path": "._path",
    "scipy_method": "._scipy",
    "show_options": "._check.show",
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
