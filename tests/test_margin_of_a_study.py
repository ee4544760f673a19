"""What does not matter is kept with a study, and may be looked at otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crossover.api import Study, open_study
from crossover.errors import OptionError
from crossover.records import DEFAULT_MARGIN, Example
from crossover.study import StudyMemo, StudyStore
from crossover.task import Task
from crossover.verdict.simulation import usual_arms
from crossover.verdict.synthetic import synthetic_study
from tests.small import write_rows


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Return a study of synthetic trials on real test rows."""
    task = Task.from_file(write_rows(tmp_path / "tickets.csv"))
    records = synthetic_study(
        usual_arms(seed_sd=0.02), n_test=len(task.test), seeds=3, generator=np.random.default_rng(0)
    )
    model = {
        "name": "synthetic", "source_precision": "fp32", "precision": "fp32", "device": "cpu", "parameters": 1,
        "context_tokens": 512, "sha256": "0" * 64,
    }  # fmt: skip
    memo = StudyMemo(
        spec=task.spec, info=task.info, checks=(), test=task.test, model=model, precision="fp32", effort=1.0,
        current={r.key.method: "" for r in records}, prompts={}, command="", created="", machine="",
    )  # fmt: skip
    ids = {f"test:{place}": example.id for place, example in enumerate(task.test)}
    store = StudyStore.open(tmp_path / "study", create=True)
    with store.writing():
        memo.save(store)
        for record in records:
            measured = record.measurement
            assert measured is not None
            results = tuple(replace(one, example_id=ids[one.example_id]) for one in measured.results)
            store.finish(replace(record, measurement=replace(measured, results=results)))
    return open_study(tmp_path / "study")


def _save(study: Study, **changes: object) -> None:
    store = StudyStore.open(study.folder)
    memo = StudyMemo.load(store)
    assert memo is not None
    with store.writing():
        replace(memo, **changes).save(store)  # type: ignore[arg-type]


def test_nobody_said_it(study: Study) -> None:
    assert study.verdict().margin == DEFAULT_MARGIN


def test_what_was_said_stays_until_another_is(study: Study) -> None:
    _save(study, margin=0.05)
    _save(study, margin=None)
    assert study.verdict().margin == 0.05
    _save(study, margin=0.0)
    assert study.verdict().margin == 0.0


def test_a_look_with_another_is_not_kept(study: Study, tmp_path: Path) -> None:
    assert study.to_json(margin=0.1)["margin"] == 0.1
    page = study.report(tmp_path / "page.html", margin=0.1).read_text(encoding="utf-8")
    assert "Differences up to 10 points count as none" in page
    assert study.verdict().margin == DEFAULT_MARGIN
    with pytest.raises(OptionError, match="--margin 80 is not possible"):
        study.verdict(margin=0.8)


def test_a_study_of_an_earlier_release_opens(study: Study) -> None:
    store = StudyStore.open(study.folder)
    memo = store.get("memo")
    assert memo is not None
    del memo["margin"]
    memo["test"] = [{k: v for k, v in example.items() if k != "group"} for example in memo["test"]]
    memo["info"].pop("test_groups", None)
    with store.writing():
        store.put("memo", memo)
    assert study.verdict().margin == DEFAULT_MARGIN


def test_the_groups_of_the_test_rows_reach_the_verdict(study: Study) -> None:
    memo = StudyMemo.load(StudyStore.open(study.folder))
    assert memo is not None
    grouped: tuple[Example, ...] = tuple(replace(e, group=f"g{i // 6}") for i, e in enumerate(memo.test))
    before = study.verdict()
    _save(study, test=grouped)
    assert any(" groups, 3 seeds" in reason for reason in study.verdict().reasons)
    assert not any("groups" in reason for reason in before.reasons)
