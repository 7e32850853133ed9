"""Faults of the disk cache: told once, never raised, and healed; no wrong code is loaded."""

import ast
import errno
import importlib
import io
import json
import os
import pathlib
import pickle
import pkgutil
import shutil
import sys
import warnings

import numba
import numpy as np
import pytest
from numba.core import caching
from numba.core.dispatcher import Dispatcher
from processes import run_python

import fastmomentum
from fastmomentum import minimize, minimize_sum, problems
from fastmomentum._batch.cluster import Common
from fastmomentum._numba import cache
from fastmomentum._numba.jit import cached_njit
from fastmomentum.jit import minimizer

PACKAGE = pathlib.Path(fastmomentum.__file__).parent


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch):
    monkeypatch.setattr(cache, "_told", False)


@pytest.fixture(name="place")
def _place(tmp_path, monkeypatch):
    """The cache's directory."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def double(x):
    return 2 * x


def halve(x):
    return x / 2


def called(function, value):
    """What a function returns that is decorated anew; (loads from the cache, warnings)."""
    compiled = cached_njit(function)
    result, told = recorded(lambda: compiled(value))
    assert result == function(value)
    return sum(compiled.stats.cache_hits.values()), told


def recorded(call):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = call()
    assert all(w.category is RuntimeWarning for w in told)
    return result, [(w.filename, str(w.message)) for w in told]


def file_of(place, kind):
    (found,) = place.rglob(f"*.{kind}")
    return found


# -- damaged files ---------------------------------------------------------------------------------


def empty(file):
    file.write_bytes(b"")


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def zeros_at_end(file):
    """What a crash of the machine leaves of a file that had not reached the disk."""
    size = file.stat().st_size
    os.truncate(file, size - 64)
    os.truncate(file, size)


def one_bit(file):
    content = bytearray(file.read_bytes())
    content[-len(content) // 3] ^= 1
    file.write_bytes(content)


def garbage(file):
    file.write_bytes(np.random.default_rng(0).bytes(file.stat().st_size))


def something_else(file):
    file.write_bytes(pickle.dumps(numba.__version__) + pickle.dumps(["not", "an", "index"]))


def unreadable(file):
    """Also for root, which permissions do not stop."""
    file.unlink()
    file.symlink_to(file.name)


def forbidden(file):
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("permissions do not stop this user")


def directory(file):
    file.unlink()
    file.mkdir()


def other_kind(file):
    (other,) = (f for f in file.parent.glob("*.nb?") if f != file)
    shutil.copy(other, file)


posix = pytest.mark.skipif(os.name != "posix", reason="links and permissions")
DAMAGES = [
    empty,
    cut,
    zeros_at_end,
    one_bit,
    garbage,
    something_else,
    pytest.param(unreadable, marks=posix),
    pytest.param(forbidden, marks=posix),
    pytest.param(directory, marks=posix),
]


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file(damage, kind, place):
    assert called(double, 1.5) == (0, [])
    file = file_of(place, kind)
    damage(file)
    hits, ((told_of, told),) = called(double, 1.5)
    assert hits == 0
    assert str(file) in told and "delete it if this comes back" in told
    assert told_of == __file__
    assert called(double, 1.5) == (1, [])


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_file_of_another_kind_in_its_place(kind, place):
    called(double, 1.5)
    other_kind(file_of(place, kind))
    assert called(double, 1.5) == (0, [])
    assert called(double, 1.5) == (1, [])


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_directory_that_is_not_empty_stays(kind, place):
    called(double, 1.5)
    file = file_of(place, kind)
    directory(file)
    (file / "theirs").touch()
    for _ in range(2):
        hits, told = called(double, 1.5)
        assert hits == 0 and len(told) == 1
        cache._told = False
    assert (file / "theirs").exists()


def files(place, source="source"):
    return cache.Files(str(place), "name", source)


def test_every_cut_and_every_flipped_byte(tmp_path):
    """Of data as large as what the head and the check sum take."""
    files(tmp_path).save("key", "data")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in tmp_path.iterdir():
            whole = file.read_bytes()
            for i in range(len(whole)):
                file.write_bytes(whole[:i])
                assert files(tmp_path).load("key") is None
                file.write_bytes(whole[:i] + bytes([whole[i] ^ 0x10]) + whole[i + 1 :])
                assert files(tmp_path).load("key") is None
            file.write_bytes(whole)
    assert files(tmp_path).load("key") == "data"


def test_other_entries_survive_damaged_data(tmp_path):
    files(tmp_path).save("one", 1)
    files(tmp_path).save("two", 2)
    empty(tmp_path / "name.1.nbc")
    with pytest.warns(RuntimeWarning, match=r"name\.1\.nbc"):
        assert files(tmp_path).load("one") is None
    assert files(tmp_path).load("two") == 2


# -- no wrong code ---------------------------------------------------------------------------------


def test_data_of_an_older_source(tmp_path, monkeypatch):
    """The new index could be written, and then the disk was full."""
    files(tmp_path, "old").save("key", "old data")
    with monkeypatch.context() as patch:
        patch.setattr(cache.Files, "_save_data", refuse_to_write)
        with pytest.raises(OSError, match="No space"):
            files(tmp_path, "new").save("key", "new data")
    assert files(tmp_path, "new").load("key") is None


def refuse_to_write(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_data_of_another_signature(tmp_path, monkeypatch):
    """Two processes found no index, and wrote the first data file both."""
    with monkeypatch.context() as patch:
        patch.setattr(cache.Files, "_load_index", lambda self: {})
        files(tmp_path).save("one", 1)
        index = (tmp_path / "name.nbi").read_bytes()
        files(tmp_path).save("two", 2)
    (tmp_path / "name.nbi").write_bytes(index)
    assert files(tmp_path).load("one") is None
    files(tmp_path).save("one", 1)
    assert files(tmp_path).load("one") == 1


@pytest.mark.parametrize("change", ["Numba", "source", "name"])
def test_files_of_other_times_are_passed_over(change, tmp_path, monkeypatch):
    files(tmp_path).save("key", "data")
    if change == "Numba":
        monkeypatch.setattr(numba, "__version__", "0.0.1")
    if change == "name":
        for file in list(tmp_path.iterdir()):
            file.rename(tmp_path / file.name.replace("name", "other"))
    made = cache.Files(
        str(tmp_path),
        "other" if change == "name" else "name",
        "another" if change == "source" else "source",
    )
    found, told = recorded(lambda: made.load("key"))
    assert found is None and not told
    made.save("key", "new")
    assert made.load("key") == "new"


def test_code_of_another_text(place, monkeypatch):
    """What is compiled into a function counts, too: its old code is not run, and is replaced."""
    monkeypatch.setattr(cache, "stamp_of", lambda function: "one")
    assert called(double, 1.5) == (0, [])
    assert called(double, 1.5) == (1, [])
    names = sorted(file.name for file in place.rglob("*.nb?"))
    monkeypatch.setattr(cache, "stamp_of", lambda function: "two")
    assert called(double, 1.5) == (0, [])
    assert called(double, 1.5) == (1, [])
    assert sorted(file.name for file in place.rglob("*.nb?")) == names


def test_numbas_own_files_are_not_touched(place):
    numba.njit(cache=True)(double)(1.5)
    before = {file: file.read_bytes() for file in place.rglob("*.nb?")}
    assert called(double, 1.5) == (0, [])
    assert called(double, 1.5) == (1, [])
    assert all(file.read_bytes() == content for file, content in before.items())
    again = numba.njit(cache=True)(double)
    assert again(1.5) == 3.0 and again.stats.cache_hits


# -- faults of writing -----------------------------------------------------------------------------


def full(number):
    """Class of files that take the first bytes."""

    class File(io.FileIO):
        def write(self, content):
            super().write(bytes(content)[:10])
            raise OSError(number, os.strerror(number))

    return File


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
@pytest.mark.parametrize("filled", [False, True], ids=["empty cache", "damaged data"])
def test_disk_that_takes_no_more(number, filled, place, monkeypatch):
    directory = pathlib.Path(cached_njit(double).stats.cache_path)
    if filled:
        called(double, 1.5)
        empty(file_of(place, "nbc"))
    before = sorted(directory.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(caching, "open", full(number), raising=False)
        hits, told = called(double, 1.5)
        again = [called(function, 1.5) for function in (double, halve)]
    assert hits == 0 and len(told) == 1
    if not filled:
        assert str(directory) in told[0][1] and os.strerror(number) in told[0][1]
        assert "NUMBA_CACHE_DIR" in told[0][1]
    assert again == [(0, []), (0, [])]  # told once
    assert sorted(directory.iterdir()) == before  # nothing torn is left
    assert called(double, 1.5) == (0, [])
    assert called(double, 1.5) == (1, [])


def replaced_by_file(path):
    shutil.rmtree(path)
    path.touch()


def closed(path):
    path.chmod(0o500)
    if os.access(path, os.W_OK):
        path.chmod(0o700)
        pytest.skip("permissions do not stop this user")


@posix
@pytest.mark.parametrize("change", [replaced_by_file, closed])
def test_directory_that_cannot_be_written_any_more(change, place):
    compiled = cached_njit(double)
    path = pathlib.Path(compiled.stats.cache_path)
    change(path)
    result, told = recorded(lambda: compiled(1.5))
    assert result == 3.0
    assert len(told) == 1 and str(path) in told[0][1]
    _, told = recorded(compiled.recompile)
    assert not told and compiled(1.5) == 3.0
    path.chmod(0o700)


def test_directory_that_vanished_is_made_again(place):
    compiled = cached_njit(double)
    shutil.rmtree(compiled.stats.cache_path)
    result, told = recorded(lambda: compiled(1.5))
    assert result == 3.0 and not told
    assert called(double, 1.5) == (1, [])


def test_source_that_cannot_be_read(place, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(caching.UserProvidedCacheLocator, "get_source_stamp", refuse)
    assert called(double, 1.5) == (0, [])
    assert not list(place.rglob("*.nb?"))


def test_wrong_settings_of_the_cache_are_errors(monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", "NoSuchLocator")
    with pytest.raises(RuntimeError, match="NoSuchLocator"):
        cached_njit(double)


def test_code_that_does_not_fit_the_library(place, monkeypatch):
    """The file is as it was written, and yet nothing can be made of it."""
    called(double, 1.5)

    def refuse(self, context, payload):
        raise AttributeError("no such attribute")

    with monkeypatch.context() as patch:
        patch.setattr(caching.CompileResultCacheImpl, "rebuild", refuse)
        hits, told = called(double, 1.5)
    assert hits == 0
    assert len(told) == 1 and "no such attribute" in told[0][1]
    assert called(double, 1.5) == (1, [])


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_warning_may_be_an_error(kind, place):
    called(double, 1.5)
    empty(file_of(place, kind))
    compiled = cached_njit(double)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="compiled code could not be read"):
            compiled(1.5)
        assert compiled(1.5) == 3.0
    assert called(double, 1.5) == (1, [])


# -- all that the package keeps --------------------------------------------------------------------


def test_all_that_is_cached_is_cached_so():
    """And none of it by Numba's own cache, whose faults are errors."""
    kinds = set()
    for module in pkgutil.walk_packages(fastmomentum.__path__, "fastmomentum."):
        if module.name.split(".")[1] not in ("_loops", "_numba", "_language"):
            continue
        if not module.ispkg:
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, Dispatcher):
                    kinds.add(cache.kind_of_cache(found))
    assert kinds <= {None, cache.Cache}
    assert cache.kind_of_cache(problems.get("booth").compiled("fused")) in (None, cache.Cache)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.keyword) and node.arg == "cache"), path


