"""What other libraries' arrays are taken by, as far as it can be seen without a device."""

import importlib.util
import os
import types

import numpy as np
import pytest

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("numba_cuda") is None, reason="needs pip install '.[cuda-test]'"
    ),
    pytest.mark.skipif(
        os.environ.get("NUMBA_ENABLE_CUDASIM") == "1", reason="the simulator has no streams"
    ),
]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.arange(12.0)[::2],
        np.array(1.5),
        np.arange(3, dtype=np.int32),
    ],
    ids=lambda a: f"{a.dtype}-{a.shape}",
)
def test_a_view_by_dlpack_is_the_same_memory(array):
    from cuda.core.utils import StridedMemoryView

    from fastmomentum._cuda.arrays import described

    found = described(StridedMemoryView.from_dlpack(array, stream_ptr=-1))
    expected = array.__array_interface__
    assert found["shape"] == array.shape and found["typestr"] == array.dtype.str
    assert found["data"][0] == expected["data"][0]
    assert found["strides"] in (None, array.strides) and found["stream"] is None
    if not array.flags.c_contiguous:
        assert found["strides"] == array.strides


@pytest.fixture
def waits(monkeypatch):
    """(waiting stream, stream waited for) of the events."""
    from fastmomentum._cuda import arrays

    found = []

    class Event:
        def record(self, stream):
            self.recorded = stream

        def wait(self, stream):
            found.append((stream, self.recorded))

    monkeypatch.setattr(
        arrays,
        "cuda",
        types.SimpleNamespace(event=lambda timing: Event(), external_stream=lambda number: number),
    )
    return found


@pytest.mark.parametrize(
    ("stream", "waiting"), [(None, [(1, "ours")]), (7, [(7, "ours")]), (-1, [])]
)
def test_other_streams_wait_for_ours(waits, stream, waiting):
    from fastmomentum._cuda.arrays import Shared

    shared = Shared(np.arange(3.0), "ours")
    shared.__dlpack__(stream=stream, max_version=(1, 0), copy=None)
    assert waits == waiting


def test_shared_memory_is_that_of_the_view(waits):
    from cuda.core.utils import StridedMemoryView

    from fastmomentum._cuda.arrays import Shared

    array = np.arange(5.0)
    shared = Shared(StridedMemoryView.from_dlpack(array, stream_ptr=-1), "ours")
    assert tuple(shared.__dlpack_device__()) == (1, 0)
    found = np.from_dlpack(shared)
    assert np.shares_memory(found, array)
    del shared
    array[0] = 3.0
    assert found[0] == 3.0
