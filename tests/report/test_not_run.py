"""What took no part though it was asked for is said wherever a verdict is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crossover import api
from crossover.api.telling import without_instruction
from crossover.records import LeftOut, TrialRecord
from crossover.report.markdown import render as markdown_of
from crossover.report.not_run import not_run
from crossover.report.page import render
from crossover.report.terminal import report_text
from crossover.verdict import decide, headline
from tests.report.hostile import PAYLOADS
from tests.report.invented import Study
from tests.report.test_terminal import printed
from tests.small import save_tiny, write_rows
from tests.verdict.studies import task, usual

LATE = [
    LeftOut(method="head", budget=64, reason="about 35 s, 12 s left of the time limit"),
    LeftOut(method="lora+few-shot", budget=64, reason="about 180 s, 12 s left of the time limit"),
    LeftOut(method="zero-shot", budget=0, reason="about 20 s, 12 s left of the time limit"),
]


def test_what_lacked_time_and_what_could_not() -> None:
    assert not_run([]) == ""
    assert not_run(LATE) == "No time was left for head and lora+few-shot with 64 labels; zero-shot without labels."
    crowded = [LeftOut(method=m, budget=b, reason="needs about 9 GB") for m in ("full", "lora") for b in (16, 64)]
    assert not_run(crowded) == "Left out: full and lora with 16 and 64 labels: needs about 9 GB."
    stopped = LeftOut(method="few-shot", budget=64, reason="stopped after 1 seed: validation .40, lora has .70")
    assert not_run([*LATE[:1], stopped]) == (
        "No time was left for head with 64 labels. "
        "Left out: few-shot with 64 labels: stopped after 1 seed: validation .40, lora has .70."
    )


def test_it_stands_in_the_terminal_in_markdown_and_on_the_page(study: Study) -> None:
    said = "No time was left for head and lora+few-shot with 64 labels"
    assert said in printed(report_text(study.verdict, study="s", diff=None, checks=(), left_out=LATE), width=200)
    assert said in markdown_of(study.verdict, left_out=LATE).replace("\\", "")
    provenance = replace(study.provenance, left_out=tuple(LATE))
    page = render(study.verdict, study.records, provenance=provenance, examples={})
    assert said in page
    assert said not in render(study.verdict, study.records, provenance=study.provenance, examples={})


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_reasons_stay_text(study: Study, payload: str) -> None:
    left = (LeftOut(method=payload, budget=64, reason=payload),)
    page = render(study.verdict, study.records, provenance=replace(study.provenance, left_out=left), examples={})
    assert page.count("<script") == render(study.verdict, study.records, provenance=study.provenance).count("<script")
    assert "\n" not in not_run(left)


def test_a_study_remembers_it(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def run(limit: float | None) -> api.Study:
        return api.compare(
            write_rows(tmp_path / "tickets.csv"),
            model=str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")),
            methods=["majority", "lora"],
            budgets=(8,),
            seeds=1,
            effort=100.0 if limit else 0.05,
            precision="fp32",
            time_limit=limit,
            study=tmp_path / "study",
            command=f"crossover run tickets.csv --instruction 'My own words' --time-limit {limit}",
        )

    cut = run(10.0)
    assert [(one.method, one.budget) for one in cut.left_out()] == [("lora", 8)]
    assert "No time was left for lora with 8 labels" in cut.markdown()
    whole = run(None)
    assert whole.left_out() == ()
    commands = whole._memo().commands
    assert [command.rpartition(" ")[2] for command in commands] == ["10.0", "None"]
    page = whole.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("crossover run tickets.csv") == 2
    assert "My own words" in page
    assert "My own words" not in whole.report(tmp_path / "bare.html", examples=False).read_text(encoding="utf-8")


def test_the_instruction_is_taken_out_of_a_command() -> None:
    asked = "crossover run t.csv --instruction 'Sort it' --seeds 3"
    assert without_instruction(asked) == "crossover run t.csv --instruction '…' --seeds 3"
    assert without_instruction("crossover run t.csv --instruction=Sort") == "crossover run t.csv '--instruction=…'"
    assert without_instruction("crossover run 'my file.csv'") == "crossover run 'my file.csv'"
    assert without_instruction("crossover run 'unended") == "crossover run 'unended"


def _failed(record: TrialRecord, error: str) -> TrialRecord:
    return replace(record, measurement=None, error=error)


def test_without_texts_an_error_says_its_sort_alone(study: Study) -> None:
    secret = "KeyError: 'my secret ticket'"
    records = [_failed(r, secret) if r.family == "weights" else r for r in usual()]
    verdict = decide(records, task(200))
    assert "my secret ticket" in headline(verdict)
    page = render(verdict, records, provenance=study.provenance, examples={})
    bare = render(verdict, records, provenance=study.provenance, examples={}, texts=False)
    assert "my secret ticket" in page
    assert "my secret ticket" not in bare
    assert "KeyError" in bare
