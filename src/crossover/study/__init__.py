"""Plan, run and store of a study."""

from __future__ import annotations

__all__ = [
    "RECORDED",
    "ArmEstimate",
    "Cell",
    "Estimate",
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

from typing import TYPE_CHECKING

from crossover.later import later

if TYPE_CHECKING:
    from crossover.study.answering import check_schema, constrained
    from crossover.study.cells import Cell, Plan
    from crossover.study.conduct import Models, digest, programs, trial_key
    from crossover.study.estimate import ArmEstimate, Estimate, estimate_plans
    from crossover.study.memo import RECORDED, StudyMemo
    from crossover.study.plan import at_precisions, check_budgets, default_budgets, make_plan
    from crossover.study.race import Race
    from crossover.study.recorded import record_predictions
    from crossover.study.room import Room, free_rooms, in_words, resident_bytes, rooms_for
    from crossover.study.shape import check_lengths, with_room
    from crossover.study.store import StudyKey, StudyStore

__getattr__ = later(
    __name__,
    {
        "RECORDED": "crossover.study.memo",
        "ArmEstimate": "crossover.study.estimate",
        "Cell": "crossover.study.cells",
        "Estimate": "crossover.study.estimate",
        "Models": "crossover.study.conduct",
        "Plan": "crossover.study.cells",
        "Race": "crossover.study.race",
        "Room": "crossover.study.room",
        "StudyKey": "crossover.study.store",
        "StudyMemo": "crossover.study.memo",
        "StudyStore": "crossover.study.store",
        "at_precisions": "crossover.study.plan",
        "check_budgets": "crossover.study.plan",
        "check_lengths": "crossover.study.shape",
        "check_schema": "crossover.study.answering",
        "constrained": "crossover.study.answering",
        "default_budgets": "crossover.study.plan",
        "digest": "crossover.study.conduct",
        "estimate_plans": "crossover.study.estimate",
        "free_rooms": "crossover.study.room",
        "in_words": "crossover.study.room",
        "make_plan": "crossover.study.plan",
        "programs": "crossover.study.conduct",
        "record_predictions": "crossover.study.recorded",
        "resident_bytes": "crossover.study.room",
        "rooms_for": "crossover.study.room",
        "trial_key": "crossover.study.conduct",
        "with_room": "crossover.study.shape",
    },
)
