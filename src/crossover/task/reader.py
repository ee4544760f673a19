"""The contract of a reader."""

from __future__ import annotations

__all__ = ["Reader"]

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from crossover.task.table import ReadOptions, Table


class Reader(ABC):
    """Reads one format into a `Table` of text.

    What every reader keeps (`crossover.task.conformance.check_reader` tests it):

    - text stays text: "007", "1e5", "true" and " padded " come back letter by letter, line breaks inside a field too;
    - rows carry the numbers that a person sees, and wholly empty rows are left out (`make_table` does it, and bounds);
    - a damaged, foreign or hostile file is a `DataError` with the place and the way out, never another exception;
    - nothing in a file is run, fetched or written.

    Another package adds one by the entry point group `crossover.readers`: the object is a class without arguments or an
    instance. Its endings must be its own: those of our readers stay with them.

    Attributes:
        name: the format's name, for example "parquet".
        endings: the file endings that it reads, in lower case with the dot.
    """

    name: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read(self, path: Path, options: ReadOptions) -> Table:
        """Return the file's rows.

        Raises:
            DataError: the file cannot be read.
        """
