"""Test problems with known minima, to try, compare and check methods on.

Every problem is one plain Python function that Numba compiles without changes: it returns the
value and writes the gradient in place. Four groups form the standard collection:

``"classical"``
    Unconstrained problems of the literature, most of them of More, Garbow and Hillstrom.
``"regression"``
    Robust, logistic, Poisson and softmax regression on real data; needs scikit-learn.
``"quadratic"``
    Known spectra, and Nesterov's worst function.
``"imaging"``
    Smoothed total variation of signals and images.

Constants of the methods may have been chosen on these. Further problems, on which none was, are in
``benchmarks/holdout`` of a checkout, for comparisons only.

Minima in closed form are exact. The others, literals in the tables, are the lowest value of
SciPy's L-BFGS-B, BFGS and CG from several starts, refined by Newton steps until the gradient
was lost in rounding; the regressions' and images' are global by convexity, but for Cauchy's.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastmomentum.problems import classical, imaging, quadratic, regression
from fastmomentum.problems._problem import Problem
from fastmomentum.problems._table import Table
from fastmomentum.problems.quadratic import convex_quadratic, nesterov_worst

__all__ = ["Problem", "collection", "convex_quadratic", "get", "names", "nesterov_worst"]

_STANDARD = Table(
    {
        "classical": classical.FAMILIES,
        "regression": regression.FAMILIES,
        "quadratic": quadratic.FAMILIES,
        "imaging": imaging.FAMILIES,
    }
)


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
    return _STANDARD.get(name, n)


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
    return _STANDARD.names(group)


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
    return _STANDARD.collection(groups)
