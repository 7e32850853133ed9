"""The command line, and the commands that the README promises."""

import dataclasses
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastmomentum._cli import main as cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def run_module(*args, **environment):
    """Run ``python -m fastmomentum`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fastmomentum", *args],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_info(capsys):
    assert cli.main(["info"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert set(lines) >= {"fastmomentum", "python", "numba", "llvmlite", "numpy", "scipy"}
    assert set(lines) >= {"platform", "threads", "CUDA", "cache"}
    assert lines["python"] == sys.version.split()[0]
    assert "available: " in lines["threads"]


def test_info_without_writable_cache(capsys, monkeypatch):
    cache = importlib.import_module("fastmomentum._numba.cache")

    def refuse(function):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(cache, "Cache", refuse)
    assert cli.main(["info"]) == 0
    assert "no writable directory" in capsys.readouterr().out


def test_info_names_the_cache_directory(tmp_path):
    done = run_module("info", NUMBA_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    cache = re.search(r"^cache +(.*) \(writable\)$", done.stdout, re.MULTILINE)
    assert Path(cache[1]).is_relative_to(tmp_path)


def test_info_without_jit():
    done = run_module("info", NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    assert "unused: NUMBA_DISABLE_JIT is set" in done.stdout


def test_cuda_that_fails_is_reported(monkeypatch):
    def fail(name):
        raise OSError("libcuda.so: wrong version\ndetails")

    monkeypatch.setattr(cli, "_installed", lambda module: True)
    monkeypatch.setattr(cli.importlib, "import_module", fail)
    assert cli._cuda().endswith("fails with OSError: libcuda.so: wrong version")


def test_no_command_is_an_error(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([])
    assert stopped.value.code == 2
    assert "command" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom fastmomentum._cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'numba', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout and "info" in done.stdout and "warmup" in done.stdout


@pytest.mark.slow
def test_warmup(capsys):
    assert cli.main(["warmup"]) == 0
    out = capsys.readouterr().out
    for style in ("fused", "pair", "in-place jac", "jac", "2-point", "3-point", "cs"):
        for dtype in ("float32", "float64"):
            assert re.search(rf"^{style}, {dtype} +\d+\.\d+ s$", out, re.MULTILINE), (style, dtype)
    assert re.search(r"^total +\d+\.\d+ s$", out, re.MULTILINE)


@pytest.mark.slow
def test_demo_draws_and_every_solver_arrives(tmp_path, capsys):
    picture = tmp_path / "picture.png"
    assert cli.main(["demo", "--output", str(picture)]) == 0
    out = capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in out
    assert out.count("times as fast here") == 4
    assert "gtol not reached" not in out
    rows = re.findall(r"^  (fastmomentum|scipy) (\S+(?: 1/L)?) +(\d\.\d+) ", out, re.MULTILINE)
    assert len(rows) == 12
    # The same minimum from everyone: a gradient within 1e-6 leaves about 1e-9 in the value.
    for problem in (rows[:6], rows[6:]):
        values = [float(value) for _, _, value in problem]
        assert max(values) - min(values) < 1e-8


@pytest.fixture
def one_problem(tmp_path, monkeypatch):
    """The demo's second problem only, in an empty directory."""
    from fastmomentum._cli import demo as _demo

    monkeypatch.setattr(_demo, "PROBLEMS", (_demo.engel,))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_demo_without_picture(one_problem, capsys):
    assert cli.main(["demo", "--no-plot"]) == 0
    assert "Picture" not in capsys.readouterr().out
    assert not list(one_problem.iterdir())


@pytest.mark.slow
def test_demo_without_matplotlib(one_problem, capsys, monkeypatch):
    monkeypatch.setattr(cli, "_installed", lambda module: module != "matplotlib")
    assert cli.main(["demo"]) == 0
    assert 'pip install "fastmomentum[plot]"' in capsys.readouterr().out
    assert not list(one_problem.iterdir())


def test_demo_without_its_data(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_installed", lambda module: module != "sklearn")
    assert cli.main(["demo"]) == 1
    error = capsys.readouterr().err
    assert "sklearn" in error and "statsmodels" not in error
    assert 'pip install "fastmomentum[demo]"' in error


def test_demo_says_who_is_faster():
    from fastmomentum._cli.demo import Row, verdict

    def row(solver, cold, warm, converged=True):
        return Row(solver, 0.0, 0.0, 1, converged, cold, warm, None)

    ours, theirs = row("fastmomentum gd", 59.9, 1.0), row("scipy CG", 6.0, 3.0)
    warm, cold = verdict([ours, theirs]).split("\n  ")
    assert warm.startswith("Warm, fastmomentum is 3.0 times as fast here: fastmomentum gd 1.00 ms")
    assert cold.startswith("Cold (first call, nothing left to compile), SciPy is 10 times as fast")
    slow = dataclasses.replace(ours, cold=9031.2, compiled=True)
    _, cold = verdict([slow, theirs]).split("\n  ")
    assert cold == (
        "Cold (first call, compiling included), SciPy is 1,500 times as fast here: "
        "fastmomentum gd 9,030 ms, scipy CG 6.00 ms."
    )
    assert "did not reach" in verdict([row("fastmomentum gd", 60.0, 1.0, False), theirs])


def test_readme_opens_with_the_two_commands():
    commands = re.findall(r"^pip install .*$", README, re.MULTILINE)
    assert commands[:2] == [
        'pip install ".[demo]" && fastmomentum demo',
        'pip install ".[test]" && pytest',
    ]


def test_readme_names_the_versions_of_python():
    versions = re.findall(r"Python :: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text())
    assert f"Python {versions[0]} to {versions[-1]}, from a checkout" in README


def test_ci_runs_the_readme_commands():
    script = (ROOT / ".ci" / "run").read_text()
    patterns = re.findall(r"grep -m1 -E '([^']+)' README\.md", script)
    assert len(patterns) == 2
    found = [re.search(pattern, README, re.MULTILINE)[0] for pattern in patterns]
    assert found == re.findall(r"^pip install .*$", README, re.MULTILINE)[:2]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_readme_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
