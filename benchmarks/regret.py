"""What following the verdict costs: the arm that a study of 200 test rows recommends, against all arms on other rows.

    CROSSOVER_BENCH_DATA=FOLDER python -m benchmarks.regret STUDY...     folders named like their set (benchmarks/kinds)
    ... --run                                                            makes them first: 64 labels, 3 seeds, 200 rows

A study's arms at its largest budget, and those without labels, answer 600 further rows that no seed of theirs has seen:
first test rows that the study left aside, then training rows that it drew neither as examples nor as plain inputs. What
they answer is kept beside the study. Then a verdict is drawn from 200 of the study's own test rows, as a study that had
no more would draw it, and its recommended arm is held against the best arm on the 600.

One draw of 200 rows says little. So the same is done for many draws of 200 from all rows together, with the rest of
them as the larger test: there only those arms take part (the smaller budgets have not seen the further rows).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.kinds import task_of
from benchmarks.methods import run
from crossover.api import Study, open_study
from crossover.candidate import predict
from crossover.measure import score_answers
from crossover.metrics import get_metric
from crossover.model.load import load_model
from crossover.records import Arm, Example, ExampleResult, TaskInfo, TrialRecord, Verdict
from crossover.study import StudyMemo
from crossover.study.run import UNLABELLED
from crossover.task import sample, unlabelled
from crossover.verdict import decide

SMALL, OTHERS, DRAWS = 200, 600, 200
CLEAR = 0.14
"""A difference of the compared pair, on the larger test, at which a study of 200 rows must not say that it cannot
tell."""
KEPT = "regret.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one verdict recommended, and what that was worth on the larger test.

    Attributes:
        regret: the best arm's score there minus the recommended arm's.
        detectable: the difference that the verdict said it could see.
        gap: weights minus prompt on the larger test; None where one took no part.
    """

    decision: str
    recommended: str
    best: str
    regret: float
    detectable: float | None
    gap: float | None

    @property
    def within(self) -> bool:
        """Whether the regret is at most the printed detectable difference."""
        return self.regret <= (self.detectable or 0.0)

    @property
    def silent(self) -> bool:
        """Whether the verdict could not tell what the larger test shows clearly."""
        return self.decision == "unsure" and self.gap is not None and abs(self.gap) >= CLEAR


