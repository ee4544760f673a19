"""transformers' own `generate`: `python peer_generate.py WORK DTYPE FOLDER BATCH`; prompts of like length together."""

from __future__ import annotations

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.engine.inputs import Stopwatch, report, short, summaries


def main() -> None:
    work, dtype, folder, batch = sys.argv[1:5]
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    asked = {"summaries": lambda: summaries(60), "together": lambda: short(32), "single": lambda: short(1)}[work]()
    max_tokens = 80 if work == "summaries" else 48
    texts = [tokenizer.apply_chat_template(m, add_generation_prompt=True, tokenize=False) for m in asked]
    lengths = [len(tokenizer(text, add_special_tokens=False).input_ids) for text in texts]
    order = sorted(range(len(texts)), key=lengths.__getitem__)
    ends = tokenizer.eos_token_id
    least = 0 if work == "summaries" else max_tokens
    tokenizer.pad_token_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends

    def answer(indices: list[int], most: int) -> list[list[int]]:
        given = tokenizer([texts[i] for i in indices], return_tensors="pt", padding=True, add_special_tokens=False)
        out = model.generate(
            **given,
            do_sample=False,
            max_new_tokens=most,
            min_new_tokens=least if most == max_tokens else 0,
            pad_token_id=tokenizer.pad_token_id,
        )
        return [row.tolist() for row in out[:, given.input_ids.shape[1] :]]

    ids: list[list[int]] = [[] for _ in texts]
    with torch.inference_mode():
        answer(order[:1], 4)
        with Stopwatch() as watch:
            for start in range(0, len(order), int(batch)):
                group = order[start : start + int(batch)]
                for i, row in zip(group, answer(group, max_tokens), strict=True):
                    ids[i] = row[: row.index(ends) + 1] if ends in row else row
    report(
        seconds=watch.seconds,
        rows=len(texts),
        tokens=sum(map(len, ids)),
        ids=ids,
        answers=[tokenizer.decode(row, skip_special_tokens=True) for row in ids],
    )


if __name__ == "__main__":
    main()
