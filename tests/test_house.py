"""The rules of the house: who imports whom, what stays out of start-up, what is public, what no file holds."""

from __future__ import annotations

import ast
import re
import resource
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import crossover
from tests.small import whole_study

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "crossover"

OPEN = {"records", "errors", "later"}
"""Modules that every other may import."""

BELOW_API = {
    "template", "languages", "stats", "metrics", "model", "task", "candidate", "methods", "measure", "study", "verdict",
    "report", "bundle", "serve", "listener", "about",
}  # fmt: skip

MAY_IMPORT: dict[str, set[str]] = {
    "records": set(),
    "errors": set(),
    "later": set(),
    "template": set(),
    "languages": set(),
    "stats": set(),
    "metrics": set(),
    "model": set(),
    "task": {"metrics", "template", "languages"},
    "candidate": {"model", "metrics", "template", "languages"},
    "methods": {"candidate", "model", "metrics", "template"},
    "measure": {"candidate", "model", "metrics"},
    "study": {"task", "methods", "measure", "candidate", "model", "metrics", "stats"},
    "verdict": {"stats"},
    "report": {"verdict"},
    "bundle": {"candidate", "model"},
    "serve": {"bundle", "candidate", "measure", "model", "metrics", "report", "stats"},
    "listener": set(),
    "about": {"methods", "model"},
    "api": BELOW_API,
    "cli": BELOW_API | {"api"},
}
STANDARD_LIBRARY_ONLY = ("records", "errors", "later", "template", "languages", "listener")
WITHOUT_TORCH = ("records", "errors", "template", "stats", "metrics", "task", "verdict", "report", "listener")

PUBLIC = [
    "Bundle",
    "BundleError",
    "CrossoverError",
    "DataError",
    "ModelError",
    "OptionError",
    "Prices",
    "Study",
    "StudyError",
    "Task",
    "TrialError",
    "UserError",
    "Verdict",
    "__version__",
    "compare",
    "crossover_point",
    "data_advantage",
    "estimate",
    "load",
    "open_study",
]

MAX_LINES = 550
HELP_SECONDS = 0.5


def project() -> dict[str, Any]:  # Any: TOML
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def modules() -> set[str]:
    """Return the names right below the package: files, and folders with code in them."""
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    return files | folders


@cache
def repository_files() -> tuple[Path, ...]:
    """Return the files that are in the repository or would be added to it."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that finds the package in this tree."""
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


# ---------------------------------------------------------------------------------------------------- who imports whom


def test_every_module_has_a_row_in_the_table() -> None:
    assert modules() <= MAY_IMPORT.keys(), "a new module needs a row here and a contract in pyproject.toml"


def test_the_import_contracts_are_the_table() -> None:
    existing = modules()
    forbidden: dict[str, set[str]] = {}
    for contract in project()["tool"]["importlinter"]["contracts"]:
        if (
            contract["type"] == "forbidden"
            and contract.get("allow_indirect_imports")
            and contract.get("as_packages", True)
        ):
            for source in contract["source_modules"]:
                names = {name.removeprefix("crossover.") for name in contract["forbidden_modules"]}
                forbidden.setdefault(source.removeprefix("crossover."), set()).update(names)
    for name in sorted(existing - {"cli"}):
        allowed = MAY_IMPORT[name] | (set() if name in OPEN else OPEN)
        assert forbidden.get(name, set()) - {name} == existing - allowed - {name}, f"the contract of {name}"


@pytest.mark.parametrize("name", STANDARD_LIBRARY_ONLY)
def test_leaves_import_the_standard_library_only(name: str) -> None:
    files = [file for file in (PACKAGE / f"{name}.py", *sorted((PACKAGE / name).rglob("*.py"))) if file.exists()]
    assert files
    for file in files:
        imported: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or ".").partition(".")[0])
        # What the leaves import of ours is the contracts' business.
        assert imported - {"crossover"} <= sys.stdlib_module_names, file
        assert "__future__" in imported, file


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_works_without_torch(name: str) -> None:
    done = run_python(
        f"""
import importlib, pkgutil
module = importlib.import_module("crossover.{name}")
for found in pkgutil.walk_packages(getattr(module, "__path__", []), module.__name__ + "."):
    importlib.import_module(found.name)
print(sorted({{"torch", "transformers", "peft"}} & sys.modules.keys()))
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_help_is_quick_and_leaves_torch_alone() -> None:
    code = """
import atexit
atexit.register(lambda: print("heavy:", sorted({"torch", "transformers", "sklearn", "polars"} & sys.modules.keys())))
from crossover.cli import main
main()
"""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = run_python(code, "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        assert "heavy: []" in done.stdout
        assert "run" in done.stdout
        # Processor seconds: what a busy machine does beside this test is not start-up.
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert median(seconds) < HELP_SECONDS, seconds


def test_a_study_is_read_without_torch(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A verdict, its page and what differs are there at once: nobody waits for what only a fit needs."""
    folder = whole_study(tmp_path_factory.getbasetemp()).folder
    done = run_python(
        f"""
import sys
import crossover
study = crossover.open_study({str(folder)!r})
study.report({str(tmp_path / "page.html")!r})
study.main_diff(), study.to_json(), study.markdown()
print(sorted({{"torch", "transformers", "peft", "sklearn", "polars"}} & sys.modules.keys()))
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------------------ what is public


def test_the_public_names_are_these() -> None:
    assert sorted(crossover.__all__) == PUBLIC
    assert all(getattr(crossover, name) is not None for name in PUBLIC)


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


# ------------------------------------------------------------------------------------------- what the repository holds


def forbidden_texts() -> re.Pattern[str]:
    """Return what no file may hold: paths of the machine that it was written on, and addresses of package registries.

    The words are put together here so that this file does not hold them either.
    """
    folders = "|".join(("wo" + "rk", "ro" + "ot", "opt/whe" + "els", "opt/py" + "pi"))
    hosts = "|".join(
        re.escape(name) for name in ("py" + "pi.org", "python" + "hosted", "npm" + "js.", "deb." + "debian")
    )
    return re.compile(rf"(?<![\w.~}})>-])/(?:{folders})/|\.{'lib' + 'rary'}/|\.\./{'sha' + 'red'}\b|{hosts}")


def test_no_file_names_a_machine_or_a_registry() -> None:
    pattern = forbidden_texts()
    found = []
    for path in repository_files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert len(repository_files()) > 10
    assert found == []


def test_the_pattern_for_machine_paths_finds_them() -> None:
    pattern = forbidden_texts()
    assert pattern.search(f"open('{'/wo' + 'rk'}/main/x')")
    assert pattern.search("see .." + "/shared/data")
    assert pattern.search(f"https://{'py' + 'pi.org'}/simple")
    assert not pattern.search("home/work/life and ${ROOT}/root/x, a library, shared/ rows")


def test_source_files_stay_readable() -> None:
    long = {
        str(path.relative_to(ROOT)): n_lines
        for path in repository_files()
        if path.suffix in {".py", ".js", ".css", ".html", ".j2"} and "vendor" not in path.parts
        if (n_lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_every_dependency_is_pinned_to_a_version_that_it_allows() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    declared = [*project()["project"]["dependencies"]]
    for extra in project()["project"]["optional-dependencies"].values():
        declared += extra
    # pip is the one that does the installing, and crossover-lm[…] names extras of this same list.
    wanted = [req for req in map(Requirement, declared) if req.name not in {"pip", "crossover-lm"}]
    wrong = [str(req) for req in wanted if not req.specifier.contains(pinned.get(canonicalize_name(req.name), "0"))]
    assert wrong == []
