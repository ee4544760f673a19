"""Crossover's side: `python ours.py WORK PRECISION`. Loading is not counted; a small warm-up goes before.

`python ours.py WORK PRECISION --profile` says on standard error where the time goes, by torch's operators.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from statistics import mean

import torch

from benchmarks.engine.inputs import (
    Stopwatch,
    banking,
    clinc,
    extraction,
    forget_peak,
    peak_mb,
    report,
    short,
    summaries,
    training,
    trec,
)
from crossover.model.allocation import keep_memory
from crossover.model.base import Constraint, Message, TrainRow, TrainSettings
from crossover.model.load import load_model
from crossover.model.local import LocalModel

Texts = tuple[list[str], list[str], list[str]]


def encoded(model: LocalModel, contexts: Sequence[str], labels: Sequence[str]) -> tuple[list[tuple[int, ...]], ...]:
    """Return token ids as lm-evaluation-harness makes them: a continuation is what it adds to the context's ids."""
    prompts = [model.encode(context) for context in contexts]
    return prompts, [model.encode(contexts[0] + label)[len(prompts[0]) :] for label in labels]


def score(model: LocalModel, given: Texts, *, search: bool) -> None:
    contexts, labels, right = given
    prompts, continuations = encoded(model, contexts, labels)
    offsets = [0.0] * len(labels) if search else None
    model.score(prompts[:4], continuations, offsets=offsets)
    model.forget(results=True)
    before = model.token_passes
    with Stopwatch() as watch:
        scores = model.score(prompts, continuations, offsets=offsets)
    answers = [labels[i] for i in scores.logprobs.argmax(axis=1)]
    report(
        seconds=watch.seconds,
        rows=len(prompts),
        tokens=model.token_passes - before,
        accuracy=mean(a == r for a, r in zip(answers, right, strict=True)),
        answers=answers,
        logprobs=scores.logprobs.round(6).tolist(),
    )


def lora(model: LocalModel, batch: int = 8) -> None:
    rows = [
        TrainRow(prompt=model.encode(prompt), completion=(*model.encode(answer), *model._chat.end[:1]))
        for prompt, answer in training(256)
    ]
    before = forget_peak(model._network.parameters())  # without a warm-up, as the peer's: memory once taken stays taken
    losses, tokens = [], 0
    settings = TrainSettings(total_steps=32, rank=16, alpha=32, learning_rate=2e-4)
    with model.training(settings) as trainer, Stopwatch() as watch:
        for start in range(0, len(rows), batch):
            step = trainer.step(rows[start : start + batch])
            losses.append(step.loss)
            tokens += step.tokens
    report(
        seconds=watch.seconds,
        rows=len(rows),
        tokens=tokens,
        tokens_plain=sum(len(row.prompt) + len(row.completion) - 1 for row in rows),
        loss=mean(losses),
        peak_mb=peak_mb(),
        before_mb=before,
    )


def loss(model: LocalModel, batch: int = 8, steps: int = 100) -> None:
    """Report the mean loss of a hundred steps, and of their last quarter."""
    rows = [
        TrainRow(prompt=model.encode(prompt), completion=(*model.encode(answer), *model._chat.end[:1]))
        for prompt, answer in training(batch * steps)
    ]
    with model.training(TrainSettings(total_steps=steps, learning_rate=2e-4)) as trainer:
        found = [trainer.step(rows[i * batch : (i + 1) * batch]).loss for i in range(steps)]
    report(loss=mean(found), last=mean(found[-steps // 4 :]), losses=found)


def product(model: LocalModel) -> None:
    """Report the matrix product that the processor does best in the type that the model computes in, in GFLOP/s."""
    n, found = 2048, []
    a = torch.randn(n, n).to(model._network.dtype)
    for _ in range(12):
        start = time.perf_counter()
        a @ a
        found.append(2 * n**3 / (time.perf_counter() - start) / 1e9)
    report(gflops=sorted(found)[-3], weights=sum(p.numel() for p in model._network.parameters()))


def rendered(model: LocalModel, conversations: Sequence[Sequence[dict[str, str]]]) -> list[tuple[int, ...]]:
    # The rows are plain dictionaries for every environment: their roles are those that chat templates know.
    turns = [[Message(**message) for message in messages] for messages in conversations]  # type: ignore[typeddict-item]  # as said
    return [model.render(messages) for messages in turns]


def generate(
    model: LocalModel,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    *,
    constraint: Constraint | None = None,
    forever: bool = False,
) -> None:
    """Time answers, what is computed for the shared beginning inside; `forever`: no token ends one."""
    if forever:
        model._generator.__dict__["ends"] = frozenset()
    model.generate(prompts[:2], max_tokens=4, constraint=constraint)
    model.forget(results=True)
    with Stopwatch() as watch:
        answers = model.generate(prompts, max_tokens=max_tokens, constraint=constraint)
    report(
        seconds=watch.seconds,
        rows=len(prompts),
        tokens=sum(answer.output_tokens for answer in answers),
        whole=sum(answer.finish == "eos" for answer in answers),
        answers=[answer.text for answer in answers],
        ids=[list(answer.tokens) for answer in answers],
    )


def growth(model: LocalModel) -> None:
    """Report milliseconds an example by demonstrations, examples and labels."""
    found: dict[str, list[tuple[int, float, float]]] = {"demonstrations": [], "examples": [], "labels": []}

    def measure(name: str, at: int, contexts: Sequence[str], labels: Sequence[str]) -> None:
        prompts, continuations = encoded(model, contexts, labels)
        times = []
        for _ in range(3):
            model.forget(results=True)
            with Stopwatch() as watch:
                model.score(prompts, continuations, offsets=[0.0] * len(labels))
            times.append(watch.seconds)
        tokens = mean(map(len, prompts))
        found[name].append((at, tokens, 1000 * sorted(times)[1] / len(prompts)))

    for n in (2, 4, 8, 16):
        measure("demonstrations", n, *trec(100, n)[:2])
    for n in (100, 200, 400):
        measure("examples", n, *trec(n, 8)[:2])
    for n in (2, 8, 32, 77, 150):
        measure("labels", n, *clinc(100, n))
    report(**found)


def works(model: LocalModel) -> dict[str, Callable[[], None]]:
    def extracting(*, constrained: bool) -> None:
        asked, schema = extraction(60)
        constraint = Constraint(json_schema=schema) if constrained else None
        generate(model, rendered(model, asked), 96, constraint=constraint)

    return {
        "trec": lambda: score(model, trec(200), search=False),
        "banking": lambda: score(model, banking(40), search=True),
        "lora": lambda: lora(model),
        "loss": lambda: loss(model),
        "product": lambda: product(model),
        "summaries": lambda: generate(model, rendered(model, summaries(60)), 80),
        "together": lambda: generate(model, rendered(model, short(32)), 48, forever=True),
        "single": lambda: generate(model, rendered(model, short(1)), 48, forever=True),
        "json": lambda: extracting(constrained=True),
        "free": lambda: extracting(constrained=False),
        "growth": lambda: growth(model),
    }


def main() -> None:
    keep_memory()
    started = time.perf_counter()
    model = load_model("smollm2-135m", precision=sys.argv[2])
    if sys.argv[1] == "load":
        report(seconds=time.perf_counter() - started)
        return
    if "--profile" not in sys.argv:
        works(model)[sys.argv[1]]()
        return
    with torch.profiler.profile() as seen:
        works(model)[sys.argv[1]]()
    table = seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=24, max_name_column_width=50)
    print(table, file=sys.stderr)


if __name__ == "__main__":
    main()
