"""What the CUDA kernels become: registers, spills and precision, without a device."""

import importlib.util
import json
import os

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
CASES = cuda_ptx.ALL if os.environ.get("FASTMOMENTUM_PTX") == "all" else cuda_ptx.QUICK


@pytest.mark.parametrize("case", CASES, ids=cuda_ptx.name_of)
def test_kernel(case):
    recorded = json.loads(cuda_ptx.TABLE.read_text())[cuda_ptx.name_of(case)]
    loop, dtype, n, _, _ = case
    ptx = cuda_ptx.ptx_of(case)
    if dtype == "float32":
        assert not cuda_ptx.wide_instructions(ptx), "float64 in a float32 kernel"
    for architecture in cuda_ptx.ARCHITECTURES:
        registers, stack, spills = cuda_ptx.assemble(ptx, architecture)
        most, known_stack, known_spills = recorded[architecture]
        # Compilers differ a little.
        assert registers <= most + 8, architecture
        assert stack <= known_stack + 32 and spills <= known_spills + 32, architecture
        if loop in cuda_ptx.METHODS and 0 < n <= 10:
            # With a given rate a whole problem lives in registers.
            assert stack == 0 and spills == 0


@pytest.mark.parametrize(("dtype", "layout"), [("float64", "A"), ("float32", "C")])
def test_kernels_on_rows_compile(dtype, layout):
    for made, arguments in cuda_ptx.rows_of(dtype, layout):
        registers, stack, spills = cuda_ptx.assemble(cuda_ptx.compiled(made, arguments), "sm_90")
        assert registers <= 64 and stack == spills == 0
