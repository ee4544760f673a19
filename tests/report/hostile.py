"""Texts that would run, load or break out if a page or a terminal took them for more than text."""

from __future__ import annotations

from dataclasses import replace

from crossover.records import Arm, Example, TrialRecord
from crossover.report.provenance import Provenance
from tests.report.invented import Study

PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</ScRiPt ><script>alert(1)</script>",
    "<!--<script>alert(1)</script>-->",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><svg onload=alert(1)>",
    "</svg><img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus=alert(1) x='",
    "<svg/onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>x</a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><input autofocus onfocus=alert(1)></form>",
    "<details open ontoggle=alert(1)>",
    "{{7*7}}{% raw %}",
    "${alert(1)}`alert(1)`",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u2028alert(1)\u2029",
    "[bold red]x[/bold red][link=https://evil.example]y[/link] :smile:",
    "\x1b[31mred\x1b]8;;https://evil.example\x1b\\\x07\x08\x00\x9b2J",
    "abc\u202efdp.exe",
    "=HYPERLINK(0)\r\nX-Header: 1",
    "| a | b |\n[x](javascript:alert(1)) @everyone #1 ![i](https://evil.example/i.png)",
    "url(https://evil.example) ; } body { display: none",
    "\ud800 lone surrogate",
    "<select><option>x</select><img src=x onerror=alert(1)>",
    "</option></select><script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<style>@import url(https://evil.example/x.css)</style>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=https://evil.example/a.mp3 autoplay>",
    "<img srcset='https://evil.example/i.png 2x'>",
    "<embed src=//evil.example/x.swf>",
    "<use href=https://evil.example/x.svg#a>",
    "javascript:alert(1)//",
    "\ufeff<\u0000script>alert(1)</script>",
    "__proto__ constructor toString",
    "<bdi><details><summary>x</summary></details></bdi>",
)


def hostile(study: Study, payload: str) -> Study:
    """Return the study with a payload in every text that comes from outside."""
    methods = {arm.method for arm in study.verdict.arms if arm.family != "baseline"}

    def named(method: str) -> str:
        return f"{method} {payload}" if method in methods else method

    def arm(old: Arm) -> Arm:
        return replace(
            old,
            arm=f"{named(old.method)}@{old.budget}",
            method=named(old.method),
            model=payload if old.model else "",
            source_precision=payload if old.source_precision else None,
            precision=payload if old.precision else "",
            beside={payload: 0.5},
        )

    def record(old: TrialRecord) -> TrialRecord:
        key = replace(
            old.key,
            method=named(old.key.method),
            model=payload if old.key.model else "",
            precision=payload if old.key.precision else "",
        )
        if old.measurement is None:
            return replace(old, key=key, error=payload)
        results = tuple(replace(result, answer=f"{result.answer} {payload}") for result in old.measurement.results)
        return replace(old, key=key, measurement=replace(old.measurement, results=results))

    def renamed(name: str | None) -> str | None:
        return None if name is None else f"{named(name.partition('@')[0])}@{name.partition('@')[2]}"

    verdict = study.verdict
    crossing = verdict.crossover
    assert crossing is not None
    records = tuple(map(record, study.records))
    failed = replace(records[-1], key=replace(records[-1].key, seed=9), measurement=None, error=payload)
    return Study(
        verdict=replace(
            verdict,
            recommended=renamed(verdict.recommended),
            reasons=(payload, *verdict.reasons),
            task=replace(
                verdict.task, name=payload, metric=payload, labels=(payload, *verdict.task.labels), data_sha256=payload
            ),
            primary=replace(
                verdict.primary,
                prompt_arm=renamed(verdict.primary.prompt_arm),
                weights_arm=renamed(verdict.primary.weights_arm),
                both_arm=renamed(verdict.primary.both_arm),
            ),
            crossover=replace(
                crossing,
                prompt_method=named(crossing.prompt_method),
                weights_method=named(crossing.weights_method),
            ),
            arms=tuple(map(arm, verdict.arms)),
        ),
        records=(*records, failed),
        provenance=Provenance(
            study=payload,
            created=payload,
            command=payload,
            versions={payload: payload},
            checks=(payload,),
            prompts={payload: payload},
            model=(payload,),
            hashes={payload: payload},
            signatures={payload: payload},
            classes={payload: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "n": 3}},
            classes_of=payload,
        ),
        examples={
            key: Example(id=key, inputs={payload: payload, "other": payload}, target=payload, row=example.row)
            for key, example in study.examples.items()
        },
    )


def all_at_once(study: Study) -> Study:
    """Return the study with every payload in every text."""
    return hostile(study, " ".join(PAYLOADS))
