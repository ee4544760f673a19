"""Which rows a contrastive step compares: several of each label, and the label's own words among them."""

from __future__ import annotations

__all__ = ["Together"]

from collections import defaultdict
from collections.abc import Iterator, Sequence

from crossover.candidate import PromptProgram
from crossover.candidate.head import head_tokens
from crossover.methods.weights.batches import batches
from crossover.model.base import LanguageModel
from crossover.model.engine.forest import Forest
from crossover.records import Example, TaskSpec

_FEWEST_OF_A_LABEL = 2


class Together:
    """Labelled rows as token sequences in groups, one group a label.

    Attributes:
        tokens: of each row, then of each label among them its words, as a row's text would be read. So a label with one
            row has something to be drawn to.
        groups: of each of `tokens` the number of its label.
    """

    def __init__(self, spec: TaskSpec, rows: Sequence[Example], model: LanguageModel) -> None:
        """Take the label budget."""
        words = PromptProgram.default(spec).label_words
        labels = sorted({str(row.target) for row in rows})
        number = {label: place for place, label in enumerate(labels)}
        self._n_rows = len(rows)
        self.tokens = [head_tokens(model, row.inputs, spec.input_fields) for row in rows]
        self.tokens += [model.render([{"role": "user", "content": words[label]}]) for label in labels]
        self.groups = [*(number[str(row.target)] for row in rows), *number.values()]

    @property
    def rows(self) -> list[tuple[int, ...]]:
        """The rows' tokens alone."""
        return self.tokens[: self._n_rows]

    @property
    def n_labels(self) -> int:
        """How many labels the rows have: with one there is nothing to tell apart."""
        return len(self.tokens) - self._n_rows

    def batches(self, among: Sequence[int], size: int, seed: int) -> Iterator[list[int]]:
        """Yield batches of places in `tokens`: as many of each label as of the next, about `size` in all.

        Each round goes through the labels, and each label through its rows and its words, in a shuffled order.

        Args:
            among: the rows that may be taken, with the words of their labels.
            size: of a batch; larger where that is fewer than two of one label.
            seed: of the order.
        """
        members: dict[int, list[int]] = defaultdict(list)
        for i in among:
            members[self.groups[i]].append(i)
        for label, found in members.items():
            found.append(self._n_rows + label)
        of_each = max(_FEWEST_OF_A_LABEL, size // len(members))
        rounds = {label: batches(found, f"{seed}/{label}", of_each) for label, found in members.items()}
        for labels in batches(list(members), f"{seed}/labels", max(size // of_each, 1)):
            yield [i for label in labels for i in next(rounds[label])]

    def n_tokens(self, batch: Sequence[int]) -> int:
        """Return the tokens that one step on a batch computes: shared beginnings count once."""
        forest = Forest()
        for i in batch:
            forest.add(self.tokens[i])
        return len(forest)
