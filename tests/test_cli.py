from __future__ import annotations

import csv
import io
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from crossover import api, cli
from crossover.cli.options import bytes_of
from crossover.methods import default_methods
from tests.small import TOPICS, save_tiny, whole_study, write_rows


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def crossover(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Command]:
    """Runs the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["crossover", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code
        said = capsys.readouterr()
        return Answer(code if isinstance(code, int) else 0, said.out, said.err)

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole_study(tmp_path_factory.getbasetemp())
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")


# ----------------------------------------------------------------------------------------------------------- contract

OPTIONS = {
    "run": {
        "data", "--test", "--test-size", "--input", "--target", "--kind", "--model", "--instruction", "--prompt",
        "--label-names", "--predictions", "--probe", "--methods", "--budgets", "--seeds", "--effort", "--precision",
        "--time-limit", "--memory", "--study", "--json", "--metric", "--schema", "--input-template", "--answer-tokens",
        "--sheet", "--max-rows", "--merge-spellings", "--reflector", "--race", "--constrain",
        "--machine-price-per-hour", "--electricity-price-per-kwh", "--currency", "--calls-per-month",
        "--group", "--margin",
    },
    "estimate": {
        "data", "--test", "--test-size", "--input", "--target", "--kind", "--model", "--instruction", "--prompt",
        "--label-names", "--predictions", "--probe", "--methods", "--budgets", "--seeds", "--effort", "--precision",
        "--time-limit", "--memory", "--study", "--json", "--metric", "--schema", "--input-template", "--answer-tokens",
        "--sheet", "--max-rows", "--merge-spellings", "--reflector", "--race", "--constrain",
        "--machine-price-per-hour", "--electricity-price-per-kwh", "--currency", "--calls-per-month",
        "--group", "--margin",
    },
    "check": {
        "data", "--test", "--test-size", "--input", "--target", "--kind", "--metric", "--schema", "--sheet",
        "--max-rows", "--input-template", "--merge-spellings", "--model", "--json", "--group",
    },
    "report": {
        "study", "--html", "--no-examples", "--margin", "--markdown", "--json", "--machine-price-per-hour",
        "--electricity-price-per-kwh", "--currency", "--calls-per-month",
    },
    "diff": {"study", "a", "b", "--limit", "--by", "--no-examples", "--json"},
    "pack": {"study", "-o", "--output", "--arm"},
    "judge": {"study", "--model", "--arms", "--precision", "--json"},
    "predict": {"bundle", "file", "-o", "--output"},
    "simulate": {
        "--test-size", "--seeds", "--budgets", "--gain", "--seed-sd", "--margin", "--studies", "--json",
    },
    "methods": {"--json"},
    "models": {"--json"},
    "doctor": {"--json"},
}  # fmt: skip
"""The contract: later releases add to it and take nothing away."""


def test_the_options_are_these() -> None:
    command: Any = typer.main.get_command(cli.app)  # typer's own type of a group is private
    found = {name: {o for p in c.params for o in p.opts if o != "--help"} for name, c in command.commands.items()}
    assert found == OPTIONS


def test_whatever_runs_can_be_estimated() -> None:
    assert OPTIONS["run"] == OPTIONS["estimate"]


def test_without_a_command_the_help(crossover: Command) -> None:
    answer = crossover()
    assert answer.code == 2
    assert all(name in answer.out + answer.err for name in OPTIONS)
    assert crossover("--help").code == 0
    for name in OPTIONS:
        assert crossover(name, "--help").code == 0


@pytest.mark.parametrize(
    "arguments", [["go"], ["run"], ["run", "x.csv", "--sedes", "3"], ["run", "x.csv", "--seeds", "a"]]
)
def test_usage_errors(crossover: Command, arguments: Sequence[str]) -> None:
    answer = crossover(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert answer.err


# ---------------------------------------------------------------------------------------------------------- bad input

GOOD = "text,label\n" + "".join(f"question number {n} about thing {n * 7},{'ab'[n % 2]}\n" for n in range(40))
NO_LABEL = "text,label\n" + "".join(f"question number {n} on {n * 7},\n" for n in range(40))
UNIQUE = "text,label\n" + "".join(f"question number {n} on {n * 7},answer {n}\n" for n in range(40))

BAD: dict[str, tuple[dict[str, bytes | str], list[str], str]] = {
    "no such file": ({}, ["nothing.csv"], "nothing.csv"),
    "missing column": ({"d.csv": GOOD}, ["d.csv", "--target", "intent"], 'd.csv has no column "intent"'),
    "missing input": ({"d.csv": GOOD}, ["d.csv", "--input", "body"], 'd.csv has no column "body"'),
    "empty file": ({"d.csv": ""}, ["d.csv"], "d.csv"),
    "header only": ({"d.csv": "text,label\n"}, ["d.csv"], "d.csv"),
    "one class": ({"d.csv": GOOD.replace(",b", ",a")}, ["d.csv"], "d.csv"),
    "no label": ({"d.csv": NO_LABEL}, ["d.csv", "--target", "label"], "d.csv"),
    "two rows": ({"d.csv": "text,label\nhello there,a\nbye now,b\n"}, ["d.csv"], "d.csv"),
    "label of the test only": (
        {"d.csv": GOOD, "t.csv": GOOD.replace("question", "query").replace(",b", ",z")},
        ["d.csv", "--test", "t.csv"],
        "z",
    ),
    "target almost unique": ({"d.csv": UNIQUE}, ["d.csv", "--target", "label"], "label"),
    "another format": ({"d.csv": b"PK\x03\x04" + b"\0" * 100}, ["d.csv"], "d.csv"),
    "wrong ending": ({"d.parquet": GOOD}, ["d.parquet"], "d.parquet"),
    "unknown ending": ({"d.docx": GOOD}, ["d.docx"], ".docx"),
    "encoding": ({"d.csv": GOOD.encode() + b"\x81\x8d\x8f\x90 \xff\xfe\x00,a\n"}, ["d.csv"], "d.csv"),
    "prompt without input": ({"d.csv": GOOD, "p.txt": "Which?"}, ["d.csv", "--prompt", "p.txt"], "p.txt"),
    "prompt field": ({"d.csv": GOOD, "p.txt": "{text} {x}"}, ["d.csv", "--prompt", "p.txt"], "p.txt, line 1"),
    "no prompt": ({"d.csv": GOOD}, ["d.csv", "--prompt", "p.txt"], "p.txt"),
    "label names": ({"d.csv": GOOD, "n.csv": "code,words\nc,alpha\n"}, ["d.csv", "--label-names", "n.csv"], "n.csv"),
    "predictions": ({"d.csv": GOOD, "a.csv": "prediction\na\n"}, ["d.csv", "--predictions", "a.csv"], "a.csv"),
    "kind": ({"d.csv": GOOD}, ["d.csv", "--kind", "poetry"], "poetry"),
    "test size": ({"d.csv": GOOD}, ["d.csv", "--test-size", "1"], "--test-size 1"),
    "method": ({"d.csv": GOOD}, ["d.csv", "--methods", "lorra"], 'no method "lorra"'),
    "no reflector": ({"d.csv": GOOD}, ["d.csv", "--methods", "gepa/lora"], "gepa needs a reflector"),
    "idle reflector": (
        {"d.csv": GOOD},
        ["d.csv", "--methods", "lora", "--reflector", "smollm2-135m"],
        "--reflector smollm2-135m: none of the methods",
    ),
    "no such reflector": ({"d.csv": GOOD}, ["d.csv", "--reflector", "smolm2-135m"], "did you mean smollm2-135m?"),
    "no method": ({"d.csv": GOOD}, ["d.csv", "--methods", ","], '--methods ","'),
    "budget": ({"d.csv": GOOD}, ["d.csv", "--budgets", "0,x"], '--budgets "x"'),
    "no budget": ({"d.csv": GOOD}, ["d.csv", "--budgets", ","], '--budgets ","'),
    "large budget": ({"d.csv": GOOD}, ["d.csv", "--budgets", "500"], "budget 500 is not possible"),
    "negative budget": ({"d.csv": GOOD}, ["d.csv", "--budgets", "-1"], '"-1"'),
    "seeds": ({"d.csv": GOOD}, ["d.csv", "--seeds", "0"], "--seeds 0"),
    "effort": ({"d.csv": GOOD}, ["d.csv", "--effort", "0"], "--effort 0"),
    "precision": ({"d.csv": GOOD}, ["d.csv", "--precision", "int3"], 'precision "int3"'),
    "no precision": ({"d.csv": GOOD}, ["d.csv", "--precision", ","], "--precision names none"),
    "one wrong precision": ({"d.csv": GOOD}, ["d.csv", "--precision", "fp32,int3"], 'precision "int3"'),
    "memory": ({"d.csv": GOOD}, ["d.csv", "--memory", "plenty"], '--memory "plenty" is no amount of memory'),
    "no memory": ({"d.csv": GOOD}, ["d.csv", "--memory", "0GB"], '--memory "0GB" is no amount of memory'),
    "little memory": ({"d.csv": GOOD}, ["d.csv", "--memory", "20MB"], "--memory 20 MB is too little"),
    "time": ({"d.csv": GOOD}, ["d.csv", "--time-limit", "soon"], '--time-limit "soon"'),
    "short time": ({"d.csv": GOOD}, ["d.csv", "--time-limit", "2s"], "--time-limit 2 s"),
    "price": ({"d.csv": GOOD}, ["d.csv", "--machine-price-per-hour", "-1"], "--machine-price-per-hour -1 is no price"),
    "endless price": ({"d.csv": GOOD}, ["d.csv", "--electricity-price-per-kwh", "inf"], "inf is no price"),
    "currency": ({"d.csv": GOOD}, ["d.csv", "--currency", "two words"], "'two words' is no currency"),
    "no calls": ({"d.csv": GOOD}, ["d.csv", "--calls-per-month", "0"], "--calls-per-month 0"),
    "model": ({"d.csv": GOOD}, ["d.csv", "--model", "smolm2-135m"], "did you mean smollm2-135m?"),
    "model folder": ({"d.csv": GOOD}, ["d.csv", "--model", "."], "no config.json"),
    "study is a file": ({"d.csv": GOOD}, ["d.csv", "--study", "d.csv"], "d.csv cannot be made"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_gets_one_message(crossover: Command, tmp_path: Path, model: Path, name: str, as_json: bool) -> None:
    files, arguments, said = BAD[name]
    for file, content in files.items():
        (tmp_path / file).write_bytes(content.encode() if isinstance(content, str) else content)
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(model)]
    answer = crossover("run", *arguments, *(["--json"] if as_json else []))
    assert answer.code == 2
    errors = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert said in answer.err[answer.err.index("error: ") :]
    assert "Traceback" not in answer.out + answer.err
    assert not as_json or answer.out == ""
    assert {path.name for path in tmp_path.iterdir()} == set(files), "something was left behind"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "nothing"], "holds no study"),
        (["report", "nothing", "--json"], "holds no study"),
        (["pack", "nothing"], "holds no study"),
        (["predict", "nothing", "rows.csv"], "rows.csv"),
    ],
)
def test_bad_places(crossover: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    answer = crossover(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------------- good input


def test_json_and_nothing_else(crossover: Command, tmp_path: Path, model: Path) -> None:
    write_rows(tmp_path / "tickets.csv", 45)
    arguments = ["--model", model, "--methods", "majority,zero-shot,lora", "--budgets", "0,8", "--seeds", 1]
    answer = crossover("run", "tickets.csv", *arguments, "--effort", 0.05, "--json")
    assert answer.code == 0, answer.err
    verdict = json.loads(answer.out)
    assert verdict["schema"] == "crossover.verdict/1"
    assert [arm["arm"] for arm in verdict["arms"]] == ["majority@8", "zero-shot@0", "zero-shot@8", "lora@8"]
    assert "tickets.csv" in answer.err
    assert "Warning" not in answer.err
    assert {path.name for path in tmp_path.iterdir()} == {"tickets.csv", "tickets-study"}
    assert json.loads(crossover("report", "tickets-study", "--json").out) == verdict


def test_plain_lines_where_there_is_no_terminal(
    crossover: Command, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    write_rows(tmp_path / "tickets.csv", 45)
    answer = crossover(
        "run", "tickets.csv", "--model", model, "--methods", "majority,head", "--budgets", "8", "--study", "my study"
    )
    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert "\x1b" not in answer.out
    assert "\r" not in answer.out
    lines = answer.out.splitlines()
    assert lines[0].startswith("tickets.csv")
    assert any(line.startswith("test ") and "will not be seen" in line for line in lines)
    assert sum(" of 6 · " in line for line in lines) == 6
    assert "crossover report 'my study'" in answer.out
    assert lines[-1].endswith("report.html")
    assert (tmp_path / "my study" / "report.html").is_file()


def test_report(crossover: Command, base: Path, tmp_path: Path) -> None:
    study = base / "whole" / "tickets-study"
    answer = crossover("report", study, "--html", "page.html", "--no-examples")
    assert answer.code == 0, answer.err
    assert "lora+few-shot" in answer.out
    assert (tmp_path / "page.html").stat().st_size < 1_500_000
    as_json = crossover("report", study, "--json")
    assert json.loads(as_json.out) == whole_study(base).to_json()
    assert {path.name for path in tmp_path.iterdir()} == {"page.html"}


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """Return the folder of a study of two arms that take no time."""
    folder = tmp_path_factory.mktemp("little")
    rows = write_rows(folder / "tickets.csv", 45)
    study = folder / "tickets-study"
    api.compare(rows, model=str(model), methods=["majority", "linear"], budgets=(16,), precision="fp32", study=study)
    return study


def test_the_verdict_as_markdown(crossover: Command, little: Path, tmp_path: Path) -> None:
    study = little
    answer = crossover("report", study, "--markdown", "-")
    assert (answer.code, answer.err) == (0, "")
    assert "| method | family |" in answer.out
    assert crossover("report", study, "--markdown", "verdict.md").out == "written: verdict.md\n"
    assert (tmp_path / "verdict.md").read_text(encoding="utf-8") == answer.out
    assert {path.name for path in tmp_path.iterdir()} == {"verdict.md"}


def test_diff_by_another_column(crossover: Command, tmp_path: Path, model: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", 90).read_text().splitlines()
    lines = [rows[0] + ",channel", *(f"{row},{('mail', 'phone')[n % 2]}" for n, row in enumerate(rows[1:]))]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    asked = ("run", "rows.csv", "--input", "text", "--target", "label", "--model", model)
    assert crossover(*asked, "--methods", "majority,linear", "--budgets", 16, "--seeds", 2, "--study", "s").code == 0
    found = json.loads(crossover("diff", "s", "linear@16", "majority@16", "--by", "channel", "--json").out)
    assert {"mail", "phone"} == {one["name"] for one in found["slices"] if one["group"] == "column channel"}
    plain = json.loads(crossover("diff", "s", "linear@16", "majority@16", "--json").out)
    assert not [one for one in plain["slices"] if one["group"] == "column channel"]
    assert "phone" in crossover("diff", "s", "linear@16", "majority@16", "--by", "channel").out
    wrong = crossover("diff", "s", "linear@16", "majority@16", "--by", "chanel")
    assert wrong.code == 2
    assert 'cannot be looked at by "chanel"' in wrong.err
    assert "columns that can: channel" in wrong.err
    assert "did you mean --by channel?" in wrong.err


def test_diff(crossover: Command, little: Path) -> None:
    study = little
    answer = crossover("diff", study, "linear@16", "majority@16", "--limit", 2)
    assert (answer.code, answer.err) == (0, "")
    assert "linear@16" in answer.out
    found = json.loads(crossover("diff", study, "linear@16", "majority@16", "--json", "--limit", 1).out)
    assert found["schema"] == "crossover.diff/1"
    assert {one["winner"] for one in found["disagreements"]} <= {"a", "b"}
    assert len(found["disagreements"]) <= 2
    assert json.loads(crossover("diff", study, "linear@16", "majority@16", "--json", "--no-examples").out)[
        "disagreements"
    ] == []  # fmt: skip
    wrong = crossover("diff", study, "linear@61", "majority@16")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean linear@16?" in wrong.err
    assert "arms: " in wrong.err
    assert "compared with itself" in crossover("diff", study, "linear@16", "linear@16").err


def test_predict(crossover: Command, base: Path, tmp_path: Path) -> None:
    from crossover.bundle import write  # noqa: PLC0415

    study = whole_study(base)
    record = next(r for r in study.records() if r.key.method == "linear")
    assert record.candidate is not None
    memo = study._memo()
    (tmp_path / "bundle").mkdir()
    write._write(
        tmp_path / "bundle", study._store.candidate(record.candidate), record, study.verdict(), memo.spec, memo.model
    )
    (tmp_path / "rows.csv").write_text("text,note\nwant a refund,=cmd()\n")
    answer = crossover("predict", "bundle", "rows.csv")
    assert (answer.code, answer.err) == (0, "")
    found = list(csv.DictReader(io.StringIO(answer.out)))
    assert found[0]["note"] == "'=cmd()"
    assert found[0]["predicted_label"] in TOPICS
    answer = crossover("predict", "bundle", "rows.csv", "-o", "out.jsonl")
    assert answer.out == "1 rows answered: out.jsonl\n"
    assert json.loads((tmp_path / "out.jsonl").read_text())["note"] == "=cmd()"


DOCTOR = {
    "system", "processor", "cores", "cores_physical", "cores_allowed", "threads", "instruction_set", "instruction_sets",
    "memory_mb", "memory_free_mb", "memory_limit_mb", "swap_mb", "swap_free_mb", "gpu", "gpu_capability",
    "gpu_memory_mb", "gpu_memory_free_mb", "device", "gflops", "precisions", "auto_precision", "auto_why", "cache",
    "cache_free_mb", "versions",
}  # fmt: skip
"""The contract, as of the options: keys are added and none is taken away."""


def test_methods_models_doctor(crossover: Command) -> None:
    listed = [m["name"] for m in json.loads(crossover("methods", "--json").out)]
    assert set(default_methods("classification")) <= set(listed)
    assert json.loads(crossover("models", "--json").out)[0]["name"] == "smollm2-135m"
    doctor = json.loads(crossover("doctor", "--json").out)
    assert doctor["auto_precision"] in {"fp32", "bf16"}
    assert doctor.keys() == DOCTOR
    assert list(doctor["precisions"]) == ["fp32", "fp16", "bf16", "int8", "nf4"]
    assert all(state["works"] and state["why_not"] is None for state in doctor["precisions"].values())
    for name in ("methods", "models", "doctor"):
        answer = crossover(name)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.strip()
    assert "zero-shot" in crossover("methods").out
    text = crossover("doctor").out
    assert all(word in text for word in ("cores", "instruction sets", "memory", "swap", "GPU", "cache", "versions"))
    assert "auto is " in text


def test_doctor_without_bitsandbytes_says_what_to_do(crossover: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    found = json.loads(crossover("doctor", "--json").out)["precisions"]
    assert [name for name, state in found.items() if state["works"]] == ["fp32", "fp16", "bf16"]
    assert "not installed" in found["nf4"]["why_not"]
    assert "not installed" in crossover("doctor").out


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("4GB", 4 * 10**9), ("800MB", 8 * 10**8), ("3.5 GiB", 7 * 2**29), ("2g", 2 * 10**9), ("1 tib", 2**40)],
)
def test_amounts_of_memory(text: str, n_bytes: int) -> None:
    assert bytes_of(text) == n_bytes


def test_several_precisions_and_a_bound_on_the_command_line(crossover: Command, tmp_path: Path, model: Path) -> None:
    write_rows(tmp_path / "tickets.csv", 45)
    answer = crossover(
        "run", "tickets.csv", "--model", model, "--methods", "majority,zero-shot", "--budgets", "0,8", "--seeds", 1,
        "--precision", "fp32, nf4", "--memory", "20 GB", "--study", "s",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "in fp32, nf4 on" in answer.out
    assert "zero-shot · nf4 with 8 labels" in answer.out
    found = crossover("report", "s").out
    assert "precision" in found
    assert "nf4" in found
