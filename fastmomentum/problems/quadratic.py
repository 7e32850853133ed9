"""Quadratics of known spectrum and Nesterov's worst function."""

from __future__ import annotations

from functools import partial

import numpy as np

from fastmomentum.problems._problem import Family, Problem, filled

__all__ = ["FAMILIES", "convex_quadratic", "nesterov_worst"]


def diagonal_quadratic(x, out, spectrum, centre):
    """Quadratic of diagonal Hessian."""
    f = 0.0
    for i in range(x.size):
        y = x[i] - centre[i]
        f += 0.5 * spectrum[i] * y * y
        out[i] = spectrum[i] * y
    return f


def rotated_quadratic(x, out, spectrum, centre, axis):
    """Quadratic whose eigenvectors are the coordinates reflected along the unit vector `axis`."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        s += axis[i] * (x[i] - centre[i])
    p = 0.0
    for i in range(x.size):
        y = x[i] - centre[i] - 2.0 * s * axis[i]
        f += 0.5 * spectrum[i] * y * y
        out[i] = spectrum[i] * y
        p += axis[i] * spectrum[i] * y
    for i in range(x.size):
        out[i] -= 2.0 * p * axis[i]
    return f


def dense_quadratic(x, out, hessian, centre):
    """Quadratic of symmetric dense Hessian."""
    f = 0.0
    for i in range(x.size):
        g = 0.0
        for j in range(x.size):
            g += hessian[i, j] * (x[j] - centre[j])
        f += 0.5 * g * (x[i] - centre[i])
        out[i] = g
    return f


def nesterov_chain(x, out, k, lipschitz):
    """Nesterov's worst function, of the first `k` variables."""
    scale = 0.25 * lipschitz
    f = 0.5 * scale * (x[0] * x[0] + x[k - 1] * x[k - 1]) - scale * x[0]
    for i in range(x.size):
        out[i] = 0.0
    out[0] = scale * (x[0] - 1.0)
    out[k - 1] += scale * x[k - 1]
    for i in range(k - 1):
        d = x[i] - x[i + 1]
        f += 0.5 * scale * d * d
        out[i] += scale * d
        out[i + 1] -= scale * d
    return f


ROTATIONS = {
    "diagonal": diagonal_quadratic,
    "rotated": rotated_quadratic,
    "dense": dense_quadratic,
}
SPECTRA = ("log", "clustered")


