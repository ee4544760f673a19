"""A verdict's questions and answers, for the person who decides. Reads the `Verdict` alone."""

from __future__ import annotations

__all__ = ["explanation"]

from math import isfinite

from crossover.records import DEFAULT_MARGIN, Arm, Crossover, Verdict
from crossover.verdict.economics import is_priced, month
from crossover.verdict.failures import failures
from crossover.verdict.figures import (
    about,
    amount,
    in_money,
    interval,
    n_labels,
    other_margin,
    p_value,
    percent,
    points,
)
from crossover.verdict.sides import (
    best_baseline,
    best_nominee,
    find_arm,
    hedge,
    known_as,
    nominee,
    nominees,
    prompt_at_start,
)

_THOUSAND = 1_000


def explanation(verdict: Verdict) -> list[tuple[str, str]]:
    """Return (question, answer) pairs: those that the records can answer, in the order in which people ask.

    Where neither prompt nor weights is needed, what they would cost is not asked.
    """
    adapting = [
        ("From how many labels?", _from_how_many(verdict)),
        ("Both together?", _both(verdict)),
        ("More labels?", _more_labels(verdict)),
        ("What is format alone?", _format(verdict)),
        ("What it costs", _costs(verdict)),
        ("What it costs in money", _in_money(verdict)),
        ("When it has paid back", _paid_back(verdict)),
        ("What a month costs", _month(verdict)),
        ("What it forgets", _forgets(verdict)),
    ]
    always = [
        ("Without a model?", _without_a_model(verdict)),
        ("Higher on this test", _higher(verdict)),
        ("What this test can see", _sees(verdict)),
        ("What failed", failures(verdict)),
        ("What does not matter", other_margin(verdict.margin) if verdict.margin != DEFAULT_MARGIN else ""),
    ]
    asked = always if verdict.decision == "neither" else [*adapting, *always]
    return [(question, answer) for question, answer in asked if answer]


def _from_how_many(verdict: Verdict) -> str:
    found = verdict.crossover
    if found is None:
        return ""
    later, sooner = found.weights_method, found.prompt_method
    if found.bound == "never" or found.labels is None:
        return f"{later} does not overtake {sooner} in the range measured, nor does it come closer."
    if found.bound == "at_most":
        sooner, surely = prompt_at_start(verdict, found), hedge(verdict)
        return f"At {n_labels(found.labels)}, the fewest measured, {later} is already ahead of {sooner}{surely}."
    if found.bound == "at_least":
        return f"From more than {n_labels(found.labels)}, if at all: that was the most measured. Up to there, prompt."
    return f"From about {about(found.labels)} on{_label_range(found)}. Below that, prompt."


def _label_range(found: Crossover) -> str:
    if found.interval is None:
        return ""
    high = about(found.interval.high) if isfinite(found.interval.high) else "more than was measured"
    return f" [{about(found.interval.low)}, {high}]"


def _both(verdict: Verdict) -> str:
    together = nominee(verdict, "both")
    alone = best_nominee(verdict, but=together.arm) if together else None
    if together is None or alone is None or together.score is None or alone.score is None:
        return ""
    primary = verdict.primary
    bounds = primary.both_interval
    difference = together.score - alone.score if primary.both_gain is None else primary.both_gain
    gain = f"{together.method}: {points(difference, bounds)} against {alone.method}"
    shown = bounds is not None and (bounds.low > 0 or bounds.high < 0)
    if verdict.decision == "both" or difference < 0 or shown:
        return f"{gain}."
    ratio = together.prompt_tokens / alone.prompt_tokens if alone.prompt_tokens else 0.0
    if ratio >= 1.5:
        return f"{gain}, not shown to be worth {ratio:.1f} times the tokens a call."
    return f"{gain}, not shown to be better."


def _more_labels(verdict: Verdict) -> str:
    found = verdict.more_labels
    if found is None:
        return ""
    first, last = found.measured[0], found.measured[-1]
    start = "none" if first == 0 else f"{first:,}"
    labels = "label" if last == 1 else "labels"
    far = ", a long way to read on from" if first == 0 else ""
    gain = f"The next {found.labels} would buy about {points(found.gain, found.interval)}"
    return f"{gain}, if {found.method} goes on as from {start} to {last:,} {labels}{far}."


