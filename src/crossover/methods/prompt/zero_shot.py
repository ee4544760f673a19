"""`zero-shot`: the task's instruction, a frozen model, no demonstrations."""

from __future__ import annotations

__all__ = ["UserPrompt", "ZeroShot"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, PromptProgram
from crossover.candidate.program import LAYOUTS, Layout
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.methods.frozen import PRIOR_ROWS, choose_prior
from crossover.methods.written import DEV_ROWS, LIKELIHOOD_ROWS, choose_program, layouts_for
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec


class ZeroShot(Method):
    """The default program as it stands. With labels, layout and prior correction are chosen on them.

    For math the default instruction asks for steps, so this is a chain of thought already; `cot` bounds it.
    """

    name: ClassVar[str] = "zero-shot"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 0
    summary: ClassVar[str] = "the instruction alone"

    layouts: ClassVar[tuple[Layout, ...]] = LAYOUTS

    def program(self, spec: TaskSpec) -> PromptProgram:
        """Return what is said to the model."""
        return PromptProgram.default(spec)

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
        """Estimate the label prior on unlabelled inputs; with labels, keep it only when it helps."""
        if model is None:
            raise TrialError(f"{self.name} needs a language model")
        meter = Meter(model)
        program = self.program(spec)
        if program.is_open:
            layouts = [layout for layout in layouts_for(spec, labelled) if layout in self.layouts]
            candidate, tried, dev = choose_program(
                {layout: program.in_layout(layout) for layout in layouts},
                labelled[:LIKELIHOOD_ROWS],
                labelled[:DEV_ROWS],
                spec,
                metric,
                model,
            )
        else:
            candidate, tried, dev = choose_prior(program, labelled, unlabelled, spec, metric, model, self.layouts)
        return Fitted(
            candidate=candidate,
            tried=tried,
            dev_score=dev,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Every row is read once, labels and some more once a layout."""
        if shape.written:
            rows = min(budget, LIKELIHOOD_ROWS) * len(self.layouts)
            written = min(budget, DEV_ROWS) * len(self.layouts) + shape.n_test
            read = rows * (shape.row + shape.answer) + written * shape.row
            return Cost(read=shape.prefix * 3 + read, written=written * shape.written)
        n_rows = (len(self.layouts) if budget else 1) * (budget + PRIOR_ROWS)
        read = n_rows * (shape.row + shape.answer_tree) + shape.n_test * shape.test_row
        return Cost(read=shape.prefix * 3 + read)


class UserPrompt(ZeroShot):
    """`prompt:NAME`: a prompt that the user wrote, word by word."""

    summary: ClassVar[str] = "a prompt of your own, from --prompt FILE"

    layouts: ClassVar[tuple[Layout, ...]] = ("chat",)

    def __init__(self, name: str, template: str) -> None:
        """Take the prompt's name and text with {field} substitution."""
        self.name = f"prompt:{name}"  # type: ignore[misc]  # a class attribute in all other methods
        self._template = template

    def program(self, spec: TaskSpec) -> PromptProgram:
        """Return the user's prompt as a program."""
        return PromptProgram.of_prompt(self._template, spec)

    def wording(self, spec: TaskSpec) -> tuple[str, ...]:
        """Return the prompt's text."""
        return (self._template,)
