"""Per-example scores, strict and lenient parsing of answers, corpus aggregates."""

from crossover.metrics.accuracy import per_class
from crossover.metrics.base import Metric
from crossover.metrics.labels import read_label, read_label_strictly
from crossover.metrics.registry import get_metric, metric_for, metric_names

__all__ = [
    "Metric",
    "get_metric",
    "metric_for",
    "metric_names",
    "per_class",
    "read_label",
    "read_label_strictly",
]
