"""Runs in the simulator beside those of the processor, and what they are of."""

import math

import numpy as np
import plain
import simulator  # noqa: F401 - mends it
from numba import cuda, njit

from fastmomentum import minimize_batch

SAME = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "grad_norm", "learning_rate")
ALSO_SAME = ("n_restarts", "line_search_failures", "success")
STARTS = np.random.default_rng(7).normal(size=(4, 3))
rosenbrock, value = njit(plain.rosenbrock), njit(plain.value)


@njit
def gradient(x, out):
    rosenbrock(x, out)


@njit
def model(a, b, t):
    return a * math.exp(-b * t)


@njit
def decay(x, out, t, y, weight, table):
    """With arguments of all kinds: shared, per problem a row, a number and a matrix."""
    total = 0.0
    out[0] = 0.0
    out[1] = 0.0
    for k in range(t.size):
        e = model(1.0, x[1], t[k])
        r = weight * (x[0] * e - y[k] + table[0, 1])
        total += r * r
        out[0] += 2.0 * r * weight * e
        out[1] -= 2.0 * r * weight * x[0] * e * t[k]
    return total


@njit
def cliff(x, out):
    """Not finite beyond 1."""
    out[0] = -1.0 / (1.0 - x[0]) if x[0] < 1.0 else math.nan
    return math.log(1.0 - x[0]) if x[0] < 1.0 else math.nan


def both(*args, **kwargs):
    device = minimize_batch(*args, device="cuda", **kwargs)
    processor = minimize_batch(*args, device="cpu", **kwargs)
    assert device.backend == "cuda"
    return device, processor


def assert_same(*args, **kwargs):
    device, processor = both(*args, **kwargs)
    for name in (*SAME, *ALSO_SAME):
        np.testing.assert_array_equal(device[name], processor[name], err_msg=name)
    assert device.message == processor.message
    assert device.x.dtype == processor.x.dtype and device.jac.dtype == processor.jac.dtype
    return device


BOUNDS = [(None, 0.8), (-2.0, 0.7), (0.1, 0.1)]


class Limits:
    lb = np.array([[-1.0, -1.0, -1.0], [-np.inf] * 3, [0.0, 0.0, 0.0], [-np.inf, 0.5, -np.inf]])
    ub = np.array([[0.5, 0.5, 0.5], [np.inf] * 3, [2.0, 2.0, 2.0], [np.inf, 0.5, np.inf]])


def on_host(function):
    """A function of the device's arrays that computes on the host; its gradient goes back."""

    def fun(x, *args):
        out = np.empty(x.shape, x.dtype)
        value = function(x.copy_to_host(), out, *args)
        return value, cuda.to_device(out)

    return fun


LARGE = 0.3 * np.random.default_rng(3).normal(size=11)


class Frozen:
    """An array that cannot be written to and is known by DLPack alone, as JAX's are.

    It says that it is on a CUDA device; its memory is the host's, as all is in the simulator.
    """

    def __init__(self, values):
        self.values = np.array(values)
        self.values.flags.writeable = False

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **wishes):
        return self.values.copy().__dlpack__(**wishes)

    def __array_namespace__(self):
        return Frozen

    @staticmethod
    def from_dlpack(array):
        return np.from_dlpack(array)

    @staticmethod
    def asarray(array, copy):
        assert copy  # it must not change when the run goes on
        return Frozen(array)


COLUMNS = ("fun", "jac", "nit", "nfev", "njev", "status", "success", "grad_norm", "learning_rate")


def as_host(array):
    return array.values if isinstance(array, Frozen) else array.copy_to_host()


def stopping(error, after):
    """A callback that raises when so many problems are done."""

    def callback(counts):
        if counts.n_done >= after:
            raise error

    return callback
