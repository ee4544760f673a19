"""Whole studies with the switch: both ways beside each other, trials that do not mix, and bundles that answer alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover import api
from crossover.candidate import PromptedCandidate
from crossover.errors import OptionError
from crossover.metrics.schemas import Schema
from crossover.records import TrialRecord
from crossover.task import Task
from tests.small import save_tiny, write_rows

METHODS = ("majority", "constant", "linear", "zero-shot", "few-shot", "lora")
FREE = ("zero-shot", "few-shot", "lora")


def _slots(path: Path) -> Path:
    cities = ["Rome", "Oslo", "Lima"]
    rows = [
        {
            "text": f"order {i}: lamps to {cities[i % 3]}, door {i * 7}",
            "slots": {"city": cities[i % 3], "kind": "lamps"},
        }
        for i in range(36)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model"))


def _run(task: Task, model: str, folder: Path, way: str | None, methods: tuple[str, ...] = METHODS) -> api.Study:
    suited = [name for name in methods if name != ("constant" if task.spec.labels else "majority")]
    return api.compare(
        task,
        model=model,
        methods=[name for name in suited if task.spec.labels or name != "linear"],
        budgets=(0, 8),
        seeds=1,
        effort=0.1,
        precision="fp32",
        constrain=way,
        study=folder,
    )


@pytest.fixture(scope="module", params=["classification", "extraction"])
def study(request: pytest.FixtureRequest, model: str, tmp_path_factory: pytest.TempPathFactory) -> api.Study:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "classification":
        task = Task.from_file(write_rows(folder / "tickets.csv"), test_size=12)
    else:
        task = Task.from_file(_slots(folder / "slots.jsonl"), test_size=10, answer_tokens=40)
    return _run(task, model, folder / "study", "both")


def _records(study: api.Study) -> dict[str, TrialRecord]:
    return {f"{record.key.method}@{record.key.budget}": record for record in study.records()}


def test_every_prompted_arm_answers_both_ways(study: api.Study) -> None:
    for name, record in _records(study).items():
        assert record.error is None, name
        assert record.measurement is not None
        has_words = name.partition("@")[0] in FREE
        assert bool(record.measurement.free) == has_words, name
        if has_words:
            assert [one.example_id for one in record.measurement.free] == [
                one.example_id for one in record.measurement.results
            ]
    arms = {arm.arm: arm for arm in study.verdict().arms}
    assert all((arms[name].free_score is not None) == (arms[name].method in FREE) for name in arms)


def test_what_counts_is_constrained(study: api.Study) -> None:
    spec = study._memo().spec
    for name in ("zero-shot@0", "lora@8"):
        measurement = _records(study)[name].measurement
        assert measurement is not None
        answers = [one.answer or "" for one in measurement.results]
        if spec.labels:
            assert set(answers) <= set(spec.labels)
        else:
            assert spec.schema is not None
            assert all(Schema(spec.schema).fits(json.loads(answer)) for answer in answers)
        assert answers != [one.answer for one in measurement.free]


def test_it_is_rendered(study: api.Study, tmp_path: Path) -> None:
    page = study.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Score when nothing constrains the answers" in page
    value = study.to_json()
    assert {"free_score", "format_share", "format_interval"} <= set(value["arms"][0])


def test_a_bundle_answers_as_was_measured(study: api.Study, tmp_path: Path) -> None:
    bundle = api.load(study.pack(tmp_path / "bundle", arm="lora@8"))
    measurement = _records(study)["lora@8"].measurement
    assert measurement is not None
    test = study._memo().test
    answers = [p.answer for p in bundle.predict([example.inputs for example in test])]
    assert answers == [one.answer for one in measurement.results]
    schema = study._memo().spec.schema
    assert (tmp_path / "bundle" / "schema.json").is_file() == (schema is not None)
    if schema is not None:
        assert isinstance(bundle.candidate, PromptedCandidate)
        assert bundle.candidate.program.schema == schema
        assert bundle.manifest["decoding"]["constrained"] is True
        assert all(Schema(schema).fits(json.loads(answer or "")) for answer in answers)


def test_free_labels_are_measured_and_packed(model: str, tmp_path: Path) -> None:
    """And a study that goes on in another way leaves out what was answered in the one before."""
    task = Task.from_file(write_rows(tmp_path / "tickets.csv"), test_size=12)
    free = _run(task, model, tmp_path / "study", "no", ("linear", "zero-shot", "lora"))
    record = _records(free)["lora@8"]
    assert record.measurement is not None
    assert any(one.answer not in task.spec.labels for one in record.measurement.results)
    assert record.measurement.free == ()
    assert record.dev_score is not None
    bundle = api.load(free.pack(tmp_path / "bundle", arm="lora@8"))
    assert bundle.manifest["decoding"] == {"rule": "greedy", "constrained": False}
    answers = [p.answer for p in bundle.predict([example.inputs for example in task.test])]
    assert answers == [one.answer for one in record.measurement.results]
    arms = {arm.arm for arm in free.verdict().arms}
    assert {"linear@8", "zero-shot@8", "lora@8"} <= arms
    held = _run(task, model, tmp_path / "study", "yes", ("zero-shot",))
    assert {arm.method for arm in held.verdict().arms} == {"linear", "zero-shot"}
    again = _run(task, model, tmp_path / "study", "no", ("zero-shot", "lora"))
    assert {arm.arm for arm in again.verdict().arms} == arms
    assert _records(again)["lora@8"] == record


def test_bad_values_make_no_folder(model: str, tmp_path: Path) -> None:
    task = Task.from_file(write_rows(tmp_path / "tickets.csv"), test_size=12)
    with pytest.raises(OptionError, match="--constrain sometimes is not possible"):
        _run(task, model, tmp_path / "study", "sometimes")
    assert not (tmp_path / "study").exists()