SENT = """
import pickle
from fastmomentum._numba.cache import kind_of_cache
common = pickle.loads(bytes.fromhex({parcel!r}))
assert kind_of_cache(common.fun) is kind_of_cache(common.jac) is None
common.unpack()
print(kind_of_cache(common.fun).__name__, kind_of_cache(common.jac).__name__)
"""


def test_workers_cache_a_function_as_its_sender_does(place):
    """Numba drops the cache where a function is pickled."""
    ours, users = cached_njit(double), numba.njit(cache=True)(double)
    parcel = pickle.dumps(Common(ours, users, (), (), None, None, None)).hex()
    done = run_python(SENT.format(parcel=parcel), env={"NUMBA_CACHE_DIR": place})
    assert done.stdout.split() == ["Cache", "FunctionCache"]
    common = Common(numba.njit(double), None, (), (), None, None, None)
    assert common.caches == (None, None)


@numba.njit
def distances(x, out, rows):
    total = 0.0
    out[0] = 0.0
    for row in rows:
        out[0] += 2.0 * (x[0] - row)
        total += (x[0] - row) ** 2
    return total


def solves():
    """A run of each kind of loop that is soon compiled."""
    given = {"method": "gd", "options": {"learning_rate": 0.01, "maxiter": 5}}
    booth = problems.get("booth").compiled("fused")
    solve = minimizer(booth, jac=True, **given)
    runs = [
        minimize(lambda x: (x @ x, 2 * x), np.ones(2), jac=True, **given),
        minimize(booth, np.ones(2), jac=True, **given),
        minimize_sum(distances, [0.0], np.arange(20.0), "gd", batch_size=5, epochs=2, seed=1,
                     options={"learning_rate": 0.01}),
        numba.njit(lambda x: solve(x))(np.ones(2)),
    ]  # fmt: skip
    return [run.x.tolist() for run in runs]


