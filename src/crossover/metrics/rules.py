"""The share of its row's rules that an answer keeps."""

from __future__ import annotations

__all__ = ["Rules"]

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar, final

from crossover.errors import DataError
from crossover.metrics.base import Metric
from crossover.metrics.checks import Checks, read_checks
from crossover.metrics.readings import readings
from crossover.records import Example, Kind, TaskSpec

_Result = TypeVar("_Result", bound=float)


@final
class Rules(Metric):
    """The weighted share of a row's rules that the answer keeps (`crossover.metrics.checks` says which there are).

    Leniently, the best reading counts: space, a code fence, a lead-in or quotation marks around an answer may go.

    Aggregates: `pass_rate`, the share of answers that keep all rules of their row, or reach its threshold.

    A row without rules, rules that cannot be read and a pattern that takes too long are a `DataError` that names the
    row: no answer is wrong because of them. `check_rules` finds the first two, and most of the third, beforehand.
    """

    name: ClassVar[str] = "rules"
    kinds: ClassVar[tuple[Kind, ...]] = ("chat", "generation", "summarization")

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _decided(Checks.score, answer, example)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return max(_decided(Checks.score, reading, example) for reading in readings(answer))

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        passed = [
            _decided(Checks.passes, answer, example)
            for answer, example in zip(answers, examples, strict=True)
            if answer is not None
        ]
        return {"pass_rate": sum(passed) / len(passed)} if passed else {}


def _decided(decide: Callable[[Checks, str], _Result], answer: str, example: Example) -> _Result:
    if example.checks is None or not example.checks.strip():
        raise DataError(
            f"row {example.row} has no checks, and the metric is rules.",
            "give it a check, leave it out, or say another --metric",
        )
    try:
        checks = read_checks(example.checks)
    except ValueError as error:
        raise DataError(f"row {example.row}: its checks cannot be read: {error}.") from error
    try:
        return decide(checks, answer)
    except TimeoutError as error:
        raise DataError(
            f"row {example.row}: a regular expression of its checks takes too long on an answer.",
            f"checks: {example.checks[:200]}",
            "a repetition inside a repetition, as in (a+)+, is the usual cause",
        ) from error
    except DataError as error:
        raise DataError(f"row {example.row}: {error.message}", *error.details) from error
