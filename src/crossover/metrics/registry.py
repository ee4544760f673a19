"""The metrics that there are: ours, written down here, and those of other packages, by entry point.

Each is imported when it is first asked for: ROUGE's stemmer and sacrebleu take a second that a classification need not
wait for.
"""

from __future__ import annotations

__all__ = ["get_metric", "metric_for", "metric_names"]

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from crossover.errors import OptionError, closest
from crossover.metrics.base import Metric
from crossover.records import Kind

GROUP = "crossover.metrics"

_OURS: Mapping[str, str] = {
    "accuracy": "crossover.metrics.accuracy:Accuracy",
    "field_f1": "crossover.metrics.fields:FieldF1",
    "token_f1": "crossover.metrics.qa:TokenF1",
    "exact_match": "crossover.metrics.qa:ExactMatch",
    "choice_accuracy": "crossover.metrics.choice:ChoiceAccuracy",
    "numeric_match": "crossover.metrics.numeric:NumericMatch",
    "rouge_l": "crossover.metrics.rouge:RougeL",
    "rouge_1": "crossover.metrics.rouge:Rouge1",
    "rouge_2": "crossover.metrics.rouge:Rouge2",
    "chrf": "crossover.metrics.chrf:Chrf",
    "rules": "crossover.metrics.rules:Rules",
}

_OF_KIND: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("accuracy",),
    "extraction": ("field_f1",),
    "qa": ("token_f1", "exact_match", "choice_accuracy"),
    "math": ("numeric_match",),
    "summarization": ("rouge_l", "rouge_1", "rouge_2", "rules"),
    "translation": ("chrf",),
    "chat": ("rouge_l", "rouge_1", "rouge_2", "rules"),
    "generation": ("rouge_l", "rouge_1", "rouge_2", "rules", "exact_match"),
}
"""Kind -> the names of ours that score it, its default first; each metric says the same in its `kinds`."""

_BY_RULES: tuple[Kind, ...] = ("chat", "generation")
"""Kinds whose rows are scored by their rules where they have any."""

_BESIDE: Mapping[str, str] = {
    "balanced_accuracy": "accuracy",
    "bleu": "chrf",
    "exact": "field_f1",
    "macro_f1": "accuracy",
    "pass_rate": "rules",
    "valid": "field_f1",
}
"""Numbers of a whole corpus that people ask for -> the metric beside which they stand."""


def metric_names(kind: Kind | None = None) -> tuple[str, ...]:
    """Return the names of all metrics, or of those of ours that score a kind, its default first.

    Nothing is imported for it: of another package's metric only its name is known.
    """
    if kind is not None:
        return _OF_KIND[kind]
    return (*_OURS, *(name for name in _entry_points() if name not in _OURS))


def metric_for(kind: Kind, name: str | None = None, *, has_checks: bool = False) -> Metric:
    """Return a task's primary metric: the one that is named, or the kind's.

    Args:
        kind: the task's.
        name: the user's choice.
        has_checks: whether its rows have rules that an answer must keep; chat and generation are then scored by them.

    Raises:
        OptionError: no such metric, it does not score the kind, or its package does not load.
    """
    if name is None:
        return get_metric("rules" if has_checks and kind in _BY_RULES else _OF_KIND[kind][0])
    allowed = f"metrics for {kind}: {', '.join(_OF_KIND[kind])}"
    if name not in metric_names():
        raise OptionError(f'there is no metric "{name}".', allowed, *_hints(name, _OF_KIND[kind]))
    metric = get_metric(name)
    if kind not in metric.kinds:
        raise OptionError(
            f'metric "{name}" does not score {kind}; it scores {", ".join(metric.kinds)}.',
            allowed,
            f"leave --metric away for {_OF_KIND[kind][0]}, or say --kind {metric.kinds[0]} if the task is one",
        )
    return metric


def get_metric(name: str) -> Metric:
    """Return the metric of this name; another package's is imported now, and ours cannot be replaced by it.

    Raises:
        OptionError: no such metric, or its package does not load.
    """
    if name in _OURS:
        return _our_metric(name)
    found = _entry_points().get(name)
    if found is None:
        raise OptionError(
            f'there is no metric "{name}".', "metrics: " + ", ".join(metric_names()), *_hints(name, metric_names())
        )
    try:
        loaded = found.load()
        metric = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:  # another package's code: whatever it raises, the user must hear whose it is
        raise OptionError(f'metric "{name}" of {found.value} does not load: {type(error).__name__}: {error}') from error
    if not isinstance(metric, Metric) or metric.name != name:
        raise OptionError(
            f'metric "{name}" of {found.value} is not a crossover.metrics.Metric of that name: {metric!r}.'
        )
    return metric


@cache
def _our_metric(name: str) -> Metric:
    loaded = EntryPoint(name=name, value=_OURS[name], group=GROUP).load()
    metric = loaded()
    assert isinstance(metric, Metric)
    return metric


def _hints(name: str, names: tuple[str, ...]) -> list[str]:
    beside = _BESIDE.get(name.casefold().replace("-", "_"))
    if beside is not None and beside in names:
        return [f"{name} is no score of a single answer: it stands beside {beside}"]
    near = closest(name, names)
    return [f'did you mean "{near}"?'] if near else []


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
