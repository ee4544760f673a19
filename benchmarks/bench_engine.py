"""The engine beside its peers: every ratio that README gives, from one run, to benchmarks/results.json.

    CROSSOVER_BENCH_DATA=DIR make bench                       everything: about an hour on two cores
    python benchmarks/bench_engine.py --only trec lora        some of it; what is not run keeps its last figure
    python benchmarks/bench_engine.py --rounds 3

The peers live in an environment of their own, .venv-peers, made at the first run (torch pinned as ours is). Every
measurement is a process of its own; ours and the peer's alternate; medians of the rounds are compared. Loading a model
is not counted; a small warm-up goes before, but not before training. A ratio is how many times as fast, or as small,
ours is. Measure with nothing beside: another process at equal priority takes more than half.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import altair as alt
import vl_convert

from crossover.model.catalog import DEFAULT_MODEL, cache_folder
from crossover.model.hardware import allowed_cores, instruction_sets, processor
from crossover.model.load import find_model
from crossover.model.precision import choose_precision, device_name

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- figures of make bench: begin -->", "<!-- end -->"
GROWTH = ROOT / "docs" / "growth.svg"
PEERS = ("transformers==5.23.0", "peft==0.21.2", "lm-eval==0.4.13", "trl==1.16.0", "xllamacpp==2026.10.11549")
TRAINED_GFLOP = 0.42
"""Of one token forward and, for the activations' gradients, backward: 4 × 106 million weights in linear layers."""

Found = dict[str, Any]
Row = dict[str, object]


def peers_python() -> str:
    """Return the peers' interpreter; make their environment first where there is none."""
    folder = Path(os.environ.get("CROSSOVER_BENCH_PEERS", ROOT / ".venv-peers"))
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        torch = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
        print(f"making {folder}: {', '.join(PEERS)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for packages in ((torch.split(";")[0].strip(),), PEERS):  # torch first: another one pulls gigabytes of CUDA
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "ready").touch()
    return str(python)


def run(python: str, script: str, *arguments: object) -> Found:
    """Run a measurement; return what it reports in its last line."""
    command = [python, str(HERE / "engine" / script), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # benchmarks.engine.inputs, in every environment
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-15:])
        raise RuntimeError(f"{' '.join(command)} failed:\n{tail}")
    found: Found = json.loads(done.stdout.strip().splitlines()[-1])
    return found


