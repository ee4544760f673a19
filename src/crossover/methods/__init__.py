"""One way of adapting a model a file; the contract, the registry and the conformance suite."""

from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.registry import DEFAULT_METHODS, get_method, method_names

__all__ = ["DEFAULT_METHODS", "Cost", "Fitted", "Method", "Shape", "get_method", "method_names"]
