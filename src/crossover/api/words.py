"""What several operations say in the same words."""

from __future__ import annotations

__all__ = ["check_margin", "model_in_words"]

import os
from collections.abc import Mapping, Sequence
from typing import Any

from crossover.errors import OptionError


def check_margin(margin: float) -> None:
    """Check that a margin, a fraction of 1, is one.

    Raises:
        OptionError: it is not.
    """
    if not 0 <= margin <= 0.5:
        raise OptionError(
            f"--margin {100 * margin:g} is not possible.",
            "allowed: 0 to 50 points (from Python a fraction, 0 to .5); 3 by default",
        )


def model_in_words(model: Mapping[str, Any], precisions: Sequence[str]) -> str:
    """Return "smollm2-135m (4-bit source) in fp32 on 2 cores"."""
    source, device = model["source_precision"], model["device"]
    bits = {"q4_0": "4-bit", "q4_1": "4-bit", "q4_k": "4-bit", "q5_k": "5-bit", "q8_0": "8-bit"}.get(source)
    where = f"{os.cpu_count()} cores" if device == "cpu" else device
    return f"{model['name']} ({f'{bits} source' if bits else source}) in {', '.join(precisions)} on {where}"
