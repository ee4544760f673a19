"""The user's label names, prompts and recorded predictions: read, matched, and refused with the way out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from crossover.errors import DataError
from crossover.records import Example, TaskSpec
from crossover.task import read_label_names, read_predictions, read_prompt
from crossover.task.label_names import check_label_names

LABELS = ("007", "NO", "y")
SPEC = TaskSpec(
    name="t", kind="classification", metric="accuracy", input_fields=("text",), target_field="label", labels=LABELS
)
TEST = tuple(
    Example(id=f"test:{row}", inputs={"text": f"Text number {row}."}, target="y", row=row) for row in (3, 7, 9)
)
NAMES = {"007": "secret agent", "NO": "no, thanks", "y": "yes"}


def refused(path: Path, content: bytes | str) -> DataError:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read_label_names(path, LABELS) if path.stem == "names" else read_prompt(path, SPEC)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.csv", 'code,words\n007,secret agent\nNO,"no, thanks"\ny,yes\n'),
        ("names.csv", '007,secret agent\nNO,"no, thanks"\ny, yes \n'),
        ("names.tsv", "code\twords\n007\tsecret agent\nNO\tno, thanks\ny\tyes\n"),
        ("names.json", json.dumps(NAMES)),
        ("names.yaml", "007: secret agent\nNO: no, thanks\ny: yes\n"),
        ("names.yml", "{007: secret agent, NO: 'no, thanks', y: yes}"),
    ],
)
def test_label_names_are_read_as_text(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert read_label_names(tmp_path / name, LABELS) == NAMES


@pytest.mark.parametrize(
    ("content", "message", "detail"),
    [
        ("007: a\nNO: b\nyy: c\n", "names.yaml names what is no label of the data: yy.", 'did you mean "y"?'),
        ("007: a\n", "names.yaml has no words for 2 of 3 labels: NO, y.", "add a line for each"),
        ("007: a\nNO: b\ny: ''\n", "names.yaml has no words for 1 of 3 labels: y.", "add a line"),
        ("007: Yes\nNO: b\ny: yes.\n", 'names.yaml gives the words "Yes" to 2 labels: 007, y.', "words of its own"),
        ("007: [a]\nNO: b\ny: c\n", 'names.yaml: the words for "007" are no text.', "code: words"),
        ("- 007\n", "names.yaml holds no mapping.", "code: words"),
        ("007: a\n007: b\n", "names.yaml, line 2: ", "code: words"),
        ("007: 'a\n", "names.yaml, line 2: found unexpected end of stream.", "code: words"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 'names.yaml: the words for "a" are no text.', ""),
        ("[" * 50_000, "names.yaml cannot be read: RecursionError.", "one mapping"),
    ],
)
def test_label_names_that_do_not_fit(content: str, message: str, detail: str, tmp_path: Path) -> None:
    error = refused(tmp_path / "names.yaml", content)
    assert error.message.startswith(message)
    assert detail in "\n".join(error.details)


def test_yaml_tags_run_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    refused(tmp_path / "names.yaml", f"!!python/object/apply:os.system ['touch {mark}']\n")
    assert not mark.exists()


def test_label_name_files_of_other_kinds(tmp_path: Path) -> None:
    assert 'label names are not read from ".txt"' in refused(tmp_path / "names.txt", "a").message
    assert refused(tmp_path / "names.csv", "a,b,c\n1,2,3\n").message.startswith("names.csv has 3 columns")
    assert (
        refused(tmp_path / "names.csv", "code,words\ny,a\ny,b\n").message
        == 'names.csv names the label "y" twice: "a" and "b".'
    )
    assert refused(tmp_path / "names.json", '{"y": ').message == "names.json, line 1, column 7: Expecting value."
    assert "label names have at most 1,000,000" in refused(tmp_path / "names.json", " " * 1_000_001).message


def test_no_label_names_are_fine() -> None:
    assert check_label_names({}, LABELS) == {}


def test_a_prompt_is_read(tmp_path: Path) -> None:
    path = tmp_path / "short v2.txt"
    path.write_bytes("\ufeffIs {text} one of {labels}?\r\nJSON: {{}}".encode())
    prompt = read_prompt(path, SPEC)
    assert (prompt.name, prompt.text) == ("short v2", "Is {text} one of {labels}?\nJSON: {{}}")


@pytest.mark.parametrize(
    ("content", "message", "detail"),
    [
        ("Which label?", "p.txt has no input field: the model would never see the input.", "fields: {text}, {labels}"),
        (
            "{{ text }}",
            "p.txt has no input field",
            "put {text} where the input belongs; with two braces, {{text}} is text",
        ),
        ("{txt}", 'p.txt, line 1, column 1: there is no field "txt".', "did you mean {text}?"),
        ("Hi\n {text.__class__}", 'p.txt, line 2, column 2: there is no field "text.__class__".', "plain {text}"),
        ("", "p.txt is empty (0 bytes).", ""),
        (" \n", "p.txt holds no text.", "{text}"),
        ("x" * 200_001, "p.txt has 200,001 bytes; a prompt has at most 200,000.", ""),
        (
            b"{text}\ncaf\xe9",
            "p.txt, line 2: byte 11 (0xE9) is not UTF-8.",
            "iconv -f CP1252 -t UTF-8 p.txt > p.utf8.txt",
        ),
        (b"\x89PNG\r\n", "p.txt is not a text file: it looks like a PNG image.", ""),
    ],
)
def test_prompts_that_do_not_fit(content: bytes | str, message: str, detail: str, tmp_path: Path) -> None:
    error = refused(tmp_path / "p.txt", content)
    assert error.message.startswith(message)
    assert detail in "\n".join(error.details)


def test_a_task_with_several_inputs_needs_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("{subject}?")
    spec = replace(SPEC, input_fields=("subject", "body"), labels=())
    assert read_prompt(tmp_path / "p.txt", spec).name == "p"
    (tmp_path / "p.txt").write_text("{labels}")
    with pytest.raises(DataError, match='there is no field "labels"'):
        read_prompt(tmp_path / "p.txt", spec)


def test_predictions_are_matched_by_text_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "gpt.csv"
    path.write_text("text,prediction\ntext number 9,y\nText number 3.,NO\nanother row,y\n")
    found = read_predictions(path, TEST, SPEC)
    assert (found.name, found.answers, found.missing) == ("gpt", {"test:3": "NO", "test:9": "y"}, ("test:7",))
    assert found.notes == ('answers from column "prediction"', "2 of 3 test rows matched by their text")


def test_predictions_are_matched_by_order_when_there_are_as_many(tmp_path: Path) -> None:
    path = tmp_path / "gpt.jsonl"
    path.write_text('{"pred": "y"}\n{"pred": null, "n": 1}\n{"pred": "", "n": 3}\n')
    found = read_predictions(path, TEST, SPEC)
    assert (found.answers, found.missing) == ({"test:3": "y", "test:9": ""}, ("test:7",))


def test_the_first_of_two_answers_counts(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("text,label,answer\nText number 3,y,NO\nText number 3,y,y\n")
    found = read_predictions(path, TEST, SPEC)
    assert found.answers == {"test:3": "NO"}
    assert found.notes[-1] == "rows 3 answer a text again and otherwise: the first answer counts"


@pytest.mark.parametrize(
    ("content", "message", "detail"),
    [
        (
            "prediction\ny\ny\n",
            "p.csv has 2 rows, the test has 3: without the input",
            "add the input as a column: text",
        ),
        (
            "text,prediction\nfoo,y\n",
            "p.csv: none of its 1 rows has the text of one of the 3 test rows.",
            "test row 3: 'Text",
        ),
        ("text,one,two\nfoo,y,y\n", "p.csv: which column holds the predictions?", 'name it "prediction"'),
    ],
)
def test_predictions_that_do_not_fit(content: str, message: str, detail: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        read_predictions(tmp_path / "p.csv", TEST, SPEC)
    assert caught.value.message.startswith(message)
    assert detail in "\n".join(caught.value.details)
