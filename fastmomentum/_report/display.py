"""What `disp` prints."""

from __future__ import annotations

import sys

from .result import OptimizeResult, carrying
from .streams import say
from .warnings import warn


def write(text: str) -> None:
    """Print it, where there is something to print on."""
    say(sys.stdout, text)


def show_ending(result: OptimizeResult) -> None:
    """The end of a run as SciPy's BFGS shows it: one that failed gives its message as a warning."""
    with carrying(result):
        message(result, bool(result.success))
        write(
            f"         Current function value: {result.fun:f}\n"
            f"         Iterations: {result.nit:d}\n"
            f"         Function evaluations: {result.nfev:d}\n"
            f"         Gradient evaluations: {result.njev:d}\n"
        )


def show_ending_of_batch(result: OptimizeResult) -> None:
    """The same for a batch; problems that were skipped, status -1, did not fail."""
    with carrying(result):
        message(result, not (result.status > 0).any())
        write(f"         Function evaluations: {int(result.nfev.sum()):d}\n")


def message(result: OptimizeResult, success: bool) -> None:
    """Print it, or warn of it."""
    if success:
        write(f"{result.message}\n")
        return
    from scipy.optimize import OptimizeWarning

    warn(result.message, OptimizeWarning)
