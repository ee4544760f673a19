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

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from crossover.records import Prices, Verdict

if TYPE_CHECKING:
    from crossover.api import Bundle, Study, compare, estimate, load, open_study
    from crossover.stats import crossover_point, data_advantage
    from crossover.task import Task

__version__ = "0.1.0"

_LATER = {
    "Bundle": "crossover.api",
    "Study": "crossover.api",
    "compare": "crossover.api",
    "estimate": "crossover.api",
    "load": "crossover.api",
    "open_study": "crossover.api",
    "crossover_point": "crossover.stats",
    "data_advantage": "crossover.stats",
    "Task": "crossover.task",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a module's attribute can be anything
    """Import the parts that need torch, scipy or polars when they are first asked for: `--help` takes none of them."""
    if name not in _LATER:
        raise AttributeError(f"module 'crossover' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
