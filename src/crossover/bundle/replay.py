"""Run as `python -m crossover.bundle.replay BUNDLE ASKED.json`: answer the rows with the bundle alone, print the answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from crossover.bundle.read import load_bundle
from crossover.model.allocation import keep_memory


def main(bundle: str, asked: str) -> None:
    """Print one JSON list with an answer for each row of `asked`."""
    keep_memory()
    rows = json.loads(Path(asked).read_text(encoding="utf-8"))
    answers = [p.answer for p in load_bundle(Path(bundle)).predict(rows)]
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
