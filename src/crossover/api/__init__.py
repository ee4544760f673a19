"""The operations that people call: estimate, compare, open a study, pack, load. The command line is thin."""

from __future__ import annotations

__all__ = [
    "FIRST_LOOK_SECONDS",
    "Bundle",
    "Checked",
    "Estimated",
    "Listener",
    "Study",
    "check",
    "compare",
    "doctor",
    "estimate",
    "load",
    "methods",
    "models",
    "open_study",
    "predict_file",
    "simulate",
]

from typing import TYPE_CHECKING

from crossover.later import later

if TYPE_CHECKING:
    from crossover.about import doctor, methods, models
    from crossover.api.answers import Bundle, load, predict_file
    from crossover.api.checking import Checked, check
    from crossover.api.estimating import Estimated, estimate
    from crossover.api.preparing import FIRST_LOOK_SECONDS
    from crossover.api.running import compare
    from crossover.api.study import Study, open_study
    from crossover.listener import Listener
    from crossover.verdict import simulate

__getattr__ = later(
    __name__,
    {
        "FIRST_LOOK_SECONDS": "crossover.api.preparing",
        "Bundle": "crossover.api.answers",
        "Checked": "crossover.api.checking",
        "Estimated": "crossover.api.estimating",
        "Listener": "crossover.listener",
        "Study": "crossover.api.study",
        "check": "crossover.api.checking",
        "compare": "crossover.api.running",
        "doctor": "crossover.about",
        "estimate": "crossover.api.estimating",
        "load": "crossover.api.answers",
        "methods": "crossover.about",
        "models": "crossover.about",
        "open_study": "crossover.api.study",
        "predict_file": "crossover.api.answers",
        "simulate": "crossover.verdict",
    },
)
