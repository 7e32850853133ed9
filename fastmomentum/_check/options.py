"""The options that every method has, and the checks of all options of a run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._methods import Method
from .._methods.base import LEAST_MEMORY, most_memory
from .._report.warnings import warn
from .parameters import check_parameters
from .values import (
    UNLIMITED,
    as_dict,
    as_float,
    as_numbers,
    check_choice,
    check_flag,
    check_number,
    is_real,
    nearest,
    shown,
)

# On the infinity norm. float32 gradients carry errors of about eps**(1/3), as relative as in
# float64, for which 1e-5 is SciPy's default.
DEFAULT_GTOL = {"float64": 1e-5, "float32": 1e-3}
# What options are called in other libraries, where that is not similar.
ELSEWHERE = {
    **dict.fromkeys(("alpha", "eta", "lr", "step_size", "stepsize"), "learning_rate"),
    **dict.fromkeys(("iprint", "verbose"), "disp"),
}
MAXITER, MAXITER_PER_VARIABLE = 10_000, 200  # the larger, where none is given


@dataclasses.dataclass(frozen=True)
class Option:
    """An option that every method has."""

    name: str
    default: Any
    doc: str


OPTIONS = (
    Option("gtol", None, "Stop when the norm of the gradient is at most this (default 1e-5; "
           "1e-3 in float32)."),
    Option("norm", math.inf, "Order of that norm: a number, inf or -inf."),
    Option("ftol", 0.0, "Stop when |f_k - f_{k-1}| <= ftol * max(|f_k|, |f_{k-1}|, 1) twice in a "
           "row. 0: never."),
    Option("xtol", 0.0, "Stop when max|x_k - x_{k-1}| <= xtol * (xtol + max|x_{k-1}|) twice in a "
           "row. 0: never."),
    Option("gap_tol", 0.0, "Stop when the duality gap is at most gap_tol * fun. For penalty=L1(w), "
           "w > 0, and a function that is convex and >= 0, as squares and logistic losses are: the "
           "gap bounds fun minus its minimum. 0: never."),
    Option("maxiter", None, "Most iterations (default max(10000, 200 n): first-order methods with "
           "a fixed rate take more, and cheaper, iterations than BFGS)."),
    Option("maxfev", None, "Most calls of fun, those of finite differences included. None: no "
           "limit."),
    Option("maxtime", None, "Most seconds, compilation included. None: no limit."),
    Option("patience", None, "Stop after this many iterations without a new lowest value. None: "
           "never."),
    Option("disp", False, "Print how the run ended, as SciPy does; a run that did not converge "
           "gives its message as an OptimizeWarning. An integer, in SciPy a level, is True unless "
           "it is 0."),
    Option("progress", False, "Show on stderr how far the run has come, every half second, and "
           "the time left to maxiter or maxtime, whichever is first: by tqdm's bar if that is "
           "installed, in terminals and notebooks."),
    Option("return_all", False, "Keep the iterates in result.allvecs."),
    Option("history", False, "Record fun, grad_norm and learning_rate of each iteration in "
           "result.history."),
    Option("check_jac", False, "Before the run, compare jac with central differences of fun at x0 "
           "and at a point near it: an error names the worst component. Of more than 1000 "
           "variables 1000 are looked at. The calls, some 4 n of fun, are not counted."),
    Option("eps", None, "Step of finite differences, a number or one for each variable, for "
           "jac=None, as in SciPy: x + eps, or x - eps where that is outside the bounds. None, or "
           "where it is lost to rounding: one that suits the precision, relative to max(1, |x|). "
           "Not used where a gradient is given."),
    Option("finite_diff_rel_step", None, "The same, relative to |x|, for jac='2-point', '3-point' "
           "or 'cs', and for jac=None without eps: x + finite_diff_rel_step * x."),
    Option("keep_state", None, "Keep result.state, which holds all vectors of the method. None: of "
           "a run that did not converge; True: of any; False: of none, as for a result that is to "
           "be small."),
    Option("checkpoint_every", 60.0, "Seconds between two writings of the file `checkpoint`; more "
           "where writing takes over 5 % of the time."),
    Option("on_interrupt", "raise", "Ctrl-C: 'raise' KeyboardInterrupt with the best point in its "
           "attribute `result`, or 'return' that result, with status 5."),
    Option("backend", "auto", "'auto'; 'numba': an error rather than a slow run in Python if the "
           "objective does not compile; 'python': call fun and jac from Python."),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Settings:
    """The options of one run, checked; the same object where the same were checked before."""

    method: Method
    learning_rate: Any
    momentum: Any
    constants: tuple[float, ...]  # of the method's own, in the order of `Method.constants`
    memory: int  # velocities that are kept at most
    least_memory: int  # and at least, where their number is chosen
    x_scale: np.ndarray | None
    own: dict[str, Any]  # the method's options that were given
    gtol: float
    norm: float
    ftol: float
    xtol: float
    gap_tol: float
    maxiter: int
    maxfev: int
    maxtime: float
    patience: int
    disp: bool
    progress: bool
    return_all: bool
    history: bool
    check_jac: bool
    eps: np.ndarray | None
    finite_diff_rel_step: np.ndarray | None
    keep_state: bool | None
    checkpoint_every: float
    on_interrupt: str
    backend: str
    single_steps: bool = False  # no test of a step says whether the run has ended

    @property
    def steps(self) -> tuple[Any, Any]:
        """Steps of differences, absolute and relative; 0 where there are none."""
        given = self.eps, self.finite_diff_rel_step
        return tuple(0.0 if step is None else step for step in given)  # type: ignore[return-value]

    def with_fixed_memory(self) -> Settings:
        """The same where a number of velocities that is chosen is the least."""
        return dataclasses.replace(self, memory=self.least_memory)

    def keeps_state(self, success: bool) -> bool:
        """Does the result have a state?"""
        return not success if self.keep_state is None else self.keep_state

    def returns_after(self, error: BaseException) -> bool:
        """Is it Ctrl-C, after which the result is to be returned?"""
        return isinstance(error, KeyboardInterrupt) and self.on_interrupt == "return"


def check_step_options(options: Any) -> None:
    """What has no meaning where the caller has the loop."""
    for name in (
        "disp",
        "progress",
        "return_all",
        "backend",
        "on_interrupt",
        "checkpoint_every",
        "check_jac",
        "eps",
        "finite_diff_rel_step",
    ):
        if name in dict(options or {}):
            raise ValueError(f"{name} is not an option of Optimizer: leave it out.")


def _check_step(name: str, value: Any, x0: np.ndarray) -> np.ndarray | None:
    """Steps of differences in the precision of x0, one or one for each variable."""
    if value is None:
        return None
    rule = f"be a finite number, or an array of {x0.size} of them"
    steps = as_numbers(name, value, "fiu", rule)
    if steps.shape not in ((), (1,), (x0.size,)):
        raise ValueError(f"{name} must {rule}, got shape {steps.shape}.")
    with np.errstate(over="ignore"):
        steps = np.atleast_1d(steps).astype(x0.dtype)
    if not np.isfinite(steps).all():
        raise ValueError(f"{name} must {rule}, got {shown(value)}.")
    return steps


def difference_settings(settings: Settings, jac: Any) -> Settings:
    """The settings with the one of `eps` and `finite_diff_rel_step` that SciPy uses with `jac`."""
    if settings.eps is None:
        return settings
    if jac is None or (isinstance(jac, bool | np.bool_) and not jac):
        if settings.finite_diff_rel_step is None:
            return settings
        return dataclasses.replace(settings, finite_diff_rel_step=None)
    if isinstance(jac, str):
        warn(
            f"eps is for jac=None, and not used with jac={jac!r}: give finite_diff_rel_step.",
            RuntimeWarning,
        )
    elif "epsilon" in settings.method.parameter_names:  # which others call eps
        raise ValueError(
            f"eps is the step of differences, and jac takes none, got {settings.eps.tolist()}: "
            f"method {settings.method.name!r} has the option 'epsilon'."
        )
    return dataclasses.replace(settings, eps=None)


def _order(value: Any) -> float:
    if not is_real(value):
        raise TypeError(f"norm must be a number >= 1, inf or -inf, got {shown(value)}.")
    order = as_float(value)
    if not (order >= 1.0 or order == -math.inf):
        raise ValueError(f"norm must be a number >= 1, inf or -inf, got {shown(value)}.")
    return order


def check_options(method: Method, tol: Any, options: Any, x0: np.ndarray) -> Settings:
    """All options of a run; `tol` sets gtol unless that is given."""
    options = as_dict(options)
    # The same options come again and again where many small problems are solved in a row. The
    # types are part of the key since 1 == True.
    key = (method.name, tol, type(tol), x0.size, x0.dtype.char)
    items = tuple((name, type(value), value) for name, value in options.items())
    if any(map(callable, options.values())):  # schedules are not kept alive
        return _check_options(method, tol, options, x0)
    try:
        known = _checked.get((key, items))
    except TypeError:  # an unhashable value
        return _check_options(method, tol, options, x0)
    if known is None:
        known = _check_options(method, tol, options, x0)
        if len(_checked) > 256:
            _checked.clear()
        _checked[key, items] = known
    return known


_checked: dict[tuple, Settings] = {}


def option_names(method: Method) -> tuple[str, ...]:
    """All options of a method."""
    return (*(option.name for option in OPTIONS), *method.parameter_names)


def check_option_names(method: Method, names: Iterable[Any]) -> None:
    """Refuse the first name that is none of the method's options."""
    valid = option_names(method)
    for name in names:
        if name not in valid:
            raise ValueError(
                f"method {method.name!r} has no option {shown(name)}."
                f"{nearest(ELSEWHERE.get(name, name), valid) if isinstance(name, str) else ''} "
                f"Its options are {', '.join(sorted(valid))}."
            )


