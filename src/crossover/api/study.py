"""A study folder, and what follows from its records: verdict, report, bundle."""

from __future__ import annotations

__all__ = ["Study", "open_study"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossover.api.economics import check_stated, keep_stated, stated
from crossover.api.files import replace_text
from crossover.api.telling import lengths_of, median_seed, references_of, slices_of, without_instruction
from crossover.api.words import check_margin, model_in_words
from crossover.errors import StudyError, closest
from crossover.listener import Listener, Silent
from crossover.metrics import get_metric, per_class
from crossover.records import DEFAULT_MARGIN, Arm, BreakEven, LeftOut, Prices, TrialRecord, Verdict
from crossover.report.markdown import render as markdown_of
from crossover.study import StudyMemo, StudyStore
from crossover.study.left_out import left_out
from crossover.verdict import (
    Aspects,
    Diff,
    Differing,
    aspects,
    aspects_to_json,
    break_even,
    decide,
    to_json,
    with_economics,
)
from crossover.verdict.sides import compared_arms

if TYPE_CHECKING:
    from crossover.api.judging import Judged

# What packs and judges needs torch and is imported there: a verdict and its page do not wait for it.


def open_study(folder: Path | str) -> Study:
    """Open a study's folder.

    Raises:
        StudyError: there is none, or its run stopped before the first trial.
    """
    return Study(StudyStore.open(Path(folder)))


class Study:
    """A study folder: its trials, and what follows from them."""

    def __init__(self, store: StudyStore) -> None:
        """Use `compare` or `open_study`."""
        self._store = store
        if StudyMemo.load(store) is None:
            raise StudyError(f"{store.folder} is an empty study.", "run it first: crossover run DATA --study DIR")

    @property
    def folder(self) -> Path:
        """Where the study is kept."""
        return self._store.folder

    def records(self) -> tuple[TrialRecord, ...]:
        """Return the finished trials that the verdict is drawn from."""
        return tuple(self._memo().records(self._store))

    def verdict(self, *, margin: float | None = None) -> Verdict:
        """Return what follows from the study's records; computed anew each time, from them alone.

        Args:
            margin: the difference, as a fraction of 1, up to which two arms count as equally good; by default what the
                study was run with.

        Raises:
            OptionError: such a margin is not possible.
        """
        memo = self._memo()
        if margin is not None:
            check_margin(margin)
        found = decide(
            self.records(),
            memo.info,
            precision=memo.precision,
            groups=memo.groups,
            margin=next((one for one in (margin, memo.margin) if one is not None), DEFAULT_MARGIN),
        )
        return with_economics(found, *stated(self._store))

    def aspects(self, *, margin: float | None = None) -> Aspects:
        """Return the aspects in which the best prompt, the best weights and the best both differ, as measured here."""
        memo = self._memo()
        return aspects(self.verdict(margin=margin), self.records(), slices_of(memo), groups=memo.groups)

    def to_json(self, *, margin: float | None = None) -> dict[str, Any]:
        """Return the verdict and the table of aspects as JSON values, schema crossover.verdict/1."""
        return {**to_json(self.verdict(margin=margin)), "aspects": aspects_to_json(self.aspects(margin=margin))}

    def state(self, *, prices: Prices | None = None, calls_per_month: float | None = None) -> None:
        """Say what things cost and how many calls a month there will be; the study remembers it.

        What is not said stays as it was said before.

        Raises:
            OptionError: a number that cannot be.
            StudyError: a run is at work in the study.
        """
        check_stated(prices, calls_per_month)
        with self._store.writing():
            keep_stated(self._store, prices, calls_per_month)

    def break_even(self, arm: str, against: str) -> BreakEven:
        """Return from how many calls on an arm has cost less in all than another: in time, tokens, and in money where
        prices were stated.

        `study.break_even("lora@64", "knn-few-shot@64")` gives BreakEven(arm="lora@64", against="knn-few-shot@64",
        time=352.1, tokens=27.0, money=None).

        Raises:
            StudyError: there is no such arm.
        """
        verdict = self.verdict()
        return break_even(self._arm(arm, verdict), self._arm(against, verdict), stated(self._store)[0])

    def report(self, path: Path | str, *, examples: bool = True, margin: float | None = None) -> Path:
        """Write the report: one page that opens offline.

        Args:
            path: the HTML file.
            examples: whether the user's texts go along: rows of the test on which arms differ, and prompt files, which
                may hold examples, too.
            margin: as for `verdict`.
        """
        # Altair takes half a second to import: only who wants a page waits for it.
        from crossover.report.page import render
        from crossover.report.provenance import Provenance

        memo, verdict = self._memo(), self.verdict(margin=margin)
        model = memo.model
        prompts = {**memo.prompts, **self._found_prompts(verdict)}
        precisions = tuple(dict.fromkeys([memo.precision, *(arm.precision for arm in verdict.arms if arm.precision)]))
        provenance = Provenance(
            study=self.folder.name,
            created=memo.created,
            command="\n".join(memo.commands if examples else map(without_instruction, memo.commands)),
            versions=memo.versions,
            checks=memo.checks,
            prompts=prompts if examples else lengths_of(prompts, but=() if memo.spec.instruction else ("default",)),
            model=(
                model_in_words(model, precisions),
                f"{model['parameters']:,} parameters, reads {model['context_tokens']:,} tokens",
                memo.machine,
            ),
            hashes={"model": str(model["sha256"])},
            signatures=get_metric(memo.spec.metric).signatures(references_of(memo)),
            classes=self._classes(verdict, memo),
            classes_of=self._classes_of(verdict),
            left_out=self.left_out(),
        )
        rows = {e.id: e for e in memo.test}
        page = render(
            verdict, self.records(), provenance=provenance, examples=rows, slices=slices_of(memo), texts=examples
        )
        way_out = "free some space, or name another place: crossover report STUDY --html FILE"
        return replace_text(Path(path), page, way_out)

    def diff(self, a: str, b: str, *, by: Sequence[str] | Mapping[str, Mapping[str, str]] = ()) -> Diff:
        """Return where two arms differ: overall, by label and slice, by test row, in calibration and in confusions.

        Args:
            a, b: arms' names, for example "lora@64".
            by: other columns of the data file (`divisions`), beside labels, thirds by length and input columns with few
                values; or any division of the test rows: its name -> example id -> part.

        Raises:
            StudyError: an arm or a column is unknown, or both arms are one.
        """
        memo = self._memo()
        parts = by if isinstance(by, Mapping) else self._columns(by)
        differing = Differing(self.records(), memo.test, labels=memo.spec.labels, by=parts)
        for name in (a, b):
            self._check_arm(name, differing.arms)
        if a == b:
            raise StudyError(f"{a} is compared with itself.", "name two arms: crossover diff STUDY ARM ARM")
        return differing.diff(a, b)

    def divisions(self) -> dict[str, dict[str, str]]:
        """Return what `diff` can also be asked by: other columns of the data file with few values, each with its test
        rows' values by example id.
        """
        found: dict[str, dict[str, str]] = {}
        for example in self._memo().test:
            for column, value in example.beside.items():
                found.setdefault(column, {})[example.id] = value
        return found

    def main_diff(self, *, margin: float | None = None) -> Diff | None:
        """Return where the two arms differ that a reader asks about first, or None with fewer than two to compare.

        These are the weights' and the prompts' nominees; where one took no part, the next of both, the best baseline
        and the recommended arm.
        """
        compared = compared_arms(self.verdict(margin=margin))
        return self.diff(compared[0].arm, compared[1].arm) if len(compared) > 1 else None

    def checks(self) -> tuple[str, ...]:
        """Return what was found in the data, as the run printed it."""
        return self._memo().checks

    def left_out(self) -> tuple[LeftOut, ...]:
        """Return what the last run did not run, and why."""
        return left_out(self._store)

    def markdown(self, *, margin: float | None = None) -> str:
        """Return the verdict as GitHub's Markdown, for a pull request; it holds no text of the test rows."""
        found, memo = self.verdict(margin=margin), self._memo()
        return markdown_of(
            found,
            table=self.aspects(margin=margin),
            diff=self.main_diff(margin=margin),
            left_out=self.left_out(),
            checks=memo.checks,
            made=(memo.created, *map(without_instruction, memo.commands)),
        )

    def pack(self, output: Path | str | None = None, *, arm: str | None = None) -> Path:
        """Pack the recommended arm (or another) as a bundle: the seed whose score before the test is the median.

        The bundle is answered with in a fresh process first: if it does not give the recorded answers on 100 test rows,
        nothing is left behind.

        Raises:
            StudyError: the verdict recommends nothing that can be packed.
            BundleError: the fresh process answers otherwise.
        """
        from crossover.bundle import pack_candidate

        memo, verdict, records = self._memo(), self.verdict(), self.records()
        name = arm or verdict.recommended
        if name is None:
            raise StudyError(
                f"{self.folder} has no arm to recommend yet.", "go on with the run, or name one with --arm"
            )
        chosen = self._arm(name, verdict)
        record = median_seed(chosen, records)
        if record is None or record.candidate is None or record.measurement is None:
            raise StudyError(f"{chosen.arm} cannot be packed: it left no candidate.", "name another with --arm")
        return pack_candidate(
            Path(output) if output is not None else self.folder.parent / f"{memo.spec.name}-bundle",
            candidate=self._store.candidate(record.candidate),
            record=record,
            verdict=verdict,
            spec=memo.spec,
            test=memo.test,
            # The memo's model is the last run's; an arm of another precision is packed in its own.
            model={**memo.model, "precision": record.key.precision or memo.model["precision"]},
        )

    def judge(
        self,
        model: str,
        *,
        arms: Sequence[str] | None = None,
        precision: str = "auto",
        listener: Listener | None = None,
    ) -> tuple[Judged, ...]:
        """Let a model compare recorded answers with the reference answers, each pair in both orders.

        The judgements stand beside the study's metric, which decides; they are kept in the study.

        Args:
            model: who judges: as for `compare`. It should be better than the model that is judged.
            arms: whose answers; by default the nominated ones.
            precision: of the judge.
            listener: told what happens.

        Raises:
            StudyError: an arm is unknown, or has no recorded answers.
            OptionError: the task's answers are labels.
        """
        from crossover.api.judging import judge_arms
        from crossover.model.load import load_model

        memo, verdict, records = self._memo(), self.verdict(), self.records()
        primary = verdict.primary
        nominated = [primary.prompt_arm, primary.weights_arm, primary.both_arm, verdict.recommended]
        chosen = []
        for name in dict.fromkeys(arms or filter(None, nominated)):
            record = median_seed(self._arm(name, verdict), records)
            if record is None:
                raise StudyError(f"{name} has no recorded answers.", "name another with --arms")
            chosen.append((name, record))
        told = listener or Silent()
        loaded = load_model(model, precision=precision, report=told.progress)
        found = judge_arms(chosen, memo.spec, memo.test, loaded, told)
        kept = self._store.get("judgements") or {}
        for judged, rows in found:
            kept[f"{judged.judge} · {judged.arm}"] = {**asdict(judged), "rows": [asdict(row) for row in rows]}
        with self._store.writing():
            self._store.put("judgements", kept)
        return tuple(judged for judged, _ in found)

    def _classes(self, verdict: Verdict, memo: StudyMemo) -> dict[str, dict[str, float]]:
        """Return each label's own numbers with the recommended arm, of the seed that `pack` would take."""
        if verdict.recommended is None or not memo.spec.labels:
            return {}
        record = median_seed(self._arm(verdict.recommended, verdict), self.records())
        if record is None or record.measurement is None:
            return {}
        return per_class([result.answer for result in record.measurement.results], memo.test, memo.spec)

    def _classes_of(self, verdict: Verdict) -> str:
        """Return whose numbers `_classes` gives, in words."""
        if verdict.recommended is None:
            return ""
        record = median_seed(self._arm(verdict.recommended, verdict), self.records())
        return verdict.recommended + (f", seed {record.key.seed}, which pack takes" if record is not None else "")

    def _found_prompts(self, verdict: Verdict) -> dict[str, str]:
        """Return the prompts of the compared arms as their fits left them, of the seed that `pack` would take."""
        records, found = self.records(), {}
        for arm in compared_arms(verdict):
            record = median_seed(arm, records)
            if record is not None and record.prompt is not None:
                found[f"{arm.arm}, as it was found (seed {record.key.seed})"] = record.prompt
        return found

    def _arm(self, name: str, verdict: Verdict) -> Arm:
        self._check_arm(name, [arm.arm for arm in verdict.arms])
        return next(arm for arm in verdict.arms if arm.arm == name)

    def _columns(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        known = self.divisions()
        for name in names:
            if name not in known:
                near = closest(name, tuple(known))
                raise StudyError(
                    f'{self.folder} cannot be looked at by "{name}".',
                    f"columns that can: {', '.join(known) or 'none'}",
                    "2 to 12 values in the test rows, neither input nor target, in the file when the study began",
                    *([f"did you mean --by {near}?"] if near else []),
                )
        return {f"column {name}": known[name] for name in names}

    def _check_arm(self, name: str, known: Sequence[str]) -> None:
        if name not in known:
            near = closest(name, known)
            hint = [f"did you mean {near}?"] if near else []
            raise StudyError(f"there is no arm {name!r} in {self.folder}.", "arms: " + ", ".join(known), *hint)

    def _memo(self) -> StudyMemo:
        """Read what is remembered: another run may have gone on with the study."""
        memo = StudyMemo.load(self._store)
        assert memo is not None, "the constructor has seen one"
        return memo
