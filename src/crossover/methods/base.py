"""The contract of a method: one way of adapting a pre-trained model to a task."""

from __future__ import annotations

__all__ = ["Cost", "Fitted", "Method", "Shape"]

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from crossover.candidate import Candidate
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import Configuration, Example, Family, Inputs, Kind, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What `Method.fit` returns.

    Attributes:
        candidate: everything needed to predict.
        tried: every configuration tried, with its dev score.
        dev_score: the chosen configuration's score on rows of the budget that it was not fitted on; None without any.
        labels_used: labelled examples that were looked at.
        token_passes: tokens through the model: 1 a token read, 3 a token trained on.
        seconds: wall clock.
    """

    candidate: Candidate
    tried: tuple[Configuration, ...]
    dev_score: float | None
    labels_used: int
    token_passes: int
    seconds: float


_SEARCHED_NODES = 48
"""Nodes that a best-first search takes: 35 of 151 on banking77, each half as dear again (docs/log.md, 2026-11-23)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the planner knows of a task before anything runs, in tokens of the model that will be used.

    Attributes:
        prefix: the default prompt without input: instruction and turns, computed once for many inputs.
        row: one input with its turn, beyond the prefix.
        answer_tree: nodes that one input's labels add.
        answer: one answer, end of turn included.
        n_test: held-out rows.
        longest: the longest sampled prompt with its answer, prefix and all.
        written: tokens that the model writes for one answer, about; 0 where answers are labels.
        freely: tokens that it writes for one answer beside or in place of what `written` says, about; 0 where answers
            are taken in the kind's own way. The planner adds them, methods need not.
        probes: tokens of all probes together. The planner adds them, too.
    """

    prefix: int
    row: int
    answer_tree: int
    answer: int
    n_test: int
    longest: int = 0
    written: int = 0
    freely: int = 0
    probes: int = 0

    @property
    def test_row(self) -> int:
        """One test row with its answer. Of a large label tree only the best are computed (model.engine.best)."""
        return self.row + min(self.answer_tree, _SEARCHED_NODES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Tokens that fitting and measuring one trial will compute.

    Attributes:
        read: read once.
        trained: trained on.
        written: written, one after another.
        added: what a prompt is longer than the default one: demonstrations. Memory is planned with it.
        shown: what a call's prompt will be longer by, about; None: all that is added.
        each: how much of that a call computes anew, about: where demonstrations are chosen for each input.
    """

    read: int = 0
    trained: int = 0
    added: int = 0
    written: int = 0
    shown: int | None = None
    each: int = 0


class Method(ABC):
    """One way of adapting a pre-trained model.

    What every method keeps (`crossover.methods.conformance.check` tests it):

    - `fit` sees labelled examples of its budget and unlabelled inputs of the training split, nothing else, and never
      more labels than it was given; it never sees held-out rows and never grades itself on them;
    - labels spent on choosing are part of the budget; every configuration tried is reported with its dev score;
    - it keeps to its effort: effort 1 is `crossover.methods.effort.allowance`, in token passes;
    - the same arguments give the same candidate; no state is kept between calls; the model is left as it was found;
    - what it returns is one of the closed set of candidate types.

    Another package adds one by the entry point group `crossover.methods`: the entry point's name is the method's name,
    its object a class without arguments.

    Attributes:
        name: as users type it, for example "knn-few-shot".
        family: baseline, prompt, weights or both.
        kinds: task kinds that it can serve.
        needs: what the model must be able to do; empty for methods without a model.
        min_budget: fewest labels that it can work with.
        min_unlabelled: fewest inputs of the training split without a label in the budget that it can work with.
        is_core: whether a study that is short of time runs it first: the plain way of its family.
        is_default: whether a study that names no methods runs it; the others are asked for by name.
        precision: the precision of the model's weights that it is about, for example "nf4"; None: the study's.
        goes_on_from: families whose candidates `fit` takes as `start`; empty for methods that only begin.
        summary: one line for `crossover methods`.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    kinds: ClassVar[tuple[Kind, ...]] = ("classification",)
    needs: ClassVar[frozenset[Capability]] = frozenset()
    min_budget: ClassVar[int] = 1
    min_unlabelled: ClassVar[int] = 0
    is_core: ClassVar[bool] = False
    is_default: ClassVar[bool] = True
    precision: ClassVar[str | None] = None
    goes_on_from: ClassVar[tuple[Family, ...]] = ()
    summary: ClassVar[str]

    @abstractmethod
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
        """Adapt to the task.

        Args:
            spec: the task.
            labelled: the label budget, all of it.
            unlabelled: inputs of the training split.
            model: the pre-trained model; None only for methods that need none.
            metric: scores an answer; the study's primary metric.
            effort: how much compute may be spent, 1 = one default LoRA fit.
            seed: all randomness comes from it.
            start: a candidate to go on from, for methods in sequence; None to begin with the base model.

        Raises:
            TrialError: this method cannot be fitted to this task.
        """

    @abstractmethod
    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Return the tokens that a trial will take, roughly: for the plan."""

    def wording(self, spec: TaskSpec) -> tuple[str, ...]:
        """Return what makes this method's trials other trials beside its name: a prompt's text, a reflector's name."""
        return ()

    def lacks(self) -> str | None:
        """Return in one line what it needs whatever the task, and does not have: a package, a second model."""
        return None

    def unsuitable(self, spec: TaskSpec, budget: int, capabilities: frozenset[Capability] | None) -> str | None:
        """Return in one line why the method cannot serve this task, model and budget, or None when it can."""
        if spec.kind not in self.kinds:
            return f"{self.name} is for {', '.join(self.kinds)}, not for {spec.kind}"
        if lacking := self.lacks():
            return lacking
        if budget < self.min_budget:
            plural = "s" * (self.min_budget != 1)
            return f"{self.name} needs at least {self.min_budget} label{plural}, the budget is {budget}"
        needs = self.needs | {"generate"} if self.needs and spec.kind != "classification" else self.needs
        missing = needs - (capabilities or frozenset())
        if missing:
            return f"{self.name} needs a model that can {', '.join(sorted(missing))}"
        return None
