"""What failed, in words: trials that left no measurement, answers that are missing."""

from __future__ import annotations

__all__ = ["failures", "without_score"]

from crossover.records import Arm, Verdict

_MOST_NAMED = 6
_ERROR_LENGTH = 160


def without_score(arm: Arm) -> str:
    """Return why an arm has no score, or what of it failed: "3 of 3 trials failed (out of memory)"."""
    parts = []
    if arm.failed:
        why = "" if arm.error is None else f" ({_short(arm.error)})"
        trials = "trial" if arm.failed + arm.seeds == 1 else "trials"
        parts.append(f"{arm.failed} of {arm.failed + arm.seeds} {trials} failed{why}")
    if arm.missing:
        parts.append(f"{arm.missing:,} of {arm.n_test * arm.seeds:,} answers are missing")
    return ", ".join(parts) or "nothing of it was measured"


def failures(verdict: Verdict) -> str:
    """Return what failed of which arms, those without a score first; nothing where all went well."""
    found = [arm for arm in verdict.arms if arm.failed or arm.missing]
    found.sort(key=lambda arm: (arm.score is not None, -arm.failed))
    told = [f"{arm.arm}: {without_score(arm)}" for arm in found[:_MOST_NAMED]]
    more = [f"and {len(found) - _MOST_NAMED} arms more"] if len(found) > _MOST_NAMED else []
    return "; ".join([*told, *more]) + "." * bool(told)


def _short(error: str) -> str:
    text = " ".join(error.split())
    return text if len(text) <= _ERROR_LENGTH else text[: _ERROR_LENGTH - 1] + "…"
