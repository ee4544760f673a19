from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest

from crossover.records import Bound, Interval, TrialRecord
from crossover.report.page import Provenance, embedded, render
from crossover.report.series import source_words
from crossover.verdict import decide, headline
from crossover.verdict.synthetic import SyntheticArm, synthetic_study, synthetic_task
from tests.report.hostile import PAYLOADS, hostile
from tests.report.invented import Study, make_examples, with_arms

MAX_BYTES = 1_500_000
NAN, INF = float("nan"), float("inf")


class Reader(HTMLParser):
    """Reads a page as a browser without scripts would: its elements, and the text that is shown."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[tuple[str, tuple[str, ...]]] = set()
        self.addresses: list[str] = []
        self.shown: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add((tag, tuple(sorted(name for name, _ in attrs))))
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "data", "srcset"}]
        if tag in {"script", "style"}:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        {"script": self.scripts, "style": self.styles}.get(self._inside, self.shown).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.shown).split())


def page_of(study: Study) -> str:
    return render(study.verdict, study.records, provenance=study.provenance, examples=study.examples)


@pytest.fixture(scope="module")
def page(study: Study) -> str:
    return page_of(study)


def test_the_page_is_small_enough(page: str) -> None:
    assert len(page.encode()) < MAX_BYTES


def test_the_page_refers_to_nothing(page: str) -> None:
    assert Reader(page).addresses == ["#verdict"], "the way past the head, inside the page"
    assert not re.search(r"@import|@font-face|url\(", Reader(page).styles[0])


def test_the_policy_names_the_scripts_and_styles_and_nothing_else(page: str) -> None:
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert found
    policy = found[1].replace("&#39;", "'")
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    scripts = [text for text in Reader(page).scripts if not text.startswith("{")]
    assert len(scripts) == 2
    assert directives["script-src"].split() == [digest(script) for script in scripts]
    assert directives["style-src"] == digest(Reader(page).styles[0])
    assert "unsafe" not in policy


def test_the_order_is_verdict_charts_answers_arms_differences_done(page: str) -> None:
    titles = re.findall(r"<h2 id=[^>]*>([^<]+)</h2>", page)
    assert titles == [
        "How many labels it takes",
        "What a call costs",
        "In short",
        "Aspect by aspect",
        "All arms",
        "Where they differ",
        "What was done",
    ]
    assert page.index("<h1>") < page.index("<h2")


def test_the_verdict_and_the_facts_are_on_the_first_screen(page: str, study: Study) -> None:
    text = Reader(page).text
    head = text[: text.index("How many labels it takes")]
    assert " ".join(headline(study.verdict).split()) in head
    assert "Recommended today lora with 64 labels" in head
    assert "366 rows to learn from, 120 to test on" in head
    assert "smollm2-135m (4-bit at its source, q4_1), run in bf16" in head
    assert "23 November 2026" in head


def test_every_arm_is_in_the_table(page: str, study: Study) -> None:
    text = Reader(page).text
    table = text[text.index("All arms") : text.index("Where they differ")]
    assert "lora recommended weights 64 .78 [.71, .85] 58 s 40 31 / 43 812 MiB 3" in table
    assert "zero-shot prompt – .44 [.35, .53] – 40 31 / 43" in table
    assert page.count('<th scope="row"') == len(study.verdict.arms)


def test_what_was_done_can_be_done_again(page: str, study: Study) -> None:
    text = Reader(page).text
    assert study.provenance.command in text
    assert "Which intent has this message? Message: {text} Intent:" in text
    assert study.verdict.task.data_sha256 in text


def test_rows_where_they_differ_are_shown_only_when_given(study: Study) -> None:
    without = render(study.verdict, study.records, provenance=study.provenance)
    assert "Where they differ" not in without
    assert "Where is my parcel" not in without
    assert "Where is my parcel" in page_of(study)


def _graded(record: TrialRecord) -> TrialRecord:
    """Return the trial with scores between right and wrong: .8 for .0 and 1.0 alike where the arm is lora, else .5."""
    assert record.measurement is not None
    score = 0.8 if record.key.method == "lora" else 0.5
    results = tuple(replace(result, score=score) for result in record.measurement.results)
    return replace(record, measurement=replace(record.measurement, results=results))


def test_where_scores_lie_between_right_and_wrong_a_clear_lead_counts(study: Study) -> None:
    graded = replace(study, records=tuple(_graded(record) for record in study.records))
    text = Reader(page_of(graded)).text
    assert "First clearly ahead Second clearly ahead About the same" in text
    assert "lora knn-few-shot +30 [+30, +30] 120 0 0" in text
    assert ".80 · " in text


def test_other_measures_and_each_label_stand_beside(study: Study) -> None:
    assert "Other measures" not in page_of(study)
    arms = tuple(
        replace(arm, beside={"macro_f1": 0.625, "bleu": 31.42} if arm.method == "lora" else {"macro_f1": 0.5})
        for arm in study.verdict.arms
    )
    classes = {
        "refund": {"precision": 0.9, "recall": 0.8, "f1": 0.85, "n": 12},
        "login": {"precision": 0.3, "recall": 0.2, "f1": 0.24, "n": 9},
    }
    more = replace(study.provenance, signatures={"bleu": "nrefs:1|tok:13a"}, classes=classes, classes_of="lora@64")
    text = Reader(page_of(replace(study, verdict=replace(study.verdict, arms=arms), provenance=more))).text
    table = text[text.index("Other measures") :]
    assert "macro_f1 bleu" in table
    assert "lora 64 .62 31.4" in table
    assert "zero-shot – .50 –" in table
    assert "bleu: nrefs:1|tok:13a." in table
    assert table.index("login 9 .30 .20 .24") < table.index("refund 12 .90 .80 .85"), "the worst first"


@pytest.mark.parametrize("payload", [" ".join(PAYLOADS[n : n + 4]) for n in range(0, len(PAYLOADS), 4)])
def test_hostile_text_is_shown_as_text(page: str, study: Study, payload: str) -> None:
    found = Reader(page_of(hostile(study, payload)))
    benign = Reader(page)
    # Failed trials and a second input column bring these; no payload may bring any other.
    ours = {("b", ()), ("br", ())}
    assert found.elements <= benign.elements | ours
    assert found.addresses == benign.addresses
    assert len(found.scripts) == len(benign.scripts)
    assert found.scripts[1:] == benign.scripts[1:]
    json.loads(found.scripts[0])
    assert not set(found.scripts[0]) & set("<>&\u2028\u2029")
    assert found.styles == benign.styles
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", found.text)


def test_hostile_text_is_still_readable(study: Study) -> None:
    assert "<img src=x onerror=alert(1)> (classification" in Reader(page_of(hostile(study, PAYLOADS[11]))).text
    assert "{{7*7}}{% raw %}" in Reader(page_of(hostile(study, "{{7*7}}{% raw %}"))).text


def test_embedded_json_cannot_end_its_element() -> None:
    text = embedded({"x": {"y": "</script>\u2028&"}})
    assert text == '{"x":{"y":"\\u003c/script\\u003e\\u2028\\u0026"}}'
    assert json.loads(text) == {"x": {"y": "</script>\u2028&"}}


def test_a_large_study_stays_under_the_limit(study: Study) -> None:
    long = "x" * 100_000
    provenance = replace(study.provenance, prompts={str(n): long for n in range(20)}, checks=("line",) * 5000)
    examples = make_examples(lambda _: long)
    page = render(study.verdict, study.records, provenance=provenance, examples=examples)
    assert len(page.encode()) < MAX_BYTES
    assert "Cut here" in page


def test_without_any_score_there_are_no_charts_and_no_vega(study: Study) -> None:
    arms = tuple(replace(arm, score=None, interval=None, missing=40) for arm in study.verdict.arms)
    page = page_of(replace(study, verdict=replace(study.verdict, arms=arms, crossover=None)))
    assert "How many labels it takes" not in page
    assert "All arms" in page
    assert len(page) < 200_000
    assert "40 of 360" in page


def bare(study: Study) -> Study:
    arms = tuple(
        replace(
            arm,
            interval=None,
            lenient_score=None,
            latency_ms=None,
            peak_memory_mb=None,
            dev_score=None,
            source_precision=None,
        )
        for arm in study.verdict.arms
    )
    return replace(study, verdict=replace(study.verdict, arms=arms, crossover=None, detectable_difference=None))


EDGES: dict[str, Callable[[Study], Study]] = {
    "no weights arm": lambda study: with_arms(study, lambda arm: arm.family in {"baseline", "prompt"}),
    "one arm": lambda study: with_arms(study, lambda arm: arm.arm == "lora@64"),
    "one baseline": lambda study: with_arms(study, lambda arm: arm.method == "majority"),
    "only budget 0": lambda study: with_arms(study, lambda arm: arm.budget == 0),
    "no arm": lambda study: with_arms(study, lambda _: False),
    "no crossover": lambda study: replace(study, verdict=replace(study.verdict, crossover=None)),
    "nothing known": bare,
    "no record": lambda study: replace(study, records=(), examples={}),
    "failed trials": lambda study: replace(
        study, records=tuple(replace(record, measurement=None, error="out of memory") for record in study.records)
    ),
    "numbers that are none": lambda study: replace(
        study,
        verdict=replace(
            study.verdict,
            arms=tuple(
                replace(arm, interval=Interval(low=NAN, high=INF), fit_seconds=NAN, prompt_tokens=INF, dev_score=NAN)
                if arm.method in {"head", "few-shot", "majority"}
                else arm
                for arm in study.verdict.arms
            ),
        ),
    ),
}


def in_two_precisions(study: Study) -> Study:
    """Return the study with its arms of weights measured in nf4 as well."""
    verdict, records = study.verdict, study.records
    more = tuple(replace(a, arm=f"{a.arm}:nf4", precision="nf4") for a in verdict.arms if a.family == "weights")
    again = tuple(replace(r, key=replace(r.key, precision="nf4")) for r in records if r.family == "weights")
    return replace(study, verdict=replace(verdict, arms=(*verdict.arms, *more)), records=(*records, *again))


EDGES["several precisions"] = in_two_precisions


def test_several_precisions_have_a_column_and_one_has_none(study: Study) -> None:
    assert "Precision" not in Reader(page_of(study)).text
    text = Reader(page_of(in_two_precisions(study))).text
    assert "Precision" in text
    assert "lora · nf4" in page_of(in_two_precisions(study)), "in the charts"


@pytest.mark.parametrize("edge", EDGES)
def test_a_page_is_made_of_any_study(study: Study, edge: str) -> None:
    page = page_of(EDGES[edge](study))
    assert "<h1>" in page
    assert "NaN" not in Reader(page).scripts[0]


@pytest.mark.parametrize("bound", ["exact", "at_most", "at_least", "never"])
@pytest.mark.parametrize("high", [41.4, float("inf")])
def test_every_bound_of_a_crossover_is_said(study: Study, bound: Bound, high: float) -> None:
    crossing = study.verdict.crossover
    assert crossing is not None
    changed = replace(
        crossing,
        bound=bound,
        labels=None if bound == "never" else crossing.labels,
        interval=None if bound == "never" else Interval(low=17.0, high=high),
    )
    text = Reader(page_of(replace(study, verdict=replace(study.verdict, crossover=changed)))).text
    said = {
        "exact": "lora overtakes knn-few-shot at about 26 labels [17, ",
        "at_most": "lora is already ahead of prompts",  # at 26 labels no prompt was measured
        "at_least": "lora has not overtaken knn-few-shot",
        "never": "lora does not overtake knn-few-shot",
    }
    assert said[bound] in text


@pytest.mark.parametrize(
    ("n_test", "seeds", "scores"),
    [(10, 3, (0.5, 0.5, 0.5)), (120, 1, (0.4, 0.6, 0.8)), (60, 3, (0.5, 0.5)), (300, 3, (0.3, 0.5, 0.9))],
)
def test_a_page_is_made_of_what_verdict_decides(n_test: int, seeds: int, scores: tuple[float, ...]) -> None:
    arms = (
        SyntheticArm(method="majority", family="baseline", budget=0, score=scores[0]),
        SyntheticArm(method="zero-shot", family="prompt", budget=0, score=scores[1]),
        SyntheticArm(method="lora", family="weights", budget=64, score=scores[-1]),
    )[: len(scores)]
    records = synthetic_study(arms, n_test=n_test, seeds=seeds, generator=np.random.default_rng(1))
    verdict = decide(records, synthetic_task(n_test))
    page = render(verdict, records, provenance=Provenance(study="s", created="today", command="crossover run s.csv"))
    assert " ".join(headline(verdict).split()) in Reader(page).text


@pytest.mark.parametrize(
    ("precision", "words"),
    [("q4_1", "4-bit at its source, q4_1"), ("int8", "8-bit at its source, int8"), ("bf16", "bf16 at its source")],
)
def test_the_source_precision_is_said(precision: str, words: str) -> None:
    assert source_words(precision) == words
