"""Intervals, paired comparisons, correction, power and learning curves: numbers in, numbers out."""

from crossover.stats.calibration import Calibration, CalibrationBin, calibration
from crossover.stats.components import Clusters
from crossover.stats.correction import holm
from crossover.stats.curve_rows import CurveRow
from crossover.stats.curves import CurveEstimate, crossover_point, data_advantage
from crossover.stats.growth import Growth, LabelPoint, further_gain
from crossover.stats.intervals import MeanScore, arm_interval, wilson
from crossover.stats.paired import Comparison, compare
from crossover.stats.power import (
    detectable_difference,
    examples_needed,
    further_examples,
    measured_detectable_difference,
)
from crossover.stats.racing import is_behind
from crossover.stats.shares import LostShare, lost_share

__all__ = [
    "Calibration",
    "CalibrationBin",
    "Clusters",
    "Comparison",
    "CurveEstimate",
    "CurveRow",
    "Growth",
    "LabelPoint",
    "LostShare",
    "MeanScore",
    "arm_interval",
    "calibration",
    "compare",
    "crossover_point",
    "data_advantage",
    "detectable_difference",
    "examples_needed",
    "further_examples",
    "further_gain",
    "holm",
    "is_behind",
    "lost_share",
    "measured_detectable_difference",
    "wilson",
]
