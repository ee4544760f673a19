"""The operations that people call: estimate, compare, open a study, pack, load. The command line is thin."""

from crossover.about import doctor, methods, models
from crossover.api.answers import Bundle, load, predict_file
from crossover.api.checking import Checked, check
from crossover.api.estimating import Estimated, estimate
from crossover.api.preparing import FIRST_LOOK_SECONDS
from crossover.api.running import compare
from crossover.api.study import Study, open_study
from crossover.listener import Listener
from crossover.verdict import simulate

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
