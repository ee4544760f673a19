"""Whole studies of written answers: from a file to verdict, page, bundle and a judge."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from crossover import api
from crossover.errors import DataError, OptionError
from crossover.methods import default_methods
from crossover.task import Task
from tests.small import WORDS, save_tiny, whole_study

CITIES = ["Rome", "Oslo", "Lima", "Cairo", "Quito", "Paris", "Delhi", "Kyoto", "Turin", "Berne", "Perth", "Accra"]
ITEMS = ["lamps", "boxes", "phones", "chairs", "mirrors"]


def _rows(kind: str, n: int = 40) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for i in range(n):
        item, city, other = ITEMS[i % 5], CITIES[i % 12], CITIES[(7 * i + 3) % 12]
        draw = random.Random(i)
        text = f"order {i}: please bring {i + 2} {item} from {other} to {city}, {' '.join(draw.sample(WORDS, 8))}"
        row: dict[str, dict[str, Any]] = {
            "chat": {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "hello"},
                    {"role": "assistant", "content": "how can I help"},
                    {"role": "user", "content": text},
                    {"role": "assistant", "content": f"{item} to {city}, of course"},
                ]
            },
            "extraction": {"text": text, "slots": {"item": item, "city": city}},
            "translation": {"en": text, "de": f"Auftrag {i}: {i + 2} {item} nach {city}"},
            "summarization": {"dialogue": text, "summary": f"{item} to {city}", "summary2": f"to {city}: {item}"},
            "math": {"question": text + " how many", "answer": f"There are {i + 2}.\n#### {i + 2}"},
            "qa": {"passage": text, "question": f"who asked in order {i}", "answer": f"client {i} of {city}"},
            "generation": {"instruction": text, "response": f"{i + 2} {item} are on their way to {city}"},
        }
        rows.append(row[kind])
    return rows


@pytest.mark.parametrize("kind", ["chat", "extraction", "translation", "summarization", "math", "qa", "generation"])
def test_a_kind_is_seen_in_the_file(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in _rows(kind)), encoding="utf-8")
    task = Task.from_file(file, test_size=10)
    assert task.spec.kind == kind
    assert task.spec.labels == ()
    assert task.spec.answer_tokens >= 16
    assert len(task.test) == 10
    assert any("kind" in reason or kind in reason for reason in task.check.reasons)
    if kind == "summarization":
        assert all(len(example.answers) == 2 for example in task.test)
    if kind == "extraction":
        assert task.spec.schema is not None


@pytest.fixture(scope="module", params=["chat", "extraction", "summarization"])
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> api.Study:
    base = tmp_path_factory.getbasetemp()
    folder = tmp_path_factory.mktemp(request.param)
    file = folder / "orders.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in _rows(request.param)), encoding="utf-8")
    return api.compare(
        Task.from_file(file, test_size=10, answer_tokens=12),
        model=str(save_tiny(base / "tiny-model")),
        # A random model has no answers to teach: distill's trials would fail. Sequences need more labels than 8.
        methods=[name for name in default_methods(request.param) if name != "distill" and "/" not in name],
        budgets=(0, 8),
        seeds=1,
        effort=0.1,
        precision="fp32",
        study=folder / "study",
    )


def test_every_arm_has_a_score(study: api.Study) -> None:
    verdict = study.verdict()
    assert verdict.arms
    assert not [record for record in study.records() if record.error is not None]
    for arm in verdict.arms:
        assert arm.score is not None, arm.arm
        assert 0 <= arm.score <= 1
    assert {arm.family for arm in verdict.arms} == {"baseline", "prompt", "weights", "both"}


def test_the_page_is_written(study: api.Study, tmp_path: Path) -> None:
    page = study.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert study.verdict().task.metric in page


def test_a_trained_arm_packs_and_answers(study: api.Study, tmp_path: Path) -> None:
    bundle = study.pack(tmp_path / "bundle", arm="lora@8")
    rows = _rows(study.verdict().task.kind, 3)
    asked = tmp_path / "asked.jsonl"
    asked.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert api.predict_file(bundle, asked, tmp_path / "answers.jsonl") == 3
    target = api.load(bundle).target_field
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(f"predicted_{target}" in answer for answer in answers)


def test_a_judge_stands_beside(study: api.Study) -> None:
    model = str(study.folder.parent.parent / "tiny-model")
    found = study.judge(model, arms=["lora@8", "zero-shot@0"])
    assert [one.arm for one in found] == ["lora@8", "zero-shot@0"]
    for one in found:
        assert one.judged + sum(one.errors.values()) == 10
        assert one.share is None or 0 <= one.share <= 1
    assert study._store.get("judgements")


def test_labels_need_no_judge(tmp_path_factory: pytest.TempPathFactory) -> None:
    study = whole_study(tmp_path_factory.getbasetemp())
    with pytest.raises(OptionError, match="right or wrong without a judge"):
        study.judge(str(tmp_path_factory.getbasetemp() / "tiny-model"))


def test_rows_with_rules_are_scored_by_them(tmp_path: Path) -> None:
    rows = _rows("generation")
    for row in rows:
        row["checks"] = [{"type": "icontains", "value": "on their way"}, {"type": "not-icontains", "value": "sorry"}]
    file = tmp_path / "orders.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    task = Task.from_file(file, test_size=10)
    assert task.spec.metric == "rules"
    assert Task.from_file(file, test_size=10, metric="rouge_l").spec.metric == "rouge_l"
    del rows[3]["checks"]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert Task.from_file(file, test_size=10).spec.metric == "rouge_l"
    with pytest.raises(DataError, match="row 4: there are none"):
        Task.from_file(file, test_size=10, metric="rules")
    rows[3]["checks"] = [{"type": "icontain", "value": "x"}]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(DataError, match=r"row 4: .*icontain"):
        Task.from_file(file, test_size=10)
