"""The metrics that there are: ours, written down here, and those of other packages, by entry point."""

from __future__ import annotations

__all__ = ["default_metric", "get_metric", "metric_names"]

from importlib.metadata import EntryPoint, entry_points

from crossover.errors import OptionError, closest
from crossover.metrics.accuracy import Accuracy
from crossover.metrics.base import Metric
from crossover.records import Kind

GROUP = "crossover.metrics"

_METRICS: dict[str, Metric] = {metric.name: metric for metric in (Accuracy(),)}
_DEFAULTS: dict[Kind, str] = {"classification": "accuracy"}


def metric_names() -> tuple[str, ...]:
    """Return the names of all metrics, ours first; nothing from another package is imported for it."""
    return (*_METRICS, *(name for name in _entry_points() if name not in _METRICS))


def get_metric(name: str) -> Metric:
    """Return the metric of this name; another package's is imported now, and ours cannot be replaced by it.

    Raises:
        OptionError: no such metric, or its package does not load.
    """
    if name in _METRICS:
        return _METRICS[name]
    found = _entry_points().get(name)
    if found is None:
        near = closest(name, metric_names())
        hint = [f'did you mean "{near}"?'] if near else []
        raise OptionError(f'there is no metric "{name}".', "metrics: " + ", ".join(metric_names()), *hint)
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


def default_metric(kind: Kind) -> Metric:
    """Return the kind's primary metric.

    Raises:
        OptionError: this version cannot score the kind.
    """
    if kind not in _DEFAULTS:
        raise OptionError(f"kind {kind} has no metric yet.", "kinds with one: " + ", ".join(_DEFAULTS))
    return _METRICS[_DEFAULTS[kind]]


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