def _format(verdict: Verdict) -> str:
    known = [arm for arm in nominees(verdict) if arm.format_share is not None]
    if not known:
        return ""
    shares = [f"{arm.method} {percent(arm.format_share or 0.0)}{interval(arm.format_interval)}" for arm in known]
    return f"{'; '.join(shares)} of the gain over the bare prompt, gone when answers are held to their form."


def _costs(verdict: Verdict) -> str:
    weights, prompt = nominee(verdict, "weights"), nominee(verdict, "prompt")
    sentences = []
    if weights is not None:
        calls = f"a call reads {round(weights.prompt_tokens):,} tokens"
        other = None if prompt is None else round(prompt.prompt_tokens)
        instead = f" instead of {other:,}" if other not in {None, round(weights.prompt_tokens)} else ""
        sentences.append(f"{_seconds(weights.fit_seconds)} of training once; {calls}{instead}.")
    elif prompt is not None:
        sentences.append(f"A call reads {round(prompt.prompt_tokens):,} tokens.")
    if verdict.break_even_calls is not None:
        after = verdict.break_even_calls
        sentences.append("Pays back at once." if after < 1 else f"Pays back after {about(after)} calls.")
    elif weights is not None and prompt is not None:
        sentences.append("A call does not become cheaper, so training does not pay back by itself.")
    return " ".join(sentences)


def _in_money(verdict: Verdict) -> str:
    """Say what the fit and a thousand calls of each nominee cost, where there are prices."""
    if verdict.economics is None or not is_priced(verdict.economics.prices):
        return ""
    prices, told = verdict.economics.prices, []
    for arm in nominees(verdict):
        found = month(arm, _THOUSAND, prices)
        source = arm.energy_source == "estimated" and prices.kwh is not None
        if found.calls.money is not None:
            fit = "" if not found.fit.money else f", {in_money(found.fit.money, prices)} for the fit"
            guessed = " (estimated)" * source
            told.append(f"{arm.arm} {in_money(found.calls.money, prices)} for 1,000 calls{fit}{guessed}")
    return f"{'; '.join(told)}." if told else ""


def _paid_back(verdict: Verdict) -> str:
    """Say from how many calls on the recommended arm has cost less in all than each nominee."""
    found = [] if verdict.economics is None else verdict.economics.break_even
    sentences = []
    for one in found:
        calls = {"time": one.time, "tokens": one.tokens, "money": one.money}
        known = {name: number for name, number in calls.items() if number is not None}
        never = [name for name, number in known.items() if not isfinite(number)]
        after: dict[str, list[str]] = {}
        for name, number in known.items():
            if isfinite(number):
                after.setdefault(_after(number), []).append(name)
        said = [f"{when} in {_listed(measures)}" for when, measures in after.items()]
        if said:
            but = f", never in {_listed(never)}" if never else ""
            sentences.append(f"{one.arm} has cost less in all than {one.against} {', '.join(said)}{but}.")
        elif never:
            sentences.append(f"{one.arm} never costs less in all than {one.against}, in {_listed(never)}.")
    return " ".join(sentences)


def _after(calls: float) -> str:
    return "at once" if calls < 1 else "after 1 call" if round(calls) == 1 else f"after {about(calls)} calls"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _month(verdict: Verdict) -> str:
    """Say what a month's calls take with the arm that is recommended, its fit apart."""
    if verdict.economics is None or verdict.economics.calls_per_month is None:
        return ""
    found = next((one for one in verdict.economics.months if one.arm == verdict.recommended), None)
    if found is None:
        return ""
    source = next((arm.energy_source for arm in verdict.arms if arm.arm == found.arm), None)
    calls = amount(found.calls, verdict.economics.prices, source)
    if not calls:
        return ""
    fit = amount(found.fit, verdict.economics.prices, source)
    once = f"; the fit, once: {fit}" if fit else ""
    return f"{verdict.economics.calls_per_month:,.0f} calls of {found.arm}, one at a time: {calls}{once}."


