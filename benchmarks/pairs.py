"""Two ways of doing the same, in turn in one process: what a machine whose speed changes by the hour can still tell.

    python -m benchmarks.pairs layers     decoder layers in fewer operators, beside transformers' own
    python -m benchmarks.pairs weights    a frozen weight packed beforehand, joined or in fewer bits, beside a plain one

The median of the ratios of neighbours is printed; above 1, the first is the faster. `layers` trains on, and answers,
rows of CROSSOVER_BENCH_DATA as `make bench` does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch.nn.functional import linear

from benchmarks.engine.inputs import short, training
from benchmarks.engine.ours import rendered
from crossover.model.allocation import keep_memory
from crossover.model.base import TrainRow, TrainSettings
from crossover.model.load import load_model

SHAPES = ((576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536))
"""The default model's linear layers, [outputs, inputs]."""

JOINED = ((960, 576), (576, 576), (3072, 576), (576, 1536))
"""The same where layers that read one input are one matrix."""

LAYERS = 12
"""As many layers' weights do not fit into a cache."""


def in_turn(pairs: int, first: Callable[[], object], *others: Callable[[], object]) -> list[float]:
    """Return, of each of the others, the median of its seconds by those of the first beside it."""
    ways = (first, *others)
    seconds: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for turn in range(pairs):
        for i in range(len(ways)) if turn % 2 else reversed(range(len(ways))):
            started = time.perf_counter()
            ways[i]()
            seconds[i].append(time.perf_counter() - started)
    return [median(o / f for o, f in zip(own, seconds[0], strict=True)) for own in seconds[1:]]


def layers(pairs: int) -> None:
    """Print the ratios of a training step, of one stream and of 32 rows at once."""
    model = load_model("smollm2-135m", precision="fp32")
    decoder: Any = model._network.base_model
    quick = [layer.forward for layer in decoder.layers]

    def use(way: str) -> None:
        for layer, forward in zip(decoder.layers, quick, strict=True):
            if way == "ours":
                layer.forward = forward
            else:
                layer.__dict__.pop("forward", None)

    rows = [
        TrainRow(prompt=model.encode(prompt), completion=(*model.encode(answer), *model._chat.end[:1]))
        for prompt, answer in training(160)
    ]
    with model.training(TrainSettings(total_steps=9 * pairs, rank=16, alpha=32, learning_rate=1e-5)) as trainer:
        step = [0]

        def train(way: str) -> None:
            use(way)
            start = 8 * (step[0] // 2 % 20)  # neighbours take the same rows
            step[0] += 1
            trainer.step(rows[start : start + 8])

        (ratio,) = in_turn(pairs, lambda: train("ours"), lambda: train("theirs"))
        print(f"a training step of 8 rows: {ratio:.3f}", flush=True)
    model._generator.__dict__["ends"] = frozenset()  # no token ends an answer: as many steps for both
    for n_rows in (1, 32):
        prompts = rendered(model, short(n_rows))

        def answer(way: str, prompts: list[tuple[int, ...]] = prompts) -> None:
            use(way)
            model.forget(results=True)
            model.generate(prompts, max_tokens=24)

        (ratio,) = in_turn(pairs, lambda: answer("ours"), lambda: answer("theirs"))
        print(f"24 tokens for each of {n_rows}: {ratio:.3f}", flush=True)


def weights(pairs: int) -> None:
    """Print, by rows at once, how much faster a layer's products are with weights kept in another form."""
    torch.manual_seed(0)
    plain = [torch.randn(*shape) for _ in range(LAYERS) for shape in SHAPES]
    for n_rows in (1, 4, 8, 32, 128, 155, 300, 512):
        x = {width: torch.randn(n_rows, width) for width in (576, 1536)}
        inputs = [x[weight.shape[1]] for weight in plain]
        others = _forms(n_rows, inputs, plain)

        def multiply(inputs: list[torch.Tensor] = inputs) -> object:
            return [linear(x, weight) for x, weight in zip(inputs, plain, strict=True)]

        ratios = in_turn(pairs, multiply, *others.values())
        told = ", ".join(f"{name} {1 / ratio:.2f}" for name, ratio in zip(others, ratios, strict=True))
        print(f"{n_rows} rows, times as fast as plain: {told}", flush=True)


def _forms(n_rows: int, inputs: list[torch.Tensor], plain: list[torch.Tensor]) -> dict[str, Callable[[], object]]:
    ops: Any = torch.ops
    x = {own.shape[1]: own for own in inputs}
    joined = [torch.randn(*shape) for _ in range(LAYERS) for shape in JOINED]
    packed = [ops.mkldnn._reorder_linear_weight(weight, n_rows) for weight in plain]
    mkl = [ops.mkl._mkl_reorder_linear_weight(weight, n_rows) for weight in plain]
    halves = [ops.quantized.linear_prepack_fp16(weight, None) for weight in plain]
    forms: dict[str, Callable[[], object]] = {
        "oneDNN": lambda: [
            ops.mkldnn._linear_pointwise(x, own, None, "none", [], "") for x, own in zip(inputs, packed, strict=True)
        ],
        "MKL": lambda: [
            ops.mkl._mkl_linear(x, own, weight, None, n_rows) for x, own, weight in zip(inputs, mkl, plain, strict=True)
        ],
        "joined": lambda: [linear(x[weight.shape[1]], weight) for weight in joined],
        "fp16": lambda: [ops.quantized.linear_dynamic_fp16(x, own) for x, own in zip(inputs, halves, strict=True)],
    }
    if n_rows <= 32:  # above, a plain loop takes minutes
        codes = [torch.randint(0, 16, weight.shape, dtype=torch.int32) for weight in plain]
        four = [ops.aten._convert_weight_to_int4pack_for_cpu(code, 1) for code in codes]
        scales = [torch.randn(weight.shape[1] // 32, weight.shape[0], 2) for weight in plain]
        forms["4 bits"] = lambda: [
            ops.aten._weight_int4pack_mm_for_cpu(x, own, 32, scale)
            for x, own, scale in zip(inputs, four, scales, strict=True)
        ]
    return forms


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=("layers", "weights"))
    parser.add_argument("--pairs", type=int, default=20)
    given = parser.parse_args()
    keep_memory()
    with torch.inference_mode(mode=given.work == "weights"):
        {"layers": layers, "weights": weights}[given.work](given.pairs)


if __name__ == "__main__":
    main()
