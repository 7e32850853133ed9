"""Questions about vectors: short ones are answered without NumPy, and the answers are the same."""

import math

import numpy as np
import pytest

from fastmomentum import _vectors
from fastmomentum._vectors import SHORT

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
