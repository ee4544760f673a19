"""Every registered method keeps its promises, and the suite goes red on one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from crossover.candidate import Candidate, CandidateParts, ConstantCandidate, Predictor
from crossover.methods import Cost, Fitted, Method, Shape, method_names, named_methods
from crossover.methods.conformance import check
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.metrics import Metric, get_metric
from crossover.model.base import Capability, LanguageModel
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Configuration, Example, Family, Inputs, Kind, Prediction, TaskSpec
from tests.methods.reflecting import ready
from tests.methods.test_open_kinds import task_of


@pytest.mark.parametrize("name", named_methods(["all"], "classification"))
def test_registered_methods_conform(tiny: LocalModel, spec: TaskSpec, rows: tuple[Example, ...], name: str) -> None:
    check(ready(name), tiny, spec, rows)


def test_a_users_prompt_conforms(tiny: LocalModel, spec: TaskSpec, rows: tuple[Example, ...]) -> None:
    method = UserPrompt("mine", "Which of {labels} is this? {text}")
    assert method.name == "prompt:mine"
    check(method, tiny, spec, rows)


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("effort", [0.05, 0.2])
def test_no_more_labels_than_the_budget(
    tiny: LocalModel, spec: TaskSpec, rows: tuple[Example, ...], name: str, effort: float
) -> None:
    method = ready(name)
    if "classification" not in method.kinds:
        spec, rows = task_of(method.kinds[0])
    metric = get_metric(spec.metric)
    for budget in (method.min_budget, method.min_budget + 1, 11):
        fitted = method.fit(
            spec, rows[:budget], [row.inputs for row in rows], model=tiny, metric=metric, effort=effort, seed=1
        )
        assert fitted.labels_used <= budget
        assert fitted.token_passes >= 0
        assert fitted.seconds >= 0
        scored = [t.dev_score for t in fitted.tried if t.dev_score is not None]
        assert fitted.dev_score is None or (scored and 0 <= fitted.dev_score <= 1)
        assert budget or fitted.dev_score is None


# ---------------------------------------------------------------------------------------------- a method for each fault


class Odd(Candidate):
    """Of none of the types."""

    type: ClassVar[str] = "odd"

    @property
    def needs_model(self) -> bool:
        return False

    def predictor(self, model: LanguageModel | None) -> Predictor:
        return lambda inputs: [Prediction(answer="refund") for _ in inputs]

    def parts(self) -> CandidateParts:
        return CandidateParts(type="odd", config={})

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Odd:
        return cls()


class Forgetful(ConstantCandidate):
    """Writes something else than what it answers."""

    def parts(self) -> CandidateParts:
        return CandidateParts(type="constant", config={"answer": "delivery"})


class Crowded(ConstantCandidate):
    """Answers otherwise among others."""

    def predictor(self, model: LanguageModel | None) -> Predictor:
        return lambda inputs: [Prediction(answer="refund" if len(inputs) > 1 else "delivery") for _ in inputs]

    def parts(self) -> CandidateParts:
        return CandidateParts(type="constant", config={"answer": "refund"})


class Faulty(Method):
    """Always `refund`, with one fault."""

    name: ClassVar[str] = "faulty"
    family: ClassVar[Family] = "baseline"
    summary: ClassVar[str] = "always refund"

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0

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
        self.calls += 1
        if self.fault == "rows":
            labelled[0].inputs["text"] = "rewritten"  # type: ignore[index]  # that is the fault
        if self.fault == "model":
            assert isinstance(model, LocalModel)
            model._network.lm_head.weight.data.mul_(1.01)
        answers = {"label": "no such label", "seed": ("refund", "delivery")[self.calls % 2]}
        candidate: Candidate = ConstantCandidate(answer=answers.get(self.fault, "refund"))
        if self.fault == "type":
            candidate = Odd()
        if self.fault == "saved":
            candidate = Forgetful(answer="refund")
        if self.fault == "alone":
            candidate = Crowded(answer="refund")
        dev_score = 7.0 if self.fault == "dev" else 0.5
        return Fitted(
            candidate=candidate,
            tried=() if self.fault == "tried" else (Configuration(settings={}, dev_score=dev_score),),
            dev_score=dev_score,
            labels_used=17 if self.fault == "labels" else 16,
            token_passes=10**9 if self.fault == "effort" else 0,
            seconds=0.0,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        return Cost(read=-1 if self.fault == "cost" else 0)


class Nameless(Faulty):
    name: ClassVar[str] = ""


class Stranger(Faulty):
    family: ClassVar[Family] = "magic"  # type: ignore[assignment]


class Elsewhere(Faulty):
    kinds: ClassVar[tuple[Kind, ...]] = ("classification", "poetry")  # type: ignore[assignment]


class Demanding(Faulty):
    needs: ClassVar[frozenset[Capability]] = frozenset({"dream"})  # type: ignore[arg-type]


class Greedy(Faulty):
    def unsuitable(self, spec: TaskSpec, budget: int, capabilities: frozenset[Capability] | None) -> str | None:
        return None


FAULTS: dict[str, tuple[Method, str]] = {
    "none": (Faulty(""), ""),
    "name": (Nameless(""), "it has a name and a summary"),
    "family": (Stranger(""), "its family is one of"),
    "kinds": (Elsewhere(""), "its kinds are known kinds"),
    "needs": (Demanding(""), "it can serve the task: faulty needs a model that can dream"),
    "budget": (Greedy(""), "it refuses a budget below its least"),
    "rows": (Faulty("rows"), "it leaves its rows as they were"),
    "type": (Faulty("type"), "its candidate is of the closed set of types"),
    "labels": (Faulty("labels"), "it uses no more labels than its budget"),
    "tried": (Faulty("tried"), "it reports what it tried"),
    "dev": (Faulty("dev"), "its dev score lies in 0..1"),
    "effort": (Faulty("effort"), "it keeps to its effort"),
    "model": (Faulty("model"), "it leaves the model as it found it"),
    "label": (Faulty("label"), "it answers with labels of the task"),
    "seed": (Faulty("seed"), "the same seed gives the same candidate"),
    "saved": (Faulty("saved"), "its candidate survives being saved and loaded"),
    "alone": (Faulty("alone"), "an input is answered the same alone and among others"),
    "cost": (Faulty("cost"), "it can say what it costs"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_promise_is_named(spec: TaskSpec, rows: tuple[Example, ...], fault: str) -> None:
    method, promise = FAULTS[fault]
    model = tiny_model()
    own = [replace(row, inputs=dict(row.inputs)) for row in rows]
    if not promise:
        check(method, model, spec, own)
        return
    with pytest.raises(AssertionError) as caught:
        check(method, model, spec, own)
    assert str(caught.value).startswith(f"a method promises that {promise}")
