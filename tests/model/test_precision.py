"""Which type to compute in."""

from __future__ import annotations

import pytest
import torch

from crossover.errors import OptionError
from crossover.model.load import load_model
from crossover.model.precision import choose_precision, measure_throughput, torch_type


@pytest.mark.parametrize("precision", ["fp8", "FP32", "", "int4"])
def test_an_unknown_precision_lists_the_allowed(precision: str) -> None:
    with pytest.raises(OptionError) as caught:
        choose_precision(precision)
    assert caught.value.message == f'precision "{precision}" is not known.'
    assert caught.value.details == ("allowed: auto, fp32, fp16, bf16",)


def test_an_unknown_precision_is_refused_before_anything_is_fetched() -> None:
    with pytest.raises(OptionError, match='precision "fp8" is not known'):
        load_model("no-such-model", precision="fp8")


def test_what_is_asked_for_is_taken() -> None:
    assert [choose_precision(p) for p in ("fp32", "fp16", "bf16")] == ["fp32", "fp16", "bf16"]
    assert [torch_type(p) for p in ("fp32", "fp16", "bf16")] == [torch.float32, torch.float16, torch.bfloat16]


def test_auto_takes_the_faster_of_two() -> None:
    chosen = choose_precision("auto")
    gflops = measure_throughput("cpu").gflops
    assert gflops["fp32"]
    assert chosen == ("bf16" if (gflops["bf16"] or 0) > 1.25 * gflops["fp32"] else "fp32")
    assert choose_precision("auto") == chosen, "measured once, the same all along"
