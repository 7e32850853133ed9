"""Classical problems of few variables, most of them fits of data: More, Garbow and Hillstrom."""

from __future__ import annotations

import math

import numpy as np

from fastmomentum.problems._problem import Family, filled, tiled

__all__ = ["FAMILIES"]

MGH = "J. J. More, B. S. Garbow and K. E. Hillstrom, ACM Trans. Math. Softw. 7 (1981) 17-41"


def rosenbrock(x, out):
    """Chained Rosenbrock function; Rosenbrock's own for two variables."""
    f = 0.0
    for i in range(x.size):
        out[i] = 0.0
    for i in range(x.size - 1):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
        out[i] -= 400.0 * u * x[i] + 2.0 * v
        out[i + 1] += 200.0 * u
    return f


def extended_rosenbrock(x, out):
    """Independent Rosenbrock functions of consecutive pairs of variables."""
    f = 0.0
    for i in range(0, x.size, 2):
        u = x[i + 1] - x[i] * x[i]
        v = 1.0 - x[i]
        f += 100.0 * u * u + v * v
        out[i] = -400.0 * u * x[i] - 2.0 * v
        out[i + 1] = 200.0 * u
    return f


def freudenstein_roth(x, out):
    """Freudenstein and Roth function."""
    r = -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1]
    s = -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]
    out[0] = 2.0 * (r + s)
    out[1] = 2.0 * r * ((10.0 - 3.0 * x[1]) * x[1] - 2.0)
    out[1] += 2.0 * s * ((3.0 * x[1] + 2.0) * x[1] - 14.0)
    return r * r + s * s


def powell_badly_scaled(x, out):
    """Powell's badly scaled function."""
    a = math.exp(-x[0])
    b = math.exp(-x[1])
    r = 10000.0 * x[0] * x[1] - 1.0
    s = a + b - 1.0001
    out[0] = 20000.0 * r * x[1] - 2.0 * s * a
    out[1] = 20000.0 * r * x[0] - 2.0 * s * b
    return r * r + s * s


def brown_badly_scaled(x, out):
    """Brown's badly scaled function."""
    r = x[0] - 1000000.0
    s = x[1] - 2e-06
    t = x[0] * x[1] - 2.0
    out[0] = 2.0 * r + 2.0 * t * x[1]
    out[1] = 2.0 * s + 2.0 * t * x[0]
    return r * r + s * s + t * t


def beale(x, out):
    """Beale's function."""
    y = x[1]
    r = 1.5 - x[0] * (1.0 - y)
    s = 2.25 - x[0] * (1.0 - y * y)
    t = 2.625 - x[0] * (1.0 - y * y * y)
    out[0] = -2.0 * (r * (1.0 - y) + s * (1.0 - y * y) + t * (1.0 - y * y * y))
    out[1] = 2.0 * x[0] * (r + 2.0 * s * y + 3.0 * t * y * y)
    return r * r + s * s + t * t


def jennrich_sampson(x, out):
    """Jennrich and Sampson function with ten residuals."""
    f = 0.0
    out[0] = 0.0
    out[1] = 0.0
    for i in range(1, 11):
        a = math.exp(i * x[0])
        b = math.exp(i * x[1])
        r = 2.0 + 2.0 * i - a - b
        f += r * r
        out[0] -= 2.0 * r * i * a
        out[1] -= 2.0 * r * i * b
    return f


def helical_valley(x, out):
    """Helical valley of Fletcher and Powell."""
    if x[0] > 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi)
    elif x[0] < 0.0:
        theta = math.atan(x[1] / x[0]) / (2.0 * math.pi) + 0.5
    else:
        theta = math.copysign(0.25, x[1])
    square = x[0] * x[0] + x[1] * x[1]
    radius = math.sqrt(square)
    r = 10.0 * (x[2] - 10.0 * theta)
    s = 10.0 * (radius - 1.0)
    turn = 100.0 / (2.0 * math.pi * square)
    out[0] = 2.0 * r * turn * x[1] + 20.0 * s * x[0] / radius
    out[1] = -2.0 * r * turn * x[0] + 20.0 * s * x[1] / radius
    out[2] = 20.0 * r + 2.0 * x[2]
    return r * r + s * s + x[2] * x[2]


