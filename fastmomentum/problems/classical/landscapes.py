"""Test functions of global optimization."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled, tiled

__all__ = ["FAMILIES"]

ANDREI = "N. Andrei, Adv. Model. Optim. 10 (2008) 147-161"
JAMIL = "M. Jamil and X.-S. Yang, Int. J. Math. Model. Numer. Optim. 4 (2013) 150-194"


def dixon_price(x, out):
    """Dixon and Price function."""
    d = x[0] - 1.0
    f = d * d
    out[0] = 2.0 * d
    for i in range(1, x.size):
        r = 2.0 * x[i] * x[i] - x[i - 1]
        f += (i + 1) * r * r
        out[i] = 8.0 * (i + 1) * r * x[i]
        out[i - 1] -= 2.0 * (i + 1) * r
    return f


def zakharov(x, out):
    """Zakharov's function."""
    f = 0.0
    s = 0.0
    for i in range(x.size):
        f += x[i] * x[i]
        s += 0.5 * (i + 1) * x[i]
    f += s * s + s * s * s * s
    c = 2.0 * s + 4.0 * s * s * s
    for i in range(x.size):
        out[i] = 2.0 * x[i] + 0.5 * (i + 1) * c
    return f


def styblinski_tang(x, out):
    """Styblinski and Tang function."""
    f = 0.0
    for i in range(x.size):
        q = x[i] * x[i]
        f += 0.5 * (q * q - 16.0 * q + 5.0 * x[i])
        out[i] = 2.0 * q * x[i] - 16.0 * x[i] + 2.5
    return f


def rastrigin(x, out):
    """Rastrigin's function, to be solved locally."""
    f = 0.0
    for i in range(x.size):
        a = 2.0 * math.pi * x[i]
        f += x[i] * x[i] + 10.0 - 10.0 * math.cos(a)
        out[i] = 2.0 * x[i] + 20.0 * math.pi * math.sin(a)
    return f


def griewank(x, out):
    """Griewank's function, to be solved locally."""
    n = x.size
    f = 1.0
    p = 1.0
    for i in range(n):
        f += x[i] * x[i] / 4000.0
        p *= math.cos(x[i] / math.sqrt(i + 1.0))
    f -= p
    for i in range(n):
        root = math.sqrt(i + 1.0)
        others = math.sin(x[i] / root) / root
        for j in range(n):
            if j != i:
                others *= math.cos(x[j] / math.sqrt(j + 1.0))
        out[i] = x[i] / 2000.0 + others
    return f


def booth(x, out):
    """Booth's function."""
    a = x[0] + 2.0 * x[1] - 7.0
    b = 2.0 * x[0] + x[1] - 5.0
    out[0] = 2.0 * a + 4.0 * b
    out[1] = 4.0 * a + 2.0 * b
    return a * a + b * b


def matyas(x, out):
    """Matyas' function."""
    out[0] = 0.52 * x[0] - 0.48 * x[1]
    out[1] = 0.52 * x[1] - 0.48 * x[0]
    return 0.26 * (x[0] * x[0] + x[1] * x[1]) - 0.48 * x[0] * x[1]


def himmelblau(x, out):
    """Himmelblau's function of consecutive pairs of variables."""
    f = 0.0
    for i in range(0, x.size, 2):
        a = x[i] * x[i] + x[i + 1] - 11.0
        b = x[i] + x[i + 1] * x[i + 1] - 7.0
        f += a * a + b * b
        out[i] = 4.0 * a * x[i] + 2.0 * b
        out[i + 1] = 2.0 * a + 4.0 * b * x[i + 1]
    return f


def goldstein_price(x, out):
    """Goldstein and Price function."""
    u = x[0]
    v = x[1]
    s = u + v + 1.0
    t = 2.0 * u - 3.0 * v
    p = 19.0 - 14.0 * u + 3.0 * u * u - 14.0 * v + 6.0 * u * v + 3.0 * v * v
    q = 18.0 - 32.0 * u + 12.0 * u * u + 48.0 * v - 36.0 * u * v + 27.0 * v * v
    a = 1.0 + s * s * p
    b = 30.0 + t * t * q
    both = 2.0 * s * p + s * s * (-14.0 + 6.0 * u + 6.0 * v)
    out[0] = both * b + a * (4.0 * t * q + t * t * (-32.0 + 24.0 * u - 36.0 * v))
    out[1] = both * b + a * (-6.0 * t * q + t * t * (48.0 - 36.0 * u + 54.0 * v))
    return a * b


def three_hump_camel(x, out):
    """Three-hump camel function."""
    q = x[0] * x[0]
    out[0] = 4.0 * x[0] - 4.2 * q * x[0] + q * q * x[0] + x[1]
    out[1] = x[0] + 2.0 * x[1]
    return 2.0 * q - 1.05 * q * q + q * q * q / 6.0 + x[0] * x[1] + x[1] * x[1]


