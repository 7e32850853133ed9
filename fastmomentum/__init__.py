"""scipy.optimize.minimize for the momentum family, compiled end to end.

`minimize` is called as SciPy's; `minimize_batch` solves many small problems in one call,
`multistart` one from many starts, `path` one for many weights of a penalty; `schedules` holds
learning rates and momenta that change with the iteration, `penalties` nonsmooth terms and
constraints, `problems` test problems, `jit` minimizers and rules for use inside other Numba
functions. Importing this package imports neither Numba nor SciPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from . import jit as jit
    from . import penalties as penalties
    from . import problems as problems
    from . import schedules as schedules
    from ._batch import minimize_batch as minimize_batch
    from ._minimize import minimize as minimize
    from ._multistart import multistart as multistart
    from ._objective import CompilationWarning as CompilationWarning
    from ._options import show_options as show_options
    from ._path import path as path
    from ._result import OptimizeResult as OptimizeResult
    from ._result import Status as Status

# Where each public name lives; imported at its first use.
_HOMES = {
    "CompilationWarning": "._objective",
    "OptimizeResult": "._result",
    "Status": "._result",
    "minimize": "._minimize",
    "minimize_batch": "._batch",
    "multistart": "._multistart",
    "path": "._path",
    "show_options": "._options",
}
_MODULES = ("jit", "penalties", "problems", "schedules")

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
