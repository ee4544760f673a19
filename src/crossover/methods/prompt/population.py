"""The programs that a prompt search compares."""

from __future__ import annotations

__all__ = ["Population", "Proposal"]

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from crossover.candidate import Demonstration, PromptProgram
from crossover.candidate.program import LAYOUTS, Layout, Nearness
from crossover.methods.beside import agreement, near_rows
from crossover.methods.prompt.few_shot import random_draws
from crossover.methods.prompt.wordings import label_wordings, wordings
from crossover.methods.shown import SHOWN
from crossover.methods.start import Beginning
from crossover.methods.written import layouts_for, shown_within
from crossover.model.base import LanguageModel
from crossover.records import Example, Json, TaskSpec

_DRAWN = 48
"""Programs drawn at random behind the first ones; how many of them are looked at depends on the effort."""

_FEWER = (1.0, 0.5, 0.0, 1.0)
"""Shares of the most demonstrations that a drawn program shows: what helps small models most comes most often."""

_AS_IS = "as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A program to be judged.

    Attributes:
        settings: what the store keeps of it; it tells proposals apart.
        program: as it would be served.
        shown: labelled rows that stand in every prompt, by index: they cannot judge it.
        near: for each labelled row its nearest others, nearest first, where demonstrations are chosen for each input.
    """

    settings: Mapping[str, Json]
    program: PromptProgram
    shown: tuple[int, ...] = ()
    near: Sequence[Sequence[int]] | None = None


class Population:
    """Makes programs from a wording, label words, a layout and demonstrations."""

    def __init__(
        self, begun: Beginning, labelled: Sequence[Example], spec: TaskSpec, model: LanguageModel, seed: int
    ) -> None:
        """Take what programs are made of.

        Args:
            begun: where the search begins. An adapter is read in the layout and with the label words that it was
                trained in.
            labelled: the budget.
            spec: the task.
            model: tells what is near, and how long demonstrations are.
            seed: of the draws.
        """
        self._begun, self._labelled, self._seed = begun, labelled, seed
        self._programs = wordings(begun.bare, spec)
        words = {"as given": begun.bare.label_words}
        self._words = words if begun.is_trained or begun.program.is_open else label_wordings(begun.bare.label_words)
        self._first_words = next(iter(self._words))
        self._layouts: tuple[Layout, ...] = (begun.program.layout,)
        if not begun.is_trained:
            self._layouts = layouts_for(spec, labelled) if begun.program.is_open else LAYOUTS
        self._most = min(SHOWN, max(len(labelled) // 2, 1))
        self._k = min(SHOWN, max(len(labelled) - 1, 1))
        if begun.program.is_open:
            self._most = shown_within(labelled, begun.bare, model, self._most)
            self._k = shown_within(labelled, begun.bare, model, self._k)
        self._near = near_rows(labelled, spec, self._k, model)
        self._first = random_draws(labelled, self._most, 1, seed)[0].shown

    def fixed(self) -> list[Proposal]:
        """Return programs whose demonstrations, if any, are the same for every input, each program once.

        First that of the step before, then what `few-shot` and `zero-shot` begin with; then draws.
        """
        found = self._given()
        for layout in self._layouts:
            found += [self._shown(_AS_IS, self._first_words, layout, shown) for shown in (self._first, ())]
        generator = random.Random(f"crossover.prompt-search/{self._seed}")
        for _ in range(_DRAWN):
            wording, words = generator.choice(list(self._programs)), generator.choice(list(self._words))
            found.append(self._shown(wording, words, generator.choice(self._layouts), self._drawn(generator)))
        different: dict[str, Proposal] = {}
        for one in found:
            different.setdefault(json.dumps(dict(one.settings), sort_keys=True), one)
        return list(different.values())

    def near(self, best: Proposal) -> list[Proposal]:
        """Return programs with each input's nearest rows as demonstrations: what `knn-few-shot` begins with, and what
        the best program without says.
        """
        said = [(_AS_IS, self._first_words, layout) for layout in self._layouts]
        own = tuple(best.settings.get(name) for name in ("wording", "label_words", "layout"))
        if None not in own and own not in said:
            said.append(cast("tuple[str, str, Layout]", own))
        return [self._beside(*one, by) for one in said for by in self._nearnesses()]

    def _nearnesses(self) -> tuple[Nearness, ...]:
        """Return what is near: by that of which more of a row's neighbours have its label; both where all differ."""
        same = agreement(self._labelled, self._near)
        best = max(same.values())
        return tuple(by for by in same if same[by] == best) if best else tuple(same)

    def _given(self) -> list[Proposal]:
        """Return the program of the step before, with its demonstrations, where it has any among the labels."""
        program = self._begun.program
        solved = [Demonstration.of(e) for e in self._labelled]
        if not program.demonstrations:
            return []
        shown = tuple(i for i, one in enumerate(solved) if one in program.demonstrations)
        return [Proposal(settings={"program": "of the step before"}, program=program, shown=shown)]

    def _shown(self, wording: str, words: str, layout: Layout, shown: Sequence[int]) -> Proposal:
        """Return a program with these rows as demonstrations, in this order."""
        demonstrations = [Demonstration.of(self._labelled[i]) for i in shown]
        ids: list[Json] = [self._labelled[i].id for i in shown]
        return Proposal(
            settings={"wording": wording, "label_words": words, "layout": layout, "demonstrations": ids},
            program=self._said(wording, words, layout).with_demonstrations(demonstrations),
            shown=tuple(shown),
        )

    def _beside(self, wording: str, words: str, layout: Layout, by: Nearness) -> Proposal:
        """Return a program with each input's nearest rows as demonstrations."""
        pool = [Demonstration.of(e) for e in self._labelled]
        return Proposal(
            settings={"wording": wording, "label_words": words, "layout": layout, "k": self._k, "near_by": by},
            program=self._said(wording, words, layout).with_retrieval(pool, self._k, by),
            near=self._near[by],
        )

    def _drawn(self, generator: random.Random) -> tuple[int, ...]:
        """Return rows to show, labels spread evenly, in some order."""
        k = round(self._most * generator.choice(_FEWER))
        return random_draws(self._labelled, k, 1, generator.randrange(10**6))[0].shown if k else ()

    def _said(self, wording: str, words: str, layout: Layout) -> PromptProgram:
        program = self._programs[wording].in_layout(layout)
        return replace(program, label_words=dict(self._words[words])) if program.label_words else program