class Bench:
    """One run of the benchmark: who is measured how, and the rows of its results."""

    def __init__(self, rounds: int) -> None:
        self.folder = find_model(DEFAULT_MODEL).where  # fetched and converted now, not inside a measurement
        self.gguf = next(cache_folder().glob(f"models/{DEFAULT_MODEL}/*.gguf"))
        self.rounds = rounds
        self.precision = choose_precision("auto", device_name())
        self.peers = peers_python()
        sets = ", ".join(instruction_sets())
        self.machine = f"{processor()} ({sets}), {allowed_cores():g} cores, computed in {self.precision}"
        self.rows: list[Row] = []

    def ours(self, work: str, precision: str | None = None) -> Found:
        """Measure ours."""
        return run(sys.executable, "ours.py", work, precision or self.precision)

    def alternate(self, *measures: Callable[[], Found]) -> list[Found]:
        """Run measures in turn; return of each the round with the median seconds."""
        found: list[list[Found]] = [[] for _ in measures]
        for _ in range(self.rounds):
            for of_one, measure in zip(found, measures, strict=True):
                of_one.append(measure())
        return [sorted(of_one, key=lambda f: float(f["seconds"]))[(len(of_one) - 1) // 2] for of_one in found]

    def add(self, work: str, ours: float, peer: float, peer_name: str, required: float, *, unit: str) -> None:
        """Add a row. More is better where the unit is a speed (…/s) or a share, else less."""
        ratio = ours / peer if unit.endswith("/s") or unit.startswith("share") else peer / max(ours, 1e-9)
        self.rows.append(
            {
                "work": work,
                "ours": float(f"{ours:.4g}"),
                "peer": float(f"{peer:.4g}"),
                "peer_name": peer_name,
                "ratio": float(f"{ratio:.4g}"),
                "required": required,
                "unit": unit,
                "rounds": self.rounds,
                "machine": self.machine,
                "date": f"{datetime.now(UTC):%F}",
            }
        )
        mark = "ok" if ratio >= required else "SHORT"
        print(
            f"{work:52} {ours:10.3f} {peer:10.3f} {unit:12} {ratio:7.2f}x of {required}x  {mark}  {peer_name}",
            flush=True,
        )

    def scoring(self, work: str, name: str, fp32: float, low: float, llama: float | None) -> None:
        """Score with lm-evaluation-harness in fp32 and bf16, and llama.cpp where asked."""
        measures = [
            lambda: self.ours(work),
            lambda: run(self.peers, "peer_lm_eval.py", work, "float32", self.folder, 8),
            lambda: run(self.peers, "peer_lm_eval.py", work, "bfloat16", self.folder, 8),
        ]
        if llama is not None:
            measures.append(lambda: run(self.peers, "peer_llama.py", work, self.gguf, 4))
        ours, *theirs = self.alternate(*measures)
        for peer, label, required in zip(
            theirs, ("lm-eval hf fp32", "lm-eval hf bf16", "xllamacpp"), (fp32, low, llama or 0), strict=False
        ):
            speeds = ours["rows"] / ours["seconds"], peer["rows"] / peer["seconds"]
            self.add(name, *speeds, label, required, unit="examples/s")
        same = sum(a == b for a, b in zip(ours["answers"], theirs[0]["answers"], strict=True))
        apart = furthest(ours["logprobs"], theirs[0]["logprobs"], searched=work == "banking")
        self.add(f"{name}: answers", same / ours["rows"], 0.99, "lm-eval hf fp32, the bound", 1, unit="share equal")
        bound = 1e-3 if self.precision == "fp32" else 5e-2
        self.add(f"{name}: log-probabilities", apart, bound, "lm-eval hf fp32, the bound", 1, unit="nats")
        print(f"  accuracy: ours {ours['accuracy']:.3f}, " + ", ".join(f"{t['accuracy']:.3f}" for t in theirs))

    def trec(self) -> None:
        self.scoring("trec", "score 200 TREC questions, 8 demonstrations", 12, 6, 2)

    def banking(self) -> None:
        self.scoring("banking", "score 40 banking77 queries, 77 labels", 20, 10, None)

    def lora(self) -> None:
        hows = {"default": ("TRL default", 2.5), "bf16": ("TRL, model in bf16", 2.4)}
        if self.precision == "fp32":  # no instructions for bf16: TRL is faster without
            hows["fp32"] = ("TRL, no autocast", 2.5)
        ours, product, *theirs = self.alternate(
            lambda: self.ours("lora"),
            lambda: {"seconds": 0.0, **self.ours("product")},
            *(lambda how=how: run(self.peers, "peer_trl.py", how, self.folder, 8) for how in hows),
        )
        peak = ours["peak_mb"] - ours["before_mb"]
        for peer, (label, required) in zip(theirs, hows.values(), strict=True):
            name = "LoRA r=16, all linear layers, 256 TREC rows"
            self.add(name, ours["seconds"], peer["seconds"], label, required, unit="s")
            name, above = "LoRA's peak memory above the model, 8 rows", peer["peak_mb"] - peer["before_mb"]
            self.add(name, peak, above, label, 1.25, unit="MB")
        share = ours["tokens"] / ours["seconds"] * TRAINED_GFLOP / product["gflops"]
        self.add("share of the processor's ceiling, training", share, 1.0, "its matrix product", 0.4, unit="share")
        print(
            f"  {ours['tokens'] / ours['seconds']:.0f} tokens/s computed, {ours['tokens_plain'] / ours['seconds']:.0f} "
            f"counted row by row; product {product['gflops']:.0f} GFLOP/s; mean loss of all steps: ours "
            f"{ours['loss']:.3f}, TRL " + ", ".join(f"{peer['loss']:.3f}" for peer in theirs)
        )

    def summaries(self) -> None:
        ours, *theirs = self.alternate(
            lambda: self.ours("summaries"),
            *(
                lambda batch=batch: run(self.peers, "peer_generate.py", "summaries", "float32", self.folder, batch)
                for batch in (8, 20)
            ),
        )
        best = min(theirs, key=lambda f: float(f["seconds"]))
        name = "60 dialogsum summaries, 4 demonstrations"
        self.add(name, ours["seconds"], best["seconds"], "transformers.generate, best batch", 2, unit="s")
        same = sum(a == b for a, b in zip(ours["ids"], best["ids"], strict=True))
        print(f"  the same tokens in {same} of {ours['rows']} answers; ours in {self.precision}, theirs in fp32")

    def together(self) -> None:
        self.decoding("together", "48 tokens for each of 32 rows at once", rows=32, slots=16, plain=1.3, llama=2)

    def single(self) -> None:
        self.decoding("single", "one stream of 48 tokens", rows=1, slots=1, plain=2.5, llama=0)

    def decoding(self, work: str, name: str, *, rows: int, slots: int, plain: float, llama: float) -> None:
        """Generate beside transformers and llama.cpp; `plain` and `llama` are the ratios required."""
        ours, *theirs = self.alternate(
            lambda: self.ours(work),
            lambda: run(self.peers, "peer_generate.py", work, "float32", self.folder, rows),
            lambda: run(self.peers, "peer_llama.py", work, self.gguf, slots),
        )
        labels = (("transformers.generate", plain), (f"xllamacpp, {slots} slots", llama))
        for peer, (label, required) in zip(theirs, labels, strict=True):
            speeds = ours["tokens"] / ours["seconds"], peer["tokens"] / peer["seconds"]
            self.add(name, *speeds, label, required, unit="tokens/s")

    def json(self) -> None:
        constrained, free = self.alternate(lambda: self.ours("json"), lambda: self.ours("free"))
        name = "JSON by schema, 60 snips rows"
        self.add(name, constrained["seconds"], free["seconds"], "ours, unconstrained", round(1 / 1.3, 3), unit="s")
        share = valid(constrained["answers"]) / constrained["rows"]
        self.add(f"{name}: valid", share, 1.0, "all of them", 1, unit="share")
        print(
            f"  {constrained['tokens']} tokens for {free['tokens']}; whole answers {constrained['whole']} of "
            f"{constrained['rows']}, unconstrained {free['whole']}; valid JSON: {valid(constrained['answers'])} and "
            f"{valid(free['answers'])}"
        )

    def start(self) -> None:
        helps, loads = [], []
        for _ in range(max(self.rounds, 3)):
            begun = time.perf_counter()
            subprocess.run([Path(sys.executable).with_name("crossover"), "--help"], check=True, capture_output=True)
            helps.append(time.perf_counter() - begun)
            loads.append(float(self.ours("load")["seconds"]))
        self.add("crossover --help", median(helps), 0.5, "the bound", 1, unit="s")
        self.add("the model from the cache", median(loads), 3.0, "the bound", 1, unit="s")

    def memory(self) -> None:
        command = [sys.executable, str(HERE / "precision_memory.py"), "--computing", self.precision]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if "\n{" not in done.stdout:  # its exit status is 1 also where a bound is missed
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
        print(done.stdout.rpartition("\n{")[0])
        found: dict[str, dict[str, float]] = json.loads(done.stdout.strip().splitlines()[-1])
        for name, what, most, words in (
            ("default", "kept", 0.5, "weights of the default model, nf4"),
            ("billion", "kept", 0.35, "weights of a random model of 1.1 billion, nf4"),
            ("billion", "peak", 0.5, "peak of training it, QLoRA"),
        ):
            peer = "LoRA, the bound" if what == "peak" else "bf16, the bound"
            self.add(f"{words}: share", found[name][what], most, peer, 1, unit="of it")

    def loss(self) -> None:
        exact, low = self.ours("loss", "fp32"), self.ours("loss", "bf16")
        for which, name in (("loss", "LoRA's loss over 100 steps"), ("last", "LoRA's loss over the last 25 of them")):
            apart = abs(low[which] / exact[which] - 1)
            self.add(f"{name}, bf16 beside fp32", apart, 0.02, "the bound", 1, unit="apart")

    def growth(self) -> None:
        found = self.ours("growth")
        for name, points in found.items():
            print(f"  {name}: " + ", ".join(f"{at}: {ms:.1f} ms ({tokens:.0f} tokens)" for at, tokens, ms in points))
        plot(found)
        shown = found["demonstrations"]
        self.add(
            "16 demonstrations for 2: time by prompt length",
            shown[-1][2] / shown[0][2],
            shown[-1][1] / shown[0][1],
            "growth of the prompt",
            1,
            unit="times",
        )


def plot(found: dict[str, list[list[float]]]) -> None:
    """Draw how the time an example takes grows, beside the prompt's length, each by its first point."""
    rows = [
        {"by": by, "at": at, "grows": what, "times": value / points[0][column]}
        for by, points in found.items()
        for at, *_ in points
        for what, column, value in (
            ("time an example", 2, next(p[2] for p in points if p[0] == at)),
            ("tokens of the prompt", 1, next(p[1] for p in points if p[0] == at)),
        )
    ]
    panels = [
        alt.Chart(alt.Data(values=[row for row in rows if row["by"] == by]), width=200, height=160)
        .mark_line(point=True)
        .encode(
            x=alt.X("at:Q", title=by),
            y=alt.Y("times:Q", title="times the first", scale=alt.Scale(zero=True)),
            color=alt.Color("grows:N", title=None, legend=alt.Legend(orient="top")),
        )
        for by in found
    ]
    GROWTH.write_text(vl_convert.vegalite_to_svg(alt.hconcat(*panels).to_dict()), encoding="utf-8")


def furthest(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], *, searched: bool) -> float:
    """Return the largest difference of log-probabilities; of a search, which computes the best two, the best one's."""
    if searched:
        return max(abs(max(a) - max(b)) for a, b in zip(ours, theirs, strict=True))
    return max(abs(x - y) for a, b in zip(ours, theirs, strict=True) for x, y in zip(a, b, strict=True))


def valid(answers: Sequence[str]) -> int:
    """Return how many answers are JSON."""
    found = 0
    for answer in answers:
        try:
            json.loads(answer)
            found += 1
        except ValueError:
            pass
    return found


def keep(rows: Sequence[Row]) -> None:
    """Put rows into the results' file, each in the place of the earlier one of the same work and peer."""
    before: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    new = {(row["work"], row["peer_name"]): row for row in rows}
    kept = [new.pop((row["work"], row["peer_name"]), row) for row in before]
    scratch = RESULTS.with_suffix(".tmp")
    scratch.write_text(json.dumps([*kept, *new.values()], indent=1) + "\n", encoding="utf-8")
    scratch.replace(RESULTS)


def with_table(readme: str, rows: Sequence[Row]) -> str:
    """Return README with the results between its two marks."""
    lines = ["| work | ours | peer | | ratio | wanted |", "|---|--:|--:|---|--:|--:|"]
    for row in rows:
        # What is no speed is judged against a bound: there the ratio is the distance from it.
        wanted = f"{row['required']}×" if row["required"] else "—"
        lines.append(
            f"| {row['work']} | {row['ours']:g} {row['unit']} | {row['peer']:g} | {row['peer_name']} "
            f"| {row['ratio']:.3g}× | {wanted} |"
        )
    rounds: dict[str, set[str]] = {}
    for row in rows:
        rounds.setdefault(f"{row['date']}, {row['machine']}", set()).add(str(row["rounds"]))
    where = [f"{name}; rounds: {' or '.join(sorted(found))}." for name, found in rounds.items()]
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, *sorted(where), "", *lines, END]) + after


def main() -> None:
    works = ["start", "trec", "banking", "lora", "summaries", "together", "single", "json", "growth", "memory", "loss"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=works, default=works)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    if "CROSSOVER_BENCH_DATA" not in os.environ:
        parser.error("CROSSOVER_BENCH_DATA must name the folder with trec, banking77, clinc150_small, dialogsum, snips")
    bench = Bench(given.rounds)
    print(f"{bench.machine}, {datetime.now(UTC):%F}")
    for work in given.only:
        getattr(bench, work)()
        keep(bench.rows)
    README.write_text(with_table(README.read_text(encoding="utf-8"), json.loads(RESULTS.read_text())), encoding="utf-8")


if __name__ == "__main__":
    main()
