"""How fast answers come, beside transformers' own `generate` on the same prompts in the same run.

    python benchmarks/generate_speed.py                       the default model in fp32, three rounds
    python benchmarks/generate_speed.py --precision bf16 --rounds 5 --threads 2
    python benchmarks/generate_speed.py --only single --profile

Both sides answer greedily with exactly as many tokens (no token ends an answer), rounds alternate, medians are printed.
`together` is 32 prompts below eight demonstrations, `apart` 32 prompts that share no more than a system turn, `single`
one prompt alone with a warm beginning. The last one is also set against reading every weight once a token: the matrix
products of a step and nothing else, timed in the same run.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from crossover.model.allocation import keep_memory
from crossover.model.base import Constraint, Message
from crossover.model.engine import Decoding, Generator, Prefixes
from crossover.model.load import load_model
from crossover.model.local import LocalModel
from crossover.records import Json

TEXTS = (
    "my parcel has not arrived and the courier does not answer",
    "i want my money back for the second order",
    "cannot log in since yesterday, the code never comes",
    "the invoice shows a wrong address",
    "how do i change the delivery date",
    "the box was open and one part is missing",
    "please cancel everything that i ordered today",
    "does the warranty cover a broken screen",
)
SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "topic": {"enum": ["delivery", "refund", "access", "other"]},
        "urgent": {"type": "boolean"},
        "summary": {"type": "string", "maxLength": 60},
    },
    "required": ["topic", "urgent", "summary"],
    "additionalProperties": False,
}

Prompts = list[tuple[int, ...]]


def conversation(index: int, shots: int) -> list[Message]:
    messages: list[Message] = [{"role": "system", "content": "Say in one sentence what the customer wants."}]
    for text in TEXTS[:shots]:
        messages.append({"role": "user", "content": text})
        messages.append({"role": "assistant", "content": f"The customer says: {text}, and wants us to see to it."})
    messages.append({"role": "user", "content": f"{TEXTS[index % len(TEXTS)]}, order {index * 37 % 101}"})
    return messages


def rendered(model: LocalModel, rows: int, shots: int) -> Prompts:
    return [model.render(conversation(index, shots)) for index in range(rows)]


def theirs(model: LocalModel, prompts: Prompts, max_tokens: int) -> float:
    """Return the seconds of transformers' generate on left-padded prompts."""
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    start = time.perf_counter()
    with torch.inference_mode():
        out = model._network.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=max_tokens)
    seconds = time.perf_counter() - start
    assert isinstance(out, torch.Tensor)
    assert out.shape[1] == longest + max_tokens
    return seconds


def ours(model: LocalModel, prompts: Prompts, max_tokens: int, warm: Prompts | None = None) -> float:
    """Return our seconds; the shared beginning is computed inside them unless prompts to warm it up are given."""
    generator = Generator(model._network, model._chat._tokenizer, Prefixes(model._network), end=model._chat.end[0])
    how = Decoding(max_tokens=max_tokens, ends=frozenset())
    _ = generator._shape  # found out once for a model
    if warm:
        generator.generate(warm, Decoding(max_tokens=1, ends=frozenset()), None)
    start = time.perf_counter()
    answers, _ = generator.generate(prompts, how, None)
    seconds = time.perf_counter() - start
    assert all(answer.output_tokens == max_tokens for answer in answers)
    return seconds


def weights_once(model: LocalModel, rows: int = 1, rounds: int = 10) -> float:
    """Return the median seconds of all matrix products of one step."""
    layers = [m for m in model._network.modules() if isinstance(m, torch.nn.Linear)]
    inputs = [torch.randn(rows, layer.in_features, dtype=layer.weight.dtype) for layer in layers]

    def step() -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            for layer, x in zip(layers, inputs, strict=True):
                torch.nn.functional.linear(x, layer.weight)
        return time.perf_counter() - start

    return statistics.median(step() for _ in range(rounds))


