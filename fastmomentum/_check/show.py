"""`show_options`: the options of each method, in words."""

from __future__ import annotations

import textwrap
from typing import Any

from .._methods import METHODS
from .arguments import check_method
from .options import OPTIONS


def _entry(name: str, default: Any, text: str) -> str:
    head = f"{name} (default {default!r})" if default is not None else name
    return head + "\n" + textwrap.fill(text, 96, initial_indent="    ", subsequent_indent="    ")


def show_options(method: str | None = None, disp: bool = True) -> str | None:
    """Describe the options of a method, as ``scipy.optimize.show_options`` does.

    Parameters
    ----------
    method : str, optional
        Name of the method; None describes all of them.
    disp : bool, default True
        Print the text; False returns it.

    Returns
    -------
    str or None

    Raises
    ------
    ValueError
        If there is no such method.

    Examples
    --------
    >>> from fastmomentum import show_options
    >>> print(show_options("gd", disp=False).splitlines()[0])
    gd: Gradient descent (Cauchy 1847).
    """
    names = list(METHODS) if method is None else [check_method(method).name]
    parts = []
    for name in names:
        found = METHODS[name]
        title = f"{name}: {found.summary}"
        own = [_entry(p.name, p.default, f"{p.doc}") for p in found.parameters]
        parts.append("\n\n".join([title, found.notes, "\n".join(own)]))
    common = [_entry(o.name, o.default, o.doc) for o in OPTIONS]
    parts.append("Options of every method\n\n" + "\n".join(common))
    text = "\n\n".join(parts)
    if not disp:
        return text
    from .._report.display import write

    write(text + "\n")
    return None