def _spectrum(n, condition, spectrum):
    """Eigenvalues from 1 to `condition`, both included."""
    if spectrum == "log":
        return np.geomspace(1.0, condition, n)
    centres = np.geomspace(1.0, condition, 3)
    values = np.repeat(centres, -(-n // 3))[:n] * np.linspace(1.0, 1.05, n)
    values[0], values[-1] = 1.0, condition
    return np.minimum(values, condition)


def _centre(n):
    # RandomState: NumPy guarantees its stream, which default_rng does not.
    return np.random.RandomState(n).standard_normal(n)


def _args(n, condition, spectrum, rotation):
    values, centre = _spectrum(n, condition, spectrum), _centre(n)
    if rotation == "diagonal":
        return values, centre
    random = np.random.RandomState(n + 1)
    if rotation == "rotated":
        axis = random.standard_normal(n)
        return values, centre, axis / np.linalg.norm(axis)
    basis = np.linalg.qr(random.standard_normal((n, n)))[0]
    hessian = (basis * values) @ basis.T
    return np.ascontiguousarray(0.5 * (hessian + hessian.T)), centre


def _family(rotation, spectrum, condition, *sizes):
    exponent = f"{condition:.0e}".replace("+0", "").replace("+", "")
    return Family(
        ROTATIONS[rotation],
        name=f"quadratic_{rotation}_{spectrum}_{exponent}",
        sizes=sizes,
        smallest=2,
        start=filled(0.0),
        args=partial(_args, condition=condition, spectrum=spectrum, rotation=rotation),
        x_min=_centre,
        reference="Quadratic of prescribed spectrum; minimum by construction",
    )


def convex_quadratic(
    n: int, condition: float, spectrum: str = "log", rotation: str = "diagonal"
) -> Problem:
    r"""Return a convex quadratic of given size and condition number.

    .. math:: f(x) = \tfrac12 (x - c)^T Q \Lambda Q^T (x - c)

    Parameters
    ----------
    n : int
        Number of variables, at least 2.
    condition : float
        Largest eigenvalue; the smallest is 1. At least 1.
    spectrum : {"log", "clustered"}, optional
        Eigenvalues equally spaced in logarithm, or in three clusters 5 % wide.
    rotation : {"diagonal", "rotated", "dense"}, optional
        Eigenvectors: the coordinates, their reflection along a fixed pseudo-random direction
        (no matrix is stored), or a fixed pseudo-random orthogonal matrix (n*n numbers).

    Returns
    -------
    Problem
        Starting from zero, with minimum 0 at a pseudo-random point that depends on `n` only.

    Examples
    --------
    >>> from fastmomentum.problems import convex_quadratic
    >>> problem = convex_quadratic(5, condition=100.0, rotation="rotated")
    >>> problem.n, float(problem.fun(problem.x_min, *problem.args))
    (5, 0.0)
    """
    if rotation not in ROTATIONS:
        raise ValueError(f"rotation must be one of {tuple(ROTATIONS)}, got {rotation!r}.")
    if spectrum not in SPECTRA:
        raise ValueError(f"spectrum must be one of {SPECTRA}, got {spectrum!r}.")
    if not 1.0 <= condition < np.inf:
        raise ValueError(f"condition must be in [1, inf), got {condition!r}.")
    return _family(rotation, spectrum, float(condition), n).problem(n, group="quadratic")


def _nesterov_minimum(n, k):
    x = np.zeros(n)
    x[:k] = 1.0 - np.arange(1, k + 1) / (k + 1.0)
    return x


def _nesterov_family(k_of, lipschitz):
    return Family(
        nesterov_chain,
        name="nesterov_worst",
        sizes=(101, 1001),
        start=filled(0.0),
        args=lambda n: (k_of(n), lipschitz),
        f_min=lambda n: -0.125 * lipschitz * k_of(n) / (k_of(n) + 1.0),
        x_min=lambda n: _nesterov_minimum(n, k_of(n)),
        reference="Y. Nesterov, Introductory Lectures on Convex Optimization (2004), eq. 2.1.2",
    )


def nesterov_worst(n: int, k: int | None = None, lipschitz: float = 1.0) -> Problem:
    r"""Return Nesterov's worst smooth convex function.

    .. math:: f(x) = \frac L4 \Bigl( \tfrac12 \bigl[ x_1^2 + \sum_{i<k} (x_i - x_{i+1})^2
              + x_k^2 \bigr] - x_1 \Bigr)

    Parameters
    ----------
    n : int
        Number of variables, at least 1.
    k : int, optional
        Number of variables that matter, 1 <= k <= n; all of them unless given.
    lipschitz : float, optional
        The constant L > 0 with which the gradient is Lipschitz continuous. The largest
        eigenvalue, L cos(pi / (2 k + 2))**2, is a little below it.

    Returns
    -------
    Problem
        Starting from zero, with minimum -L k / (8 (k + 1)) at x_i = 1 - i / (k + 1).

    Notes
    -----
    From x0 = 0, a method that stays in the span of the gradients it has seen knows only the
    first t variables after t of them. For k = 2 t + 1 it then still has
    f - f_min >= 3 L ||x0 - x_min||^2 / (32 (t + 1)^2), theorem 2.1.7 of [1]_: the function
    is the worst of its class for this one t, and each t has its own k.

    References
    ----------
    .. [1] Y. Nesterov, "Introductory Lectures on Convex Optimization", Kluwer, 2004.

    Examples
    --------
    >>> from fastmomentum.problems import nesterov_worst
    >>> problem = nesterov_worst(7, k=3)
    >>> problem.f_min, float(problem.fun(problem.x_min, *problem.args))
    (-0.09375, -0.09375)
    """
    if k is None:
        k = n
    if not 1 <= k <= n:
        raise ValueError(f"k must be in [1, {n}], got {k!r}.")
    if not 0.0 < lipschitz < np.inf:
        raise ValueError(f"lipschitz must be in (0, inf), got {lipschitz!r}.")
    family = _nesterov_family(lambda n: k, float(lipschitz))
    return family.problem(n, group="quadratic")


FAMILIES = (
    _family("diagonal", "log", 1e2, 10, 100, 1000),
    _family("diagonal", "log", 1e4, 100, 1000),
    _family("diagonal", "log", 1e6, 100),
    _family("diagonal", "clustered", 1e4, 100, 1000),
    _family("rotated", "log", 1e2, 100),
    _family("rotated", "log", 1e4, 10, 1000),
    _family("rotated", "log", 1e6, 100),
    _family("rotated", "clustered", 1e6, 100),
    _family("dense", "log", 1e4, 100),
    _nesterov_family(lambda n: n, 1.0),
)
