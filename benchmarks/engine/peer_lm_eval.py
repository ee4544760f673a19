"""lm-evaluation-harness, model type `hf`: `python peer_lm_eval.py WORK DTYPE FOLDER BATCH`."""

from __future__ import annotations

import logging
import sys
from statistics import mean

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from benchmarks.engine.inputs import Stopwatch, banking, report, trec

WORKS = {"trec": lambda: trec(200), "banking": lambda: banking(40)}


def main() -> None:
    work, dtype, folder, batch = sys.argv[1:5]
    logging.disable(logging.WARNING)
    contexts, labels, right = WORKS[work]()
    model = HFLM(pretrained=folder, dtype=dtype, device="cpu", batch_size=int(batch))

    def score(asked: list[str]) -> list[list[float]]:
        pairs = [(context, label) for context in asked for label in labels]
        instances = [
            Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=i) for i, pair in enumerate(pairs)
        ]
        values = [value for value, _ in model.loglikelihood(instances, disable_tqdm=True)]
        return [values[i : i + len(labels)] for i in range(0, len(values), len(labels))]

    score(contexts[:1])
    with Stopwatch() as watch:
        logprobs = score(contexts)
    answers = [labels[max(range(len(labels)), key=row.__getitem__)] for row in logprobs]
    report(
        seconds=watch.seconds,
        rows=len(contexts),
        accuracy=mean(a == r for a, r in zip(answers, right, strict=True)),
        answers=answers,
        logprobs=logprobs,
    )


if __name__ == "__main__":
    main()