def bard(x, out, y):
    """Bard's function."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(15):
        u = i + 1.0
        v = 15.0 - i
        w = min(u, v)
        den = v * x[1] + w * x[2]
        r = y[i] - x[0] - u / den
        f += r * r
        c = 2.0 * r * u / (den * den)
        out[0] -= 2.0 * r
        out[1] += c * v
        out[2] += c * w
    return f


def gaussian(x, out, y):
    """Fit of a Gaussian density."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(15):
        d = (7.0 - i) / 2.0 - x[2]
        e = math.exp(-0.5 * x[1] * d * d)
        r = x[0] * e - y[i]
        f += r * r
        out[0] += 2.0 * r * e
        out[1] -= r * x[0] * e * d * d
        out[2] += 2.0 * r * x[0] * e * x[1] * d
    return f


def meyer(x, out, y):
    """Meyer's thermistor function."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(16):
        d = 50.0 + 5.0 * i + x[2]
        e = math.exp(x[1] / d)
        r = x[0] * e - y[i]
        f += r * r
        c = 2.0 * r * x[0] * e / d
        out[0] += 2.0 * r * e
        out[1] += c
        out[2] -= c * x[1] / d
    return f


def gulf(x, out):
    """Gulf research and development function with 99 residuals."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(1, 100):
        t = 0.01 * i
        d = 25.0 + (-50.0 * math.log(t)) ** (2.0 / 3.0) - x[1]
        a = abs(d)
        p = a ** x[2]
        e = math.exp(-p / x[0])
        r = e - t
        f += r * r
        c = 2.0 * r * e / x[0]
        out[0] += c * p / x[0]
        if a > 0.0:
            out[1] += c * x[2] * p / d
            out[2] -= c * p * math.log(a)
    return f


def box_3d(x, out):
    """Box's three-dimensional function with ten residuals."""
    f = 0.0
    for j in range(3):
        out[j] = 0.0
    for i in range(1, 11):
        t = 0.1 * i
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t) - math.exp(-10.0 * t)
        r = a - b - x[2] * c
        f += r * r
        out[0] -= 2.0 * r * t * a
        out[1] += 2.0 * r * t * b
        out[2] -= 2.0 * r * c
    return f


def powell_singular(x, out):
    """Powell's singular function of consecutive quadruples."""
    f = 0.0
    for i in range(0, x.size, 4):
        p = x[i] + 10.0 * x[i + 1]
        q = x[i + 2] - x[i + 3]
        r = x[i + 1] - 2.0 * x[i + 2]
        s = x[i] - x[i + 3]
        f += p * p + 5.0 * q * q + r * r * r * r + 10.0 * s * s * s * s
        out[i] = 2.0 * p + 40.0 * s * s * s
        out[i + 1] = 20.0 * p + 4.0 * r * r * r
        out[i + 2] = 10.0 * q - 8.0 * r * r * r
        out[i + 3] = -10.0 * q - 40.0 * s * s * s
    return f


def wood(x, out):
    """Wood's function."""
    p = x[1] - x[0] * x[0]
    q = 1.0 - x[0]
    r = x[3] - x[2] * x[2]
    s = 1.0 - x[2]
    t = x[1] + x[3] - 2.0
    u = x[1] - x[3]
    out[0] = -400.0 * p * x[0] - 2.0 * q
    out[1] = 200.0 * p + 20.0 * t + 0.2 * u
    out[2] = -360.0 * r * x[2] - 2.0 * s
    out[3] = 180.0 * r + 20.0 * t - 0.2 * u
    return 100.0 * p * p + q * q + 90.0 * r * r + s * s + 10.0 * t * t + 0.1 * u * u


