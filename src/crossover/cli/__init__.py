"""The command line: arguments to `crossover.api`, its answers to the terminal. No logic."""

# Each of these modules adds its commands to the application, in the order in which `crossover --help` lists them.
from crossover.cli import data, estimating, studies, designs, about  # isort: skip
from crossover.cli.app import app
from crossover.cli.main import main

__all__ = ["about", "app", "data", "designs", "estimating", "main", "studies"]
