"""Columns and kinds are inferred where there is no doubt, and asked for where there is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crossover.errors import DataError, OptionError
from crossover.records import KINDS, Kind
from crossover.task.columns import Columns, choose_columns, profile
from crossover.task.kinds import check_kind_option, kind_of
from crossover.task.shapes import shaped
from crossover.task.table import Table

N = 40
HOLDS: dict[str, list[str | None]] = {
    "text": [f"this is sentence number {n} of many" for n in range(N)],
    "few": [("red", "green", "blue")[n % 3] for n in range(N)],
    "ids": [f"a{n:04}f{n}" for n in range(N)],
    "numbers": [str(n * 7) for n in range(N)],
    "dates": [f"2024-01-{n % 28 + 1:02}" for n in range(N)],
    "json": [f'[{{"slot": {n}}}]' for n in range(N)],
    "nothing": [None] * N,
}


def table(**columns: str) -> Table:
    cells = tuple(zip(*(HOLDS[holds] for holds in columns.values()), strict=True))
    names = tuple(name.replace("__", " ") for name in columns)
    return Table(columns=names, cells=cells, rows=tuple(range(2, N + 2)), format="csv")


def chosen(found: Columns) -> tuple[tuple[str, ...], str]:
    return found.inputs, found.target


def choose(data: Table, *, input: str | Sequence[str] | None = None, target: str | None = None) -> Columns:
    return choose_columns("t.csv", data, input=input, target=target)


@pytest.mark.parametrize(
    ("holds", "word"),
    [
        ("text", "text"),
        ("few", "few values"),
        ("ids", "ids"),
        ("numbers", "numbers"),
        ("dates", "dates"),
        ("json", "JSON"),
        ("nothing", "nothing"),
    ],
)
def test_what_a_column_holds(holds: str, word: str) -> None:
    assert profile("column", HOLDS[holds]).holds == word


@pytest.mark.parametrize(
    ("columns", "inputs", "target"),
    [
        ({"text": "text", "label": "few"}, ("text",), "label"),
        ({"id": "numbers", "text": "text", "label": "few", "fine_label": "few"}, ("text",), "label"),
        ({"text": "text", "intent": "few", "slots": "json"}, ("text",), "intent"),
        ({"Utterance": "text", "Category": "few"}, ("Utterance",), "Category"),
        ({"created_at": "dates", "what": "text", "kind": "few"}, ("what",), "kind"),
        ({"premise": "text", "hypothesis": "text", "label": "few"}, ("premise", "hypothesis"), "label"),
        ({"ticket_id": "ids", "subject": "text", "body": "text", "queue": "few"}, ("subject", "body"), "queue"),
        ({"label": "few", "category": "few", "text": "text"}, ("text",), "label"),
        ({"text": "text", "notes": "text", "label": "few"}, ("text",), "label"),
        ({"summary": "text", "topic": "few", "text": "text"}, ("text",), "topic"),
    ],
)
def test_clear_columns_are_chosen(columns: dict[str, str], inputs: tuple[str, ...], target: str) -> None:
    assert chosen(choose(table(**columns))) == (inputs, target)


def test_reasons_and_unused_columns_are_said() -> None:
    found = choose(table(id="numbers", text="text", label="few", fine_label="few"))
    assert found.unused == ("id", "fine_label")
    assert found.reasons == (
        'target: "label", by its name',
        'input: "text", by its name',
        "not read: id (numbers), fine_label (few values)",
    )


@pytest.mark.parametrize(
    ("columns", "message", "way_out"),
    [
        (
            {"text": "text", "intent": "few", "emotion": "few"},
            "t.csv: which column is the target? could be intent or emotion.",
            "say it: --target intent",
        ),
        (
            {"this": "text", "that": "text", "label": "few"},
            't.csv: which column is the input, beside the target "label"? could be this or that, or several.',
            "say it: --input this, or --input this,that for all",
        ),
        (
            {"id": "ids", "label": "few"},
            't.csv: which column is the input, beside the target "label"? no column holds text.',
            "say it: --input COLUMN",
        ),
        (
            {"text": "text", "n": "numbers"},
            "t.csv: which column is the target? no column has a label's name or few different values.",
            "say it: --target COLUMN",
        ),
        (
            {"text": "text", "colour": "few", "shape": "few"},
            "t.csv: which column is the target? could be colour or shape.",
            "say it: --target colour",
        ),
    ],
)
def test_doubt_lists_the_columns_and_asks(columns: dict[str, str], message: str, way_out: str) -> None:
    with pytest.raises(DataError) as caught:
        choose(table(**columns))
    assert caught.value.message == message
    assert caught.value.details[0].startswith("columns: ")
    assert caught.value.details[-1] == way_out


def test_what_the_user_says_goes_before() -> None:
    data = table(text="text", label="few", other="few", more="text")
    assert chosen(choose(data, target="other")) == (("text",), "other")
    assert chosen(choose(data, input="more")) == (("more",), "label")
    assert chosen(choose(data, input=["more", "text"])) == (("more", "text"), "label")
    assert chosen(choose(data, input="more, text")) == (("more", "text"), "label")
    assert choose(data, input="text", target="label").reasons == ("not read: other (few values), more (text)",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "lable"}, 't.csv has no column "lable".'),
        ({"input": "text,body"}, 't.csv has no column "text,body".'),
        ({"input": "label", "target": "label"}, 't.csv: column "label" is both the input and the target.'),
        ({"input": ["text", "text"]}, "t.csv: --input names a column twice, or none: text, text."),
    ],
)
def test_options_that_do_not_fit(options: dict[str, str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        choose_columns("t.csv", table(text="text", label="few"), **{"input": None, "target": None, **options})
    assert caught.value.message == message


def test_one_column_only_and_a_missing_header() -> None:
    with pytest.raises(DataError, match='has only one column, "text"'):
        choose(table(text="text"))
    with pytest.raises(DataError, match="row 1 looks like data, not like a header") as caught:
        choose(table(**{"where is__it": "text", "red": "few"}))
    assert caught.value.details[-1] == "put a header above it, for example: text,label"


@pytest.mark.parametrize(
    ("columns", "kind", "inputs", "target"),
    [
        ({"conversation": "text", "answer": "text"}, "chat", ("conversation",), "answer"),
        ({"text": "text", "entities": "json"}, "extraction", ("text",), "entities"),
        ({"en": "text", "de": "text"}, "translation", ("en",), "de"),
        ({"dialogue": "text", "summary": "text"}, "summarization", ("dialogue",), "summary"),
        ({"passage": "text", "question": "text", "answer": "text"}, "qa", ("passage", "question"), "answer"),
        ({"instruction": "text", "input": "text", "output": "text"}, "generation", ("instruction", "input"), "output"),
        ({"prompt": "text", "completion": "text"}, "generation", ("prompt",), "completion"),
    ],
)
def test_kinds_are_recognised_by_their_columns(
    columns: dict[str, str], kind: str, inputs: tuple[str, ...], target: str
) -> None:
    found = shaped(table(**columns), kind=None)
    assert found is not None
    assert (found.kind, found.inputs, found.target) == (kind, inputs, target)
    assert found.reason.startswith(f"kind: {kind}, ")


@pytest.mark.parametrize(
    "columns",
    [
        {"text": "text", "label": "few"},
        {"text": "text", "intent": "few", "slots": "json"},
        {"dialogue": "text", "summary": "text", "label": "few"},
        {"en": "text", "text": "text"},
        {"question": "text", "answer": "few"},
    ],
)
def test_labels_speak_louder(columns: dict[str, str]) -> None:
    assert shaped(table(**columns), kind=None) is None


@pytest.mark.parametrize(
    ("target", "values", "kind"),
    [
        ("summary", [f"what {n} said" for n in range(N)], "summarization"),
        ("answer", [f"so it is\n#### {n}" for n in range(N)], "math"),
        ("answer", [f"because {n}" for n in range(N)], "qa"),
        ("response", [f"of course {n}" for n in range(N)], "generation"),
        ("slots", [f'{{"a": {n}}}' for n in range(N)], "extraction"),
    ],
)
def test_kinds_are_recognised_by_their_targets(target: str, values: list[str], kind: Kind) -> None:
    data = Table(
        columns=("question", target),
        cells=tuple((f"question {n}", value) for n, value in enumerate(values)),
        rows=tuple(range(N)),
        format="csv",
    )
    found, reason = kind_of("t.csv", data, target, values, kind=None)
    assert found == kind
    assert reason is not None
    assert reason.startswith(f"kind: {kind}, ")


def test_few_answers_are_a_classification_whatever_their_column_is_called() -> None:
    data = table(question="text", answer="few")
    labels = [value or "" for value in data.column("answer")]
    assert kind_of("t.csv", data, "answer", labels, kind=None) == (
        "classification",
        "kind: classification, 3 different labels in 40 rows",
    )


def test_the_kind_option() -> None:
    assert check_kind_option(None) is None
    assert [check_kind_option(kind) for kind in KINDS] == list(KINDS)
    with pytest.raises(OptionError, match='there is no kind "sorting"'):
        check_kind_option("sorting")
