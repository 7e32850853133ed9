"""Regressions on real data, standardised and as they were measured.

The last column of `rows` is 1 and its coefficient is penalised as the others are. Losses are
means over the rows.
"""

from __future__ import annotations

import math
from functools import cache, partial

import numpy as np

from fastmomentum.problems._problem import Family

__all__ = ["FAMILIES"]


def logistic(x, out, rows, labels, ridge):
    """Logistic regression with labels of -1 and 1."""
    m = rows.shape[0]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(m):
        z = 0.0
        for j in range(x.size):
            z += rows[i, j] * x[j]
        e = math.exp(-abs(z))
        f += math.log1p(e) + max(-labels[i] * z, 0.0)
        c = -labels[i] * (e if labels[i] * z > 0.0 else 1.0) / (1.0 + e)
        for j in range(x.size):
            out[j] += c * rows[i, j]
    s = 0.0
    for j in range(x.size):
        s += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * s


def squared_hinge(x, out, rows, labels, ridge):
    """Linear classification with the squared hinge and labels of -1 and 1."""
    m = rows.shape[0]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(m):
        z = 0.0
        for j in range(x.size):
            z += rows[i, j] * x[j]
        r = 1.0 - labels[i] * z
        if r > 0.0:
            f += r * r
            for j in range(x.size):
                out[j] -= 2.0 * r * labels[i] * rows[i, j]
    s = 0.0
    for j in range(x.size):
        s += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * s


def huber(x, out, rows, target, delta, ridge):
    """Linear regression with Huber's loss, quadratic up to `delta`."""
    m = rows.shape[0]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(m):
        r = -target[i]
        for j in range(x.size):
            r += rows[i, j] * x[j]
        c = min(max(r, -delta), delta)
        f += c * (r - 0.5 * c)
        for j in range(x.size):
            out[j] += c * rows[i, j]
    s = 0.0
    for j in range(x.size):
        s += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * s


def pseudo_huber(x, out, rows, target, delta, ridge):
    """Linear regression with the pseudo-Huber loss."""
    m = rows.shape[0]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(m):
        r = -target[i]
        for j in range(x.size):
            r += rows[i, j] * x[j]
        root = math.sqrt(1.0 + r / delta * (r / delta))
        f += r * r / (1.0 + root)
        for j in range(x.size):
            out[j] += r / root * rows[i, j]
    s = 0.0
    for j in range(x.size):
        s += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * s


def cauchy(x, out, rows, target, delta, ridge):
    """Linear regression with Cauchy's loss, which is not convex."""
    m = rows.shape[0]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(m):
        r = -target[i]
        for j in range(x.size):
            r += rows[i, j] * x[j]
        q = r / delta * (r / delta)
        f += 0.5 * delta * delta * math.log1p(q)
        for j in range(x.size):
            out[j] += r / (1.0 + q) * rows[i, j]
    s = 0.0
    for j in range(x.size):
        s += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * s


def poisson(x, out, rows, counts, ridge):
    """Poisson regression with the logarithm as link."""
    m = rows.shape[0]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    for i in range(m):
        z = 0.0
        for j in range(x.size):
            z += rows[i, j] * x[j]
        e = math.exp(z)
        f += e - counts[i] * z
        for j in range(x.size):
            out[j] += (e - counts[i]) * rows[i, j]
    s = 0.0
    for j in range(x.size):
        s += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * s


def softmax(x, out, rows, labels, n_classes, ridge):
    """Softmax regression; the coefficients of class k are the k-th run of `x`."""
    m = rows.shape[0]
    p = rows.shape[1]
    f = 0.0
    for j in range(x.size):
        out[j] = 0.0
    z = np.empty(n_classes)
    for i in range(m):
        largest = -math.inf
        for k in range(n_classes):
            s = 0.0
            for j in range(p):
                s += rows[i, j] * x[k * p + j]
            z[k] = s
            largest = max(largest, s)
        total = 0.0
        for k in range(n_classes):
            total += math.exp(z[k] - largest)
        f += math.log(total) + largest - z[labels[i]]
        for k in range(n_classes):
            c = math.exp(z[k] - largest) / total
            if k == labels[i]:
                c -= 1.0
            for j in range(p):
                out[k * p + j] += c * rows[i, j]
    q = 0.0
    for j in range(x.size):
        q += x[j] * x[j]
        out[j] = out[j] / m + ridge * x[j]
    return f / m + 0.5 * ridge * q


# Operation of a plant for the oxidation of ammonia: air flow, water temperature, acid
# concentration, stack loss. K. A. Brownlee, Statistical Theory and Methodology (1965), p. 454.
STACK_LOSS = (
    (80, 27, 89, 42),
    (80, 27, 88, 37),
    (75, 25, 90, 37),
    (62, 24, 87, 28),
    (62, 22, 87, 18),
    (62, 23, 87, 18),
    (62, 24, 93, 19),
    (62, 24, 93, 20),
    (58, 23, 87, 15),
    (58, 18, 80, 14),
    (58, 18, 89, 14),
    (58, 17, 88, 13),
    (58, 18, 82, 11),
    (58, 19, 93, 12),
    (50, 18, 89, 8),
    (50, 18, 86, 7),
    (50, 19, 72, 8),
    (50, 19, 79, 8),
    (50, 20, 80, 9),
    (56, 20, 82, 15),
    (70, 20, 91, 15),
)


