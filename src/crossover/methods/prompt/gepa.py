"""`gepa`: the instruction, rewritten by a stronger model that reads what went wrong."""

from __future__ import annotations

__all__ = ["Gepa"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

from crossover.candidate import Candidate, PromptProgram
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import Choice, chosen_score, folds
from crossover.methods.effort import Meter, allowance, planned_allowance
from crossover.methods.frozen import NO_CORRECTION, PRIOR_ROWS, best_of, laid_out_options
from crossover.methods.prompt.rating import MOST_TOKENS, Rater
from crossover.methods.start import PROMPTED, Beginning, begin
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import LIKELIHOOD_ROWS, layouts_for, likeliest
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.model.reflector import REPLY_TOKENS, Reflector
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Json, Kind, TaskSpec

_JUDGING = 64
"""Most rows that rate an instruction where answers are labels; as many as `prompt-search`'s last rung."""

_FEWEST = 4
"""Rows without those that the prompt shows, at least: half teach, half judge."""

_A_ROUND = 4_000
"""Token passes of a reflection, its rows, and the new instruction's label prior, about (docs/log.md, 2026-11-25)."""

_ALONE = 8
"""One reply at a time takes about so many times as long a token as many answers at once."""


class Gepa(Method):
    """Reflective evolution of the instruction (GEPA, Agrawal et al. 2025, arXiv:2507.19457).

    Half of the labels teach: the model answers three of them, and the reflector reads the instruction, the answers and
    what would have been right, and writes another instruction. Where that is better on the three, the other half of the
    labels rates it, and it joins the instructions that may be rewritten next: those that are best on some row. What the
    reflector reads and writes counts among the token passes.

    Layout and label prior are chosen on the teaching half as `zero-shot` chooses them. Demonstrations are not added;
    those of the prompt that it goes on from stay, and judge nothing.
    """

    name: ClassVar[str] = "gepa"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 4
    goes_on_from: ClassVar[tuple[Family, ...]] = PROMPTED
    summary: ClassVar[str] = "the instruction rewritten by a stronger model that reads mistakes: --reflector MODEL"

    def __init__(self, reflector: Reflector | None = None) -> None:
        """Take who rewrites. Without one the method is there by name only, and no study runs it unasked."""
        self._reflector = reflector
        self.is_default = reflector is not None  # type: ignore[misc]  # a class attribute in all other methods

    def lacks(self) -> str | None:
        """Return what is missing: a reflector, or the package."""
        if self._reflector is None:
            return "gepa needs a reflector, a stronger model that rewrites prompts: --reflector MODEL"
        if find_spec("gepa") is None:
            return "gepa needs the package gepa, which is not installed: pip install 'crossover-lm[reflect]'"
        return None

    def wording(self, spec: TaskSpec) -> tuple[str, ...]:
        """Return who reflects."""
        return () if self._reflector is None else (self._reflector.name, self._reflector.sha256)

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
        """Rewrite within the effort's token passes, and take the instruction that is best on the judging half.

        Raises:
            TrialError: there is no model, no reflector, or the package is not installed.
        """
        if model is None:
            raise TrialError("gepa needs a language model")
        lacking = self.lacks()
        if self._reflector is None or lacking:
            raise TrialError(str(lacking))
        from crossover.methods.prompt.evolving import evolve  # noqa: PLC0415  # an extra: without a reflector not there

        meter = Meter(model)
        model.forget()  # what is spent decides when to stop: it must not depend on what was asked before
        begun = begin(spec, start)
        parts = _divided(begun, labelled, seed)
        bound = allowance(parts.program, labelled, model, effort)
        program, correction, first = _laid_out(begun, parts, unlabelled, spec, metric, model)
        shown = [one.inputs for one in program.demonstrations]
        others = [one for one in unlabelled if one not in shown][:PRIOR_ROWS] or [row.inputs for row in parts.taught]
        rater = Rater(begun, program, correction, labelled, others, spec, metric, model)
        evolved = evolve(
            program.instruction,
            rater,
            parts.taught,
            parts.judging,
            self._reflector,
            model,
            spent=lambda: meter.token_passes,
            bound=bound,
            seed=seed,
        )
        choices = {one: rater.choice(one, parts.judging) for one in evolved.instructions}
        best = max(choices, key=lambda one: choices[one].key())
        said: dict[str, Json] = {"layout": program.layout, "prior": correction, "reflector": self._reflector.name}
        return Fitted(
            candidate=rater.candidate(best),
            tried=(*first, *_tried(rater, choices, said)),
            dev_score=chosen_score(list(choices.values())),
            labels_used=len(labelled),
            token_passes=meter.token_passes + evolved.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Its allowance, of which each round's reply is written alone, then the test."""
        passes = planned_allowance(shape, budget, effort)
        written = max(passes // _A_ROUND, 1) * REPLY_TOKENS // 2
        if shape.written:
            return Cost(
                read=passes + shape.n_test * shape.row,
                written=_ALONE * written + (min(budget, WRITTEN_ROWS) + shape.n_test) * shape.written,
                added=MOST_TOKENS,
                shown=MOST_TOKENS // 4,
            )
        return Cost(
            read=passes + shape.n_test * shape.test_row,
            written=_ALONE * written,
            added=MOST_TOKENS,
            shown=MOST_TOKENS // 4,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What the search begins with: a program, the rows that teach and those that judge."""

    program: PromptProgram
    taught: Sequence[Example]
    judging: Sequence[Example]


def _divided(begun: Beginning, labelled: Sequence[Example], seed: int) -> _Parts:
    """Return the labels in halves, without those that the prompt shows; it shows none where too few would be left."""
    program = begun.program if begun.program.retrieval is None else begun.bare
    shown = [one.inputs for one in program.demonstrations]
    rows = [row for row in labelled if row.inputs not in shown]
    if len(rows) < _FEWEST:
        program, rows = begun.bare, list(labelled)
    judging, taught = ([rows[i] for i in part] for part in folds(rows, 2, seed))
    return _Parts(program=program, taught=taught, judging=judging[: WRITTEN_ROWS if program.is_open else _JUDGING])


def _laid_out(
    begun: Beginning,
    parts: _Parts,
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
) -> tuple[PromptProgram, str, tuple[Configuration, ...]]:
    """Return the program in its layout, how its label prior is corrected, and what was tried for it.

    An adapter is read as it was trained.
    """
    program = parts.program
    if begun.is_trained:
        return program, NO_CORRECTION, ()
    if program.is_open:
        laid_out = [program.in_layout(layout) for layout in layouts_for(spec, parts.taught)]
        return likeliest(laid_out, parts.taught[:LIKELIHOOD_ROWS], model), NO_CORRECTION, ()
    shown = [one.inputs for one in program.demonstrations]
    others = [one for one in unlabelled if one not in shown][:PRIOR_ROWS]
    found = laid_out_options(program, parts.taught, others, spec, metric, model)
    best = best_of(found)
    return best.candidate.program, best.correction, tuple(one.configuration() for one in found)


def _tried(rater: Rater, choices: Mapping[str, Choice], said: Mapping[str, Json]) -> list[Configuration]:
    """Return every instruction with its score: on the judging rows, or where it never came so far on those it saw."""
    found = []
    for instruction, rated in rater.rated.items():
        scores = [one.score for one in rated.values()]
        judged = choices.get(instruction)
        settings = {**said, "instruction": instruction, "rows": len(judged.rows) if judged else len(scores)}
        found.append(Configuration(settings=settings, dev_score=judged.score if judged else sum(scores) / len(scores)))
    return found
