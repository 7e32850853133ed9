"""Norms of groups of variables."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fastmomentum import _prox
from fastmomentum.penalties._base import Penalty, weights, whole

__all__ = ["GroupL2"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GroupL2(Penalty):
    r"""Weighted sum of the 2-norms of groups, :math:`h(x) = \sum_g w_g \|x_g\|_2`: group lasso.

    The norms are not squared. The proximal operator shortens each group by t w_g, or makes it
    exactly zero where it is not longer. Variables in no group are not penalized.

    Parameters
    ----------
    weight : float or array_like, one for each group
        w >= 0, in units of f per unit of x. Common is the root of the group's size.
    groups : int or array_like of int, shape (n,), or list of array_like of int
        The size of equal, contiguous groups; or the label of each variable, with negative labels
        for no group, the weights in the order of the labels; or the indices in each group, which
        may be empty. A variable is in one group at most.

    References
    ----------
    .. [1] M. Yuan and Y. Lin, "Model selection and estimation in regression with grouped
       variables", J. R. Stat. Soc. B 68(1), 2006.
    .. [2] N. Parikh and S. Boyd, "Proximal algorithms", Found. Trends Optim. 1(3), 2014, section
       6.5.4.

    Examples
    --------
    >>> from fastmomentum.penalties import GroupL2
    >>> GroupL2(1.0, groups=2).prox([3.0, 4.0, 0.1, 0.2], step=2.5)
    array([1.5, 2. , 0. , 0. ])
    >>> GroupL2([1.0, 2.0], groups=[[0, 2], [3]]).value([3.0, 9.0, 4.0, 1.0])
    7.0
    """

    weight: Any
    groups: Any
    # member indices group after group (None: contiguous), and where each group starts
    _members: Any = dataclasses.field(init=False, repr=False, default=None)
    _starts: Any = dataclasses.field(init=False, repr=False, default=None)
    _size: int | None = dataclasses.field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        weight = weights("weight", self.weight)
        groups = self.groups
        if isinstance(groups, int | np.integer) and not isinstance(groups, bool):
            self._set(weight=weight, groups=whole("groups", groups))
            return
        if isinstance(groups, str | bytes | bool) or not np.iterable(groups):
            raise ValueError(f"groups must be an int, labels or lists of indices, got {groups!r}.")
        groups = list(groups)
        if not groups:
            raise ValueError("groups must not be empty.")
        if all(np.ndim(entry) == 0 for entry in groups):
            labels = _indices("groups", groups)
            order = np.argsort(labels, kind="stable")
            order = order[labels[order] >= 0]
            _, first = np.unique(labels[order], return_index=True)
            if first.size == 0:
                raise ValueError("groups must have a label that is not negative.")
            starts = np.append(first, order.size)
            self._set(_size=labels.size, groups=labels)
        else:
            lists = [_indices(f"groups[{g}]", members) for g, members in enumerate(groups)]
            order = np.concatenate(lists)
            starts = np.cumsum([0, *(members.size for members in lists)])
            if (order < 0).any():
                raise ValueError(f"groups must have indices >= 0, got {order.min()}.")
            found, counts = np.unique(order, return_counts=True)
            if (counts > 1).any():
                twice = found[counts > 1][0]
                raise ValueError(f"groups must be disjoint, variable {twice} is in more than one.")
            self._set(groups=tuple(lists))
        self._set(weight=weight, _members=order, _starts=starts)
        self._check_weights(starts.size - 1)

    def _check_weights(self, count):
        if isinstance(self.weight, np.ndarray) and self.weight.size != count:
            raise ValueError(
                f"GroupL2: weight has {self.weight.size} entries, and there are {count} groups."
            )

    def _check_size(self, n):
        if self._members is None:
            if n % self.groups:
                raise ValueError(f"GroupL2: x has {n} entries, not a multiple of {self.groups}.")
            self._check_weights(n // self.groups)
        elif self._size is not None:
            if n != self._size:
                raise ValueError(f"GroupL2: groups has {self._size} labels, x has {n} entries.")
        elif self._members.size and self._members.max() >= n:
            raise ValueError(
                f"GroupL2: groups has the index {self._members.max()}, x has {n} entries."
            )

    def _layout(self, n):
        if self._members is None:
            return np.arange(0, n + 1, self.groups), None
        return self._starts, self._members

    def penalized(self, n):
        starts, members = self._layout(n)
        heavy = np.repeat(np.broadcast_to(self.weight, starts.size - 1) > 0.0, np.diff(starts))
        found = np.zeros(n, bool)
        found[np.arange(n) if members is None else members] = heavy
        return found

    def _value(self, x, epsilon):
        starts, members = self._layout(x.size)
        count = starts.size - 1
        x = np.abs(x if members is None else x[members])
        group = np.repeat(np.arange(count), np.diff(starts))
        # relative to the group's largest entry: no square overflows
        peak = np.zeros(count)
        np.maximum.at(peak, group, x)
        scale = np.where((peak > 0.0) & (peak < np.inf), peak, 1.0)
        norms = scale * np.sqrt(np.bincount(group, (x / scale[group]) ** 2, count))
        weight = np.broadcast_to(self.weight, count)
        return np.where(weight > 0.0, weight * norms, 0.0).sum()

    def _pack(self, n, dtype):
        starts, members = self._layout(n)
        count = starts.size - 1
        head = [count, 0 if members is None else 1]
        integers = np.concatenate([head, starts, [] if members is None else members])
        return _prox.prox_group_l2, np.broadcast_to(self.weight, count), integers, 0


def _indices(name, values):
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be integers, got {values!r}.")
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array
