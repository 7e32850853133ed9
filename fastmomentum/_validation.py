"""Every check of what the user passes, before anything compiled runs; all error texts."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import numbers
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ._methods import DEFAULT_METHOD, METHODS, Method, Parameter
from ._vectors import all_finite
from .schedules import Schedule

UNLIMITED = 2**62
# A batch needs the values of a schedule for all iterations at once.
MOST_SCHEDULED = 10_000_000
# On the infinity norm. float32 gradients carry errors of about eps**(1/3), as relative as in
# float64, for which 1e-5 is SciPy's default.
DEFAULT_GTOL = {"float64": 1e-5, "float32": 1e-3}

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
    Option("disp", False, "Print how the run ended."),
    Option("progress", False, "Show on stderr how far the run has come, every half second: by "
           "tqdm's bar if that is installed."),
    Option("return_all", False, "Keep the iterates in result.allvecs."),
    Option("history", False, "Record fun, grad_norm and learning_rate of each iteration in "
           "result.history."),
    Option("check_jac", False, "Before the run, compare jac with central differences of fun at x0 "
           "and at a point near it: an error names the worst component. Of more than 1000 "
           "variables 1000 are looked at. The calls, some 4 n of fun, are not counted."),
    Option("keep_state", False, "Keep result.state also of a run that has converged: it holds all "
           "vectors of the method."),
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
    memory: int
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
    keep_state: bool
    checkpoint_every: float
    on_interrupt: str
    backend: str


def nearest(name: Any, valid: Iterable[str]) -> str:
    """``" Did you mean 'x'?"``, or nothing."""
    close = difflib.get_close_matches(str(name).lower(), list(valid), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def shown(value: Any) -> str:
    """`value` in a message: one line, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an int of thousands of digits, or a class of the user's
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 120 else f"{text[:117]}..."


def is_real(value: Any) -> bool:
    """Is it one real number, and neither a bool nor a time?"""
    # NumPy's time differences call themselves integers.
    times = bool | np.bool_ | np.timedelta64
    return isinstance(value, numbers.Real) and not isinstance(value, times)


def as_numbers(
    name: str, value: Any, kinds: str = "fiub", rule: str = "hold real numbers"
) -> np.ndarray:
    """`value` as an array of one of these kinds of dtypes."""
    rule = f"{name} must {rule}"
    if np.ma.is_masked(value):
        # As arrays they would have whatever number is behind the mask.
        raise ValueError(f"{rule}, got a masked entry: {shown(value)}.")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{rule}, got dtype {array.dtype}: {shown(value)}.")
    return array


def misfit(name: str, function: Any, arguments: tuple[str, ...]) -> str:
    """Why `function` cannot be called with these; empty if it can, or if nobody knows."""
    try:
        # Not of what a decorator wraps: that may be called in another way.
        signature = inspect.signature(getattr(function, "py_func", function), follow_wrapped=False)
    except (TypeError, ValueError):  # builtins without a signature
        return ""
    try:
        signature.bind(*arguments)
    except TypeError:
        return (
            f"{name} must take the arguments of the call {name}({', '.join(arguments)}), got "
            f"{shown(function)}, which takes {signature}."
        )
    return ""


def check_takes(name: str, function: Any, *arguments: str) -> None:
    """Can `function` be called with these arguments?"""
    problem = misfit(name, function, arguments)
    if problem:
        raise TypeError(problem)


def check_method(method: Any, separable: bool = True) -> Method:
    """The method of this name; None is the default one, with a penalty that is `separable`."""
    if method is None:
        return METHODS[DEFAULT_METHOD if separable else "nesterov"]
    if not isinstance(method, str):
        raise TypeError(f"method must be one of {', '.join(METHODS)}, got {shown(method)}.")
    found = METHODS.get(method.lower())
    if found is None:
        raise ValueError(
            f"method must be one of {', '.join(METHODS)}, got {shown(method)}."
            f"{nearest(method.lower(), METHODS)}"
        )
    return found


_DOUBLE = np.dtype(np.float64)


