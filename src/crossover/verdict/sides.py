"""Looking up the arms that a verdict talks about."""

from __future__ import annotations

__all__ = [
    "best_baseline",
    "best_nominee",
    "compared_arms",
    "find_arm",
    "hedge",
    "known_as",
    "nominee",
    "nominees",
    "prompt_at_start",
    "trials_of",
]

from collections.abc import Sequence

from crossover.records import Arm, Crossover, Family, TrialRecord, Verdict
from crossover.verdict.standing import CONSTANT_METHODS

_BASELINES = {
    "linear": "A linear model on word counts",
    "copy-input": "The input itself, copied,",
    "lead": "The input's first sentences, copied,",
    "nearest": "The answer of the nearest labelled example",
}


def find_arm(verdict: Verdict, name: str | None) -> Arm | None:
    """Return the arm of that name, or None."""
    return next((arm for arm in verdict.arms if arm.arm == name), None) if name else None


def nominee(verdict: Verdict, family: Family) -> Arm | None:
    """Return a family's nominee, or None where the family took no part."""
    primary = verdict.primary
    name = {"prompt": primary.prompt_arm, "weights": primary.weights_arm, "both": primary.both_arm}.get(family)
    return find_arm(verdict, name)


def nominees(verdict: Verdict) -> list[Arm]:
    """Return the nominees: weights, prompt, both, as far as they took part."""
    families: tuple[Family, ...] = ("weights", "prompt", "both")
    return [arm for arm in (nominee(verdict, family) for family in families) if arm is not None]


def best_nominee(verdict: Verdict, *, but: str | None = None) -> Arm | None:
    """Return the nominee with the highest score, one arm left out."""
    scored = [arm for arm in nominees(verdict) if arm.arm != but and arm.score is not None]
    return max(scored, key=lambda arm: (arm.score or 0.0, arm.arm), default=None)


def best_baseline(verdict: Verdict) -> Arm | None:
    """Return the best baseline that does more than repeat one answer; where there is none, the best of all."""
    scored = [arm for arm in verdict.arms if arm.family == "baseline" and arm.score is not None]
    varied = [arm for arm in scored if arm.method not in CONSTANT_METHODS] or scored
    return max(varied, key=lambda arm: (arm.score or 0.0, arm.arm), default=None)


def compared_arms(verdict: Verdict) -> tuple[Arm, ...]:
    """Return the arms whose rows are worth a look: the nominees, the best baseline, the recommended; each once."""
    wanted = (*nominees(verdict), best_baseline(verdict), find_arm(verdict, verdict.recommended))
    return tuple({arm.arm: arm for arm in wanted if arm is not None}.values())


def known_as(arm: Arm) -> str:
    """Return what a baseline is called at the beginning of a sentence."""
    return _BASELINES.get(arm.method, f"The baseline {arm.method}")


def hedge(verdict: Verdict) -> str:
    """Return what stands behind "is ahead" where the study does not show it."""
    return "" if verdict.decision in ("prompt", "weights", "both") else ", if not surely"


def prompt_at_start(verdict: Verdict, crossover: Crossover) -> str:
    """Return what weights are ahead of where they are ahead from the fewest labels on.

    The prompt's curve may begin with another method's arm: then its own name would say what was not measured.
    """
    method = crossover.prompt_method
    measured = any(arm.method == method and arm.budget == crossover.labels for arm in verdict.arms)
    return method if measured else "prompts"


def trials_of(arm: Arm, records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that make up an arm, failed ones too."""
    wanted = (arm.method, arm.budget, arm.model, arm.precision)
    return [r for r in records if (r.key.method, r.key.budget, r.key.model, r.key.precision) == wanted]
