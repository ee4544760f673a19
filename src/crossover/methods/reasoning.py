"""Reasoning before an answer: demonstrations that show it, and how long it may be, chosen on labelled rows."""

from __future__ import annotations

__all__ = ["LENGTHS", "Chosen", "choose_reasoning", "reasoning_cost", "reasoning_program"]

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crossover.candidate import Demonstration, PromptProgram, Reasoning
from crossover.candidate.defaults import HASHES, default_template, reasoning_instruction
from crossover.candidate.prompted import prompt_tokens, written_answers
from crossover.candidate.reasoned import reasoned_paths
from crossover.methods.base import Cost, Shape
from crossover.methods.choosing import out_of_bag_score
from crossover.methods.effort import Meter, allowance
from crossover.methods.shown import SHOWN
from crossover.methods.written import DEV_ROWS, layouts_for, likeliest, shown_within
from crossover.metrics import Metric
from crossover.metrics.numeric import answer_marker
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Configuration, Example, Json, Kind, TaskSpec

LENGTHS = (48, 96, 192)
"""Bounds of reasoning that compete, in tokens."""

_MARKER = "Answer:"
_CUE = "Reasoning"

_UNCHOSEN: dict[Kind, int] = {"math": LENGTHS[-1]}
"""The bound where there are no labels to choose by; `_ATTEMPT` for other kinds."""

_ATTEMPT = LENGTHS[1]
"""The bound of what the model writes in order to become a demonstration."""

_NUMBER_TOKENS = 32
"""Room for a problem's answer behind its reasoning: a number with a unit."""

_ATTEMPTS = 16
"""Labelled rows whose reasoning the model may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The program that did best on the dev rows.

    Attributes:
        tried: every configuration with its own score on the dev rows.
        dev: the rows that judged; none of them is shown.
        own_score: the program's mean score on them; None without any.
        dev_score: what having chosen it scores, see `out_of_bag_score`; None without dev rows.
    """

    program: PromptProgram
    tried: tuple[Configuration, ...]
    dev: tuple[Example, ...] = ()
    own_score: float | None = None
    dev_score: float | None = None


def reasoning_program(spec: TaskSpec, labelled: Sequence[Example], tokens: int) -> PromptProgram:
    """Return the program that asks for reasoning and shows none (Kojima et al. 2022, arXiv:2205.11916)."""
    marker, keeps = _marker(spec, labelled)
    program = PromptProgram.default(spec)
    return replace(
        program,
        instruction=reasoning_instruction(spec, marker),
        template=default_template(spec, _CUE),
        answer_tokens=min(program.answer_tokens, _NUMBER_TOKENS) if spec.kind == "math" else program.answer_tokens,
        reasoning=Reasoning(tokens=tokens, marker=marker, keeps_marker=keeps),
    )


