"""One accent colour a family, told apart by the colour-blind too (Okabe and Ito 2008), on dark and on light ground."""

from __future__ import annotations

__all__ = ["FAMILY_COLOURS", "FAMILY_COLOURS_OF_16"]

from collections.abc import Mapping

from crossover.records import Family

FAMILY_COLOURS: Mapping[Family, str] = {
    "baseline": "#808080",
    "prompt": "#0072b2",
    "weights": "#d55e00",
    "both": "#009e73",
}

FAMILY_COLOURS_OF_16: Mapping[Family, str] = {
    "baseline": "bright_black",
    "prompt": "blue",
    "weights": "red",
    "both": "green",
}
"""For terminals of 16 colours, which would make one of two of the above."""
