"""The text of every generated file."""

from __future__ import annotations

import pathlib

from fastmomentum._methods import METHODS

from . import cuda, team
from .sources import ROOT


def automatic_path(name: str, composite: bool) -> tuple[str, str]:
    """Name and file of an automatic loop, for f or for f + h: one for both, or one each."""
    loop = f"{name}_{'composite' if composite else 'auto'}"
    path = f"fastmomentum/_loops/{loop}.py"
    return loop, path if (ROOT / path).exists() else f"fastmomentum/_loops/{name}.py"


def files() -> dict[pathlib.Path, str]:
    """Every generated file and what it should hold."""
    texts = {}
    for name, method in METHODS.items():
        texts[f"cuda/loop_{name}"] = cuda.given_rate_file(method)
        texts[f"cuda/step_{name}"] = cuda.step_file(method)
        for composite in (False, True) if method.loop == name else ():
            loop, path = automatic_path(name, composite)
            texts[f"cuda/loop_{loop}"] = cuda.automatic_file(path, composite)
            texts[f"cuda/team_{loop}"] = team.file_of(path, composite)
    return {_path(name): text for name, text in texts.items()}


def _path(name: str) -> pathlib.Path:
    """The kernels of CUDA have a room of their own; the entries are of Numba's."""
    room = "_" if name.startswith("cuda/") else "_numba/" if name == "entry" else "_loops/"
    return ROOT / "fastmomentum" / f"{room}{name}.py"
