"""Plan, run and store of a study."""

from crossover.study.memo import StudyMemo
from crossover.study.plan import Cell, LeftOut, Pace, Plan, default_budgets, fit_time, make_plan
from crossover.study.recorded import record_predictions
from crossover.study.run import Watcher, run_cells
from crossover.study.shape import measure_pace, task_shape
from crossover.study.store import StudyKey, StudyStore

__all__ = [
    "Cell",
    "LeftOut",
    "Pace",
    "Plan",
    "StudyKey",
    "StudyMemo",
    "StudyStore",
    "Watcher",
    "default_budgets",
    "fit_time",
    "make_plan",
    "measure_pace",
    "record_predictions",
    "run_cells",
    "task_shape",
]
