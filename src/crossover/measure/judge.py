"""A model that compares answers with the reference answer, each pair in both orders."""

from __future__ import annotations

__all__ = ["REPLY_TOKENS", "Judgement", "judge", "read_reply"]

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crossover.candidate import PromptProgram
from crossover.model.base import LanguageModel, Message
from crossover.records import Example, TaskSpec

Reply: TypeAlias = Literal["A", "B", "tie"]

REPLY_TOKENS = 12

_INSTRUCTION = (
    "You compare two answers to the same request. Say which one is better: A, B, or tie. Reply with that word only."
)
_REPLY = re.compile(r"\b(?:(?P<letter>[AB])|(?P<tie>tie|neither|both))\b")
_WORTH: dict[tuple[Reply, bool], float] = {
    ("A", True): 1.0,
    ("B", True): 0.0,
    ("A", False): 0.0,
    ("B", False): 1.0,
    ("tie", True): 0.5,
    ("tie", False): 0.5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge made of one answer beside the reference.

    Attributes:
        example_id: the test row.
        share: 1 where the answer is better in both orders, 0 where the reference is, .5 for a tie or where the judge
            takes back in one order what it said in the other; None with `error`.
        agrees: whether both orders say the same; None with `error`.
        error: why there is no judgement: a reply that says none of the three, a pair that is too long.
    """

    example_id: str
    share: float | None
    agrees: bool | None = None
    error: str | None = None


def read_reply(text: str) -> Reply | None:
    """Return what a judge's reply says; None where it says none of the three, or several.

    >>> read_reply("A"), read_reply("The better answer is B."), read_reply("tie"), read_reply("A or B"), read_reply("?")
    ('A', 'B', 'tie', None, None)
    """
    # "A good answer" begins with an article: a lone letter counts at the beginning only where nothing like it follows.
    found = {match["letter"] or "tie" for match in _REPLY.finditer(_without_articles(text))}
    if len(found) != 1:
        return None
    (reply,) = found
    return "A" if reply == "A" else "B" if reply == "B" else "tie"


def judge(
    model: LanguageModel, spec: TaskSpec, examples: Sequence[Example], answers: Sequence[str | None]
) -> list[Judgement]:
    """Let a model compare each answer with the row's target, in both orders: it may favour what it reads first.

    Zheng et al. 2023 (arXiv:2306.05685) for both orders. An answer equal to the target is a tie without being asked; an
    empty one loses. Rows without an answer or a target are errors, and so is a reply that says none of A, B and tie.
    """
    found: dict[int, Judgement] = {}
    asked: list[tuple[int, bool]] = []
    prompts: list[tuple[int, ...]] = []
    program = PromptProgram.default(spec)
    for place, (example, answer) in enumerate(zip(examples, answers, strict=True)):
        plain = _without_asking(example, answer)
        if plain is not None:
            found[place] = plain
            continue
        assert answer is not None
        assert example.target is not None
        request = "\n\n".join(f"{turn['content']}" for turn in program.prompts([example.inputs])[0])
        both = [
            model.render(_question(request, first, second))
            for first, second in ((answer, example.target), (example.target, answer))
        ]
        if max(map(len, both)) + REPLY_TOKENS > model.identity.context_tokens:
            found[place] = Judgement(example_id=example.id, share=None, error="the pair is too long for the judge")
            continue
        asked += [(place, True), (place, False)]
        prompts += both
    replies = model.generate(prompts, max_tokens=REPLY_TOKENS) if prompts else []
    read = {key: (read_reply(one.text), one.text) for key, one in zip(asked, replies, strict=True)}
    for place in dict.fromkeys(place for place, _ in asked):
        found[place] = _judgement(examples[place].id, read[place, True], read[place, False])
    return [found[place] for place in range(len(examples))]


def _judgement(name: str, forwards: tuple[Reply | None, str], backwards: tuple[Reply | None, str]) -> Judgement:
    (first, first_text), (second, second_text) = forwards, backwards
    if first is None or second is None:
        said = first_text if first is None else second_text
        return Judgement(example_id=name, share=None, error=f"the judge said {said.strip()[:60]!r}")
    worth = (_WORTH[first, True], _WORTH[second, False])
    return Judgement(example_id=name, share=sum(worth) / 2, agrees=worth[0] == worth[1])


def _without_asking(example: Example, answer: str | None) -> Judgement | None:
    if answer is None or example.target is None:
        missing = "answer" if answer is None else "reference"
        return Judgement(example_id=example.id, share=None, error=f"there is no {missing}")
    if answer.strip() in {one.strip() for one in example.answers}:
        return Judgement(example_id=example.id, share=0.5, agrees=True)
    return None if answer.strip() else Judgement(example_id=example.id, share=0.0, agrees=True)


def _question(request: str, first: str, second: str) -> list[Message]:
    told = f"Request:\n{request}\n\nAnswer A:\n{first}\n\nAnswer B:\n{second}\n\nWhich answer is better?"
    return [{"role": "system", "content": _INSTRUCTION}, {"role": "user", "content": told}]


def _without_articles(text: str) -> str:
    """Return text without "A" where a small word follows it in the same sentence: "A good answer"."""
    return re.sub(r"\bA(?= (?!is\b|was\b|and\b|or\b|has\b|gives\b|answers\b)[a-z])", "", text)
