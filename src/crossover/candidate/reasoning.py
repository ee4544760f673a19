"""Reasoning before an answer: how long, what stands between the two, and how many times it is drawn."""

from __future__ import annotations

__all__ = ["Reasoning"]

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from crossover.candidate.fields import integer, number, text, truth
from crossover.records import Json

_MOST_TOKENS = 4_096
_MOST_SAMPLES = 64
_MOST_TEMPERATURE = 2.0
_LONGEST_MARKER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """The model writes its reasoning, then a marker, then the answer.

        Reasoning(tokens=96, marker="Answer:")
        Reasoning(tokens=192, marker="####", keeps_marker=True, samples=5, temperature=0.7, seed=1)

    Attributes:
        tokens: most tokens of reasoning, 1 to 4096; then the answer is asked for.
        marker: text before the answer, one line, for example "Answer:".
        keeps_marker: whether an answer is given with its marker, because the wanted answers have it: "#### 18".
        samples: paths of reasoning, 1 to 64; of several the answer is given that most of them reach.
        temperature: 0 to 2; 0 takes the likeliest token each time.
        seed: what is drawn depends on it and on the input, on nothing else.

    Raises:
        ValueError: a value is not allowed.
    """

    tokens: int
    marker: str
    keeps_marker: bool = False
    samples: int = 1
    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.tokens <= _MOST_TOKENS:
            raise ValueError(f"field 'tokens' must be 1 to {_MOST_TOKENS}, got {self.tokens}")
        if not 1 <= self.samples <= _MOST_SAMPLES:
            raise ValueError(f"field 'samples' must be 1 to {_MOST_SAMPLES}, got {self.samples}")
        if not 0 <= self.temperature <= _MOST_TEMPERATURE:
            raise ValueError(f"field 'temperature' must be 0 to {_MOST_TEMPERATURE}, got {self.temperature}")
        if self.seed < 0:
            raise ValueError(f"field 'seed' must be 0 or more, got {self.seed}")
        if self.marker != self.marker.strip() or len(self.marker.splitlines()) != 1:
            raise ValueError(f"field 'marker' must be one line without spaces around it, got {self.marker[:60]!r}")
        if len(self.marker) > _LONGEST_MARKER:
            raise ValueError(f"field 'marker' must have at most {_LONGEST_MARKER} characters")

    @property
    def is_drawn(self) -> bool:
        """Whether tokens are drawn, and not the likeliest ones taken."""
        return self.temperature > 0

    def to_json(self) -> dict[str, Json]:
        """Return the reasoning as JSON values; `from_json` gives it back."""
        return {
            "tokens": self.tokens,
            "marker": self.marker,
            "keeps_marker": self.keeps_marker,
            "samples": self.samples,
            "temperature": self.temperature,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, config: Mapping[str, Json]) -> Self:
        """Rebuild it; what does not fit is a ValueError."""
        return cls(
            tokens=integer(config, "tokens"),
            marker=text(config, "marker"),
            keeps_marker=truth(config, "keeps_marker"),
            samples=integer(config, "samples"),
            temperature=number(config, "temperature"),
            seed=integer(config, "seed"),
        )
