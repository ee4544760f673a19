"""A task of lm-evaluation-harness becomes rows of a local file; what is more than plain fields is refused by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from crossover.errors import DataError
from crossover.task import Task

BASE: Mapping[str, object] = {
    "task": "things",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"train": "train.jsonl", "test": "test.jsonl"}},
    "training_split": "train",
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": "answer",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {
            "question": f"where is lamp {i * 37} of shop {i * i}",
            "answer": f"shelf {i}",
            "label": i % 2,
            "gold": i % 3,
            "letter": "ABC"[i % 3],
            "choices": [f"red {i}", f"blue {i}", f"green {i}"],
            "no": f"on floor {i}",
            "yes": f"under floor {i}",
        }
        for i in range(60)
    ]
    for name, part in (("train", rows[:40]), ("test", rows[40:])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)))
    return tmp_path


def made(folder: Path, **changes: object) -> Task:
    """Make the task of the base with changes; None takes a key out. JSON is YAML."""
    keys = {key: value for key, value in {**BASE, **changes}.items() if value is not None}
    (folder / "task.yaml").write_text(json.dumps(keys, indent=1))
    return Task.from_file(folder / "task.yaml")


def test_a_task_with_written_answers(folder: Path) -> None:
    task = made(
        folder, description="Answer shortly.\n\n", metric_list=[{"metric": "exact_match"}], metadata={"version": 1}
    )
    spec = task.spec
    assert (spec.name, spec.kind, spec.input_fields, spec.target_field) == ("task", "qa", ("question",), "answer")
    assert (spec.instruction, spec.input_template) == ("Answer shortly.", "Question: {question}")
    assert [(prompt.name, prompt.text) for prompt in task.prompts] == [
        ("doc_to_text", "Answer shortly.\n\nQuestion: {question}\nAnswer:")
    ]
    assert (task.info.n_train, task.info.n_test) == (40, 20)
    assert [file.name for file in task.check.files] == ["train.jsonl", "test.jsonl"]
    assert (task.train[0].row, task.train[0].target) == (1, "shelf 0")
    assert (task.test[0].row, task.test[0].target) == (1, "shelf 40")
    assert "train.jsonl: not read: metadata" in task.check.notes


@pytest.mark.parametrize("target", ["answer", "{{answer}}", "{{ answer }}"])
@pytest.mark.parametrize("text", ["question", "{{question}}"])
def test_columns_by_bare_name_or_template(folder: Path, text: str, target: str) -> None:
    task = made(folder, doc_to_text=text, doc_to_target=target)
    assert (task.spec.input_fields, task.spec.target_field) == (("question",), "answer")
    assert task.spec.input_template is None


def test_a_target_of_several_parts_becomes_a_column(folder: Path) -> None:
    task = made(folder, doc_to_target="{{answer}}, {{no}}", metric_list=[{"metric": "exact_match"}])
    assert task.spec.kind == "qa"
    assert (task.spec.target_field, task.train[0].target) == ("target", "shelf 0, on floor 0")


@pytest.mark.parametrize("target", ["label", "{{label}}"])
def test_choices_for_all_rows_are_labels(folder: Path, target: str) -> None:
    task = made(folder, output_type="multiple_choice", doc_to_target=target, doc_to_choice=["no", "yes"])
    assert (task.spec.kind, task.spec.labels, task.spec.metric) == ("classification", ("no", "yes"), "accuracy")
    assert [example.target for example in task.train[:3]] == ["no", "yes", "no"]
    assert "train.jsonl: kind: classification, doc_to_choice lists the labels" in task.check.notes


@pytest.mark.parametrize("target", ["gold", "letter"])
@pytest.mark.parametrize("choices", ["choices", "{{choices}}"])
def test_choices_of_a_rows_own_are_lettered(folder: Path, target: str, choices: str) -> None:
    task = made(folder, output_type="multiple_choice", doc_to_target=target, doc_to_choice=choices)
    spec = task.spec
    assert (spec.kind, spec.metric, spec.input_fields) == ("qa", "choice_accuracy", ("question", "choices"))
    assert spec.input_template == "Question: {question}\n{choices}"
    assert task.prompts[0].text == "Question: {question}\n{choices}\nAnswer:"
    example = task.train[1]
    assert example.inputs["choices"] == "A) red 1\nB) blue 1\nC) green 1"
    assert (example.target, example.references) == ("B", ("blue 1",))
    assert task.test[0].target == "B", "row 40: the test is read the same way"


def test_choices_that_are_templates(folder: Path) -> None:
    task = made(folder, output_type="multiple_choice", doc_to_target="label", doc_to_choice=["{{no}}", "{{yes}}"])
    assert task.train[1].inputs["options"] == "A) on floor 1\nB) under floor 1"
    assert task.train[1].target == "B"


def test_the_metric_may_say_the_kind(folder: Path) -> None:
    task = made(folder, metric_list=[{"metric": "bleu"}])
    assert (task.spec.kind, task.spec.metric) == ("translation", "chrf")
    assert "train.jsonl: kind: translation, its metric is bleu" in task.check.notes


@pytest.mark.parametrize(
    "changes",
    [
        {"test_split": None},
        {"training_split": None, "dataset_kwargs": {"data_files": "train.jsonl"}, "test_split": "train"},
        {"training_split": None, "dataset_kwargs": {"data_files": ["train.jsonl"]}, "test_split": None},
    ],
)
def test_one_file_is_split(folder: Path, changes: dict[str, object]) -> None:
    task = made(folder, **changes)
    assert [file.name for file in task.check.files] == ["train.jsonl"]
    assert len(task.train) + len(task.test) == 40


def test_a_validation_file_is_the_test_where_there_is_no_other(folder: Path) -> None:
    task = made(folder, test_split=None, validation_split="test")
    assert [file.name for file in task.check.files] == ["train.jsonl", "test.jsonl"]


def test_other_templates_are_other_data_and_a_comment_is_not(folder: Path) -> None:
    sha = made(folder).info.data_sha256
    assert made(folder, task="renamed", description="Say it.").info.data_sha256 == sha
    assert made(folder, doc_to_target="no", metric_list=[{"metric": "em"}]).info.data_sha256 != sha


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"process_docs": "x"}, 'process_docs: "process_docs" is not read'),
        ({"include": "other.yaml"}, 'include: "include" is not read'),
        ({"unsafe_code": True}, 'unsafe_code: "unsafe_code" is not read'),
        ({"output_type": "loglikelihood"}, "output_type: 'loglikelihood' is not read"),
        ({"dataset_path": "glue"}, "dataset_path: 'glue' is not read: nothing is fetched"),
        ({"dataset_name": "sst2"}, "dataset_name: 'sst2' is not read"),
        ({"dataset_kwargs": None}, "dataset_path: no file is named"),
        ({"dataset_kwargs": {"trust_remote_code": True}}, 'dataset_kwargs.trust_remote_code: "trust_remote_code"'),
        ({"dataset_kwargs": {"data_files": "https://x.org/a.jsonl"}}, "lies elsewhere"),
        (
            {"dataset_kwargs": {"data_files": {"train": "../../etc/x.jsonl"}}},
            "data_files.train: '../../etc/x.jsonl' lies",
        ),
        ({"dataset_kwargs": {"data_files": {"train": "/etc/passwd"}}}, "'/etc/passwd' lies elsewhere"),
        ({"dataset_kwargs": {"data_files": {"train": "no.jsonl"}}}, "there is no file"),
        ({"dataset_kwargs": {"data_files": {"train": ["train.jsonl", "test.jsonl"]}}}, "one file a split is read"),
        ({"training_split": "dev"}, "training_split: 'dev' is no split of data_files"),
        ({"doc_to_text": "{{question.strip()}}"}, "doc_to_text: {{question.strip()}} is more than a plain field"),
        ({"doc_to_text": "{{question | upper}}"}, "{{question | upper}} is more than a plain field"),
        ({"doc_to_text": "{{choices[0]}}"}, "{{choices[0]}} is more than a plain field"),
        ({"doc_to_text": "{% for c in choices %}{{c}}{% endfor %}"}, "{% for c in choices %} is no plain field"),
        ({"doc_to_text": "{{nothing}}"}, 'doc_to_text: there is no column "nothing"'),
        ({"doc_to_text": "Say it"}, 'doc_to_text: there is no column "Say it"'),
        ({"doc_to_text": 3}, "doc_to_text: a text is expected, got 3"),
        ({"doc_to_text": None}, 'task.yaml has no "doc_to_text"'),
        ({"doc_to_target": "{{nothing}}, {{answer}}"}, 'there is no "nothing"'),
        ({"doc_to_target": 0}, "doc_to_target: a text is expected"),
        ({"output_type": "multiple_choice"}, "multiple_choice needs doc_to_choice"),
        ({"doc_to_choice": ["a", "b"], "doc_to_target": "gold"}, '"gold" has the value "2", which is no choice'),
        ({"doc_to_choice": ["1", "0"], "doc_to_target": "label"}, '"label" may mean a choice or its number'),
        ({"doc_to_choice": "choices", "doc_to_target": "no"}, '"no" does not point at one of the choices'),
        ({"doc_to_choice": "nothing", "doc_to_target": "gold"}, 'doc_to_choice: there is no column "nothing"'),
        ({"description": "{{question}}"}, "a field in the description is not read"),
    ],
)
def test_what_is_refused(folder: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        made(folder, **changes)
    assert message in caught.value.message


def test_a_function_is_refused_by_line_and_key(folder: Path) -> None:
    (folder / "task.yaml").write_text("task: x\ndataset_path: json\nprocess_docs: !function utils.process\n")
    with pytest.raises(DataError, match=r"task.yaml, line 3, process_docs: the tag !function asks to run"):
        Task.from_file(folder / "task.yaml")


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.jsonl"
    outside.write_text((folder / "train.jsonl").read_text())
    (folder / "link.jsonl").symlink_to(outside)
    with pytest.raises(DataError, match="lies elsewhere"):
        made(folder, dataset_kwargs={"data_files": {"train": "link.jsonl"}}, test_split=None)


def test_other_yaml_is_told_from_both(folder: Path) -> None:
    (folder / "x.yml").write_text("a: 1\n")
    with pytest.raises(DataError, match=r"x.yml is neither promptfoo's configuration nor a task of lm-eval"):
        Task.from_file(folder / "x.yml")
