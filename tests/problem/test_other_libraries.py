"""Objectives of other libraries, and the examples that use them."""

import pathlib
import runpy
import sys

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from fastmomentum import minimize


class OnDevice:
    """An array on a GPU, as CuPy's: NumPy may not convert it, but one number has `item`."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def item(self):
        return self.values.item()


class RequiresGrad(OnDevice):
    """As a tensor of torch that takes part in differentiation."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Convertible(OnDevice):
    """As an array of JAX, or a tensor on the CPU."""

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Float:
    """Not an array, and only `float` converts it."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


@pytest.mark.parametrize("kind", (Convertible, OnDevice, RequiresGrad, Float))
@pytest.mark.parametrize("shape", ((), (1,)))
@pytest.mark.parametrize("jac", ("pair", "jac", "2-point"))
def test_values_of_other_libraries(kind, shape, jac):
    def value(x):
        assert type(x) is np.ndarray
        f = np.sum((x - 1.0) ** 2)
        return kind(f if kind is Float else np.full(shape, f))

    def gradient(x):
        return Convertible(2.0 * (x - 1.0))

    def pair(x):
        return value(x), gradient(x)

    plain = {"pair": True, "jac": gradient}.get(jac, jac)
    found = minimize(pair if jac == "pair" else value, np.zeros(3), jac=plain)
    same = minimize(
        lambda x: float(np.sum((x - 1.0) ** 2)),
        np.zeros(3),
        jac=("2-point" if jac == "2-point" else lambda x: 2.0 * (x - 1.0)),
    )
    assert found.success and np.array_equal(found.x, same.x) and type(found.fun) is float


@pytest.mark.parametrize("kind", (OnDevice, RequiresGrad))
def test_gradients_that_cannot_be_converted(kind):
    words = "not allowed" if kind is OnDevice else "requires grad"
    with pytest.raises(
        ValueError, match=rf"jac must return 2 real numbers.* got {kind.__name__}: .*{words}"
    ) as error:
        minimize(rosen, [0.0, 0.0], jac=lambda x: kind(rosen_der(x)))
    assert isinstance(error.value.__cause__, TypeError if kind is OnDevice else RuntimeError)


@pytest.mark.parametrize("value", (OnDevice(np.ones(2)), RequiresGrad(1j), Convertible(["a"])))
def test_values_that_are_no_numbers(value):
    with pytest.raises(ValueError, match="must return a scalar value: fun returned"):
        minimize(lambda x: value, [0.0, 0.0])


EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def test_examples_are_tested():
    assert sorted(p.name for p in EXAMPLES.glob("*.py")) == [
        "cupy_objective.py",
        "jax_objective.py",
        "torch_objective.py",
    ]


@pytest.mark.parametrize("package", ("torch", "jax", "cupy"))
def test_examples(package, capsys):
    library = pytest.importorskip(package)
    if package == "cupy" and not library.cuda.is_available():
        pytest.skip("needs a CUDA device")
    runpy.run_path(str(EXAMPLES / f"{package}_objective.py"), run_name="__main__")
    assert "Optimization terminated successfully." in capsys.readouterr().out


def test_example_for_cupy_with_numpy_in_its_place(monkeypatch, capsys):
    """Its arithmetic, on machines without a GPU."""
    monkeypatch.setitem(sys.modules, "cupy", np)
    monkeypatch.setattr(np, "asnumpy", np.asarray, raising=False)
    runpy.run_path(str(EXAMPLES / "cupy_objective.py"), run_name="__main__")
    assert "Optimization terminated successfully. [0. 1. 2. 3. 4.]" in capsys.readouterr().out
