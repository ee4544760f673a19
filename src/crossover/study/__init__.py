"""Plan, run and store of a study."""

from crossover.study.answering import check_schema, constrained
from crossover.study.cells import Cell, LeftOut, Plan
from crossover.study.conduct import Models, conduct, digest, programs, trial_key
from crossover.study.estimate import ArmEstimate, Estimate, estimate_plans
from crossover.study.memo import StudyMemo
from crossover.study.plan import at_precisions, check_budgets, default_budgets, make_plan
from crossover.study.race import Race
from crossover.study.recorded import RECORDED, record_predictions
from crossover.study.room import Room, free_rooms, in_words, resident_bytes, rooms_for
from crossover.study.shape import check_lengths, with_room
from crossover.study.store import StudyKey, StudyStore

__all__ = [
    "RECORDED",
    "ArmEstimate",
    "Cell",
    "Estimate",
    "LeftOut",
    "Models",
    "Plan",
    "Race",
    "Room",
    "StudyKey",
    "StudyMemo",
    "StudyStore",
    "at_precisions",
    "check_budgets",
    "check_lengths",
    "check_schema",
    "conduct",
    "constrained",
    "default_budgets",
    "digest",
    "estimate_plans",
    "free_rooms",
    "in_words",
    "make_plan",
    "programs",
    "record_predictions",
    "resident_bytes",
    "rooms_for",
    "trial_key",
    "with_room",
]
