"""Questions about vectors: short ones are answered without NumPy, and the answers are the same."""

import math

import numpy as np
import pytest

from fastmomentum import _arrays as _vectors
from fastmomentum._arrays import SHORT

SIZES = (1, 2, SHORT, SHORT + 1)
VALUES = (0.0, -0.0, -3.5, 1e30, math.nan, math.inf, -math.inf)


def vectors(n, dtype):
    """Vectors of n small numbers, with each special value at the front and at the end."""
    plain = np.linspace(-1.0, 2.0, n).astype(dtype)
    for value in VALUES:
        for i in (0, -1):
            x = plain.copy()
            x[i] = value
            yield x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", SIZES)
def test_answers_are_numpys(n, dtype):
    plain = np.linspace(-1.0, 2.0, n).astype(dtype)
    for x in vectors(n, dtype):
        assert _vectors.all_finite(x) is bool(np.isfinite(x).all())
        np.testing.assert_equal(_vectors.largest_magnitude(x), float(np.abs(x).max()))
        assert _vectors.equal(x, x.copy()) is np.array_equal(x, x.copy())
        assert _vectors.equal(x, plain) is np.array_equal(x, plain)
        for value in (0.0, float(dtype(1e30)), math.inf):
            expected = np.flatnonzero(x == dtype(value))
            np.testing.assert_array_equal(_vectors.indices_of(value, x), expected)


@pytest.mark.parametrize("n", SIZES)
def test_norms_are_numpys(n):
    for order in (1, 2, 3.5, math.inf, -math.inf):
        for x in vectors(n, np.float64):
            with np.errstate(all="ignore"):
                expected = float(np.linalg.norm(x, order))
            if math.isfinite(expected) or not np.isfinite(x).all():
                np.testing.assert_allclose(_vectors.vector_norm(x, order), expected, rtol=1e-14)


def test_the_digits_of_the_euclidean_norm_are_those_of_the_loops():
    """On every processor: those of a sum in order, without the fused operations of a BLAS."""
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(100, 5)):
        total = 0.0
        for x_i in x.tolist():
            total += x_i * x_i
        assert _vectors.vector_norm(x, 2) == math.sqrt(total)


class Placed:
    """An array of another library, as far as DLPack says where it is."""

    def __init__(self, place):
        self.place = place

    def __dlpack_device__(self):
        if self.place is None:
            raise BufferError("on several devices")
        return self.place


@pytest.mark.parametrize(
    ("place", "device"),
    [((2, 0), 0), ((2, 3), 3), ((13, 1), 1), ((1, 0), None), ((3, 0), None), (None, None)],
)
def test_devices_by_dlpack(place, device):
    assert _vectors.device_of(Placed(place)) == device
    assert _vectors.on_device(Placed(place)) is (device is not None)


def test_tensors_that_record_gradients_are_found():
    class Tensor(Placed):
        @property
        def __cuda_array_interface__(self):
            raise RuntimeError("requires grad")

    assert _vectors.on_device(Tensor((2, 0))) and not _vectors.on_device(Tensor((1, 0)))


@pytest.mark.parametrize("x", [1.0, [1.0], np.ones(2), None, "x"])
def test_what_is_on_no_device(x):
    assert not _vectors.on_device(x)