def check_x0(x0: Any) -> np.ndarray:
    """A new contiguous float32 or float64 vector with the values of `x0`."""
    x = as_numbers("x0", x0)
    if x.ndim > 1:
        raise ValueError(f"x0 must have at most one dimension, got shape {x.shape}.")
    if x.ndim == 0:
        x = x.reshape(1)
    if x.size == 0:
        raise ValueError("x0 must have at least one element, got an empty array.")
    if x.dtype is _DOUBLE:
        x = x.copy()
    else:
        single = x.dtype.kind == "f" and x.dtype.itemsize == 4  # of either byte order
        with np.errstate(over="ignore"):
            x = np.array(x, dtype=np.float32 if single else np.float64, order="C")
    if not all_finite(x):
        worst = int(np.flatnonzero(~np.isfinite(x))[0])
        raise ValueError(f"x0 must be finite, got x0[{worst}] = {x[worst]}.")
    return x


def check_fun(fun: Any) -> None:
    if not callable(fun) and type(fun).__name__ not in ("LowLevelCallable", "CFunc"):
        raise TypeError(f"fun must be callable, got {shown(fun)}.")


def check_jac(jac: Any, compared: bool = False) -> Any:
    """jac as a callable, True, "2-point", "3-point" or "cs"; the latter cannot be `compared`."""
    found = _form_of_jac(jac)
    if compared and isinstance(found, str):
        raise ValueError(
            "check_jac compares jac with differences, and there is nothing to check where it is "
            f"made of them: give jac, or leave check_jac out, got jac={jac!r}."
        )
    return found


def _form_of_jac(jac: Any) -> Any:
    rule = "jac must be a callable, True, False, None, '2-point', '3-point' or 'cs'"
    if jac is None or jac is False:
        return "2-point"
    if jac is True or callable(jac) or type(jac).__name__ in ("LowLevelCallable", "CFunc"):
        return jac
    if isinstance(jac, str):
        if jac in ("2-point", "3-point", "cs"):
            return jac
        hint = nearest(jac, ("2-point", "3-point", "cs"))
        raise ValueError(f"{rule}, got {shown(jac)}.{hint}")
    if isinstance(jac, np.bool_):
        return _form_of_jac(bool(jac))
    raise TypeError(f"{rule}, got {shown(jac)}.")


def check_args(args: Any) -> tuple:
    return args if isinstance(args, tuple) else (args,)


def check_unsupported(
    method: Method, hess: Any, hessp: Any, constraints: Any, stacklevel: int = 2
) -> None:
    """Warn of what is not used; refuse what would change the answer.

    `stacklevel` is that of a warning in the caller.
    """
    for name, value, words in (
        ("hess", hess, "Hessian information"),
        ("hessp", hessp, "Hessian-vector product information"),
    ):
        if value is not None:
            message = f"Method {method.name} does not use {words} ({name})."
            warnings.warn(message, RuntimeWarning, stacklevel=stacklevel + 1)
    empty = constraints is None or (isinstance(constraints, tuple | list) and not constraints)
    if not empty:
        raise ValueError(
            "constraints are not supported: ignoring them would give a wrong answer. "
            "scipy.optimize.minimize(method='trust-constr') takes them."
        )


def _real_array(values: Any) -> np.ndarray:
    return as_numbers("they", values).astype(np.float64)


def check_bounds(bounds: Any, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Lower and upper bounds as float64 arrays, from any of SciPy's forms; None if all infinite."""
    if bounds is None:
        return None
    rule = f"bounds must be {n} pairs (min, max), or an object with the attributes lb and ub"
    infinite = (-math.inf, math.inf)
    try:
        if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
            pair = [np.broadcast_to(_real_array(b), (n,)).copy() for b in (bounds.lb, bounds.ub)]
        else:
            if hasattr(bounds, "__array__"):
                bounds = as_numbers("they", bounds, "fiubO")
            table = np.array([[*pair] for pair in bounds], dtype=object)
            if table.shape != (n, 2):
                raise ValueError(f"got shape {table.shape}")
            pair = [
                _real_array([infinite[j] if b is None else b for b in table[:, j]])
                for j in range(2)
            ]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}: {error}".rstrip(".") + f", got {shown(bounds)}.") from None
    lower, upper = pair
    _check_intervals(lower, upper)
    if np.isinf(lower).all() and np.isinf(upper).all():
        return None
    return lower, upper


