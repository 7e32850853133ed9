"""A result as a notebook shows it: a small table, and a line of how the run converged."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

ROWS = ("message", "fun", "grad_norm", "x", "nit", "nfev", "njev", "learning_rate", "time")
WIDTH, HEIGHT = 240.0, 36.0


def result_html(result: Mapping[str, Any]) -> str:
    """The table of a result; arrays are cut."""
    rows = []
    for name in ROWS:
        if name in result:
            rows.append((name, html.escape(_text(name, result[name]))))
    history = result.get("history")
    if history is not None:
        rows.append(("grad_norm, log", sparkline(history["grad_norm"])))
    body = "".join(
        f'<tr><th style="text-align:left">{name}</th><td style="text-align:left">{cell}</td></tr>'
        for name, cell in rows
    )
    success = np.all(result.get("success", False))
    colour = "#009E73" if success else "#D55E00"
    return f'<table style="border-left:4px solid {colour}">{body}</table>'


def _text(name: str, value: Any) -> str:
    if isinstance(value, np.ndarray):
        with np.printoptions(precision=5, threshold=8, edgeitems=3):
            return " ".join(str(value).split())
    if isinstance(value, float):
        return f"{value:.3g} s" if name == "time" else f"{value:.8g}"
    return str(value)


def sparkline(values: Iterable[float]) -> str:
    """Positive numbers on a logarithmic scale, as an SVG of one line."""
    numbers = [math.log10(v) for v in map(float, values) if 0.0 < v < math.inf]
    if len(numbers) < 2:
        return ""
    # One point per pixel is enough, and long runs stay small.
    step = max(1, math.ceil(len(numbers) / WIDTH))
    numbers = [*numbers[:-1:step], numbers[-1]]
    low, high = min(numbers), max(numbers)
    span = high - low or 1.0
    points = " ".join(
        f"{WIDTH * i / (len(numbers) - 1):.1f},{HEIGHT * (1.0 - (v - low) / span):.1f}"
        for i, v in enumerate(numbers)
    )
    return (
        f'<svg width="{WIDTH:.0f}" height="{HEIGHT + 4:.0f}" viewBox="0 -2 {WIDTH:.0f} '
        f'{HEIGHT + 4:.0f}" role="img" aria-label="from 1e{numbers[0]:.1f} to '
        f'1e{numbers[-1]:.1f}"><polyline points="{points}" fill="none" stroke="currentColor" '
        'stroke-width="1.2"/></svg>'
    )