def kowalik_osborne(x, out, y, u):
    """Kowalik and Osborne function."""
    f = 0.0
    for j in range(4):
        out[j] = 0.0
    for i in range(11):
        num = u[i] * u[i] + u[i] * x[1]
        den = u[i] * u[i] + u[i] * x[2] + x[3]
        r = y[i] - x[0] * num / den
        f += r * r
        c = 2.0 * r / den
        out[0] -= c * num
        out[1] -= c * x[0] * u[i]
        out[2] += c * x[0] * num * u[i] / den
        out[3] += c * x[0] * num / den
    return f


def brown_dennis(x, out):
    """Brown and Dennis function with twenty terms."""
    f = 0.0
    for j in range(4):
        out[j] = 0.0
    for i in range(1, 21):
        t = i / 5.0
        a = x[0] + t * x[1] - math.exp(t)
        b = x[2] + x[3] * math.sin(t) - math.cos(t)
        r = a * a + b * b
        f += r * r
        out[0] += 4.0 * r * a
        out[1] += 4.0 * r * a * t
        out[2] += 4.0 * r * b
        out[3] += 4.0 * r * b * math.sin(t)
    return f


def osborne_1(x, out, y):
    """Osborne's first function."""
    f = 0.0
    for j in range(5):
        out[j] = 0.0
    for i in range(33):
        t = 10.0 * i
        a = math.exp(-t * x[3])
        b = math.exp(-t * x[4])
        r = y[i] - x[0] - x[1] * a - x[2] * b
        f += r * r
        out[0] -= 2.0 * r
        out[1] -= 2.0 * r * a
        out[2] -= 2.0 * r * b
        out[3] += 2.0 * r * x[1] * t * a
        out[4] += 2.0 * r * x[2] * t * b
    return f


def biggs_exp6(x, out):
    """Biggs' EXP6 function with thirteen residuals."""
    f = 0.0
    for j in range(6):
        out[j] = 0.0
    for i in range(1, 14):
        t = 0.1 * i
        y = math.exp(-t) - 5.0 * math.exp(-10.0 * t) + 3.0 * math.exp(-4.0 * t)
        a = math.exp(-t * x[0])
        b = math.exp(-t * x[1])
        c = math.exp(-t * x[4])
        r = x[2] * a - x[3] * b + x[5] * c - y
        f += r * r
        out[0] -= 2.0 * r * t * x[2] * a
        out[1] += 2.0 * r * t * x[3] * b
        out[2] += 2.0 * r * a
        out[3] -= 2.0 * r * b
        out[4] -= 2.0 * r * t * x[5] * c
        out[5] += 2.0 * r * c
    return f


def osborne_2(x, out, y):
    """Osborne's second function."""
    f = 0.0
    for j in range(11):
        out[j] = 0.0
    for i in range(65):
        t = 0.1 * i
        e = math.exp(-t * x[4])
        r = y[i] - x[0] * e
        for k in range(3):
            d = t - x[8 + k]
            r -= x[1 + k] * math.exp(-d * d * x[5 + k])
        f += r * r
        out[0] -= 2.0 * r * e
        out[4] += 2.0 * r * x[0] * t * e
        for k in range(3):
            d = t - x[8 + k]
            e = math.exp(-d * d * x[5 + k])
            out[1 + k] -= 2.0 * r * e
            out[5 + k] += 2.0 * r * x[1 + k] * d * d * e
            out[8 + k] -= 4.0 * r * x[1 + k] * x[5 + k] * d * e
    return f


BARD_Y = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)
GAUSSIAN_Y = (
    0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
    0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009,
)  # fmt: skip
MEYER_Y = (
    34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
    8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872,
)  # fmt: skip
KOWALIK_Y = (
    0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246,
)  # fmt: skip
KOWALIK_U = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
OSBORNE_1_Y = (
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
    0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
    0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
)  # fmt: skip
OSBORNE_2_Y = (
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
    0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
    0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
    0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
    0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054,
)  # fmt: skip


def _data(*columns):
    return lambda n: tuple(np.array(column, dtype=np.float64) for column in columns)


