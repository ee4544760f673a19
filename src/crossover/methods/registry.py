"""All methods: ours, listed here, and those of other packages by the entry point group `crossover.methods`."""

from __future__ import annotations

__all__ = ["default_methods", "get_method", "method_names"]

from importlib.metadata import EntryPoint, entry_points

from crossover.errors import OptionError, closest
from crossover.methods.base import Method
from crossover.methods.baseline.constant import Constant
from crossover.methods.baseline.copied import CopyInput, Lead
from crossover.methods.baseline.linear import Linear
from crossover.methods.baseline.majority import Majority
from crossover.methods.baseline.nearest import Nearest
from crossover.methods.both.lora_few_shot import LoraFewShot
from crossover.methods.prompt.few_shot import FewShot
from crossover.methods.prompt.knn_few_shot import KnnFewShot
from crossover.methods.prompt.zero_shot import ZeroShot
from crossover.methods.weights.head import Head
from crossover.methods.weights.lora import Lora
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
        Head,
        Lora,
        LoraFewShot,
    )
}


def default_methods(kind: Kind) -> tuple[str, ...]:
    """Return the names of our methods that serve a kind of task, in the order of the tables."""
    return tuple(name for name, method in _OURS.items() if kind in method.kinds)


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, ours first."""
    return (*_OURS, *sorted(set(_theirs()) - set(_OURS)))


def get_method(name: str) -> Method:
    """Return a method by name.

    Raises:
        OptionError: there is none of this name, or its package gives something else than a method.
    """
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
