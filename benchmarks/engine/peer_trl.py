"""TRL's SFTTrainer: `python peer_trl.py default|fp32|bf16 FOLDER BATCH`; its defaults but for what is compared.

`bf16` loads the model in bf16; the trainer's own defaults (autocast to bf16, checkpointing) stay. `fp32` is without
autocast: the faster one on a processor that has no instructions for bf16.
"""

from __future__ import annotations

import os
import sys
import tempfile
from statistics import mean

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from benchmarks.engine.inputs import Stopwatch, forget_peak, peak_mb, report, training


class _Losses(TrainerCallback):
    def __init__(self) -> None:
        self.found: list[float] = []

    def on_log(self, *_given: object, logs: dict[str, float] | None = None, **_others: object) -> None:
        if logs and "loss" in logs:
            self.found.append(float(logs["loss"]))


def main() -> None:
    how, folder, batch = sys.argv[1:4]
    os.environ["TQDM_DISABLE"] = "1"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    kinds = {"dtype": "bfloat16"} if how == "bf16" else {"dtype": "float32"}
    model = AutoModelForCausalLM.from_pretrained(folder, **kinds)
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in training(256)]
    losses = _Losses()
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=Dataset.from_list(rows),
            peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
            args=SFTConfig(
                output_dir=scratch,
                per_device_train_batch_size=int(batch),
                num_train_epochs=1,
                learning_rate=2e-4,
                use_cpu=not torch.cuda.is_available(),
                **({"bf16": False} if how == "fp32" else {}),
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            callbacks=[losses],
        )
        before = forget_peak(model.parameters())
        with Stopwatch() as watch:
            trainer.train()
    report(
        seconds=watch.seconds,
        rows=len(rows),
        loss=mean(losses.found),
        peak_mb=peak_mb(),
        before_mb=before,
        checkpointing=bool(trainer.args.gradient_checkpointing),
        autocast=bool(trainer.args.bf16),
    )


if __name__ == "__main__":
    main()
