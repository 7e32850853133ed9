"""The methods: one file each, one line each in `METHODS`."""

from . import gd, momentum, nesterov
from .base import Method, Parameter

METHODS: dict[str, Method] = {
    "gd": gd.METHOD,
    "momentum": momentum.METHOD,
    "nesterov": nesterov.METHOD,
}
DEFAULT_METHOD = "momentum"

__all__ = ["DEFAULT_METHOD", "METHODS", "Method", "Parameter"]