def choose_reasoning(
    spec: TaskSpec, labelled: Sequence[Example], model: LanguageModel, metric: Metric, effort: float, seed: int
) -> Chosen:
    """Let programs with and without demonstrations compete, with reasoning of several lengths.

    Half of the labels are for demonstrations, the others judge. Where targets hold their reasoning, as GSM8K's do, they
    show it. Where they do not, the model writes its own for these rows, and what reaches the right answer becomes a
    demonstration (STaR, Zelikman et al. 2022, arXiv:2203.14465; Zhang et al. 2022, arXiv:2210.03493).

    Without labels the program shows nothing and its length is given.
    """
    meter = Meter(model)
    bare = reasoning_program(spec, labelled, _UNCHOSEN.get(spec.kind, _ATTEMPT))
    if not labelled:
        return Chosen(program=bare, tried=(_configuration("zero-shot-cot", bare, (), None),))
    bound = allowance(PromptProgram.default(spec), labelled, model, effort)
    order = list(labelled)
    random.Random(f"crossover.reasoning/{seed}").shuffle(order)
    n_pool = min(len(order) // 2, _ATTEMPTS)
    pool, dev = order[:n_pool], order[n_pool:][:DEV_ROWS]
    solved = _solved(bare, pool, spec, model, metric)
    programs = {"zero-shot-cot": bare}
    if solved:
        programs = {"few-shot-cot": _demonstrated(bare, solved, dev, spec, model), **programs}

    found: list[tuple[str, PromptProgram]] = []
    scores: list[FloatArray] = []
    last = 0
    for tokens in _lengths(solved, model):
        for name, program in tuple(programs.items()):
            if found and meter.token_passes + last > bound:
                break
            before = meter.token_passes
            one = _bounded(program, tokens)
            answers = written_answers(one, model, [row.inputs for row in dev])
            judged = zip(answers, dev, strict=True)
            scores.append(np.array([metric.score(answer.answer or "", row, spec) for answer, row in judged]))
            found.append((name, one))
            last = meter.token_passes - before
            if all(answer.output_tokens < tokens for answer in answers):
                del programs[name]  # no reasoning was cut: with more room it would be the same
    means = [float(row.mean()) for row in scores]
    best = means.index(max(means))
    shown = [row.id for row in solved]
    return Chosen(
        program=found[best][1],
        tried=tuple(_configuration(name, one, shown, mean) for (name, one), mean in zip(found, means, strict=True)),
        dev=tuple(dev),
        own_score=means[best],
        dev_score=_unflattered(np.stack(scores), means[best]),
    )


def reasoning_cost(shape: Shape, budget: int, samples: int) -> Cost:
    """Return the cost of choosing, and of the test with so many paths for each row; what is read before the answer is
    read once more to go on from the marker.
    """
    answer = min(shape.written, _NUMBER_TOKENS)
    n_pool = min(budget // 2, _ATTEMPTS)
    n_dev = min(budget - n_pool, DEV_ROWS)
    added = min(n_pool, SHOWN) * (shape.row + _ATTEMPT + answer)
    prefix = shape.prefix + added
    judged = 2 * sum(length + answer for length in LENGTHS) * n_dev
    again = samples * n_dev if samples > 1 else 0
    tested = samples * shape.n_test + again
    paths = n_pool + 2 * len(LENGTHS) * n_dev + tested
    written = (n_pool + tested) * (_ATTEMPT + answer) + judged
    read = 4 * len(LENGTHS) * prefix + paths * (2 * shape.row + _ATTEMPT)
    return Cost(read=read, written=written, added=added + LENGTHS[-1])


def _marker(spec: TaskSpec, labelled: Sequence[Example]) -> tuple[str, bool]:
    """Return what stands before an answer, and whether the wanted answers have it too."""
    if spec.kind != "math":
        return _MARKER, False
    found = Counter(answer_marker(row.target or "") for row in labelled)
    if not found:
        return HASHES, True
    marker = found.most_common(1)[0][0]
    return (_MARKER, False) if marker is None else (marker, True)


def _solved(
    program: PromptProgram, pool: Sequence[Example], spec: TaskSpec, model: LanguageModel, metric: Metric
) -> list[Example]:
    """Return rows whose targets hold reasoning and answer: as they are, or with the model's own reasoning."""
    how = program.reasoning
    assert how is not None
    own = [row for row in pool if how.keeps_marker and (row.target or "").partition(how.marker)[0].strip()]
    if own or not pool:
        return own
    attempt = _bounded(program, _ATTEMPT)
    paths = reasoned_paths(attempt, prompt_tokens(attempt, [row.inputs for row in pool], model), model)
    return [
        replace(row, target="\n".join([*_lines(path.reasoning), _asked(row, attempt)]))
        for row, (path,) in zip(pool, paths, strict=True)
        if path.reasoning and metric.lenient(path.answer, row, spec) == 1.0
    ]


def _lines(text: str) -> list[str]:
    """Return the lines that hold something: an empty one would end a demonstration in the plain layout."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _asked(row: Example, program: PromptProgram) -> str:
    """Return the row's answer as it stands behind reasoning, its marker before it."""
    assert program.reasoning is not None
    target, marker = str(row.target), program.reasoning.marker
    return target if marker in target else f"{marker} {target}"


def _demonstrated(
    program: PromptProgram, solved: Sequence[Example], dev: Sequence[Example], spec: TaskSpec, model: LanguageModel
) -> PromptProgram:
    """Return the program with as many demonstrations as fit, in the layout that makes the dev rows' answers likeliest.

    Where these rows' reasoning is not known their answers alone count.
    """
    shown = solved[: shown_within(solved, program, model, SHOWN)]
    demonstrated = program.with_demonstrations([Demonstration.of(row) for row in shown])
    wanted = [replace(row, target=_asked(row, program)) for row in dev]
    layouts = layouts_for(spec, [*shown, *wanted])
    return likeliest([demonstrated.in_layout(layout) for layout in layouts], wanted, model)


def _lengths(solved: Sequence[Example], model: LanguageModel) -> tuple[int, ...]:
    """Return the bounds that can hold at least half of the demonstrations; the longest one always."""
    sizes = sorted(len(model.encode(str(row.target))) for row in solved)
    middle = sizes[len(sizes) // 2] if sizes else 0
    return (*(length for length in LENGTHS[:-1] if length >= middle), LENGTHS[-1])


def _bounded(program: PromptProgram, tokens: int) -> PromptProgram:
    assert program.reasoning is not None
    return replace(program, reasoning=replace(program.reasoning, tokens=tokens))


def _unflattered(scores: FloatArray, best: float) -> float:
    """Return what having chosen scores; the best one's own score where it had no rival."""
    found = out_of_bag_score(scores) if len(scores) > 1 else None
    return best if found is None else found


def _configuration(name: str, program: PromptProgram, shown: Sequence[str], score: float | None) -> Configuration:
    assert program.reasoning is not None
    settings: dict[str, Json] = {
        "program": name,
        "layout": program.layout,
        "reasoning_tokens": program.reasoning.tokens,
        "demonstrations": list(shown[: len(program.demonstrations)]),
    }
    return Configuration(settings=settings, dev_score=score)
