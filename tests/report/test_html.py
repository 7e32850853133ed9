"""Results in notebooks: well-formed, escaped, small."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from fastmomentum import minimize, minimize_batch
from fastmomentum._report.html import HEIGHT, WIDTH, sparkline


def cells(result):
    table = ElementTree.fromstring(result._repr_html_())
    return {row[0].text: row[1] for row in table}


def test_a_result():
    result = minimize(rosen, np.zeros(20), jac=rosen_der, options={"history": True})
    found = cells(result)
    assert found["message"].text == result.message
    assert float(found["fun"].text) == pytest.approx(result.fun)
    assert found["nit"].text == str(result.nit)
    assert "..." in found["x"].text and len(found["x"].text) < 100
    (svg,) = found["grad_norm, log"]
    assert svg.tag == "svg"
    assert "#009E73" in result._repr_html_()


def test_a_failure_and_a_run_without_history():
    result = minimize(rosen, np.zeros(2), jac=rosen_der, options={"maxiter": 2})
    assert "#D55E00" in result._repr_html_()
    assert "grad_norm, log" not in cells(result)


def test_text_is_escaped():
    def fun(x):
        raise ArithmeticError("<script> & more")

    with pytest.raises(ArithmeticError) as error:
        minimize(fun, np.zeros(2))
    text = error.value.result._repr_html_()
    assert "<script>" not in text and "&lt;script&gt; &amp; more" in text


def test_a_batch():
    result = minimize_batch(rosen, np.zeros((5, 2)), jac=rosen_der)
    found = cells(result)
    assert found["message"].text == "5 problems: 5 converged."


def test_sparkline():
    svg = ElementTree.fromstring(sparkline(10.0 ** -np.arange(5000.0).clip(0, 300)))
    points = [tuple(map(float, p.split(","))) for p in svg[0].get("points").split()]
    assert len(points) <= WIDTH + 2
    assert points[0] == (0.0, 0.0) and points[-1] == (WIDTH, HEIGHT)
    assert re.fullmatch(r"from 1e0.0 to 1e-300.0", svg.get("aria-label"))
    assert sparkline([1.0]) == "" and sparkline([np.nan, 0.0, np.inf]) == ""
    level = ElementTree.fromstring(sparkline([2.0, 2.0]))[0].get("points")
    assert level == f"0.0,{HEIGHT} {WIDTH},{HEIGHT}"