def check_row_bounds(bounds: Any, count: int, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Bounds that differ from problem to problem, of shape (count, n); None if they do not."""
    if not (hasattr(bounds, "lb") and hasattr(bounds, "ub")):
        return None
    rule = f"bounds must have lb and ub of shape ({n},) or ({count}, {n})"
    try:
        lower, upper = (_real_array(part) for part in (bounds.lb, bounds.ub))
        if max(lower.ndim, upper.ndim) < 2:
            return None
        lower, upper = (np.broadcast_to(part, (count, n)) for part in (lower, upper))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}: {str(error).rstrip('.')}.") from None
    _check_intervals(lower, upper)
    return lower, upper


def _check_intervals(lower: np.ndarray, upper: np.ndarray) -> None:
    """Raise ValueError unless numbers lie between them, of shape (n,) or (problems, n)."""
    wrong = ~(lower <= upper) | (lower == math.inf) | (upper == -math.inf)
    if not wrong.any():
        return
    place = tuple(int(k[0]) for k in np.nonzero(wrong))
    where = f"x[{place[-1]}]" + (f" of problem {place[0]}" if len(place) > 1 else "")
    for name, values in (("lower", lower), ("upper", upper)):
        if math.isnan(values[place]):
            raise ValueError(f"bounds must not be nan, got nan as {name} bound of {where}.")
    raise ValueError(
        "bounds must be min <= max, with a number between them, got "
        f"({lower[place]}, {upper[place]}) for {where}."
    )


def check_penalty(penalty: Any) -> Any:
    """A penalty, or None; tells without importing them."""
    if penalty is None:
        return None
    from .penalties import Penalty

    if not isinstance(penalty, Penalty):
        raise TypeError(
            f"penalty must be one of fastmomentum.penalties, such as L1(0.1), got {shown(penalty)}."
        )
    return penalty


def check_batched(batched: Any, args: tuple) -> tuple[bool, ...]:
    """For each of `args`, whether it has one row per problem."""
    rule = f"batched must be True, False, or one of them for each of the {len(args)} args"
    if isinstance(batched, bool | np.bool_):
        return (bool(batched),) * len(args)
    try:
        which = tuple(batched)
    except TypeError:
        raise TypeError(f"{rule}, got {shown(batched)}.") from None
    if len(which) != len(args) or not all(isinstance(b, bool | np.bool_) for b in which):
        raise ValueError(f"{rule}, got {shown(batched)}.")
    return tuple(map(bool, which))


def check_X0(X0: Any, args: tuple, which: tuple[bool, ...]) -> tuple[np.ndarray, tuple]:
    """The starts, (n_problems, n), and args with the batched ones as contiguous arrays."""
    starts = as_numbers("X0", X0)
    if starts.ndim not in (1, 2) or 0 in starts.shape:
        raise ValueError(f"X0 must have the shape (n_problems, n) or (n,), got {starts.shape}.")
    made = list(args)
    count = len(starts) if starts.ndim == 2 else None
    for i, batched in enumerate(which):
        if batched:
            made[i] = _check_rows(f"args[{i}]", args[i], count)
            count = len(made[i])
    if count is None:
        raise ValueError(
            f"X0 must have the shape (n_problems, n) where no args are batched, got {starts.shape}."
        )
    single = starts.dtype.kind == "f" and starts.dtype.itemsize == 4
    dtype = np.dtype(np.float32 if single else np.float64)
    with np.errstate(over="ignore"):
        starts = np.asarray(starts, dtype)
    return np.broadcast_to(starts, (count, starts.shape[-1])), tuple(made)


def _check_rows(name: str, value: Any, count: int | None) -> np.ndarray:
    """A batched argument as an aligned C array with one row per problem."""
    rule = f"{name} is batched and must be an array of numbers with one row per problem"
    if isinstance(value, tuple | np.ma.MaskedArray):
        raise TypeError(f"{rule}, got a {type(value).__name__}.")
    try:
        rows = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None
    if rows.dtype.kind not in "fiu" and not (rows.ndim > 1 and rows.dtype.kind in "bc"):
        raise TypeError(f"{rule}, got dtype {rows.dtype} of shape {rows.shape}.")
    if rows.ndim == 0 or len(rows) == 0:
        raise ValueError(f"{rule}, got shape {rows.shape}.")
    if count is not None and len(rows) != count:
        raise ValueError(f"{rule}, {count} in all, got {len(rows)}.")
    return np.require(rows, rows.dtype.newbyteorder("="), ["C", "A"])


def check_skip(skip: Any, count: int) -> np.ndarray | None:
    """Mask of the problems to leave out."""
    if skip is None:
        return None
    rule = f"be an array of bool of shape ({count},)"
    mask = as_numbers("skip", skip, "b", rule)
    if mask.shape != (count,):
        raise ValueError(f"skip must {rule}, got shape {mask.shape}.")
    return mask


def check_workers(workers: Any) -> int:
    """Number of threads; None: the processors of this process."""
    if workers is None:
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # not on every platform
            return os.cpu_count() or 1
    return _number("workers", workers, 1, integer=True)


def check_client(client: Any) -> Any:
    """A client of dask.distributed, or None."""
    if client is None:
        return None
    if is_client(client):
        if client.asynchronous:
            raise ValueError("client must not be asynchronous.")
        return client
    raise TypeError(f"client must be a distributed.Client, got {shown(client)}.")


def is_client(value: Any) -> bool:
    """Told without importing dask."""
    return hasattr(value, "submit") and hasattr(value, "scheduler_info")


def check_lazy(**given: Any) -> None:
    """What a batch cannot do where its results are dask arrays."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} is not for a dask array as X0: leave it out.")


