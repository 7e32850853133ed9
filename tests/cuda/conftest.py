"""What the tests of devices have in common."""

import pytest

from fastmomentum._check import options


@pytest.fixture
def memory_is_chosen():
    """A test that asks for this has the number of velocities chosen, on the processor."""


@pytest.fixture(autouse=True)
def memory_of_a_device(request, monkeypatch):
    """On the processor, too, as many velocities are kept as on a device."""
    if "memory_is_chosen" not in request.fixturenames:
        monkeypatch.setattr(options, "most_memory", lambda n: options.LEAST_MEMORY)
