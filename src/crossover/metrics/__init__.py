"""Per-example scores, strict and lenient parsing of answers, corpus aggregates."""

from crossover.metrics.base import Metric
from crossover.metrics.labels import read_label, read_label_strictly
from crossover.metrics.registry import default_metric, get_metric, metric_names

__all__ = ["Metric", "default_metric", "get_metric", "metric_names", "read_label", "read_label_strictly"]
