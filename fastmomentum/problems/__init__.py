"""Test problems with known minima, to try, compare and check methods on.

Every problem is plain Python that Numba compiles without changes: its value, its gradient
written in place, and both at once. Five groups form the standard collection:

``"classical"``
    Unconstrained problems of the literature, most of them of More, Garbow and Hillstrom.
``"regression"``
    Robust, logistic, Poisson and softmax regression on real data; needs scikit-learn.
``"quadratic"``
    Known spectra, and Nesterov's worst function.
``"imaging"``
    Smoothed total variation of signals and images.
``"holdout"``
    Further problems of the literature, on which no constant of a method was chosen.

Minima in closed form are exact. The others, literals in the tables, are the lowest value of
SciPy's L-BFGS-B, BFGS and CG from several starts, refined by Newton steps until the gradient
was lost in rounding; the regressions' and images' are global by convexity, but for Cauchy's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fastmomentum.problems import classical, holdout, imaging, quadratic, regression
from fastmomentum.problems._problem import Problem
from fastmomentum.problems.quadratic import convex_quadratic, nesterov_worst

__all__ = ["Problem", "collection", "convex_quadratic", "get", "names", "nesterov_worst"]

_GROUPS = {
    "classical": classical.FAMILIES,
    "regression": regression.FAMILIES,
    "quadratic": quadratic.FAMILIES,
    "imaging": imaging.FAMILIES,
    "holdout": holdout.FAMILIES,
}
_FAMILIES = {
    family.name: (family, group) for group, families in _GROUPS.items() for family in families
}


def get(name: str, n: int | None = None) -> Problem:
    """Return one problem.

    Parameters
    ----------
    name : str
        Name of a problem, ``"rosenbrock-10"``, or of a family of sizes, ``"rosenbrock"``.
    n : int, optional
        Number of variables, for a family; its smallest tabulated size unless given.

    Returns
    -------
    Problem
        With arrays of its own.

    Raises
    ------
    ValueError
        If there is no such problem, or not of this size.
    ImportError
        If its data need scikit-learn, which is missing.

    Examples
    --------
    >>> from fastmomentum import problems
    >>> problems.get("rosenbrock", n=4).x0.tolist()
    [-1.2, 1.0, -1.2, 1.0]
    >>> problems.get("rosenbrok")
    Traceback (most recent call last):
    ValueError: unknown problem 'rosenbrok'. Did you mean 'rosenbrock'?
    """
    family_name, _, size = name.partition("-")
    if family_name not in _FAMILIES or (size and not size.isdecimal()):
        raise ValueError(f"unknown problem {name!r}.{_hint(name, (*_FAMILIES, *names()))}")
    family, group = _FAMILIES[family_name]
    if size:
        if not family.smallest or n not in (None, int(size)):
            raise ValueError(f"{name!r} fixes the size or has none to choose: use {family_name!r}.")
        n = int(size)
    return family.problem(family.sizes[0] if n is None else n, group)


def names(group: str | None = None) -> tuple[str, ...]:
    """Return the names of the problems of the standard collection.

    Parameters
    ----------
    group : str, optional
        One of its groups; all of them unless given.

    Returns
    -------
    tuple of str
        In the order of `collection`. No data are loaded.

    Examples
    --------
    >>> from fastmomentum import problems
    >>> problems.names("imaging")
    ('tv_1d-200', 'tv_1d-1000', 'tv_deblur_1d-200', 'tv_2d-1024', 'tv_2d-4096', 'tv_2d_sharp-1024')
    """
    groups = _GROUPS if group is None else (group,)
    return tuple(
        family.instance(n) for group in groups for family in _families(group) for n in family.sizes
    )


def collection(groups: str | Iterable[str] | None = None) -> list[Problem]:
    """Return the standard collection of problems.

    Parameters
    ----------
    groups : str or iterable of str, optional
        Groups to take; all of them unless given.

    Returns
    -------
    list of Problem
        With arrays of their own.

    Raises
    ------
    ValueError
        If there is no such group.
    ImportError
        If "regression" is among the groups and scikit-learn is missing.

    Examples
    --------
    >>> from fastmomentum import problems
    >>> [problem.n for problem in problems.collection("imaging")]
    [200, 1000, 200, 1024, 4096, 1024]
    """
    if groups is None:
        groups = _GROUPS
    elif isinstance(groups, str):
        groups = (groups,)
    return [get(name) for group in groups for name in names(group)]


def _families(group):
    if group not in _GROUPS:
        raise ValueError(f"unknown group {group!r}.{_hint(group, tuple(_GROUPS))}")
    return _GROUPS[group]


def _hint(word, known):
    close = difflib.get_close_matches(str(word), known, n=1, cutoff=0.0)
    return f" Did you mean {close[0]!r}?"
