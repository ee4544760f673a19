"""Methods where answers are written: each keeps its promises for every kind that it serves."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from crossover.candidate import (
    ConstantCandidate,
    CopiedCandidate,
    NearestCandidate,
    PromptedCandidate,
    PromptProgram,
    predict,
)
from crossover.methods import get_method, named_methods
from crossover.methods.conformance import check
from crossover.methods.written import layouts_for, likeliest, likelihoods, shown_within
from crossover.metrics import get_metric, metric_for
from crossover.model.base import LanguageModel
from crossover.model.local import LocalModel
from crossover.records import KINDS, Example, Kind, TaskSpec
from tests.methods.reflecting import ready

CITIES = ["Rome", "Oslo", "Lima", "Cairo", "Quito", "Paris", "Delhi", "Kyoto"]
ITEMS = ["lamps", "boxes", "phones"]
OPEN: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "classification")


def task_of(kind: Kind) -> tuple[TaskSpec, tuple[Example, ...]]:
    """Return a small task of a kind: 24 orders, each of a number of things to a city."""
    fields = {"qa": ("passage", "question"), "chat": ("conversation",)}.get(kind, ("text",))
    rows = []
    for i in range(24):
        n, item, city = i + 2, ITEMS[i % 3], CITIES[i % 8]
        text = f"please send {n} {item} to {city} before noon"
        inputs = {
            "qa": {"passage": text, "question": "where do they go"},
            "chat": {"conversation": json.dumps([{"role": "user", "content": text}])},
        }.get(kind, {"text": text})
        target = {
            "extraction": json.dumps({"city": city, "item": item}),
            "qa": city,
            "math": f"there are {n} of them\n#### {n}",
            "summarization": f"{item} to {city}",
            "translation": f"bitte {n} {item} nach {city}",
        }.get(kind, f"{n} {item} are on their way")
        rows.append(Example(id=f"train:{i + 2}", inputs=inputs, target=target, row=i + 2))
    spec = TaskSpec(
        name="orders",
        kind=kind,
        metric=metric_for(kind, None).name,
        input_fields=fields,
        target_field="answer",
        answer_tokens=24,
    )
    return spec, tuple(rows)


def _conforming() -> list[tuple[Kind, str]]:
    """All methods of all kinds but one: the tiny model answers questions with nothing, which teaches nobody."""
    every = [(kind, name) for kind in OPEN for name in named_methods(["all"], kind)]
    return [one for one in every if one != ("qa", "distill")]


@pytest.mark.parametrize(("kind", "name"), _conforming())
def test_methods_that_write_conform(tiny: LocalModel, kind: Kind, name: str) -> None:
    spec, rows = task_of(kind)
    fitted = check(ready(name), tiny, spec, rows)
    closed = (ConstantCandidate, CopiedCandidate, NearestCandidate, PromptedCandidate)
    assert isinstance(fitted.candidate, closed)


def test_an_answer_is_as_likely_alone_as_among_others(tiny: LocalModel) -> None:
    spec, rows = task_of("summarization")
    program = PromptProgram.default(spec)
    together = likelihoods(program, rows[:6], tiny)
    alone = [float(likelihoods(program, [row], tiny)[0]) for row in rows[:6]]
    assert together == pytest.approx(alone, abs=1e-4)


def test_the_likeliest_program_is_chosen_and_the_first_of_equals(tiny: LocalModel) -> None:
    spec, rows = task_of("translation")
    programs = [PromptProgram.default(spec).in_layout(layout) for layout in ("chat", "plain")]
    found = [float(likelihoods(program, rows, tiny).mean()) for program in programs]
    assert likeliest(programs, rows, tiny) is programs[found.index(max(found))]
    assert likeliest([programs[0], replace(programs[0])], rows, tiny) is programs[0]


def test_an_empty_line_inside_of_answers_asks_for_turns() -> None:
    spec, rows = task_of("summarization")
    assert layouts_for(spec, rows) == ("chat", "plain")
    broken = replace(rows[0], target="one\n\ntwo")
    assert layouts_for(spec, [broken, *rows[1:]]) == ("chat",)
    assert layouts_for(task_of("chat")[0], rows) == ("chat",)


def test_long_examples_make_few_demonstrations(tiny: LocalModel) -> None:
    spec, rows = task_of("summarization")
    program = PromptProgram.default(spec)
    assert shown_within(rows, program, tiny, 4) == 4
    long = [replace(row, inputs={"text": row.inputs["text"] * 30}) for row in rows]
    assert 1 <= shown_within(long, program, tiny, 4) < 4


def test_a_written_answer_ends_where_its_room_ends(tiny: LocalModel) -> None:
    spec, rows = task_of("generation")
    program = PromptProgram.default(replace(spec, answer_tokens=5))
    found = predict(PromptedCandidate(program=program), [row.inputs for row in rows], tiny)
    assert len(found) == len(rows)
    assert all(one.answer is not None and one.output_tokens <= 5 and one.prompt_tokens > 0 for one in found)


def test_the_turns_of_a_conversation_stand_where_they_belong(tiny: LocalModel) -> None:
    spec, _rows = task_of("chat")
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": "where is it"},
    ]
    program = PromptProgram.default(replace(spec, instruction="You sell lamps."))
    (said,) = program.prompts([{"conversation": json.dumps(turns)}])
    assert [turn["role"] for turn in said] == ["system", "user", "assistant", "user"]
    assert said[0]["content"] == "You sell lamps.\n\nBe brief."
    assert said[-1]["content"] == "where is it"
    assert tiny.render(said) == tiny.render([{"role": "system", "content": said[0]["content"]}, *turns[1:]])  # type: ignore[list-item]


@pytest.mark.parametrize("kind", OPEN)
def test_a_model_that_only_scores_cannot_serve_open_kinds(kind: Kind) -> None:
    spec, _ = task_of(kind)
    reason = get_method("zero-shot").unsuitable(spec, 0, frozenset({"score"}))
    assert reason == "zero-shot needs a model that can generate"
    assert get_method("constant").unsuitable(spec, 4, frozenset()) is None


def test_copying_takes_the_longest_field_and_as_many_sentences_as_score_best(tiny: LanguageModel) -> None:
    spec = TaskSpec(
        name="news", kind="summarization", metric="rouge_l", input_fields=("title", "text"), target_field="summary"
    )
    rows = [
        Example(
            id=f"train:{i}",
            inputs={"title": "News", "text": f"First about {city}. Second about lamps. Third of all."},
            target=f"First about {city}. Second about lamps.",
            row=i,
        )
        for i, city in enumerate(CITIES)
    ]
    fitted = get_method("lead").fit(spec, rows, [], model=None, metric=get_metric("rouge_l"), effort=1.0, seed=0)
    assert fitted.candidate == CopiedCandidate(field="text", sentences=2)
    assert fitted.dev_score == 1.0