SOLVES = """
import json
import test_cache_faults as here
print(json.dumps(here.recorded(here.solves)))
"""


def test_runs_with_a_damaged_cache(tmp_path):
    """All files, in many ways."""
    if os.name != "posix":
        pytest.skip("links")
    env = {"NUMBA_CACHE_DIR": tmp_path}
    expected, told = json.loads(run_python(SOLVES, env=env).stdout)
    assert not told
    found = sorted(tmp_path.rglob("*.nb?"))
    assert len(found) >= 8
    ways = [empty, cut, one_bit, garbage, something_else, unreadable, directory]
    for i, file in enumerate(found):
        ways[i % len(ways)](file)
    values, told = json.loads(run_python(SOLVES, env=env).stdout)
    assert values == expected
    assert len(told) == 1 and str(tmp_path) in told[0][1]
    written = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")}
    assert json.loads(run_python(SOLVES, env=env).stdout) == [expected, []]
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")} == written


FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, -1))
import numpy as np
import test_cache_faults as here
from fastmomentum import minimize

def run():
    return minimize(lambda x: (x @ x, 2 * x), np.ones(3), jac=True, method="gd",
                    options={"learning_rate": 0.1})

result, told = here.recorded(run)
assert result.success
((_, message),) = told
print(message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
def test_run_on_a_full_disk(tmp_path):
    """With the index there is room for, and without a byte of the data."""
    message = run_python(FULL_DISK, env={"NUMBA_CACHE_DIR": tmp_path}).stdout
    assert str(tmp_path) in message and os.strerror(errno.EFBIG) in message
    assert not list(tmp_path.rglob("*.nbc")) and not list(tmp_path.rglob("*.tmp*"))
