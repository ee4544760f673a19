"""How a prompted candidate answers: among labels, freely, or by a JSON schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.candidate.base import CandidateParts
from crossover.candidate.files import candidate_from_parts
from crossover.candidate.program import LAYOUTS, Layout
from crossover.candidate.prompted import answer_room, label_answers
from crossover.errors import BundleError, OptionError
from crossover.metrics.schemas import MAX_SCHEMA_BYTES, Schema
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Constrain, Example, Json, TaskSpec
from tests.candidate.made import DEMONSTRATIONS, taught

SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {"intent": {"type": "string", "enum": ["delivery", "refund"]}, "late": {"$ref": "#/$defs/late"}},
    "required": ["intent"],
    "additionalProperties": False,
    "$defs": {"late": {"type": "boolean"}},
}


@pytest.fixture
def by_schema(spec: TaskSpec) -> TaskSpec:
    return replace(
        spec, kind="extraction", metric="field_f1", labels=(), label_names={}, schema=SCHEMA, answer_tokens=24
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_answers_by_schema_fit_it(
    tiny: LocalModel, by_schema: TaskSpec, rows: Sequence[Example], layout: Layout
) -> None:
    inputs = [row.inputs for row in rows[:8]]
    free = PromptProgram.default(by_schema).in_layout(layout)
    held = PromptProgram.default(replace(by_schema, constrain="yes")).in_layout(layout)
    assert free.schema is None
    assert held.schema == SCHEMA
    answers = [p.answer or "" for p in predict(PromptedCandidate(program=held), inputs, tiny)]
    ready = Schema(SCHEMA)
    assert all(ready.fits(json.loads(answer)) for answer in answers)
    written = [p.answer or "" for p in predict(PromptedCandidate(program=free), inputs, tiny)]
    assert not any(answer.startswith("{") for answer in written)
    assert [p.answer for p in predict(PromptedCandidate(program=held.freely()), inputs, tiny)] == written
    alone = [predict(PromptedCandidate(program=held), [one], tiny)[0].answer for one in inputs]
    assert alone == answers


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_label_that_is_written_is_a_label(
    tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example], layout: Layout
) -> None:
    """The words of a label, exactly, are that label; anything else stays what the model wrote."""
    program = PromptProgram.default(spec).in_layout(layout)
    asked = [next(row for row in rows if row.target == label) for label in spec.labels]
    inputs = [row.inputs for row in asked]
    untaught = predict(PromptedCandidate(program=program.freely()), inputs, tiny)
    assert not {p.answer for p in untaught} & set(spec.labels)
    assert max(p.output_tokens for p in untaught) <= answer_room(program.freely(), tiny)
    candidate = PromptedCandidate(program=program.freely(), adapter=taught(tiny, program, asked))
    assert program.label_words["log_in"] == "access"
    assert [p.answer for p in predict(candidate, inputs, tiny)] == list(spec.labels)


def test_room_for_a_free_answer(tiny: LocalModel, spec: TaskSpec) -> None:
    program = PromptProgram.default(spec)
    longest = max(map(len, label_answers(program, tiny)))
    assert answer_room(program, tiny) == longest
    assert longest < answer_room(program.freely(), tiny) <= longest + 16


@pytest.mark.parametrize("constrain", [None, "yes", "no", "both"])
def test_what_the_task_asks_for(spec: TaskSpec, by_schema: TaskSpec, constrain: Constrain | None) -> None:
    """Methods choose among labels whatever the way; what is written is held to a schema where that is asked for."""
    labels = PromptProgram.default(replace(spec, constrain=constrain))
    assert (labels.constrained, labels.schema, labels.is_written) == (None, None, False)
    assert labels.freely().is_written
    for program in (
        PromptProgram.default(replace(by_schema, constrain=constrain)),
        PromptProgram.of_prompt("{text}", replace(by_schema, constrain=constrain)),
    ):
        assert program.is_written
        assert (program.schema is not None) == (constrain in ("yes", "both"))


def test_the_way_survives_being_saved(spec: TaskSpec, by_schema: TaskSpec) -> None:
    held = PromptProgram.default(replace(by_schema, constrain="yes"))
    for program in (held, PromptProgram.default(spec).freely().with_demonstrations(DEMONSTRATIONS)):
        assert PromptProgram.from_json(json.loads(json.dumps(program.to_json()))) == program
        again = candidate_from_parts(PromptedCandidate(program=program).parts())
        assert isinstance(again, PromptedCandidate)
        assert again.program == program


def test_programs_of_earlier_releases_are_read(spec: TaskSpec) -> None:
    program = PromptProgram.default(spec)
    old = {name: value for name, value in program.to_json().items() if name not in ("constrained", "schema")}
    assert PromptProgram.from_json(old) == program


DEEP: Json = {"type": "object"}
for _ in range(200):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": None}, "'schema' must be there where written answers are 'constrained'"),
        ({"constrained": None}, "nowhere else"),
        ({"constrained": False}, "nowhere else"),
        ({"constrained": "yes"}, "must be true or false"),
        ({"schema": ["object"]}, "must be an object"),
        ({"schema": {"type": "text"}}, "cannot be used"),
        ({"schema": {"$ref": "https://example.org/schema.json"}}, "cannot be used"),
        ({"schema": DEEP}, "cannot be used"),
        ({"schema": {"description": "x" * MAX_SCHEMA_BYTES}}, "at most"),
    ],
)
def test_a_schema_from_a_file_is_checked(by_schema: TaskSpec, change: dict[str, Json], message: str) -> None:
    parts = PromptedCandidate(program=PromptProgram.default(replace(by_schema, constrain="yes"))).parts()
    program = parts.config["program"]
    assert isinstance(program, Mapping)
    changed = CandidateParts(type=parts.type, config={**parts.config, "program": {**program, **change}})
    with pytest.raises(BundleError, match=message):
        candidate_from_parts(changed)


def test_labels_take_no_schema(spec: TaskSpec) -> None:
    program = replace(PromptProgram.default(spec), constrained=True)
    assert isinstance(candidate_from_parts(PromptedCandidate(program=program).parts()), PromptedCandidate)
    with pytest.raises(BundleError, match="nowhere else"):
        candidate_from_parts(PromptedCandidate(program=replace(program, schema=SCHEMA)).parts())


def test_without_llguidance_the_way_out_is_named(
    by_schema: TaskSpec, rows: Sequence[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "crossover.model.engine.constrain", None)
    candidate = PromptedCandidate(program=PromptProgram.default(replace(by_schema, constrain="yes")))
    with pytest.raises(OptionError, match=r"pip install 'crossover-lm\[constrained\]'"):
        predict(candidate, [rows[0].inputs], tiny_model())
