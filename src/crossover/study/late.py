"""What was asked of a trial's candidate when it had finished: kept beside its record, which is written once."""

from __future__ import annotations

__all__ = ["keep_late_probes", "keep_late_validation", "late_probes", "late_validation", "unanswered"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from crossover.records import Probe, ProbeScores, TrialRecord
from crossover.study.codec import probe_from_json
from crossover.study.store import StudyStore

_PROBES = "probes of "
_VALIDATION = "validation of "


def unanswered(
    record: TrialRecord, probes: Sequence[Probe], late: Mapping[str, Mapping[str, ProbeScores]]
) -> list[Probe]:
    """Return the probes that what a finished trial left has not answered; `late`: see `late_probes`."""
    if record.candidate is None or record.measurement is None or not record.key.model:
        return []
    known = {**record.measurement.probes, **late.get(record.candidate, {})}
    return [probe for probe in probes if probe.name not in known or known[probe.name].sha256 != probe.sha256]


def late_probes(store: StudyStore) -> dict[str, dict[str, ProbeScores]]:
    """Return candidate digest -> probe name -> scores, of probes that were added when its trial had finished."""
    found = store.named(_PROBES)
    return {
        digest: {name: probe_from_json(scores) for name, scores in probes.items()} for digest, probes in found.items()
    }


def keep_late_probes(store: StudyStore, candidate: str, probes: Mapping[str, ProbeScores]) -> None:
    """Keep what a candidate answered, by its digest; what was kept of it before is replaced."""
    store.put(f"{_PROBES}{candidate}", {name: asdict(scores) for name, scores in probes.items()})


def late_validation(store: StudyStore) -> dict[str, dict[str, float | None]]:
    """Return candidate digest -> example id -> score, of validation rows that its trial did not have."""
    return store.named(_VALIDATION)


def keep_late_validation(store: StudyStore, candidate: str, scores: Mapping[str, float | None]) -> None:
    """Keep a candidate's scores on further validation rows; what was kept of it before is replaced."""
    store.put(f"{_VALIDATION}{candidate}", dict(scores))
