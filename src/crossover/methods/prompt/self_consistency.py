"""`self-consistency`: several drawn paths of reasoning, and the answer that most of them reach."""

from __future__ import annotations

__all__ = ["SelfConsistency"]

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from crossover.candidate import Candidate, PromptedCandidate
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.methods.reasoning import choose_reasoning, reasoning_cost
from crossover.methods.written import written_score
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import Example, Family, Inputs, Kind, TaskSpec

_SAMPLES = 5
_TEMPERATURE = 0.7
_CHOOSING = 1 / 2
"""Share of the effort for choosing the program; the drawn paths on its dev rows take the rest."""


class SelfConsistency(Method):
    """Five paths at temperature 0.7 of the program that `cot` chooses (Wang et al. 2022, arXiv:2203.11171).

    A call writes five times as much. The program is chosen by its likeliest path; then the drawn ones answer the same
    dev rows, and from their score is taken off what the choice flattered its own.
    """

    name: ClassVar[str] = "self-consistency"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa", "math")
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "generate"})
    min_budget: ClassVar[int] = 0
    is_default: ClassVar[bool] = False
    summary: ClassVar[str] = f"the answer that most of {_SAMPLES} drawn paths of reasoning reach"

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
        """Choose as `cot` does, then draw."""
        if model is None:
            raise TrialError("self-consistency needs a language model")
        meter = Meter(model)
        chosen = choose_reasoning(spec, labelled, model, metric, effort * _CHOOSING, seed)
        assert chosen.program.reasoning is not None
        drawn = replace(chosen.program.reasoning, samples=_SAMPLES, temperature=_TEMPERATURE, seed=seed)
        program = replace(chosen.program, reasoning=drawn)
        dev_score = written_score(program, chosen.dev, spec, metric, model)
        if dev_score is not None and chosen.own_score is not None and chosen.dev_score is not None:
            dev_score = min(max(dev_score - chosen.own_score + chosen.dev_score, 0.0), 1.0)
        return Fitted(
            candidate=PromptedCandidate(program=program),
            tried=tuple(
                replace(one, settings={**one.settings, "samples": _SAMPLES, "temperature": _TEMPERATURE})
                for one in chosen.tried
            ),
            dev_score=dev_score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """What `cot` takes, and five paths for each dev and each test row."""
        return reasoning_cost(shape, budget, _SAMPLES)