def main() -> None:
    """Answer the further rows of each study, then print its regret."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--methods", nargs="+", help="as if only these had taken part")
    parser.add_argument(
        "--run", action="store_true", help="run the studies first, the methods of a run that names none"
    )
    given = parser.parse_args()
    for folder in given.folders:
        if given.run:
            run(
                [folder.name], folder.parent, methods=given.methods or ["default"], budgets=[0, 64], seeds=3, rows=SMALL
            )
        study = open_study(folder)
        records = [
            record
            for record in study.records()
            if record.measurement is not None and (not given.methods or record.key.method in given.methods)
        ]
        others = further_answers(study, [record for record in records if _is_large(record, records)])
        told = _first(study, records, others)
        print(f"{folder.name}: {told.decision}, recommended {told.recommended}, best of the others {told.best}")
        print(f"  {_told(told)}")
        drawn = _draws(study, records, others, given.draws)
        within, silent = (fmean(one) for one in zip(*[(d.within, d.silent) for d in drawn], strict=True))
        decisions = {d: sum(one.decision == d for one in drawn) for d in sorted({one.decision for one in drawn})}
        print(
            f"  {len(drawn)} draws of {SMALL} rows: mean regret {100 * fmean(d.regret for d in drawn):.1f} points, "
            f"within the detectable difference {100 * within:.0f}%, "
            f"cannot tell at {100 * CLEAR:.0f} points or more {100 * silent:.0f}%"
        )
        print("  decided: " + ", ".join(f"{decision} {n}" for decision, n in decisions.items()), flush=True)


def _told(outcome: Outcome) -> str:
    detectable = "–" if outcome.detectable is None else f"{100 * outcome.detectable:.1f}"
    gap = "–" if outcome.gap is None else f"{100 * outcome.gap:+.1f}"
    how = "within" if outcome.within else "over"
    return (
        f"regret {100 * outcome.regret:.1f} points, {how} the detectable {detectable}; "
        f"weights − prompt on the larger test {gap}{', and it could not tell' if outcome.silent else ''}"
    )


def _is_large(record: TrialRecord, records: Sequence[TrialRecord]) -> bool:
    return record.key.budget in (0, max(one.key.budget for one in records))


def further_answers(study: Study, records: Sequence[TrialRecord]) -> dict[str, tuple[ExampleResult, ...]]:
    """Return each trial's results on the further rows, by the digest of its candidate.

    Which rows are free depends on the trials there are: where these are other rows than those answered before, all
    trials answer anew.
    """
    kept, memo = study.folder / KEPT, study._memo()
    rows, metric = _further(study.folder.name, memo, records), get_metric(memo.spec.metric)
    found: dict[str, list[dict[str, Any]]] = json.loads(kept.read_text()) if kept.is_file() else {}
    ids = [row.id for row in rows]
    found = {digest: one for digest, one in found.items() if [result["example_id"] for result in one] == ids}
    missing = [record for record in records if record.candidate is not None and record.candidate not in found]
    if missing:
        model = load_model(str(memo.model["name"]), precision=memo.precision or "auto")
        for record in missing:
            assert record.candidate is not None
            candidate = study._store.candidate(record.candidate)
            model.forget()
            answers = predict(candidate, [row.inputs for row in rows], model if candidate.needs_model else None)
            found[record.candidate] = [asdict(one) for one in score_answers(answers, rows, memo.spec, metric)]
            partly = kept.with_suffix(".part")
            partly.write_text(json.dumps(found))
            partly.replace(kept)
            print(f"  {record.key.method}@{record.key.budget} seed {record.key.seed}", file=sys.stderr, flush=True)
    return {digest: tuple(ExampleResult(**one) for one in results) for digest, results in found.items()}


def _further(name: str, memo: StudyMemo, records: Sequence[TrialRecord]) -> list[Example]:
    """Return rows that no trial of the study has read."""
    with tempfile.TemporaryDirectory() as scratch:
        task = task_of(name, len(memo.test), Path(scratch))
        wide = task_of(name, sys.maxsize, Path(scratch))
    used = {tuple(example.inputs.values()) for example in memo.test}
    budget = max(record.key.budget for record in records)
    for seed in {record.key.seed for record in records}:
        used |= {tuple(e.inputs.values()) for e in sample(task.train, budget, seed, memo.spec.labels)}
        used |= {tuple(inputs.values()) for inputs in unlabelled(task.train, seed, UNLABELLED)}
    validated = {name for record in records for name in record.validation}
    used |= {tuple(e.inputs.values()) for e in task.train if e.id in validated}
    rng = random.Random(0)
    found: list[Example] = []
    for part in (wide.test, task.train):
        free = [e for e in part if tuple(e.inputs.values()) not in used]
        found += rng.sample(free, min(len(free), OTHERS - len(found)))
    return found


def _first(study: Study, records: Sequence[TrialRecord], others: Mapping[str, tuple[ExampleResult, ...]]) -> Outcome:
    """Return the outcome of the study itself, with 200 of its test rows and all its budgets."""
    ids = [example.id for example in study._memo().test]
    small = set(random.Random(0).sample(ids, min(SMALL, len(ids))))
    return _outcome(study, [_on(record, small) for record in records], _with(records, others, instead=True))


def _draws(
    study: Study, records: Sequence[TrialRecord], others: Mapping[str, tuple[ExampleResult, ...]], n: int
) -> list[Outcome]:
    """Return the outcomes of many draws of 200 rows from all."""
    pooled = _with(records, others)
    measured = pooled[0].measurement
    assert measured is not None, "trials without a measurement have no further answers"
    ids = sorted({result.example_id for result in measured.results})
    outcomes = []
    for draw in range(n):
        small = set(random.Random(draw).sample(ids, SMALL))
        rest = set(ids) - small
        outcomes.append(_outcome(study, [_on(r, small) for r in pooled], [_on(r, rest) for r in pooled]))
    return outcomes


def _with(
    records: Sequence[TrialRecord], others: Mapping[str, tuple[ExampleResult, ...]], *, instead: bool = False
) -> list[TrialRecord]:
    """Return the trials that answered the further rows, with these beside their own (or instead of them)."""
    found = []
    for record in records:
        if record.candidate is not None and record.candidate in others and record.measurement is not None:
            own = () if instead else record.measurement.results
            results = (*own, *others[record.candidate])
            found.append(replace(record, measurement=replace(record.measurement, results=results)))
    return found


def _on(record: TrialRecord, ids: Collection[str]) -> TrialRecord:
    assert record.measurement is not None
    results = tuple(result for result in record.measurement.results if result.example_id in ids)
    return replace(record, measurement=replace(record.measurement, results=results))


def _outcome(study: Study, small: Sequence[TrialRecord], large: Sequence[TrialRecord]) -> Outcome:
    """Return what a verdict from `small` is worth on `large`."""
    memo = study._memo()
    verdict = _verdict(small, memo.info, memo)
    there = {arm.arm: arm for arm in _verdict(large, memo.info, memo).arms if arm.score is not None}
    assert verdict.recommended is not None
    best = max(there.values(), key=lambda arm: arm.score or 0.0)
    pair = (verdict.primary.weights_arm, verdict.primary.prompt_arm)
    gap = None if not all(name in there for name in pair) else _score(there, pair[0]) - _score(there, pair[1])
    return Outcome(
        decision=verdict.decision,
        recommended=verdict.recommended,
        best=best.arm,
        regret=_score(there, best.arm) - _score(there, verdict.recommended),
        detectable=verdict.detectable_difference,
        gap=gap,
    )


def _score(arms: Mapping[str, Arm], name: str | None) -> float:
    return arms[name or ""].score or 0.0


def _verdict(records: Sequence[TrialRecord], info: TaskInfo, memo: StudyMemo) -> Verdict:
    rows = len(records[0].measurement.results) if records and records[0].measurement else 0
    return decide(records, replace(info, n_test=rows), precision=memo.precision)


if __name__ == "__main__":
    main()
