"""The rows of `benchmarks/validity.py`: what the verdict promises, each with its number and its bound."""
