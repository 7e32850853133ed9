"""``fastmomentum bench``: what it counts, what its tables say, the files that it writes."""

import csv
import math
import pathlib
import re
import sys

import numpy as np
import pytest
from processes import run_python

from benchmarks import holdout
from fastmomentum import problems
from fastmomentum._cli import bench as _bench
from fastmomentum._cli import main as cli

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("beale", "rosenbrock-10", "extended_maratos-2")


@pytest.fixture
def few(monkeypatch):
    """Three problems instead of the collections, in two groups."""
    found = [holdout.ALL.get(name) for name in NAMES]
    monkeypatch.setattr(problems, "collection", lambda group: found[:2])
    monkeypatch.setattr(holdout, "collection", lambda: found[2:])


def outcome(problem, solver, evaluations, seconds=math.nan, solved=True, n=2):
    return _bench.Outcome(problem, "group", n, solver, solved, evaluations, 0.0, 1e-6, seconds)


TABLE = [
    outcome("a", "momentum", 10, 1.0),
    outcome("a", "L-BFGS-B", 20, 8.0),
    outcome("b", "momentum", 90, 2.0, n=50),
    outcome("b", "L-BFGS-B", 30, 4.0, n=50),
    outcome("c", "momentum", 5000, solved=False),
    outcome("c", "L-BFGS-B", 40, 1.0),
]


def test_summary_by_hand():
    momentum, baseline = _bench.summarize(TABLE)
    assert (momentum.solver, momentum.solved, momentum.count) == ("momentum", 2, 3)
    # Halved on one problem, three times as many on the other.
    assert momentum.mean_evaluations == pytest.approx(math.sqrt(0.5 * 3.0))
    assert momentum.within == pytest.approx((1 / 3, 1 / 3, 2 / 3, 2 / 3))
    assert momentum.within_time == pytest.approx((2 / 3,) * 4)
    assert momentum.time_few == pytest.approx(1 / 8)
    assert momentum.time_all == pytest.approx((1 / 8 + 1 / 2) / 2)
    assert momentum.faster == pytest.approx(2 / 3)
    assert baseline.within == pytest.approx((2 / 3, 1.0, 1.0, 1.0))
    assert baseline.mean_evaluations == 1.0
    assert baseline.faster == 0.0


def test_losses_by_hand():
    unsolved, slower = _bench.losses(TABLE)
    assert re.fullmatch(r" +c +unsolved, .* solved by L-BFGS-B 40", unsolved)
    assert re.fullmatch(r" +b +90 evaluations, L-BFGS-B 30 \(3\.0x\)", slower)


def test_nothing_to_compare_with():
    (row,) = _bench.summarize([outcome("a", "momentum", 10)], timed=False)
    assert row.within == (1.0,) * 4
    assert math.isnan(row.mean_evaluations)
    assert math.isnan(row.faster)
    assert "nan" not in _bench.format_table("title", [row], timed=False)
    (row,) = _bench.summarize([outcome("a", "momentum", 10, solved=False)])
    assert row.within == row.within_time == (0.0,) * 4


@pytest.mark.parametrize(
    ("text", "method", "options"),
    [
        ("momentum", "momentum", {}),
        ("momentum:memory=1", "momentum", {"memory": 1}),
        ("gd:learning_rate=0.1,norm=2", "gd", {"learning_rate": 0.1, "norm": 2}),
        ("gd:learning_rate=auto", "gd", {"learning_rate": "auto"}),
        ("l-bfgs-b:maxcor=5", "L-BFGS-B", {"maxcor": 5}),
    ],
)
def test_solvers(text, method, options):
    solver = _bench.parse_solver(text)
    assert (solver.method, solver.options) == (method, options)
    assert solver.ours == (method != "L-BFGS-B")


@pytest.mark.parametrize("text", ["Powell", "momentum:memory", "momentum:memory="])
def test_solvers_that_do_not_exist(text):
    with pytest.raises(ValueError, match=re.escape(text)):
        _bench.parse_solver(text)


@pytest.mark.parametrize("text", ["adamw", "adamw:beta1=0.8", "adamw:learning_rate=auto"])
def test_solvers_without_a_learning_rate(text):
    with pytest.raises(ValueError, match=re.escape("adamw:learning_rate=0.01") + f".*{text}"):
        _bench.parse_solver(text)
    assert _bench.parse_solver("adamw:learning_rate=0.01").ours


def test_evaluations_are_those_up_to_the_first_small_gradient():
    """Counted once more, by a fresh objective."""
    import scipy.optimize

    problem = problems.get("wood")
    norms = []

    def pair(x):
        gradient = np.empty_like(x)
        value = problem.fun_and_grad(x, gradient, *problem.args)
        norms.append(np.abs(gradient).max())
        return value, gradient

    for name, options in (("L-BFGS-B", {"ftol": 0.0}), ("BFGS", {}), ("CG", {})):
        norms.clear()
        scipy.optimize.minimize(
            pair, problem.x0, jac=True, method=name, options={"gtol": 1e-5, **options}
        )
        first = int(np.flatnonzero(np.array(norms) <= 1e-5)[0]) + 1
        (found,) = _bench.run_problem(problem, [_bench.parse_solver(name)], timed=False)
        assert found.solved
        assert found.evaluations == first
        assert found.grad_norm <= 1e-5