def check_shards(load: Any, n_shards: Any) -> int:
    """Number of shards, for which there is a loader."""
    if not callable(load):
        raise TypeError(f"load must be callable, load(i) -> arrays, got {shown(load)}.")
    if n_shards is None and hasattr(load, "__len__"):
        n_shards = len(load)
    return _number("n_shards", n_shards, 1, integer=True)


def check_timeout(timeout: Any) -> float:
    """Seconds, finite: a wait without an end is none."""
    seconds = _number("timeout", timeout, low_open=True)
    if seconds == math.inf:
        raise ValueError("timeout must be finite, got inf.")
    return seconds


SHUFFLES = ("rows", "shards", "none")
VARIANCE_REDUCTIONS = ("svrg",)
# Of `minimize_sum`, besides those of the method.
SUM_OPTIONS = ("gtol", "norm", "maxtime")


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How `minimize_sum` goes through the rows, checked."""

    batch_size: int
    epochs: int
    rng: np.random.Generator
    shuffle: str
    average: float
    variance_reduction: str | None
    snapshot_every: int


def check_sampling(
    batch_size: Any,
    epochs: Any,
    seed: Any,
    shuffle: Any,
    average: Any,
    variance_reduction: Any,
    snapshot_every: Any,
) -> Sampling:
    """The arguments of `minimize_sum` about its batches."""
    if variance_reduction is not None:
        _choice("variance_reduction", variance_reduction, VARIANCE_REDUCTIONS)
    return Sampling(
        batch_size=_number("batch_size", batch_size, 1, integer=True),
        epochs=_number("epochs", epochs, 1, integer=True),
        rng=check_seed(seed),
        shuffle=_choice("shuffle", shuffle, SHUFFLES),
        average=_number("average", average, high=1.0),
        variance_reduction=variance_reduction,
        snapshot_every=_number("snapshot_every", snapshot_every, 1, integer=True),
    )


def check_sum_options(method: Method, options: Any, x0: np.ndarray) -> Settings:
    """The options of a sum of which each step sees a part: no tests on noise, no automatic rate."""
    given = as_dict(options)
    allowed = (*SUM_OPTIONS, *method.parameter_names)
    for name in given:
        if name not in allowed:
            raise ValueError(
                f"minimize_sum has no option {shown(name)} with method {method.name!r}."
                f"{nearest(name, allowed)} Its options are {', '.join(sorted(allowed))}."
            )
    rate = given.get("learning_rate", "auto")
    if isinstance(rate, str) and rate == "auto":
        raise ValueError(
            "learning_rate must be a number or a schedule for mini-batches: an automatic one rests "
            "on line searches, which noise misleads."
        )
    return check_options(method, None, given, x0)


def check_data(data: Any) -> tuple[np.ndarray, ...]:
    """Arrays with one row per term of a sum."""
    rule = "data must be an array, or a tuple of arrays, with one row per term"
    parts = data if isinstance(data, tuple) else (data,)
    arrays = tuple(np.asarray(part) for part in parts)
    if not arrays or any(a.ndim == 0 or a.dtype == object for a in arrays):
        raise TypeError(f"{rule}, got {type(data).__name__}.")
    lengths = [len(a) for a in arrays]
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise ValueError(f"{rule}, got {lengths} rows.")
    return arrays


def check_points(points: Any) -> np.ndarray:
    """Points at which a sum is taken, (n_points, n), float64 or float32."""
    try:
        rows = np.asarray(points)
    except ValueError as error:
        raise ValueError(f"points must be an array of real numbers: {error}") from None
    if rows.dtype.kind not in "fiub":
        raise TypeError(f"points must hold real numbers, got dtype {rows.dtype}.")
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"points must have the shape (n_points, n), got {rows.shape}.")
    single = rows.dtype.kind == "f" and rows.dtype.itemsize == 4
    return np.ascontiguousarray(rows, np.float32 if single else np.float64)


def check_device(device: Any, workers: Any, settings: Settings) -> str:
    """Where a batch is solved."""
    if device not in ("cpu", "cuda") or not isinstance(device, str):
        raise ValueError(f"device must be 'cpu' or 'cuda', got {device!r}.")
    if device == "cuda" and workers is not None:
        raise ValueError(f"workers is for device='cpu': leave it out, got {workers!r}.")
    if device == "cuda" and settings.backend == "python":
        raise ValueError("backend='python' is for device='cpu': leave it out.")
    return device


def check_batch_options(settings: Settings) -> None:
    """What a batch cannot do."""
    for name in ("history", "return_all"):
        if getattr(settings, name):
            raise ValueError(f"{name} is not an option of a batch: leave it out.")
    scheduled = callable(settings.learning_rate) or callable(settings.momentum)
    if scheduled and settings.maxiter > MOST_SCHEDULED:
        raise ValueError(
            f"maxiter must be at most {MOST_SCHEDULED} for a batch with a schedule, got "
            f"{settings.maxiter}."
        )


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
    ):
        if name in dict(options or {}):
            raise ValueError(f"{name} is not an option of Optimizer: leave it out.")


SAMPLERS = ("sobol", "halton", "lhs", "random")


def check_box(bounds: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds, all of them finite."""
    try:
        lengths = np.shape(getattr(bounds, "lb", bounds))
    except ValueError:  # ragged
        lengths = ()
    if not lengths or lengths[0] == 0:
        raise ValueError(f"bounds must give (min, max) for each variable, got {shown(bounds)}.")
    pair = check_bounds(bounds, lengths[0])
    with np.errstate(over="ignore"):
        finite = pair is not None and bool(np.isfinite(pair[1] - pair[0]).all())
    if pair is None or not finite:
        raise ValueError(
            "bounds must be finite here, and so must be their distance: they say where to start, "
            f"got {shown(bounds)}."
        )
    return pair


