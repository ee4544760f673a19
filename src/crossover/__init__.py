"""Crossover measures whether to engineer the prompt, fine-tune the weights, or do both, on your task and model."""

from __future__ import annotations

__all__ = [
    "Bundle",
    "BundleError",
    "CrossoverError",
    "DataError",
    "ModelError",
    "OptionError",
    "Prices",
    "Study",
    "StudyError",
    "Task",
    "TrialError",
    "UserError",
    "Verdict",
    "__version__",
    "compare",
    "crossover_point",
    "data_advantage",
    "estimate",
    "load",
    "open_study",
]

from typing import TYPE_CHECKING

from crossover.errors import (
    BundleError,
    CrossoverError,
    DataError,
    ModelError,
    OptionError,
    StudyError,
    TrialError,
    UserError,
)
from crossover.later import later
from crossover.records import Prices, Verdict

if TYPE_CHECKING:
    from crossover.api import Bundle, Study, compare, estimate, load, open_study
    from crossover.stats import crossover_point, data_advantage
    from crossover.task import Task

__version__ = "0.1.0"

__getattr__ = later(
    __name__,
    {
        "Bundle": "crossover.api",
        "Study": "crossover.api",
        "compare": "crossover.api",
        "estimate": "crossover.api",
        "load": "crossover.api",
        "open_study": "crossover.api",
        "crossover_point": "crossover.stats",
        "data_advantage": "crossover.stats",
        "Task": "crossover.task",
    },
)
