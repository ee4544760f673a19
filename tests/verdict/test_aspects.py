"""The table of aspects: every cell from the records, and what was not measured says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.records import Family, Interaction, ProbeScores, Retained, TrialRecord
from crossover.verdict import COLUMNS, aspects, aspects_to_json, decide
from crossover.verdict.aspects import NOT_MEASURED, Aspects
from crossover.verdict.figures import joules
from crossover.verdict.probes import probe_lines
from tests.verdict.studies import arm, task, trial, usual

N = 200


def cell(table: Aspects, name: str, family: Family) -> str:
    row = next(row for row in table.rows if row.name == name)
    return " | ".join(row.cells[COLUMNS.index(family)])


def table_of(records: Sequence[TrialRecord], slices: dict[str, str] | None = None) -> Aspects:
    return aspects(decide(records, task(N)), records, slices)


def measured(record: TrialRecord, **changes: object) -> TrialRecord:
    assert record.measurement is not None
    return replace(record, measurement=replace(record.measurement, **changes))  # type: ignore[arg-type]  # a dict's values


def everything() -> list[TrialRecord]:
    """Return the usual study with all that is measured beside."""
    found = []
    for record in usual(N):
        if record.family == "baseline":
            found.append(record)
            continue
        is_prompt = record.family == "prompt"
        edit = Interaction(
            editable=True,
            inputs=5,
            first_answer_s=0.061 if is_prompt else 0.071,
            new_labels_s=0.48,
            in_form=0.8,
            asked="capital letters",
            follows_before=0.0,
            follows=0.4 if is_prompt else 0.0,
        )
        probe = ProbeScores(
            before=(1.0, 0.0, 1.0, 0.0) * 10, after=((1.0, 0.0, 1.0, 0.0) if is_prompt else (1.0, 0.0, 0.0, 0.0)) * 10,
            sha256="ab",
        )  # fmt: skip
        found.append(
            measured(
                record,
                retention=1.0 if is_prompt else 0.5,
                retained=None if is_prompt else Retained(divergence=0.69, loss_rise=0.6, tokens=1900, seconds=2.0),
                interaction=edit if record.key.seed == 0 else None,
                probes={"arc": probe},
                peak_memory_mb=812.0,
            )
        )
    return found


def test_each_cell_says_what_was_measured() -> None:
    table = table_of(everything(), {f"test:{i}": "billing" if i % 2 else "refund" for i in range(N)})
    assert [one.method if one else None for one in table.arms] == ["knn-few-shot", "lora", "lora+few-shot"]
    assert cell(table, "Example here", "weights").startswith("lora with 64 labels: 78% [")
    assert cell(table, "Data requirement", "prompt") == "64 labels used"
    assert cell(table, "Scope", "prompt") == (
        "keeps all of the base model, by definition: a prompt goes with its request"
        " | arc: 50% before and after, row by row the same"
    )
    assert cell(table, "Scope", "weights").startswith(
        "keeps 50% of a token's probability in the base model's own text (KL 0.69 nats a token) | arc: 50% → 25%, −25 "
    )
    assert cell(table, "Customization", "prompt") == (
        "4 of 5 answers written freely are a label | asked for capital letters: 2 of 5 follow"
    )
    assert (
        cell(table, "Flexibility", "prompt")
        == "other labels: 480 ms until the prompt is built and read, without examples of them"
    )
    assert cell(table, "Flexibility", "weights") == "other labels: 58 s, a new fit"
    assert cell(table, "Training process", "both") == "0 configurations tried, 32,000 token passes, 80 s"
    assert cell(table, "Resources", "prompt") == "812 MiB at most | 172 tokens a call | 86 ms a call, one at a time"
    assert cell(table, "Real-time use", "prompt") == "61 ms from an edit to the first answer"
    assert "over knn-few-shot" in cell(table, "Use cases", "weights")
    assert cell(table, "Use cases", "prompt") == "on none of 2 labels surely ahead of lora"


def test_energy_stands_with_the_resources_and_a_guess_is_called_one() -> None:
    read = [
        replace(measured(record, call_joules=0.46, single_call_joules=2.1), fit_joules=1234.0, energy_source="rapl")
        for record in usual(N)
    ]
    said = "1.2 kJ for the fit, 0.46 J a call, 2.1 J one at a time"
    assert cell(table_of(read), "Resources", "weights").endswith(f"one at a time | {said}")
    guessed = [replace(record, energy_source="estimated") for record in read]
    assert cell(table_of(guessed), "Resources", "weights").endswith(f"{said} (estimated)")
    few = [measured(replace(record, fit_joules=None), single_call_joules=None) for record in guessed]
    assert cell(table_of(few), "Resources", "prompt").endswith(" | 0.46 J a call (estimated)")
    assert " J" not in cell(table_of(usual(N)), "Resources", "weights")
    assert [joules(value) for value in (0.0, 0.042, 999.0, 1234.0, 3.4e6)] == [
        "0 J",
        "0.042 J",
        "1,000 J",
        "1.2 kJ",
        "3.4 MJ",
    ]


def test_what_was_not_measured_says_so() -> None:
    table = table_of(usual(N))
    for name in ("Customization", "Flexibility", "Real-time use", "Scope", "Use cases"):
        assert cell(table, name, "prompt") == NOT_MEASURED
    assert cell(table, "Flexibility", "weights") == "other labels: 58 s, a new fit", "that was"
    assert all(len(row.cells) == len(COLUMNS) and all(row.cells) for row in table.rows)


def test_a_family_that_took_no_part_says_so() -> None:
    records = arm("knn-few-shot", "prompt", 0.6, dev=0.5, n=N)
    table = table_of(records)
    assert table.arms[1:] == (None, None)
    assert cell(table, "Scope", "weights") == "took no part"
    assert cell(table, "Use cases", "prompt") == NOT_MEASURED


def test_a_head_has_no_prompt_to_edit() -> None:
    records = [measured(r, interaction=Interaction(editable=False)) for r in usual(N)]
    table = table_of(records)
    assert cell(table, "Customization", "weights") == "it has no prompt that could be edited"
    assert cell(table, "Real-time use", "weights") == "no prompt to edit: 58 s for a new fit"


def test_how_many_labels_are_enough_and_where_weights_overtake() -> None:
    records = [
        *arm("knn-few-shot", "prompt", 0.60, budget=16, dev=0.5, n=N),
        *arm("knn-few-shot", "prompt", 0.62, budget=64, dev=0.5, n=N),
        *arm("lora", "weights", 0.40, budget=16, dev=0.4, n=N, fit_seconds=20),
        *arm("lora", "weights", 0.80, budget=64, dev=0.7, n=N, fit_seconds=58),
    ]
    table = table_of(records)
    assert cell(table, "Data requirement", "prompt").endswith("within 3 points of its own best from 16 labels on")
    weights = cell(table, "Data requirement", "weights")
    assert "within 3 points of its own best from 64 labels on" in weights
    assert "overtakes knn-few-shot at about" in weights


def test_a_lead_on_one_label_is_named_and_chance_is_not() -> None:
    """Each arm is right on a label of its own; on the third the prompt leads by a few rows, which may be chance."""
    ids = list(range(N))
    kind = {f"test:{i}": ("a", "b", "c")[i % 3] for i in ids}
    prompt = [i % 3 == 0 or (i % 3 == 2 and i % 2 == 0) for i in ids]
    weights = [i % 3 == 1 or (i % 3 == 2 and i % 2 == 1 and i > 20) for i in ids]
    records = [
        record
        for seed in range(3)
        for record in (
            trial("knn-few-shot", "prompt", 64, seed, prompt, dev=0.5),
            trial("lora", "weights", 64, seed, weights, dev=0.5),
        )
    ]
    table = table_of(records, kind)
    assert cell(table, "Use cases", "prompt").startswith("a: +100 points [")
    assert "b:" not in cell(table, "Use cases", "prompt")
    assert cell(table, "Use cases", "weights").startswith("b: +100 points [")
    assert "c:" not in cell(table, "Use cases", "prompt") + cell(table, "Use cases", "weights")


def test_a_slice_of_a_few_rows_says_nothing() -> None:
    few = {f"test:{i}": "rare" if i < 4 else "common" for i in range(N)}
    assert (
        cell(table_of(usual(N), few), "Use cases", "prompt")
        == "on none of the 1 label with 5 or more test rows (of 2) surely ahead of lora"
    )


def test_probes_of_another_file_by_the_same_name_are_left_out() -> None:
    (one, other) = (measured(record) for record in usual(N)[4:6])
    mine = ProbeScores(before=(1.0, 0.0), after=(0.0, 0.0), sha256="new")
    old = ProbeScores(before=(1.0, 1.0, 1.0), after=(1.0, 1.0, 1.0), sha256="old")
    assert one.measurement is not None
    assert other.measurement is not None
    lines = probe_lines([replace(one.measurement, probes={"p": old}), replace(other.measurement, probes={"p": mine})])
    assert len(lines) == 1
    assert lines[0].startswith("p: 50% → 0%")


@settings(max_examples=20)
@given(before=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=30), data=st.data())
def test_a_probe_s_interval_holds_its_difference(before: list[float], data: st.DataObject) -> None:
    n = len(before)
    seeds = data.draw(st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n), min_size=1, max_size=3))
    base = usual(10)[4].measurement
    assert base is not None
    lines = probe_lines(
        [
            replace(base, probes={"p": ProbeScores(before=tuple(before), after=tuple(after), sha256="x")})
            for after in seeds
        ]
    )
    assert len(lines) == 1


@pytest.mark.parametrize("kept", [None, 0.3])
def test_an_interval_that_is_unknown_is_not_printed(kept: float | None) -> None:
    records = usual(N)
    verdict = decide(records, task(N))
    bare = tuple(replace(one, interval=None, retention=kept, latency_ms=None) for one in verdict.arms)
    table = aspects(replace(verdict, arms=bare), records)
    assert "None" not in str([row.cells for row in table.rows])


def test_as_json_every_cell_is_there_by_family() -> None:
    table = table_of(everything())
    told = json.loads(json.dumps(aspects_to_json(table)))
    assert told["arms"] == {family: arm.arm if arm else None for family, arm in zip(COLUMNS, table.arms, strict=True)}
    assert [row["name"] for row in told["rows"]] == [row.name for row in table.rows]
    for row, shown in zip(told["rows"], table.rows, strict=True):
        assert [row[family] for family in COLUMNS] == [list(lines) for lines in shown.cells]