@cache
def _load(dataset):
    """Measurements (n_rows, n_features) and target (n_rows,) of a data set."""
    if dataset == "stack_loss":
        table = np.array(STACK_LOSS, dtype=np.float64)
        return table[:, :-1], table[:, -1]
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            f'the data set {dataset!r} comes with scikit-learn: pip install "fastmomentum[demo]"'
        ) from error
    if dataset == "diabetes":
        return datasets.load_diabetes(return_X_y=True, scaled=False)
    measured, target = getattr(datasets, f"load_{dataset}")(return_X_y=True)
    # Every third digit is enough to keep an evaluation in plain Python below a second.
    return (measured[::3], target[::3]) if dataset == "digits" else (measured, target)


def _rows(measured, standardise):
    measured = np.asarray(measured, dtype=np.float64)
    if standardise:
        spread = measured.std(axis=0)
        spread[spread == 0.0] = 1.0
        measured = (measured - measured.mean(axis=0)) / spread
    return np.column_stack([measured, np.ones(len(measured))])


REFERENCES = {
    logistic: "D. R. Cox, J. R. Stat. Soc. B 20 (1958) 215-242",
    squared_hinge: "C. Cortes and V. Vapnik, Mach. Learn. 20 (1995) 273-297",
    huber: "P. J. Huber, Ann. Math. Stat. 35 (1964) 73-101",
    pseudo_huber: "P. Charbonnier et al., IEEE Trans. Image Process. 6 (1997) 298-311",
    cauchy: "M. J. Black and P. Anandan, Comput. Vis. Image Underst. 63 (1996) 75-104",
    poisson: "J. A. Nelder and R. W. M. Wedderburn, J. R. Stat. Soc. A 135 (1972) 370-384",
    softmax: "J. S. Bridle, in Neurocomputing, NATO ASI Series F68 (1990) 227-236",
}
# Known before the data are loaded.
FEATURES = {
    "breast_cancer": 30,
    "wine": 13,
    "iris": 4,
    "digits": 64,
    "diabetes": 10,
    "stack_loss": 3,
}
CLASSES = {"wine": 3, "iris": 3, "digits": 10}
# What has the label 1; all else has -1.
POSITIVE = {"breast_cancer": (1,), "wine": (0,), "iris": (1,), "digits": (1, 3, 5, 7, 9)}
RIDGE = 1e-3


def _target(loss, dataset):
    """What `loss` takes of the target of a data set."""
    target = _load(dataset)[1]
    if loss in (logistic, squared_hinge):
        return (np.where(np.isin(target, POSITIVE[dataset]), 1.0, -1.0),)
    if loss is softmax:
        return target.astype(np.int64), CLASSES[dataset]
    return (np.array(target, dtype=np.float64),)


def _args(n, loss, dataset, standardise, settings):
    rows = _rows(_load(dataset)[0], standardise)
    return (rows, *_target(loss, dataset), *settings, RIDGE)


def _families(loss, dataset, minima, *settings):
    """One loss on one data set, standardised and, where there is a second minimum, as measured.

    `settings` are the numbers of the loss beside the ridge.
    """
    n = (FEATURES[dataset] + 1) * (CLASSES[dataset] if loss is softmax else 1)
    source = "stack loss" if dataset == "stack_loss" else f"load_{dataset}"
    return (
        Family(
            loss,
            name=f"{loss.__name__}_{dataset}{'' if standardise else '_raw'}",
            start=(0.0,) * n,
            args=partial(
                _args, loss=loss, dataset=dataset, standardise=standardise, settings=settings
            ),
            f_min=f_min,
            reference=f"{REFERENCES[loss]}; data: {source}",
        )
        for standardise, f_min in zip((True, False), minima, strict=False)
    )


FAMILIES = (
    *_families(logistic, "breast_cancer", (0.059829471881805124, 0.09725422661766187)),
    *_families(logistic, "wine", (0.02520092849611124, 0.050020904078136696)),
    *_families(logistic, "iris", (0.48860778205837596, 0.5045695446740462)),
    *_families(logistic, "digits", (0.15015287101555924, 0.13780903818600973)),
    *_families(squared_hinge, "breast_cancer", (0.05030795658727192,)),
    *_families(huber, "diabetes", (1208.9006471358996, 1222.7945883391208), 50.0),
    *_families(huber, "stack_loss", (2.8823475794016624, 3.2931980439079296), 2.0),
    *_families(pseudo_huber, "diabetes", (1009.7059667146262, 1021.9707764851801), 50.0),
    *_families(cauchy, "stack_loss", (3.0429986027655476, 3.4683464196879625), 5.0),
    *_families(poisson, "diabetes", (-622.3801444814,)),
    *_families(poisson, "stack_loss", (-34.92451351553745, -34.92803017579819)),
    *_families(softmax, "iris", (0.11398660263599118, 0.12245835681882006)),
    *_families(softmax, "wine", (0.02666492573796291, 0.05380288226222564)),
    *_families(softmax, "digits", (0.06439098108577668, 0.00696291391674766)),
)
