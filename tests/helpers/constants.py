"""Constants of the methods other than their defaults."""

from fastmomentum._methods import METHODS

# Methods that have some.
WITH_CONSTANTS = tuple(name for name, method in METHODS.items() if method.constants)
# Far from the defaults, and no binary fractions.
_CHOSEN = {
    "adagrad": {"epsilon": 0.3},
    "rmsprop": {"rho": 0.77, "epsilon": 0.1},
    "adadelta": {"rho": 0.6, "epsilon": 0.01},
    "adam": {"beta1": 0.7, "beta2": 0.85, "epsilon": 1e-3},
    "adamax": {"beta1": 0.35, "beta2": 0.9},
    "nadam": {"beta1": 0.7, "beta2": 0.85, "epsilon": 1e-3},
    "amsgrad": {"beta1": 0.7, "beta2": 0.85, "epsilon": 1e-3},
    "adamw": {"beta1": 0.7, "beta2": 0.85, "epsilon": 1e-3, "weight_decay": 0.3},
}


def other_constants(method):
    """All of a method, by name."""
    own = {p.name: _inside(p) for p in METHODS[method].constants}
    return own | _CHOSEN.get(method, {})


def _inside(parameter):
    """A number in the parameter's interval."""
    if parameter.high == float("inf"):
        return max(parameter.low, 0.0) + 0.3
    return parameter.low + 0.77 * (parameter.high - parameter.low)


def outside(parameter):
    """Numbers that are not in it."""
    wrong = {float("nan"), float("inf"), parameter.low - 0.1, parameter.high, parameter.low}
    return [value for value in wrong if not parameter.contains(value)]
