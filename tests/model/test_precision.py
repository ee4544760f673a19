"""Which type to compute in, and which work here."""

from __future__ import annotations

import sys

import pytest
import torch

from crossover.errors import OptionError
from crossover.model.load import load_model
from crossover.model.precision import (
    PRECISIONS,
    choose_precision,
    explain_auto,
    measure_throughput,
    torch_type,
    unavailable,
)


@pytest.mark.parametrize("precision", ["fp8", "FP32", "", "int4"])
def test_an_unknown_precision_lists_the_allowed(precision: str) -> None:
    with pytest.raises(OptionError) as caught:
        choose_precision(precision)
    assert caught.value.message == f'precision "{precision}" is not known.'
    assert caught.value.details == ("allowed: auto, fp32, fp16, bf16, int8, nf4",)


def test_an_unknown_precision_is_refused_before_anything_is_fetched() -> None:
    with pytest.raises(OptionError, match='precision "fp8" is not known'):
        load_model("no-such-model", precision="fp8")


def test_what_is_asked_for_is_taken() -> None:
    assert [choose_precision(p) for p in ("fp32", "fp16", "bf16")] == ["fp32", "fp16", "bf16"]
    assert [choose_precision(p) for p in ("int8", "nf4")] == ["int8", "nf4"]
    assert [torch_type(p) for p in ("fp32", "fp16", "bf16")] == [torch.float32, torch.float16, torch.bfloat16]


def test_auto_takes_the_faster_of_two() -> None:
    chosen = choose_precision("auto")
    gflops = measure_throughput("cpu").gflops
    assert gflops["fp32"]
    assert chosen == ("bf16" if (gflops["bf16"] or 0) > 1.25 * gflops["fp32"] else "fp32")
    assert choose_precision("auto") == chosen, "measured once, the same all along"
    assert "times the speed of fp32" in explain_auto()


def test_all_work_where_bitsandbytes_is() -> None:
    before = torch.get_rng_state()
    assert {p: unavailable(p) for p in PRECISIONS} == dict.fromkeys(PRECISIONS)
    assert torch.equal(torch.get_rng_state(), before), "the caller's random numbers are left alone"


def test_without_bitsandbytes_the_way_out_is_named_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # as Python itself marks a module that cannot be imported
    with pytest.raises(OptionError) as caught:
        load_model("no-such-model", precision="nf4")
    assert caught.value.message == ('precision "nf4" does not work on this machine: bitsandbytes is not installed.')
    assert caught.value.details == (
        "works here: auto, fp32, fp16, bf16",
        "install it: pip install 'crossover-lm[quant]'",
    )
    assert choose_precision("fp32") == "fp32"


def test_a_device_that_lacks_a_type_says_what_it_said() -> None:
    assert unavailable("fp32", "no-such-device") is not None
    with pytest.raises(OptionError, match=r'precision "fp16" does not work on this machine: its matrix product fails'):
        choose_precision("fp16", "no-such-device")
