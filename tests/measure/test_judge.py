"""A judge's replies are read strictly, asked for in both orders, and an unreadable one is an error."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.measure import judge
from crossover.measure.judge import read_reply
from crossover.model.base import Generated
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec

SPEC = TaskSpec(
    name="chat", kind="generation", metric="rouge_l", input_fields=("prompt",), target_field="answer", answer_tokens=16
)


def example(place: int, target: str | None = "It is at the door.") -> Example:
    return Example(id=f"test:{place}", inputs={"prompt": "where is it"}, target=target, row=place)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("A", "A"),
        (" B.", "B"),
        ("**B**", "B"),
        ("tie", "tie"),
        ("Answer A is better.", "A"),
        ("A is better than the other", "A"),
        ("The better one: B", "B"),
        ("neither", "tie"),
        ("", None),
        ("A or B", None),
        ("Answer A is better than answer B", None),
        ("A good question! I cannot say.", None),
        ("banana", None),
        ("Both A and B are fine", None),
    ],
)
def test_replies(text: str, reply: str | None) -> None:
    assert read_reply(text) == reply


@given(st.text())
def test_any_reply_can_be_read(text: str) -> None:
    assert read_reply(text) in {"A", "B", "tie", None}


class _Judge:
    """A judge whose replies are written by a rule on what it is shown; all else is the tiny model's."""

    def __init__(self, tiny: LocalModel, rule: str) -> None:
        self.identity = tiny.identity
        self._rule = rule
        self.asked: list[str] = []

    def render(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        self.asked.append(messages[-1]["content"])
        return (len(self.asked) - 1,)

    def generate(self, prompts: Sequence[Sequence[int]], *, max_tokens: int) -> list[Generated]:
        return [
            Generated(text=self._reply(self.asked[p[0]]), tokens=(1,), prompt_tokens=1, output_tokens=1, finish="eos")
            for p in prompts
        ]

    def _reply(self, told: str) -> str:
        first = told.split("Answer A:\n")[1].split("\n\nAnswer B:", maxsplit=1)[0]
        second = told.split("Answer B:\n")[1].split("\n\nWhich", maxsplit=1)[0]
        if self._rule == "longer":
            return "A" if len(first) > len(second) else "B"
        return {"first": "A", "unreadable": "hm"}[self._rule]


@pytest.mark.parametrize(
    ("rule", "answer", "share", "agrees"),
    [
        ("longer", "It stands at the door of the house.", 1.0, True),
        ("longer", "Door.", 0.0, True),
        ("first", "Door.", 0.5, False),
    ],
)
def test_both_orders_are_asked(tiny: LocalModel, rule: str, answer: str, share: float, agrees: bool) -> None:
    (found,) = judge(_Judge(tiny, rule), SPEC, [example(1)], [answer])  # type: ignore[arg-type]
    assert (found.share, found.agrees, found.error) == (share, agrees, None)


def test_what_cannot_be_read_is_an_error_and_never_a_score(tiny: LocalModel) -> None:
    (found,) = judge(_Judge(tiny, "unreadable"), SPEC, [example(1)], ["Door."])  # type: ignore[arg-type]
    assert found.share is None
    assert found.error == "the judge said 'hm'"


def test_what_needs_no_judge_is_not_asked(tiny: LocalModel) -> None:
    asked = _Judge(tiny, "longer")
    rows = [example(1), example(2), example(3), example(4, None)]
    found = judge(asked, SPEC, rows, ["It is at the door. ", " ", None, "x"])  # type: ignore[arg-type]
    assert [one.share for one in found] == [0.5, 0.0, None, None]
    assert [one.error for one in found] == [None, None, "there is no answer", "there is no reference"]
    assert not asked.asked


def test_a_pair_that_is_too_long_is_an_error(tiny: LocalModel) -> None:
    (found,) = judge(tiny, SPEC, [example(1)], ["word " * 3000])
    assert found.error == "the pair is too long for the judge"


def test_a_real_model_judges(tiny: LocalModel) -> None:
    found = judge(tiny, SPEC, [example(1), example(2)], ["Here.", "There."])
    assert all(one.share is not None or one.error is not None for one in found)
