"""What is measured beside the score: each trial has it, a later one has the same text, and none fails by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover import api
from crossover.candidate import ConstantCandidate, PromptedCandidate, PromptProgram
from crossover.errors import OptionError, StudyError
from crossover.model.base import Adapter, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.records import Measurement, Probe, ProbeRow, TaskSpec
from crossover.study import StudyStore
from crossover.study.besides import Besides

NOTHING = Measurement(results=(), latency=None, seconds=0.0)
PROBE = Probe(
    name="p",
    kind="choice",
    rows=tuple(ProbeRow(context=f"{n} is", options=("even", "odd"), right=n % 2) for n in range(8)),
    sha256="ab" * 32,
)


INPUTS = [{"text": text} for text in ("where is my parcel", "i want my money back", "cannot log in")]


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return StudyStore.open(tmp_path / "study", create=True)


@pytest.fixture
def adapter(tiny: LocalModel, quick: TrainSettings) -> Adapter:
    row = TrainRow(prompt=tiny.plain_prompt("where is it"), completion=tiny.completion("delivery"))
    with tiny.training(quick) as trainer:
        for _ in range(4):
            trainer.step([row])
        return trainer.adapter()


def beside(store: StudyStore, model: LocalModel, spec: TaskSpec, on: Adapter | None) -> Measurement:
    candidate = PromptedCandidate(program=PromptProgram.default(spec), adapter=on)
    return Besides(model, store, [PROBE]).measured(NOTHING, candidate, spec, INPUTS, edits=True)


def test_a_prompt_keeps_everything_by_definition(store: StudyStore, tiny: LocalModel, spec: TaskSpec) -> None:
    found = beside(store, tiny, spec, None)
    assert (found.retention, found.retained) == (1.0, None)
    assert found.probes["p"].before == found.probes["p"].after
    assert found.interaction is not None
    assert found.interaction.editable


def test_an_adapter_is_measured_on_the_same_text_each_time(
    store: StudyStore, tiny: LocalModel, spec: TaskSpec, adapter: Adapter
) -> None:
    first = beside(store, tiny, spec, adapter)
    assert first.retention is not None
    assert first.retained is not None
    assert 0.0 < first.retention < 1.0
    assert len(first.probes["p"].after) == len(PROBE.rows)
    again = beside(StudyStore.open(store.folder), tiny, spec, adapter)
    assert again.retained is not None
    assert again.retention == first.retention
    assert again.probes == first.probes


def test_without_a_model_there_is_nothing_to_keep(store: StudyStore, tiny: LocalModel, spec: TaskSpec) -> None:
    constant = ConstantCandidate(answer="refund")
    found = Besides(tiny, store, [PROBE]).measured(NOTHING, constant, spec, INPUTS, edits=True)
    assert found == NOTHING


def test_what_cannot_be_measured_fails_nothing(store: StudyStore, tiny: LocalModel, spec: TaskSpec) -> None:
    """An adapter for other weights cannot be put on: the trial's score stands."""
    strange = Adapter(config={"peft_type": "LORA", "r": 4, "target_modules": ["nowhere"]}, weights={})
    found = beside(store, tiny, spec, strange)
    assert (found.retention, found.retained, found.interaction, dict(found.probes)) == (None, None, None, {})
    assert not tiny._adapting.is_on


def test_a_store_that_cannot_be_written_is_not_passed_over(
    store: StudyStore, tiny: LocalModel, spec: TaskSpec, adapter: Adapter
) -> None:
    (store.folder / "study.sqlite").write_bytes(b"this is no database, and long enough to be read as one" * 100)
    with pytest.raises(StudyError):
        beside(store, tiny, spec, adapter)


def test_a_whole_run(tmp_path: Path, rows: Path, model_folder: Path) -> None:
    probe = tmp_path / "sums.jsonl"
    lines = [{"question": f"{n} + 1 is", "choices": [str(n + 1), str(n)], "label": 0} for n in range(6)]
    probe.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    study = api.compare(
        rows,
        model=str(model_folder),
        methods=["majority", "zero-shot", "lora"],
        budgets=(0, 8),
        seeds=2,
        effort=0.05,
        precision="fp32",
        probes=[probe],
        study=tmp_path / "study",
    )
    opened = api.open_study(study.folder)
    by = {(r.key.method, r.key.seed): r.measurement for r in opened.records() if r.key.budget == 8}
    lora, other = by["lora", 0], by["lora", 1]
    assert lora is not None
    assert other is not None
    assert lora.retained is not None
    assert lora.interaction is not None
    assert other.interaction is None, "edits are tried with the first seed"
    assert set(lora.probes) == {"sums"}
    arms = {arm.method: arm for arm in opened.verdict().arms}
    assert arms["zero-shot"].retention == 1.0
    assert arms["majority"].retention is None
    assert 0 < (arms["lora"].retention or 0) < 1
    scope = next(row for row in opened.aspects().rows if row.name == "Scope")
    assert any("sums: " in line for line in scope.cells[1])


def test_a_probe_that_is_added_later_reaches_what_is_finished(tmp_path: Path, rows: Path, model_folder: Path) -> None:
    def go_on(*probes: Path) -> api.Study:
        return api.compare(
            rows,
            model=str(model_folder),
            methods=["majority", "zero-shot", "lora"],
            budgets=(0, 8),
            seeds=1,
            effort=0.05,
            precision="fp32",
            probes=probes,
            study=tmp_path / "study",
        )

    def answered(study: api.Study) -> dict[str, set[str]]:
        return {f"{r.key.method}@{r.key.budget}": set(r.measurement.probes) for r in study.records() if r.measurement}

    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("context,continuation\none two,three\nfour five,six\n", encoding="utf-8")
    second.write_text("context,continuation\nred green,blue\n", encoding="utf-8")
    assert set().union(*answered(go_on()).values()) == set()
    study = go_on(first)
    asked = {"zero-shot@0", "zero-shot@8", "lora@8"}
    assert {arm for arm, probes in answered(study).items() if probes == {"first"}} == asked
    assert answered(study)["majority@8"] == set()
    before = study._store.named("probes of ")
    assert answered(go_on(first, second))["lora@8"] == {"first", "second"}
    kept = study._store.named("probes of ")
    assert all(kept[digest]["first"] == probes["first"] for digest, probes in before.items())
    first.write_text("context,continuation\none two,four\n", encoding="utf-8")
    measured = [r.measurement for r in go_on(first).records() if r.measurement and r.measurement.probes]
    assert {len(one.probes["first"].before) for one in measured} == {1}, "another file of that name is another probe"


def test_two_probes_by_one_name(tmp_path: Path, rows: Path, model_folder: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.csv").write_text("context,continuation\na,b\n", encoding="utf-8")
    with pytest.raises(OptionError, match="two probes have the name p"):
        api.compare(rows, model=str(model_folder), probes=[tmp_path / "a" / "p.csv", tmp_path / "b" / "p.csv"])