FAMILIES = (
    Family(
        rosenbrock,
        sizes=(2, 10, 100),
        start=tiled(-1.2, 1.0),
        smallest=2,
        x_min=filled(1.0),
        f_local={10: (3.9865791123471386,), 100: (3.9866238543009334,)},
        reference="H. H. Rosenbrock, Comput. J. 3 (1960) 175-184; chained as in SciPy's rosen",
    ),
    Family(
        extended_rosenbrock,
        sizes=(100, 1000),
        start=tiled(-1.2, 1.0),
        multiple=2,
        x_min=filled(1.0),
        reference=f"{MGH}, problem 21",
    ),
    Family(
        freudenstein_roth,
        start=(0.5, -2.0),
        x_min=(5.0, 4.0),
        f_local=(48.98425367924001,),
        reference=f"{MGH}, problem 2",
    ),
    Family(
        powell_badly_scaled,
        start=(0.0, 1.0),
        reference=f"{MGH}, problem 3",
    ),
    Family(
        brown_badly_scaled,
        start=(1.0, 1.0),
        x_min=(1e6, 2e-6),
        reference=f"{MGH}, problem 4",
    ),
    Family(
        beale,
        start=(1.0, 1.0),
        x_min=(3.0, 0.5),
        reference=f"{MGH}, problem 5",
    ),
    Family(
        jennrich_sampson,
        start=(0.3, 0.4),
        f_min=124.36218235561483,
        reference=f"{MGH}, problem 6",
    ),
    Family(
        helical_valley,
        start=(-1.0, 0.0, 0.0),
        x_min=(1.0, 0.0, 0.0),
        reference=f"{MGH}, problem 7",
    ),
    Family(
        bard,
        start=(1.0, 1.0, 1.0),
        args=_data(BARD_Y),
        f_min=0.008214877306578976,
        reference=f"{MGH}, problem 8",
    ),
    Family(
        gaussian,
        start=(0.4, 1.0, 0.0),
        args=_data(GAUSSIAN_Y),
        f_min=1.127932769618685e-08,
        reference=f"{MGH}, problem 9",
    ),
    Family(
        meyer,
        start=(0.02, 4000.0, 250.0),
        args=_data(MEYER_Y),
        f_min=87.9458551705385,
        reference=f"{MGH}, problem 10",
    ),
    Family(
        gulf,
        start=(5.0, 2.5, 0.15),
        x_min=(50.0, 25.0, 1.5),
        reference=f"{MGH}, problem 11",
    ),
    Family(
        box_3d,
        start=(0.0, 10.0, 20.0),
        x_min=(1.0, 10.0, 1.0),
        reference=f"{MGH}, problem 12",
    ),
    Family(
        powell_singular,
        sizes=(4, 100),
        start=tiled(3.0, -1.0, 0.0, 1.0),
        multiple=4,
        x_min=filled(0.0),
        reference=f"{MGH}, problems 13 and 22",
    ),
    Family(
        wood,
        start=(-3.0, -1.0, -3.0, -1.0),
        x_min=(1.0, 1.0, 1.0, 1.0),
        reference=f"{MGH}, problem 14",
    ),
    Family(
        kowalik_osborne,
        start=(0.25, 0.39, 0.415, 0.39),
        args=_data(KOWALIK_Y, KOWALIK_U),
        f_min=0.00030750560384923767,
        reference=f"{MGH}, problem 15",
    ),
    Family(
        brown_dennis,
        start=(25.0, 5.0, -5.0, -1.0),
        f_min=85822.20162635634,
        reference=f"{MGH}, problem 16",
    ),
    Family(
        osborne_1,
        start=(0.5, 1.5, -1.0, 0.01, 0.02),
        args=_data(OSBORNE_1_Y),
        f_min=5.46489469748265e-05,
        reference=f"{MGH}, problem 17",
    ),
    Family(
        biggs_exp6,
        start=(1.0, 2.0, 1.0, 1.0, 1.0, 1.0),
        x_min=(1.0, 10.0, 1.0, 5.0, 4.0, 3.0),
        f_local=(0.00565564992549994,),
        reference=f"{MGH}, problem 18",
    ),
    Family(
        osborne_2,
        start=(1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5),
        args=_data(OSBORNE_2_Y),
        f_min=0.04013773629354772,
        reference=f"{MGH}, problem 19",
    ),
)
