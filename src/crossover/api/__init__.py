"""The operations that people call: compare, open a study, pack, load. The command line is a thin layer above."""

from crossover.about import doctor, methods, models
from crossover.api.answers import Bundle, load, predict_file
from crossover.api.checking import Checked, check
from crossover.api.running import FIRST_LOOK_SECONDS, compare
from crossover.api.simulating import simulate
from crossover.api.study import Study, open_study
from crossover.listener import Listener

__all__ = [
    "FIRST_LOOK_SECONDS",
    "Bundle",
    "Checked",
    "Listener",
    "Study",
    "check",
    "compare",
    "doctor",
    "load",
    "methods",
    "models",
    "open_study",
    "predict_file",
    "simulate",
]
