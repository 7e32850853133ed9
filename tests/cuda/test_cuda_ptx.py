"""What the CUDA kernels become: registers, spills and precision, without a device."""

import importlib.util
import json
import os
import re

import cuda_ptx
import pytest

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("numba_cuda") is None or cuda_ptx.find_ptxas() is None,
        reason="needs pip install '.[cuda-test]'",
    ),
    pytest.mark.skipif(
        os.environ.get("NUMBA_ENABLE_CUDASIM") == "1", reason="the simulator does not compile"
    ),
]
# Every kernel takes minutes: on request.
ALL = os.environ.get("FASTMOMENTUM_PTX") == "all"
CASES = cuda_ptx.ALL if ALL else cuda_ptx.QUICK
RECORD = json.loads(cuda_ptx.TABLE.read_text())
KNOWN = {name.partition("-")[0] for name in RECORD}


@pytest.mark.parametrize("case", CASES, ids=cuda_ptx.name_of)
def test_kernel(case):
    recorded = RECORD.get(cuda_ptx.name_of(case))
    loop, dtype, n, _, _ = case
    ptx = cuda_ptx.ptx_of(case)
    if dtype == "float32":
        assert not cuda_ptx.wide_instructions(ptx), "float64 in a float32 kernel"
    for architecture in cuda_ptx.ARCHITECTURES:
        found = cuda_ptx.assemble(ptx, architecture, cuda_ptx.flags_of(case))
        registers, stack, spills = found
        if recorded is not None:
            most, known_stack, known_spills = recorded[architecture]
            # Compilers differ a little.
            assert registers <= most + 8, architecture
            assert stack <= known_stack + 32 and spills <= known_spills + 32, architecture
        if loop in cuda_ptx.METHODS and n <= 16:
            # With a given rate a whole problem lives in registers, or its vectors elsewhere.
            assert stack == 0 and spills == 0
    assert ("cudaCGSynchronize" in ptx) == (case[3] in cuda_ptx.WAITING)
    share = not case[3].endswith("-1") and case[3].startswith("terms")
    assert ("shfl.sync" in ptx) == share
    for name in cuda_ptx.taken_from_other_lanes(ptx):
        # Whether it is a multiply-add would depend on the lane.
        for line in re.findall(rf"^.*{re.escape(name)}\b.*$", ptx, flags=re.M)[1:]:
            assert line.split()[0] in ("add.rn.f32", "add.rn.f64"), line
    if case[3] in cuda_ptx.TEAM:
        # What joins the numbers of a team is compiled once.
        joining = re.findall(r"^\.weak \.func .* ([^\s(]*join[^\s(]*)", ptx, flags=re.M)
        assert len(set(joining)) == 1


def test_the_table_has_every_kernel():
    """Of the loops that it knows: a new method is held to what holds for all with a given rate."""
    names = {cuda_ptx.name_of(case) for case in cuda_ptx.ALL if case[0] in KNOWN}
    assert names == RECORD.keys()
    assert {case[0] for case in cuda_ptx.ALL} - KNOWN <= cuda_ptx.METHODS.keys()


@pytest.mark.parametrize(
    ("case", "asked"),
    [
        (("momentum", "float32", 5, "fused", False), ("momentum", "given", "fused", "")),
        (("adam", "float32", 5, "fused", True), ("adam", "given", "fused", "row bounds")),
        (("gd_auto", "float32", 5, "fused", False), ("gd", "auto", "fused", "")),
        (("momentum_auto", "float32", 5, "fused", False), ("momentum", "auto", "fused", "")),
        (
            ("nesterov_composite", "float32", 5, "fused", True),
            ("nesterov", "auto", "fused", "row bounds"),
        ),
        (("gd_auto", "float32", 5, "terms-32", False), ("gd", "auto", "terms-32", "")),
        (("momentum", "float32", 5, "terms-1", False), ("momentum", "given", "terms-1", "")),
    ],
)
def test_the_kernels_measured_are_those_asked_for(case, asked):
    assert cuda_ptx.spec_of(case) == cuda_ptx.asked_for(asked)[0]


@pytest.mark.parametrize(
    "case",
    cuda_ptx.SINGLE if ALL else cuda_ptx.QUICK_SINGLE,
    ids=lambda case: "-".join(filter(None, case)),
)
def test_no_double_precision(case):
    """In float32 kernels, for whatever a user asks."""
    assert not cuda_ptx.wide_instructions(cuda_ptx.ptx_asked_for(case))


@pytest.mark.parametrize(("dtype", "layout"), [("float64", "A"), ("float32", "C")])
def test_kernels_on_rows_compile(dtype, layout):
    for made, arguments in cuda_ptx.rows_of(dtype, layout):
        registers, stack, spills = cuda_ptx.assemble(cuda_ptx.compiled(made, arguments), "sm_90")
        assert registers <= 64 and stack == spills == 0