def check_fixed_integers(integrality: Any, bounds: Any) -> None:
    """Refuse variables that must be integers unless their bounds are equal."""
    free = np.atleast_1d(np.asarray(integrality, dtype=bool))
    pair = None if bounds is None else check_bounds(bounds, free.size)
    if pair is not None:
        free = free & (pair[0] != pair[1])
    if free.any():
        raise ValueError(
            f"integrality: x[{int(free.argmax())}] must be an integer, which a method that uses "
            "gradients cannot search for; give it equal bounds, or use the default optimizer."
        )


def check_n_starts(value: Any) -> int:
    """An integer in [1, 2**30]: that many points the sequences have."""
    return _number("n_starts", value, 1, integer=True, high=2**30)


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """One of some words."""
    return _choice(name, value, allowed)


def check_seed(seed: Any) -> np.random.Generator:
    """The generator of a seed, or the one given."""
    rule = f"seed must be None, an integer >= 0 or a Generator, got {shown(seed)}"
    if isinstance(seed, np.random.RandomState):  # its generator cannot spawn others
        raise TypeError(f"{rule}.")
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{rule}: {error}.") from None


def check_distance(value: Any) -> float:
    """A positive number."""
    return _number("distance", value, low_open=True)


def check_path_weights(weights: Any) -> np.ndarray:
    """Weights of a path as a float64 vector."""
    rule = "be a vector of finite numbers >= 0"
    values = as_numbers("weights", weights, "fiu", rule)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"weights must {rule}, got shape {values.shape}.")
    values = values.astype(np.float64)
    bad = ~((values >= 0.0) & np.isfinite(values))
    if bad.any():
        worst = int(bad.argmax())
        raise ValueError(f"weights must {rule}, got weights[{worst}] = {values[worst]}.")
    return values


def check_path_options(options: Any) -> dict[str, Any]:
    """The options as a dict, without what a path cannot do."""
    given = as_dict(options)
    for name in ("history", "return_all"):
        if given.get(name):
            raise ValueError(f"{name} is not an option of a path: leave it out.")
    return given