def alternate(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Return the median of each measure, taken in turn."""
    seen: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(seen, measures, strict=True):
            values.append(measure())
    return [statistics.median(values) for values in seen]


def compare(name: str, model: LocalModel, prompts: Prompts, max_tokens: int, rounds: int) -> None:
    lengths = sorted(map(len, prompts))
    ours_s, theirs_s = alternate(
        rounds, lambda: ours(model, prompts, max_tokens), lambda: theirs(model, prompts, max_tokens)
    )
    tokens = len(prompts) * max_tokens
    print(
        f"{name}: {len(prompts)} prompts of {lengths[0]} to {lengths[-1]} tokens, {max_tokens} tokens each: "
        f"ours {ours_s:.2f} s ({tokens / ours_s:.0f} tokens/s), transformers {theirs_s:.2f} s "
        f"({tokens / theirs_s:.0f} tokens/s), ratio {theirs_s / ours_s:.2f}"
    )


def single(model: LocalModel, max_tokens: int, rounds: int) -> None:
    prompts = rendered(model, 3, 8)
    one, warm = prompts[:1], prompts[1:]
    ours_s, floor_s, theirs_s = alternate(
        rounds,
        lambda: ours(model, one, max_tokens, warm),
        lambda: weights_once(model) * max_tokens,
        lambda: theirs(model, one, max_tokens),
    )
    print(
        f"single: a prompt of {len(one[0])} tokens, {max_tokens} tokens: ours {ours_s * 1e3 / max_tokens:.1f} ms a "
        f"token, weights read once {floor_s * 1e3 / max_tokens:.1f} ms ({floor_s / ours_s:.0%}), "
        f"transformers {theirs_s * 1e3 / max_tokens:.1f} ms, ratio {theirs_s / ours_s:.2f}"
    )


def constrained(model: LocalModel, rounds: int) -> None:
    prompts = rendered(model, 32, 8)
    constraint = Constraint(json_schema=SCHEMA)
    for name, rows in (("one", prompts[:1]), ("32", prompts)):
        seconds: list[float] = []
        for _ in range(rounds + 1):  # the first one reads the tokenizer
            model.forget()
            start = time.perf_counter()
            answers = model.generate(rows, max_tokens=64, constraint=constraint)
            seconds.append(time.perf_counter() - start)
        tokens = sum(answer.output_tokens for answer in answers)
        median = statistics.median(seconds[1:])
        whole = sum(answer.finish == "eos" for answer in answers)
        print(f"json, {name}: {median:.2f} s, {tokens / median:.0f} tokens/s, {whole} of {len(rows)} whole")


def profile(model: LocalModel) -> None:
    prompts = rendered(model, 3, 8)
    ours(model, prompts[:1], 8, prompts[1:])
    with torch.profiler.profile() as profiled:
        ours(model, prompts[:1], 16, prompts[1:])
    print(profiled.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="+", default=["together", "apart", "single", "json"])
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args(arguments)
    keep_memory()  # for both sides
    torch.set_num_threads(chosen.threads)
    model = load_model(chosen.model, precision=chosen.precision)
    model._network.generation_config.eos_token_id = None  # both sides go on to the last token
    model._network.generation_config.pad_token_id = 0
    print(f"{chosen.model} {chosen.precision}, {chosen.threads} threads, {platform.processor() or platform.machine()}")
    if "together" in chosen.only:
        compare("together", model, rendered(model, chosen.rows, 8), chosen.tokens, chosen.rounds)
    if "apart" in chosen.only:
        compare("apart", model, rendered(model, chosen.rows, 0), chosen.tokens, chosen.rounds)
    if "single" in chosen.only:
        single(model, chosen.tokens, chosen.rounds)
    if "json" in chosen.only:
        constrained(model, chosen.rounds)
    if chosen.profile:
        profile(model)


if __name__ == "__main__":
    main()
