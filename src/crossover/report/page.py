"""One self-contained HTML page that opens offline from a file and asks the network for nothing.

Importing this brings Altair and takes half a second: those who start up quickly import it when they need it.
"""

from __future__ import annotations

__all__ = ["Provenance", "render"]

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crossover.records import Arm, Example, TrialRecord, Verdict
from crossover.report.arms import BAR_WIDTH, arm_table
from crossover.report.aspects import aspect_columns, aspect_rows
from crossover.report.beside import class_rows, measure_rows, measures
from crossover.report.calibrated import HEIGHT as CALIBRATION_HEIGHT
from crossover.report.calibrated import WIDTH as CALIBRATION_WIDTH
from crossover.report.calibrated import across, down
from crossover.report.charts import SpecJson, library, still
from crossover.report.costs import cost_chart
from crossover.report.curves import crossover_chart
from crossover.report.differences import CONFUSIONS_LIMIT, where_they_differ
from crossover.report.economics import cost_lines, headings, notes
from crossover.report.not_run import not_run
from crossover.report.provenance import Provenance
from crossover.report.series import models_of, nominated
from crossover.report.text import clean, count, known, one_line, score, shorten
from crossover.verdict import aspects, explanation, headline, prompt_at_start
from crossover.verdict.figures import n_labels
from crossover.verdict.sides import hedge

PROMPT_LIMIT = 20_000
"""Characters of one prompt on the page; longer ones are cut, and the page says so."""
PROMPTS_LIMIT = 150_000
CHECKS_LIMIT = 200
FAILED_LIMIT = 50
MODELS_LIMIT = 3

