"""Run as `python -m crossover.bundle.replay BUNDLE ASKED.json`: print the answers of the bundle alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from crossover.bundle.read import load_bundle
from crossover.errors import UserError
from crossover.model.allocation import keep_memory


def main(bundle: str, asked: str) -> None:
    """Print one JSON list with an answer for each row of `asked`."""
    keep_memory()
    rows = json.loads(Path(asked).read_text(encoding="utf-8"))
    answers = [p.answer for p in load_bundle(Path(bundle)).predict(rows)]
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
