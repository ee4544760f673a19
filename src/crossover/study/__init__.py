"""Plan, run and store of a study."""

from crossover.study.conduct import conduct, digest, programs, trial_key
from crossover.study.memo import StudyMemo
from crossover.study.plan import Cell, LeftOut, Plan, check_budgets, default_budgets, make_plan
from crossover.study.recorded import RECORDED, record_predictions
from crossover.study.shape import check_lengths
from crossover.study.store import StudyKey, StudyStore

__all__ = [
    "RECORDED",
    "Cell",
    "LeftOut",
    "Plan",
    "StudyKey",
    "StudyMemo",
    "StudyStore",
    "check_budgets",
    "check_lengths",
    "conduct",
    "default_budgets",
    "digest",
    "make_plan",
    "programs",
    "record_predictions",
    "trial_key",
]
