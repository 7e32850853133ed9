"""The methods: one file each, one line each in `METHODS`."""

from . import (
    adadelta,
    adagrad,
    adam,
    adamax,
    adamw,
    amsgrad,
    gd,
    momentum,
    nadam,
    nesterov,
    rmsprop,
)
from .base import Method, Parameter

METHODS: dict[str, Method] = {
    "gd": gd.METHOD,
    "momentum": momentum.METHOD,
    "nesterov": nesterov.METHOD,
    "adagrad": adagrad.METHOD,
    "rmsprop": rmsprop.METHOD,
    "adadelta": adadelta.METHOD,
    "adam": adam.METHOD,
    "adamax": adamax.METHOD,
    "nadam": nadam.METHOD,
    "amsgrad": amsgrad.METHOD,
    "adamw": adamw.METHOD,
}
DEFAULT_METHOD = "momentum"

# The diagonals of the adaptive methods, each once; a loop knows them by their position.
METRICS = tuple(dict.fromkeys(m.metric for m in METHODS.values() if m.metric is not None))

__all__ = ["DEFAULT_METHOD", "METHODS", "METRICS", "Method", "Parameter"]
