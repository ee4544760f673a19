"""A data file becomes a task, and bad input gets one clear message."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.errors import DataError, OptionError, UserError
from crossover.task import Task
from crossover.task.text import same_key

Rows = Sequence[tuple[str, str]]


def plain_rows(n: int, labels: str = "abc", *, start: int = 0) -> list[tuple[str, str]]:
    """Rows whose texts are far apart."""
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(start, start + n)]
    texts = [" ".join(digest[place : place + 6] for place in range(0, 30, 6)) for digest in digests]
    return [(text, labels[number % len(labels)]) for number, text in enumerate(texts, start=start)]


def write(path: Path, rows: Rows, header: tuple[str, str] = ("text", "label")) -> Path:
    path.write_text("\n".join(",".join(row) for row in (header, *rows)) + "\n")
    return path


def refused(path: Path, **options: object) -> UserError:
    with pytest.raises(UserError) as caught:
        Task.from_file(path, **options)  # type: ignore[arg-type]
    return caught.value


def test_one_file_becomes_two_sides(tmp_path: Path) -> None:
    task = Task.from_file(write(tmp_path / "tickets.csv", plain_rows(120)))
    assert (task.spec.name, task.spec.kind, task.spec.metric) == ("tickets", "classification", "accuracy")
    assert (task.spec.input_fields, task.spec.target_field, task.spec.labels) == (("text",), "label", ("a", "b", "c"))
    assert (task.info.n_train, task.info.n_test) == (len(task.train), len(task.test)) == (70, 50)
    assert sorted(example.row for example in (*task.train, *task.test)) == list(range(2, 122))
    assert task.test[0].id == f"test:{task.test[0].row}"
    assert Counter(example.target for example in task.test).most_common()[0][1] == 17
    assert task.check.summary() == ("120 rows · text → label · classification, 3 labels (smallest: a, 40 rows)",)


def test_what_is_set_aside_is_named_by_row_and_said(tmp_path: Path) -> None:
    rows = plain_rows(60)
    rows[3] = (rows[3][0], "")
    rows[4] = ("", "a")
    rows[5] = (rows[6][0].upper() + "!", rows[6][1])
    rows[7] = ("what is it", "a")
    rows[8] = ("What is it?", "b")
    task = Task.from_file(write(tmp_path / "t.csv", rows))
    check = task.check
    assert (check.rows("no_label"), check.rows("empty_input")) == ((5,), (6,))
    assert (check.rows("duplicate"), check.rows("conflict")) == ((8,), (9, 10))
    assert [row.other_row for row in check.set_aside] == [None, None, 7, 10, 9]
    assert check.summary()[1] == (
        "1 row without a label, 1 row without an input, 1 repeated text"
        " and 2 rows whose text has several labels set aside"
    )


def test_the_split_is_seeded(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", plain_rows(120))
    first, again, other = (Task.from_file(path, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.test != other.test


def test_near_duplicates_stay_on_the_training_side(tmp_path: Path) -> None:
    rows = plain_rows(60)
    rows[10] = ("please tell me where my new credit card is now", "a")
    rows[20] = ("please tell me where my new credit card is", "a")
    for seed in range(5):
        task = Task.from_file(write(tmp_path / "t.csv", rows), seed=seed)
        assert task.check.near_duplicates == ((12, 22),)
        assert {12, 22} <= {example.row for example in task.train}


def test_leaks_from_a_test_file_are_left_out_and_named(tmp_path: Path) -> None:
    train, test = plain_rows(60), plain_rows(30, start=100)
    train[0] = ("please tell me where my new credit card is", "a")
    test[0] = ("Please tell me where my new credit card is?", "b")
    test[1] = ("please tell me where my new credit card is now", "a")
    test[2] = ("please tell me where my new credit card was", "c")
    task = Task.from_file(write(tmp_path / "t.csv", train), test=write(tmp_path / "test.csv", test))
    assert task.check.rows("leak", "test.csv") == (2,)
    assert task.check.rows("near_leak") == (3,)
    assert {row.other_row for row in task.check.set_aside} == {2}
    assert 4 in {example.row for example in task.test}, "nearly the same with another label is no leak"
    assert task.info.n_test == 28


def test_a_large_test_file_is_drawn_down_and_said(tmp_path: Path) -> None:
    train, test = write(tmp_path / "t.csv", plain_rows(60)), write(tmp_path / "s.csv", plain_rows(60, start=100))
    task = Task.from_file(train, test=test, test_size=20)
    assert (task.info.n_test, task.check.n_undrawn) == (20, 40)
    assert task.check.notes == ("test: 20 of 60 usable rows, stratified, seed 0; --test-size 60 takes all",)
    asked = Task.from_file(train, test=test, test_size=100)
    assert asked.info.n_test == 60
    assert asked.check.notes == ("test: 100 rows were asked for, s.csv has 60 that can be used",)


def test_the_hash_is_of_contents_and_shape_and_not_of_paths_or_wording(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", plain_rows(120))
    sha = Task.from_file(path).info.data_sha256
    copy = write(tmp_path / "copy.csv", plain_rows(120))
    names = {"a": "one", "b": "two", "c": "three"}
    assert Task.from_file(copy, instruction="Sort them.", label_names=names).info.data_sha256 == sha
    assert Task.from_file(path, test_size=50, target="label").info.data_sha256 == sha, "said or inferred is the same"
    others = [
        Task.from_file(path, test_size=40),
        Task.from_file(path, seed=1),
        Task.from_file(write(tmp_path / "more.csv", plain_rows(121)), test_size=50),
    ]
    assert len({sha, *(task.info.data_sha256 for task in others)}) == 4


def test_spellings_of_one_label_are_listed_and_kept_apart(tmp_path: Path) -> None:
    rows = [(text, {"a": "Billing", "b": "billing ", "c": "card"}[label]) for text, label in plain_rows(60)]
    task = Task.from_file(write(tmp_path / "t.csv", rows))
    assert task.spec.labels == ("Billing", "billing ", "card")
    assert task.check.spellings == (("Billing", "billing "),)
    assert task.check.summary()[-1] == "one label in several spellings? 'Billing', 'billing ': kept apart"


def test_a_label_with_one_row_stays_in_training_and_is_said(tmp_path: Path) -> None:
    rows = [*plain_rows(60), ("something else entirely", "rare")]
    task = Task.from_file(write(tmp_path / "t.csv", rows))
    assert "rare" in {example.target for example in task.train}
    assert "labels without a test row: rare" in task.check.notes


def test_codes_stay_text(tmp_path: Path) -> None:
    rows = [(text, {"a": "007", "b": "7", "c": "1e5"}[label]) for text, label in plain_rows(60)]
    assert Task.from_file(write(tmp_path / "t.csv", rows)).spec.labels == ("007", "1e5", "7")


def test_several_input_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"subject": f"re {text[:9]}", "body": text, "queue": label} for text, label in plain_rows(60)]
    path.write_text("\n".join(map(json.dumps, rows)))
    task = Task.from_file(path)
    assert task.spec.input_fields == ("subject", "body")
    assert task.spec == replace(Task.from_file(path, input="subject,body").spec)
    assert set(task.train[0].inputs) == {"subject", "body"}


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(st.text(alphabet="ab c!", min_size=1, max_size=6), st.sampled_from("xyz")), max_size=40),
    seed=st.integers(0, 3),
)
def test_no_text_is_on_both_sides_and_every_row_is_accounted_for(
    rows: list[tuple[str, str]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "t.csv", [*plain_rows(30, "xyz"), *rows])
    task = Task.from_file(path, seed=seed)
    sides = [{same_key(example.inputs) for example in side} for side in (task.train, task.test)]
    assert sides[0].isdisjoint(sides[1])
    assert len(sides[0]) + len(sides[1]) + len(task.check.set_aside) == 30 + len(rows)


# Bad input: what, where, the value, what is allowed, the way out.


def test_a_missing_column(tmp_path: Path) -> None:
    path = write(tmp_path / "tickets.csv", plain_rows(20))
    error = refused(path, target="intent")
    assert str(error) == 'tickets.csv has no column "intent".\ncolumns: text, label\ndid you mean --target label?'
    assert refused(path, input="txt").details == ("columns: text, label", "did you mean --input text?")


def test_an_empty_file_and_a_header_only(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("")
    assert refused(tmp_path / "t.csv").message == "t.csv is empty (0 bytes)."
    assert refused(write(tmp_path / "h.csv", [])).message == "h.csv has a header and no rows."


def test_one_class_only(tmp_path: Path) -> None:
    error = refused(write(tmp_path / "t.csv", plain_rows(20, "a")))
    assert error.message == 't.csv: all 20 rows have the label "a": there is nothing to tell apart.'
    assert "--target COLUMN" in error.details[0]


def test_no_label_at_all(tmp_path: Path) -> None:
    error = refused(write(tmp_path / "t.csv", [(text, "") for text, _ in plain_rows(20)]))
    assert error.message == 't.csv: column "label" is empty in all 20 rows: there is no label to learn from.'
    assert error.details == ("columns: text, label", "fill it, or name another column: --target COLUMN")


def test_two_rows(tmp_path: Path) -> None:
    error = refused(write(tmp_path / "t.csv", plain_rows(2)))
    assert error.message == "t.csv has 2 rows with an input and a label; a study needs at least 10."


def test_a_label_that_only_the_test_has(tmp_path: Path) -> None:
    train = write(
        tmp_path / "t.csv", [(text, {"a": "Billing", "b": "card"}[label]) for text, label in plain_rows(40, "ab")]
    )
    rows = [(text, {"a": "billing", "b": "card", "c": "zzz"}[label]) for text, label in plain_rows(9, start=90)]
    error = refused(train, test=write(tmp_path / "test.csv", rows))
    assert error.message == "test.csv has 2 labels that t.csv has not: nothing could learn that."
    assert error.details == (
        '"billing": rows 2, 5, 8; did you mean "Billing"?',
        '"zzz": rows 4, 7, 10',
        "labels of t.csv: Billing, card",
        "add training rows with these labels, or take the test rows out",
    )


def test_a_target_almost_unique_per_row(tmp_path: Path) -> None:
    rows = [(text, f"answer {number}") for number, (text, _) in enumerate(plain_rows(40))]
    error = refused(write(tmp_path / "t.csv", rows))
    assert error.message == 't.csv: the target "label" has 40 different values in 40 rows: that is no classification.'
    assert error.details[0] == 'for example "answer 0", "answer 1", "answer 10"'
    assert error.details[1].startswith("if the answers are free text, say of which kind: --kind extraction|qa|math")
    assert "--target COLUMN" in error.details[2]


def test_a_column_of_many_numbers(tmp_path: Path) -> None:
    rows = [(text, str(number % 60)) for number, (text, _) in enumerate(plain_rows(240))]
    path = write(tmp_path / "t.csv", rows)
    error = refused(path)
    assert error.message.startswith('t.csv: the target "label" is a number with 60 different values')
    assert error.details[-1] == "if each number is a class of its own, say it: --kind classification"
    assert len(Task.from_file(path, kind="classification").spec.labels) == 60


def test_a_test_file_without_the_target(tmp_path: Path) -> None:
    train = write(tmp_path / "t.csv", plain_rows(40))
    error = refused(train, test=write(tmp_path / "s.csv", plain_rows(9), header=("text", "id")))
    assert error.message == 's.csv has no column "label", which t.csv has.'
    assert error.details[0] == "columns: text, id"


def test_a_test_file_that_is_the_training_file(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", plain_rows(40))
    error = refused(path, test=path)
    assert error.message == "t.csv: 0 of 40 labelled rows are usable, of at least 5."
    assert error.details[0].startswith("40 are also in t.csv")


def test_rows_that_all_repeat_each_other(tmp_path: Path) -> None:
    error = refused(write(tmp_path / "t.csv", [("same text", "a"), ("other text", "b")] * 10))
    assert error.message == "t.csv: 2 rows left after setting repeated texts aside; a study needs 10 rows and 2 labels."
    assert error.details[0].startswith("rows that repeat another: 4, 5")


def test_a_test_size_that_is_not_possible(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", plain_rows(40))
    for size, message in (
        (2, "--test-size 2 is too small."),
        (38, "--test-size 38 leaves too few of t.csv's 40 usable rows"),
    ):
        error = refused(path, test_size=size)
        assert isinstance(error, OptionError)
        assert error.message.startswith(message)
        assert error.details[0].startswith("allowed: 5")


def test_a_kind_that_there_is_not(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", plain_rows(40))
    error = refused(path, kind="clasification")
    assert error.message == 'there is no kind "clasification".'
    assert error.details[-1] == 'did you mean "classification"?'


def test_a_file_of_templates_cannot_be_held_out(tmp_path: Path) -> None:
    rows = [
        (f"the order with the number {n} has not arrived at my house yet please help", "ab"[n % 2]) for n in range(40)
    ]
    error = refused(write(tmp_path / "t.csv", rows))
    assert isinstance(error, DataError)
    assert error.message.startswith(
        "t.csv: only 0 rows of 40 can be held out: the others are nearly the same as another"
    )
    assert "--test FILE" in error.details[0]
