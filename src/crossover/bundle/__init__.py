"""Candidate + card <-> folder."""

from crossover.bundle.read import Bundle, load_bundle
from crossover.bundle.write import pack_candidate

__all__ = ["Bundle", "load_bundle", "pack_candidate"]