def check_terms(method: Method, settings: Settings, terms: Any) -> None:
    """Can the method take these bounds and this penalty, with these settings?"""
    automatic = settings.learning_rate == "auto"
    if settings.gap_tol > 0.0 and (terms is None or not automatic or not terms.has_gap):
        raise ValueError(
            "gap_tol is for penalty=L1(weight) with positive weights, without bounds and with "
            f"learning_rate='auto', got gap_tol={settings.gap_tol}."
        )
    if terms is None:
        return
    if automatic and method.loop == "momentum" and not terms.separable:
        raise ValueError(
            f"method {method.name!r} needs a separable penalty, got {terms.h!r}: "
            "use method='nesterov' or method='gd'."
        )
    if not automatic and not method.proximal and not terms.only_bounds:
        taking = ", ".join(repr(m.name) for m in METHODS.values() if m.proximal)
        raise ValueError(
            f"method {method.name!r} takes bounds only where learning_rate is given, got "
            f"penalty={terms.h!r}. The methods that take it are {taking}."
        )


def _as_float(value: Any) -> float:
    """float(value), or infinity where that overflows."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _number(
    name: str,
    value: Any,
    low: float = 0.0,
    *,
    low_open: bool = False,
    integer: bool = False,
    high: float = math.inf,
) -> Any:
    if type(value) is float and value > low and value <= high and not integer:
        return value
    kind = "an integer" if integer else "a number"
    left = "(" if low_open else "["
    rule = f"{name} must be {kind} in {left}{low:g}, {high:g}{']' if math.isfinite(high) else ')'}"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not is_real(value):
        raise TypeError(f"{rule}, got {shown(value)}.")
    value = value if integer else _as_float(value)
    inside = value > low if low_open else value >= low
    if not (inside and value <= high) or (integer and value != math.inf and value != int(value)):
        raise ValueError(f"{rule}, got {shown(value)}.")
    if integer:
        return UNLIMITED if value >= UNLIMITED else int(value)
    return float(value)


def check_scheduled(parameter: Parameter, value: Any, dtype: np.dtype) -> Any:
    """A number in the parameter's interval, or, where it may change, a schedule."""
    if callable(value) and parameter.scheduled:
        check_takes(parameter.name, value, "iteration")
        return value
    kind = f"a number in {parameter.interval}"
    if parameter.scheduled:
        kind += " or a callable of the iteration"
    if isinstance(value, str):
        if parameter.default == "auto" and value == "auto":
            return value
        allowed = "'auto', " if parameter.default == "auto" else ""
        raise ValueError(f"{parameter.name} must be {allowed}{kind}, got {shown(value)}.")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not is_real(value):
        raise TypeError(f"{parameter.name} must be {kind}, got {shown(value)}.")
    with np.errstate(over="ignore"):
        rounded = float(dtype.type(_as_float(value)))
    if not parameter.contains(rounded):
        in_single = f" ({rounded:g} in {dtype})" if parameter.contains(_as_float(value)) else ""
        raise ValueError(
            f"{parameter.name} must be in {parameter.interval}, got {shown(value)}{in_single}."
        )
    return float(value)


def schedule_value(parameter: Parameter, schedule: Callable, k: int, dtype: np.dtype) -> float:
    """One value of a schedule; a learning rate of 0 is allowed here."""
    value = schedule(k)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    name = f"{parameter.name}({k})"
    if not is_real(value):
        raise TypeError(f"{name} must be a number, got {shown(value)}.")
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(dtype.type(_as_float(value)))
    if not (parameter.contains(rounded) or rounded == 0.0):
        interval = parameter.interval.replace("(", "[")
        raise ValueError(f"{name} must be in {interval}, got {shown(value)}.")
    return rounded


def schedule_values(
    parameter: Parameter, schedule: Callable, first: int, count: int, dtype: np.dtype
) -> np.ndarray:
    """Values of a schedule from iteration `first` on: `count`, or those before the first bad one.

    A bad value is an error only when its iteration is reached, that is, if it is the first.
    """
    if isinstance(schedule, Schedule):
        with np.errstate(over="ignore", under="ignore"):
            values = np.asarray(schedule(np.arange(first, first + count))).astype(dtype)
        ok = (values >= parameter.low) & np.isfinite(values)
        ok &= values < parameter.high if parameter.high_open else values <= parameter.high
        good = count if ok.all() else int(np.flatnonzero(~ok)[0])
        if good == 0:
            schedule_value(parameter, schedule, first, dtype)
        return values[:good]
    values = np.empty(count, dtype)
    for i in range(count):
        try:
            values[i] = schedule_value(parameter, schedule, first + i, dtype)
        except Exception:
            if i == 0:
                raise
            return values[:i]
    return values


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}."
        )
    if value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}."
            f"{nearest(value, allowed)}"
        )
    return value


