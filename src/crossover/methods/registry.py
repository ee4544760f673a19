"""All methods: ours, listed here, and those of other packages by the entry point group `crossover.methods`."""

from __future__ import annotations

__all__ = ["default_methods", "get_method", "method_names", "named_methods"]

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from crossover.errors import OptionError, closest
from crossover.methods.base import Method
from crossover.methods.baseline.constant import Constant
from crossover.methods.baseline.copied import CopyInput, Lead
from crossover.methods.baseline.linear import Linear
from crossover.methods.baseline.majority import Majority
from crossover.methods.baseline.nearest import Nearest
from crossover.methods.both.distill import Distill
from crossover.methods.both.lora_few_shot import LoraFewShot
from crossover.methods.both.lora_knn_few_shot import LoraKnnFewShot
from crossover.methods.prompt.cot import ChainOfThought
from crossover.methods.prompt.diverse_few_shot import DiverseFewShot
from crossover.methods.prompt.few_shot import FewShot
from crossover.methods.prompt.gepa import Gepa
from crossover.methods.prompt.knn_few_shot import KnnFewShot
from crossover.methods.prompt.prompt_search import PromptSearch
from crossover.methods.prompt.self_consistency import SelfConsistency
from crossover.methods.prompt.zero_shot import ZeroShot
from crossover.methods.sequence import SEPARATOR, Steps
from crossover.methods.weights.full import Full
from crossover.methods.weights.head import Head
from crossover.methods.weights.head_contrastive import HeadContrastive
from crossover.methods.weights.ia3 import Ia3
from crossover.methods.weights.lora import Lora
from crossover.methods.weights.prompt_tuning import PromptTuning
from crossover.methods.weights.qlora import QLora
from crossover.model.reflector import Reflector
from crossover.records import Kind

_OURS: dict[str, type[Method]] = {
    m.name: m
    for m in (
        Majority,
        Constant,
        CopyInput,
        Lead,
        Nearest,
        Linear,
        ZeroShot,
        FewShot,
        KnnFewShot,
        DiverseFewShot,
        PromptSearch,
        ChainOfThought,
        SelfConsistency,
        Gepa,
        Head,
        HeadContrastive,
        Lora,
        QLora,
        Full,
        Ia3,
        PromptTuning,
        LoraFewShot,
        LoraKnnFewShot,
        Distill,
    )
}


_SEQUENCES = ("prompt-search/lora", "lora/prompt-search", "prompt-search/lora/prompt-search")
"""Sequences that are offered by name; any other is made when it is asked for."""


def default_methods(kind: Kind, reflector: Reflector | None = None) -> tuple[str, ...]:
    """Return the names of our methods that serve a kind of task and run unasked, in the order of the tables."""
    serving = (get_method(name, reflector) for name in (*_OURS, *_SEQUENCES))
    return tuple(method.name for method in serving if method.is_default and kind in method.kinds)


def named_methods(names: Iterable[str], kind: Kind, reflector: Reflector | None = None) -> tuple[str, ...]:
    """Return names with the words "default" and "all" replaced by what they stand for, each name once.

    "all" is every method for this kind of task, ours and those of other packages.
    """
    found: list[str] = []
    for name in names:
        if name == "default":
            found += default_methods(kind, reflector)
        elif name == "all":
            found += [one for one in method_names() if kind in get_method(one).kinds]
        else:
            found.append(name)
    return tuple(dict.fromkeys(found))


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, ours first; sequences beside those named here can be put together with "/"."""
    return (*_OURS, *_SEQUENCES, *sorted(set(_theirs()) - set(_OURS)))


def get_method(name: str, reflector: Reflector | None = None) -> Method:
    """Return a method by name; names with "/" between are methods in sequence.

    Args:
        name: as users type it.
        reflector: for the methods that need one; without it they say so (`Method.lacks`).

    Raises:
        OptionError: there is none of this name, its package gives something else than a method, or a step cannot go on
            from the one before it.
    """
    if SEPARATOR in name:
        return Steps([get_method(step, reflector) for step in name.split(SEPARATOR)])
    if name == Gepa.name:
        return Gepa(reflector)
    if name in _OURS:
        return _OURS[name]()
    entry = _theirs().get(name)
    if entry is None:
        near = closest(name, method_names())
        raise OptionError(
            f'there is no method "{name}".',
            "methods: " + ", ".join(method_names()),
            *([f"did you mean {near}?"] if near else []),
        )
    try:
        method = entry.load()()
    except Exception as error:  # another package's code: whatever it raises, the user must hear whose it is
        raise OptionError(f'method "{name}" of {entry.value} does not load: {type(error).__name__}: {error}') from error
    if not isinstance(method, Method) or method.name != name:
        raise OptionError(
            f'method "{name}" of {entry.value} is not a crossover.methods.Method of that name: {method!r}.'
        )
    return method


def _theirs() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="crossover.methods")}
