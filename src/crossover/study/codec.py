"""Trial records to JSON values and back, for the store."""

from __future__ import annotations

__all__ = ["probe_from_json", "record_from_json", "record_to_json"]

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from crossover.records import (
    Configuration,
    ExampleResult,
    Interaction,
    Latency,
    Measurement,
    ProbeScores,
    Retained,
    TrialKey,
    TrialRecord,
)


def record_to_json(record: TrialRecord) -> dict[str, Any]:
    """Return a record as JSON values."""
    return asdict(record)


def record_from_json(value: Mapping[str, Any]) -> TrialRecord:
    """Rebuild a record that `record_to_json` gave."""
    measurement = value["measurement"]
    return TrialRecord(
        **{
            **value,
            "key": TrialKey(**value["key"]),
            "tried": tuple(Configuration(**c) for c in value["tried"]),
            "measurement": None if measurement is None else _measurement(measurement),
        }
    )


def _measurement(value: Mapping[str, Any]) -> Measurement:
    latency, retained, interaction = value["latency"], value.get("retained"), value.get("interaction")
    return Measurement(
        **{
            **value,
            "results": tuple(ExampleResult(**r) for r in value["results"]),
            "free": tuple(ExampleResult(**r) for r in value.get("free", ())),  # studies of earlier releases have none
            "latency": None if latency is None else Latency(**latency),
            "retained": None if retained is None else Retained(**retained),
            "probes": {name: probe_from_json(scores) for name, scores in value.get("probes", {}).items()},
            "interaction": None if interaction is None else Interaction(**interaction),
        }
    )


def probe_from_json(value: Mapping[str, Any]) -> ProbeScores:
    """Rebuild a probe's scores from JSON values."""
    return ProbeScores(**{**value, "before": tuple(value["before"]), "after": tuple(value["after"])})