def _flag(name: str, value: Any) -> bool:
    # SciPy's disp takes integers, too: levels of verbosity.
    integral = isinstance(value, numbers.Integral) and is_real(value)
    if not (integral or isinstance(value, bool | np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}.")
    return bool(value)


def _order(value: Any) -> float:
    if not is_real(value):
        raise TypeError(f"norm must be a number >= 1, inf or -inf, got {shown(value)}.")
    order = _as_float(value)
    if not (order >= 1.0 or order == -math.inf):
        raise ValueError(f"norm must be a number >= 1, inf or -inf, got {shown(value)}.")
    return order


def as_dict(options: Any) -> dict:
    """The options as a new dict."""
    try:
        return {} if options is None else dict(options)
    except (TypeError, ValueError):
        raise TypeError(f"options must be a dict, got {shown(options)}.") from None


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


def check_x_scale(value: Any, n: int, dtype: np.dtype) -> np.ndarray | None:
    """The sizes of the variables as an array; None for 'auto'."""
    rule = f"be 'auto', a positive number, or an array of {n} of them"
    if isinstance(value, str):
        if value == "auto":
            return None
        raise ValueError(f"x_scale must {rule}, got {value!r}.")
    sizes = as_numbers("x_scale", value, "fiu", rule)
    if sizes.shape not in ((), (1,), (n,)):
        raise ValueError(f"x_scale must {rule}, got shape {sizes.shape}.")
    with np.errstate(all="ignore"):
        sizes = np.broadcast_to(sizes, (n,)).astype(dtype)
        square = sizes * sizes
        bad = ~((sizes > 0.0) & (square > 0.0) & np.isfinite(square))
    if bad.any():
        worst = int(bad.argmax())
        raise ValueError(
            f"x_scale must {rule}, whose squares are positive and finite in {dtype}, got "
            f"x_scale[{worst}] = {sizes[worst]}."
        )
    return sizes


def _own_parameters(method: Method, options: dict, x0: np.ndarray) -> dict[str, Any]:
    own: dict[str, Any] = {}
    dtype = x0.dtype
    for parameter in method.parameters:
        value = options.get(parameter.name, parameter.default)
        if parameter.integer:
            value = _number(parameter.name, value, parameter.low, high=parameter.high, integer=True)
        elif parameter.per_variable:
            value = check_x_scale(value, x0.size, dtype)
        else:
            value = check_scheduled(parameter, value, dtype)
        own[parameter.name] = value
    automatic = own["learning_rate"] == "auto"
    if automatic and method.loop is None:
        choosing = ", ".join(repr(m.name) for m in METHODS.values() if m.loop is not None)
        raise ValueError(
            f"method {method.name!r} has no automatic learning rate: learning_rate must be a "
            f"number or a schedule. The methods that choose their own are {choosing}."
        )
    for name in options:
        if automatic and name in own and method.chooses_without(name):
            raise ValueError(f"{name} is not used with learning_rate='auto': leave it out.")
    if automatic and own.get("momentum", "auto") != "auto":
        raise ValueError(
            f"momentum is chosen in each iteration when learning_rate='auto', got momentum="
            f"{options['momentum']!r}: give a learning_rate, too, or leave momentum out."
        )
    for name in ("memory", "x_scale"):
        if not automatic and name in options:
            raise ValueError(f"{name} is an option of learning_rate='auto' only: leave it out.")
    if own.get("momentum") == "auto":
        own["momentum"] = 0.9
    return own


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
                f"{nearest(name, valid) if isinstance(name, str) else ''} "
                f"Its options are {', '.join(sorted(valid))}."
            )


