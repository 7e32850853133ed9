"""Pictures of runs: how they converge, where they go, and how solvers compare.

Each function draws on the Axes given, or on new ones, and returns them. Needs matplotlib, which
``pip install fastmomentum[plot]`` brings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .problems import Problem

__all__ = ["convergence", "path", "profile"]

# Okabe and Ito's palette, which the colour-blind can tell apart.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#56B4E9",
    "#009E73",
    "#999999",
    "#000000",
    "#CC79A7",
    "#E69F00",
)


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "fastmomentum.plot needs matplotlib: pip install fastmomentum[plot]."
        ) from error
    _, ax = pyplot.subplots(layout="constrained")
    return ax


def _named(results: Any, field: str, option: str) -> dict[str, Any]:
    """Results by name, which have a field by an option; one or a sequence gets names of its own."""
    if isinstance(results, Mapping) and "x" not in results:
        named = {str(name): result for name, result in results.items()}
    elif isinstance(results, Mapping):
        named = {"": results}
    else:
        named = {f"run {i}": result for i, result in enumerate(results)}
    for name, result in named.items():
        if field not in result:
            raise ValueError(
                f"results must be of runs with options={{{option!r}: True}}, "
                f"{name or 'this one'} has no {field}."
            )
    return named


def _tidy(ax: Any) -> None:
    ax.grid(True, color="0.5", alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    if any(not line.get_label().startswith("_") for line in ax.get_lines()):
        ax.legend(frameon=False)


def convergence(
    results: Any, *, quantity: str = "grad_norm", f_min: float | None = None, ax: Any = None
) -> Any:
    """Draw value or gradient norm of each iteration, on a logarithmic axis.

    Parameters
    ----------
    results : OptimizeResult, sequence or dict of them
        Of runs with ``options={"history": True}``; the keys of a dict are the labels.
    quantity : {'grad_norm', 'fun', 'learning_rate'}, default 'grad_norm'
        What to draw; 'fun' as the excess over `f_min`.
    f_min : float, optional
        The minimum; the lowest value of all runs unless given, whose own points are then left out.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a result has no history, or `quantity` is not one of its fields.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmomentum import minimize, plot
    >>> def fun(x):
    ...     return x @ x, 2.0 * x
    >>> options = {"history": True}
    >>> runs = {m: minimize(fun, np.ones(3), method=m, jac=True, options=options)
    ...         for m in ("gd", "nesterov")}
    >>> ax = plot.convergence(runs)
    >>> [line.get_label() for line in ax.get_lines()]
    ['gd', 'nesterov']
    """
    labels = {"grad_norm": "norm of the gradient", "fun": "fun - minimum",
              "learning_rate": "learning rate"}  # fmt: skip
    if quantity not in labels:
        raise ValueError(f"quantity must be one of {', '.join(labels)}, got {quantity!r}.")
    named = _named(results, "history", "history")
    ax = _axes(ax)
    lowest = min((float(np.nanmin(r["history"]["fun"])) for r in named.values()), default=0.0)
    for i, (name, result) in enumerate(named.items()):
        values = np.array(result["history"][quantity], float)
        if quantity == "fun":
            values -= lowest if f_min is None else f_min
        values[~(values > 0.0)] = np.nan  # no place on a logarithmic axis
        ax.plot(values, color=COLOURS[i % len(COLOURS)], label=name or None)
    ax.set_yscale("log")
    ax.set_xlabel("iteration")
    ax.set_ylabel(labels[quantity])
    _tidy(ax)
    return ax


def path(fun: Callable, results: Any, *, args: tuple = (), levels: int = 30, ax: Any = None) -> Any:
    """Draw the ways of runs in two variables over the contours of the function.

    Parameters
    ----------
    fun : callable or Problem
        ``fun(x, *args) -> float``, or one of `fastmomentum.problems`.
    results : OptimizeResult, sequence or dict of them
        Of runs in two variables with ``options={"return_all": True}``; the keys of a dict are the
        labels.
    args : tuple, optional
        Arguments of `fun`.
    levels : int, default 30
        Number of contours, at equal steps of the logarithm of the excess over the lowest value.
    ax : matplotlib Axes, optional
        Where to draw; its limits are kept if something is on it already.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a result has no `allvecs`, or not two variables.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from scipy.optimize import rosen, rosen_der
    >>> from fastmomentum import minimize, plot
    >>> run = minimize(rosen, [-1.2, 1.0], jac=rosen_der, options={"return_all": True})
    >>> ax = plot.path(rosen, run)
    >>> ax.get_xlabel()
    'x[0]'
    """
    ways = {}
    for name, result in _named(results, "allvecs", "return_all").items():
        ways[name] = np.array(result["allvecs"], float)
        if ways[name].shape[1:] != (2,):
            raise ValueError(f"results must have two variables, got {ways[name].shape[1]}.")
    if isinstance(fun, Problem):
        fun, args = fun.fun, fun.args
    ax = _axes(ax)
    points = np.vstack(list(ways.values()))
    points = points[np.isfinite(points).all(axis=1)]
    if ax.has_data():
        box = np.array([ax.get_xlim(), ax.get_ylim()]).T
    else:
        margin = 0.15 * np.maximum(np.ptp(points, axis=0), 1e-3)
        box = np.array([points.min(axis=0) - margin, points.max(axis=0) + margin])
    a, b = (np.linspace(box[0, j], box[1, j], 160) for j in range(2))
    with np.errstate(all="ignore"):
        table = np.array([[float(fun(np.array([u, v]), *args)) for u in a] for v in b])
        finite = np.isfinite(table)
        excess = table - table[finite].min()
        logarithm = np.log10(excess + 1e-4 * np.median(excess[finite]))
    ax.contour(a, b, logarithm, levels, cmap="Greys_r", linewidths=0.6, zorder=1)
    for i, (name, way) in enumerate(ways.items()):
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(*way.T, ".-", markersize=4, linewidth=1.2, color=colour, label=name or None)
        ax.plot(*way[-1], "o", markersize=7, color=colour, markeredgecolor="white")
    ax.set_xlim(*box[:, 0])
    ax.set_ylim(*box[:, 1])
    ax.set_xlabel("x[0]")
    ax.set_ylabel("x[1]")
    _tidy(ax)
    return ax


def profile(costs: Mapping[str, Sequence[float]], *, largest: float = 64.0, ax: Any = None) -> Any:
    """Draw a performance profile: the share of problems solved within a multiple of the best.

    Parameters
    ----------
    costs : dict of str to sequence of float
        For each solver, what each problem cost: evaluations, or seconds. inf: not solved; nan: not
        tried, and not counted for this solver.
    largest : float, default 64
        The largest multiple shown.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the solvers have costs of different lengths, or a cost is not positive.
    ImportError
        If matplotlib is not installed.

    References
    ----------
    .. [1] Dolan, E. D., and J. J. More, "Benchmarking optimization software with performance
           profiles", Mathematical Programming 91 (2002), 201-213.

    Examples
    --------
    >>> from fastmomentum import plot
    >>> ax = plot.profile({"ours": [10, 20, 30], "theirs": [20, 10, float("inf")]})
    >>> [line.get_label() for line in ax.get_lines()]
    ['ours', 'theirs']
    """
    try:
        table = np.array([np.asarray(values, float) for values in costs.values()])
    except ValueError:
        table = np.empty(0)
    if table.ndim != 2 or table.size == 0:
        raise ValueError("costs must hold as many numbers for each solver.")
    if (table <= 0.0).any():
        raise ValueError(f"costs must be positive, got {table.min()}.")
    best = np.nanmin(np.where(np.isnan(table), np.inf, table), axis=0)
    ax = _axes(ax)
    with np.errstate(invalid="ignore"):  # inf / inf: solved by none
        ratios = table / best
    for i, (name, row) in enumerate(zip(costs, ratios, strict=True)):
        tried = ~np.isnan(table[i])
        draw_profile(ax, row[tried], largest, color=COLOURS[i % len(COLOURS)], label=name)
    ax.set_ylabel("share of problems solved within it")
    ax.set_xlabel("multiple of the best solver's cost")
    _tidy(ax)
    return ax


def draw_profile(ax: Any, ratios: Iterable[float], largest: float, **style: Any) -> None:
    """One solver's line, from its costs as multiples of the best solver's."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

    values = np.array(list(ratios), float)
    steps, counts = np.unique(values[values <= largest], return_counts=True)
    shares = np.cumsum(counts) / max(values.size, 1)
    at = np.concatenate([[1.0], steps, [largest]])
    # Solvers as good as the best begin above zero.
    first = float((values <= 1.0).mean()) if values.size else 0.0
    last = shares[-1] if shares.size else 0.0
    ax.step(at, np.concatenate([[first], shares, [last]]), where="post", **style)
    ax.set_xscale("log", base=2)
    ax.set_xlim(1.0, largest)
    ax.set_ylim(0.0, 1.01)
    ax.xaxis.set_major_locator(FixedLocator([2.0**k for k in range(int(math.log2(largest)) + 1)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