def six_hump_camel(x, out):
    """Six-hump camel function."""
    p = x[0] * x[0]
    q = x[1] * x[1]
    out[0] = 8.0 * x[0] - 8.4 * p * x[0] + 2.0 * p * p * x[0] + x[1]
    out[1] = x[0] - 8.0 * x[1] + 16.0 * q * x[1]
    return (4.0 - 2.1 * p + p * p / 3.0) * p + x[0] * x[1] + (4.0 * q - 4.0) * q


def levy(x, out):
    """Levy's function, to be solved locally."""
    n = x.size
    w = 1.0 + 0.25 * (x[0] - 1.0)
    s = math.sin(math.pi * w)
    f = s * s
    out[0] = 0.5 * math.pi * s * math.cos(math.pi * w)
    for i in range(n - 1):
        w = 1.0 + 0.25 * (x[i] - 1.0)
        d = w - 1.0
        s = math.sin(math.pi * w + 1.0)
        c = math.cos(math.pi * w + 1.0)
        f += d * d * (1.0 + 10.0 * s * s)
        if i > 0:
            out[i] = 0.0
        out[i] += 0.5 * d * (1.0 + 10.0 * s * s) + 5.0 * math.pi * d * d * s * c
    w = 1.0 + 0.25 * (x[n - 1] - 1.0)
    d = w - 1.0
    s = math.sin(2.0 * math.pi * w)
    c = math.cos(2.0 * math.pi * w)
    f += d * d * (1.0 + s * s)
    if n > 1:
        out[n - 1] = 0.0
    out[n - 1] += 0.5 * d * (1.0 + s * s) + math.pi * d * d * s * c
    return f


def sphere(x, out):
    """Sum of squares."""
    f = 0.0
    for i in range(x.size):
        f += x[i] * x[i]
        out[i] = 2.0 * x[i]
    return f


def _dixon_price_minimum(n):
    i = np.arange(1, n + 1)
    return 2.0 ** (2.0 ** (1.0 - i) - 1.0)


def _combinations(low, high):
    """Values of the sums of n terms, each `low` or `high`, but for the lowest."""
    return lambda n: tuple(low * (n - k) + high * k for k in range(1, n + 1))


FAMILIES = (
    Family(
        dixon_price,
        sizes=(10, 50),
        start=filled(1.0),
        x_min=_dixon_price_minimum,
        f_local=(2.0 / 3.0,),
        reference=f"{JAMIL}, Dixon and Price",
    ),
    Family(
        zakharov,
        sizes=(10,),
        start=filled(1.0),
        x_min=filled(0.0),
        reference=f"{JAMIL}, Zakharov",
    ),
    Family(
        styblinski_tang,
        sizes=(2, 10),
        start=filled(0.0),
        f_min=lambda n: -39.16616570377141 * n,
        x_min=filled(-2.903534027771177),
        f_local=_combinations(-39.16616570377141, -25.02944665528394),
        reference=f"{JAMIL}, Styblinski-Tang",
    ),
    Family(
        rastrigin,
        sizes=(2, 10),
        start=filled(0.3),
        x_min=filled(0.0),
        f_local=_combinations(0.0, 0.9949590570932916),
        reference="H. Muhlenbein et al., Parallel Comput. 17 (1991) 619-632, after Rastrigin",
    ),
    Family(
        griewank,
        sizes=(10,),
        start=filled(1.0),
        x_min=filled(0.0),
        reference=f"{JAMIL}, Griewank",
    ),
    Family(
        booth,
        start=(0.0, 0.0),
        x_min=(1.0, 3.0),
        reference=f"{JAMIL}, Booth",
    ),
    Family(
        matyas,
        start=(5.0, -3.0),
        x_min=(0.0, 0.0),
        reference=f"{JAMIL}, Matyas",
    ),
    Family(
        himmelblau,
        sizes=(2, 100),
        start=filled(1.0),
        multiple=2,
        x_min=tiled(3.0, 2.0),
        reference=f"D. M. Himmelblau, Applied Nonlinear Programming (1972); extended in {ANDREI}",
    ),
    Family(
        goldstein_price,
        start=(-0.5, 0.5),
        f_min=3.0,
        x_min=(0.0, -1.0),
        f_local=(30.0, 84.0, 840.0),
        reference=f"{JAMIL}, Goldstein-Price",
    ),
    Family(
        three_hump_camel,
        start=(1.0, 1.0),
        x_min=(0.0, 0.0),
        f_local=(0.298638442236859,),
        reference=f"{JAMIL}, Three-Hump Camel",
    ),
    Family(
        six_hump_camel,
        start=(0.5, 0.5),
        f_min=-1.0316284534898774,
        f_local=(-0.21546382438371703, 2.104250310311258),
        reference=f"{JAMIL}, Six-Hump Camel",
    ),
    Family(
        levy,
        sizes=(4,),
        start=filled(0.0),
        x_min=filled(1.0),
        f_local={4: (0.17905650083288197,)},
        reference="A. V. Levy and A. Montalvo, SIAM J. Sci. Stat. Comput. 6 (1985) 15-29",
    ),
    Family(
        sphere,
        sizes=(10,),
        start=filled(1.0),
        x_min=filled(0.0),
        reference=f"{JAMIL}, Sphere",
    ),
)
