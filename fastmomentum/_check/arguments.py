"""Checks of the arguments of `minimize`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import all_finite
from .._loops.table import loop_of
from .._methods import DEFAULT_METHOD, METHODS, Method
from .._report.warnings import warn
from .options import Settings
from .values import as_numbers, is_nothing, nearest, shown


def check_method(method: Any) -> Method:
    """The method of this name; None is the default one."""
    return named_method(method) or default_method()


def default_method(separable: bool = True) -> Method:
    """The method where none is named, with a penalty that is `separable`."""
    return METHODS[DEFAULT_METHOD if separable else "nesterov"]


def named_method(method: Any) -> Method | None:
    """The method of this name; None where it is not named."""
    if method is None:
        return None
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
        raise ValueError(
            f"x0 must have at most one dimension, got shape {x.shape}: 'x0' must only have one "
            "dimension."  # SciPy's sentence
        )
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


def check_fun(fun: Any, jac: Any = True) -> None:
    """Is fun a function, and one for this jac?"""
    if not callable(fun) and type(fun).__name__ not in ("LowLevelCallable", "CFunc"):
        raise TypeError(f"fun must be callable, got {shown(fun)}.")
    if jac is not True and hasattr(fun, "parts"):
        from .._callables import parts_of

        form = _form_of_jac(jac)
        if form is not True and parts_of(fun) is not None:
            given = "None or '2-point'" if form == "2-point" else shown(form)
            raise ValueError(
                "jac must be True for an objective of fastmomentum.objectives, which writes its "
                f"gradient, got {given}."
            )


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


def check_unsupported(method: Method, hess: Any, hessp: Any, constraints: Any) -> None:
    """Warn of what is not used; refuse what would change the answer."""
    for name, value, words in (
        ("hess", hess, "Hessian information"),
        ("hessp", hessp, "Hessian-vector product information"),
    ):
        if value is not None:
            warn(f"Method {method.name} does not use {words} ({name}).", RuntimeWarning)
    if not is_nothing(constraints):
        raise ValueError(
            "constraints are not supported: ignoring them would give a wrong answer. "
            "scipy.optimize.minimize(method='trust-constr') takes them."
        )


def check_seed(seed: Any) -> np.random.Generator:
    """The generator of a seed, or the one given."""
    rule = f"seed must be None, an integer >= 0 or a Generator, got {shown(seed)}"
    if isinstance(seed, np.random.RandomState):  # its generator cannot spawn others
        raise TypeError(f"{rule}.")
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{rule}: {error}.") from None


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
    if automatic and not (terms.separable or loop_of(method, True, terms.kind).calls_operator):
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
