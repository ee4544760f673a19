"""Names of a package that are imported when they are first asked for: torch, scipy and polars take seconds to load."""

from __future__ import annotations

__all__ = ["later"]

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def later(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__` (PEP 562) that finds its public names in the modules where they are.

    No name may be a submodule's, too: that stands in its place as soon as anyone imports it.

    Args:
        package: the package's name.
        places: public name -> the module that has it.
    """

    def find(name: str) -> Any:  # noqa: ANN401  # a module's attribute can be anything
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    return find
