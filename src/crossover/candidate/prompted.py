"""The candidate that asks the language model: prompt program, adapter or none. It chooses a label, or writes."""

from __future__ import annotations

__all__ = [
    "PromptedCandidate",
    "answer_room",
    "label_answers",
    "prompt_tokens",
    "scored_answers",
    "target_answers",
    "write",
    "written_answers",
]

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
from scipy.special import softmax

from crossover.candidate.base import Candidate, CandidateParts, Predictor
from crossover.candidate.defaults import PARAGRAPH, TURNS
from crossover.candidate.fields import mapping, number, optional
from crossover.candidate.head import head_tokens
from crossover.candidate.program import PromptProgram
from crossover.candidate.reasoned import reasoned_answers
from crossover.metrics.schemas import MAX_SCHEMA_BYTES, schema_fault
from crossover.model.base import Adapter, Constraint, FloatArray, LanguageModel
from crossover.records import Inputs, Json, Prediction
from crossover.template import parse, validate

_SPARE_TOKENS = 8
"""How much longer than the longest label an answer may become that is written freely: "The label is …"."""


def prompt_tokens(program: PromptProgram, inputs: Sequence[Inputs], model: LanguageModel) -> list[tuple[int, ...]]:
    """Return each input's prompt as token ids: the same in training, measuring and serving."""

    def embed(rows: Sequence[Inputs]) -> FloatArray:
        return model.embed([head_tokens(model, row, program.fields) for row in rows])

    if program.layout == "plain":
        return [model.plain_prompt(text) for text in program.texts(inputs, embed)]
    return [model.render(messages) for messages in program.prompts(inputs, embed)]


def label_answers(program: PromptProgram, model: LanguageModel) -> list[tuple[int, ...]]:
    """Return each label's answer as token ids, end of turn included, in the program's order of labels."""
    return target_answers(program, list(program.label_words), model)


def target_answers(program: PromptProgram, targets: Sequence[str], model: LanguageModel) -> list[tuple[int, ...]]:
    """Return each target's answer as token ids, end of turn included: what is trained on."""
    complete = model.plain_completion if program.layout == "plain" else model.completion
    return [complete(program.answer_words(target)) for target in targets]


def scored_answers(program: PromptProgram, model: LanguageModel) -> list[tuple[int, ...]]:
    """Return what is scored of each label's answer: all of it, or up to its end where no label begins another.

    The end tells "order" from "order status". Where it tells nothing apart it costs a pass over one more token for each
    label, and makes a frozen model's answers worse: it would rather go on writing (docs/log.md, 2026-11-23).
    """
    answers = label_answers(program, model)
    end = len(model.encode(PARAGRAPH)) if program.layout == "plain" else 1
    words = [answer[:-end] for answer in answers]
    ordered = sorted(words)  # a beginning of others stands right before one of them
    begins = any(b[: len(a)] == a for a, b in pairwise(ordered))
    return answers if begins or not all(words) else words


def written_answers(program: PromptProgram, model: LanguageModel, inputs: Sequence[Inputs]) -> list[Prediction]:
    """Return what the model writes for each input."""
    return write(program, prompt_tokens(program, inputs, model), model)


def answer_room(program: PromptProgram, model: LanguageModel) -> int:
    """Return the most tokens that an answer takes."""
    if program.is_open:
        return program.answer_tokens
    return max(map(len, label_answers(program, model))) + _SPARE_TOKENS * program.is_written


