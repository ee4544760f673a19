"""A study from another tool's configuration: rules alone measure prompts, and a file's own prompts are arms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover import api
from crossover.errors import OptionError
from tests.small import save_tiny, write_rows

WORDS = ["lamp", "river", "stone", "cloud", "paper", "horse", "glass"]


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model"))


def test_rules_alone_measure_prompts(tmp_path: Path, model: str) -> None:
    tests = [
        {
            "vars": {"mail": f"order {n * 37} of a {WORDS[n % 7]} and a {WORDS[n * 3 % 5]} by day {n * n}"},
            "assert": [{"type": "icontains", "value": f"order {n * 37}"}, {"type": "word-count", "value": {"max": 30}}],
        }
        for n in range(16)
    ]
    prompts = ["Answer the mail: {{mail}}", {"label": "short", "raw": "Be brief.\n\n{{mail}}"}]
    (tmp_path / "mails.yaml").write_text(json.dumps({"prompts": prompts, "tests": tests}))
    study = api.compare(
        tmp_path / "mails.yaml",
        model=model,
        methods=["copy-input", "zero-shot"],
        seeds=1,
        precision="fp32",
        study=tmp_path / "study",
    )
    verdict = study.verdict()
    arms = {arm.method: arm for arm in verdict.arms}
    assert set(arms) == {"copy-input", "zero-shot", "prompt:1", "prompt:short"}
    assert {arm.budget for arm in arms.values()} == {0}
    assert (verdict.task.metric, verdict.task.n_train, verdict.task.n_test) == ("rules", 0, 11)
    assert arms["copy-input"].score == 1.0
    page = study.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "rules" in page


def test_rules_alone_are_no_labels(tmp_path: Path, model: str) -> None:
    tests = [{"vars": {"a": f"{n * 37} {WORDS[n % 7]} {n * n}"}, "assert": [{"type": "is-json"}]} for n in range(12)]
    (tmp_path / "t.yaml").write_text(json.dumps({"prompts": ["Say {{a}}"], "tests": tests}))
    with pytest.raises(OptionError, match="budget 8 is not possible: there are 0 labelled training rows"):
        api.compare(tmp_path / "t.yaml", model=model, budgets=[8], study=tmp_path / "study")


def test_a_task_of_lm_eval_runs_with_its_own_prompt(tmp_path: Path, model: str) -> None:
    write_rows(tmp_path / "train.csv", 40)
    write_rows(tmp_path / "test.csv", 20, seed=5)
    task = {
        "task": "mails",
        "dataset_path": "csv",
        "dataset_kwargs": {"data_files": {"train": "train.csv", "test": "test.csv"}},
        "training_split": "train",
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "Mail: {{text}}\nTopic:",
        "doc_to_target": "label",
        "doc_to_choice": ["refund", "shipping", "login"],
    }
    (tmp_path / "task.yaml").write_text(json.dumps(task))
    study = api.compare(
        tmp_path / "task.yaml",
        model=model,
        methods=["majority", "lora"],
        budgets=[0, 8],
        seeds=1,
        effort=0.1,
        precision="fp32",
        study=tmp_path / "study",
    )
    assert {arm.method for arm in study.verdict().arms} == {"majority", "lora", "prompt:doc_to_text"}