def test_the_budget_is_kept():
    problem = problems.get("rosenbrock-100")
    solvers = [_bench.parse_solver(text) for text in _bench.DEFAULT_METHODS]
    found = _bench.run_problem(problem, solvers, budget=30)
    assert [row.solver for row in found] == list(_bench.DEFAULT_METHODS)
    for row in found:
        assert row.evaluations == 30
        assert not row.solved
        assert math.isnan(row.seconds)
        assert row.grad_norm > 1e-5


def test_a_success_that_is_none_is_not_counted():
    """A tolerance of the solver's own does not decide."""
    (row,) = _bench.run_problem(
        problems.get("beale"), [_bench.parse_solver("momentum:gtol=1e-1")], timed=False
    )
    assert not row.solved


def test_bfgs_takes_few_variables_only():
    bfgs = _bench.parse_solver("BFGS")
    assert bfgs.takes(problems.get("rosenbrock-100"))
    assert not bfgs.takes(problems.get("extended_rosenbrock-1000"))


def test_command(few, tmp_path, capsys):
    picture, table = tmp_path / "profile.png", tmp_path / "runs.csv"
    arguments = ["--groups", "holdout", "classical", "--problems", "benchmarks.holdout"]
    assert cli.main(["bench", *arguments, "--output", str(picture), "--csv", str(table)]) == 0
    out = capsys.readouterr().out
    assert "classical (2 problems)" in out
    assert "holdout: no constant was chosen on these (1 problems)" in out
    assert out.index("may have been chosen") < out.index("holdout: no constant")
    for label in _bench.DEFAULT_METHODS:
        assert len(re.findall(rf"^  {label} +\d/\d 100%", out, re.MULTILINE)) == 2, label
    assert len(re.findall(r"^  L-BFGS-B +\S+ 100% +1\.00 .* 1\.00 +0$", out, re.MULTILINE)) == 2
    assert "Losses of momentum" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(NAMES) * len(_bench.DEFAULT_METHODS)
    assert {row["problem"] for row in rows} == set(NAMES)
    for row in rows:
        assert row["solved"] == "True"
        assert float(row["grad_norm"]) <= 1e-5
        assert 0.0 < float(row["seconds"]) < 10.0
        assert int(row["evaluations"]) > 0


def test_command_without_time(few, tmp_path, capsys):
    picture, table = tmp_path / "profile.png", tmp_path / "runs.csv"
    arguments = ["--groups", "classical", "--no-time", "--methods", "gd", "CG", "--budget", "50"]
    assert cli.main(["bench", *arguments, "--output", str(picture), "--csv", str(table)]) == 0
    out = capsys.readouterr().out
    assert "time" not in out.replace("warm", "").split("classical")[1].split("Runs")[0]
    assert "Losses" not in out
    assert "holdout" not in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    with table.open() as file:
        assert all(row["seconds"] == "" for row in csv.DictReader(file))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--groups", "clasical"], "classical"),
        (["--groups", "holdout"], "'holdout'. The groups are 'classical'"),
        (["--methods", "adamant"], "adamant"),
        (["--problems", "no.such_module"], "no module 'no.such_module'"),
        (["--problems", "benchmarks.nothing"], "no module 'benchmarks.nothing'"),
        (["--problems", "benchmarks.common"], "'benchmarks.common' has no function collection()"),
        (["--problems", "fastmomentum.problems"], "of the standard group 'classical'"),
    ],
)
def test_command_with_wrong_names(arguments, message, capsys):
    assert cli.main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_further_problems(tmp_path, monkeypatch, capsys):
    """Of a module beside which the command is called; one that is broken says so itself."""
    (tmp_path / "own_problems.py").write_text(
        "from dataclasses import replace\n"
        "from fastmomentum import problems\n"
        "def collection():\n"
        "    return [replace(problems.get(name), group='own') for name in ('beale', 'wood')]\n"
    )
    (tmp_path / "own_broken.py").write_text("import no_such_package\n")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    arguments = ["bench", "--groups", "own", "--methods", "gd", "--no-time", "--problems"]
    assert cli.main([*arguments, "own_problems"]) == 0
    out = capsys.readouterr().out
    assert "own: no constant was chosen on these (2 problems)" in out
    assert "may have been chosen" not in out
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        cli.main([*arguments, "own_broken"])
    assert sys.path == path


def test_command_without_data(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_installed", lambda module: module != "sklearn")
    assert cli.main(["bench"]) == 1
    assert 'pip install "fastmomentum[demo]"' in capsys.readouterr().err


def test_budget_of_the_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["bench", "--budget", "0"])
    assert "at least 1" in capsys.readouterr().err


def test_benchmarks_need_no_more_than_asv_installs():
    """asv imports every module, in an environment with the dependencies and threadpoolctl alone."""
    code = f"""
    import importlib, pathlib, sys
    for name in "dask distributed matplotlib pandas skimage sklearn statsmodels tqdm".split():
        sys.modules[name] = None  # what the tests' environment has besides
    root = pathlib.Path({str(ROOT)!r})
    sys.path.insert(0, str(root))
    for path in sorted((root / "benchmarks").rglob("*.py")):
        importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))
    """
    run_python(code)
