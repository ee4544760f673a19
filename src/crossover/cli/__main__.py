"""`python -m crossover.cli`."""

from crossover.cli import main

main()
