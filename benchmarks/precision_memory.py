"""What nf4 and int8 save: bytes of the loaded model, and the peak of LoRA against QLoRA; beside what was estimated.

    python benchmarks/precision_memory.py                      the default model and a random Llama of 1.1 billion
    python benchmarks/precision_memory.py --model default      the default model alone (minutes)
    python benchmarks/precision_memory.py --tokens 128         longer micro-batches: more of the peak is activations

Each measurement runs in a process of its own: the peak is the highest resident memory from loading on, less what the
process held before (Python, torch and this script). LoRA and QLoRA compute in the same type. The accepted ratios stand
beside the measured ones; the exit status is 1 where one is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from crossover.measure import PeakMemory
from crossover.model.allocation import keep_memory, release_memory
from crossover.model.base import TrainRow, TrainSettings
from crossover.model.catalog import DEFAULT_MODEL
from crossover.model.load import find_model
from crossover.model.local import LocalModel
from crossover.model.quantized import kept_bytes
from crossover.model.tiny import tiny_model

STEPS = 2
ROWS = 8
ANSWER = 4

ACCEPTED = {"default": {"kept": 0.50}, "billion": {"kept": 0.35, "peak": 0.50}}
"""nf4 by bf16: bytes kept, and the peak of training."""


def save_billion(folder: Path) -> None:
    """Save a random Llama of TinyLlama's shape in bf16, 2.2 GB, with the tiny model's tokenizer."""
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=2048,
        intermediate_size=5632,
        num_hidden_layers=22,
        num_attention_heads=32,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        dtype="bfloat16",
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            network = LlamaForCausalLM(config)
        network.to_empty(device="cpu")
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(1.0) if parameter.dim() == 1 else parameter.normal_(0, 0.02)
        network.save_pretrained(folder)
    finally:
        torch.set_default_dtype(before)
    tiny_model()._chat._tokenizer.save_pretrained(folder)  # its tokens are among the 32,000


def measure(where: str, precision: str, computing: str, tokens: int) -> dict[str, float]:
    """Load, read, train; return bytes and seconds."""
    keep_memory()
    source = find_model(where)
    need = source.footprints([precision], computing=computing)[precision]
    release_memory()
    base = psutil.Process().memory_info().rss
    with PeakMemory() as loading:
        model = source.load(precision, computing=computing)
    release_memory()
    loaded = psutil.Process().memory_info().rss
    with PeakMemory() as reading:
        model.score([tuple(range(20, 20 + tokens))], [(7, 8), (9,)])
    with PeakMemory() as training:
        seconds = _train(model, tokens)
    return {
        "kept": kept_bytes(model._network),
        "kept_estimated": need.weights,
        "loading": loading.mb * 2**20 - base,
        "loaded": loaded - base,
        "reading": reading.mb * 2**20 - base,
        "reading_estimated": need.weights + need.reading(tokens, 0, 256),
        "training": training.mb * 2**20 - base,
        "training_estimated": need.weights + need.training(tokens),
        "seconds_a_step": seconds,
    }


def _train(model: LocalModel, tokens: int) -> float:
    each = max(tokens // ROWS, ANSWER + 2)
    rows = [
        TrainRow(prompt=tuple(100 + (i * 31 + j * 7) % 150 for j in range(each - ANSWER)), completion=(7, 8, 9, 10))
        for i in range(ROWS)
    ]
    with model.training(TrainSettings(total_steps=STEPS)) as trainer:
        start = time.perf_counter()
        for _ in range(STEPS):
            trainer.step(rows)
        return (time.perf_counter() - start) / STEPS


def in_process(where: str, precision: str, computing: str, tokens: int) -> dict[str, float]:
    """Return `measure` of a fresh process."""
    command = [sys.executable, __file__, "--one", where, precision, computing, "--tokens", str(tokens)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(name: str, where: str, precisions: Sequence[str], computing: str, tokens: int) -> dict[str, float]:
    """Measure a model in several precisions, print a table, return nf4's share of what it is compared with."""
    print(f"\n{name}, micro-batches of {tokens} tokens, int8 and nf4 computed in {computing}; MB (estimated)")
    print(f"{'precision':10}{'kept':>16}{'loading':>10}{'reading':>18}{'training':>18}{'s a step':>10}")
    found = {}
    for precision in precisions:
        it = found[precision] = in_process(where, precision, computing, tokens)
        cells = [f"{it[k] / 1e6:,.0f} ({it[k + '_estimated'] / 1e6:,.0f})" for k in ("kept", "reading", "training")]
        line = f"{precision:10}{cells[0]:>16}{it['loading'] / 1e6:>10,.0f}{cells[1]:>18}{cells[2]:>18}"
        print(f"{line}{it['seconds_a_step']:>10.1f}", flush=True)
    shares = {
        "kept": found["nf4"]["kept"] / found["bf16"]["kept"],
        "peak": found["nf4"]["training"] / found[computing]["training"],
    }
    for what, most in ACCEPTED[name].items():
        against = "bf16" if what == "kept" else computing
        print(f"{what}: nf4 takes {shares[what]:.0%} of {against}; accepted: {most:.0%}")
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", choices=["default", "billion", "both"], default="both")
    parser.add_argument("--computing", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        where, precision, computing = given.one
        print(json.dumps(measure(where, precision, computing, given.tokens)))
        return
    found: dict[str, dict[str, float]] = {}
    # Everything that nf4 or int8 is compared with computes in its own type: bf16 is measured anyway.
    precisions = list(dict.fromkeys([given.computing, "bf16", "int8", "nf4"]))
    if given.model in {"default", "both"}:
        found["default"] = compare("default", DEFAULT_MODEL, precisions, given.computing, given.tokens)
    if given.model in {"billion", "both"}:
        with tempfile.TemporaryDirectory() as folder:
            save_billion(Path(folder))
            found["billion"] = compare("billion", folder, precisions, given.computing, given.tokens)
    print("\n" + json.dumps(found))
    missed = [1 for name, shares in found.items() for what, most in ACCEPTED[name].items() if shares[what] > most]
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
