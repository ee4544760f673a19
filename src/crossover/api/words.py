"""What several operations say in the same words."""

from __future__ import annotations

__all__ = ["model_in_words"]

import os
from collections.abc import Mapping, Sequence
from typing import Any


def model_in_words(model: Mapping[str, Any], precisions: Sequence[str]) -> str:
    """Return "smollm2-135m (4-bit source) in fp32 on 2 cores"."""
    source, device = model["source_precision"], model["device"]
    bits = {"q4_0": "4-bit", "q4_1": "4-bit", "q4_k": "4-bit", "q5_k": "5-bit", "q8_0": "8-bit"}.get(source)
    where = f"{os.cpu_count()} cores" if device == "cpu" else device
    return f"{model['name']} ({f'{bits} source' if bits else source}) in {', '.join(precisions)} on {where}"
