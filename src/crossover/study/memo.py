"""What a study remembers beside its trials, so that report and pack need neither the data file nor the command."""

from __future__ import annotations

__all__ = ["RECORDED", "StudyMemo"]

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from crossover.records import Example, ProbeScores, TaskInfo, TaskSpec, TrialKey, TrialRecord
from crossover.study.late import late_probes, late_validation
from crossover.study.store import StudyStore

if TYPE_CHECKING:  # a finished study is read without torch
    from crossover.candidate import PromptProgram
    from crossover.model.base import ModelIdentity
    from crossover.task import Task

RECORDED = "predictions:"
"""How the names of arms begin that are another system's recorded answers."""

_NAME = "memo"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyMemo:
    """The task and the last run's circumstances.

    Attributes:
        precision: what the verdict is about: the first precision of the study's first run. It stays: whoever could
            name another one afterwards could choose it by its result.
        current: method -> digest of the wording that it was last run with; other wordings' trials stay in the store.
        test: the held-out rows, for the report's disagreements and for checking a bundle.
        margin: the difference, as a fraction of 1, up to which two arms count as equally good; None: nobody said it.
        commands: of all runs, each once, the first first.
    """

    spec: TaskSpec
    info: TaskInfo
    checks: tuple[str, ...]
    test: tuple[Example, ...]
    model: Mapping[str, Any]
    precision: str
    effort: float
    current: Mapping[str, str]
    prompts: Mapping[str, str]
    command: str
    created: str
    machine: str
    versions: Mapping[str, str] = field(default_factory=dict)
    margin: float | None = None
    commands: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        task: Task,
        programs: Mapping[str, PromptProgram],
        identity: ModelIdentity,
        *,
        effort: float,
        current: Mapping[str, str],
        command: str,
        machine: str,
        versions: Mapping[str, str],
        margin: float | None = None,
    ) -> Self:
        """Remember a run that begins now."""
        return cls(
            spec=task.spec,
            info=task.info,
            checks=task.check.lines(),
            test=task.test,
            model=asdict(identity),
            precision=identity.precision,
            effort=effort,
            current=current,
            prompts={name: program.as_text() for name, program in programs.items()},
            command=command,
            created=datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
            machine=machine,
            versions=versions,
            margin=margin,
        )

    def save(self, store: StudyStore) -> None:
        """Keep the memo; the wordings of methods that did not run this time are kept as they were.

        Where answers are taken in another way than before, only those of methods that ask no model for answers stay:
        scores of answers that are constrained and of answers that are not decide nothing between them.
        """
        before = store.get(_NAME)
        value = asdict(self)
        if before is not None:
            stays = before["current"]
            if before["spec"].get("constrain") != self.spec.constrain:
                stays = {name: said for name, said in stays.items() if not said or name.startswith(RECORDED)}
            value["current"] = {**stays, **value["current"]}
            value["prompts"] = {**before["prompts"], **value["prompts"]}
            value["created"] = before["created"]
            value["precision"] = before["precision"]
            if self.margin is None:
                value["margin"] = before.get("margin")
        earlier = [] if before is None else [*before.get("commands", ()), before["command"]]
        value["commands"] = list(dict.fromkeys([*earlier, self.command]))
        store.put(_NAME, value)

    @classmethod
    def load(cls, store: StudyStore) -> Self | None:
        """Return the memo, or None when no run got so far."""
        value = store.get(_NAME)
        if value is None:
            return None
        spec, info = value.pop("spec"), value.pop("info")
        for key in ("input_fields", "labels"):
            spec[key] = tuple(spec[key])
        info["labels"] = tuple(info["labels"])
        test = tuple(Example(**{**e, "references": tuple(e.get("references", ()))}) for e in value.pop("test"))
        checks, commands = tuple(value.pop("checks")), tuple(value.pop("commands", ()) or (value["command"],))
        return cls(spec=TaskSpec(**spec), info=TaskInfo(**info), test=test, checks=checks, commands=commands, **value)

    @property
    def groups(self) -> dict[str, str]:
        """The test rows that belong together: example id -> group."""
        return {example.id: example.group for example in self.test if example.group is not None}

    def records(self, store: StudyStore) -> list[TrialRecord]:
        """Return the trials that count: of the wording and effort that each method was last run with."""
        probes, validation = late_probes(store), late_validation(store)
        counting = (record for key, record in store.finished().items() if self._counts(key))
        return [_with_late(record, probes, validation) for record in counting]

    def _counts(self, key: TrialKey) -> bool:
        recorded = key.method.startswith(RECORDED)  # another system's answers: our effort has no part in them
        return self.current.get(key.method) == key.wording and (recorded or key.effort == self.effort)


def _with_late(
    record: TrialRecord,
    probes: Mapping[str, Mapping[str, ProbeScores]],
    validation: Mapping[str, Mapping[str, float | None]],
) -> TrialRecord:
    """Return a record with what its candidate answered later."""
    name, measured = record.candidate, record.measurement
    if name is None or measured is None:
        return record
    if name in validation:
        record = replace(record, validation={**record.validation, **validation[name]})
    if name in probes:
        record = replace(record, measurement=replace(measured, probes={**measured.probes, **probes[name]}))
    return record