def _whole(name: str, value: Any, low: float, rounded: Callable[[float], int]) -> int:
    """A limit, which need not be an integer, as in SciPy; rounded as it counts."""
    value = check_number(name, value, low)
    return int(check_number(name, value if math.isinf(value) else rounded(value), integer=True))


def _memory(own: dict[str, Any], n: int) -> tuple[int, int]:
    """How many velocities are kept at most and at least; none where the learning rate is given."""
    given = own.get("memory", 0) if own["learning_rate"] == "auto" else 0
    if given != "auto":
        return given, given
    return most_memory(n), LEAST_MEMORY


def _check_options(method: Method, tol: Any, options: dict, x0: np.ndarray) -> Settings:
    check_option_names(method, options)
    given = {option.name: options.get(option.name, option.default) for option in OPTIONS}
    if tol is not None:
        tol = check_number("tol", tol)
    if given["gtol"] is None:
        given["gtol"] = DEFAULT_GTOL[x0.dtype.name] if tol is None else tol
    if given["maxiter"] is None:
        given["maxiter"] = max(MAXITER, MAXITER_PER_VARIABLE * x0.size)
    limits = {"maxfev": UNLIMITED, "maxtime": math.inf, "patience": UNLIMITED}
    for name, unlimited in limits.items():
        if given[name] is None:
            given[name] = unlimited
    own = check_parameters(method, options, x0)
    memory, least_memory = _memory(own, x0.size)
    keep = given["keep_state"]
    return Settings(
        method=method,
        learning_rate=own["learning_rate"],
        momentum=own.get("momentum", 0.0),
        constants=tuple(own[parameter.name] for parameter in method.constants),
        memory=memory,
        least_memory=least_memory,
        x_scale=own.get("x_scale"),
        own={name: options[name] for name in method.parameter_names if name in options},
        gtol=check_number("gtol", given["gtol"]),
        norm=_order(given["norm"]),
        ftol=check_number("ftol", given["ftol"]),
        xtol=check_number("xtol", given["xtol"]),
        gap_tol=check_number("gap_tol", given["gap_tol"]),
        maxiter=_whole("maxiter", given["maxiter"], 0.0, math.ceil),
        maxfev=_whole("maxfev", given["maxfev"], 1.0, math.floor),
        maxtime=check_number("maxtime", given["maxtime"], low_open=True),
        patience=check_number("patience", given["patience"], 1, integer=True),
        disp=given["disp"] is not None and check_flag("disp", given["disp"]),
        progress=check_flag("progress", given["progress"]),
        return_all=check_flag("return_all", given["return_all"]),
        history=check_flag("history", given["history"]),
        check_jac=check_flag("check_jac", given["check_jac"]),
        eps=_check_step("eps", given["eps"], x0),
        finite_diff_rel_step=_check_step("finite_diff_rel_step", given["finite_diff_rel_step"], x0),
        keep_state=keep if keep is None else check_flag("keep_state", keep),
        checkpoint_every=check_number("checkpoint_every", given["checkpoint_every"]),
        on_interrupt=check_choice("on_interrupt", given["on_interrupt"], ("raise", "return")),
        backend=check_choice("backend", given["backend"], ("auto", "numba", "python")),
    )
