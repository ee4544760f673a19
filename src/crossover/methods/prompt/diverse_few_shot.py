"""`diverse-few-shot`: fixed demonstrations that stand for as many of the labelled examples as possible."""

from __future__ import annotations

__all__ = ["DiverseFewShot", "representatives"]

import random
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from crossover.candidate import Candidate
from crossover.candidate.head import head_tokens
from crossover.candidate.neighbours import Neighbours, state_similarity
from crossover.candidate.wording import joined
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.shown import DRAWS, Draw, choose_shown, judged_by, shown_cost
from crossover.methods.start import PROMPTED, begin
from crossover.metrics import Metric
from crossover.model.base import Capability, FloatArray, LanguageModel
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec


class DiverseFewShot(Method):
    """Up to 8 demonstrations, labels spread evenly, to which the other examples are as near as can be.

    Near by words and by the model's hidden states: two sets, of which the better one on the other labelled rows is
    taken. The sets maximise the sum over examples of the similarity to the nearest demonstration (facility location,
    greedily; Lin & Bilmes 2011, ACL P11-1052): one for every group of alike examples, none twice.
    """

    name: ClassVar[str] = "diverse-few-shot"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 2
    goes_on_from: ClassVar[tuple[Family, ...]] = PROMPTED
    summary: ClassVar[str] = "up to 8 fixed demonstrations that stand for all others"

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        """Let the representatives by words and by states compete."""
        if model is None:
            raise TrialError("diverse-few-shot needs a language model")

        def draws(most: int) -> list[Draw]:
            k = min(most, max(len(labelled) // 2, 1))
            shown = [representatives(near, labelled, k) for near in _similarities(labelled, spec, model)]
            different = list(dict.fromkeys(map(tuple, shown)))
            generator = random.Random(f"crossover.diverse-few-shot/{seed}")
            return [judged_by(len(labelled), one, generator) for one in different]

        return choose_shown(draws, begin(spec, start), labelled, unlabelled, spec, model, metric, effort)

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """As `few-shot`, and the labelled rows read once for their states."""
        cost = shown_cost(shape, budget, DRAWS)
        return Cost(read=cost.read + budget * shape.row, written=cost.written, added=cost.added)


def representatives(similarity: FloatArray, rows: Sequence[Example], k: int) -> list[int]:
    """Return k rows to which all rows are near, the most telling one last.

    Args:
        similarity: of rows to each other, [rows, rows].
        rows: their labels are spread evenly: none has two more than another that still has rows.
        k: how many.
    """
    chosen: list[int] = []
    nearest = np.full(len(rows), -1.0)
    taken: Counter[str | None] = Counter()
    repeats = Counter(row.target for row in rows)
    labels = [row.target if repeats[row.target] > 1 else None for row in rows]
    while len(chosen) < k:
        left = [i for i in range(len(rows)) if i not in chosen]
        fewest = min(taken[labels[i]] for i in left)
        open_rows = [i for i in left if taken[labels[i]] == fewest]
        gains = [float(np.maximum(similarity[:, i], nearest).sum()) for i in open_rows]
        best = open_rows[int(np.argmax(gains))]
        chosen.append(best)
        taken[labels[best]] += 1
        nearest = np.maximum(nearest, similarity[:, best])
    return chosen[::-1]


def _similarities(labelled: Sequence[Example], spec: TaskSpec, model: LanguageModel) -> list[FloatArray]:
    texts = [joined(e.inputs, spec.input_fields) for e in labelled]
    found = [Neighbours(texts).similarity(texts)]
    if "embed" in model.capabilities:
        states = model.embed([head_tokens(model, e.inputs, spec.input_fields) for e in labelled])
        found.insert(0, state_similarity(states, states))
    return found
