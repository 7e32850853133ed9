"""benchmarks/gpu.py without a device: in the simulator, at tiny sizes, so that all of it runs."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "gpu.py"
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="needs pip install '.[cuda-test]'"
)


def run(folder, *arguments):
    """The tables, by section, and the exit status."""
    changes = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, str(SCRIPT), "--size", "tiny", "--out", str(folder), *arguments]
    done = subprocess.run(
        command,
        env=dict(os.environ) | changes | {"PYTHONPATH": str(SCRIPT.parent.parent)},
        capture_output=True,
        text=True,
        timeout=3000,
    )
    tables = {p.stem: p.read_text().splitlines() for p in folder.iterdir()}
    return tables, done


def test_every_section(tmp_path):
    tables, done = run(tmp_path, "--here")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    expected = "correct copy batch tolerance fused gpufit chain latency registers"
    assert set(tables) == set(expected.split())
    for section, lines in tables.items():
        assert lines[0].startswith(f"{section}, simulator, 20") and "numba-cuda" in lines[1]
        rows = lines[3:]
        assert rows and not [r for r in rows if "failed" in r or "no time left" in r]
    # Errors against the processor, of float64 and float32.
    for section in ("batch", "fused"):
        for row in tables[section][3:]:
            if "not installed" not in row:
                assert float(row.split()[-1]) <= (1e-12 if row.startswith("float64") else 1e-5)


def test_processes_of_their_own(tmp_path):
    tables, done = run(tmp_path, "copy", "--minutes", "5")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert len(tables["copy"]) == 4 and tables["copy"][3].endswith("0e+00")


def test_what_goes_wrong_is_a_row(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent.parent)
    from benchmarks import gpu, gpu_tasks

    tables = gpu.Tables(tmp_path, "none")
    hangs = gpu_tasks.Task("copy", "copy", lambda sizes: iter(()), 0.1, False)
    assert not gpu.run_child(hangs, "tiny", 0.1, tables)
    unknown = gpu_tasks.Task("copy", "unknown", lambda sizes: iter(()), 60.0, True)
    assert not gpu.run_child(unknown, "tiny", 60.0, tables)
    rows = (tmp_path / "copy.txt").read_text().splitlines()[3:]
    assert "stopped after 0 s" in rows[0] and "unknown" in rows[1] and "failed" in rows[1]


def test_without_time(tmp_path):
    tables, _ = run(tmp_path, "copy", "--minutes", "0")
    assert "no time left" in tables["copy"][3]


def test_an_unknown_section(tmp_path):
    _, done = run(tmp_path, "speed")
    assert done.returncode == 2 and "there is no section 'speed'" in done.stderr
