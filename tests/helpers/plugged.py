"""What tests of `scipy_method` have in common."""

import warnings

import numpy as np

START = np.array([1.3, 0.7, 0.8])
BOX = [(-2.0, 0.9)] * 3  # the minimum is on its boundary
METHODS = ("momentum", "nesterov", "gd", "adam")


def caught(function, *args, **keywords):
    """(result, [(category, message)]); the warnings must be of this file."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = function(*args, **keywords)
    assert {w.filename for w in found} <= {__file__}
    return result, [(w.category, str(w.message)) for w in found]
