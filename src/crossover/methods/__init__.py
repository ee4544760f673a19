"""One way of adapting a model a file; the contract, the registry and the conformance suite."""

from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.registry import default_methods, get_method, method_names, named_methods

__all__ = ["Cost", "Fitted", "Method", "Shape", "default_methods", "get_method", "method_names", "named_methods"]