def _check_options(method: Method, tol: Any, options: dict, x0: np.ndarray) -> Settings:
    check_option_names(method, options)
    given = {option.name: options.get(option.name, option.default) for option in OPTIONS}
    if tol is not None:
        tol = _number("tol", tol)
    if given["gtol"] is None:
        given["gtol"] = DEFAULT_GTOL[x0.dtype.name] if tol is None else tol
    if given["maxiter"] is None:
        given["maxiter"] = max(MAXITER, MAXITER_PER_VARIABLE * x0.size)
    limits = {"maxfev": UNLIMITED, "maxtime": math.inf, "patience": UNLIMITED}
    for name, unlimited in limits.items():
        if given[name] is None:
            given[name] = unlimited
    own = _own_parameters(method, options, x0)
    return Settings(
        method=method,
        learning_rate=own["learning_rate"],
        momentum=own.get("momentum", 0.0),
        constants=tuple(own[parameter.name] for parameter in method.constants),
        memory=own.get("memory", 0) if own["learning_rate"] == "auto" else 0,
        x_scale=own.get("x_scale"),
        own={name: options[name] for name in method.parameter_names if name in options},
        gtol=_number("gtol", given["gtol"]),
        norm=_order(given["norm"]),
        ftol=_number("ftol", given["ftol"]),
        xtol=_number("xtol", given["xtol"]),
        gap_tol=_number("gap_tol", given["gap_tol"]),
        maxiter=_number("maxiter", given["maxiter"], integer=True),
        maxfev=_number("maxfev", given["maxfev"], 1, integer=True),
        maxtime=_number("maxtime", given["maxtime"], low_open=True),
        patience=_number("patience", given["patience"], 1, integer=True),
        disp=_flag("disp", given["disp"]),
        progress=_flag("progress", given["progress"]),
        return_all=_flag("return_all", given["return_all"]),
        history=_flag("history", given["history"]),
        check_jac=_flag("check_jac", given["check_jac"]),
        keep_state=_flag("keep_state", given["keep_state"]),
        checkpoint_every=_number("checkpoint_every", given["checkpoint_every"]),
        on_interrupt=_choice("on_interrupt", given["on_interrupt"], ("raise", "return")),
        backend=_choice("backend", given["backend"], ("auto", "numba", "python")),
    )


# -- what the user's functions return --------------------------------------------------------------


def as_scalar(value: Any) -> float:
    """The value of fun as a float; NaN and infinities pass."""
    if isinstance(value, float):
        return float(value)
    found = None if np.ma.is_masked(value) else value
    if not np.isscalar(found):
        found = _only_item(found)
    if not (is_real(found) or isinstance(found, bool | np.bool_)):
        shape = f" of shape {np.shape(value)}" if isinstance(value, np.ndarray) else ""
        raise ValueError(
            "The user-provided objective function must return a scalar value: fun returned "
            f"{type(value).__name__}{shape} {shown(value)}, not one real number."
            + (" With jac=True it may return (f, gradient)." if _is_pair(value) else "")
        )
    return _as_float(found)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2


def _only_item(value: Any) -> Any:
    """The one number in an array, also one of another library; None if it cannot be told."""
    try:
        try:
            array = np.asarray(value)
        except ValueError:  # ragged
            return None
        except Exception:  # arrays on a GPU and tensors that require a gradient refuse
            return value.item()
        found: Any = array.item() if array.size == 1 else None
        as_float = hasattr(found, "__float__") and not isinstance(found, numbers.Number)
        return float(found) if as_float else found
    except Exception:
        return None


def as_gradient(value: Any, n: int, source: str) -> np.ndarray:
    """The gradient as a vector of n real numbers."""
    try:
        gradient = np.asarray(value)
    except ValueError:
        gradient = np.empty(0, dtype=object)
    except Exception as error:  # in the words of the library whose array it is
        raise ValueError(
            f"{source} must return {n} real numbers that NumPy can convert, got "
            f"{type(value).__name__}: {error}"
        ) from error
    if gradient.ndim == 0:
        gradient = gradient.reshape(1)
    # A mask of bools is no gradient, and as numbers it might look like one of zero.
    if gradient.dtype.kind not in "fiu":
        raise ValueError(
            f"{source} must return {n} real numbers, got {type(value).__name__} of dtype "
            f"{gradient.dtype}."
        )
    if type(value) is not np.ndarray and np.ma.is_masked(value):
        raise ValueError(
            f"{source} must return {n} real numbers, got a masked one: {shown(value)}."
        )
    if gradient.shape != (n,):
        raise ValueError(
            f"{source} must return a gradient of shape ({n},), got shape {np.shape(value)}."
        )
    return gradient


def as_pair(value: Any) -> tuple[Any, Any]:
    """What fun returned with jac=True."""
    if not _is_pair(value):
        raise ValueError(
            f"jac=True needs fun to return (f, gradient), got {type(value).__name__}."
            if not np.isscalar(value)
            else "jac=True needs fun to return (f, gradient), or to take an array to write the "
            f"gradient into, fun(x, out, *args) -> f; it returned {value!r}."
        )
    return value[0], value[1]


def write(text: str) -> None:
    """Print for `disp`."""
    sys.stdout.write(text)


Evaluate = Callable[[np.ndarray, np.ndarray], float]
