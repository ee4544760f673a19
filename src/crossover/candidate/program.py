"""A prompt program: instruction, input template, label words and demonstrations."""

from __future__ import annotations

__all__ = ["LAYOUTS", "Demonstration", "Layout", "Nearness", "PromptProgram", "Retrieval"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, Self, TypeAlias, TypedDict, TypeVar

from crossover.candidate.defaults import TURNS, default_instruction, default_template, one_turn, read_turns
from crossover.candidate.fields import integer, mapping, optional, pairs, sequence, text, texts, truth
from crossover.candidate.neighbours import Neighbours, nearest_states
from crossover.candidate.reasoning import Reasoning
from crossover.candidate.wording import joined
from crossover.model.base import FloatArray, Message
from crossover.records import Example, Inputs, Json, TaskSpec
from crossover.template import Template, parse, substitute

Layout: TypeAlias = Literal["chat", "plain"]
LAYOUTS: tuple[Layout, ...] = ("chat", "plain")
Nearness: TypeAlias = Literal["words", "states"]
NEARNESSES: tuple[Nearness, ...] = ("words", "states")
Embed: TypeAlias = Callable[[Sequence[Inputs]], FloatArray]
"""Gives the model's pooled hidden states of inputs, [inputs, features]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A solved example in the prompt. `target` is the label, not its words."""

    inputs: Inputs
    target: str

    @classmethod
    def of(cls, example: Example) -> Self:
        """Take a labelled example."""
        if example.target is None:
            raise ValueError(f"example {example.id} has no label")
        return cls(inputs=example.inputs, target=example.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Demonstrations chosen for each input: its `k` nearest of `pool`, the nearest last.

    `by` says what is near: "words" (TF-IDF) or "states" (the model's pooled hidden states of the bare text).
    """

    pool: tuple[Demonstration, ...]
    k: int
    by: Nearness = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptProgram:
    """How an input becomes a prompt.

    Attributes:
        instruction: the system turn; empty for none.
        template: the user turn, with {field} substitution only.
        label_words: label -> what the model reads and writes for it, in the task's order.
        demonstrations: solved examples that stand in every prompt, as turns of the conversation.
        retrieval: solved examples chosen for each input, or None.
        answer_tokens: most tokens of an answer that is written; 0 where the answer is one of the labels.
        layout: "chat": turns of the model's own chat template; "plain": one text that the model continues, paragraph
            by paragraph. Small models often copy a pattern better than they hold a conversation.
        reasoning: how the model reasons before an answer that is written; None where it answers at once.
        constrained: True: the answer is one of the labels, or JSON by `schema`; False: the model writes freely. None:
            labels are chosen, everything else is written freely.
        schema: JSON schema of written answers; only where they are constrained.
    """

    instruction: str
    template: str
    fields: tuple[str, ...]
    label_words: Mapping[str, str]
    demonstrations: tuple[Demonstration, ...] = ()
    retrieval: Retrieval | None = None
    layout: Layout = "chat"
    answer_tokens: int = 0
    reasoning: Reasoning | None = None
    constrained: bool | None = None
    schema: Mapping[str, Json] | None = None

    @classmethod
    def default(cls, spec: TaskSpec) -> Self:
        """Return the program for a task before anything was chosen: with the user's instruction, or ours."""
        words = spec_words(spec)
        return cls(
            instruction=spec.instruction or default_instruction(spec, words),
            template=default_template(spec),
            fields=spec.input_fields,
            label_words=words,
            answer_tokens=spec.answer_tokens,
        ).by_schema(spec)

    @classmethod
    def of_prompt(cls, template: str, spec: TaskSpec) -> Self:
        """Return the program for a user's own prompt: the whole of it is the user turn."""
        return cls(
            instruction="",
            template=template,
            fields=spec.input_fields,
            label_words=spec_words(spec),
            answer_tokens=spec.answer_tokens,
        ).by_schema(spec)

    @property
    def is_open(self) -> bool:
        """Whether the task's answers are texts, and not labels."""
        return not self.label_words

    @property
    def is_written(self) -> bool:
        """Whether the model writes its answers, and does not choose among labels."""
        return self.is_open or self.constrained is False

    def by_schema(self, spec: TaskSpec) -> Self:
        """Return the program, its written answers constrained by the task's schema where the task asks for that.

        What a method learns to choose labels by does not depend on `spec.constrain`: that labels are written freely is
        for whoever measures (`freely`).
        """
        if not self.is_open or spec.schema is None or spec.constrain not in ("yes", "both"):
            return self
        return replace(self, constrained=True, schema=spec.schema)

    def freely(self) -> Self:
        """Return the program with answers that nothing constrains."""
        return replace(self, constrained=False, schema=None)

    def answer_words(self, target: str) -> str:
        """Return what the model reads and writes for a target: a label's words, or the target itself."""
        return self.label_words[target] if self.label_words else target

    def blank(self) -> Inputs:
        """Return inputs without any text: what a prompt says beside them can be seen and counted."""
        return self.saying("")

    def saying(self, text: str) -> Inputs:
        """Return inputs all of whose fields hold this text."""
        return self._of(dict.fromkeys(self.fields, text))

    def placeholders(self) -> Inputs:
        """Return inputs that say where each field's text will stand: "{text}"."""
        return self._of({name: f"{{{name}}}" for name in self.fields})

    def _of(self, texts: Inputs) -> Inputs:
        return {name: one_turn(text) for name, text in texts.items()} if self.template == TURNS else texts

    def with_demonstrations(self, demonstrations: Sequence[Demonstration]) -> PromptProgram:
        """Return the same program with these demonstrations."""
        return replace(self, demonstrations=tuple(demonstrations), retrieval=None)

    def with_retrieval(self, pool: Sequence[Demonstration], k: int, by: Nearness = "words") -> PromptProgram:
        """Return the same program with demonstrations chosen for each input."""
        return replace(self, demonstrations=(), retrieval=Retrieval(pool=tuple(pool), k=k, by=by))

    def in_layout(self, layout: Layout) -> PromptProgram:
        """Return the same program in another layout."""
        return replace(self, layout=layout)

    def texts(self, inputs: Sequence[Inputs], embed: Embed | None = None) -> list[str]:
        """Return the text for each input in the plain layout: it ends where the answer begins."""
        texts = []
        for messages in self.prompts(inputs, embed):
            paragraphs: list[str] = []
            for message in messages:
                if message["role"] == "assistant":
                    paragraphs[-1] += f" {message['content']}"
                else:
                    paragraphs.append(message["content"])
            texts.append("\n\n".join(paragraphs))
        return texts

    def prompts(self, inputs: Sequence[Inputs], embed: Embed | None = None) -> list[list[Message]]:
        """Return the conversation for each input. `embed` is needed where demonstrations are near by hidden states."""
        template = None if self.template == TURNS else parse(self.template)
        return [self._messages(template, i, d) for i, d in zip(inputs, self._shown(inputs, embed), strict=True)]

    def as_text(self) -> str:
        """Return the prompt as a person reads it: each turn with who says it, "{field}" where an input will stand.

        Demonstrations that are chosen for each input are named by their number.
        """
        bare = replace(self, retrieval=None)
        turns = [f"{turn['role']}: {turn['content']}" for turn in bare.prompts([self.placeholders()])[0]]
        if self.retrieval is not None:
            near = "words" if self.retrieval.by == "words" else "hidden states"
            chosen = f"{self.retrieval.k} nearest of {len(self.retrieval.pool):,} examples by their {near}"
            turns.insert(len(turns) - 1, f"(the {chosen}, each as such a turn with its answer)")
        return "\n\n".join(turns)

    def _shown(self, inputs: Sequence[Inputs], embed: Embed | None) -> Sequence[Sequence[Demonstration]]:
        if self.retrieval is None:
            return [self.demonstrations] * len(inputs)
        pool, k = self.retrieval.pool, self.retrieval.k
        if not inputs:
            return []
        if self.retrieval.by == "states":
            if embed is None:
                raise ValueError("demonstrations that are near by hidden states need the model")
            found = nearest_states(embed([d.inputs for d in pool]), embed(inputs), k)
        else:
            index = _index(tuple(joined(d.inputs, self.fields) for d in pool))
            found = index.nearest([joined(i, self.fields) for i in inputs], k)
        return [[pool[i] for i in reversed(row)] for row in found]

    def _messages(
        self, template: Template | None, inputs: Inputs, demonstrations: Sequence[Demonstration]
    ) -> list[Message]:
        asked = self._turns(template, inputs)
        told = [self.instruction, *(turn["content"] for turn in asked if turn["role"] == "system")]
        messages: list[Message] = []
        if any(told):
            messages.append({"role": "system", "content": "\n\n".join(filter(None, told))})
        for demonstration in demonstrations:
            messages += [t for t in self._turns(template, demonstration.inputs) if t["role"] != "system"]
            messages.append({"role": "assistant", "content": self.answer_words(demonstration.target)})
        return messages + [turn for turn in asked if turn["role"] != "system"]

    def _turns(self, template: Template | None, inputs: Inputs) -> list[Message]:
        if template is None:
            return read_turns(inputs[self.fields[0]])
        return [{"role": "user", "content": self._fill(template, inputs)}]

    def _fill(self, template: Template, inputs: Inputs) -> str:
        values = {name: inputs[name] for name in self.fields}
        return substitute(template, {"labels": ", ".join(self.label_words.values()), **values})

    def to_json(self) -> dict[str, Json]:
        """Return the program as JSON values; `from_json` gives it back."""
        return {
            "instruction": self.instruction,
            "template": self.template,
            "fields": self.fields,
            "label_words": dict(self.label_words),
            "demonstrations": _demonstrations_json(self.demonstrations),
            "retrieval": None
            if self.retrieval is None
            else {
                "k": self.retrieval.k,
                "by": self.retrieval.by,
                "pool": _demonstrations_json(self.retrieval.pool),
            },
            "layout": self.layout,
            "answer_tokens": self.answer_tokens,
            "reasoning": None if self.reasoning is None else self.reasoning.to_json(),
            "constrained": self.constrained,
            "schema": self.schema,
        }

    @classmethod
    def from_json(cls, config: Mapping[str, Json]) -> Self:
        """Rebuild a program; what does not fit is a ValueError. Programs from before there was reasoning have none."""
        retrieval = optional(config, "retrieval", mapping)
        reasoning = optional({"reasoning": None, **config}, "reasoning", mapping)
        return cls(
            instruction=text(config, "instruction"),
            template=text(config, "template"),
            fields=texts(config, "fields"),
            label_words=pairs(config, "label_words"),
            demonstrations=_demonstrations(config, "demonstrations"),
            retrieval=None
            if retrieval is None
            else Retrieval(
                k=integer(retrieval, "k"),
                by=_one_of(NEARNESSES, retrieval, "by"),
                pool=_demonstrations(retrieval, "pool"),
            ),
            layout=_one_of(LAYOUTS, config, "layout"),
            answer_tokens=integer(config, "answer_tokens"),
            reasoning=None if reasoning is None else Reasoning.from_json(reasoning),
            **_form(config),
        )


def spec_words(spec: TaskSpec) -> dict[str, str]:
    """Return each label's words: the user's, else the label with spaces for underscores where that stays unique."""
    words = {label: spec.label_names.get(label, label.replace("_", " ").strip() or label) for label in spec.labels}
    if len(set(words.values())) < len(words):
        words = {label: spec.words(label) for label in spec.labels}
    return words


@lru_cache(maxsize=8)
def _index(pool: tuple[str, ...]) -> Neighbours:
    """Index a pool once, not for every call."""
    return Neighbours(pool)


Word = TypeVar("Word", bound=str)


def _one_of(allowed: Sequence[Word], config: Mapping[str, Json], key: str) -> Word:
    value = text(config, key)
    for word in allowed:
        if word == value:
            return word
    raise ValueError(f"field {key!r} must be one of {', '.join(allowed)}, got {value!r}")


class _Form(TypedDict):
    constrained: bool | None
    schema: Mapping[str, Json] | None


def _form(config: Mapping[str, Json]) -> _Form:
    """Return how answers are constrained; programs of earlier releases do not say."""
    said = {"constrained": None, "schema": None, **config}
    return _Form(constrained=optional(said, "constrained", truth), schema=optional(said, "schema", mapping))


def _demonstrations_json(demonstrations: Sequence[Demonstration]) -> list[Json]:
    return [{"inputs": dict(d.inputs), "target": d.target} for d in demonstrations]


def _demonstrations(config: Mapping[str, Json], key: str) -> tuple[Demonstration, ...]:
    found = []
    for entry in sequence(config, key):
        if not isinstance(entry, Mapping):
            raise ValueError(f"field {key!r} must hold objects, got {entry!r}")
        found.append(Demonstration(inputs=pairs(entry, "inputs"), target=text(entry, "target")))
    return tuple(found)