def write(program: PromptProgram, prompts: Sequence[Sequence[int]], model: LanguageModel) -> list[Prediction]:
    """Return what the model writes after each of a program's prompts: a label where it is exactly a label's words.

    Where it reasons first, its answers alone.
    """
    if program.reasoning is not None:
        return reasoned_answers(program, prompts, model)
    is_plain = program.layout == "plain"
    form = None if program.schema is None else Constraint(json_schema=program.schema, after_blank=is_plain)
    stop = [PARAGRAPH] if is_plain and form is None else []
    labels = {words: label for label, words in program.label_words.items()}
    room = answer_room(program, model)
    answers = model.generate(prompts, max_tokens=room, stop=stop, constraint=form)
    return [
        Prediction(
            answer=labels.get(one.text.strip(), one.text.strip()),
            margin=one.margin,
            prompt_tokens=one.prompt_tokens,
            output_tokens=one.output_tokens,
        )
        for one in answers
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PromptedCandidate(Candidate):
    """Answers with the label whose words are the most probable continuation of the prompt (see `scored_answers`).

    Where the program has no labels, or does not hold the model to them, it writes: greedily, up to the end of its turn,
    or of the paragraph in the plain layout, or of what the program's schema allows, and at most `answer_room`.

    Attributes:
        program: what is said to the model.
        prior: label -> log-probability that the model gives it whatever the input (batch calibration, Zhou et al. 2024,
            arXiv:2309.17249), taken off before answers are compared; None for no correction.
        adapter: what was trained, an adapter or a soft prompt; None for the frozen model.
    """

    type: ClassVar[str] = "prompted"
    program: PromptProgram
    prior: Mapping[str, float] | None = None
    adapter: Adapter | None = None

    @property
    def needs_model(self) -> bool:
        """The language model answers."""
        return True

    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Return the function that asks the model as it stands."""
        if model is None:
            raise ValueError("a prompted candidate needs its language model")
        if self.program.is_written:
            return partial(written_answers, self.program, model)
        answers = scored_answers(self.program, model)
        offsets = self._offsets()

        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            if not inputs:
                return []
            scores = model.score(prompt_tokens(self.program, inputs, model), answers, offsets=offsets)
            return self._choose(scores.logprobs - np.array(offsets), scores.prompt_tokens, answers)

        return answer

    def beliefs(self, inputs: Sequence[Inputs], model: LanguageModel) -> FloatArray:
        """Return the probabilities of the program's labels, [inputs, labels], of which the answer is the highest.

        Where the prior was taken off they are what is left of them. The model is asked as it stands.
        """
        answers = scored_answers(self.program, model)
        scores = model.score(prompt_tokens(self.program, inputs, model), answers)
        probabilities: FloatArray = softmax(scores.logprobs - np.array(self._offsets()), axis=1)
        return probabilities

    def _offsets(self) -> list[float]:
        """Return what is taken off each label's log-probability, in the program's order."""
        return [self.prior[label] if self.prior else 0.0 for label in self.program.label_words]

    def _choose(
        self, logprobs: FloatArray, tokens: Sequence[int], answers: Sequence[Sequence[int]]
    ) -> list[Prediction]:
        labels = list(self.program.label_words)
        best = logprobs.argmax(axis=1)
        ordered = np.sort(logprobs, axis=1)
        return [
            Prediction(
                answer=labels[b],
                margin=float(row[-1] - row[-2]) if len(row) > 1 else None,
                prompt_tokens=n,
                output_tokens=len(answers[b]),
            )
            for b, row, n in zip(best, ordered, tokens, strict=True)
        ]

    def parts(self) -> CandidateParts:
        """Return program, prior and adapter as plain data."""
        config: dict[str, Json] = {
            "program": self.program.to_json(),
            "prior": None if self.prior is None else dict(self.prior),
            "adapter": None if self.adapter is None else dict(self.adapter.config),
        }
        return CandidateParts(type=self.type, config=config, tensors=dict(self.adapter.weights) if self.adapter else {})

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild the candidate."""
        prior = optional(parts.config, "prior", mapping)
        adapter = optional(parts.config, "adapter", mapping)
        program = PromptProgram.from_json(mapping(parts.config, "program"))
        _check(program)
        if prior is not None and set(prior) != set(program.label_words):
            raise ValueError("field 'prior' must have a number for every label")
        return cls(
            program=program,
            prior=None if prior is None else {label: number(prior, label) for label in prior},
            adapter=None if adapter is None else Adapter(config=adapter, weights=parts.tensors),
        )


def _check(program: PromptProgram) -> None:
    """Raise a ValueError where a program from a file could not be put into words."""
    if not program.label_words and program.answer_tokens < 1:
        raise ValueError("without 'label_words' field 'answer_tokens' must be at least 1")
    if program.label_words and program.reasoning is not None:
        raise ValueError("field 'reasoning' is for answers that are written, not for 'label_words'")
    _check_form(program)
    if program.template != TURNS:
        validate(parse(program.template), allowed=("labels", *program.fields), needed=())
    shown = program.demonstrations
    if program.retrieval is not None:
        shown = (*shown, *program.retrieval.pool)
        if program.retrieval.k < 1 or not program.retrieval.pool:
            raise ValueError("field 'retrieval' needs a pool and k of at least 1")
    for demonstration in shown:
        if program.label_words and demonstration.target not in program.label_words:
            raise ValueError(f"a demonstration has the label {demonstration.target!r}, which has no words")
        if missing := [name for name in program.fields if name not in demonstration.inputs]:
            raise ValueError(f"a demonstration has no {missing[0]!r}")


def _check_form(program: PromptProgram) -> None:
    """Check what answers are constrained by, a schema as one that a user gives."""
    by_schema = program.is_open and program.constrained is True
    if by_schema != (program.schema is not None):
        raise ValueError("field 'schema' must be there where written answers are 'constrained', and nowhere else")
    if program.schema is None:
        return
    if len(json.dumps(program.schema, ensure_ascii=False, separators=(",", ":"))) > MAX_SCHEMA_BYTES:
        raise ValueError(f"field 'schema' must have at most {MAX_SCHEMA_BYTES:,} characters")
    if fault := schema_fault(program.schema):
        raise ValueError(f"field 'schema' cannot be used: {fault}")
