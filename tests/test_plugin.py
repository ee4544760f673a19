"""A method of another package, installed for real: it takes part like ours, and its bundle answers without it."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from crossover.methods import Method
from crossover.methods.conformance import check
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.small import TOPICS, save_tiny, write_rows

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "tests" / "plugin"
HOW_TO = ROOT / "docs" / "a-method-of-your-own.md"
NAME = "nearest-centroid"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package and install it into a folder: what pip does, without a network."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(PLUGIN)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def command(cwd: Path, *beside: Path) -> Command:
    """Return the command line in a process of its own, with these folders beside our source."""
    path = os.pathsep.join(map(str, (*beside, ROOT / "src")))

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "crossover.cli", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return call


def loaded(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_conforms(installed: Path, tiny: LocalModel, spec: TaskSpec, rows: tuple[Example, ...]) -> None:
    method = loaded(installed / "crossover_centroid.py").NearestCentroid()
    assert isinstance(method, Method)
    fitted = check(method, tiny, spec, rows)
    assert method.name == NAME
    assert len(fitted.tried) == 3
    assert fitted.dev_score is not None


@pytest.mark.slow
def test_from_the_list_of_methods_to_a_bundle_that_answers_without_it(
    installed: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")
    write_rows(tmp_path / "tickets.csv", 45)
    crossover = command(tmp_path, installed)

    listed = json.loads(crossover("methods", "--json").stdout)
    assert {"name": NAME, "family": "weights"}.items() <= {one["name"]: one for one in listed}[NAME].items()

    ran = crossover(
        "run", "tickets.csv", "--model", model, "--precision", "fp32", "--methods", f"majority,zero-shot,{NAME}",
        "--budgets", 12, "--seeds", 2, "--study", "study", "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (arm,) = [one for one in json.loads(ran.stdout)["arms"] if one["method"] == NAME]
    assert (arm["family"], arm["seeds"], arm["missing"]) == ("weights", 2, 0)

    packed = crossover("pack", "study", "--arm", f"{NAME}@12", "-o", "bundle")
    assert packed.returncode == 0, packed.stderr
    assert not [path for path in (tmp_path / "bundle").rglob("*") if path.suffix == ".py"]

    without = command(tmp_path)
    answered = without("predict", "bundle", "tickets.csv", "-o", "answers.csv")
    assert answered.returncode == 0, answered.stderr
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 45
    assert {row["predicted_label"] for row in answers} <= set(TOPICS)

    refused = without("run", "tickets.csv", "--model", model, "--methods", NAME)
    assert refused.returncode == 2
    assert f'there is no method "{NAME}".' in refused.stderr


def test_the_how_tos_own_test_passes(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed)
    block = HOW_TO.read_text(encoding="utf-8").split("```python\n")[-1].split("```")[0]
    (tmp_path / "test_mine.py").write_text(block, encoding="utf-8")
    loaded(tmp_path / "test_mine.py").test_it_conforms()
    monkeypatch.delitem(sys.modules, "crossover_centroid")


@pytest.mark.parametrize("file", ["pyproject.toml", "src/crossover_centroid.py"])
def test_the_how_to_shows_the_package_as_it_is(file: str) -> None:
    told = HOW_TO.read_text(encoding="utf-8")
    source = (PLUGIN / file).read_text(encoding="utf-8")
    assert f"\n{source}```\n" in told, f"docs/{HOW_TO.name} shows another {file}: copy tests/plugin/{file} into it"