def _seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{round(seconds)} s" if seconds < 600 else f"{round(seconds / 60)} min"


def _forgets(verdict: Verdict) -> str:
    known = [arm for arm in nominees(verdict) if arm.retention is not None]
    changed = [arm for arm in known if arm.family != "prompt"]
    told = [f"{arm.method} keeps {percent(arm.retention or 0.0)}" for arm in changed]
    if not told:
        return ""
    rest = "; a prompt all of it" if len(changed) < len(known) else ""
    return f"Of a token's probability in the base model's own text {', '.join(told)}{rest}."


def _without_a_model(verdict: Verdict) -> str:
    baseline = best_baseline(verdict)
    if baseline is None or baseline.score is None:
        return ""
    return f"{known_as(baseline)} reaches {percent(baseline.score)}{interval(baseline.interval)}.{_not_shown(verdict)}"


def _not_shown(verdict: Verdict) -> str:
    """Name the nominee that reads higher than a baseline which is recommended, where the headline is about another."""
    chosen, best = find_arm(verdict, verdict.recommended), best_nominee(verdict)
    if verdict.decision != "unsure" or chosen is None or chosen.family != "baseline" or best is None:
        return ""
    said = verdict.unsettled is not None and best.arm in verdict.unsettled
    if said or best.score is None or chosen.score is None or best.score <= chosen.score:
        return ""
    return f" {best.method} reads {percent(best.score)}{interval(best.interval)}, not shown to be better."


def _higher(verdict: Verdict) -> str:
    """Say which arm has a clearly higher score than the recommended one and was not nominated, and why it is not taken.

    Clearly: by half of what this test can see. Whoever watches a run sees its scores go by, and asks.
    """
    chosen = find_arm(verdict, verdict.recommended)
    apart = {None if chosen is None else chosen.arm, *(arm.arm for arm in nominees(verdict))}
    others = [arm for arm in verdict.arms if arm.family != "baseline" and arm.arm not in apart]
    scored = [arm for arm in others if arm.score is not None]
    best = max(scored, key=lambda arm: (arm.score or 0.0, arm.arm), default=None)
    if chosen is None or chosen.score is None or best is None or best.score is None:
        return ""
    before = nominee(verdict, best.family)
    by = None if before is None else _nominated_by(best, before, verdict)
    if before is None or by is None:
        return ""
    if best.score - chosen.score < max((verdict.detectable_difference or 0.0) / 2, verdict.margin):
        return ""
    luck = "" if best.p_vs_recommended is None else f" ({p_value(best.p_vs_recommended)}, corrected for that)"
    word, own, theirs = by
    return (
        f"{best.arm} reads {percent(best.score)}, {chosen.arm} {percent(chosen.score)}. It was not nominated: before "
        f"the test {before.arm} had {percent(theirs)}, it {percent(own)} ({word} score), and the highest of "
        f"{len(verdict.arms)} arms on one test is partly luck{luck}. More seeds make {word} scores surer."
    )


def _nominated_by(arm: Arm, before: Arm, verdict: Verdict) -> tuple[str, float, float] | None:
    """Return by which score an arm's family nominated another one, and either's; None where it was by neither.

    Validation scores nominate where every arm of the family at that budget has one.
    """
    family = [one for one in verdict.arms if one.family == arm.family and one.budget == before.budget]
    validated = all(one.validation_score is not None for one in family if one.dev_score is not None)
    if validated and arm.validation_score is not None and before.validation_score is not None:
        return "validation", arm.validation_score, before.validation_score
    return None if arm.dev_score is None or before.dev_score is None else ("dev", arm.dev_score, before.dev_score)


def _sees(verdict: Verdict) -> str:
    if verdict.detectable_difference is None:
        return ""
    if verdict.detectable_difference > 0.5:
        return "Next to nothing: even a difference of 50 points would often not be seen."
    return f"Differences under about {round(100 * verdict.detectable_difference)} points will mostly not be seen."
