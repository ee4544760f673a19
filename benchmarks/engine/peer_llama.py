"""llama.cpp through xllamacpp on the same GGUF: `python peer_llama.py WORK GGUF SLOTS`.

Labels are answered greedily under a grammar that allows no other; the server keeps each slot's prompt cache.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from statistics import mean
from typing import Any

import xllamacpp as xlc

from benchmarks.engine.inputs import Stopwatch, banking, report, short, trec


def server(gguf: str, slots: int, context: int) -> Any:  # noqa: ANN401  # it has no types
    params = xlc.CommonParams()
    params.model.path = gguf
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = 2
    params.cpuparams_batch.n_threads = 2
    params.warmup = True
    return xlc.Server(params)


def ask(engine: Any, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  # it has no types
    answer = engine.handle_completions(request)
    return answer if isinstance(answer, dict) else json.loads(answer)


def main() -> None:
    work, gguf, slots = sys.argv[1], sys.argv[2], int(sys.argv[3])
    right: list[str] = []
    if work in {"trec", "banking"}:
        contexts, labels, right = trec(200) if work == "trec" else banking(40)
        grammar = "root ::= " + " | ".join(json.dumps(label) for label in labels)
        requests = [
            {"prompt": c, "max_tokens": 24, "temperature": 0, "grammar": grammar, "cache_prompt": True}
            for c in contexts
        ]
    else:
        turns = [f"<|im_start|>user\n{m[0]['content']}<|im_end|>\n<|im_start|>assistant\n" for m in short(32)]
        requests = [
            {"prompt": t, "max_tokens": 48, "temperature": 0, "ignore_eos": True, "cache_prompt": True}
            for t in (turns if work == "together" else turns[:1])
        ]
    engine = server(gguf, slots, 2048)
    ask(engine, {**requests[0], "max_tokens": 1, "grammar": ""})
    with Stopwatch() as watch, ThreadPoolExecutor(slots) as pool:
        found = list(pool.map(lambda request: ask(engine, request), requests))
    answers = [it["choices"][0]["text"] for it in found]
    report(
        seconds=watch.seconds,
        rows=len(requests),
        tokens=sum(it["usage"]["completion_tokens"] for it in found),
        accuracy=mean(a == r for a, r in zip(answers, right, strict=True)) if right else None,
        answers=answers,
    )


if __name__ == "__main__":
    main()
