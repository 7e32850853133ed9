"""Numba's disk cache, in which no fault ends a call: what it does not give is compiled."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
from binascii import crc32
from collections.abc import Callable, Iterator
from typing import Any

from numba.core import caching
from numba.core.serialize import dumps

from fastmomentum._report.warnings import warn

from .stamp import stamp_of

MARK = b"fastmomentum cache 1, Numba "
CHECK_BYTES = 4
# Another process has replaced or removed the file: no fault.
GONE = (errno.ENOENT, errno.ESTALE)


class Damaged(Exception):
    """A file is not as it was written."""


class Files(caching.IndexDataCacheFile):
    """Numba's index and data file; nothing is unpickled that is not as it was written.

    Numba writes the index first. A data file that an index names can thus be of an older source,
    where the disk was full then, or of another signature, where two processes wrote at once: each
    file says what it is of.
    """

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        name = self._load_index().get(key)
        found = None if name is None else self._read(name)
        return found[1] if found is not None and found[0] == key else None

    def _load_index(self) -> dict:
        return self._read(self._index_name) or {}

    def _save_index(self, overloads: dict) -> None:
        self._write(self._index_name, overloads)

    def _save_data(self, name: str, data: Any) -> None:
        self._write(name, data)

    def _head(self, name: str) -> bytes:
        return MARK + f"{self._version}, {name}\n".encode()

    def _read(self, name: str) -> Any:
        """What this file holds; None if that is not for this Numba and this source, or damaged."""
        path = self._data_path(name)
        try:
            with open(path, "rb") as file:
                content = file.read()
            return self._checked(content, self._head(name))
        except Exception as error:
            if getattr(error, "errno", None) not in GONE:
                tell_damaged(path, error)
            return None

    def _checked(self, content: bytes, head: bytes) -> Any:
        if not content.startswith(head):
            if content.startswith(MARK):
                return None
            raise Damaged("not a file of the cache")
        check, pickled = len(head), memoryview(content)[len(head) + CHECK_BYTES :]
        if content[check : check + CHECK_BYTES] != _check(pickled):
            raise Damaged("it is cut, or has other bytes than were written")
        stamp, held = pickle.loads(pickled)
        return held if stamp == self._source_stamp else None

    def _write(self, name: str, held: Any) -> None:
        path = self._data_path(name)
        pickled = dumps((self._source_stamp, held))
        if os.path.isdir(path):
            with contextlib.suppress(OSError):  # it is not empty: replacing it fails
                os.rmdir(path)
        with self._open_for_write(path) as file:
            file.write(self._head(name) + _check(pickled))
            file.write(pickled)


def _check(content: Any) -> bytes:
    return crc32(content).to_bytes(CHECK_BYTES, "little")


class Cache(caching.FunctionCache):
    """Numba's cache of one function, with a warning where that raises.

    Its files are of all that is compiled into the function, see `stamp_of`.
    """

    def __init__(self, function: Callable):
        super().__init__(function)
        # Another name than Numba's own: neither reads the files of the other.
        name = f"{self._impl.filename_base}.checked"
        self._cache_file = Files(self._cache_path, name, self._cache_file._source_stamp)
        self._stamped = False

    def _take_stamp(self) -> None:
        # At the first use: the function's module may not have been complete before.
        if not self._stamped:
            source = self._cache_file._source_stamp
            self._cache_file._source_stamp = (source, stamp_of(self._py_func))
            self._stamped = True

    def flush(self) -> None:
        with self._guarded(tell_unwritten):
            super().flush()

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        with self._guarded(tell_damaged):
            self._take_stamp()
            return super()._load_overload(sig, target_context)
        return None

    def _save_overload(self, sig: Any, data: Any) -> None:
        with self._guarded(tell_unwritten):
            self._take_stamp()
            super()._save_overload(sig, data)

    @contextlib.contextmanager
    def _guarded(self, tell: Callable) -> Iterator[None]:
        try:
            yield
        except Warning:  # one that the user wants to be an error
            raise
        except Exception as error:
            tell(self._cache_path, error)


# -- the one warning of a process ------------------------------------------------------------------

_told = False


def tell_damaged(path: str, error: BaseException) -> None:
    _tell(
        error,
        f"compiled code could not be read from {path}. It is compiled anew, and the file replaced "
        "where that is possible: delete it if this comes back.",
    )


def tell_unwritten(directory: str, error: BaseException) -> None:
    _tell(
        error,
        f"compiled code could not be kept in {directory}: each process compiles it anew. Make room "
        "there, allow writing, or set NUMBA_CACHE_DIR to another directory.",
    )


def _tell(error: BaseException, message: str) -> None:
    global _told
    # On Windows, files that several processes use at once deny permission; Numba passes over it.
    if _told or (os.name == "nt" and isinstance(error, PermissionError)):
        return
    _told = True
    reason = f"{type(error).__name__}: {error}"
    warn(f"{message} ({reason}; further faults of the cache are not told.)", RuntimeWarning)


# -- functions -------------------------------------------------------------------------------------


def kind_of_cache(function: Any) -> type[caching.FunctionCache] | None:
    """How a function is kept on disk; None if it is not."""
    cache = getattr(function, "_cache", None)
    return type(cache) if isinstance(cache, caching.FunctionCache) else None


def keep_on_disk(function: Any, kind: type[caching.FunctionCache] = Cache) -> None:
    """Have a compiled function cached, if that is possible."""
    cache = _cache_of(function.py_func, kind)
    if cache is not None:
        function._cache = cache


def directory(function: Callable) -> str | None:
    """Where the code of the functions in its file is kept; None if nothing can be written."""
    cache = _cache_of(function, Cache)
    return None if cache is None else cache.cache_path


def _cache_of(function: Callable, kind: type[caching.FunctionCache]) -> Any:
    # Numba raises where its search finds no directory that can be written (a home that is read
    # only, containers without one), or no file of the function's source.
    try:
        return kind(function)
    except OSError:
        return None
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return None
