"""Answers that follow on reasoning: paths of bounded length, and the answer on which most of them agree."""

from __future__ import annotations

__all__ = ["Path", "reasoned_answers", "reasoned_paths"]

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crossover.candidate.copied import last_sentence, whole_sentences
from crossover.candidate.defaults import PARAGRAPH
from crossover.candidate.program import PromptProgram
from crossover.candidate.reasoning import Reasoning
from crossover.metrics.numeric import read_number
from crossover.metrics.qa import normalise
from crossover.model.base import Generated, LanguageModel
from crossover.records import Prediction

_SEED_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way to an answer.

        Path(reasoning="9 * 2 = 18", said="18", answer="#### 18", output_tokens=14)

    Attributes:
        reasoning: what stands before the marker.
        said: what stands behind it up to the line's end; the reasoning's last sentence where nothing does.
        answer: what is given as the answer: `said`, with the marker where the program keeps it.
        output_tokens: tokens that the model wrote; a marker that was put there for it is not among them.
        margin: as in `Generated`, along reasoning and answer.
    """

    reasoning: str
    said: str
    answer: str
    output_tokens: int
    margin: float | None = None


def reasoned_answers(
    program: PromptProgram, prompts: Sequence[Sequence[int]], model: LanguageModel
) -> list[Prediction]:
    """Return one answer to each of a program's prompts: of several paths that on which most agree, the first of equals.

    Self-consistency, Wang et al. 2022 (arXiv:2203.11171). Two answers agree when they are the same number, or the same
    text as SQuAD compares texts. A path without an answer has no say.
    """
    answers = []
    for prompt, paths in zip(prompts, reasoned_paths(program, prompts, model), strict=True):
        chosen = _agreed(paths)
        answers.append(
            Prediction(
                answer=chosen.answer,
                margin=chosen.margin if len(paths) == 1 else None,
                prompt_tokens=len(prompt),
                output_tokens=sum(path.output_tokens for path in paths),
            )
        )
    return answers


def reasoned_paths(program: PromptProgram, prompts: Sequence[Sequence[int]], model: LanguageModel) -> list[list[Path]]:
    """Return each prompt's paths, as many as the program samples.

    The model reasons up to the marker, its own end, or the bound. Where the bound came first the reasoning is cut after
    its last whole sentence, and where the model wrote no marker it is put there, so that an answer follows (budget
    forcing, Muennighoff et al. 2025, arXiv:2501.19393). A model that ends at once there has answered in what it wrote
    before: its last sentence is the answer. Near the end of the model's context the bound is what is left.

    Raises:
        ModelError: a prompt leaves no room for an answer.
    """
    how = program.reasoning
    if how is None:
        raise ValueError("the program answers without reasoning")
    asked = [tuple(prompt) for prompt in prompts for _ in range(how.samples)]
    if not asked:
        return []
    numbered = [(prompt, i % how.samples) for i, prompt in enumerate(asked)]
    thoughts = _thoughts(program, how, asked, [_seed(how, *one, "reasoning") for one in numbered], model)
    led = [_led(thought, how.marker) for thought in thoughts]
    begun = [_begun(program, prompt, text, how.marker, model) for prompt, text in zip(asked, led, strict=True)]
    said = model.generate(
        begun,
        max_tokens=program.answer_tokens,
        stop=["\n"],
        temperature=how.temperature,
        seed=[_seed(how, *one, "answer") for one in numbered],
    )
    paths = [_path(how, *one) for one in zip(thoughts, led, said, strict=True)]
    return [paths[i : i + how.samples] for i in range(0, len(paths), how.samples)]


def _thoughts(
    program: PromptProgram, how: Reasoning, asked: Sequence[tuple[int, ...]], seeds: Sequence[int], model: LanguageModel
) -> list[Generated]:
    """Return what the model writes before the marker, each in the room that its prompt leaves."""
    behind = len(model.completion(f"\n{how.marker}")) + program.answer_tokens
    rooms = defaultdict(list)
    for place, prompt in enumerate(asked):
        rooms[max(min(how.tokens, model.identity.context_tokens - len(prompt) - behind), 0)].append(place)
    stop = [how.marker, PARAGRAPH] if program.layout == "plain" else [how.marker]
    found: dict[int, Generated] = {}
    for room, places in rooms.items():
        if not room:
            nothing = Generated(text="", tokens=(), prompt_tokens=0, output_tokens=0, finish="length")
            found.update(dict.fromkeys(places, nothing))
            continue
        written = model.generate(
            [asked[place] for place in places],
            max_tokens=room,
            stop=stop,
            temperature=how.temperature,
            seed=[seeds[place] for place in places],
        )
        found.update(zip(places, written, strict=True))
    return [found[place] for place in range(len(asked))]


def _led(thought: Generated, marker: str) -> str:
    """Return reasoning and the marker behind it."""
    text = whole_sentences(thought.text) if thought.finish == "length" else thought.text
    if thought.finish == "stop" and text[-1:].isspace():  # as the model wrote it, inside of a sentence too
        return f"{text}{marker}".lstrip()
    return f"{text.strip()}\n{marker}".lstrip()


def _begun(
    program: PromptProgram, prompt: tuple[int, ...], led: str, marker: str, model: LanguageModel
) -> tuple[int, ...]:
    """Return the prompt and the answer begun, in the tokens that demonstrations and training have."""

    def begin(text: str) -> tuple[int, ...]:
        return model.encode(f" {text}") if program.layout == "plain" else model.completion(text)[:-1]

    whole = (*prompt, *begin(led))
    # A text that was drawn may take more tokens when it is read again.
    fits = len(whole) + program.answer_tokens <= model.identity.context_tokens
    return whole if fits else (*prompt, *begin(marker))


def _path(how: Reasoning, thought: Generated, led: str, said: Generated) -> Path:
    margins = [one.margin for one in (thought, said) if one.margin is not None]
    reasoning = led.removesuffix(how.marker).strip()
    answer = said.text.rstrip() or f" {last_sentence(reasoning)}".rstrip()
    return Path(
        reasoning=reasoning,
        said=answer.strip(),
        answer=f"{how.marker}{answer}" if how.keeps_marker else answer.strip(),
        output_tokens=thought.output_tokens + said.output_tokens,
        margin=min(margins, default=None),
    )


def _agreed(paths: Sequence[Path]) -> Path:
    votes = [_vote(path.said) for path in paths]
    counts = Counter(vote for vote in votes if vote)
    if not counts:
        return paths[0]
    most = max(counts.values())
    return next(path for path, vote in zip(paths, votes, strict=True) if counts[vote] == most)


def _vote(said: str) -> str:
    found = read_number(said)
    return normalise(said) if found is None else str(found)


def _seed(how: Reasoning, prompt: Sequence[int], sample: int, part: Literal["reasoning", "answer"]) -> int:
    """Return a path's own seed: an input is answered the same alone and among others."""
    what = f"crossover.reasoning/{how.seed}/{sample}/{part}/{','.join(map(str, prompt))}"
    return int.from_bytes(hashlib.sha256(what.encode()).digest()[:_SEED_BYTES])