_environment = Environment(
    loader=PackageLoader("crossover.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["one_line"] = one_line


def render(
    verdict: Verdict,
    records: Sequence[TrialRecord],
    *,
    provenance: Provenance,
    examples: Mapping[str, Example] | None = None,
    slices: Mapping[str, str] | None = None,
    texts: bool = True,
) -> str:
    """Return the report of a study as one HTML page of about 1 MB.

    Everything is inside the page: styles, data, and the scripts that draw the charts and sort the table. A
    content-security policy lets only these scripts run, by their hashes, and forbids every request; expressions in the
    charts are interpreted as syntax trees, so nothing needs `eval`. Without scripts the charts are still drawings and
    the table is still a table.

    Args:
        verdict: what follows from `records`.
        records: all trials of the study, failed ones too.
        provenance: where the numbers come from.
        examples: test rows by example id, to show where the arms differ; without them that section is left out.
        slices: test example id -> label or sort of input, to say where each arm is ahead.
        texts: whether the rows' texts are shown; without them the section has counts and label names alone.
    """
    if not texts:
        verdict = _without_errors(verdict)
    groups = {e.id: e.group for e in (examples or {}).values() if e.group is not None}
    table = aspects(verdict, records, slices, groups=groups)
    specs = {"crossover": crossover_chart(verdict, records), "cost": cost_chart(verdict)}
    drawn = {name: spec for name, spec in specs.items() if spec is not None}
    style = _source("page.css") + _source("aspects.css") + _source("differences.css")
    scripts = [_source("page.js") + _source("differences.js")]
    if drawn:
        scripts.insert(0, "(() => {" + re.sub("</(?=script)", r"<\\/", library(), flags=re.IGNORECASE) + "\n})();")
    first, _, rest = one_line(headline(verdict)).partition(". ")
    answers = [*explanation(verdict), *([("Not run", missing)] if (missing := not_run(provenance.left_out)) else [])]
    columns, rows, scale = arm_table(verdict, records)
    page = _environment.get_template("page.html").render(
        policy=_policy(style, scripts),
        style=Markup(style),  # noqa: S704 (our own file)
        scripts=[Markup(script) for script in scripts],  # noqa: S704 (our own file, and Vega)
        data=embedded(drawn),
        stills={name: Markup(still(spec)) for name, spec in drawn.items()},  # noqa: S704 (Vega escapes texts)
        unnamed="cost" in drawn and drawn["cost"]["usermeta"]["unnamed"],
        descriptions={name: spec["description"] for name, spec in drawn.items()},
        title=shorten(one_line(headline(verdict)), 120),
        first=first if not rest or first.endswith(".") else first + ".",
        rest=rest,
        verdict=verdict,
        facts=_facts(verdict, provenance),
        compared=_compared(verdict),
        recommended=next((_with_labels(arm) for arm in verdict.arms if arm.arm == verdict.recommended), None),
        crossing=_crossing(verdict),
        explanation=[(one_line(question), one_line(answer)) for question, answer in answers],
        reasons=[one_line(reason) for reason in verdict.reasons],
        cost_lines=cost_lines(verdict),
        cost_headings=headings(verdict),
        cost_notes=notes(verdict),
        columns=columns,
        rows=rows,
        bar_width=BAR_WIDTH,
        scale=(score(scale.low), score(scale.high)),
        differences=where_they_differ(verdict, records, examples, texts=texts) if examples else None,
        confusions_limit=CONFUSIONS_LIMIT,
        calibration=(CALIBRATION_WIDTH, CALIBRATION_HEIGHT, across, down),
        aspect_columns=aspect_columns(table),
        aspect_rows=aspect_rows(table),
        metric=one_line(verdict.task.metric),
        measures=measures(verdict),
        measure_rows=measure_rows(verdict),
        signatures=provenance.signatures,
        class_rows=class_rows(provenance.classes),
        classes_of=provenance.classes_of,
        done=_done(verdict, records, provenance, texts=texts),
        meanings=[(column.heading, column.title) for column in columns],
        sees=dict(explanation(verdict)).get("What this test can see", ""),
    )
    return str(page)


def embedded(value: Mapping[str, SpecJson]) -> Markup:
    """Return JSON that is safe inside a script element: no character of it can end the element or a line.

    A number that is not finite is an error.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (escaped by the loop above)


def _source(name: str) -> str:
    loader = _environment.loader
    assert loader is not None
    return loader.get_source(_environment, name)[0]


def _policy(style: str, scripts: Sequence[str]) -> str:
    def allowed(*sources: str) -> str:
        return " ".join(f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'" for source in sources)

    return (
        f"default-src 'none'; script-src {allowed(*scripts)}; style-src {allowed(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _facts(verdict: Verdict, provenance: Provenance) -> list[str]:
    task = verdict.task
    labels = f", {n_labels(len(task.labels))}" if task.labels else ""
    rows = f"{task.n_train:,} rows to learn from, {task.n_test:,} to test on"
    models = models_of(verdict)
    more = [f"and {len(models) - MODELS_LIMIT} models more"] if len(models) > MODELS_LIMIT else []
    start = f"{one_line(task.name)} ({task.kind}{labels})"
    return [start, rows, *models[:MODELS_LIMIT], *more, one_line(provenance.created)]


def _with_labels(arm: Arm) -> str:
    return f"{one_line(arm.method)} with {n_labels(arm.budget)}" if arm.budget else f"{one_line(arm.method)}, no labels"


def _without_errors(verdict: Verdict) -> Verdict:
    """Return the verdict without what errors say beyond their sort: they may hold a text of the user's."""
    return replace(verdict, arms=tuple(replace(arm, error=_sort_of(arm.error)) for arm in verdict.arms))


def _sort_of(error: str | None) -> str | None:
    """Return what stands before the first colon of an error, where it is a name: "KeyError"."""
    name = (error or "").partition(":")[0]
    return name if name.isidentifier() else None


def _compared(verdict: Verdict) -> str | None:
    sent = nominated(verdict)
    arms = [_with_labels(sent[family]) for family in ("weights", "both", "prompt") if family in sent]
    if len(arms) < 2:
        return None
    return f"Chosen before the test was read, then compared row by row: {'; '.join(arms)}."


def _crossing(verdict: Verdict) -> str:
    """Say the crossover in one sentence for the chart's caption."""
    crossover = verdict.crossover
    if crossover is None:
        return "These arms give no crossover."
    weights, prompt = one_line(crossover.weights_method), one_line(crossover.prompt_method)
    labels = known(crossover.labels)
    within = crossover.interval
    high = "more than was measured" if within and known(within.high) is None else count(within.high if within else None)
    spread = f" [{count(within.low)}, {high}]" if within else ""
    if crossover.bound == "never" or labels is None:
        return f"{weights} does not overtake {prompt} at the budgets measured."
    if crossover.bound == "at_most":
        start = one_line(prompt_at_start(verdict, crossover))
        return f"{weights} is already ahead of {start} at {n_labels(labels)}, the fewest measured{hedge(verdict)}."
    if crossover.bound == "at_least":
        return f"{weights} has not overtaken {prompt} with {n_labels(labels)}, but comes closer."
    return f"{weights} overtakes {prompt} at about {count(labels)} labels{spread}, the upright line."


def _done(verdict: Verdict, records: Sequence[TrialRecord], provenance: Provenance, *, texts: bool) -> dict[str, Any]:
    """Gather section 7. The values are text, pairs of text and lists of these, as done.html reads them."""
    seeds = sorted({record.key.seed for record in records})
    efforts = sorted({record.key.effort for record in records})
    failed = [record for record in records if record.error is not None]
    errors = {r.error: (r.error if texts else _sort_of(r.error)) or "left out" for r in failed}
    prompts, room = [], PROMPTS_LIMIT
    for name, text in provenance.prompts.items():
        shown = shorten(clean(text), min(PROMPT_LIMIT, room))
        room = max(200, room - len(shown))
        prompts.append((one_line(name), shown, len(text) > len(shown)))
    checks = [one_line(line) for line in provenance.checks[:CHECKS_LIMIT]]
    if len(provenance.checks) > CHECKS_LIMIT:
        checks.append(f"and {len(provenance.checks) - CHECKS_LIMIT:,} lines more")
    return {
        "checks": checks,
        "trials": f"{len(records):,} trials" + (f", {len(failed):,} of them failed" if failed else ""),
        "failed": [
            (
                f"{one_line(r.key.method)}, {n_labels(r.key.budget)}, seed {r.key.seed}",
                shorten(one_line(errors[r.error]), 300),
            )
            for r in failed[:FAILED_LIMIT]
        ],
        "failed_more": max(len(failed) - FAILED_LIMIT, 0),
        "seeds": ", ".join(map(str, seeds)) or "none",
        "efforts": ", ".join(f"{effort:g}" for effort in efforts) or "none",
        "prompts": prompts,
        "model": [one_line(line) for line in provenance.model] or models_of(verdict),
        "versions": [(one_line(name), one_line(version)) for name, version in provenance.versions.items()],
        "hashes": [
            ("data (sha256)", one_line(verdict.task.data_sha256)),
            *((one_line(name), one_line(digest)) for name, digest in provenance.hashes.items()),
        ],
        "command": clean(provenance.command),
        "study": one_line(provenance.study),
    }
