"""Files that a run is kept in: written in one step, read without trust.

A file is of NumPy's format npz, without compression and without pickle, so that `numpy.load` opens
it, too: ``meta.npy`` holds the bytes of a JSON object, and each other member an array.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import time
import zipfile
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np

from .._numba.interrupts import interrupts_later
from .._report.warnings import warn
from .._version import __version__

FORMAT = 1
# Writing takes at most this share of the time.
SHARE = 0.05
_META = "meta"


def write_checkpoint(
    file: str | os.PathLike[str], kind: str, meta: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Write a file, whole or not at all: into another one, which then takes its name.

    Ctrl-C comes when it is written.
    """
    head = {"format": FORMAT, "kind": kind, "fastmomentum": __version__, **meta}
    members = {_META: np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays}
    with interrupts_later():
        _write(os.fspath(file), members)


def _write(path: str, members: dict[str, np.ndarray]) -> None:
    # One name, so that what a killed process left behind is overwritten.
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.part")
    try:
        with open(temporary, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                for member, array in members.items():
                    with archive.open(f"{member}.npy", "w", force_zip64=True) as target:
                        _write_array(target, array)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder or os.curdir)


def _write_array(target: Any, array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(target, np.lib.format.header_data_from_array_1_0(array))
    target.write(array.reshape(-1).view(np.uint8).data)


def _sync_folder(folder: str) -> None:
    """Make the new name last through a power failure, where folders can be synchronized."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)


def read_checkpoint(
    file: str | os.PathLike[str],
    kind: str,
    names: Iterable[str],
    *,
    layout: str,
    later: Iterable[str] = (),
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The meta data and arrays of a file; those named `later` as far as they are there.

    Raises
    ------
    ValueError
        If it is not a file of this kind and layout, or is damaged.
    OSError
        If it cannot be read.
    """
    path = os.fspath(file)
    with open(path, "rb") as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            with zipfile.ZipFile(stream) as archive:
                meta = _read_meta(archive, size)
                refusal = _refusal(path, meta, kind, layout)
                present = set(archive.namelist())
                wanted = [*names, *(name for name in later if f"{name}.npy" in present)]
                arrays = {n: _read_array(archive, n, size) for n in wanted} if not refusal else {}
        except Exception as error:  # zip files, headers and JSON can be wrong in many ways
            raise ValueError(
                f"{path!r} is not a file of a run of fastmomentum, or is damaged: {error}"
            ) from None
    if refusal:
        raise ValueError(refusal)
    return meta, arrays


def _refusal(path: str, meta: dict[str, Any], kind: str, layout: str) -> str:
    """Why a file that is whole is not the one that was meant."""
    if meta.get("kind") != kind:
        return f"{path!r} must be the file of a {kind}, not of a {meta.get('kind')}."
    if meta.get("format") != FORMAT or meta.get("layout") != layout:
        return (
            f"{path!r} was written by fastmomentum {meta.get('fastmomentum')}, this is "
            f"{__version__}, which keeps runs in another way: begin anew, from the point in it."
        )
    return ""


def _read_meta(archive: zipfile.ZipFile, size: int) -> dict[str, Any]:
    meta = json.loads(_read_array(archive, _META, size).tobytes())
    if not isinstance(meta, dict):
        raise ValueError("meta is no object.")
    return meta


def _read_array(archive: zipfile.ZipFile, name: str, size: int) -> np.ndarray:
    """One member, whose header must agree with its length: nothing is allocated on its word."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
        raise ValueError(f"{name} is compressed, or longer than the file.")
    data = archive.read(info)
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{name} has another version.")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    rest = len(data) - stream.tell()
    plain = dtype.kind in "fiu" and dtype.isnative and not dtype.hasobject and not fortran
    if not plain or math.prod(shape) * dtype.itemsize != rest or min(shape, default=1) < 0:
        raise ValueError(f"{name} is {dtype} of shape {shape} in {rest} bytes.")
    # A copy: aligned, and to be written to.
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape).copy()


class Kept:
    """A state that can be in a file; its class says what it consists of, and checks it."""

    KIND = ""
    LAYOUT = ""  # what its numbers mean; a file with another one is of another version
    META: tuple[str, ...] = ()  # attributes that are kept as JSON
    ARRAYS: tuple[str, ...] = ()
    LATER: tuple[str, ...] = ()  # arrays that files of earlier versions lack

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write it to a file, of NumPy's format npz, in one step: whole or not at all.

        Parameters
        ----------
        file : path

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        meta = {"layout": self.LAYOUT, **{name: getattr(self, name) for name in self.META}}
        write_checkpoint(file, self.KIND, meta, self._arrays())

    def _arrays(self) -> dict[str, np.ndarray]:
        """What is in the file."""
        return {name: getattr(self, name) for name in (*self.ARRAYS, *self.LATER)}

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> Self:
        """Read a file of `save`, or one that was given as `checkpoint`.

        Parameters
        ----------
        file : path

        Raises
        ------
        ValueError
            If it is not such a file, is damaged, or was written by another version.
        OSError
            If it cannot be read.
        """
        meta, arrays = read_checkpoint(
            file, cls.KIND, cls.ARRAYS, layout=cls.LAYOUT, later=cls.LATER
        )
        state = cls._of(file, meta, arrays)
        state._check(file)
        return state

    @classmethod
    def _of(cls, file: Any, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        raise NotImplementedError

    def _check(self, file: Any) -> None:
        raise NotImplementedError


class Saver:
    """Writes a run to its file now and then.

    Parameters
    ----------
    file : path
    every : float
        Seconds from one time to the next; more where writing takes long.
    """

    def __init__(self, file: str | os.PathLike[str], every: float):
        self.file = os.fspath(file)
        self.every = every
        self.next = time.perf_counter() + every
        self._warned = False

    def due(self) -> bool:
        """Is it time?"""
        return time.perf_counter() >= self.next

    def save(self, make: Callable[[], Any]) -> None:
        """Write the state that `make` returns; a full disk does not end a run, nor memory."""
        begin = time.perf_counter()
        try:
            make().save(self.file)
        except (OSError, MemoryError) as error:
            if not self._warned:
                self._warned = True
                warn(
                    f"The checkpoint could not be written: {error}. The run goes on.",
                    RuntimeWarning,
                )
        now = time.perf_counter()
        self.next = now + max(self.every, (now - begin) / SHARE)


def resolved(path: Any) -> Any:
    """A path as it is meant now: a function of the user's may go to another folder later on."""
    if path is None or not isinstance(path, str | os.PathLike):
        return path  # also a state, or what `check_state` refuses
    text = os.fspath(path)
    # "" and "folder/" are no files, and stay what they are.
    return os.path.abspath(text) if os.path.basename(text) else text


def check_state(state: Any, checkpoint: Any, kind: Any) -> Any:
    """The state to go on from, given or in a file; None at the beginning of a run.

    `kind` is the class that it must be of, with a method `load`.
    """
    if state is None and checkpoint is None:
        return None
    for name, value in (("state", state), ("checkpoint", checkpoint)):
        path = isinstance(value, str | os.PathLike)
        if value is not None and not path and not (name == "state" and isinstance(value, kind)):
            allowed = "a path" if name == "checkpoint" else f"a {kind.__name__} or a path"
            raise TypeError(f"{name} must be {allowed}, got {value!r}.")
    if checkpoint is not None:
        _check_place(os.fspath(checkpoint))
        if os.path.exists(checkpoint):
            if state is not None:
                raise ValueError(
                    f"state must not be given where the file of checkpoint, {checkpoint!r}, exists "
                    "already: the run goes on from either. Leave out state, or remove the file."
                )
            return _load("checkpoint", checkpoint, kind)
    return state if state is None or isinstance(state, kind) else _load("state", state, kind)


def _load(name: str, file: Any, kind: Any) -> Any:
    state = kind.load(file)
    state.source = f"{name} {os.fspath(file)!r}"
    state.from_checkpoint = name == "checkpoint"
    return state


def check_given(state: Any, own: dict[str, str], instead: str = "") -> None:
    """Raise an error unless `state` is of a run that was given the same, by fingerprints.

    What is not known of it, such as of a file of an earlier version, is taken to be the same.
    """
    for name, value in own.items():
        if state.given.get(name, value) != value:
            raise ValueError(
                f"{state.source} must be of the same problem: {name} was another when it was "
                f"made. Begin anew, with another file or none{instead}."
            )


def texts_in(file: Any, meta: dict[str, Any], name: str, default: Any = None) -> dict[str, str]:
    """The dict of texts of this name in a file's meta data, such as rules and fingerprints."""
    texts = meta.get(name, default)
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise ValueError(f"{os.fspath(file)!r} is damaged: {name} is {texts!r:.99}.")
    return texts


def _check_place(path: str) -> None:
    folder = os.path.dirname(path) or os.curdir
    if os.path.isdir(path) or not os.path.basename(path):
        raise ValueError(f"checkpoint must be the path of a file, got {path!r}.")
    if not os.path.isdir(folder):
        raise ValueError(f"checkpoint must be in a folder that exists, got {path!r}.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"checkpoint must be in a folder that can be written to, got {path!r}.")
