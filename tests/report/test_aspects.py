"""The aspects where people read them: terminal, Markdown, page; other people's text stays text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from crossover.records import Interaction, ProbeScores, Retained
from crossover.report.aspects import aspects_text
from crossover.report.markdown import render as markdown
from crossover.report.page import render
from crossover.verdict import aspects
from tests.report.hostile import PAYLOADS, hostile
from tests.report.invented import Study
from tests.report.test_page import EDGES, Reader
from tests.report.test_terminal import printed


def measured(study: Study, probe: str = "arc") -> Study:
    """Return the study with what is measured beside the score."""
    records = []
    for record in study.records:
        if record.measurement is None or record.family == "baseline":
            records.append(record)
            continue
        is_prompt = record.family == "prompt"
        records.append(
            replace(
                record,
                measurement=replace(
                    record.measurement,
                    retention=1.0 if is_prompt else 0.5,
                    retained=None if is_prompt else Retained(divergence=0.69, loss_rise=0.6, tokens=1900, seconds=2.0),
                    probes={
                        probe: ProbeScores(before=(1.0, 0.0) * 25, after=(1.0, float(is_prompt)) * 25, sha256="ab")
                    },
                    interaction=Interaction(
                        editable=True,
                        inputs=5,
                        first_answer_s=0.06,
                        new_labels_s=0.5,
                        in_form=1.0,
                        asked="capital letters",
                        follows_before=0.0,
                        follows=0.2,
                    ),
                ),
            )
        )
    arms = tuple(
        replace(arm, retention=1.0 if arm.family == "prompt" else 0.5) if arm.family != "baseline" else arm
        for arm in study.verdict.arms
    )
    return replace(study, verdict=replace(study.verdict, arms=arms), records=tuple(records))


def slices(study: Study) -> dict[str, str]:
    return {key: example.target or "" for key, example in study.examples.items()}


def test_the_terminal(study: Study) -> None:
    made = measured(study)
    table = aspects(made.verdict, made.records, slices(made))
    assert printed(aspects_text(table), width=120) == snapshot("""\
  aspect            prompt                           weights                          both
  Definition        What the model is told is        The model's weights, or a few    Weights are trained and the prompt
                    changed, the model is not.       beside them, are trained.        is worked on.
  Objective         Find words and demonstrations    Make the wanted answers likely   Make them likely after the very
                    that the frozen model answers    after a plain prompt.            prompt that is served.
                    best with.
  Example here      knn-few-shot with 64 labels:     lora with 64 labels: 78% [71,    lora+few-shot with 64 labels: 79%
                    61% [52, 70] accuracy            85] accuracy                     [72, 86] accuracy
  Data requirement  64 labels used                   64 labels used                   64 labels used
                    within 3 points of its own best  within 3 points of its own best  within 3 points of its own best
                    from 64 labels on                from 64 labels on                from 64 labels on
                                                     overtakes knn-few-shot at about
                                                     26 labels
  Scope             keeps all of the base model, by  keeps 50% of a token's           keeps 50% of a token's probability
                    definition: a prompt goes with   probability in the base model's  in the base model's own text (KL
                    its request                      own text (KL 0.69 nats a token)  0.69 nats a token)
                    arc: 50% → 100%, +50 points      arc: 50% before and after, row   arc: 50% before and after, row by
                    [+35, +65]                       by row the same                  row the same
  Customization     5 of 5 answers written freely    5 of 5 answers written freely    5 of 5 answers written freely are
                    are a label                      are a label                      a label
                    asked for capital letters: 1 of  asked for capital letters: 1 of  asked for capital letters: 1 of 5
                    5 follow                         5 follow                         follow
  Flexibility       other labels: 500 ms until the   other labels: 58 s, a new fit    other labels: 171 s, a new fit
                    prompt is built and read,
                    without examples of them
  Training process  3 configurations tried, 64,000   3 configurations tried, 64,000   3 configurations tried, 64,000
                    token passes, 900 ms             token passes, 58 s               token passes, 171 s
  Resources         812 MiB at most                  812 MiB at most                  812 MiB at most
                    173 tokens a call                40 tokens a call                 175 tokens a call
                    160 ms a call, one at a time     31 ms a call, one at a time      164 ms a call, one at a time
  Use cases         on none of 8 labels surely       on none of 8 labels surely       on none of 8 labels surely ahead
                    ahead of lora                    ahead of knn-few-shot            of lora
  Real-time use     60 ms from an edit to the first  60 ms from an edit to the first  60 ms from an edit to the first
                    answer                           answer                           answer\
""")


def test_markdown_for_a_pull_request(study: Study) -> None:
    made = measured(study)
    text = markdown(made.verdict, table=aspects(made.verdict, made.records))
    rows = text[text.index("| aspect |") :].split("\n\n", maxsplit=1)[0].splitlines()
    assert rows[0] == "| aspect | prompt: knn-few-shot | weights: lora | both: lora+few-shot |"
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    assert "| Flexibility | other labels: 500 ms until the prompt is built and read, without examples of them |" in text


def test_the_page_has_three_columns_that_name_their_family(study: Study) -> None:
    made = measured(study)
    page = render(made.verdict, made.records, provenance=made.provenance, examples=made.examples, slices=slices(made))
    shown = Reader(page).text
    part = shown[shown.index("Aspect by aspect") : shown.index("All arms")]
    assert "keeps all of the base model, by definition" in part
    assert "KL 0.69 nats a token" in part
    assert page.count('role="row"') == 12
    assert page.count('<div role="cell"') == 33
    assert page.count('class="of-weights"') == 11


@pytest.mark.parametrize("edge", EDGES)
def test_any_study_has_an_honest_table(study: Study, edge: str) -> None:
    made = EDGES[edge](study)
    table = aspects(made.verdict, made.records)
    assert printed(aspects_text(table))
    assert markdown(made.verdict, table=table)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_stay_text(study: Study, payload: str) -> None:
    made = hostile(measured(study, probe=payload), payload)
    named = dict.fromkeys(made.examples, payload)
    table = aspects(made.verdict, made.records, named)
    assert not set(printed(aspects_text(table))) & set("\x1b\x07\x08\x00\x9b\u202e\r")
    text = markdown(made.verdict, table=table)
    rows = text[text.index("| aspect |") :].split("\n\n", maxsplit=1)[0].splitlines()
    assert len(rows) == 13
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    page = render(made.verdict, made.records, provenance=made.provenance, examples=made.examples, slices=named)
    ordinary = measured(study)
    plain = render(
        ordinary.verdict,
        ordinary.records,
        provenance=ordinary.provenance,
        examples=ordinary.examples,
        slices=slices(ordinary),
    )
    # A second input column brings these; no payload may bring any other.
    assert Reader(page).elements <= Reader(plain).elements | {("b", ()), ("br", ()), ("p", ("class", "dir"))}
