"""Who rewrites prompts in a study, and what to say where nobody does."""

from __future__ import annotations

__all__ = ["beside_bytes", "reflector_for", "refuse_lacking"]

from collections.abc import Container, Sequence

from crossover.errors import OptionError
from crossover.methods import Method, get_method
from crossover.methods.prompt.gepa import Gepa
from crossover.model.base import LanguageModel
from crossover.model.load import ModelSource
from crossover.model.one import OneModel
from crossover.model.reflector import LocalReflector
from crossover.records import Kind


def reflector_for(source: ModelSource, studied: ModelSource, models: OneModel, precision: str) -> LocalReflector:
    """Return who rewrites prompts; its model is loaded when it is first asked, and not at all where it is the studied.

    Args:
        source: the reflector's files.
        studied: the study's model's.
        models: the study's model, in whichever precision it is in memory.
        precision: of a reflector that is another model.
    """
    own = models if _is_same(source, studied) else OneModel(source)

    def load() -> LanguageModel:
        return (models.loaded if own is models else None) or own.at(precision)

    return LocalReflector(source.name, source.sha256, load)


def beside_bytes(source: ModelSource | None, studied: ModelSource, precision: str) -> int:
    """Return what a reflector's weights take beside the studied model's."""
    if source is None or _is_same(source, studied):
        return 0
    return source.footprints([precision])[precision].weights


def refuse_lacking(chosen: Sequence[Method], asked: Container[str], kind: Kind, reflector: str | None = None) -> None:
    """Check that what was asked for by name has all it needs, and that a reflector is of use.

    Raises:
        OptionError: it has not, or nobody would ask the reflector.
    """
    reflects = [method for method in chosen if Gepa.name in method.name.split("/")]
    if reflector is not None and not reflects:
        raise OptionError(
            f"--reflector {reflector}: none of the methods that were named asks one.",
            f"add {Gepa.name} to --methods, or leave --reflector out",
        )
    for method in chosen:
        lacking = method.lacks()
        if lacking and (method.name in asked or (reflector is not None and method in reflects)):
            others = [other.name for other in map(get_method, _PROMPTS) if kind in other.kinds]
            raise OptionError(f"{lacking}.", f"prompts without it: --methods {','.join(others)}")


_PROMPTS = ("zero-shot", "few-shot", "prompt-search")


def _is_same(one: ModelSource, other: ModelSource) -> bool:
    return (one.where, one.sha256) == (other.where, other.sha256)
